//! The new file, read by Hale's own reader, without what that refuses or ignores.
//!
//! Decides what goes together: a listener with a line that cannot be is closed as a whole, a passdb goes as a whole, so that nothing is
//! left that is weaker than it was written. Tests: `tests/pure/import.rs`.

use std::path::{Path as FilePath, PathBuf};

use super::overlay::Overlay;
use super::page::{Content, Item, Origin, Page, Path};
use super::{LeftOut, Weight};
use crate::config::{self, Diagnostic, Place, Source};

/// What the file is called while it is read; its paths are whole.
const NAME: &str = "/etc/hale/hale.conf";
/// Each round takes something out; a configuration has not as many layers of mistakes.
const ROUNDS_MAX: usize = 64;
/// What the reader says of things that mean nothing here.
const IGNORED: &str = "ignored: ";

/// Takes out of the page what Hale's reader refuses or ignores, and tells it.
pub(super) fn refine(source: &mut impl Source, page: &mut Page, left: &mut LeftOut) {
    for _ in 0..ROUNDS_MAX {
        let (text, ways) = page.render();
        let path = FilePath::new(NAME);
        let loaded = config::load(&mut Overlay { source, path, text: &text }, path);
        let mut doomed: Vec<(Path, Diagnostic, Weight)> = Vec::new();
        let mut homeless = Vec::new();
        let ignored = loaded.warnings.into_iter().filter(|it| it.text.starts_with(IGNORED));
        let refused = loaded.errors.into_iter().map(|it| (it, Weight::Missing));
        for (finding, weight) in refused.chain(ignored.map(|it| (it, Weight::Needless))) {
            match way_of(&finding, page, &ways) {
                Some(way) if weight == Weight::Missing => {
                    doomed.push((whole(page, &way), finding, weight));
                }
                Some(way) => doomed.push((way, finding, weight)),
                None if weight == Weight::Missing => homeless.push(finding),
                None => {}
            }
        }
        if doomed.is_empty() {
            for finding in homeless {
                let what = if finding.setting.is_empty() { "the whole" } else { &finding.setting };
                left.add(Weight::Missing, &finding.place, what, finding.text);
            }
            return;
        }
        // From the end, so that positions stay what they are.
        doomed.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        doomed.dedup_by(|(one, ..), (other, ..)| one == other);
        for (way, finding, weight) in doomed {
            take_out(page, &way, &finding, weight, left);
        }
    }
}

/// What a finding is about. Those about a file that a passdb names are about the passdb.
fn way_of(finding: &Diagnostic, page: &Page, ways: &[Option<Path>]) -> Option<Path> {
    if finding.place.file() == FilePath::new(NAME) {
        let line = usize::try_from(finding.place.line()).ok()?.checked_sub(1)?;
        return ways.get(line)?.clone();
    }
    let file: PathBuf = finding.place.file().to_owned();
    let is_named = |way: &&Path| match page.at(way).map(|item| (&*item.name, &item.content)) {
        Some(("args", Content::Text(text))) => text.contains(&*file.to_string_lossy()),
        _ => false,
    };
    ways.iter().flatten().find(is_named).cloned()
}

/// The way to all that goes with it.
fn whole(page: &Page, way: &[usize]) -> Path {
    const TOGETHER: [&str; 6] = ["passdb", "inet_listener", "local_name", "pgsql", "mysql", "dict"];
    let mut ends = 1..=way.len();
    let is_one = |end: &usize| {
        way.get(..*end).and_then(|way| page.at(way)).is_some_and(|it| TOGETHER.contains(&&*it.name))
    };
    let end = ends.find(is_one).unwrap_or(way.len());
    way.get(..end).unwrap_or(way).to_vec()
}

fn take_out(
    page: &mut Page,
    way: &[usize],
    finding: &Diagnostic,
    weight: Weight,
    left: &mut LeftOut,
) {
    let Some(item) = page.at(way) else { return };
    let why = finding.text.strip_prefix(IGNORED).unwrap_or(&finding.text).to_owned();
    let place = origin(page, way).unwrap_or_else(|| finding.place.clone());
    let what = match &item.content {
        Content::Block(Some(label), _) => format!("{} {label}", item.name),
        Content::Block(None, _) | Content::Text(_) => item.name.clone(),
    };
    let what = match finding.setting.as_str() {
        setting
            if setting.is_empty() || what.contains(setting) || setting.contains(&*item.name) =>
        {
            what
        }
        setting => format!("{what}, {setting}"),
    };
    let is_listener = item.name == "inet_listener" && weight == Weight::Missing;
    let why = if is_listener { format!("{why}; the listener is closed") } else { why };
    left.add(weight, &place, what, why);
    let Some((items, at)) = page.around(way) else { return };
    match items.get_mut(at).map(|it| &mut it.content) {
        // Without a word, Dovecot's default listener of this name would open.
        Some(Content::Block(_, inside)) if is_listener => {
            *inside = vec![Item::setting("port", "0", Origin::Own("told at the end"))];
        }
        _ => drop(items.remove(at)),
    }
}

/// The line that something came from, or the one around it.
fn origin(page: &Page, way: &[usize]) -> Option<Place> {
    let ends = (1..=way.len()).rev();
    ends.filter_map(|end| page.at(way.get(..end)?)).find_map(|item| match &item.origin {
        Origin::Line(place, _) => Some(place.clone()),
        Origin::Own(_) | Origin::Same => None,
    })
}
