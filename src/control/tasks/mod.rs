//! What the control core does all the time, a file for each task.
//!
//! Duty: starting all tasks in one place, and ending them there. Non-duty: the values they work with, which are in
//! `control`; signals that end the process (`run`). Every task ends when this room says so, and none ends another.
//! Tests: in the files.

use std::rc::Rc;
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_local};

use super::admin::{self, Admin, AdminSocket, Board};
use super::current::Current;
use super::doors::DoorsToServe;
use super::doveadm::{self, Desk, Door};
use super::geodb::GeoDb;
use super::localdb::LocalDb;
use super::log_file::LogWriter;
use super::orders::Orders;
use super::policy::PolicyServer;
use super::reload::Reloader;
use super::resolver::Resolver;
use super::stats::{self, StatsDoor};
use crate::event::Event;
use crate::share::enquiry::Piece;
use crate::share::exchange::Exchange;
use crate::share::mailbox::Mailbox;
use loads::Loads;
use losses::Losses;
use mail::Inbox;
use table_news::TableNews;

mod certificates;
mod enquiries;
mod late_writes;
mod loads;
mod log;
mod losses;
mod mail;
mod moves;
mod panics;
mod geodb_remarks;
mod passdbs;
mod pins;
mod policy;
mod probes;
mod reload;
mod routing;
mod sweeps;
mod table_news;
mod userdbs;

pub use moves::{Mover, moves_of};
pub(super) use probes::ProbeWays;
pub use probes::Probes;
pub use routing::Routing;

/// What the control core owns, before it runs.
#[derive(Debug)]
pub struct Control {
    /// The cluster's rows.
    pub geodb: GeoDb,
    /// What this host keeps of them.
    pub local: LocalDb,
    /// Tables and look-ups.
    pub routing: Routing,
    /// Health probes; none: there is no test user.
    pub probes: Option<Probes>,
    /// What of the configuration may change: password databases, certificates, listeners.
    pub reloader: Reloader,
    /// The log.
    pub writer: LogWriter,
    /// Where operators ask.
    pub socket: AdminSocket,
    /// Where doveadm and metrics are served.
    pub doors: DoorsToServe,
    /// What they ask about.
    pub admin: Admin,
    /// Moves of groups and users, where the proxies carry them out.
    pub moves: Option<Mover>,
    /// Names of backends to addresses, for doveadm.
    pub resolver: Resolver,
}

/// The signals that tasks listen to.
#[derive(Debug)]
pub(super) struct FileSignals {
    /// SIGUSR1: the log file was moved away.
    pub(super) rotate: Signal,
    /// SIGHUP: the same.
    pub(super) hangup: Signal,
    /// SIGHUP again: the configuration is to be read anew.
    pub(super) reload: Signal,
}

/// All tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    running: Vec<JoinHandle<()>>,
    log: Arc<Mailbox<Event>>,
    writer: JoinHandle<()>,
    stop_writer: oneshot::Sender<()>,
    geodb: GeoDb,
    local: LocalDb,
}

impl Tasks {
    /// Starts everything. The first routing table has been published when this returns.
    ///
    /// # Errors
    /// The system's, when the mailboxes' descriptors can't be watched.
    pub(super) async fn start(
        control: Control,
        exchange: &Exchange,
        signals: FileSignals,
        orders: Orders,
    ) -> std::io::Result<Self> {
        let Control {
            geodb,
            local,
            routing,
            probes,
            reloader,
            writer,
            socket,
            doors,
            admin,
            moves,
            resolver,
        } = control;
        let admin = admin.ordering(orders.clone());
        let (userdbs, policy) = (reloader.userdbs.clone(), reloader.policy.clone());
        let settings = reloader.doveadm.clone();
        let board = admin.board();
        let FileSignals { rotate, hangup, reload } = signals;
        let log = Arc::clone(&exchange.log);
        let events = Inbox::watch(Arc::clone(&log))?;
        let (stop_writer, stopped) = oneshot::channel();
        let writer =
            spawn_local(log::write(writer, events, [rotate, hangup], orders.clone(), stopped));
        let remarks = geodb_remarks::tell(geodb.remarks(), Arc::clone(&log));
        let late = late_writes::make(geodb.clone(), Arc::clone(&log));
        let mut running = vec![spawn_local(remarks), spawn_local(late)];
        let (tasks, desk) = routing.start(board.clone()).await?;
        let (tables_of_pins, tables_of_moves) = (desk.tables(), desk.tables());
        running.extend(tasks);
        let lost = Losses::default();
        let loads = Loads::new(geodb.clone(), exchange.clone(), desk.clone(), &admin);
        running.push(spawn_local(loads.keep()));
        if let Some(probes) = probes {
            running.push(spawn_local(probes.start(desk, lost.clone())?));
        }
        running.push(userdbs::start(exchange, userdbs.clone())?);
        running.extend(around_settings(reloader, reload, &orders, exchange, &board));
        running.extend(around_logins(policy, exchange)?);
        let pieces = Inbox::watch(Arc::clone(&exchange.pieces))?;
        let admin = Rc::new(admin);
        running.push(spawn_local(losses::end_sessions(lost, exchange.clone(), Rc::clone(&admin))));
        running.push(spawn_local(pins::follow(
            tables_of_pins,
            exchange.clone(),
            Rc::clone(&admin),
        )));
        let DoorsToServe { doveadm: doors, stats } = doors;
        running.extend(before_operators(socket, stats, pieces, &admin));
        let (exchange, rows) = (exchange.clone(), geodb.clone());
        let desk = Desk { admin, exchange, geodb: rows, userdbs, resolver, orders, settings };
        let desk = Rc::new(desk);
        running.extend(start_with_desk(desk, doors, moves.map(|moves| (moves, tables_of_moves))));
        Ok(Self { running, log, writer, stop_writer, geodb, local })
    }

