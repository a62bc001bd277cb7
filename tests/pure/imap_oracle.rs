//! A second opinion on IMAP's grammar: what the crate `imap-codec` reads and writes, our dialogues write and read.

use hale::backend::{self, Login};
use hale::limits::{BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX};
use hale::preauth::capability::Rules;
use hale::preauth::{self, Credentials, Step};
use hale::secret::Secret;
use hale::wire::inbox::Inbox;
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder as _;
use imap_codec::encode::Encoder as _;
use imap_codec::imap_types::command::{Command, CommandBody};
use imap_codec::imap_types::core::LiteralMode;
use proptest::prelude::*;

use crate::client_facts;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn our_login_to_a_backend_is_one_command_for_imap_codec(
        user in "[ -~]{1,30}",
        password in prop_oneof!["[ -~]{0,30}".prop_map(String::into_bytes), prop::collection::vec(1_u8.., 1..30)],
        literals in prop::sample::select(vec!["", "LITERAL+", "LITERAL-"]),
    ) {
        prop_assume!(!password.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
        let sent = backend_commands(&user, &password, literals);
        let (rest, command) = CommandCodec::default().decode(&sent).unwrap();
        prop_assert_eq!(rest, b"");
        prop_assert_eq!(command.tag.as_ref(), "L");
        let CommandBody::Login { username, password: read } = command.body else { panic!("{sent:?}") };
        prop_assert_eq!(username.as_ref(), user.as_bytes());
        prop_assert_eq!(read.declassify().as_ref(), &password[..]);
    }

    #[test]
    fn we_read_every_login_that_imap_codec_writes(
        tag in "[a-zA-Z0-9.\\]-]{1,20}",
        user in "[ -~]{1,30}",
        password in prop_oneof!["[ -~]{1,30}".prop_map(String::into_bytes), prop::collection::vec(1_u8.., 1..30)],
        synchronising: bool,
    ) {
        prop_assume!(!password.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
        let mut body = CommandBody::login(user.as_bytes().to_vec(), password.clone()).unwrap();
        if let CommandBody::Login { username, password } = &mut body {
            let mode = if synchronising { LiteralMode::Sync } else { LiteralMode::NonSync };
            *username = with_mode(username.clone(), mode);
            *password = imap_codec::imap_types::secret::Secret::new(with_mode(password.declassify().clone(), mode));
        }
        let command = Command { tag: tag.try_into().unwrap(), body };
        let sent = CommandCodec::default().encode(&command).dump();
        let read = login_read(&sent);
        prop_assert_eq!(&*read.user, &*user);
        prop_assert_eq!(read.password.expose(), &password[..]);
    }

    /// imap-codec takes one SP and no other, as RFC 9051 has it; we take as many as Dovecot does, and read the same.
    #[test]
    fn spaces_that_imap_codec_refuses_change_nothing_for_us(
        user in "[a-z]{1,9}", password in "[a-z]{1,9}", spaces in prop::array::uniform3(0_usize..5), quoted: bool,
    ) {
        let string = |text: &str| if quoted { format!("\"{text}\"") } else { text.to_owned() };
        let line = |[first, second, third]: [usize; 3]| format!(
            "a LOGIN {}{}{}{}{}\r\n",
            " ".repeat(first), string(&user), " ".repeat(second), string(&password), " ".repeat(third),
        );
        // Behind LOGIN stands one SP already, and between two atoms there has to be one.
        let [first, second, third] = spaces;
        let loose = line([first, second + usize::from(!quoted), third]);
        let read = login_read(loose.as_bytes());
        prop_assert_eq!((&*read.user, read.password.expose()), (&*user, password.as_bytes()));
        let is_strict = loose == line([0, 1, 0]);
        prop_assert_eq!(CommandCodec::default().decode(loose.as_bytes()).is_ok(), is_strict, "{}", loose);
    }
}

fn with_mode(
    text: imap_codec::imap_types::core::AString<'_>,
    mode: LiteralMode,
) -> imap_codec::imap_types::core::AString<'static> {
    use imap_codec::imap_types::IntoStatic as _;
    use imap_codec::imap_types::core::{AString, IString};
    match text.into_static() {
        AString::String(IString::Literal(literal)) => {
            let literal = match mode {
                LiteralMode::Sync => literal.into_sync(),
                LiteralMode::NonSync => literal.into_non_sync(),
            };
            AString::String(IString::Literal(literal))
        }
        other => other,
    }
}

fn backend_commands(user: &str, password: &[u8], literals: &str) -> Vec<u8> {
    let login = Login { user: user.into(), password: Secret::from(password), ..Login::default() };
    let mut imap = backend::imap::Imap::new(login);
    let mut inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    let mut sent = Vec::new();
    inbox.append(format!("* OK [CAPABILITY IMAP4rev1 {literals}] hi\r\n").as_bytes());
    imap.read(&client_facts(false), &mut inbox, &mut sent, &mut Vec::new());
    if password.iter().any(u8::is_ascii_control) {
        // Such a one is tried by AUTHENTICATE first; only a refusal leads to LOGIN.
        let (rest, command) = CommandCodec::default().decode(&sent).unwrap();
        let asks = matches!(command.body, CommandBody::Authenticate { initial_response: None, .. });
        assert!(rest.is_empty() && command.tag.as_ref() == "A" && asks, "{}", sent.escape_ascii());
        sent.clear();
        inbox.append(b"A BAD what\r\n");
        imap.read(&client_facts(false), &mut inbox, &mut sent, &mut Vec::new());
    }
    if sent.ends_with(b"}\r\n") && !sent.ends_with(b"+}\r\n") {
        inbox.append(b"+ go\r\n");
        imap.read(&client_facts(false), &mut inbox, &mut sent, &mut Vec::new());
    }
    sent
}

fn login_read(sent: &[u8]) -> Credentials {
    let mut imap = preauth::imap::Imap::new();
    let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    let mut out = Vec::new();
    inbox.append(sent);
    match imap.read(&Rules::default(), &mut client_facts(false), &mut inbox, &mut out) {
        Step::Login(credentials) => credentials,
        other => panic!("{other:?} {} for {}", out.escape_ascii(), sent.escape_ascii()),
    }
}
