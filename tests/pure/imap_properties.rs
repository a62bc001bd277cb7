//! What holds for every input of the IMAP dialogues: cutting does not matter, no peer panics us, memory stays bounded,
//! every login gets one reply, no credentials can become a second command.

use hale::backend::{self, Login};
use hale::fault::Failure;
use hale::limits::{BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX};
use hale::names::Protocol;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::Mechanism;
use hale::preauth::{self, Step};
use hale::wire::inbox::Inbox;
use hale::wire::{base64, login_ok::LoginOk};
use proptest::prelude::*;

use crate::client_facts;
use crate::runs::{Arrival, backend_run, breaks_a_line, client_run, login_with};

/// Pieces that make interesting commands when put in any order.
fn client_words() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "a1 ",
        "LOGIN ",
        "tim ",
        "pw",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "{3}\r\n",
        "{3+}\r\n",
        "{0}\r\n",
        "abc",
        "\"q\\\"s\" ",
        "\"",
        "a2 AUTHENTICATE PLAIN",
        " AHRpbQBwdw==",
        "AHRpbQBwdw==\r\n",
        "*\r\n",
        "a3 AUTHENTICATE LOGIN\r\n",
        "b3 AUTHENTICATE EXTERNAL\r\n",
        "b4 AUTHENTICATE EXTERNAL =\r\n",
        "dGlt\r\n",
        " =",
        "a4 ID (\"name\" \"x\")\r\n",
        "a5 ID (\"x-proxy-ttl\" \"3\" \"os\" NIL)\r\n",
        "a6 NOOP\r\n",
        "a7 CAPABILITY\r\n",
        "a8 LOGIN u p\r\n",
        "{99999}\r\n",
        "{9000+}\r\n",
        "{99999999999+}\r\n",
        "(",
        ")",
        "\0",
        "\u{e9}",
        "a9 LOGOUT\r\n",
        "~{3+}\r\n",
        " ",
        "b1 ENABLE X\r\n",
        "GET / HTTP/1.0\r\n",
        "b2 LOGIN {3+}\r\ntim {2+}\r\npw\r\n",
        "b5 LOGIN  \"tim\"\"pw\" \r\n",
        "b6 NOOP ",
        "\"x\"{3+}\r\n",
        "b7 ID (\"k\"",
        "b8 STARTTLS \r\n",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn edge_1_cutting_a_client_stream_changes_nothing(
        input in client_words(), cuts in prop::collection::vec(1_usize..40, 1..8), open: bool, trusted: bool,
    ) {
        let mut rules = Rules { plaintext_allowed: open, ..Rules::default() };
        rules.mechanisms = rules.mechanisms.with(Mechanism::External);
        prop_assert_eq!(client_run(Protocol::Imap, &input, &[], &rules, trusted), client_run(Protocol::Imap, &input, &cuts, &rules, trusted));
    }

    #[test]
    fn no_panic_and_no_second_reply_on_arbitrary_bytes(input in prop::collection::vec(any::<u8>(), 0..2000)) {
        client_run(Protocol::Imap, &input, &[7], &Rules::default(), true);
    }

    /// W-FAIL-4: whatever happens in between, each tag gets one final reply.
    #[test]
    fn w_fail_4_one_final_reply_per_command(count in 1_usize..6, kinds in prop::collection::vec(0_usize..6, 6)) {
        let commands = [
            "LOGIN u p\r\n", "AUTHENTICATE PLAIN AHRpbQBwdw==\r\n", "AUTHENTICATE PLAIN\r\n*\r\n", "NOOP\r\n",
            "LOGIN {1+}\r\nu {1+}\r\np\r\n", "AUTHENTICATE FOO\r\n",
        ];
        let input: String = (0..count).map(|n| format!("t{n} {}", commands[kinds[n]])).collect();
        let (seen, _) = client_run(Protocol::Imap, input.as_bytes(), &[], &Rules::default(), false);
        let seen = String::from_utf8(seen).unwrap();
        for n in 0..count {
            let tag = format!("t{n} ");
            prop_assert_eq!(seen.lines().filter(|line| line.starts_with(&tag)).count(), 1, "{}", seen);
        }
    }

    /// However loose the words behind a command are, it is one command: its end is at its line's end, and has one
    /// reply.
    #[test]
    fn loose_arguments_never_move_a_commands_end(
        name in prop::sample::select(vec!["NOOP", "CAPABILITY", "ENABLE", "ID", "XYZZY", "STARTTLS"]),
        // Everything but line ends, and `}` with which a literal would be announced.
        words in "[^\\r\\n}]{0,40}",
    ) {
        let input = format!("a {name}{words}\r\nz NOOP\r\n");
        let (seen, _) = client_run(Protocol::Imap, input.as_bytes(), &[3], &Rules::default(), false);
        let seen = String::from_utf8(seen).unwrap();
        let replies: Vec<_> = seen.lines().filter(|line| !line.starts_with("* ") || line.starts_with("* BAD")).collect();
        prop_assert_eq!(replies.len(), 2, "{}", seen);
        prop_assert!(replies[0].starts_with("a ") && replies[1] == "z OK NOOP completed.", "{}", seen);
    }

    /// IM-10, IM-11: behind a login nothing is lost, doubled or moved.
    #[test]
    fn im_11_bytes_behind_a_login_are_residue(tail in prop::collection::vec(any::<u8>(), 0..500), cut in 1_usize..60) {
        let mut imap = preauth::imap::Imap::new();
        let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
        let input = [b"a AUTHENTICATE PLAIN\r\nAHRpbQBwdw==\r\n".as_slice(), &tail].concat();
        let (mut facts, mut out, mut logins) = (client_facts(false), Vec::new(), 0);
        for piece in input.chunks(cut) {
            inbox.append(piece);
            if let Step::Login(_) = imap.read(&Rules::default(), &mut facts, &mut inbox, &mut out) {
                logins += 1;
            }
        }
        imap.accept(&LoginOk::default(), &mut out);
        prop_assert!(matches!(imap.read(&Rules::default(), &mut facts, &mut inbox, &mut out), Step::More));
        prop_assert_eq!((logins, out), (1, b"+ \r\na OK Logged in.\r\n".to_vec()));
        prop_assert_eq!(inbox.take_rest(), tail);
    }

    /// Our own client side reads what our backend side writes: one command, the same credentials, nothing behind it.
    #[test]
    fn w_sasl_7_no_credentials_become_a_second_command(
        user in prop_oneof!["[ -~]{0,20}", "\\PC{0,20}", ".{0,20}"],
        password in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[ -~]{1,20}".prop_map(String::into_bytes)],
        master in prop::option::of("\\PC{1,10}"),
        plain: bool,
        capabilities in prop::sample::subsequence(vec!["LITERAL+", "LITERAL-", "SASL-IR", "IMAP4rev2", "ID"], 0..=5),
    ) {
        let login = login_with(&user, &password, master.as_deref(), plain);
        let list = capabilities.join(" ");
        let (received, outcome) = log_in_at_ourselves(login, &list);
        let master = master.filter(|master| *master != user);
        let is_broken = breaks_a_line(user.as_bytes()) || breaks_a_line(&password)
            || master.as_deref().is_some_and(|master| breaks_a_line(master.as_bytes()));
        if is_broken || user.is_empty() {
            prop_assert!(received.is_none() && outcome == Some(Failure::Credentials), "{:?}", received);
        } else if let Some(Ok(got)) = received {
            let expected = master.as_deref().unwrap_or(&user);
            prop_assert_eq!((&*got.user, got.authorize_as.as_deref()), (expected, master.as_ref().map(|_| &*user)));
            prop_assert_eq!(got.password.expose(), &password[..]);
        } else {
            prop_assert!(matches!(received, Some(Err(()))), "no login arrived: {:?}", outcome);
            let control = |text: &str| text.bytes().any(|byte| byte.is_ascii_control());
            prop_assert!(password.is_empty() || control(&user) || master.as_deref().is_some_and(control));
        }
    }

    #[test]
    fn edge_1_cutting_a_backend_stream_changes_nothing(input in backend_words(), cuts in prop::collection::vec(1_usize..40, 1..8)) {
        let whole = backend_run(Protocol::Imap, &input, Arrival::Cut(&[]));
        prop_assert_eq!(whole, backend_run(Protocol::Imap, &input, Arrival::Cut(&cuts)));
    }

    #[test]
    fn no_panic_on_arbitrary_backend_bytes(input in prop::collection::vec(any::<u8>(), 0..2000)) {
        backend_run(Protocol::Imap, &input, Arrival::Cut(&[5]));
        let greeted = [b"* OK [CAPABILITY IMAP4rev1]\r\n", &input[..]].concat();
        backend_run(Protocol::Imap, &greeted, Arrival::Cut(&[]));
    }

    #[test]
    fn w_sasl_1_base64_is_its_own_inverse(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut text = Vec::new();
        base64::encode(&bytes, &mut text);
        let decoded = base64::decode(&text).unwrap();
        prop_assert_eq!(decoded.expose(), &bytes[..]);
    }
}

