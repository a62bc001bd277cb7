//! Protections of one protocol, and every way to write TLS: obeyed or refused, never dropped.

use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};

use super::bridge::{self, certified_config, client_config};
use super::certificate::{Authority, Pem};
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::script::ScriptedBackends;
use super::tools::{OPENSSL, said};

const NAME: &str = "mail.test";
/// A client from far away, in clear, as the balancer in front tells.
const STRANGER: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 143\r\n";

fn stranger(address: SocketAddr) -> Imap {
    let mut client = Imap::open(TcpStream::connect(address).unwrap());
    client.send(STRANGER);
    client
}

/// What a client hears first that comes by TLS; nothing when there is none.
fn greeted(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> Option<String> {
    let line = bridge::connect(address, name, config).try_line()?;
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// A Hale for IMAP, POP3 and ManageSieve; where POP3's TLS port and those behind a balancer are.
struct Doors {
    setup: Setup,
    pop3s: SocketAddr,
    pop3: SocketAddr,
    sieve: SocketAddr,
}

impl Doors {
    fn new(backends: &ScriptedBackends) -> Self {
        let mut setup = Setup::new(backends.port);
        let [pop3s, pop3, sieve, imaps] = [(); 4].map(|()| free_port());
        setup.configure(&format!(
            "protocols = imap pop3 sieve\nssl = yes\nlogin_trusted_networks =\nauth_failure_delay = 0\n\
             service imap-login {{\n inet_listener imaps {{\n port = {imaps}\n }}\n}}\n\
             service pop3-login {{\n inet_listener pop3 {{\n port = {pop3}\n haproxy = yes\n }}\n inet_listener pop3s {{\n \
             port = {pop3s}\n }}\n}}\n\
             service managesieve-login {{\n inet_listener sieve {{\n port = {sieve}\n haproxy = yes\n }}\n}}\n"
        ));
        let [pop3s, pop3, sieve] = [pop3s, pop3, sieve].map(|port| (FRONT, port).into());
        Self { setup, pop3s, pop3, sieve }
    }

    /// Writes a certificate, and says how its files are called.
    fn certificate(&self, name: &str, pem: &Pem) -> String {
        let file = self.setup.path().join(name);
        std::fs::write(file.with_extension("pem"), &pem.certificate).unwrap();
        std::fs::write(file.with_extension("key"), &pem.key).unwrap();
        let file = file.display();
        format!("ssl_cert = <{file}.pem\nssl_key = <{file}.key\n")
    }
}

#[test]
fn case_03_each_protocol_shows_its_own_certificates() {
    let backends = ScriptedBackends::start();
    let mut doors = Doors::new(&backends);
    let (imap, pop3, named) = (Pem::new(&[NAME]), Pem::new(&[NAME]), Pem::new(&["named.test"]));
    let of_imap = doors.certificate("imap", &imap);
    let of_pop3 = doors.certificate("pop3", &pop3);
    let of_name = doors.certificate("named", &named);
    doors.setup.configure(&format!(
        "protocol imap {{\n{of_imap}}}\nprotocol pop3 {{\n{of_pop3}local_name named.test {{\n{of_name}}}\n}}\n\
         service imap-login {{\n inet_listener direct {{\n port = {}\n ssl = yes\n }}\n}}\n",
        free_port()
    ));
    let (pop3s, sieve) = (doors.pop3s, doors.sieve);
    let hale = doors.setup.start();
    let mut clear = Imap::connect(hale.address());
    clear.send(b"t STARTTLS\r\n");
    clear.line();
    let mut tls = bridge::wrap(clear.stream().try_clone().unwrap(), NAME, &client_config(&imap));
    assert!(tls.command("a", "CAPABILITY").len() == 2, "by STARTTLS, with IMAP's certificate");
    assert!(greeted(pop3s, NAME, &client_config(&pop3)).unwrap().starts_with("+OK"));
    assert_eq!(greeted(pop3s, NAME, &client_config(&imap)), None, "that is IMAP's");
    assert!(greeted(pop3s, "named.test", &client_config(&named)).unwrap().starts_with("+OK"));
    // No certificate is ManageSieve's.
    let mut sieve = stranger(sieve);
    let mut told = String::new();
    while !told.contains("\nOK") {
        told += &String::from_utf8_lossy(&sieve.line());
        told.push('\n');
    }
    assert!(!told.contains("STARTTLS"), "{told}");
}

#[test]
fn case_04_protections_hold_for_the_protocol_they_are_written_for() {
    let backends = ScriptedBackends::start();
    let mut doors = Doors::new(&backends);
    let (pem, authority) = (Pem::new(&[NAME]), Authority::new("clients"));
    let of_all = doors.certificate("all", &pem);
    let clients = doors.setup.path().join("clients.pem");
    std::fs::write(&clients, &authority.certificate).unwrap();
    let imaps = free_port();
    doors.setup.configure(&format!(
        "{of_all}auth_allow_cleartext = yes\nssl_server_require_crl = no\n\
         protocol imap {{\n auth_allow_cleartext = no\n ssl_min_protocol = TLSv1.3\n}}\n\
         protocol pop3 {{\n ssl_server {{\n request_client_cert = required\n ca_file = {}\n }}\n}}\n\
         protocol sieve {{\n ssl = no\n}}\n\
         service imap-login {{\n inet_listener direct {{\n port = {imaps}\n ssl = yes\n }}\n}}\n",
        clients.display()
    ));
    let Doors { pop3s, pop3, sieve, .. } = doors;
    let hale = doors.setup.start();

    let mut client = stranger(hale.haproxy_address());
    client.greeting();
    client.send(b"a LOGIN tim secret\r\n");
    assert!(client.line().starts_with(b"a NO [PRIVACYREQUIRED]"), "IMAP wants none in clear");
    let mut client = stranger(pop3);
    client.line();
    client.send(b"USER tim\r\n");
    assert!(client.line().starts_with(b"+OK"), "passwords in clear are POP3's matter");

    let imaps = (FRONT, imaps).into();
    let own = authority.issue("tim");
    let with = |version| certified_config(&pem, version, &own);
    assert!(greeted(imaps, NAME, &with(&TLS13)).unwrap().starts_with("* OK"));
    assert_eq!(greeted(imaps, NAME, &with(&TLS12)), None, "TLS 1.3 is demanded");
    assert!(greeted(pop3s, NAME, &with(&TLS12)).unwrap().starts_with("+OK"));
    assert!(greeted(imaps, NAME, &client_config(&pem)).unwrap().starts_with("* OK"));
    assert_eq!(greeted(pop3s, NAME, &client_config(&pem)), None, "a certificate is demanded");

    let mut sieve = stranger(sieve);
    sieve.send(b"STARTTLS\r\n");
    let mut lines = std::iter::repeat_with(|| sieve.line());
    let answers: Vec<_> = lines
        .by_ref()
        .filter(|line| line.starts_with(b"NO") || line.starts_with(b"OK"))
        .take(2)
        .collect();
    assert!(answers[1].starts_with(b"NO"), "{answers:?}");
}

/// Whether OpenSSL gets through with these options.
fn shakes_hands(address: SocketAddr, options: &[&str]) -> bool {
    let mut openssl = OPENSSL.command();
    openssl.args(["s_client", "-brief", "-connect", &address.to_string()]).args(options);
    openssl.stdin(Stdio::null()).output().unwrap().status.success()
}

#[test]
fn lists_of_ciphers_and_curves_are_obeyed() {
    let backends = ScriptedBackends::start();
    let mut doors = Doors::new(&backends);
    let of_all = doors.certificate("all", &Pem::new(&[NAME]));
    let imaps = free_port();
    doors.setup.configure(&format!(
        "{of_all}ssl_cipher_list = EECDH+AESGCM\nssl_curve_list = X25519:prime256v1\n\
         protocol imap {{\n ssl_server {{\n ssl_cipher_suites = TLS_AES_256_GCM_SHA384\n }}\n}}\n\
         service imap-login {{\n inet_listener direct {{\n port = {imaps}\n ssl = yes\n }}\n}}\n"
    ));
    let (pop3s, imaps) = (doors.pop3s, SocketAddr::from((FRONT, imaps)));
    let _hale = doors.setup.start();
    let chacha = ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"];
    let aes = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"];
    let suite = |name| ["-tls1_3", "-ciphersuites", name];
    for address in [pop3s, imaps] {
        assert!(!shakes_hands(address, &chacha) && shakes_hands(address, &aes), "{address}");
        assert!(!shakes_hands(address, &["-groups", "P-384"]), "{address}");
        assert!(shakes_hands(address, &["-groups", "P-256"]), "{address}");
        assert!(shakes_hands(address, &suite("TLS_AES_256_GCM_SHA384")), "{address}");
    }
    let other = suite("TLS_AES_128_GCM_SHA256");
    assert!(shakes_hands(pop3s, &other) && !shakes_hands(imaps, &other));
}

/// Ways to write the certificate that a guard against passwords in clear depends on.
const WAYS: &[&str] = &[
    "ssl_server {\n cert_file = CERT\n key_file = KEY\n}\n",
    "ssl_server {\n ssl_server_cert_file = CERT\n ssl_server_key_file = KEY\n}\n",
    "ssl_server {\n cert_fle = CERT\n key_file = KEY\n}\n",
    "ssl_sever {\n cert_file = CERT\n key_file = KEY\n}\n",
    "ssl_server {\n cert_file = CERT\n",
    "ssl_certificate = CERT\nssl_certificate_key = KEY\n",
    "ssl_cert_file = CERT\nssl_key_file = KEY\n",
    "ssl_cert = # hidden, use -P to show it\nssl_key = # hidden, use -P to show it\n",
    "protocol imap {\n ssl_cert = <CERT\n ssl_key = <KEY\n}\n",
    "protocol imap {\n ssl_server {\n cert_file = CERT\n key_file = KEY\n }\n}\n",
    "local_name mail.test {\n ssl_cert = <CERT\n ssl_key = <KEY\n}\n",
    "protocol imap {\n local_name mail.test {\n ssl_server {\n cert_file = CERT\n key_file = KEY\n }\n }\n}\n",
    "local_name mail.test {\n protocol imap {\n ssl_cert = <CERT\n ssl_key = <KEY\n }\n}\n",
    "local 198.51.100.1 {\n ssl_cert = <CERT\n ssl_key = <KEY\n}\n",
    "remote 203.0.113.0/24 {\n ssl_cert = <CERT\n ssl_key = <KEY\n}\n",
    "service imap-login {\n ssl_cert = <CERT\n ssl_key = <KEY\n}\n",
    "service imap-login {\n inet_listener imap_haproxy {\n ssl_server {\n cert_file = CERT\n key_file = KEY\n }\n }\n}\n",
    "@tls = mine\ngroup @tls mine {\n ssl_server {\n cert_file = CERT\n key_file = KEY\n }\n}\n",
];

#[test]
fn no_way_to_write_tls_leaves_passwords_in_clear() {
    let backends = ScriptedBackends::start();
    let mut obeyed = 0;
    for way in WAYS {
        let mut setup = Setup::new(backends.port);
        Pem::new(&[NAME]).write(setup.path());
        let file = |name: &str| setup.path().join(name).display().to_string();
        let way = way.replace("CERT", &file("cert.pem")).replace("KEY", &file("key.pem"));
        setup.configure(&format!(
            "ssl = yes\nlogin_trusted_networks =\nauth_failure_delay = 0\n{way}"
        ));
        setup.write();
        let output = setup.output("check-config");
        if !output.status.success() {
            assert!(said(&output).contains("hale.conf:"), "no line is named: {}", said(&output));
            continue;
        }
        obeyed += 1;
        let hale = setup.start();
        let mut client = stranger(hale.haproxy_address());
        client.greeting();
        client.send(b"a LOGIN tim secret\r\n");
        let answer = client.line();
        assert!(answer.starts_with(b"a NO [PRIVACYREQUIRED]"), "{way}");
    }
    assert_eq!(obeyed, 8);
}
