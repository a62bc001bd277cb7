//! `hale explain USER`: a login as it would go now, step by step, without logging in and without writing (C-CMD-3).
//!
//! Duty: the rows that the explanation is made with, from memory where a Hale runs, else from the GeoDB; other circumstances
//! that the operator asks for; words for the terminal, with the age and the source of each row. Non-duty: deciding and telling
//! the steps (`route::explain`), password databases. Driven by `cli` and by the admin socket. Tests: `super::tests::explain`.

use clap::Args;

use super::error::CommandError;
use super::names::find_site;
use super::render::Output;
use super::settings::{Cluster, ClusterSettings};
use super::users::refusal;
use crate::control::geodb::{GeoDb, UnixMillis};
use crate::limits;
use crate::route::build::hosts_to_resolve;
use crate::route::decide::{Decision, Destination, Hop, Moving, RouteQuestion, UserKnown};
use crate::route::explain::{Explanation, explain};
use crate::route::outage::{Circumstances, SiteNow};
use crate::route::pins::drop_those_over;
use crate::route::rows::{BackendStatus, Rows, SiteStatus, User};
use crate::route::sent_on::SentOn;
use crate::route::steps::{About, RowKey, Step};
use crate::route::table::Table;

/// `hale explain`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainCommand {
    /// As a proxy of this site would decide (name or id)
    #[arg(long, value_name = "SITE")]
    pub as_site: Option<String>,
    /// As if this backend were offline, or this site or load balancer, with all its groups failed over; may be repeated
    #[arg(long, value_name = "HOST")]
    pub if_offline: Vec<String>,
    /// The tag that the password database gives the user (`cluster_tag`)
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// User, as normalised by `auth_username_format`
    #[arg(value_name = "USER")]
    pub user: String,
}

impl ExplainCommand {
    /// Whether it is about the cluster as it is, here.
    fn is_as_it_is(&self) -> bool {
        self.as_site.is_none() && self.if_offline.is_empty()
    }
}

/// What a running Hale has in memory: what its next login is decided by.
#[derive(Clone, Debug)]
pub struct Memory<'a> {
    /// Sites, backends and groups.
    pub table: &'a Table,
    /// Where they came from.
    pub table_origin: Origin,
    /// The user's row, if it is cached.
    pub user: Option<(User, Origin)>,
    /// The user's row in the LocalDB, for want of another.
    pub kept: Option<User>,
    /// Where a backend has sent the user on to (C-CACHE-5).
    pub sent_on: Option<SentOn>,
}

/// Where a row came from, and how old it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Just read.
    GeoDb,
    /// Read from the GeoDB so many seconds ago.
    Memory(u64),
    /// Kept by this host since an earlier run; how old it is, is not known.
    LocalDb,
}

impl Origin {
    fn source(self) -> &'static str {
        match self {
            Self::GeoDb => "geodb",
            Self::Memory(_) => "memory",
            Self::LocalDb => "localdb",
        }
    }

    fn age(self) -> Option<u64> {
        match self {
            Self::GeoDb => Some(0),
            Self::Memory(seconds) => Some(seconds),
            Self::LocalDb => None,
        }
    }
}

/// Explains a login. `memory`: of the Hale that this runs in, if it runs in one.
///
/// # Errors
/// A site or host that the command names is unknown, or the GeoDB is needed and does not answer.
pub async fn explain_login(
    geodb: &GeoDb,
    command: &ExplainCommand,
    settings: &ClusterSettings,
    memory: Option<Memory<'_>>,
    now: UnixMillis,
) -> Result<Output, CommandError> {
    let patient = geodb.with_deadline(limits::GEODB_TABLE_TIMEOUT);
    let cluster = Cluster { geodb: &patient, settings, now };
    let mut notices = Vec::new();
    let cached = memory.as_ref().and_then(|memory| memory.user.clone());
    let user = match cached {
        Some(cached) => Known::Row(cached),
        None => match geodb.read_user(&command.user).await {
            Ok(Some(row)) => Known::Row((row, Origin::GeoDb)),
            Ok(None) => Known::Absent,
            Err(error) => {
                notices.push(format!("the GeoDB was asked for the user: {error}"));
                let kept = memory.as_ref().and_then(|memory| memory.kept.clone());
                kept.map_or(Known::Unreachable, |row| Known::Row((row, Origin::LocalDb)))
            }
        },
    };
    let read;
    let (table, table_origin) = match &memory {
        Some(memory) if command.is_as_it_is() => (memory.table, memory.table_origin),
        _ => {
            read = read_table(&cluster, command).await?;
            (&read, Origin::GeoDb)
        }
    };
    let sent_on = memory.as_ref().and_then(|memory| memory.sent_on.as_ref());
    let sent_on = sent_on.filter(|_| command.is_as_it_is());
    let tag = command.tag.as_deref();
    let question = RouteQuestion { tag, sent_on, ..RouteQuestion::of(&command.user) };
    let explanation = explain(table, user.to_route(), &question);
    let user_origin = match &user {
        Known::Row((_, origin)) => *origin,
        Known::Absent | Known::Unreachable => Origin::GeoDb,
    };
    let mut output = Account { table, table_origin, user_origin }.of(&explanation);
    output.notices = notices;
    Ok(output)
}

