//! The rules that look at one file, or at one list, at a time.

use std::ops::Range;

use super::Finding;
use super::source::{SourceFile, is_word};
use super::tokens::tests_in;

/// A longer file needs a reason.
pub(crate) const FILE_LINES_SOFT: usize = 500;
/// A longer file does not exist.
const FILE_LINES_HARD: usize = 700;
/// From `fn` to the closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Words that stand for a party that has a name.
const VAGUE_WORDS: [&str; 7] =
    ["whoever", "nobody", "somebody", "everybody", "anybody", "someone", "anyone"];

/// Names that say nothing of a module's duty.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "manager"];

/// Oldest versions without a known hole.
const VERSION_FLOORS: [(&str, &str, &str); 8] = [
    ("bytes", "1.11.1", "RUSTSEC-2026-0007, overflow in reserve"),
    ("rustls", "0.23.45", "RUSTSEC-2026-0285, handshake messages across encryption levels"),
    ("rustls-webpki", "0.103.13", "RUSTSEC-2026-0049, -0098, -0099, -0104"),
    ("aws-lc-sys", "0.47.0", "RUSTSEC-2026-0044, -0048"),
    ("jsonwebtoken", "10.3.0", "CVE-2026-25537"),
    ("tracing-subscriber", "0.3.20", "RUSTSEC-2025-0055, log injection"),
    ("time", "0.3.47", "RUSTSEC-2026-0009"),
    ("ring", "0.17.0", "RUSTSEC-2025-0010, unmaintained"),
];

/// Crates that may not enter the graph at all.
const FORBIDDEN_CRATES: [(&str, &str); 3] = [
    ("openssl-sys", "one TLS stack, and that is rustls"),
    ("native-tls", "one TLS stack, and that is rustls"),
    ("rsa", "RUSTSEC-2023-0071, timing of private keys"),
];

pub(crate) fn file_length(file: &SourceFile, exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let lines = file.text.lines().count();
    let excepted = exceptions.iter().any(|(path, _)| *path == file.path);
    let limit = if excepted { FILE_LINES_HARD } else { FILE_LINES_SOFT };
    let rule = || format!("{lines} lines; {limit} is the limit (LONG_FILES in tests/tidy.rs)");
    (lines > limit)
        .then(|| Finding { file: file.path.clone(), line: lines, rule: rule() })
        .into_iter()
        .collect()
}

/// Exceptions that nothing needs any more.
pub(crate) fn stale(exceptions: &[(&str, &str)], files: &[SourceFile]) -> Vec<Finding> {
    let needed = |path: &str| {
        files.iter().any(|file| file.path == path && file.text.lines().count() > FILE_LINES_SOFT)
    };
    let stale = exceptions.iter().filter(|(path, _)| !needed(path));
    let rule = "is excepted from the length rule and need not be".to_owned();
    stale.map(|(path, _)| Finding { file: (*path).into(), line: 0, rule: rule.clone() }).collect()
}

pub(crate) fn function_lengths(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in file.words().filter(|(_, word)| *word == "fn") {
        let Some(end) = function_end(&file.code[at..]) else {
            continue;
        };
        let lines = file.code[at..at + end].lines().count();
        if lines > FUNCTION_LINES_MAX {
            let rule = format!("a function of {lines} lines; {FUNCTION_LINES_MAX} is the limit");
            findings.push(file.finding(at, rule));
        }
    }
    findings
}

/// Where the body of the function that begins `code` ends; `None`: it has none.
fn function_end(code: &str) -> Option<usize> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b'{' => curly += 1,
            b'}' => {
                curly -= 1;
                if curly <= 0 && round <= 0 {
                    return (curly == 0).then_some(at + 1);
                }
            }
            b';' | b',' if curly == 0 && round <= 0 => return None,
            _ => {}
        }
    }
    None
}

