//! XCLIENT: the forwarded facts in POP3, ManageSieve, Submission and LMTP (W-FWD-11).
//!
//! Decides: attributes, their order and escaping, what is left out when a line would be too long. Does not: decide whom
//! to tell, send, or count hops; see [`super::forward`]. Driver: the dialogues of this room. Tests: below.
//!
//! Two forms. POP3 and ManageSieve take one line of `NAME=value` without any escaping. Submission and LMTP take several
//! commands with xtext values, and only the attributes that the backend lists.

use crate::facts::ClientFacts;
use crate::limits::{XCLIENT_LINE_BYTES_MAX, XCLIENT_SMTP_LINE_BYTES_MAX};
use crate::wire::fact::Fact;
use crate::wire::resp_text::has_word;
use crate::wire::{base64, tab_escaped, xtext};

use super::Login;
use super::forward::{unsendable, value, variables};

/// Appends the XCLIENT line of POP3 and ManageSieve and says how many facts and variables had to be left out.
///
/// ```text
/// XCLIENT ADDR=… PORT=… DESTADDR=… DESTPORT=… SESSION=… TTL=n CLIENT-TRANSPORT=… [DESTNAME=…] [FORWARD=base64]
/// ```
///
/// The line is at most [`XCLIENT_LINE_BYTES_MAX`] bytes long: variables go first, then DESTNAME (W-POP-B1). A value
/// that could end an argument is not sendable (W-FWD-7); the base64 of FORWARD and a session id may hold `=`, which is
/// safe because readers split at the first one.
pub fn write_line(facts: &ClientFacts, login: &Login, hops: u8, out: &mut Vec<u8>) -> u16 {
    let mut line = b"XCLIENT".to_vec();
    let mut left_out = 0_usize;
    for fact in IN_LINE {
        let Some(value) = value(fact, facts, hops) else { continue };
        let longer = line.len().saturating_add(fact.attribute().len()).saturating_add(value.len());
        // SP, `=` and the line's end.
        let fits = longer.saturating_add(4) <= XCLIENT_LINE_BYTES_MAX;
        if fits && is_sendable(fact, &value) {
            append(fact.attribute(), value.as_bytes(), &mut line);
        } else {
            left_out = left_out.saturating_add(1);
        }
    }
    let room =
        XCLIENT_LINE_BYTES_MAX.saturating_sub(line.len()).saturating_sub(" FORWARD=\r\n".len());
    let (forward, unsent) = forwarded(facts, login, |blob| blob.len() <= room);
    if !forward.is_empty() {
        append("FORWARD", &forward, &mut line);
    }
    out.extend_from_slice(&line);
    out.extend(b"\r\n");
    count(left_out.saturating_add(unsent).saturating_add(unsendable(facts, login)))
}

const IN_LINE: [Fact; 8] = [
    Fact::ClientIp,
    Fact::ClientPort,
    Fact::LocalIp,
    Fact::LocalPort,
    Fact::SessionId,
    Fact::HopsLeft,
    Fact::Transport,
    Fact::LocalName,
];

/// What Submission and LMTP tell besides the facts.
#[derive(Clone, Copy, Debug)]
pub struct Smtp<'a> {
    /// The attributes behind the backend's `XCLIENT` keyword, separated by SP; no other is sent.
    pub offered: &'a [u8],
    /// What the client called itself in EHLO, HELO or LHLO.
    pub helo: Option<&'a str>,
    /// `SMTP`, `ESMTP` or `LMTP`.
    pub proto: &'static str,
    /// The user, for backends that take our word for it (W-SUB-B9).
    pub login: Option<&'a str>,
    /// How many seconds the client will wait for us.
    pub timeout_s: Option<u64>,
    /// IPv6 addresses begin with `IPV6:` (W-FWD-8).
    pub ipv6_prefix: bool,
}

/// The XCLIENT commands for one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Each with its CRLF; each is answered once, and followed by a new EHLO or LHLO at the end (W-SUB-B4).
    pub lines: Vec<Box<[u8]>>,
    /// Facts and variables that the backend wants and that had to be left out (W-FWD-5).
    pub left_out: u16,
}

