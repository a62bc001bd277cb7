//! The one table of what may go wrong with a server that logins depend on, gone through with each of them under logins that do not
//! stop: whom Hale knows gets in, others hear that it is for now, and soon after the end all is as before (DB-05, DB-07, SA-08, SA-15).

#![expect(clippy::print_stdout, reason = "figures for the one who runs it with --nocapture")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::faulty::{FaultyBackends, address_of};
use super::hale::{Hale, Setup};
use super::middleman::{Carries, Middleman};
use super::outage::{Length, Times};
use super::speech::IMAP;
use super::wait::{PATIENCE, poll, timed, wait_for};
use super::web_service::Shared;

mod servers;

/// A server, and what is done to it.
trait Server {
    fn signal(&mut self, signal: Signal);
    fn kill(&mut self);
    fn start_again(&mut self);
    /// From now on it answers by another schema, or by its own again. False: there is no other.
    fn reshape(&mut self, to_another: bool) -> bool;
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It closes all connections, which are idle.
    HangsUp,
    /// It is stopped; the kernel goes on taking connections.
    Stopped,
    /// Its answers come when all have been given up.
    Late,
    Nonsense,
    Twice,
    AnotherSchema,
    /// It is gone, and comes back.
    Killed,
    /// The same between two questions.
    Restarted,
}

const FAULTS: [Fault; 8] = [
    Fault::HangsUp,
    Fault::Stopped,
    Fault::Late,
    Fault::Nonsense,
    Fault::Twice,
    Fault::AnotherSchema,
    Fault::Killed,
    Fault::Restarted,
];

/// What Hale has of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Answers, which are remembered.
    UserDb,
    /// What it needs to decide by itself; without it from the start it lets nobody in.
    Keys,
    /// An opinion that logins go on without.
    Policy,
}

/// What a stranger hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// No, for good; where strangers are a matter of opinion, yes.
    Usual,
    ForNow,
}

/// Hale, before which the server is, and who logs in.
struct Scene<L> {
    hale: Hale,
    kind: Kind,
    middleman: Middleman,
    /// Users `known…` and `new…` have to be let in, `eve…` never; the tagged reply.
    log_in: L,
    /// What the line about its silence names.
    told: Vec<String>,
    length: Length,
    /// Each stranger knocks once.
    strangers: AtomicUsize,
    _backends: Shared<FaultyBackends>,
}

impl<L: Fn(&Hale, &str) -> String + Sync> Scene<L> {
    /// `passdb` has the lines that name the middleman's port, and `told` what its silence is told with.
    fn start(
        kind: Kind,
        port: u16,
        log_in: L,
        passdb: impl FnOnce(&Setup, u16) -> String,
        told: &[&str],
    ) -> Self {
        let backends = FaultyBackends::start(IMAP.turns, vec![super::faulty::Fault::None]);
        let middleman = Middleman::before(port);
        let mut setup = Setup::new(backends.port);
        setup.put_backends(vec![address_of(0)]);
        let lines = passdb(&setup, middleman.port);
        setup.configure(&format!("auth_failure_delay = 0\nauth_cache_negative_ttl = 0\n{lines}"));
        let told = told.iter().map(|&word| word.to_owned()).collect();
        let (length, strangers) = (Length::wanted(), AtomicUsize::new(0));
        let hale = setup.start();
        Self {
            hale,
            kind,
            middleman,
            log_in,
            told,
            length,
            strangers,
            _backends: Shared::new(backends),
        }
    }

    /// The whole table.
    fn suffers(mut self, server: &mut impl Server) {
        if self.kind != Kind::Keys {
            self.expect_in("known");
        }
        let normal = match self.length.is_long {
            // Strangers knock then, too, and as often: what they cost is no fault's.
            true => self.under_logins("normal", |scene| scene.strangers_knock(Answer::Usual)),
            false => None,
        };
        for fault in FAULTS {
            if fault == Fault::AnotherSchema && !server.reshape(true) {
                continue;
            }
            self.suffer(server, fault, normal.as_ref());
        }
        assert!(!self.hale.said().contains("quince"), "a secret in the log");
        self.is_counted();
    }

