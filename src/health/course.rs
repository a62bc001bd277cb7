//! One backend by one protocol, as this proxy's probes and logins find it (R-PROBE-1, R-PROBE-2, R-PROBE-3).
//!
//! ```text
//!            a probe or a login fails              three in a row, or seven of ten
//!   Up ─────────────────────────────► Suspect ───────────────────────────────► Down
//!    ▲          logged in                │                                      │
//!    └───────────────────────────────────┴──────────── two in a row ◄───────────┘
//! ```

use std::time::Duration;

use crate::fault::Failure;
use crate::limits;
use crate::tick::Tick;

/// What a probe has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It logs the test user in.
    Well,
    /// It speaks, and refuses the test user: the account is wrong, and the backend is not to blame.
    TestUserRefused,
    /// The connection was refused, or closed before a word was said.
    Gone,
    /// No end within the time for it.
    Silent,
    /// Another failure: of TLS, of the protocol, of the login for now.
    Unwell,
}

impl Finding {
    /// Of a login's failure. `is_mute`: the backend has not said a word.
    #[must_use]
    pub fn of(failure: Failure, is_mute: bool) -> Self {
        match failure {
            Failure::Connect => Self::Gone,
            Failure::Remote if is_mute => Self::Gone,
            Failure::Credentials
            | Failure::NotAuthorized
            | Failure::Privacy
            | Failure::Expired
            | Failure::Disabled
            | Failure::Limit
            | Failure::RedirectFailed
            | Failure::Referred => Self::TestUserRefused,
            Failure::Unavailable
            | Failure::Remote
            | Failure::Protocol
            | Failure::Internal
            | Failure::InternalConfig
            | Failure::RemoteConfig
            | Failure::BackendTempFail => Self::Unwell,
        }
    }
}

/// What a backend counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Logins succeed, as far as is known.
    Up,
    /// Something failed; probes look again and again.
    Suspect,
    /// It has failed for good, until it logs the test user in twice.
    Down,
}

/// A state that has just begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something failed.
    Suspected,
    /// It was nothing.
    Cleared,
    /// It is down.
    Fell,
    /// It was down, and is back.
    Rose,
}

/// See the module's documentation.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    course: Course,
    last_well: Option<Tick>,
    /// Probes in a row that logged in.
    wells: u8,
    /// When a probe is due; none: one is in flight.
    due: Option<Tick>,
    /// A login failed while a probe was in flight that had begun before.
    is_doubted: bool,
    /// When the last probe ended.
    probed: Option<Tick>,
    /// When the last probe began, and the last of those that found it not well.
    begun: Option<Tick>,
    failed: Option<Tick>,
}

#[derive(Clone, Copy, Debug)]
enum Course {
    Up,
    Suspect(Suspicion),
    Down { first: Tick, wells: u8 },
}

#[derive(Clone, Copy, Debug)]
struct Suspicion {
    /// The failure that began it.
    first: Tick,
    /// Probes in a row that found it gone or silent.
    absences: u8,
    /// A login has failed, too.
    logins_agree: bool,
    /// All probes since, and those that failed.
    tries: u8,
    failures: u8,
    /// Probes in a row that logged in.
    wells: u8,
}

impl Health {
    /// Nothing is known yet. `spread`: per mille of the interval until the first probe, so that they do not come all at once.
    #[must_use]
    pub fn new(now: Tick, spread: u16) -> Self {
        let wait = limits::PROBE_EVERY.mul_f64(f64::from(spread.min(1000)) / 1000.0);
        Self {
            course: Course::Up,
            last_well: None,
            wells: 0,
            due: Some(now.after(wait)),
            is_doubted: false,
            probed: None,
            begun: None,
            failed: None,
        }
    }

    /// What it counts as.
    #[must_use]
    pub fn state(&self) -> State {
        match self.course {
            Course::Up => State::Up,
            Course::Suspect(_) => State::Suspect,
            Course::Down { .. } => State::Down,
        }
    }