pub(crate) fn unsafe_code(files: &[SourceFile], register: &[(&str, usize)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let places: Vec<usize> =
            file.words().filter(|(_, word)| *word == "unsafe").map(|(at, _)| at).collect();
        let expected = register.iter().find(|(path, _)| *path == file.path).map_or(0, |row| row.1);
        let last = places.last().copied().unwrap_or(0);
        if !places.is_empty() && !file.path.starts_with("src/ring/") {
            findings.push(file.finding(last, "unsafe code lives in src/ring only"));
        } else if places.len() != expected {
            let found = places.len();
            let rule = format!(
                "`unsafe` stands here {found} times, the register says {expected} (UNSAFE_REGISTER in tests/tidy.rs)"
            );
            findings.push(file.finding(last, rule));
        }
    }
    for (path, _) in register.iter().filter(|(path, _)| files.iter().all(|file| file.path != *path))
    {
        let rule = "is in the register of unsafe code and does not exist".to_owned();
        findings.push(Finding { file: (*path).into(), line: 0, rule });
    }
    findings
}

pub(crate) fn ignored_tests(file: &SourceFile) -> Vec<Finding> {
    let attributes = file.words().filter(|(at, word)| {
        *word == "ignore" && file.code[..*at].trim_end().ends_with(['[', ','])
    });
    let silent = attributes.filter(|(at, word)| {
        let reason =
            file.text[at + word.len()..].trim_start().strip_prefix('=').map(str::trim_start);
        reason.is_none_or(|reason| !reason.starts_with('"') || reason.starts_with("\"\""))
    });
    silent.map(|(at, _)| file.finding(at, "an ignored test says why: #[ignore = \"…\"]")).collect()
}

pub(crate) fn unfinished(file: &SourceFile) -> Vec<Finding> {
    let macros = file.words().filter(|(at, word)| {
        ["todo", "unimplemented", "dbg"].contains(word)
            && file.behind(at + word.len()).starts_with('!')
    });
    macros.map(|(at, word)| file.finding(at, format!("{word}! is left over"))).collect()
}

pub(crate) fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    // Put together here, or this file would find itself.
    let folders = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let names = folders
            .iter()
            .any(|folder| line.match_indices(folder).any(|(at, _)| starts_path(line, at)));
        if names {
            let rule = "names a folder of a developer's machine".to_owned();
            findings.push(Finding { file: path.to_owned(), line: index + 1, rule });
        }
    }
    findings
}

/// Not in the middle of an address or of a longer path.
fn starts_path(line: &str, at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| line.as_bytes()[before]);
    before.is_none_or(|byte| !is_word(byte) && !b".-~%})$".contains(&byte))
}

pub(crate) fn module_names(file: &SourceFile) -> Vec<Finding> {
    let rule = |name: &str| format!("a module named {name} says nothing of its duty");
    let parts = file.path.split('/').map(|part| part.trim_end_matches(".rs"));
    let mut findings: Vec<Finding> = parts
        .filter(|part| EMPTY_NAMES.contains(part))
        .map(|part| file.finding(0, rule(part)))
        .collect();
    let mut after_mod = false;
    for (at, word) in file.words() {
        if after_mod && EMPTY_NAMES.contains(&word) {
            findings.push(file.finding(at, rule(word)));
        }
        after_mod = word == "mod";
    }
    findings
}

/// Every `[[package]]` of a lock file against the floors.
pub(crate) fn locked_versions(path: &str, lock: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut name = "";
    for (index, line) in lock.lines().enumerate() {
        let value = |key: &str| {
            line.strip_prefix(key)?
                .trim_start()
                .strip_prefix('=')
                .map(|value| value.trim().trim_matches('"'))
        };
        name = value("name").unwrap_or(name);
        let Some(version) = value("version").filter(|_| !name.is_empty()) else {
            continue;
        };
        let floor = VERSION_FLOORS
            .iter()
            .find(|(known, floor, _)| *known == name && numbers(version) < numbers(floor));
        let rules = [
            floor.map(|(_, floor, why)| format!("{name} {version} is below {floor}: {why}")),
            forbidden(name).map(|why| format!("{name} may not be used: {why}")),
        ];
        let finding = |rule| Finding { file: path.to_owned(), line: index + 1, rule };
        findings.extend(rules.into_iter().flatten().map(finding));
        name = "";
    }
    findings
}

