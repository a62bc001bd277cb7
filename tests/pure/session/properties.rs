//! What holds for every session, whatever happens to it and in which order.

use hale::auth::answer::Answer;
use hale::auth::ask::Proof;
use hale::auth::verdict::Grant;
use hale::facts::ClientCertificate;
use hale::fault::Failure;
use hale::limits::{
    BACKEND_INPUT_BYTES_MAX, BACKEND_UNTAGGED_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX,
    PRE_LOGIN_OUTPUT_BYTES_MAX,
};
use hale::network::Networks;
use hale::session::Session;
use hale::session::input::{Destination, Hop, Input, RouteAnswer};
use hale::session::output::{Outbox, WISHES_MAX, Wish};
use hale::tick::Tick;
use proptest::prelude::*;

use super::stage::{Scene, accepted, granted, refused};

/// What may happen, as a value that can be drawn and shown.
#[derive(Clone, Debug)]
enum Happening {
    Client(Vec<u8>),
    ClientEnd,
    ClientTook,
    Grant,
    Refuse(usize),
    Go(u8, bool),
    Nowhere(usize),
    Connected,
    Broken,
    Backend(Vec<u8>),
    BackendEnd,
    Time(u16),
    Deadline,
    /// Without a certificate, with one that names no user, with one.
    ClientSecured(u8),
    /// Because of its certificate, or not.
    ClientInsecure(bool),
    BackendSecured,
    BackendInsecure(bool),
    BackendDown,
    BackendFull,
    CannotConnect,
    Shutdown,
    Crowded,
}

/// Long enough, and in no other word here; its base64 for PLAIN is below.
const PASSWORD: &str = "hunter2hunter2";
const PASSWORD_IN_BASE64: &str = "aHVudGVyMmh1bnRlcjI";
const PASSWORD_IN_PLAIN: &str = "odW50ZXIyaHVudGVyM";

fn client_words() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "a LOGIN tim hunter2hunter2\r\n",
        "a LOGIN {3}\r\n",
        "tim {14+}\r\n",
        "hunter2hunter2\r\n",
        "b LOGIN tim \"\"\r\n",
        "c AUTHENTICATE PLAIN AHRpbQBodW50ZXIyaHVudGVyMg==\r\n",
        // With a name, here and behind EXTERNAL: else the next word, the password, would be taken for it and logged as
        // such.
        "d AUTHENTICATE LOGIN\r\ndGlt\r\n",
        "aHVudGVyMmh1bnRlcjI=\r\n",
        "*\r\n",
        "e CAPABILITY\r\n",
        "f ID (\"x-proxy-ttl\" \"2\" \"name\" \"x\")\r\n",
        "g NOOP\r\n",
        "h LOGOUT\r\n",
        "x\r\n",
        "PROXY TCP4 192.0.2.9 203.0.113.1 4000 143\r\n",
        "i SELECT INBOX\r\n",
        "s STARTTLS\r\n",
        "t AUTHENTICATE EXTERNAL =\r\n",
        // With its answer: a password behind it would be a name, which is no secret.
        "u AUTHENTICATE EXTERNAL\r\ndG9t\r\n",
        "u AUTHENTICATE EXTERNAL\r\n*\r\n",
        "v AUTHENTICATE EXTERNAL dG9t\r\n",
        "w AUTHENTICATE SCRAM-SHA-256 biwsbj10aW0scj1hYmM=\r\n",
        "Yz1iaXdzLHI9YWJjZGVmLHA9QUFBQQ==\r\n",
        "x AUTHENTICATE XOAUTH2 dXNlcj10aW0BYXV0aD1CZWFyZXIgdC5vLWsBAQ==\r\n",
        "\r",
        "j LOGIN {70000+}\r\n",
    ]);
    prop_oneof![
        8 => prop::collection::vec(words, 1..5).prop_map(|words| words.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..200),
        1 => Just("k CAPABILITY\r\n".repeat(200).into_bytes()),
    ]
}

