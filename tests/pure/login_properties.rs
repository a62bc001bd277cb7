//! What holds for every input of the POP3 and ManageSieve dialogues, as for IMAP's: cutting does not matter, no peer
//! panics us, memory stays bounded, every command gets one reply, no credentials and no facts can become a second
//! command.

use hale::fault::Failure;
use hale::limits::PRE_LOGIN_INPUT_BYTES_MAX;
use hale::names::{Protocol, SessionId};
use hale::preauth::capability::Rules;
use hale::preauth::sasl::Mechanism;
use hale::preauth::{self, Step};
use hale::wire::host_name;
use hale::wire::inbox::Inbox;
use hale::wire::login_ok::LoginOk;
use proptest::prelude::*;

use crate::client_facts;
use crate::runs::{
    Arrival, backend_run, breaks_a_line, client_run, log_in_at_ourselves, login_with,
};

/// Pieces that make interesting commands when put in any order.
const POP3_WORDS: &[&str] = &[
    "USER tim\r\n",
    "USER ",
    "tim",
    "PASS pw\r\n",
    "PASS  p w \r\n",
    "PASS",
    "AUTH PLAIN",
    "AUTH\r\n",
    " AHRpbQBwdw==",
    "AHRpbQBwdw==\r\n",
    "AUTH LOGIN\r\n",
    "AUTH EXTERNAL\r\n",
    "AUTH EXTERNAL =\r\n",
    "dGlt\r\n",
    "*\r\n",
    " =",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\u{e9}",
    " ",
    "CAPA\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "STLS\r\n",
    "QUIT x\r\n",
    "\rCAPA\r\r\n",
    "AUTH  PLAIN  =  \r\n",
    "XCLIENT ADDR=::1 TTL=3\r\n",
    "XCLIENT FORWARD=az1v\r\n",
    "XOIP 192.0.2.1\r\n",
    "GET / HTTP/1.0\r\n",
    "STAT\r\n",
];

const SIEVE_WORDS: &[&str] = &[
    "AUTHENTICATE \"PLAIN\"",
    " \"AHRpbQBwdw==\"",
    "\"AHRpbQBwdw==\"\r\n",
    " {12+}\r\nAHRpbQBwdw==",
    "{12+}\r\nAHRpbQBwdw==\r\n",
    "AUTHENTICATE \"LOGIN\"\r\n",
    "AUTHENTICATE \"EXTERNAL\"\r\n",
    "AUTHENTICATE \"EXTERNAL\" \"\"\r\n",
    "\"dGlt\"\r\n",
    "  \"dGlt\"  \r\n",
    "AUTHENTICATE  \"PLAIN\"\"AHRpbQBwdw==\" x\r\n",
    "NOOP  {4}\r\nhere \r\n",
    "\"*\"\r\n",
    "{1+}\r\n*\r\n",
    " \"\"",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\u{e9}",
    " ",
    "\"",
    "\\",
    "{3}\r\n",
    "{3+}\r\n",
    "{99999+}\r\n",
    "{99999999999+}\r\n",
    "CAPABILITY\r\n",
    "NOOP\r\n",
    "NOOP \"x\"\r\n",
    "NOOP {2+}\r\na\n\r\n",
    "LOGOUT\r\n",
    "STARTTLS\r\n",
    "PUTSCRIPT \"x\" {5+}\r\nNOOP\n\r\n",
    "XCLIENT ADDR=::1 TTL=3\r\n",
    "POST / HTTP/1.0\r\n",
];

const POP3_BACKEND_WORDS: &[&str] = &[
    "+OK [XCLIENT] hi\r\n",
    "+OK\r\n",
    "+OK in\r\n",
    "+ \r\n",
    "+\r\n",
    "-ERR\r\n",
    "-ERR [IN-USE] x\r\n",
    "-ERR [SYS/TEMP] x\r\n",
    "-ERR [REFERRAL/u@[::1]:110] x\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "* OK",
];

const SIEVE_BACKEND_WORDS: &[&str] = &[
    "\"SASL\" \"PLAIN\"\r\n",
    "\"SASL\" {5}\r\nPLAIN\r\n",
    "\"XCLIENT\"\r\n",
    "\"STARTTLS\"\r\n",
    "OK\r\n",
    "OK \"in\"\r\n",
    "OK (SASL \"dGlt\") {2}\r\nin\r\n",
    "NO (TRYLATER) \"x\"\r\n",
    "NO\r\n",
    "BYE (REFERRAL \"sieve://u@h\")\r\n",
    "{9999}\r\n",
    "\"",
    "(",
    ")",
    "\r\n",
    "\n",
    "\r",
    "\0",
];