/// The XCLIENT commands of Submission and LMTP; none when the backend offers nothing that we could tell.
///
/// ```text
/// xclient-command = XCLIENT 1*( SP attribute-name"="attribute-value ) ; postfix.org/XCLIENT_README.html
/// ```
///
/// No command is longer than [`XCLIENT_SMTP_LINE_BYTES_MAX`]. ADDR comes in the last one, because Postfix judges who
/// may say XCLIENT by the address that it was told last (W-SUB-B3).
#[must_use]
pub fn smtp_commands(facts: &ClientFacts, login: &Login, hops: u8, smtp: &Smtp<'_>) -> Commands {
    let mut commands = Commands::default();
    let mut line = Vec::new();
    for (name, value) in smtp_attributes(facts, login, hops, smtp, &mut commands.left_out) {
        let mut attribute = Vec::with_capacity(value.len().saturating_add(32));
        let mut escaped = Vec::with_capacity(value.len());
        xtext::encode(&value, &mut escaped);
        append(name, &escaped, &mut attribute);
        if attribute.len() > ATTRIBUTE_BYTES_MAX {
            commands.left_out = commands.left_out.saturating_add(1);
            continue;
        }
        if line.len().saturating_add(attribute.len()) > ATTRIBUTE_BYTES_MAX {
            commands.lines.push(smtp_line(&line));
            line.clear();
        }
        line.extend(attribute);
    }
    if !line.is_empty() {
        commands.lines.push(smtp_line(&line));
    }
    commands
}

/// What is left of a command for attributes, the SP before each included.
const ATTRIBUTE_BYTES_MAX: usize = XCLIENT_SMTP_LINE_BYTES_MAX - "XCLIENT\r\n".len();

fn smtp_line(attributes: &[u8]) -> Box<[u8]> {
    [b"XCLIENT", attributes, b"\r\n"].concat().into()
}

/// The attributes that the backend offers, in W-SUB-B3's order, unescaped.
fn smtp_attributes(
    facts: &ClientFacts,
    login: &Login,
    hops: u8,
    smtp: &Smtp<'_>,
    left_out: &mut u16,
) -> Vec<(&'static str, Vec<u8>)> {
    let known = |name: &'static str, value: Option<&str>| {
        (name, Some(value.unwrap_or(UNKNOWN).as_bytes().to_vec()))
    };
    let fact = |fact: Fact| {
        let value = value(fact, facts, hops).map(|value| match fact {
            Fact::ClientIp | Fact::LocalIp if smtp.ipv6_prefix && value.contains(':') => {
                format!("IPV6:{value}")
            }
            _ => value,
        });
        (fact.attribute(), value.map(String::into_bytes))
    };
    let (forward, unsent) = if has_word(smtp.offered, b"FORWARD") {
        forwarded(facts, login, |blob| {
            let mut escaped = Vec::new();
            xtext::encode(blob, &mut escaped);
            escaped.len().saturating_add(" FORWARD=".len()) <= ATTRIBUTE_BYTES_MAX
        })
    } else {
        // Not wanted is not left out.
        (Vec::new(), 0)
    };
    *left_out = left_out.saturating_add(count(unsent.saturating_add(unsendable(facts, login))));
    let attributes = [
        // The client's name is not looked up, so no name server could have put anything into it (W-FWD-9).
        known("NAME", None),
        known("HELO", smtp.helo),
        known("PROTO", Some(smtp.proto)),
        ("LOGIN", smtp.login.map(|login| login.as_bytes().to_vec())),
        ("TIMEOUT", smtp.timeout_s.map(|seconds| seconds.to_string().into_bytes())),
        fact(Fact::HopsLeft),
        fact(Fact::ClientPort),
        fact(Fact::LocalPort),
        fact(Fact::LocalIp),
        fact(Fact::SessionId),
        fact(Fact::Transport),
        fact(Fact::LocalName),
        ("FORWARD", Some(forward).filter(|forward| !forward.is_empty())),
        fact(Fact::ClientIp),
    ];
    let offered = |name: &str| has_word(smtp.offered, name.as_bytes());
    attributes
        .into_iter()
        .filter(|(name, _)| offered(name))
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .collect()
}

