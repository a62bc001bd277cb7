//! The passdb driver `imap`, and Dovecot 2.3's `args = host=… port=… username=… ssl=…`.

use super::Around;
use crate::config::diagnostic::Findings;
use crate::config::model::{Imapc, ImapcSsl};
use crate::template::{Letters, Template};

pub(super) fn imapc(around: &Around<'_>, findings: &mut Findings) -> Option<Imapc> {
    let section = around.section;
    let args = section.text("args");
    let mut told = Args { host: None, port: None, ssl: None, user: None };
    let place = section.place_of("args");
    for word in args.split_whitespace() {
        if let Err(text) = told.take(word) {
            findings.error(place, "args", text);
        }
    }
    let host = section.template("imapc_host").or(told.host);
    if host.is_none() {
        let text = "missing: the driver `imap` needs `imapc_host = HOST` (2.3: `args = host=HOST`)";
        findings.error(&section.place, "imapc_host", text);
    }
    let ssl = told.ssl.unwrap_or_else(|| match section.text("imapc_ssl").as_str() {
        "imaps" => ImapcSsl::Imaps,
        "starttls" => ImapcSsl::StartTls,
        _ => ImapcSsl::No,
    });
    let verifies = section.flag("imapc_ssl_verify");
    let usual = if ssl == ImapcSsl::Imaps { 993 } else { 143 };
    let port = section.auto("imapc_port").and_then(|port| u16::try_from(port).ok());
    if ssl == ImapcSsl::No {
        let is_here =
            |text: String| text.starts_with("127.") || text == "localhost" || text == "::1";
        let fixed = host.as_ref().filter(|host| host.variables().next().is_none());
        if !fixed.and_then(|host| host.expand(&|_| None).ok()).is_some_and(is_here) {
            let text = "passwords go there in clear; write `imapc_ssl = imaps` or `starttls`";
            findings.warn(&section.place, "imapc_ssl", text);
        }
    }
    let user = section.template("imapc_user");
    let user = told.user.or(user).unwrap_or_else(Template::user);
    Some(Imapc { host: host?, port: told.port.or(port).unwrap_or(usual), ssl, verifies, user })
}

/// What Dovecot 2.3 has in `args`.
struct Args {
    host: Option<Template>,
    port: Option<u16>,
    ssl: Option<ImapcSsl>,
    user: Option<Template>,
}

impl Args {
    fn take(&mut self, word: &str) -> Result<(), String> {
        let template = |text: &str| Template::parse(text, Letters::Variables).map(Some);
        match word.split_once('=').unwrap_or((word, "")) {
            ("host", text) if !text.is_empty() => self.host = template(text)?,
            ("username", text) if !text.is_empty() => self.user = template(text)?,
            ("port", text) => match text.parse() {
                Ok(port) if port != 0 => self.port = Some(port),
                _ => return Err(format!("found `port={}`, expected a port", text.escape_debug())),
            },
            ("ssl", "imaps") => self.ssl = Some(ImapcSsl::Imaps),
            ("ssl", "starttls") => self.ssl = Some(ImapcSsl::StartTls),
            ("ssl_ca_dir", _) => {
                return Err("`ssl_ca_dir` is not served; name a file of authorities by `ssl_client_ca_file`".to_owned());
            }
            ("rawlog_dir", _) => {
                return Err("`rawlog_dir` is not served: passwords would be in it".to_owned());
            }
            (name, _) => {
                return Err(format!(
                    "found `{}`, expected host=HOST, port=PORT, username=USER, ssl=imaps or ssl=starttls",
                    name.escape_debug()
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{PassdbDriver, Service};
    use crate::config::tests::{errors, loaded};

    fn imapc_of(text: &str) -> Imapc {
        let config = loaded(text);
        let PassdbDriver::Remote(remote) = &config.auth.passdbs[0].driver else {
            panic!("another driver")
        };
        let Service::Imapc(imapc) = &remote.service else { panic!("another service") };
        imapc.clone()
    }

    #[test]
    fn both_generations_of_syntax_say_the_same() {
        let old =
            imapc_of("passdb {\n driver = imap\n args = host=imap.%d username=%n ssl=imaps\n}\n");
        let new = imapc_of(
            "passdb imap {\n imapc_host = imap.%{domain}\n imapc_user = %{username}\n imapc_ssl = imaps\n}\n",
        );
        assert_eq!(old, new);
        assert_eq!((new.port, new.ssl, new.verifies), (993, ImapcSsl::Imaps, true));
        let plain = imapc_of("passdb {\n driver = imap\n args = host=127.0.0.1 port=1143\n}\n");
        assert_eq!((plain.port, plain.ssl, plain.user), (1143, ImapcSsl::No, Template::user()));
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_named() {
        for (text, expected) in [
            ("", "imapc_host: missing"),
            ("args = host=a port=x", "expected a port"),
            ("args = host=a ssl=maybe", "found `ssl`"),
            ("args = host=a ssl_ca_dir=/x", "ssl_client_ca_file"),
            ("args = host=a rawlog_dir=/x", "rawlog_dir"),
        ] {
            let found = errors(&format!("passdb imap {{\n{text}\n}}\n"));
            assert!(found.iter().any(|it| it.contains(expected)), "{text}: {found:?}");
        }
    }
}