fn words_of(protocol: Protocol) -> (&'static [&'static str], &'static [&'static str]) {
    match protocol {
        Protocol::Pop3 => (POP3_WORDS, POP3_BACKEND_WORDS),
        Protocol::Sieve => (SIEVE_WORDS, SIEVE_BACKEND_WORDS),
        other => panic!("{other}"),
    }
}

fn protocols() -> impl Strategy<Value = Protocol> {
    prop::sample::select(vec![Protocol::Pop3, Protocol::Sieve])
}

fn client_words() -> impl Strategy<Value = (Protocol, Vec<u8>)> {
    protocols().prop_flat_map(|protocol| {
        let words = prop::sample::select(words_of(protocol).0);
        let input = prop::collection::vec(words, 0..60);
        input.prop_map(move |words| (protocol, words.concat().into_bytes()))
    })
}

fn backend_words() -> impl Strategy<Value = (Protocol, Vec<u8>)> {
    protocols().prop_flat_map(|protocol| {
        let words = prop::sample::select(words_of(protocol).1);
        let start = match protocol {
            Protocol::Pop3 => "+OK [XCLIENT] hi\r\n",
            _ => "\"SASL\" \"PLAIN\"\r\n\"XCLIENT\"\r\nOK\r\n",
        };
        let start = prop::sample::select(vec![start, ""]);
        let input = (start, prop::collection::vec(words, 0..20));
        input.prop_map(move |(start, words)| {
            (protocol, [start, &words.concat()].concat().into_bytes())
        })
    })
}

