//! Version 1: one line of text (doc/proxy-protocol.txt 2.1; W-PP1-1).

use std::net::{IpAddr, SocketAddr};

use super::{Command, Family, Header, Progress, Refusal, agrees_so_far};
use crate::limits::PROXY_V1_BYTES_MAX;

/// How every line begins.
pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// What may follow. The long form of `UNKNOWN` has a space, the short one the line's end.
const KEYWORDS: [&[u8]; 4] = [b"TCP4 ", b"TCP6 ", b"UNKNOWN ", b"UNKNOWN\r"];

/// ```text
/// header = "PROXY" SP ( inet SP src SP dst SP sport SP dport / "UNKNOWN" [SP junk] ) CRLF
/// inet   = "TCP4" / "TCP6"
/// ```
pub(super) fn decode(bytes: &[u8]) -> Result<Progress, Refusal> {
    let window = bytes.get(..PROXY_V1_BYTES_MAX).unwrap_or(bytes);
    if !agrees_so_far(window, SIGNATURE) {
        return Err(Refusal::NotAHeader);
    }
    let words = window.get(SIGNATURE.len()..).unwrap_or(&[]);
    if !KEYWORDS.iter().any(|keyword| agrees_so_far(words, keyword)) {
        return Err(Refusal::Keyword);
    }
    let Some(line) = line(window)? else {
        return Ok(Progress::Wants(PROXY_V1_BYTES_MAX));
    };
    Ok(Progress::Complete(header(line)?, line.len().saturating_add(b"\r\n".len())))
}

/// The line without its CRLF, or `None` while that may still come.
fn line(window: &[u8]) -> Result<Option<&[u8]>, Refusal> {
    let full = window.len() == PROXY_V1_BYTES_MAX;
    let Some(end) = window.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if full { Err(Refusal::LineTooLong) } else { Ok(None) };
    };
    let (line, rest) = window.split_at_checked(end).unwrap_or((window, &[]));
    match rest {
        [b'\r', b'\n', ..] => Ok(Some(line)),
        [b'\r'] if full => Err(Refusal::LineTooLong),
        [b'\r'] => Ok(None),
        _ => Err(Refusal::BareLineEnd),
    }
}

fn header(line: &[u8]) -> Result<Header, Refusal> {
    // A line that is not ASCII has no address in it; only the rest of an UNKNOWN line may be anything.
    let words = line.get(SIGNATURE.len()..).unwrap_or(&[]);
    if words.starts_with(b"UNKNOWN") {
        return Ok(Header::without_addresses(Command::Proxy, Family::Unspecified));
    }
    let text = str::from_utf8(words).map_err(|_| Refusal::Address)?;
    let mut words = text.split(' ');
    let (Some(inet), Some(source), Some(destination), Some(sport), Some(dport), None) =
        (words.next(), words.next(), words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::Words);
    };
    if [source, destination, sport, dport].contains(&"") {
        return Err(Refusal::Words);
    }
    let (source, destination) = (address(source)?, address(destination)?);
    if source.is_ipv4() != destination.is_ipv4() {
        return Err(Refusal::MixedFamilies);
    }
    if source.is_ipv4() != (inet == "TCP4") {
        return Err(Refusal::Address);
    }
    let source = SocketAddr::new(source, port(sport)?);
    let destination = SocketAddr::new(destination, port(dport)?);
    Ok(super::v2::for_client(source, destination))
}

/// Dotted quad without leading zeros, or RFC 4291 2.2 text without scope id, which is what `IpAddr` accepts.
fn address(word: &str) -> Result<IpAddr, Refusal> {
    word.parse().map_err(|_| Refusal::Address)
}

/// ```text
/// port = "0" / nonzero-digit *4DIGIT      ; 0..65535, no leading zero, no sign
/// ```
fn port(word: &str) -> Result<u16, Refusal> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (word.len() > 1 && word.starts_with('0')) {
        return Err(Refusal::Port);
    }
    word.parse().map_err(|_| Refusal::Port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(line: &str) -> Result<Option<(Header, usize)>, Refusal> {
        Ok(match decode(line.as_bytes())? {
            Progress::Wants(_) => None,
            Progress::Complete(header, length) => Some((header, length)),
        })
    }

    #[test]
    fn wire_16_lines_that_are_accepted() {
        let line = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n";
        let (header, length) = decoded(line).unwrap().unwrap();
        assert_eq!(length, line.len());
        assert_eq!(header.source, Some("192.0.2.1:56324".parse().unwrap()));
        assert_eq!(header.destination, Some("198.51.100.2:143".parse().unwrap()));

        let (header, _) =
            decoded("PROXY TCP6 2001:db8::1 2001:db8::2 65535 993\r\n").unwrap().unwrap();
        assert_eq!(header.source, Some("[2001:db8::1]:65535".parse().unwrap()));
        assert_eq!(header.family, Family::Inet6);

        let (header, length) = decoded("PROXY UNKNOWN\r\nx").unwrap().unwrap();
        assert_eq!((header.source, header.destination, length), (None, None, 15));
        assert_eq!(header.command, Command::Proxy);
    }

    #[test]
    fn wire_16_longest_legal_line_has_107_bytes() {
        let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107 - 16));
        assert_eq!(decoded(&line).unwrap().unwrap().1, 107);
        let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(108 - 16));
        assert_eq!(decoded(&line), Err(Refusal::LineTooLong));
    }

    #[test]
    fn keywords_are_judged_before_the_line_is_complete() {
        assert_eq!(decoded("PROXY t"), Err(Refusal::Keyword));
        assert_eq!(decoded("PROXY TCP5"), Err(Refusal::Keyword));
        assert_eq!(decoded("PROXY\t"), Err(Refusal::NotAHeader));
        assert_eq!(decoded("POST "), Err(Refusal::NotAHeader));
        assert_eq!(decoded("PROXY TCP"), Ok(None));
        assert_eq!(decoded("PROXY UNKNOWNX"), Err(Refusal::Keyword));
        assert_eq!(decoded("PROXY UNKNOWN\r"), Ok(None));
    }

    #[test]
    fn ports_have_one_spelling() {
        for (word, port_number) in [("0", 0), ("1", 1), ("65535", 65_535)] {
            assert_eq!(port(word), Ok(port_number));
        }
        for word in ["", "00", "0143", "+143", "-1", "65536", "4294967439", "14 3", "१"] {
            assert!(word.is_empty() || port(word) == Err(Refusal::Port), "{word}");
        }
    }
}
