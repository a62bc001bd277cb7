//! The operator ends all sessions of a backend, over time, and those of another one now: how long it keeps a data core.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::who::{CORE_OUT_US_MAX, admin_socket, number, silent_sessions, status};
use super::{PATIENCE, Scenario, Subject};
use crate::admin::Admin;
use crate::engine::Engine;
use crate::record::Record;

pub(super) fn evict(
    scenario: &Scenario,
    engine: &mut Engine,
    subject: &Subject,
    record: &mut Record,
) -> Result<()> {
    let socket = admin_socket(subject)?;
    silent_sessions(scenario, engine, subject)?;
    let (spread, took) =
        order(engine, Admin::connect(socket)?, &["kick", "--backend", "be1.test"])?;
    record.set("spread_sessions", spread as f64);
    record.set("spread_answer_ms", took.as_secs_f64() * 1e3);
    let now = ["kick", "*", "--backend", "be2.test"];
    let (ended, took) = order(engine, Admin::connect(socket)?, &now)?;
    record.set("ended_sessions", ended as f64);
    record.set("ended_answer_ms", took.as_secs_f64() * 1e3);
    let sum = spread + ended;
    ensure!(sum >= scenario.count, "{sum} of {} sessions were kicked", scenario.count);
    let status = status(engine, Admin::connect(socket)?)?;
    let longest = number(&status, "control core", "longest_enquiry_us");
    let longest = longest.context("no longest_enquiry_us")?;
    record.set("longest_enquiry_us", longest);
    if longest > CORE_OUT_US_MAX {
        record.flags.push(format!("a data core was out of service for {longest} us"));
    }
    Ok(())
}

/// How many sessions were told of, and how long that took.
fn order(engine: &mut Engine, mut admin: Admin, words: &[&str]) -> Result<(usize, Duration)> {
    let mut answer = admin.ask(words)?;
    let asked = Instant::now();
    while !answer.is_complete {
        engine.turn()?;
        admin.take(&mut answer)?;
        ensure!(asked.elapsed() < PATIENCE, "no answer to `{}`", words.join(" "));
    }
    Ok((answer.records.len(), asked.elapsed()))
}
