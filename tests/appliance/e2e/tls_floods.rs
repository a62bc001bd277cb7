//! Floods inside TLS, and of TLS: what costs a client nothing must not cost Hale much.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Stdio;
use std::sync::Arc;

use hale::tls::{Backends, Engine, Trust};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection};

use super::bridge;
use super::certificate::Pem;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::kernel::resident_bytes;
use super::tools::OPENSSL;
use super::wait::{PATIENCE, wait_for};

const NAME: &str = "mail.test";

fn front(user: &str) -> (Hale, Pem) {
    let pem = Pem::new(&[NAME]);
    let mut setup = Setup::with_users(Pair::shared(), &[user], b"secret");
    setup.secure(&pem);
    setup.configure("log_debug = yes");
    (setup.start(), pem)
}

/// A client that renews its keys and says nothing else, before login or behind it.
struct Renewing {
    tls: ClientConnection,
    stream: TcpStream,
}

impl Renewing {
    fn connect(hale: &Hale, pem: &Pem) -> Self {
        let config = ClientConfig::builder_with_protocol_versions(&[&TLS13])
            .with_root_certificates(bridge::roots(pem))
            .with_no_client_auth();
        let name = NAME.try_into().unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(hale.tls_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Self { tls, stream };
        client.hear("* OK");
        client
    }

    fn say(&mut self, words: &[u8]) {
        self.tls.writer().write_all(words).unwrap();
        self.tls.write_tls(&mut self.stream).unwrap();
    }

    /// Reads until these words came.
    fn hear(&mut self, words: &str) {
        let mut told = String::new();
        while !told.contains(words) {
            self.tls.complete_io(&mut self.stream).unwrap();
            let mut piece = [0; 4096];
            let read = self.tls.reader().read(&mut piece).unwrap_or(0);
            told.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    }

    /// How often it may renew its keys until Hale listens no more.
    fn flood(&mut self) -> usize {
        for renewed in 0..10_000 {
            if self.tls.refresh_traffic_keys().is_err() {
                return renewed;
            }
            while self.tls.wants_write() {
                if self.tls.write_tls(&mut self.stream).is_err() {
                    return renewed;
                }
            }
            // Answers are taken when they are there, and with them the end.
            self.stream.set_nonblocking(true).unwrap();
            let ended = match self.tls.read_tls(&mut self.stream) {
                Ok(0) => true,
                Ok(_) => self.tls.process_new_packets().is_err(),
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            };
            self.stream.set_nonblocking(false).unwrap();
            if ended {
                return renewed;
            }
        }
        10_000
    }
}

#[test]
fn tl_12_a_flood_of_new_keys_ends_its_own_connection_only() {
    let (hale, pem) = front("flood-keys");
    let config = bridge::client_config(&pem);
    let mut other = bridge::connect(hale.tls_address(), NAME, &config);
    other.greeting();
    other.login("flood-keys", b"secret");
    for is_logged_in in [false, true] {
        let mut client = Renewing::connect(&hale, &pem);
        if is_logged_in {
            client.say(&login_line("l", "flood-keys", b"secret"));
            client.hear("l OK");
        }
        let borne = client.flood();
        assert!((32..10_000).contains(&borne), "{borne} renewals were borne");
        other.command("n", "NOOP");
    }
    wait_for("the log's word", PATIENCE, || {
        hale.said().contains("the peer breaks the rules of TLS").then_some(())
    });
}

/// W-TLS-5 with OpenSSL, which renegotiates at a line that begins with R.
#[test]
fn tl_12_openssl_may_not_renegotiate() {
    let (hale, pem) = front("flood-again");
    let mut command = OPENSSL.command();
    let address = hale.tls_address().to_string();
    command.args(["s_client", "-connect", &address, "-servername", NAME, "-tls1_2"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut told = String::new();
    let mut piece = [0; 4096];
    while !told.contains("* OK") {
        let read = stdout.read(&mut piece).unwrap();
        assert!(read > 0, "no greeting: {told}");
        told.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    stdin.write_all(b"R\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("RENEGOTIATING") && errors.contains("no renegotiation"), "{errors}");
    bridge::connect(hale.tls_address(), NAME, &bridge::client_config(&pem)).greeting();
}

/// CVE-2017-15130: nothing is kept of an unknown name. The handshakes stop at the server's flight.
#[test]
fn tl_17_ten_thousand_names_cost_nothing() {
    const NAMES: u32 = 10_000;
    let (hale, pem) = front("flood-names");
    let backends = Backends::new(&Trust::default());
    let ask = |number: u32| {
        let label = "x".repeat(usize::try_from(number % 60).unwrap());
        let name = format!("host-{number}.{label}a.example.org");
        let mut hello = Vec::new();
        Engine::client(&backends, &name, true, &mut hello).unwrap();
        let mut stream = TcpStream::connect(hale.tls_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&hello).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x16], "no handshake with {name}");
        let _ = stream.shutdown(Shutdown::Both);
    };
    // The first ones fill what stays for good: buffers, pools, the allocator's pages.
    (0..1_000).for_each(ask);
    let before = resident_bytes(hale.process_id());
    (1_000..1_000 + NAMES).for_each(ask);
    let grown = resident_bytes(hale.process_id()).saturating_sub(before);
    println!("{NAMES} names made the process {grown} bytes larger");
    assert!(grown <= 2 << 20, "{grown} bytes larger");
    let mut client = bridge::connect(hale.tls_address(), NAME, &bridge::client_config(&pem));
    client.greeting();
    client.login("flood-names", b"secret");
    drop(Imap::connect(hale.address()));
}
