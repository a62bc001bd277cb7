//! What is said in clear behind a command for TLS, or behind a backend's go-ahead, at every cut between segments: it is
//! never run and never believed (W-STLS-1, W-BTLS-2; TL-01, TL-02, TL-07).

use hale::facts::ClientCertificate;
use hale::names::Protocol;
use hale::session::Session;
use hale::session::input::{Destination, Hop, Input, RouteAnswer};
use hale::session::output::{Outbox, Wish};
use hale::tick::Tick;

use super::stage::{Scene, granted};

/// A client that asks for TLS, and a host on its way that adds a login.
struct Client {
    protocol: Protocol,
    hello: &'static str,
    command: &'static str,
    go_ahead: &'static str,
    login: &'static str,
    /// What is said to a client that sends more than the command.
    goodbye: &'static str,
}

const CLIENTS: [Client; 4] = [
    Client {
        protocol: Protocol::Imap,
        hello: "",
        command: "t STARTTLS\r\n",
        go_ahead: "t OK Begin TLS negotiation now.\r\n",
        login: "x LOGIN tim secret\r\n",
        goodbye: "* BYE Commands behind STARTTLS.\r\n",
    },
    Client {
        protocol: Protocol::Pop3,
        hello: "",
        command: "STLS\r\n",
        go_ahead: "+OK Begin TLS negotiation now.\r\n",
        login: "AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n",
        goodbye: "-ERR Commands behind STARTTLS.\r\n",
    },
    Client {
        protocol: Protocol::Sieve,
        hello: "",
        command: "STARTTLS\r\n",
        go_ahead: "OK \"Begin TLS negotiation now.\"\r\n",
        login: "AUTHENTICATE \"PLAIN\" \"AHRpbQBzZWNyZXQ=\"\r\n",
        goodbye: "BYE \"Commands behind STARTTLS.\"\r\n",
    },
    Client {
        protocol: Protocol::Submission,
        hello: "EHLO client.test\r\n",
        command: "STARTTLS\r\n",
        go_ahead: "220 2.0.0 Begin TLS negotiation now.\r\n",
        login: "EHLO client.test\r\nAUTH PLAIN AHRpbQBzZWNyZXQ=\r\n",
        goodbye: "554 5.5.0 Commands behind STARTTLS.\r\n",
    },
];

/// A backend that is asked for TLS, and a host on the way that adds what it would say later.
struct Backend {
    protocol: Protocol,
    login: &'static str,
    /// What it says until it is asked for TLS.
    before: &'static [&'static str],
    command: &'static str,
    go_ahead: &'static str,
    /// Its part of a login behind TLS.
    injected: &'static [&'static str],
}

const BACKENDS: [Backend; 4] = [
    Backend {
        protocol: Protocol::Imap,
        login: "a LOGIN tim secret\r\n",
        before: &["* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi\r\n"],
        command: "S STARTTLS\r\n",
        go_ahead: "S OK go\r\n",
        injected: &[
            "* CAPABILITY IMAP4rev1 SASL-IR\r\nC OK\r\n",
            "L OK [CAPABILITY IMAP4rev1] in\r\n",
        ],
    },
    Backend {
        protocol: Protocol::Pop3,
        login: "AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n",
        before: &["+OK hi\r\n"],
        command: "STLS\r\n",
        go_ahead: "+OK go\r\n",
        injected: &["+OK\r\n", "+OK in\r\n"],
    },
    Backend {
        protocol: Protocol::Sieve,
        login: "AUTHENTICATE \"PLAIN\" \"AHRpbQBzZWNyZXQ=\"\r\n",
        before: &["\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK \"hi\"\r\n"],
        command: "STARTTLS\r\n",
        go_ahead: "OK \"go\"\r\n",
        injected: &["\"SASL\" \"PLAIN\"\r\nOK \"hi\"\r\n", "OK \"in\"\r\n"],
    },
    Backend {
        protocol: Protocol::Submission,
        login: "EHLO client.test\r\nAUTH PLAIN AHRpbQBzZWNyZXQ=\r\n",
        before: &["220 hi\r\n", "250-hi\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"],
        command: "STARTTLS\r\n",
        go_ahead: "220 go\r\n",
        injected: &["250-hi\r\n250 AUTH PLAIN\r\n", "235 in\r\n"],
    },
];

/// Who says something.
#[derive(Clone, Copy)]
enum Side {
    Client,
    Backend,
}

/// A session, and what it wished for.
struct Run {
    session: Session,
    outbox: Outbox,
    wishes: Vec<Wish>,
}

impl Run {
    fn new(scene: &Scene) -> Self {
        let mut run = Self { session: scene.session(), outbox: Outbox::new(), wishes: Vec::new() };
        run.input(Input::Begin);
        run
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.on(Tick(0), input, &mut self.outbox);
        self.wishes.extend(self.outbox.take_wishes());
    }

