//! The registry as a document.
//!
//! Duty: `docs/METRICS.md`. Driver: a test that keeps the file up to date (`UPDATE_DOCS=1 cargo test`). Tests: below.

use std::fmt::Write as _;

use super::registry::{Family, Metric};

/// The text of `docs/METRICS.md`.
#[must_use]
pub fn metrics_md() -> String {
    let mut page = String::from(INTRODUCTION);
    for metric in Metric::ALL {
        let Family { name, kind, labels, help } = metric.family();
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {} | {} | {help} |", kind.name(), labels.join(", "));
    }
    page
}

const INTRODUCTION: &str = "\
# Metrics

<!-- Made from src/metrics/registry.rs by `UPDATE_DOCS=1 cargo test --no-default-features --lib metrics_md`. Do not edit. -->

`service stats` serves them by HTTP at `/metrics`, in Prometheus' own text form (0.0.4), and as OpenMetrics 1.0.0 to clients whose
`Accept` asks for it:

```
service stats {
  inet_listener http {
    port = 9900
  }
}
```

The listener is at 127.0.0.1 unless its block has a `listen`; `ssl = yes` makes it HTTPS. It needs no password: no metric has the
name of a user or a client's address. A scrape is answered by the control core, and costs the data cores one message each.
Rules for alerts and a dashboard for Grafana are in `examples/prometheus`. At `/` there is a status page ([STATUS-PAGE.md](STATUS-PAGE.md)), behind a password.

Times are in seconds and counted in whole milliseconds; sizes are in bytes. Counters begin at zero with the process, and a series
that has counted nothing yet may be absent. Of more than 2,000 backends the rest is left out, and `hale_backends_left_out` says how
many. The failures in `result` are the codes of log lines (`code=…`, `docs/LOGS.md`).

| metric | kind | labels | what it tells |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may be asked to rewrite its document")]
    fn metrics_md_in_the_repository_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/METRICS.md");
        if std::env::var("UPDATE_DOCS").is_ok() {
            std::fs::write(&path, metrics_md()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == metrics_md(), "docs/METRICS.md is out of date: run with UPDATE_DOCS=1");
    }
}
