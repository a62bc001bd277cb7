//! Who may import whom, as the table in ARCHITECTURE.md says, and where third-party crates live.

use std::collections::BTreeMap;

use super::Finding;
use super::source::SourceFile;

/// The lines of ARCHITECTURE.md between which the table stands.
const BEGIN: &str = "<!-- import table: begin -->";
const END: &str = "<!-- import table: end -->";

/// The import table: module → row.
#[derive(Debug)]
pub(crate) struct Table {
    rows: BTreeMap<String, Row>,
}

#[derive(Debug)]
struct Row {
    rank: String,
    /// Modules and `rank N`.
    may_import: Vec<String>,
    /// Crate, and the part of the module that it is confined to.
    crates: Vec<(String, Option<String>)>,
}

impl Table {
    /// Reads `| module | rank | may import | third-party crates that live here |`.
    pub(crate) fn parse(text: &str) -> Result<Self, Finding> {
        let complaint =
            |line: usize, rule: String| Finding { file: "ARCHITECTURE.md".into(), line, rule };
        let mut rows = BTreeMap::new();
        let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let inside = numbered.skip_while(|(_, line)| *line != BEGIN).skip(1);
        let inside =
            inside.take_while(|(_, line)| *line != END).filter(|(_, line)| !line.is_empty());
        // The head and the line below it.
        for (number, line) in inside.skip(2) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [module, rank, may_import, crates] = cells[..] else {
                return Err(complaint(number, "import table: a row has four cells".into()));
            };
            let row = Row {
                rank: rank.to_owned(),
                may_import: list(may_import),
                crates: list(crates).iter().map(|entry| home(entry)).collect(),
            };
            if rows.insert(module.replace('`', ""), row).is_some() {
                return Err(complaint(number, format!("import table: {module} stands twice")));
            }
        }
        let table = Self { rows };
        table.undefined().map_or(Ok(()), |rule| Err(complaint(0, rule)))?;
        Ok(table)
    }

    /// A word in the third column that is neither a module nor the rank of one.
    fn undefined(&self) -> Option<String> {
        if self.rows.is_empty() {
            return Some(format!("import table: nothing between {BEGIN} and {END}"));
        }
        let known = |name: &String| {
            self.rows.contains_key(name)
                || self.rows.values().any(|row| format!("rank {}", row.rank) == *name)
        };
        let mut names = self.rows.values().flat_map(|row| &row.may_import);
        names.find(|name| !known(name)).map(|name| format!("import table: what is {name}?"))
    }

    fn allows(&self, importer: &Row, imported: &str) -> bool {
        let rank = self.rows.get(imported).map(|row| format!("rank {}", row.rank));
        importer.may_import.iter().any(|name| name == imported || Some(name) == rank.as_ref())
    }

    /// Each `crate::x`, `hale::x` and `super::…::x` that leads to a module the table does not grant.
    pub(crate) fn check_modules(&self, file: &SourceFile) -> Vec<Finding> {
        let Some(module) = module_of(&file.path) else {
            return Vec::new();
        };
        let Some(row) = self.rows.get(module) else {
            return vec![
                file.finding(0, format!("{module} has no row in ARCHITECTURE.md's import table")),
            ];
        };
        let mut findings = climbs(file);
        for (at, imported) in imported_modules(file) {
            if imported == module || self.allows(row, &imported) {
                continue;
            }
            let rule = if self.rows.contains_key(&imported) {
                format!("{module} may not import {imported} (ARCHITECTURE.md, import table)")
            } else {
                format!("{module} imports {imported}, which is no module of the import table")
            };
            findings.push(file.finding(at, rule));
        }
        findings
    }

    /// Each path into a third-party crate outside its home. Unit tests may use any.
    pub(crate) fn check_crates(&self, file: &SourceFile, crates: &[String]) -> Vec<Finding> {
        let Some(module) = module_of(&file.path) else {
            return Vec::new();
        };
        let Some(row) = self.rows.get(module) else {
            return Vec::new();
        };
        let at_home = |name: &str| {
            row.crates.iter().any(|(known, part)| {
                let confined = part.as_ref().map(|part| format!("/{module}/{part}"));
                known == name && confined.is_none_or(|place| file.path.contains(&place))
            })
        };
        let mut findings = Vec::new();
        for (at, word) in file.words().take_while(|(at, _)| *at < file.tests_from()) {
            let named = crates.iter().find(|name| library(name) == word);
            let path =
                file.behind(at + word.len()).starts_with("::") || imported_whole(file, at, word);
            let inner =
                file.code[..at].trim_end().ends_with("::") && !file.code[..at].ends_with(" ::");
            if let Some(name) = named.filter(|name| path && !inner && !at_home(name)) {
                let rule =
                    format!("{name} does not live in {module} (ARCHITECTURE.md, import table)");
                findings.push(file.finding(at, rule));
            }
        }
        findings
    }

    /// Dependencies that live nowhere.
    pub(crate) fn check_homes(&self, manifest: &str, crates: &[String]) -> Vec<Finding> {
        let lives = |name: &String| {
            self.rows.values().flat_map(|row| &row.crates).any(|(known, _)| known == name)
        };
        let homeless = crates.iter().filter(|name| !lives(name));
        let rule = |name| format!("{name} lives in no module of ARCHITECTURE.md's import table");
        homeless.map(|name| Finding { file: manifest.into(), line: 0, rule: rule(name) }).collect()
    }
}

