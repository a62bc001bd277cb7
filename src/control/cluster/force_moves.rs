//! `hale cluster site|backend force-move …` and `hale cluster site recover`: rows of `cluster_settings` (C-FORCE-1).
//!
//! Duty: beginning, changing and ending them, and saying which are active. Non-duty: moving users; every proxy does that at
//! logins, by the same rows. Tests: `super::tests::force_moves`.

use uuid::Uuid;

use super::error::CommandError;
use super::names::{Names, find_backend, find_backend_of, find_site};
use super::render::Output;
use super::settings::Cluster;
use super::verbs::ForceMoveCommand;
use crate::route::rows::{Backend, Setting, Site};
use crate::route::settings_rows::{
    BadSetting, FORCE_MOVE, ForceMove, PERCENTAGE, RECOVER, Recovery,
};

/// What is left, or come home to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    site_id: Uuid,
    /// Nil: the site as a whole.
    backend_id: Uuid,
    /// For operators.
    name: String,
}

impl Scope {
    pub(super) fn site(site: &Site) -> Self {
        Self { site_id: site.id, backend_id: Uuid::nil(), name: format!("site {}", site.name) }
    }

    pub(super) fn backend(backend: &Backend) -> Self {
        let name = format!("backend {}", backend.host);
        Self { site_id: backend.site_id, backend_id: backend.id, name }
    }

    fn is_of(&self, setting: &Setting) -> bool {
        setting.site_id == self.site_id && setting.backend_id == self.backend_id
    }
}

/// `hale cluster site force-move …`
pub(super) async fn of_site(
    command: &ForceMoveCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    let site = find_site(cluster, name_of(command)).await?;
    let mut destinations = Vec::new();
    if let ForceMoveCommand::Start { dest, .. } = command {
        for dest in dest {
            destinations.push(find_site(cluster, dest).await?.id);
        }
        check(&site.name, site.id, &destinations)?;
    }
    let scope = Scope::site(&site);
    noted(cluster, &scope, carry_out(command, cluster, &scope, destinations)).await
}

/// `hale cluster backend force-move …`
pub(super) async fn of_backend(
    command: &ForceMoveCommand,
    cluster: &Cluster<'_>,
) -> Result<Output, CommandError> {
    let backend = find_backend(cluster, name_of(command)).await?;
    let mut destinations = Vec::new();
    if let ForceMoveCommand::Start { dest, .. } = command {
        let sites = cluster.geodb.sites().await?;
        let site = sites.into_iter().find(|site| site.id == backend.site_id);
        let site = site.ok_or_else(|| {
            let text = "its site has no row; run: hale cluster site add --id";
            CommandError::Data(format!("backend {}: {text} {}", backend.host, backend.site_id))
        })?;
        for dest in dest {
            destinations.push(find_backend_of(cluster, &site, dest).await?.id);
        }
        check(&backend.host, backend.id, &destinations)?;
    }
    let scope = Scope::backend(&backend);
    noted(cluster, &scope, carry_out(command, cluster, &scope, destinations)).await
}

fn name_of(command: &ForceMoveCommand) -> &str {
    match command {
        ForceMoveCommand::Start { name, .. }
        | ForceMoveCommand::Update { name, .. }
        | ForceMoveCommand::Stop { name, .. } => name,
    }
}

fn check(name: &str, from: Uuid, to: &[Uuid]) -> Result<(), CommandError> {
    if to.contains(&from) {
        return Err(CommandError::Data(format!("{name}: users cannot be moved to where they are")));
    }
    let is_twice = to.iter().enumerate().any(|(at, id)| to.iter().take(at).any(|one| one == id));
    if is_twice {
        return Err(CommandError::Data("a destination is named twice".to_owned()));
    }
    Ok(())
}

