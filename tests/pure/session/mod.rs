//! The pure session as a whole: transcripts, what holds for every input, and what a session weighs.

mod injection;
mod leaving;
mod limits;
mod log_lines;
mod player;
mod properties;
mod stage;
mod watched;

use std::path::Path;

use player::{Cutting, Player};

/// Plays `tests/transcripts/session/*.txt` three times each: line by line, byte by byte, and with everything a peer says
/// in a row glued into one segment. All three must look the same.
#[test]
fn edge_1_transcripts_of_sessions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/session");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 30, "transcripts are missing");
    let mut failures = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for cutting in [Cutting::Lines, Cutting::Bytes, Cutting::Glued] {
            if let Err(complaint) = Player::play(&text, cutting) {
                let name = file.file_name().unwrap().display();
                failures.push_str(&format!("{name} ({cutting:?}): {complaint}\n"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}
