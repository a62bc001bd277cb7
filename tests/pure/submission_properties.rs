//! What holds for every input of the Submission dialogues and of the lexis below them: cutting does not matter, nobody
//! panics us, memory stays bounded, every command gets one reply, no credentials can become a second command.

use hale::backend::{self, Login};
use hale::fault::Failure;
use hale::limits::{
    BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX,
};
use hale::preauth::capability::Rules;
use hale::preauth::submission::Submission;
use hale::preauth::{Credentials, Step};
use hale::secret::Secret;
use hale::wire::inbox::Inbox;
use hale::wire::login_ok::LoginOk;
use hale::wire::smtp::reply::{Next, Replies};
use hale::wire::xtext;
use proptest::prelude::*;

use crate::client_facts;

/// Everything a client hears, and what was asked of others, when it sends `input` cut into these pieces. Every login
/// is refused.
fn client_run(input: &[u8], cuts: &[usize], rules: &Rules, trusted: bool) -> (String, Vec<String>) {
    let mut facts = client_facts(trusted);
    let mut submission = Submission::new();
    let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    let (mut heard, mut events, mut rest) = (Vec::new(), Vec::new(), input);
    let mut cuts = cuts.iter().cycle();
    'sending: while !rest.is_empty() {
        let piece = cuts.next().map_or(rest.len(), |&cut| cut.clamp(1, rest.len()));
        let taken = inbox.append(&rest[..piece]);
        assert!(taken > 0, "no progress: the inbox is full and nothing is complete");
        rest = &rest[taken..];
        loop {
            let mut out = Vec::new();
            let step = submission.read(rules, &mut facts, &mut inbox, &mut out);
            assert!(out.len() < PRE_LOGIN_OUTPUT_BYTES_MAX + 1024, "{}", out.len());
            let full = out.len() >= PRE_LOGIN_OUTPUT_BYTES_MAX;
            heard.append(&mut out);
            match step {
                Step::More if full => {}
                Step::More => break,
                Step::Login(credentials) => {
                    events.push(format!("{credentials:?} {:?}", credentials.password.expose()));
                    submission.refuse(Failure::Credentials, None, &mut heard);
                }
                Step::Hopeless(failure) => {
                    events.push(format!("{failure:?}"));
                    submission.refuse(failure, None, &mut heard);
                }
                Step::StartTls => submission.secured(rules, &mut heard),
                Step::Close(reason) => {
                    events.push(format!("{reason:?}"));
                    break 'sending;
                }
            }
        }
    }
    events.push(format!("{:?} {:?} {facts:?}", submission.notes(), submission.helo()));
    (String::from_utf8(heard).unwrap(), events)
}

/// Pieces that make interesting commands when put in any order.
fn client_words() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "EHLO a\r\n",
        "HELO ",
        "AUTH PLAIN",
        " AHRpbQBwdw==",
        "AHRpbQBwdw==\r\n",
        "AUTH LOGIN\r\n",
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
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn edge_1_cutting_a_client_stream_changes_nothing(
        input in client_words(), cuts in prop::collection::vec(1_usize..40, 1..8), open: bool, trusted: bool,
    ) {
        let rules = Rules { plaintext_allowed: open, ..Rules::default() };
        prop_assert_eq!(client_run(&input, &[], &rules, trusted), client_run(&input, &cuts, &rules, trusted));
    }

    #[test]
    fn no_panic_on_arbitrary_bytes(input in prop::collection::vec(any::<u8>(), 0..2000), cut in 1_usize..9) {
        client_run(&input, &[cut], &Rules::default(), true);
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
        let (heard, _) = client_run(format!("HELO a\r\n{input}").as_bytes(), &[], &Rules::default(), trusted);
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
            user: user.as_str().into(),
            password: Secret::new(password.clone()),
            master: master.as_deref().map(Into::into),
            send_facts: true,
            helo: helo.as_deref().map(Into::into),
            forward: forward.iter().map(|value| ("k".into(), value.as_str().into())).collect(),
            ..Login::default()
        };
        let line_end = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        let unsendable = user.is_empty()
            || [user.as_bytes(), &password, master.as_deref().unwrap_or_default().as_bytes()].into_iter().any(line_end);
        let control = |text: &str| text.bytes().any(|byte| byte.is_ascii_control()) || text.len() > 255;
        let master = master.filter(|master| *master != user);
        match log_in_at_ourselves(login, helo.as_deref()) {
            Err(failure) => prop_assert!(unsendable && failure == Failure::Credentials),
            Ok(Some(got)) => {
                let expected = master.as_deref().unwrap_or(&user);
                prop_assert_eq!((&*got.user, got.authorize_as.as_deref()), (expected, master.as_ref().map(|_| &*user)));
                prop_assert_eq!(got.password.expose(), &password[..]);
            }
            Ok(None) => prop_assert!(password.is_empty() || control(&user) || master.as_deref().is_some_and(control)),
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
        let run = |size: usize| {
            let login = Login { user: "tim".into(), password: Secret::from("pw"), send_facts: true, ..Login::default() };
            let mut backend = backend::submission::Submission::new(login);
            let (mut inbox, mut sent) = (Inbox::new(BACKEND_INPUT_BYTES_MAX), Vec::new());
            let mut end = String::new();
            for piece in input.as_bytes().chunks(size) {
                inbox.append(piece);
                let step = backend.read(&client_facts(false), &mut inbox, &mut sent);
                if !matches!(step, backend::Step::More) {
                    end = format!("{step:?}");
                    break;
                }
            }
            (sent, end)
        };
        prop_assert_eq!(run(cut), run(input.len().max(1)));
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

/// Logs in at our own client side, which trusts us; none: it would not even ask.
fn log_in_at_ourselves(login: Login, helo: Option<&str>) -> Result<Option<Credentials>, Failure> {
    let rules = Rules::default();
    let sending = client_facts(false);
    let mut receiving = client_facts(true);
    receiving.apparent = ([203, 0, 113, 1], 1).into();
    let mut front = backend::submission::Submission::new(login);
    let mut back = Submission::new();
    let mut to_front = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    let mut to_back = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    let mut banner = Vec::new();
    back.greet(&rules, &receiving, &mut banner);
    to_front.append(&banner);
    loop {
        let mut sent = Vec::new();
        match front.read(&sending, &mut to_front, &mut sent) {
            backend::Step::More => {}
            backend::Step::Failed(failure, _) => return Err(failure),
            other => panic!("{other:?}"),
        }
        assert!(!sent.is_empty(), "nobody speaks");
        to_back.append(&sent);
        let mut answer = Vec::new();
        match back.read(&rules, &mut receiving, &mut to_back, &mut answer) {
            Step::More => {
                to_front.append(&answer);
            }
            step => {
                assert!(to_back.is_empty(), "something stands behind the login");
                assert_eq!(receiving.apparent, sending.apparent);
                assert!(helo.is_none() || back.helo() == helo);
                return match step {
                    Step::Login(credentials) => Ok(Some(credentials)),
                    Step::Hopeless(_) => Ok(None),
                    other => panic!("{other:?}"),
                };
            }
        }
    }
}
