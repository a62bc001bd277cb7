//! The LocalDB's thread: opens the file, hands out what it says, writes what it is given, and mends what breaks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::oneshot;

use super::rows::UserRow;
use super::store::{Status, Store, StoreFault};
use super::{LocalDbSettings, Tables, files};
use crate::control::wall_clock::unix_millis;
use crate::event::Event;
use crate::limits;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::share::users::{Known, Users};
use crate::tick::Tick;

/// What the thread is asked to do.
pub(super) enum Job {
    /// Read all users into memory, page by page.
    Load,
    /// Write what changed; `false`: there was no room, and it is to be written again later.
    Write(Box<Batch>, oneshot::Sender<bool>),
    /// Do something with the file, or with why there is none.
    Call(Box<dyn FnOnce(&mut Keeper) + Send>),
    /// Close the file and end.
    Close(oneshot::Sender<()>),
}

/// What changed since the last batch. Rows of users are taken from memory when they are written.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) tables: Option<Tables>,
    pub(super) users: Vec<Box<str>>,
    /// More users than are told by name: all that memory has.
    pub(super) all_users: bool,
}

/// What the thread has.
pub(super) struct Keeper {
    settings: LocalDbSettings,
    users: Users,
    log: Arc<Mailbox<Event>>,
    store: Option<Store>,
    /// What the file has to say in the end.
    tables: Tables,
    /// What was last complained of; the same is told once.
    trouble: Option<StoreFault>,
    /// When opening was tried last.
    tried: Tick,
    loading: Option<Loading>,
    pub(super) rebuilt: u64,
    pub(super) failed: u64,
}

/// How far users have been read.
struct Loading {
    after: Box<str>,
    epoch: u32,
    count: u64,
}

impl Keeper {
    pub(super) fn new(settings: LocalDbSettings, users: Users, log: Arc<Mailbox<Event>>) -> Self {
        Self {
            settings,
            users,
            log,
            store: None,
            tables: Tables::default(),
            trouble: None,
            tried: Tick(0),
            loading: None,
            rebuilt: 0,
            failed: 0,
        }
    }

    /// Opens the file, tells what it says, and works until it is closed.
    pub(super) fn serve(mut self, opened: oneshot::Sender<Tables>, mut jobs: Receiver<Job>) {
        self.open();
        if let Some(store) = &self.store {
            self.tables = store.tables().clone();
        }
        // The process ends already, if it is not taken.
        let _ = opened.send(self.tables.clone());
        loop {
            let job = match self.loading.is_some() {
                true => match jobs.try_recv() {
                    Ok(job) => job,
                    Err(TryRecvError::Empty) => {
                        self.load_page();
                        continue;
                    }
                    Err(TryRecvError::Disconnected) => return,
                },
                false => match jobs.blocking_recv() {
                    Some(job) => job,
                    None => return,
                },
            };
            match job {
                Job::Load => self.begin_loading(),
                Job::Write(batch, written) => {
                    // The flusher has gone with the process.
                    let _ = written.send(self.write(*batch));
                }
                Job::Call(call) => call(&mut self),
                Job::Close(closed) => {
                    drop(self.store.take());
                    let _ = closed.send(());
                    return;
                }
            }
        }
    }

    /// The file, or why there is none.
    pub(super) fn store(&mut self) -> Result<&mut Store, String> {
        let why =
            self.trouble.as_ref().map_or_else(|| "it is closed".to_owned(), StoreFault::to_string);
        self.store.as_mut().ok_or(why)
    }

    /// Carries out a call on the file.
    pub(super) fn with<T>(
        &mut self,
        call: impl FnOnce(&mut Store) -> Result<T, StoreFault>,
    ) -> Result<T, String> {
        call(self.store()?).map_err(|fault| {
            let text = fault.to_string();
            self.broken(fault);
            text
        })
    }

    pub(super) fn status(&mut self) -> Status {
        let of_file = self.with(|store| Ok((store.count()?, store.bytes()?)));
        let (users, bytes) = of_file.unwrap_or_default();
        let groups = u64::try_from(self.tables.groups.len()).unwrap_or(0);
        Status {
            users,
            groups: if self.store.is_some() { groups } else { 0 },
            bytes,
            trouble: self.trouble.as_ref().map(ToString::to_string),
            rebuilt: self.rebuilt,
            failed: self.failed,
            is_loading: self.loading.is_some(),
        }
    }

    // === Opening ===

    fn open(&mut self) {
        self.tried = clock::now();
        let mut result = Store::open(&self.settings);
        if let Err(StoreFault::Damaged(why)) = &result {
            let path = self.settings.path.display();
            self.note(true, format!("localdb: {path} {why}; it is built anew"));
            self.rebuilt += 1;
            result = files::remove(&self.settings.path).and_then(|()| Store::open(&self.settings));
        }
        match result {
            Ok(store) => self.store = Some(store),
            Err(fault) => self.complain(fault),
        }
    }

    /// Opens the file again after a while, and writes all that is known into it.
    fn reopen(&mut self) {
        if self.store.is_some() || clock::now().since(self.tried) < limits::LOCALDB_RETRY {
            return;
        }
        self.open();
        if self.store.is_some() && self.write_all().is_ok() {
            self.well();
        }
    }

