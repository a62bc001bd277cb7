//! Body of the fuzz target `facts`, replayed on stable by `tests/pure/corpus.rs`: what trusted peers tell by ID and
//! XCLIENT, and what is told on.

use hale::backend::Login;
use hale::backend::forward::{Literals, write_imap_id};
use hale::backend::xclient::{Smtp, smtp_commands, write_line};
use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::limits::{
    FORWARD_KEY_BYTES_MAX, FORWARD_VALUE_BYTES_MAX, FORWARDS_MAX, PRE_LOGIN_INPUT_BYTES_MAX,
    PROXY_TTL, XCLIENT_LINE_BYTES_MAX, XCLIENT_SMTP_LINE_BYTES_MAX,
};
use hale::names::{Protocol, SessionId};
use hale::preauth::capability::Rules;
use hale::preauth::{Dialogue, Step};
use hale::wire::inbox::Inbox;

/// The first byte chooses the protocol, the rest is what a trusted peer says: whatever is believed is within its
/// limits, every way to tell it on is a bounded line or lines, and the backend that reads them believes the same.
pub(crate) fn run(input: &[u8]) {
    const PROTOCOLS: [Protocol; 4] =
        [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];
    let Some((&choice, stream)) = input.split_first() else {
        return;
    };
    let protocol = PROTOCOLS[usize::from(choice) % PROTOCOLS.len()];
    let known = told(protocol, stream);
    assert!(known.ttl <= PROXY_TTL && known.forward.len() <= FORWARDS_MAX);
    for (key, value) in &known.forward {
        assert!((1..=FORWARD_KEY_BYTES_MAX).contains(&key.len()));
        assert!(value.len() <= FORWARD_VALUE_BYTES_MAX);
    }
    assert!(known.socket == fresh().socket && known.origin == fresh().origin, "W-TRUST-1");

    let (login, hops) = (Login::default(), known.ttl);
    let mut line = Vec::new();
    let left_out = write_imap_id(&known, &login, hops, Literals::NonSynchronising, &mut line);
    assert_told_on(&known, left_out, Protocol::Imap, &line);

    for protocol in [Protocol::Pop3, Protocol::Sieve] {
        let mut line = Vec::new();
        let left_out = write_line(&known, &login, hops, &mut line);
        assert!(line.len() <= XCLIENT_LINE_BYTES_MAX && is_one_line(&line));
        assert_told_on(&known, left_out, protocol, &line);
    }
    let smtp = Smtp {
        offered: b"ADDR PORT DESTADDR DESTPORT DESTNAME SESSION TTL CLIENT-TRANSPORT FORWARD",
        helo: None,
        proto: "ESMTP",
        login: None,
        timeout_s: None,
        ipv6_prefix: choice & 0x80 != 0,
    };
    let commands = smtp_commands(&known, &login, hops, &smtp);
    for line in &commands.lines {
        assert!(line.len() <= XCLIENT_SMTP_LINE_BYTES_MAX && is_one_line(line));
    }
    // An id that is spelled like "not known" is not known.
    if known.session_id.to_string().starts_with('[') {
        return;
    }
    assert_told_on(&known, commands.left_out, Protocol::Submission, &commands.lines.concat());
}

fn assert_told_on(known: &ClientFacts, left_out: u16, protocol: Protocol, lines: &[u8]) {
    if left_out > 0 {
        return;
    }
    let again = told(protocol, lines);
    let compared = |facts: &ClientFacts| {
        let mut forward = facts.forward.clone();
        forward.sort();
        let (apparent, local, name) = (facts.apparent, facts.local, facts.local_name.clone());
        (apparent, local, name, facts.session_id.to_string(), facts.ttl, facts.transport, forward)
    };
    assert_eq!(compared(&again), compared(known), "{protocol:?} {}", lines.escape_ascii());
}

fn is_one_line(line: &[u8]) -> bool {
    let text = line.strip_suffix(b"\r\n").unwrap_or_default();
    !text.is_empty() && !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// What is known behind everything that a trusted peer says.
fn told(protocol: Protocol, stream: &[u8]) -> ClientFacts {
    let (rules, mut facts) = (Rules::default(), fresh());
    let (mut dialogue, mut inbox) =
        (Dialogue::new(protocol), Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX));
    let mut rest = stream;
    while !rest.is_empty() {
        let (_, behind) = rest.split_at(inbox.append(rest));
        rest = behind;
        loop {
            let mut out = Vec::new();
            match dialogue.read(&rules, &mut facts, &mut inbox, &mut out) {
                Step::More if !out.is_empty() => {}
                Step::More | Step::Answer(_) => break,
                _ => return facts,
            }
        }
    }
    facts
}

fn fresh() -> ClientFacts {
    let client = ([192, 0, 2, 7], 4711).into();
    ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: ([198, 51, 100, 1], 143).into(),
        local_name: None,
        session_id: SessionId::from_bytes([7; 16]),
        ttl: PROXY_TTL,
        transport: Transport::Insecure,
        trusted: true,
        certificate: ClientCertificate::NONE,
        forward: Vec::new(),
    }
}