    /// Waits until a task has panicked, which has been printed.
    pub(super) async fn broken(&mut self) {
        tokio::select! {
            () = panics::first(&mut self.running) => {}
            // It ends only when it is told to.
            _ = &mut self.writer => {}
        }
    }

    /// Ends everything, the log last: what the others have said is written.
    pub(super) async fn end(self) {
        let Self { running, log, writer, stop_writer, geodb, local } = self;
        for task in running {
            task.abort();
        }
        late_writes::finish(&geodb, &log).await;
        geodb.close().await;
        local.close().await;
        // The log task panicked: that has been printed, and nothing is left to be written.
        let _ = stop_writer.send(());
        let _ = writer.await;
    }

    /// Writes a line to the log.
    pub(super) fn note(&self, text: String) {
        // A full mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning: false, text: text.into_boxed_str() });
    }
}

/// What reads files: a reload, and what looks whether some have changed, or will have to.
fn around_settings(
    reloader: Reloader,
    reload: Signal,
    orders: &Orders,
    exchange: &Exchange,
    board: &Board,
) -> [JoinHandle<()>; 3] {
    let log = || Arc::clone(&exchange.log);
    let (passdbs, userdbs) = (exchange.passdbs.clone(), reloader.userdbs.clone());
    let (sources, certificates) = (reloader.sources.clone(), reloader.certificates.clone());
    let files = passdbs::watch(sources, passdbs, userdbs, log(), board.clone());
    let ends = certificates::watch(certificates, exchange.tls.clone(), log(), board.clone());
    let reloads = reload::carry_out(reloader, reload, orders.clone(), log(), board.clone());
    [spawn_local(files), spawn_local(ends), spawn_local(reloads)]
}

/// What logins need besides passdbs: the policy server; visitors and guesses that are forgotten.
fn around_logins(
    policy: Current<Option<Rc<PolicyServer>>>,
    exchange: &Exchange,
) -> std::io::Result<[JoinHandle<()>; 2]> {
    let (visitors, guesses) = (exchange.visitors.clone(), exchange.guesses.clone());
    let questions = Inbox::watch(Arc::clone(&exchange.policy))?;
    let cores = exchange.to_cores.clone();
    Ok([
        spawn_local(sweeps::sweep(visitors, guesses)),
        spawn_local(policy::rule(questions, policy, cores)),
    ])
}

/// Where operators and their tools ask on this host, and what the data cores answer.
fn before_operators(
    socket: AdminSocket,
    doors: mpsc::UnboundedReceiver<StatsDoor>,
    pieces: Inbox<Piece>,
    admin: &Rc<Admin>,
) -> [JoinHandle<()>; 3] {
    let admin = || Rc::clone(admin);
    [
        spawn_local(admin::serve(socket, admin())),
        spawn_local(stats::serve(doors, admin())),
        spawn_local(enquiries::hand_out(pieces, admin())),
    ]
}

/// What works with the desk of doveadm.
fn start_with_desk(
    desk: Rc<Desk>,
    doors: mpsc::UnboundedReceiver<Door>,
    moves: Option<(Mover, TableNews)>,
) -> Vec<JoinHandle<()>> {
    let orders = desk.admin.beyond().open();
    let mut running = vec![spawn_local(doveadm::kicks::serve(orders, Rc::clone(&desk)))];
    if let Some((moves, tables)) = moves {
        running.push(spawn_local(moves::carry_out(moves, tables, Rc::clone(&desk))));
    }
    running.push(spawn_local(doveadm::serve(doors, desk)));
    running
}
