//! One login, from credentials to its one answer: which step hears what, how long each may take, and when a refusal is told.
//!
//! Decides: what an input means in each step (one that comes at another is none), that the client hears from time to time that
//! its login is under way, until when a refusal is held back (W-FAIL-5). Does not: decide what follows a step; `verdict`,
//! `routing` and `backend` do. Driver: `machine`. Tests: `tests/transcripts/session`, `tests/pure/session`.

use super::history::Marks;
use super::input::Input;
use super::output::{BoundFor, Wish};
use super::routing;
use super::step::{Delay, Failed, InDialogue, LoggedIn, Next, Refusal, Scene, Securing, Step};
use super::verdict;
use crate::auth::delay;
use crate::event::{Event, Subject};
use crate::front::Front;
use crate::limits;
use crate::preauth::Credentials;
use crate::preauth::sasl::Unusable;
use crate::tick::Tick;

/// A login under way.
#[derive(Debug)]
pub(super) struct Login {
    /// When the last byte of the credentials arrived: failures are answered relative to it (W-FAIL-5).
    received: Tick,
    /// When the client hears next that its login is under way (W-PIPE-5).
    reassure_at: Tick,
    /// When the step has taken too long, or has waited long enough.
    step_deadline: Tick,
    /// When the backend has been silent for so long that it is doubted (R-PROBE-3); none: none is waited for.
    doubt_at: Option<Tick>,
    step: Step,
    /// For log lines.
    marks: Marks,
}

// Lives as long as a login takes; what is large in it is boxed.
const _: () = assert!(size_of::<Login>() <= 320);

/// What an input came to.
pub(super) enum Progress {
    UnderWay,
    /// The client is to be sent this challenge.
    Challenged(Box<[u8]>),
    /// The client has not answered its challenge in time.
    Unanswered,
    /// It is time to refuse.
    Refused(Refusal),
    /// The backend said OK to credentials that came at that time.
    LoggedIn(LoggedIn, Tick),
}

impl Login {
    /// A client presented credentials.
    pub(super) fn begin(credentials: Credentials, scene: &mut Scene<'_>) -> (Self, Progress) {
        scene.marks = Marks::of(Some(credentials.mechanism));
        let next = verdict::ask(credentials, scene);
        Self::with(next, scene)
    }

    /// A client presented something that no database has to be asked about.
    pub(super) fn begin_unasked(unusable: Unusable, scene: &mut Scene<'_>) -> (Self, Progress) {
        scene.marks = Marks::of(None);
        Self::with(verdict::refuse_unasked(unusable), scene)
    }

    fn with(next: Next, scene: &mut Scene<'_>) -> (Self, Progress) {
        let now = scene.now;
        let mut login = Self {
            received: now,
            reassure_at: now.after(limits::STILL_WORKING_EVERY),
            step_deadline: now,
            doubt_at: None,
            step: Step::none(),
            marks: scene.marks,
        };
        let progress = login.enter(next, scene);
        (login, progress)
    }

    /// Takes one thing that happened. What comes at another step than the one that waits for it counts for nothing.
    pub(super) fn on(&mut self, input: Input<'_>, scene: &mut Scene<'_>) -> Progress {
        scene.marks = self.marks;
        if self.is_challenged() && matches!(input, Input::Deadline) {
            return Progress::Unanswered;
        }
        let is_heard = matches!(input, Input::Backend(_));
        let next = match (std::mem::replace(&mut self.step, Step::none()), input) {
            (Step::Verdict(asked), Input::Verdict { answer, earlier_failures }) => {
                asked.answered(*answer, earlier_failures, scene)
            }
            (Step::Verdict(asked), Input::Challenge(message)) => asked.challenged(message),
            (Step::Verdict(asked), Input::Deadline) => asked.unanswered(),
            (step, Input::TurnCame) => {
                self.received = scene.now;
                Next::Stay(step)
            }

            (Step::Waiting(granted), Input::Deadline) => routing::ask_first(granted, scene),

            (Step::Route(routing), Input::Route(answer)) => routing.answered(answer, scene),
            (Step::Route(routing), Input::Deadline) => routing.unanswered(),

            (Step::Held(routing), Input::Deadline) => routing.ask_on(scene),

            (Step::Connecting(at), Input::Connected) => at.connected(scene),
            (Step::Connecting(at), Input::BackendDown) => at.down(scene),
            (Step::Connecting(at), Input::BackendFull) => at.full(scene),
            (Step::Connecting(at), Input::CannotConnect(what)) => at.end_for_lack(what, scene),
            (Step::Connecting(at), Input::BackendBroken(reason)) => at.unreachable(reason, scene),
            (Step::Connecting(at), Input::Deadline) => at.unreachable("timed out", scene),

            (Step::SecuringBackend(at), Input::BackendSecured) => at.secured(scene),
            (Step::SecuringBackend(at), Input::BackendInsecure { word, is_lasting }) => {
                at.insecure(word, is_lasting, scene)
            }
            (Step::SecuringBackend(at), Input::BackendBroken(reason)) => at.broken(reason, scene),
            (Step::SecuringBackend(at), Input::Deadline) => at.late(scene),

            (Step::InDialogue(at), Input::Backend(bytes)) => at.read(bytes, scene),
            (Step::InDialogue(at), Input::Derived(derived)) => at.derived(derived, scene),
            (Step::InDialogue(at), Input::BackendEnd) => at.ended(scene),
            (Step::InDialogue(at), Input::BackendInsecure { word, is_lasting }) => {
                at.insecure(word, is_lasting, scene)
            }
            (Step::InDialogue(at), Input::BackendBroken(reason)) => at.broken(reason, scene),
            (Step::InDialogue(at), Input::Deadline) => at.late(scene),

            (Step::Challenged(leader), Input::Answer(message)) => leader.hears(&message, scene),

            (
                Step::Connecting(at)
                | Step::SecuringBackend(Securing { at, .. })
                | Step::InDialogue(InDialogue { at, .. }),
                Input::Rerouted,
            ) => routing::ask_anew(at, scene),

            (Step::Pausing(granted, tries), Input::Deadline) => {
                routing::ask_again(granted, tries, scene)
            }

            (Step::Refused(_, refusal), Input::Deadline) => return Progress::Refused(refusal),

            (step, _) => Next::Stay(step),
        };
        let progress = self.enter(next, scene);
        if is_heard && self.doubt_at.is_some() {
            self.doubt_at = Some(scene.now.after(limits::BACKEND_SILENT_AFTER));
        }
        progress
    }

