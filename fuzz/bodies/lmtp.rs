//! Body of the fuzz target `lmtp`, replayed on stable by `tests/pure/corpus.rs`.
//!
//! An input is a scene byte and a list of happenings: a kind, an argument, sometimes bytes. Anything is a legal list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hale::auth::answer::Answer;
use hale::auth::verdict::{BackendTls, Certificate, Grant, Verdict};
use hale::event::Event;
use hale::facts::{ClientCertificate, ClientFacts, Transport};
use hale::fault::Failure;
use hale::limits::{
    self, BACKEND_INPUT_BYTES_MAX, LMTP_DESTINATIONS_MAX, LMTP_READ_BYTES, LMTP_RECIPIENTS_MAX,
    LMTP_REPLY_BYTES_MAX, PRE_LOGIN_OUTPUT_BYTES_MAX,
};
use hale::lmtp::{Input, Leaving, LinkId, Lmtp, LmtpSettings, Outbox, Wish};
use hale::names::SessionId;
use hale::network::Networks;
use hale::session::input::{Destination, Hop, RouteAnswer};
use hale::session::{SendHeader, SiteHeader};
use hale::tick::Tick;

/// Anything in any order: no panic, bounded output and rooms, a deadline in every stage, silence behind the end, an end
/// for every client, never more deliveries than backends have said 2xx, and nothing but the request for TLS to a
/// backend that has to have it and has it not yet.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, mut list)) = input.split_first() else {
        return;
    };
    let mut play = Play::new(choice);
    play.give(Input::Begin);
    while let [kind, argument, rest @ ..] = list {
        list = play.happen(*kind, *argument, rest);
    }
    for _ in 0..400 {
        play.pass_time();
    }
    assert!(play.closed, "left alone and still open");
}

struct Play {
    session: Lmtp,
    outbox: Outbox,
    now: Tick,
    closed: bool,
    /// Lines of backends that begin with 2, and deliveries.
    agreed: usize,
    delivered: usize,
    /// What backends that must have TLS were told in clear; none: they have it now.
    in_clear: BTreeMap<LinkId, Option<Vec<u8>>>,
    is_secure: bool,
    /// The client takes replies at once, and not only when the list says so.
    reads: bool,
}

impl Play {
    fn new(choice: u8) -> Self {
        let (session, outbox) = (session(choice), Outbox::new());
        Self {
            session,
            outbox,
            now: Tick(0),
            closed: false,
            agreed: 0,
            delivered: 0,
            in_clear: BTreeMap::new(),
            is_secure: choice & (STARTTLS | IMPLICIT) != 0,
            reads: choice & 128 == 0,
        }
    }

