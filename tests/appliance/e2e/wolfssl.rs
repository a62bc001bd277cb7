//! Clients with wolfSSL 5.5, as small devices have it, and the nonces of tickets that it has room for (cross-wolfssl-ticket).

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::certificate::Pem;
use super::hale::{Hale, Setup};
use super::ports::free_port;
use super::tools::{CC, OPENSSL};

const NAME: &str = "mail.test";

fn front() -> Hale {
    let mut setup = Setup::new(free_port());
    setup.secure(&Pem::new(&[NAME]));
    setup.start()
}

#[test]
fn w_tls_wolfssl_reads_the_greeting_and_resumes() {
    let hale = front();
    let client = hale.setup().path().join("wolfssl");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/appliance/e2e/wolfssl.c");
    let built =
        CC.command().args(["-o"]).arg(&client).args([source, "-lwolfssl"]).output().unwrap();
    let why = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "apt-get install libwolfssl-dev\n{why}");
    let port = hale.tls_address().port().to_string();
    for (version, greetings) in [("2", 1), ("3", 2)] {
        let authority = hale.setup().path().join("cert.pem");
        let output = Command::new(&client).arg(&port).arg(authority).arg(version).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "TLS 1.{version}: {:?} {said}", output.status);
        assert_eq!(said.matches("* OK ").count(), greetings, "TLS 1.{version}: {said}");
        let resumed = said.matches("resumed: * OK ").count();
        assert_eq!(resumed, greetings - 1, "TLS 1.{version}: {said}");
    }
}

/// The ticket as OpenSSL shows it: head of four bytes, lifetime, age, and how long the nonce is.
#[test]
fn w_tls_a_tickets_nonce_has_eight_bytes_with_every_suite_and_the_ticket_is_good() {
    let hale = front();
    let address = hale.tls_address().to_string();
    for suite in
        ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
    {
        let session = hale.setup().path().join(suite);
        let said = |kept: &str| {
            let mut command = OPENSSL.command();
            command.args(["s_client", "-connect", &address, "-servername", NAME, "-ign_eof"]);
            command.args(["-msg", "-ciphersuites", suite, kept]).arg(&session);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"a LOGOUT\r\n").unwrap();
            String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
        };
        let first = said("-sess_out");
        assert!(first.contains(&format!("New, TLSv1.3, Cipher is {suite}")), "{first}");
        let tickets: Vec<&str> = first.split("NewSessionTicket").skip(1).collect();
        assert_eq!(tickets.len(), 1, "{first}");
        let bytes: Vec<&str> = tickets[0].split_ascii_whitespace().take(13).collect();
        assert_eq!((bytes[0], bytes[12]), ("04", "08"), "{bytes:?}");
        let second = said("-sess_in");
        assert!(second.contains(&format!("Reused, TLSv1.3, Cipher is {suite}")), "{second}");
    }
}
