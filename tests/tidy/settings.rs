//! Settings tell the truth: whatever carries no mark in the registry is read by a room that acts on it.
//!
//! The model's fields are parsed out of `src/config/model*.rs`, each setting is mapped to those that it fills ([`FILLS`]), and the
//! other rooms' code is searched for reads: without comments, strings and unit tests, and only in files that come by a value of
//! the field's type, so that some other struct's field of the same name is no read. What `docs/CONFIG.md` marks is compared with
//! the registry, too.

use std::collections::{BTreeSet, HashSet};

use hale::config::registry::{self, SERVICES, Scope, Served, Setting};

use super::Finding;
use super::fills::{FILLS, OTHERS, READ_IN_PART};
use super::source::{SourceFile, is_word};

/// A field of the model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    owner: String,
    name: String,
    kind: String,
}

impl Field {
    fn path(&self) -> String {
        format!("{}.{}", self.owner, self.name)
    }
}

/// The fields of all structs of a file, and of its enums' variants.
pub(crate) fn fields(file: &SourceFile) -> Vec<Field> {
    let code = &file.code[..file.tests_from()];
    let mut owner = String::new();
    let mut fields = Vec::new();
    for line in code.lines().map(str::trim) {
        let words: Vec<&str> =
            line.split(|c: char| !is_letter(c)).filter(|it| !it.is_empty()).collect();
        match words[..] {
            ["pub", "struct", name, ..] => owner = name.to_owned(),
            // A variant with fields.
            [name]
                if line.ends_with('{')
                    && name.starts_with(char::is_uppercase)
                    && name != "Self" =>
            {
                owner = name.to_owned();
            }
            ["impl" | "fn" | "pub", ..] if line.contains("fn ") || line.starts_with("impl") => {
                owner.clear();
            }
            _ => {}
        }
        if let Some((before, kind)) = line.strip_suffix(',').and_then(|it| it.split_once(": "))
            && let Some(name) = before.rsplit(' ').next().filter(|it| it.chars().all(is_letter))
            && !owner.is_empty()
        {
            fields.push(Field {
                owner: owner.clone(),
                name: name.to_owned(),
                kind: kind.to_owned(),
            });
        }
    }
    fields
}

fn is_letter(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The code of a room's file, and its words.
struct Code<'a> {
    text: &'a str,
    words: HashSet<&'a str>,
}

