//! The ID command (RFC 2971), and what a trusted peer tells by it (W-FWD-11, W-IMAP-4).
//!
//! Decides: which pairs are legal, which are facts, which are kept for the backend. Does not: decide who is trusted.
//! Driver: `super`. Tests: below.

use crate::facts::ClientFacts;
use crate::limits::{
    FORWARD_KEY_BYTES_MAX, IMAP_ID_KEPT_BYTES_MAX, IMAP_ID_KEY_BYTES_MAX, IMAP_ID_PAIRS_MAX,
    IMAP_ID_VALUE_BYTES_MAX,
};
use crate::preauth::forwarded;
use crate::wire::cursor::Cursor;
use crate::wire::fact::Fact;
use crate::wire::id::IdPair;

use super::command::{nil, nstring, spaces, string};

/// ```text
/// id            = "ID" SPACE id_params_list               ; RFC 2971 4
/// id_params_list = "(" #(string SPACE nstring) ")" / nil
/// ```
///
/// At most 30 pairs, keys of 30 bytes, values of 1024; parentheses do not nest.
///
/// Quirks, as in Dovecot: nothing at all is NIL, a last key without a value says nothing, and what follows the list or
/// NIL is not looked at. The command's end is known, so nothing of it can become another command.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Option<Vec<IdPair>> {
    spaces(cursor);
    let mut pairs = Vec::new();
    if cursor.end().is_some() {
        return Some(pairs);
    }
    if cursor.byte(b'(').is_none() {
        nil(cursor)?;
        return matches!(cursor.peek(), None | Some(b' ' | b'\r')).then_some(pairs);
    }
    loop {
        spaces(cursor);
        if cursor.byte(b')').is_some() {
            return Some(pairs);
        }
        let key = string(cursor)?;
        spaces(cursor);
        if cursor.byte(b')').is_some() {
            return Some(pairs);
        }
        let pair = pair(key, nstring(cursor)?)?;
        if pairs.len() >= IMAP_ID_PAIRS_MAX {
            return None;
        }
        pairs.push(pair);
    }
}

fn pair(key: Vec<u8>, value: Option<Vec<u8>>) -> Option<IdPair> {
    let value_bytes = value.as_deref().unwrap_or_default();
    // A literal could carry a line end; no log or backend would know what to do with it.
    let is_broken = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    let legal = key.len() <= IMAP_ID_KEY_BYTES_MAX
        && value_bytes.len() <= IMAP_ID_VALUE_BYTES_MAX
        && !is_broken(&key)
        && !is_broken(value_bytes);
    legal.then(|| IdPair { key: key.into(), value: value.map(Into::into) })
}

/// Whether a pair belongs to the forwarding namespace, which only trusted peers may use.
pub(super) fn is_forwarding(pair: &IdPair) -> bool {
    pair.key.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-"))
}

/// Drops what the backend is not told: facts, and what is beyond the bytes that are kept. The first pairs stay.
pub(super) fn keep_what_a_backend_is_told(pairs: &mut Vec<IdPair>) {
    let mut kept = 0_usize;
    pairs.retain(|pair| {
        let bytes = pair.key.len().saturating_add(pair.value.as_deref().map_or(0, <[u8]>::len));
        if is_forwarding(pair) {
            return false;
        }
        kept = kept.saturating_add(bytes);
        kept <= IMAP_ID_KEPT_BYTES_MAX
    });
}

/// Takes over the facts that a trusted peer tells, all or none; unknown `x-` keys and NIL values say nothing.
pub(super) fn believe(pairs: &[IdPair], facts: &mut ClientFacts) -> Option<()> {
    let mut told = facts.clone();
    for pair in pairs.iter().filter(|pair| is_forwarding(pair)) {
        let Some(value) = &pair.value else { continue };
        let key = std::str::from_utf8(&pair.key).ok()?.to_ascii_lowercase();
        let value = std::str::from_utf8(value).ok()?;
        believe_one(&key, value, &mut told)?;
    }
    *facts = told;
    Some(())
}

fn believe_one(key: &str, value: &str, facts: &mut ClientFacts) -> Option<()> {
    if let Some(fact) = Fact::of_id_key(key) {
        return forwarded::fact(fact, value, facts);
    }
    match key.strip_prefix("x-forward-") {
        Some(name) => forwarded::variable(name, value, facts),
        // An older name.
        None if key == "x-session-ext-id" => forwarded::fact(Fact::SessionId, value, facts),
        None => Some(()),
    }
}

