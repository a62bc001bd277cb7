//! Rules that are cited stand in docs/rules, cases in docs/CASES.md, and documents that are named are in the repository.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;

/// Where rules are defined: one row of a table each.
const RULES: &str = "docs/rules/";
/// Names of files that a reader or a program makes.
const MADE_LATER: [&str; 2] = ["findings/NAME.sh", "loadtest/results.jsonl"];
/// Where cases are.
const CASES: &str = "docs/CASES.md";
/// The families of rules.
const FAMILIES: [char; 4] = ['C', 'K', 'R', 'W'];

/// Everything wrong with what `files` cite; `cases` tells the families of cases.
pub(crate) fn check(files: &[(String, String)], cases: &[&str]) -> Vec<Finding> {
    let (defined, mut findings) = definitions(files);
    let rows: BTreeSet<&str> = files
        .iter()
        .filter(|(path, _)| path == CASES)
        .flat_map(|(_, text)| first_cells(text))
        .collect();
    let mut cited = BTreeSet::new();
    for (path, text) in files {
        let is_definition = path.starts_with(RULES);
        for (line, text) in text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
            let own = is_definition.then(|| first_cell(text)).flatten();
            for id in rules_in(text).chain(rules_in_name(text)) {
                if !defined.contains_key(&id) {
                    findings.push(finding(
                        path,
                        line,
                        format!("{id} is cited and stands nowhere in {RULES}"),
                    ));
                } else if own != Some(id.as_str()) {
                    cited.insert(id);
                }
            }
            let unknown = cases_in(text, cases).filter(|id| !rows.contains(id.as_str()));
            findings.extend(
                unknown.map(|id| {
                    finding(path, line, format!("{id} is cited and has no row in {CASES}"))
                }),
            );
        }
    }
    let uncited = defined.iter().filter(|(id, _)| !cited.contains(*id));
    findings.extend(
        uncited.map(|(id, (path, line))| finding(path, *line, format!("nothing cites {id}"))),
    );
    findings
}

/// Documents named in `files` that are not among `paths`.
pub(crate) fn absent_documents(
    files: &[(String, String)],
    paths: &BTreeSet<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            let absent = documents_in(line).filter(|name| !exists(name, path, paths));
            findings.extend(
                absent.map(|name| {
                    finding(path, index + 1, format!("{name} is not in the repository"))
                }),
            );
        }
    }
    findings
}

fn finding(path: &str, line: usize, rule: String) -> Finding {
    Finding { file: path.to_owned(), line, rule }
}

/// Each rule with its place; a second definition is a finding.
fn definitions(files: &[(String, String)]) -> (BTreeMap<String, (&str, usize)>, Vec<Finding>) {
    let (mut defined, mut findings) = (BTreeMap::new(), Vec::new());
    for (path, text) in files.iter().filter(|(path, _)| path.starts_with(RULES)) {
        for (index, line) in text.lines().enumerate() {
            let Some(id) = first_cell(line).filter(|cell| is_rule(cell)) else {
                continue;
            };
            if defined.insert(id.to_owned(), (path.as_str(), index + 1)).is_some() {
                findings.push(finding(path, index + 1, format!("{id} is defined twice")));
            }
        }
    }
    (defined, findings)
}

fn first_cells(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(first_cell)
}

/// The first cell of a table's row.
fn first_cell(line: &str) -> Option<&str> {
    line.strip_prefix('|')?.split('|').next().map(str::trim)
}