    /// Time has passed: a backend that has been silent for too long is doubted, again and again.
    pub(super) fn doubt_if_silent(&mut self, scene: &mut Scene<'_>) {
        if self.doubt_at.is_some_and(|at| at <= scene.now) {
            self.doubt_at = Some(scene.now.after(limits::BACKEND_SILENT_AFTER));
            if let Some(at) = self.step.at_backend() {
                at.doubt(scene);
            }
        }
    }

    /// Whether the client is to hear that its login is under way.
    pub(super) fn is_reassurance_due(&self, now: Tick) -> bool {
        self.reassure_at <= now
    }

    /// The client has been told that its login is under way.
    pub(super) fn reassured(&mut self, now: Tick) {
        self.reassure_at = now.after(limits::STILL_WORKING_EVERY);
    }

    fn enter(&mut self, next: Next, scene: &mut Scene<'_>) -> Progress {
        let progress = self.take_up(next, scene);
        self.marks.enter(scene.now, self.step.log_step());
        progress
    }

    fn take_up(&mut self, next: Next, scene: &mut Scene<'_>) -> Progress {
        match next {
            Next::Step(step, until) => {
                let is_waiting = step.has_backend();
                self.step = step;
                self.step_deadline = until;
                self.doubt_at = is_waiting.then(|| scene.now.after(limits::BACKEND_SILENT_AFTER));
                Progress::UnderWay
            }
            Next::Stay(step) => {
                self.step = step;
                Progress::UnderWay
            }
            Next::Challenge(leader, message) => {
                self.step = Step::Challenged(leader);
                self.step_deadline = scene.now.after(limits::SASL_ANSWER_TIMEOUT);
                self.doubt_at = None;
                Progress::Challenged(message)
            }
            Next::Failed(failed) => self.fail(failed, scene),
            Next::LoggedIn(logged_in) => Progress::LoggedIn(logged_in, self.received),
        }
    }

    /// The login failed for good. Refused credentials are answered late, everything else at once.
    fn fail(&mut self, failed: Failed, scene: &mut Scene<'_>) -> Progress {
        let Failed { who, refusal, detail, delay } = failed;
        let failure = refusal.failure;
        let subject = who.subject(scene.front);
        scene.history.login_failed(self.received, failure, &subject, &self.marks);
        let (details, detail) = (scene.details(), detail.into());
        scene.outbox.wish(Wish::Report(Event::LoginFailed { subject, details, failure, detail }));
        let Some(delay) = delay.filter(|_| failure.is_delayed()) else {
            return Progress::Refused(refusal);
        };
        self.step_deadline = self.refusal_due(delay, scene);
        self.doubt_at = None;
        self.step = Step::Refused(who, refusal);
        Progress::UnderWay
    }

    /// When a refusal may be told.
    fn refusal_due(&self, delay: Delay, scene: &mut Scene<'_>) -> Tick {
        let seed = *scene.seed;
        *scene.seed = delay::next_seed(seed);
        let base = scene.settings.failure_delay;
        let at = delay::reply_at(self.received, base, delay.earlier_failures, seed);
        let not_before = delay.not_before.unwrap_or(scene.now);
        at.max(scene.now).max(not_before.min(scene.now.after(limits::DELAY_UNTIL_MAX)))
    }

    /// When the step has taken too long, or has waited long enough.
    pub(super) fn step_deadline(&self) -> Tick {
        self.step_deadline
    }

    /// When the login wants to be told that time passed, the client to hear that its login is under way, or the backend is
    /// doubted.
    pub(super) fn deadline(&self) -> Tick {
        let doubt_at = self.doubt_at.unwrap_or(self.step_deadline);
        self.step_deadline.min(self.reassure_at).min(doubt_at)
    }

    /// How many bytes of the backend are taken now.
    pub(super) fn backend_room(&self) -> usize {
        self.step.backend_room()
    }

    /// Whether there is a connection to a backend, or one on its way.
    pub(super) fn has_backend(&self) -> bool {
        self.step.has_backend()
    }

    /// Whether it failed, and the client has not been told yet.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.step, Step::Refused(..))
    }

    /// Whether the client has been sent a challenge and has to answer it.
    pub(super) fn is_challenged(&self) -> bool {
        matches!(self.step, Step::Challenged(_))
    }

    /// The step's name, for the administrator.
    pub(super) fn step_name(&self) -> &'static str {
        self.step.name()
    }

    /// What the log tells of it.
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The granted user, and where the login goes.
    pub(super) fn bound_for(&self) -> Option<BoundFor<'_>> {
        self.step.bound_for()
    }

    /// Who it is about.
    pub(super) fn subject(&self, front: &Front) -> Subject {
        self.step.subject(front)
    }
}