    /// Segments, as long as they are read in clear: behind a wish for TLS they are the engine's, behind the end they
    /// are not read.
    fn segments(&mut self, segments: &[&str], side: Side) {
        for segment in segments {
            if segment.is_empty() || self.wished(is_over) {
                continue;
            }
            let bytes = segment.as_bytes();
            self.input(match side {
                Side::Client => Input::Client(bytes),
                Side::Backend => Input::Backend(bytes),
            });
        }
    }

    fn wished(&self, what: fn(&Wish) -> bool) -> bool {
        self.wishes.iter().any(what)
    }

    fn told_client(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.outbox.to_client)).unwrap()
    }

    fn told_backend(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.outbox.to_backend)).unwrap()
    }
}

fn is_secure(wish: &Wish) -> bool {
    matches!(wish, Wish::SecureClient(_) | Wish::SecureBackend { .. })
}

fn is_over(wish: &Wish) -> bool {
    is_secure(wish) || matches!(wish, Wish::DropBackend | Wish::Close)
}

fn is_question(wish: &Wish) -> bool {
    matches!(wish, Wish::Authenticate(_))
}

/// Every way to send a text in up to three segments, as pairs of places.
fn cuts(length: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..=length).flat_map(move |first| (first..=length).map(move |second| (first, second)))
}

#[test]
fn tl_01_and_tl_02_no_cut_lets_a_command_in_before_tls() {
    for client in &CLIENTS {
        let scene =
            || Scene { protocol: Some(client.protocol), starttls: true, ..Scene::default() };
        let started = || {
            let mut run = Run::new(&scene());
            run.segments(&[client.hello], Side::Client);
            run.told_client();
            run
        };
        let text = format!("{}{}", client.command, client.login);
        for (first, second) in cuts(text.len()) {
            let mut run = started();
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            run.segments(&pieces, Side::Client);
            let about = format!("{}: {pieces:?}", client.protocol);
            assert!(!run.wished(is_question), "{about}");
            let is_alone = first == client.command.len() || second == client.command.len();
            if is_alone {
                assert_eq!(run.told_client(), client.go_ahead, "{about}");
                assert!(run.wished(is_secure), "{about}");
                // What the engine says of a command where a ClientHello belongs.
                run.input(Input::ClientInsecure("no TLS"));
                assert_eq!(run.told_client(), "", "{about}");
            } else {
                assert_eq!(run.told_client(), client.goodbye, "{about}");
                assert!(!run.wished(is_secure), "{about}");
            }
            assert!(run.wished(|wish| matches!(wish, Wish::Close)), "{about}");
            assert_eq!(run.session.stage(), "over", "{about}");
        }
        // The same login behind TLS is one.
        let mut run = started();
        run.segments(&[client.command], Side::Client);
        let certificate = ClientCertificate::NONE;
        run.input(Input::ClientSecured { server_name: None, certificate, security: None });
        run.input(Input::Client(client.login.as_bytes()));
        assert!(run.wished(is_question), "{}", client.protocol);
    }
}

#[test]
fn tl_07_no_cut_lets_a_backends_words_in_before_tls() {
    for backend in &BACKENDS {
        let asked = || {
            let scene = Scene {
                protocol: Some(backend.protocol),
                backend_starttls: true,
                ..Scene::default()
            };
            let mut run = Run::new(&scene);
            run.input(Input::Client(backend.login.as_bytes()));
            run.input(Input::Verdict { answer: granted("tim"), earlier_failures: 0 });
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
            run.input(Input::Route(RouteAnswer::Go(destination)));
            run.input(Input::Connected);
            for words in backend.before {
                run.input(Input::Backend(words.as_bytes()));
            }
            let said = run.told_backend();
            assert!(said.ends_with(backend.command), "{}: {said}", backend.protocol);
            run.told_client();
            run
        };
        let injected = backend.injected.concat();
        let text = format!("{}{injected}", backend.go_ahead);
        for (first, second) in cuts(text.len()) {
            let mut run = asked();
            let pieces = [&text[..first], &text[first..second], &text[second..]];
            run.segments(&pieces, Side::Backend);
            let about = format!("{}: {pieces:?}", backend.protocol);
            let is_alone = first == backend.go_ahead.len() || second == backend.go_ahead.len();
            assert_eq!(run.wished(is_secure), is_alone, "{about}");
            if is_alone {
                // What the engine says of words where a ServerHello belongs.
                run.input(Input::BackendInsecure { word: "no TLS", is_lasting: false });
            }
            assert_eq!(run.told_backend(), "", "{about}");
            assert!(run.wished(|wish| matches!(wish, Wish::DropBackend)), "{about}");
            assert!(!run.wished(|wish| matches!(wish, Wish::Relay(_))), "{about}");
            let told = run.told_client();
            assert!(!told.contains("hi") && !told.contains("in\r\n"), "{about}: {told}");
        }
        // The same words behind TLS are a login.
        let mut run = asked();
        run.segments(&[backend.go_ahead], Side::Backend);
        run.input(Input::BackendSecured);
        for words in backend.injected {
            run.input(Input::Backend(words.as_bytes()));
        }
        assert!(run.wished(|wish| matches!(wish, Wish::Relay(_))), "{}", backend.protocol);
    }
}
