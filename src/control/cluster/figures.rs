//! What is known of backends and sites besides their rows: who set their status, and how they are used (C-CMD-4).
//!
//! Decides: the columns, and which source each is from: this Hale for itself, rows of `proxy_dest_stats` for other proxies and
//! where no Hale runs. Does not: count. Driven by `backends` and `sites`. Tests: `super::tests::figures`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::error::CommandError;
use super::render::{Format, Output};
use super::settings::Cluster;
use super::verbs::{BackendCommand, ClusterCommand, SiteCommand};
use crate::control::geodb::{DestFigure, UnixMillis};
use crate::control::loads::{self, Use};
use crate::names::Protocol;
use crate::route::auto_reason::AutoReason;
use crate::route::rows::{Backend, BackendStatus};
use crate::route::set_by::SetBy;
use crate::wire::der::utc;

/// What a running Hale knows of itself.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its name, as rows have it.
    pub proxy: Box<str>,
    /// What hosts are used for.
    pub(in crate::control) uses: HashMap<Arc<str>, Use>,
}

/// Figures of the proxies of the sites that were asked about, by the backends' hosts.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// The site of which this Hale knows its own part.
    own_site: Option<Uuid>,
    uses: HashMap<(Uuid, Box<str>), Use>,
    probes: HashMap<(Uuid, Box<str>), Probed>,
}

/// What probes say of a backend.
#[derive(Clone, Debug, Default, PartialEq)]
struct Probed {
    /// The worst of its protocols, by proxy.
    states: BTreeMap<Box<str>, Finding>,
    /// What the last good one took; this proxy's own, else the slowest.
    millis: Option<f64>,
    is_own: bool,
}

/// What a proxy's probes say, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// None has come to an end since that proxy was started.
    NotYet,
    Up,
    Suspect,
    Down,
}

impl Finding {
    /// As `proxy_dest_stats` has it.
    fn of(state: f64) -> Self {
        match state {
            ..-0.5 => Self::NotYet,
            -0.5..0.5 => Self::Up,
            0.5..1.5 => Self::Suspect,
            _ => Self::Down,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NotYet => "not yet",
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
        }
    }
}

impl Figures {
    /// Of all backends of these sites.
    pub(super) async fn of(cluster: &Cluster<'_>, sites: &[Uuid]) -> Result<Self, CommandError> {
        let mut figures = Self::default();
        for &site in sites {
            let rows = cluster.geodb.read_site_figures(site).await?;
            figures.add(site, &rows, cluster);
        }
        let local = cluster.settings.local_site.as_deref();
        if let (Some(own), Some(local)) = (&cluster.settings.own, local) {
            let all = cluster.geodb.sites().await?;
            let local = all.iter().find(|site| &*site.name == local).map(|site| site.id);
            figures.own_site = local;
            if let Some(site) = local.filter(|id| sites.contains(id)) {
                for (host, of) in &own.uses {
                    figures.use_more((site, host.to_lowercase().into()), *of);
                }
            }
        }
        Ok(figures)
    }

    fn add(&mut self, site: Uuid, rows: &[DestFigure], cluster: &Cluster<'_>) {
        let own = cluster.settings.own.as_ref().map(|own| &*own.proxy).unwrap_or_default();
        for (host, of) in loads::elsewhere(rows, own, cluster.now) {
            self.use_more((site, host.to_lowercase().into()), of);
        }
        for ((host, proxy), figures) in loads::by_host_and_proxy(rows) {
            if loads::is_fresh(figures.get("updated").copied(), cluster.now) {
                let probed = self.probes.entry((site, host.to_lowercase().into())).or_default();
                probed.take(proxy, &figures, proxy == own);
            }
        }
    }

    /// None: no proxy says.
    fn use_of(&self, backend: &Backend) -> Option<Use> {
        let key = (backend.site_id, backend.host.to_lowercase().into());
        let is_own = self.own_site == Some(backend.site_id);
        self.uses.get(&key).copied().or_else(|| is_own.then(Use::default))
    }

    fn use_more(&mut self, key: (Uuid, Box<str>), of: Use) {
        let sum = self.uses.entry(key).or_default();
        *sum = sum.with(of);
    }

    /// A backend's output with what is known besides its row.
    pub(super) fn backend(&self, backend: &Backend, now: UnixMillis) -> Vec<Option<String>> {
        let key = (backend.site_id, backend.host.to_lowercase().into());
        let probed = self.probes.get(&key);
        let mut fields = set_by(backend.status_reason.as_deref());
        fields.push(probed.and_then(Probed::described));
        fields.extend(used(self.use_of(backend)));
        fields.push(probed.and_then(|probed| probed.millis).map(|millis| format!("{millis:.0}")));
        fields.push(Some(load_factor_now(backend, now).to_string()));
        fields
    }

    /// What all backends of a site are used for; none: no proxy says.
    pub(super) fn site(
        &self,
        site: Uuid,
        backends: &[Backend],
        now: UnixMillis,
    ) -> Vec<Option<String>> {
        let of_site = backends.iter().filter(|backend| backend.site_id == site);
        let uses = of_site.clone().filter_map(|backend| self.use_of(backend));
        let online = of_site.clone().filter(|backend| backend.status == BackendStatus::Online);
        let slowest = of_site.clone().filter_map(|backend| {
            self.probes.get(&(site, backend.host.to_lowercase().into()))?.millis
        });
        let sum = |of: fn(&Backend, UnixMillis) -> i64| -> i64 {
            of_site.clone().map(|backend| of(backend, now)).fold(0, i64::saturating_add)
        };
        let factors = [sum(|backend, _| load_factor(backend)), sum(load_factor_now)];
        let mut fields = vec![Some(format!("{}/{}", online.count(), of_site.clone().count()))];
        fields.extend(used(uses.reduce(Use::with)));
        fields.push(slowest.reduce(f64::max).map(|millis| format!("{millis:.0}")));
        fields.extend(factors.map(|factor| Some(factor.to_string())));
        fields
    }
}