/// Joins our backend side with our client side as the backend. What arrived there: credentials, or `Err` when they
/// arrived but are of no use; and how our backend side ended.
fn log_in_at_ourselves(
    login: Login,
    capabilities: &str,
) -> (Option<Result<preauth::Credentials, ()>>, Option<Failure>) {
    let (mut theirs, mut ours) = (preauth::imap::Imap::new(), backend::imap::Imap::new(login));
    let mut at_them = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    let mut at_us = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    let (known, mut their_facts) = (client_facts(true), client_facts(true));
    at_us
        .append(format!("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN {capabilities}] hi\r\n").as_bytes());
    let mut received = None;
    for _ in 0..10 {
        let (mut to_them, mut to_us, mut to_client) = (Vec::new(), Vec::new(), Vec::new());
        if let backend::Step::Failed(failure, _) =
            ours.read(&known, &mut at_us, &mut to_them, &mut to_client)
        {
            return (received, Some(failure));
        }
        assert_eq!(at_them.append(&to_them), to_them.len());
        match theirs.read(&Rules::default(), &mut their_facts, &mut at_them, &mut to_us) {
            Step::Login(credentials) => received = Some(Ok(credentials)),
            Step::Hopeless(_) => received = Some(Err(())),
            Step::More | Step::Answer(_) | Step::StartTls | Step::Close(_) => {}
        }
        if received.is_some() {
            assert!(at_them.is_empty(), "something follows the login command");
            theirs.accept(&LoginOk::default(), &mut to_us);
        }
        assert_eq!(theirs.notes().bad_commands, 0, "malformed command");
        at_us.append(&to_us);
        if at_us.is_empty() && to_them.is_empty() {
            break;
        }
    }
    (received, None)
}

