//! What of a ManageSieve session is looked at before its relay begins: the bytes behind the login, from either side.

use hale::names::Protocol;
use hale::session::input::{Destination, Hop, Input, RouteAnswer};
use hale::session::output::{Outbox, Wish};
use hale::tick::Tick;

use super::stage::{Scene, granted};

/// A login whose client has said `behind` with it, and whose backend says `success`: what goes to the client, what goes to
/// the backend, and the wishes.
fn logged_in(behind: &str, success: &str) -> (String, String, Vec<Wish>) {
    let mut session = Scene { protocol: Some(Protocol::Sieve), ..Scene::default() }.session();
    let mut outbox = Outbox::new();
    session.on(Tick(0), Input::Begin, &mut outbox);
    let login = format!("AUTHENTICATE \"PLAIN\" \"AHRpbQBzZWNyZXQ=\"\r\n{behind}");
    session.on(Tick(0), Input::Client(login.as_bytes()), &mut outbox);
    let answer = granted("tim");
    session.on(Tick(0), Input::Verdict { answer, earlier_failures: 0 }, &mut outbox);
    let address = [192, 0, 2, 101].into();
    let destination = Destination {
        host: "h".into(),
        address,
        group: None,
        is_moving: false,
        is_switching: false,
        connections_max: None,
        hop: Hop::Backend,
    };
    session.on(Tick(0), Input::Route(RouteAnswer::Go(destination)), &mut outbox);
    session.on(Tick(0), Input::Connected, &mut outbox);
    session.on(Tick(0), Input::Backend(b"\"SASL\" \"PLAIN\"\r\nOK\r\n"), &mut outbox);
    outbox.to_client.clear();
    outbox.to_backend.clear();
    outbox.take_wishes();
    session.on(Tick(0), Input::Backend(success.as_bytes()), &mut outbox);
    let wishes = outbox.take_wishes().collect();
    let text = |bytes: &mut Vec<u8>| String::from_utf8(std::mem::take(bytes)).unwrap();
    (text(&mut outbox.to_client), text(&mut outbox.to_backend), wishes)
}

#[test]
fn rfc_5804_2_14_1_what_was_read_beyond_the_login_is_looked_at_too() {
    let list = "\"SASL\" \"PLAIN\"\r\n\"UNAUTHENTICATE\"\r\n\"VERSION\" \"1.0\"\r\nOK\r\n\"A\" \"B\"\r\n\"UNAUTH";
    let half = "PUTSCRIPT \"a\" {16+}\r\nUNAUTHENTICATE\r\n\r\nCAPABILITY\r\nUnAuth";
    let (to_client, to_backend, wishes) = logged_in(half, &format!("OK \"in\"\r\n{list}"));
    assert_eq!(to_client, format!("OK \"in\"\r\n{}", list.replace("\"UNAUTHENTICATE\"\r\n", "")));
    assert_eq!(to_backend, half);
    let watch = wishes.into_iter().find_map(|wish| match wish {
        Wish::Relay(handover) => handover.watch,
        _ => None,
    });
    // The relay goes on in the middle of what has been read.
    let mut watch = watch.expect("the relay is watched");
    assert!(watch.from_client(b"ENTICATE\r\n").is_err());
    let mut rest = b"ENTICATE\"\r\n\"UNAUTHENTICATE\"\r\n".to_vec();
    let left = watch.from_backend(&mut rest);
    assert_eq!(&rest[..left], b"ENTICAT-\"\r\n");
}

#[test]
fn rfc_5804_2_14_1_a_client_that_has_said_it_already_is_closed() {
    for behind in
        ["UNAUTHENTICATE\r\n", "NOOP\r\nunauthenticate\r\nAUTHENTICATE \"PLAIN\" \"AGEAYg==\"\r\n"]
    {
        let (to_client, to_backend, wishes) = logged_in(behind, "OK\r\n");
        assert_eq!((to_client.as_str(), to_backend.as_str()), ("OK\r\n", ""), "{behind}");
        assert!(
            matches!(wishes[..], [Wish::Learn(_), Wish::DropBackend, Wish::Report(_), Wish::Close]),
            "{wishes:?}"
        );
    }
}
