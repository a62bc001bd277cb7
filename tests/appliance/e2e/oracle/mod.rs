//! Dovecot's own proxy as a second opinion: the same clients say the same things to it and to Hale, both stand in front
//! of the same Dovecot, and what they answer is compared without its free text. Where Hale answers differently on
//! purpose, [`differences::DIFFERENCES`] says how and which rule decides; any other difference fails, and so does a row
//! that is true no more.

mod cases;
mod differences;
pub(super) mod digests;
mod loose;
pub(super) mod speaker;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cases::{CASES, Case};
use differences::{Difference, difference};
use speaker::{Speaks, conversation};

use super::dovecot::{Dovecot, Pair};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{BACKENDS, FRONT, free_port};
use super::smtp_relay::SmtpRelay;

/// Where Dovecot is a proxy.
const OTHER_FRONT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);

/// Conversations that run at the same time, so that those which wait for a peer cost no time.
const AT_ONCE: usize = 16;

#[test]
fn dovecots_own_proxy_answers_alike() {
    let stage = Stage::start();
    let (usual, loose) = (CASES, loose::cases());
    let cases: Vec<&Case> = usual.iter().chain(&loose).collect();
    let next = AtomicUsize::new(0);
    let hold_conversations = || {
        let mut complaints = String::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            complaints.push_str(&complaint(case, &stage));
        }
        complaints
    };
    let complaints = thread::scope(|scope| {
        let speakers = [(); AT_ONCE].map(|()| scope.spawn(hold_conversations));
        speakers.map(|speaker| speaker.join().unwrap()).concat()
    });
    assert!(complaints.is_empty(), "\n{complaints}\n{}", stage.dovecot.log());
}

/// Empty if both answer alike, or as differently as is written down.
fn complaint(case: &Case, stage: &Stage) -> String {
    let [theirs, ours] = stage.servers(case.speaks).map(|server| conversation(case, server));
    let place = theirs.iter().zip(&ours).take_while(|(one, other)| one == other).count();
    let [theirs, ours] = [theirs, ours].map(|heard| heard[place..].join(" / "));
    let is_right = match difference(case.speaks, case.name) {
        None => theirs == ours,
        Some(row) => theirs != ours && (row.dovecot, row.hale) == (&*theirs, &*ours),
    };
    let mut complaint = String::new();
    if !is_right {
        let (speaks, name) = (case.speaks, case.name);
        writeln!(complaint, "{speaks:?} {name}\n  dovecot: {theirs}\n  hale:    {ours}").unwrap();
    }
    complaint
}

#[test]
fn every_difference_belongs_to_a_case_and_names_a_rule() {
    let (usual, loose) = (CASES, loose::cases());
    assert!(loose.len() >= 200, "{} loose inputs", loose.len());
    let names: Vec<_> = usual.iter().chain(&loose).map(|case| (case.speaks, case.name)).collect();
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name), "{name:?} is there twice");
    }
    let rows: Vec<&Difference> = differences::all().collect();
    for (at, row) in rows.iter().enumerate() {
        let name = (row.speaks, row.case);
        assert!(names.contains(&name), "{name:?} is no case");
        assert!(!rows[..at].iter().any(|it| (it.speaks, it.case) == name), "{name:?} has two rows");
        assert!(row.rule.len() > 3 && row.dovecot != row.hale, "{name:?}");
    }
}

/// A backend, and both proxies in front of it.
struct Stage {
    dovecot: Dovecot,
    /// Of IMAP, POP3, ManageSieve, Submission and LMTP, in that order.
    dovecot_ports: [u16; 5],
    hale_ports: [u16; 5],
    _hale: Hale,
    _pair: Pair,
    _relay: SmtpRelay,
}

