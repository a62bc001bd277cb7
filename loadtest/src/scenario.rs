//! What is measured: the scenarios, their names, and one run of each.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::account::{CpuUse, Processes};
use crate::engine::{Credentials, Engine, GroupOrder, Handshakes, Late, Plan, Protocol, Stats};
use crate::record::Record;

mod crowd;
mod evict;
mod held;
mod kick;
mod memory;
mod rates;
mod who;

/// A scenario as it is asked for: `kind:count`, with `@rate` for a paced one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    /// Sessions or streams.
    pub(crate) count: usize,
    /// Commands per second over all sessions.
    pub(crate) rate: Option<f64>,
}

/// The kinds of scenarios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 64-byte exchanges.
    Pingpong,
    /// Bulk towards the clients.
    Down,
    /// Bulk towards the backends.
    Up,
    /// Interactive sessions beside two streams.
    Mixed,
    /// Messages handed over by MAIL, RCPT and DATA.
    Deliver,
    /// Sessions that log in and fall silent.
    Idle,
    /// Whole sessions, one after the other.
    Storm,
    /// Clients that ask for a download and never read.
    Stall,
    /// Clients that never log in, or never read, beside live sessions and new logins.
    Crowd,
    /// Idle sessions and logins, while the operator lists sessions. Hale only.
    Who,
    /// Idle sessions, all of which the operator ends. Hale only.
    Evict,
    /// Idle sessions, while the operator ends those of one user after the other. Hale only.
    Kick,
    /// Logins that wait for a move of their groups. Hale only.
    Held,
}

/// Whom and how to load.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) target: SocketAddrV4,
    pub(crate) processes: Processes,
    /// The GeoDB's, if they are known: neither the proxy's nor foreign.
    pub(crate) geodb: Processes,
    /// Where the operator's questions go, if it has such a place.
    pub(crate) admin: Option<PathBuf>,
    pub(crate) credentials: Credentials,
    pub(crate) sources: Vec<Ipv4Addr>,
    /// What tells this load from others, beside scenario and protocol.
    pub(crate) parameters: Vec<(String, String)>,
    /// Of [`Kind::Deliver`].
    pub(crate) message_bytes: u64,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
}

impl Scenario {
    /// Runs it once.
    pub(crate) fn run(&self, engine: &mut Engine, subject: &Subject) -> Result<Record> {
        let mut record = Record {
            target: subject.name.clone(),
            scenario: self.kind.name().to_owned(),
            ..Record::default()
        };
        record.parameters.insert("count".to_owned(), self.count.to_string());
        if let Some(rate) = self.rate {
            record.parameters.insert("rate per s".to_owned(), rate.to_string());
        }
        let protocol = subject.credentials.protocol;
        if protocol != Protocol::Imap {
            record.parameters.insert("protocol".to_owned(), protocol.name().to_owned());
        }
        record.parameters.extend(subject.parameters.iter().cloned());
        if let Some(tls) = subject.credentials.tls.as_ref().filter(|_| self.is_about_logins()) {
            let handshakes = tls.handshakes.name().to_owned();
            record.parameters.insert("handshakes".to_owned(), handshakes);
        }
        if self.kind == Kind::Deliver {
            record.parameters.insert("bytes".to_owned(), subject.message_bytes.to_string());
        }
        let outcome = match self.kind {
            Kind::Pingpong => rates::pingpong(self, engine, subject, &mut record),
            Kind::Down => rates::bulk(
                Plan::Download { bytes: STREAM_BYTES },
                self,
                engine,
                subject,
                &mut record,
            ),
            Kind::Up => rates::bulk(
                Plan::Upload { bytes: STREAM_BYTES },
                self,
                engine,
                subject,
                &mut record,
            ),
            Kind::Deliver => rates::deliver(self, engine, subject, &mut record),
            Kind::Mixed => rates::mixed(self, engine, subject, &mut record),
            Kind::Storm => rates::storm(self, engine, subject, &mut record),
            Kind::Idle => memory::idle(self, engine, subject, &mut record),
            Kind::Stall => memory::stall(self, engine, subject, &mut record),
            Kind::Crowd => crowd::crowd(self, engine, subject, &mut record),
            Kind::Who => who::who(self, engine, subject, &mut record),
            Kind::Evict => evict::evict(self, engine, subject, &mut record),
            Kind::Kick => kick::kick(self, engine, subject, &mut record),
            Kind::Held => held::held(self, engine, subject, &mut record),
        };
        engine.drop_groups();
        outcome.with_context(|| format!("{self} against {}", subject.name))?;
        Ok(record)
    }

