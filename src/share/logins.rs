//! Counts of logins by protocol, mechanism and result, how long they took, and how sessions ended: of one data core, for metrics.
//!
//! Decides: which number an event belongs to. Does not: write it down (`control::admin`). One writer, any reader, as
//! with `counters`. A login adds to some fifteen numbers; bytes that are relayed to none. Tests: below.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::event::{Details, EndedBy, LoginStep, Privacy, Spent};
use crate::fault::Failure;
use crate::names::Protocol;
use crate::names::mechanism::Mechanism;

/// Upper bounds of the histograms, in milliseconds: from a login on the same host to one that waits for a slow password database.
pub const BOUNDS_MS: [u64; BOUNDS] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
const BOUNDS: usize = 13;

const PROTOCOLS: usize = Protocol::ALL.len();
const STEPS: usize = LoginStep::ALL.len();
/// The last one is none: no mechanism was chosen, or the protocol has none.
const MECHANISMS: usize = Mechanism::ALL.len() + 1;
/// The first one is success.
const RESULTS: usize = Failure::ALL.len() + 1;
const ENDS: usize = EndedBy::ALL.len();

/// How clients come, in the order of the counts.
pub const TRANSPORTS: [&str; 5] = ["clear", "trusted", "tls_in_front", "TLSv1.2", "TLSv1.3"];

/// Numbers of one core.
#[derive(Debug)]
pub struct Logins {
    results: [[[Cell; RESULTS]; MECHANISMS]; PROTOCOLS],
    transports: [[Cell; TRANSPORTS.len()]; PROTOCOLS],
    took: [Times; PROTOCOLS],
    steps: [Times; STEPS],
    ended: [[Cell; ENDS]; PROTOCOLS],
}

/// A number that one thread adds to.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl Cell {
    /// Only the owning core calls this, so load and store need not be one operation.
    fn add(&self, by: u64) {
        self.0.store(self.get().wrapping_add(by), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something took how long.
#[derive(Debug, Default)]
struct Times {
    counts: [Cell; BOUNDS + 1],
    sum: Cell,
}

impl Times {
    fn add(&self, milliseconds: u64) {
        let place = BOUNDS_MS.iter().position(|bound| milliseconds < *bound).unwrap_or(BOUNDS);
        if let Some(count) = self.counts.get(place) {
            count.add(1);
        }
        self.sum.add(milliseconds);
    }
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            results: std::array::from_fn(|_| {
                std::array::from_fn(|_| std::array::from_fn(|_| Cell::default()))
            }),
            transports: Default::default(),
            took: Default::default(),
            steps: Default::default(),
            ended: Default::default(),
        }
    }
}

impl Logins {
    /// A login succeeded.
    pub fn succeeded(&self, protocol: Protocol, details: &Details, took: Duration) {
        self.result(protocol, details.mechanism, 0);
        add(self.transports.get(protocol as usize), transport(details.privacy));
        if let Some(times) = self.took.get(protocol as usize) {
            times.add(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
        self.spent(&details.spent);
    }

    /// A login failed. `mechanism`: none where none was chosen.
    pub fn failed(&self, protocol: Protocol, mechanism: Option<&str>, failure: Failure) {
        self.result(protocol, mechanism, failure as usize + 1);
    }

    /// A session ended after login.
    pub fn ended(&self, protocol: Protocol, by: EndedBy) {
        add(self.ended.get(protocol as usize), by as usize);
    }

    fn result(&self, protocol: Protocol, mechanism: Option<&str>, result: usize) {
        let of_protocol = self.results.get(protocol as usize);
        add(of_protocol.and_then(|all| all.get(place(mechanism))), result);
    }

    fn spent(&self, spent: &Spent) {
        for (step, times) in LoginStep::ALL.into_iter().zip(&self.steps) {
            if let Some(milliseconds) = spent.of(step) {
                times.add(milliseconds.into());
            }
        }
    }
}

fn add<const N: usize>(cells: Option<&[Cell; N]>, place: usize) {
    if let Some(cell) = cells.and_then(|cells| cells.get(place)) {
        cell.add(1);
    }
}

fn place(mechanism: Option<&str>) -> usize {
    let known = Mechanism::ALL.iter().position(|known| mechanism == Some(known.name()));
    known.unwrap_or(MECHANISMS - 1)
}

fn transport(privacy: Privacy) -> usize {
    match privacy {
        Privacy::None | Privacy::Handshaking => 0,
        Privacy::Trusted => 1,
        Privacy::TlsInFront => 2,
        Privacy::Tls(security) => 3 + usize::from(security.version() == "TLSv1.3"),
    }
}

/// The numbers of all cores together, for a reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginTotals {
    /// Protocol, mechanism (`none` where none was chosen), result (`ok` or a failure's code), and how many. Without those that were
    /// never counted.
    pub results: Vec<(Protocol, &'static str, &'static str, u64)>,
    /// Protocol, one of [`TRANSPORTS`], and how many.
    pub transports: Vec<(Protocol, &'static str, u64)>,
    /// How long logins took.
    pub took: Vec<(Protocol, Taken)>,
    /// How long their steps took.
    pub steps: Vec<(LoginStep, Taken)>,
    /// Sessions by protocol and who ended them.
    pub ended: Vec<(Protocol, EndedBy, u64)>,
}

/// How often something took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Below each of [`BOUNDS_MS`] and not below the one before; at last those above all.
    pub counts: [u64; BOUNDS + 1],
    /// All of them together, in milliseconds.
    pub sum_ms: u64,
}

impl Taken {
    fn of<'a>(cores: impl Iterator<Item = &'a Times>) -> Self {
        let mut taken = Self::default();
        for times in cores {
            for (sum, cell) in taken.counts.iter_mut().zip(&times.counts) {
                *sum = sum.wrapping_add(cell.get());
            }
            taken.sum_ms = taken.sum_ms.wrapping_add(times.sum.get());
        }
        taken
    }
}

