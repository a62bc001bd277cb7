//! A crowd that never logs in, or never reads, beside live sessions and new logins (R-CROWD-1, RS-03).

use std::time::{Duration, Instant};

use anyhow::Result;

use super::rates::{all_logged_in, measure, note_latency, note_logins};
use super::{PATIENCE, STALL_BYTES, Scenario, Subject, note_cpu, note_failures};
use crate::engine::{Engine, GroupOrder, Plan};
use crate::memory::MemoryReading;
use crate::record::Record;

/// Three fifths of the crowd say nothing, two fifths one byte a second, and to every 25 of them one more stalls.
pub(super) fn crowd(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let Parts { silent, slow, stalled } = Parts::of(scenario.count);
    let live =
        engine.add_group(GroupOrder { rate: Some(PINGS_PER_S), ..subject.order(Plan::Ping, LIVE) });
    all_logged_in(engine, &[live])?;
    let order = subject.order(Plan::WholeSession, LOGINS_AT_ONCE);
    let logins = engine.add_group(GroupOrder { rate: Some(LOGINS_PER_S), ..order });
    // What logins alone make a proxy keep is there before the crowd comes.
    engine.run_for(SETTLE)?;
    let before = MemoryReading::take(&subject.processes)?;

    let crowd = [
        engine.add_group(subject.order(Plan::Silent, silent)),
        engine.add_group(GroupOrder {
            rate: Some(slow as f64),
            ..subject.order(Plan::Trickle, slow)
        }),
    ];
    let readers = engine.add_group(subject.order(Plan::Stall { bytes: STALL_BYTES }, stalled));
    all_logged_in(engine, &crowd)?;
    engine.run_until(PATIENCE, "all downloads asked for", |engine| {
        engine.group(readers).is_parked()
    })?;
    // While so many were opened, the live ones lost their pace; the warm-up belongs to the new one.
    engine.reset_stats();
    let cpu = measure(engine, subject)?;
    let among = MemoryReading::take(&subject.processes)?;
    let ended: u64 = crowd.iter().map(|number| engine.group(*number).stats.failures).sum();
    note_latency(record, &engine.group(live).stats);
    note_logins(record, &engine.group(logins).stats);
    let new_logins = engine.group(logins).stats.logins.total() as f64;
    record.set("logins_per_s", new_logins / cpu.elapsed.as_secs_f64());
    record.set("crowd_ended_by_proxy", ended as f64);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[readers]);

    for number in crowd.into_iter().chain([readers]) {
        engine.dismiss(number);
    }
    if !subject.processes.is_empty() {
        record.set("proxy_crowd_rss_bytes", grown(&before, &among));
        let (left, waited) = settle(engine, subject, &before)?;
        record.set("proxy_rss_bytes_left", left);
        record.set("proxy_rss_back_after_s", waited.as_secs_f64());
    }
    // None of those that were there before may have been harmed.
    engine.run_for(SETTLE)?;
    note_failures(record, engine, &[live, logins]);
    if !engine.group(live).is_complete() {
        record.flags.push(format!("live sessions: {}", engine.group(live).state()));
    }
    Ok(())
}

/// Connections that the scenario opens.
pub(super) fn sessions(count: usize) -> usize {
    let Parts { silent, slow, stalled } = Parts::of(count);
    silent + slow + stalled + LIVE + LOGINS_AT_ONCE
}

/// Turns until the proxy's memory is back, or for as long as that is waited for: what is left of the growth, and when.
fn settle(
    engine: &mut Engine,
    subject: &Subject,
    before: &MemoryReading,
) -> Result<(f64, Duration)> {
    let since = Instant::now();
    loop {
        engine.run_for(POLL_EVERY)?;
        let left = grown(before, &MemoryReading::take(&subject.processes)?);
        if left <= BACK_BYTES || since.elapsed() > BACK_WITHIN {
            return Ok((left, since.elapsed()));
        }
    }
}

fn grown(before: &MemoryReading, after: &MemoryReading) -> f64 {
    after.resident as f64 - before.resident as f64
}

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    silent: usize,
    slow: usize,
    stalled: usize,
}

impl Parts {
    fn of(count: usize) -> Self {
        let slow = count * 2 / 5;
        Self { silent: count - slow, slow, stalled: count.div_ceil(25) }
    }
}

const LIVE: usize = 50;
const PINGS_PER_S: f64 = 1_000.0;
const LOGINS_AT_ONCE: usize = 8;
const LOGINS_PER_S: f64 = 100.0;
const SETTLE: Duration = Duration::from_secs(2);
/// What a proxy may keep of a crowd that has left.
const BACK_BYTES: f64 = (8 << 20) as f64;
const BACK_WITHIN: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_thousand_are_three_and_two_and_two_hundred() {
        assert_eq!(Parts::of(5000), Parts { silent: 3000, slow: 2000, stalled: 200 });
        assert_eq!(sessions(5000), 5200 + LIVE + LOGINS_AT_ONCE);
    }
}
