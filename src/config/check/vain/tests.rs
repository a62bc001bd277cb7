//! One line for each thing that was written in vain, and none where it was not.

use crate::config::registry::{SERVICES, Scope, Served, settings};
use crate::config::tests::{errors, load_text, warnings};

/// A certificate and somebody who may log in, so that nothing else is to be said.
const QUIET: &str = "listen = 127.0.0.1\npassdb static {\n password = x\n}\n";

fn told(text: &str) -> Vec<String> {
    warnings(&format!("{QUIET}{text}"))
}

/// Each text leaves one warning about the setting that holds the words.
#[track_caller]
fn once(cases: &[(&str, &str, &str)]) {
    for (text, setting, words) in cases {
        let found = told(text);
        let [line] = &found[..] else { panic!("{text}{found:#?}") };
        assert!(line.contains(&format!(": setting {setting}: ")), "{text}{line}");
        assert!(line.contains(words), "{text}{line}");
    }
}

#[track_caller]
fn never(texts: &[&str]) {
    for text in texts {
        assert_eq!(told(text), [""; 0], "{text}");
    }
}

/// Hale connects to other hosts' doveadm in one way.
const VAIN: &str = "protocol doveadm {\n proxy_send_header = v2\n}\n";

#[test]
fn what_is_not_served_is_named_where_it_was_written() {
    once(&[(VAIN, "proxy_send_header", "no effect in `protocol doveadm")]);
    never(&[
        "service stats {\n inet_listener http {\n  port = 1\n }\n}\n",
        "cluster_localdb = sqlite:/x\n",
        "dict_server { dict cluster-localdb { sqlite_path = /x } }\n",
        "doveadm_port = 2300\ndoveadm_password = hush\ndoveadm_ssl = starttls\n",
        "protocol doveadm {\n proxy_port = 24\n proxy_ssl = yes\n}\n",
        "cluster_proxy_check_backends = no\n",
    ]);
    let found = told(&format!("doveadm_password = hush\n{VAIN}"));
    assert!(found.len() == 1 && !found[0].contains("hush"), "{found:#?}");
}

/// Each setting with a mark, by the registry: a new one needs no line here.
#[test]
fn every_mark_of_the_registry_leaves_a_warning() {
    let asks = |harmless: &[&str], default: &'static str| match default {
        "" => "7",
        "no" => "starttls",
        _ if harmless.contains(&default) => "7",
        written => written,
    };
    for setting in settings() {
        let Served::NotYet { harmless, .. } = setting.served else { continue };
        let line = format!("{} = {}\n", setting.name, asks(harmless, setting.default));
        let text = match setting.scope {
            Scope::Global => line,
            other => panic!("{}: no block of {other:?} is written here", setting.name),
        };
        let found = told(&text);
        let is_it =
            |line: &&String| line.contains(&format!("setting {}: not served", setting.name));
        assert_eq!(found.iter().filter(is_it).count(), 1, "{text}{found:#?}");
    }
    for (name, served) in SERVICES {
        let found = told(&format!("service {name} {{\n}}\n"));
        assert_eq!(
            found.iter().any(|line| line.contains("not served")),
            served != Served::Yes,
            "{name}"
        );
    }
}

#[test]
fn a_setting_of_one_protocol_has_no_effect_in_the_block_of_another() {
    once(&[
        (
            "protocol imap {\n xclient_inherit_ok = yes\n}\n",
            "xclient_inherit_ok",
            "about `submission` only",
        ),
        (
            "protocol imap {\n pass_backend_error = yes\n}\n",
            "pass_backend_error",
            "about `pop3` only",
        ),
        (
            "protocol pop3 {\n lmtp_client_workarounds = mailbox-for-path\n}\n",
            "lmtp_client_workarounds",
            "lmtp",
        ),
        (
            "protocol lmtp {\n mail_max_userip_connections = 5\n}\n",
            "mail_max_userip_connections",
            "`imap`",
        ),
        (
            "protocol lmtp {\n relay_idle_timeout = 5 min\n}\n",
            "relay_idle_timeout",
            "no effect in `protocol lmtp",
        ),
        (
            "protocol imap {\n managesieve_notify_capability = x\n}\n",
            "managesieve_notify_capability",
            "sieve",
        ),
    ]);
    never(&[
        "protocol submission {\n xclient_inherit_ok = yes\n}\nprotocol pop3 {\n pass_backend_error = yes\n}\n",
        "protocol !pop3 {\n mail_max_userip_connections = 5\n}\n",
        "protocol lmtp {\n lmtp_client_workarounds = mailbox-for-path\n proxy_port = 24\n}\n",
    ]);
}

