//! Blocks whose name is the start of the names within, settings of one protocol, and every way in which TLS was lost once.

use super::{errors, load_text, loaded, warnings};
use crate::config::Config;
use crate::config::model::{AllowCleartext, RequestClientCert, SslMode, TlsVersion};
use crate::names::Protocol;

const IMAP: Protocol = Protocol::Imap;

fn certificate(config: &Config, protocol: Protocol) -> Option<String> {
    let server = config.ssl.of(protocol).server.as_ref();
    server.map(|it| format!("{} {}", it.cert_file.display(), it.key_file.display()))
}

#[test]
fn case_02_a_block_is_the_start_of_the_names_within() {
    for text in [
        "ssl_server {\n cert_file = /c\n key_file = /k\n}\n",
        "ssl_server {\n ssl_server_cert_file = /c\n ssl_server_key_file = /k\n}\n",
        "ssl_server { cert_file = /c  ssl_server_key_file = /k }\n",
        "ssl_server {\n cert {\n file = /c\n }\n key {\n file = /k\n }\n}\n",
        "group @tls mine {\n ssl_server {\n cert_file = /c\n key_file = /k\n }\n}\n@tls = mine\n",
        "ssl_server {\n cert_file = /c\n}\nssl_server {\n key_file = /k\n}\n",
        "protocol imap {\n ssl_server {\n cert_file = /c\n key_file = /k\n }\n}\n",
    ] {
        assert_eq!(certificate(&loaded(text), IMAP).as_deref(), Some("/c /k"), "{text}");
    }
    let config = loaded(
        "ssl_server {\n request_client_cert = yes\n ca_file = /ca\n require_crl = no\n cert_username_field = userId\n}\n\
         ssl_client {\n ca_file = /ours\n require_valid_cert = no\n}\nlisten = ::1\nprotocols = imap\n",
    );
    assert!(!config.ssl.of(IMAP).clients.as_ref().unwrap().require_crl);
    assert!(!config.protocol(IMAP).verify_backends);
    assert_eq!(config.listeners[0].request_client_cert, RequestClientCert::Yes);
}

#[test]
fn case_02_such_blocks_are_read_in_every_block_that_holds_their_settings() {
    let config = loaded(
        "protocols = imap\nlisten = ::1\nssl_server_ca_file = /ca\nlocal_name a.example {\n ssl_server {\n cert_file = /c\n \
         key_file = /k\n }\n}\nservice imap-login {\n inet_listener imaps {\n ssl_server {\n request_client_cert = required\n \
         }\n }\n}\npassdb users {\n driver = passwd-file\n passwd_file {\n path = /u\n }\n}\n\
         passdb all {\n driver = static\n static {\n password = x\n }\n}\npassdb passwd-file {\n path = /v\n}\n\
         dict_server {\n dict cluster-localdb {\n sqlite {\n path = /l\n }\n }\n}\n",
    );
    assert_eq!(config.ssl.of(IMAP).by_name[0].0, "a.example");
    assert_eq!(config.listeners[1].request_client_cert, RequestClientCert::Required);
    assert_eq!(config.auth.passdbs.len(), 3);
    assert_eq!(config.cluster.localdb, std::path::Path::new("/l"));
}

/// A proxy's configuration as `doveconf -nP` of Dovecot 2.4 prints it.
#[test]
fn case_02_what_doveconf_2_4_prints_for_a_proxy_loads() {
    let config = loaded(include_str!("nested_2_4.conf"));
    assert_eq!(certificate(&config, IMAP).unwrap(), "/etc/ssl/org.pem /etc/ssl/org.key");
    let submission = certificate(&config, Protocol::Submission).unwrap();
    assert_eq!(submission, "/etc/ssl/submission.pem /etc/ssl/submission.key");
    let imap = config.ssl.of(IMAP);
    assert_eq!((imap.mode, imap.by_name[0].0.as_str()), (SslMode::Required, "mail.example.net"));
    assert!(imap.clients.as_ref().is_some_and(|clients| !clients.require_crl));
    let backends = config.ssl.backends.as_ref().unwrap();
    assert_eq!(backends.ca_file, std::path::Path::new("/etc/ssl/backends.pem"));
    assert_eq!(config.auth.passdbs.len(), 2);
    assert_eq!(config.protocols.len(), 5);
}

