//! `who`: a record for each session that is logged in, and for each of LMTP.

use super::answer::{Answer, Gone};
use super::requests::Admin;
use super::verbs::WhoCommand;
use crate::ring::clock;
use crate::share::enquiry::{Act, Row};

/// doveadm's four, and what a proxy knows besides.
pub(super) const COLUMNS: [&str; 8] =
    ["username", "proto", "pid", "ip", "session", "backend", "group", "secs"];

/// Answers with all that are meant.
pub(super) async fn list(
    admin: &Admin,
    command: &WhoCommand,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    let whom = match command.whom() {
        Ok(whom) => whom,
        Err(error) => return answer.refuse(&error).await,
    };
    let mut asking = admin.askers.ask(Act::List, whom);
    answer.columns(&COLUMNS).await?;
    loop {
        match asking.piece().await {
            Ok(Some(piece)) => {
                for row in piece.rows {
                    answer.row(fields(row)).await?;
                }
            }
            Ok(None) => return answer.end(0, None).await,
            Err(error) => return answer.refuse(&error).await,
        }
    }
}

/// A session as a record.
pub(super) fn fields(row: Row) -> Vec<Option<String>> {
    let Row { protocol, user, client, session, backend, group, since } = row;
    let lasted = since.map(|since| clock::now().since(since).as_secs().to_string());
    vec![
        user.map(String::from),
        Some(protocol.name().to_owned()),
        Some(std::process::id().to_string()),
        Some(client.ip().to_canonical().to_string()),
        Some(session.to_string()),
        backend.map(|host| host.to_string()),
        group.map(|group| group.to_string()),
        lasted,
    ]
}
