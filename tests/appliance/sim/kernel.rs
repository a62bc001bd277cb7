//! The simulated kernel: descriptors, operations in flight, completions, and what may legally go wrong with them.
//!
//! Checks as it goes: a descriptor is closed once and with nothing in flight (K-RING-4), nothing is used
//! after its close, no operation is armed twice (UR-05), a pipe given back as empty is empty (W-REL-3).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use hale::ring::port::{Completion, Fd, IoFault, Kind, Outcome, Token, Unsent};

use super::random::Random;
use super::stream::Stream;
use super::weather::Weather;

/// What a descriptor leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// Its number in `backlogs`.
    Listener(usize),
    /// A socket of ours that is not connected yet.
    Fresh,
    /// Its number in `streams`.
    Stream(usize),
}

/// An open file. Its number never changes hands, other than that of a descriptor.
#[derive(Debug)]
pub(super) struct File {
    pub(super) what: What,
    pub(super) closed: bool,
    pub(super) shut: bool,
    pub(super) reset_on_close: bool,
    /// Operations whose last completion the core has not seen.
    in_flight: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Accept,
    /// When it ends, and whether well.
    Connect(u64, Result<(), IoFault>, SocketAddr),
    PollIn,
    PollOut,
}

#[derive(Clone, Copy, Debug)]
struct Armed {
    token: Token,
    file: usize,
    operation: Operation,
    /// Something happened since the last completion.
    woken: bool,
}

#[derive(Clone, Copy, Debug)]
enum Submission {
    Start(Armed),
    Cancel(Token),
}

/// A pipe of the pool.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) bytes: VecDeque<u8>,
    pub(super) lent: bool,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) now: u64,
    pub(super) weather: Weather,
    pub(super) random: Random,
    pub(super) streams: Vec<Stream>,
    /// Connections to a listener that were not accepted yet.
    pub(super) backlogs: Vec<VecDeque<usize>>,
    /// Connections to backends that came about and have no peer yet.
    pub(super) arrivals: Vec<usize>,
    pub(super) pipes: Vec<Pipe>,
    pub(super) files: Vec<File>,
    numbers: BTreeMap<i32, usize>,
    highest: i32,
    submissions: Vec<Submission>,
    armed: BTreeMap<u64, Armed>,
    queue: VecDeque<(Completion, Option<usize>)>,
    /// Bytes that the next enter sends, and where.
    pub(super) forwarded: Vec<(Fd, Token, Vec<u8>)>,
    /// Bytes that came back, and where they were to go.
    pub(super) unsent: Vec<(Fd, Unsent)>,
    pub(super) round: u32,
    /// Grows whenever something really happens: what tells work from spinning.
    pub(super) progress: u64,
    next_port: u16,
}

impl Kernel {
    pub(super) fn new(weather: Weather, random: Random) -> Self {
        Self {
            now: 1_000,
            weather,
            random,
            streams: Vec::new(),
            backlogs: Vec::new(),
            arrivals: Vec::new(),
            pipes: Vec::new(),
            files: Vec::new(),
            numbers: BTreeMap::new(),
            highest: 2,
            submissions: Vec::new(),
            armed: BTreeMap::new(),
            queue: VecDeque::new(),
            forwarded: Vec::new(),
            unsent: Vec::new(),
            round: 1,
            progress: 0,
            next_port: 30_000,
        }
    }

    // === Descriptors ===

    /// Those that the core has been told of and has not closed.
    pub(super) fn handed_over(&self) -> BTreeSet<i32> {
        let accepted = |(completion, _): &(Completion, Option<usize>)| match completion.outcome {
            Outcome::Accepted(fd) => Some(fd.0),
            _ => None,
        };
        let on_their_way: BTreeSet<i32> = self.queue.iter().filter_map(accepted).collect();
        self.numbers.keys().copied().filter(|number| !on_their_way.contains(number)).collect()
    }

