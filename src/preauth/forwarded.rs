//! What a trusted peer tells of its client: the values of facts, whichever protocol carried them (W-FWD-11).
//!
//! Decides: which values are legal, and that a peer can shorten a chain of proxies and never lengthen it. Does not:
//! decide who is trusted. Driver: IMAP's ID; [`xclient`]. Tests: below, and with the drivers.

use std::net::IpAddr;

use crate::facts::{ClientFacts, Transport};
use crate::limits::{FORWARD_KEY_BYTES_MAX, FORWARD_VALUE_BYTES_MAX, FORWARDS_MAX, PROXY_TTL};
use crate::names::SessionId;
use crate::wire::fact::Fact;
use crate::wire::smtp::command::helo_name;
use crate::wire::{base64, host_name, tab_escaped, xtext};

/// Takes over one fact; none: its value is not legal.
pub(super) fn fact(fact: Fact, value: &str, facts: &mut ClientFacts) -> Option<()> {
    match fact {
        Fact::SessionId => facts.session_id = SessionId::parse(value)?,
        Fact::ClientIp => facts.apparent.set_ip(address(value)?),
        Fact::ClientPort => facts.apparent.set_port(value.parse().ok()?),
        Fact::LocalIp => facts.local.set_ip(address(value)?),
        Fact::LocalPort => facts.local.set_port(value.parse().ok()?),
        // The client's SNI as it came: what is no name is worth nothing, and harms nothing of what else is told.
        Fact::LocalName => facts.local_name = host_name::read(value.as_bytes()).map(Into::into),
        Fact::HopsLeft => facts.ttl = value.parse::<u8>().ok()?.min(PROXY_TTL),
        Fact::Transport => facts.transport = transport(value),
    }
    Some(())
}

/// Takes over one forward variable. The last one of equal names counts.
pub(super) fn variable(name: &str, value: &str, facts: &mut ClientFacts) -> Option<()> {
    let is_known = facts.forward.iter().any(|(known, _)| &**known == name);
    let legal = (1..=FORWARD_KEY_BYTES_MAX).contains(&name.len())
        && value.len() <= FORWARD_VALUE_BYTES_MAX
        && (is_known || facts.forward.len() < FORWARDS_MAX);
    if !legal {
        return None;
    }
    facts.forward.retain(|(known, _)| &**known != name);
    facts.forward.push((name.into(), value.into()));
    Some(())
}

/// Takes over an address that a peer names. SMTP's literal form begins with `IPV6:` (W-FWD-8).
fn address(value: &str) -> Option<IpAddr> {
    let plain = match value.split_at_checked(5) {
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPV6:") => rest,
        _ => value,
    };
    plain.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Dovecot sends `TLS`, or `TLSv1.3 with cipher …`, or `insecure`.
fn transport(value: &str) -> Transport {
    match value.get(..3) {
        Some(start) if start.eq_ignore_ascii_case("TLS") => Transport::Tls,
        _ => Transport::Insecure,
    }
}

/// Takes over the arguments of XCLIENT in POP3 and ManageSieve, all or none; unknown attributes say nothing, nor do
/// those without a value.
///
/// ```text
/// XCLIENT *( SP NAME "=" value )
/// ```
pub(super) fn xclient(arguments: &[u8], facts: &mut ClientFacts) -> Option<()> {
    let mut told = facts.clone();
    for argument in arguments.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
        if let Some((name, value)) = std::str::from_utf8(argument).ok()?.split_once('=') {
            attribute(name, value, &mut told)?;
        }
    }
    *facts = told;
    Some(())
}

/// Takes over the argument of XOIP: the client's address.
pub(super) fn client_ip(argument: &[u8], facts: &mut ClientFacts) -> Option<()> {
    fact(Fact::ClientIp, std::str::from_utf8(argument).ok()?, facts)
}

