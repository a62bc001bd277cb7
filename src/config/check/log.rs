//! Where lines of the log go, and how those about logins are composed.

use super::holder;
use crate::config::diagnostic::Findings;
use crate::config::model::{Log, LogTarget, LoginLog};
use crate::config::registry::FACILITIES;
use crate::config::sort::{Section, shown};
use crate::names::Protocol;

pub(super) fn log(root: &Section, findings: &mut Findings) -> Log {
    let path = root.path("log_path").unwrap_or_default();
    let target = match path.to_str() {
        Some("" | "/dev/stderr") => LogTarget::Stderr,
        Some("syslog") => LogTarget::Syslog(facility(&root.text("syslog_facility"))),
        Some("journal") => LogTarget::Journal,
        Some("/dev/stdout") => LogTarget::Stdout,
        _ if path.is_relative() => {
            let text = format!(
                "found {}, expected a file with its full path",
                shown(&path.to_string_lossy())
            );
            findings.error(root.place_of("log_path"), "log_path", text);
            LogTarget::Stderr
        }
        _ => LogTarget::File(path),
    };
    let login = Protocol::ALL.map(|protocol| {
        let holder = |name| holder(root, protocol, name);
        let (format, elements) = ("login_log_format", "login_log_format_elements");
        LoginLog {
            format: holder(format).template(format).unwrap_or_default(),
            elements: holder(elements).templates(elements),
        }
    });
    let is_json = root.text("log_format") == "json";
    if is_json && target == LogTarget::Journal {
        let text = "has no effect: the journal gets the same as fields of its own";
        findings.warn(root.place_of("log_format"), "log_format", text);
    }
    Log { target, is_json, debug: root.flag("log_debug"), login }
}

/// syslog(3)'s numbers.
fn facility(name: &str) -> u8 {
    let at = FACILITIES.iter().position(|known| *known == name);
    at.and_then(|at| u8::try_from(at).ok()).map_or(MAIL, |at| if at > 11 { at + 4 } else { at })
}

/// Dovecot's default.
const MAIL: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded};

    #[test]
    fn the_log_goes_to_a_daemon_by_its_name() {
        let target = |text: &str| loaded(text).log.target;
        assert_eq!(target("log_path = syslog\n"), LogTarget::Syslog(2));
        assert_eq!(target("log_path = syslog\nsyslog_facility = local3\n"), LogTarget::Syslog(19));
        assert_eq!(target("log_path = syslog\nsyslog_facility = ftp\n"), LogTarget::Syslog(11));
        assert_eq!(target("log_path = journal\n"), LogTarget::Journal);
        assert_eq!(target(""), LogTarget::Stderr);
        assert!(loaded("log_format = json\n").log.is_json && !loaded("").log.is_json);
        errors("syslog_facility = post\n");
        errors("log_format = xml\n");
    }

    #[test]
    fn lines_about_logins_may_differ_by_protocol() {
        let config = loaded(
            "login_log_format = %{message}; %{elements}\nprotocol pop3 {\n login_log_format_elements = user=%{user}\n}\n\
             protocol sieve {\n login_log_format = %{elements}\n}\n",
        );
        let [imap, pop3, lmtp, sieve, _] = &config.log.login;
        assert_eq!((imap, lmtp), (imap, imap));
        assert_eq!(imap.elements, LoginLog::default().elements);
        assert_ne!(imap.format, LoginLog::default().format);
        assert_eq!((&pop3.format, pop3.elements.len()), (&imap.format, 1));
        assert_ne!(sieve.format, imap.format);
        assert_eq!(sieve.elements, imap.elements);
        errors("protocol imap {\n login_log_format = %{nothing}\n}\n");
    }
}
