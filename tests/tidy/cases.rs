//! docs/CASES.md: every case of the test plan has a row that names what checks it, or says why nothing does yet.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::source::SourceFile;

/// Families of the test plan and how many cases each has; their numbers have no holes.
pub(crate) const FAMILIES: [(&str, u8); 15] = [
    ("PX", 22),
    ("TL", 21),
    ("IM", 19),
    ("PO", 10),
    ("LM", 13),
    ("SU", 10),
    ("MS", 5),
    ("SA", 22),
    ("DB", 10),
    ("BE", 21),
    ("GE", 14),
    ("RS", 15),
    ("UR", 12),
    ("CL", 4),
    ("OP", 12),
];

/// What a cell says that has nothing to say.
const NOTHING: &str = "—";

/// Every test function and every transcript there is.
#[derive(Debug, Default)]
pub(crate) struct Tests {
    functions: BTreeSet<String>,
    /// By path below the folder of transcripts, with the cases that its opening comment names.
    transcripts: BTreeMap<String, Vec<String>>,
}

impl Tests {
    /// From all Rust files, and all transcripts with their paths below their folder.
    pub(crate) fn of<'a>(
        files: &[SourceFile],
        transcripts: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let opening = |text: &str| {
            let lines = text.lines().take_while(|line| line.starts_with('#'));
            lines.flat_map(ids_in).collect()
        };
        Self {
            functions: files.iter().flat_map(test_functions).collect(),
            transcripts: transcripts.map(|(path, text)| (path.to_owned(), opening(text))).collect(),
        }
    }

    fn exists(&self, name: &str) -> bool {
        self.functions.contains(name) || self.transcripts.contains_key(name)
    }

    /// Every test that says of itself which case it checks: the case, and the test.
    fn claims(&self) -> Vec<(String, &str)> {
        let functions = self.functions.iter().map(|name| (ids_of(name), name.as_str()));
        let transcripts = self.transcripts.iter().map(|(path, ids)| (ids.clone(), path.as_str()));
        let pair = |(ids, name): (Vec<String>, _)| ids.into_iter().map(move |id| (id, name));
        functions.chain(transcripts).flat_map(pair).collect()
    }
}

/// One case of the document.
struct Row<'a> {
    line: usize,
    id: &'a str,
    tests: Vec<&'a str>,
    says_why: bool,
}

/// Everything in which the document differs from the tests there are.
pub(crate) fn check(path: &str, text: &str, tests: &Tests) -> Vec<Finding> {
    let finding = |line, rule| Finding { file: path.to_owned(), line, rule };
    let mut findings = Vec::new();
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for row in text.lines().enumerate().filter_map(|(index, line)| row(index + 1, line)) {
        for name in row.tests.iter().filter(|name| !tests.exists(name)) {
            let rule = format!("{} names {name}, and there is no such test", row.id);
            findings.push(finding(row.line, rule));
        }
        if row.tests.is_empty() && !row.says_why {
            findings.push(finding(row.line, format!("{} has neither test nor reason", row.id)));
        }
        if let Some(twice) = rows.insert(row.id, row) {
            let rule = format!("{} stands here and further down", twice.id);
            findings.push(finding(twice.line, rule));
        }
    }
    let planned: BTreeSet<String> = FAMILIES
        .iter()
        .flat_map(|(family, count)| (1..=*count).map(move |number| format!("{family}-{number:02}")))
        .collect();
    let absent = planned.iter().filter(|id| !rows.contains_key(id.as_str()));
    findings.extend(absent.map(|id| finding(0, format!("{id} has no row"))));
    let unplanned = rows.values().filter(|row| !planned.contains(row.id));
    findings.extend(unplanned.map(|row| finding(row.line, format!("there is no {}", row.id))));
    for (id, name) in tests.claims() {
        let row = rows.get(id.as_str());
        if row.is_none_or(|row| !row.tests.contains(&name)) {
            let rule = format!("add `{name}` to the row of {id}, which it says it checks");
            findings.push(finding(row.map_or(0, |row| row.line), rule));
        }
    }
    findings
}

/// `| id | the case | tests | what is missing |`
fn row(line: usize, text: &str) -> Option<Row<'_>> {
    let cells: Vec<&str> = text.strip_prefix('|')?.split('|').map(str::trim).collect();
    let &[id, _, tests, missing, ..] = &cells[..] else {
        return None;
    };
    let is_id = ids_in(id).first().is_some_and(|found| found == id);
    // What stands between backticks.
    let tests = tests.split('`').skip(1).step_by(2).collect();
    is_id.then_some(Row { line, id, tests, says_why: !missing.is_empty() && missing != NOTHING })
}

