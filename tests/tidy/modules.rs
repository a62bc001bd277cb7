//! Which file a path in the code leads to: the tree of modules, what each file imports, and where a type is defined.
//!
//! Names are resolved as far as files go. A path leads to the last module in it that has a file, so `super::machine::Stage`
//! leads to `machine.rs` and does not touch the folder's `mod.rs`; `super::Stage` leads to `mod.rs`, also if that only
//! hands on what another file defines. A declaration (`mod machine;`) imports nothing. What stands under `#[cfg(test)]`
//! is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{SourceFile, is_word};
use super::tokens::{token, tokens, without_tests};

/// All files below `src`, by their module paths: `["worker", "relay"]`.
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<Vec<String>, Module>,
}

/// One file as far as paths go.
pub(crate) struct Module {
    pub(crate) file: String,
    /// Every path of the code, from the crate's root on, with the line where it stands.
    pub(crate) paths: Vec<(usize, Vec<String>)>,
    /// Names that imports bring in, and where from.
    names: BTreeMap<String, Vec<String>>,
    /// Modules of which everything is imported.
    globs: Vec<Vec<String>>,
    /// Structs, enums and unions defined here.
    types: BTreeSet<String>,
    /// `impl Type { … fn … }`: the type's path as written, and the line.
    inherent: Vec<(usize, Vec<String>)>,
}

impl Tree {
    pub(crate) fn of(files: &[SourceFile]) -> Self {
        let places: BTreeMap<Vec<String>, &SourceFile> =
            files.iter().filter_map(|file| Some((module_path(&file.path)?, file))).collect();
        let is_module = |path: &[String]| places.contains_key(path);
        let read = |(path, file): (&Vec<String>, &&SourceFile)| {
            (path.clone(), Module::read(path, file, &is_module))
        };
        Self { modules: places.iter().map(read).collect() }
    }

    /// The module, of those with a file, to which a path leads.
    pub(crate) fn module_at(&self, path: &[String]) -> Option<&Vec<String>> {
        let prefix = |length| self.modules.get_key_value(&path[..length]);
        (1..=path.len()).rev().find_map(prefix).map(|(path, _)| path)
    }

    /// Every type with methods of its own, and the places where it has them.
    pub(crate) fn inherent_methods(&self) -> BTreeMap<Vec<String>, Vec<(String, usize)>> {
        let mut found: BTreeMap<Vec<String>, Vec<(String, usize)>> = BTreeMap::new();
        for (path, module) in &self.modules {
            for (line, written) in &module.inherent {
                let defined = self.definition(&module.absolute(path, written), 0);
                found.entry(defined).or_default().push((module.file.clone(), *line));
            }
        }
        found
    }

    /// Follows imports and re-exports to the file that defines a type.
    fn definition(&self, path: &[String], hops: usize) -> Vec<String> {
        let Some((name, _)) = path.split_last() else {
            return Vec::new();
        };
        let Some(at) = self.module_at(&path[..path.len() - 1]).filter(|_| hops < 8) else {
            return path.to_vec();
        };
        let module = &self.modules[at];
        if module.types.contains(name) {
            return at.iter().chain([name]).cloned().collect();
        }
        if let Some(next) = module.names.get(name).filter(|next| next.as_slice() != path) {
            return self.definition(next, hops + 1);
        }
        let through = |glob: &Vec<String>| {
            let next: Vec<String> = glob.iter().chain([name]).cloned().collect();
            let found = self.definition(&next, hops + 1);
            let place = self.module_at(&found[..found.len() - 1])?;
            self.modules[place].types.contains(name).then_some(found)
        };
        module.globs.iter().find_map(through).unwrap_or_else(|| path.to_vec())
    }
}

