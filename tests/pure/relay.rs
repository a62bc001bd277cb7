//! What is watched of a relayed ManageSieve session, cut anywhere: no second identity passes, and nothing else is lost.

use hale::names::Protocol;
use hale::relay::Watch;
use proptest::prelude::*;

/// Commands of a client that keeps to RFC 5804; their texts hold what would be a command elsewhere.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "[a-z \r\n{}+\"]{0,40}",
        Just("UNAUTHENTICATE\r\n".to_owned()),
        Just("require \"x\";\r\nUNAUTHENTICATE\r\nSTARTTLS\r\n{9+}\r\n".to_owned()),
    ];
    let literal = |text: String| format!("{{{}+}}\r\n{text}", text.len());
    let quoted = prop::sample::select(vec!["\"a\"", "\"UNAUTHENTICATE\"", "\"a\\\"{7+}\"", "\"\""]);
    let name = prop_oneof![quoted.prop_map(str::to_owned), text.clone().prop_map(literal)];
    let script = text.prop_map(literal);
    prop_oneof![
        (name.clone(), script.clone())
            .prop_map(|(name, script)| format!("PUTSCRIPT {name} {script}\r\n")),
        script.prop_map(|script| format!("CheckScript {script}\r\n")),
        name.clone().prop_map(|name| format!("SETACTIVE {name}\r\n")),
        (name.clone(), name.clone()).prop_map(|(from, to)| format!("RENAMESCRIPT {from} {to}\r\n")),
        name.clone().prop_map(|name| format!("HAVESPACE {name} 99\r\n")),
        name.prop_map(|name| format!("noop {name}\r\n")),
        prop::sample::select(vec![
            "LISTSCRIPTS\r\n",
            "CAPABILITY\r\n",
            "\r\n",
            "LOGOUT\n",
            "NOOP \r\n"
        ])
        .prop_map(str::to_owned),
    ]
    .prop_map(String::into_bytes)
}

/// Replies of a server, without and with what is taken out.
fn reply() -> impl Strategy<Value = (String, String)> {
    let lists = prop::sample::select(vec![
        ("\"IMPLEMENTATION\" \"x\"\r\n", "\"UNAUTHENTICATE\"\r\n", "\"VERSION\" \"1.0\"\r\nOK\r\n"),
        ("\"SIEVE\" {3}\r\na\nb\r\n", "{14}\r\nunauthenticate\r\n", "OK \"in\"\r\n"),
        (
            "\"A\" \"\\\"\"\r\n\"B\"\r\n",
            "\"UnAuthenticate\"\n",
            "{3}\r\nABC\r\nOK (X) {2}\r\nhi\r\n",
        ),
    ]);
    let others = prop::sample::select(vec![
        "\"UNAUTHENTICATE\" ACTIVE\r\n\"UNAUTHENTICATE\"\r\nOK\r\n",
        "{38}\r\n\"A\" \"B\"\r\n\"UNAUTHENTICATE\"\r\nOK \"x\"\r\nabc\r\nOK\r\n",
        "{14}\r\nUNAUTHENTICATE\r\nOK\r\n",
        "NO (QUOTA) \"UNAUTHENTICATE\"\r\n",
        "OK (WARNINGS) {16}\r\nUNAUTHENTICATE\r\n\r\n",
        "OK\r\n",
    ]);
    prop_oneof![
        lists.prop_map(|(before, hidden, behind)| {
            (format!("{before}{behind}"), format!("{before}{hidden}{behind}"))
        }),
        others.prop_map(|said| (said.to_owned(), said.to_owned())),
    ]
}

fn watch() -> Watch {
    Watch::of(Protocol::Sieve).unwrap()
}

/// Cuts `bytes` into pieces of these sizes, over and over.
fn pieces<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &cut in cuts.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at(cut.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// What of a client's bytes goes on to the backend, and whether the session does.
fn relayed(said: &[u8], cuts: &[usize]) -> (Vec<u8>, bool) {
    let mut watch = watch();
    let mut passed = Vec::new();
    for piece in pieces(said, cuts) {
        if watch.from_client(piece).is_err() {
            return (passed, false);
        }
        passed.extend(piece);
    }
    (passed, true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn rfc_5804_2_14_1_no_second_identity_passes_and_nothing_else_is_stopped(
        before in prop::collection::vec(command(), 0..6),
        behind in prop::collection::vec(command(), 0..3),
        spelling in prop::sample::select(vec!["UNAUTHENTICATE", "unauthenticate", " UnAuthenticate", "STARTTLS"]),
        cuts in prop::collection::vec(1_usize..30, 1..8),
    ) {
        let before = before.concat();
        let legal = [before.clone(), behind.concat()].concat();
        let (passed, goes_on) = relayed(&legal, &cuts);
        prop_assert!(goes_on);
        prop_assert_eq!(passed, legal);
        let second = [&before, spelling.as_bytes(), b"\r\n", &behind.concat()].concat();
        let (passed, goes_on) = relayed(&second, &cuts);
        prop_assert!(!goes_on);
        prop_assert!(second.starts_with(&passed));
        prop_assert!(passed.len() < before.len() + spelling.len(), "the whole word has passed");
    }

    #[test]
    fn whatever_a_client_says_is_judged_the_same_however_it_is_cut(
        said in prop::collection::vec(prop::sample::select(vec![
            "UNAUTHENTICATE", "NOOP", "PUTSCRIPT", " \"a\"", " {14+}", " {3}", "{0+}", "\r\n", "\n", "\r", "x", " ", "\"", "\\", "\0",
        ]), 0..30),
        cuts in prop::collection::vec(1_usize..9, 1..8),
    ) {
        let said = said.concat().into_bytes();
        prop_assert_eq!(relayed(&said, &[usize::MAX]).1, relayed(&said, &cuts).1);
    }

    #[test]
    fn rfc_5804_2_14_1_unauthenticate_is_taken_out_and_nothing_else(
        replies in prop::collection::vec(reply(), 0..6),
        cuts in prop::collection::vec(1_usize..60, 1..8),
    ) {
        let (without, with): (Vec<String>, Vec<String>) = replies.into_iter().unzip();
        let mut whole = with.concat().into_bytes();
        let left = watch().from_backend(&mut whole);
        whole.truncate(left);
        prop_assert_eq!(&String::from_utf8(whole).unwrap(), &without.concat());

        let mut watch = watch();
        let mut shown = Vec::new();
        for piece in pieces(with.concat().as_bytes(), &cuts) {
            let mut piece = piece.to_vec();
            let left = watch.from_backend(&mut piece);
            shown.extend(&piece[..left]);
        }
        // What was cut is still a line, but names nothing.
        let shown = String::from_utf8(shown).unwrap();
        let masked = ["\"UNAUTHENTICAT-\"\r\n", "{14}\r\nunauthenticat-\r\n", "\"UnAuthenticat-\"\n"];
        let shown = masked.iter().fold(shown, |shown, line| shown.replace(line, ""));
        prop_assert_eq!(shown, without.concat());
    }
}

#[test]
fn only_managesieve_is_watched() {
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Submission, Protocol::Lmtp] {
        assert!(Watch::of(protocol).is_none(), "{protocol}");
    }
}