    /// Each question ends in one way, and outages are outages.
    fn is_counted(&self) {
        match self.kind {
            Kind::UserDb => {
                let number = |property| self.hale.number("passdb people", property);
                assert!(number("outages") >= 2 && number("connects") >= 1);
                let ends = ["answered", "timed_out", "turned_away", "failed"];
                wait_for("every question ends", PATIENCE, || {
                    (ends.map(number).iter().sum::<u64>() == number("asked")).then_some(())
                });
            }
            Kind::Policy => {
                let number = |property| self.hale.number("policy server", property);
                assert!(number("unanswered") >= 2 && number("let_go") >= 1);
                assert_eq!(number("refused"), 0);
            }
            Kind::Keys => {}
        }
    }

    fn suffer(&mut self, server: &mut impl Server, fault: Fault, normal: Option<&Times>) {
        let lines = self.lines_of_silence();
        self.begin(server, fault);
        if self.kind == Kind::Keys {
            // Keys that are here stay here; this one comes without any.
            self.hale.crash_and_start_again();
        }
        let times =
            self.under_logins(&format!("{fault:?}"), |scene| scene.goes_wrong(fault, lines));
        if let (Fault::Stopped, Some(normal), Some(times)) = (fault, normal, &times) {
            let [now, normal] = [times, normal].map(|times| times.quantile(990).as_secs_f64());
            println!("p99 of known users: {:.2} of the normal one", now / normal);
            assert!(now <= 1.2 * normal, "{now} {normal}");
        }
        if self.kind != Kind::Keys && matches!(fault, Fault::Stopped | Fault::Killed) {
            let told = self.lines_of_silence() - lines;
            assert_eq!(told, 1, "told once: {}", self.hale.said());
        }
        self.end(server, fault);
        self.under_logins("recovery", |scene| scene.recovers(fault));
    }

    fn begin(&mut self, server: &mut impl Server, fault: Fault) {
        match fault {
            Fault::HangsUp => self.middleman.hang_up(),
            Fault::Stopped => server.signal(Signal::STOP),
            Fault::Late => self.middleman.carry(Carries::Late),
            Fault::Nonsense => self.middleman.carry(Carries::Nonsense),
            Fault::Twice => self.middleman.carry(Carries::Twice),
            Fault::AnotherSchema => {}
            Fault::Killed => {
                server.kill();
                self.middleman.go_away();
            }
            Fault::Restarted => {
                server.kill();
                server.start_again();
            }
        }
    }

    fn end(&mut self, server: &mut impl Server, fault: Fault) {
        match fault {
            Fault::HangsUp | Fault::Restarted => {}
            Fault::Stopped => server.signal(Signal::CONT),
            Fault::Late | Fault::Nonsense | Fault::Twice => self.middleman.carry(Carries::Well),
            Fault::AnotherSchema => assert!(server.reshape(false), "it was another"),
            Fault::Killed => {
                server.start_again();
                self.middleman.come_back();
            }
        }
    }

    /// Whom Hale knows logs in all the time, and gets in.
    fn under_logins(&self, what: &str, work: impl FnOnce(&Self)) -> Option<Times> {
        if self.kind == Kind::Keys {
            work(self);
            return None;
        }
        let is_over = AtomicBool::new(false);
        let log_in = || {
            let mut times = Times::default();
            // Once at least.
            loop {
                let (took, line) = timed(|| (self.log_in)(&self.hale, "known"));
                assert!(line.starts_with("a OK"), "{what}: {line}");
                times.add(took);
                // Others want the processor, too.
                poll(PAUSE, || None::<()>);
                if is_over.load(Ordering::Relaxed) {
                    break times;
                }
            }
        };
        let times = thread::scope(|scope| {
            let client = scope.spawn(log_in);
            let ender = Ender(&is_over);
            work(self);
            drop(ender);
            client.join().unwrap()
        });
        println!("{what}: known users: {}", times.told());
        Some(times)
    }

    /// What strangers hear meanwhile.
    fn goes_wrong(&self, fault: Fault, lines: usize) {
        match fault {
            // The first question behind it is answered as ever.
            Fault::HangsUp | Fault::Restarted => {}
            Fault::Stopped | Fault::Late | Fault::Killed => {
                self.is_silent(fault, lines);
                if (fault, self.length.is_long) == (Fault::Stopped, true) {
                    self.strangers_knock(Answer::ForNow);
                }
            }
            Fault::Nonsense => self.expect_for_now(&self.knock()),
            // Whatever comes of that: no stranger is let in.
            Fault::Twice | Fault::AnotherSchema => {
                for _ in 0..3 {
                    let line = self.knock();
                    assert!(self.kind == Kind::Policy || line.starts_with("a NO"), "{line}");
                }
            }
        }
        if self.kind == Kind::UserDb {
            let wait = |property, most| {
                wait_for(property, PATIENCE, || {
                    (self.hale.number("passdb people", property) <= most).then_some(())
                });
            };
            wait("waiting", 0);
            wait("connections_idle", 8);
        }
    }

