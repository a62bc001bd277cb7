//! Lines about logins, as Dovecot's login processes write them, so that what reads Dovecot's logs reads ours:
//! `imap-login: Login: user=<tim>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, TLS, session=<…>`.
//!
//! Decides: what the variables of `login_log_format_elements` stand for, which elements are left out. Does not: say what
//! happened; its parent does. Every value that a client may choose arrives without line ends, spaces and brackets, so that
//! none looks like another element. Tests: below, and `e2e::fail2ban`.

use std::borrow::Cow;
use std::cell::Cell;
use std::net::IpAddr;

use crate::config::LoginLog;
use crate::event::{Details, LoginStep, Privacy, Subject, escaped};
use crate::limits::USER_BYTES_MAX;
use crate::template::Template;

/// How lines about logins are composed.
#[derive(Debug)]
pub(super) struct LoginLines {
    format: Template,
    elements: Box<[Element]>,
    /// The elements of a line, joined; kept for its room.
    joined: String,
}

#[derive(Debug)]
struct Element {
    template: Template,
    /// It is written even when no user is known yet: `user=<>`.
    is_about_user: bool,
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'e> {
    pub(super) subject: &'e Subject,
    pub(super) details: &'e Details,
    /// Where the user has logged in.
    pub(super) backend: Option<&'e str>,
}

impl LoginLines {
    pub(super) fn new(settings: &LoginLog) -> Self {
        let element = |template: &Template| Element {
            is_about_user: template.variables().any(|name| name == "user"),
            template: template.clone(),
        };
        Self {
            format: settings.format.clone(),
            elements: settings.elements.iter().map(element).collect(),
            joined: String::new(),
        }
    }

    /// Appends a line that says `message` about a connection.
    pub(super) fn write(&mut self, message: &str, about: About<'_>, line: &mut String) {
        self.join(about);
        let start = line.len();
        line.push_str(about.subject.protocol.service_name());
        line.push_str(": ");
        let message_start = line.len();
        let joined = &*self.joined;
        let written = self.format.expand_onto(line, &|name| match name {
            "message" => Some(message.into()),
            "elements" => Some(joined.into()),
            _ => None,
        });
        if written.is_err() {
            // A filter of the operator's that this text is nothing for. The line is worth more than its format.
            line.truncate(message_start);
            line.push_str(message);
            line.push_str(": ");
            line.push_str(joined);
        }
        keep_to_one_line(line, start);
    }

    /// Joins the elements that have something to say.
    fn join(&mut self, about: About<'_>) {
        self.joined.clear();
        for element in &self.elements {
            let start = self.joined.len();
            if start > 0 {
                self.joined.push_str(", ");
            }
            let text_start = self.joined.len();
            let is_empty = Cell::new(true);
            let expanded = element.template.expand_onto(&mut self.joined, &|name| {
                let value = about.value(name)?;
                is_empty.set(is_empty.get() && value.is_empty());
                Some(value)
            });
            let says_something = element.is_about_user || !is_empty.get();
            if expanded.is_err() || !says_something || self.joined.len() == text_start {
                self.joined.truncate(start);
            }
        }
    }
}

/// Filters may turn what was clean into anything (`unhexlify`).
fn keep_to_one_line(line: &mut String, start: usize) {
    let is_control = |c: char| c.is_control();
    // Nearly all lines are plain, and that is told byte by byte.
    let is_plain = |written: &str| written.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if line.get(start..).is_some_and(|text| !is_plain(text) && text.contains(is_control)) {
        let written = line.split_off(start);
        line.push_str(&written.replace(is_control, "?"));
    }
}

