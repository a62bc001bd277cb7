//! Body of the fuzz target `session`, replayed on stable by `tests/pure/corpus.rs`.
//!
//! An input is a scene byte and a list of happenings: a kind, a length or argument, bytes. Anything is a legal list.

use std::sync::Arc;
use std::time::Duration;

use hale::auth::answer::Answer;
use hale::auth::verdict::{BackendMech, Elsewhere, Grant, Verdict};
use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::fault::Failure;
use hale::limits::{self, BACKEND_INPUT_BYTES_MAX, PRE_LOGIN_INPUT_BYTES_MAX};
use hale::names::{Protocol, SessionId};
use hale::network::Networks;
use hale::preauth::Dialogue;
use hale::preauth::capability::Rules;
use hale::preauth::sasl::{Mechanism, Mechanisms};
use hale::session::input::{Destination, Hop, Input, RouteAnswer};
use hale::session::output::{Outbox, WISHES_MAX, Wish};
use hale::session::{
    CertificateSettings, Cleartext, ProtocolSettings, SendHeader, Session, SessionSettings,
    SiteHeader,
};
use hale::tick::Tick;

/// Anything in any order: no panic, bounded wishes and output, a deadline in every stage, silence behind the end, an
/// end for every client, and no password in what is reported.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, mut list)) = input.split_first() else {
        return;
    };
    let mut play = Play::new(choice);
    play.give(Input::Begin);
    while let [kind, argument, rest @ ..] = list {
        list = play.happen(*kind, *argument, rest);
    }
    for _ in 0..200 {
        play.pass_time();
    }
    assert!(play.closed || play.relayed, "left alone and still open");
}

struct Play {
    session: Session,
    outbox: Outbox,
    now: Tick,
    closed: bool,
    relayed: bool,
    password: Option<String>,
}

impl Play {
    fn new(choice: u8) -> Self {
        Self {
            session: session(choice),
            outbox: Outbox::new(),
            now: Tick(0),
            closed: false,
            relayed: false,
            password: None,
        }
    }

    /// One happening; what is left of the list.
    fn happen<'a>(&mut self, kind: u8, argument: u8, rest: &'a [u8]) -> &'a [u8] {
        let failure = Failure::ALL[usize::from(argument) % Failure::ALL.len()];
        match kind % 14 {
            // In whole, and in pieces of the argument's low bits.
            0 | 1 => {
                let (bytes, behind) = rest.split_at(usize::from(argument).min(rest.len()));
                self.bytes(kind.is_multiple_of(14), bytes, usize::from(kind / 14 % 8) + 1);
                return behind;
            }
            2 => self.give(Input::ClientEnd),
            3 => self.give(Input::ClientTook),
            4 => self.give(Input::Verdict {
                answer: answer(Verdict::Accept(Box::new(grant(argument)))),
                earlier_failures: 0,
            }),
            5 => {
                let elsewhere = || Elsewhere {
                    user: "tim".into(),
                    host: "h9".into(),
                    port: Some(u16::from(argument)),
                    reason: None,
                };
                let verdict = match argument & 0x80 {
                    0 => Verdict::Refuse { failure, reason: None },
                    _ => Verdict::Elsewhere(Box::new(elsewhere())),
                };
                self.give(Input::Verdict { answer: answer(verdict), earlier_failures: 0 });
            }
            6 => self.give(Input::Route(RouteAnswer::Go(Destination {
                host: "h".into(),
                address: [192, 0, 2, argument & 7].into(),
                group: (argument & 8 != 0).then(|| "g".into()),
                is_moving: argument & 16 != 0,
                is_switching: argument & 32 != 0,
                connections_max: None,
                hop: Hop::Backend,
            }))),
            7 => {
                self.give(Input::Route(RouteAnswer::Fail { failure, detail: "nowhere".into() }));
            }
            8 => self.give(Input::Connected),
            9 => self.give(Input::BackendBroken("reset")),
            10 => self.give(Input::BackendEnd),
            11 => self.now.0 += u64::from(argument) * 97,
            12 => self.pass_time(),
            _ => match argument {
                // One more often would end most lists early.
                0xFF => self.give(Input::Shutdown),
                0xB0..0xC0 => self.give(Input::BackendFull),
                0xC0..0xFF => self.give(Input::CannotConnect("no descriptor")),
                _ => {}
            },
        }
        rest
    }

    fn bytes(&mut self, from_client: bool, bytes: &[u8], size: usize) {
        let size = if size == 1 { bytes.len().max(1) } else { size };
        for piece in bytes.chunks(size) {
            let room =
                if from_client { self.session.client_room() } else { self.session.backend_room() };
            let (piece, _) = piece.split_at(piece.len().min(room));
            self.give(if from_client { Input::Client(piece) } else { Input::Backend(piece) });
        }
    }

    fn pass_time(&mut self) {
        self.now = self.session.deadline().unwrap_or(self.now).max(self.now);
        self.give(Input::Deadline);
    }

    fn give(&mut self, input: Input<'_>) {
        let over = self.closed || self.relayed;
        self.session.on(self.now, input, &mut self.outbox);
        let (client, backend) = (self.outbox.to_client.len(), self.outbox.to_backend.len());
        assert!(client <= 32_768 && backend <= PRE_LOGIN_INPUT_BYTES_MAX + 16_384);
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        assert!(!over || (wishes.is_empty() && client + backend == 0), "heard after the end");
        assert!(wishes.len() < WISHES_MAX, "{wishes:?}");
        self.outbox.to_client.clear();
        self.outbox.to_backend.clear();
        for wish in &wishes {
            self.closed |= matches!(wish, Wish::Close);
            self.relayed |= matches!(wish, Wish::Relay(_));
            self.check_secrets(wish);
        }
        let over = self.closed || self.relayed;
        assert!(!(self.closed && self.relayed));
        assert_eq!(self.session.stage() == "over", over);
        assert_eq!(self.session.deadline().is_none(), over);
        assert!(self.session.client_room() <= PRE_LOGIN_INPUT_BYTES_MAX);
        assert!(self.session.backend_room() <= BACKEND_INPUT_BYTES_MAX);
    }

    /// Only what no other word of a report can be by chance counts as a password here.
    fn check_secrets(&mut self, wish: &Wish) {
        if let Wish::Authenticate(question) = wish {
            let password = String::from_utf8_lossy(question.password.expose()).into_owned();
            let differs = !question.user.contains(&*password) && password.contains("hunter2");
            // What a backend makes up cannot be told from an earlier password, which it never saw.
            self.password = Some(password).filter(|_| differs);
        }
        if let Wish::Report(event) = wish {
            let shown = format!("{event:?}");
            assert!(!self.password.as_ref().is_some_and(|it| shown.contains(&**it)), "{shown}");
        }
    }
}

