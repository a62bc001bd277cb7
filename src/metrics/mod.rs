//! What Hale counts and measures, for Prometheus.
//!
//! Duty: which metrics there are, their kinds, labels and meaning (`registry`); how they are written, in both forms that Prometheus
//! reads (`exposition`). Non-duty: counting (`share::counters`, `share::logins`), collecting and serving (`control::admin`,
//! `control::stats`). `docs/METRICS.md` is made from the registry. Tests: in the files, and `tests/appliance/e2e/metrics.rs`.

mod document;
mod exposition;
mod registry;

pub use document::metrics_md;
pub use exposition::{Exposition, Form, Histogram};
pub use registry::{Kind, Metric};
