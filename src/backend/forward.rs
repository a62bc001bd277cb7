//! Telling a backend who the client is (W-FWD-11): facts, hops, forward variables, and how IMAP's ID carries them.
//!
//! Decides: which pairs travel, in which order, and that a loop ends (W-FWD-2). Does not: decide whom to tell; write
//! XCLIENT, see [`super::xclient`]. Driver: the dialogues of this room. Tests: below.

use std::fmt::Write as _;

use crate::facts::{ClientFacts, Transport};
use crate::limits::{
    FORWARD_KEY_BYTES_MAX, FORWARD_VALUE_BYTES_MAX, IMAP_ID_KEY_BYTES_MAX, IMAP_ID_PAIRS_MAX,
    IMAP_ID_VALUE_BYTES_MAX,
};
use crate::wire::fact::Fact;
use crate::wire::quoted;

use super::Login;

/// The hops to announce to the next proxy or backend; none: this session has come too far (W-FWD-2).
#[must_use]
pub fn hops_left(facts: &ClientFacts, referrals: u8) -> Option<u8> {
    facts.ttl.checked_sub(referrals)?.checked_sub(1).filter(|&left| left > 0)
}

/// Appends `I ID (…)`: the client's own pairs, then ours, then the forward variables.
///
/// ```text
/// id            = "ID" SPACE id_params_list               ; RFC 2971 4
/// ```
///
/// Ours come before all others when there is not room for 30 pairs; a pair that can't be sent is left out (W-FWD-5).
/// Returns how many facts and variables were; losing the client's own pairs is no loss. Everything is a quoted string,
/// or a non-synchronising literal where the backend takes those.
pub fn write_imap_id(
    facts: &ClientFacts,
    login: &Login,
    hops: u8,
    literals: Literals,
    out: &mut Vec<u8>,
) -> u16 {
    let own_count = Fact::all().filter(|fact| is_known(*fact, facts)).count();
    let all_count = all_variables(facts, login).count();
    let sendable_count = variables(facts, login).count();
    let room = IMAP_ID_PAIRS_MAX.saturating_sub(own_count);
    let forward_count = sendable_count.min(room);
    let client_room = room.saturating_sub(forward_count);
    let offered = own_count.saturating_add(all_count);

    out.extend(b"I ID (");
    let mut list = List { literals, written: 0, out };
    let mut client_written = 0;
    for pair in &login.client_id {
        if client_written < client_room && !is_forwarding(&pair.key) {
            let written = list.pair(b"", &pair.key, pair.value.as_deref());
            client_written = usize::from(written).saturating_add(client_written);
        }
    }
    // One place for each fact's value in turn.
    let mut value = String::with_capacity(VALUE_BYTES);
    for fact in Fact::all() {
        value.clear();
        if write_value(fact, facts, hops, &mut value) {
            list.pair(b"", fact.id_key().as_bytes(), Some(value.as_bytes()));
        }
    }
    for (key, value) in variables(facts, login).take(forward_count) {
        list.pair(b"x-forward-", key.as_bytes(), Some(value.as_bytes()));
    }
    let written = list.written.saturating_sub(client_written);
    out.extend(b")\r\n");
    u16::try_from(offered.saturating_sub(written)).unwrap_or(u16::MAX)
}

/// Whether the backend takes non-synchronising literals (RFC 7888).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literals {
    /// `LITERAL+` or `LITERAL-`; ours are never longer than the latter's limit.
    NonSynchronising,
    /// Only those that wait for `+`.
    Synchronising,
}

const _: () = assert!(IMAP_ID_VALUE_BYTES_MAX <= 4096);

/// Long enough for every value but long names and ids.
const VALUE_BYTES: usize = 64;

/// A fact as it is told; none: there is nothing to tell.
pub(super) fn value(fact: Fact, facts: &ClientFacts, hops: u8) -> Option<String> {
    let mut value = String::new();
    write_value(fact, facts, hops, &mut value).then_some(value)
}

