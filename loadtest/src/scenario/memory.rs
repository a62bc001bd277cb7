//! Scenarios whose result is memory: silent sessions and stalled readers.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::rates::{all_logged_in, measure, note_latency, note_logins};
use super::{
    PATIENCE, STALL_BYTES, STALL_LOGINS_AT_ONCE, STALL_PINGERS, Scenario, Subject, note_cpu,
    note_failures,
};
use crate::engine::{Engine, GroupOrder, Plan};
use crate::memory::{MemoryReading, growth_each, tcp_bytes, tcp_drops};
use crate::record::Record;

pub(super) fn idle(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    // What earlier runs freed comes back after a grace period; let it pass before the first reading.
    engine.run_for(SETTLE)?;
    let before = MemoryReading::take(&subject.processes)?;
    let cpu_before = subject.processes.read_cpu(&subject.geodb)?;
    let group = engine.add_group(subject.order(Plan::Park, scenario.count));
    engine.run_until(PATIENCE, "all sessions silent", |engine| engine.group(group).is_parked())?;
    engine.run_for(SETTLE)?;
    let after = MemoryReading::take(&subject.processes)?;
    let cpu = subject.processes.read_cpu(&subject.geodb)?.since(&cpu_before);
    record
        .set("kernel_bytes_per_session", growth_each(before.kernel, after.kernel, scenario.count));
    if !subject.processes.is_empty() {
        record.set("proxy_base_rss_bytes", before.resident as f64);
        let each = |before, after| growth_each(before, after, scenario.count);
        record.set("proxy_rss_bytes_per_session", each(before.resident, after.resident));
        record.set("proxy_pss_bytes_per_session", each(before.proportional, after.proportional));
        // Pages that a master shares with its worker are there once.
        let whole = after.proportional as f64 / scenario.count.max(1) as f64;
        record.set("proxy_whole_pss_bytes_per_session", whole);
    }
    note_logins(record, &engine.group(group).stats);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[group]);
    Ok(())
}

pub(super) fn stall(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let pings = engine.add_group(GroupOrder {
        rate: Some(STALL_PINGS_PER_S),
        ..subject.order(Plan::Ping, STALL_PINGERS)
    });
    all_logged_in(engine, &[pings])?;
    engine.run_for(subject.warm_up)?;
    let before = MemoryReading::take(&subject.processes)?;
    let drops_before = tcp_drops()?;
    let stalled =
        engine.add_group(subject.order(Plan::Stall { bytes: STALL_BYTES }, scenario.count));
    engine.run_until(PATIENCE, "all downloads asked for", |engine| {
        engine.group(stalled).is_parked()
    })?;
    tcp_settled(engine)?;
    let logins = engine.add_group(GroupOrder {
        rate: Some(STALL_LOGINS_PER_S),
        ..subject.order(Plan::WholeSession, STALL_LOGINS_AT_ONCE)
    });
    let cpu = measure(engine, subject)?;
    let after = MemoryReading::take(&subject.processes)?;
    record.set("tcp_bytes_per_stalled_session", growth_each(before.tcp, after.tcp, scenario.count));
    record.set("tcp_bytes_total", after.tcp as f64);
    record.set("tcp_dropped_segments", (tcp_drops()? - drops_before) as f64);
    if !subject.processes.is_empty() {
        record.set("proxy_rss_bytes", after.resident as f64);
        let each = growth_each(before.resident, after.resident, scenario.count);
        record.set("proxy_rss_bytes_per_stalled_session", each);
    }
    note_latency(record, &engine.group(pings).stats);
    note_logins(record, &engine.group(logins).stats);
    let new_logins = engine.group(logins).stats.logins.total() as f64;
    record.set("logins_per_s", new_logins / cpu.elapsed.as_secs_f64());
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[pings, stalled, logins]);
    Ok(())
}

/// Waits until TCP's memory stands still: less than 1 % growth in a second.
fn tcp_settled(engine: &mut Engine) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    let mut last = tcp_bytes()?;
    while Instant::now() < end {
        engine.run_for(SETTLE)?;
        let now = tcp_bytes()?;
        if now.abs_diff(last) <= last / 100 {
            return Ok(());
        }
        last = now;
    }
    // Still growing after a minute is a result too; the reading says how far it came.
    Ok(())
}

const SETTLE: Duration = Duration::from_secs(1);
const STALL_PINGS_PER_S: f64 = 5_000.0;
const STALL_LOGINS_PER_S: f64 = 100.0;