impl Stage {
    fn start() -> Self {
        let relay = SmtpRelay::start();
        let [submission, lmtp] = [(); 2].map(|()| free_port());
        let listeners = |submission: u16, lmtp: u16| {
            format!(
                "protocols = imap pop3 sieve submission lmtp\nhostname = proxy.test\n\
                 submission_relay_host = {}\nsubmission_relay_port = {}\n\
                 service submission-login {{\n chroot =\n inet_listener submission {{\n port = {submission}\n }}\n\
                 inet_listener submissions {{\n port = 0\n }}\n}}\n\
                 service lmtp {{\n user =\n inet_listener lmtp {{\n port = {lmtp}\n }}\n}}\n\
                 protocol lmtp {{\n postmaster_address = postmaster@example.org\n}}\n",
                relay.address().ip(),
                relay.address().port(),
            )
        };
        let pair = Pair::start_with(&listeners(submission, lmtp));
        pair.add_user("oracle", b"secret");
        // Many sessions at once would otherwise make the mailbox, and some of them find half of it.
        let mut first = Imap::connect(pair.backends[0].address());
        first.login("oracle", b"secret");
        first.command("s", "SELECT INBOX");
        let backend_ports = [pair.port, pair.pop3_port, pair.sieve_port, submission, lmtp];

        let ports = [(); 5].map(|()| free_port());
        let [imap, pop3, sieve, own_submission, own_lmtp] = ports;
        let mut more = listeners(own_submission, own_lmtp);
        for (protocol, port) in NAMES.iter().zip(backend_ports) {
            write!(
                more,
                "protocol {protocol} {{\n passdb {{\n driver = static\n \
                 args = nopassword=y proxy=y host={} port={port}\n }}\n}}\n",
                BACKENDS[0]
            )
            .unwrap();
        }
        more.push_str("lmtp_proxy = yes\n");
        let dovecot = Dovecot::alone(OTHER_FRONT, [imap, free_port(), pop3, sieve], &more);
        let (hale, hale_ports) = hale_in_front(backend_ports);
        Self { dovecot, dovecot_ports: ports, hale_ports, _hale: hale, _pair: pair, _relay: relay }
    }

    /// Dovecot first.
    fn servers(&self, speaks: Speaks) -> [SocketAddr; 2] {
        let at = Speaks::ALL.iter().position(|known| *known == speaks).unwrap();
        [(OTHER_FRONT, self.dovecot_ports[at]).into(), (FRONT, self.hale_ports[at]).into()]
    }
}

/// In the order of [`Speaks::ALL`].
const NAMES: [&str; 5] = ["imap", "pop3", "sieve", "submission", "lmtp"];

fn hale_in_front(backend_ports: [u16; 5]) -> (Hale, [u16; 5]) {
    let mut setup = Setup::new(backend_ports[0]);
    let ports = [setup.port, free_port(), free_port(), free_port(), free_port()];
    let [_, pop3, sieve, submission, lmtp] = ports;
    let mut more = format!(
        "protocols = imap pop3 sieve submission lmtp\nhostname = proxy.test\nauth_failure_delay = 0\n\
         submission_backend_capabilities = 8BITMIME BURL CHUNKING ENHANCEDSTATUSCODES PIPELINING SIZE\n\
         service pop3-login {{\n inet_listener pop3 {{\n port = {pop3}\n }}\n inet_listener pop3s {{\n port = 0\n }}\n}}\n\
         service managesieve-login {{\n inet_listener sieve {{\n port = {sieve}\n }}\n}}\n\
         service submission-login {{\n inet_listener submission {{\n port = {submission}\n }}\n\
         inet_listener submissions {{\n port = 0\n }}\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n port = {lmtp}\n }}\n}}\n\
         passdb static {{\n fields {{\n nopassword = y\n proxy = y\n host = {}\n }}\n}}\n",
        BACKENDS[0]
    );
    for (protocol, port) in NAMES.iter().zip(backend_ports) {
        writeln!(more, "protocol {protocol} {{\n proxy_port = {port}\n}}").unwrap();
    }
    setup.configure(&more);
    (setup.start(), ports)
}
