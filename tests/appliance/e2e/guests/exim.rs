//! Exim on both sides of Hale: it delivers by LMTP with BDAT, sends by Submission, and takes what users send.

use std::net::{Ipv4Addr, SocketAddr};

use hale::names::Protocol;

use super::super::certificate::Pem;
use super::super::hale::hashed;
use super::super::mail::{assert_same_bytes, message};
use super::super::ports::{BACKENDS, FRONT, free_port};
use super::super::site::{DOORS, Door, NAME, PASSWORD, Site};
use super::super::smtp_relay::SmtpRelay;
use super::super::wait::{PATIENCE, wait_for};
use super::front::{Front, Way, every_line_says_why};
use super::mta::{hand_over, recipients};
use super::root::Root;
use super::{ODD, known_to_hale, people};

/// A running Exim on the second backend address, or on both.
struct Exim {
    root: Root,
    port: u16,
}

impl Exim {
    /// With this configuration behind its own, which stands before its first section.
    fn start(addresses: &[Ipv4Addr], files: &[(&str, &str)], configuration: &str) -> Self {
        let mut root = Root::new("exim-", &[("Debian-exim", 905)]);
        let port = free_port();
        let addresses: Vec<String> = addresses.iter().map(Ipv4Addr::to_string).collect();
        let listen =
            format!("local_interfaces = {}\ndaemon_smtp_ports = {port}\n", addresses.join(" : "));
        root.write("etc/exim4/exim4.conf", format!("{listen}{MAIN}{configuration}"));
        // Who is not really root has no program that becomes root to read it.
        root.run(&["/bin/chmod", "644", "/etc/exim4/exim4.conf"], b"");
        for (path, text) in files {
            root.write(path, text);
        }
        root.lend("own", "Debian-exim:Debian-exim");
        root.lend("var/spool/exim4", "Debian-exim:Debian-exim");
        root.start(&["/usr/sbin/exim4", "-bdf"]);
        for address in &addresses {
            let address: Ipv4Addr = address.parse().unwrap();
            wait_for("Exim", PATIENCE, || std::net::TcpStream::connect((address, port)).ok());
        }
        Self { root, port }
    }

    fn address(&self) -> SocketAddr {
        (BACKENDS[1], self.port).into()
    }

    fn wait_for(&self, sign: &str, count: usize) {
        wait_for(&format!("{count} times {sign} in Exim's log"), PATIENCE, || {
            (self.root.log().matches(sign).count() == count).then_some(())
        });
    }
}

/// It takes everything from every client and looks nothing up. Its daemons would share a socket that no root keeps
/// apart.
const MAIN: &str = "primary_hostname = mx.test
log_file_path = syslog
notifier_socket =
syslog_timestamp = false
syslog_duplication = false
disable_ipv6 = true
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = accept
acl_smtp_data = accept
smtp_accept_max = 100
";

/// Everything goes to Hale's LMTP.
fn by_lmtp(port: u16) -> String {
    format!(
        "tls_advertise_hosts =\nbegin routers\nall:\n driver = manualroute\n transport = hale\n route_list = * {FRONT} byname\n self = send\n\
         begin transports\nhale:\n driver = smtp\n protocol = lmtp\n port = {port}\n allow_localhost\n"
    )
}

#[test]
fn exim_delivers_to_several_by_bdat_and_bounces_whom_nobody_knows() {
    let (stage, users) = recipients(6);
    let exim = Exim::start(&BACKENDS[1..], &[], &by_lmtp(stage.port));
    let mail = message(260_000, 951);
    let mut to: Vec<&str> = users.iter().map(String::as_str).collect();
    to.insert(3, "nobody@example.org");
    hand_over(exim.address(), &users[0], &to, &mail);
    // K stands for CHUNKING: the message came by BDAT.
    exim.wait_for("K C=\"250 2.0.0", 7);
    let log = exim.root.log();
    let line = log.lines().find(|line| line.contains(" ** ")).unwrap();
    assert!(line.contains(" nobody@example.org ") && line.contains(": 550 5.1.1 "), "{line}");
    assert_eq!(log.matches(" ** ").count(), 1, "{log}");
    for user in &users {
        let mails = stage.mails(stage.home(user), user);
        assert_eq!(mails.len(), if *user == users[0] { 2 } else { 1 }, "{user}");
        assert_same_bytes(&mails[0][mails[0].len() - mail.len()..], &mail, user);
    }
    // No recipient is left when BDAT comes, whose octets come all the same (RFC 2033 4.3: no reply behind them).
    hand_over(exim.address(), &users[1], &["nobody@example.org", "none@example.org"], &mail);
    exim.wait_for("K C=\"250 2.0.0", 8);
    assert_eq!(exim.root.log().matches(" ** ").count(), 3, "{}", exim.root.log());
    every_line_says_why(&stage.log());
}