impl<'e> About<'e> {
    /// What a variable stands for; the names are `config::LOGIN_LOG_VARIABLES`.
    fn value(self, name: &str) -> Option<Cow<'e, str>> {
        let Self { subject, details, backend } = self;
        let user = subject.user.as_deref().unwrap_or_default();
        let master = subject.master.as_deref().unwrap_or_default();
        Some(match name {
            "user" => user.into(),
            "master_user" => without_commas(master),
            "auth_user" if master.is_empty() => user.into(),
            "auth_user" => without_commas(master),
            "protocol" => subject.protocol.name().into(),
            "remote_ip" => shown(subject.client.ip()),
            "remote_port" => subject.client.port().to_string().into(),
            "local_ip" => shown(details.local.ip),
            "local_port" => details.local.port.to_string().into(),
            "real_remote_ip" => shown(details.socket.ip),
            "real_remote_port" => details.socket.port.to_string().into(),
            "real_local_ip" => shown(details.own.ip),
            "real_local_port" => details.own.port.to_string().into(),
            "local_name" => clean(details.local_name.as_deref().unwrap_or_default()),
            "mechanism" => details.mechanism.unwrap_or_default().into(),
            "secured" => details.privacy.word().into(),
            "ssl_security" => security(details.privacy),
            "session" => subject.session.to_string().into(),
            "backend" => backend.unwrap_or_default().into(),
            "group" => clean(details.group.as_deref().unwrap_or_default()),
            "pid" | "process:pid" => std::process::id().to_string().into(),
            // No process of its own serves a session.
            "mail_pid" => "".into(),
            _ => {
                let took = details.spent.of(step(name)?);
                took.map_or_else(|| "".into(), |took| took.to_string().into())
            }
        })
    }
}

fn step(name: &str) -> Option<LoginStep> {
    Some(match name {
        "header_ms" => LoginStep::Header,
        "tls_ms" => LoginStep::Tls,
        "auth_ms" => LoginStep::Auth,
        "delay_ms" => LoginStep::Delay,
        "route_ms" => LoginStep::Route,
        "connect_ms" => LoginStep::Connect,
        "backend_tls_ms" => LoginStep::BackendTls,
        "login_ms" => LoginStep::BackendLogin,
        _ => return None,
    })
}

fn shown(address: IpAddr) -> Cow<'static, str> {
    address.to_canonical().to_string().into()
}

fn security(privacy: Privacy) -> Cow<'static, str> {
    match privacy {
        Privacy::Tls(security) => {
            let (version, cipher, bits) =
                (security.version(), security.cipher(), security.key_bits());
            format!("{version} with cipher {cipher} ({bits}/{bits} bits)").into()
        }
        Privacy::TlsInFront => "(proxied)".into(),
        Privacy::None | Privacy::Trusted | Privacy::Handshaking => "".into(),
    }
}

/// A name that is escaped already and stands between no brackets.
fn without_commas(name: &str) -> Cow<'_, str> {
    if name.contains(',') { name.replace(',', "\\x2c").into() } else { name.into() }
}

