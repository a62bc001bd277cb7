//! `reload`, `listener`: orders to the process itself.

use std::collections::BTreeSet;

use super::answer::{Answer, Gone};
use super::requests::{Admin, Asker};
use super::verbs::{ListenerCommand, Listeners};
use crate::control::cluster::{CommandError, Output};
use crate::control::ports::{Listening, State};
use crate::control::reload::Outcome;

/// Reloads, and says how it went.
pub(super) async fn reload(admin: &Admin, by: Asker, answer: &mut Answer<'_>) -> Result<(), Gone> {
    admin.note(format!("admin: reload, by {by}"));
    let outcome = admin.orders.reload_and_tell().await;
    answer.output(told(outcome.ok())).await
}

fn told(outcome: Option<Outcome>) -> Result<Output, CommandError> {
    match outcome {
        Some(Outcome::Done(done)) => {
            let mut output = Output::new(&["setting", "effect"]);
            let changed = done.changed.iter().map(|name| (name, "now"));
            let restart = done.restart.iter().map(|name| (name, "restart"));
            output.rows = changed
                .chain(restart)
                .map(|(name, effect)| vec![Some(name.clone()), Some(effect.to_owned())])
                .collect();
            output.notices.extend(done.needs_restart());
            output.notices.extend(done.remarks.iter().map(|remark| format!("warning: {remark}")));
            Ok(output)
        }
        Some(Outcome::Refused(reasons)) => Err(CommandError::Config(format!(
            "nothing was reloaded, everything is as before:\n{}",
            reasons.join("\n")
        ))),
        None => Err(CommandError::TempFail("Hale stops; nothing is reloaded".to_owned())),
    }
}

/// `hale listener`.
pub(super) async fn listener(
    admin: &Admin,
    command: &ListenerCommand,
    by: Asker,
) -> Result<Output, CommandError> {
    let ports = &admin.ports;
    let (ListenerCommand::Drain(which) | ListenerCommand::Resume(which)) = command else {
        return Ok(list(&ports.list()));
    };
    let names = named(which, &ports.list())?;
    let told = names.iter().cloned().collect::<Vec<_>>().join(" ");
    match command {
        ListenerCommand::Resume(_) => {
            let opened = ports.resume(&names).map_err(|faults| {
                let text = faults.join("; ");
                admin.note(format!("admin: listener resume {told}: none is: {text}, by {by}"));
                CommandError::TempFail(format!("listener {told}: stays as it is: {text}"))
            })?;
            admin.note(format!("admin: listener resume {told}: {opened} ports opened, by {by}"));
        }
        _ => {
            let closed = ports.drain(&names);
            admin.note(format!("admin: listener drain {told}: {closed} ports closed, by {by}"));
        }
    }
    let is_done = ports.carried_out().await;
    let mut listed = ports.list();
    listed.retain(|it| names.contains(&it.listener.name));
    let mut output = list(&listed);
    if !is_done {
        output.notices.push(
            "a data core has not carried it out yet; hale listener list shows what is wanted, and ss -ltn what is"
                .to_owned(),
        );
    }
    Ok(output)
}

fn named(which: &Listeners, known: &[Listening]) -> Result<BTreeSet<String>, CommandError> {
    let known: BTreeSet<String> = known.iter().map(|it| it.listener.name.clone()).collect();
    if which.all {
        return Ok(known);
    }
    match which.name.iter().find(|name| !known.contains(*name)) {
        Some(name) => Err(CommandError::NotFound(format!(
            "listener {name}: the configuration has no inet_listener of this name; hale listener list shows them"
        ))),
        None => Ok(which.name.iter().cloned().collect()),
    }
}

fn list(listeners: &[Listening]) -> Output {
    let mut output = Output::new(&["listener", "protocol", "address", "ssl", "haproxy", "state"]);
    let yes = |is_so| if is_so { "yes" } else { "no" };
    let row = |it: &Listening| {
        let Listening { listener, state } = it;
        let state = match state {
            State::Unserved(reason) => format!("{}: {reason}", state.name()),
            State::Open | State::Drained => state.name().to_owned(),
        };
        let fields = [
            listener.name.clone(),
            listener.protocol.to_string(),
            listener.endpoint().to_string(),
            yes(listener.ssl).to_owned(),
            yes(listener.haproxy).to_owned(),
            state,
        ];
        fields.map(Some).to_vec()
    };
    output.rows = listeners.iter().map(row).collect();
    output
}