fn forbidden(name: &str) -> Option<&'static str> {
    FORBIDDEN_CRATES.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}

/// `1.2.3-alpha+4` as numbers; a pre-release counts as its release, which is near enough for a floor.
fn numbers(version: &str) -> Vec<u64> {
    let release = version.split(['-', '+']).next().unwrap_or(version);
    release.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// Words in comments and texts that leave open who is meant.
pub(crate) fn vague_words(file: &SourceFile) -> Vec<Finding> {
    if file.tests_from() == 0 {
        return Vec::new();
    }
    let tests: Vec<Range<usize>> = tests_in(&file.code).collect();
    let start = file.text.as_ptr().addr();
    let vague = file.text.split(|letter: char| !letter.is_alphabetic()).filter_map(|word| {
        let known = VAGUE_WORDS.iter().find(|vague| word.eq_ignore_ascii_case(vague))?;
        let at = word.as_ptr().addr() - start;
        // What is blank in the code is a comment or a text.
        let is_said = file.code.as_bytes().get(at) == Some(&b' ');
        let is_test = tests.iter().any(|range| range.contains(&at));
        let rule =
            format!("`{known}`: name the client, the backend, the operator (docs/LEXICON.md)");
        (is_said && !is_test).then(|| file.finding(at, rule))
    });
    vague.collect()
}

pub(crate) fn undocumented_limits(file: &SourceFile) -> Vec<Finding> {
    let (mut documented, mut at, mut findings) = (false, 0, Vec::new());
    for line in file.text.split_inclusive('\n') {
        let text = line.trim_start();
        if text.starts_with("pub const ") && !documented {
            findings.push(file.finding(at, "a limit without its reason"));
        }
        documented = text.starts_with("///") || (documented && text.starts_with("#["));
        at += line.len();
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("src/wire/line.rs", text)
    }

    #[test]
    fn long_files_are_found() {
        let long = |lines| file(&"x\n".repeat(lines));
        let excepted = [("src/wire/line.rs", "a table")];
        assert_eq!(file_length(&long(500), &[]).len(), 0);
        assert_eq!(file_length(&long(501), &[]).len(), 1);
        assert_eq!(file_length(&long(700), &excepted).len(), 0);
        assert_eq!(file_length(&long(701), &excepted).len(), 1);
        assert_eq!(stale(&excepted, &[long(501)]).len(), 0);
        assert_eq!(stale(&excepted, &[long(500)]).len(), 1);
    }

    #[test]
    fn long_functions_are_found() {
        let body =
            |lines: usize| format!("fn f(x: [u8; 4]) -> u8 {{\n{}}}\n", "a { b }\n".repeat(lines));
        assert_eq!(function_lengths(&file(&body(68))).len(), 0);
        assert_eq!(function_lengths(&file(&body(69))).len(), 1);
        let declared =
            format!("trait T {{ fn f(&self); }}\ntype F = fn(u8) -> u8;\n{}", "\n".repeat(99));
        assert_eq!(function_lengths(&file(&declared)).len(), 0);
        let misleading = format!("fn f() {{\n let s = \"}}\"; // }}\n{}}}\n", "a\n".repeat(80));
        assert_eq!(function_lengths(&file(&misleading)).len(), 1);
    }

    #[test]
    fn unregistered_unsafe_code_is_found() {
        let ring =
            || SourceFile::new("src/ring/uring.rs", "unsafe { a() }\n// unsafe\nunsafe impl X {}");
        assert_eq!(unsafe_code(&[ring()], &[("src/ring/uring.rs", 2)]), []);
        assert_eq!(unsafe_code(&[ring()], &[]).len(), 1);
        assert_eq!(unsafe_code(&[ring()], &[("src/ring/uring.rs", 3)]).len(), 1);
        assert_eq!(unsafe_code(&[], &[("src/ring/uring.rs", 2)]).len(), 1);
        assert_eq!(unsafe_code(&[file("unsafe { a() }")], &[("src/wire/line.rs", 1)]).len(), 1);
        assert_eq!(unsafe_code(&[file("#![forbid(unsafe_code)]")], &[]), []);
    }

    #[test]
    fn tests_ignored_in_silence_are_found() {
        assert_eq!(ignored_tests(&file("#[ignore]\nfn a() {}")).len(), 1);
        assert_eq!(ignored_tests(&file("#[ignore = \"\"]\nfn a() {}")).len(), 1);
        assert_eq!(ignored_tests(&file("#[cfg_attr(miri, ignore)]\nfn a() {}")).len(), 1);
        assert_eq!(ignored_tests(&file("#[ignore = \"needs root\"]\nfn a() {}")).len(), 0);
        assert_eq!(ignored_tests(&file("let ignore = 1; // #[ignore]")).len(), 0);
    }

    #[test]
    fn unfinished_code_is_found() {
        let text = "fn f() { todo!() }\nfn g() { unimplemented ! () }\nfn h() { dbg!(1); }";
        assert_eq!(unfinished(&file(text)).len(), 3);
        assert_eq!(unfinished(&file("// todo!()\nlet todo = \"dbg!\";")).len(), 0);
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let (work, home) = (format!("/{}/x", "work"), format!("/{}/x", "home"));
        for bad in [format!("see {work}"), work.clone(), format!("a\n\"{home}\"")] {
            assert_eq!(machine_paths("a.md", &bad).len(), 1, "{bad}");
        }
        for good in
            [format!("https://example.com{work}"), "src/work.rs".to_owned(), format!("~{home}")]
        {
            assert_eq!(machine_paths("a.md", &good), [], "{good}");
        }
    }

    #[test]
    fn empty_module_names_are_found() {
        for path in
            ["src/util.rs", "src/wire/helpers.rs", "src/common/mod.rs", "tests/pure/manager.rs"]
        {
            assert_eq!(module_names(&SourceFile::new(path, "")).len(), 1, "{path}");
        }
        assert_eq!(module_names(&file("mod common { }")).len(), 1);
        assert_eq!(module_names(&file("mod line; let common = 1;")).len(), 0);
    }

    #[test]
    fn old_and_forbidden_crates_are_found() {
        let lock = |name: &str, version: &str| {
            let text =
                format!("version = 4\n\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
            locked_versions("Cargo.lock", &text).len()
        };
        assert_eq!(lock("bytes", "1.11.0"), 1);
        assert_eq!(lock("bytes", "1.9.9"), 1);
        assert_eq!(lock("bytes", "1.11.1"), 0);
        assert_eq!(lock("rustls", "0.23.45"), 0);
        assert_eq!(lock("ring", "0.16.20"), 1);
        assert_eq!(lock("openssl-sys", "0.9.0"), 1);
        assert_eq!(lock("rsa", "0.9.0"), 1);
        assert_eq!(lock("hale", "0.0.1"), 0);
    }

    #[test]
    fn words_for_no_party_in_particular_are_found() {
        let text = "// Whoever asks.\nfn nobody() { log(\"somebody's\") }\n/// Anyone\n";
        let found: Vec<usize> = vague_words(&file(text)).iter().map(|found| found.line).collect();
        assert_eq!(found, [1, 2, 3]);
        let fine = "enum Believes { Anybody }\n// no body\n#[cfg(test)]\nmod t { /* nobody */ }";
        assert_eq!(vague_words(&file(fine)), []);
    }

    #[test]
    fn limits_without_a_reason_are_found() {
        let limits =
            file("/// A.\npub const A: u8 = 1;\npub const B: u8 = 2;\n\npub const C: u8 = 3;\n");
        let lines: Vec<usize> =
            undocumented_limits(&limits).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(undocumented_limits(&file("/// A.\n#[doc(hidden)]\npub const A: u8 = 1;")), []);
    }
}