/// A name that stands between no brackets: nothing in it may look like the next element.
fn clean(name: &str) -> Cow<'_, str> {
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b',' | b'\\');
    if name.bytes().all(is_plain) {
        return name.into();
    }
    without_commas(&escaped(name.as_bytes(), USER_BYTES_MAX)).into_owned().into()
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;
    use crate::config::LOGIN_LOG_VARIABLES;
    use crate::event::{IpPort, Spent};
    use crate::facts::Security;
    use crate::names::{Protocol, SessionId};
    use crate::template::Letters;

    pub(in super::super) fn defaults() -> [LoginLog; 5] {
        std::array::from_fn(|_| LoginLog::default())
    }

    fn at(address: &str) -> IpPort {
        address.parse::<SocketAddr>().unwrap().into()
    }

    pub(in super::super) fn details() -> Details {
        Details {
            local: at("198.51.100.1:143"),
            socket: at("192.0.2.1:5000"),
            own: at("198.51.100.9:1143"),
            local_name: None,
            mechanism: Some("PLAIN"),
            privacy: Privacy::None,
            group: None,
            spent: Spent::default(),
        }
    }

    fn subject(user: &str) -> Subject {
        let user = escaped(user.as_bytes(), USER_BYTES_MAX);
        Subject {
            protocol: Protocol::Pop3,
            session: SessionId::parse("abc").unwrap(),
            client: "[::ffff:192.0.2.7]:4711".parse().unwrap(),
            user: Some(user).filter(|user| !user.is_empty()),
            master: None,
        }
    }

    fn settings(format: &str, elements: &[&str]) -> LoginLog {
        let element = |text: &&str| Template::parse(text, Letters::LoginLog).unwrap();
        LoginLog {
            format: Template::parse(format, Letters::LoginLogFormat).unwrap(),
            elements: elements.iter().map(element).collect(),
        }
    }

    fn written(settings: &LoginLog, subject: &Subject, details: &Details) -> String {
        let mut line = String::new();
        let about = About { subject, details, backend: Some("be1") };
        LoginLines::new(settings).write("Login", about, &mut line);
        line
    }

    #[test]
    fn a_login_tells_who_from_where_how_and_how_long() {
        let mut spent = Spent::default();
        for (step, ms) in [(LoginStep::Tls, 12), (LoginStep::Auth, 0), (LoginStep::BackendLogin, 8)]
        {
            spent.add(step, Duration::from_millis(ms));
        }
        let details = Details {
            privacy: Privacy::Tls(Security::Tls13Aes128),
            group: Some("a, rip=1.2.3.4".into()),
            spent,
            ..details()
        };
        let subject = Subject { master: Some("ad,min".into()), ..subject("tim") };
        assert_eq!(
            written(&LoginLog::default(), &subject, &details),
            "pop3-login: Login: user=<tim>, method=PLAIN, rip=192.0.2.7, lip=198.51.100.1, rport=4711, TLS, \
             TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits), master=ad\\x2cmin, backend=be1, \
             group=a\\x2c\\x20rip=1.2.3.4, tls_ms=12, auth_ms=0, login_ms=8, session=<abc>"
        );
    }

    #[test]
    fn dovecots_letters_and_names_are_understood() {
        let settings = settings(
            "%s (%$)",
            &[
                "<%u>",
                "%n@%d",
                "%s",
                "%r:%b",
                "%l:%a",
                "c=%c",
                "k=%k",
                "%Lm",
                "e=%e",
                "plain",
                "%{real_rip}",
            ],
        );
        let proxied = Details { privacy: Privacy::TlsInFront, ..details() };
        assert_eq!(
            written(&settings, &subject("tim@example.org"), &proxied),
            "pop3-login: <tim@example.org>, tim@example.org, pop3, 192.0.2.7:4711, 198.51.100.1:143, c=TLS, \
             k=(proxied), plain, 192.0.2.1 (Login)"
        );
        let unknown = written(&settings, &subject(""), &details());
        assert!(unknown.starts_with("pop3-login: <>, "), "{unknown}");
    }

    #[test]
    fn every_variable_that_may_be_written_has_a_value() {
        let (subject, details) = (subject("tim"), details());
        let about = About { subject: &subject, details: &details, backend: None };
        for name in LOGIN_LOG_VARIABLES {
            assert!(about.value(name).is_some(), "{name}");
        }
        assert_eq!(about.value("password"), None);
    }

    #[test]
    fn op_10_no_name_and_no_filter_makes_another_line_or_field() {
        let forged = "x> rip=1.2.3.4, session=<y\r\nimap-login: Login";
        let line = written(&LoginLog::default(), &subject(forged), &details());
        let start = "pop3-login: Login: user=<x\\x3e\\x20rip=1.2.3.4,\\x20session=\\x3cy\\x0d\\x0aimap-login:\\x20Login>, method=";
        assert!(line.starts_with(start), "{line}");
        assert_eq!(line.matches(", rip=").count(), 1, "{line}");
        let undone = settings("%$: %s", &["user=<%R{user | unhexlify}>", "%r"]);
        let line = written(&undone, &subject("0d0a61"), &details());
        assert_eq!(line, "pop3-login: Login: user=<a??>, 192.0.2.7");
        let impossible = written(&undone, &subject("tim"), &details());
        assert_eq!(impossible, "pop3-login: Login: 192.0.2.7");
    }
}