#[test]
fn what_belongs_to_both_sides_holds_in_a_block_for_its_side() {
    let versions = |text: &str| {
        let config = loaded(text);
        (config.ssl.of(IMAP).min_protocol, config.ssl.backend_min_protocol)
    };
    use TlsVersion::{Tls12, Tls13};
    assert_eq!(versions(""), (Tls12, Tls12));
    assert_eq!(versions("ssl_min_protocol = TLSv1.3\n"), (Tls13, Tls13));
    assert_eq!(versions("ssl_server {\n ssl_min_protocol = TLSv1.3\n}\n"), (Tls13, Tls12));
    assert_eq!(versions("ssl_client {\n ssl_min_protocol = TLSv1.3\n}\n"), (Tls12, Tls13));
    let of_imap = "ssl_server {\n ssl_min_protocol = TLSv1.2\n}\nprotocol imap {\n ssl_min_protocol = TLSv1.3\n}\n";
    assert_eq!(versions(of_imap), (Tls13, Tls12), "the innermost counts");
}

#[test]
fn case_03_case_04_settings_of_one_protocol_hold_for_it_alone() {
    let config = loaded(
        "ssl_server_cert_file = /c\nssl_server_key_file = /k\nssl_server_key_password = p\nauth_allow_cleartext = yes\n\
         protocol imap {\n ssl_cert = /ci\n ssl_key = /ki\n ssl_key_password = pi\n disable_plaintext_auth = yes\n \
         ssl_min_protocol = TLSv1.3\n ssl = required\n ssl_verify_client_cert = yes\n ssl_ca = /ca\n \
         auth_ssl_require_client_cert = yes\n auth_ssl_username_from_cert = yes\n ssl_client_require_valid_cert = no\n}\n\
         protocol pop3 {\n ssl = no\n}\nprotocol sieve {\n local_name a.example {\n ssl_cert = /cs\n ssl_key = /ks\n }\n}\n\
         local_name a.example {\n ssl_cert = /ca\n ssl_key = /ka\n}\nlisten = ::1\n",
    );
    let password = |protocol| {
        let server = config.ssl.of(protocol).server.clone();
        server.unwrap().key_password.unwrap().secret.expose().to_vec()
    };
    assert_eq!(certificate(&config, IMAP).unwrap(), "/ci /ki");
    assert_eq!((password(IMAP), password(Protocol::Lmtp)), (b"pi".to_vec(), b"p".to_vec()));
    assert_eq!(certificate(&config, Protocol::Pop3).unwrap(), "/c /k");
    let (imap, pop3) = (config.ssl.of(IMAP), config.ssl.of(Protocol::Pop3));
    assert_eq!((imap.mode, imap.min_protocol), (SslMode::Required, TlsVersion::Tls13));
    assert!(imap.clients.is_some() && pop3.clients.is_none());
    assert!(!pop3.has_certificate() && pop3.min_protocol == TlsVersion::Tls12);
    let (own, other) = (config.protocol(IMAP), config.protocol(Protocol::Submission));
    assert_eq!(own.allow_cleartext, AllowCleartext::No);
    assert!(own.ssl_require_client_cert && own.ssl_username_from_cert);
    assert_eq!(other.allow_cleartext, AllowCleartext::Yes);
    assert!(!other.ssl_require_client_cert && other.verify_backends);
    assert!(!own.verify_backends);
    let first = |protocol| config.ssl.of(protocol).by_name[0].1.cert_file.display().to_string();
    assert_eq!((first(Protocol::Sieve), first(IMAP)), ("/cs".into(), "/ca".into()));
    let open: Vec<&str> = config.listeners.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(open, ["imap", "imaps", "pop3", "sieve", "submission", "submissions"], "no pop3s");
    let asked = |name: &str| {
        config.listeners.iter().find(|it| it.name == name).unwrap().request_client_cert
    };
    assert_eq!(
        (asked("imaps"), asked("submission")),
        (RequestClientCert::Yes, RequestClientCert::No)
    );
}