/// Whether there is something to tell of a fact.
fn is_known(fact: Fact, facts: &ClientFacts) -> bool {
    fact != Fact::LocalName || facts.local_name.is_some()
}

/// Appends a fact as it is told; `false`: there is nothing to tell.
fn write_value(fact: Fact, facts: &ClientFacts, hops: u8, out: &mut String) -> bool {
    // Writing to a string cannot fail.
    let _ = match fact {
        Fact::SessionId => write!(out, "{}", facts.session_id),
        Fact::ClientIp => write!(out, "{}", facts.apparent.ip().to_canonical()),
        Fact::ClientPort => write!(out, "{}", facts.apparent.port()),
        Fact::LocalIp => write!(out, "{}", facts.local.ip().to_canonical()),
        Fact::LocalPort => write!(out, "{}", facts.local.port()),
        Fact::HopsLeft => write!(out, "{hops}"),
        Fact::Transport => out.write_str(match facts.transport {
            Transport::Tls => "TLS",
            Transport::Insecure => "insecure",
        }),
        Fact::LocalName => out.write_str(facts.local_name.as_deref().unwrap_or_default()),
    };
    is_known(fact, facts)
}

/// The forward variables, without prefix: what a trusted peer told and what the grant adds; the grant wins.
pub(super) fn variables<'a>(
    facts: &'a ClientFacts,
    login: &'a Login,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    all_variables(facts, login).filter(|(key, value)| is_forwardable(key, value))
}

/// How many forward variables no protocol could carry.
pub(super) fn unsendable(facts: &ClientFacts, login: &Login) -> usize {
    all_variables(facts, login).filter(|(key, value)| !is_forwardable(key, value)).count()
}

fn all_variables<'a>(
    facts: &'a ClientFacts,
    login: &'a Login,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let overridden = |key: &str| login.forward.iter().any(|(known, _)| &**known == key);
    let told = facts.forward.iter().filter(move |(key, _)| !overridden(key));
    told.chain(&login.forward).map(|(key, value)| (&**key, &**value))
}

fn is_forwardable(key: &str, value: &str) -> bool {
    (1..=FORWARD_KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'='))
        && value.len() <= FORWARD_VALUE_BYTES_MAX
}

/// Keys that only we may set; a client's own could contradict ours (W-FWD-1).
fn is_forwarding(key: &[u8]) -> bool {
    key.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"x-"))
}

struct List<'a> {
    literals: Literals,
    written: usize,
    out: &'a mut Vec<u8>,
}

