//! Style as a test: who imports whom, lengths, the register of unsafe code, versions, words.
//!
//! Reads the source as text, and of Hale itself only the registry of settings, so that it needs nothing heavy. Each
//! checker is a function from text to findings, is run over the whole tree here, and is shown to fail on a small bad
//! example in its own file. A finding names file, line and rule.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "tidy/cases.rs"]
mod cases;
#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/citations.rs"]
mod citations;
#[path = "tidy/fills.rs"]
mod fills;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/log_texts.rs"]
mod log_texts;
#[path = "tidy/methods.rs"]
mod methods;
#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/settings.rs"]
mod settings;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tokens.rs"]
mod tokens;

use std::fmt;
use std::fs;

use source::SourceFile;

/// Files that may be longer than [`rules::FILE_LINES_SOFT`], each with the reason. None may pass the hard limit.
const LONG_FILES: &[(&str, &str)] = &[
    ("src/limits.rs", "every bound and its relation to others, to be read in one place"),
    ("src/backend/imap/mod.rs", "one dialogue: which line may come when, to be read in one place"),
    (
        "src/worker/core.rs",
        "the loop: what follows each completion and each message, to be read in one place",
    ),
];

/// Every file with unsafe code and how often the keyword stands in it. A new one always shows up in review, here.
const UNSAFE_REGISTER: &[(&str, usize)] = &[
    ("src/ring/attempts.rs", 2),
    ("src/ring/descriptors.rs", 2),
    ("src/ring/memory.rs", 1),
    ("src/ring/socket.rs", 4),
    ("src/ring/uring.rs", 1),
];

/// Rooms in which no files import each other in a circle. A room that has become free of them is added here.
const ROOMS_WITHOUT_CIRCLES: &[&str] = &[
    "admission",
    "relay",
    "ring",
    "route",
    "session",
    "lmtp",
    "front",
    "share",
    "boot",
    "worker",
    "health",
];

/// Types that have methods in more files than a type should, each with the reason. The list may only become shorter.
const SPREAD_TYPES: &[(&str, &str)] = &[];

/// Files that may say nobody, each with the reason.
const VAGUE_WORDS_EXCEPTIONS: &[(&str, &str)] =
    &[("src/lmtp/commands.rs", "a reply that clients have always had")];

/// Files that may name a path of the kind a developer's machine has, each with the reason.
const MACHINE_PATH_EXCEPTIONS: &[(&str, &str)] =
    &[("src/auth/passwd_file.rs", "a line of passwd(5) has a home directory")];

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

