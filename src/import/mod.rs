//! A new configuration out of the old ones: HAProxy's and Dovecot's files to one hale.conf, for `hale import`.
//!
//! Decides: what each line of theirs is with Hale, and what of it cannot be carried over, with the reason. What it writes is read again by
//! Hale's own reader before it is handed out: what that refuses or ignores is taken out and told, so that `hale check-config` has nothing
//! to say against the syntax. Does not: look at certificates, resolve names, or write files; nothing is made weaker without a word. Dovecot's
//! language is `config`'s to read; HAProxy's is read here, as far as it concerns TCP. Driver: the command. Tests: in the parts, and
//! `tests/pure/import.rs` with whole configurations.

#![forbid(unsafe_code)]

mod haproxy;
mod dovecot;
mod plan;
mod planner;
mod listening;
mod serving;
mod overlay;
mod page;
mod refine;
mod tail;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Place, Source};

use dovecot::Dovecot;
use haproxy::HaProxy;
use overlay::Overlay;
use page::Page;

/// What came of it.
#[derive(Debug)]
pub struct Imported {
    /// The new configuration, with the origin of each line.
    pub text: String,
    /// Everything that was not carried over as it stood, by file and line.
    pub left: Vec<Left>,
    /// The backends that have to be added to the GeoDB, in order.
    pub backends: Vec<Backend>,
}

/// Something that was not carried over as it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it stands.
    pub place: Place,
    /// What it is, without secrets.
    pub what: String,
    /// Why, and the remedy.
    pub why: String,
    /// What follows.
    pub weight: Weight,
}

/// What follows of something that was not carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It did something that the new configuration does not do: the operator decides.
    Missing,
    /// Hale does it in another way.
    Different,
    /// It has no meaning with Hale.
    Needless,
}

/// A backend as the old configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its host name in the GeoDB.
    pub host: String,
    /// Its address, where the old configuration has no name but that.
    pub address: Option<String>,
    /// Its share of users, in percent of the largest.
    pub load_factor: u32,
    /// Whether it only serves when others do not.
    pub is_spare: bool,
    /// Whether it was out of service.
    pub is_out: bool,
}

impl Imported {
    /// Whether there is something that the operator has to decide.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.left.iter().any(|left| left.weight == Weight::Missing)
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.what, self.why)
    }
}

/// The collection of what is not carried over.
#[derive(Debug, Default)]
struct LeftOut(Vec<Left>);

impl LeftOut {
    fn add(
        &mut self,
        weight: Weight,
        place: &Place,
        what: impl Into<String>,
        why: impl Into<String>,
    ) {
        let left = Left { place: place.clone(), what: what.into(), why: why.into(), weight };
        if !self.0.contains(&left) {
            self.0.push(left);
        }
    }
}

/// Makes one configuration of these files, HAProxy's and Dovecot's in any order.
///
/// # Errors
/// Files that cannot be read, or are neither; a line for each.
pub fn import(source: &mut impl Source, paths: &[PathBuf]) -> Result<Imported, Vec<String>> {
    let mut left = LeftOut::default();
    let (mut balancers, mut dovecots, mut complaints) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        match read(source, path) {
            Ok(text) if haproxy::is_one(&text) => {
                let file: Arc<Path> = Arc::from(path.as_path());
                match HaProxy::read(&text, &file, source, &mut left) {
                    Ok(balancer) => balancers.push(balancer),
                    Err(complaint) => complaints.push(complaint),
                }
            }
            // It may be a pipe, which can be read once.
            Ok(text) => match Dovecot::read(&mut Overlay { source, path, text: &text }, path) {
                Ok(dovecot) => dovecots.push(dovecot),
                Err(mistakes) => complaints.extend(mistakes),
            },
            Err(complaint) => complaints.push(complaint),
        }
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    let dovecot = Dovecot::joined(dovecots);
    let plan = planner::of(&balancers, &dovecot, source, &mut left);
    let mut page = Page::default();
    serving::write(&mut page, &plan, &dovecot);
    dovecot.write(&mut page, &plan, &mut left);
    serving::write_defaults(&mut page, &plan, &dovecot, &mut left);
    refine::refine(source, &mut page, &mut left);
    serving::write_passdb(&mut page);
    left.0.sort_by(|one, other| (one.weight, &one.place).cmp(&(other.weight, &other.place)));
    let text = tail::written(&page, paths, &plan.backends, &left.0);
    Ok(Imported { text, left: left.0, backends: plan.backends })
}

fn read(source: &mut impl Source, path: &Path) -> Result<String, String> {
    let shown = path.display();
    let bytes = source.read(path).map_err(|fault| format!("cannot read {shown}: {fault}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{shown} is not text in UTF-8"))
}
