//! docs/LOGS.md knows what the log says of the cluster: what the control core notes, and why a login led nowhere.
//!
//! Texts are taken from the string literals of some files, and of each the longest piece between its `{…}` has to stand in
//! the page. Whether the page says something true about it is for its readers.

use super::Finding;
use super::source::SourceFile;

/// Whose texts, and how those begin that count; none: all that are sentences.
const SOURCES: &[(&str, &[&str])] = &[
    ("src/control/tasks/", &["geodb: ", "site {"]),
    ("src/control/tasks/late_writes.rs", &[]),
    ("src/control/tasks/moves.rs", &["move: "]),
    ("src/control/tasks/pins.rs", &["pin: "]),
    ("src/control/tasks/routing/look_ups.rs", &[]),
    ("src/control/tasks/routing/reach.rs", &[]),
    ("src/control/geodb/error.rs", &[]),
    ("src/control/geodb/cassandra/check.rs", &[]),
    ("src/control/geodb/cassandra/fault.rs", &[]),
    ("src/control/geodb/cassandra/requests.rs", &["{}: a ", "table {name}"]),
    ("src/control/geodb/sqlite/fault.rs", &[]),
    ("src/control/localdb/", &["localdb: "]),
    ("src/control/localdb/files.rs", &[]),
    ("src/route/fault.rs", &[]),
    ("src/route/problem.rs", &[]),
    ("src/session/routing.rs", &[]),
    ("src/session/backend.rs", &["backend {host} has"]),
    ("src/lmtp/lessons.rs", &["backend {host} has"]),
    ("src/backend/connect.rs", &["proxying loops"]),
    ("src/lmtp/recipients.rs", &["proxying loops"]),
    ("src/worker/login/look_ups/routes.rs", &[]),
    ("src/control/userdbs/pool.rs", &[]),
];

/// Strings that are no text for an operator.
const STATEMENTS: [&str; 4] = ["select ", "create ", ", '{", "SQLite format"];

/// What the page does not know.
pub(crate) fn check(file: &SourceFile, page: &str) -> Vec<Finding> {
    let page = plain(page);
    let rows = SOURCES.iter().filter(|(path, _)| match path.ends_with('/') {
        true => file.path.starts_with(path),
        false => file.path == *path,
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let counts = |text: &str| {
        rows.iter().any(|(_, beginnings)| match beginnings {
            [] => !STATEMENTS.iter().any(|word| text.starts_with(word)),
            some => some.iter().any(|beginning| text.starts_with(beginning)),
        })
    };
    let strings = file.strings(file.tests_from()).into_iter();
    let strings = strings.filter(|(_, text)| counts(text));
    let pieces = strings.filter_map(|(at, text)| Some((at, longest_piece(text)?)));
    let absent = pieces.filter(|(_, piece)| !page.contains(piece));
    absent
        .map(|(at, piece)| {
            file.finding(at, format!("{piece:?} comes into the log and is not in docs/LOGS.md"))
        })
        .collect()
}

/// The longest piece between placeholders, if it has three words.
fn longest_piece(text: &str) -> Option<String> {
    let mut pieces = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                pieces.push(String::new());
            }
            _ if depth > 0 => {}
            _ => pieces.last_mut()?.push(letter),
        }
    }
    let plain = pieces.iter().map(|piece| plain(piece));
    let trimmed = plain.map(|piece| piece.trim_matches([' ', ':', ';', ',', '(', ')']).to_owned());
    trimmed.max_by_key(String::len).filter(|piece| piece.split(' ').count() >= 3)
}

/// One space wherever there are some, no line that goes on, nothing escaped, no mark of code.
fn plain(text: &str) -> String {
    let text = text.replace("\\\n", " ").replace("\\\"", "\"").replace('`', "");
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "fn f() {\n    note(format!(\"geodb: {x} is \\\n        not written yet: {y}\"));\n}\n";

    #[test]
    fn texts_that_the_page_has_are_left_alone_and_others_are_found() {
        let file = SourceFile::new("src/control/tasks/late_writes.rs", TEXT);
        assert_eq!(check(&file, "| `geodb: WHAT is not\nwritten yet: WHY` |"), []);
        let found = check(&file, "");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert!(found[0].rule.starts_with("\"is not written yet\""), "{}", found[0]);
    }

    #[test]
    fn statements_tests_and_other_files_have_no_texts() {
        let elsewhere = SourceFile::new("src/control/log.rs", TEXT);
        assert_eq!(check(&elsewhere, ""), []);
        let asks = "let a = \"select b from c\";\n";
        let file = SourceFile::new("src/control/geodb/cassandra/check.rs", asks);
        assert_eq!(check(&file, ""), []);
        let tested = format!("#[cfg(test)]\nmod tests {{\n{TEXT}}}\n");
        assert_eq!(check(&SourceFile::new("src/control/tasks/late_writes.rs", &tested), ""), []);
    }
}
