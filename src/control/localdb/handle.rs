//! The way to the LocalDB: what changed is gathered here, each user once, and handed to the thread in batches.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::rows::UserRow;
use super::store::{LocalDbError, LocalGroup, LocalUser, Status};
use super::thread::{Batch, Job, Keeper, of_file};
use super::{LocalDbSettings, Tables};
use crate::event::Event;
use crate::limits;
use crate::share::mailbox::Mailbox;
use crate::share::users::{Known, Users};

/// Clones lead to the same one.
#[derive(Clone, Debug)]
pub struct LocalDb(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    jobs: Sender<Job>,
    users: Users,
    changed: RefCell<Changed>,
    news: Notify,
    opened: RefCell<Opened>,
}

/// What the file said when it was opened.
#[derive(Debug)]
enum Opened {
    Coming(oneshot::Receiver<Tables>),
    Here(Option<Tables>),
}

/// What is to be written.
#[derive(Debug, Default)]
struct Changed {
    tables: Option<Tables>,
    users: HashSet<Box<str>>,
    all_users: bool,
}

impl LocalDb {
    /// Starts the thread, which opens the file. Nothing waits for it yet.
    ///
    /// # Errors
    /// The system's, when it has no thread left.
    pub fn start(
        settings: LocalDbSettings,
        users: Users,
        log: Arc<Mailbox<Event>>,
    ) -> std::io::Result<Self> {
        let (jobs, incoming) = channel(limits::LOCALDB_JOBS_MAX);
        let (open, opened) = oneshot::channel();
        let keeper = Keeper::new(settings, users.clone(), log);
        std::thread::Builder::new()
            .name("hale-localdb".into())
            .spawn(move || keeper.serve(open, incoming))?;
        Ok(Self(Rc::new(Inner {
            jobs,
            users,
            changed: RefCell::default(),
            news: Notify::new(),
            opened: RefCell::new(Opened::Coming(opened)),
        })))
    }

    /// What the file says besides users; none if it says nothing, or not in time.
    pub(in crate::control) async fn opened(&self) -> Option<Tables> {
        match self.0.opened.replace(Opened::Here(None)) {
            Opened::Here(tables) => tables,
            Opened::Coming(opened) => timeout(limits::LOCALDB_OPEN_TIMEOUT, opened)
                .await
                .ok()?
                .ok()
                .filter(says_something),
        }
    }

    /// Whether the file says where users live. Blocks until it is open; for the start, before anything else runs.
    pub fn wait_for_tables(&self) -> bool {
        let tables = match self.0.opened.replace(Opened::Here(None)) {
            Opened::Here(tables) => tables,
            Opened::Coming(opened) => opened.blocking_recv().ok().filter(says_something),
        };
        let is_something = tables.is_some();
        self.0.opened.replace(Opened::Here(tables));
        is_something
    }

    /// Has all users read into memory, while logins go on.
    pub(in crate::control) async fn load_users(&self) {
        // A thread that is gone has panicked, which was printed; the cache is lost, and nothing else.
        let _ = self.0.jobs.send(Job::Load).await;
    }

    /// A user's row in memory has changed, or is doubted, or is gone.
    pub(in crate::control) fn user_changed(&self, user: &str) {
        let mut changed = self.0.changed.borrow_mut();
        if changed.all_users {
            return;
        }
        if changed.users.len() >= limits::LOCALDB_NAMES_MAX {
            changed.users = HashSet::new();
            changed.all_users = true;
        } else if !changed.users.contains(user) {
            changed.users.insert(user.into());
        }
        self.0.news.notify_one();
    }

    /// The tables are these now. Pieces that did not change are not written again.
    pub(in crate::control) fn tables_changed(&self, tables: Tables) {
        self.0.changed.borrow_mut().tables = Some(tables);
        self.0.news.notify_one();
    }

    /// Writes what changes, a batch at a time, for ever.
    pub(in crate::control) async fn write_behind(self) {
        loop {
            self.0.news.notified().await;
            sleep(limits::LOCALDB_WRITE_EVERY).await;
            if !self.flush().await {
                sleep(limits::LOCALDB_FULL_PAUSE).await;
            }
        }
    }

    /// Writes what has changed, and closes the file.
    pub(in crate::control) async fn close(&self) {
        let closing = async {
            self.flush().await;
            let (closed, done) = oneshot::channel();
            if self.0.jobs.send(Job::Close(closed)).await.is_ok() {
                let _ = done.await;
            }
        };
        // A thread that hangs is left behind: the process is about to end.
        let _ = timeout(limits::GEODB_CLOSE_TIMEOUT, closing).await;
    }

