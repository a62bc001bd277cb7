//! `upgrade`: a new process takes over, and the operator is told what has become of it.

use super::answer::{Answer, Gone};
use super::requests::{Admin, Asker};
use super::verbs::UpgradeCommand;
use crate::control::cluster::CommandError;

/// Lets a new process take over. By doveadm's password it can't be asked for: who names a program has to be on this host.
pub(super) async fn by_command(
    admin: &Admin,
    command: UpgradeCommand,
    by: Asker,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    let (Asker::User(_), Some(upgrades), Some(orders)) = (by, &admin.upgrades, admin.orders.get())
    else {
        let text = "upgrade: only on the host itself, by the admin socket".to_owned();
        return answer.refuse(&CommandError::Usage(text)).await;
    };
    admin.note(format!("admin: upgrade, by {by}"));
    let told = upgrades.upgrade(command.binary, admin.exchange.clone(), orders.clone()).await;
    match &told.outcome {
        Ok(text) => {
            // A client that asks behind this answer asks the new process.
            admin.handed_over.notify_one();
            answer.notice(text).await?;
            answer.end(0, None).await?;
            answer.finish().await;
        }
        Err(why) => {
            let error = CommandError::TempFail(format!("upgrade: not done: {why}"));
            answer.refuse(&error).await?;
        }
    }
    // The old process retires only when this has been passed on.
    drop(told);
    Ok(())
}

/// Lets a new process of the same program take over. What has become of it is in the log.
pub(in crate::control) async fn by_signal(admin: &Admin) {
    if let (Some(upgrades), Some(orders)) = (&admin.upgrades, admin.orders.get()) {
        admin.note("SIGUSR2: upgrade".to_owned());
        drop(upgrades.upgrade(None, admin.exchange.clone(), orders.clone()).await);
    }
}
