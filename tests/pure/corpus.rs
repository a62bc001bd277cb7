//! Replays every stored fuzz input on stable, through the very bodies that the fuzzer runs.
//!
//! A crash that the fuzzer found is fixed together with its input in `fuzz/corpus/<target>/`.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[path = "../../fuzz/bodies/proxy_header.rs"]
mod proxy_header;

#[test]
fn stored_inputs_of_proxy_header() {
    replay("proxy_header", proxy_header::run);
}

#[test]
fn every_stored_corpus_is_replayed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut names: Vec<_> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["proxy_header"], "add the new target's body and test to this file");
}

fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        assert!(catch_unwind(|| body(&input)).is_ok(), "{} fails", path.display());
        replayed += 1;
    }
    assert!(replayed > 0, "{} is empty", folder.display());
}