impl Module {
    fn read(path: &[String], file: &SourceFile, is_module: &dyn Fn(&[String]) -> bool) -> Self {
        let code = without_tests(&file.code);
        let tokens = tokens(&code);
        let line = |at: usize| file.line(at);
        let mut module = Self {
            file: file.path.clone(),
            paths: Vec::new(),
            names: BTreeMap::new(),
            globs: Vec::new(),
            types: BTreeSet::new(),
            inherent: Vec::new(),
        };
        let mut written = Vec::new();
        let (mut at, mut inner) = (0, Vec::new());
        while let Some(&(place, token)) = tokens.get(at) {
            let here: Vec<String> = path.iter().cloned().chain(names_of(&inner)).collect();
            match token {
                "use" => {
                    let (end, trees) = use_trees(&tokens, at + 1);
                    for (name, tree) in trees {
                        module.import(line(place), path, &here, name, &tree, is_module);
                    }
                    at = end;
                    continue;
                }
                "mod" if tokens.get(at + 2).is_some_and(|(_, token)| *token == "{") => {
                    inner.push(Some(tokens[at + 1].1.to_owned()));
                    at += 3;
                    continue;
                }
                // `pub(in crate::worker)` says who may see a thing, and imports nothing.
                "in" if at >= 2 && tokens[at - 2].1 == "pub" => {
                    at = plain_path(&tokens, at + 1).0;
                    continue;
                }
                "{" => inner.push(None),
                "}" => drop(inner.pop()),
                "struct" | "enum" | "union" => {
                    let name = tokens.get(at + 1).map_or("", |(_, name)| *name);
                    module.types.insert(name.to_owned());
                }
                "impl" => {
                    let found = inherent_impl(&tokens, at);
                    module.inherent.extend(found.map(|path| (line(place), path)));
                }
                _ => {}
            }
            let (end, segments) = plain_path(&tokens, at);
            if segments.len() > 1 {
                written.push((line(place), here, segments));
            }
            at = end.max(at + 1);
        }
        for (line, here, segments) in written {
            module
                .paths
                .extend(module.resolve(path, &here, &segments, is_module).map(|path| (line, path)));
        }
        module
    }

    fn import(
        &mut self,
        line: usize,
        path: &[String],
        here: &[String],
        name: Option<String>,
        tree: &[String],
        is_module: &dyn Fn(&[String]) -> bool,
    ) {
        let Some(absolute) = self.resolve(path, here, tree, is_module) else {
            return;
        };
        self.paths.push((line, absolute.clone()));
        match name {
            Some(name) => drop(self.names.insert(name, absolute)),
            None => self.globs.push(absolute),
        }
    }

    /// A path as written in module `here` of the file of module `path`, from the root on; `None`: it leads out of the crate.
    fn resolve(
        &self,
        path: &[String],
        here: &[String],
        segments: &[String],
        is_module: &dyn Fn(&[String]) -> bool,
    ) -> Option<Vec<String>> {
        let (first, rest) = segments.split_first()?;
        let mut base = match first.as_str() {
            "crate" | "hale" => Vec::new(),
            "self" => here.to_vec(),
            "super" => here[..here.len().checked_sub(1)?].to_vec(),
            name => match self.names.get(name) {
                Some(known) => known.clone(),
                None => {
                    let child: Vec<String> = path.iter().chain([first]).cloned().collect();
                    is_module(&child).then_some(child)?
                }
            },
        };
        for segment in rest {
            if segment == "super" {
                base.pop();
            } else if segment != "self" {
                base.push(segment.clone());
            }
        }
        Some(base)
    }

    /// Where a type leads that is named in the head of an `impl`.
    fn absolute(&self, path: &[String], written: &[String]) -> Vec<String> {
        let here = || path.iter().chain(written).cloned().collect();
        self.resolve(path, path, written, &|_| false).unwrap_or_else(here)
    }
}

/// `src/worker/mod.rs` → worker; `src/worker/relay.rs` → worker, relay. The crate's own files have no path.
fn module_path(file: &str) -> Option<Vec<String>> {
    let below = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let below = below.strip_suffix("/mod").unwrap_or(below);
    (!["lib", "main"].contains(&below)).then(|| below.split('/').map(str::to_owned).collect())
}

fn names_of(inner: &[Option<String>]) -> impl Iterator<Item = String> {
    inner.iter().flatten().cloned()
}

