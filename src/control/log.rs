//! The log: events become lines of `key=value` text. The layout is an interface; its test is below.
//!
//! Lines go to standard error, where systemd's journal takes them, or to `log_path`. The first word of a line to the
//! journal is its priority (`<4>`), as sd-daemon(3) defines it.

use std::fmt::Write as _;

use crate::event::{Event, Notice, Subject};
use crate::fault::{Blame, Failure};
use crate::names::Protocol;

/// syslog's priorities, as far as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody has to look.
    Error,
    /// Somebody should look.
    Warning,
    /// For the record.
    Info,
    /// Only when asked for (`log_debug = yes`).
    Debug,
}

impl Level {
    /// The number that sd-daemon(3) and syslog(3) use.
    #[must_use]
    pub fn priority(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
            Self::Debug => 7,
        }
    }

    /// The word in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// How much an event matters. Blame decides (K-CORE-6).
#[must_use]
pub(super) fn level(event: &Event) -> Level {
    match event {
        Event::Refused { quiet, .. } => {
            if *quiet {
                Level::Debug
            } else {
                Level::Warning
            }
        }
        Event::Aborted { attempts, .. } => {
            if *attempts == 0 {
                Level::Debug
            } else {
                Level::Info
            }
        }
        // As a wrong password: the client's doing, and what its user will ask about.
        Event::CertificateRefused { .. } => Level::Info,
        // Backends that greet in a strange way do it at each login.
        Event::Noticed { notice: Notice::WordsInClear, .. } => Level::Debug,
        Event::Noticed { .. } => Level::Warning,
        Event::LoginFailed { failure, .. } => match failure.blame() {
            Blame::Client => Level::Info,
            Blame::Backend => Level::Warning,
            Blame::Operator | Blame::Ours => Level::Error,
        },
        Event::BackendFailed { failure, .. } => match failure.blame() {
            Blame::Client => Level::Info,
            Blame::Backend => Level::Warning,
            Blame::Operator | Blame::Ours => Level::Error,
        },
        Event::LoggedIn { .. } => Level::Debug,
        Event::Referred { .. } => Level::Info,
        Event::Delivered { .. } => Level::Info,
        Event::RelayEnded { .. } => Level::Info,
        Event::Note { warning, .. } => {
            if *warning {
                Level::Warning
            } else {
                Level::Info
            }
        }
    }
}

/// Writes the line of an event, without its end.
pub(super) fn format(event: &Event, line: &mut String) {
    // Writing to a String cannot fail.
    let _ = write_event(event, line);
}

fn write_event(event: &Event, line: &mut String) -> std::fmt::Result {
    match event {
        Event::Refused { protocol, peer, reason, .. } => {
            write!(line, "{protocol}: connection refused: {reason}")?;
            write!(line, " rip={} rport={}", peer.ip(), peer.port())
        }
        Event::Aborted { subject, reason, attempts } => {
            match subject.protocol {
                Protocol::Lmtp => write!(line, "lmtp: session aborted: {reason}")?,
                protocol => {
                    write!(line, "{protocol}: login aborted: {reason} attempts={attempts}")?;
                }
            }
            write_subject(subject, line)
        }
        Event::CertificateRefused { subject, reason } => {
            write!(line, "{}: client certificate refused: {reason}", subject.protocol)?;
            write_subject(subject, line)
        }
        Event::Noticed { subject, notice } => {
            write!(line, "{}: {}", subject.protocol, notice.text())?;
            write_subject(subject, line)
        }
        Event::LoginFailed { subject, failure, detail } => {
            let what = match subject.protocol {
                Protocol::Lmtp => "recipient refused",
                _ => "login failed",
            };
            write!(line, "{}: {what}: {detail} code={}", subject.protocol, failure.code())?;
            write_subject(subject, line)
        }
        Event::BackendFailed { subject, backend, failure, detail, retried } => {
            let what = what_happened(*failure, *retried);
            write!(line, "{}: {what}: {detail}", subject.protocol)?;
            write!(line, " code={} backend={backend}", failure.code())?;
            write_subject(subject, line)
        }
        Event::Referred { subject, from, to } => {
            write!(line, "{}: referred by={from} backend={to}", subject.protocol)?;
            write_subject(subject, line)
        }
        Event::LoggedIn { subject, backend, took } => {
            let took = took.as_millis();
            write!(line, "{}: logged in backend={backend} took_ms={took}", subject.protocol)?;
            write_subject(subject, line)
        }
        Event::RelayEnded { subject, backend, by, bytes_up, bytes_down, lasted, error } => {
            write!(line, "{}: session ended by={}", subject.protocol, by.name())?;
            write!(line, " backend={backend} in={bytes_up} out={bytes_down}")?;
            write!(line, " secs={}", lasted.as_secs())?;
            if let Some(error) = error {
                write!(line, " error={error}")?;
            }
            write_subject(subject, line)
        }
        Event::Delivered { subject, recipient, backend, bytes, reply, accepted, took } => {
            let word = if *accepted { "delivered" } else { "not delivered" };
            let (protocol, took) = (subject.protocol, took.as_millis());
            write!(line, "{protocol}: {word} to=<{recipient}>")?;
            if let Some(backend) = backend {
                write!(line, " backend={backend}")?;
            }
            // The backend's words; a quote in them must not look like the end of the field.
            let reply = reply.replace('"', "'");
            write!(line, " size={bytes} took_ms={took} reply=\"{reply}\"")?;
            write_subject(subject, line)
        }
        Event::Note { text, .. } => line.write_str(text),
    }
}

/// A refusal is no failure of the backend.
fn what_happened(failure: Failure, retried: bool) -> &'static str {
    match (failure.refusal_words(), retried) {
        (Some(words), _) => words,
        (None, true) => "backend failed, trying again",
        (None, false) => "backend failed, giving up",
    }
}

