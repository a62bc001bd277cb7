//! What is wrong, where, and what to do about it.
//!
//! Duty: places in files, diagnostics, and their collection with a bound. Not its duty: deciding what is wrong.
//! Driver: every stage of reading. Tests: below.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    file: Arc<Path>,
    line: u32,
}

impl Place {
    /// Line `line`, counted from 1, of `file`.
    #[must_use]
    pub fn new(file: &Arc<Path>, line: u32) -> Self {
        Self { file: Arc::clone(file), line }
    }

    /// The file as it was named on the command line or in an include.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The folder of the file: relative includes and values are looked up here, as Dovecot does.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        match self.file.parent() {
            Some(folder) => folder.join(path),
            None => PathBuf::from(path),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One mistake or remark about the configuration, ready to be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it stands.
    pub place: Place,
    /// Name of the setting or block it is about; empty for mistakes of syntax.
    pub setting: String,
    /// What was found, what was expected, and the remedy.
    pub text: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.setting.is_empty() {
            write!(f, "{}: {}", self.place, self.text)
        } else {
            write!(f, "{}: setting {}: {}", self.place, self.setting, self.text)
        }
    }
}

impl std::error::Error for Diagnostic {}

/// All diagnostics of one load. Bounded, so that a binary file given by mistake does not fill the journal.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    untold: Option<(Place, usize)>,
}

/// Errors and warnings told of one load, each; what is beyond is counted.
pub const TOLD_MAX: usize = 200;

impl Findings {
    pub(crate) fn error(&mut self, place: &Place, setting: &str, text: impl Into<String>) {
        if self.errors.len() < TOLD_MAX {
            add(&mut self.errors, place, setting, text.into());
        } else {
            self.untold.get_or_insert_with(|| (place.clone(), 0)).1 += 1;
        }
    }

    pub(crate) fn warn(&mut self, place: &Place, setting: &str, text: impl Into<String>) {
        if self.warnings.len() < TOLD_MAX {
            add(&mut self.warnings, place, setting, text.into());
        }
    }

    /// Errors and warnings, each by file and line, however late in reading they were found.
    pub(crate) fn into_parts(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        self.errors.sort_by(|one, other| one.place.cmp(&other.place));
        self.warnings.sort_by(|one, other| one.place.cmp(&other.place));
        if let Some((place, more)) = self.untold {
            let text = format!("{more} more errors from here on; put the first ones right");
            self.errors.push(Diagnostic { place, setting: String::new(), text });
        }
        (self.errors, self.warnings)
    }
}

/// What is wrong with a setting of several protocols is found once for each, and told once.
fn add(told: &mut Vec<Diagnostic>, place: &Place, setting: &str, text: String) {
    let diagnostic = Diagnostic { place: place.clone(), setting: setting.to_owned(), text };
    if !told.contains(&diagnostic) {
        told.push(diagnostic);
    }
}

/// The candidate nearest to `name`, if it is near enough to be what a tired person meant.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance_max = (name.len() / 4).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= distance_max)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edit distance with swapped neighbours counted as one (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<u8> = right.bytes().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut last = 0u8;
    for (row, byte) in left.bytes().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let swap = row > 0 && column > 0 && last == *other && right[column - 1] == byte;
            let mut best = (previous[column] + usize::from(byte != *other))
                .min(previous[column + 1] + 1)
                .min(current[column] + 1);
            if swap {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = previous;
        previous = current;
        last = byte;
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn op_01_typos_find_the_name_that_was_meant() {
        let names = ["haproxy_timeout", "haproxy_trusted_networks", "listen", "ssl"];
        assert_eq!(nearest("haproxy_timeuot", names), Some("haproxy_timeout"));
        assert_eq!(nearest("haproxy_trusted_network", names), Some("haproxy_trusted_networks"));
        assert_eq!(nearest("lisetn", names), Some("listen"));
        assert_eq!(nearest("something_else", names), None);
    }

    #[test]
    fn op_01_diagnostics_name_file_line_and_setting_and_are_bounded() {
        let file: Arc<Path> = Arc::from(Path::new("/etc/hale/hale.conf"));
        let mut findings = Findings::default();
        for line in 1..=300 {
            findings.error(&Place::new(&file, line), "listen", "wrong");
        }
        let (errors, _) = findings.into_parts();
        assert_eq!(errors[0].to_string(), "/etc/hale/hale.conf:1: setting listen: wrong");
        assert_eq!(errors.len(), TOLD_MAX + 1);
        assert!(errors[TOLD_MAX].text.starts_with("100 more errors"));
    }
}