/// Says in the log what has become of what is active here.
async fn noted(
    cluster: &Cluster<'_>,
    scope: &Scope,
    work: impl Future<Output = Result<Output, CommandError>>,
) -> Result<Output, CommandError> {
    let before = Active::of(cluster).await?.shown(scope, &Names::of(cluster).await?);
    let mut output = work.await?;
    let after = Active::of(cluster).await?.shown(scope, &Names::of(cluster).await?);
    output.note_changes(&scope.name, &before, &after);
    Ok(output)
}

async fn carry_out(
    command: &ForceMoveCommand,
    cluster: &Cluster<'_>,
    scope: &Scope,
    destinations: Vec<Uuid>,
) -> Result<Output, CommandError> {
    let rows = rows_of(cluster, FORCE_MOVE, scope).await?;
    let active = ForceMove::of_rows(pairs(&rows));
    let force_move = match command {
        ForceMoveCommand::Start { id, percentage, .. } => {
            if !rows.is_empty() {
                let text = "a force-move is active; update or stop it";
                return Err(CommandError::Data(format!("{}: {text}", scope.name)));
            }
            let destinations = destinations.into_boxed_slice();
            ForceMove { id: sample_id(id.as_deref())?, percentage: *percentage, destinations }
        }
        ForceMoveCommand::Update { percentage, .. } => match active {
            Ok(Some(force_move)) => ForceMove { percentage: *percentage, ..force_move },
            Ok(None) => return Err(inactive(scope)),
            Err(bad) => return Err(senseless(scope, bad)),
        },
        ForceMoveCommand::Stop { .. } => {
            if rows.is_empty() {
                return Err(inactive(scope));
            }
            delete(cluster, rows).await?;
            return Ok(Output::default());
        }
    };
    write(cluster, FORCE_MOVE, scope, force_move.to_rows()).await?;
    let names = Names::of(cluster).await?;
    let mut output = Output::new(&["site_id", "backend_id", "id", "percentage", "dest"]);
    output.rows.push(vec![
        names.name(Some(scope.site_id)),
        names.name(Some(scope.backend_id).filter(|id| !id.is_nil())),
        Some(force_move.id.to_string()),
        Some(force_move.percentage.to_string()),
        Some(names.list(&force_move.destinations)),
    ]);
    Ok(output)
}

/// `hale cluster site recover`: begins, or goes on with another percentage.
pub(super) async fn recover(
    cluster: &Cluster<'_>,
    name: &str,
    id: Option<&str>,
    percentage: u8,
) -> Result<Output, CommandError> {
    let site = find_site(cluster, name).await?;
    let scope = Scope::site(&site);
    noted(cluster, &scope, begin_recovery(cluster, &site, &scope, id, percentage)).await
}

async fn begin_recovery(
    cluster: &Cluster<'_>,
    site: &Site,
    scope: &Scope,
    id: Option<&str>,
    percentage: u8,
) -> Result<Output, CommandError> {
    if !rows_of(cluster, FORCE_MOVE, scope).await?.is_empty() {
        let text = "users are force-moved away from it; stop that first: hale cluster site force-move stop";
        return Err(CommandError::Data(format!("{}: {text} {}", scope.name, site.name)));
    }
    let rows = rows_of(cluster, RECOVER, scope).await?;
    // What makes no sense is written over.
    let former = Recovery::of_rows(pairs(&rows)).ok().flatten();
    let id = match (id, former) {
        (None, Some(former)) => former.id,
        (id, _) => sample_id(id)?,
    };
    let recovery = Recovery { id, percentage };
    write(cluster, RECOVER, scope, recovery.to_rows()).await?;
    let mut output = Output::new(&["site_id", "id", "percentage"]);
    output.rows.push(vec![
        Some(site.name.to_string()),
        Some(recovery.id.into_string()),
        Some(percentage.to_string()),
    ]);
    Ok(output)
}

/// A new status of a site or backend ends what was active there.
pub(super) async fn reset(cluster: &Cluster<'_>, scope: &Scope) -> Result<(), CommandError> {
    for section in [FORCE_MOVE, RECOVER] {
        delete(cluster, rows_of(cluster, section, scope).await?).await?;
    }
    Ok(())
}

