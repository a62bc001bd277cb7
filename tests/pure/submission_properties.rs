//! What holds for every input of the Submission dialogues and of the lexis below them: cutting does not matter, no peer
//! panics us, memory stays bounded, every command gets one reply, no credentials can become a second command.

use hale::backend::Login;
use hale::fault::Failure;
use hale::limits::{BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX};
use hale::names::Protocol;
use hale::preauth::Step;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::Mechanism;
use hale::preauth::submission::Submission;
use hale::wire::inbox::Inbox;
use hale::wire::login_ok::LoginOk;
use hale::wire::smtp::reply::{Next, Replies};
use hale::wire::xtext;
use proptest::prelude::*;

use crate::client_facts;
use crate::runs::{
    Arrival, Visit, backend_run, breaks_a_line, client_run, log_in_at_ourselves, login_with,
};

const SUBMISSION: Protocol = Protocol::Submission;

/// Pieces that make interesting commands when put in any order.
fn client_words() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "EHLO a\r\n",
        "HELO ",
        "AUTH PLAIN",
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
        " ",
        "BDAT 5\r\n",
        "BDAT 7 LAST\r\n",
        "abc\r\nde",
        "MAIL FROM:<a@b>\r\n",
        "NOOP\r\n",
        "noop\r\n",
        "XCLIENT ADDR=192.0.2.9 HELO=x\r\n",
        "XCLIENT FORWARD=az12\r\n",
        "XCLIENT TTL=300\r\n",
        "\u{e9}",
        "QUIT\r\n",
        "STARTTLS\r\n",
        "GET / HTTP/1.0\r\n",
        "AUTH CRAM-MD5\r\n",
        "AUTH  PLAIN  AHRpbQBwdw== \t\r\n",
        "\t",
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
        prop_assert_eq!(
            client_run(SUBMISSION, &input, &[], &rules, trusted),
            client_run(SUBMISSION, &input, &cuts, &rules, trusted)
        );
    }

    #[test]
    fn no_panic_on_arbitrary_bytes(input in prop::collection::vec(any::<u8>(), 0..2000), cut in 1_usize..9) {
        client_run(SUBMISSION, &input, &[cut], &Rules::default(), true);
    }

    /// W-FAIL-4: whatever happens in between, each command gets one final reply.
    #[test]
    fn w_fail_4_one_final_reply_per_command(kinds in prop::collection::vec(0_usize..9, 1..6), trusted: bool) {
        // Each with the number of replies that are not final.
        let commands = [
            ("AUTH PLAIN AHRpbQBwdw==\r\n", 0), ("AUTH PLAIN\r\n*\r\n", 1), ("AUTH LOGIN\r\ndGlt\r\ncHc=\r\n", 2),
            ("NOOP\r\n", 0), ("BDAT 6\r\nNOOP\r\n", 0), ("MAIL FROM:<>\r\n", 0), ("FOO\nNOOP\r\n", 0),
            ("XCLIENT ADDR=1\r\n", 0), ("AUTH FOO\r\n", 0),
        ];
        let input: String = kinds.iter().map(|&kind| commands[kind].0).collect();
        let input = format!("HELO a\r\n{input}");
        let (heard, _) = client_run(SUBMISSION, input.as_bytes(), &[], &Rules::default(), trusted);
        let heard = String::from_utf8(heard).unwrap();
        let invitations = kinds.iter().map(|&kind| commands[kind].1).sum::<usize>();
        prop_assert_eq!(heard.lines().filter(|line| line.starts_with("334 ")).count(), invitations, "{}", heard);
        prop_assert_eq!(heard.lines().count(), kinds.len() + 1 + invitations, "{}", heard);
    }

    /// IM-11 in Submission: behind a login nothing is lost, doubled or moved.
    #[test]
    fn im_11_bytes_behind_a_login_are_residue(tail in prop::collection::vec(any::<u8>(), 0..500), cut in 1_usize..60) {
        let mut submission = Submission::new();
        let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
        let input = [b"HELO a\r\nAUTH PLAIN\r\nAHRpbQBwdw==\r\n".as_slice(), &tail].concat();
        let (mut facts, mut out, mut logins) = (client_facts(false), Vec::new(), 0);
        for piece in input.chunks(cut) {
            inbox.append(piece);
            if let Step::Login(_) = submission.read(&Rules::default(), &mut facts, &mut inbox, &mut out) {
                logins += 1;
            }
        }
        submission.accept(&LoginOk::default(), &mut out);
        prop_assert!(matches!(submission.read(&Rules::default(), &mut facts, &mut inbox, &mut out), Step::More));
        prop_assert_eq!(logins, 1);
        prop_assert!(out.ends_with(b"334 \r\n235 2.7.0 Authentication successful.\r\n"));
        prop_assert_eq!(inbox.take_rest(), tail);
    }

    /// Our own client side reads what our backend side writes: the same credentials and facts, nothing behind them.
    #[test]
    fn w_sasl_7_no_credentials_or_facts_become_a_second_command(
        user in prop_oneof!["[ -~]{0,20}", "\\PC{0,20}", ".{0,20}"],
        password in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 400..500)],
        master in prop::option::of("\\PC{1,10}"),
        helo in prop::option::of("[^\\x00-\\x1f\\x7f]{1,80}"),
        forward in prop::option::of(".{0,300}"),
    ) {
        let login = Login {
            helo: helo.as_deref().map(Into::into),
            forward: forward.iter().map(|value| ("k".into(), value.as_str().into())).collect(),
            ..login_with(&user, &password, master.as_deref(), true)
        };
        let fields = [user.as_bytes(), &password, master.as_deref().unwrap_or_default().as_bytes()];
        let unsendable = user.is_empty() || fields.into_iter().any(breaks_a_line);
        let unusable = |text: &str| text.len() > 255 || text.bytes().any(|byte| byte.is_ascii_control());
        let master = master.filter(|master| *master != user);
        let sent = client_facts(false);
        let Visit { received, outcome, facts, helo: told, .. } = log_in_at_ourselves(SUBMISSION, login, &sent);
        prop_assert_eq!(facts.apparent, sent.apparent);
        prop_assert!(helo.is_none() || told == helo, "{:?}", told);
        match received {
            None => prop_assert!(unsendable && outcome == Some(Failure::Credentials)),
            Some(Ok(got)) => {
                let expected = master.as_deref().unwrap_or(&user);
                prop_assert_eq!((&*got.user, got.authorize_as.as_deref()), (expected, master.as_ref().map(|_| &*user)));
                prop_assert_eq!(got.password.expose(), &password[..]);
            }
            Some(Err(())) => {
                prop_assert!(password.is_empty() || unusable(&user) || master.as_deref().is_some_and(unusable));
            }
        }
    }

    #[test]
    fn edge_1_cutting_a_backend_stream_changes_nothing(
        words in prop::collection::vec(prop::sample::select(vec![
            "220 hi\r\n", "220-hi\r\n", "250-x\r\n", "250 AUTH PLAIN\r\n", "250 XCLIENT ADDR\r\n", "235 ok\r\n", "334 \r\n",
            "454 no\r\n", "535 5.7.8 no\r\n", "25", "0\r", "\n", "250", "-", " ", "550 5.2.900 t@192.0.2.1 Referral\r\n",
        ]), 0..30),
        cut in 1_usize..20,
    ) {
        let input = words.concat();
        prop_assert_eq!(
            backend_run(SUBMISSION, input.as_bytes(), Arrival::Cut(&[])),
            backend_run(SUBMISSION, input.as_bytes(), Arrival::Cut(&[cut]))
        );
    }

    #[test]
    fn w_sub_b7_no_panic_and_bounded_memory_on_arbitrary_replies(
        input in prop::collection::vec(prop::sample::select(b"2345- 0\r\nx\xff\0".to_vec()), 0..3000), cut in 1_usize..50,
    ) {
        let (mut inbox, mut replies) = (Inbox::new(BACKEND_INPUT_BYTES_MAX), Replies::default());
        'reading: for piece in input.chunks(cut) {
            prop_assert_eq!(inbox.append(piece), piece.len());
            loop {
                match replies.next(&mut inbox) {
                    Next::More => break,
                    Next::Reply(reply) => prop_assert!((200..=559).contains(&reply.code)),
                    Next::Broken(_) => break 'reading,
                }
            }
        }
    }

    #[test]
    fn w_fwd_7_xtext_comes_back_as_it_was(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut text = Vec::new();
        xtext::encode(&bytes, &mut text);
        prop_assert!(text.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'='));
        prop_assert_eq!(xtext::decode(&text), Some(bytes));
    }
}
