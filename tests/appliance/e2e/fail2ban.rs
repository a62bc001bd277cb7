//! What Debian's fail2ban makes of Hale's log with its filter for Dovecot, and with Hale's own: it finds the logins that failed, each with the
//! client's address, and no other line; and no client can make it find another address.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use hale::names::Protocol;
use hale::wire::base64;

use super::addresses::work;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::free_port;
use super::site::Site;
use super::tools::{FAIL2BAN_REGEX, run};
use super::wait::{PATIENCE, wait_for};

/// All that have logins.
const PROTOCOLS: [Protocol; 4] =
    [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];

/// Names as an attacker would choose them who wants another host to be banned.
const FORGERIES: [&str; 8] = [
    "x> rip=1.2.3.4, lip=1.2.3.4, session=<y",
    "x>, method=PLAIN, rip=1.2.3.4, lip=1.2.3.4",
    "x rip=1.2.3.4",
    "x\r\nimap-login: Disconnected (auth failed, 1 attempts): user=<y>, method=PLAIN, rip=1.2.3.4",
    "(auth failed, 1 attempts in 1 secs): user=<y>, method=PLAIN, rip=1.2.3.4",
    "pam(x,1.2.3.4): unknown user",
    "\u{1b}[2K\u{7f}\t1.2.3.4",
    "%{remote_ip}\\x3e, rip=1.2.3.4",
];

#[test]
fn fail2ban_finds_the_failed_logins_in_the_log_and_only_them() {
    let users = Protocol::ALL.map(|protocol| format!("banned-{protocol}"));
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let site = Site::start(&names, "auth_failure_delay = 0\nlog_debug = yes\nhaproxy_timeout = 3s");
    let mut failed = BTreeSet::new();
    for (last, (protocol, user)) in (1..).zip(Protocol::ALL.into_iter().zip(&users)) {
        let address = site.clear(protocol);
        // What is no failed login: a login, and a connection without any.
        work(protocol, &mut Imap::open_from(Ipv4Addr::new(127, 0, 21, last), address), user);
        Imap::open_from(Ipv4Addr::new(127, 0, 22, last), address).line();
        if protocol == Protocol::Lmtp {
            unknown_recipient(Imap::open_from(Ipv4Addr::new(127, 0, 22, 99), address));
            continue;
        }
        let from = Ipv4Addr::new(127, 0, 23, last);
        guess(protocol, from, address, user.as_bytes());
        failed.insert(from);
    }
    let long = "u".repeat(2000);
    for (last, name) in (1..).zip(FORGERIES.into_iter().chain([long.as_str()])) {
        let protocol = PROTOCOLS[usize::from(last) % PROTOCOLS.len()];
        let from = Ipv4Addr::new(127, 0, 24, last);
        guess(protocol, from, site.clear(protocol), name.as_bytes());
        failed.insert(from);
    }
    let log = site.hale.setup().path().join("hale.log");
    await_ends(&site.hale, &failed);
    assert_eq!(found(&log, "dovecot"), failed);
    assert_eq!(found(&log, &own_filter(site.hale.setup().path())), failed);
    let logins = fs::read_to_string(&log).unwrap().matches("-login: Login: user=<banned-").count();
    assert_eq!(logins, PROTOCOLS.len(), "one line for each login");
    // The mode that looks for clients that only came and went finds those, too: the harness, which asked whether the port
    // is open, and the ones above.
    let aggressive = found(&log, "dovecot[mode=aggressive]");
    let rest: BTreeSet<_> = aggressive.difference(&failed).map(|found| found.octets()[2]).collect();
    assert_eq!(rest, BTreeSet::from([0, 22]), "{aggressive:?}");
}

