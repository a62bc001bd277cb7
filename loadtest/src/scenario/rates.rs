//! Scenarios whose result is work per second and CPU per unit of work.

use std::time::Instant;

use anyhow::Result;

use super::{
    MIXED_STREAMS, PATIENCE, Scenario, Subject, note_cpu, note_failures, note_handshakes, who,
};
use crate::account::CpuUse;
use crate::admin::Admin;
use crate::engine::{Engine, GroupOrder, Late, Plan, Stats};
use crate::record::Record;

pub(super) fn pingpong(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let order = subject.order(Plan::Ping, scenario.count);
    let group = engine.add_group(GroupOrder { rate: scenario.rate, ..order });
    all_logged_in(engine, &[group])?;
    let cpu = measure(engine, subject)?;
    let stats = &engine.group(group).stats;
    record.set("round_trips_per_s", stats.replies as f64 / cpu.elapsed.as_secs_f64());
    note_latency(record, stats);
    per_unit(record, subject, &cpu, "proxy_cpu_us_per_round_trip", stats.replies as f64 / 1e6);
    other_threads(record, subject, &cpu, "data_cpu_us_per_round_trip", stats.replies);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[group]);
    Ok(())
}

pub(super) fn bulk(
    plan: Plan,
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let group = engine.add_group(subject.order(plan, scenario.count));
    all_logged_in(engine, &[group])?;
    let cpu = measure(engine, subject)?;
    let gigabytes = engine.group(group).stats.bytes as f64 / 1e9;
    record.set("gb_per_s", gigabytes / cpu.elapsed.as_secs_f64());
    per_unit(record, subject, &cpu, "proxy_cpu_s_per_gb", gigabytes);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[group]);
    Ok(())
}

pub(super) fn deliver(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let plan = Plan::Deliver { bytes: subject.message_bytes };
    let group = engine.add_group(subject.order(plan, scenario.count));
    all_logged_in(engine, &[group])?;
    let cpu = measure(engine, subject)?;
    let stats = &engine.group(group).stats;
    let messages = stats.replies as f64;
    record.set("messages_per_s", messages / cpu.elapsed.as_secs_f64());
    note_latency(record, stats);
    per_unit(record, subject, &cpu, "proxy_cpu_us_per_message", messages / 1e6);
    per_unit(record, subject, &cpu, "proxy_cpu_s_per_gb", stats.bytes as f64 / 1e9);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[group]);
    Ok(())
}

pub(super) fn mixed(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let order = subject.order(Plan::Ping, scenario.count);
    let pings = engine.add_group(GroupOrder { rate: scenario.rate, ..order });
    let streams = subject.order(Plan::Download { bytes: super::STREAM_BYTES }, MIXED_STREAMS);
    all_logged_in(engine, &[pings])?;
    let bulk = engine.add_group(streams);
    all_logged_in(engine, &[bulk])?;
    let cpu = measure(engine, subject)?;
    let seconds = cpu.elapsed.as_secs_f64();
    let stats = &engine.group(pings).stats;
    record.set("round_trips_per_s", stats.replies as f64 / seconds);
    note_latency(record, stats);
    record.set("gb_per_s", engine.group(bulk).stats.bytes as f64 / 1e9 / seconds);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[pings, bulk]);
    Ok(())
}