fn backend_words() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "* OK [CAPABILITY IMAP4rev1 ID SASL-IR] hi\r\n",
        "* OK hi\r\n",
        "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n",
        "C OK\r\n",
        "S OK\r\n",
        "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n",
        "I OK\r\n",
        "L OK in\r\n",
        "L OK [CAPABILITY IMAP4rev1] in\r\n",
        "L NO no\r\n",
        "L NO [UNAVAILABLE] later\r\n",
        "L NO [REFERRAL imap://tim@192.0.2.102/] go\r\n",
        "L NO [REFERRAL imap://tim@192.0.2.103/] go\r\n",
        "L BAD unknown: LOGIN \"tim\" \"hunter2hunter2\"\r\n",
        "L NO [ALERT] AUTHENTICATE PLAIN AHRpbQBodW50ZXIyaHVudGVyMg==\r\n",
        "* BYE you said hunter2hunter2\r\n",
        "* 1 EXISTS\r\n",
        "+ go\r\n",
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=XOAUTH2] hi\r\n",
        "+ cj1hYmNkZWYscz1jMkZzZEE9PSxpPTQwOTY=\r\n",
        "\r\n",
    ]);
    prop_oneof![
        8 => prop::collection::vec(words, 1..4).prop_map(|words| words.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..200),
        1 => Just("* OK more\r\n".repeat(63).into_bytes()),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => client_words().prop_map(Happening::Client),
        1 => Just(Happening::ClientEnd),
        1 => Just(Happening::ClientTook),
        5 => Just(Happening::Grant),
        3 => (0..Failure::ALL.len()).prop_map(Happening::Refuse),
        6 => (100_u8..105, any::<bool>()).prop_map(|(last, moving)| Happening::Go(last, moving)),
        1 => (0..Failure::ALL.len()).prop_map(Happening::Nowhere),
        6 => Just(Happening::Connected),
        2 => Just(Happening::Broken),
        8 => backend_words().prop_map(Happening::Backend),
        1 => Just(Happening::BackendEnd),
        2 => any::<u16>().prop_map(Happening::Time),
        4 => Just(Happening::Deadline),
        1 => Just(Happening::BackendDown),
        1 => Just(Happening::BackendFull),
        1 => Just(Happening::CannotConnect),
        4 => (0_u8..3).prop_map(Happening::ClientSecured),
        1 => any::<bool>().prop_map(Happening::ClientInsecure),
        4 => Just(Happening::BackendSecured),
        1 => any::<bool>().prop_map(Happening::BackendInsecure),
        1 => Just(Happening::Shutdown),
        1 => Just(Happening::Crowded),
    ]
}

fn scene() -> impl Strategy<Value = Scene> {
    (any::<[bool; 4]>(), any::<[bool; 3]>(), any::<[bool; 3]>(), any::<[bool; 3]>(), any::<u64>())
        .prop_map(
            |(
                [header, trusts, private_only, private_wanted],
                [starttls, behind_tls, backend_starttls],
                [external, certificate_required, certificate_names],
                [send_header, site_header, exchanges],
                seed,
            )| Scene {
                protocol: None,
                header,
                trusted: Networks::parse(if trusts { "192.0.2.0/24" } else { "" })
                    .unwrap_or_default(),
                private_only,
                private_wanted,
                header_is_private: false,
                tls: false,
                starttls,
                behind_tls,
                external,
                exchanges,
                certificate_required,
                certificate_names,
                send_header,
                site_header,
                backend_starttls,
                seed,
            },
        )
}

fn verdict(answer: Box<Answer>) -> Input<'static> {
    Input::Verdict { answer, earlier_failures: 0 }
}

/// A session, and what any shell would notice of it.
struct Run {
    session: Session,
    outbox: Outbox,
    now: Tick,
    closed: bool,
    relayed: bool,
    connects: u32,
    verdicts: u32,
}

fn destination(last: u8, is_moving: bool) -> Destination {
    Destination {
        host: "h".into(),
        address: [192, 0, 2, last].into(),
        group: None,
        is_moving,
        is_switching: false,
        connections_max: None,
        hop: Hop::Backend,
    }
}