    /// A new descriptor. Numbers are reused at once or never: the first finds confusions, the second late uses.
    pub(super) fn open(&mut self, what: What) -> Fd {
        let number = if self.weather.reuses_numbers {
            (3..).find(|number| !self.numbers.contains_key(number)).unwrap()
        } else {
            self.highest += 1;
            self.highest
        };
        self.files.push(File {
            what,
            closed: false,
            shut: false,
            reset_on_close: false,
            in_flight: 0,
        });
        self.numbers.insert(number, self.files.len() - 1);
        self.progress += 1;
        Fd(number)
    }

    pub(super) fn listener(&mut self) -> Fd {
        self.backlogs.push(VecDeque::new());
        let what = What::Listener(self.backlogs.len() - 1);
        self.open(what)
    }

    pub(super) fn file(&self, fd: Fd) -> usize {
        *self
            .numbers
            .get(&fd.0)
            .unwrap_or_else(|| panic!("descriptor {} used after its close", fd.0))
    }

    pub(super) fn stream_of(&self, fd: Fd) -> usize {
        match self.files[self.file(fd)].what {
            What::Stream(stream) => stream,
            other => panic!("descriptor {} is {other:?}, not connected", fd.0),
        }
    }

    pub(super) fn close(&mut self, fd: Fd) {
        let index = self.file(fd);
        self.numbers.remove(&fd.0);
        let file = &mut self.files[index];
        assert!(!file.closed, "descriptor {} closed twice", fd.0);
        let in_flight = file.in_flight;
        assert!(in_flight == 0, "descriptor {} closed with {in_flight} operations in flight", fd.0);
        file.closed = true;
        self.progress += 1;
        let reset = file.reset_on_close;
        match file.what {
            What::Fresh => {}
            What::Listener(listener) => {
                for stream in std::mem::take(&mut self.backlogs[listener]) {
                    self.end_stream(stream, true);
                }
            }
            What::Stream(stream) => self.end_stream(stream, reset),
        }
    }

    fn end_stream(&mut self, stream: usize, reset: bool) {
        let stream = &mut self.streams[stream];
        stream.core_closed = true;
        stream.core_fin = true;
        stream.stirred = true;
        // Closing over unread bytes sends RST, and what was not delivered is lost.
        if reset || !stream.to_core.is_empty() {
            stream.core_reset = true;
            stream.to_peer.clear();
        }
    }

    /// Everything is given back: descriptors, operations, pipes.
    pub(super) fn assert_nothing_left(&self) {
        assert!(self.numbers.is_empty(), "descriptors never closed: {:?}", self.numbers);
        assert!(self.armed.is_empty(), "operations never ended: {:?}", self.armed);
        // That a cancellation came too late may not be told at all.
        let is_due = |(completion, _): &&(Completion, _)| completion.token.kind != Kind::Cancel;
        let untold: Vec<_> = self.queue.iter().filter(is_due).collect();
        assert!(untold.is_empty(), "completions never taken: {untold:?}");
        let lent = self.pipes.iter().filter(|pipe| pipe.lent).count();
        assert!(lent == 0, "{lent} pipes were never given back");
        assert!(self.files.iter().all(|file| file.closed));
    }

    // === Peers ===

    /// A peer connects to a listener; `None`: nothing listens any more.
    pub(super) fn dial(&mut self, listener: usize, from: SocketAddr) -> Option<usize> {
        let is_open = |file: &File| {
            !file.closed && matches!(file.what, What::Listener(number) if number == listener)
        };
        if !self.files.iter().any(is_open) {
            return None;
        }
        let local = SocketAddr::from(([192, 0, 2, 1], 143));
        let stream = self.new_stream(from, local);
        self.backlogs[listener].push_back(stream);
        for armed in self.armed.values_mut() {
            armed.woken |= armed.operation == Operation::Accept;
        }
        Some(stream)
    }

