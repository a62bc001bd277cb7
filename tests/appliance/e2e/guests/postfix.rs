//! Postfix on the other side of Hale: it delivers by LMTP and sends by Submission.

use std::net::SocketAddr;

use hale::names::Protocol;

use super::super::lmtp::Stage;
use super::super::mail::{assert_same_bytes, message};
use super::super::ports::{BACKENDS, FRONT, free_port};
use super::super::site::{DOORS, Door, NAME, PASSWORD, Site};
use super::super::smtp_relay::SmtpRelay;
use super::super::wait::{PATIENCE, wait_for};
use super::front::{Front, Way, every_line_says_why};
use super::mta::{hand_over, recipients};
use super::root::Root;

/// A running Postfix that takes mail from every client on this host.
struct Postfix {
    root: Root,
    address: SocketAddr,
}

impl Postfix {
    /// With these settings besides its own.
    fn start(files: &[(&str, &str)], settings: &str) -> Self {
        let mut root =
            Root::new("postfix-", &[("postfix", 903), ("postdrop", 904), ("nobody", 65_534)]);
        let port = free_port();
        let address = BACKENDS[1];
        root.write("etc/postfix/main.cf", format!("{MAIN}{settings}"));
        root.write(
            "etc/postfix/master.cf",
            MASTER.replace("@LISTEN@", &format!("{address}:{port}")),
        );
        for (path, text) in files {
            root.write(path, text);
        }
        for folder in QUEUE {
            root.lend(&format!("var/spool/postfix/{folder}"), "postfix:postdrop");
        }
        root.run(&["/bin/mkdir", "-p", "/var/spool/postfix/pid"], b"");
        root.run(&["/bin/chmod", "730", "/var/spool/postfix/maildrop"], b"");
        root.run(&["/bin/chmod", "710", "/var/spool/postfix/public"], b"");
        root.lend("var/lib/postfix", "postfix:postfix");
        root.start(&["/usr/lib/postfix/sbin/master", "-d", "-c", "/etc/postfix"]);
        let address = (address, port).into();
        wait_for("Postfix", PATIENCE, || std::net::TcpStream::connect(address).ok());
        Self { root, address }
    }

    /// How many recipients stand in its log with this word behind `status=`.
    fn count(&self, status: &str) -> usize {
        self.root.log().matches(&format!("status={status} ")).count()
    }

    fn wait_for(&self, status: &str, count: usize) {
        wait_for(&format!("{count} times {status} in Postfix's log"), PATIENCE, || {
            (self.count(status) == count).then_some(())
        });
    }
}

const QUEUE: [&str; 14] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop",
    "private", "public", "saved", "trace", "uucp",
];

/// Where it listens stands in its table of services.
const MAIN: &str = "inet_interfaces = all
compatibility_level = 3.6
myhostname = mx.test
mydestination =
mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
inet_protocols = ipv4
smtp_dns_support_level = disabled
lmtp_dns_support_level = disabled
smtp_host_lookup = native
lmtp_host_lookup = native
alias_maps =
local_recipient_maps =
local_transport = error:nothing is local
setgid_group = postdrop
";

/// Debian's, without chroot: it has one already.
const MASTER: &str = "@LISTEN@ inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
";

/// Hale's LMTP is where everything goes, by connections that are kept.
fn by_lmtp(port: u16) -> String {
    let hale = format!("[{FRONT}]:{port}");
    format!("default_transport = lmtp:{hale}\nlmtp_connection_cache_destinations = {hale}\n")
}

#[test]
fn postfix_delivers_to_several_and_bounces_whom_nobody_knows() {
    let (stage, users) = recipients(6);
    let postfix = Postfix::start(&[], &by_lmtp(stage.port));
    let mail = message(260_000, 931);
    let mut to: Vec<&str> = users.iter().map(String::as_str).collect();
    to.insert(3, "nobody@example.org");
    hand_over(postfix.address, &users[0], &to, &mail);
    // The sender's own copy, five others, and what came back.
    postfix.wait_for("sent", 7);
    assert_eq!(postfix.count("bounced"), 1, "{}", postfix.root.log());
    let line =
        postfix.root.log().lines().find(|line| line.contains("status=bounced")).unwrap().to_owned();
    assert!(line.contains("to=<nobody@example.org>") && line.contains("said: 550 5.1.1"), "{line}");
    for user in &users {
        let mails = stage.mails(stage.home(user), user);
        assert_eq!(mails.len(), if *user == users[0] { 2 } else { 1 }, "{user}");
        assert_same_bytes(&mails[0][mails[0].len() - mail.len()..], &mail, user);
    }
    every_line_says_why(&stage.log());
}

#[test]
fn postfix_keeps_its_connections_and_loses_and_doubles_nothing() {
    let (stage, users) = recipients(5);
    let postfix = Postfix::start(&[], &by_lmtp(stage.port));
    smtp_source(&postfix.root, postfix.address, &["-s", "8", "-m", "60", "-r", "5", "-l", "3000"]);
    postfix.wait_for("sent", 300);
    expect_each(&stage, &users, 60);
    let log = postfix.root.log();
    assert!(log.contains(" conn_use="), "no connection was used twice: {log}");
    assert_eq!(postfix.count("deferred") + postfix.count("bounced"), 0, "{log}");
}