/// `a::b::c`, also with turbofish at the end: where it ends, and its segments.
fn plain_path(tokens: &[(usize, &str)], from: usize) -> (usize, Vec<String>) {
    let (mut at, mut segments) = (from, Vec::new());
    while token(tokens, at).bytes().next().is_some_and(is_word) {
        segments.push(token(tokens, at).to_owned());
        at += 1;
        if token(tokens, at) != "::" {
            break;
        }
        at += 1;
    }
    (at, segments)
}

/// What stands behind `use`, up to `;`: each name with its path, `None` for `*`.
#[expect(clippy::type_complexity, reason = "a list of leaves, read in one place")]
fn use_trees(tokens: &[(usize, &str)], from: usize) -> (usize, Vec<(Option<String>, Vec<String>)>) {
    let (mut at, mut leaves) = (from, Vec::new());
    // What stands before each brace that is open, and the path being read.
    let (mut prefixes, mut path): (Vec<Vec<String>>, Vec<String>) = (Vec::new(), Vec::new());
    let mut alias = None;
    loop {
        match token(tokens, at) {
            "{" => prefixes.push(std::mem::take(&mut path)),
            "," | "}" | ";" | "" => {
                if !path.is_empty() {
                    let whole: Vec<String> =
                        prefixes.iter().flatten().chain(&path).cloned().collect();
                    leaves.push(leaf(whole, alias.take()));
                    path.clear();
                }
                match token(tokens, at) {
                    "}" => drop(prefixes.pop()),
                    ";" | "" => return (at + 1, leaves),
                    _ => {}
                }
            }
            "as" => {
                alias = Some(token(tokens, at + 1).to_owned());
                at += 1;
            }
            "::" => {}
            segment => path.push(segment.to_owned()),
        }
        at += 1;
    }
}

