//! Client certificates and SASL EXTERNAL in front of real Dovecots, which are logged in to with a master user's
//! password.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{CustomExtension, ExtendedKeyUsagePurpose, date_time_ymd};
use rustix::process::Signal;
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use tempfile::TempDir;

use super::bridge::{self, certified_config};
use super::certificate::{Authority, Pem};
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::smtp_relay::SmtpRelay;
use super::tools::said;
use super::wait::{PATIENCE, wait_for};

const NAME: &str = "mail.test";

/// Backends with a master user, a Hale that asks for certificates, and who issues them.
pub(super) struct Stage {
    pub(super) hale: Hale,
    pub(super) pair: Pair,
    pub(super) pem: Pem,
    pub(super) authority: Authority,
    pub(super) submission: SocketAddr,
    pub(super) pop3: SocketAddr,
    sieve: SocketAddr,
    _relay: SmtpRelay,
    _files: TempDir,
}

impl Stage {
    /// `users` have mail, and are known to Hale without a password of their own.
    pub(super) fn new(users: &[&str], more: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        // Dovecot runs as nobody.
        fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(files.path().join("masters"), "hale:{PLAIN}master-secret::::::\n").unwrap();
        let (relay, backend_port, submission) = (SmtpRelay::start(), free_port(), free_port());
        let pair = Pair::start_with(&format!(
            "protocols = imap pop3 sieve submission\nhostname = backend.test\n\
             submission_relay_host = {}\nsubmission_relay_port = {}\n\
             service submission-login {{\n chroot =\n inet_listener submission {{\n port = {backend_port}\n }}\n\
             inet_listener submissions {{\n port = 0\n }}\n}}\n\
             passdb {{\n driver = passwd-file\n master = yes\n args = scheme=PLAIN {}/masters\n \
             result_success = continue\n}}\n",
            relay.address().ip(),
            relay.address().port(),
            files.path().display(),
        ));
        pair.add_users(users, b"secret");
        let (mut setup, pem) = (Setup::new(pair.port), Pem::new(&[NAME, "localhost"]));
        for user in users {
            setup.add_row(&format!("{user}:{{PLAIN}}secret::::::master=hale pass=master-secret"));
        }
        // A user whose backend password the operator has not thought of.
        setup.add_row("forgotten:{PLAIN}secret::::::");
        let authority = Authority::new("clients");
        fs::write(setup.path().join("clients.pem"), &authority.certificate).unwrap();
        setup.secure(&pem);
        let addresses = setup.serve_pop3_and_sieve(&pair);
        setup.configure(&format!(
            "protocols = imap pop3 sieve submission\nhostname = hale.test\nlogin_trusted_networks =\n\
             service submission-login {{\n inet_listener submission {{\n port = {submission}\n }}\n\
             inet_listener submissions {{\n port = 0\n }}\n}}\n\
             service pop3-login {{\n inet_listener pop3s {{\n port = 0\n }}\n}}\n\
             protocol submission {{\n proxy_port = {backend_port}\n}}\n\
             auth_mechanisms = plain login external\nssl_server_request_client_cert = yes\n\
             ssl_server_ca_file = {}/clients.pem\nssl_server_require_crl = no\nauth_failure_delay = 0\n{more}",
            setup.path().display()
        ));
        Self {
            hale: setup.start(),
            pair,
            pem,
            authority,
            submission: (FRONT, submission).into(),
            pop3: addresses.pop3,
            sieve: addresses.sieve,
            _relay: relay,
            _files: files,
        }
    }

    pub(super) fn config(&self, own: &Pem) -> Arc<ClientConfig> {
        certified_config(&self.pem, &TLS13, own)
    }

    /// A client on the TLS port; its greeting is not read yet.
    pub(super) fn connect(&self, config: &Arc<ClientConfig>) -> Imap {
        bridge::connect(self.hale.tls_address(), NAME, config)
    }

    fn awaits_in_log(&self, words: &str) {
        wait_for(words, PATIENCE, || self.hale.said().contains(words).then_some(()));
    }

    pub(super) fn logins(&self, user: &str) -> Vec<String> {
        self.pair.backends.iter().flat_map(|backend| backend.logins(user)).collect()
    }
}

/// Lines up to and with the one that begins so.
pub(super) fn until(client: &mut Imap, start: &str) -> String {
    let mut told = String::new();
    loop {
        let line = String::from_utf8(client.line()).unwrap();
        told.push_str(&line);
        told.push('\n');
        if line.starts_with(start) {
            return told;
        }
    }
}