    /// An error if the protocol has no such thing.
    pub(crate) fn ensure_possible(&self, protocol: Protocol) -> Result<()> {
        let possible = match self.kind {
            Kind::Pingpong
            | Kind::Idle
            | Kind::Storm
            | Kind::Who
            | Kind::Evict
            | Kind::Kick
            | Kind::Held => true,
            Kind::Deliver => protocol.delivers(),
            Kind::Down | Kind::Up | Kind::Mixed | Kind::Stall | Kind::Crowd => {
                protocol.is_relayed()
            }
        };
        ensure!(possible, "{} cannot do {self}", protocol.name());
        Ok(())
    }

    /// Whether what it measures depends on how clients shake hands.
    pub(crate) fn is_about_logins(&self) -> bool {
        self.kind == Kind::Storm
    }

    /// Connections this scenario opens from the clients' side.
    pub(crate) fn sessions(&self) -> usize {
        match self.kind {
            Kind::Mixed => self.count + MIXED_STREAMS,
            Kind::Stall => self.count + STALL_PINGERS + STALL_LOGINS_AT_ONCE,
            Kind::Crowd => crowd::sessions(self.count),
            Kind::Who => who::sessions(self.count),
            _ => self.count,
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("unknown", |(_, name)| name)
    }
}

impl Subject {
    /// One client that tries again a few times a second until it gets in.
    pub(crate) fn probe(&self, plan: Plan) -> GroupOrder {
        GroupOrder { rate: Some(PROBES_PER_S), ..self.order(plan, 1) }
    }

    fn order(&self, plan: Plan, population: usize) -> GroupOrder {
        GroupOrder {
            plan,
            target: self.target,
            sources: self.sources.clone(),
            credentials: self.credentials.clone(),
            population,
            logins_at_once: LOGINS_AT_ONCE,
            rate: None,
            late: Late::Dropped,
        }
    }
}

impl FromStr for Scenario {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, numbers) = text.split_once(':').context("a scenario looks like pingpong:100")?;
        let Some((kind, _)) = KINDS.iter().find(|(_, known)| *known == name) else {
            let known: Vec<_> = KINDS.iter().map(|(_, name)| *name).collect();
            bail!("unknown scenario {name:?}; known: {}", known.join(", "));
        };
        let (count, rate) = match numbers.split_once('@') {
            Some((count, rate)) => (count, Some(rate.parse::<f64>().context("rate per second")?)),
            None => (numbers, None),
        };
        let count = count.parse().context("number of sessions")?;
        ensure!(
            count > 0 && rate.is_none_or(|rate| rate > 0.0),
            "{text}: numbers must be positive"
        );
        Ok(Self { kind: *kind, count, rate })
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.kind.name(), self.count)?;
        self.rate.map_or(Ok(()), |rate| write!(formatter, "@{rate}"))
    }
}

