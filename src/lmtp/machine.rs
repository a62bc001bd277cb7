//! A session as a whole: who is listened to when, how long, and how it ends.

use std::sync::Arc;

use super::delivery::{Client, Delivery, Scene, Size};
use super::hello::Hello;
use super::input::{Input, LinkId};
use super::leaving::leave;
use super::link::{Link, News};
use super::output::{Outbox, Wish};
use super::reply;
use super::settings::LmtpSettings;
use super::transaction::Stage as Progress;
use crate::event::Event;
use crate::facts::{ClientCertificate, ClientFacts};
use crate::front::{Arrival, Ending, Front, HeaderRead, Opening, PIPELINED, Start};
use crate::limits::{LMTP_IDLE_TIMEOUT, LMTP_READ_BYTES};
use crate::names::Protocol;
use crate::tick::Tick;
use crate::wire::smtp::line::Lines;
use crate::wire::smtp::reply::write_line;

/// One client connection and the backend connections it needs.
#[derive(Debug)]
pub struct Lmtp {
    pub(super) settings: Arc<LmtpSettings>,
    pub(super) front: Front,
    pub(super) stage: Stage,
    pub(super) lines: Lines,
    pub(super) hello: Hello,
    pub(super) delivery: Delivery,
    /// A chunk that is refused, and read past.
    pub(super) skip: Option<Skip>,
    pub(super) bad_commands: u8,
    /// When the client did something last, or heard something new.
    pub(super) heard_at: Tick,
    pub(super) client: Client,
    /// Nothing new is begun.
    is_ending: bool,
}

/// Where a session stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// At the front: a PROXY header, a handshake.
    Arriving(Arrival),
    Serving,
    Over,
}

/// A chunk that is read past.
#[derive(Debug)]
pub(super) struct Skip {
    /// Bytes to come.
    pub(super) left: u64,
    /// The reply behind it; none: there is none (RFC 2033 4.3).
    pub(super) reply: Option<Box<[u8]>>,
}

impl Lmtp {
    /// A session on a fresh connection. `header`: a PROXY header comes first.
    #[must_use]
    pub fn new(settings: Arc<LmtpSettings>, facts: ClientFacts, header: bool, now: Tick) -> Self {
        let front = Front::new(Protocol::Lmtp, facts, header, LMTP_READ_BYTES);
        let arrival = Arrival::new(&front, now.after(settings.proxy_header_timeout));
        Self {
            settings,
            front,
            stage: Stage::Arriving(arrival),
            lines: Lines::default(),
            hello: Hello::default(),
            delivery: Delivery::default(),
            skip: None,
            bad_commands: 0,
            heard_at: now,
            client: Client::Listens,
            is_ending: false,
        }
    }

    /// The same session on a listener whose connections begin with TLS.
    #[must_use]
    pub fn behind_tls(mut self) -> Self {
        self.front.await_tls();
        self
    }

