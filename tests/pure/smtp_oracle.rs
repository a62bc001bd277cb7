//! A second opinion on SMTP: what the crate `smtp-proto` writes, we read, and what we write, it reads alike.

use hale::backend::submission::Submission as Backend;
use hale::backend::{Login, Step};
use hale::limits::{BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX};
use hale::preauth::capability::Rules;
use hale::preauth::submission::Submission as Client;
use hale::secret::Secret;
use hale::wire::inbox::Inbox;
use hale::wire::smtp::command::{self, IsLast, Verb};
use hale::wire::smtp::keywords::Keywords;
use hale::wire::smtp::reply::{Next, Replies, Reply};
use proptest::prelude::*;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, EXT_8BIT_MIME, EXT_AUTH, EXT_CHUNKING, EXT_DSN};
use smtp_proto::{EXT_ENHANCED_STATUS_CODES, EXT_PIPELINING, EXT_SIZE, EXT_START_TLS};
use smtp_proto::{EhloResponse, Request, Response};

use crate::client_facts;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn we_read_every_keyword_list_that_smtp_proto_writes(bits in 0_u32..32, size in 1_usize..1 << 40) {
        let known = [
            (EXT_8BIT_MIME, "8BITMIME"), (EXT_CHUNKING, "CHUNKING"), (EXT_DSN, "DSN"), (EXT_SIZE, "SIZE"),
            (EXT_START_TLS, "STARTTLS"),
        ];
        let mut list = EhloResponse::new("mail.example");
        list.capabilities = EXT_AUTH;
        list.auth_mechanisms = AUTH_PLAIN | AUTH_LOGIN;
        list.size = size;
        for (place, (bit, _)) in known.iter().enumerate() {
            if bits & (1 << place) != 0 {
                list.capabilities |= bit;
            }
        }
        let mut text = Vec::new();
        list.write(&mut text).unwrap();
        let keywords = Keywords::of(&read(&text));
        prop_assert!(keywords.offers(b"AUTH", b"PLAIN") && keywords.offers(b"AUTH", b"LOGIN"));
        for (bit, name) in known {
            prop_assert_eq!(keywords.has(name.as_bytes()), list.capabilities & bit != 0, "{}", name);
        }
        if let Some(told) = keywords.parameters(b"SIZE") {
            prop_assert_eq!(told.to_vec(), size.to_string().into_bytes());
        }
    }

    #[test]
    fn we_read_every_reply_that_smtp_proto_writes(
        code in prop::sample::select(vec![220_u16, 250, 354, 421, 454, 535, 550]),
        subject in 0_u8..8, detail in 0_u8..30, words in "[a-z]{1,9}( [a-z0-9.]{1,9}){0,12}",
    ) {
        let class = u8::try_from(code / 100).unwrap();
        let mut text = Vec::new();
        Response::new(code, class, subject, detail, &words).write(&mut text).unwrap();
        let reply = read(&text);
        prop_assert_eq!(reply.code, code);
        if class != 3 {
            let enhanced = format!("{class}.{subject}.{detail}");
            prop_assert_eq!(reply.enhanced(), Some(enhanced.as_bytes()));
        }
    }

    #[test]
    fn smtp_proto_reads_our_chunks_as_we_do(size in any::<u32>(), last: bool) {
        let line = format!("BDAT {size}{}", if last { " LAST" } else { "" });
        let command = command::parse(line.as_bytes());
        prop_assert_eq!(command.verb, Verb::Bdat);
        let (chunk_size, end) = command::bdat(command.argument).unwrap();
        let theirs = request(&format!("{line}\r\n"));
        prop_assert_eq!(theirs, Request::Bdat { chunk_size: usize::try_from(chunk_size).unwrap(), is_last: end == IsLast::Yes });
    }

    /// smtp-proto takes spaces before CRLF and no tabs; RFC 5321 4.1.1 speaks of white space, so we take both.
    #[test]
    fn white_space_before_the_lines_end_changes_nothing(
        line in prop::sample::select(vec!["NOOP", "QUIT", "RSET", "EHLO a.example", "AUTH PLAIN =", "BDAT 5 LAST", "MAIL FROM:<a@b.example>"]),
        white in "[ \t]{0,5}",
    ) {
        let loose = format!("{line}{white}");
        prop_assert_eq!(command::parse(loose.as_bytes()), command::parse(line.as_bytes()));
        if !white.contains('\t') {
            prop_assert_eq!(request(&format!("{loose}\r\n")), request(&format!("{line}\r\n")));
        }
    }

    #[test]
    fn our_login_to_a_backend_is_one_command_for_smtp_proto(user in "[ -~]{1,30}", password in "[ -~]{1,60}") {
        let login = Login { user: user.as_str().into(), password: Secret::from(&*password), ..Login::default() };
        let (mut backend, mut inbox, mut sent) = (Backend::new(login), Inbox::new(BACKEND_INPUT_BYTES_MAX), Vec::new());
        inbox.append(b"220 hi\r\n250-x\r\n250 AUTH PLAIN\r\n");
        prop_assert!(matches!(backend.read(&client_facts(false), &mut inbox, &mut sent), Step::More));
        let sent = String::from_utf8(sent).unwrap();
        let (ehlo, auth) = sent.split_at(sent.find('\n').unwrap() + 1);
        prop_assert_eq!(request(ehlo), Request::Ehlo { host: "localhost".to_owned() });
        let Request::Auth { mechanism, initial_response } = request(auth) else { panic!("{auth}") };
        prop_assert_eq!(mechanism, AUTH_PLAIN);
        let message = hale::wire::base64::decode(initial_response.as_bytes()).unwrap();
        prop_assert_eq!(message.expose().to_vec(), format!("\0{user}\0{password}").into_bytes());
    }
}

#[test]
fn smtp_proto_reads_the_keywords_that_we_promise() {
    let mut inbox = Inbox::new(PRE_LOGIN_INPUT_BYTES_MAX);
    inbox.append(b"EHLO a\r\n");
    let (rules, mut said) = (Rules { starttls: true, ..Rules::default() }, Vec::new());
    Client::new().read(&rules, &mut client_facts(false), &mut inbox, &mut said);
    let list = EhloResponse::parse(&mut said.iter()).unwrap();
    assert_eq!(list.hostname, "localhost");
    assert_eq!(list.auth_mechanisms, AUTH_PLAIN | AUTH_LOGIN);
    let promised =
        EXT_8BIT_MIME | EXT_AUTH | EXT_ENHANCED_STATUS_CODES | EXT_PIPELINING | EXT_START_TLS;
    assert_eq!(list.capabilities, promised);
}

fn read(text: &[u8]) -> Reply {
    let mut inbox = Inbox::new(BACKEND_INPUT_BYTES_MAX);
    assert_eq!(inbox.append(text), text.len());
    match Replies::default().next(&mut inbox) {
        Next::Reply(reply) if inbox.is_empty() => reply,
        other => panic!("{other:?} for {}", text.escape_ascii()),
    }
}

/// One command, and nothing behind it.
fn request(line: &str) -> Request<String> {
    let mut bytes = line.as_bytes().iter();
    let request = Request::parse(&mut bytes).unwrap();
    assert!(bytes.as_slice().is_empty(), "{line}");
    request.into_owned()
}
