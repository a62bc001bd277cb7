//! Body of the fuzz target `doveadm`, replayed on stable by `tests/pure/corpus.rs`: both sides of doveadm's protocol.

use hale::doveadm::client::{Client, Progress, StartTls};
use hale::doveadm::command::{Command, Line};
use hale::doveadm::server::{Next, Server, Tls};
use hale::doveadm::status::Status;
use hale::secret::Secret;

/// Any bytes of a client or of another host, whole and byte by byte: no panic, the same end, and commands that come back as
/// they were.
pub(crate) fn run(input: &[u8]) {
    assert_eq!(answered(&[input]), answered(&pieces(input)), "the side that answers");
    for starttls in [StartTls::No, StartTls::Wanted] {
        assert_eq!(
            asked(&[input], starttls),
            asked(&pieces(input), starttls),
            "the side that asks"
        );
    }
}

fn pieces(input: &[u8]) -> Vec<&[u8]> {
    input.chunks(1).collect()
}

/// What a client hears, and what became of it. STARTTLS is left out: what comes behind it depends on the cut on purpose.
fn answered(pieces: &[&[u8]]) -> (Vec<u8>, String) {
    let mut server = Server::new(Tls::NoCertificate);
    let mut out = Vec::new();
    let mut told = String::new();
    for piece in pieces {
        server.receive(piece);
        loop {
            match server.next(&mut out) {
                Next::Bytes => break,
                Next::StartTls => panic!("there is no certificate"),
                Next::Password(given) => {
                    let is_right = given.is_same_as(&Secret::from("secret"));
                    if let Some(fault) = server.authenticated(is_right, &mut out) {
                        return (out, fault.to_string());
                    }
                }
                Next::Run(command) => {
                    let line = command.to_line(true);
                    let again = Line::read(&line[..line.len() - 1], true);
                    assert_eq!(again, Ok(Line::Command(command.clone())));
                    told.push_str(&format!("{command:?}"));
                    server.rows(b"row\t", &mut out);
                    server.end(&Status::Done, &mut out);
                }
                Next::Close(fault) => return (out, told + &fault.to_string()),
            }
        }
    }
    (out, told)
}

/// What is sent, the rows, and the end.
fn asked(pieces: &[&[u8]], starttls: StartTls) -> (Vec<u8>, Vec<u8>, String) {
    let (mut rows, mut out) = (Vec::new(), Vec::new());
    let command = Command::new("bob", "mailbox list", &["-u", "bob"]);
    let mut client = Client::new(command, Secret::from("secret"), starttls, &mut out);
    for piece in pieces {
        match client.receive(piece, &mut rows, &mut out) {
            Ok(Progress::Bytes) => {}
            // What comes behind it is either refused or TLS.
            Ok(Progress::StartTls) | Err(hale::doveadm::client::Fault::Injection) => {
                return (Vec::new(), rows, "starttls".to_owned());
            }
            Ok(Progress::Done(status)) => return (out, rows, format!("{status:?}")),
            Err(fault) => return (out, rows, fault.to_string()),
        }
    }
    (out, rows, String::new())
}