    /// Takes one thing that happened; wishes and replies go to `outbox`.
    pub fn on(&mut self, now: Tick, input: Input<'_>, outbox: &mut Outbox) {
        if self.is_over() {
            return;
        }
        match input {
            Input::Begin if matches!(self.stage, Stage::Arriving(Arrival::Accepted)) => {
                self.start(now, &[], outbox);
            }
            Input::Client(bytes) => self.client_bytes(now, bytes, outbox),
            Input::ClientTook => self.client_took(now),
            Input::ClientEnd => self.client_end(outbox),
            Input::ClientGone if !self.is_identified() => self.client_end(outbox),
            Input::ClientGone => self.lose_client(),
            Input::ClientSecured { server_name } => self.client_secured(now, server_name, outbox),
            Input::ClientInsecure(reason) => self.client_insecure(self.aborted(reason), outbox),
            Input::ClientCertificateRefused(reason) => {
                let subject = self.front.subject(None, None);
                let report = Event::CertificateRefused { subject, details: None, reason };
                self.client_insecure(report, outbox);
            }
            Input::ClientInjected => self.client_injected(outbox),
            Input::Deadline => self.deadline_passed(now, outbox),
            Input::Crowded => {
                return self.close_with(reply::CROWDED, "too many connections", outbox);
            }
            Input::Leave(leaving) => {
                self.deliver(now, outbox, |delivery, scene| leave(delivery, &leaving, scene));
            }
            Input::Shutdown => self.is_ending = true,
            Input::Found(answer) => {
                self.deliver(now, outbox, |delivery, scene| delivery.found(*answer, scene));
            }
            Input::Route(answer) => {
                self.deliver(now, outbox, |delivery, scene| delivery.routed(answer, scene));
            }
            Input::Connected(id) => {
                self.deliver(now, outbox, |delivery, scene| delivery.link_connected(id, scene));
            }
            Input::Backend(id, bytes) => {
                let read = |link: &mut Link, news: &mut Vec<News>| link.read(now, bytes, news);
                self.deliver(now, outbox, |delivery, scene| delivery.tell_link(id, read, scene));
            }
            Input::Broken(id, reason) => self.link_broken(now, id, reason, outbox),
            Input::CannotConnect(id, what) => {
                self.deliver(now, outbox, |delivery, scene| {
                    delivery.cannot_connect(id, what, scene);
                });
            }
            Input::BackendFull(id) => {
                self.deliver(now, outbox, |delivery, scene| delivery.backend_full(id, scene));
            }
            Input::BackendEnd(id) => self.link_broken(now, id, "closed the connection", outbox),
            Input::BackendSecured(id) => {
                let secured = |link: &mut Link, _: &mut Vec<News>| link.secured(now);
                self.deliver(now, outbox, |delivery, scene| delivery.tell_link(id, secured, scene));
            }
            Input::BackendInsecure { link, word, is_lasting } => {
                self.deliver(now, outbox, |delivery, scene| {
                    delivery.link_insecure(link, word, is_lasting, scene);
                });
            }
            // Too early, or nothing that waits for it.
            Input::Begin | Input::BackendTook => {}
        }
        self.go_on(now, outbox);
    }

    fn client_took(&mut self, now: Tick) {
        if self.client == Client::Stalled {
            self.client = Client::Listens;
        }
        self.heard_at = now;
    }

    fn link_broken(&mut self, now: Tick, id: LinkId, reason: &'static str, outbox: &mut Outbox) {
        self.deliver(now, outbox, |delivery, scene| delivery.link_broken(id, reason, scene));
    }

    /// Something is the backends' side's business.
    fn deliver(
        &mut self,
        now: Tick,
        outbox: &mut Outbox,
        act: impl FnOnce(&mut Delivery, &mut Scene<'_>),
    ) {
        let (delivery, mut scene) = self.parts(now, outbox);
        act(delivery, &mut scene);
    }

    /// The backends' side, and what it may see of the client's.
    pub(super) fn parts<'a>(
        &'a mut self,
        now: Tick,
        outbox: &'a mut Outbox,
    ) -> (&'a mut Delivery, Scene<'a>) {
        let scene = Scene {
            now,
            settings: &self.settings,
            front: &self.front,
            hello: &self.hello,
            client: self.client,
            heard_at: &mut self.heard_at,
            outbox,
        };
        (&mut self.delivery, scene)
    }

    // === The client ===

    fn client_bytes(&mut self, now: Tick, bytes: &[u8], outbox: &mut Outbox) {
        match &mut self.stage {
            Stage::Arriving(arrival) => {
                match arrival.read(&mut self.front, &self.settings.trusted, bytes) {
                    HeaderRead::More => {}
                    HeaderRead::Complete(rest) => self.start(now, rest, outbox),
                    HeaderRead::Ended(ending) => self.end(ending, outbox),
                }
            }
            Stage::Serving => {
                // A message goes straight into the window; what does not fit there waits with the commands behind it.
                let is_next = self.front.inbox.is_empty();
                let direct = if is_next { self.take_content(now, bytes) } else { 0 };
                self.front.keep(bytes.get(direct..).unwrap_or_default());
            }
            Stage::Over => {}
        }
    }

    /// The connection may speak: with TLS first if that is how it begins. `early`: bytes of it that have been read already.
    fn start(&mut self, now: Tick, early: &[u8], outbox: &mut Outbox) {
        match Arrival::start(&mut self.front, now) {
            Start::Shake(arrival) => self.secure_client(arrival, early, outbox),
            Start::Greet => {
                self.stage = Stage::Serving;
                reply::greeting(&self.settings, &mut outbox.to_client);
                self.front.keep(early);
            }
        }
    }

    pub(super) fn secure_client(&mut self, arrival: Arrival, early: &[u8], outbox: &mut Outbox) {
        self.stage = Stage::Arriving(arrival);
        outbox.wish(Wish::SecureClient(early.into()));
    }

