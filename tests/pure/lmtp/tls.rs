//! The walls around the beginning of TLS, on both sides, wherever the bytes are cut.

use hale::auth::verdict::{BackendTls, Certificate};
use hale::event::Event;
use hale::lmtp::{Input, LinkId, Lmtp, Outbox, Wish};
use hale::session::PIPELINED;
use hale::tick::Tick;

use super::stage::Scene;

/// A session that is driven by hand, and what it said and wished.
struct Hand {
    scene: Scene,
    session: Lmtp,
    outbox: Outbox,
    said: String,
    wishes: Vec<Wish>,
}

impl Hand {
    fn new(scene: Scene) -> Self {
        let session = scene.session();
        let (outbox, said) = (Outbox::new(), String::new());
        let mut hand = Self { scene, session, outbox, said, wishes: Vec::new() };
        hand.give(Input::Begin);
        hand
    }

    fn give(&mut self, input: Input<'_>) {
        self.session.on(Tick(0), input, &mut self.outbox);
        self.said.push_str(&String::from_utf8(std::mem::take(&mut self.outbox.to_client)).unwrap());
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        for wish in wishes {
            match wish {
                Wish::Find(question) => {
                    let found = self.scene.find(&question.user);
                    self.give(Input::Found(found));
                }
                Wish::Route(ask) => {
                    let answer = self.scene.route(&ask);
                    self.give(Input::Route(answer));
                }
                Wish::Drop(link) => {
                    self.session.forget(link);
                    self.wishes.push(Wish::Drop(link));
                }
                wish => self.wishes.push(wish),
            }
        }
        if self.session.is_stalled() {
            self.give(Input::ClientTook);
        }
    }

    /// As much of it as there is room for.
    fn client(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.session.client_room());
        if taken > 0 {
            self.give(Input::Client(&bytes[..taken]));
        }
    }

    fn backend(&mut self, bytes: &[u8]) {
        let taken = bytes.len().min(self.session.link_room(LINK));
        if taken > 0 {
            self.give(Input::Backend(LINK, &bytes[..taken]));
        }
    }

    /// Everything that the backend is due.
    fn filled(&mut self) -> String {
        let mut out = [0; 4096];
        let mut all = Vec::new();
        loop {
            let count = self.session.fill(LINK, &mut out);
            if count == 0 {
                return String::from_utf8(all).unwrap();
            }
            self.session.sent(Tick(0), LINK, count);
            all.extend(&out[..count]);
        }
    }

    fn reasons(&self) -> Vec<&'static str> {
        let reason = |wish: &Wish| match wish {
            Wish::Report(Event::Aborted { reason, .. }) => Some(*reason),
            _ => None,
        };
        self.wishes.iter().filter_map(reason).collect()
    }
}

const LINK: LinkId = LinkId(0);

fn scene() -> Scene {
    let mut scene = Scene { starttls: true, ..Scene::default() };
    scene.add_user("tim h1 192.0.2.101");
    scene
}

#[test]
fn tl_01_and_tl_02_lmtp_closes_on_whatever_stands_behind_starttls() {
    let command = b"STARTTLS\r\n";
    for injected in [&b"LHLO evil\r\nMAIL FROM:<x@y>\r\n"[..], b"\r", b"\x16\x03\x01"] {
        let text = [command, injected].concat();
        for cut in 0..=text.len() {
            let mut hand = Hand::new(scene());
            hand.said.clear();
            hand.client(&text[..cut]);
            hand.client(&text[cut..]);
            let alone = cut == command.len();
            let wanted = if alone { "220 2.0.0 Begin" } else { "554 5.5.0 Commands" };
            assert!(
                hand.said.starts_with(wanted) && hand.said.lines().count() == 1,
                "{cut}: {}",
                hand.said
            );
            assert_eq!(hand.reasons(), if alone { vec![] } else { vec![PIPELINED] }, "{cut}");
            assert_eq!(hand.session.is_over(), !alone);
            assert_eq!(hand.session.client_room(), 0, "{cut}: reads on in clear");
        }
    }
}

