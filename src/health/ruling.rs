//! What the row of a backend should say, by what this proxy has found, the site's other backends, and what other proxies say
//! (R-PROBE-4, R-PROBE-5, R-PROBE-6, C-BACKEND-2).
//!
//! A pure function of one moment. The task that writes reads the row and the words of the others right before.

use std::time::Duration;

use super::course::State;
use crate::limits;
use crate::route::auto_reason::{AutoReason, RECOVERED};
use crate::route::rows::BackendStatus;

/// One backend.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Its row's status.
    pub status: &'a BackendStatus,
    /// And the reason of that.
    pub reason: Option<&'a str>,
    /// What this proxy's probes make of it: the worst of the protocols.
    pub state: State,
    /// Probes have logged in, twice in a row by each protocol, since it was taken out.
    pub is_proven: bool,
    /// The failure that began it, in milliseconds since 1970.
    pub first_failure: Option<i64>,
    /// What failed, for the row.
    pub words: &'a str,
    /// An operator set it online while probes failed, and they have not succeeded since.
    pub is_overruled: bool,
    /// How long it stays out.
    pub dwell: Duration,
    /// Our name.
    pub proxy: &'a str,
    /// The time, in milliseconds since 1970.
    pub now: i64,
}

/// The backends of the site that are online, or that a proxy has taken out, as this proxy sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// How many there are.
    pub probed: usize,
    /// Of these, suspect or down.
    pub failing: usize,
    /// With status online.
    pub online: usize,
    /// Another one has logged the test user in, or a user, since this one began to fail.
    pub has_witness: bool,
    /// A probe of this one has failed that began when no more than half of them failed any more.
    pub is_confirmed: bool,
    /// None that is online is reached.
    pub is_dark: bool,
    /// Other proxies have had the time to say something.
    pub hears_others: bool,
    /// This proxy has just begun, perhaps behind an outage of the GeoDB in which the others' words have run out.
    pub is_new: bool,
}

/// What the fresh rows of other proxies of the site say of the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Their latest success, in milliseconds since 1970, and whose it was.
    pub last_well: Option<(i64, Box<str>)>,
    /// How many there are.
    pub fresh: usize,
    /// How many there are besides that are not fresh any more.
    pub run_out: usize,
    /// How many of these find it down.
    pub down: usize,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The row may stay as it is.
    Stay,
    /// Write this, unless the status is another by then.
    Write(BackendStatus, Box<str>),
    /// The row should say something else, and must not yet.
    Withheld(Withheld),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// More than half of the site's backends fail for this proxy: its own trouble, more likely (R-PROBE-5).
    OwnTrouble {
        /// So many.
        failing: usize,
        /// Of so many.
        probed: usize,
    },
    /// It is not known yet whether any other backend is reached (R-PROBE-5).
    NoWitness,
    /// More than half failed until just now, and it has not been looked at since (R-PROBE-5).
    Unconfirmed,
    /// The GeoDB was away for so long that the others' words have run out, and they had no time for new ones (R-PROBE-4).
    Deaf,
    /// Together with those that are out already it would be more than half of the site's (R-PROBE-5).
    Enough {
        /// So many are out.
        out: usize,
        /// Of so many.
        probed: usize,
    },
    /// It is the last one, and no other proxy's word agrees (R-PROBE-6).
    LastOnline,
    /// This proxy has reached it since it began to fail here (R-PROBE-4).
    OthersReach(Box<str>),
    /// An operator has set it online since (C-BACKEND-2).
    Overruled,
    /// Its status changed just now (R-PROBE-7).
    Dwell,
}

