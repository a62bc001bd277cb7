//! What stands behind the addresses of MAIL and RCPT (RFC 5321 4.1.1.11, LM-12).
//!
//! Decides: which parameters are taken, and that those of an extension are only where it was offered. Does not: know
//! whether a backend has it; the link does. Driver: `commands`. Tests: below, `tests/transcripts/lmtp`.

use super::envelope::{Dsn, Forward, Terms};
use super::reply::{self, Answer};
use super::settings::LmtpSettings;
use super::xclient;
use crate::limits::{LMTP_MESSAGE_BYTES_MAX, SMTP_ENVID_BYTES_MAX, SMTP_ORCPT_BYTES_MAX};
use crate::wire::smtp::keywords::Extension;
use crate::wire::smtp::path::Parameter;
use crate::wire::xtext;

/// What was said behind a recipient.
#[derive(Debug, Default)]
pub(super) struct Recipient {
    pub(super) forward: Forward,
    pub(super) dsn: Dsn,
}

/// ```text
/// SIZE=1*20DIGIT                                           ; RFC 1870 6.1
/// BODY=7BIT / BODY=8BITMIME                                ; RFC 6152 3
/// SMTPUTF8                                                 ; RFC 6531 3.1
/// RET=FULL / RET=HDRS, ENVID=xtext                         ; RFC 3461 4.3, 4.4
/// ```
pub(super) fn of_mail(
    parameters: &[Parameter<'_>],
    settings: &LmtpSettings,
) -> Result<Terms, Answer> {
    let mut terms = Terms::default();
    for &Parameter { name, value } in parameters {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let text = value.unwrap_or_default();
        if is("SIZE") {
            terms.size = Some(size(text)?);
        } else if is("BODY") && settings.offers(Extension::EightBitMime) {
            terms.needs.retain(|need| *need != Extension::EightBitMime);
            if text.eq_ignore_ascii_case("8BITMIME") {
                terms.needs.insert(0, Extension::EightBitMime);
            } else if !text.eq_ignore_ascii_case("7BIT") {
                return Err(Answer::Bad("501 5.5.4 Unsupported BODY"));
            }
        } else if is("SMTPUTF8") && settings.offers(Extension::SmtpUtf8) {
            if value.is_some() {
                return Err(Answer::Bad("501 5.5.4 SMTPUTF8 has no value"));
            }
            terms.needs.retain(|need| *need != Extension::SmtpUtf8);
            terms.needs.push(Extension::SmtpUtf8);
        } else if is("RET") && settings.offers(Extension::Dsn) {
            if !["FULL", "HDRS"].iter().any(|known| text.eq_ignore_ascii_case(known)) {
                return Err(Answer::Bad("501 5.5.4 Invalid RET"));
            }
            terms.dsn.set("RET", text);
        } else if is("ENVID") && settings.offers(Extension::Dsn) {
            if !is_xtext(text, SMTP_ENVID_BYTES_MAX) {
                return Err(Answer::Bad("501 5.5.4 Invalid ENVID"));
            }
            terms.dsn.set("ENVID", text);
        } else {
            return Err(Answer::Bad("555 5.5.4 Unsupported parameter"));
        }
    }
    Ok(terms)
}

fn size(text: &str) -> Result<u64, Answer> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse().ok().filter(|_| is_number) {
        Some(size) if size > LMTP_MESSAGE_BYTES_MAX => Err(Answer::Say(reply::TOO_LARGE)),
        Some(size) => Ok(size),
        None => Err(Answer::Bad("501 5.5.4 Invalid SIZE")),
    }
}