/// Names of functions below `#[test]`, also of those that a macro makes.
fn test_functions(file: &SourceFile) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in file.words().filter(|(_, word)| *word == "test") {
        if !file.code[..at].ends_with(['[', ':']) || !file.code[at..].starts_with("test]") {
            continue;
        }
        let behind = file.code[at..].split_once("fn ").map_or("", |(_, behind)| behind);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        names.push(behind.chars().take_while(|letter| is_name(*letter)).collect());
    }
    // `on_each_engine! { a b }` makes a test of each name for each engine of the GeoDB.
    for (_, behind) in file
        .code
        .match_indices("on_each_engine! {")
        .map(|(at, it)| file.code[at..].split_at(it.len()))
    {
        let listed = behind.split_once('}').map_or("", |(listed, _)| listed);
        names.extend(listed.split_whitespace().map(str::to_owned));
    }
    names
}

/// The cases with which a function's name begins: `px_02_px_04_…`.
fn ids_of(name: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut words = name.split('_');
    while let (Some(family), Some(number)) = (words.next(), words.next()) {
        let id = format!("{}-{number}", family.to_ascii_uppercase());
        if family.to_ascii_lowercase() != family || ids_in(&id) != [id.as_str()] {
            break;
        }
        ids.push(id);
    }
    ids
}

/// The cases that a text names: `PX-02`.
fn ids_in(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let is_id = |word: &&str| {
        let number = |number: &str| number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit());
        word.split_once('-').is_some_and(|(family, rest)| {
            number(rest) && FAMILIES.iter().any(|(known, _)| *known == family)
        })
    };
    words.filter(is_id).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests() -> Tests {
        let text = "#[test]\nfn px_01_a() {}\nfn px_02_no_test() {}\nproptest! {\n#[test]\nfn b(x in 0..9) {}}\non_each_engine! {\n    c\n}";
        let transcripts = [("imap/a.txt", "# PX-02, W-PP-3.\nC: PX-03"), ("imap/b.txt", "C: x")];
        Tests::of(&[SourceFile::new("tests/a.rs", text)], transcripts.into_iter())
    }

    /// A document in which all is well, but for the row of PX-01 and what follows it.
    fn document(row: &str) -> String {
        let mut text = String::from("| id | case | checked by | not yet |\n|---|---|---|---|\n");
        for (family, count) in FAMILIES {
            for number in 1..=count {
                let cells = match (family, number) {
                    ("PX", 1) => row.to_owned(),
                    ("PX", 2) => "| PX-02 | x | `imap/a.txt` | — |".to_owned(),
                    _ => format!("| {family}-{number:02} | x | — | it is not there |"),
                };
                text.push_str(&cells);
                text.push('\n');
            }
        }
        text
    }

    fn rules(row: &str) -> Vec<String> {
        check("a.md", &document(row), &tests()).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn documents_that_are_right_are_left_alone() {
        assert_eq!(rules("| PX-01 | x | `px_01_a`, `imap/b.txt`, `b` | — |"), [""; 0]);
    }

    #[test]
    fn differences_between_cases_and_tests_are_found() {
        let unnamed = "add `px_01_a` to the row of PX-01, which it says it checks";
        assert_eq!(rules("| PX-01 | x | — | — |"), ["PX-01 has neither test nor reason", unnamed]);
        assert_eq!(rules("| PX-01 | x | — | nobody asked |"), [unnamed]);
        let renamed = "| PX-01 | x | `px_01_a`, `px_01_b`, `px_02_no_test` | — |";
        let none = |name| format!("PX-01 names {name}, and there is no such test");
        assert_eq!(rules(renamed), [none("px_01_b"), none("px_02_no_test")]);
        assert_eq!(rules("no row"), ["PX-01 has no row", unnamed]);
        let twice = "| PX-01 | x | `px_01_a` | — |\n| PX-01 | x | `px_01_a` | — |";
        assert_eq!(rules(twice), ["PX-01 stands here and further down"]);
        let unplanned = "| PX-01 | x | `px_01_a` | — |\n| PX-23 | x | — | why |";
        assert_eq!(rules(unplanned), ["there is no PX-23"]);
    }

    #[test]
    fn names_say_which_cases_they_check() {
        assert_eq!(ids_of("px_02_px_04_deadline_counts"), ["PX-02", "PX-04"]);
        assert_eq!(ids_of("po_10_w_pipe_8_a_farewell"), ["PO-10"]);
        assert_eq!(ids_of("w_rel_4_and_be_16_many"), [""; 0]);
        assert_eq!(ids_of("im_a_login"), [""; 0]);
        assert_eq!(ids_in("W-PP2-1, IM-04 (PX-2, XX-01, UTF-08)"), ["IM-04"]);
    }
}
