//! Metrics: what `hale status` tells in words, and more, as numbers for Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use super::process::Process;
use super::requests::Admin;
use crate::control::cluster::CommandError;
use crate::control::unix_millis;
use crate::limits;
use crate::metrics::{Exposition, Form, Histogram, Metric};
use crate::names::Protocol;
use crate::ring::clock;
use crate::route::rows::{BackendStatus, SiteStatus};
use crate::route::table::Table;
use crate::share::counters::Counter;
use crate::share::enquiry::Tally;
use crate::share::evidence::COUNT_NAMES;
use crate::share::logins::{BOUNDS_MS, LoginTotals, Taken};
use crate::tls::{DoveadmSpeech, ServerConfigOfControl};

/// A text in the making, and what it is made of. The order of calls is the order of [`Metric::ALL`].
struct Telling<'a> {
    admin: &'a Admin,
    out: Exposition,
}

impl Admin {
    /// All metrics as text.
    ///
    /// # Errors
    /// A data core does not answer.
    pub(in crate::control) async fn metrics(&self, form: Form) -> Result<String, CommandError> {
        let tallies = self.tallies().await?;
        let local = self.local.status().await.ok();
        let mut telling = Telling { admin: self, out: Exposition::new(form) };
        telling.process();
        telling.cores(&tallies);
        telling.connections();
        let logins = LoginTotals::of(self.exchange.counters.iter().map(|core| &core.logins));
        telling.logins(&logins);
        telling.sessions(&tallies, &logins);
        telling.tls();
        let table = self.exchange.table.load();
        telling.backends(&table);
        telling.cluster(&table);
        telling.geodb();
        if let Some(local) = local {
            telling.say(Metric::LocaldbUsers, &[], local.users);
            telling.say(Metric::LocaldbBytes, &[], local.bytes);
            telling.say(Metric::LocaldbFailures, &[], local.failed);
        }
        telling.passdbs();
        telling.rest();
        Ok(telling.out.end())
    }

    /// What HTTPS clients of `service stats` are shown; none: there is no certificate.
    pub(in crate::control) fn stats_certificate(
        &self,
        speech: DoveadmSpeech,
    ) -> Option<ServerConfigOfControl> {
        self.exchange.tls.load().servers.as_ref()?.of_doveadm(speech)
    }
}

