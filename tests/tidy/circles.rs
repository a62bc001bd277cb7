//! No file of a room imports a file that imports it, by whatever way: who reads one knows which to read before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Finding;
use super::modules::Tree;

/// Importer → imported → the line of the first import, of the files of one room.
type Graph<'a> = BTreeMap<&'a [String], BTreeMap<&'a [String], usize>>;

/// The shortest circle of each knot of files in a room, printed as the way around.
pub(crate) fn circles(tree: &Tree, room: &str) -> Vec<Finding> {
    let graph = graph(tree, room);
    let (mut findings, mut told) = (Vec::new(), BTreeSet::new());
    let ways = graph.keys().filter_map(|start| around(&graph, start));
    let mut ways: Vec<Vec<&[String]>> = ways.collect();
    ways.sort_by_key(Vec::len);
    for way in ways {
        // Each file is named once; what else its knot holds shows when this circle is gone.
        if way.iter().any(|path| told.contains(path)) {
            continue;
        }
        told.extend(way.iter().copied());
        let steps = way
            .iter()
            .zip(way.iter().cycle().skip(1))
            .map(|(from, to)| format!("{}:{} → ", tree.modules[*from].file, graph[*from][*to]));
        let first = &tree.modules[way[0]].file;
        let rule = format!("a circle of imports: {}{first}", steps.collect::<String>());
        findings.push(Finding {
            file: first.clone(),
            line: graph[way[0]][way[1 % way.len()]],
            rule,
        });
    }
    findings
}

fn graph<'a>(tree: &'a Tree, room: &str) -> Graph<'a> {
    let mut graph = Graph::new();
    for (path, module) in tree.modules.iter().filter(|(path, _)| path[0] == room) {
        let edges: &mut BTreeMap<_, _> = graph.entry(path.as_slice()).or_default();
        for (line, leads) in &module.paths {
            let to = tree.module_at(leads).filter(|to| to[0] == room && *to != path);
            if let Some(to) = to {
                let first = edges.entry(to.as_slice()).or_insert(*line);
                *first = (*first).min(*line);
            }
        }
    }
    graph
}

/// The shortest way from a file over its imports back to itself.
fn around<'a>(graph: &Graph<'a>, start: &'a [String]) -> Option<Vec<&'a [String]>> {
    let mut came_from: BTreeMap<&[String], &[String]> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(at) = next.pop_front() {
        for to in graph.get(at)?.keys() {
            if *to == start {
                let mut way = vec![at];
                while *way.last()? != start {
                    way.push(came_from[way.last()?]);
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(to) {
                came_from.insert(to, at);
                next.push_back(to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::source::SourceFile;
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<SourceFile> =
            files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        circles(&Tree::of(&files), "w").iter().map(Finding::to_string).collect()
    }

    #[test]
    fn circles_are_told_as_the_way_around() {
        let files = [
            ("src/w/mod.rs", "mod a; mod b; mod c; mod d;"),
            ("src/w/a.rs", "use super::b::B;"),
            ("src/w/b.rs", "\nfn f() { super::c::g() }"),
            ("src/w/c.rs", "use crate::w::{d, a::A};"),
            ("src/w/d.rs", ""),
        ];
        let way = "src/w/a.rs:1 → src/w/b.rs:2 → src/w/c.rs:1 → src/w/a.rs";
        assert_eq!(found(&files), [format!("src/w/a.rs:1: a circle of imports: {way}")]);
    }

    #[test]
    fn a_folder_that_hands_on_what_its_files_define_is_not_imported_by_them() {
        let handed_on = [
            ("src/w/mod.rs", "mod a;\npub use a::A;\npub struct B;"),
            ("src/w/a.rs", "use super::B;"),
        ];
        assert_eq!(found(&handed_on).len(), 1);
        let apart = [
            ("src/w/mod.rs", "mod a; mod b;\npub use a::A;\npub use b::B;"),
            ("src/w/a.rs", "use super::b::B;"),
            ("src/w/b.rs", "pub struct B;"),
        ];
        assert_eq!(found(&apart), [""; 0]);
    }

    #[test]
    fn tests_comments_and_other_rooms_close_no_circle() {
        let files = [
            ("src/w/a.rs", "use super::b::B;\n//! [`super::a`]"),
            (
                "src/w/b.rs",
                "// super::a::A\nuse crate::v::V;\n#[cfg(test)]\nmod tests { use super::super::a::A; }",
            ),
            ("src/v.rs", "use crate::w::b::B;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn two_knots_are_two_findings() {
        let files = [
            ("src/w/a.rs", "use super::b::B;"),
            ("src/w/b.rs", "use super::a::A;"),
            ("src/w/c/mod.rs", "use self::d::D;"),
            ("src/w/c/d.rs", "use super::C;"),
        ];
        assert_eq!(found(&files).len(), 2);
    }
}
