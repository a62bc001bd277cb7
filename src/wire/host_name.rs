//! Host names that a client asked for: the value of SNI, wherever it is passed on (PROXY AUTHORITY, `x-connected-name`,
//! DESTNAME).
//!
//! Decides: what is a host name. Does not: say what to do with anything else; it is worth nothing, and no reason to turn a
//! client away. Clients send as SNI what their user wrote: address literals above all. Drivers: `proxy_header`, `preauth`.
//! Tests: below.

use std::net::Ipv4Addr;

use crate::limits::HOST_NAME_BYTES_MAX;

/// ```text
/// host-name = label *("." label) ["."]       ; RFC 1123 2.1, and "_", which real names have
/// label     = 1*63 ( ALPHA / DIGIT / "-" / "_" ), neither beginning nor ending with "-"
/// ```
///
/// Without the final dot. An IPv4 address has the looks of a name, but is none (RFC 6066 3).
#[must_use]
pub fn read(value: &[u8]) -> Option<&str> {
    let text = str::from_utf8(value).ok()?;
    let name = text.strip_suffix('.').unwrap_or(text);
    let legal = text.len() <= HOST_NAME_BYTES_MAX && name.split('.').all(is_label);
    (legal && name.parse::<Ipv4Addr>().is_err()).then_some(name)
}

fn is_label(label: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(legal)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_without_their_final_dot() {
        for name in
            ["mail.example", "MAIL.Example.", "12345", "a_b.example", "1.2.3", "xn--bcher-kva"]
        {
            assert_eq!(read(name.as_bytes()), Some(name.trim_end_matches('.')));
        }
        let longest = ["a", "b", "c", "d"].map(|letter| letter.repeat(63)).join(".");
        assert_eq!(longest.len(), HOST_NAME_BYTES_MAX);
        assert_eq!(read(longest.as_bytes()), Some(&*longest));
        assert_eq!(read(format!("{longest}.").as_bytes()), None);
    }

    /// What clients send as SNI, and its neighbours (case `cross-authority-literal`).
    #[test]
    fn whatever_else_clients_ask_for_is_no_host_name() {
        let label = "x".repeat(64);
        let texts = [
            "",
            "::1",
            "2001:db8::1",
            "::ffff:192.0.2.1",
            "[2001:db8::1]",
            "fe80::1%eth0",
            "192.0.2.1",
            "192.0.2.1.",
            "mail.example:993",
            "192.0.2.1:993",
            "bücher.example",
            "*.example.net",
            "a name",
            " mail.example",
            "mail.example ",
            ".",
            "..",
            "a..b",
            ".a",
            "a.example..",
            "-a",
            "a-",
            "a/b",
            "a\0",
            "a\r\nPROXY UNKNOWN",
            "a\"b",
            "<user@example.net>",
            &label,
            &format!("{label}.example.net"),
            &"a.".repeat(1000),
        ];
        let other = [&b"\xFF\xFE"[..], b"b\xFCcher.example"];
        for value in texts.map(str::as_bytes).into_iter().chain(other) {
            assert_eq!(read(value), None, "{}", value.escape_ascii());
        }
    }
}