impl Telling<'_> {
    fn say(&mut self, metric: Metric, labels: &[&str], value: impl std::fmt::Display) {
        self.out.say(metric, labels, value);
    }

    fn total(&mut self, metric: Metric, labels: &[&str], counter: Counter) {
        self.out.say(metric, labels, self.admin.exchange.total(counter));
    }

    fn process(&mut self) {
        let process = Process::now();
        self.say(Metric::Build, &[env!("CARGO_PKG_VERSION")], 1);
        let lived = clock::now().since(self.admin.about.started);
        let lived = i64::try_from(lived.as_millis()).unwrap_or(i64::MAX);
        let started = unix_millis().saturating_sub(lived).div_euclid(1000);
        self.say(Metric::Started, &[], started);
        self.say(Metric::ProcessCpu, &[], process.cpu);
        if let Some(resident) = process.resident {
            self.say(Metric::Resident, &[], resident);
        }
        self.say(Metric::Descriptors, &[], process.descriptors);
        if let Some(most) = process.descriptors_max {
            self.say(Metric::DescriptorsMax, &[], most);
        }
        for (core, cpu) in process.cores {
            self.say(Metric::CoreCpu, &[&core], cpu);
        }
    }

    fn cores(&mut self, tallies: &[Tally]) {
        let names: Vec<String> = (0..tallies.len()).map(|core| format!("data-{core}")).collect();
        for (name, tally) in names.iter().zip(tallies) {
            self.say(Metric::CoreConnections, &[name], tally.connections());
        }
        for name in &names {
            let most = self.admin.about.connections_per_core;
            self.say(Metric::CoreConnectionsMax, &[name], most);
        }
        let exchange = self.admin.exchange.clone();
        let mailboxes: Vec<(String, usize, usize)> = [
            ("log", exchange.log.sizes()),
            ("control", exchange.to_control.sizes()),
            ("passdbs", exchange.inquiries.sizes()),
            ("policy", exchange.policy.sizes()),
            ("enquiries", exchange.pieces.sizes()),
            ("probes", exchange.evidence.doubts().sizes()),
        ]
        .into_iter()
        .map(|(name, (now, most))| (name.to_owned(), now, most))
        .chain(names.into_iter().zip(&exchange.to_cores).map(|(name, mailbox)| {
            let (now, most) = mailbox.sizes();
            (name, now, most)
        }))
        .collect();
        for (name, now, _) in &mailboxes {
            self.say(Metric::MailboxMessages, &[name], now);
        }
        for (name, _, most) in &mailboxes {
            self.say(Metric::MailboxMessagesMax, &[name], most);
        }
    }

    fn connections(&mut self) {
        self.total(Metric::Accepted, &[], Counter::Accepted);
        self.total(Metric::Refused, &[], Counter::Refused);
        self.total(Metric::CrowdedOut, &[], Counter::CrowdedOut);
        self.total(Metric::AcceptStarved, &[], Counter::AcceptStarved);
    }

    fn logins(&mut self, totals: &LoginTotals) {
        for (protocol, mechanism, result, count) in &totals.results {
            self.say(Metric::Logins, &[protocol.name(), mechanism, result], count);
        }
        for (protocol, taken) in &totals.took {
            self.histogram(Metric::LoginDuration, protocol.name(), taken);
        }
        for (step, taken) in &totals.steps {
            self.histogram(Metric::LoginStep, step.name(), taken);
        }
        for (protocol, transport, count) in &totals.transports {
            self.say(Metric::LoginTransport, &[protocol.name(), transport], count);
        }
    }

    fn histogram(&mut self, metric: Metric, label: &str, taken: &Taken) {
        let sum = Duration::from_millis(taken.sum_ms);
        let histogram = Histogram { bounds: &BOUNDS_MS, counts: &taken.counts, sum };
        self.out.histogram(metric, &[label], &histogram);
    }

    fn sessions(&mut self, tallies: &[Tally], totals: &LoginTotals) {
        let mut all = Tally::default();
        for tally in tallies {
            all.add(tally);
        }
        let counts = all.before_login.iter().zip(&all.after_login);
        for (protocol, (before, after)) in Protocol::ALL.iter().zip(counts) {
            self.say(Metric::Sessions, &[protocol.name(), "before_login"], before);
            self.say(Metric::Sessions, &[protocol.name(), "after_login"], after);
        }
        self.say(Metric::SessionsEnding, &[], all.ending);
        for (protocol, by, count) in &totals.ended {
            self.say(Metric::SessionsEnded, &[protocol.name(), by.name()], count);
        }
        self.total(Metric::RelayedBytes, &["up"], Counter::BytesUp);
        self.total(Metric::RelayedBytes, &["down"], Counter::BytesDown);
        self.total(Metric::Hot, &[], Counter::Hot);
        self.total(Metric::PipeMissing, &[], Counter::PipeMissing);
        self.say(Metric::LmtpBackends, &[], all.lmtp_backends);
        self.total(Metric::Deliveries, &["delivered"], Counter::Delivered);
        self.total(Metric::Deliveries, &["undelivered"], Counter::Undelivered);
    }

    fn tls(&mut self) {
        self.total(Metric::TlsHandshakes, &[], Counter::TlsHandshakes);
        self.total(Metric::TlsResumed, &[], Counter::TlsResumed);
        self.total(Metric::TlsFailed, &[], Counter::TlsFailed);
        self.total(Metric::CertificatesRefused, &[], Counter::CertificatesRefused);
        // A file may be named by several settings.
        let ends: BTreeMap<String, i64> = self
            .admin
            .board
            .expiries()
            .into_iter()
            .filter_map(|expiry| Some((expiry.file(), expiry.ends?)))
            .collect();
        for (file, end) in ends {
            self.say(Metric::CertificateEnd, &[&file], end);
        }
        for counter in [
            Counter::PasswordExposed,
            Counter::FactsForged,
            Counter::FactsLeftOut,
            Counter::WordsInClear,
            Counter::StarttlsPipelined,
            Counter::TokensExpired,
        ] {
            self.total(Metric::Notices, &[counter.name()], counter);
        }
    }

    fn backends(&mut self, table: &Table) {
        let exchange = self.admin.exchange.clone();
        let hosts: BTreeMap<&str, _> =
            table.backends().iter().map(|entry| (&*entry.host.name, entry)).collect();
        let shown: BTreeMap<&str, _> = hosts
            .iter()
            .take(limits::STATS_BACKENDS_MAX)
            .map(|(host, entry)| (*host, *entry))
            .collect();
        let mut seen = exchange.evidence.seen();
        // Hosts that a password database names are as many as it likes.
        seen.retain(|seen| shown.contains_key(&*seen.host));
        seen.sort_by(|one, other| (&one.host, one.protocol).cmp(&(&other.host, other.protocol)));
        for seen in &seen {
            for (result, count) in COUNT_NAMES.into_iter().zip(seen.counts) {
                let labels = [&*seen.host, seen.protocol.name(), result];
                self.say(Metric::BackendAttempts, &labels, count);
            }
        }
        for seen in &seen {
            self.say(Metric::BackendBytes, &[&seen.host, seen.protocol.name()], seen.bytes);
        }
        let loads = exchange.loads.now();
        let loads: BTreeMap<&str, u32> =
            loads.iter().map(|load| (&*load.host, load.here)).collect();
        for host in shown.keys() {
            let connections = loads.get(host).copied().unwrap_or_default();
            self.say(Metric::BackendConnections, &[host], connections);
        }
        for (host, entry) in &shown {
            let is_online = entry.status == BackendStatus::Online;
            self.say(Metric::BackendOnline, &[host], u8::from(is_online));
        }
        for (host, entry) in &shown {
            self.say(Metric::BackendLoadFactor, &[host], entry.share());
        }
        self.say(Metric::BackendsLeftOut, &[], hosts.len().saturating_sub(shown.len()));
        self.total(Metric::BackendFailed, &[], Counter::BackendFailed);
        self.total(Metric::BackendFull, &[], Counter::BackendFull);
        self.total(Metric::FailedFast, &[], Counter::FailedFast);
        self.total(Metric::Referred, &[], Counter::Referred);
        self.total(Metric::EndsSpread, &[], Counter::EndsSpread);
    }

    fn cluster(&mut self, table: &Table) {
        for site in table.sites() {
            let is_online = site.status == SiteStatus::Online;
            self.say(Metric::SitesOnline, &[&site.name], u8::from(is_online));
        }
        for site in table.sites() {
            self.say(Metric::SitesReachable, &[&site.name], u8::from(site.is_reachable));
        }
        self.say(Metric::Groups, &[], table.groups().len());
        self.say(Metric::Moves, &[], self.admin.board.moves_under_way().len());
    }

    fn geodb(&mut self) {
        let admin = self.admin;
        let state = admin.board.geodb();
        self.say(Metric::GeodbUp, &[], u8::from(state.trouble.is_none()));
        if let Some(age) = state.age(clock::now()) {
            self.say(Metric::GeodbAge, &[], age);
        }
        self.say(Metric::GeodbLookUps, &[], admin.board.look_ups_under_way().now);
        self.say(Metric::GeodbUsers, &[], admin.exchange.users.len());
        let late = admin.geodb.late().counts();
        self.say(Metric::GeodbLateWaiting, &[], late.waiting);
        self.say(Metric::GeodbLateLost, &["refused"], late.refused);
        self.say(Metric::GeodbLateLost, &["overtaken"], late.overtaken);
        self.total(Metric::GeodbStale, &[], Counter::GeodbStaleRouting);
    }

    fn passdbs(&mut self) {
        let figures = self.admin.userdbs.figures();
        for of in &figures {
            self.say(Metric::PassdbUp, &[&of.name], u8::from(of.answers));
        }
        for of in &figures {
            for (result, count) in of.questions {
                self.say(Metric::PassdbQuestions, &[&of.name, result], count);
            }
        }
        for of in &figures {
            self.out.histogram(Metric::PassdbAnswer, &[&of.name], &of.latency.histogram());
        }
        for of in &figures {
            self.say(Metric::PassdbOutages, &[&of.name], of.outages);
        }
        for of in &figures {
            self.say(Metric::PassdbConnections, &[&of.name, "busy"], of.busy);
            self.say(Metric::PassdbConnections, &[&of.name, "idle"], of.idle);
        }
        for of in &figures {
            self.say(Metric::PassdbWaiting, &[&of.name], of.waiting);
        }
        self.total(Metric::PassdbStale, &[], Counter::PassdbStaleReplies);
        if let Some(of) = self.admin.policy.as_ref().map(|policy| policy.figures()) {
            self.say(Metric::PolicyUp, &[], u8::from(of.answers));
            for (result, count) in of.questions {
                self.say(Metric::PolicyQuestions, &[result], count);
            }
            self.say(Metric::PolicyOutages, &[], of.outages);
        }
        let (rows, refusals, bytes) = self.admin.exchange.replies.size();
        self.say(Metric::AuthCacheEntries, &["row"], rows);
        self.say(Metric::AuthCacheEntries, &["refusal"], refusals);
        self.say(Metric::AuthCacheBytes, &[], bytes);
    }

    fn rest(&mut self) {
        let (prefixes, users) = self.admin.exchange.guesses.size();
        self.say(Metric::FailedPrefixes, &[], prefixes);
        self.say(Metric::FailedUsers, &[], users);
        self.total(Metric::LogLost, &[], Counter::LogLost);
        self.total(Metric::StaleCompletions, &[], Counter::StaleCompletion);
        self.total(Metric::Panicked, &[], Counter::Panicked);
    }
}