#[test]
fn fail2ban_finds_the_failed_logins_in_the_journal() {
    let mut setup = Setup::new(free_port());
    setup.add_users(&["banned"], b"secret");
    setup.configure("log_path = /dev/stderr\nauth_failure_delay = 0");
    let hale = setup.start();
    let mut failed = BTreeSet::new();
    for (last, name) in (1..).zip(FORGERIES.into_iter().chain(["banned"])) {
        let from = Ipv4Addr::new(127, 0, 25, last);
        guess(Protocol::Imap, from, hale.address(), name.as_bytes());
        failed.insert(from);
    }
    await_ends(&hale, &failed);
    // As fail2ban's reader of the journal hands entries on; the journal keeps the priority for itself.
    let mut journal = String::new();
    for line in hale.said().lines() {
        if let Some((_, text)) = line.strip_prefix('<').and_then(|line| line.split_once('>')) {
            writeln!(journal, "2026-11-27T08:10:44.123456 mail hale[4711]: {text}").unwrap();
        }
    }
    let file = hale.setup().path().join("journal");
    fs::write(&file, journal).unwrap();
    assert_eq!(found(&file, "dovecot[logtype=journal,_daemon=hale]"), failed);
    assert_eq!(found(&file, &own_filter(hale.setup().path())), failed);
}

/// The filter that Hale ships, beside what it includes as in fail2ban's own folder.
fn own_filter(place: &Path) -> String {
    let filter = place.join("filter.conf");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/fail2ban/filter.conf");
    fs::copy(shipped, &filter).unwrap();
    std::os::unix::fs::symlink("/etc/fail2ban/filter.d/common.conf", place.join("common.conf"))
        .unwrap();
    filter.display().to_string()
}

/// The addresses that the filter finds, each as often as it finds it but for repetitions.
fn found(log: &Path, filter: &str) -> BTreeSet<Ipv4Addr> {
    let output = run(FAIL2BAN_REGEX.command().args(["-o", "ip"]).arg(log).arg(filter));
    let text = String::from_utf8(output).unwrap();
    let addresses = text.lines().map(|line| line.trim().parse::<Ipv4Addr>().expect(&text));
    let all: Vec<_> = addresses.collect();
    let each: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(each.len(), all.len(), "one line for each connection: {all:?}");
    each
}

/// The log has a last line for each of these clients.
fn await_ends(hale: &Hale, clients: &BTreeSet<Ipv4Addr>) {
    wait_for("the end of every connection in the log", PATIENCE, || {
        let said = hale.said();
        let has_ended = |client: &Ipv4Addr| {
            let rip = format!(" rip={client},");
            said.lines().any(|line| line.contains("-login: Disconnected: ") && line.contains(&rip))
        };
        clients.iter().all(has_ended).then_some(())
    });
}

/// A wrong password for this name; then the client leaves.
fn guess(protocol: Protocol, from: Ipv4Addr, address: SocketAddr, name: &[u8]) {
    let mut client = Imap::open_from(from, address);
    client.call(&format!("{protocol} from {from}"));
    let mut plain = Vec::new();
    base64::encode(&[b"\0", name, b"\0wrong"].concat(), &mut plain);
    let plain = String::from_utf8(plain).unwrap();
    let turns: &[(String, &str)] = &match protocol {
        Protocol::Imap => {
            vec![(String::new(), "* OK"), (format!("a AUTHENTICATE PLAIN {plain}"), "a NO")]
        }
        Protocol::Pop3 => vec![(String::new(), "+OK"), (format!("AUTH PLAIN {plain}"), "-ERR")],
        Protocol::Sieve => {
            vec![(String::new(), "OK"), (format!("AUTHENTICATE \"PLAIN\" \"{plain}\""), "NO")]
        }
        Protocol::Submission => vec![
            (String::new(), "220 "),
            ("EHLO client.test".to_owned(), "250 "),
            (format!("AUTH PLAIN {plain}"), "535 "),
        ],
        Protocol::Lmtp => unreachable!("nobody logs in there"),
    };
    for (command, answer) in turns {
        if !command.is_empty() {
            client.send(format!("{command}\r\n").as_bytes());
        }
        while !client.line().starts_with(answer.as_bytes()) {}
    }
}

/// Mail for a user that nobody is.
fn unknown_recipient(mut client: Imap) {
    for (command, answer) in [
        ("", "220 "),
        ("LHLO client.test\r\n", "250 "),
        ("MAIL FROM:<a@example.org>\r\n", "250 "),
        ("RCPT TO:<x>1.2.3.4>\r\n", "5"),
        ("RCPT TO:<nobody-is-that>\r\n", "5"),
        ("QUIT\r\n", "221 "),
    ] {
        client.send(command.as_bytes());
        while !client.line().starts_with(answer.as_bytes()) {}
    }
}
