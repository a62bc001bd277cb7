//! Passwords in clear: what the operator said about them, and a warning where nothing is said.
//!
//! Driver: `check`. Tests: below; who may send one in the end, `worker::settings` says.

use crate::config::diagnostic::Findings;
use crate::config::model::{AllowCleartext, Listener, ProtocolSettings, Ssl, SslMode, Trust};
use crate::config::sort::Section;
use crate::names::Protocol;

const NAME: &str = "auth_allow_cleartext";

/// What `section` says; a default is not the operator's word.
pub(super) fn allowed(section: &Section) -> AllowCleartext {
    match section.found(NAME) {
        None => AllowCleartext::Unsaid,
        Some(_) if section.flag(NAME) => AllowCleartext::Yes,
        Some(_) => AllowCleartext::No,
    }
}

/// One warning when strangers could send their passwords in clear and the operator has not said that they may.
pub(super) fn point_out(
    root: &Section,
    listeners: &[Listener],
    ssl: &Ssl,
    settings: &[ProtocolSettings; 5],
    trust: &Trust,
    findings: &mut Findings,
) {
    let is_unsaid = |protocol| {
        let mut all = Protocol::ALL.into_iter().zip(settings);
        all.any(|(it, own)| it == protocol && own.allow_cleartext == AllowCleartext::Unsaid)
    };
    let is_open = |listener: &&Listener| {
        let tls = ssl.of(listener.protocol);
        let is_private = listener.ssl || (listener.haproxy && trust.proxy_protocol_implies_secure);
        // Mail is delivered without a password.
        listener.protocol != Protocol::Lmtp
            && is_unsaid(listener.protocol)
            && tls.mode != SslMode::Required
            && !tls.has_certificate()
            && !is_private
            && !listener.address.is_loopback()
    };
    let Some(listener) = listeners.iter().find(is_open) else {
        return;
    };
    let text = format!(
        "passwords from other hosts are taken in clear (`{}` on {}), because there is no certificate; write \
         `ssl_server_cert_file` and `ssl_server_key_file`, or `auth_allow_cleartext = no`, or `= yes` if that is meant",
        listener.name,
        listener.endpoint()
    );
    findings.warn(root.place_of(NAME), NAME, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{loaded, warnings};

    /// The warnings about passwords in clear.
    fn told(text: &str) -> Vec<String> {
        warnings(text).into_iter().filter(|line| line.contains("setting auth_allow_")).collect()
    }

    #[test]
    fn case_01_what_is_written_is_told_from_what_is_not() {
        for (text, expected) in [
            ("", AllowCleartext::Unsaid),
            ("auth_allow_cleartext = no\n", AllowCleartext::No),
            ("auth_allow_cleartext = yes\n", AllowCleartext::Yes),
            ("disable_plaintext_auth = yes\n", AllowCleartext::No),
            ("disable_plaintext_auth = no\n", AllowCleartext::Yes),
        ] {
            assert_eq!(loaded(text).protocol(Protocol::Imap).allow_cleartext, expected, "{text}");
        }
    }

    #[test]
    fn case_01_one_line_tells_of_passwords_in_clear_from_other_hosts() {
        for text in ["", "ssl = no\n", "listen = 192.0.2.1\n", "protocols = submission\n"] {
            let [line] = &told(text)[..] else { panic!("{text}") };
            assert!(
                line.contains("in clear (`") && line.contains("ssl_server_cert_file"),
                "{line}"
            );
        }
        let header = "haproxy_trusted_networks = 192.0.2.1\nprotocols = imap\nlisten = *\n\
                      service imap-login { inet_listener imap { haproxy = yes } }\n";
        assert_eq!(told(header).len(), 1);
    }

    #[test]
    fn case_01_each_protocol_has_its_own_word() {
        let text = "protocol pop3 {\n auth_allow_cleartext = no\n}\nprotocol imap {\n disable_plaintext_auth = no\n}\n";
        let config = loaded(text);
        let of = |protocol| config.protocol(protocol).allow_cleartext;
        assert_eq!(of(Protocol::Pop3), AllowCleartext::No);
        assert_eq!(of(Protocol::Imap), AllowCleartext::Yes);
        assert_eq!(of(Protocol::Sieve), AllowCleartext::Unsaid);
        let [line] = &told(text)[..] else { panic!() };
        assert!(line.contains("`sieve` on"), "{line}");
    }

    #[test]
    fn case_01_nothing_is_told_where_it_was_said_or_cannot_happen() {
        for text in [
            "auth_allow_cleartext = no\n",
            "auth_allow_cleartext = yes\n",
            "ssl_server_cert_file = /c\nssl_server_key_file = /k\n",
            "ssl = required\n",
            "listen = 127.0.0.1, ::1\n",
            "protocols = lmtp\nservice lmtp { inet_listener lmtp { } }\n",
            "proxy_protocol_implies_secure = yes\nhaproxy_trusted_networks = 192.0.2.1\nprotocols = imap\n\
             service imap-login { inet_listener imap { haproxy = yes } }\n",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }
}