/// What is wrong, and what is said of it.
const MISTAKES: &[(&str, &str)] = &[
    ("ssl_client_key = </missing\n", "setting ssl_client_key: cannot read /missing"),
    ("ssl_key = </missing\n", "cannot read /missing"),
    ("service auth {\n auth_allow_cleartext = no\n}\n", "has no effect in `service auth { … }`"),
    (
        "protocol lda {\n ssl_server {\n cert_file = /c\n }\n}\n",
        "has no effect in `protocol lda { … }`",
    ),
    (
        "namespace inbox {\n mailbox x {\n disable_plaintext_auth = yes\n }\n}\n",
        "t.conf:3: setting disable_plaintext_auth: has no effect",
    ),
    ("dict_server {\n ssl = required\n}\n", "has no effect in `dict_server { … }`"),
    ("passdb static {\n override_fields = alow_nets=10.0.0.0/8\n}\n", "did you mean `allow_nets`?"),
    ("passdb static {\n args = allow_real_nets=10.0.0.0/8\n}\n", "write `allow_nets`"),
    (
        "ssl_server {\n cert_file = /c\n",
        "t.conf:1: the block `ssl_server` that is opened here is never closed",
    ),
    ("ssl_server {\n cert_file = /c\n}\n", "ssl_server_key_file: missing"),
    (
        "ssl_server {\n cert_fiel = /c\n}\n",
        "t.conf:2: setting cert_fiel: there is no such setting in `ssl_server { … }`; did you mean `cert_file`?",
    ),
    (
        "ssl_sever {\n cert_file = /c\n}\n",
        "t.conf:1: setting ssl_sever: there is no such block; did you mean `ssl_server`?",
    ),
    ("ssl_servers {\n cert_file = /c\n}\n", "did you mean `ssl_server`?"),
    ("tls_server {\n cert_file = /c\n}\n", "t.conf:1: setting tls_server: there is no such block"),
    ("ssl_server tls {\n cert_file = /c\n}\n", "such a block has no name of its own"),
    ("ssl_server = yes\n", "this is a block, expected `ssl_server { … }`"),
    ("ssl_server {\n ssl = required\n}\n", "cannot be set for `ssl_server { … }` alone"),
    ("ssl_server {\n auth_allow_cleartext = no\n}\n", "cannot be set for `ssl_server { … }` alone"),
    (
        "ssl_client {\n login_trusted_networks = ::1\n}\n",
        "cannot be set for `ssl_client { … }` alone",
    ),
    (
        "ssl_server {\n protocol imap {\n ssl = no\n }\n}\n",
        "cannot be set for `ssl_server { … }` alone",
    ),
    (
        "ssl_server {\n}\nservice imap-login {\n ssl_server {\n cert_file = /c\n }\n}\n",
        "belongs outside of all blocks",
    ),
    ("local_name a.example {\n ssl_min_protocol = TLSv1.3\n}\n", "belongs outside of all blocks"),
    (
        "local_name a.example {\n ssl_server {\n request_client_cert = yes\n }\n}\n",
        "belongs outside of all blocks",
    ),
    ("local_name a.example {\n auth_allow_cleartext = no\n}\n", "belongs outside of all blocks"),
    ("service imap-login {\n disable_plaintext_auth = yes\n}\n", "belongs outside of all blocks"),
    ("passdb static {\n ssl = required\n}\n", "belongs outside of all blocks"),
    ("protocol imap {\n ssl_client_ca_file = /c\n}\n", "cannot differ between protocols"),
    ("protocol imap {\n haproxy_trusted_networks = ::1\n}\n", "cannot differ between protocols"),
    (
        "protocol imap {\n auth_policy_server_url = http://x/\n}\n",
        "cannot differ between protocols",
    ),
    ("protocol doveadm {\n ssl = required\n}\n", "cannot differ for doveadm"),
    ("protocol lmtp {\n ssl = required\n}\n", "LMTP has no logins"),
    (
        "protocol lmtp {\n auth_ssl_require_client_cert = yes\n}\n",
        "ssl_server_request_client_cert = required",
    ),
    (
        "protocol imap {\n auth_ssl_require_client_cert = yes\n}\n",
        "t.conf:2: setting auth_ssl_require_client_cert: no client could log in",
    ),
    ("protocol imap {\n ssl = required\n}\n", "t.conf:2: setting ssl: found `required`, but"),
    ("protocol imap {\n ssl_cert = /c\n}\n", "missing: the certificate needs its private key"),
    (
        "auth_policy {\n server_url = http://policy.example:4001/\n}\n",
        "t.conf:2: setting auth_policy_hash_nonce: missing",
    ),
    ("auth_policy {\n server_url = policy.example\n hash_nonce = x\n}\n", "expected a URL such as"),
    (
        "auth_policy_request_attributes = login=%{usr}\nauth_policy_server_url = http://x/\n",
        "not `%{usr}`",
    ),
    ("passdb static {\n fields {\n alow_nets = 10.0.0.0/8\n }\n}\n", "did you mean `allow_nets`?"),
    (
        "passdb static {\n fields_import_all = no\n}\n",
        "all fields that the database returns are used",
    ),
];

#[test]
fn op_01_half_written_blocks_and_unknown_ones_say_what_to_write() {
    for (text, said) in MISTAKES {
        let found = errors(text).join("\n");
        assert!(found.contains(said), "{text}\n{found}\n{said}");
    }
}