pub(super) fn storm(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let order = subject.order(Plan::WholeSession, scenario.count);
    let rate = scenario.rate;
    let (logins_at_once, late) = (scenario.count, Late::MadeUp);
    let group = engine.add_group(GroupOrder { logins_at_once, rate, late, ..order });
    let mut halves = [Mean::default(); 2];
    let half = Instant::now() + subject.warm_up + subject.duration / 2;
    let cpu = measure_with(engine, subject, |engine| {
        let now = Instant::now();
        halves[usize::from(now >= half)].add(engine.group(group).under_way(now));
        Ok(())
    })?;
    if rate.is_some() {
        // A queue that grows is longer in the second half.
        record.set_some("under_way_first_half", halves[0].value());
        record.set_some("under_way_second_half", halves[1].value());
    }
    let stats = &engine.group(group).stats;
    record.set("sessions_per_s", stats.sessions as f64 / cpu.elapsed.as_secs_f64());
    note_logins(record, stats);
    note_handshakes(record, subject, stats);
    per_unit(record, subject, &cpu, "proxy_cpu_us_per_session", stats.sessions as f64 / 1e6);
    other_threads(record, subject, &cpu, "data_cpu_us_per_session", stats.sessions);
    if !subject.processes.is_empty() && stats.sessions > 0 {
        let first = cpu.first_threads.as_secs_f64() * 1e6 / stats.sessions as f64;
        record.set("first_thread_cpu_us_per_session", first);
    }
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[group]);
    if let Some(socket) = &subject.admin {
        let status = who::status(engine, Admin::connect(socket)?)?;
        record.set_some("look_ups_most", who::number(&status, "geodb", "look_ups_most"));
    }
    let stats = &engine.group(group).stats;
    if stats.sessions == 0 {
        anyhow::bail!("not one session came through: {}", engine.group(group).state());
    }
    Ok(())
}

/// Waits until every client of these groups is logged in.
pub(super) fn all_logged_in(engine: &mut Engine, groups: &[usize]) -> Result<()> {
    engine.run_until(PATIENCE, "all clients logged in", |engine| {
        groups.iter().all(|number| engine.group(*number).is_complete())
    })
}

/// Warms up, then runs for the subject's duration between two readings of the accounts.
pub(super) fn measure(engine: &mut Engine, subject: &Subject) -> Result<CpuUse> {
    measure_with(engine, subject, |_| Ok(()))
}

/// The same, and between the engine's turns something else has its own.
pub(super) fn measure_with(
    engine: &mut Engine,
    subject: &Subject,
    mut beside: impl FnMut(&Engine) -> Result<()>,
) -> Result<CpuUse> {
    engine.run_for(subject.warm_up)?;
    engine.reset_stats();
    let before = subject.processes.read_cpu(&subject.geodb)?;
    let end = Instant::now() + subject.duration;
    while Instant::now() < end {
        engine.turn()?;
        beside(engine)?;
    }
    Ok(subject.processes.read_cpu(&subject.geodb)?.since(&before))
}

/// The mean of a number that is looked at once a turn.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    looks: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.looks += 1;
    }

    fn value(self) -> Option<f64> {
        (self.looks > 0).then(|| self.sum / self.looks as f64)
    }
}

pub(super) fn note_latency(record: &mut Record, stats: &Stats) {
    record.set_some("latency_p50_us", stats.latency.quantile_us(0.5));
    record.set_some("latency_p99_us", stats.latency.quantile_us(0.99));
    record.set_some("latency_p999_us", stats.latency.quantile_us(0.999));
}

pub(super) fn note_logins(record: &mut Record, stats: &Stats) {
    record.set_some("login_p50_us", stats.logins.quantile_us(0.5));
    record.set_some("login_p99_us", stats.logins.quantile_us(0.99));
}

/// CPU microseconds per unit of all threads but the first of each process: of Hale's, those of the data core. And what the first
/// ones use, in per cent of a core.
fn other_threads(record: &mut Record, subject: &Subject, cpu: &CpuUse, metric: &str, units: u64) {
    if subject.processes.is_empty() || units == 0 {
        return;
    }
    let others = cpu.proxy.saturating_sub(cpu.first_threads);
    record.set(metric, others.as_secs_f64() * 1e6 / units as f64);
    let share = cpu.first_threads.as_secs_f64() / cpu.elapsed.as_secs_f64();
    record.set("first_thread_percent", share * 100.0);
}

/// CPU seconds of the proxy divided by a number of units.
pub(super) fn per_unit(
    record: &mut Record,
    subject: &Subject,
    cpu: &CpuUse,
    metric: &str,
    units: f64,
) {
    if !subject.processes.is_empty() && units > 0.0 {
        record.set(metric, cpu.proxy.as_secs_f64() / units);
    }
}
