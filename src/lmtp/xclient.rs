//! What a trusted peer tells: XCLIENT for the connection, XRCPTFORWARD for one recipient (W-LMTP-6, W-LMTP-15).
//!
//! Decides: how values are escaped and which attributes there are. Does not: decide who is trusted, or what a fact's
//! value may be ([`crate::preauth::forwarded`]). Tests: below.

use crate::facts::ClientFacts;
use crate::limits::{FORWARD_KEY_BYTES_MAX, FORWARD_VALUE_BYTES_MAX, FORWARDS_MAX};
use crate::preauth::forwarded;
use crate::wire::smtp::command::helo_name;
use crate::wire::{tab_escaped, xtext};

use super::envelope::Forward;

/// What XCLIENT says besides facts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// What the client called itself at the peer.
    pub(super) helo: Option<Box<str>>,
    /// How many seconds the peer waits for us.
    pub(super) timeout_s: Option<u64>,
}

/// Takes over what a peer tells, all or none.
///
/// ```text
/// xclient-command = XCLIENT 1*( SP attribute-name"="attribute-value ) ; postfix.org/XCLIENT_README.html
/// attribute-value = xtext
/// ```
///
/// Quirk: none at all, as with Dovecot.
pub(super) fn xclient(argument: &[u8], facts: &mut ClientFacts) -> Option<Forwarded> {
    let (mut believed, mut told) = (facts.clone(), Forwarded::default());
    let words = argument.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    for word in words {
        let (name, value) = std::str::from_utf8(word).ok()?.split_once('=')?;
        let value = xtext::decode(value.as_bytes())?;
        if UNKNOWN.iter().any(|unknown| value.eq_ignore_ascii_case(unknown)) {
            is_attribute(name).then_some(())?;
            continue;
        }
        let text = std::str::from_utf8(&value).ok()?;
        match () {
            () if name.eq_ignore_ascii_case("HELO") => told.helo = Some(helo_name(&value)?.into()),
            () if name.eq_ignore_ascii_case("TIMEOUT") => {
                told.timeout_s = Some(text.parse().ok().filter(|&seconds| seconds > 0)?);
            }
            () if name.eq_ignore_ascii_case("PROTO") => {
                let known = |proto: &&str| text.eq_ignore_ascii_case(proto);
                ["LMTP", "SMTP", "ESMTP"].iter().find(|proto| known(proto))?;
            }
            () if is_attribute(name) => forwarded::attribute(name, text, &mut believed)?,
            () => return None,
        }
    }
    *facts = believed;
    Some(told)
}

/// Values that say nothing (postfix.org/XCLIENT_README.html).
const UNKNOWN: [&[u8]; 2] = [b"[UNAVAILABLE]", b"[TEMPUNAVAIL]"];

fn is_attribute(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "ADDR",
        "PORT",
        "HELO",
        "PROTO",
        "LOGIN",
        "SESSION",
        "CLIENT-TRANSPORT",
        "DESTADDR",
        "DESTPORT",
        "DESTNAME",
        "TIMEOUT",
        "TTL",
        "FORWARD",
        "NAME",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Forward variables of one recipient: xtext of `k=v`, tab-escaped and tab-joined.
pub(super) fn xrcptforward(value: &str) -> Option<Forward> {
    let joined = xtext::decode(value.as_bytes())?;
    let mut forward = Forward::new();
    for field in tab_escaped::fields(&joined).filter(|field| !field.is_empty()) {
        let (name, value) = std::str::from_utf8(&field).ok()?.split_once('=')?;
        let legal = (1..=FORWARD_KEY_BYTES_MAX).contains(&name.len())
            && value.len() <= FORWARD_VALUE_BYTES_MAX
            && forward.len() < FORWARDS_MAX;
        legal.then_some(())?;
        forward.push((name.into(), value.into()));
    }
    Some(forward)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ClientCertificate, Transport};
    use crate::names::SessionId;

    fn facts() -> ClientFacts {
        let address = "192.0.2.1:1000".parse().unwrap();
        ClientFacts {
            socket: address,
            origin: address,
            apparent: address,
            local: "192.0.2.9:24".parse().unwrap(),
            local_name: None,
            session_id: SessionId::from_bytes([1; 16]),
            ttl: 5,
            transport: Transport::Insecure,
            trusted: true,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    #[test]
    fn wire_11_4_every_attribute_of_the_list() {
        let mut known = facts();
        let told = xclient(
            b"ADDR=IPV6:2001:db8::7 PORT=4711 HELO=mx.example PROTO=ESMTP LOGIN=tim SESSION=a+2Bb \
              CLIENT-TRANSPORT=TLS DESTADDR=192.0.2.10 DESTPORT=25 DESTNAME=in.example TIMEOUT=120 TTL=3 \
              NAME=[UNAVAILABLE]",
            &mut known,
        );
        assert_eq!(told, Some(Forwarded { helo: Some("mx.example".into()), timeout_s: Some(120) }));
        assert_eq!(known.apparent, "[2001:db8::7]:4711".parse().unwrap());
        assert_eq!(known.local, "192.0.2.10:25".parse().unwrap());
        assert_eq!((known.ttl, known.transport), (3, Transport::Tls));
        assert_eq!((&*known.session_id.to_string(), known.origin), ("a+b", facts().origin));
        let mut known = facts();
        assert_eq!(
            xclient(b"ADDR=[UNAVAILABLE] HELO=[tempunavail]", &mut known),
            Some(Forwarded::default())
        );
        assert_eq!(known.apparent, facts().apparent);
        assert_eq!(xclient(b" ", &mut known), Some(Forwarded::default()));
    }

    #[test]
    fn wire_11_4_one_bad_value_spoils_all() {
        for bad in [
            "ADDR",
            "ADDR=x",
            "PORT=70000",
            "PROTO=HTTP",
            "TIMEOUT=0",
            "TIMEOUT=x",
            "HELO=",
            "COLOUR=red",
            "HELO=a+0D+0AMAIL",
            "SESSION=a=b",
            "TTL=-1",
            "HELO=+G",
            "NAME=a b",
        ] {
            let mut known = facts();
            let line = format!("DESTPORT=1 {bad}");
            assert_eq!(xclient(line.as_bytes(), &mut known), None, "{bad}");
            assert_eq!(known.local.port(), 24, "{bad}");
        }
    }

    #[test]
    fn w_lmtp_6_variables_of_a_recipient() {
        let of = |text: &str| xrcptforward(text);
        assert_eq!(
            of("cl_user_group+3Ddefault-7+09a+3Db+3Dc"),
            Some(vec![("cl_user_group".into(), "default-7".into()), ("a".into(), "b=c".into())])
        );
        for bad in ["a", "+3Dx", "a=b", "abcdefghijklmnopqrstu+3D1", "a+3D+ff"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