fn write_subject(subject: &Subject, line: &mut String) -> std::fmt::Result {
    if let Some(user) = &subject.user {
        write!(line, " user=<{user}>")?;
    }
    if let Some(master) = &subject.master {
        write!(line, " master=<{master}>")?;
    }
    write!(
        line,
        " rip={} rport={} session=<{}>",
        subject.client.ip(),
        subject.client.port(),
        subject.session
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::EndedBy;
    use crate::names::SessionId;

    fn subject() -> Subject {
        Subject {
            protocol: Protocol::Imap,
            session: SessionId::parse("abc").unwrap(),
            client: "192.0.2.7:4711".parse().unwrap(),
            user: Some("alice@example.com".into()),
            master: None,
        }
    }

    fn line(event: &Event) -> String {
        let mut line = String::new();
        format(event, &mut line);
        line
    }

    #[test]
    fn the_layout_is_an_interface() {
        let delivered = Event::Delivered {
            subject: Subject { protocol: Protocol::Lmtp, ..subject() },
            recipient: "alice+x@example.com".into(),
            backend: Some("be1".into()),
            bytes: 1234,
            reply: "250 2.0.0 Saved".into(),
            accepted: true,
            took: Duration::from_millis(17),
        };
        assert_eq!(
            line(&delivered),
            "lmtp: delivered to=<alice+x@example.com> backend=be1 size=1234 took_ms=17 reply=\"250 2.0.0 Saved\" \
             user=<alice@example.com> rip=192.0.2.7 rport=4711 session=<abc>"
        );
        let ended = Event::RelayEnded {
            subject: subject(),
            backend: "be1".into(),
            by: EndedBy::Client,
            bytes_up: 12,
            bytes_down: 3456,
            lasted: Duration::from_secs(61),
            error: None,
        };
        assert_eq!(
            line(&ended),
            "imap: session ended by=client backend=be1 in=12 out=3456 secs=61 user=<alice@example.com> \
             rip=192.0.2.7 rport=4711 session=<abc>"
        );
        assert_eq!(level(&ended), Level::Info);
        let failed = Event::BackendFailed {
            subject: subject(),
            backend: "be1".into(),
            failure: Failure::Connect,
            detail: "refused".into(),
            retried: true,
        };
        assert_eq!(
            line(&failed),
            "imap: backend failed, trying again: refused code=proxy_dest_connect_failed backend=be1 \
             user=<alice@example.com> rip=192.0.2.7 rport=4711 session=<abc>"
        );
        assert_eq!(level(&failed), Level::Warning);
    }

    #[test]
    fn a_password_that_a_backend_refused_is_logged_as_that() {
        let failed = |failure: Failure| {
            let (backend, detail) = ("be1".into(), "L NO no such user".into());
            let retried = failure.is_retried();
            Event::BackendFailed { subject: subject(), backend, failure, detail, retried }
        };
        let refused = failed(Failure::Credentials);
        assert_eq!(
            line(&refused),
            "imap: backend refused the password: L NO no such user code=invalid_credentials backend=be1 \
             user=<alice@example.com> rip=192.0.2.7 rport=4711 session=<abc>"
        );
        assert_eq!(level(&refused), Level::Info);
        assert!(
            line(&failed(Failure::Limit)).starts_with("imap: backend refused the login: L NO ")
        );
        let wrong = line(&failed(Failure::RemoteConfig));
        assert!(wrong.starts_with("imap: backend failed, giving up: "), "{wrong}");
    }

    #[test]
    fn w_btls_4_words_in_clear_are_a_line_for_those_who_look() {
        let noticed = Event::Noticed { subject: subject(), notice: Notice::WordsInClear };
        assert!(
            line(&noticed).starts_with("imap: words of the backend came in clear where TLS begins")
        );
        assert_eq!(level(&noticed), Level::Debug);
    }

    #[test]
    fn wire_4_4_the_log_names_the_master_beside_the_user() {
        let subject = Subject { master: Some("admin".into()), ..subject() };
        let (from, to) = ("be1".into(), "be2".into());
        assert_eq!(
            line(&Event::Referred { subject, from, to }),
            "imap: referred by=be1 backend=be2 user=<alice@example.com> master=<admin> rip=192.0.2.7 rport=4711 \
             session=<abc>"
        );
    }

    #[test]
    fn tl_20_a_refused_certificate_is_worth_a_line_of_the_ordinary_log() {
        let subject = Subject { user: None, ..subject() };
        let refused = Event::CertificateRefused { subject, reason: "the certificate has expired" };
        assert_eq!(
            line(&refused),
            "imap: client certificate refused: the certificate has expired rip=192.0.2.7 rport=4711 session=<abc>"
        );
        assert_eq!(level(&refused), Level::Info);
    }

    #[test]
    fn w_sasl_4_an_exposed_password_is_a_warning_that_says_who_and_what_to_do() {
        let noticed = Event::Noticed { subject: subject(), notice: Notice::PasswordExposed };
        let line = line(&noticed);
        assert!(line.contains("switch this client to TLS, then change the password"), "{line}");
        assert!(line.ends_with(" rip=192.0.2.7 rport=4711 session=<abc>"), "{line}");
        assert_eq!(level(&noticed), Level::Warning);
    }

    #[test]
    fn w_prb_5_a_load_balancers_probe_is_not_worth_a_line() {
        let refused = |quiet| Event::Refused {
            protocol: Protocol::Imap,
            peer: "192.0.2.1:1".parse().unwrap(),
            reason: "closed before the PROXY header was complete",
            quiet,
        };
        assert_eq!(level(&refused(true)), Level::Debug);
        assert_eq!(level(&refused(false)), Level::Warning);
    }
}