    /// False: there was no room.
    async fn flush(&self) -> bool {
        let Changed { tables, users, all_users } = self.0.changed.take();
        if tables.is_none() && users.is_empty() && !all_users {
            return true;
        }
        let batch = Batch { tables, users: users.into_iter().collect(), all_users };
        let again = batch.clone();
        let (written, done) = oneshot::channel();
        if self.0.jobs.send(Job::Write(Box::new(batch), written)).await.is_err()
            || done.await.unwrap_or(true)
        {
            return true;
        }
        let mut changed = self.0.changed.borrow_mut();
        changed.all_users |=
            again.all_users || changed.users.len() + again.users.len() > limits::LOCALDB_NAMES_MAX;
        if changed.all_users {
            changed.users = HashSet::new();
        } else {
            changed.users.extend(again.users);
        }
        // The thread has the tables already.
        drop(changed);
        self.0.news.notify_one();
        false
    }

    // === For a login, and for operators ===

    /// A user that memory does not have, or not yet.
    pub(in crate::control) async fn known(&self, user: &str) -> Option<Known> {
        let user: Box<str> = user.into();
        let found = self.call(move |keeper| keeper.with(|store| store.user(&user)));
        let row: UserRow =
            timeout(limits::LOCALDB_CALL_TIMEOUT, found).await.ok()?.ok()?.ok()??;
        Some(of_file(row))
    }

    /// How it is doing.
    ///
    /// # Errors
    /// It is busy.
    pub async fn status(&self) -> Result<Status, LocalDbError> {
        self.call(Keeper::status).await
    }

    /// A user's row.
    ///
    /// # Errors
    /// It is not in use, or busy.
    pub async fn user(&self, user: &str) -> Result<Option<LocalUser>, LocalDbError> {
        let user: Box<str> = user.into();
        let found = self.ask(move |keeper| keeper.with(|store| store.user(&user))).await?;
        Ok(found.map(|user| LocalUser { row: user.row, used_at: user.used_at }))
    }

    /// Users behind `after`, by name, of one group or all; `most` at a time.
    ///
    /// # Errors
    /// It is not in use, or busy.
    pub async fn users(
        &self,
        group: Option<&str>,
        after: &str,
        most: u64,
    ) -> Result<Vec<LocalUser>, LocalDbError> {
        let (group, after) = (group.map(str::to_owned), after.to_owned());
        self.ask(move |keeper| keeper.with(|store| store.users_of(group.as_deref(), &after, most)))
            .await
    }

    /// Groups by name, one or all.
    ///
    /// # Errors
    /// It is not in use, or busy.
    pub async fn groups(&self, name: Option<&str>) -> Result<Vec<LocalGroup>, LocalDbError> {
        let name = name.map(str::to_owned);
        self.ask(move |keeper| keeper.with(|store| store.groups(name.as_deref()))).await
    }

    /// Forgets a user, in the file and in memory: the next login asks the GeoDB. False: the user was not known.
    ///
    /// # Errors
    /// It is not in use, or busy.
    pub async fn remove_user(&self, user: &str) -> Result<bool, LocalDbError> {
        let was_in_memory = self.0.users.get(user).is_some();
        self.0.users.forget(user);
        let user: Box<str> = user.into();
        let was_in_file =
            self.ask(move |keeper| keeper.with(|store| store.remove_user(&user))).await?;
        Ok(was_in_memory || was_in_file)
    }

    /// Removes a group's row from the file; memory goes on with its own. False: the file has none.
    ///
    /// # Errors
    /// It is not in use, or busy.
    pub async fn remove_group(&self, group: &str) -> Result<bool, LocalDbError> {
        let group: Box<str> = group.into();
        self.ask(move |keeper| keeper.with(|store| store.remove_group(&group))).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Keeper) -> Result<T, String> + Send + 'static,
    ) -> Result<T, LocalDbError> {
        self.call(call).await?.map_err(LocalDbError::NotInUse)
    }

    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Keeper) -> T + Send + 'static,
    ) -> Result<T, LocalDbError> {
        let (answer, result) = oneshot::channel();
        let boxed: Box<dyn FnOnce(&mut Keeper) + Send> = Box::new(move |keeper| {
            // The caller may have given up.
            let _ = answer.send(call(keeper));
        });
        let asking = async {
            self.0.jobs.send(Job::Call(boxed)).await.map_err(|_| LocalDbError::Busy)?;
            result.await.map_err(|_| LocalDbError::Busy)
        };
        timeout(PATIENCE, asking).await.unwrap_or(Err(LocalDbError::Busy))
    }
}

fn says_something(tables: &Tables) -> bool {
    !tables.places.sites.is_empty()
}

/// Commands wait so long behind the thread's other work.
const PATIENCE: Duration = Duration::from_secs(10);
