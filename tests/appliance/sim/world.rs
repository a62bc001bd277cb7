//! Everything that is not the core: kernel, clients, backends, the other threads; and the checks that need all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use hale::event::{EndedBy, Event};
use hale::ring::port::{Completion, Kind, Outcome, Ready, Token};

use super::account::{Account, id_of};
use super::backend::Backend;
use super::client::Client;
use super::control::Control;
use super::kernel::Kernel;
use super::mail::{self, Peer};
use super::random::Random;
use super::sealed::MailTls;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) clients: Vec<Client>,
    pub(super) backends: Vec<Backend>,
    /// Both ends of LMTP.
    pub(super) peers: Vec<Peer>,
    pub(super) mail_tls: MailTls,
    /// The messages that are sent.
    written: BTreeMap<(usize, usize), Vec<u8>>,
    pub(super) control: Control,
    accounts: Vec<Account>,
    random: Random,
    /// Waits without anything done between them.
    idle_turns: u32,
    progress_seen: u64,
    /// Peers act too: the core may sleep with nothing to wait for.
    pub(super) is_directed: bool,
}

impl World {
    pub(super) fn new(
        kernel: Kernel,
        control: Control,
        accounts: &[Account],
        mail_tls: MailTls,
        mut random: Random,
    ) -> Self {
        let clients = accounts.iter().map(|account| Client::new(account.clone(), random.fork()));
        Self {
            clients: clients.collect(),
            backends: Vec::new(),
            peers: Vec::new(),
            mail_tls,
            written: BTreeMap::new(),
            kernel,
            control,
            accounts: accounts.to_vec(),
            random,
            idle_turns: 0,
            progress_seen: 0,
            is_directed: false,
        }
    }

    /// More clients, who send messages.
    pub(super) fn add_senders(&mut self, count: usize) {
        let faults = self.kernel.weather.client_faults;
        for id in 0..count {
            self.peers.push(Peer::sender(id, self.random.fork(), faults, &self.mail_tls));
        }
        self.written = mail::written(&self.peers);
    }

