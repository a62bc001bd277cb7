//! Certificates as small sites make them with openssl's own commands, at Cyrus behind Hale.

use std::fs;
use std::path::Path;

use hale::names::Protocol;

use super::super::certificate::Pem;
use super::super::tools::{OPENSSL, run};
use super::ODD;
use super::cyrus::Cyrus;
use super::front::{Front, Way, log_in};

/// A backend's certificate, and what the operator puts into `ssl_client_ca_file`.
struct Made {
    own: Pem,
    authority: Pem,
}

/// One command that signs for itself, as every page on the subject shows it: marked as an authority.
fn for_itself(folder: &Path, more: &[&str]) -> Made {
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 365 -subj /CN=be1.test",
        more,
    );
    Made { own: pem(folder, "cert.pem", "key.pem"), authority: pem(folder, "cert.pem", "key.pem") }
}

/// An authority of the site's own, and a request signed without an extension file: version 1, a common name only.
fn of_version_1(folder: &Path) -> Made {
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 365 -subj /CN=Authority",
        &[],
    );
    openssl(
        folder,
        "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=be1.test",
        &[],
    );
    openssl(
        folder,
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 365",
        &[],
    );
    Made { own: pem(folder, "cert.pem", "key.pem"), authority: pem(folder, "ca.pem", "ca.key") }
}

fn openssl(folder: &Path, words: &str, more: &[&str]) {
    run(OPENSSL.command().args(words.split(' ')).args(more).current_dir(folder));
}

fn pem(folder: &Path, certificate: &str, key: &str) -> Pem {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    Pem { certificate: read(certificate), key: read(key) }
}

/// Logs every user in at Cyrus by STARTTLS: how many came in, and Hale's log.
fn log_everybody_in(made: &Made, more: &str) -> (usize, String) {
    let cyrus = Cyrus::start(ODD, &made.own);
    let front =
        Front::prepared(&cyrus.guest()[..1], ODD, Way::Starttls(&made.authority), |setup| {
            setup.configure(more);
        });
    let address = front.address(Protocol::Imap);
    let logins =
        ODD.iter().map(|(user, password)| log_in(Protocol::Imap, address, user, password).1);
    let count = logins.filter(Result::is_ok).count();
    front.every_line_says_why();
    (count, front.log())
}

#[test]
fn cross_tls_certificates_of_small_sites_at_cyrus() {
    let folder = tempfile::tempdir().unwrap();
    let both = ["-addext", "subjectAltName=DNS:be1.test,DNS:be2.test"];
    let (count, log) = log_everybody_in(&for_itself(folder.path(), &both), "");
    assert_eq!(count, ODD.len(), "{log}");
    // Those whose home is the other backend meet a certificate for another name.
    for (made, reason) in [
        (for_itself(folder.path(), &[]), "has no subjectAltName"),
        (of_version_1(folder.path()), "is of version 1"),
    ] {
        let (count, log) = log_everybody_in(&made, "");
        assert!((1..ODD.len()).contains(&count), "{count}: {log}");
        assert!(log.contains("for another name"), "{log}");
        let (count, log) = log_everybody_in(&made, "ssl_client_older_certs = no");
        assert!(count == 0 && log.contains(reason), "{count}: {log}");
    }
}