/// `W-IMAP-B4`: a family, a subject, a number with or without a B.
fn is_rule(text: &str) -> bool {
    let mut parts = text.split('-');
    let (family, subject, number, end) = (parts.next(), parts.next(), parts.next(), parts.next());
    let is_family = |text: &str| {
        let mut letters = text.chars();
        letters.next().is_some_and(|letter| FAMILIES.contains(&letter)) && letters.next().is_none()
    };
    let is_subject = |text: &str| {
        text.starts_with(|letter: char| letter.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let is_number = |text: &str| {
        let digits = text.strip_prefix('B').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    family.is_some_and(is_family)
        && subject.is_some_and(is_subject)
        && number.is_some_and(is_number)
        && end.is_none()
}

/// Rules that a text names.
fn rules_in(text: &str) -> impl Iterator<Item = String> {
    let words = text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
    words.map(|word| word.trim_end_matches('-')).filter(|word| is_rule(word)).map(str::to_owned)
}

/// Rules in the name of a test: `fn px_05_w_pp_6_…`, `fn w_imap_b10_…`.
fn rules_in_name(line: &str) -> impl Iterator<Item = String> {
    let name = line.trim_start().strip_prefix("fn ").unwrap_or_default();
    let name = name.split('(').next().unwrap_or_default().to_ascii_uppercase();
    let parts: Vec<String> = name.split('_').map(str::to_owned).collect();
    let ids: Vec<String> = parts.windows(3).map(|three| three.join("-")).collect();
    // A letter alone in a name of a function may also be an article.
    ids.into_iter().filter(|id| is_rule(id) && !id.ends_with('-'))
}

/// Cases that a text names: `PX-04`.
fn cases_in(text: &str, families: &[&str]) -> impl Iterator<Item = String> {
    let words = text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
    let is_case = |word: &&str| {
        word.split_once('-').is_some_and(|(family, number)| {
            families.contains(&family)
                && number.len() == 2
                && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    words.filter(is_case).map(str::to_owned)
}

/// Names of documents and of files of ours. What stands behind a host's name is somewhere else.
fn documents_in(line: &str) -> impl Iterator<Item = &str> {
    let ours = ["src/", "tests/", "docs/", "fuzz/", "loadtest/", "findings/", "examples/"];
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
    let words = line
        .split(move |letter: char| !is_letter(letter))
        .map(|word| word.trim_end_matches(['.', '/', '-']));
    words.filter(move |word| {
        let is_document = word.ends_with(".md") && word.len() > ".md".len();
        let last = word.rsplit('/').next().unwrap_or_default();
        let is_file = last.contains('.') && !last.starts_with('.');
        let is_ours = ours.iter().any(|folder| word.starts_with(folder)) && is_file;
        let first = word.split('/').next().unwrap_or_default();
        let is_elsewhere =
            word.contains('/') && first != ".." && (first.is_empty() || first.contains('.'));
        (is_document || is_ours) && !is_elsewhere
    })
}

/// From the root, beside the file that names it, or in one of the folders of documents.
fn exists(name: &str, from: &str, paths: &BTreeSet<String>) -> bool {
    let mut folder: Vec<&str> = from.split('/').collect();
    folder.pop();
    let mut beside = folder.clone();
    for part in name.split('/') {
        match part {
            "." => {}
            ".." => drop(beside.pop()),
            part => beside.push(part),
        }
    }
    MADE_LATER.contains(&name)
        || paths.contains(name)
        || paths.contains(&beside.join("/"))
        || paths.contains(&format!("docs/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Vec<(String, String)> {
        let pages = [
            (
                "docs/rules/a.md",
                "| id | rule |\n|---|---|\n| W-IMAP-B4 | x |\n| K-CORE-1 | not W-IMAP-B4 |",
            ),
            ("docs/CASES.md", "| PX-01 | x |"),
            ("src/a.rs", "// K-CORE-1 (W-IMAP-B4), PX-01"),
        ];
        let all = pages.iter().chain(list);
        all.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn found(list: &[(&str, &str)]) -> Vec<String> {
        check(&files(list), &["PX"]).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn what_is_cited_and_defined_is_left_alone() {
        assert_eq!(
            found(&[(
                "a.md",
                "TLS-1-2 P-256 UTF-8 A-B-C W-1-2 X-IMAP-1 W-IMAP-B W-imap-1 PX-1 PX-001"
            )]),
            [""; 0]
        );
    }

    #[test]
    fn ids_that_are_not_defined_are_found() {
        let none = |id| format!("b.rs:2: {id} is cited and stands nowhere in docs/rules/");
        assert_eq!(found(&[("b.rs", "\n// (W-IMAP-5)")]), [none("W-IMAP-5")]);
        assert_eq!(found(&[("b.rs", "\n    fn px_01_w_imap_b5_x_y() {")]), [none("W-IMAP-B5")]);
        assert_eq!(found(&[("b.rs", "\n    fn r_core_1() {")]), [none("R-CORE-1")]);
        assert_eq!(
            found(&[("b.rs", "PX-02")]),
            ["b.rs:1: PX-02 is cited and has no row in docs/CASES.md"]
        );
        assert_eq!(found(&[("b.rs", "fn k_core_1_is_a_test() {}\nlet w_imap_7 = 1;")]), [""; 0]);
    }

    #[test]
    fn rules_that_nothing_cites_are_found() {
        let page = |text| [("docs/rules/b.md", text)];
        assert_eq!(found(&page("| W-A-1 | W-A-1 |")), ["docs/rules/b.md:1: nothing cites W-A-1"]);
        assert_eq!(
            found(&page("| W-IMAP-B4 | again |")),
            ["docs/rules/b.md:1: W-IMAP-B4 is defined twice"]
        );
    }

    #[test]
    fn documents_that_are_absent_are_found() {
        let paths = ["docs/rules/a.md", "docs/CASES.md", "src/a.rs", "README.md"];
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let absent = |text: &str| {
            let files = [("docs/rules/a.md".to_owned(), text.to_owned())];
            absent_documents(&files, &paths)
                .into_iter()
                .map(|finding| finding.rule)
                .collect::<Vec<_>>()
        };
        for fine in [
            "[CASES.md](../CASES.md), a.md, `README.md`, CASES.md.",
            "src/a.rs, src/, tests/pure, https://example.com/b/c.md, x.rs, .md",
        ] {
            assert_eq!(absent(fine), [""; 0], "{fine}");
        }
        for (bad, name) in
            [("see wire.md 6", "wire.md"), ("(`src/b.rs`)", "src/b.rs"), ("../b.md", "../b.md")]
        {
            assert_eq!(absent(bad), [format!("{name} is not in the repository")], "{bad}");
        }
    }
}