fn leaf(mut path: Vec<String>, alias: Option<String>) -> (Option<String>, Vec<String>) {
    if path.last().is_some_and(|last| last == "*") {
        path.pop();
        return (None, path);
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    (alias.or_else(|| path.last().cloned()), path)
}

/// The type of `impl<…> Type<…> { … }` if there is a function in it, and no trait.
fn inherent_impl(tokens: &[(usize, &str)], from: usize) -> Option<Vec<String>> {
    let mut at = from + 1;
    if token(tokens, at) == "<" {
        at = behind_angles(tokens, at);
    }
    let (mut end, path) = plain_path(tokens, at);
    if token(tokens, end) == "<" {
        end = behind_angles(tokens, end);
    }
    // `impl Trait for`, and `impl Trait` as a type, end otherwise; a `where` may stand before the brace.
    let head = token(tokens, end);
    if path.is_empty() || (head != "{" && head != "where") {
        return None;
    }
    let open = (end..tokens.len()).find(|&at| token(tokens, at) == "{")?;
    let mut depth = 0_usize;
    for at in open..tokens.len() {
        match token(tokens, at) {
            "{" => depth += 1,
            "}" => depth -= 1,
            "fn" if depth == 1 => return Some(path),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    None
}

fn behind_angles(tokens: &[(usize, &str)], open: usize) -> usize {
    let mut depth = 0_usize;
    for at in open..tokens.len() {
        match token(tokens, at) {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let files: Vec<SourceFile> =
            files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        Tree::of(&files)
    }

    /// What the file of module `path` leads to.
    fn leads(tree: &Tree, path: &str) -> Vec<String> {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        let paths = tree.modules[&path].paths.iter();
        paths.filter_map(|(_, path)| Some(tree.module_at(path)?.join("::"))).collect()
    }

    const LEAVES: [(&str, &str); 3] =
        [("src/w/b.rs", ""), ("src/w/c/mod.rs", ""), ("src/w/c/d.rs", "")];

    #[test]
    fn paths_are_resolved_however_they_are_written() {
        for (text, expected) in [
            ("use super::b;", &["w::b"][..]),
            ("use super::b::X;", &["w::b"]),
            ("use super::X;", &["w"]),
            ("use super::*;", &["w"]),
            (
                "use crate::w::{X, b::{self, Y}, c::{d::Z as Q, V}};",
                &["w", "w::b", "w::b", "w::c::d", "w::c"],
            ),
            ("fn f() { crate::w::b::g(); super::c::d::h::<u8>() }", &["w::b", "w::c::d"]),
            ("use super::c; fn f() -> c::d::Z { c::g() }", &["w::c", "w::c::d", "w::c"]),
            ("use super::c as e; fn f(_: e::d::Z) {}", &["w::c", "w::c::d"]),
            ("mod inner { use super::super::b::X; use super::Y; }", &["w::b", "w::a"]),
            ("fn f() { self::g() }", &["w::a"]),
            ("use std::fmt::{self, Debug}; fn f() { fmt::write(); T::new() }", &[]),
        ] {
            let files = [&LEAVES[..], &[("src/w/a.rs", text), ("src/w/mod.rs", "mod a; mod b;")]];
            assert_eq!(leads(&tree(&files.concat()), "w::a"), expected, "{text}");
        }
    }

    #[test]
    fn declarations_are_no_imports_and_re_exports_are() {
        let declared = [&LEAVES[..], &[("src/w/mod.rs", "mod b; pub mod c;")]].concat();
        assert_eq!(leads(&tree(&declared), "w"), [""; 0]);
        let handed_on = [
            &LEAVES[..],
            &[("src/w/mod.rs", "mod b; mod c;\npub use b::X;\npub(crate) use self::c::Y;")],
        ];
        assert_eq!(leads(&tree(&handed_on.concat()), "w"), ["w::b", "w::c"]);
        let called = [&LEAVES[..], &[("src/w/mod.rs", "mod b; fn f() { b::g() }")]].concat();
        assert_eq!(leads(&tree(&called), "w"), ["w::b"]);
    }

    #[test]
    fn tests_are_left_out_and_what_follows_them_is_not() {
        let text = "
#[cfg(test)]
mod tests { use super::super::b::X; fn f() { a::b } }
#[cfg(test)]
#[allow(dead_code, reason = \"[\")]
fn g<A, B>(_: A) { super::b::X }
struct S { #[cfg(test)] x: super::b::X, #[cfg(test)] y: super::b::Y }
#[cfg(all(test, unix))]
use super::b::{C, D};
use super::c::V;";
        let files = [&LEAVES[..], &[("src/w/a.rs", text), ("src/w/mod.rs", "mod a;")]].concat();
        assert_eq!(leads(&tree(&files), "w::a"), ["w::c"]);
    }

    #[test]
    fn methods_are_counted_where_their_type_is_defined() {
        let files = [
            ("src/w/mod.rs", "mod a; mod b; mod t; pub use t::S;\npub struct Own;"),
            (
                "src/w/t.rs",
                "pub struct S<'a, T>(&'a T);\nimpl<'a, T: Into<u8>> S<'a, T> { fn a() {} }",
            ),
            ("src/w/a.rs", "use super::S;\nimpl<T> S<'_, T> where T: Copy { fn b() {} }"),
            (
                "src/w/b.rs",
                "use super::*;\nimpl S<'_, u8> { const X: u8 = 1; fn c() {} }\nimpl Own { fn x() {} }",
            ),
            (
                "src/w/c.rs",
                "use crate::w::t;\nimpl t::S<'_, u8> { fn d() {} }\nimpl From<u8> for t::S<'_, u8> { fn from() {} }",
            ),
            (
                "src/w/d.rs",
                "struct S;\nimpl S { fn other(x: impl Fn()) -> impl Iterator { 1 } }\nimpl super::S<'_, u8> { const Y: u8 = 1; }",
            ),
        ];
        let found = tree(&files).inherent_methods();
        let lines = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            found[&path].iter().map(|(file, line)| format!("{file}:{line}")).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(&["w", "t", "S"]),
            ["src/w/a.rs:2", "src/w/b.rs:2", "src/w/c.rs:2", "src/w/t.rs:2"]
        );
        assert_eq!(lines(&["w", "Own"]), ["src/w/b.rs:3"]);
        assert_eq!(lines(&["w", "d", "S"]), ["src/w/d.rs:2"]);
        assert_eq!(found.len(), 3);
    }
}
