//! What proxies tell each other of backends, by rows of `proxy_dest_stats` (R-PROBE-4). Times are seconds since 1970.
//!
//! Decides: which figures a proxy gives of a backend by its probes, and what those of others mean. Does not: read, write. Driven
//! by `control::tasks::probes`, and by the simulation of clusters. Tests: `control::tasks::probes::figures`.

use std::collections::BTreeMap;

use super::brief::Moment;
use super::course::State;
use super::ruling::Others;
use super::watched::Course;
use crate::limits;
use crate::names::Protocol;
use crate::tick::Tick;

/// When a proxy wrote its figures of a backend.
pub const UPDATED: &str = "updated";
/// When probes or logins last succeeded by a protocol.
pub const LAST_WELL: &str = "last_success";
/// When they last failed.
pub const LAST_FAILURE: &str = "last_failure";
/// What the backend counts as by it.
pub const STATE: &str = "state";
/// A state that is not known yet. It takes the place of what the row said before Hale was started again.
pub const NOT_YET: f64 = -1.0;
/// What a login of the test user took.
pub const PROBE_MS: &str = "probe_ms";

/// One figure of another proxy, of one backend.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Whose it is.
    pub proxy: &'a str,
    /// [`UPDATED`], or protocol, dot and name.
    pub key: &'a str,
    /// The figure.
    pub value: f64,
}

/// The figures of one backend and protocol by its probes, and by what logins have seen: when one last succeeded, and failed.
pub fn told(
    course: Option<&Course>,
    [seen_well, seen_failed]: [Option<Tick>; 2],
    now: Moment,
) -> impl Iterator<Item = (&'static str, f64)> {
    let well = course.and_then(|course| course.health.last_well()).max(seen_well);
    let failed = course.and_then(|course| course.health.first_failure()).max(seen_failed);
    let figures = [
        (LAST_WELL, well.map(|at| seconds(now.unix(at)))),
        (LAST_FAILURE, failed.map(|at| seconds(now.unix(at)))),
        (STATE, course.map(|course| course.known_state().map_or(NOT_YET, number))),
        (PROBE_MS, course.and_then(|course| course.took_ms).map(large)),
    ];
    figures.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// What other proxies say of a backend that fails here by these protocols.
#[must_use]
pub fn others<'a>(
    words: impl Iterator<Item = Word<'a>>,
    own: &str,
    failing: &[Protocol],
    unix_millis: i64,
) -> Others {
    let mut proxies: BTreeMap<&str, Vec<Word<'_>>> = BTreeMap::new();
    for word in words.filter(|word| word.proxy != own) {
        proxies.entry(word.proxy).or_default().push(word);
    }
    let mut found = Others::default();
    for (proxy, words) in proxies {
        let of = |key: &str| words.iter().find(|word| word.key == key).map(|word| word.value);
        let fresh_for = limits::STATS_FRESH_FOR.as_secs_f64();
        if of(UPDATED).is_none_or(|at| (seconds(unix_millis) - at).abs() > fresh_for) {
            found.run_out += 1;
            continue;
        }
        found.fresh += 1;
        let each = |name: &'static str| {
            failing.iter().map(move |protocol| of(&format!("{protocol}.{name}")))
        };
        found.down += usize::from(each(STATE).any(|state| state == Some(number(State::Down))));
        // It reaches the backend if it does so by each of them.
        let well = each(LAST_WELL).map(|at| at.unwrap_or(0.0)).reduce(f64::min);
        if let Some(well) = well.map(millis).filter(|at| *at > 0)
            && found.last_well.as_ref().is_none_or(|(at, _)| *at < well)
        {
            found.last_well = Some((well, proxy.into()));
        }
    }
    found
}

fn number(state: State) -> f64 {
    match state {
        State::Up => 0.0,
        State::Suspect => 1.0,
        State::Down => 2.0,
    }
}

/// A time as figures have it.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a double")]
pub fn seconds(unix_millis: i64) -> f64 {
    unix_millis as f64 / 1000.0
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, and a row that says such a thing is wrong"
)]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "the column is a double, and counts are smaller")]
fn large(count: u64) -> f64 {
    count as f64
}