/// Adds what every run says about the machine, and flags a disturbed one.
fn note_cpu(record: &mut Record, subject: &Subject, cpu: &CpuUse) {
    let seconds = cpu.elapsed.as_secs_f64();
    record.set("foreign_cpu_percent", cpu.foreign_percent());
    record.set("generator_cpu_percent", cpu.generator.as_secs_f64() / seconds * 100.0);
    if !subject.geodb.is_empty() {
        record.set("geodb_cpu_percent", cpu.geodb.as_secs_f64() / seconds * 100.0);
    }
    if !subject.processes.is_empty() {
        record.set("proxy_cpu_percent", cpu.proxy.as_secs_f64() / seconds * 100.0);
        record.set("ring_workers", subject.processes.ring_workers() as f64);
    }
    if cpu.foreign_percent() > FOREIGN_PERCENT_MAX {
        record.flags.push(format!("foreign CPU {:.0} %", cpu.foreign_percent()));
    }
}

/// Flags clients that ended out of order; the first says why.
fn note_failures(record: &mut Record, engine: &Engine, groups: &[usize]) {
    for number in groups {
        let stats = &engine.group(*number).stats;
        if stats.failures > 0 {
            let first = stats.first_failure.as_ref().map(ToString::to_string).unwrap_or_default();
            record.flags.push(format!("{} clients failed, first: {first}", stats.failures));
        }
    }
}

/// Says how many logins resumed a session, and flags a run whose clients did not do as they were told.
fn note_handshakes(record: &mut Record, subject: &Subject, stats: &Stats) {
    let Some(tls) = &subject.credentials.tls else {
        return;
    };
    let all = (stats.resumed + stats.full).max(1) as f64;
    let percent = stats.resumed as f64 / all * 100.0;
    record.set("resumed_percent", percent);
    let expected = match tls.handshakes {
        Handshakes::Full => percent == 0.0,
        Handshakes::Resumed => percent >= RESUMED_PERCENT_MIN,
    };
    if !expected {
        record.flags.push(format!("{percent:.0} % of the handshakes were resumed"));
    }
}

const KINDS: &[(Kind, &str)] = &[
    (Kind::Pingpong, "pingpong"),
    (Kind::Down, "down"),
    (Kind::Up, "up"),
    (Kind::Mixed, "mixed"),
    (Kind::Deliver, "deliver"),
    (Kind::Idle, "idle"),
    (Kind::Storm, "storm"),
    (Kind::Stall, "stall"),
    (Kind::Crowd, "crowd"),
    (Kind::Who, "who"),
    (Kind::Evict, "evict"),
    (Kind::Kick, "kick"),
    (Kind::Held, "held"),
];
const RESUMED_PERCENT_MIN: f64 = 95.0;
/// Long enough that the command between two downloads is no part of the cost.
const STREAM_BYTES: u64 = 256 << 20;
const STALL_BYTES: u64 = 100_000_000;
const STALL_PINGERS: usize = 50;
const STALL_LOGINS_AT_ONCE: usize = 8;
const MIXED_STREAMS: usize = 2;
const PROBES_PER_S: f64 = 20.0;
const LOGINS_AT_ONCE: usize = 64;
/// Above this a run is repeated: other programs used the machine.
pub(crate) const FOREIGN_PERCENT_MAX: f64 = 10.0;
/// For everything that should take seconds at most.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_read_as_they_print() {
        for text in [
            "pingpong:100",
            "pingpong:1000@20000",
            "stall:200",
            "crowd:5000",
            "who:9500@5000",
            "kick:9500",
        ] {
            assert_eq!(text.parse::<Scenario>().unwrap().to_string(), text);
        }
        for text in ["pingpong", "pong:1", "down:0", "up:x", "pingpong:1@0"] {
            assert!(text.parse::<Scenario>().is_err(), "{text}");
        }
    }

    #[test]
    fn lmtp_delivers_and_streams_nothing() {
        let possible = |text: &str, protocol| {
            text.parse::<Scenario>().unwrap().ensure_possible(protocol).is_ok()
        };
        assert!(possible("deliver:8", Protocol::Lmtp));
        assert!(!possible("down:8", Protocol::Lmtp));
        assert!(!possible("deliver:8", Protocol::Imap));
        assert!(possible("storm:64", Protocol::Lmtp));
    }
}