    /// The file cannot be used as it is. It is left, or built anew from what memory has.
    fn broken(&mut self, fault: StoreFault) {
        let StoreFault::Damaged(_) = &fault else { return self.complain(fault) };
        let path = self.settings.path.display();
        self.note(true, format!("localdb: {path} {fault}; it is built anew"));
        self.rebuilt += 1;
        self.loading = None;
        self.users.set_loading(false);
        // What came of it may be as wrong.
        self.users.doubt_all();
        // Closed before it is removed: an open log would outlive its database.
        drop(self.store.take());
        let rebuilt = files::remove(&self.settings.path).and_then(|()| Store::open(&self.settings));
        self.tried = clock::now();
        let written = rebuilt.and_then(|store| {
            self.store = Some(store);
            self.write_all()
        });
        if let Err(fault) = written {
            drop(self.store.take());
            self.complain(fault);
        }
    }

    fn complain(&mut self, fault: StoreFault) {
        if self.trouble.as_ref() == Some(&fault) {
            return;
        }
        let path = self.settings.path.display();
        let text = match &fault {
            StoreFault::Full => format!(
                "localdb: {path}: {fault}; users are remembered in memory only: make room, or name another file in cluster_localdb"
            ),
            StoreFault::Refused(_) | StoreFault::Damaged(_) => {
                format!("localdb: {fault}; Hale goes on without (cluster_localdb)")
            }
        };
        self.trouble = Some(fault);
        self.note(true, text);
    }

    fn well(&mut self) {
        if self.trouble.take().is_some() {
            let path = self.settings.path.display();
            self.note(false, format!("localdb: {path} is in use again"));
        }
    }

    // === Writing ===

    /// False: there is no room now.
    fn write(&mut self, batch: Batch) -> bool {
        if let Some(tables) = batch.tables {
            self.tables = tables;
        }
        self.reopen();
        if self.store.is_none() {
            // Once it opens, everything is written.
            return true;
        }
        let written =
            if batch.all_users { self.write_all() } else { self.write_some(&batch.users) };
        match written {
            Ok(()) => {
                self.well();
                true
            }
            Err(fault) => {
                self.failed += 1;
                let is_full = fault == StoreFault::Full;
                self.broken(fault);
                !is_full
            }
        }
    }

    fn write_some(&mut self, names: &[Box<str>]) -> Result<(), StoreFault> {
        let Some(store) = &mut self.store else { return Ok(()) };
        store.write_tables(&self.tables)?;
        let share = usize::try_from(limits::LOCALDB_BATCH_ROWS).unwrap_or(usize::MAX);
        for names in names.chunks(share) {
            let (mut put, mut gone) = (Vec::new(), Vec::new());
            for name in names {
                match self.users.known(name) {
                    Some(known) => put.push(to_file(known)),
                    None => gone.push(name.clone()),
                }
            }
            store.write_users(&put, &gone)?;
        }
        Ok(())
    }

    fn write_all(&mut self) -> Result<(), StoreFault> {
        let Some(store) = &mut self.store else { return Ok(()) };
        store.write_tables(&self.tables)?;
        let share = usize::try_from(limits::LOCALDB_BATCH_ROWS).unwrap_or(usize::MAX);
        let (mut rows, mut result) = (Vec::with_capacity(share), Ok(()));
        self.users.for_each(|known| {
            rows.push(to_file(known));
            if rows.len() == share && result.is_ok() {
                result = store.write_users(&rows, &[]);
                rows.clear();
            }
        });
        result?;
        store.write_users(&rows, &[])
    }

    // === Loading ===

    fn begin_loading(&mut self) {
        let epoch = self.users.epoch();
        self.users.set_loading(true);
        self.loading = Some(Loading { after: Box::default(), epoch, count: 0 });
    }

    fn load_page(&mut self) {
        let Some(mut loading) = self.loading.take() else { return };
        let Ok(page) =
            self.with(|store| store.users_after(&loading.after, limits::LOCALDB_BATCH_ROWS))
        else {
            self.users.set_loading(false);
            return;
        };
        let is_last =
            page.len() < usize::try_from(limits::LOCALDB_BATCH_ROWS).unwrap_or(usize::MAX);
        if let Some(last) = page.last() {
            loading.after = last.row.username.clone();
        }
        let mut is_full = false;
        for user in page {
            if !self.users.recall(of_file(user), loading.epoch) {
                is_full = true;
                break;
            }
            loading.count += 1;
        }
        if is_last || is_full {
            self.users.set_loading(false);
            if loading.count > 0 {
                self.note(false, format!("localdb: {} users are known from before", loading.count));
            }
        } else {
            self.loading = Some(loading);
        }
    }

    fn note(&self, warning: bool, text: String) {
        // A full log mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning, text: text.into_boxed_str() });
    }
}

/// Uses are told in the world's time there, since ticks begin anew with each process.
fn to_file(known: Known) -> UserRow {
    let ago = clock::now().since(known.used_at).as_millis();
    let used_at = (unix_millis() - i64::try_from(ago).unwrap_or(i64::MAX)) / 1000;
    UserRow { row: known.row, is_doubtful: known.is_doubtful, used_at }
}

pub(super) fn of_file(user: UserRow) -> Known {
    let ago = unix_millis().saturating_sub(user.used_at.saturating_mul(1000)).max(0);
    let ago = Duration::from_millis(u64::try_from(ago).unwrap_or(0));
    let used_at =
        Tick(clock::now().since(Tick(0)).saturating_sub(ago).as_millis().try_into().unwrap_or(0));
    Known { row: user.row, used_at, is_doubtful: user.is_doubtful }
}