#[test]
fn what_another_setting_turns_off_is_told() {
    const CERT: &str = "ssl_server_cert_file = /c\nssl_server_key_file = /k\n";
    once(&[
        ("auth_cache_size = 0\nauth_cache_ttl = 5 min\n", "auth_cache_ttl", "auth_cache_size = 0"),
        (
            "auth_cache_size = 0\nauth_cache_negative_ttl = 0\n",
            "auth_cache_negative_ttl",
            "nothing is remembered",
        ),
        (
            "shutdown_clients = no\nshutdown_timeout = 5s\n",
            "shutdown_timeout",
            "shutdown_clients = no",
        ),
        ("auth_master_user_separator = *\n", "auth_master_user_separator", "`master = yes`"),
        ("haproxy_trusted_networks = 192.0.2.1\n", "haproxy_trusted_networks", "haproxy = yes"),
        ("proxy_protocol_implies_secure = yes\n", "proxy_protocol_implies_secure", "haproxy = yes"),
        (
            "protocol imap {\n proxy_send_header_options = ssl\n}\n",
            "proxy_send_header_options",
            "= v2",
        ),
        ("site_send_header_to = lb2\n", "site_send_header_to", "`site_send_header = v2`"),
        (
            "site_send_header = v2\nprotocol imap {\n site_send_header = no\n site_send_header_to = lb2\n}\n",
            "site_send_header_to",
            "nothing is sent to other sites",
        ),
        (
            "ssl_server_ca_file = /ca\n",
            "ssl_server_ca_file",
            "ssl_server_request_client_cert = yes",
        ),
        ("ssl_server_require_crl = no\n", "ssl_server_require_crl", "no listener asks"),
        ("auth_ssl_username_from_cert = yes\n", "auth_ssl_username_from_cert", "no client shows"),
        ("ssl_server_key_password = p\n", "ssl_server_key_password", "no `ssl_server_key_file`"),
        (&format!("ssl = no\n{CERT}"), "ssl_server_cert_file", "because of `ssl = no`"),
        (
            "ssl = no\nssl_server_request_client_cert = yes\n",
            "ssl_server_request_client_cert",
            "`ssl = no`",
        ),
        (
            "protocols = imap\nservice pop3-login {\n inet_listener pop3 {\n  port = 110\n }\n}\n",
            "port",
            "`protocols` does not name pop3",
        ),
    ]);
    never(&[
        "auth_cache_size = 0\nauth_cache_ttl = 1 hour\nauth_cache_negative_ttl = 1 hour\n",
        "shutdown_clients = no\nshutdown_timeout = 60s\n",
        "haproxy_timeout = 9s\nhaproxy_trusted_networks =\n",
        "protocol imap {\n proxy_send_header = v2\n proxy_send_header_options = ssl\n}\n",
        "protocol imap {\n proxy_send_header_options = ssl authority\n}\n",
        "site_send_header_to = lb2\nprotocol imap {\n site_send_header = v1\n}\n",
        &format!("ssl = no\nprotocol imap {{\n ssl = yes\n}}\n{CERT}"),
        &format!("{CERT}ssl_server_key_password = p\n"),
        "protocols = imap\nservice pop3-login {\n inet_listener pop3 {\n  port = 0\n }\n}\n",
        "haproxy_trusted_networks = 192.0.2.1\nservice imap-login {\n inet_listener imap {\n  haproxy = yes\n }\n}\n\
         auth_ssl_username_from_cert = yes\n",
    ]);
    let required = format!("{QUIET}ssl = no\nssl_server_request_client_cert = required\n");
    assert!(
        errors(&required)[0].contains("no client can show a certificate, because of `ssl = no`")
    );
}

#[test]
fn what_a_passdb_is_for_leaves_some_of_its_settings_without_effect() {
    let passdb = |lines: &str| format!("passdb x {{\n driver = static\n {lines}\n}}\n");
    let masters = "auth_master_user_separator = *\n";
    for (lines, setting, words) in [
        ("pass = yes", "pass", "without `master = yes`"),
        ("master = yes\n pass = no", "pass", "must be found by a passdb, too"),
        ("master = yes\n result_success = return-ok", "result_success", "as with `continue`"),
        ("deny = yes\n result_success = continue-ok", "result_success", "are refused"),
    ] {
        let found = told(&format!("{masters}{}", passdb(lines)));
        let found: Vec<_> = found.iter().filter(|line| !line.contains("separator")).collect();
        assert!(
            found.len() == 1 && found[0].contains(&format!("setting {setting}: ")),
            "{found:#?}"
        );
        assert!(found[0].contains(words), "{found:#?}");
    }
    for good in
        ["master = yes\n pass = yes", "master = yes\n result_success = continue", "deny = yes"]
    {
        assert_eq!(
            told(&format!("{masters}{}", passdb(good)))
                .iter()
                .filter(|it| !it.contains("separator"))
                .count(),
            0,
            "{good}"
        );
    }
    let wrong = |text: &str| errors(&format!("{QUIET}{text}")).remove(0);
    assert!(wrong(&passdb("master = yes\n deny = yes")).contains("one for each"));
    assert!(wrong(&passdb("mechanisms = gssapi")).contains("this passdb would not be asked"));
    assert!(wrong(&passdb("passwd_file_path = /x")).contains("has no file"));
    assert!(wrong(&passdb("args = proxy=y /x")).contains("found `/x`, expected fields"));
    let twice = passdb("password = a\n fields {\n  password = b\n }");
    assert!(wrong(&twice).contains("another one in `fields { … }` at"));
    assert!(load_text(&passdb("password = a\n fields {\n  password =\n }")).errors.is_empty());
}
