//! What `check-config` and clients make of certificates with a second one, and of keys with passwords (W-TLS-3,
//! K-TLS-11).

use std::process::Command;

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::certificate::Pem;
use super::hale::Setup;
use super::ports::free_port;

/// Files of two pairs, the second key sealed, too, and a Hale that is configured with them.
struct Files {
    setup: Setup,
}

const NAMES: &[&str] = &["mail.test"];

impl Files {
    fn new() -> Self {
        let setup = Setup::new(free_port());
        let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        for (name, pem) in [("ecdsa", Pem::new(NAMES)), ("rsa", Pem::with_key(NAMES, &rsa))] {
            std::fs::write(setup.path().join(format!("{name}.pem")), pem.certificate).unwrap();
            std::fs::write(setup.path().join(format!("{name}.key")), pem.key).unwrap();
        }
        let files = Self { setup };
        let (key, sealed) = (files.path("rsa.key"), files.path("sealed.key"));
        let words =
            ["pkey", "-in", &key, "-aes-256-cbc", "-passout", "pass:horse", "-out", &sealed];
        assert!(Command::new("openssl").args(words).status().unwrap().success());
        files
    }

    fn path(&self, name: &str) -> String {
        self.setup.path().join(name).display().to_string()
    }

    /// Two lines that name a pair.
    fn pair(&self, which: &str, cert: &str, key: &str) -> String {
        let (cert, key) = (self.path(cert), self.path(key));
        format!("ssl_server_{which}cert_file = {cert}\nssl_server_{which}key_file = {key}\n")
    }

    /// What `check-config` says, and whether it accepts.
    fn told(self, lines: &str) -> (bool, String) {
        let mut setup = self.setup;
        setup.configure(&format!("ssl = yes\n{lines}"));
        setup.write();
        let output = setup.output("check-config");
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn case_18_what_is_wrong_with_two_certificates_is_said() {
    // Each other's keys; two of a kind; a key of another kind.
    let files = Files::new();
    let lines =
        files.pair("", "ecdsa.pem", "rsa.key") + &files.pair("alt_", "rsa.pem", "ecdsa.key");
    let (good, said) = files.told(&lines);
    let words =
        "ssl_server_key_file and ssl_server_alt_key_file name each other's key; swap the two lines";
    assert!(!good && said.contains(words), "{said}");
    let files = Files::new();
    let lines =
        files.pair("", "ecdsa.pem", "ecdsa.key") + &files.pair("alt_", "ecdsa.pem", "ecdsa.key");
    let (good, said) = files.told(&lines);
    assert!(good && said.contains("is of the same kind as the first certificate"), "{said}");
    let files = Files::new();
    let lines =
        files.pair("", "ecdsa.pem", "ecdsa.key") + &files.pair("alt_", "rsa.pem", "ecdsa.key");
    let (good, said) = files.told(&lines);
    let words = "the key is of another kind (ECDSA) than the certificate (RSA)";
    assert!(!good && said.contains("ssl_server_alt_key_file") && said.contains(words), "{said}");
}

#[test]
fn ssl_server_key_password_opens_or_says_why_not() {
    let sealed = |more: &str| {
        let files = Files::new();
        let lines = files.pair("", "rsa.pem", "sealed.key") + more;
        files.told(&lines)
    };
    let (good, said) = sealed("ssl_server_key_password = horse");
    assert!(good && !said.contains("key_password"), "{said}");
    let (good, said) = sealed("ssl_server_key_password = donkey");
    assert!(!good && said.contains("ssl_server_key_password does not open the key"), "{said}");
    assert!(!said.contains("donkey"), "a password in a message: {said}");
    let (good, said) = sealed("");
    assert!(!good && said.contains("write that as ssl_server_key_password"), "{said}");
    // A key that needs none; one of two that needs it.
    let files = Files::new();
    let lines = files.pair("", "rsa.pem", "rsa.key") + "ssl_server_key_password = horse\n";
    let (good, said) = files.told(&lines);
    assert!(
        good && said.contains("ssl_server_key_password: none of the keys that it is for"),
        "{said}"
    );
    let files = Files::new();
    let lines =
        files.pair("", "ecdsa.pem", "ecdsa.key") + &files.pair("alt_", "rsa.pem", "sealed.key");
    let (good, said) = files.told(&(lines + "ssl_server_key_password = horse\n"));
    assert!(good && !said.contains("key_password"), "{said}");
    // In a name's block: its own, or that of all.
    for (outside, inside) in
        [("", "ssl_server_key_password = horse"), ("ssl_server_key_password = horse", "")]
    {
        let files = Files::new();
        let lines = files.pair("", "ecdsa.pem", "ecdsa.key");
        let named = files.pair("", "rsa.pem", "sealed.key");
        let text = format!("{lines}{outside}\nlocal_name b.test {{\n{named}{inside}\n}}\n");
        let (good, said) = files.told(&text);
        assert!(good && !said.contains("key_password"), "{outside} {inside}: {said}");
    }
}

#[test]
fn the_end_of_each_certificate_is_in_the_status_and_near_ends_are_in_the_log() {
    let mut setup = Setup::new(free_port());
    setup.secure(&Pem::new(&["mail.test", "imap.test"]));
    let near = Pem::ending_in(&["near.test"], 5);
    std::fs::write(setup.path().join("near.pem"), near.certificate).unwrap();
    std::fs::write(setup.path().join("near.key"), near.key).unwrap();
    let [cert, key] =
        ["near.pem", "near.key"].map(|name| setup.path().join(name).display().to_string());
    setup.configure(&format!(
        "local_name near.test {{\n  ssl_server_cert_file = {cert}\n  ssl_server_key_file = {key}\n}}"
    ));
    let hale = setup.start();
    let status = hale.setup().succeed_with(&["-f", "tab", "status"]);
    let line = |file: &str| {
        let found = status.lines().find(|line| line.contains(&format!("/{file}\t")));
        found.map(|line| line.split('\t').map(str::to_owned).collect::<Vec<String>>()).unwrap()
    };
    let [about, _, left] = line("near.pem").try_into().unwrap();
    assert_eq!((&*about, &*left), ("certificate", "5 days left, for near.test"));
    let [_, _, left] = line("cert.pem").try_into().unwrap();
    assert!(left.ends_with(" days left, for mail.test imap.test"), "{left}");
    let log = std::fs::read_to_string(hale.setup().path().join("hale.log")).unwrap();
    let warning = format!("ssl_server_cert_file: {cert} expires in 5 days; renew it");
    assert!(log.contains(&warning), "{log}");
    assert_eq!(log.matches(" days; renew it").count(), 1, "{log}");
}