/// ```text
/// NOTIFY=NEVER / NOTIFY=1#( SUCCESS / FAILURE / DELAY )    ; RFC 3461 4.1
/// ORCPT=atom ";" xtext                                     ; RFC 3461 4.2
/// XRCPTFORWARD=xtext                                       ; C-FWD-2, W-LMTP-6: of trusted peers
/// ```
pub(super) fn of_rcpt(
    parameters: &[Parameter<'_>],
    settings: &LmtpSettings,
    is_trusted: bool,
) -> Result<Recipient, Answer> {
    let mut told = Recipient::default();
    for &Parameter { name, value } in parameters {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let text = value.unwrap_or_default();
        if is("XRCPTFORWARD") && is_trusted {
            match xclient::xrcptforward(text) {
                Some(forward) => told.forward = forward,
                None => return Err(Answer::Bad("501 5.5.4 Invalid XRCPTFORWARD")),
            }
        } else if is("NOTIFY") && settings.offers(Extension::Dsn) {
            if !is_notify(text) {
                return Err(Answer::Bad("501 5.5.4 Invalid NOTIFY"));
            }
            told.dsn.set("NOTIFY", text);
        } else if is("ORCPT") && settings.offers(Extension::Dsn) {
            if !is_original(text) {
                return Err(Answer::Bad("501 5.5.4 Invalid ORCPT"));
            }
            told.dsn.set("ORCPT", text);
        } else {
            return Err(Answer::Say("555 5.5.4 Unsupported parameter"));
        }
    }
    Ok(told)
}

fn is_notify(text: &str) -> bool {
    const EVENTS: [&str; 3] = ["SUCCESS", "FAILURE", "DELAY"];
    let is_event = |word: &str| EVENTS.iter().any(|known| word.eq_ignore_ascii_case(known));
    text.eq_ignore_ascii_case("NEVER") || text.split(',').all(is_event)
}

fn is_original(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split_once(';').is_some_and(|(kind, address)| {
        !kind.is_empty() && kind.bytes().all(legal) && is_xtext(address, SMTP_ORCPT_BYTES_MAX)
    })
}

fn is_xtext(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && xtext::decode(text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::smtp::path::{Argument, Rules};

    fn settings(offered: &[Extension]) -> LmtpSettings {
        LmtpSettings { extensions: offered.into(), ..LmtpSettings::default() }
    }

    /// What stays of parameters behind an address: in words, or the reply.
    fn mail(text: &str, offered: &[Extension]) -> String {
        let text = format!("FROM:<a@b> {text}");
        let argument = Argument::parse(text.as_bytes(), "FROM:", Rules::default()).unwrap();
        match of_mail(&argument.parameters, &settings(offered)) {
            Ok(Terms { size, needs, dsn }) => format!("{size:?} {needs:?} {:?}", dsn.0),
            Err(Answer::Say(words) | Answer::Bad(words)) => words.to_owned(),
            Err(Answer::Nothing) => String::new(),
        }
    }

    fn rcpt(text: &str, offered: &[Extension]) -> Result<usize, String> {
        let text = format!("TO:<a@b> {text}");
        let argument = Argument::parse(text.as_bytes(), "TO:", Rules::default()).unwrap();
        match of_rcpt(&argument.parameters, &settings(offered), false) {
            Ok(told) => Ok(told.dsn.0.len()),
            Err(Answer::Say(words) | Answer::Bad(words)) => Err(words.to_owned()),
            Err(Answer::Nothing) => Err(String::new()),
        }
    }

    #[test]
    fn lm_13_parameters_are_those_of_what_was_offered() {
        let all = &Extension::ALL;
        assert_eq!(mail("", all), "None [] []");
        assert_eq!(
            mail("smtputf8 ret=hdrs body=8bitmime ENVID=a+2Bb size=5", all),
            "Some(5) [EightBitMime, SmtpUtf8] [(\"RET\", \"hdrs\"), (\"ENVID\", \"a+2Bb\")]"
        );
        assert_eq!(mail("BODY=8BITMIME BODY=7BIT SIZE=1 SIZE=2", all), "Some(2) [] []");
        assert_eq!(mail("SMTPUTF8 SMTPUTF8", all), "None [SmtpUtf8] []");
        assert_eq!(rcpt("NOTIFY=success,Delay ORCPT=rfc822;a+2Bb@c", all), Ok(2));
        assert_eq!(rcpt("notify=never ORCPT=utf-8;x orcpt=rfc822;y", all), Ok(2));
        for text in ["BODY=8BITMIME", "BODY=7BIT", "SMTPUTF8", "RET=FULL", "ENVID=x", "AUTH=<>"] {
            assert_eq!(mail(text, &[]), "555 5.5.4 Unsupported parameter", "{text}");
        }
        for text in ["NOTIFY=NEVER", "ORCPT=rfc822;a", "XRCPTFORWARD=a"] {
            assert_eq!(rcpt(text, &[]), Err("555 5.5.4 Unsupported parameter".to_owned()));
        }
    }

    #[test]
    fn lm_12_values_that_are_none() {
        let all = &Extension::ALL;
        for text in [
            "SIZE",
            "SIZE=+1",
            "SIZE=x",
            "BODY",
            "BODY=9BIT",
            "BODY=BINARYMIME",
            "SMTPUTF8=1",
            "RET",
            "RET=NO",
            "ENVID",
            "ENVID=+0",
            "ENVID=+g0",
        ] {
            assert!(mail(text, all).starts_with("501 5.5.4 "), "{text}: {}", mail(text, all));
        }
        let long = format!("ENVID={}", "x".repeat(101));
        assert!(mail(&long, all).starts_with("501 5.5.4 "));
        for text in [
            "NOTIFY",
            "NOTIFY=NEVER,DELAY",
            "NOTIFY=SUCCESS,",
            "NOTIFY=x",
            "ORCPT",
            "ORCPT=rfc822",
            "ORCPT=;a",
            "ORCPT=a b",
            "ORCPT=a_b;c",
            "ORCPT=rfc822;",
            "ORCPT=rfc822;+0D+0",
        ] {
            assert!(rcpt(text, all).is_err(), "{text}");
        }
    }
}
