//! One run's result, and the file of them: one JSON object per line.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// What one run of one scenario against one target measured. Metric names end in their unit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) target: String,
    pub(crate) scenario: String,
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) metrics: BTreeMap<String, f64>,
    /// Why the run is doubtful; empty for a clean one.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    #[serde(default)]
    pub(crate) round: u32,
}

impl Record {
    pub(crate) fn set(&mut self, metric: &str, value: f64) {
        if value.is_finite() {
            self.metrics.insert(metric.to_owned(), value);
        }
    }

    pub(crate) fn set_some(&mut self, metric: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.set(metric, value);
        }
    }

    /// Writes it as a line at the end of a file.
    pub(crate) fn append_to(&self, path: &Path) -> Result<()> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).open(path);
        file.as_mut()
            .map_err(|error| anyhow::anyhow!("{error}"))
            .and_then(|file| Ok(file.write_all(line.as_bytes())?))
            .with_context(|| format!("write {}", path.display()))
    }
}

/// Reads a file of records; blank lines are skipped.
pub(crate) fn read_all(path: &Path) -> Result<Vec<Record>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}, line {}", path.display(), number + 1))
        })
        .collect()
}