/// A login in one flight, and what the client hears once it is accepted.
fn login_of(protocol: Protocol) -> (&'static [u8], &'static [u8]) {
    match protocol {
        Protocol::Pop3 => {
            (b"USER tim\r\nPASS pw\r\n", b"+OK Send your password.\r\n+OK Logged in.\r\n")
        }
        _ => (b"AUTHENTICATE \"PLAIN\" {12+}\r\nAHRpbQBwdw==\r\n", b"OK \"Logged in.\"\r\n"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn edge_1_cutting_a_client_stream_changes_nothing(
        (protocol, input) in client_words(), cuts in prop::collection::vec(1_usize..40, 1..8), open: bool, trusted: bool,
    ) {
        let mut rules = Rules { plaintext_allowed: open, ..Rules::default() };
        rules.mechanisms = rules.mechanisms.with(Mechanism::External);
        let whole = client_run(protocol, &input, &[], &rules, trusted);
        prop_assert_eq!(whole, client_run(protocol, &input, &cuts, &rules, trusted));
    }

    #[test]
    fn no_panic_on_arbitrary_bytes(protocol in protocols(), input in prop::collection::vec(any::<u8>(), 0..2000)) {
        client_run(protocol, &input, &[7], &Rules::default(), true);
        let (_, words) = login_of(protocol);
        backend_run(protocol, &input, Arrival::Cut(&[5]));
        backend_run(protocol, &[words, &input].concat(), Arrival::Cut(&[]));
    }

    /// W-FAIL-4: replies have no tags, so their number is all that keeps client and server in step.
    #[test]
    fn w_fail_4_one_final_reply_per_command(protocol in protocols(), kinds in prop::collection::vec(0_usize..6, 1..6)) {
        let commands: [(&str, usize); 6] = match protocol {
            Protocol::Pop3 => [
                ("NOOP\r\n", 1), ("USER u\r\nPASS p\r\n", 2), ("AUTH PLAIN AHRpbQBwdw==\r\n", 1),
                ("AUTH PLAIN\r\n*\r\n", 1), ("AUTH FOO\r\n", 1), ("USER u\r\n", 1),
            ],
            _ => [
                ("NOOP\r\n", 1), ("NOOP {3+}\r\na\nb\r\n", 1), ("AUTHENTICATE \"PLAIN\" \"AHRpbQBwdw==\"\r\n", 1),
                ("AUTHENTICATE \"PLAIN\"\r\n{1+}\r\n*\r\n", 1), ("AUTHENTICATE \"FOO\"\r\n", 1), ("CAPABILITY\r\n", 1),
            ],
        };
        let input: String = kinds.iter().map(|&kind| commands[kind].0).collect();
        let expected: usize = kinds.iter().map(|&kind| commands[kind].1).sum();
        let (seen, _) = client_run(protocol, input.as_bytes(), &[], &Rules::default(), false);
        let seen = String::from_utf8(seen).unwrap();
        let is_final = |line: &&str| {
            ["+OK", "-ERR", "OK", "NO", "BYE"].contains(&line.split(' ').next().unwrap_or_default())
        };
        prop_assert_eq!(seen.lines().filter(is_final).count(), expected, "{}", seen);
    }

    /// PO-09: behind a login nothing is lost, doubled or moved.
    #[test]
    fn po_09_bytes_behind_a_login_are_residue(
        protocol in protocols(), tail in prop::collection::vec(any::<u8>(), 0..500), cut in 1_usize..60,
    ) {
        let mut dialogue = preauth::Dialogue::new(protocol);
        let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
        let (command, heard) = login_of(protocol);
        let input = [command, &tail].concat();
        let (mut facts, mut out, mut logins) = (client_facts(false), Vec::new(), 0);
        for piece in input.chunks(cut) {
            inbox.append(piece);
            if let Step::Login(_) = dialogue.read(&Rules::default(), &mut facts, &mut inbox, &mut out) {
                logins += 1;
            }
        }
        dialogue.accept(&LoginOk::default(), &mut out);
        let after = dialogue.read(&Rules::default(), &mut facts, &mut inbox, &mut out);
        prop_assert!(matches!(after, Step::More));
        prop_assert_eq!((logins, &out[..]), (1, heard));
        prop_assert_eq!(inbox.take_rest(), tail);
    }

    /// Our own client side reads what our backend side writes: one login, the same credentials, nothing behind it.
    #[test]
    fn w_sasl_7_no_credentials_become_a_second_command(
        protocol in protocols(),
        user in prop_oneof!["[ -~]{0,20}", "\\PC{0,20}", ".{0,20}"],
        password in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[ -~]{1,20}".prop_map(String::into_bytes)],
        master in prop::option::of("\\PC{1,10}"),
        plain: bool,
    ) {
        let login = login_with(&user, &password, master.as_deref(), plain);
        let visit = log_in_at_ourselves(protocol, login, &client_facts(true));
        let master = master.filter(|master| *master != user);
        let is_broken = breaks_a_line(user.as_bytes()) || breaks_a_line(&password)
            || master.as_deref().is_some_and(|master| breaks_a_line(master.as_bytes()));
        if is_broken || user.is_empty() {
            prop_assert!(visit.received.is_none() && visit.outcome == Some(Failure::Credentials), "{:?}", visit);
        } else if let Some(Ok(got)) = visit.received {
            let expected = master.as_deref().unwrap_or(&user);
            prop_assert_eq!((&*got.user, got.authorize_as.as_deref()), (expected, master.as_ref().map(|_| &*user)));
            prop_assert_eq!(got.password.expose(), &password[..]);
        } else {
            prop_assert!(matches!(visit.received, Some(Err(()))), "no login arrived: {:?}", visit.outcome);
            let control = |text: &str| text.bytes().any(|byte| byte.is_ascii_control());
            prop_assert!(password.is_empty() || control(&user) || master.as_deref().is_some_and(control));
        }
    }

    /// W-FWD-7: whatever a client is told to be, it arrives as it was or not at all, and the login behind it is whole.
    #[test]
    fn w_fwd_7_no_fact_becomes_a_second_command(
        protocol in protocols(),
        ip: std::net::IpAddr,
        session in "[!-~&&[^\"]]{1,64}",
        name in prop::option::of(prop_oneof!["[a-z.-]{1,255}", ".{0,30}"]),
        variables in prop::collection::vec(("[a-z_]{1,20}", prop_oneof!["[ -~]{0,30}", ".{0,300}"]), 0..6),
    ) {
        let mut known = client_facts(true);
        known.apparent.set_ip(ip);
        known.session_id = SessionId::parse(&session).unwrap();
        known.local_name = name.as_deref().map(Into::into);
        let mut login = login_with("tim", b"pw", None, false);
        for (key, value) in &variables {
            login.forward.retain(|(known, _)| &**known != key.as_str());
            login.forward.push((key.as_str().into(), value.as_str().into()));
        }
        let sent = login.forward.clone();
        let visit = log_in_at_ourselves(protocol, login, &known);
        prop_assert!(matches!(visit.received, Some(Ok(_))), "{:?}", visit.outcome);
        prop_assert_eq!(visit.facts.apparent.ip(), ip.to_canonical());
        prop_assert_eq!(visit.facts.ttl, known.ttl - 1);
        prop_assert!(visit.facts.forward.iter().all(|told| sent.contains(told)));
        // What is no host name is worth nothing to the backend that is told it.
        let told_name = visit.facts.local_name.as_deref();
        let is_whole = told_name == name.as_deref().and_then(|name| host_name::read(name.as_bytes()));
        prop_assert!(is_whole || (told_name.is_none() && visit.left_out > 0));
        if visit.left_out == 0 {
            prop_assert_eq!(visit.facts.forward.len(), sent.len());
            prop_assert_eq!(visit.facts.session_id, known.session_id);
        }
    }

    #[test]
    fn edge_1_cutting_a_backend_stream_changes_nothing(
        (protocol, input) in backend_words(), cuts in prop::collection::vec(1_usize..40, 1..8),
    ) {
        let lines = backend_run(protocol, &input, Arrival::CutInLines(&[]));
        prop_assert_eq!(lines, backend_run(protocol, &input, Arrival::CutInLines(&cuts)));
    }
}
