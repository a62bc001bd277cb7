//! haproxy.cfg: sections, what they inherit, and what each line is.
//!
//! Decides about HAProxy's grammar: `global`, `defaults`, `frontend`, `backend`, `listen`, their lines and options. What becomes of it is
//! `import::plan`'s. Tests: in the parts.

mod words;
mod sections;
mod bind;
mod server;
mod section;
mod keywords;
mod global;

use std::path::Path;
use std::sync::Arc;

use super::LeftOut;
use crate::config::{Place, Source};

pub(super) use bind::{Asks, Bind, Socket};
use global::Global;
pub(super) use section::Section;
pub(super) use server::{Header, Server};

use words::Variables;

/// A file.
#[derive(Debug)]
pub(super) struct HaProxy {
    pub(super) global: Global,
    /// `frontend`, `backend` and `listen`, with what they inherit, in order.
    pub(super) sections: Vec<Section>,
}

/// A line, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) words: Vec<String>,
}

impl Line {
    /// The word at a position; an empty one where there is none.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// The line in short and without secrets, for people.
    pub(super) fn shown(&self) -> String {
        let is_secret = |word: &String| {
            ["auth", "password", "insecure-password", "user"].contains(&word.as_str())
        };
        let open = self.words.iter().position(is_secret).map_or(self.words.len(), |at| at + 1);
        let text = self.words.get(..open).unwrap_or_default().join(" ");
        let short: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
        let is_cut = short.len() < text.len() || open < self.words.len();
        if is_cut { format!("{short} …") } else { short }
    }
}

/// A line of the new file has to be read by people.
const SHOWN_CHARACTERS_MAX: usize = 90;

/// Whether a text is HAProxy's: a section begins in it as only HAProxy's do.
pub(super) fn is_one(text: &str) -> bool {
    text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["global" | "defaults"] => true,
            [name @ ("frontend" | "backend" | "listen" | "defaults"), next, ..] => {
                !name.is_empty() && !next.starts_with('=') && !line.contains('{')
            }
            _ => false,
        }
    })
}

impl HaProxy {
    /// Reads a file. What of it means nothing to Hale goes to `left`.
    ///
    /// # Errors
    /// A line that can't be taken apart.
    pub(super) fn read(
        text: &str,
        file: &Arc<Path>,
        source: &mut impl Source,
        left: &mut LeftOut,
    ) -> Result<Self, String> {
        let mut variables = Variables { set: Vec::new(), source };
        let raw = sections::of(text, file, &mut variables)?;
        let global = Global::of(&raw, left);
        let sections = section::all(&raw, &global, left);
        Ok(Self { global, sections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_languages_are_told_apart() {
        for theirs in
            ["global\n", "defaults\n mode tcp\n", "listen imap\n bind :143\n", "frontend a\n"]
        {
            assert!(is_one(theirs), "{theirs}");
        }
        for other in ["listen = *\n", "protocols = imap\n", "service imap-login {\n}\n", ""] {
            assert!(!is_one(other), "{other}");
        }
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        let place = Place::new(&Arc::from(Path::new("h.cfg")), 1);
        let of = |text: &str| {
            let words = text.split(' ').map(str::to_owned).collect();
            Line { place: place.clone(), words }.shown()
        };
        assert_eq!(of("stats auth admin:hush"), "stats auth …");
        assert_eq!(of("user tim insecure-password hush"), "user …");
        assert_eq!(of("bind :143"), "bind :143");
        assert!(of(&"x".repeat(200)).ends_with("x …"));
    }
}