fn session(choice: u8) -> Session {
    let flag = |bit: u8| choice & bit != 0;
    let settings = SessionSettings {
        rules: Rules::default(),
        guarded_rules: Rules { plaintext_allowed: false, ..Rules::default() },
        starttls_rules: None,
        bound_rules: None,
        certificates: CertificateSettings {
            rules: flag(16).then(|| Rules {
                mechanisms: Mechanisms::PASSWORDS.with(Mechanism::External),
                ..Rules::default()
            }),
            required: flag(64),
            name_the_user: flag(32),
        },
        verify_backends: true,
        trusted: Networks::default(),
        cleartext: if flag(2) { Cleartext::Forbidden } else { Cleartext::Allowed },
        proxy_header_is_private: flag(4),
        proxy_header_timeout: limits::PROXY_HEADER_TIMEOUT,
        failure_delay: limits::FAILURE_DELAY,
        login_timeout: limits::LOGIN_PROXY_TIMEOUT,
        reconnects_max: limits::RECONNECTS_MAX,
        backend_connections_max: 0,
        user_move_timeout: Duration::from_secs(31),
        site_header: SiteHeader::new(SendHeader::V1, Box::default()),
        protocols: Protocol::ALL.map(ProtocolSettings::standard),
    };
    let client = ([192, 0, 2, 7], 4711).into();
    let facts = ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: ([198, 51, 100, 1], 143).into(),
        local_name: None,
        session_id: SessionId::from_bytes([7; 16]),
        ttl: limits::PROXY_TTL,
        transport: Transport::Insecure,
        trusted: flag(8),
        certificate: match choice >> 6 {
            0 | 1 => ClientCertificate::NONE,
            2 => ClientCertificate::verified(None),
            _ => ClientCertificate::verified(Some("tim".into())),
        },
        forward: Vec::new(),
    };
    const PROTOCOLS: [Protocol; 4] =
        [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];
    let dialogue = Dialogue::new(PROTOCOLS[usize::from(choice >> 4) % PROTOCOLS.len()]);
    Session::new(Arc::new(settings), dialogue, facts, flag(1), choice.into(), Tick(0))
}

fn grant(argument: u8) -> Grant {
    let mut grant = Grant::new("tim", true);
    grant.nopipelining = argument & 1 != 0;
    grant.not_trusted = argument & 2 != 0;
    grant.mech = if argument & 4 != 0 { BackendMech::Plain } else { BackendMech::Login };
    grant.destuser = (argument & 8 != 0).then(|| "tom".into());
    grant.host = (argument & 16 != 0).then(|| "h".into());
    grant
}

fn answer(verdict: Verdict) -> Box<Answer> {
    Box::new(Answer {
        verdict,
        master_user: None,
        nodelay: false,
        delay_until: None,
        not_before: None,
        why: None,
        trouble: None,
    })
}