    /// The core waits: the rest of the world gets its turn, and time passes when there is nothing to do.
    pub(super) fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) {
        self.watch_for_spinning();
        let (now, before) = (self.kernel.now, self.kernel.progress);
        let deadline =
            timeout.map_or(u64::MAX, |time| now + u64::try_from(time.as_millis()).unwrap());
        self.kernel.submit();
        loop {
            self.act();
            self.collect(false, completions);
            if !completions.is_empty() || deadline <= self.kernel.now {
                break;
            }
            self.collect(true, completions);
            if !completions.is_empty() {
                break;
            }
            if self.is_anybody_due() {
                continue;
            }
            if self.is_directed && self.kernel.progress != before {
                // A test that directs may act on what just happened, before time passes.
                break;
            }
            let next = self.next_due().unwrap_or(u64::MAX).min(deadline);
            assert!(next < u64::MAX || self.is_directed, "the core sleeps for ever");
            if next <= self.kernel.now || next == u64::MAX {
                break;
            }
            self.assert_nothing_forgotten(next);
            self.kernel.now = next;
            self.kernel.progress += 1;
        }
        if self.random.percent(5) {
            self.kernel.now += 1;
        }
    }

    fn collect(&mut self, all: bool, completions: &mut Vec<Completion>) {
        self.kernel.run_work(all);
        for stream in std::mem::take(&mut self.kernel.arrivals) {
            let faults = self.kernel.weather.backend_faults;
            if self.kernel.streams[stream].peer.port() == 24 {
                let random = self.random.fork();
                self.peers.push(Peer::mailbox(stream, random, faults, &self.mail_tls));
                continue;
            }
            self.backends.push(Backend::new(stream, self.random.fork(), faults));
        }
        self.kernel.deliver(all, completions);
        if self.control.has_mail() {
            let token = Token { slot: 0, generation: 0, kind: Kind::Wake };
            let outcome = Outcome::Ready(Ready::default());
            completions.push(Completion { token, outcome, more: true });
        }
    }

    /// Some of those that have something to do, do it.
    fn act(&mut self) {
        let mut due: Vec<Actor> = self.due_actors();
        while !due.is_empty() && self.random.percent(85) {
            let choice = usize::try_from(self.random.below(due.len() as u64)).unwrap();
            match due.swap_remove(choice) {
                Actor::Client(index) => self.clients[index].act(&mut self.kernel),
                Actor::Peer(index) => self.peers[index].act(&mut self.kernel),
                Actor::Backend(index) => {
                    self.backends[index].act(&mut self.kernel, &self.accounts);
                }
                Actor::Control => self.control.act(self.kernel.now),
            }
            self.kernel.progress += 1;
        }
    }

    fn due_actors(&self) -> Vec<Actor> {
        let kernel = &self.kernel;
        let clients = (0..self.clients.len())
            .filter(|&index| self.clients[index].is_due(kernel))
            .map(Actor::Client);
        let backends = (0..self.backends.len())
            .filter(|&index| self.backends[index].is_due(kernel))
            .map(Actor::Backend);
        let peers = (0..self.peers.len())
            .filter(|&index| self.peers[index].is_due(kernel))
            .map(Actor::Peer);
        let control = self.control.is_due(kernel.now).then_some(Actor::Control);
        clients.chain(backends).chain(peers).chain(control).collect()
    }

    fn is_anybody_due(&self) -> bool {
        !self.due_actors().is_empty()
    }

    fn next_due(&self) -> Option<u64> {
        let now = self.kernel.now;
        let clients = self.clients.iter().filter_map(|client| client.next_due(now));
        let backends = self.backends.iter().filter_map(|backend| backend.next_due(now));
        let others = [self.control.next_due(), self.kernel.next_event()];
        let peers = self.peers.iter().filter_map(|peer| peer.next_due(now));
        clients
            .chain(backends)
            .chain(peers)
            .chain(others.into_iter().flatten())
            .filter(|due| *due > now)
            .min()
    }

    /// Lets the peers take everything that is under way to them.
    pub(super) fn run_until_quiet(&mut self) {
        for _ in 0..100_000 {
            self.clients.iter_mut().for_each(Client::wake);
            self.backends.iter_mut().for_each(Backend::wake);
            self.peers.iter_mut().for_each(Peer::wake);
            for actor in self.due_actors() {
                match actor {
                    Actor::Client(index) => self.clients[index].act(&mut self.kernel),
                    Actor::Peer(index) => self.peers[index].act(&mut self.kernel),
                    Actor::Backend(index) => {
                        self.backends[index].act(&mut self.kernel, &self.accounts);
                    }
                    Actor::Control => self.control.act(self.kernel.now),
                }
            }
            let is_deaf = |stream: usize| self.kernel.streams[stream].to_peer.is_empty();
            let clients = self.clients.iter().filter(|client| !client.over);
            let backends = self.backends.iter().filter(|backend| !backend.over);
            let heard = clients.filter_map(|client| client.stream).all(is_deaf)
                && backends.map(|backend| backend.stream).all(is_deaf)
                && self
                    .peers
                    .iter()
                    .filter(|peer| !peer.over)
                    .filter_map(|peer| peer.stream)
                    .all(is_deaf);
            if heard && self.control.exchange.log.is_empty() {
                return;
            }
        }
        panic!("the peers never come to rest");
    }

    // === Checks ===

    fn watch_for_spinning(&mut self) {
        if self.progress_seen == self.kernel.progress {
            self.idle_turns += 1;
            assert!(self.idle_turns < IDLE_TURNS_MAX, "the core spins");
        } else {
            self.idle_turns = 0;
            self.progress_seen = self.kernel.progress;
        }
    }

    /// The core sleeps until `next` and nothing is under way to it: whatever it could do before is forgotten.
    fn assert_nothing_forgotten(&self, next: u64) {
        self.kernel.assert_none_kept(next);
        for client in &self.clients {
            client.assert_not_forgotten(self.kernel.now, next);
            let (Some(stream), true, false) = (client.stream, client.logged_in, client.over) else {
                continue;
            };
            let Some(backend) = self.backend_of(client.account.id) else { continue };
            let ends = [stream, backend.stream].map(|stream| &self.kernel.streams[stream]);
            let [near, far] = ends;
            let intact = ends.iter().all(|end| {
                !end.core_closed && !end.broken && !end.peer_closed && end.to_peer.is_empty()
            });
            if !intact {
                continue;
            }
            let id = client.account.id;
            assert!(!near.has_news(), "bytes or the end of client {id} wait for no read");
            assert!(!far.has_news(), "bytes or the end of the backend of {id} wait for no read");
            let quiet = next - near.moved_at.max(far.moved_at);
            let half_closed = near.peer_fin || far.peer_fin;
            let spread = u64::try_from(self.kernel.weather.spread.over.as_millis()).unwrap();
            let most = LINGER_MS_MAX + spread;
            assert!(!half_closed || quiet < most, "{id} is half-closed for {quiet} ms");
        }
    }

    /// The last backend that let this user in.
    pub(super) fn backend_of(&self, id: usize) -> Option<&Backend> {
        self.backends.iter().rev().find(|backend| {
            backend.is_relayed() && backend.user.as_ref().is_some_and(|user| user.id == id)
        })
    }

    /// A relay that the core calls complete delivered every byte (BE-13).
    pub(super) fn assert_complete(&self) {
        mail::assert_delivered(&self.peers, &self.written);
        for event in &self.control.events {
            let Event::RelayEnded { subject, by, bytes_up, bytes_down, error: None, .. } = event
            else {
                continue;
            };
            if !matches!(by, EndedBy::Client | EndedBy::Backend) {
                continue;
            }
            let id = subject.user.as_deref().and_then(id_of).expect("a user of this simulation");
            let client = &self.clients[id];
            let Some(backend) = self.backend_of(id) else { continue };
            if client.broke_off || backend.broke_off {
                continue;
            }
            let about = format!("{id}, by {by:?}, {bytes_up} up and {bytes_down} down counted");
            assert_eq!(backend.heard, client.sent(), "bytes up of {about}");
            assert_eq!(client.heard, backend.sent(), "bytes down of {about}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Actor {
    Client(usize),
    Peer(usize),
    Backend(usize),
    Control,
}

/// A core that waits so often with nothing done in between, by it or a peer, is spinning.
const IDLE_TURNS_MAX: u32 = 100;
/// The linger time of a half-closed relay (W-REL-5), and what rounding and the wheel add.
const LINGER_MS_MAX: u64 = 12_000;
