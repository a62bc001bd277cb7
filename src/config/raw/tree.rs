//! Statements to nested entries, across files.
//!
//! Duty: braces, includes and their bounds, values taken from files. Driver: [`super::read`]. Tests: below.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args;
use super::files::{self, LogicalLine};
use super::line::{self, Statement, Text};
use super::{
    ALL_BYTES_MAX, ARGS_FILE, BLOCK_DEPTH_MAX, Entry, FILE_BYTES_MAX, INCLUDE_DEPTH_MAX, Item,
    Source, Value,
};
use crate::config::diagnostic::{Findings, Place};
use crate::config::environment::{Environment, unexpanded};

pub(super) struct Reader<'a, S> {
    source: &'a mut S,
    findings: &'a mut Findings,
    /// The files being read, outermost first.
    stack: Vec<PathBuf>,
    /// Blocks that were open when the current file began; it cannot close them.
    outside: usize,
    bytes: usize,
    environment: Environment,
    /// Blocks that are open, outermost first, each with what it holds so far.
    open: Vec<Open>,
    /// What stands outside of all blocks.
    top: Vec<Entry>,
}

/// Whether a file has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Needed,
    Optional,
}

struct Open {
    place: Place,
    name: String,
    label: Option<String>,
    entries: Vec<Entry>,
}

impl<'a, S: Source> Reader<'a, S> {
    pub(super) fn new(source: &'a mut S, findings: &'a mut Findings) -> Self {
        Self {
            source,
            findings,
            stack: Vec::new(),
            outside: 0,
            bytes: 0,
            environment: Environment::default(),
            open: Vec::new(),
            top: Vec::new(),
        }
    }

    pub(super) fn read(mut self, path: &Path) -> (Vec<Entry>, Environment) {
        let start = Place::new(&Arc::from(path), 1);
        self.file(path, &start, Presence::Needed);
        let mut top = std::mem::take(&mut self.top);
        args::attach(&mut top, &mut |path, place, driver| self.args_file(path, place, driver));
        self.environment.define(&top);
        (top, self.environment)
    }

    /// Reads the file of a passdb's `args`, as a block.
    fn args_file(&mut self, path: &Path, place: &Place, driver: &str) -> Option<Entry> {
        let (name, label) = (ARGS_FILE.to_owned(), Some(driver.to_owned()));
        self.open.push(Open { place: place.clone(), name, label, entries: Vec::new() });
        self.file(path, place, Presence::Needed);
        let Open { place, name, label, entries } = self.open.pop()?;
        Some(Entry { place, name, item: Item::Block { label, entries } })
    }

    /// Reads one file; `from` is where it was asked for.
    fn file(&mut self, path: &Path, from: &Place, presence: Presence) {
        let bytes = match self.source.read(path) {
            Ok(bytes) => bytes,
            // What can't be read although it is there may hold anything, certificates among it.
            Err(fault) if presence == Presence::Optional && fault.kind() == ErrorKind::NotFound => {
                return;
            }
            Err(fault) => {
                let text = format!("cannot read {}: {fault}", path.display());
                return self.findings.error(from, "", text);
            }
        };
        if !self.admit(path, bytes.len(), from) {
            return;
        }
        let outside = std::mem::replace(&mut self.outside, self.open.len());
        self.stack.push(path.to_path_buf());
        let file: Arc<Path> = Arc::from(path);
        for line in files::lines(&bytes) {
            match line {
                Ok(line) => self.line(&file, &line),
                Err((number, text)) => self.findings.error(&Place::new(&file, number), "", text),
            }
        }
        self.stack.pop();
        while self.open.len() > self.outside {
            let Some(block) = self.open.last() else { break };
            let (place, name) = (block.place.clone(), block.name.clone());
            let text =
                format!("the block `{name}` that is opened here is never closed, expected `}}`");
            self.findings.error(&place, "", text);
            self.close();
        }
        self.outside = outside;
    }