#[test]
fn exim_sends_by_submission_through_both_doors() {
    let site = Site::start(&["exim-mta"], "ssl = required\nlogin_trusted_networks =");
    for (door, seed) in DOORS.into_iter().zip(961..) {
        let protocol = if door == Door::Implicit { "smtps" } else { "smtp" };
        let port = site.port(Protocol::Submission, door);
        let configuration = format!(
            "tls_advertise_hosts =\nbegin routers\nall:\n driver = manualroute\n transport = hale\n\
             \x20route_list = * {NAME} byname\n self = send\n\
             begin transports\nhale:\n driver = smtp\n protocol = {protocol}\n port = {port}\n allow_localhost\n\
             \x20hosts_require_auth = *\n hosts_require_tls = *\n tls_verify_certificates = /own/authority.pem\n\
             \x20tls_verify_hosts = *\n tls_verify_cert_hostnames = *\n\
             begin authenticators\nplain:\n driver = plaintext\n public_name = PLAIN\n\
             \x20client_send = ^exim-mta^{PASSWORD}\n"
        );
        let files = [("own/authority.pem", &*site.pem.certificate)];
        let exim = Exim::start(&BACKENDS[1..], &files, &configuration);
        let mail = message(260_000, seed);
        hand_over(exim.address(), "a@example.org", &["b@example.org", "c@example.org"], &mail);
        let kept = site.relay.next_mail();
        assert_eq!(kept.envelope.len(), 3, "{door:?}: {:?}", kept.envelope);
        assert_same_bytes(&kept.text[kept.text.len() - mail.len()..], &mail, "at the relay");
        exim.wait_for("Completed", 1);
        assert_eq!(exim.root.log().matches(" A=plain ").count(), 2, "{}", exim.root.log());
    }
}

/// Users log in by PLAIN or LOGIN, by TLS or without, and a relay gets what they send.
fn backend_configuration(relay: &SmtpRelay) -> String {
    let checked =
        "${lookup{$auth_name}lsearch{/own/passwords}{${if crypteq{$auth_word}{$value}}}{false}}";
    let by =
        |name: &str, word: &str| checked.replace("$auth_name", name).replace("$auth_word", word);
    format!(
        "tls_advertise_hosts = *\ntls_certificate = /own/cert.pem\ntls_privatekey = /own/key.pem\n\
         begin routers\nall:\n driver = manualroute\n transport = relay\n route_list = * {} byname\n self = send\n\
         begin transports\nrelay:\n driver = smtp\n port = {}\n allow_localhost\n\
         begin authenticators\n\
         plain:\n driver = plaintext\n public_name = PLAIN\n server_prompts = :\n server_set_id = $auth2\n\
         \x20server_condition = {}\n\
         login:\n driver = plaintext\n public_name = LOGIN\n server_prompts = Username:: : Password::\n\
         \x20server_set_id = $auth1\n server_condition = {}\n",
        relay.address().ip(),
        relay.address().port(),
        by("$auth2", "$auth3"),
        by("$auth1", "$auth2"),
    )
}

/// An ordinary user, one whose password has changed at the backend only, and those with odd passwords.
fn users() -> Vec<(&'static str, &'static [u8])> {
    people(&[("eva", b"secret")])
}

fn users_of_hale() -> Vec<(&'static str, &'static [u8])> {
    known_to_hale(users())
}

#[test]
fn exim_takes_what_users_send() {
    let (relay, pem) = (SmtpRelay::start(), Pem::new(&["be1.test", "be2.test"]));
    let mut passwords = String::new();
    for (user, password) in users() {
        let hash = String::from_utf8(hashed(password)).unwrap();
        passwords += &format!("{user}: {}\n", hash.strip_prefix("{SHA512-CRYPT}").unwrap());
    }
    let files = [
        ("own/passwords", &*passwords),
        ("own/cert.pem", &*pem.certificate),
        ("own/key.pem", &*pem.key),
    ];
    let exim = Exim::start(&BACKENDS, &files, &backend_configuration(&relay));
    let guest = [(Protocol::Submission, exim.port)];
    for (way, seed) in [Way::Clear, Way::Starttls(&pem)].into_iter().zip(971..) {
        let front = Front::start(&guest, &users_of_hale(), way);
        front.everybody_logs_in(Protocol::Submission, ODD);
        front.the_backend_refuses(Protocol::Submission, "changed", b"at the proxy");
        let mail = message(260_000, seed);
        front.mail_by_submission("eva", b"secret", "b@example.org", &mail);
        let kept = relay.next_mail();
        assert_same_bytes(&kept.text[kept.text.len() - mail.len()..], &mail, "at the relay");
        front.every_line_says_why();
    }
    let log = exim.root.log();
    assert_eq!(log.matches("A=plain:eva").count() + log.matches("A=login:eva").count(), 2, "{log}");
    assert_eq!(log.matches(" P=esmtpsa ").count(), 1, "{log}");
}