impl Probed {
    fn take(&mut self, proxy: &str, figures: &HashMap<&str, f64>, is_own: bool) {
        let of = |name: &str| {
            let keys = Protocol::ALL.map(|protocol| format!("{protocol}.{name}"));
            keys.iter().filter_map(|key| figures.get(&**key).copied()).reduce(f64::max)
        };
        if let Some(state) = of("state") {
            self.states.insert(proxy.into(), Finding::of(state));
        }
        if let Some(millis) = of("probe_ms")
            && !self.is_own
        {
            let slowest = self.millis.map_or(millis, |known| known.max(millis));
            self.millis = Some(if is_own { millis } else { slowest });
            self.is_own = is_own;
        }
    }

    /// What all proxies say, or each group of them what it says.
    fn described(&self) -> Option<String> {
        let of = |wanted| {
            let those = self.states.iter().filter(move |(_, state)| **state == wanted);
            those.map(|(proxy, _)| &**proxy).collect::<Vec<&str>>()
        };
        let all = [Finding::Down, Finding::Suspect, Finding::NotYet, Finding::Up];
        let all = all.map(|finding| (finding.name(), of(finding)));
        let mut said = all.iter().filter(|(_, proxies)| !proxies.is_empty());
        match (said.next(), said.next()) {
            (None, _) => None,
            (Some((name, _)), None) => Some((*name).to_owned()),
            (Some(_), Some(_)) => {
                let parts = all.iter().filter(|(_, proxies)| !proxies.is_empty());
                let parts = parts.map(|(name, them)| format!("{name} for {}", them.join(" ")));
                Some(parts.collect::<Vec<String>>().join(", "))
            }
        }
    }
}

/// Since when, by whom and why.
pub(super) fn set_by(reason: Option<&str>) -> Vec<Option<String>> {
    let SetBy { who, seconds, why } = SetBy::read(reason.unwrap_or_default());
    let why = Some(why.to_owned()).filter(|why| !why.is_empty());
    vec![seconds.map(utc), who.map(str::to_owned), why]
}

/// Connections, logins and failures.
fn used(of: Option<Use>) -> [Option<String>; 3] {
    let Some(Use { connections, logins, failures }) = of else { return [None, None, None] };
    [connections, logins, failures].map(|count| Some(count.to_string()))
}

/// What its share is meant to be.
fn load_factor(backend: &Backend) -> i64 {
    backend.load_factor.unwrap_or(100).clamp(0, 100)
}

/// What of its share counts now: one that is not online gets no new groups, one that came back gets them slowly (R-PROBE-8).
fn load_factor_now(backend: &Backend, now: UnixMillis) -> i64 {
    if backend.status != BackendStatus::Online {
        return 0;
    }
    let wanted = load_factor(backend);
    let reason = backend.status_reason.as_deref().and_then(AutoReason::parse);
    let percent = reason.map_or(100, |reason| i64::from(reason.share(now)));
    (wanted * percent / 100).max(wanted.min(1))
}

/// An answer for a terminal: what no process knows is a dash, so that columns stay columns.
#[must_use]
pub fn for_terminal(command: &ClusterCommand, output: Output, format: Format) -> Output {
    let columns: &[&str] = match command {
        ClusterCommand::Backend(BackendCommand::List { .. } | BackendCommand::Status { .. }) => {
            &BACKEND_COLUMNS
        }
        ClusterCommand::Site(SiteCommand::List | SiteCommand::Status { .. }) => &SITE_COLUMNS,
        _ => return output,
    };
    if format != Format::Table {
        return output;
    }
    let Output { columns: names, mut rows, .. } = output;
    for row in &mut rows {
        for (name, value) in names.iter().zip(row) {
            if columns.contains(&&**name) {
                value.get_or_insert_with(|| "-".to_owned());
            }
        }
    }
    Output { columns: names, rows, ..output }
}

impl Output {
    /// The same with more columns.
    pub(super) fn with_columns(
        mut self,
        names: &[&str],
        fields: impl Iterator<Item = Vec<Option<String>>>,
    ) -> Self {
        self.columns.extend(names.iter().map(|name| (*name).to_owned()));
        self.rows.iter_mut().zip(fields).for_each(|(row, fields)| row.extend(fields));
        self
    }
}

/// Of backends.
pub(super) const BACKEND_COLUMNS: [&str; 10] = [
    "since",
    "set_by",
    "why",
    "probes",
    "connections",
    "logins_minute",
    "failures_minute",
    "probe_ms",
    "load_factor_now",
    "pins",
];
/// Of sites.
pub(super) const SITE_COLUMNS: [&str; 10] = [
    "since",
    "set_by",
    "why",
    "backends_online",
    "connections",
    "logins_minute",
    "failures_minute",
    "probe_ms",
    "load_factor",
    "load_factor_now",
];