    /// Counts a file in, or says why there is no place for it.
    fn admit(&mut self, path: &Path, bytes: usize, from: &Place) -> bool {
        let shown = path.display();
        if bytes > FILE_BYTES_MAX {
            let text =
                format!("{shown} is larger than {FILE_BYTES_MAX} bytes; is this the right file?");
            self.findings.error(from, "", text);
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > ALL_BYTES_MAX {
            let text = format!("with {shown} the configuration exceeds {ALL_BYTES_MAX} bytes");
            self.findings.error(from, "", text);
            return false;
        }
        true
    }

    fn line(&mut self, file: &Arc<Path>, line: &LogicalLine) {
        let place = Place::new(file, line.number);
        match line::statements(&line.text) {
            Ok(statements) => {
                for statement in statements {
                    self.statement(statement, &place);
                }
            }
            Err(text) => self.findings.error(&place, "", text),
        }
    }

    fn statement(&mut self, statement: Statement, place: &Place) {
        match statement {
            Statement::Set { name, value } => {
                let value = self.value(value, place);
                self.add(Entry { place: place.clone(), name, item: Item::Value(value) });
            }
            Statement::Open { name, label } => {
                if self.open.len() == BLOCK_DEPTH_MAX {
                    let text = format!("more than {BLOCK_DEPTH_MAX} blocks inside each other");
                    self.findings.error(place, &name, text);
                }
                self.open.push(Open { place: place.clone(), name, label, entries: Vec::new() });
            }
            Statement::Close if self.open.len() == self.outside => {
                self.findings.error(place, "", "found `}`, but no block is open in this file");
            }
            Statement::Close => self.close(),
            Statement::Include { pattern, optional } => self.include(&pattern, optional, place),
        }
    }

    fn add(&mut self, entry: Entry) {
        match self.open.last_mut() {
            Some(block) => block.entries.push(entry),
            None => self.top.push(entry),
        }
    }

    fn close(&mut self) {
        let Some(Open { place, name, label, entries }) = self.open.pop() else {
            return;
        };
        // Blocks beyond the bound were reported when they were opened; their content goes with them.
        if self.open.len() < BLOCK_DEPTH_MAX {
            self.add(Entry { place, name, item: Item::Block { label, entries } });
        }
    }

    fn value(&mut self, value: Text, place: &Place) -> Value {
        let is_quoted = matches!(value, Text::Quoted(_));
        let path = match value {
            Text::Plain(text) | Text::Quoted(text) => {
                self.environment.collect(&text, self.source);
                return Value { text, is_quoted, ..Value::default() };
            }
            Text::Hidden => return Value { hidden: true, ..Value::default() },
            Text::FromFile(path) => place.resolve(&path),
        };
        match self.content(&path, place) {
            Ok(text) => Value { text, file: Some(path), ..Value::default() },
            Err(fault) => Value { file: Some(path), fault: Some(fault), ..Value::default() },
        }
    }

    fn content(&mut self, path: &Path, place: &Place) -> Result<String, String> {
        let read = self.source.read(path);
        let bytes = read.map_err(|fault| format!("cannot read {}: {fault}", path.display()))?;
        if !self.admit(path, bytes.len(), place) {
            return Ok(String::new());
        }
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        text.ok_or_else(|| format!("{} is not text in UTF-8", path.display()))
    }

    fn include(&mut self, pattern: &str, optional: bool, place: &Place) {
        // `!include_try` would say nothing, and what the file protects would be open.
        if let Some(start) = unexpanded(pattern) {
            let text = format!(
                "`{start}` is not expanded in the name of a file to include; write the name itself"
            );
            return self.findings.error(place, "!include", text);
        }
        let paths = match files::matching(self.source, &place.resolve(pattern)) {
            Ok(paths) => paths,
            Err(fault) if optional && fault.kind() == ErrorKind::NotFound => return,
            Err(fault) => {
                return self.findings.error(
                    place,
                    "!include",
                    format!("cannot list {pattern}: {fault}"),
                );
            }
        };
        if paths.is_empty() && !optional {
            let text = format!("no file matches {pattern}; `!include_try` allows that");
            self.findings.error(place, "!include", text);
        }
        for path in paths {
            if self.stack.contains(&path) {
                let text = format!("{} includes itself", path.display());
                self.findings.error(place, "!include", text);
            } else if self.stack.len() >= INCLUDE_DEPTH_MAX {
                let text = format!("more than {INCLUDE_DEPTH_MAX} files include each other");
                self.findings.error(place, "!include", text);
            } else {
                let presence = if optional { Presence::Optional } else { Presence::Needed };
                self.file(&path, place, presence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Files;
    use proptest::prelude::*;

    fn read(files: &[(&str, &str)]) -> (Vec<Entry>, Vec<String>) {
        let mut findings = Findings::default();
        let mut source = Files::new(files);
        let (entries, _) = super::super::read(&mut source, Path::new(files[0].0), &mut findings);
        let errors = findings.into_parts().0.iter().map(ToString::to_string).collect();
        (entries, errors)
    }

    fn text(entry: &Entry) -> &str {
        match &entry.item {
            Item::Value(value) => &value.text,
            Item::Block { .. } => panic!("block"),
        }
    }

    #[test]
    fn includes_are_read_in_place_relative_to_the_including_file() {
        let (entries, errors) = read(&[
            ("/e/hale.conf", "a = 1\n!include conf.d/*.conf\nz = 9\n!include_try missing.conf\n"),
            ("/e/conf.d/20.conf", "c = 3\n"),
            ("/e/conf.d/10.conf", "b = 2\nfile = <secret\n"),
            ("/e/conf.d/secret", "hush\n"),
        ]);
        assert_eq!(errors, [""; 0]);
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "file", "c", "z"]);
        assert_eq!(text(&entries[2]), "hush\n");
        assert_eq!(entries[3].place.to_string(), "/e/conf.d/20.conf:1");
    }

    #[test]
    fn op_01_include_loops_missing_files_and_open_blocks_name_file_and_line() {
        let (_, errors) = read(&[
            (
                "/e/a",
                "\n!include b\n!include missing\n!include *.none\nx = <nothing\n}\nservice y {\n",
            ),
            ("/e/b", "!include a\n"),
        ]);
        let expected = [
            "/e/a:3: cannot read /e/missing",
            "/e/a:4: setting !include: no file matches",
            "/e/a:6: found `}`",
            "/e/a:7: the block `service`",
            "/e/b:1: setting !include: /e/a includes itself",
        ];
        for (text, start) in errors.iter().zip(expected) {
            assert!(text.starts_with(start), "{text} / {start}");
        }
        assert_eq!(errors.len(), expected.len());
    }

    #[test]
    fn op_01_an_included_file_cannot_close_blocks_of_the_file_around_it() {
        let (entries, errors) =
            read(&[("/e/a", "x {\n!include b\nc = 1\n}\n"), ("/e/b", "d = 2\n}\ny {\n")]);
        assert_eq!(entries.len(), 1);
        assert!(errors[0].starts_with("/e/b:2: found `}`"));
        assert!(errors[1].starts_with("/e/b:3: the block `y`"));
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn op_01_ten_megabytes_are_refused() {
        let large = "a = b\n".repeat(10 << 20 >> 2);
        let (entries, errors) = read(&[("/e/a", &large)]);
        assert!(entries.is_empty());
        assert!(errors[0].starts_with("/e/a:1: /e/a is larger than"));
    }

    #[test]
    fn op_01_endless_nesting_is_refused() {
        let (entries, errors) = read(&[("/e/a", &"x {\n".repeat(5000))]);
        assert_eq!(entries.len(), 1);
        assert!(errors[0].contains("more than 16 blocks"));
    }

    proptest! {
        #[test]
        fn op_01_arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut source = Files::default();
            source.insert("/e/a", &bytes);
            let _ = crate::config::load(&mut source, Path::new("/e/a"));
        }

        #[test]
        fn op_01_arbitrary_lines_never_panic(
            text in r#"([a-z_@!]{0,9} ?[=\{\}<>"'#\\%|:] ?[ -~]{0,20}(\n|\\\n)?){0,20}"#
        ) {
            let _ = read(&[("/e/a", &text)]);
        }
    }
}