/// What a client says and hears on a plain port.
struct Words {
    address: SocketAddr,
    greeting: &'static str,
    starttls: [&'static str; 2],
    login: [&'static str; 2],
    challenged: [&'static str; 4],
}

#[test]
fn sa_06_external_in_every_protocol_by_starttls_with_both_versions() {
    let stage = Stage::new(&["cert-tim"], "");
    let protocols = [
        Words {
            address: stage.hale.address(),
            greeting: "* OK",
            starttls: ["t STARTTLS\r\n", "t OK"],
            login: ["a AUTHENTICATE EXTERNAL =\r\n", "a OK"],
            challenged: ["a AUTHENTICATE EXTERNAL\r\n", "+", "\r\n", "a OK"],
        },
        Words {
            address: stage.pop3,
            greeting: "+OK",
            starttls: ["STLS\r\n", "+OK"],
            login: ["AUTH EXTERNAL =\r\n", "+OK"],
            challenged: ["AUTH EXTERNAL\r\n", "+", "\r\n", "+OK"],
        },
        Words {
            address: stage.sieve,
            greeting: "OK",
            starttls: ["STARTTLS\r\n", "OK"],
            login: ["AUTHENTICATE \"EXTERNAL\" \"\"\r\n", "OK"],
            challenged: ["AUTHENTICATE \"EXTERNAL\"\r\n", "\"\"", "\"\"\r\n", "OK"],
        },
        Words {
            address: stage.submission,
            greeting: "220",
            starttls: ["EHLO me\r\nSTARTTLS\r\n", "220"],
            login: ["EHLO me\r\nAUTH EXTERNAL =\r\n", "235"],
            challenged: ["EHLO me\r\nAUTH EXTERNAL\r\n", "334", "\r\n", "235"],
        },
    ];
    let own = stage.authority.issue("cert-tim");
    let mut expected = 0;
    for version in [&TLS13, &TLS12] {
        let config = certified_config(&stage.pem, version, &own);
        for words in &protocols {
            for is_challenged in [false, true] {
                let mut clear = Imap::open(TcpStream::connect(words.address).unwrap());
                let told = until(&mut clear, words.greeting);
                assert!(!told.contains("EXTERNAL"), "offered in clear: {told}");
                clear.send(words.starttls[0].as_bytes());
                until(&mut clear, words.starttls[1]);
                let mut client = bridge::wrap(clear.stream().try_clone().unwrap(), NAME, &config);
                if words.greeting == "OK" {
                    // ManageSieve tells its capabilities again.
                    let told = until(&mut client, "OK");
                    assert!(told.contains("PLAIN LOGIN EXTERNAL"), "{told}");
                }
                if is_challenged {
                    client.send(words.challenged[0].as_bytes());
                    until(&mut client, words.challenged[1]);
                    client.send(words.challenged[2].as_bytes());
                    until(&mut client, words.challenged[3]);
                } else {
                    client.send(words.login[0].as_bytes());
                    until(&mut client, words.login[1]);
                }
                expected += 1;
            }
        }
    }
    wait_for("all logins at the backends", PATIENCE, || {
        (stage.logins("cert-tim").len() == expected).then_some(())
    });
}

#[test]
fn tl_20_every_certificate_that_is_not_right_is_refused_and_the_reason_logged() {
    let stage = Stage::new(&["cert-right"], "data_cores = 0\nlog_debug = yes");
    let stranger = Authority::new("clients").issue("cert-right");
    let expired = stage.authority.issue_odd("cert-right", |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let server_only = stage.authority.issue_odd("cert-right", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let mut deep = stage.authority.below("level 1");
    for level in 2..=10 {
        deep = deep.below(&format!("level {level}"));
    }
    let deep = deep.issue("cert-right");
    let huge = stage.authority.issue_odd("cert-right", |params| {
        let content = vec![4; 60_000];
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1], content)];
    });
    let mut refused = 0;
    for version in [&TLS13, &TLS12] {
        for (own, reason) in [
            (&stranger, "the certificate was not made by its issuer"),
            (&expired, "the certificate has expired"),
            (&server_only, "the certificate is for another purpose"),
            (&deep, "the certificate is not valid"),
            (&huge, "a message that is too long"),
        ] {
            let mut client = stage.connect(&certified_config(&stage.pem, version, own));
            assert_eq!(client.try_line(), None, "{reason}: greeted");
            stage.awaits_in_log(reason);
            refused += u32::from(reason != "a message that is too long");
        }
    }
    // The right one, and none.
    let mut client = stage.connect(&stage.config(&stage.authority.issue("cert-right")));
    let greeting = until(&mut client, "* OK");
    assert!(greeting.contains("AUTH=EXTERNAL"), "{greeting}");
    client.command("a", "AUTHENTICATE EXTERNAL =");
    client.command("s", "SELECT INBOX");
    let mut client = stage.connect(&bridge::client_config(&stage.pem));
    let greeting = until(&mut client, "* OK");
    assert!(!greeting.contains("EXTERNAL"), "{greeting}");
    client.send(b"a AUTHENTICATE EXTERNAL =\r\n");
    assert!(client.reply("a").concat().starts_with(b"a NO Unsupported"));
    client.login("cert-right", b"secret");
    // At the ordinary level of the log, with the client's address.
    stage.awaits_in_log(
        "imap-login: client certificate refused: the certificate has expired: user=<>, rip=127.0.0.1,",
    );
    assert_eq!(count(stage.hale, "certificates_refused"), refused);
}

/// A counter in the totals that Hale logs when it ends.
fn count(mut hale: Hale, name: &str) -> u32 {
    hale.signal(Signal::TERM);
    hale.wait(PATIENCE);
    let totals = hale.said();
    let value = totals.split(&format!(" {name}=")).nth(1).and_then(|rest| rest.split(' ').next());
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("{totals}"))
}

#[test]
fn tl_20_names_that_are_missing_others_or_unknown_let_nobody_in() {
    let stage = Stage::new(&["cert-own", "cert-other"], "");
    let nameless = stage.authority.issue_odd("x", |params| {
        params.distinguished_name.remove(rcgen::DnType::CommonName);
    });
    let attempt = |own: &Pem, line: &str| {
        let mut client = stage.connect(&stage.config(own));
        client.greeting();
        client.send(line.as_bytes());
        String::from_utf8(client.reply("a").concat()).unwrap()
    };
    let own = stage.authority.issue("cert-own");
    // Base64 of cert-own and cert-other.
    let (to_own, to_other) = ("Y2VydC1vd24=", "Y2VydC1vdGhlcg==");
    let external = |response: &str| format!("a AUTHENTICATE EXTERNAL {response}\r\n");
    assert!(attempt(&own, &external(to_own)).starts_with("a OK"));
    let failed = "a NO [AUTHENTICATIONFAILED] Authentication failed.";
    assert_eq!(attempt(&own, &external(to_other)), failed);
    assert_eq!(attempt(&nameless, &external("=")), failed);
    assert_eq!(attempt(&nameless, &external(to_own)), failed);
    stage.awaits_in_log("ssl_server_cert_username_field");
    assert_eq!(attempt(&stage.authority.issue("cert-nobody"), &external("=")), failed);
    let forgotten = attempt(&stage.authority.issue("forgotten"), &external("="));
    assert_eq!(forgotten, "a NO [SERVERBUG] Account is temporarily unavailable.");
    stage.awaits_in_log("no passdb gives a password for the backend");
    assert!(stage.logins("cert-other").is_empty());
}

#[test]
fn sa_20_a_certified_master_logs_in_as_somebody_else() {
    let files = tempfile::tempdir().unwrap();
    let masters = files.path().join("masters");
    fs::write(&masters, "cert-admin\n").unwrap();
    fs::set_permissions(&masters, PermissionsExt::from_mode(0o600)).unwrap();
    let stage = Stage::new(
        &["cert-mail"],
        &format!(
            "passdb masters {{\n driver = passwd-file\n passwd_file_path = {}\n master = yes\n}}",
            masters.display()
        ),
    );
    let mut client = stage.connect(&stage.config(&stage.authority.issue("cert-admin")));
    client.greeting();
    // Base64 of cert-mail.
    client.command("a", "AUTHENTICATE EXTERNAL Y2VydC1tYWls");
    stage.pair.home_of("cert-mail");
    client.command("o", "LOGOUT");
    stage.awaits_in_log("master=cert-admin");
}

#[test]
fn auth_ssl_settings_decide_who_may_use_a_password() {
    let more = "auth_ssl_require_client_cert = yes\nauth_ssl_username_from_cert = yes";
    let stage = Stage::new(&["cert-one", "cert-two"], more);
    let mut without = stage.connect(&bridge::client_config(&stage.pem));
    without.greeting();
    assert!(!without.try_login("cert-one", b"secret"));
    stage.awaits_in_log("auth_ssl_require_client_cert demands");
    let mut client = stage.connect(&stage.config(&stage.authority.issue("cert-one")));
    client.greeting();
    assert!(!client.try_login("cert-two", b"wrong"));
    client.login("cert-two", b"secret");
    // The certificate's user, not the one that was typed.
    stage.pair.home_of("cert-one");
    assert!(stage.logins("cert-two").is_empty());
}

#[test]
fn w_tls_4_a_listener_that_demands_certificates_greets_nobody_without() {
    let (required, unasked) = (free_port(), free_port());
    let stage = Stage::new(
        &["cert-must"],
        &format!(
            "service imap-login {{\n inet_listener must {{\n port = {required}\n ssl = yes\n \
             ssl_server_request_client_cert = required\n }}\n inet_listener unasked {{\n port = {unasked}\n \
             ssl = yes\n ssl_server_request_client_cert = no\n }}\n}}"
        ),
    );
    let own = stage.authority.issue("cert-must");
    let connect =
        |port: u16, config: &Arc<ClientConfig>| bridge::connect((FRONT, port).into(), NAME, config);
    for version in [&TLS13, &TLS12] {
        let config = ClientConfig::builder_with_protocol_versions(&[version]);
        let config = config.with_root_certificates(bridge::roots(&stage.pem));
        assert_eq!(connect(required, &Arc::new(config.with_no_client_auth())).try_line(), None);
        let config = certified_config(&stage.pem, version, &own);
        let mut client = connect(required, &config);
        client.greeting();
        client.command("a", "AUTHENTICATE EXTERNAL =");
        // TL-18: one configuration keeps its tickets; what the other listener gave is no identity there, nor here.
        for _ in 0..2 {
            let greeting = until(&mut connect(unasked, &config), "* OK");
            assert!(!greeting.contains("EXTERNAL"), "{greeting}");
            let greeting = until(&mut connect(required, &config), "* OK");
            assert!(greeting.contains("EXTERNAL"), "{greeting}");
        }
    }
    stage.awaits_in_log("no certificate was shown");
}

#[test]
fn w_tls_4_an_lmtp_listener_may_demand_certificates_too() {
    let (first, starttls) = (free_port(), free_port());
    let required = "ssl_server_request_client_cert = required";
    let stage = Stage::new(
        &["cert-lmtp"],
        &format!(
            "protocols = imap lmtp\nservice lmtp {{\n inet_listener first {{\n port = {first}\n ssl = yes\n {required}\n \
             }}\n inet_listener starttls {{\n port = {starttls}\n {required}\n }}\n}}"
        ),
    );
    let own = stage.config(&stage.authority.issue("mx.example"));
    let without = bridge::client_config(&stage.pem);
    let secured = |port: u16, config: &Arc<ClientConfig>| {
        let mut client = Imap::open(TcpStream::connect((FRONT, port)).unwrap());
        if port == starttls {
            until(&mut client, "220");
            client.send(b"LHLO mx.example\r\nSTARTTLS\r\n");
            until(&mut client, "220");
        }
        let mut client = bridge::wrap(client.stream().try_clone().unwrap(), NAME, config);
        if port == starttls {
            client.send(b"LHLO mx.example\r\n");
        }
        client
    };
    for port in [first, starttls] {
        assert_eq!(secured(port, &without).try_line(), None);
        let line = secured(port, &own).line();
        assert!(line.starts_with(b"2"), "{}", line.escape_ascii());
    }
    stage.awaits_in_log("lmtp: client certificate refused: no certificate was shown");
}

#[test]
fn tl_20_reload_takes_good_authorities_and_keeps_the_old_ones_over_bad_ones() {
    let stage = Stage::new(&["cert-reload"], "");
    let path = stage.hale.setup().path().join("clients.pem");
    let next = Authority::new("next");
    let greets = |own: &Pem| {
        let greeting = stage.connect(&stage.config(own)).try_line().unwrap_or_default();
        String::from_utf8(greeting).unwrap().contains("AUTH=EXTERNAL")
    };
    let (old, new) = (stage.authority.issue("cert-reload"), next.issue("cert-reload"));
    assert!(greets(&old) && !greets(&new));
    for (spoil, words) in [
        (Some(""), "clients.pem holds no certificate of an authority"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "can't be read"),
        (None, "clients.pem can't be read"),
    ] {
        match spoil {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let before = stage.hale.said().matches("former ones stay in use").count();
        stage.hale.signal(Signal::HUP);
        wait_for("the refusal", PATIENCE, || {
            let said = stage.hale.said();
            let is_new = said.matches("former ones stay in use").count() > before;
            (is_new && said.contains(words)).then_some(())
        });
        assert!(greets(&old) && !greets(&new), "{words}");
        // OP-01: with file, line and remedy.
        let output = stage.hale.setup().output("check-config");
        let report = said(&output);
        assert_eq!(output.status.code(), Some(78), "{report}");
        assert!(report.contains(words) && report.contains("ssl_server_ca_file"), "{report}");
    }
    fs::write(&path, &next.certificate).unwrap();
    stage.hale.setup().succeed("reload");
    stage.awaits_in_log("reloaded:");
    wait_for("the new authority", PATIENCE, || greets(&new).then_some(()));
    assert!(!greets(&old));
    assert!(stage.hale.setup().output("check-config").status.success());
}
