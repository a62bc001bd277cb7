//! A provider's keys and addresses: fetched, kept, and looked at again.
//!
//! The last good ones stay in force while newer ones cannot be had. A token whose key is not there has them fetched at once, at most
//! every 30 seconds however many such tokens come (DB-09). One fetch at a time; logins that need it wait for the same one.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::folder;
use crate::config::model::KeySource;
use crate::control::http_client::HttpClient;
use crate::limits;
use crate::ring::clock;
use crate::tick::Tick;
use crate::webauth::{Discovered, KeySet, Request, SharedKeys};
use crate::wire::url::Url;

/// What is known of a provider.
#[derive(Debug)]
pub(super) struct Shelf {
    client: HttpClient,
    discovery: Option<Url>,
    source: Option<KeySource>,
    /// Keys are needed at all.
    wants_keys: bool,
    discovered: RefCell<Discovered>,
    keys: RefCell<Option<Arc<KeySet>>>,
    /// When what is there was fetched; none: nothing is there.
    fetched_at: Cell<Option<Tick>>,
    /// When it was tried last.
    tried_at: Cell<Option<Tick>>,
    /// Of a file: its time when it was read.
    stamp: Cell<Option<SystemTime>>,
    fetching: Semaphore,
}

/// What fetching has changed.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Nothing was due.
    Kept,
    /// What is there is fresh; a remark about keys that were passed over.
    Anew(Option<String>),
    /// It failed: why.
    Failed(String),
}

impl Shelf {
    pub(super) fn new(
        client: HttpClient,
        discovery: Option<Url>,
        source: Option<KeySource>,
        wants_keys: bool,
    ) -> Self {
        Self {
            client,
            discovery,
            source,
            wants_keys,
            discovered: RefCell::default(),
            keys: RefCell::default(),
            fetched_at: Cell::default(),
            tried_at: Cell::default(),
            stamp: Cell::default(),
            fetching: Semaphore::new(1),
        }
    }

    /// The keys that are in force.
    pub(super) fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.borrow().clone()
    }

    /// What the provider tells of itself.
    pub(super) fn discovered(&self) -> Discovered {
        self.discovered.borrow().clone()
    }

    /// Whether everything that is needed is there.
    pub(super) fn is_filled(&self) -> bool {
        self.fetched_at.get().is_some() || !self.needs_anything()
    }

    /// Whether it is time to look again, although what is there still counts.
    pub(super) fn is_due(&self) -> bool {
        if !self.needs_anything() {
            return false;
        }
        let now = clock::now();
        let again = match self.is_local() {
            true => limits::KEY_FILE_LOOK_EVERY,
            false => limits::PROVIDER_LOOK_EVERY,
        };
        let waited = |since: Option<Tick>, time| since.is_none_or(|since| now.since(since) >= time);
        waited(self.fetched_at.get(), again)
            && waited(self.tried_at.get(), limits::PROVIDER_TRIES_EVERY.min(again))
    }

    /// Fetches because a token has a key that is not there, or waits for the fetch that is under way. None: one was made lately.
    pub(super) async fn fetch_for_a_key(&self) -> Option<Fetched> {
        if self.fetching.available_permits() == 0 {
            // It is never closed.
            let _ = self.fetching.acquire().await;
            return Some(Fetched::Kept);
        }
        let tried = self.tried_at.get();
        let every = if self.is_local() {
            limits::KEY_FILE_LOOK_EVERY
        } else {
            limits::PROVIDER_TRIES_EVERY
        };
        let may_try = tried.is_none_or(|tried| clock::now().since(tried) >= every);
        if may_try { Some(self.fetch().await) } else { None }
    }

    /// Fetches everything, unless another fetch that began after `since` has done so meanwhile.
    pub(super) async fn fetch(&self) -> Fetched {
        let asked_at = clock::now();
        let Ok(_turn) = self.fetching.acquire().await else { return Fetched::Kept };
        if self.tried_at.get().is_some_and(|tried| tried >= asked_at) && self.is_filled() {
            return Fetched::Kept;
        }
        self.tried_at.set(Some(clock::now()));
        let work = timeout(limits::PROVIDER_FETCH_TIMEOUT, self.fill());
        match work.await.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(remark) => {
                self.fetched_at.set(Some(clock::now()));
                Fetched::Anew(remark)
            }
            Err(why) => Fetched::Failed(why),
        }
    }

    fn needs_anything(&self) -> bool {
        self.discovery.is_some() || self.wants_keys
    }

    fn is_local(&self) -> bool {
        self.discovery.is_none() && matches!(self.source, Some(KeySource::File(_)))
    }

    async fn fill(&self) -> Result<Option<String>, String> {
        if let Some(url) = &self.discovery {
            let body = self.body(url).await?;
            let found = Discovered::parse(&body, url).map_err(|fault| format!("{url}: {fault}"))?;
            *self.discovered.borrow_mut() = found;
        }
        if !self.wants_keys {
            return Ok(None);
        }
        let set = match &self.source {
            Some(KeySource::File(path)) => match self.of_file(path)? {
                Some(set) => set,
                None => return Ok(None),
            },
            Some(KeySource::Url(url)) => self.of_url(url).await?,
            None => {
                let url = self.discovered.borrow().keys.clone();
                let url =
                    url.ok_or("the provider's OpenID configuration names no keys (`jwks_uri`)")?;
                self.of_url(&url).await?
            }
        };
        let remark = set.remark();
        *self.keys.borrow_mut() = Some(Arc::new(set));
        Ok(remark)
    }

    async fn of_url(&self, url: &Url) -> Result<KeySet, String> {
        let body = self.body(url).await?;
        KeySet::parse(&body, SharedKeys::Refused).map_err(|fault| format!("{url}: {fault}"))
    }

    async fn body(&self, url: &Url) -> Result<Vec<u8>, String> {
        let answer = self.client.ask(&Request::get(url.clone())).await;
        let answer = answer.map_err(|fault| format!("{url}: {fault}"))?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(format!("{url}: it answers with status {status}")),
        }
    }

    /// `None`: the file is as it was.
    fn of_file(&self, path: &Path) -> Result<Option<KeySet>, String> {
        let shown = path.display();
        let unreadable = |error: std::io::Error| {
            format!("{shown} can't be read: {error}; look whether hale's user may read it")
        };
        let about = fs::metadata(path).map_err(unreadable)?;
        if about.is_dir() {
            return folder::read(path).map(Some);
        }
        let stamp = about.modified().ok();
        if stamp.is_some() && self.stamp.get() == stamp && self.keys.borrow().is_some() {
            return Ok(None);
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        let set = KeySet::parse(&bytes, SharedKeys::Allowed)
            .map_err(|fault| format!("{shown}: {fault}"))?;
        self.stamp.set(stamp);
        Ok(Some(set))
    }
}