    /// When the next probe is due; none while one is in flight.
    #[must_use]
    pub fn due(&self) -> Option<Tick> {
        self.due
    }

    /// The failure that began what it counts as now; none: it is up.
    #[must_use]
    pub fn first_failure(&self) -> Option<Tick> {
        match self.course {
            Course::Up => None,
            Course::Suspect(Suspicion { first, .. }) | Course::Down { first, .. } => Some(first),
        }
    }

    /// When a probe or a login last succeeded.
    #[must_use]
    pub fn last_well(&self) -> Option<Tick> {
        self.last_well
    }

    /// When the last probe began that found it not well.
    #[must_use]
    pub fn last_failed(&self) -> Option<Tick> {
        self.failed
    }

    /// Whether probes have logged in so often in a row that it can be said to be back.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.wells >= RISE
    }

    /// It has been taken out: what probes found before counts no more.
    pub fn prove_again(&mut self) {
        self.wells = 0;
    }

    /// Looks as soon as may be: another backend fails, and it has to be known whether it is our own doing.
    pub fn hasten(&mut self, now: Tick) {
        self.due = self.due.map(|due| due.min(now));
    }

    /// The same, for a reason that may come again and again: once a second at most.
    pub fn look_soon(&mut self, now: Tick) {
        let earliest = self.probed.map_or(now, |at| at.after(limits::PROBE_PAUSE).max(now));
        self.hasten(earliest);
    }

    /// A probe begins. At most one is in flight (R-PROBE-2).
    pub fn begin(&mut self, now: Tick) {
        self.begun = Some(now);
        self.due = None;
        self.is_doubted = false;
    }

    /// The probe could not be made, for a reason of ours: nothing was found.
    pub fn put_off(&mut self, now: Tick) {
        self.due = Some(now.after(limits::PROBE_AGAIN));
    }

    /// The probe has ended. `jitter`: per mille, so that the probes of many backends drift apart.
    pub fn end(&mut self, finding: Finding, now: Tick, jitter: u16) -> Option<Change> {
        let before = self.state();
        self.probed = Some(now);
        self.course = match (self.course, finding) {
            (Course::Down { first, wells }, Finding::Well) if wells + 1 < RISE => {
                Course::Down { first, wells: wells + 1 }
            }
            (Course::Down { .. } | Course::Up, Finding::Well) => Course::Up,
            (Course::Down { first, .. }, _) => Course::Down { first, wells: 0 },
            (Course::Up, Finding::TestUserRefused) => Course::Up,
            (Course::Up, failed) => Suspicion::beginning(now).with(failed),
            (Course::Suspect(suspicion), found) => suspicion.with(found),
        };
        if finding == Finding::Well {
            self.last_well = Some(now);
            self.wells = self.wells.saturating_add(1);
        } else {
            self.wells = 0;
            self.failed = self.begun;
        }
        let pause = match self.course {
            // A login that failed meanwhile may know something newer.
            Course::Up if self.is_doubted => Duration::ZERO,
            Course::Up => limits::PROBE_EVERY,
            Course::Suspect(_) => match finding {
                Finding::Silent => Duration::ZERO,
                Finding::Gone => limits::PROBE_AGAIN_GONE,
                Finding::Well | Finding::TestUserRefused | Finding::Unwell => limits::PROBE_AGAIN,
            },
            Course::Down { wells: 0, .. } => limits::PROBE_DOWN_EVERY,
            Course::Down { .. } => limits::PROBE_AGAIN,
        };
        let jitter = pause.mul_f64(f64::from(jitter.min(1000)) / 10_000.0);
        self.due = Some(now.after(pause + jitter));
        self.changed_from(before)
    }

    /// A login succeeded there: as good as a probe (R-PROBE-3).
    pub fn login_succeeded(&mut self, at: Tick) -> Option<Change> {
        let before = self.state();
        self.last_well = self.last_well.max(Some(at));
        match self.course {
            Course::Up => {
                let next = at.after(limits::PROBE_EVERY);
                self.due = self.due.map(|due| due.max(next));
            }
            Course::Suspect(suspicion) if at > suspicion.first => {
                self.course = Course::Up;
                let next = at.after(limits::PROBE_EVERY);
                self.due = self.due.map(|due| due.max(next));
            }
            // None is sent there: it began before. It has to rise by probes.
            Course::Suspect(_) | Course::Down { .. } => {}
        }
        self.changed_from(before)
    }

    /// A login failed there, or waits in vain: probes look at once (R-PROBE-3). Logins that fail while probes succeed, for a
    /// user's reason perhaps, do not make a probe each.
    pub fn login_failed(&mut self, now: Tick) -> Option<Change> {
        let before = self.state();
        match &mut self.course {
            Course::Up => {
                let is_known = self.last_well.is_some_and(|at| now.since(at) < limits::PROBE_PAUSE)
                    && self.probed.is_some_and(|at| now.since(at) < limits::PROBE_PAUSE);
                if is_known {
                    let at = self.probed.unwrap_or(now).after(limits::PROBE_PAUSE);
                    self.due = self.due.map(|due| due.min(at));
                    return None;
                }
                let suspicion = Suspicion { logins_agree: true, ..Suspicion::beginning(now) };
                self.course = Course::Suspect(suspicion);
                self.is_doubted = self.due.is_none();
                self.due = self.due.map(|_| now);
            }
            Course::Suspect(suspicion) => suspicion.logins_agree = true,
            Course::Down { .. } => {}
        }
        self.changed_from(before)
    }

    fn changed_from(&self, before: State) -> Option<Change> {
        match (before, self.state()) {
            (State::Up, State::Suspect) => Some(Change::Suspected),
            (State::Suspect, State::Up) => Some(Change::Cleared),
            (State::Up | State::Suspect, State::Down) => Some(Change::Fell),
            (State::Down, State::Up | State::Suspect) => Some(Change::Rose),
            _ => None,
        }
    }
}