impl Run {
    fn new(scene: &Scene) -> Self {
        let mut run = Self {
            session: scene.session(),
            outbox: Outbox::new(),
            now: Tick(0),
            closed: false,
            relayed: false,
            connects: 0,
            verdicts: 0,
        };
        run.input(Input::Begin);
        run
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Client(bytes) => {
                for piece in bytes.chunks(4096) {
                    let room = self.session.client_room().min(piece.len());
                    self.input(Input::Client(&piece[..room]));
                }
            }
            Happening::Backend(bytes) => {
                let room = self.session.backend_room().min(bytes.len());
                self.input(Input::Backend(&bytes[..room]));
            }
            Happening::ClientEnd => self.input(Input::ClientEnd),
            Happening::ClientTook => self.input(Input::ClientTook),
            Happening::Grant => {
                self.input(verdict(accepted(Grant::new("tim", self.now.0.is_multiple_of(2)))));
            }
            Happening::Refuse(which) => {
                self.input(verdict(refused(Failure::ALL[*which], None)));
            }
            Happening::Go(last, is_moving) => {
                self.input(Input::Route(RouteAnswer::Go(destination(*last, *is_moving))));
            }
            Happening::Nowhere(which) => self.input(Input::Route(RouteAnswer::Fail {
                failure: Failure::ALL[*which],
                detail: "nowhere".into(),
            })),
            Happening::Connected => self.input(Input::Connected),
            Happening::Broken => self.input(Input::BackendBroken("reset")),
            Happening::BackendEnd => self.input(Input::BackendEnd),
            Happening::Time(ms) => self.now.0 += u64::from(*ms),
            Happening::Deadline => {
                self.now = self.session.deadline().unwrap_or(self.now).max(self.now);
                self.input(Input::Deadline);
            }
            Happening::BackendDown => self.input(Input::BackendDown),
            Happening::BackendFull => self.input(Input::BackendFull),
            Happening::CannotConnect => self.input(Input::CannotConnect("no descriptor")),
            Happening::ClientSecured(certificate) => {
                let certificate = match certificate {
                    0 => ClientCertificate::NONE,
                    1 => ClientCertificate::verified(None),
                    _ => ClientCertificate::verified(Some("tim".into())),
                };
                self.input(Input::ClientSecured { server_name: None, certificate, security: None });
            }
            Happening::ClientInsecure(false) => self.input(Input::ClientInsecure("broken")),
            Happening::ClientInsecure(true) => {
                self.input(Input::ClientCertificateRefused("broken"));
            }
            Happening::BackendSecured => self.input(Input::BackendSecured),
            Happening::BackendInsecure(is_lasting) => {
                let is_lasting = *is_lasting;
                self.input(Input::BackendInsecure { word: "broken", is_lasting });
            }
            Happening::Shutdown => self.input(Input::Shutdown),
            Happening::Crowded => self.input(Input::Crowded(
                "made room for newer connections (connections_per_core_max)",
            )),
        }
    }

    fn input(&mut self, input: Input<'_>) {
        let shown = format!("{input:?}");
        self.session.on(self.now, input, &mut self.outbox);
        let (to_client, to_backend) = (self.outbox.to_client.len(), self.outbox.to_backend.len());
        // Untagged lines of a backend, its residue or our replies, and one reply or goodbye more.
        let most = PRE_LOGIN_OUTPUT_BYTES_MAX
            + BACKEND_UNTAGGED_BYTES_MAX.max(BACKEND_INPUT_BYTES_MAX)
            + 4096;
        assert!(to_client <= most, "{to_client} bytes for the client");
        assert!(to_backend <= PRE_LOGIN_INPUT_BYTES_MAX + 16_384, "{to_backend} bytes");
        assert!(!shown_but_names(&self.outbox).contains(PASSWORD) && !shown.contains("Secret(h"));
        let over = self.closed || self.relayed;
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        assert!(!over || (wishes.is_empty() && to_client == 0 && to_backend == 0), "after the end");
        assert!(wishes.len() < WISHES_MAX, "{wishes:?}");
        self.outbox.to_client.clear();
        self.outbox.to_backend.clear();
        for wish in &wishes {
            self.check(wish);
        }
        self.check_whole();
    }

    fn check(&mut self, wish: &Wish) {
        let shown = shown_but_names(wish);
        for secret in [PASSWORD, PASSWORD_IN_BASE64, PASSWORD_IN_PLAIN] {
            assert!(!shown.contains(secret), "{shown}");
        }
        match wish {
            Wish::Close => self.closed = true,
            Wish::Relay(_) => self.relayed = true,
            Wish::Connect { .. } => self.connects += 1,
            Wish::Authenticate(question) => {
                // SA-06: no passdb is asked about a client that has proved nothing.
                let is_without = question.proof == Proof::Certificate;
                assert_eq!(is_without, question.password.is_empty());
                self.verdicts += 1;
                self.connects = 0;
            }
            Wish::Respond(_)
            | Wish::Derive(_)
            | Wish::Route(_)
            | Wish::DropBackend
            | Wish::SecureClient(_)
            | Wish::SecureBackend { .. }
            | Wish::Learn(_)
            | Wish::Doubt { .. }
            | Wish::Report(_) => {}
        }
        assert!(!(self.closed && self.relayed));
        // Four attempts and six hops.
        assert!(self.connects <= 15, "W-FAIL-1, W-REF-1, R-LOAD-2");
        assert!(self.verdicts <= 6, "W-LIM-1: attempts of one connection");
    }

    fn check_whole(&self) {
        let over = self.closed || self.relayed;
        assert_eq!(self.session.stage() == "over", over, "the stage says otherwise");
        assert_eq!(self.session.deadline().is_none(), over, "every stage has a deadline");
        assert!(self.session.client_room() <= PRE_LOGIN_INPUT_BYTES_MAX);
        assert!(self.session.backend_room() <= BACKEND_INPUT_BYTES_MAX);
        assert!(!over || (self.session.client_room() == 0 && self.session.backend_room() == 0));
        let shown = shown_but_names(&self.session);
        assert!(!shown.contains(PASSWORD) && shown.len() < 16_384, "{shown}");
    }
}