    fn new_stream(&mut self, peer: SocketAddr, local: SocketAddr) -> usize {
        let sizes = (self.weather.buffer(&mut self.random), self.weather.buffer(&mut self.random));
        self.streams.push(Stream::new(peer, local, sizes));
        self.streams.len() - 1
    }

    /// Lets a peer send or end something, and wakes what waits for that. Reading wakes no peer: room is found by
    /// looking.
    pub(super) fn peer<T>(&mut self, stream: usize, act: impl FnOnce(&mut Stream) -> T) -> T {
        let result = act(&mut self.streams[stream]);
        self.wake(stream);
        result
    }

    pub(super) fn wake(&mut self, stream: usize) {
        for armed in self.armed.values_mut() {
            if let What::Stream(of) = self.files[armed.file].what {
                armed.woken |= of == stream;
            }
        }
    }

    // === The ring ===

    pub(super) fn start_accept(&mut self, fd: Fd, token: Token) {
        self.start(fd, token, Operation::Accept);
    }

    pub(super) fn start_poll(&mut self, fd: Fd, token: Token, writable: bool) {
        self.start(fd, token, if writable { Operation::PollOut } else { Operation::PollIn });
    }

    pub(super) fn start_connect(&mut self, fd: Fd, token: Token, to: SocketAddr) {
        let (delay, result) = self.weather.connect(&mut self.random);
        self.start(fd, token, Operation::Connect(self.now + delay, result, to));
    }

    fn start(&mut self, fd: Fd, token: Token, operation: Operation) {
        let file = self.file(fd);
        self.files[file].in_flight += 1;
        let armed = Armed { token, file, operation, woken: true };
        self.submissions.push(Submission::Start(armed));
    }

    pub(super) fn cancel(&mut self, token: Token) {
        self.submissions.push(Submission::Cancel(token));
    }

    /// Takes what the core submitted, in order.
    pub(super) fn submit(&mut self) {
        for submission in std::mem::take(&mut self.submissions) {
            match submission {
                Submission::Start(armed) => {
                    let former = self.armed.insert(armed.token.pack(), armed);
                    assert!(former.is_none(), "armed twice: {:?}", armed.token);
                }
                Submission::Cancel(token) => self.end_by_cancel(token),
            }
        }
    }

    /// A cancellation finds its operation, or comes too late (UR-06).
    fn end_by_cancel(&mut self, token: Token) {
        let races = self.random.percent(50);
        if races {
            // What happened before the cancellation is told before it.
            self.run_one(token.pack());
        }
        if self.armed.contains_key(&token.pack()) {
            self.finish(token.pack(), Outcome::Cancelled);
        } else {
            let outcome = Outcome::Failed(IoFault::Other(2));
            let own = Token { kind: Kind::Cancel, ..token };
            self.queue.push_back((Completion { token: own, outcome, more: false }, None));
        }
    }

    /// Queues the last completion of an operation.
    fn finish(&mut self, key: u64, outcome: Outcome) {
        let armed = self.armed.remove(&key).unwrap();
        let completion = Completion { token: armed.token, outcome, more: false };
        self.queue.push_back((completion, Some(armed.file)));
    }

    fn tell(&mut self, key: u64, outcome: Outcome) {
        // The kernel may end a multishot operation at any time (UR-05).
        if self.random.percent(self.weather.ends_multishot) {
            return self.finish(key, outcome);
        }
        let token = self.armed[&key].token;
        self.queue.push_back((Completion { token, outcome, more: true }, None));
    }

    /// Turns what happened into completions. `all`: nothing is left for later.
    pub(super) fn run_work(&mut self, all: bool) {
        let keys: Vec<u64> = self.armed.keys().copied().collect();
        for key in keys {
            if all || !self.random.percent(self.weather.delays) {
                self.run_one(key);
            }
        }
    }