    /// No answer comes: at first within the deadline, later at once; and it is told behind so many earlier lines.
    fn is_silent(&self, fault: Fault, lines: usize) {
        let knocks = thread::scope(|scope| {
            let knocks = [(); 3].map(|()| scope.spawn(|| timed(|| self.knock())));
            knocks.map(|knock| knock.join().unwrap())
        });
        for (took, line) in knocks {
            assert!(took < HANGS, "{fault:?}: {took:?}");
            self.expect_for_now(&line);
        }
        if self.kind == Kind::Keys && fault != Fault::Killed {
            return;
        }
        wait_for("the line with server and remedy", PATIENCE, || {
            self.expect_for_now(&self.knock());
            let said = self.hale.said();
            let mut news = said.lines().filter(|line| line.contains(SILENCE)).skip(lines);
            let is_told = |line: &str| self.told.iter().all(|word| line.contains(word.as_str()));
            news.any(is_told).then_some(())
        });
    }

    /// As long as an outage: one stranger a second, each answered in time.
    fn strangers_knock(&self, hears: Answer) {
        let seconds = usize::try_from(self.length.outage.as_secs()).unwrap();
        let mut longest = Duration::ZERO;
        for _ in 0..seconds {
            let (took, line) = timed(|| self.knock());
            match hears {
                Answer::Usual => self.expect_usual(&line),
                Answer::ForNow => self.expect_for_now(&line),
            }
            longest = longest.max(took);
            self.length.pass(seconds, took);
        }
        println!("strangers waited {longest:?} at most");
        assert!(longest < ANSWER_MAX, "{longest:?}");
    }

    fn recovers(&self, fault: Fault) {
        let user = new_user(fault);
        if matches!(fault, Fault::HangsUp | Fault::Restarted) {
            self.expect_in(&user);
        }
        let (took, ()) = timed(|| {
            wait_for(&format!("{user} is let in"), PATIENCE, || {
                (self.log_in)(&self.hale, &user).starts_with("a OK").then_some(())
            });
        });
        if self.kind == Kind::Policy {
            // Logins do not wait for it, and so do not show it.
            wait_for("the server counts as well", PATIENCE, || {
                (self.hale.status("policy server", "state") == "ok").then_some(())
            });
        }
        println!("{fault:?}: all is well {took:.1?} later");
        assert!(!self.length.is_long || took < RECOVERY_MAX, "{took:?}");
        // An answer that came late was for another question.
        for _ in 0..3 {
            self.expect_usual(&self.knock());
        }
    }

    /// A stranger's answer.
    fn knock(&self) -> String {
        let number = self.strangers.fetch_add(1, Ordering::Relaxed);
        (self.log_in)(&self.hale, &format!("eve-{number}"))
    }

    /// A stranger's, while all is well.
    fn expect_usual(&self, line: &str) {
        let start = if self.kind == Kind::Policy { "a OK" } else { "a NO [AUTHENTICATIONFAILED]" };
        assert!(line.starts_with(start), "{line}");
    }

    fn expect_for_now(&self, line: &str) {
        let start = if self.kind == Kind::Policy { "a OK" } else { "a NO [UNAVAILABLE]" };
        assert!(line.starts_with(start), "{line}");
    }

    fn expect_in(&self, user: &str) {
        let line = (self.log_in)(&self.hale, user);
        assert!(line.starts_with("a OK"), "{user}: {line}");
    }

    fn lines_of_silence(&self) -> usize {
        self.hale.said().lines().filter(|line| line.contains(SILENCE)).count()
    }
}

/// Who has not logged in before this fault is over.
fn new_user(fault: Fault) -> String {
    format!("new-{fault:?}").to_lowercase()
}

/// Ends the logins, also when the test fails.
struct Ender<'a>(&'a AtomicBool);

impl Drop for Ender<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Between two logins of whom Hale knows.
const PAUSE: Duration = Duration::from_millis(20);
const SILENCE: &str = "does not answer";
/// Against answers that never come, on a machine as slow as it may be.
const HANGS: Duration = Duration::from_secs(12);
/// `answer_timeout` of all here.
const ANSWER_MAX: Duration = Duration::from_millis(2_200);
/// Gate of the long run only.
const RECOVERY_MAX: Duration = Duration::from_secs(5);