impl List<'_> {
    /// Writes a pair whole or not at all.
    fn pair(&mut self, prefix: &'static [u8], key: &[u8], value: Option<&[u8]>) -> bool {
        let key_bytes = prefix.len().saturating_add(key.len());
        let key_is_legal = key_bytes <= IMAP_ID_KEY_BYTES_MAX && quoted::is_quotable(key);
        let is_quotable = value.is_none_or(quoted::is_quotable);
        let value_is_legal = value.is_none_or(|value| {
            value.len() <= IMAP_ID_VALUE_BYTES_MAX && (is_quotable || self.takes_literal(value))
        });
        if !key_is_legal || !value_is_legal {
            return false;
        }
        if self.written > 0 {
            self.out.push(b' ');
        }
        quoted::write_parts(&[prefix, key], self.out);
        self.out.push(b' ');
        match value {
            None => self.out.extend(b"NIL"),
            Some(value) if is_quotable => quoted::write(value, self.out),
            Some(value) => {
                self.out.extend(format!("{{{}+}}\r\n", value.len()).as_bytes());
                self.out.extend(value);
            }
        }
        self.written = self.written.saturating_add(1);
        true
    }

    fn takes_literal(&self, value: &[u8]) -> bool {
        let is_harmless = !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        is_harmless && self.literals == Literals::NonSynchronising
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::facts::ClientCertificate;
    use crate::names::SessionId;
    use crate::wire::id::IdPair;

    pub(in crate::backend) fn facts() -> ClientFacts {
        ClientFacts {
            socket: "10.0.0.1:5".parse().unwrap(),
            origin: "10.0.0.1:5".parse().unwrap(),
            apparent: "[::ffff:192.0.2.7]:4711".parse().unwrap(),
            local: "[2001:db8::1]:993".parse().unwrap(),
            local_name: Some("mail.example".into()),
            session_id: SessionId::parse("abc").unwrap(),
            ttl: 7,
            transport: Transport::Tls,
            trusted: false,
            certificate: ClientCertificate::NONE,
            forward: vec![("k".into(), "old".into()), ("a b".into(), "x".into())],
        }
    }

    fn id(login: &Login, literals: Literals) -> (String, u16) {
        let mut out = Vec::new();
        let dropped = write_imap_id(&facts(), login, 6, literals, &mut out);
        (String::from_utf8(out).unwrap(), dropped)
    }

    fn pair(key: &str, value: &str) -> IdPair {
        IdPair { key: key.as_bytes().into(), value: Some(value.as_bytes().into()) }
    }

    const OWN: &str = "\"x-session-id\" \"abc\" \"x-originating-ip\" \"192.0.2.7\" \"x-originating-port\" \"4711\" \
        \"x-connected-ip\" \"2001:db8::1\" \"x-connected-port\" \"993\" \"x-proxy-ttl\" \"6\" \"x-client-transport\" \"TLS\" \
        \"x-connected-name\" \"mail.example\"";

    #[test]
    fn w_fwd_1_client_pairs_come_first_and_never_speak_for_us() {
        let login = Login {
            client_id: vec![
                pair("name", "a\"b"),
                pair("X-Originating-IP", "6.6.6.6"),
                IdPair { key: b"os"[..].into(), value: None },
            ],
            forward: vec![("k".into(), "new".into())],
            ..Login::default()
        };
        let (line, dropped) = id(&login, Literals::Synchronising);
        assert_eq!(
            line,
            format!("I ID (\"name\" \"a\\\"b\" \"os\" NIL {OWN} \"x-forward-k\" \"new\")\r\n")
        );
        assert_eq!(dropped, 1, "the illegal forward key; the client's own pairs do not count");
    }

    #[test]
    fn w_fwd_5_pairs_that_do_not_fit_are_left_out() {
        let clients = (0..40).map(|n| pair(&format!("k{n}"), "v")).collect();
        let login = Login {
            client_id: clients,
            forward: vec![
                ("bad".into(), "a\r\nb".into()),
                ("long".into(), "v".repeat(1025).into()),
            ],
            ..Login::default()
        };
        let (line, dropped) = id(&login, Literals::NonSynchronising);
        assert!(
            line.matches("\" \"").count() < 2 * IMAP_ID_PAIRS_MAX
                && line.contains("\"k19\"")
                && !line.contains("\"k21\""),
            "{line}"
        );
        assert!(
            line.contains(OWN) && dropped == 3 && line.matches("\r\n").count() == 1,
            "{dropped} {line}"
        );
    }

    #[test]
    fn eight_bit_values_are_literals_where_possible() {
        let login = Login { client_id: vec![pair("name", "\u{e9}")], ..Login::default() };
        assert!(
            id(&login, Literals::NonSynchronising)
                .0
                .starts_with("I ID (\"name\" {2+}\r\n\u{e9} \"x-session-id\"")
        );
        assert!(id(&login, Literals::Synchronising).0.starts_with("I ID (\"x-session-id\""));
    }

    #[test]
    fn w_fwd_2_be_18_hops_run_out() {
        let at = |ttl: u8, referrals: u8| hops_left(&ClientFacts { ttl, ..facts() }, referrals);
        assert_eq!((at(7, 0), at(2, 0), at(1, 0), at(0, 0)), (Some(6), Some(1), None, None));
        assert_eq!((at(7, 5), at(7, 6), at(7, 200)), (Some(1), None, None));
    }
}
