//! Body of the fuzz target `wire_frame`, replayed on stable by `tests/pure/corpus.rs`.

use hale::wire::frame::{Frame, Framer};

/// The first byte chooses the limit of lines, the rest is a stream of commands: no panic, the same commands however they
/// arrive, each inside the bytes there are, each inside the limit.
pub(crate) fn run(input: &[u8]) {
    let Some((&limit, stream)) = input.split_first() else {
        return;
    };
    let limit = usize::from(limit);
    let whole = commands(stream, limit, stream.len().max(1));
    for size in [1, 2, 5, 33] {
        assert_eq!(commands(stream, limit, size), whole, "in pieces of {size}");
    }
}

/// Every frame up to the first that is too long, with its place in the stream.
fn commands(stream: &[u8], limit: usize, size: usize) -> Vec<(usize, Frame)> {
    let (mut framer, mut start, mut arrived) = (Framer::default(), 0, 0);
    let mut found = Vec::new();
    let mut lines = 0_usize;
    while arrived < stream.len() {
        arrived = arrived.saturating_add(size).min(stream.len());
        loop {
            let bytes = stream.get(start..arrived).unwrap_or_default();
            let frame = framer.next(bytes, limit);
            match frame {
                Frame::More => break,
                Frame::TooLong => {
                    found.push((start, frame));
                    return found;
                }
                Frame::Literal { announcement, head } => {
                    assert!(head <= bytes.len());
                    found.push((start, frame));
                    lines += 1;
                    match usize::try_from(announcement.bytes) {
                        Ok(literal) if literal <= LITERAL_BYTES_MAX => framer.expect(literal),
                        _ => {
                            (start, framer) = (start + head, Framer::default());
                        }
                    }
                }
                Frame::Command { text, whole, .. } => {
                    assert!(text < whole && whole <= bytes.len());
                    assert!(lines > 0 || text <= limit, "too long and taken");
                    found.push((start, frame));
                    lines = 0;
                    (start, framer) = (start + whole, Framer::default());
                }
            }
        }
    }
    found
}

/// Small, so that short inputs hold whole literals.
const LITERAL_BYTES_MAX: usize = 64;