const _: () = assert!("x-forward-".len() + FORWARD_KEY_BYTES_MAX == IMAP_ID_KEY_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ClientCertificate, Transport};
    use crate::limits::PROXY_TTL;
    use crate::names::SessionId;

    fn of(text: &str) -> Option<Vec<IdPair>> {
        parse(&mut Cursor::new(text.as_bytes()))
    }

    fn facts() -> ClientFacts {
        let address = "192.0.2.1:1000".parse().unwrap();
        ClientFacts {
            socket: address,
            origin: address,
            apparent: address,
            local: "192.0.2.9:143".parse().unwrap(),
            local_name: None,
            session_id: SessionId::from_bytes([1; 16]),
            ttl: PROXY_TTL,
            transport: Transport::Insecure,
            trusted: true,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    #[test]
    fn im_12_lists_and_their_limits() {
        assert_eq!(of(" NIL"), Some(Vec::new()));
        assert_eq!(of(" ()"), Some(Vec::new()));
        let two = of(" (\"name\" \"x\" {2}\r\nos NIL)").unwrap();
        assert_eq!((&*two[1].key, &two[1].value), (&b"os"[..], &None));
        let pairs = |count: usize| format!(" ({})", vec!["\"k\" \"v\""; count].join(" "));
        assert!(of(&pairs(30)).is_some() && of(&pairs(31)).is_none());
        let value = |length: usize| format!(" (\"k\" \"{}\")", "v".repeat(length));
        assert!(of(&value(1024)).is_some() && of(&value(1025)).is_none());
        let key = |length: usize| format!(" (\"{}\" NIL)", "k".repeat(length));
        assert!(of(&key(30)).is_some() && of(&key(31)).is_none());
        for bad in [
            " x",
            " NILx",
            " )",
            " (",
            " (NIL NIL)",
            " (\"k\" (\"v\"))",
            " ((\"k\" \"v\"))",
            " (\"k\" \"v\"",
            " (\"k",
            " (k v)",
            " (\"k\"\t\"v\")",
            " (\"k\" {3}\r\na\rb)",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn im_12_loose_lists() {
        let one = of(" (\"k\" \"v\")").unwrap();
        for loose in [
            "  (\"k\"  \"v\")",
            " ( \"k\" \"v\" )  ",
            " (\"k\"\"v\")",
            " (\"k\" \"v\" \"l\")",
            " (\"k\" \"v\")) (",
            " (\"k\" \"v\") y \"z",
            " (\"k\"{1+}\r\nv)",
        ] {
            assert_eq!(of(loose).as_ref(), Some(&one), "{loose}");
        }
        for nothing in ["", "  ", " NIL  ", " nil x", " (\"k\")", " (  )"] {
            assert_eq!(of(nothing), Some(Vec::new()), "{nothing:?}");
        }
    }

    #[test]
    fn w_fwd_1_a_trusted_peer_is_believed_in_whole() {
        let mut known = facts();
        let told = of(" (\"x-session-id\" \"abc\" \"X-Originating-IP\" \"::ffff:198.51.100.7\" \"x-originating-port\" \"4711\" \
            \"x-connected-ip\" \"2001:db8::1\" \"x-connected-port\" \"993\" \"x-connected-name\" \"mail.example\" \"x-proxy-ttl\" \"4\" \
            \"x-client-transport\" \"TLS\" \"x-forward-cl_user_group\" \"default-7\" \"x-unknown\" \"?\" \"name\" \"front\")").unwrap();
        believe(&told, &mut known).unwrap();
        assert_eq!(known.apparent, "198.51.100.7:4711".parse().unwrap());
        assert_eq!(known.local, "[2001:db8::1]:993".parse().unwrap());
        assert_eq!(known.origin, facts().origin, "W-TRUST-1");
        assert_eq!(
            (known.ttl, known.transport, known.session_id.to_string().as_str()),
            (4, Transport::Tls, "abc")
        );
        assert_eq!(known.local_name.as_deref(), Some("mail.example"));
        assert_eq!(known.forward, [("cl_user_group".into(), "default-7".into())]);
    }

    #[test]
    fn invalid_values_spoil_the_whole_id() {
        let bad = [
            ("x-originating-port", "70000"),
            ("x-originating-ip", "localhost"),
            ("x-proxy-ttl", "-1"),
            ("x-proxy-ttl", "999"),
            ("x-session-id", "a b"),
            ("x-forward-", "v"),
        ];
        for (key, value) in bad {
            let mut known = facts();
            let told = of(&format!(" (\"x-connected-port\" \"1\" \"{key}\" \"{value}\")")).unwrap();
            assert_eq!(believe(&told, &mut known), None, "{key} {value}");
            assert_eq!(known.local.port(), 143, "{key} {value}");
        }
    }

    #[test]
    fn w_fwd_1_a_name_that_is_none_is_left_out_alone() {
        for value in ["a\\\"b", "", "2001:db8::1", "192.0.2.9", "*.example", "b\u{fc}cher.example"]
        {
            let mut known = facts();
            let told =
                of(&format!(" (\"x-connected-port\" \"1\" \"x-connected-name\" \"{value}\")"));
            believe(&told.unwrap(), &mut known).unwrap();
            assert_eq!((known.local.port(), known.local_name), (1, None), "{value}");
        }
    }

    #[test]
    fn im_13_hops_are_taken_as_told_and_never_grow() {
        for (value, ttl) in [("0", 0), ("1", 1), ("7", 7), ("200", 7)] {
            let mut known = facts();
            believe(&of(&format!(" (\"x-proxy-ttl\" \"{value}\")")).unwrap(), &mut known).unwrap();
            assert_eq!(known.ttl, ttl);
        }
    }
}