impl Suspicion {
    fn beginning(first: Tick) -> Self {
        Self { first, absences: 0, logins_agree: false, tries: 0, failures: 0, wells: 0 }
    }

    fn with(mut self, found: Finding) -> Course {
        match found {
            Finding::Well if !self.is_mixed() => return Course::Up,
            // It speaks, and what it says of the test user tells nothing of others.
            Finding::TestUserRefused => return Course::Up,
            Finding::Well => (self.wells, self.absences) = (self.wells.saturating_add(1), 0),
            Finding::Gone | Finding::Silent => {
                (self.wells, self.absences) = (0, self.absences.saturating_add(1));
            }
            Finding::Unwell => (self.wells, self.absences) = (0, 0),
        }
        self.tries = self.tries.saturating_add(1);
        self.failures = self.failures.saturating_add(u8::from(found != Finding::Well));
        let absences = self.absences.saturating_add(u8::from(self.logins_agree));
        let is_absent = self.absences >= ABSENT_PROBES_MIN && absences >= ABSENT;
        if is_absent || (self.tries <= TRIES && self.failures >= FAILURES_OF_TRIES) {
            return Course::Down { first: self.first, wells: 0 };
        }
        if self.wells >= RISE || self.tries >= TRIES { Course::Up } else { Course::Suspect(self) }
    }

    /// Whether its own probes have failed for other reasons than absence: then one success ends no suspicion.
    fn is_mixed(&self) -> bool {
        self.failures > self.absences
    }
}

/// Failures in a row of a backend that is not there; a login's is one of them.
const ABSENT: u8 = 3;
/// At least so many of them are probes of ours.
const ABSENT_PROBES_MIN: u8 = 2;
/// Of so many probes of a backend that is there and does not work …
const TRIES: u8 = 10;
/// … so many fail.
const FAILURES_OF_TRIES: u8 = 7;
/// Logins in a row that bring it back.
const RISE: u8 = 2;

#[cfg(test)]
mod tests;
