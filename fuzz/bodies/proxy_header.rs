//! Body of the fuzz target `proxy_header`, replayed on stable by `tests/pure/corpus.rs`.

use hale::limits::PROXY_V2_BLOCK_BYTES_MAX;
use hale::proxy_header::encode::{self, Endpoints, Outgoing};
use hale::proxy_header::{Decoder, Outcome};

/// Any bytes: no panic, the same outcome however they are cut, bounded memory, nothing behind the header consumed, and what
/// was understood survives being sent on.
pub(crate) fn run(stream: &[u8]) {
    let whole = Decoder::new().decode(stream);
    for size in [1, 2, 5, 12, 16, 107] {
        assert_eq!(fed(stream.chunks(size)), whole, "in pieces of {size}");
    }
    let (left, right) = stream.split_at(stream.len() / 2);
    assert_eq!(fed([left, right].into_iter()), whole, "in halves");

    let Outcome::Done { header, consumed } = whole else {
        return;
    };
    assert!(consumed <= stream.len());
    assert_eq!(header.source.is_some(), header.destination.is_some());
    let (own, _) = stream.split_at(consumed);
    let alone = Decoder::new().decode(own);
    assert_eq!(alone, Outcome::Done { header: header.clone(), consumed }, "payload was read");

    let endpoints = header.source.zip(header.destination);
    let endpoints = endpoints.map(|(source, destination)| Endpoints { source, destination });
    let sent = encode::v2(&Outgoing {
        endpoints,
        authority: header.tlvs.authority.as_deref(),
        unique_id: header.tlvs.unique_id.as_deref(),
        checksum: true,
        ..Outgoing::default()
    });
    let Outcome::Done { header: again, consumed } = Decoder::new().decode(&sent.bytes) else {
        panic!("our own header is refused");
    };
    assert_eq!(consumed, sent.bytes.len());
    assert_eq!((again.source, again.destination), (header.source, header.destination));
}

fn fed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new();
    let mut before = 0;
    for piece in pieces {
        match decoder.decode(piece) {
            Outcome::Incomplete => before += piece.len(),
            Outcome::Done { header, consumed } => {
                return Outcome::Done { header, consumed: before + consumed };
            }
            refused @ Outcome::Refused(_) => return refused,
        }
        assert!(decoder.kept_bytes() <= 16 + PROXY_V2_BLOCK_BYTES_MAX, "holds too much");
    }
    Outcome::Incomplete
}