#[test]
fn a_policy_that_asks_for_nothing_loads() {
    let text = "auth_policy {\n server_url =\n hash_nonce = x\n}\n";
    assert!(loaded(text).auth.policy.is_none());
    let text = "auth_policy {\n server_url = http://p.example/\n hash_nonce = x\n request_attributes {\n  login = %{user}\n  \
                a/b = x\n }\n}\n";
    let policy = loaded(text).auth.policy.unwrap();
    let names: Vec<&str> = policy.attributes.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["login", "a/b"]);
}

#[test]
fn values_that_were_hidden_are_no_empty_values() {
    for text in [
        "doveadm_password = # hidden, use -P to show it\n",
        "ssl_server_key_password = # hidden, use -P to show it\n",
        "ssl_server {\n key_password = # hidden, use -P to show it\n}\n",
        "ssl_key = # hidden, use -P to show it\n",
        "passdb static {\n static_password = # hidden, use -P to show it\n}\n",
        "passdb static {\n fields {\n pass = # hidden, use -P to show it\n }\n}\n",
        "ssl_client_key = # hidden, use -P to show it\n",
        "doveadm_password = # hidden\n",
    ] {
        let found = errors(text).join("\n");
        assert!(found.contains("doveconf -nP"), "{text}: {found}");
    }
    // What is not needed may be hidden.
    assert!(
        load_text(
            "imapc_password = # hidden, use -P to show it\nssl_dh = # hidden, use -P to show it\n"
        )
        .config
        .is_some()
    );
}

#[test]
fn lists_may_be_blocks() {
    let config = loaded(
        "login_trusted_networks {\n 10.0.0.0/8 = yes\n ::1 = yes\n 192.0.2.1 = no\n}\nlisten {\n 127.0.0.1 = yes\n}\n\
         auth_mechanisms {\n plain = yes\n}\nmail_plugins {\n quota = yes\n}\n",
    );
    assert!(config.trust.login_networks.contains("10.1.2.3".parse().unwrap()));
    assert!(!config.trust.login_networks.contains("192.0.2.1".parse().unwrap()));
    assert!(config.listeners.iter().all(|it| it.address.is_loopback()));
    assert!(errors("login_plugins {\n gate = yes\n}\n")[0].contains("not supported"));
}