/// Postfix bounces mail that needs SMTPUTF8 at once where it is not offered (5.6.7); where it is, only those lose it
/// whose backend lacks it.
#[test]
fn postfix_hands_over_mail_that_needs_smtputf8_where_it_is_offered() {
    let port = free_port();
    let [first, second] = BACKENDS.map(|address| (address, port).into());
    let (near, far) = (SmtpRelay::at(first, &["SMTPUTF8"]), SmtpRelay::at(second, &[]));
    // Each lives where chance puts him: of so many some live at either backend.
    let users: Vec<String> = (0..20).map(|number| format!("u{number}@example.org")).collect();
    let known: Vec<(&str, &[u8])> =
        users.iter().map(|user| (user.as_str(), &b"secret"[..])).collect();
    let to: Vec<&str> = users.iter().map(String::as_str).collect();
    let mail = "Subject: gr\u{fc}n\r\n\r\nText\r\n".as_bytes();
    for is_offered in [false, true] {
        let front = Front::prepared(&[(Protocol::Lmtp, port)], &known, Way::Clear, |setup| {
            if is_offered {
                setup.configure("lmtp_backend_capabilities = 8BITMIME SMTPUTF8");
            }
        });
        // What it sends back would need it, too.
        let settings = "transport_maps = inline:{ { elsewhere.example = discard: } }\n";
        let postfix =
            Postfix::start(&[], &(by_lmtp(front.address(Protocol::Lmtp).port()) + settings));
        hand_over(postfix.address, "j\u{f6}rg@elsewhere.example", &to, mail);
        wait_for("a word on each recipient", PATIENCE, || {
            let log = postfix.root.log();
            let told =
                log.lines().filter(|line| line.contains(": to=<u") && line.contains(" status="));
            (told.count() == to.len()).then_some(())
        });
        let log = postfix.root.log();
        if !is_offered {
            assert_eq!(
                log.matches("SMTPUTF8 is required, but was not offered").count(),
                to.len(),
                "{log}"
            );
            continue;
        }
        let kept = near.next_mail();
        assert!(kept.envelope[0].ends_with(" SMTPUTF8"), "{:?}", kept.envelope);
        let refused = log.matches("said: 550 5.6.7 ").count();
        assert_eq!(
            [kept.envelope.len() - 1 + refused, postfix.count("bounced")],
            [to.len(), refused],
            "{log}"
        );
        assert!(refused > 0, "{log}");
        front.every_line_says_why();
    }
    drop(far);
}

#[test]
fn smtp_source_counts_what_arrives_by_lmtp() {
    let (stage, users) = recipients(7);
    let root = Root::new("source-", &[]);
    let hale = (FRONT, stage.port).into();
    // By new connections, and by kept ones; a body of one byte more than 64 KiB.
    smtp_source(&root, hale, &["-L", "-s", "10", "-m", "50", "-r", "7"]);
    expect_each(&stage, &users, 50);
    smtp_source(&root, hale, &["-L", "-d", "-s", "5", "-m", "40", "-r", "7", "-l", "65537"]);
    expect_each(&stage, &users, 90);
    let log = stage.log();
    assert_eq!(log.matches("lmtp: delivered").count(), 90 * 7, "{log}");
    every_line_says_why(&log);
}

/// Sends to the users of [`recipients`].
fn smtp_source(root: &Root, to: SocketAddr, how: &[&str]) {
    let to = format!("inet:[{}]:{}", to.ip(), to.port());
    let words =
        [&["/usr/sbin/smtp-source"], how, &["-f", "u@example.org", "-t", "u@example.org", &to]];
    root.run(&words.concat(), b"");
}

/// So many messages are in each mailbox, and on one backend only.
fn expect_each(stage: &Stage, users: &[String], count: usize) {
    for user in users {
        let counts = [0, 1].map(|backend| stage.count(backend, user));
        assert!(counts == [count, 0] || counts == [0, count], "{user}: {counts:?}");
    }
}

#[test]
fn postfix_sends_by_submission_through_both_doors() {
    let site = Site::start(&["postfix-mta"], "ssl = required\nlogin_trusted_networks =");
    for (door, seed) in DOORS.into_iter().zip(941..) {
        let hale = format!("[{NAME}]:{}", site.port(Protocol::Submission, door));
        let wrapper = if door == Door::Implicit { "yes" } else { "no" };
        let settings = format!(
            "relayhost = {hale}\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_security_options = noanonymous\n\
             smtp_sasl_password_maps = texthash:/own/passwords\nsmtp_tls_security_level = verify\n\
             smtp_tls_CAfile = /own/authority.pem\nsmtp_tls_verify_cert_match = hostname\n\
             smtp_tls_wrappermode = {wrapper}\n"
        );
        let passwords = format!("{hale} postfix-mta:{PASSWORD}\n");
        let files = [("own/passwords", &*passwords), ("own/authority.pem", &*site.pem.certificate)];
        let postfix = Postfix::start(&files, &settings);
        let mail = message(260_000, seed);
        hand_over(postfix.address, "a@example.org", &["b@example.org", "c@example.org"], &mail);
        let kept = site.relay.next_mail();
        assert_eq!(kept.envelope.len(), 3, "{door:?}: {:?}", kept.envelope);
        assert_same_bytes(&kept.text[kept.text.len() - mail.len()..], &mail, "at the relay");
        postfix.wait_for("sent", 2);
    }
}
