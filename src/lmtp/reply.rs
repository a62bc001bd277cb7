//! What clients are told, and in which words.

use crate::facts::ClientFacts;
use crate::fault::Failure;
use crate::front::ClientTls;
use crate::limits::{LMTP_MESSAGE_BYTES_MAX, LMTP_REPLY_BYTES_MAX};
use crate::wire::smtp::keywords::Extension;
use crate::wire::smtp::reply::{Reply, write_line, write_lines};

use super::settings::LmtpSettings;

/// What a command comes to.
pub(super) enum Answer {
    /// A reply of ours.
    Say(&'static str),
    /// The same, to something that should not have been said.
    Bad(&'static str),
    /// The reply is written, or comes later.
    Nothing,
}

/// The greeting; again behind XCLIENT.
pub(super) fn greeting(settings: &LmtpSettings, out: &mut Vec<u8>) {
    write_line(&format!("220 {} LMTP {}", settings.hostname, settings.greeting), out);
}

/// What we can do, and what the operator says that backends can (RFC 2033). BINARYMIME is not among it: a backend
/// behind DATA could not be given it.
pub(super) fn keywords(
    settings: &LmtpSettings,
    facts: &ClientFacts,
    tls: ClientTls,
    out: &mut Vec<u8>,
) {
    let size = format!("SIZE {LMTP_MESSAGE_BYTES_MAX}");
    let mut lines = vec![&*settings.hostname, "PIPELINING", "ENHANCEDSTATUSCODES"];
    let promised = Extension::ALL.into_iter().filter(|extension| settings.offers(*extension));
    for extension in promised {
        lines.push(extension.keyword());
    }
    lines.extend(["CHUNKING", size.as_str()]);
    if offers_starttls(settings, tls) {
        lines.push("STARTTLS");
    }
    if facts.trusted {
        lines.push(XCLIENT);
        lines.push("XRCPTFORWARD");
    }
    write_lines(250, &lines, out);
}

/// As Dovecot has them; FORWARD travels with the recipients.
const XCLIENT: &str = "XCLIENT ADDR PORT PROTO HELO LOGIN SESSION CLIENT-TRANSPORT TTL TIMEOUT DESTNAME DESTADDR DESTPORT";

/// W-STLS-6: only where there is a certificate, and no TLS yet, be it ended by the sender of the PROXY header.
pub(super) fn offers_starttls(settings: &LmtpSettings, tls: ClientTls) -> bool {
    settings.starttls && tls == ClientTls::Clear
}

/// The reply to a recipient that never came to a backend, or lost it (W-LMTP-1). Nothing that may pass is a 5xx: that
/// would make the sender bounce a whole night's mail.
pub(super) fn of_failure(failure: Failure) -> &'static str {
    match failure {
        Failure::Credentials => "550 5.1.1 User doesn't exist",
        Failure::Disabled | Failure::NotAuthorized | Failure::Expired | Failure::Privacy => {
            "550 5.2.1 User is disabled"
        }
        Failure::Unavailable | Failure::Internal => "451 4.3.0 Temporary lookup failure",
        Failure::InternalConfig => "550 5.3.5 Proxy misconfigured for this user",
        Failure::Connect
        | Failure::Remote
        | Failure::Protocol
        | Failure::RemoteConfig
        | Failure::BackendTempFail
        | Failure::Limit
        | Failure::Referred
        | Failure::RedirectFailed => BACKEND,
    }
}

/// The reply to a recipient whose backend lacks what the message needs (LM-13): his alone, and final, because the backend
/// will not have it tomorrow either.
pub(super) const fn of_missing(extension: Extension) -> &'static str {
    match extension {
        Extension::EightBitMime => "554 5.6.3 The backend does not take 8-bit messages",
        // RFC 6531 3.5.
        Extension::SmtpUtf8 => "550 5.6.7 The backend does not take SMTPUTF8 messages",
        Extension::Dsn => "554 5.3.3 The backend does not send notifications",
    }
}

/// A backend's reply as the client is given it, in one line where it would be too long. `enhanced`: for replies without
/// an enhanced code of their own (W-LMTP-4).
pub(super) fn passed_on(reply: &Reply) -> Box<[u8]> {
    let enhanced = match reply.code {
        ..400 => "2.1.0",
        400..500 => "4.0.0",
        500.. => "5.0.0",
    };
    let mut bytes = Vec::new();
    reply.write(enhanced, &mut bytes);
    if bytes.len() > LMTP_REPLY_BYTES_MAX {
        let own = reply.enhanced().and_then(|code| std::str::from_utf8(code).ok());
        let enhanced = own.unwrap_or(enhanced);
        bytes = format!("{} {enhanced} The backend's words are too many.\r\n", reply.code).into();
    }
    bytes.into()
}

/// A reply of ours.
pub(super) fn ours(words: &str) -> Box<[u8]> {
    let mut line = words.as_bytes().to_vec();
    line.extend(b"\r\n");
    line.into()
}

/// The mildest of several refusals: who may try again is told so (W-LMTP-11).
pub(super) fn mildest<'a>(replies: impl Iterator<Item = &'a [u8]>) -> Option<Box<[u8]>> {
    replies.min_by_key(|reply| reply.first().copied()).map(Into::into)
}

/// A backend that can't be talked to.
pub(super) const BACKEND: &str = "451 4.4.0 Backend is unavailable";
/// A backend that was lost behind DATA.
pub(super) const LOST: &str = "451 4.4.2 Lost the backend while sending the message";
/// The recipient's group is on its way to another backend.
pub(super) const MOVING: &str = "451 4.3.2 Mailbox is being moved, try again later";
/// Referrals that lead in a circle.
pub(super) const CIRCLE: &str = "451 4.4.6 Proxies appear to be looping";
pub(super) const LOOP: &str = "554 5.4.6 Proxies appear to be looping";
pub(super) const TOO_MANY: &str = "452 4.5.3 Too many recipients";
pub(super) const TOO_MANY_BACKENDS: &str = "452 4.5.3 Too many destinations in one transaction";
pub(super) const NOT_ASCII: &str = "553 5.6.7 An address that is not ASCII needs SMTPUTF8";
pub(super) const TOO_LARGE: &str = "552 5.3.4 Message is too large";
pub(super) const CROWDED: &str = "421 4.3.2 Too many connections, try again later";
pub(super) const INJECTED: &str = "554 5.5.0 Commands behind STARTTLS";
pub(super) const SHUTDOWN: &str = "421 4.3.2 Shutting down";
pub(super) const NO_RECIPIENTS: &str = "503 5.5.1 No valid recipients";