    /// One happening; what is left of the list.
    fn happen<'a>(&mut self, kind: u8, argument: u8, rest: &'a [u8]) -> &'a [u8] {
        let failure = Failure::ALL[usize::from(argument) % Failure::ALL.len()];
        let link = LinkId(argument % 4);
        match kind % 17 {
            0 | 1 => {
                let (bytes, behind) = rest.split_at(usize::from(argument).min(rest.len()));
                if kind.is_multiple_of(17) {
                    self.client(bytes);
                } else {
                    self.backend(LinkId(kind / 17 % 4), bytes);
                }
                return behind;
            }
            2 | 3 => self.client(CLIENT[usize::from(argument) % CLIENT.len()]),
            4 | 5 => {
                let said = BACKEND[usize::from(argument / 4) % BACKEND.len()];
                self.backend(link, said);
            }
            6 => self.give(Input::Connected(link)),
            7 => self.give(Input::Broken(link, "reset")),
            8 => self.give(Input::BackendEnd(link)),
            9 => self.give(Input::Found(answer(Verdict::Accept(Box::new(grant(argument)))))),
            10 => self.give(Input::Found(answer(Verdict::Refuse { failure, reason: None }))),
            11 => self.give(Input::Route(RouteAnswer::Go(Destination {
                host: "h".into(),
                address: [192, 0, 2, argument & 7].into(),
                group: (argument & 8 != 0).then(|| "g".into()),
                is_moving: false,
                is_switching: argument & 16 != 0,
                connections_max: None,
                hop: Hop::Backend,
            }))),
            12 => self.give(Input::Route(RouteAnswer::Fail { failure, detail: "nowhere".into() })),
            13 => self.move_bytes(link, usize::from(argument)),
            14 => self.now.0 += u64::from(argument) * 97,
            15 => self.pass_time(),
            _ => match argument {
                0..=9 => self.give(Input::ClientEnd),
                10..=19 => self.give(Input::ClientGone),
                20..=29 => self.give(Input::Shutdown),
                30..=49 => self.give(Input::ClientSecured { server_name: None }),
                50..=59 => self.give(Input::ClientInsecure("damaged")),
                60..=69 => self.give(Input::ClientInjected),
                70..=129 => self.secured(link),
                130..=149 => {
                    let is_lasting = argument.is_multiple_of(2);
                    self.give(Input::BackendInsecure { link, word: "damaged", is_lasting });
                }
                150..=159 => self.give(Input::CannotConnect(link, "no descriptor")),
                160..=169 => self.give(Input::BackendFull(link)),
                200..=219 => {
                    let groups = BTreeSet::from(["g".into()]);
                    let groups = argument.is_multiple_of(2).then_some(&groups);
                    self.give(Input::Leave(Leaving { backend: "h", groups, users: None }));
                }
                _ => self.give(Input::ClientTook),
            },
        }
        rest
    }

    fn client(&mut self, bytes: &[u8]) {
        let room = self.session.client_room();
        let (bytes, _) = bytes.split_at(bytes.len().min(room));
        self.give(Input::Client(bytes));
    }

    fn backend(&mut self, link: LinkId, bytes: &[u8]) {
        let room = self.session.link_room(link);
        let (bytes, _) = bytes.split_at(bytes.len().min(room));
        // At most one reply for each `2`.
        self.agreed += bytes.iter().filter(|byte| **byte == b'2').count();
        self.give(Input::Backend(link, bytes));
    }

    fn move_bytes(&mut self, link: LinkId, most: usize) {
        if let Some(stretch) = self.session.stretch(link).filter(|_| most.is_multiple_of(2)) {
            assert!(!matches!(self.in_clear.get(&link), Some(Some(_))), "a message in clear");
            let all = stretch.bytes.len();
            let taken = if most < 200 { all.min(most) } else { all };
            return self.session.passed(self.now, link, taken);
        }
        let mut out = vec![0; 16_384];
        let count = self.session.fill(link, &mut out);
        let taken = if most < 200 { count.min(most) } else { count };
        self.session.sent(self.now, link, taken);
        if let Some(Some(said)) = self.in_clear.get_mut(&link) {
            said.extend(&out[..taken]);
            let said = String::from_utf8_lossy(said).into_owned();
            let header = said.find("\r\n").filter(|_| said.starts_with("PROXY "));
            let rest = header.map_or(&*said, |end| &said[end + 2..]);
            let is_header =
                header.is_none() && ("PROXY ".starts_with(rest) || rest.starts_with("PROXY "));
            let request = "LHLO hale.example\r\nSTARTTLS\r\n";
            assert!(is_header || request.starts_with(rest), "in clear: {said}");
        }
        self.give(Input::BackendTook);
    }

    fn secured(&mut self, link: LinkId) {
        // Only due behind the wish, behind everything in clear.
        if self.session.links().any(|known| known == link) && self.session.link_room(link) == 0 {
            self.move_bytes(link, usize::MAX);
            if let Some(said) = self.in_clear.get_mut(&link) {
                *said = None;
            }
            self.give(Input::BackendSecured(link));
        }
    }

    fn pass_time(&mut self) {
        self.now = self.session.deadline().unwrap_or(self.now).max(self.now);
        self.give(Input::Deadline);
    }

    fn give(&mut self, input: Input<'_>) {
        let was_closed = self.closed;
        self.session.on(self.now, input, &mut self.outbox);
        let said = self.outbox.to_client.len();
        assert!(said <= PRE_LOGIN_OUTPUT_BYTES_MAX + 2 * LMTP_REPLY_BYTES_MAX, "{said}");
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        assert!(!was_closed || (wishes.is_empty() && said == 0), "heard after the end");
        self.outbox.to_client.clear();
        assert!(wishes.len() <= 3 * LMTP_RECIPIENTS_MAX);
        for wish in wishes {
            match wish {
                Wish::Close => self.closed = true,
                Wish::Drop(link) => {
                    self.in_clear.remove(&link);
                    self.session.forget(link);
                }
                Wish::Connect { link, .. } if self.is_secure => {
                    self.in_clear.insert(link, Some(Vec::new()));
                }
                Wish::Report(Event::Delivered { accepted: true, .. }) => self.delivered += 1,
                _ => {}
            }
        }
        assert!(self.delivered <= self.agreed, "a 250 that no backend gave");
        assert_eq!(self.session.is_over(), self.closed);
        assert_eq!(self.session.deadline().is_none(), self.closed, "{:?}", self.session.stage());
        assert!(self.session.client_room() <= LMTP_READ_BYTES);
        assert!(self.session.links().count() <= LMTP_DESTINATIONS_MAX + 1);
        for link in self.session.links() {
            assert!(self.session.link_room(link) <= BACKEND_INPUT_BYTES_MAX);
        }
        assert!(!self.closed || self.session.client_room() == 0);
        if self.reads && self.session.is_stalled() {
            self.give(Input::ClientTook);
        }
    }
}

