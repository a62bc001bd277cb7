//! Body of the fuzz target `doveadm`, replayed on stable by `tests/pure/corpus.rs`: both sides of doveadm's protocol.

use hale::doveadm::client::{Client, Progress, StartTls};
use hale::doveadm::command::{Command, Line};
use hale::doveadm::input::{self, Input};
use hale::doveadm::server::{Next, Server, Tls};
use hale::doveadm::status::Status;
use hale::secret::Secret;

/// Any bytes of a client or of another host, whole and byte by byte: no panic, the same end, and commands that come back as
/// they were.
pub(crate) fn run(bytes: &[u8]) {
    assert_eq!(answered(&[bytes]), answered(&pieces(bytes)), "the side that answers");
    for starttls in [StartTls::No, StartTls::Wanted] {
        assert_eq!(
            asked(&[bytes], starttls),
            asked(&pieces(bytes), starttls),
            "the side that asks"
        );
    }
    let mut written = Vec::new();
    input::append(bytes, &mut written);
    let mut read = Input::default();
    assert_eq!(read.take(&written), (&*written, &b""[..]), "an input ends where its text does");
    assert!(read.is_over());
}

fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}

/// What a client hears, and what became of it. STARTTLS is left out: what comes behind it depends on the cut on purpose.
fn answered(pieces: &[&[u8]]) -> (Vec<u8>, String) {
    let mut server = Server::new(Tls::NoCertificate);
    let mut out = Vec::new();
    let mut told = String::new();
    // Of the command under way, until it is over.
    let mut input = None::<Input>;
    for piece in pieces {
        let mut rest = *piece;
        if let Some(own) = &mut input {
            rest = taken(own, rest, &mut told);
            if !own.is_over() {
                continue;
            }
        }
        input = None;
        server.receive(rest);
        while input.is_none() {
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
                    told.push_str(&carry_out(&mut server, &command, &mut out));
                    let first = command.arguments.first().map(Vec::as_slice);
                    if input::is_expected_by(&command.name, first) {
                        let mut own = Input::default();
                        let early = server.take_input();
                        let behind = taken(&mut own, &early, &mut told);
                        server.receive(behind);
                        input = (!own.is_over()).then_some(own);
                    }
                }
                Next::Close(fault) => return (out, told + &fault.to_string()),
            }
        }
    }
    (out, told)
}

/// A command that comes back as it was, answered by a row.
fn carry_out(server: &mut Server, command: &Command, out: &mut Vec<u8>) -> String {
    // Of a client that can't have options it is a command, and goes to no other host.
    if &*command.name != "OPTION" {
        let line = command.to_line(true);
        let again = Line::read(&line[..line.len() - 1], true);
        assert_eq!(again, Ok(Line::Command(command.clone())));
    }
    server.rows(b"row\t", out);
    server.end(&Status::Done, out);
    format!("{command:?}")
}

/// What stands behind an input.
fn taken<'a>(input: &mut Input, bytes: &'a [u8], told: &mut String) -> &'a [u8] {
    let (own, rest) = input.take(bytes);
    told.extend(own.iter().map(|byte| char::from(*byte)));
    rest
}

/// What is sent, the rows, and the end.
fn asked(pieces: &[&[u8]], starttls: StartTls) -> (Vec<u8>, Vec<u8>, String) {
    let (mut rows, mut out) = (Vec::new(), Vec::new());
    let command = Command::new("bob", "mailbox list", &["-u", "bob"]);
    let mut client = Client::new(command, Secret::from("secret"), starttls, &mut out);
    let mut remarks = String::new();
    for piece in pieces {
        let progress = client.receive(piece, &mut rows, &mut out);
        for (level, text) in client.take_remarks() {
            remarks.push_str(&format!("{level:?} {text}\n"));
        }
        match progress {
            Ok(Progress::Bytes) => {}
            // What comes behind it is either refused or TLS.
            Ok(Progress::StartTls) | Err(hale::doveadm::client::Fault::Injection) => {
                return (Vec::new(), rows, "starttls".to_owned());
            }
            Ok(Progress::Done(status)) => return (out, rows, format!("{remarks}{status:?}")),
            Err(fault) => return (out, rows, remarks + &fault.to_string()),
        }
    }
    (out, rows, remarks)
}