    fn run_one(&mut self, key: u64) {
        let Some(armed) = self.armed.get_mut(&key) else { return };
        let woken = std::mem::take(&mut armed.woken);
        let Armed { file, operation, .. } = *armed;
        match (operation, self.files[file].what) {
            (Operation::Accept, What::Listener(listener)) => self.run_accept(key, listener),
            (Operation::Connect(due, result, to), _) if due <= self.now => {
                self.run_connect(key, file, result, to);
            }
            // Several wake-ups before the work runs are one completion (K-RING-3).
            (Operation::PollIn, What::Stream(stream)) if woken => {
                let stream = &mut self.streams[stream];
                if stream.is_readable() {
                    let ready = stream.ready();
                    stream.end_told |= ready.complete;
                    self.tell(key, Outcome::Ready(ready));
                }
            }
            (Operation::PollOut, What::Stream(stream)) => {
                let stream = &self.streams[stream];
                if stream.is_writable() {
                    let ready = stream.ready();
                    self.finish(key, Outcome::Ready(ready));
                }
            }
            _ => {}
        }
    }

    fn run_accept(&mut self, key: u64, listener: usize) {
        while !self.backlogs[listener].is_empty() && self.armed.contains_key(&key) {
            if self.random.percent(self.weather.starves) {
                // EMFILE and ENFILE; ENOBUFS and ENOMEM.
                let fault = self.random.pick(&[IoFault::Descriptors, IoFault::Memory]);
                return self.finish(key, Outcome::Failed(fault));
            }
            let Some(stream) = self.backlogs[listener].pop_front() else { return };
            let fd = self.open(What::Stream(stream));
            self.streams[stream].moved_at = self.now;
            self.tell(key, Outcome::Accepted(fd));
        }
    }

    fn run_connect(&mut self, key: u64, file: usize, result: Result<(), IoFault>, to: SocketAddr) {
        match result {
            Ok(()) => {
                self.next_port += 1;
                let local = SocketAddr::from(([10, 0, 0, 99], self.next_port));
                let stream = self.new_stream(to, local);
                self.files[file].what = What::Stream(stream);
                self.streams[stream].moved_at = self.now;
                self.arrivals.push(stream);
                self.finish(key, Outcome::Connected);
            }
            Err(fault) => self.finish(key, Outcome::Failed(fault)),
        }
    }

    /// Hands completions over. Those of different operations may overtake each other, unless `all`.
    pub(super) fn deliver(&mut self, all: bool, completions: &mut Vec<Completion>) {
        let mut held = Vec::new();
        let delays = if all { 0 } else { self.weather.delays };
        for (completion, last_of) in std::mem::take(&mut self.queue) {
            let token = completion.token;
            if held.contains(&token) || self.random.percent(delays) {
                held.push(token);
                self.queue.push_back((completion, last_of));
                continue;
            }
            if let Some(file) = last_of {
                self.files[file].in_flight -= 1;
            }
            completions.push(completion);
        }
    }

    /// No connection is kept for ever: whatever its peer does, some timeout ends it, unless relays have all the time.
    pub(super) fn assert_none_kept(&self, next: u64) {
        if self.weather.idle_timeout == Duration::MAX {
            return;
        }
        let open = |file: &&File| !file.closed;
        for file in self.files.iter().filter(open) {
            let What::Stream(index) = file.what else { continue };
            let stream = &self.streams[index];
            let long = next - stream.moved_at;
            assert!(
                long < KEPT_MS_MAX,
                "nothing moves for {long} ms and neither side ends {stream:?}"
            );
        }
    }

    /// When something happens by itself.
    pub(super) fn next_event(&self) -> Option<u64> {
        let due = |armed: &Armed| match armed.operation {
            Operation::Connect(due, ..) => Some(due),
            _ => None,
        };
        self.armed.values().filter_map(due).min()
    }
}

/// More than the longest timeout, that of an idle relay.
const KEPT_MS_MAX: u64 = 32 * 60_000;
