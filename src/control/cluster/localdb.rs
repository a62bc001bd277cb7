//! `hale cluster localdb …`: what this host keeps of users and groups, in case the GeoDB does not answer (C-LOCAL-1).
//!
//! Duty: the rows by their keys, a group and a user, or a group; shown with names where the GeoDB has them, with ids while it
//! is gone. Non-duty: the file (`control::localdb`). Driven by the admin socket with the LocalDB of the Hale that runs, by
//! the command line with the file. Tests: `super::tests::localdb`.

use super::error::CommandError;
use super::groups;
use super::names::{Names, is_match};
use super::render::Output;
use super::settings::Cluster;
use super::users;
use super::verbs::{LocaldbCommand, LocaldbGroupCommand, LocaldbUserCommand};
use crate::control::localdb::{LocalDb, LocalDbError, LocalFile, LocalGroup, LocalUser};
use crate::limits;

/// Where the LocalDB is.
#[derive(Debug)]
pub enum Local<'a> {
    /// Of the Hale that runs: what is removed is forgotten in memory, too.
    Running(&'a LocalDb),
    /// The file, while none runs.
    File(Box<LocalFile>),
}

impl Local<'_> {
    async fn user(&mut self, user: &str) -> Result<Option<LocalUser>, LocalDbError> {
        match self {
            Self::Running(local) => local.user(user).await,
            Self::File(file) => file.user(user),
        }
    }

    /// A page of users behind `after`.
    async fn users(&mut self, after: &str) -> Result<Vec<LocalUser>, LocalDbError> {
        match self {
            Self::Running(local) => local.users(None, after, limits::LOCALDB_BATCH_ROWS).await,
            Self::File(file) => file.users(None, after, limits::LOCALDB_BATCH_ROWS),
        }
    }

    async fn groups(&mut self, name: Option<&str>) -> Result<Vec<LocalGroup>, LocalDbError> {
        match self {
            Self::Running(local) => local.groups(name).await,
            Self::File(file) => file.groups(name),
        }
    }

    async fn remove_user(&mut self, user: &str) -> Result<bool, LocalDbError> {
        match self {
            Self::Running(local) => local.remove_user(user).await,
            Self::File(file) => file.remove_user(user),
        }
    }

    async fn remove_group(&mut self, group: &str) -> Result<bool, LocalDbError> {
        match self {
            Self::Running(local) => local.remove_group(group).await,
            Self::File(file) => file.remove_group(group),
        }
    }
}

impl From<LocalDbError> for CommandError {
    fn from(error: LocalDbError) -> Self {
        Self::TempFail(error.to_string())
    }
}

pub(super) async fn run(
    command: &LocaldbCommand,
    cluster: &Cluster<'_>,
    local: &mut Local<'_>,
) -> Result<Output, CommandError> {
    match command {
        LocaldbCommand::User(LocaldbUserCommand::Status { group, user }) => {
            let user = find(local, group, user).await?;
            show_users(cluster, vec![user]).await
        }
        LocaldbCommand::User(LocaldbUserCommand::List { mask }) => {
            let mut found: Vec<LocalUser> = Vec::new();
            let mut after = String::new();
            loop {
                let page = local.users(&after).await?;
                let Some(last) = page.last() else { break };
                after = last.row.username.to_string();
                found.extend(
                    page.into_iter().filter(|user| is_match(mask.as_deref(), &user.row.username)),
                );
            }
            show_users(cluster, found).await
        }
        LocaldbCommand::User(LocaldbUserCommand::Remove { group, user }) => {
            let found = find(local, group, user).await?;
            local.remove_user(&found.row.username).await?;
            Ok(Output::default())
        }
        LocaldbCommand::Group(LocaldbGroupCommand::Status { group }) => {
            let groups = local.groups(Some(group)).await?;
            if groups.is_empty() {
                return Err(unknown(group));
            }
            show_groups(cluster, groups).await
        }
        LocaldbCommand::Group(LocaldbGroupCommand::List { mask }) => {
            let mut groups = local.groups(None).await?;
            groups.retain(|group| is_match(mask.as_deref(), &group.row.name));
            show_groups(cluster, groups).await
        }
        LocaldbCommand::Group(LocaldbGroupCommand::Remove { group }) => {
            if !local.remove_group(group).await? {
                return Err(unknown(group));
            }
            Ok(Output::default())
        }
    }
}

async fn find(local: &mut Local<'_>, group: &str, user: &str) -> Result<LocalUser, CommandError> {
    let found = local.user(user).await?.filter(|found| &*found.row.group_name == group);
    found.ok_or_else(|| {
        CommandError::NoUser(format!("user {user}: the LocalDB has no row in group {group}"))
    })
}

fn unknown(group: &str) -> CommandError {
    CommandError::NotFound(format!("group {group}: the LocalDB has no row"))
}

async fn show_users(cluster: &Cluster<'_>, found: Vec<LocalUser>) -> Result<Output, CommandError> {
    let names = names(cluster).await;
    let used = found.iter().map(|user| Some(user.used_at.to_string())).collect();
    let rows = found.into_iter().map(|user| user.row);
    Ok(users::show_with(rows, &names).with_column("used_at", used))
}

async fn show_groups(
    cluster: &Cluster<'_>,
    found: Vec<LocalGroup>,
) -> Result<Output, CommandError> {
    let names = names(cluster).await;
    let users = found.iter().map(|group| Some(group.users.to_string())).collect();
    let rows = found.into_iter().map(|group| group.row);
    Ok(groups::show_with(rows, &names).with_column("users", users))
}

/// The rows are looked at because the GeoDB is gone: then ids have to do.
async fn names(cluster: &Cluster<'_>) -> Names {
    Names::of(cluster).await.unwrap_or_default()
}
