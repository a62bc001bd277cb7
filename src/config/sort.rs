//! Entries to sections: every name known, every value of its kind, every block where it belongs.
//!
//! Duty: looking names up in the registry, reading values, telling unknown names from Dovecot's. Not its duty:
//! relations between settings (`check`).
//! Driver: [`super::load`]. Tests: below and in `tests.rs`.

mod blocks;
mod filter;
mod references;
mod section;

use std::path::Path;

pub use section::Settings;
pub(crate) use section::{Found, Section};

use super::diagnostic::{Findings, Place, nearest};
use super::environment::{Environment, unexpanded};
use super::raw::{Entry, Item, Value as Raw};
use super::registry::{self, INVERTED, Kind, Outcome, Scope, Setting};
use super::value::{self, Mistake};
use filter::Named;
use references::Written;

/// Groups may include groups; no deeper than this, so that one that includes itself ends.
const GROUP_DEPTH_MAX: usize = 8;
/// Inclusions of groups in all, so that groups that include each other many times end, too.
const GROUP_INCLUSIONS_MAX: usize = 1000;

/// Sorts everything that was read into sections.
pub(crate) fn sort(
    entries: &[Entry],
    start: &Place,
    environment: &Environment,
    findings: &mut Findings,
) -> Settings {
    let mut root = Section::new(Scope::Global, None, start.clone());
    let groups = entries.iter().filter_map(Group::defined_by).collect();
    let written = Written::default();
    let filters = Vec::new();
    let mut sorter =
        Sorter { findings, environment, written, groups, depth: 0, inclusions: 0, filters };
    sorter.entries(&mut root, entries);
    Settings { root }
}

struct Sorter<'a> {
    findings: &'a mut Findings,
    environment: &'a Environment,
    /// For `$name`.
    written: Written,
    groups: Vec<Group<'a>>,
    /// Groups being included inside each other.
    depth: usize,
    /// Groups included so far.
    inclusions: usize,
    /// Names of the blocks around that are the start of the names within, outermost first.
    filters: Vec<String>,
}

/// `group @name variant { … }`
struct Group<'a> {
    name: &'a str,
    variant: &'a str,
    entries: &'a [Entry],
}

impl<'a> Group<'a> {
    fn defined_by(entry: &'a Entry) -> Option<Self> {
        match &entry.item {
            Item::Block { label: Some(label), entries } if entry.name == "group" => {
                let (name, variant) = label.split_once(' ')?;
                Some(Self { name, variant, entries })
            }
            Item::Block { .. } | Item::Value(_) => None,
        }
    }
}

