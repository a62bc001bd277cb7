//! Lines to sections. Tests: in `section.rs`.

use std::path::Path;
use std::sync::Arc;

use super::Line;
use super::words::{Variables, words};
use crate::config::{Place, Source};

/// A section as it stands.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) kind: Kind,
    /// Its name; empty where it has none.
    pub(super) name: String,
    /// The defaults that it names (`from`).
    pub(super) from: Option<String>,
    /// Its first line.
    pub(super) head: Line,
    pub(super) lines: Vec<Line>,
}

/// Which sections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Global,
    Defaults,
    Frontend,
    Backend,
    Listen,
    /// `peers`, `resolvers`, `userlist`, `mailers`, …
    Other,
}

/// Sections that HAProxy has besides those that proxy.
const OTHERS: &[&str] = &[
    "peers",
    "resolvers",
    "userlist",
    "mailers",
    "program",
    "cache",
    "http-errors",
    "ring",
    "log-forward",
    "fcgi-app",
    "crt-store",
    "traces",
];

/// All sections, in order. Lines in front of the first are in none, and go to a `global` of their own.
pub(super) fn of(
    text: &str,
    file: &Arc<Path>,
    variables: &mut Variables<'_, impl Source>,
) -> Result<Vec<Raw>, String> {
    let mut sections: Vec<Raw> = Vec::new();
    for (number, text) in (1..).zip(text.lines()) {
        let place = Place::new(file, number);
        let words = words(text, variables).map_err(|fault| format!("{place}: {fault}"))?;
        let line = Line { place, words };
        let Some(kind) = kind(line.word(0)) else {
            if let ("setenv" | "presetenv", [_, name, value]) = (line.word(0), &*line.words) {
                variables.set.push((name.clone(), value.clone()));
            }
            if line.words.is_empty() || is_directive(&line) {
                continue;
            }
            match sections.last_mut() {
                Some(section) => section.lines.push(line),
                None => {
                    let text = "stands in no section: expected `global`, `defaults`, `listen`, `frontend` or `backend`";
                    return Err(format!("{}: {text}", line.place));
                }
            }
            continue;
        };
        let is_from = |at: usize| (line.word(at) == "from").then(|| line.word(at + 1).to_owned());
        let (name, from) = match is_from(1) {
            Some(from) if kind == Kind::Defaults => (String::new(), Some(from)),
            _ => (line.word(1).to_owned(), is_from(2)),
        };
        sections.push(Raw { kind, name, from, head: line, lines: Vec::new() });
    }
    Ok(sections)
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "global" => Kind::Global,
        "defaults" => Kind::Defaults,
        "frontend" => Kind::Frontend,
        "backend" => Kind::Backend,
        "listen" => Kind::Listen,
        other if OTHERS.contains(&other) => Kind::Other,
        _ => return None,
    })
}

/// `.if`, `.else`, `.endif`, `.notice`: what stands between counts, as if the condition held.
fn is_directive(line: &Line) -> bool {
    line.word(0).starts_with('.')
}