/// Takes over the attributes of XCLIENT in Submission and LMTP, all or none, and what the client called itself into
/// `helo`; unknown attributes, and values that say that they are none, say nothing.
///
/// ```text
/// xclient-command = XCLIENT 1*( SP attribute-name "=" attribute-value ) ; postfix.org/XCLIENT_README.html
/// attribute-value = xtext
/// ```
///
/// Quirk: Dovecot takes one without attributes, so it begins the dialogue anew and says nothing.
pub(super) fn xclient_smtp(
    arguments: &[u8],
    facts: &mut ClientFacts,
    helo: &mut Option<Box<str>>,
) -> Option<()> {
    let (mut told, mut name_told) = (facts.clone(), None);
    for argument in arguments.split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
        let (name, value) = std::str::from_utf8(argument).ok()?.split_once('=')?;
        let value = String::from_utf8(xtext::decode(value.as_bytes())?).ok()?;
        match &*value {
            "[UNAVAILABLE]" | "[TEMPUNAVAIL]" => {}
            value if name.eq_ignore_ascii_case("HELO") => {
                name_told = Some(helo_name(value.as_bytes())?.into());
            }
            value => attribute(name, value, &mut told)?,
        }
    }
    *facts = told;
    if name_told.is_some() {
        *helo = name_told;
    }
    Some(())
}

/// Takes over one attribute of XCLIENT, its value unescaped.
pub fn attribute(name: &str, value: &str, facts: &mut ClientFacts) -> Option<()> {
    match Fact::of_attribute(name) {
        Some(known) => fact(known, value, facts),
        None if name.eq_ignore_ascii_case("FORWARD") => forward(value, facts),
        None => Some(()),
    }
}