impl LoginTotals {
    /// Those of all cores.
    pub fn of<'a>(cores: impl Iterator<Item = &'a Logins> + Clone) -> Self {
        let sum = |cell: &dyn Fn(&'a Logins) -> &'a Cell| {
            cores.clone().map(|core| cell(core).get()).fold(0, u64::wrapping_add)
        };
        let mut totals = Self::default();
        for (p, protocol) in Protocol::ALL.into_iter().enumerate() {
            for m in 0..MECHANISMS {
                let mechanism = Mechanism::ALL.get(m).map_or("none", |known| known.name());
                for r in 0..RESULTS {
                    let count = sum(&|core| &core.results[p][m][r]);
                    if count > 0 {
                        let failure = r.checked_sub(1).and_then(|at| Failure::ALL.get(at));
                        let result = failure.map_or("ok", |failure| failure.code());
                        totals.results.push((protocol, mechanism, result, count));
                    }
                }
            }
            for (t, transport) in TRANSPORTS.into_iter().enumerate() {
                let count = sum(&|core| &core.transports[p][t]);
                totals.transports.push((protocol, transport, count));
            }
            let took = Taken::of(cores.clone().map(|core| &core.took[p]));
            totals.took.push((protocol, took));
            for by in EndedBy::ALL {
                let count = sum(&|core| &core.ended[p][by as usize]);
                totals.ended.push((protocol, by, count));
            }
        }
        for step in LoginStep::ALL {
            let taken = Taken::of(cores.clone().map(|core| &core.steps[step as usize]));
            totals.steps.push((step, taken));
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Security;

    fn details(mechanism: Mechanism, privacy: Privacy, spent: Spent) -> Details {
        let nowhere = std::net::SocketAddr::from(([192, 0, 2, 1], 143)).into();
        Details {
            local: nowhere,
            socket: nowhere,
            own: nowhere,
            local_name: None,
            mechanism: Some(mechanism.name()),
            privacy,
            group: None,
            spent,
        }
    }

    #[test]
    fn what_happened_on_all_cores_is_found_under_its_own_labels() {
        let cores = [Logins::default(), Logins::default()];
        let mut spent = Spent::default();
        spent.add(LoginStep::Connect, Duration::from_millis(3));
        let of = |mechanism, privacy| details(mechanism, privacy, spent);
        let tls = Privacy::Tls(Security::Tls13Aes128);
        let took = Duration::from_millis(1);
        cores[0].succeeded(Protocol::Imap, &of(Mechanism::Plain, tls), took);
        cores[1].succeeded(Protocol::Imap, &of(Mechanism::Plain, tls), Duration::from_mins(1));
        cores[1].succeeded(Protocol::Pop3, &of(Mechanism::ScramSha256, Privacy::Trusted), took);
        cores[1].failed(Protocol::Lmtp, None, Failure::Referred);
        cores[0].ended(Protocol::Imap, EndedBy::Internal);
        let totals = LoginTotals::of(cores.iter());
        assert_eq!(
            totals.results,
            [
                (Protocol::Imap, "PLAIN", "ok", 2),
                (Protocol::Pop3, "SCRAM-SHA-256", "ok", 1),
                (Protocol::Lmtp, "none", "auth_nologin_referral", 1)
            ]
        );
        let counted = |it: &(Protocol, &str, u64)| it.2 > 0;
        let transports: Vec<_> = totals.transports.into_iter().filter(counted).collect();
        assert_eq!(transports, [(Protocol::Imap, "TLSv1.3", 2), (Protocol::Pop3, "trusted", 1)]);
        let (protocol, taken) = &totals.took[0];
        assert_eq!((*protocol, taken.sum_ms), (Protocol::Imap, 60_001));
        assert_eq!((taken.counts[0], taken.counts[1], taken.counts[BOUNDS]), (0, 1, 1));
        for (step, taken) in totals.steps {
            let expected = if step == LoginStep::Connect { (9, 3) } else { (0, 0) };
            assert_eq!((taken.sum_ms, taken.counts.iter().sum()), expected, "{step:?}");
        }
        let ended: Vec<_> = totals.ended.into_iter().filter(|it| it.2 > 0).collect();
        assert_eq!(ended, [(Protocol::Imap, EndedBy::Internal, 1)]);
    }

    #[test]
    fn the_words_and_places_of_all_labels_are_different() {
        for (place, by) in EndedBy::ALL.into_iter().enumerate() {
            assert_eq!(by as usize, place);
        }
        for (place, failure) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(failure as usize, place);
            let same = Failure::ALL.iter().filter(|other| other.code() == failure.code());
            assert_eq!(same.count(), 1, "{}", failure.code());
        }
        for (at, step) in LoginStep::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, at);
        }
        for (at, protocol) in Protocol::ALL.into_iter().enumerate() {
            assert_eq!(protocol as usize, at);
        }
    }
}