/// What is active, for lists of sites and backends.
#[derive(Debug)]
pub(super) struct Active {
    force_moves: Vec<Setting>,
    recoveries: Vec<Setting>,
}

impl Active {
    pub(super) async fn of(cluster: &Cluster<'_>) -> Result<Self, CommandError> {
        Ok(Self {
            force_moves: cluster.geodb.settings(FORCE_MOVE).await?,
            recoveries: cluster.geodb.settings(RECOVER).await?,
        })
    }

    fn shown(&self, scope: &Scope, names: &Names) -> Output {
        let mut output = Output::new(&["force_move", "recover"]);
        output.rows.push(vec![self.force_move(scope, names), self.recovery(scope)]);
        output
    }

    /// The force-move out of this place, in words.
    pub(super) fn force_move(&self, scope: &Scope, names: &Names) -> Option<String> {
        let rows = self.force_moves.iter().filter(|row| scope.is_of(row));
        match ForceMove::of_rows(rows.map(pair)) {
            Ok(force_move) => force_move.map(|ForceMove { id, percentage, destinations }| {
                format!("id={id} percentage={percentage} dest={}", names.list(&destinations))
            }),
            Err(bad) => Some(format!("without effect: {} makes no sense", bad.0)),
        }
    }

    /// The recovery of this site, in words.
    pub(super) fn recovery(&self, scope: &Scope) -> Option<String> {
        let rows = self.recoveries.iter().filter(|row| scope.is_of(row));
        match Recovery::of_rows(rows.map(pair)) {
            Ok(recovery) => recovery
                .map(|Recovery { id, percentage }| format!("id={id} percentage={percentage}")),
            Err(bad) => Some(format!("without effect: {} makes no sense", bad.0)),
        }
    }
}

async fn rows_of(
    cluster: &Cluster<'_>,
    section: &str,
    scope: &Scope,
) -> Result<Vec<Setting>, CommandError> {
    let mut rows = cluster.geodb.settings(section).await?;
    rows.retain(|row| scope.is_of(row));
    Ok(rows)
}

/// The percentage comes last: without it the others mean nothing.
async fn write(
    cluster: &Cluster<'_>,
    section: &str,
    scope: &Scope,
    mut rows: Vec<(&'static str, String)>,
) -> Result<(), CommandError> {
    rows.sort_by_key(|(name, _)| *name == PERCENTAGE);
    for (name, value) in rows {
        let setting = Setting {
            section: section.into(),
            site_id: scope.site_id,
            backend_id: scope.backend_id,
            name: name.into(),
            value: value.into(),
        };
        cluster.geodb.write_setting(&setting).await?;
    }
    Ok(())
}

/// The percentage goes first.
async fn delete(cluster: &Cluster<'_>, mut rows: Vec<Setting>) -> Result<(), CommandError> {
    rows.sort_by_key(|row| &*row.name != PERCENTAGE);
    for row in &rows {
        cluster.geodb.delete_setting(row).await?;
    }
    Ok(())
}

fn sample_id(typed: Option<&str>) -> Result<Box<str>, CommandError> {
    match typed {
        None => Ok(Uuid::new_v4().to_string().into()),
        Some(id) if id.is_empty() || id.chars().any(char::is_control) => {
            Err(CommandError::Data(format!("--id {id:?} is no id")))
        }
        Some(id) => Ok(id.into()),
    }
}

fn inactive(scope: &Scope) -> CommandError {
    CommandError::NotFound(format!("{}: no force-move is active", scope.name))
}

fn senseless(scope: &Scope, bad: BadSetting) -> CommandError {
    let text = "of its force-move makes no sense; stop it and start another";
    CommandError::Data(format!("{}: {} {text}", scope.name, bad.0))
}

fn pairs(rows: &[Setting]) -> impl Iterator<Item = (&str, &str)> {
    rows.iter().map(pair)
}

fn pair(row: &Setting) -> (&str, &str) {
    (&row.name, &row.value)
}
