//! What hosts are used for lately, and how proxies tell each other (R-LOAD-3): connections, logins and failures of a minute.
//!
//! Decides: what is a login and a failure of the last minute, which rows of `proxy_dest_stats` say it, and which of other proxies'
//! rows are fresh enough to count. Does not: read or write, ask cores. Driven by `tasks::loads`, and by `hale cluster backend
//! list`. Tests: below.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use super::geodb::{DestFigure, FigureKind};
use crate::limits;
use crate::share::backend_loads::LoadNow;
use crate::share::evidence::{COUNT_NAMES, Seen};
use crate::tick::Tick;

/// What one host is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::control) struct Use {
    /// Logins under way and sessions, now.
    pub(in crate::control) connections: u64,
    /// Logins that it let in within the last minute.
    pub(in crate::control) logins: u64,
    /// Attempts that failed by its doing meanwhile.
    pub(in crate::control) failures: u64,
}

impl Use {
    /// Both together.
    pub(in crate::control) fn with(self, other: Self) -> Self {
        Self {
            connections: self.connections.saturating_add(other.connections),
            logins: self.logins.saturating_add(other.logins),
            failures: self.failures.saturating_add(other.failures),
        }
    }
}

/// Counts of the last minute, by host.
#[derive(Debug, Default)]
pub(in crate::control) struct Minute(HashMap<Arc<str>, VecDeque<Sample>>);

/// What had been counted at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    at: Tick,
    logins: u64,
    failures: u64,
}

impl Minute {
    /// Takes up what has been counted until now.
    pub(in crate::control) fn look(&mut self, seen: &[Seen], now: Tick) {
        let mut counted: HashMap<&Arc<str>, Sample> = HashMap::new();
        for Seen { host, counts, .. } in seen {
            let sample = counted.entry(host).or_default();
            for (name, count) in COUNT_NAMES.into_iter().zip(counts) {
                match name {
                    "login_ok" => sample.logins = sample.logins.saturating_add(*count),
                    // By the backend's doing; a wrong password is none of it.
                    "login_tempfail" | "connect_fail" | "remote_fail" => {
                        sample.failures = sample.failures.saturating_add(*count);
                    }
                    _ => {}
                }
            }
        }
        self.0.retain(|host, _| counted.contains_key(host));
        for (host, sample) in counted {
            // What a host has done before it is first looked at was done since the last look.
            let samples = self
                .0
                .entry(Arc::clone(host))
                .or_insert_with(|| VecDeque::from([Sample { at: now, ..Sample::default() }]));
            samples.push_back(Sample { at: now, ..sample });
            // The last one that is a minute old, or older, is what the others are compared with.
            while samples.get(1).is_some_and(|second| now.since(second.at) >= limits::LOADS_WINDOW)
            {
                samples.pop_front();
            }
        }
    }

    /// What each host is used for.
    pub(in crate::control) fn uses(&self, loads: &[LoadNow]) -> HashMap<Arc<str>, Use> {
        let mut uses: HashMap<Arc<str>, Use> = HashMap::new();
        for (host, samples) in &self.0 {
            if let (Some(first), Some(last)) = (samples.front(), samples.back()) {
                let logins = last.logins.saturating_sub(first.logins);
                let failures = last.failures.saturating_sub(first.failures);
                uses.insert(Arc::clone(host), Use { connections: 0, logins, failures });
            }
        }
        for load in loads {
            uses.entry(Arc::clone(&load.host)).or_default().connections = load.here.into();
        }
        uses
    }
}

/// What a proxy writes down of a host.
pub(in crate::control) fn rows(
    (site, proxy): (Uuid, &str),
    host: &str,
    of: Use,
    unix_millis: i64,
) -> [DestFigure; 4] {
    let values = [
        (UPDATED, seconds(unix_millis)),
        (CONNECTIONS, large(of.connections)),
        (LOGINS, large(of.logins)),
        (FAILURES, large(of.failures)),
    ];
    values.map(|(key, value)| DestFigure {
        proxy_site_id: site,
        dest_host: host.into(),
        proxy_host: proxy.into(),
        key: key.into(),
        value,
        kind: FigureKind::Gauge,
    })
}

/// What the proxies but `own` have told of each host in the last 45 seconds, all together.
pub(in crate::control) fn elsewhere(
    rows: &[DestFigure],
    own: &str,
    unix_millis: i64,
) -> HashMap<Box<str>, Use> {
    let mut uses: HashMap<Box<str>, Use> = HashMap::new();
    for ((host, proxy), figures) in by_host_and_proxy(rows) {
        if proxy != own && is_fresh(figures.get(UPDATED).copied(), unix_millis) {
            let of = |key| figures.get(key).copied().map_or(0, count);
            let told =
                Use { connections: of(CONNECTIONS), logins: of(LOGINS), failures: of(FAILURES) };
            let sum = uses.entry(host.into()).or_default();
            *sum = sum.with(told);
        }
    }
    uses
}

