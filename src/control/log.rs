//! The log: events become lines of `key=value` text. The layout is an interface (docs/LOGS.md); its test is below.
//!
//! Lines go to standard error, where systemd's journal takes them, or to `log_path`. The first word of a line to standard error
//! is its priority (`<4>`), as sd-daemon(3) defines it. What else may be told of an event stands in `fields`; daemons that take lines
//! one by one are in `datagrams`.

pub(super) mod datagrams;
pub(super) mod fields;
pub(super) mod json;
mod login_line;

use std::fmt::Write as _;

use crate::config::LoginLog;
use crate::event::{Event, Notice, Outcome, Subject, Tries};
use crate::fault::{Blame, Failure};
use crate::names::Protocol;

use login_line::{About, LoginLines};

/// syslog's priorities, as far as they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// An operator has to look.
    Error,
    /// An operator should look.
    Warning,
    /// For the record.
    Info,
    /// Only when asked for (`log_debug = yes`).
    Debug,
}

impl Level {
    /// The number that sd-daemon(3) and syslog(3) use.
    #[must_use]
    pub fn priority(self) -> &'static str {
        match self {
            Self::Error => "3",
            Self::Warning => "4",
            Self::Info => "6",
            Self::Debug => "7",
        }
    }

    /// The same as a number.
    #[must_use]
    pub fn number(self) -> u32 {
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
        event if event.is_detail() => Level::Debug,
        // What the operator has chosen.
        Event::Noticed { notice: Notice::TokenExpired, .. } => Level::Info,
        Event::Refused { .. } | Event::Noticed { .. } => Level::Warning,
        Event::LoginFailed { failure, .. } | Event::BackendFailed { failure, .. } => {
            match failure.blame() {
                Blame::Client => Level::Info,
                Blame::Backend => Level::Warning,
                Blame::Operator | Blame::Ours => Level::Error,
            }
        }
        Event::Note { warning: true, .. } => Level::Warning,
        Event::Aborted { .. }
        // As a wrong password: the client's doing, and what its user will ask about.
        | Event::CertificateRefused { .. }
        | Event::LoggedIn { .. }
        | Event::Referred { .. }
        | Event::Delivered { .. }
        | Event::RelayEnded { .. }
        | Event::Note { .. } => Level::Info,
    }
}

/// Writes events down.
#[derive(Debug)]
pub(super) struct Formatter {
    /// In the order of [`Protocol::ALL`].
    logins: [LoginLines; 5],
    /// What happened in a line about a login; kept for its room.
    message: String,
}

impl Formatter {
    pub(super) fn new(settings: &[LoginLog; 5]) -> Self {
        Self { logins: settings.each_ref().map(LoginLines::new), message: String::new() }
    }

    /// Appends the line of an event, without its end.
    pub(super) fn write(&mut self, event: &Event, line: &mut String) {
        let Some(about) = about(event) else {
            // Writing to a String cannot fail.
            let _ = write_other(event, line);
            return;
        };
        self.message.clear();
        let _ = write_message(event, &mut self.message);
        let [imap, pop3, lmtp, sieve, submission] = &mut self.logins;
        let lines = match about.subject.protocol {
            Protocol::Imap => imap,
            Protocol::Pop3 => pop3,
            Protocol::Lmtp => lmtp,
            Protocol::Sieve => sieve,
            Protocol::Submission => submission,
        };
        lines.write(&self.message, about, line);
    }
}

/// Whom a line about a login is about; none: it is another line. LMTP has no logins.
fn about(event: &Event) -> Option<About<'_>> {
    let (subject, details) = match event {
        Event::LoggedIn { subject, details, backend, .. } => {
            return Some(About { subject, details, backend: Some(backend) });
        }
        Event::Aborted { subject, details, .. }
        | Event::CertificateRefused { subject, details, .. }
        | Event::Noticed { subject, details, .. }
        | Event::LoginFailed { subject, details, .. }
        | Event::BackendFailed { subject, details, .. }
        | Event::Referred { subject, details, .. } => (subject, details.as_deref()?),
        Event::Refused { .. }
        | Event::RelayEnded { .. }
        | Event::Delivered { .. }
        | Event::Note { .. } => return None,
    };
    Some(About { subject, details, backend: None })
}

