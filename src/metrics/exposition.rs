//! Metrics as text: Prometheus' own form (version 0.0.4), and OpenMetrics 1.0.0. Which one is asked for is up to the client.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::registry::{Family, Kind, Metric};

/// A form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Prometheus' own.
    Prometheus,
    /// OpenMetrics.
    OpenMetrics,
}

impl Form {
    /// What a client's `Accept` asks for. Prometheus lists both and prefers OpenMetrics; who asks for nothing gets what every tool reads.
    #[must_use]
    pub fn asked_for(accept: &str) -> Self {
        let is_wanted = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let is_it = parts
                .next()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            is_it && weight.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0))
        };
        if accept.split(',').any(is_wanted) { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The `Content-Type` of the text.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What a histogram has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<'a> {
    /// Upper bounds in milliseconds, rising.
    pub bounds: &'a [u64],
    /// How many values there were between a bound and the one before; one more than bounds: those above all of them.
    pub counts: &'a [u64],
    /// All values together.
    pub sum: Duration,
}

/// A text in the making. The samples of one metric stand together, and each metric has its turn once.
#[derive(Debug)]
pub struct Exposition {
    form: Form,
    text: String,
    last: Option<Metric>,
}

impl Exposition {
    /// An empty one.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self { form, text: String::new(), last: None }
    }

    /// One sample. `labels`: the values, in the order of [`Family::labels`].
    pub fn say(&mut self, metric: Metric, labels: &[&str], value: impl Display) {
        let family = self.begin(metric);
        assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        self.sample(family.name, family.labels, labels, value);
    }

    /// A histogram's samples.
    pub fn histogram(&mut self, metric: Metric, labels: &[&str], histogram: &Histogram<'_>) {
        let Family { name, labels: names, .. } = self.begin(metric);
        assert_eq!(labels.len(), names.len(), "{name}");
        let (bucket, with_bound) = (format!("{name}_bucket"), [names, &["le"]].concat());
        let bounds = histogram.bounds.iter().map(|bound| seconds(Duration::from_millis(*bound)));
        let mut below: u64 = 0;
        for (count, bound) in
            histogram.counts.iter().zip(bounds.chain(std::iter::once("+Inf".to_owned())))
        {
            below = below.saturating_add(*count);
            self.sample(&bucket, &with_bound, &[labels, &[&bound]].concat(), below);
        }
        self.sample(&format!("{name}_sum"), names, labels, seconds(histogram.sum));
        self.sample(&format!("{name}_count"), names, labels, below);
    }

    /// The whole text.
    #[must_use]
    pub fn end(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    /// The lines above a metric's first sample.
    fn begin(&mut self, metric: Metric) -> Family {
        let family = metric.family();
        if self.last.is_some_and(|last| last as usize == metric as usize) {
            return family;
        }
        // The order of a scrape is the same each time, so that tests see it; no session is to end for a bad one.
        debug_assert!(
            self.last.is_none_or(|last| (last as usize) < metric as usize),
            "{} has had its turn",
            family.name
        );
        self.last = Some(metric);
        let Family { name, kind, help, .. } = family;
        // OpenMetrics names a family without what its samples have behind it; Prometheus' own form has no infos.
        let (name, kind) = match (self.form, kind) {
            (Form::OpenMetrics, Kind::Counter) => (name.trim_end_matches("_total"), kind.name()),
            (Form::OpenMetrics, Kind::Info) => (name.trim_end_matches("_info"), kind.name()),
            (Form::Prometheus, Kind::Info) => (name, Kind::Gauge.name()),
            _ => (name, kind.name()),
        };
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        family
    }

    fn sample(&mut self, name: &str, names: &[&str], values: &[&str], value: impl Display) {
        self.text.push_str(name);
        for (at, (label, text)) in names.iter().zip(values).enumerate() {
            self.text.push(if at == 0 { '{' } else { ',' });
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(text, &mut self.text);
            self.text.push('"');
        }
        if !names.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// As a number with a fraction, without what floating point would add.
fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    let short = text.trim_end_matches('0');
    // OpenMetrics wants a bound to be a floating point number: `1.0`.
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

fn escape(value: &str, out: &mut String) {
    for char in value.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            char => out.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form) -> String {
        let mut exposition = Exposition::new(form);
        exposition.say(Metric::Build, &["0.1\"\\\n"], 1);
        exposition.say(Metric::Logins, &["imap", "PLAIN", "ok"], 3);
        exposition.say(Metric::Logins, &["imap", "PLAIN", "invalid_credentials"], 0);
        let histogram = Histogram {
            bounds: &[1, 1500, 10_000],
            counts: &[2, 1, 0, 1],
            sum: Duration::from_millis(71_020),
        };
        exposition.histogram(Metric::LoginDuration, &["imap"], &histogram);
        exposition.end()
    }

    #[test]
    fn both_forms_are_written_as_their_readers_want_them() {
        let samples = r#"hale_logins_total{protocol="imap",mechanism="PLAIN",result="ok"} 3
hale_logins_total{protocol="imap",mechanism="PLAIN",result="invalid_credentials"} 0
"#;
        let own = text(Form::Prometheus);
        assert!(own.starts_with(
            "# HELP hale_build_info The version that runs.\n# TYPE hale_build_info gauge\nhale_build_info{version=\"0.1\\\"\\\\\\n\"} 1\n"
        ));
        assert!(own.contains("# TYPE hale_logins_total counter\n") && own.contains(samples));
        assert!(!own.contains("EOF"));
        let open = text(Form::OpenMetrics);
        assert!(open.contains("# TYPE hale_build info\nhale_build_info{"), "{open}");
        assert!(open.contains("# TYPE hale_logins counter\n") && open.contains(samples));
        assert!(open.ends_with("\n# EOF\n"));
        for text in [own, open] {
            assert!(text.contains(
                r#"# TYPE hale_login_duration_seconds histogram
hale_login_duration_seconds_bucket{protocol="imap",le="0.001"} 2
hale_login_duration_seconds_bucket{protocol="imap",le="1.5"} 3
hale_login_duration_seconds_bucket{protocol="imap",le="10.0"} 3
hale_login_duration_seconds_bucket{protocol="imap",le="+Inf"} 4
hale_login_duration_seconds_sum{protocol="imap"} 71.02
hale_login_duration_seconds_count{protocol="imap"} 4
"#
            ));
        }
    }

    #[test]
    fn who_asks_for_openmetrics_gets_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
        assert_eq!(Form::asked_for(prometheus), Form::OpenMetrics);
        for accept in ["", "*/*", "text/plain", "application/openmetrics-text;q=0", "text/html"] {
            assert_eq!(Form::asked_for(accept), Form::Prometheus, "{accept}");
        }
    }

    #[test]
    #[should_panic(expected = "hale_build_info has had its turn")]
    fn a_metric_has_its_turn_once() {
        let mut exposition = Exposition::new(Form::Prometheus);
        exposition.say(Metric::Build, &["1"], 1);
        exposition.say(Metric::Started, &[], 1);
        exposition.say(Metric::Build, &["1"], 1);
    }
}