impl Sorter<'_> {
    fn entries(&mut self, section: &mut Section, entries: &[Entry]) {
        for entry in entries {
            match &entry.item {
                Item::Value(_) if entry.name.starts_with('@') => self.group(section, entry),
                Item::Value(raw) => self.value(section, entry, raw),
                Item::Block { label, entries } => {
                    let label = label.as_deref();
                    if let Some(start) = label.and_then(unexpanded) {
                        let text = format!(
                            "`{start}` is not expanded in the name of a block; write the name itself"
                        );
                        self.findings.error(&entry.place, &entry.name, text);
                    }
                    // Others are starts of names, and no block of their own.
                    let is_block = label.is_some() || registry::block(&entry.name).is_some();
                    if is_block {
                        self.written.enter(entry, label);
                    }
                    self.block(section, entry, label, entries);
                    if is_block {
                        self.written.leave();
                    }
                }
            }
        }
    }

    /// `@name = variant`: the group's settings as if they stood here.
    fn group(&mut self, section: &mut Section, entry: &Entry) {
        let Item::Value(raw) = &entry.item else {
            return;
        };
        let variant = raw.text.trim();
        let mut named = self.groups.iter().filter(|group| group.name == entry.name).peekable();
        let is_known = named.peek().is_some();
        if let Some(group) = named.find(|group| group.variant == variant) {
            let entries = group.entries;
            self.inclusions += 1;
            if self.inclusions > GROUP_INCLUSIONS_MAX + 1 {
                return;
            }
            if self.inclusions > GROUP_INCLUSIONS_MAX {
                let text = format!("more than {GROUP_INCLUSIONS_MAX} groups are included");
                return self.findings.error(&entry.place, &entry.name, text);
            }
            if self.depth == GROUP_DEPTH_MAX {
                let text = format!("more than {GROUP_DEPTH_MAX} groups include each other");
                return self.findings.error(&entry.place, &entry.name, text);
            }
            self.depth += 1;
            self.entries(section, entries);
            self.depth -= 1;
            return;
        }
        let text = match (entry.name.as_str(), variant) {
            ("@cluster_defaults", "proxy") => return,
            ("@cluster_defaults", "backend") => {
                "found `backend`, expected `proxy`: Hale is a proxy, backends run Dovecot"
                    .to_owned()
            }
            ("@cluster_defaults", _) => format!("found {}, expected `proxy`", shown(variant)),
            // Dovecot's own groups set defaults for mailboxes, metrics and events.
            ("@mailbox_defaults" | "@metric_defaults" | "@event_defaults", _) => {
                return self.findings.warn(
                    &entry.place,
                    &entry.name,
                    "ignored: Hale has no use for it",
                );
            }
            _ if is_known => format!("the group has no variant {}", shown(variant)),
            (name, _) => format!("no such group; define it with `group {name} {variant} {{ … }}`"),
        };
        self.findings.error(&entry.place, &entry.name, text);
    }

    fn value(&mut self, section: &mut Section, entry: &Entry, raw: &Raw) {
        match self.meaning(section.scope, &entry.name) {
            Named::Is(name) => self.setting(section, entry, &name, raw),
            misplaced => self.misplaced(section.scope, entry, &misplaced),
        }
    }

    /// A value for the setting of this name, in full or not.
    fn setting(&mut self, section: &mut Section, entry: &Entry, name: &str, raw: &Raw) {
        let resolved = self.written.resolve(section.scope, raw);
        let known = resolved.as_ref().unwrap_or(raw).clone();
        self.written.remember(section.scope, name, known.clone());
        let setting = registry::find(section.scope, name).or_else(|| of_the_driver(section, name));
        if setting.is_none() && name != INVERTED.0 {
            return self.unknown(section, entry, name, &known);
        }
        let raw = &match resolved {
            Ok(raw) => raw,
            Err(fault) => {
                section.lost.extend(setting.map(|(setting, _)| setting.name));
                return self.findings.error(&entry.place, &entry.name, fault);
            }
        };
        let Some((setting, is_older)) = setting else {
            return self.inverted(section, entry, raw);
        };
        if is_older {
            let text = format!("this is an older name; write `{}`", setting.name);
            self.findings.warn(&entry.place, name, text);
        }
        self.store(section, setting, entry, raw);
    }

    /// Dovecot 2.3 asked the question the other way round.
    fn inverted(&mut self, section: &mut Section, entry: &Entry, raw: &Raw) {
        let Some(setting) = registry::exact(section.scope, INVERTED.1) else {
            return self.unknown(section, entry, INVERTED.1, raw);
        };
        let text = match value::boolean(&raw.text) {
            Some(true) => "no",
            Some(false) => "yes",
            None => raw.text.as_str(),
        };
        // What is neither has no opposite: the error alone is told.
        if value::boolean(text).is_some() {
            let remark = format!("this is an older name; write `auth_allow_cleartext = {text}`");
            self.findings.warn(&entry.place, &entry.name, remark);
        }
        self.store(section, setting, entry, &Raw { text: text.to_owned(), ..raw.clone() });
    }

    fn store(
        &mut self,
        section: &mut Section,
        setting: &'static Setting,
        entry: &Entry,
        raw: &Raw,
    ) {
        if let Some(text) = lost(raw) {
            section.lost.push(setting.name);
            return self.findings.error(&entry.place, &entry.name, text);
        }
        // No client is relayed to backends' doveadm.
        if section.scope == Scope::Protocol
            && section.name() == "doveadm"
            && setting.scope == Scope::Global
        {
            let text = "cannot differ for doveadm; write it outside of the block";
            return self.findings.error(&entry.place, &entry.name, text);
        }
        let text = self.adapted(setting, entry, raw);
        let is_content = raw.file.is_some() && setting.kind != Kind::Path;
        let read = if is_content {
            value::of_file(setting.kind, &text)
        } else {
            value::read(setting.kind, &text, self.environment)
        };
        match read {
            Ok(value) => {
                let value = match value {
                    // A path that began with a variable, whose value is known only now.
                    value::Value::Path(path)
                        if text.starts_with('%') && needs_folder(setting, &path) =>
                    {
                        value::Value::Path(entry.place.resolve(&path.to_string_lossy()))
                    }
                    value => value,
                };
                let is_older = setting.older.contains(&entry.name.as_str());
                let (place, file) = (entry.place.clone(), raw.file.clone());
                let found = Found { text, value, place, file, is_older };
                section.values.insert(setting.name, found);
            }
            Err(Mistake::Expected(expected)) => {
                let text = format!("found {}, expected {expected}", shown(&text));
                section.lost.push(setting.name);
                self.findings.error(&entry.place, &entry.name, text);
            }
            Err(Mistake::Variable(fault)) => {
                section.lost.push(setting.name);
                self.findings.error(&entry.place, &entry.name, fault);
            }
        }
    }

    /// The text with what depends on where it stands settled.
    fn adapted(&mut self, setting: &Setting, entry: &Entry, raw: &Raw) -> String {
        match (setting.kind, &raw.file) {
            // `ssl_cert = </file` of Dovecot 2.3: the file is meant, not its content.
            (Kind::Path, Some(file)) => file.display().to_string(),
            (_, Some(_)) => raw.text.strip_suffix('\n').unwrap_or(&raw.text).to_owned(),
            (Kind::Path, None) if needs_folder(setting, Path::new(&raw.text)) => {
                entry.place.resolve(&raw.text).display().to_string()
            }
            (Kind::LoginTemplate, None)
                if setting.name == "passwd_file_path" && is_relative(&raw.text) =>
            {
                entry.place.resolve(&raw.text).display().to_string()
            }
            (_, None) if setting.name == "log_debug" && raw.text.is_empty() => "no".to_owned(),
            (_, None) if setting.name == "log_debug" && is_event_filter(&raw.text) => {
                self.findings.warn(
                    &entry.place,
                    &entry.name,
                    "event filters are not understood; `yes` is assumed",
                );
                "yes".to_owned()
            }
            (_, None) => raw.text.clone(),
        }
    }

    /// A name that is none of ours in this block.
    fn unknown(&mut self, section: &Section, entry: &Entry, name: &str, raw: &Raw) {
        let scope = section.scope;
        // What is ours elsewhere is asked for; here it would be dropped.
        let is_ours = scope != Scope::Global && registry::find(Scope::Global, name).is_some();
        let answer = registry::foreign(scope, name).filter(|_| !is_ours);
        let text = match answer {
            Some(answer) if raw.hidden && !answer.is_harmless() => HIDDEN.to_owned(),
            // A file that can't be read is no empty value.
            Some(answer) => match answer.with(raw.fault.as_ref().unwrap_or(&raw.text)) {
                Outcome::Nothing => return,
                Outcome::Ignored(why) => {
                    return self.findings.warn(&entry.place, name, format!("ignored: {why}"));
                }
                Outcome::Refused(why) => format!("not supported: {why}"),
            },
            None => not_a_setting(scope, name),
        };
        self.findings.error(&entry.place, name, text);
    }
}