/// What is known of the user's row.
enum Known {
    Row((User, Origin)),
    Absent,
    Unreachable,
}

impl Known {
    fn to_route(&self) -> UserKnown<'_> {
        match self {
            Self::Row((row, _)) => UserKnown::Row(row),
            Self::Absent => UserKnown::Absent,
            Self::Unreachable => UserKnown::Unreachable,
        }
    }
}

/// The table as the rows say now, but for what the operator wants to be otherwise.
async fn read_table(
    cluster: &Cluster<'_>,
    command: &ExplainCommand,
) -> Result<Table, CommandError> {
    let local_site = match &command.as_site {
        Some(site) => find_site(cluster, site).await?.name,
        None => cluster.settings.local_site()?.into(),
    };
    let mut rows = cluster.geodb.read_all(&local_site).await?;
    drop_those_over(&mut rows.settings, cluster.now);
    let mut circumstances = Circumstances::default();
    for host in &command.if_offline {
        take_offline(host, &mut rows, &mut circumstances)?;
    }
    let hosts = hosts_to_resolve(&rows, &local_site);
    let addresses = cluster.settings.resolver.resolve_all(hosts).await;
    let route = cluster.settings.routing_of(&local_site);
    Ok(Table::build_now(&rows, &addresses, &route, &circumstances).0)
}

/// A backend, or a site by its name, id or load balancer. Who wants to know where a site's users would go does not mean the
/// first minutes.
fn take_offline(
    host: &str,
    rows: &mut Rows,
    circumstances: &mut Circumstances,
) -> Result<(), CommandError> {
    let mut is_known = false;
    for backend in &mut rows.backends {
        if backend.host.eq_ignore_ascii_case(host) || backend.id.to_string() == host {
            backend.status = BackendStatus::Offline;
            is_known = true;
        }
    }
    for site in &mut rows.sites {
        let is_meant = &*site.name == host || site.id.to_string() == host;
        if is_meant
            || site.load_balancer.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(host))
        {
            site.status = SiteStatus::Offline;
            let gone = SiteNow { away: ALL_PERCENT, ..SiteNow::default() };
            circumstances.sites.insert(site.id, gone);
            is_known = true;
        }
    }
    if is_known {
        return Ok(());
    }
    let text = "is neither a backend, nor a site or its load balancer";
    Err(CommandError::NotFound(format!("--if-offline {host}: {text}")))
}

/// An explanation for the terminal.
struct Account<'a> {
    table: &'a Table,
    table_origin: Origin,
    user_origin: Origin,
}

