//! A server that answers what no LDAP server should (DB-04, DB-05).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use tokio::task::LocalSet;

use super::*;
use crate::config::model::{LdapDeref, LdapScope, LdapServer};
use crate::control::userdbs::tests::inquiry;

/// What comes of one question to a server that answers the first request, by which a connection is tried out, as it should, and the
/// second one with these bytes.
fn asked(answer: &[u8]) -> Result<Reply, Fault> {
    let (port, server) = serve(answer.to_vec());
    let outcome = run(port, |ldap| async move {
        let mut connection = ldap.connect().await?;
        ldap.ask(&mut connection, &inquiry()).await
    });
    server.join().unwrap();
    outcome
}

fn run<W: Future<Output = Result<Reply, Fault>>>(
    port: u16,
    work: impl FnOnce(Ldap) -> W,
) -> Result<Reply, Fault> {
    let ldap = Ldap::new(&settings(port), &Published::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, work(ldap))
}

fn settings(port: u16) -> model::Ldap {
    let template = |text: &str| Template::parse(text, Letters::Variables).unwrap();
    model::Ldap {
        servers: vec![LdapServer::Host { name: "127.0.0.1".to_owned(), port, has_tls: false }],
        has_starttls: false,
        ca_file: None,
        verifies: true,
        own: None,
        base: template("dc=test"),
        scope: LdapScope::Subtree,
        deref: LdapDeref::Never,
        filter: template("(uid=%u)"),
        compare: LdapCompare::Here,
        pass_attrs: Some("uid=user,userPassword=password".to_owned()),
        fields: Vec::new(),
    }
}

fn serve(answer: Vec<u8>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for bytes in [message(1, &done(0, b"")), answer] {
            if !hears(&mut stream) || stream.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    (port, serving)
}

/// Requests are small, and come whole.
fn hears(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 0x80);
    [&[tag, length], content].concat()
}

fn message(id: u8, operation: &[u8]) -> Vec<u8> {
    element(0x30, &[&element(0x02, &[id])[..], operation].concat())
}

/// SearchResultDone with a code and a text.
fn done(code: u8, text: &[u8]) -> Vec<u8> {
    let parts = [element(0x0A, &[code]), element(0x04, b""), element(0x04, text)];
    element(0x65, &parts.concat())
}

/// SearchResultEntry of a user.
fn entry(uid: &str) -> Vec<u8> {
    let attribute = |name: &str, value: &str| {
        let values = element(0x31, &element(0x04, value.as_bytes()));
        element(0x30, &[element(0x04, name.as_bytes()), values].concat())
    };
    let attributes = [attribute("uid", uid), attribute("userPassword", "{PLAIN}pw")].concat();
    element(0x64, &[element(0x04, b"cn=x"), element(0x30, &attributes)].concat())
}

#[test]
fn db_04_one_entry_is_a_row_and_referrals_beside_it_are_nothing() {
    let referral = element(0x73, &element(0x04, b"ldap://elsewhere/"));
    let answer = [message(2, &referral), message(2, &entry("tim")), message(2, &done(0, b""))];
    let Ok(Reply::Row(row)) = asked(&answer.concat()) else { panic!("no row") };
    assert_eq!(row.password.as_ref().unwrap().expose(), b"{PLAIN}pw");
    assert_eq!(row.fields.len(), 1);
    assert!(matches!(asked(&message(2, &done(0, b""))), Ok(Reply::Unknown)));
}

#[test]
fn db_04_two_entries_are_none_also_where_the_server_knows_no_limit() {
    for count in 2..5 {
        let entries = (0..count).flat_map(|_| message(2, &entry("tim")));
        let answer: Vec<u8> = entries.chain(message(2, &done(0, b""))).collect();
        let Err(Fault::Answer(RemoteTrouble::Several, text)) = asked(&answer) else {
            panic!("{count}")
        };
        assert!(text.contains("more than one entry"), "{text}");
    }
}

#[test]
fn db_04_codes_are_told_with_their_meaning_and_the_servers_words() {
    let Err(Fault::Answer(RemoteTrouble::Error, text)) = asked(&message(2, &done(50, b"go away")))
    else {
        panic!("an answer")
    };
    for part in ["50", "may not read", "go away"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(matches!(asked(&message(2, &done(51, b""))), Err(Fault::Lost(_))), "busy");
}

#[test]
fn db_05_what_is_no_ldap_is_a_lost_connection_and_no_more() {
    let broken_text = message(2, &done(0, b"\xFF\xFE"));
    let short = message(2, &element(0x65, &element(0x0A, &[0])));
    let primitive = [message(2, &element(0x44, b"x")), message(2, &done(0, b""))].concat();
    let cut = message(2, &entry("tim"))[..20].to_vec();
    for (name, answer) in [
        ("another protocol", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        ("nothing", b""),
        ("a text that is none", &broken_text),
        ("a result without its parts", &short),
        ("an entry without its parts", &primitive),
        ("a message that is cut", &cut),
    ] {
        let outcome = asked(answer);
        assert!(
            matches!(outcome, Err(Fault::Lost(_) | Fault::Answer(RemoteTrouble::Form, _))),
            "{name}: {outcome:?}"
        );
    }
}

#[test]
fn db_05_a_server_that_cannot_be_connected_is_named() {
    // Nothing listens where something did.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let outcome = run(port, |ldap| async move { ldap.connect().await.map(|_| Reply::Unknown) });
    let Err(Fault::Connect(text)) = outcome else { panic!("connected") };
    assert!(text.contains(&format!("ldap://127.0.0.1:{port}")), "{text}");
}
