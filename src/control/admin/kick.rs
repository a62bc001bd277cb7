//! `kick`: ends sessions, and tells which.
//!
//! What has begun is carried out to its end, whether or not the client that asked is still there: half a kick is what an
//! operator expects least.

use super::answer::{Answer, Gone};
use super::requests::Admin;
use super::verbs::KickCommand;
use super::who::{self, fields};
use crate::control::cluster::CommandError;
use crate::event::cleaned;
use crate::limits;
use crate::share::enquiry::{Act, Mask, Whom};

/// `hale kick`. `user_id`: who asked.
pub(super) async fn by_command(
    admin: &Admin,
    command: &KickCommand,
    user_id: u32,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    match command.whom() {
        Ok(whom) => end(admin, whom, &described(command), user_id, answer).await,
        Err(error) => answer.refuse(&error).await,
    }
}

/// `hale cluster kick USER`: whatever the user's name looks like.
pub(super) async fn of_user(
    admin: &Admin,
    user: &str,
    user_id: u32,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    let whom = Whom { users: Some(Mask::new(user)), ..Whom::default() };
    let shown = cleaned(user.as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
    end(admin, whom, &format!("cluster kick {shown}"), user_id, answer).await
}

/// Ends all that are meant, and says how many there were.
pub(super) async fn count(admin: &Admin, whom: Whom) -> Result<usize, CommandError> {
    let mut asking = admin.askers.ask(Act::Kick, whom);
    let mut kicked = 0;
    while let Some(piece) = asking.piece().await? {
        kicked += piece.rows.len();
    }
    Ok(kicked)
}

/// Ends all that are meant, by an order that the log has in these words.
async fn end(
    admin: &Admin,
    whom: Whom,
    order: &str,
    user_id: u32,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    let mut asking = admin.askers.ask(Act::Kick, whom);
    let mut told = answer.columns(&who::COLUMNS).await;
    let mut kicked = 0_usize;
    let failed = loop {
        match asking.piece().await {
            Ok(Some(piece)) => {
                kicked += piece.rows.len();
                for row in piece.rows {
                    if told.is_ok() {
                        told = answer.row(fields(row)).await;
                    }
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    admin.note(format!("admin: {order}: {kicked} sessions ended by uid={user_id}"));
    told?;
    match failed {
        Some(error) => answer.refuse(&error).await,
        None if kicked == 0 => answer.end(EX_NOTFOUND, None).await,
        None => answer.end(0, None).await,
    }
}

/// The command as the log has it.
fn described(command: &KickCommand) -> String {
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
