//! Peers that speak something else: browsers and TLS clients on a port for neither (IM-16).
//!
//! Decides: whether the first bytes are HTTP or TLS. Does not: reply; nothing is said to them. Tests: below.

/// TLS: a handshake record where a command should begin; no command starts with this byte.
pub(super) fn is_tls(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x16)
}

/// An HTTP request line: one of its methods, with something behind it that no command of ours begins with.
pub(super) fn is_http(line: &[u8]) -> bool {
    const METHODS: [&[u8]; 10] = [
        b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"CONNECT", b"TRACE", b"PATCH",
        b"PRI",
    ];
    let mut words = line.split(|&byte| byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    METHODS.contains(&method)
        && (target.first().is_some_and(|byte| matches!(byte, b'/' | b'*'))
            || target.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn im_16_http_and_tls() {
        for http in [
            "GET / HTTP/1.1",
            "POST /x HTTP/1.0",
            "OPTIONS * HTTP/1.1",
            "CONNECT a:1 HTTP/1.1",
            "PRI * HTTP/2.0",
        ] {
            assert!(is_http(http.as_bytes()), "{http}");
        }
        for other in ["GET LOGIN a b", "get / x", "GET", "USER /", ""] {
            assert!(!is_http(other.as_bytes()), "{other}");
        }
        assert!(is_tls(&[0x16, 0x03]) && !is_tls(b"a") && !is_tls(b""));
    }
}
