//! The control core's loop: mail, refreshes, signals, the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::certificates::{self, Certificates};
use super::log_file::LogWriter;
use super::passdbs::PassdbSources;
use super::routing::Routing;
use crate::auth::passdb::Passdbs;
use crate::event::Event;
use crate::ring::clock;
use crate::ring::wake::Waker;
use crate::share::exchange::Exchange;
use crate::share::mailbox::Mailbox;
use crate::share::messages::{Ticket, ToControl, ToCore};
use crate::share::snapshot::Published;
use crate::share::visitors::Visitors;

/// What the control core owns.
#[derive(Debug)]
pub struct Control {
    /// GeoDB and table.
    pub routing: Routing,
    /// Password files.
    pub sources: PassdbSources,
    /// Certificates and authorities.
    pub certificates: Certificates,
    /// The log.
    pub writer: LogWriter,
    /// Time for live sessions after SIGTERM (`shutdown_timeout`); none: until they end (`shutdown_clients = no`).
    pub drain_timeout: Option<Duration>,
}

/// Runs the control core on this thread until every data core is drained.
///
/// The order is a promise (OP-04, OP-11): signals are caught before anything can be signalled, and `start_cores` is called
/// only when the first table is published, so that whoever is greeted can log in. It returns what waits for the cores.
///
/// # Errors
/// The system's, when signals, threads or the mailboxes' descriptors can't be had.
pub fn run<Joined: FnOnce() + Send + 'static>(
    control: Control,
    exchange: Exchange,
    start_cores: impl FnOnce() -> std::io::Result<Joined>,
) -> std::io::Result<()> {
    tokio_uring::start(async {
        let signals = Signals::catch()?;
        serve(control, exchange, signals, start_cores).await
    })
}

/// The signals a Hale listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// SIGHUP and SIGUSR1: the log file was moved away.
    hangup: Signal,
    rotate: Signal,
    /// SIGHUP again: certificates are to be read anew.
    reload: Signal,
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            reload: signal(SignalKind::hangup())?,
            rotate: signal(SignalKind::user_defined1())?,
        })
    }
}

async fn serve<Joined: FnOnce() + Send + 'static>(
    control: Control,
    exchange: Exchange,
    signals: Signals,
    start_cores: impl FnOnce() -> std::io::Result<Joined>,
) -> std::io::Result<()> {
    let Control { mut routing, sources, certificates, writer, drain_timeout } = control;
    let Signals { mut terminate, mut interrupt, hangup, rotate, reload } = signals;
    routing.begin().await;
    let mut cores_done = tokio::task::spawn_blocking(start_cores()?);
    let log = Arc::clone(&exchange.log);
    let (stop_log, log_stopped) = mpsc::channel::<()>(1);
    let rotated = [rotate, hangup];
    let log_task =
        tokio::task::spawn_local(write_log(writer, Arc::clone(&log), rotated, log_stopped));
    let watch_task = tokio::task::spawn_local(watch_passdbs(
        sources,
        exchange.passdbs.clone(),
        Arc::clone(&log),
    ));
    let published = exchange.tls.clone();
    let tls_task = tokio::task::spawn_local(certificates::watch(
        certificates,
        published,
        Arc::clone(&log),
        reload,
    ));
    let mail = Arc::clone(&exchange.to_control);
    let cores = exchange.to_cores.clone();
    let routing_task = tokio::task::spawn_local(serve_routing(routing, mail, cores));
    tokio::task::spawn_local(sweep_visitors(exchange.visitors.clone()));
    let mut within = drain_timeout;
    loop {
        tokio::select! {
            _ = &mut cores_done => break,
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let until = within.map_or_else(
            || "all the time they want".to_owned(),
            |time| format!("{} s to finish", time.as_secs()),
        );
        note(&log, format!("stopping: sessions have {until}; a second signal ends them now"));
        for core in &exchange.to_cores {
            // Mailboxes hold thousands; a core that lets them fill up will see the next signal.
            let _ = core.send(ToCore::Drain(within.unwrap_or(Duration::MAX)));
        }
        within = Some(Duration::ZERO);
    }
    routing_task.abort();
    watch_task.abort();
    tls_task.abort();
    note(&log, format!("stopped; totals: {}", exchange.totals()));
    drop(stop_log);
    // A panic in the log task has been printed by then; there is nobody left to tell.
    let _ = log_task.await;
    Ok(())
}

fn note(log: &Mailbox<Event>, text: String) {
    // A full mailbox loses the line, as for everybody (RS-08).
    let _ = log.send(Event::Note { warning: false, text: text.into_boxed_str() });
}

/// Answers data cores and keeps the table true. One question at a time: the GeoDB's thread serves one anyway.
async fn serve_routing(
    mut routing: Routing,
    mail: Arc<Mailbox<ToControl>>,
    cores: Vec<Arc<Mailbox<ToCore>>>,
) {
    let Ok(arrivals) = watch(&mail) else { return };
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut full = interval(REFRESH_EVERY);
    full.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = arrived(&mail, &arrivals) => {
                while let Some(message) = mail.take() {
                    serve_one(&mut routing, &cores, message).await;
                }
            }
            _ = full.tick() => routing.refresh().await,
            _ = look.tick() => routing.refresh_if_changed().await,
        }
    }
}