/// Each line takes TLS or its guard away where it is dropped: it has to be obeyed or refused.
#[test]
fn no_spelling_of_a_protection_is_dropped() {
    const CERTIFICATE: &str = "ssl_server_cert_file = /c\nssl_server_key_file = /k\n";
    let is_guarded = |config: &Config| {
        let ssl = config.ssl.of(IMAP);
        ssl.has_certificate() && config.protocol(IMAP).allow_cleartext != AllowCleartext::Yes
    };
    for text in [
        "ssl_server {\n cert_file = /c\n key_file = /k\n}\n",
        "ssl_server {\n cert_fle = /c\n key_file = /k\n}\n",
        "ssl_srever {\n cert_file = /c\n key_file = /k\n}\n",
        "ssl {\n server_cert_file = /c\n server_key_file = /k\n}\n",
        "tls {\n cert_file = /c\n key_file = /k\n}\n",
        "ssl_server_cert = /c\nssl_server_key = /k\n",
        "ssl_certificate = /c\nssl_certificate_key = /k\n",
        "ssl_cert_file = /c\nssl_key_file = /k\n",
        "protocol imap {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "protocol imap {\n ssl_server {\n cert_file = /c\n key_file = /k\n }\n}\n",
        "protocol imaps {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "protocol !pop3 {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "local_name mail.example.org {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "protocol imap {\n local_name mail.example.org {\n ssl_server {\n cert_file = /c\n key_file = /k\n }\n }\n}\n",
        "local_name mail.example.org {\n protocol imap {\n ssl_cert = /c\n ssl_key = /k\n }\n}\n",
        "local 192.0.2.1 {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "remote 192.0.2.0/24 {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "service imap-login {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "service imap-login {\n inet_listener imaps {\n ssl_cert = /c\n ssl_key = /k\n }\n}\n",
        "service imap-login {\n protocol imap {\n ssl_cert = /c\n ssl_key = /k\n }\n}\n",
        "@tls = mine\ngroup @tls mine {\n ssl_server { cert_file = /c  key_file = /k }\n}\n",
        "@tls = mine\ngroup @tls other {\n ssl_server { cert_file = /c  key_file = /k }\n}\n",
        "ssl_cert = # hidden, use -P to show it\nssl_key = # hidden, use -P to show it\n",
        "ssl_server {\n cert_file = /c\n key_file = # hidden, use -P to show it\n}\n",
        "ssl_alt_cert = /c\nssl_alt_key = /k\n",
        "ssl_disable = no\n",
        "service auth {\n ssl_cert = /c\n ssl_key = /k\n}\n",
        "namespace inbox {\n ssl_cert = /c\n ssl_key = /k\n}\n",
    ] {
        if let Some(config) = load_text(text).config {
            assert!(is_guarded(&config), "{text}");
        }
    }
    for text in [
        "protocol imap {\n auth_allow_cleartext = no\n}\n",
        "protocol imap {\n disable_plaintext_auth = yes\n}\n",
        "auth {\n allow_cleartext = no\n}\n",
        "auth_allow_cleartxt = no\n",
        "service imap-login {\n auth_allow_cleartext = no\n}\n",
        "service auth-login {\n auth_allow_cleartext = no\n}\n",
        "local_name x.example {\n auth_allow_cleartext = no\n}\n",
    ] {
        if let Some(config) =
            load_text(&format!("{CERTIFICATE}auth_allow_cleartext = yes\n{text}")).config
        {
            assert!(is_guarded(&config), "{text}");
        }
    }
}

const PAIR: &str = "ssl_server_cert_file = /c\nssl_server_key_file = /k\n";

/// What is said of all protocols but one holds for LMTP as far as it can: it has no logins that could be refused.
#[test]
fn a_demand_on_all_other_protocols_asks_nothing_of_lmtp_that_it_cannot_do() {
    for label in ["!pop3", "!indexer-worker", "!doveadm"] {
        let config = loaded(&format!("{PAIR}ssl = no\nprotocol {label} {{\n ssl = required\n}}\n"));
        let mode = |protocol: Protocol| config.ssl.of(protocol).mode;
        assert_eq!(mode(Protocol::Imap), SslMode::Required, "{label}");
        assert_eq!(mode(Protocol::Lmtp), SslMode::Yes, "{label}");
    }
}

#[test]
fn what_protects_is_told_of_in_listeners_that_are_ignored_and_in_blocks_with_tls_of_their_own() {
    for text in [
        "service auth {\n unix_listener a {\n  auth_allow_cleartext = no\n }\n}\n",
        "service auth {\n inet_listener {\n  ssl_min_protocol = TLSv1.3\n }\n}\n",
        "userdb {\n disable_plaintext_auth = yes\n}\n",
    ] {
        assert!(errors(text)[0].contains("has no effect in"), "{text}");
    }
    loaded("service auth {\n inet_listener {\n  ssl = yes\n }\n}\nmysql x {\n ssl = yes\n}\n");
}

#[test]
fn what_is_about_clients_only_is_told_of_in_auth_policy() {
    for line in ["ssl = required", "auth_allow_cleartext = no", "ssl_server_min_protocol = TLSv1.3"]
    {
        let found = errors(&format!("auth_policy {{\n {line}\n}}\n"));
        assert!(found[0].contains("write it outside of the block"), "{found:#?}");
    }
}

/// An error's consequences are no errors of their own: they would be untrue.
#[test]
fn a_certificate_whose_key_could_not_be_had_is_not_said_to_be_missing() {
    for key in ["# hidden, use -P to show it", "%{env:NONE}", "<nowhere.key"] {
        let text =
            format!("ssl = required\nssl_server_cert_file = /c.pem\nssl_server_key_file = {key}\n");
        let found = errors(&text);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("t.conf:3: "), "{found:#?}");
    }
    let text = "cluster_backend_test_username = u\ncluster_backend_test_password = %{env:NONE}\n";
    assert_eq!(errors(text).len(), 1);
    assert!(!warnings(text).iter().any(|text| text.contains("probes will not log in")));
    let found = warnings("disable_plaintext_auth = on\n");
    assert!(!found.iter().any(|text| text.contains("auth_allow_cleartext = on")), "{found:#?}");
}

/// Whoever knew the words would have come in.
#[test]
fn what_doveconf_writes_for_a_password_among_words_is_no_password() {
    const MASK: &str = "#hidden_use-P_to_show#";
    for line in [
        "args = proxy=y password=",
        "args = pass=",
        "override_fields = proxy=y pass=",
        "default_fields = pass=",
    ] {
        for rest in ["", " host=192.0.2.1"] {
            let found = errors(&format!("passdb {{\n driver = static\n {line}{MASK}{rest}\n}}\n"));
            assert!(
                found[0].contains("t.conf:3: ") && found[0].contains("doveconf -nP"),
                "{found:#?}"
            );
        }
    }
    assert!(errors(&format!("doveadm_password = \"{MASK}\"\n"))[0].contains("doveconf -nP"));
}
