//! What systemd is told: ready, reloading, stopping, and that every data core turns (UR-10).
//!
//! Duty: the words of sd_notify(3), and the watchdog, which is fed only while all data cores have answered. Not its duty: when
//! those moments are (`run`, `tasks`). Without systemd there is no supervisor to tell, and all of this does nothing.
//! Tests: below; `tests/appliance/e2e/systemd.rs` plays systemd.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::event::Event;
use crate::share::exchange::Exchange;
use crate::share::messages::ToCore;

/// Clients can log in.
pub(super) fn ready(data_cores: usize) {
    let status = format!("serving on {data_cores} data cores");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Something is being read again; `reloaded` follows, however it went.
pub(super) fn reloading() {
    // With Type=notify-reload of systemd 253 the moment belongs to the word; a clock that can't be read leaves it out.
    match NotifyState::monotonic_usec_now() {
        Ok(moment) => tell(&[NotifyState::Reloading, moment]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It has been read, or the former stays in use.
pub(super) fn reloaded() {
    tell(&[NotifyState::Ready]);
}

/// No new connection is taken any more.
pub(super) fn stopping(sessions: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&format!("stopping: {sessions}"))]);
}

fn tell(words: &[NotifyState<'_>]) {
    // A supervisor that does not listen is no reason to serve less.
    let _ = sd_notify::notify(words);
}

/// Feeds systemd's watchdog, if it has set one: four times within its time, and only while every data core turns.
pub(super) async fn feed_watchdog(exchange: Exchange) {
    let Some(within) = watchdog() else { return };
    let mut ticks = interval(within / LOOKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    loop {
        ticks.tick().await;
        let has_answered = |core: usize, number| {
            exchange.counters.get(core).is_none_or(|counters| counters.beat.has_answered(number))
        };
        let seen = watch.look(exchange.to_cores.len(), has_answered);
        for text in seen.remarks(within) {
            let warning = matches!(seen, Seen::Hangs(_));
            // A full mailbox loses the line, as with every sender (RS-08).
            let _ = exchange.log.send(Event::Note { warning, text: text.into_boxed_str() });
        }
        if let Seen::Turns { asked, .. } = seen {
            tell(&[NotifyState::Watchdog]);
            for core in &exchange.to_cores {
                // A mailbox that is full belongs to a core that does not read it.
                let _ = Arc::clone(core).send(ToCore::Beat(asked));
            }
        }
    }
}

/// The time that systemd gives from one feeding to the next. Not asked of the library, which wants the process that systemd
/// started: after a hand-over another one is the service.
fn watchdog() -> Option<Duration> {
    #[expect(clippy::disallowed_methods, reason = "this is how systemd says so")]
    let micros = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    Some(Duration::from_micros(micros)).filter(|within| !within.is_zero())
}

/// What is known of the data cores' turning.
#[derive(Debug, Default)]
struct Watch {
    /// The last question's number.
    asked: u64,
    /// Cores that have not answered it at the last look.
    hanging: Vec<usize>,
}

/// What a look has shown.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// All cores have answered the last question; the next one has this number. Those in `again` had not at the last look.
    Turns { asked: u64, again: Vec<usize> },
    /// These have not, and had at the last look.
    Hangs(Vec<usize>),
}

impl Watch {
    fn look(&mut self, cores: usize, has_answered: impl Fn(usize, u64) -> bool) -> Seen {
        let silent: Vec<usize> =
            (0..cores).filter(|core| !has_answered(*core, self.asked)).collect();
        let before = std::mem::replace(&mut self.hanging, silent);
        if self.hanging.is_empty() {
            self.asked += 1;
            return Seen::Turns { asked: self.asked, again: before };
        }
        Seen::Hangs(self.hanging.iter().copied().filter(|core| !before.contains(core)).collect())
    }
}

impl Seen {
    fn remarks(&self, within: Duration) -> Vec<String> {
        let most = within.as_secs_f32();
        let hangs = |core: &usize| {
            format!(
                "watchdog: data core {core} does not turn: systemd is told nothing meanwhile, and starts Hale anew when that lasts \
                 {most} s (WatchdogSec=)"
            )
        };
        match self {
            Self::Turns { again, .. } => {
                again.iter().map(|core| format!("watchdog: data core {core} turns again")).collect()
            }
            Self::Hangs(cores) => cores.iter().map(hangs).collect(),
        }
    }
}

/// Looks within the watchdog's time: one late answer does not starve it, two do.
const LOOKS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ur_10_one_core_that_hangs_starves_the_watchdog_and_is_named_once() {
        let mut watch = Watch::default();
        let all = |_, _| true;
        let not_one = |core, _| core != 1;
        assert_eq!(watch.look(2, all), Seen::Turns { asked: 1, again: vec![] });
        let hangs = watch.look(2, not_one);
        assert_eq!(hangs, Seen::Hangs(vec![1]));
        let said = hangs.remarks(Duration::from_secs(10));
        assert!(
            said[0].contains("data core 1 does not turn") && said[0].contains("10 s"),
            "{said:?}"
        );
        assert_eq!(watch.look(2, not_one), Seen::Hangs(vec![]), "told once");
        let again = watch.look(2, all);
        assert_eq!(again, Seen::Turns { asked: 2, again: vec![1] });
        assert_eq!(again.remarks(Duration::from_secs(10)), ["watchdog: data core 1 turns again"]);
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_none_to_the_last() {
        let mut watch = Watch::default();
        for number in 0..3 {
            assert_eq!(
                watch.look(1, |_, asked| asked <= number),
                Seen::Turns { asked: number + 1, again: vec![] }
            );
        }
        assert_eq!(watch.look(1, |_, asked| asked <= 2), Seen::Hangs(vec![0]));
    }
}
