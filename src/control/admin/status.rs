//! `status`: what runs, since when, with how much of what.

use super::answer::{Answer, Gone};
use super::board::{self, MoveOf};
use super::memory;
use super::requests::Admin;
use crate::auth::passdb::Driver;
use crate::control::cluster::CommandError;
use crate::control::ports::{Listening, State};
use crate::control::wall_clock::unix_seconds;
use crate::event::escaped;
use crate::limits::USER_BYTES_MAX;
use crate::names::Protocol;
use crate::ring::clock;
use crate::share::counters::Counter;
use crate::share::enquiry::{Act, Tally, Whom};
use crate::share::guesses::Guessed;

/// Records of status: what it is about, which of its properties, and its value.
#[derive(Debug, Default)]
struct Facts(Vec<[String; 3]>);

impl Facts {
    fn say(&mut self, about: &str, property: &str, value: impl ToString) {
        self.0.push([about.to_owned(), property.to_owned(), value.to_string()]);
    }
}

impl Admin {
    pub(super) async fn status(&self, answer: &mut Answer<'_>) -> Result<(), Gone> {
        let mut facts = Facts::default();
        self.process(&mut facts);
        let tallies = match self.tallies().await {
            Ok(tallies) => tallies,
            Err(error) => return answer.refuse(&error).await,
        };
        self.cores(&tallies, &mut facts);
        self.listeners(&mut facts);
        sessions(&tallies, &mut facts);
        self.moves(&mut facts);
        self.databases(&mut facts);
        self.local_database(&mut facts).await;
        self.guesses(&mut facts);
        self.counters(&mut facts);
        answer.columns(&["about", "property", "value"]).await?;
        for fields in facts.0 {
            answer.row(fields.into_iter().map(Some).collect()).await?;
        }
        answer.end(0, None).await
    }

    fn process(&self, facts: &mut Facts) {
        facts.say("hale", "version", env!("CARGO_PKG_VERSION"));
        facts.say("hale", "pid", std::process::id());
        facts.say("hale", "uptime_secs", clock::now().since(self.about.started).as_secs());
        if let Some([now, most]) = memory::resident() {
            facts.say("memory", "resident_bytes", now);
            facts.say("memory", "resident_bytes_max", most);
        }
    }

    /// What each core counts of its connections.
    pub(super) async fn tallies(&self) -> Result<Vec<Tally>, CommandError> {
        let mut tallies = vec![Tally::default(); self.exchange.to_cores.len()];
        let mut asking = self.askers.ask(Act::Count, Whom::default());
        while let Some(piece) = asking.piece().await? {
            if let Some(tally) = tallies.get_mut(usize::from(piece.core)) {
                tally.add(&piece.tally);
            }
        }
        Ok(tallies)
    }

    fn cores(&self, tallies: &[Tally], facts: &mut Facts) {
        let about = &self.about;
        facts.say("control core", "cpu", about.control_cpu);
        facts.say("control core", "longest_enquiry_us", self.askers.longest_us());
        for (number, tally) in tallies.iter().enumerate() {
            let name = format!("data core {number}");
            facts.say(&name, "cpu", about.data_cpus.get(number).copied().unwrap_or_default());
            facts.say(&name, "connections", tally.connections());
            facts.say(&name, "connections_max", about.connections_per_core);
        }
    }

    fn listeners(&self, facts: &mut Facts) {
        for Listening { listener, state } in self.ports.list() {
            if matches!(state, State::Unserved(_)) {
                continue;
            }
            let mut value = format!("{} {}", listener.protocol, listener.endpoint());
            let is_drained = state == State::Drained;
            for (is_so, word) in
                [(listener.ssl, "ssl"), (listener.haproxy, "haproxy"), (is_drained, "drained")]
            {
                if is_so {
                    value.push(' ');
                    value.push_str(word);
                }
            }
            facts.say("listener", &listener.name, value);
        }
        facts.say("settings", "reloads", self.ports.edition().number);
        facts.say("settings", "editions", self.ports.editions_kept());
        state("settings", &self.board.settings(), facts);
    }

    /// Where the proxies carry moves out: those that hold logins here.
    fn moves(&self, facts: &mut Facts) {
        let lines = self.board.moves_under_way();
        facts.say("moves", "under_way", lines.len());
        for line in lines.iter().take(MOVES_SHOWN_MAX) {
            let (MoveOf::Group(name) | MoveOf::User(name)) = &line.of;
            let kind = if matches!(line.of, MoveOf::Group(_)) { "group" } else { "user" };
            facts.say("moves", &format!("{kind} {name}"), line.described());
        }
    }