impl Account<'_> {
    fn of(&self, explanation: &Explanation) -> Output {
        let mut output = Output::new(&COLUMNS);
        for step in &explanation.steps {
            self.tell(step, &mut output);
        }
        match &explanation.decision {
            Decision::Go { destination, change, homecoming } => {
                if let Some(change) = change {
                    let to = self.backend(change.placement.backend_id);
                    let text =
                        format!("user_groups: {} on {to}; the login does not wait", change.name);
                    say(&mut output, About::Write.text(), text);
                }
                if let Some(change) = homecoming {
                    let home = self.site(change.site_id);
                    let text = format!(
                        "group_sites: {} comes home to {home}; the login does not wait",
                        change.group_name
                    );
                    say(&mut output, About::Write.text(), text);
                }
                say(&mut output, RESULT, self.destination(destination));
            }
            Decision::Fail { fault, about } => {
                let error = refusal(*fault, about);
                say(&mut output, RESULT, format!("refused for now: {error}"));
                output.exit_code = error.exit_code();
            }
            // Rows are read before, and taken as written.
            Decision::NeedUser
            | Decision::NeedTable
            | Decision::AssignUser(_)
            | Decision::MoveUser(_)
            | Decision::FailOver(_)
            | Decision::CreateGroup(_) => {
                let error = CommandError::Changed("the rows keep changing; try again".to_owned());
                say(&mut output, RESULT, error.to_string());
                output.exit_code = error.exit_code();
            }
        }
        output
    }

    /// One record for what was found, and one more for each further row and each rejected candidate.
    fn tell(&self, step: &Step, output: &mut Output) {
        let mut rows = step.rests_on.iter();
        let name = || Some(step.about.text().to_owned());
        let record = |found: Option<String>, key: Option<&RowKey>| {
            // What a login would write is nowhere yet.
            let origin = key.filter(|_| step.about != About::Write).map(|key| self.origin(key));
            vec![
                name(),
                found,
                key.map(|key| self.key(key)),
                origin.map(|origin| origin.source().to_owned()),
                origin.and_then(Origin::age).map(|age| age.to_string()),
            ]
        };
        output.rows.push(record(Some(step.found.to_string()), rows.next()));
        output.rows.extend(rows.map(|key| record(None, Some(key))));
        let rejected = step.rejected.iter().map(|rejected| {
            record(Some(format!("not {}: {}", rejected.candidate, rejected.reason)), None)
        });
        output.rows.extend(rejected);
    }

    fn origin(&self, key: &RowKey) -> Origin {
        match key {
            RowKey::User(_) => self.user_origin,
            RowKey::Site(_)
            | RowKey::Reachability { .. }
            | RowKey::Backend { .. }
            | RowKey::Group { .. }
            | RowKey::GroupSite { .. }
            | RowKey::Setting { .. } => self.table_origin,
        }
    }

    /// Table and key, with names for ids.
    fn key(&self, key: &RowKey) -> String {
        let parts = match key {
            RowKey::Site(id) => vec![self.site(*id)],
            RowKey::Reachability { src, dest } => vec![self.site(*src), self.site(*dest)],
            RowKey::Backend { site, id } => vec![self.site(*site), self.backend(Some(*id))],
            RowKey::Group { site, name } => vec![self.site(*site), name.to_string()],
            RowKey::GroupSite { group, site } => vec![group.to_string(), self.site(*site)],
            RowKey::User(name) => vec![name.to_string()],
            RowKey::Setting { section, site, backend } if backend.is_nil() => {
                vec![(*section).to_owned(), self.site(*site)]
            }
            RowKey::Setting { section, site, backend } => {
                vec![(*section).to_owned(), self.site(*site), self.backend(Some(*backend))]
            }
        };
        format!("{} {}", key.table(), parts.join(" "))
    }

    fn destination(&self, destination: &Destination) -> String {
        let Destination { hop, host, address, group, moving, .. } = destination;
        let mut text = match hop {
            Hop::Backend(_) => format!("go to backend {host} ({address})"),
            Hop::Site(id) => format!("go to site {} by {host} ({address})", self.site(*id)),
        };
        if let Some(group) = group {
            text += &format!(", group {group}");
        }
        text += match moving {
            Moving::No => "",
            Moving::BySource => "; it is being moved, so that the login may take longer",
            Moving::Held => {
                "; the user or the group is being moved, and the login waits until it has been"
            }
        };
        text
    }

    fn site(&self, id: uuid::Uuid) -> String {
        self.table.site(id).map_or_else(|| id.to_string(), |site| site.name.to_string())
    }

    fn backend(&self, id: Option<uuid::Uuid>) -> String {
        let Some(id) = id else { return "no backend".to_owned() };
        let known = self.table.backend(id);
        known.map_or_else(|| id.to_string(), |backend| backend.host.name.to_string())
    }
}

fn say(output: &mut Output, step: &str, found: String) {
    output.rows.push(vec![Some(step.to_owned()), Some(found), None, None, None]);
}

const COLUMNS: [&str; 5] = ["step", "found", "row", "source", "age_secs"];
/// The step that is the end.
const RESULT: &str = "result";
const ALL_PERCENT: u8 = 100;