/// What is not known (postfix.org/XCLIENT_README.html).
const UNKNOWN: &str = "[UNAVAILABLE]";

/// The value of FORWARD with as many variables as fit, and how many do not.
fn forwarded(facts: &ClientFacts, login: &Login, fits: impl Fn(&[u8]) -> bool) -> (Vec<u8>, usize) {
    let (mut joined, mut blob, mut unsent) = (Vec::new(), Vec::new(), 0_usize);
    for (key, value) in variables(facts, login) {
        let mut longer = joined.clone();
        tab_escaped::append_field(format!("{key}={value}").as_bytes(), &mut longer);
        let mut encoded = Vec::new();
        base64::encode(&longer, &mut encoded);
        if fits(&encoded) {
            (joined, blob) = (longer, encoded);
        } else {
            unsent = unsent.saturating_add(1);
        }
    }
    (blob, unsent)
}

fn is_sendable(fact: Fact, value: &str) -> bool {
    let is_legal = |byte: u8| match fact {
        // A host name and nothing else, whichever client or proxy told it.
        Fact::LocalName => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'),
        // ManageSieve reads an atom, where neither quotes nor parentheses may stand.
        _ => byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'(' | b')' | b'{' | b'}'),
    };
    !value.is_empty() && value.bytes().all(is_legal)
}

fn append(name: &str, value: &[u8], line: &mut Vec<u8>) {
    line.push(b' ');
    line.extend(name.as_bytes());
    line.push(b'=');
    line.extend_from_slice(value);
}

