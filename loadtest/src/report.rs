//! The table of many runs: per scenario and metric the median [lowest–highest] of each target, and ratios.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::record::Record;

/// Renders the records as a table; the ratio columns compare `subject` with every other proxy present.
pub(crate) fn render(records: &[Record], subject: &str) -> String {
    let mut scenarios: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for record in records {
        scenarios.entry(heading(record)).or_default().push(record);
    }
    let mut text = String::new();
    for (heading, runs) in scenarios {
        scenario(&mut text, &heading, &runs, subject);
    }
    text
}

fn heading(record: &Record) -> String {
    let parameters: Vec<_> =
        record.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
    format!("{} ({})", record.scenario, parameters.join(", "))
}

fn scenario(text: &mut String, heading: &str, runs: &[&Record], subject: &str) {
    let targets = ordered_targets(runs);
    let flagged = runs.iter().filter(|run| !run.flags.is_empty()).count();
    let _ = writeln!(text, "\n{heading}: {} runs, {flagged} flagged", runs.len());
    let peers: Vec<&str> = targets
        .iter()
        .filter(|target| targets.contains(&subject) && **target != subject && **target != DIRECT)
        .copied()
        .collect();
    let mut rows = vec![vec!["median [lowest–highest]".to_owned()]];
    rows[0].extend(targets.iter().map(|target| (*target).to_owned()));
    rows[0].extend(peers.iter().map(|peer| format!("{subject}/{peer}")));
    let metrics: BTreeSet<&str> =
        runs.iter().flat_map(|run| run.metrics.keys().map(String::as_str)).collect();
    for metric in metrics {
        let spread = |target: &&str| Spread::of(runs, target, metric);
        let mut row = vec![metric.to_owned()];
        row.extend(
            targets
                .iter()
                .map(|target| spread(target).map_or_else(String::new, |own| own.to_string())),
        );
        row.extend(peers.iter().map(|peer| ratio(spread(&subject), spread(peer))));
        rows.push(row);
    }
    rows.extend(net_of_direct(runs, &targets, &peers, subject));
    columns(text, &rows);
}

/// What is left of the machine's memory when the same sessions without a proxy are taken off: the proxy's own side.
fn net_of_direct(
    runs: &[&Record],
    targets: &[&str],
    peers: &[&str],
    subject: &str,
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for metric in NET_METRICS {
        let Some(direct) = Spread::of(runs, DIRECT, metric) else {
            continue;
        };
        let net = |target: &&str| {
            let spread = Spread::of(runs, target, metric)?;
            Some(Spread {
                median: spread.median - direct.median,
                lowest: spread.lowest - direct.median,
                highest: spread.highest - direct.median,
            })
        };
        let mut row = vec![format!("{metric}, less direct")];
        row.extend(targets.iter().map(|target| match net(target) {
            Some(own) if *target != DIRECT => own.to_string(),
            _ => String::new(),
        }));
        row.extend(peers.iter().map(|peer| ratio(net(&subject), net(peer))));
        rows.push(row);
    }
    rows
}

fn ratio(own: Option<Spread>, other: Option<Spread>) -> String {
    match (own, other) {
        (Some(own), Some(other)) if other.median != 0.0 => {
            format!("{:.2}", own.median / other.median)
        }
        _ => String::new(),
    }
}

/// Writes rows with every column as wide as its widest cell.
fn columns(text: &mut String, rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, "  {cell:<width$}", width = width(column));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Direct first, the others by name.
fn ordered_targets<'a>(runs: &[&'a Record]) -> Vec<&'a str> {
    let names: BTreeSet<&str> = runs.iter().map(|run| run.target.as_str()).collect();
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|name| *name != DIRECT);
    names
}

/// The middle and the ends of a metric's values.
#[derive(Clone, Copy, Debug)]
struct Spread {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    /// Over the clean runs of a target, or over all if none is clean.
    fn of(runs: &[&Record], target: &str, metric: &str) -> Option<Self> {
        let own = || runs.iter().filter(|run| run.target == target);
        let clean = own().any(|run| run.flags.is_empty());
        let mut values: Vec<f64> = own()
            .filter(|run| !clean || run.flags.is_empty())
            .filter_map(|run| run.metrics.get(metric).copied())
            .collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            count if count % 2 == 1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self { median, lowest: *values.first()?, highest: *values.last()? })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} [{}–{}]",
            number(self.median),
            number(self.lowest),
            number(self.highest)
        )
    }
}

/// Three significant digits are all these measurements carry.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => thousands(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// The target without a proxy.
const DIRECT: &str = "direct";
const NET_METRICS: [&str; 2] = ["kernel_bytes_per_session", "tcp_bytes_per_stalled_session"];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(target: &str, value: f64, flags: &[&str]) -> Record {
        let mut record = Record {
            target: target.to_owned(),
            scenario: "pingpong".to_owned(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..Record::default()
        };
        record.set("proxy_cpu_us_per_round_trip", value);
        record
    }

    #[test]
    fn medians_leave_flagged_runs_out() {
        let records = [
            run("hale", 6.0, &[]),
            run("hale", 7.0, &[]),
            run("hale", 90.0, &["foreign CPU 30 %"]),
            run("haproxy", 13.0, &["foreign CPU 12 %"]),
        ];
        let text = render(&records, "hale");
        assert!(text.contains("6.50 [6.00–7.00]"), "{text}");
        assert!(text.contains("hale/haproxy") && text.contains("  0.50\n"), "{text}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(1_234_567.0), "1 234 567");
        assert_eq!(number(-1_234.0), "-1 234");
        assert_eq!(number(0.5), "0.500");
    }
}
