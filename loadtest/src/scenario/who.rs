//! The operator lists all sessions again and again, while many are idle and others log in: how long it keeps a data core.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::rates::{measure_with, note_logins, per_unit};
use super::{PATIENCE, Scenario, Subject, note_cpu, note_failures};
use crate::admin::{Admin, Answer};
use crate::engine::{Engine, GroupOrder, Plan};
use crate::record::Record;

pub(super) fn who(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let socket = admin_socket(subject)?;
    let idle = silent_sessions(scenario, engine, subject)?;
    let order = subject.order(Plan::WholeSession, LOGINS_AT_ONCE);
    let logins =
        engine.add_group(GroupOrder { rate: Some(scenario.rate.unwrap_or(LOGINS_PER_S)), ..order });
    let mut lists = Lists::of(Admin::connect(socket)?, scenario.count);
    let cpu = measure_with(engine, subject, |_| lists.turn())?;
    let stats = &engine.group(logins).stats;
    let seconds = cpu.elapsed.as_secs_f64();
    record.set("logins_per_s", stats.logins.total() as f64 / seconds);
    note_logins(record, stats);
    per_unit(record, subject, &cpu, "proxy_cpu_us_per_session", stats.sessions as f64 / 1e6);
    record.set("lists", lists.complete as f64);
    record.set_some("list_longest_ms", lists.longest.map(|longest| longest.as_secs_f64() * 1e3));
    note_cpu(record, subject, &cpu);
    note_failures(record, engine, &[idle, logins]);
    let status = status(engine, Admin::connect(socket)?)?;
    let value = |about: &str, property: &str| number(&status, about, property);
    let longest = value("control core", "longest_enquiry_us").context("no longest_enquiry_us")?;
    record.set("longest_enquiry_us", longest);
    record.set_some("log_lost", value("counter", "log_lost"));
    if longest > CORE_OUT_US_MAX {
        record.flags.push(format!("a data core was out of service for {longest} us"));
    }
    Ok(())
}

/// Where the operator's orders go.
pub(super) fn admin_socket(subject: &Subject) -> Result<&Path> {
    subject.admin.as_deref().context("it needs Hale, and the path of its admin socket")
}

/// As many sessions as the scenario wants, logged in and silent.
pub(super) fn silent_sessions(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
) -> Result<usize> {
    let idle = engine.add_group(subject.order(Plan::Park, scenario.count));
    engine.run_until(PATIENCE, "all sessions silent", |engine| engine.group(idle).is_parked())?;
    Ok(idle)
}

/// Lists of all sessions, one after the other.
#[derive(Debug)]
struct Lists {
    admin: Admin,
    /// Sessions that each list must have at least.
    sessions: usize,
    /// Of the last list; there was none before the first.
    answer: Answer,
    asked: Instant,
    complete: u64,
    longest: Option<Duration>,
}

impl Lists {
    fn of(admin: Admin, sessions: usize) -> Self {
        let answer = Answer { is_complete: true, ..Answer::default() };
        Self { admin, sessions, answer, asked: Instant::now(), complete: 0, longest: None }
    }

    fn turn(&mut self) -> Result<()> {
        if self.answer.is_complete {
            if self.asked.elapsed() < LIST_EVERY {
                return Ok(());
            }
            self.answer = self.admin.ask(&["who"])?;
            self.asked = Instant::now();
        }
        self.admin.take(&mut self.answer)?;
        if self.answer.is_complete {
            let listed = self.answer.records.len();
            ensure!(listed >= self.sessions, "`who` listed {listed} of {} sessions", self.sessions);
            self.longest = self.longest.max(Some(self.asked.elapsed()));
            self.complete += 1;
        }
        Ok(())
    }
}

/// A number among them.
pub(super) fn number(status: &[Vec<String>], about: &str, property: &str) -> Option<f64> {
    let found = status.iter().find(|fields| fields[..2] == [about, property]);
    found.and_then(|fields| fields[2].parse().ok())
}

/// What Hale says of itself: about, property, value.
pub(super) fn status(engine: &mut Engine, mut admin: Admin) -> Result<Vec<Vec<String>>> {
    let mut records = answered(engine, &mut admin, &["status"])?;
    records.retain(|fields| fields.len() == 3);
    Ok(records)
}

/// The records of an answer; the engine turns meanwhile.
pub(super) fn answered(
    engine: &mut Engine,
    admin: &mut Admin,
    words: &[&str],
) -> Result<Vec<Vec<String>>> {
    let mut answer = admin.ask(words)?;
    let end = Instant::now() + PATIENCE;
    while !answer.is_complete {
        engine.turn()?;
        admin.take(&mut answer)?;
        ensure!(Instant::now() < end, "no answer to `{}`", words.join(" "));
    }
    Ok(answer.records)
}

/// Connections that the scenario opens.
pub(super) fn sessions(count: usize) -> usize {
    count + LOGINS_AT_ONCE
}

const LOGINS_PER_S: f64 = 5_000.0;
/// A login takes far less than the 3 ms that each of so many has.
const LOGINS_AT_ONCE: usize = 16;
/// Generator and proxy have a core each, and Hale's control core shares the data core's: lists without a pause would measure that.
const LIST_EVERY: Duration = Duration::from_millis(200);
/// What a question may take of a data core at a time.
pub(super) const CORE_OUT_US_MAX: f64 = 1_000.0;