/// The figures of each host that each proxy has, by their keys.
pub(in crate::control) fn by_host_and_proxy(
    rows: &[DestFigure],
) -> BTreeMap<(&str, &str), HashMap<&str, f64>> {
    let mut figures: BTreeMap<(&str, &str), HashMap<&str, f64>> = BTreeMap::new();
    for row in rows {
        let of = figures.entry((&*row.dest_host, &*row.proxy_host)).or_default();
        of.insert(&*row.key, row.value);
    }
    figures
}

/// Whether figures that were written then still say something.
pub(in crate::control) fn is_fresh(updated: Option<f64>, unix_millis: i64) -> bool {
    let fresh_for = limits::STATS_FRESH_FOR.as_secs_f64();
    updated.is_some_and(|at| (seconds(unix_millis) - at).abs() <= fresh_for)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a double")]
fn seconds(unix_millis: i64) -> f64 {
    unix_millis as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "the column is a double, and counts are smaller")]
fn large(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and a row that says such a thing is wrong"
)]
fn count(value: f64) -> u64 {
    value.round() as u64
}

/// Of these four alone: proxies that do not probe write them, too.
const UPDATED: &str = "load_updated";
const CONNECTIONS: &str = "connections";
const LOGINS: &str = "logins_minute";
const FAILURES: &str = "failures_minute";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Protocol;

    const SITE: Uuid = Uuid::from_u128(1);
    const NOW: i64 = 1_700_000_000_000;

    fn seen(protocol: Protocol, counts: [u64; 6]) -> Seen {
        let [login_ok, login_fail, tempfail, connect, remote, redirect] = counts;
        let mut all = [0; COUNT_NAMES.len()];
        let named = [
            ("login_ok", login_ok),
            ("login_fail", login_fail),
            ("login_tempfail", tempfail),
            ("connect_fail", connect),
            ("remote_fail", remote),
            ("redirect", redirect),
        ];
        for (name, count) in named {
            all[COUNT_NAMES.iter().position(|known| *known == name).unwrap()] = count;
        }
        Seen {
            host: "be1".into(),
            protocol,
            counts: all,
            bytes: 0,
            last_well: None,
            last_failed: None,
        }
    }

    fn load(here: u32) -> LoadNow {
        LoadNow { host: "be1".into(), here, elsewhere: 0 }
    }

    #[test]
    fn r_load_3_logins_and_failures_are_those_of_the_last_minute_of_all_protocols() {
        let mut minute = Minute::default();
        let of = |minute: &Minute| minute.uses(&[load(3)])["be1"];
        minute.look(&[seen(Protocol::Imap, [5, 9, 1, 1, 1, 9])], Tick(5_000));
        assert_eq!(of(&minute), Use { connections: 3, logins: 5, failures: 3 });
        let later = [seen(Protocol::Imap, [7, 9, 1, 1, 1, 9]), seen(Protocol::Pop3, [1; 6])];
        for second in [10, 60, 64] {
            minute.look(&later, Tick(second * 1_000));
            assert_eq!(of(&minute), Use { connections: 3, logins: 8, failures: 6 }, "{second}");
        }
        minute.look(&later, Tick(65_000));
        assert_eq!(of(&minute), Use { connections: 3, logins: 3, failures: 3 });
        minute.look(&later, Tick(130_000));
        assert_eq!(of(&minute), Use { connections: 3, logins: 0, failures: 0 });
        minute.look(&[], Tick(135_000));
        assert!(minute.uses(&[]).is_empty(), "a host that is forgotten is forgotten here");
    }

    #[test]
    fn r_load_3_fresh_rows_of_other_proxies_are_added_up() {
        let told = |proxy, connections, at| {
            rows((SITE, proxy), "be1", Use { connections, logins: 2, failures: 1 }, at)
        };
        let all =
            [told("lb1", 7, NOW), told("lb2", 20, NOW - 44_000), told("lb3", 300, NOW - 46_000)];
        let all = all.concat();
        let of = |own| elsewhere(&all, own, NOW).get("be1").copied().unwrap_or_default();
        assert_eq!(of("lb1"), Use { connections: 20, logins: 2, failures: 1 });
        assert_eq!(of("lb9"), Use { connections: 27, logins: 4, failures: 2 });
        assert_eq!(elsewhere(&[], "lb1", NOW), HashMap::new());
    }
}