/// What happened, where the rest of the line says to whom.
fn write_message(event: &Event, line: &mut String) -> std::fmt::Result {
    match event {
        Event::LoggedIn { .. } => line.write_str("Login"),
        Event::Aborted { subject, reason, .. } if subject.protocol == Protocol::Lmtp => {
            write!(line, "session aborted: {reason}")
        }
        Event::Aborted { reason, tries, .. } => {
            // What Debian's fail2ban takes for a reason has no brackets in it.
            line.write_str("Disconnected: ")?;
            let brackets = |c| match c {
                '(' => '[',
                ')' => ']',
                c => c,
            };
            line.extend(reason.chars().map(brackets));
            line.write_str(" (")?;
            write_tries(*tries, line)?;
            line.write_char(')')
        }
        Event::CertificateRefused { reason, .. } => {
            write!(line, "client certificate refused: {reason}")
        }
        Event::Noticed { notice, .. } => line.write_str(notice.text()),
        Event::LoginFailed { subject, failure, detail, .. } => {
            let what = match subject.protocol {
                Protocol::Lmtp => "recipient refused",
                _ => "login failed",
            };
            write!(line, "{what}: {detail} code={}", failure.code())
        }
        Event::BackendFailed { backend, failure, detail, retried, .. } => {
            let what = what_happened(*failure, *retried);
            write!(line, "{what}: {detail} code={} backend={backend}", failure.code())
        }
        Event::Referred { from, to, .. } => write!(line, "referred by={from} backend={to}"),
        Event::Refused { .. }
        | Event::RelayEnded { .. }
        | Event::Delivered { .. }
        | Event::Note { .. } => Ok(()),
    }
}

/// What became of a connection's logins, in Dovecot's words: they are what fail2ban looks for.
fn write_tries(tries: Tries, line: &mut String) -> std::fmt::Result {
    let (count, secs) = (tries.count, tries.since.as_secs());
    match tries.outcome {
        Outcome::None => write!(line, "no auth attempts in {secs} secs"),
        Outcome::Unfinished => line.write_str("aborted authentication"),
        Outcome::Unanswered => line.write_str("auth service reported temporary failure"),
        Outcome::Disallowed => line.write_str("tried to use disallowed plaintext auth"),
        Outcome::RefusedByBackend => line.write_str("proxy dest auth failed"),
        Outcome::Refused => write!(line, "auth failed, {count} attempts in {secs} secs"),
    }
}