    /// TLS stands: greet, or forget what was learnt in clear (W-STLS-3); but the counters.
    fn client_secured(&mut self, now: Tick, server_name: Option<Box<str>>, outbox: &mut Outbox) {
        let Stage::Arriving(arrival) = &self.stage else { return };
        let opening = arrival.secured(&mut self.front, server_name, ClientCertificate::NONE);
        let Some(opening) = opening else { return };
        self.stage = Stage::Serving;
        self.heard_at = now;
        self.hello.forget();
        if opening == Opening::First {
            reply::greeting(&self.settings, &mut outbox.to_client);
        }
    }

    /// The shell saw more than STARTTLS and has not sent the go-ahead: the client still reads in clear.
    fn client_injected(&mut self, outbox: &mut Outbox) {
        if matches!(self.stage, Stage::Arriving(Arrival::Handshake(..))) {
            self.stage = Stage::Serving;
            self.close_with(reply::INJECTED, PIPELINED, outbox);
        }
    }

    /// No TLS, or no more: there is no way back to clear (W-STLS-7). What backends have in full they may still say
    /// something about, and the log wants to know.
    fn client_insecure(&mut self, report: Event, outbox: &mut Outbox) {
        outbox.wish(Wish::Report(report));
        let stage = self.delivery.transaction.as_ref().map(|transaction| &transaction.stage);
        if matches!(stage, Some(Progress::Replies(_))) {
            self.lose_client();
        } else {
            self.close(outbox);
        }
    }

    fn client_end(&mut self, outbox: &mut Outbox) {
        self.front.has_ended = true;
        if let Stage::Arriving(arrival) = &self.stage
            && !arrival.is_identified()
        {
            let ending = arrival.left();
            self.end(ending, outbox);
        }
    }

    /// Nothing reaches the client, and nothing of it counts any more.
    fn lose_client(&mut self) {
        self.front.has_ended = true;
        self.client = Client::Gone;
        self.front.inbox.consume(usize::MAX);
    }

    /// Takes what belongs to the message, or to a chunk that is read past, as far as there is room for it; how much that
    /// was.
    fn take_content(&mut self, now: Tick, bytes: &[u8]) -> usize {
        if let Some(skip) = &mut self.skip {
            let gone = usize::try_from(skip.left).unwrap_or(usize::MAX).min(bytes.len());
            skip.left = skip.left.saturating_sub(gone as u64);
            return gone;
        }
        let taken = self.delivery.take_content(now, bytes);
        if taken > 0 {
            self.heard_at = now;
        }
        taken
    }

    // === Going on ===

    /// Does everything that can be done now.
    fn go_on(&mut self, now: Tick, outbox: &mut Outbox) {
        loop {
            match &self.stage {
                Stage::Serving => {
                    if !self.take_step(now, outbox) {
                        break;
                    }
                }
                // Not a word in clear from here on.
                Stage::Arriving(Arrival::Handshake(..))
                    if self.front.has_ended || self.is_ending =>
                {
                    outbox.wish(Wish::Report(self.aborted("ended in the TLS handshake")));
                    self.close(outbox);
                }
                Stage::Arriving(_) | Stage::Over => break,
            }
        }
        match self.client {
            Client::Gone => outbox.to_client.clear(),
            Client::Listens if !outbox.to_client.is_empty() => self.client = Client::Stalled,
            Client::Listens | Client::Stalled => {}
        }
    }

    /// One step of what can be done; whether there may be another.
    fn take_step(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        let has_moved = self.take_waiting_content(now)
            || self.answer(now, outbox)
            || self.read_command(now, outbox);
        if !has_moved {
            self.end_if_due(outbox);
        }
        has_moved
    }

    fn take_waiting_content(&mut self, now: Tick) -> bool {
        let mut inbox = std::mem::take(&mut self.front.inbox);
        let taken = self.take_content(now, inbox.bytes());
        inbox.consume(taken);
        self.front.inbox = inbox;
        taken > 0
    }

    /// Gives the client a reply that is due; whether there was one, or something else to do before it.
    fn answer(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        let (delivery, mut scene) = self.parts(now, outbox);
        if delivery.answer_recipient(&mut scene) || delivery.follow_referral(&mut scene) {
            return true;
        }
        match delivery.judge_size(scene.outbox) {
            Size::Fits => {}
            Size::GivenUp => return true,
            Size::Endless => {
                self.close_with(reply::TOO_LARGE, "a message without end", outbox);
                return true;
            }
        }
        if delivery.answer_data(&mut scene) {
            return true;
        }
        self.end_skip(outbox) || self.answer_message(now, outbox)
    }