/// The value of FORWARD: base64 of `k=v`, tab-escaped and tab-joined.
fn forward(value: &str, facts: &mut ClientFacts) -> Option<()> {
    let joined = base64::decode(value.as_bytes())?;
    for field in tab_escaped::fields(joined.expose()).filter(|field| !field.is_empty()) {
        let (name, value) = std::str::from_utf8(&field).ok()?.split_once('=')?;
        variable(&name.to_ascii_lowercase(), value, facts)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ClientCertificate;

    fn facts() -> ClientFacts {
        let address = "192.0.2.1:1000".parse().unwrap();
        ClientFacts {
            socket: address,
            origin: address,
            apparent: address,
            local: "192.0.2.9:110".parse().unwrap(),
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
    fn w_fwd_1_an_xclient_is_believed_in_whole() {
        let mut known = facts();
        // "k=new" TAB "l=a" escaped TAB "b".
        let line = b"ADDR=::ffff:198.51.100.7 PORT=4711 destaddr=2001:db8::1 DESTPORT=995 SESSION=a/b+c= TTL=4 \
            CLIENT-TRANSPORT=TLS DESTNAME=mail.example FOO=bar FORWARD=az1uZXcJbD1hAXRi";
        xclient(line, &mut known).unwrap();
        assert_eq!(known.apparent, "198.51.100.7:4711".parse().unwrap());
        assert_eq!(known.local, "[2001:db8::1]:995".parse().unwrap());
        assert_eq!(known.origin, facts().origin, "W-TRUST-1");
        assert_eq!((known.ttl, known.transport), (4, Transport::Tls));
        assert_eq!(known.session_id.to_string(), "a/b+c=");
        assert_eq!(known.local_name.as_deref(), Some("mail.example"));
        assert_eq!(known.forward, [("k".into(), "new".into()), ("l".into(), "a\tb".into())]);
        assert!(xclient(b"", &mut known).is_some());
    }

    #[test]
    fn an_attribute_without_a_value_says_nothing() {
        let mut known = facts();
        xclient(b"ADDR DESTPORT=1 PORT", &mut known).unwrap();
        assert_eq!((known.apparent, known.local.port()), (facts().apparent, 1));
        let (mut known, mut helo) = (facts(), None);
        xclient_smtp(b"", &mut known, &mut helo).unwrap();
        assert_eq!((known.apparent, helo), (facts().apparent, None));
    }

    #[test]
    fn po_06_a_bad_value_spoils_the_whole_line() {
        for bad in [
            "PORT=70000",
            "ADDR=localhost",
            "TTL=-1",
            "TTL=999",
            "SESSION=",
            "FORWARD=%%%",
            "FORWARD=az0",  // no padding
            "FORWARD=aw==", // no value
            "PORT=caf\u{e9}",
        ] {
            let mut known = facts();
            let line = format!("DESTPORT=1 {bad}");
            assert_eq!(xclient(line.as_bytes(), &mut known), None, "{bad}");
            assert_eq!(known.local.port(), 110, "{bad}");
        }
    }

    #[test]
    fn w_fwd_1_a_destname_that_is_no_name_is_left_out_alone() {
        for odd in
            ["2001:db8::1", "192.0.2.9", "b\u{fc}cher.example", "*.example", "a\"b", "mail:993", ""]
        {
            let mut known = facts();
            known.local_name = Some("of.the.peer".into());
            let line = format!("ADDR=198.51.100.7 DESTNAME={odd} PORT=4711");
            xclient(line.as_bytes(), &mut known).unwrap();
            assert_eq!(known.apparent, "198.51.100.7:4711".parse().unwrap(), "{odd}");
            assert_eq!(known.local_name, None, "{odd}");
        }
        let mut known = facts();
        let line = b"DESTNAME=a+20name+0D+0A ADDR=198.51.100.7";
        xclient_smtp(line, &mut known, &mut None).unwrap();
        assert_eq!(
            (known.apparent.ip().to_string().as_str(), known.local_name),
            ("198.51.100.7", None)
        );
    }

    #[test]
    fn w_fwd_7_values_of_smtp_are_xtext_and_all_or_none_is_believed() {
        let (mut known, mut helo) = (facts(), None);
        let line = b"HELO=my+20host PROTO=ESMTP ADDR=IPV6:2001:db8::7 PORT=[UNAVAILABLE] LOGIN=x FORWARD=az1uZXc+3D+3D";
        assert!(xclient_smtp(line, &mut known, &mut helo).is_none(), "one `=` too many in FORWARD");
        assert_eq!((known.apparent.port(), helo.as_deref()), (1000, None));
        let line = b"HELO=my+20host PROTO=ESMTP ADDR=IPV6:2001:db8::7 PORT=[UNAVAILABLE] LOGIN=x FORWARD=az1uZXd3";
        xclient_smtp(line, &mut known, &mut helo).unwrap();
        assert_eq!(known.apparent, "[2001:db8::7]:1000".parse().unwrap());
        assert_eq!(helo.as_deref(), Some("my host"));
        assert_eq!(known.forward, [("k".into(), "neww".into())]);
        for bad in ["ADDR", "HELO=", "HELO=a+0Db", "ADDR=a=b", "HELO=+", "SESSION=a+20b"] {
            assert!(xclient_smtp(bad.as_bytes(), &mut known, &mut helo).is_none(), "{bad}");
        }
        assert_eq!(helo.as_deref(), Some("my host"));
    }

    #[test]
    fn w_fwd_5_variables_are_bounded_in_number_and_size() {
        let mut known = facts();
        for number in 0..FORWARDS_MAX {
            variable(&format!("k{number}"), "v", &mut known).unwrap();
        }
        assert_eq!(variable("one-more", "v", &mut known), None);
        assert!(variable("k1", "again", &mut known).is_some());
        let mut known = facts();
        let longest = "k".repeat(FORWARD_KEY_BYTES_MAX);
        assert!(variable(&longest, &"v".repeat(FORWARD_VALUE_BYTES_MAX), &mut known).is_some());
        assert!(variable(&format!("{longest}k"), "v", &mut known).is_none());
        assert!(variable("l", &"v".repeat(FORWARD_VALUE_BYTES_MAX + 1), &mut known).is_none());
    }

    #[test]
    fn w_fwd_8_addresses_with_and_without_prefix() {
        let mut known = facts();
        fact(Fact::ClientIp, "IPv6:2001:db8::7", &mut known).unwrap();
        assert_eq!(known.apparent.ip(), "2001:db8::7".parse::<IpAddr>().unwrap());
    }
}
