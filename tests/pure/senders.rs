//! PROXY headers that libraries of other languages wrote, which cannot be run here (`tests/senders/generate` ran them).

use hale::facts::Transport;
use hale::proxy_header::{Decoder, Header, Outcome};

const HEADERS: &str = include_str!("../senders/headers.txt");

#[test]
fn headers_of_other_libraries_are_read_as_they_were_meant() {
    let rows = HEADERS.lines().filter(|row| !row.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let [what, expected, header] = row.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        let header = bytes(header);
        let stream = [&header[..], b"a1 NOOP\r\n"].concat();
        let outcome = Decoder::new().decode(&stream);
        let read = match &outcome {
            Outcome::Done { header: read, consumed } => {
                assert_eq!(*consumed, header.len(), "{what}");
                told(read)
            }
            Outcome::Refused(refusal) => format!("refused {refusal:?}"),
            Outcome::Incomplete => "incomplete".to_owned(),
        };
        assert_eq!(read, expected, "{what}");
        assert_eq!(byte_by_byte(&header), told_of(&outcome), "{what}");
        count += 1;
    }
    assert_eq!(count, 38, "headers.txt lost some");
}

/// What a header says, in the words of headers.txt.
fn told(header: &Header) -> String {
    let mut told = match (header.source, header.destination) {
        (Some(source), Some(destination)) => format!("{source} {destination}"),
        _ => "socket".to_owned(),
    };
    if let Some(name) = &header.tlvs.authority {
        told += &format!(" name={name}");
    }
    if header.transport() == Transport::Tls {
        let name = header.tlvs.ssl.as_ref().and_then(|ssl| ssl.verified_common_name.as_ref());
        told += &name.map_or_else(|| " tls".to_owned(), |name| format!(" tls={name}"));
    }
    told
}

fn told_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done { header, .. } => Some(told(header)),
        Outcome::Refused(_) | Outcome::Incomplete => None,
    }
}

fn byte_by_byte(header: &[u8]) -> Option<String> {
    let mut decoder = Decoder::new();
    let outcomes = header.chunks(1).map(|piece| decoder.decode(piece));
    told_of(&outcomes.last()?)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