    fn answer_message(&mut self, now: Tick, outbox: &mut Outbox) -> bool {
        let (delivery, mut scene) = self.parts(now, outbox);
        delivery.answer_chunk(&mut scene) || delivery.answer_message(&mut scene)
    }

    /// A refused chunk has been read past; whether one has.
    fn end_skip(&mut self, outbox: &mut Outbox) -> bool {
        let has_room = self.client.has_room(outbox);
        let Some(skip) = self.skip.take_if(|skip| skip.left == 0 && has_room) else {
            return false;
        };
        outbox.to_client.extend_from_slice(&skip.reply.unwrap_or_default());
        true
    }

    // === Ending ===

    /// Whether something is under way that ends without the client.
    fn is_busy(&self) -> bool {
        let Some(transaction) = &self.delivery.transaction else { return false };
        let is_heard = self.client != Client::Gone;
        match transaction.stage {
            Progress::Asked => is_heard,
            Progress::Replies(_) => true,
            Progress::Envelope(look_up) => {
                is_heard && (look_up.is_some() || !transaction.is_told())
            }
            Progress::Content(_) | Progress::Chunk { .. } => {
                !self.front.inbox.is_empty() && transaction.window.room() < 2
            }
            Progress::Chunks => false,
        }
    }

    fn end_if_due(&mut self, outbox: &mut Outbox) {
        if self.is_busy() || self.client == Client::Stalled {
            return;
        }
        let transaction = self.delivery.transaction.as_ref();
        if self.front.has_ended {
            if transaction.is_some() {
                outbox.wish(Wish::Report(self.aborted("client disconnected in a transaction")));
            }
            return self.close(outbox);
        }
        let receives = transaction.is_some_and(|transaction| transaction.has_content());
        if self.is_ending && !receives {
            self.close_with(reply::SHUTDOWN, "shutting down", outbox);
        }
    }

    /// Whether it is the client's turn.
    pub(super) fn awaits_client(&self) -> bool {
        match self.client {
            Client::Gone => return false,
            Client::Stalled => return true,
            Client::Listens if self.skip.is_some() => return true,
            Client::Listens => {}
        }
        let Some(transaction) = &self.delivery.transaction else { return true };
        match transaction.stage {
            Progress::Chunks => true,
            Progress::Envelope(look_up) => look_up.is_none() && transaction.is_told(),
            Progress::Content(_) | Progress::Chunk { .. } => transaction.window.room() >= 2,
            Progress::Asked | Progress::Replies(_) => false,
        }
    }

    pub(super) fn client_deadline(&self) -> Tick {
        self.heard_at.after(LMTP_IDLE_TIMEOUT)
    }

    fn deadline_passed(&mut self, now: Tick, outbox: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if let Stage::Arriving(arrival) = &self.stage {
            let ending = arrival.late();
            return self.end(ending, outbox);
        }
        if self.awaits_client() && self.client_deadline() <= now {
            return self.close_with("421 4.4.2 Timeout", "client is idle", outbox);
        }
        let (delivery, mut scene) = self.parts(now, outbox);
        delivery.give_up_late_look_up(&mut scene);
        delivery.drop_late_links(&mut scene);
    }

    pub(super) fn close_with(&mut self, words: &str, reason: &'static str, outbox: &mut Outbox) {
        // Not a word before a PROXY header (W-PIPE-2), nor in clear where TLS is awaited.
        if matches!(self.stage, Stage::Serving) {
            write_line(words, &mut outbox.to_client);
        }
        outbox.wish(Wish::Report(self.aborted(reason)));
        self.close(outbox);
    }

    /// A connection ends that did not get through the front.
    fn end(&mut self, ending: Ending, outbox: &mut Outbox) {
        outbox.wish(Wish::Report(match ending {
            Ending::Refused { reason, closed } => self.front.refused(reason, closed),
            Ending::Aborted(reason) => self.aborted(reason),
        }));
        self.close(outbox);
    }

    pub(super) fn close(&mut self, outbox: &mut Outbox) {
        self.delivery.close(outbox);
        self.stage = Stage::Over;
        outbox.wish(Wish::Close);
    }
}