#[test]
fn w_stls_1_a_go_ahead_that_was_not_sent_can_be_taken_back() {
    let mut session = scene().session();
    let mut outbox = Outbox::new();
    session.on(Tick(0), Input::Begin, &mut outbox);
    assert!(!outbox.gives_go_ahead());
    outbox.to_client.clear();
    session.on(Tick(0), Input::ClientTook, &mut outbox);
    session.on(Tick(0), Input::Client(b"NOOP\r\nSTARTTLS\r\n"), &mut outbox);
    assert!(outbox.gives_go_ahead());
    outbox.withdraw_go_ahead();
    assert_eq!(outbox.to_client, b"250 2.0.0 OK\r\n");
    assert_eq!(outbox.take_wishes().count(), 0);
    session.on(Tick(0), Input::ClientInjected, &mut outbox);
    assert!(outbox.to_client.ends_with(b"\r\n554 5.5.0 Commands behind STARTTLS\r\n"));
    assert!(session.is_over());
}

#[test]
fn w_stls_3_bad_commands_are_counted_across_starttls() {
    let mut hand = Hand::new(scene());
    hand.client(&b"WHAT\r\n".repeat(9));
    hand.client(b"STARTTLS\r\n");
    hand.give(Input::ClientSecured { server_name: None });
    assert!(!hand.session.is_over());
    hand.client(b"WHAT\r\n");
    assert!(
        hand.session.is_over() && hand.said.ends_with("421 4.7.0 Too many invalid commands\r\n")
    );
}

#[test]
fn px_10_a_hello_fused_with_a_proxy_header_is_the_handshakes() {
    let header = b"PROXY TCP4 203.0.113.9 198.51.100.1 4000 24\r\n";
    let text = [&header[..], b"\x16\x03\x01 and so on"].concat();
    for cut in 0..=text.len() {
        let scene = Scene { header: true, behind_tls: true, ..scene() };
        let mut hand = Hand::new(scene);
        hand.client(&text[..cut]);
        hand.client(&text[cut..]);
        let [Wish::SecureClient(early)] = &hand.wishes[..] else {
            panic!("{cut}: {:?}", hand.wishes);
        };
        // What the session has not taken is still in the socket, where the handshake reads on.
        let wanted = match cut.checked_sub(header.len()) {
            Some(read) => &text[header.len()..header.len() + read],
            None => &text[header.len()..],
        };
        assert_eq!(&**early, wanted, "{cut}");
        assert_eq!(hand.said, "", "{cut}: said in clear");
    }
}

#[test]
fn tl_07_lmtp_backends_say_nothing_behind_their_go_ahead() {
    let go_ahead = b"220 2.0.0 go\r\n";
    for injected in [&b"250 h\r\n250 2.1.0 OK\r\n250 2.1.5 OK\r\n"[..], b"\r", b"\x16\x03\x03"] {
        let text = [go_ahead, injected].concat();
        for cut in 0..=text.len() {
            let tls = BackendTls::Starttls(Certificate::Configured);
            let mut hand = Hand::new(Scene { tls, ..scene() });
            hand.client(b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<tim>\r\n");
            hand.give(Input::Connected(LINK));
            hand.backend(b"220 h\r\n250-h\r\n250 STARTTLS\r\n");
            assert_eq!(hand.filled(), "LHLO hale.example\r\nSTARTTLS\r\n");
            hand.said.clear();
            hand.backend(&text[..cut]);
            hand.backend(&text[cut..]);
            let alone = cut == go_ahead.len();
            let secures = hand.wishes.iter().any(|wish| matches!(wish, Wish::SecureBackend { .. }));
            let drops = hand.wishes.iter().any(|wish| matches!(wish, Wish::Drop(LINK)));
            assert_eq!((secures, drops), (alone, !alone), "{cut}: {:?}", hand.wishes);
            assert_eq!(hand.session.link_room(LINK), 0, "{cut}: reads on in clear");
            let wanted = if alone { "" } else { "451 4.4.0 Backend is unavailable\r\n" };
            assert_eq!(hand.said, wanted, "{cut}");
            // Not a word follows in clear.
            assert_eq!(hand.filled(), "", "{cut}");
        }
    }
}