impl<'a> Code<'a> {
    fn of(file: &'a SourceFile) -> Self {
        let text = &file.code[..file.tests_from()];
        Self { text, words: words_of(text).collect() }
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

/// The fields that some room outside of `config` reads.
fn read(fields: &[Field], rooms: &[SourceFile]) -> BTreeSet<String> {
    let mut read = BTreeSet::new();
    for file in rooms.iter().filter(|file| !file.path.starts_with("src/config")) {
        let code = Code::of(file);
        for field in fields.iter().filter(|field| code.has(&field.name)) {
            if comes_by(&field.owner, fields, &code) && reads(field, &code) {
                read.insert(field.path());
            }
        }
    }
    read
}

/// Whether the code can have a value of this type: it names the type, or takes it out of a value that holds one.
fn comes_by(owner: &str, fields: &[Field], code: &Code<'_>) -> bool {
    let holds = |field: &&Field| words_of(&field.kind).any(|word| word == owner);
    let mut ways = fields.iter().filter(holds).map(|field| field.name.as_str());
    let by_method = match owner {
        "ProtocolSettings" => ".protocol(",
        "ClientSsl" => ".of(",
        _ => "\0",
    };
    code.has(owner) || ways.any(|way| is_taken(way, code)) || code.text.contains(by_method)
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_letter(c))
}

/// Whether the code has `.name`, which is no call and is not assigned to.
fn is_taken(name: &str, code: &Code<'_>) -> bool {
    let text = code.text;
    code.has(name)
        && text.match_indices(name).any(|(at, _)| {
            let before = text[..at].trim_end();
            let behind = &text[at + name.len()..];
            let is_whole = behind.bytes().next().is_none_or(|byte| !is_word(byte));
            let after = behind.trim_start();
            let is_compared = after.starts_with("==") || after.starts_with("=>");
            let is_assigned = after.starts_with('=') && !is_compared;
            let is_field = before.ends_with('.') && !before.ends_with("..");
            is_whole && is_field && !after.starts_with('(') && !is_assigned
        })
}

/// Whether the code reads the field: as `value.field`, or by taking a value apart.
fn reads(field: &Field, code: &Code<'_>) -> bool {
    is_taken(&field.name, code)
        || names_of(&field.owner, code).any(|name| takes_apart(&name, &field.name, code))
}

/// What the file calls a type: its name, and what it is imported as.
fn names_of(owner: &str, code: &Code<'_>) -> impl Iterator<Item = String> {
    let alias = code.text.split_once(&format!("{owner} as "));
    let alias = alias.and_then(|(_, rest)| words_of(rest).next());
    [Some(owner.to_owned()), alias.map(str::to_owned)].into_iter().flatten()
}

/// `let Type { field, .. } = …`, or `Type { field } =>`.
fn takes_apart(owner: &str, field: &str, code: &Code<'_>) -> bool {
    let start = format!("{owner} {{");
    code.text.match_indices(&start).any(|(at, _)| {
        let Some((inside, after)) = code.text[at + start.len()..].split_once('}') else {
            return false;
        };
        let before = &code.text[..at];
        let path = before.trim_end_matches(|c: char| is_letter(c) || c == ':' || c == ' ');
        let is_pattern = before[path.len()..].contains("let ")
            || [" =>", " = "].iter().any(|end| after.starts_with(end));
        is_pattern && words_of(inside).any(|word| word == field)
    })
}

fn is_marked(setting: &Setting) -> bool {
    setting.served != Served::Yes
}

/// Everything that the registry, the model and the rooms do not agree on.
pub(crate) fn check(model: &[SourceFile], rooms: &[SourceFile]) -> Vec<Finding> {
    let fields: Vec<Field> = model.iter().flat_map(fields).collect();
    let read = read(&fields, rooms);
    let mut findings = agreement(&fields);
    for setting in registry::settings() {
        let row =
            FILLS.iter().find(|(scope, name, _)| *scope == setting.scope && *name == setting.name);
        let Some((_, name, filled)) = row else { continue };
        let unread: Vec<&str> =
            filled.iter().copied().filter(|path| !read.contains(*path)).collect();
        let in_part = READ_IN_PART.iter().any(|(known, _)| known == name);
        if !unread.is_empty() && !is_marked(setting) {
            let fields = unread.join(", ");
            findings.push(finding(format!(
                "{name} fills {fields}, which no room reads: serve it, or mark it with `.served(…)` in the registry"
            )));
        }
        if unread.is_empty() && is_marked(setting) && !in_part {
            findings.push(finding(format!(
                "{name} is marked as not served, but {filled:?} is read: remove the mark, or say why in READ_IN_PART"
            )));
        }
    }
    findings
}

/// Settings without a row, rows without a setting, fields without either.
fn agreement(fields: &[Field]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for setting in registry::settings() {
        if !FILLS.iter().any(|(scope, name, _)| *scope == setting.scope && *name == setting.name) {
            let (scope, name) = (setting.scope, setting.name);
            findings.push(finding(format!(
                "{name} ({scope:?}) is missing in FILLS of tests/tidy/fills.rs: which fields of the model does it fill?"
            )));
        }
    }
    for (scope, name, filled) in FILLS {
        if registry::exact(*scope, name).is_none() {
            findings.push(finding(format!("{name} of FILLS is no setting of {scope:?}")));
        }
        for path in *filled {
            if !fields.iter().any(|field| field.path() == *path) {
                findings.push(finding(format!(
                    "{name} of FILLS fills {path}, which the model does not have"
                )));
            }
        }
    }
    for field in fields {
        let path = field.path();
        let is_mapped = FILLS.iter().any(|(.., filled)| filled.contains(&path.as_str()));
        let is_other = OTHERS.iter().any(|(known, _)| {
            // A part of the configuration is a type of the model's own.
            let is_part = *known == "Config."
                && fields.iter().any(|it| words_of(&field.kind).any(|word| word == it.owner));
            *known == path
                || (known.ends_with('.')
                    && path.starts_with(known)
                    && (*known != "Config." || is_part))
        });
        if !is_mapped && !is_other {
            findings.push(finding(format!("no setting of FILLS fills the model's {path}")));
        }
    }
    findings
}

fn finding(rule: String) -> Finding {
    Finding { file: "src/config/registry".to_owned(), line: 1, rule }
}

/// What the document marks and the registry does not, and the other way round.
pub(crate) fn marks(path: &str, page: &str) -> Vec<Finding> {
    const MARK: &str = "**Not served by this version**";
    let found = |line: usize, rule: String| Finding { file: path.to_owned(), line, rule };
    let (mut findings, mut scope, mut told) = (Vec::new(), "", BTreeSet::new());
    let mut name = "";
    for (line, text) in page.lines().enumerate() {
        if let Some(title) = text.strip_prefix("## ") {
            (scope, name) = (title.trim_matches('`'), "");
        } else if let Some(title) = text.strip_prefix("### ") {
            name = title;
        } else if text.starts_with(MARK) {
            told.insert((scope, name));
        } else if let Some((service, _)) =
            text.strip_prefix("Service `").and_then(|it| it.split_once(&format!("`: {MARK}")))
            && registry::served_service(service).is_none_or(|served| served == Served::Yes)
        {
            findings.push(found(
                line + 1,
                format!("service {service} is marked here and not in the registry"),
            ));
        }
    }
    for setting in registry::settings() {
        let title = match setting.scope {
            Scope::Global => "Outside of blocks",
            other => other.written(),
        };
        if told.contains(&(title, setting.name)) != is_marked(setting) {
            let name = setting.name;
            findings
                .push(found(1, format!("{name} ({title}): the mark here is not the registry's")));
        }
    }
    for (service, served) in SERVICES {
        let is_told = page.contains(&format!("\nService `{service}`: {MARK}"));
        if served != Served::Yes && !is_told {
            findings.push(found(
                1,
                format!("service {service} is marked in the registry and not here"),
            ));
        }
    }
    findings
}

#[test]
fn fields_are_parsed_with_their_types() {
    let text = "/// x: y,\npub struct A {\n    /// b\n    pub b: Vec<C>,\n    pub(super) d: [E; 5],\n}\nimpl A {\n    fn f() {\n        \
                let g = H {\n i: 1,\n };\n    }\n}\npub enum J {\n    K {\n        l: u8,\n    },\n}\n";
    let found: Vec<String> =
        fields(&SourceFile::new("x.rs", text)).iter().map(Field::path).collect();
    assert_eq!(found, ["A.b", "A.d", "K.l"]);
}

#[test]
fn a_read_is_code_that_takes_the_field_of_the_right_type() {
    let model =
        "pub struct Config {\n    pub auth: Auth,\n}\npub struct Auth {\n    pub size: u64,\n}\n";
    let fields = fields(&SourceFile::new("src/config/model.rs", model));
    let is_read = |path: &str, text: &str| {
        read(&fields, &[SourceFile::new(path, text)]).contains("Auth.size")
    };
    for good in [
        "fn a(config: &Config) { b(config.auth.size) }",
        "fn a(auth: &Auth) { b(auth\n    .size) }",
        "fn a(auth: &Auth) { let Auth { size, .. } = auth; }",
        "use x::Auth as Other; fn a() { let Other { size } = b; }",
        "fn a(auth: &Auth) { match auth { Auth { size } => b(size) } }",
    ] {
        assert!(is_read("src/boot/x.rs", good), "{good}");
    }
    for bad in [
        "// auth.size of Config",
        "fn a(auth: &Auth) { b(\"auth.size\") }",
        "fn a(config: &Config) { config.auth.size = 1 }",
        "fn a(config: &Config) { config.auth.size() }",
        "fn a(config: &Config) { config.auth.size_max }",
        "fn a(file: &File) { file.size }",
        "fn a() -> Auth { Auth { size: 1 } }",
        "fn a() {}\n#[cfg(test)]\nmod tests { fn a(auth: &Auth) { auth.size } }",
    ] {
        assert!(!is_read("src/boot/x.rs", bad), "{bad}");
    }
    assert!(!is_read("src/config/check.rs", "fn a(auth: &Auth) { auth.size }"), "config itself");
}

#[test]
fn a_mark_that_is_missing_in_the_document_is_found() {
    let page = "## Outside of blocks\n\n### ssl\n\n**Not served by this version**: no.\n\n\
                Service `lmtp`: **Not served by this version**: no.\n";
    let rules: Vec<String> = marks("x.md", page).into_iter().map(|it| it.rule).collect();
    for name in ["ssl (Outside", "service lmtp is marked here"] {
        assert!(rules.iter().any(|rule| rule.starts_with(name)), "{name}: {rules:#?}");
    }
}