    fn databases(&self, facts: &mut Facts) {
        let board = &self.board;
        for passdb in &self.exchange.passdbs.load().list {
            facts.say("passdb", &passdb.name, described(&passdb.driver));
        }
        for (name, property, value) in self.userdbs.conditions() {
            facts.say(&name, property, value);
        }
        for (property, value) in self.policy.now().iter().flat_map(|policy| policy.conditions()) {
            facts.say("policy server", property, value);
        }
        state("passdbs", &board.passdbs(), facts);
        match &self.exchange.tls.load().servers {
            Some(servers) => facts.say("certificates", "names", servers.names()),
            None => facts.say("certificates", "names", "none is configured"),
        }
        state("certificates", &board.certificates(), facts);
        for expiry in board.expiries() {
            facts.say("certificate", &expiry.file(), expiry.described(unix_seconds()));
        }
        facts.say("geodb", "location", &self.about.geodb);
        facts.say("geodb", "users_cached", self.exchange.users.len());
        let look_ups = board.look_ups_under_way();
        facts.say("geodb", "look_ups", look_ups.now);
        facts.say("geodb", "look_ups_most", look_ups.most);
        state("geodb", &board.geodb(), facts);
        let late = self.geodb.late().counts();
        facts.say("geodb", "late_writes_waiting", late.waiting);
        facts.say("geodb", "late_writes_refused", late.refused);
        facts.say("geodb", "late_writes_overtaken", late.overtaken);
        for (property, value) in self.geodb.condition() {
            facts.say("geodb", property, value);
        }
    }

    async fn local_database(&self, facts: &mut Facts) {
        let status = match self.local.status().await {
            Ok(status) => status,
            Err(error) => return facts.say("localdb", "state", error),
        };
        facts.say("localdb", "location", &self.about.localdb);
        facts.say("localdb", "users", status.users);
        facts.say("localdb", "groups", status.groups);
        facts.say("localdb", "bytes", status.bytes);
        facts.say("localdb", "rebuilt", status.rebuilt);
        facts.say("localdb", "write_failures", status.failed);
        let is_loading = if status.is_loading { "is being read" } else { "ok" };
        facts.say("localdb", "state", status.trouble.as_deref().unwrap_or(is_loading));
    }

    /// Who guesses passwords, and at whom: one password on many users, or many addresses at one user.
    fn guesses(&self, facts: &mut Facts) {
        let (guesses, now) = (&self.exchange.guesses, clock::now());
        let (prefixes, users) = guesses.size();
        facts.say("failed logins", "prefixes", prefixes);
        facts.say("failed logins", "users", users);
        let ago = |last: std::time::Duration| last.as_secs();
        for line in guesses.top_prefixes(GUESSES_SHOWN_MAX, now) {
            let Guessed { key, failures, others_min, last_failed_ago } = line;
            let text = format!(
                "{failures}, users {others_min} or more, the last {} s ago",
                ago(last_failed_ago)
            );
            facts.say("failed logins", &format!("from {key}"), text);
        }
        for line in guesses.top_users(GUESSES_SHOWN_MAX, now) {
            let Guessed { key, failures, others_min, last_failed_ago } = line;
            let text = format!(
                "{failures}, prefixes {others_min} or more, the last {} s ago",
                ago(last_failed_ago)
            );
            facts.say(
                "failed logins",
                &format!("at <{}>", escaped(key.as_bytes(), USER_BYTES_MAX)),
                text,
            );
        }
    }

    fn counters(&self, facts: &mut Facts) {
        for counter in Counter::ALL {
            let cores = self.exchange.counters.iter();
            let total = cores.map(|core| core.get(counter)).fold(0, u64::wrapping_add);
            facts.say("counter", counter.name(), total);
        }
    }
}

fn sessions(tallies: &[Tally], facts: &mut Facts) {
    let mut all = Tally::default();
    for tally in tallies {
        all.add(tally);
    }
    let by_protocol = Protocol::ALL.iter().zip(all.before_login).zip(all.after_login);
    for ((protocol, before), after) in by_protocol {
        facts.say("sessions", &format!("{protocol}_before_login"), before);
        facts.say("sessions", &format!("{protocol}_after_login"), after);
    }
    facts.say("sessions", "lmtp_backend_connections", all.lmtp_backends);
    facts.say("sessions", "ending", all.ending);
}

/// The top of each list of failed logins.
const GUESSES_SHOWN_MAX: usize = 10;

/// An evacuation moves hundreds at once; `hale cluster group list` has all of them.
const MOVES_SHOWN_MAX: usize = 20;

/// Since when something is in use, and what is wrong with it since.
fn state(about: &str, state: &board::State, facts: &mut Facts) {
    match state.age(clock::now()) {
        Some(age) => facts.say(about, "age_secs", age),
        None => facts.say(about, "age_secs", "never read"),
    }
    facts.say(about, "state", state.trouble.as_deref().unwrap_or("ok"));
}

fn described(driver: &Driver) -> String {
    match driver {
        Driver::PasswdFile(file) => format!("passwd-file, {} users", file.len()),
        Driver::Static => "static".to_owned(),
        Driver::Remote(remote) => remote.driver.to_owned(),
    }
}