/// The names under `[dependencies]`.
pub(crate) fn dependencies(manifest: &str) -> Vec<String> {
    let lines =
        manifest.lines().map(str::trim).skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

/// The name that a crate has in code.
fn library(name: &str) -> String {
    if name == "md-5" { "md5".to_owned() } else { name.replace('-', "_") }
}

fn list(cell: &str) -> Vec<String> {
    let entries = cell.split(',').map(|entry| entry.trim().replace('`', ""));
    entries.filter(|entry| !entry.is_empty() && entry != "—").collect()
}

/// `crate` or `crate in part`.
fn home(entry: &str) -> (String, Option<String>) {
    match entry.split_once(" in ") {
        Some((name, part)) => (name.to_owned(), Some(part.to_owned())),
        None => (entry.to_owned(), None),
    }
}

/// The first folder below `src`, or the file's name. `lib.rs` is the table of contents and belongs to nobody.
fn module_of(path: &str) -> Option<&str> {
    let below = path.strip_prefix("src/")?;
    let module = below.split('/').next()?;
    let module = module.strip_suffix(".rs").unwrap_or(module);
    (module != "lib").then_some(module)
}

/// `use name;` and `use name as …;`, which have no `::` behind the name.
fn imported_whole(file: &SourceFile, at: usize, word: &str) -> bool {
    let used = file.code[..at].trim_end().ends_with("use");
    let behind = file.behind(at + word.len());
    used && (behind.starts_with(';') || behind.starts_with("as "))
}

/// First segments behind `crate::` and `hale::`, braces opened.
fn imported_modules(file: &SourceFile) -> Vec<(usize, String)> {
    let mut imported = Vec::new();
    for (at, word) in file.words() {
        let Some(path) = file.behind(at + word.len()).strip_prefix("::") else {
            continue;
        };
        let inner = file.code[..at].ends_with("::");
        if (word == "crate" || word == "hale") && !inner {
            imported.extend(heads(path).into_iter().map(|head| (at, head)));
        }
    }
    imported
}

/// `a::b` → a; `{a, b::{c, d}}` → a, b.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        let text = text.strip_prefix("r#").unwrap_or(text);
        text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    let Some(group) = path.trim_start().strip_prefix('{') else {
        return vec![name(path)];
    };
    let (mut depth, mut found, mut entry) = (0_usize, Vec::new(), String::new());
    for letter in group.chars() {
        match letter {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(name(&std::mem::take(&mut entry))),
            _ if depth == 0 => entry.push(letter),
            _ => {}
        }
    }
    found.push(name(&entry));
    found.retain(|head| !head.is_empty());
    found
}

/// Chains of `super::` that may leave the module, where `crate::` would show where they lead.
fn climbs(file: &SourceFile) -> Vec<Finding> {
    let below = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    let below = below.strip_suffix("/mod").unwrap_or(below);
    let depth = below.split('/').count();
    let inline_from = inline_module(file).unwrap_or(file.code.len());
    let mut findings = Vec::new();
    let mut chain = 0;
    for (at, word) in file.words() {
        if word != "super" {
            chain = 0;
            continue;
        }
        chain += 1;
        let reach = if at >= inline_from { depth + 1 } else { depth };
        if chain >= reach {
            findings.push(file.finding(at, "super:: up to the crate's root; write crate::"));
        }
    }
    findings
}

