//! The operator ends one user's sessions among many that are idle: how long it takes until that user's clients have seen the end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::rates::measure_with;
use super::who::{CORE_OUT_US_MAX, admin_socket, number, silent_sessions, status};
use super::{PATIENCE, Scenario, Subject, note_cpu};
use crate::admin::{Admin, Answer};
use crate::engine::{Engine, Group};
use crate::histogram::Histogram;
use crate::record::Record;

pub(super) fn kick(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let socket = admin_socket(subject)?;
    let idle = silent_sessions(scenario, engine, subject)?;
    let rate = scenario.rate.unwrap_or(KICKS_PER_S);
    let mut kicks = Kicks {
        admin: Admin::connect(socket)?,
        pause: Duration::from_secs_f64(1.0 / rate),
        state: State::Waits { until: Instant::now() },
        user: 0,
        times: Histogram::default(),
        sessions: 0,
    };
    let cpu = measure_with(engine, subject, |engine| kicks.turn(engine.group(idle)))?;
    ensure!(kicks.times.total() > 0, "not one kick ended: {}", engine.group(idle).state());
    let users = kicks.times.total() as f64;
    record.set("kicks", users);
    record.set("sessions_per_kick", kicks.sessions as f64 / users);
    record.set_some("kick_p50_us", kicks.times.quantile_us(0.5));
    record.set_some("kick_p99_us", kicks.times.quantile_us(0.99));
    record.set_some("kick_longest_us", kicks.times.quantile_us(1.0));
    note_cpu(record, subject, &cpu);
    let status = status(engine, Admin::connect(socket)?)?;
    let longest =
        number(&status, "control core", "longest_enquiry_us").context("no longest_enquiry_us")?;
    record.set("longest_enquiry_us", longest);
    if longest > CORE_OUT_US_MAX {
        record.flags.push(format!("a data core was out of service for {longest} us"));
    }
    Ok(())
}

/// One user after the other. Who was kicked logs in again meanwhile, as a real client does.
struct Kicks {
    admin: Admin,
    pause: Duration,
    state: State,
    /// The next one's number.
    user: u64,
    times: Histogram,
    /// That were ended.
    sessions: u64,
}

enum State {
    Waits {
        until: Instant,
    },
    /// `ends`: of sessions that the group had seen before.
    Asked {
        at: Instant,
        ends: u64,
        answer: Answer,
    },
}

impl Kicks {
    fn turn(&mut self, group: &Group) -> Result<()> {
        let now = Instant::now();
        match &mut self.state {
            State::Waits { until } => {
                // All are there again, so that ends are those of this kick.
                if now < *until || !group.is_complete() {
                    return Ok(());
                }
                let user = group.credentials.user(self.user);
                self.user += 1;
                let answer = self.admin.ask(&["kick", &user])?;
                self.state = State::Asked { at: now, ends: group.stats.failures, answer };
            }
            State::Asked { at, ends, answer } => {
                if !answer.is_complete {
                    self.admin.take(answer)?;
                }
                let ended = group.stats.failures - *ends;
                if answer.is_complete {
                    let kicked = answer.records.len() as u64;
                    ensure!(kicked > 0, "no session of this user is left: give it more --users");
                    ensure!(ended <= kicked, "{ended} sessions ended, {kicked} were meant");
                    if ended == kicked {
                        self.times.record(now - *at);
                        self.sessions += kicked;
                        self.state = State::Waits { until: now + self.pause };
                        return Ok(());
                    }
                }
                ensure!(now - *at < PATIENCE, "a kick does not end: {ended} sessions did");
            }
        }
        Ok(())
    }
}

const KICKS_PER_S: f64 = 20.0;
