//! Logins that wait for a move of their groups: what each costs meanwhile, and that all come through.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::who::{admin_socket, answered};
use super::{PATIENCE, Scenario, Subject, note_cpu, note_failures};
use crate::admin::Admin;
use crate::engine::{Engine, GroupOrder, Plan};
use crate::memory::{MemoryReading, growth_each};
use crate::record::Record;

pub(super) fn held(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let socket = admin_socket(subject)?;
    let mut admin = Admin::connect(socket)?;
    // Every user is known, and has a group.
    let known = engine.add_group(subject.order(Plan::WholeSession, KNOWN_AT_ONCE));
    let users = subject.credentials.users;
    engine.run_until(PATIENCE, "each user's first login", |engine| {
        engine.group(known).stats.sessions >= users
    })?;
    engine.dismiss(known);
    // All at one backend; then all leave it.
    evacuate(engine, &mut admin, HOSTS)?;
    wait_until_gone(engine, &mut admin, HOSTS[0])?;
    let before = MemoryReading::take(&subject.processes)?;
    evacuate(engine, &mut admin, [HOSTS[1], HOSTS[0]])?;
    // Logins before the data cores know of it are not held, and their sessions end.
    engine.run_for(LOOK_EVERY)?;
    let began = Instant::now();
    let order = subject.order(Plan::Park, scenario.count);
    let group = engine.add_group(GroupOrder { logins_at_once: scenario.count, ..order });
    engine.run_for(COMING)?;
    let at_rest = subject.processes.read_cpu(&subject.geodb)?;
    engine.run_for(WAITING)?;
    let cpu = subject.processes.read_cpu(&subject.geodb)?.since(&at_rest);
    let during = MemoryReading::take(&subject.processes)?;
    let early = engine.group(group).logged_in_now();
    ensure!(early == 0, "{early} logins were not held: is cluster_group_moves = proxy?");
    engine.run_until(PATIENCE, "all logged in", |engine| engine.group(group).is_complete())?;
    record.set("held_for_s", began.elapsed().as_secs_f64());
    engine.run_for(COMING)?;
    let after = MemoryReading::take(&subject.processes)?;
    let each = |after, before| growth_each(before, after, scenario.count);
    record.set("held_rss_bytes_each", each(during.resident, before.resident));
    record.set("session_rss_bytes_each", each(after.resident, before.resident));
    let core = cpu.proxy.as_secs_f64() / cpu.elapsed.as_secs_f64();
    record.set("held_core_percent", core * 100.0);
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[group]);
    Ok(())
}

/// The first backend's groups go to the second.
fn evacuate(engine: &mut Engine, admin: &mut Admin, [from, to]: [&str; 2]) -> Result<()> {
    let online = ["cluster", "backend", "update", "--status", "online", "--load-factor", "100"];
    for words in [&[&online[..], &[to]].concat()[..], &["cluster", "backend", "evacuate", from]] {
        answered(engine, admin, words)?;
    }
    Ok(())
}

fn wait_until_gone(engine: &mut Engine, admin: &mut Admin, host: &str) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let groups = answered(engine, admin, &["cluster", "group", "list"])?;
        // A group's backend stands before its other one.
        let place = |group: &Vec<String>| group.iter().find(|it| HOSTS.contains(&&***it)).cloned();
        let left = groups.iter().filter(|group| place(group).as_deref() == Some(host)).count();
        if left == 0 && !groups.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{left} of {} groups stay at {host}", groups.len());
        engine.run_for(LOOK_EVERY)?;
    }
}

/// As the benches name them.
const HOSTS: [&str; 2] = ["be1.test", "be2.test"];
const KNOWN_AT_ONCE: usize = 64;
/// In which all have connected and sent their names.
const COMING: Duration = Duration::from_millis(1_200);
/// Hale holds logins for three seconds at least where several processes share an SQLite file.
const WAITING: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(200);