async fn serve_one(routing: &mut Routing, cores: &[Arc<Mailbox<ToCore>>], message: ToControl) {
    match message {
        ToControl::Settle { ticket, user } => {
            let answer = routing.settle(&user).await;
            if let Some(ticket) = ticket {
                reply(cores, ticket, answer);
            }
        }
        ToControl::Resolve { ticket, host } => {
            reply(cores, ticket, routing.resolve_host(&host).await);
        }
        ToControl::Change(change) => routing.change(change).await,
    }
}

fn reply(cores: &[Arc<Mailbox<ToCore>>], ticket: Ticket, answer: crate::share::messages::Answer) {
    if let Some(core) = cores.get(usize::from(ticket.core.0)) {
        // A full mailbox: the login runs into its own deadline and gets a temporary failure.
        let _ = core.send(ToCore::Answer { ticket, answer });
    }
}

/// Watches a mailbox's wake-up descriptor.
#[expect(
    deprecated,
    reason = "the successor is unsafe, and unsafe lives in ring alone; a Waker owns its descriptor, keeps \
                               it open as long as it lives and always names the same one, which is all that is asked"
)]
fn watch<T>(mail: &Mailbox<T>) -> std::io::Result<AsyncFd<Waker>> {
    AsyncFd::new(mail.waker().clone())
}

/// Waits until a mailbox holds something.
async fn arrived<T>(mail: &Mailbox<T>, arrivals: &AsyncFd<Waker>) {
    while mail.fall_asleep() {
        match arrivals.readable().await {
            Ok(mut ready) => {
                mail.waker().clear();
                ready.clear_ready();
            }
            // The reactor is gone: the runtime is shutting down, and this task with it.
            Err(_) => std::future::pending().await,
        }
        mail.wake_up();
        if !mail.is_empty() {
            return;
        }
    }
}

async fn write_log(
    mut writer: LogWriter,
    log: Arc<Mailbox<Event>>,
    [mut rotate, mut hangup]: [Signal; 2],
    mut stopped: mpsc::Receiver<()>,
) {
    let Ok(arrivals) = watch(&log) else { return };
    let mut last = false;
    while !last {
        tokio::select! {
            () = arrived(&log, &arrivals) => {
                // A burst is written as one: the first line waits a moment for the others.
                tokio::time::sleep(GATHER).await;
            }
            _ = rotate.recv() => writer.reopen(),
            _ = hangup.recv() => writer.reopen(),
            _ = stopped.recv() => last = true,
        }
        while let Some(event) = log.take() {
            writer.add(&event);
        }
        writer.flush();
    }
}

async fn watch_passdbs(
    mut sources: PassdbSources,
    published: Published<Passdbs>,
    log: Arc<Mailbox<Event>>,
) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let looked = tokio::task::spawn_blocking(move || {
            let changed = sources.reload();
            (sources, changed)
        });
        let Ok((back, changed)) = looked.await else {
            return;
        };
        sources = back;
        if let Some((passdbs, remarks)) = changed {
            published.publish(passdbs);
            for remark in remarks {
                let _ = log.send(Event::Note { warning: true, text: remark.into_boxed_str() });
            }
        }
    }
}

/// Forgets address prefixes against which nothing is held any more.
async fn sweep_visitors(visitors: Visitors) {
    let mut due = interval(SWEEP_EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        visitors.sweep(clock::now());
    }
}

/// Prefixes with nothing held against them stay in memory this long at most.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Another process's writes to the GeoDB and new password files are seen within this.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Sites, backends and addresses are read anew this often, whoever wrote (G20).
const REFRESH_EVERY: Duration = Duration::from_secs(10);
/// A burst of log lines is gathered this long.
const GATHER: Duration = Duration::from_millis(20);