/// What `doveconf -n` and `hale config` write in place of secrets.
const HIDDEN: &str = "the value is missing: it was hidden when this was printed; print it with `doveconf -nP` or \
                      `hale config -nP`, or write the value here";

/// Why there is no value where one was meant.
fn lost(raw: &Raw) -> Option<String> {
    if raw.hidden { Some(HIDDEN.to_owned()) } else { raw.fault.clone() }
}

/// A passdb's block may be called like its driver, which then is the start of the names within: `passdb static { password }`.
fn of_the_driver(section: &Section, name: &str) -> Option<(&'static Setting, bool)> {
    let full = format!("{}_{name}", section.name().replace('-', "_"));
    registry::find(section.scope, &full).filter(|_| section.scope == Scope::Passdb)
}

/// Why `name` means nothing here, and what might have been meant.
fn not_a_setting(scope: Scope, name: &str) -> String {
    if let Some(block) = registry::block(name) {
        return format!("this is a block, expected `{block}`");
    }
    if name.contains('_') && filter::is_filter(scope, name) {
        return format!("this is a block, expected `{name} {{ … }}`");
    }
    if let Some((setting, _)) = registry::find(Scope::Global, name)
        && scope != Scope::Global
    {
        return match scope {
            Scope::Protocol => format!(
                "`{}` cannot differ between protocols; write it outside of the block",
                setting.name
            ),
            _ => format!("`{}` belongs outside of all blocks", setting.name),
        };
    }
    let ours =
        registry::settings().filter(|setting| setting.fits(scope)).map(|setting| setting.name);
    if let Some(near) = nearest(name, ours) {
        return format!("there is no such setting; did you mean `{near}`?");
    }
    let elsewhere = Scope::ALL.into_iter().find(|other| registry::find(*other, name).is_some());
    if let Some(other) = elsewhere {
        return format!("it belongs into `{}`", other.written());
    }
    match nearest(name, registry::settings().map(|setting| setting.name)) {
        Some(near) => format!("there is no such setting here; did you mean `{near}`?"),
        None => "there is no such setting; `docs/CONFIG.md` lists all".to_owned(),
    }
}

/// Whether a path starts at the folder of the file it stands in. One that begins with a variable is asked again when its
/// value is known.
fn needs_folder(setting: &Setting, path: &Path) -> bool {
    setting.name != "log_path" && path.to_str().is_some_and(is_relative)
}

fn is_relative(path: &str) -> bool {
    !path.is_empty() && !path.starts_with(['/', '%'])
}

fn is_event_filter(text: &str) -> bool {
    text.contains(['=', '*']) || text.contains("category")
}

/// What was found, for messages: short and on one line.
pub(crate) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let short: String = text.chars().take(60).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", short.escape_debug())
}