#[track_caller]
fn none(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn architecture() -> imports::Table {
    let text = fs::read_to_string(source::root().join("ARCHITECTURE.md")).unwrap();
    imports::Table::parse(&text).unwrap_or_else(|finding| panic!("{finding}"))
}

fn in_src() -> Vec<SourceFile> {
    source::rust_files(&["src"])
}

fn everywhere() -> Vec<SourceFile> {
    source::rust_files(&["src", "tests", "benches", "examples", "fuzz", "loadtest"])
}

#[test]
fn imports_follow_the_table_in_architecture_md() {
    let table = architecture();
    none(in_src().iter().flat_map(|file| table.check_modules(file)).collect());
}

#[test]
fn third_party_crates_are_used_at_home() {
    let table = architecture();
    let manifest = fs::read_to_string(source::root().join("Cargo.toml")).unwrap();
    let crates = imports::dependencies(&manifest);
    let mut findings = table.check_homes("Cargo.toml", &crates);
    findings.extend(in_src().iter().flat_map(|file| table.check_crates(file, &crates)));
    none(findings);
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let tree = modules::Tree::of(&in_src());
    none(ROOMS_WITHOUT_CIRCLES.iter().flat_map(|room| circles::circles(&tree, room)).collect());
}

#[test]
fn methods_of_a_type_are_not_spread() {
    none(methods::spread(&modules::Tree::of(&in_src()), SPREAD_TYPES));
}

#[test]
fn files_and_functions_are_short() {
    let mut findings = Vec::new();
    for file in everywhere() {
        findings.extend(rules::file_length(&file, LONG_FILES));
        findings.extend(rules::function_lengths(&file));
    }
    findings.extend(rules::stale(LONG_FILES, &everywhere()));
    none(findings);
}

#[test]
fn unsafe_code_is_registered() {
    none(rules::unsafe_code(&in_src(), UNSAFE_REGISTER));
}

#[test]
fn ignored_tests_say_why() {
    none(everywhere().iter().flat_map(rules::ignored_tests).collect());
}

#[test]
fn nothing_is_left_unfinished() {
    none(everywhere().iter().flat_map(rules::unfinished).collect());
}

#[test]
fn no_path_of_a_developer_machine_is_committed() {
    let excepted = |path: &str| MACHINE_PATH_EXCEPTIONS.iter().any(|(known, _)| *known == path);
    let files = source::text_files().into_iter().filter(|(path, _)| !excepted(path));
    none(files.flat_map(|(path, text)| rules::machine_paths(&path, &text)).collect());
}

#[test]
fn modules_are_named_for_their_duty() {
    none(everywhere().iter().flat_map(rules::module_names).collect());
}

#[test]
fn comments_and_texts_say_who() {
    let excepted = |path: &str| VAGUE_WORDS_EXCEPTIONS.iter().any(|(known, _)| *known == path);
    let files = in_src().into_iter().filter(|file| !excepted(&file.path));
    none(files.flat_map(|file| rules::vague_words(&file)).collect());
}

#[test]
fn what_the_log_says_of_the_cluster_is_explained() {
    let page = fs::read_to_string(source::root().join("docs/LOGS.md")).unwrap();
    none(in_src().iter().flat_map(|file| log_texts::check(file, &page)).collect());
}

#[test]
fn versions_are_above_their_security_floors() {
    let mut findings = Vec::new();
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        if let Ok(text) = fs::read_to_string(source::root().join(lock)) {
            findings.extend(rules::locked_versions(lock, &text));
        }
    }
    none(findings);
}

#[test]
fn every_limit_has_its_reason() {
    let path = "src/limits.rs";
    let text = fs::read_to_string(source::root().join(path)).unwrap();
    none(rules::undocumented_limits(&SourceFile::new(path, &text)));
}

#[test]
fn every_case_of_the_plan_has_a_test_or_a_reason() {
    let path = "docs/CASES.md";
    let text = fs::read_to_string(source::root().join(path)).unwrap();
    let files = source::text_files();
    let transcripts = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix("tests/transcripts/")?, text.as_str())));
    none(cases::check(path, &text, &cases::Tests::of(&everywhere(), transcripts)));
}

#[test]
fn every_setting_without_a_mark_is_read_by_a_room_that_acts_on_it() {
    let in_src = in_src();
    let is_model =
        |path: &str| path.starts_with("src/config/model") || path == "src/config/sieve.rs";
    let (model, rooms): (Vec<_>, Vec<_>) = in_src.into_iter().partition(|it| is_model(&it.path));
    none(settings::check(&model, &rooms));
}

#[test]
fn config_md_marks_what_the_registry_marks() {
    let path = "docs/CONFIG.md";
    let text = fs::read_to_string(source::root().join(path)).unwrap();
    none(settings::marks(path, &text));
}

/// All files but those that show what is found.
fn citing_files() -> Vec<(String, String)> {
    let files = source::text_files().into_iter();
    files
        .filter(|(path, _)| !path.starts_with("tests/tidy") && !path.starts_with("fuzz/corpus/"))
        .collect()
}

#[test]
fn rules_that_are_cited_can_be_looked_up() {
    let families: Vec<&str> = cases::FAMILIES.iter().map(|(family, _)| *family).collect();
    none(citations::check(&citing_files(), &families));
}

#[test]
fn documents_that_are_named_are_in_the_repository() {
    let files = citing_files();
    let paths = source::text_files().into_iter().map(|(path, _)| path).collect();
    none(citations::absent_documents(&files, &paths));
}
