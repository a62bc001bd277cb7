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
    let parameters: Vec<_> = record
        .parameters
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    format!("{} ({})", record.scenario, parameters.join(", "))
}

fn scenario(text: &mut String, heading: &str, runs: &[&Record], subject: &str) {
    let targets = ordered_targets(runs);
    let flagged = runs.iter().filter(|run| !run.flags.is_empty()).count();
    let _ = writeln!(text, "\n{heading}: {} runs, {flagged} flagged", runs.len());
    let metrics: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.metrics.keys().map(String::as_str))
        .collect();
    let width = metrics.iter().map(|name| name.len()).max().unwrap_or(0);
    for metric in &metrics {
        let _ = write!(text, "  {metric:<width$}");
        let medians: Vec<_> = targets
            .iter()
            .filter_map(|target| Some((*target, Spread::of(runs, target, metric)?)))
            .collect();
        for (target, spread) in &medians {
            let _ = write!(text, "  {target} {spread}");
        }
        text.push_str(&ratios(&medians, subject));
        text.push('\n');
    }
    net_of_direct(text, runs, &targets, width);
}

/// Kernel memory of the proxy's own side: what is left when the same sessions without a proxy are taken off.
fn net_of_direct(text: &mut String, runs: &[&Record], targets: &[&str], width: usize) {
    for metric in ["kernel_bytes_per_session", "tcp_bytes_per_stalled_session"] {
        let Some(direct) = Spread::of(runs, "direct", metric) else {
            continue;
        };
        let _ = write!(text, "  {:<width$}", format!("{metric}, less direct"));
        for target in targets.iter().filter(|target| **target != "direct") {
            if let Some(spread) = Spread::of(runs, target, metric) {
                let _ = write!(text, "  {target} {}", number(spread.median - direct.median));
            }
        }
        text.push('\n');
    }
}

fn ratios(medians: &[(&str, Spread)], subject: &str) -> String {
    let mut text = String::new();
    let Some((_, own)) = medians.iter().find(|(target, _)| *target == subject) else {
        return text;
    };
    for (target, spread) in medians {
        if *target != subject && *target != "direct" && spread.median != 0.0 {
            let _ = write!(
                text,
                "  | {subject}/{target} {:.2}",
                own.median / spread.median
            );
        }
    }
    text
}

/// Direct first, the others by name.
fn ordered_targets<'a>(runs: &[&'a Record]) -> Vec<&'a str> {
    let names: BTreeSet<&str> = runs.iter().map(|run| run.target.as_str()).collect();
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|name| *name != "direct");
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
        Some(Self {
            median,
            lowest: *values.first()?,
            highest: *values.last()?,
        })
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
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

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
        assert!(text.contains("hale 6.50 [6.00–7.00]"), "{text}");
        assert!(text.contains("hale/haproxy 0.50"), "{text}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(1_234_567.0), "1 234 567");
        assert_eq!(number(-1_234.0), "-1 234");
        assert_eq!(number(0.5), "0.500");
    }
}
