//! `hale check-config --connect`: what an operator is told of backends before users log in (W-BTLS-1).

use super::certificate::Pem;
use super::hale::Setup;
use super::ports::free_port;
use super::tls_backend::Secure;

/// What the command prints of backends that were set up so, and its exit code.
fn told(setup: &Setup) -> (i32, String) {
    setup.write();
    let output = setup.output("check-config --connect");
    let all = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(all).unwrap())
}

#[test]
fn w_btls_1_check_config_dials_every_backend_and_says_what_it_saw() {
    let secure = Secure::new(&["be1.test", "be2.test"]);
    let stranger = Pem::new(&["be1.test", "be2.test"]);
    let (plain, tls) = (secure.ports().0, secure.ports().1);
    let cases = [
        (
            &secure.pem,
            "starttls",
            plain,
            "",
            0,
            "imap (starttls): good: TLSv1.3, a certificate of version 3 of CN=be1.test",
        ),
        (
            &secure.pem,
            "yes",
            tls,
            "",
            0,
            "for be1.test be2.test, made by itself, 2020-01-01 to 4000-01-01",
        ),
        (&secure.pem, "no", plain, "", 0, "imap (no TLS): good: it greets; nothing is encrypted"),
        (&stranger, "starttls", plain, "", 78, "error: be1.test"),
        (
            &stranger,
            "yes",
            tls,
            "",
            78,
            "it signs for itself and does not stand in ssl_client_ca_file",
        ),
        (
            &stranger,
            "yes",
            tls,
            "ssl_client_require_valid_cert = no",
            0,
            "imap (tls): odd: TLSv1.3",
        ),
        (&secure.pem, "yes", plain, "", 78, "this is not TLS"),
        (&secure.pem, "yes", free_port(), "", 75, "not reached"),
    ];
    for (trusted, mode, port, more, code, words) in cases {
        let mut setup = Setup::new(plain);
        let authority = setup.path().join("authority.pem");
        std::fs::write(&authority, &trusted.certificate).unwrap();
        setup.configure(&format!(
            "ssl_client_ca_file = {}\nprotocol imap {{\n  proxy_ssl = {mode}\n  proxy_port = {port}\n}}\n{more}",
            authority.display()
        ));
        setup.write();
        setup.make_cluster();
        let (exit, said) = told(&setup);
        assert!(exit == code && said.contains(words), "{mode} {port}: {exit}\n{said}");
        for host in ["be1.test", "be2.test"] {
            assert_eq!(said.matches(&format!("{host}:{port} imap")).count(), 1, "{said}");
        }
    }
    assert!(secure.pair.backends.iter().all(|backend| backend.logins("").is_empty()));
}

#[test]
fn tl_19_check_config_says_what_is_odd_about_files() {
    let mut setup = Setup::new(free_port());
    let authority = setup.path().join("authority.pem");
    std::fs::write(&authority, Pem::expired(&["be1.test"]).certificate).unwrap();
    setup.configure(&format!("ssl_client_ca_file = {}", authority.display()));
    setup.write();
    let output = setup.output("check-config");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && said.contains("(CN=be1.test) has expired on 2021-01-01"),
        "{said}"
    );
    // No backend to dial is worth a word.
    setup.succeed("geodb init");
    let (exit, said) = told(&setup);
    assert!(exit == 0 && said.contains("the GeoDB has no backends"), "{said}");
}
