//! No client becomes another user behind Hale: UNAUTHENTICATE of ManageSieve (RFC 5804 2.14.1) is neither offered nor
//! relayed.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::bridge;
use super::certificate::Pem;
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{BACKENDS, FRONT, free_port};
use super::wait::{PATIENCE, wait_for};

const NAME: &str = "mail.test";
const LIST: &str = "\"IMPLEMENTATION\" \"scripted\"\r\n\"SIEVE\" \"fileinto\"\r\n\"UNAUTHENTICATE\"\r\n\
                    \"OWNER\" \"tim\"\r\n";
const TEXT_LINE: &str = "UNAUTHENTICATE\r\n";

/// More than one read of a relay holds, and than a pipe.
fn script() -> String {
    TEXT_LINE.repeat(20_000)
}

/// ManageSieve backends that let every user in, and in again as another. What they hear, commands only, is kept.
fn start_backends(port: u16) -> Receiver<String> {
    let (sender, heard) = channel();
    for address in BACKENDS {
        let listener = TcpListener::bind((address, port)).unwrap();
        let sender = sender.clone();
        // Ends with the process at the latest.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || serve(stream.unwrap(), &sender));
            }
        });
    }
    heard
}

fn serve(stream: TcpStream, heard: &Sender<String>) {
    let mut session = Imap::open(stream);
    session.send(b"\"SASL\" \"PLAIN\"\r\nOK \"hi\"\r\n");
    while let Some(line) = session.try_line() {
        let line = String::from_utf8_lossy(&line).into_owned();
        heard.send(line.clone()).unwrap();
        if let Some((_, literal)) = line.split_once('{') {
            session.bytes(literal.trim_end_matches("+}").parse().unwrap());
            session.line();
        }
        let command = line.split(' ').next().unwrap_or_default();
        match command {
            "CAPABILITY" => session.send(LIST.as_bytes()),
            "LISTSCRIPTS" => session.send(b"\"UNAUTHENTICATE\" ACTIVE\r\n"),
            "GETSCRIPT" => {
                let script = script();
                session.send(format!("{{{}}}\r\n{script}\r\n", script.len()).as_bytes());
            }
            _ => {}
        }
        session.send(b"OK\r\n");
    }
}

/// Lines up to and with the one that ends an answer.
fn answer(client: &mut Imap) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = String::from_utf8(client.line()).unwrap();
        let ends = line.starts_with("OK");
        lines.push(line);
        if ends {
            return lines;
        }
    }
}

fn ask(client: &mut Imap, command: &str) -> Vec<String> {
    client.send(command.as_bytes());
    answer(client)
}

fn logged_in(client: &mut Imap) {
    // NUL "changeling" NUL "secret".
    let login = "AUTHENTICATE \"PLAIN\" \"AGNoYW5nZWxpbmcAc2VjcmV0\"\r\n";
    assert_eq!(ask(client, login), ["OK"]);
}

#[test]
fn rfc_5804_2_14_1_nobody_becomes_somebody_else_with_and_without_tls() {
    let (port, sieve) = (free_port(), free_port());
    let heard = start_backends(port);
    let mut setup = Setup::new(port);
    setup.add_users(&["changeling"], b"secret");
    let pem = Pem::new(&[NAME]);
    setup.secure(&pem);
    setup.configure(&format!(
        "protocols = imap sieve\nservice managesieve-login {{\n  inet_listener sieve {{\n    port = {sieve}\n  }}\n}}\n\
         protocol sieve {{\n  proxy_port = {port}\n}}"
    ));
    let hale = setup.start();
    let address = SocketAddr::from((FRONT, sieve));
    let config = bridge::client_config(&pem);
    for tls in [false, true] {
        let mut client = Imap::open(TcpStream::connect(address).unwrap());
        answer(&mut client);
        if tls {
            ask(&mut client, "STARTTLS\r\n");
            client = bridge::wrap(client.stream().try_clone().unwrap(), NAME, &config);
            answer(&mut client);
        }
        logged_in(&mut client);
        let expected: Vec<&str> =
            LIST.lines().filter(|line| !line.contains("UNAUTH")).chain(["OK"]).collect();
        assert_eq!(ask(&mut client, "CAPABILITY\r\n"), expected);
        assert_eq!(ask(&mut client, "LISTSCRIPTS\r\n"), ["\"UNAUTHENTICATE\" ACTIVE", "OK"]);
        let script = script();
        let put = format!("PUTSCRIPT \"UNAUTHENTICATE\" {{{}+}}\r\n{script}\r\n", script.len());
        assert_eq!(ask(&mut client, &put), ["OK"]);
        let got = ask(&mut client, "GETSCRIPT \"UNAUTHENTICATE\"\r\n");
        assert_eq!(got.len(), script.lines().count() + 3);
        assert!(got[1..=20_000].iter().all(|line| line == "UNAUTHENTICATE"));

        client.send(b"NOOP\r\nunauthenticate\r\nAUTHENTICATE \"PLAIN\" \"AGV2YQBzZWNyZXQ=\"\r\n");
        assert_eq!(client.try_line(), None, "the session goes on");
    }
    let said = wait_for("both sessions in the log", PATIENCE, || {
        let said = hale.said();
        (said.matches("error=UNAUTHENTICATE is not relayed").count() == 2).then_some(said)
    });
    assert!(said.contains("sieve: session ended by=client"), "{said}");
    let heard: Vec<String> = heard.try_iter().collect();
    let logins = heard.iter().filter(|line| line.starts_with("AUTHENTICATE")).count();
    assert_eq!(logins, 2, "no client logs in twice: {heard:?}");
    assert!(!heard.iter().any(|line| line.eq_ignore_ascii_case("UNAUTHENTICATE")), "{heard:?}");
}
