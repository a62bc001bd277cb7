//! The control core's life: tasks, data cores, the signals that end both.

use std::io::Write as _;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::orders::Orders;
use super::ports::Ports;
use super::supervisor;
use super::tasks::{Control, FileSignals, Tasks};
use crate::share::exchange::Exchange;
use crate::share::messages::ToCore;

/// Runs the control core on this thread until every data core is drained.
///
/// The order is a promise (OP-04, OP-11): signals are caught before anything can be signalled, and `start_cores` is called
/// only when the first table is published, so that every client that is greeted can log in. It returns what waits for the
/// cores.
///
/// # Errors
/// The system's, when signals, threads or the mailboxes' descriptors can't be had.
pub fn run<Joined: FnOnce() + Send + 'static>(
    control: Control,
    exchange: Exchange,
    start_cores: impl FnOnce() -> std::io::Result<Joined>,
) -> std::io::Result<()> {
    tokio_uring::start(async {
        let caught = |kind| signal(kind);
        let ending = Ending {
            terminate: caught(SignalKind::terminate())?,
            interrupt: caught(SignalKind::interrupt())?,
        };
        let files = FileSignals {
            rotate: caught(SignalKind::user_defined1())?,
            hangup: caught(SignalKind::hangup())?,
            reload: caught(SignalKind::hangup())?,
        };
        let ports = control.reloader.ports.clone();
        let orders = Orders::default();
        let mut tasks = Tasks::start(control, &exchange, files, orders.clone()).await?;
        let served = match start_cores() {
            Ok(joined) => {
                supervisor::ready(exchange.to_cores.len());
                let watchdog =
                    tokio::task::spawn_local(supervisor::feed_watchdog(exchange.clone()));
                serve(&mut tasks, &exchange, (ending, orders), &ports, joined).await;
                watchdog.abort();
                Ok(())
            }
            Err(error) => Err(error),
        };
        tasks.end().await;
        served
    })
}

/// The signals that end the process.
struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

async fn serve(
    tasks: &mut Tasks,
    exchange: &Exchange,
    (mut ending, orders): (Ending, Orders),
    ports: &Ports,
    joined: impl FnOnce() + Send + 'static,
) {
    let mut cores_done = tokio::task::spawn_blocking(joined);
    let mut is_first = true;
    loop {
        tokio::select! {
            _ = &mut cores_done => break,
            _ = ending.terminate.recv() => {}
            _ = ending.interrupt.recv() => {}
            () = orders.stopping() => {}
            () = tasks.broken() => give_up(),
        }
        // As a reload may have left it.
        let limits = &ports.edition().config.limits;
        let within = match is_first {
            true => limits.shutdown_clients.then_some(limits.shutdown_timeout),
            false => Some(Duration::ZERO),
        };
        is_first = false;
        ports.let_go();
        let until = within.map_or_else(
            || "all the time they want".to_owned(),
            |time| format!("{} s to finish", time.as_secs()),
        );
        supervisor::stopping(&format!("sessions have {until}"));
        tasks.note(format!("stopping: sessions have {until}; a second signal ends them now"));
        for core in &exchange.to_cores {
            // Mailboxes hold thousands; a core that lets them fill up will see the next signal.
            let _ = core.send(ToCore::Drain(within.unwrap_or(Duration::MAX)));
        }
    }
    tasks.note(format!("stopped; totals: {}", exchange.totals()));
}

/// A control core without one of its tasks would serve ever older tables, or write no log (K-CORE-3).
fn give_up() -> ! {
    let line = "hale: a task of the control core ended by a bug; the process ends, so that systemd starts it again";
    // Standard error may be closed; there is no other place.
    let _ = writeln!(std::io::stderr(), "{line}");
    std::process::abort();
}
