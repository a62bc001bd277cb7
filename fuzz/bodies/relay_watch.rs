//! Body of the fuzz target `relay_watch`, replayed on stable by `tests/pure/corpus.rs`.

use hale::names::Protocol;
use hale::relay::Watch;

/// The first byte chooses the side, the rest is what it says behind a ManageSieve login: no panic, the same verdict however
/// it is cut, no command hidden where there are no literals to hide it in; from a backend nothing but letters of a name and
/// whole lines change.
pub(crate) fn run(input: &[u8]) {
    let Some((&side, stream)) = input.split_first() else {
        return;
    };
    if side & 1 == 0 {
        from_client(stream);
    } else {
        from_backend(stream);
    }
}

fn from_client(stream: &[u8]) {
    let whole = passes(stream, stream.len().max(1));
    for size in [1, 2, 5, 33] {
        assert_eq!(passes(stream, size), whole, "in pieces of {size}");
    }
    if !stream.contains(&b'{') {
        let mut lines = stream.split(|byte| matches!(byte, b'\r' | b'\n'));
        assert_eq!(whole, !lines.any(is_forbidden), "another reading of the same lines");
    }
}

fn passes(stream: &[u8], size: usize) -> bool {
    let mut watch = Watch::of(Protocol::Sieve).unwrap_or_default();
    stream.chunks(size).all(|piece| watch.from_client(piece).is_ok())
}

fn is_forbidden(line: &[u8]) -> bool {
    let begin = line.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'"' | 0));
    let words = [&b"UNAUTHENTICATE"[..], b"STARTTLS"];
    words.iter().any(|word| {
        let begin = begin.unwrap_or_default();
        let start = line.get(begin..begin.saturating_add(word.len()));
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    })
}

fn from_backend(stream: &[u8]) {
    for size in [1, 2, 5, 33, stream.len().max(1)] {
        let mut watch = Watch::of(Protocol::Sieve).unwrap_or_default();
        let mut shown = Vec::new();
        for piece in stream.chunks(size) {
            let mut piece = piece.to_vec();
            let left = watch.from_backend(&mut piece);
            assert!(left <= piece.len(), "more than there was");
            shown.extend_from_slice(piece.get(..left).unwrap_or_default());
        }
        // What is shown is what was said, with gaps, and with a dash for a letter.
        let mut said = stream.iter();
        for byte in &shown {
            let is_here =
                |known: &u8| known == byte || (*byte == b'-' && known.eq_ignore_ascii_case(&b'e'));
            assert!(said.any(is_here), "in pieces of {size}: {}", shown.escape_ascii());
        }
        let quotes_a_name =
            stream.windows(2).any(|pair| matches!(pair, b"\"u" | b"\"U" | b"\nu" | b"\nU"));
        assert!(quotes_a_name || shown == stream, "nothing to take out");
    }
}