fn inline_module(file: &SourceFile) -> Option<usize> {
    let mut words = file.words().filter(|(_, word)| *word == "mod");
    let opens = |at: usize| {
        let behind = file.behind(at + "mod".len());
        let name = behind.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        name.is_some_and(|end| behind[end..].trim_start().starts_with('{'))
    };
    words.find(|(at, _)| opens(*at)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "
<!-- import table: begin -->

| module | rank | may import | third-party crates that live here |
|---|---|---|---|
| `limits` | 0 | — | — |
| `names` | 0 | rank 0 | `base64` |
| `wire` | 1 | rank 0 | — |
| `route` | 1 | rank 0, `wire` | — |
| `control` | 4c | rank 0, rank 1 | `tokio`, `rusqlite` in `geodb` |
<!-- import table: end -->
| `outside` | 9 | — | — |
";

    fn modules(path: &str, text: &str) -> Vec<String> {
        let findings = Table::parse(TABLE).unwrap().check_modules(&SourceFile::new(path, text));
        findings.iter().map(Finding::to_string).collect()
    }

    fn crates(path: &str, text: &str) -> usize {
        let names = ["base64", "tokio", "rusqlite", "md-5"].map(str::to_owned);
        Table::parse(TABLE).unwrap().check_crates(&SourceFile::new(path, text), &names).len()
    }

    #[test]
    fn forbidden_imports_are_found_with_file_and_line() {
        assert_eq!(
            modules("src/wire/line.rs", "use crate::limits;\n\nuse crate::route::Table;"),
            ["src/wire/line.rs:3: wire may not import route (ARCHITECTURE.md, import table)"]
        );
        assert_eq!(modules("src/wire/mod.rs", "fn f() { hale :: route::g() }").len(), 1);
        assert_eq!(modules("src/wire/mod.rs", "fn f() { crate::route::g() }").len(), 1);
        assert_eq!(
            modules("src/wire/mod.rs", "use crate::{limits::A, route::{B, names::C}};").len(),
            1
        );
        assert_eq!(modules("src/wire/mod.rs", "use crate::{limits, names, control,};").len(), 1);
        assert_eq!(modules("src/wire/mod.rs", "use crate::nowhere::X;").len(), 1);
        assert_eq!(modules("src/control/mod.rs", "use hale::wire; use crate::route::*;").len(), 0);
    }

    #[test]
    fn comments_and_the_own_module_are_free() {
        let text =
            "//! See [`crate::control`].\nuse crate::route::a;\nuse crate::wire::b; // crate::x";
        assert_eq!(modules("src/route/lookup.rs", text).len(), 0);
    }

    #[test]
    fn a_module_needs_a_row_but_a_row_needs_no_module() {
        assert_eq!(modules("src/sorcery/mod.rs", "").len(), 1);
        assert_eq!(modules("src/outside.rs", "").len(), 1);
        assert_eq!(modules("src/lib.rs", "pub mod anything;").len(), 0);
    }

    #[test]
    fn climbing_to_the_root_is_found() {
        assert_eq!(modules("src/wire/line.rs", "use super::super::route::X;").len(), 1);
        assert_eq!(modules("src/wire/line.rs", "use super::quoted;").len(), 0);
        assert_eq!(modules("src/wire/mod.rs", "use super::route;").len(), 1);
        assert_eq!(modules("src/wire/mod.rs", "mod tests { use super::X; }").len(), 0);
        assert_eq!(modules("src/wire/mod.rs", "mod tests { use super::super::route; }").len(), 1);
    }

    #[test]
    fn crates_away_from_home_are_found() {
        assert_eq!(crates("src/names.rs", "use base64::Engine;"), 0);
        assert_eq!(crates("src/wire/mod.rs", "use base64::Engine;"), 1);
        assert_eq!(crates("src/wire/mod.rs", "use base64 as b;"), 1);
        assert_eq!(
            crates("src/wire/mod.rs", "mod base64; use self::base64::x; let base64 = 1;"),
            0
        );
        assert_eq!(crates("src/wire/mod.rs", "use crate::wire::base64::decode;"), 0);
        assert_eq!(crates("src/route/mod.rs", "let sum = md5::Md5::new();"), 1);
        assert_eq!(crates("src/control/probes.rs", "use tokio::net;"), 0);
        assert_eq!(crates("src/control/probes.rs", "use rusqlite::Row;"), 1);
        assert_eq!(crates("src/control/geodb/sqlite.rs", "use rusqlite::Row;"), 0);
        assert_eq!(
            crates("src/wire/mod.rs", "fn f() {}\n#[cfg(test)]\nmod t { use base64::x; }"),
            0
        );
    }

    #[test]
    fn broken_tables_are_found() {
        assert!(Table::parse("nothing").is_err());
        assert!(Table::parse(&TABLE.replace("| `wire` | 1 |", "| `wire` |")).is_err());
        assert!(Table::parse(&TABLE.replace("rank 0, `wire`", "rank 7")).is_err());
        assert!(Table::parse(&TABLE.replace("`route` |", "`wire` |")).is_err());
    }

    #[test]
    fn homeless_dependencies_are_found() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\n# Pure.\nbase64 = \"1\"\nserde = \"1\"\n[lib]\n";
        let names = dependencies(manifest);
        assert_eq!(names, ["base64", "serde"]);
        let findings = Table::parse(TABLE).unwrap().check_homes("Cargo.toml", &names);
        assert_eq!(findings.len(), 1);
    }
}