fn write_other(event: &Event, line: &mut String) -> std::fmt::Result {
    match event {
        Event::Refused { protocol, peer, reason, .. } => {
            write!(line, "{protocol}: connection refused: {reason}")?;
            write!(line, " rip={} rport={}", peer.ip(), peer.port())
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
        Event::Aborted { subject, .. }
        | Event::CertificateRefused { subject, .. }
        | Event::Noticed { subject, .. }
        | Event::LoginFailed { subject, .. }
        | Event::BackendFailed { subject, .. }
        | Event::Referred { subject, .. }
        | Event::LoggedIn { subject, .. } => {
            write!(line, "{}: ", subject.protocol)?;
            write_message(event, line)?;
            write_subject(subject, line)
        }
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
    use crate::event::{Closed, Details, EndedBy, Notice};
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

    /// What all these lines of `alice` end with.
    const ALICE: &str = "user=<alice@example.com>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, rport=4711, session=<abc>";

    fn details() -> Option<Box<Details>> {
        Some(Box::new(login_line::tests::details()))
    }

    fn line(event: &Event) -> String {
        let mut line = String::new();
        Formatter::new(&login_line::tests::defaults()).write(event, &mut line);
        line
    }

    fn aborted(outcome: Outcome, count: u8) -> Event {
        let tries = Tries { count, outcome, since: Duration::from_millis(2300) };
        let reason = "made room (see setting)";
        Event::Aborted { subject: subject(), details: details(), reason, tries }
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
            details: details(),
            backend: "be1".into(),
            failure: Failure::Connect,
            detail: "refused".into(),
            retried: true,
        };
        assert_eq!(
            line(&failed),
            format!(
                "imap-login: backend failed, trying again: refused code=proxy_dest_connect_failed backend=be1: {ALICE}"
            )
        );
        assert_eq!(level(&failed), Level::Warning);
        let recipient = Event::LoginFailed {
            subject: Subject { protocol: Protocol::Lmtp, ..subject() },
            details: None,
            failure: Failure::Credentials,
            detail: "unknown user".into(),
        };
        assert_eq!(
            line(&recipient),
            "lmtp: recipient refused: unknown user code=invalid_credentials user=<alice@example.com> rip=192.0.2.7 \
             rport=4711 session=<abc>"
        );
    }

    #[test]
    fn a_protocol_may_have_a_format_of_its_own() {
        let mut settings = login_line::tests::defaults();
        let parse =
            |text| crate::template::Template::parse(text, crate::template::Letters::Refused);
        settings[1].format = parse("%{elements} was %{message}").unwrap();
        settings[1].elements = vec![parse("<%{user}>").unwrap()];
        let mut formatter = Formatter::new(&settings);
        let mut line = |protocol| {
            let Event::Aborted { subject, reason, tries, details } = aborted(Outcome::None, 0)
            else {
                panic!()
            };
            let subject = Subject { protocol, ..subject };
            let mut line = String::new();
            formatter.write(&Event::Aborted { subject, reason, tries, details }, &mut line);
            line
        };
        let pop3 = line(Protocol::Pop3);
        assert!(pop3.starts_with("pop3-login: <"), "{pop3}");
        assert!(pop3.contains("> was Disconnected: "), "{pop3}");
        let imap = line(Protocol::Imap);
        assert!(imap.starts_with("imap-login: Disconnected: "), "{imap}");
    }

    #[test]
    fn a_connection_without_a_login_ends_in_dovecots_words() {
        let words = |outcome, count| {
            let event = aborted(outcome, count);
            let (text, level) = (line(&event), level(&event));
            let text = text.strip_prefix("imap-login: Disconnected: made room [see setting] (");
            let end = format!("): {ALICE}");
            (text.and_then(|text| text.strip_suffix(&end)).unwrap().to_owned(), level)
        };
        let info = |text: &str| (text.to_owned(), Level::Info);
        assert_eq!(words(Outcome::Refused, 3), info("auth failed, 3 attempts in 2 secs"));
        assert_eq!(words(Outcome::RefusedByBackend, 1), info("proxy dest auth failed"));
        let exposed = info("tried to use disallowed plaintext auth");
        assert_eq!(words(Outcome::Disallowed, 0), exposed);
        let trouble = info("auth service reported temporary failure");
        assert_eq!(words(Outcome::Unanswered, 1), trouble);
        assert_eq!(words(Outcome::Unfinished, 1), info("aborted authentication"));
        let none = ("no auth attempts in 2 secs".to_owned(), Level::Debug);
        assert_eq!(words(Outcome::None, 0), none);
    }

    #[test]
    fn a_password_that_a_backend_refused_is_logged_as_that() {
        let failed = |failure: Failure| {
            let (backend, detail) = ("be1".into(), "L NO no such user".into());
            let (retried, details) = (failure.is_retried(), details());
            Event::BackendFailed { subject: subject(), details, backend, failure, detail, retried }
        };
        let refused = failed(Failure::Credentials);
        assert_eq!(
            line(&refused),
            format!(
                "imap-login: backend refused the password: L NO no such user code=invalid_credentials backend=be1: {ALICE}"
            )
        );
        assert_eq!(level(&refused), Level::Info);
        assert!(
            line(&failed(Failure::Limit))
                .starts_with("imap-login: backend refused the login: L NO ")
        );
        let wrong = line(&failed(Failure::RemoteConfig));
        assert!(wrong.starts_with("imap-login: backend failed, giving up: "), "{wrong}");
    }

    #[test]
    fn w_btls_4_words_in_clear_are_a_line_for_those_who_look() {
        let notice = Notice::WordsInClear;
        let noticed = Event::Noticed { subject: subject(), details: details(), notice };
        assert!(
            line(&noticed)
                .starts_with("imap-login: words of the backend came in clear where TLS begins")
        );
        assert_eq!(level(&noticed), Level::Debug);
    }

    #[test]
    fn wire_4_4_the_log_names_the_master_beside_the_user() {
        let subject = Subject { master: Some("admin".into()), ..subject() };
        let (details, from, to) = (details(), "be1".into(), "be2".into());
        assert_eq!(
            line(&Event::Referred { subject, details, from, to }),
            "imap-login: referred by=be1 backend=be2: user=<alice@example.com>, method=PLAIN, rip=192.0.2.7, \
             lip=198.51.100.1, rport=4711, master=admin, session=<abc>"
        );
    }

    #[test]
    fn tl_20_a_refused_certificate_is_worth_a_line_of_the_ordinary_log() {
        let subject = Subject { user: None, ..subject() };
        let (mut details, reason) = (login_line::tests::details(), "the certificate has expired");
        details.mechanism = None;
        let details = Some(Box::new(details));
        let refused = Event::CertificateRefused { subject, details, reason };
        assert_eq!(
            line(&refused),
            "imap-login: client certificate refused: the certificate has expired: user=<>, rip=192.0.2.7, \
             lip=198.51.100.1, rport=4711, session=<abc>"
        );
        assert_eq!(level(&refused), Level::Info);
    }

    #[test]
    fn w_sasl_4_an_exposed_password_is_a_warning_that_says_who_and_what_to_do() {
        let notice = Notice::PasswordExposed;
        let noticed = Event::Noticed { subject: subject(), details: details(), notice };
        let line = line(&noticed);
        assert!(line.contains("switch this client to TLS, then change the password"), "{line}");
        assert!(line.ends_with(ALICE), "{line}");
        assert_eq!(level(&noticed), Level::Warning);
    }

    #[test]
    fn w_prb_5_a_load_balancers_probe_is_not_worth_a_line() {
        let refused = |closed| Event::Refused {
            protocol: Protocol::Imap,
            peer: "192.0.2.1:1".parse().unwrap(),
            reason: "closed before the PROXY header was complete",
            closed,
        };
        assert_eq!(level(&refused(Closed::UnfinishedHeader)), Level::Debug);
        for closed in Closed::ALL.into_iter().filter(|it| *it != Closed::UnfinishedHeader) {
            assert_eq!(level(&refused(closed)), Level::Warning);
        }
    }
}