impl Case<'_> {
    /// What follows.
    #[must_use]
    pub fn rule(&self, site: &Site, others: &Others) -> Ruling {
        let auto = self.reason.and_then(AutoReason::parse);
        match (self.status, self.state) {
            (BackendStatus::Online, State::Down) => match self.objection(auto, site, others) {
                Some(why) => Ruling::Withheld(why),
                None => self.write(BackendStatus::Offline, self.words),
            },
            (BackendStatus::Offline, State::Up) => match auto {
                // An operator's, or another program's.
                None => Ruling::Stay,
                // Nothing is known of it yet: this proxy has just begun, or another one has taken it out.
                Some(_) if !self.is_proven => Ruling::Stay,
                Some(auto) if self.is_young(auto, self.stay(site)) => {
                    Ruling::Withheld(Withheld::Dwell)
                }
                Some(_) => self.write(BackendStatus::Online, RECOVERED),
            },
            _ => Ruling::Stay,
        }
    }

    /// How long it stays out: where users have nowhere else to go, no longer than what keeps proxies from writing to and fro.
    fn stay(&self, site: &Site) -> Duration {
        if site.is_dark { self.dwell.min(limits::PROBE_DWELL) } else { self.dwell }
    }

    fn objection(
        &self,
        auto: Option<AutoReason<'_>>,
        site: &Site,
        others: &Others,
    ) -> Option<Withheld> {
        let Site { probed, failing, online, has_witness, is_confirmed, .. } = *site;
        if self.is_overruled {
            return Some(Withheld::Overruled);
        }
        if !site.hears_others || (site.is_new && others.run_out > 0) {
            return Some(Withheld::Deaf);
        }
        if online <= 1 {
            if others.fresh == 0 || others.down < others.fresh {
                return Some(Withheld::LastOnline);
            }
        } else {
            if failing * 2 > probed {
                return Some(Withheld::OwnTrouble { failing, probed });
            }
            let out = probed.saturating_sub(online);
            if (out + 1) * 2 > probed {
                return Some(Withheld::Enough { out, probed });
            }
            if !has_witness {
                return Some(Withheld::NoWitness);
            }
            if !is_confirmed {
                return Some(Withheld::Unconfirmed);
            }
        }
        if let (Some((at, proxy)), Some(first)) = (&others.last_well, self.first_failure)
            && *at > first
        {
            return Some(Withheld::OthersReach(proxy.clone()));
        }
        let is_young = auto.is_some_and(|auto| self.is_young(auto, limits::PROBE_DWELL));
        is_young.then_some(Withheld::Dwell)
    }

    /// Whether a program has changed the status within `dwell`. A clock that is further ahead than that is not waited for.
    fn is_young(&self, auto: AutoReason<'_>, dwell: Duration) -> bool {
        let dwell = i64::try_from(dwell.as_millis()).unwrap_or(i64::MAX);
        let since = self.now.saturating_sub(auto.seconds.saturating_mul(1000));
        since.saturating_abs() < dwell
    }

    fn write(&self, status: BackendStatus, words: &str) -> Ruling {
        let reason = AutoReason { proxy: self.proxy, seconds: self.now / 1000, words };
        Ruling::Write(status, reason.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const SITE: Site = Site {
        probed: 4,
        failing: 1,
        online: 4,
        has_witness: true,
        is_confirmed: true,
        is_dark: false,
        hears_others: true,
        is_new: false,
    };

    fn case<'a>(status: &'a BackendStatus, reason: Option<&'a str>, state: State) -> Case<'a> {
        Case {
            status,
            reason,
            state,
            is_proven: state == State::Up,
            first_failure: (state != State::Up).then_some(NOW - 1_000),
            words: "refused",
            is_overruled: false,
            dwell: limits::PROBE_DWELL,
            proxy: "lb1",
            now: NOW,
        }
    }

    fn down() -> Case<'static> {
        case(&BackendStatus::Online, Some("admin"), State::Down)
    }

    fn withheld(case: &Case<'_>, site: Site, others: &Others) -> Withheld {
        match case.rule(&site, others) {
            Ruling::Withheld(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn r_probe_4_down_it_is_set_offline_with_who_when_and_why() {
        let written = Ruling::Write(BackendStatus::Offline, "auto:lb1:1700000000:refused".into());
        assert_eq!(down().rule(&SITE, &Others::default()), written);
        let suspect = case(&BackendStatus::Online, None, State::Suspect);
        assert_eq!(suspect.rule(&SITE, &Others::default()), Ruling::Stay);
    }

    #[test]
    fn r_probe_4_another_proxy_that_reaches_it_is_believed() {
        let at = |millis| Others {
            last_well: Some((millis, "lb2".into())),
            fresh: 1,
            ..Others::default()
        };
        assert_eq!(withheld(&down(), SITE, &at(NOW - 999)), Withheld::OthersReach("lb2".into()));
        assert!(matches!(down().rule(&SITE, &at(NOW - 1_000)), Ruling::Write(..)), "before");
        let deaf = Site { hears_others: false, ..SITE };
        assert_eq!(withheld(&down(), deaf, &Others::default()), Withheld::Deaf);
        assert_eq!(
            withheld(&down(), Site { online: 1, ..deaf }, &Others::default()),
            Withheld::Deaf
        );
        // A proxy that has just begun does not know for how long the GeoDB was away before.
        let new = Site { is_new: true, ..SITE };
        let run_out = Others { run_out: 1, ..Others::default() };
        assert_eq!(withheld(&down(), new, &run_out), Withheld::Deaf);
        for (site, others) in [(SITE, run_out), (new, Others::default())] {
            assert!(
                matches!(down().rule(&site, &others), Ruling::Write(..)),
                "{site:?}, {others:?}"
            );
        }
    }

    #[test]
    fn r_probe_7_where_none_else_serves_a_backend_that_is_back_waits_no_longer_than_it_has_to() {
        let out = format!("auto:lb1:{}:refused", NOW / 1000 - 31);
        let often = Case {
            dwell: limits::PROBE_DWELL_MAX,
            ..case(&BackendStatus::Offline, Some(&out), State::Up)
        };
        assert_eq!(withheld(&often, SITE, &Others::default()), Withheld::Dwell);
        let dark = Site { is_dark: true, ..SITE };
        assert!(matches!(often.rule(&dark, &Others::default()), Ruling::Write(..)));
        let young = format!("auto:lb1:{}:refused", NOW / 1000 - 29);
        let young = Case { reason: Some(&young), ..often };
        assert_eq!(withheld(&young, dark, &Others::default()), Withheld::Dwell);
    }

    #[test]
    fn r_probe_5_when_more_than_half_fail_it_is_our_own_trouble() {
        let failing = |failing| Site { failing, ..SITE };
        let none = Others::default();
        assert!(matches!(down().rule(&failing(2), &none), Ruling::Write(..)));
        assert_eq!(
            withheld(&down(), failing(3), &none),
            Withheld::OwnTrouble { failing: 3, probed: 4 }
        );
        let unseen = Site { has_witness: false, ..SITE };
        assert_eq!(withheld(&down(), unseen, &none), Withheld::NoWitness);
        let just_over = Site { is_confirmed: false, ..SITE };
        assert_eq!(withheld(&down(), just_over, &none), Withheld::Unconfirmed);
    }

    #[test]
    fn r_probe_5_all_proxies_together_take_out_no_more_than_half() {
        let out = |online| Site { online, ..SITE };
        let none = Others::default();
        assert!(matches!(down().rule(&out(3), &none), Ruling::Write(..)));
        let enough = Withheld::Enough { out: 2, probed: 4 };
        assert_eq!(
            withheld(&down(), out(2), &none),
            enough,
            "each fails for another proxy, and is well"
        );
    }

    #[test]
    fn r_probe_6_the_last_one_goes_only_when_all_proxies_agree() {
        let last = Site { online: 1, ..SITE };
        let others = |fresh, down| Others { fresh, down, ..Others::default() };
        assert_eq!(withheld(&down(), last, &others(0, 0)), Withheld::LastOnline, "one word");
        assert_eq!(withheld(&down(), last, &others(2, 1)), Withheld::LastOnline);
        assert!(matches!(down().rule(&last, &others(2, 2)), Ruling::Write(..)));
        // The others' words are some seconds old, and one of them has brought it back since.
        let recovered = format!("auto:lb2:{}:recovered", NOW / 1000 - 2);
        let again = Case { reason: Some(&recovered), ..down() };
        assert_eq!(withheld(&again, last, &others(2, 2)), Withheld::Dwell);
        let reached = Others { last_well: Some((NOW - 1, "lb2".into())), ..others(2, 2) };
        assert_eq!(withheld(&down(), last, &reached), Withheld::OthersReach("lb2".into()));
    }

    #[test]
    fn c_backend_2_what_an_operator_set_no_probe_changes() {
        for (status, state) in [
            (BackendStatus::Offline, State::Up),
            (BackendStatus::Standby, State::Up),
            (BackendStatus::Standby, State::Down),
            (BackendStatus::Offline, State::Down),
            (BackendStatus::Unknown("x".into()), State::Down),
        ] {
            for reason in [None, Some("admin"), Some("evacuate")] {
                let case = case(&status, reason, state);
                assert_eq!(case.rule(&SITE, &Others::default()), Ruling::Stay, "{case:?}");
            }
        }
        let overruled = Case { is_overruled: true, ..down() };
        assert_eq!(withheld(&overruled, SITE, &Others::default()), Withheld::Overruled);
    }

    #[test]
    fn r_probe_7_what_probes_took_out_they_bring_back_and_not_at_once() {
        let at = |seconds: i64| format!("auto:lb2:{}:refused", NOW / 1000 - seconds);
        let (none, offline) = (Others::default(), BackendStatus::Offline);
        let young = at(29);
        let young = case(&offline, Some(&young), State::Up);
        assert_eq!(withheld(&young, SITE, &none), Withheld::Dwell);
        let longer = Case { dwell: limits::PROBE_DWELL * 2, ..young };
        let old = at(30);
        let back = Ruling::Write(BackendStatus::Online, "auto:lb1:1700000000:recovered".into());
        assert_eq!(case(&offline, Some(&old), State::Up).rule(&SITE, &none), back);
        assert_eq!(withheld(&Case { reason: Some(&old), ..longer }, SITE, &none), Withheld::Dwell);
        let unproven = Case { is_proven: false, ..case(&offline, Some(&old), State::Up) };
        assert_eq!(unproven.rule(&SITE, &none), Ruling::Stay, "a proxy that has just begun");
        let recovered = format!("auto:lb2:{}:recovered", NOW / 1000 - 5);
        let again = Case { reason: Some(&recovered), ..down() };
        assert_eq!(withheld(&again, SITE, &none), Withheld::Dwell, "no flapping (BE-06)");
        let future = at(-3_600);
        assert_eq!(case(&offline, Some(&future), State::Up).rule(&SITE, &none), back);
    }
}