/// A client that answers EXTERNAL, which asks for a name, with a password has it shown as a name.
fn shown_but_names(shown: &impl std::fmt::Debug) -> String {
    let shown = format!("{shown:?}");
    shown
        .replace(&format!("Some({PASSWORD:?})"), "Some(_)")
        .replace(&format!("user: {PASSWORD:?}"), "user: _")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_stage_takes_every_input(
        scene in scene(),
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut run = Run::new(&scene);
        for happening in &happenings {
            run.happen(happening);
        }
        // Left alone, it ends: nothing waits for ever (W-PIPE-3).
        for _ in 0..200 {
            run.happen(&Happening::Deadline);
        }
        prop_assert!(run.closed || run.relayed);
    }

    /// W-REL-1, IM-11: what is behind a login goes on whole, from either side, however it is cut and whenever it comes.
    #[test]
    fn w_rel_1_bytes_in_are_bytes_out_and_residue(
        header: bool,
        pipelined in prop::collection::vec(any::<u8>(), 0..600),
        pushed in prop::collection::vec(any::<u8>(), 0..600),
        client_cuts in prop::collection::vec(1_usize..300, 1..6),
        backend_cuts in prop::collection::vec(1_usize..300, 1..6),
        early in 0_usize..600,
    ) {
        let scene = Scene { header, ..Scene::default() };
        let start = if header { "PROXY TCP4 192.0.2.9 203.0.113.1 4000 143\r\n" } else { "" };
        let login = format!("{start}a LOGIN tim hunter2hunter2\r\n");
        let early = early.min(pipelined.len());
        let (at_once, later) = pipelined.split_at(early);
        let (mut session, mut outbox) = (scene.session(), Outbox::new());
        session.on(Tick(0), Input::Begin, &mut outbox);
        for piece in pieces(&[login.as_bytes(), at_once].concat(), &client_cuts) {
            session.on(Tick(0), Input::Client(piece), &mut outbox);
        }
        session.on(Tick(0), Input::Verdict { answer: granted("tim"), earlier_failures: 0 }, &mut outbox);
        let destination =
            Destination { host: "h".into(), address: [192, 0, 2, 1].into(), group: None, is_moving: false, is_switching: false, connections_max: None, hop: Hop::Backend };
        session.on(Tick(0), Input::Route(RouteAnswer::Go(destination)), &mut outbox);
        session.on(Tick(0), Input::Connected, &mut outbox);
        for piece in pieces(later, &client_cuts) {
            session.on(Tick(0), Input::Client(piece), &mut outbox);
        }
        let dialogue = [&b"* OK [CAPABILITY IMAP4rev1] hi\r\nL OK [CAPABILITY X] in\r\n"[..], &pushed].concat();
        let mut relayed = Vec::new();
        for piece in pieces(&dialogue, &backend_cuts) {
            // From here on the relay's.
            if session.backend_room() == 0 {
                relayed.extend_from_slice(piece);
            } else {
                session.on(Tick(0), Input::Backend(piece), &mut outbox);
            }
        }
        prop_assert_eq!(session.stage(), "over");
        let sent = [b"L LOGIN \"tim\" \"hunter2hunter2\"\r\n", &pipelined[..]].concat();
        prop_assert_eq!(&outbox.to_backend, &sent);
        let seen = [&outbox.to_client[..], &relayed].concat();
        prop_assert!(seen.starts_with(b"* OK [CAPABILITY IMAP4rev1"));
        let reply = [b"\r\na OK [CAPABILITY X] in\r\n", &pushed[..]].concat();
        prop_assert!(seen.ends_with(&reply), "{}", seen.escape_ascii());
        drop(outbox.take_wishes());
    }
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut cuts, mut found) = (bytes, cuts.iter().cycle(), Vec::new());
    while !rest.is_empty() {
        let cut = cuts.next().map_or(rest.len(), |&cut| cut.min(rest.len()));
        let (piece, behind) = rest.split_at(cut);
        found.push(piece);
        rest = behind;
    }
    found
}