/// What clients say, so that a fuzzer need not find it letter by letter.
const CLIENT: &[&[u8]] = &[
    b"LHLO x\r\n",
    b"MAIL FROM:<a@b>\r\n",
    b"RCPT TO:<tim@example.org>\r\n",
    b"RCPT TO:<jo+box@example.org>\r\nRCPT TO:<ann>\r\n",
    b"DATA\r\n",
    b"BDAT 5\r\nabcde",
    b"BDAT 3 LAST\r\n.\r\n",
    b"BDAT 70000\r\n",
    b"..x\r\n.\r\n",
    b"\r\n.\r\n",
    b"RSET\r\n",
    b"NOOP\r\nVRFY x\r\n",
    b"STARTTLS\r\n",
    b"XCLIENT ADDR=192.0.2.9 TTL=2\r\n",
    b"QUIT\r\n",
    b"MAIL FROM:<> BODY=8BITMIME SIZE=100\r\nRCPT TO:<tim>\r\nRCPT TO:<tim>\r\nDATA\r\n",
    &[b'x'; 16_384],
    b"MAIL FROM:<\xC3\xB6@b> SMTPUTF8 RET=FULL\r\nRCPT TO:<@a:tim> NOTIFY=NEVER\r\n",
    b"LHLO y\r\n",
];

/// What backends say.
const BACKEND: &[&[u8]] = &[
    b"220 h\r\n",
    b"250 h\r\n",
    b"250-h\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n",
    b"250-h\r\n250-PIPELINING\r\n250-XCLIENT ADDR TTL\r\n250 XRCPTFORWARD\r\n",
    b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n250 2.0.0 ok\r\n",
    b"354 go\r\n",
    b"451 4.3.0 no\r\n",
    b"550 5.1.1 no\r\n",
    b"550 5.2.900 tim@192.0.2.3:24 Referral\r\n",
    b"421 4.3.2 bye\r\n",
    b"* OK\r\n",
    b"250-h\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
    b"220 2.0.0 begin\r\n250 injected\r\n",
    b"503 5.5.1 nested\r\n",
    b"250-h\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 DSN\r\n",
];

/// Bits of the scene byte: TLS towards backends.
const STARTTLS: u8 = 16;
const IMPLICIT: u8 = 32;

fn session(choice: u8) -> Lmtp {
    let flag = |bit: u8| choice & bit != 0;
    let settings = LmtpSettings {
        hostname: "hale.example".into(),
        greeting: "ready".into(),
        trusted: Networks::default(),
        proxy_header_timeout: limits::PROXY_HEADER_TIMEOUT,
        port: 24,
        send_header: if flag(2) { SendHeader::V1 } else { SendHeader::No },
        site_header: SiteHeader::new(SendHeader::V1, Box::default()),
        xclient_ipv6_prefix: false,
        delimiters: "+".into(),
        starttls: flag(4),
        tls: match (flag(STARTTLS), flag(IMPLICIT)) {
            (false, false) => BackendTls::Off,
            (true, _) => BackendTls::Starttls(Certificate::Configured),
            (false, true) => BackendTls::Implicit(Certificate::Configured),
        },
        extensions: hale::wire::smtp::keywords::Extension::ALL.into(),
        brackets: hale::wire::smtp::path::Brackets::Needed,
        verify_backends: true,
        backend_connections_max: 0,
    };
    let client = ([192, 0, 2, 77], 4711).into();
    let facts = ClientFacts {
        socket: client,
        origin: client,
        apparent: client,
        local: ([198, 51, 100, 1], 24).into(),
        local_name: None,
        session_id: SessionId::from_bytes([7; 16]),
        ttl: limits::LMTP_PROXY_TTL,
        transport: Transport::Insecure,
        trusted: flag(8),
        certificate: ClientCertificate::NONE,
        forward: Vec::new(),
    };
    let session = Lmtp::new(Arc::new(settings), facts, flag(1), Tick(0));
    if flag(64) { session.behind_tls() } else { session }
}

fn grant(argument: u8) -> Grant {
    let mut grant = Grant::new("tim@example.org", false);
    grant.not_trusted = argument & 2 != 0;
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
