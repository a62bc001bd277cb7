//! A type whose methods are spread over many files is several things under one name.

use std::collections::BTreeSet;

use super::Finding;
use super::modules::Tree;

/// In how many files a type may have methods of its own.
const FILES_MAX: usize = 3;

/// Types with methods in more files than that, and exceptions that have become needless.
pub(crate) fn spread(tree: &Tree, exceptions: &[(&str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut needed = BTreeSet::new();
    for (path, places) in tree.inherent_methods() {
        let files: BTreeSet<&str> = places.iter().map(|(file, _)| file.as_str()).collect();
        if files.len() <= FILES_MAX {
            continue;
        }
        // The room and the type: in which file it is defined may change.
        let name = format!("{}::{}", path[0], path[path.len() - 1]);
        if let Some((excepted, _)) = exceptions.iter().find(|(excepted, _)| *excepted == name) {
            needed.insert(*excepted);
            continue;
        }
        let (file, line) = places[0].clone();
        let files: Vec<&str> = files.into_iter().collect();
        let rule = format!(
            "{name} has methods in {} files, {FILES_MAX} is the limit: {} (SPREAD_TYPES in tests/tidy.rs)",
            files.len(),
            files.join(", ")
        );
        findings.push(Finding { file, line, rule });
    }
    let needless = exceptions.iter().filter(|(name, _)| !needed.contains(name));
    findings.extend(needless.map(|(name, _)| Finding {
        file: "tests/tidy.rs".into(),
        line: 0,
        rule: format!(
            "{name} is excepted from the rule on spread methods and need not be (SPREAD_TYPES)"
        ),
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::source::SourceFile;
    use super::*;

    fn found(files: usize, exceptions: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![SourceFile::new("src/w/mod.rs", "pub struct S;")];
        for number in 0..files {
            let text = "use super::S;\nimpl S { fn f() {} }\nimpl S { fn g() {} }";
            all.push(SourceFile::new(&format!("src/w/a{number}.rs"), text));
        }
        spread(&Tree::of(&all), exceptions).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn types_with_methods_in_many_files_are_found() {
        assert_eq!(found(3, &[]), [""; 0]);
        let four = found(4, &[]);
        assert_eq!(four.len(), 1);
        assert!(four[0].starts_with("src/w/a0.rs:2: w::S has methods in 4 files"), "{four:?}");
        assert!(four[0].contains("src/w/a0.rs, src/w/a1.rs, src/w/a2.rs, src/w/a3.rs"), "{four:?}");
    }

    #[test]
    fn exceptions_hold_as_long_as_they_are_needed() {
        assert_eq!(found(4, &[("w::S", "one day")]), [""; 0]);
        let needless = found(3, &[("w::S", "one day")]);
        assert_eq!(needless.len(), 1);
        assert!(needless[0].contains("w::S is excepted"), "{needless:?}");
    }
}