fn backend_words() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "* OK [CAPABILITY IMAP4rev1 ID] hi\r\n",
        "* OK hi\r\n",
        "* CAPABILITY IMAP4rev1 X\r\n",
        "C OK\r\n",
        "I OK\r\n",
        "I NO [SERVERBUG] x\r\n",
        "+ go\r\n",
        "+\r\n",
        "* BYE x\r\n",
        "* 1 EXISTS\r\n",
        "* ID (\"a\" {3}\r\n",
        "L OK",
        " [CAPABILITY IMAP4rev1] in",
        "\r\n",
        "\n",
        "L NO [LIMIT] x\r\n",
        "L BAD\r\n",
        "L NO [REFERRAL imap://u@[::1]/] x\r\n",
        "* LIST {5}\r\n",
        "abcde",
        "x)\r\n",
        "* OK [ALERT] {3}\r\n",
        "L OK [ALERT] x\r\n",
        "* ID (\"a\" {70000}\r\n",
        "\r",
        "\0",
    ]);
    let start =
        prop::sample::select(vec!["* OK [CAPABILITY IMAP4rev1 ID] hi\r\n", "* OK hi\r\n", ""]);
    (start, prop::collection::vec(words, 0..30))
        .prop_map(|(start, words)| [start, &words.concat()].concat().into_bytes())
}
