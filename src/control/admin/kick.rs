//! `kick`: ends sessions, and tells which.
//!
//! What has begun is carried out to its end, whether or not the client that asked is still there: half a kick is what an
//! operator expects least.

use std::collections::HashMap;

use super::answer::{Answer, Gone};
use super::enquire::Asking;
use super::requests::{Admin, Asker};
use super::verbs::KickCommand;
use super::who::{self, fields};
use crate::control::cluster::CommandError;
use crate::event::cleaned;
use crate::limits;
use crate::share::enquiry::{Act, Mask, Row, Whom};

/// `hale kick`. `by`: who asked.
pub(super) async fn by_command(
    admin: &Admin,
    command: &KickCommand,
    by: Asker,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    match command.whom() {
        Ok(whom) => end(Kicking::begin(admin, whom, described(command), by), None, answer).await,
        Err(error) => answer.refuse(&error).await,
    }
}

/// `hale cluster kick USER`: whatever the user's name looks like; also what the user has by other proxies (C-KICK-1).
pub(super) async fn of_user(
    admin: &Admin,
    user: &str,
    by: Asker,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    end(Kicking::of_user(admin, user, by), Some(user), answer).await
}

/// What was found of users who leave a backend.
#[derive(Debug, Default)]
pub(in crate::control) struct Left {
    /// Sessions and logins, which have ended or are routed again.
    pub(in crate::control) sessions: usize,
    /// Clients of LMTP whose messages are on their way there.
    deliveries: usize,
    by_group: HashMap<Box<str>, usize>,
    by_user: HashMap<Box<str>, usize>,
}

impl Left {
    /// Everything.
    pub(in crate::control) fn all(&self) -> usize {
        self.sessions + self.deliveries
    }

    /// Sessions and logins of a group.
    pub(in crate::control) fn of_group(&self, name: &str) -> usize {
        self.by_group.get(name).copied().unwrap_or_default()
    }

    /// The same of a user.
    pub(in crate::control) fn of_user(&self, name: &str) -> usize {
        self.by_user.get(name).copied().unwrap_or_default()
    }

    fn add(&mut self, row: Row) {
        let Row { user: Some(user), group, .. } = row else {
            self.deliveries += 1;
            return;
        };
        self.sessions += 1;
        *self.by_user.entry(user).or_default() += 1;
        if let Some(group) = group {
            *self.by_group.entry((*group).into()).or_default() += 1;
        }
    }
}

/// Ends all that are meant, or routes them again, and says how many there were.
pub(super) async fn leave(admin: &Admin, whom: Whom) -> Result<Left, CommandError> {
    let mut asking = admin.askers.ask(Act::Leave, whom);
    let mut left = Left::default();
    while let Some(piece) = asking.piece().await? {
        piece.rows.into_iter().for_each(|row| left.add(row));
    }
    Ok(left)
}

/// Tells all that are meant, over time, and says how many that is news to.
pub(super) async fn part(admin: &Admin, whom: Whom) -> Result<usize, CommandError> {
    let mut asking = admin.askers.ask(Act::Part, whom);
    let mut told = 0;
    while let Some(piece) = asking.piece().await? {
        told += piece.rows.len();
    }
    Ok(told)
}

/// Ends all that are meant, and tells of each. `beyond`: whose sessions elsewhere end, too.
async fn end(
    mut kicking: Kicking<'_>,
    beyond: Option<&str>,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    let admin = kicking.admin;
    let mut told = answer.columns(&who::COLUMNS).await;
    while let Some(rows) = kicking.rows().await {
        for row in rows {
            if told.is_ok() {
                told = answer.row(fields(row)).await;
            }
        }
    }
    let ended = kicking.finish();
    let elsewhere = match beyond {
        Some(user) => admin.beyond.kick(user).await,
        None => Ok(false),
    };
    told?;
    match (ended, elsewhere) {
        (Err(error), _) | (_, Err(error)) => answer.refuse(&error).await,
        (Ok(0), Ok(false)) => answer.end(EX_NOTFOUND, None).await,
        (Ok(_), Ok(true)) => {
            answer.notice("the backend has ended what sessions the user had there").await?;
            answer.end(0, None).await
        }
        (Ok(_), Ok(false)) => answer.end(0, None).await,
    }
}

/// A kick under way.
#[derive(Debug)]
pub(in crate::control) struct Kicking<'a> {
    admin: &'a Admin,
    asking: Asking<'a>,
    /// The order, in the words that the log has it in.
    order: String,
    by: Asker,
    kicked: usize,
    failed: Option<CommandError>,
}

impl<'a> Kicking<'a> {
    pub(in crate::control) fn begin(
        admin: &'a Admin,
        whom: Whom,
        order: String,
        by: Asker,
    ) -> Self {
        let asking = admin.askers.ask(Act::Kick, whom);
        Self { admin, asking, order, by, kicked: 0, failed: None }
    }

    /// Of a user, or all whom a mask fits.
    pub(in crate::control) fn of_user(admin: &'a Admin, user: &str, by: Asker) -> Self {
        let whom = Whom { users: Some(Mask::new(user)), ..Whom::default() };
        let shown = cleaned(user.as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
        Self::begin(admin, whom, format!("cluster kick {shown}"), by)
    }

    /// Sessions that were ended since the last call; none: that were all.
    pub(in crate::control) async fn rows(&mut self) -> Option<Vec<Row>> {
        match self.asking.piece().await {
            Ok(piece) => {
                let rows = piece?.rows;
                self.kicked += rows.len();
                Some(rows)
            }
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    /// Writes into the log what was done, and says how many sessions were ended.
    ///
    /// # Errors
    /// A core did not answer; some sessions may have been ended.
    pub(in crate::control) fn finish(self) -> Result<usize, CommandError> {
        let Self { admin, order, by, kicked, failed, asking } = self;
        let how = match asking.is_of_whole_backend() {
            true => "; where they are a crowd, over login_proxy_max_disconnect_delay",
            false => "",
        };
        admin.note(format!("admin: {order}: {kicked} sessions ended by {by}{how}"));
        failed.map_or(Ok(kicked), Err)
    }
}

/// The command as the log has it.
pub(in crate::control) fn described(command: &KickCommand) -> String {
    let KickCommand { socket: _, backend, group, session, reason, whom } = command;
    let named = [("backend", backend), ("group", group), ("session", session), ("reason", reason)];
    let shown = |text: &str| cleaned(text.as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
    let whom = whom.iter().map(|word| shown(word).into_string());
    let named = named.into_iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("{name}=<{}>", shown(value)))
    });
    std::iter::once("kick".to_owned()).chain(whom).chain(named).collect::<Vec<_>>().join(" ")
}

/// doveadm's exit code when no session was meant.
const EX_NOTFOUND: u8 = 68;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn op_10_the_line_in_the_log_says_what_was_ordered_and_has_no_control_characters() {
        let command = KickCommand {
            reason: Some("mail\nserver".into()),
            backend: Some("be1".into()),
            whom: vec!["bob*".into()],
            ..KickCommand::default()
        };
        assert_eq!(described(&command), "kick bob* backend=<be1> reason=<mail?server>");
    }
}