fn count(facts: usize) -> u16 {
    u16::try_from(facts).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::forward::tests::facts as facts_with_an_illegal_variable;
    use crate::names::SessionId;

    fn facts() -> ClientFacts {
        let mut facts = facts_with_an_illegal_variable();
        facts.forward.truncate(1);
        facts
    }

    fn line(facts: &ClientFacts, forward: &[(&str, &str)]) -> (String, u16) {
        let login = login(forward);
        let mut out = Vec::new();
        let left_out = write_line(facts, &login, 6, &mut out);
        (String::from_utf8(out).unwrap(), left_out)
    }

    fn login(forward: &[(&str, &str)]) -> Login {
        let forward = forward.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Login { forward, ..Login::default() }
    }

    const ALL: &str = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT SESSION TTL TIMEOUT \
                       CLIENT-TRANSPORT DESTNAME FORWARD";

    fn smtp(offered: &str) -> Smtp<'_> {
        Smtp {
            offered: offered.as_bytes(),
            helo: Some("client.example"),
            proto: "ESMTP",
            login: None,
            timeout_s: None,
            ipv6_prefix: true,
        }
    }

    fn commands(facts: &ClientFacts, login: &Login, smtp: &Smtp<'_>) -> (Vec<String>, u16) {
        let Commands { lines, left_out } = smtp_commands(facts, login, 6, smtp);
        (lines.iter().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect(), left_out)
    }

    #[test]
    fn w_pop_b1_one_line_without_escapes() {
        let (line, left_out) = line(&facts(), &[("k", "new\tx")]);
        assert_eq!(
            line,
            "XCLIENT ADDR=192.0.2.7 PORT=4711 DESTADDR=2001:db8::1 DESTPORT=993 SESSION=abc TTL=6 \
             CLIENT-TRANSPORT=TLS DESTNAME=mail.example FORWARD=az1uZXcBdHg=\r\n"
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn w_pop_b1_a_long_line_loses_variables_then_the_name() {
        let long = "v".repeat(500);
        let (text, left_out) = line(&facts(), &[("k", &long), ("l", &long), ("m", "short")]);
        assert!(text.len() <= XCLIENT_LINE_BYTES_MAX && text.contains(" FORWARD="), "{text}");
        assert_eq!(left_out, 1, "the second long one; the short one behind it fits again");
        let far = ClientFacts { local_name: Some("x".repeat(1000).into()), ..facts() };
        let (text, left_out) = line(&far, &[("k", "v")]);
        assert!(!text.contains("DESTNAME") && text.contains("FORWARD=az12\r\n"), "{text}");
        assert_eq!(left_out, 1);
    }

    #[test]
    fn w_fwd_7_a_value_that_could_end_an_argument_stays_here() {
        for name in ["a b", "a=b", "a\r\nUSER x", "a\"b", "\u{e9}", ""] {
            let odd = ClientFacts { local_name: Some(name.into()), ..facts() };
            let (text, left_out) = line(&odd, &[]);
            assert!(!text.contains("DESTNAME") && text.matches("\r\n").count() == 1, "{text}");
            assert_eq!(left_out, 1, "{name}");
        }
        let odd = ClientFacts { session_id: SessionId::parse("a=b(c").unwrap(), ..facts() };
        assert!(!line(&odd, &[]).0.contains("SESSION"));
    }

    #[test]
    fn w_sub_b3_only_what_is_offered_escaped_and_addr_last() {
        let (lines, left_out) = commands(&facts(), &login(&[("k", "v")]), &smtp(ALL));
        assert_eq!(
            lines,
            ["XCLIENT NAME=[UNAVAILABLE] HELO=client.example PROTO=ESMTP TTL=6 PORT=4711 \
              DESTPORT=993 DESTADDR=IPV6:2001:db8::1 SESSION=abc CLIENT-TRANSPORT=TLS \
              DESTNAME=mail.example FORWARD=az12 ADDR=192.0.2.7\r\n"]
        );
        assert_eq!(left_out, 0);
        let few = Smtp { helo: Some("a b=+\n"), ..smtp("addr HELO") };
        let (lines, left_out) = commands(&facts(), &login(&[("k", "v")]), &few);
        assert_eq!(lines, ["XCLIENT HELO=a+20b+3D+2B+0A ADDR=192.0.2.7\r\n"]);
        assert_eq!(left_out, 0, "a variable that is not wanted is not left out");
        let odd = facts_with_an_illegal_variable();
        assert_eq!(commands(&odd, &login(&[]), &smtp(ALL)).1, 1, "W-FWD-5");
        assert_eq!(commands(&facts(), &login(&[]), &smtp("")).0, [""; 0]);
    }

    #[test]
    fn w_sub_b3_long_facts_are_split_and_the_address_comes_last() {
        let name = "n".repeat(255);
        let value = "v".repeat(300);
        let long = Smtp { helo: Some(&name), login: Some(&name), ..smtp(ALL) };
        let (lines, left_out) = commands(&facts(), &login(&[("k", &value), ("l", &value)]), &long);
        assert!(lines.len() > 2, "{lines:?}");
        for line in &lines {
            assert!(line.len() <= XCLIENT_SMTP_LINE_BYTES_MAX, "{}", line.len());
            assert_eq!(line.contains(" ADDR="), Some(line) == lines.last());
        }
        assert_eq!(left_out, 1, "a variable that fills a line of its own is sent, the next is not");
    }

    #[test]
    fn w_fwd_8_lmtp_does_without_the_prefix_and_tells_its_patience() {
        let lmtp = Smtp {
            helo: None,
            proto: "LMTP",
            timeout_s: Some(27),
            ipv6_prefix: false,
            ..smtp("ADDR PROTO TIMEOUT DESTADDR HELO LOGIN")
        };
        assert_eq!(
            commands(&facts(), &login(&[]), &lmtp).0,
            [
                "XCLIENT HELO=[UNAVAILABLE] PROTO=LMTP TIMEOUT=27 DESTADDR=2001:db8::1 ADDR=192.0.2.7\r\n"
            ]
        );
    }
}
