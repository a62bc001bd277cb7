//! Connections to LDAP servers: which server, TLS, Hale's own bind, and binds as users.
//!
//! Duty: a connection is ready when the server has taken Hale's name and password on it. Of several servers the one that
//! answered last is taken first; each has a bounded time, so that one that hangs does not take the others' (DB-05).
//! The library's parts panic at answers that are none; what it does is done in tasks of its own, so that such a server
//! is a lost connection and no more. Driver: `super`.

use std::cell::Cell;
use std::path::PathBuf;

use ldap3::controls::RawControl;
use ldap3::{LdapConnAsync, LdapConnSettings, StdStream};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::timeout;

use super::search;
use crate::auth::ldap::outcome::Code;
use crate::auth::ldap::ppolicy::{self, Policy};
use crate::config::model::{self, LdapServer};
use crate::control::resolver::Resolver;
use crate::control::userdbs::driver::Fault;
use crate::limits::{LDAP_OPERATION_TIMEOUT, LDAP_SERVER_TIMEOUT};
use crate::secret::Secret;
use crate::share::snapshot::Published;
use crate::tls::{Context, DriverConfig, OlderForms, Trust, driver_config, driver_config_for_any};

/// The servers that have the same entries, and how Hale comes to them.
#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<LdapServer>,
    /// Which one is tried first.
    first: Cell<usize>,
    has_starttls: bool,
    authorities: Authorities,
    /// Hale's own name there and its password; none: searches are anonymous.
    own: Option<(String, Secret)>,
    resolver: Resolver,
}

/// Whose certificates are good.
#[derive(Debug)]
enum Authorities {
    /// Any.
    Any,
    /// Those of a file of the driver's own, read at each connect.
    File(PathBuf),
    /// Those of `ssl_client_ca_file`, as they are now.
    Backends(Published<Context>),
}

/// A connection for searches, and one for binds as users once it is needed.
#[derive(Debug)]
pub(in crate::control::userdbs) struct Connection {
    hale: Socket,
    users: Option<Socket>,
}

/// One connection. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    ldap: ldap3::Ldap,
    driver: JoinHandle<()>,
}

/// What a task is given up with when it is dropped.
struct Given<T>(JoinHandle<T>);

impl<T> Drop for Given<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Servers {
    pub(super) fn new(settings: &model::Ldap, tls: Published<Context>) -> Self {
        let authorities = match (&settings.ca_file, settings.verifies) {
            (_, false) => Authorities::Any,
            (Some(file), true) => Authorities::File(file.clone()),
            (None, true) => Authorities::Backends(tls),
        };
        Self {
            all: settings.servers.clone(),
            first: Cell::new(0),
            has_starttls: settings.has_starttls,
            authorities,
            own: settings.own.clone(),
            resolver: Resolver::default(),
        }
    }

    /// All of them, for the log.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self.all.iter().map(ToString::to_string).collect();
        names.join(" ")
    }

    /// From now on another one is tried first.
    pub(super) fn turn_from(&self) {
        self.first.set((self.first.get() + 1) % self.all.len().max(1));
    }

    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        Ok(Connection { hale: self.open(true).await?, users: None })
    }

    /// A bind as a user: the result's code, the policy's word and the server's text.
    pub(super) async fn bind(
        &self,
        connection: &mut Connection,
        name: &str,
        password: &Secret,
    ) -> Result<(u32, Option<Policy>, String), Fault> {
        let mut is_new = false;
        let socket = match connection.users.take().filter(|socket| !socket.is_closed()) {
            Some(socket) => socket,
            None => {
                is_new = true;
                self.open(false).await?
            }
        };
        let bound = match socket.bind(name, password).await {
            // It may have been closed for being idle; no answer was seen, so the bind is made once more, on a new connection.
            Err(Fault::Lost(_)) if !is_new => {
                let socket = self.open(false).await?;
                let bound = socket.bind(name, password).await?;
                connection.users = Some(socket);
                bound
            }
            bound => {
                connection.users = Some(socket);
                bound?
            }
        };
        // Good for a change of the password only.
        if bound.1 == Some(Policy::ChangeAfterReset) {
            connection.users = None;
        }
        Ok(bound)
    }

    /// A connection to the first server that takes one.
    async fn open(&self, as_hale: bool) -> Result<Socket, Fault> {
        let count = self.all.len();
        let mut faults = Vec::new();
        for number in 0..count {
            let Some(server) = self.all.get((self.first.get() + number) % count.max(1)) else {
                break;
            };
            let opening = self.open_one(server, as_hale);
            // The last one has all the time that is left.
            let result = match number + 1 < count {
                true => timeout(LDAP_SERVER_TIMEOUT, opening)
                    .await
                    .unwrap_or_else(|_| Err(format!("no answer within {LDAP_SERVER_TIMEOUT:?}"))),
                false => opening.await,
            };
            match result {
                Ok(socket) => {
                    self.first.set((self.first.get() + number) % count);
                    return Ok(socket);
                }
                Err(why) => faults.push(format!("{server}: {why}")),
            }
        }
        Err(Fault::Connect(faults.join("; ")))
    }

    async fn open_one(&self, server: &LdapServer, as_hale: bool) -> Result<Socket, String> {
        let mut settings = LdapConnSettings::new().set_conn_timeout(LDAP_OPERATION_TIMEOUT);
        if let LdapServer::Host { name, port, has_tls } = server {
            let stream = self.dial(name, *port).await?;
            settings = settings.set_std_stream(StdStream::Tcp(stream));
            settings = settings.set_starttls(self.has_starttls && !has_tls);
            if *has_tls || self.has_starttls {
                settings = settings.set_config(self.tls()?);
            }
        }
        let url = server.to_string();
        let opening = async move { LdapConnAsync::with_settings(settings, &url).await };
        let (driven, ldap) = apart(opening).await?.map_err(|error| error.to_string())?;
        let driver = spawn_local(async move {
            // How it ended is said by the operations on it.
            let _ = driven.drive().await;
        });
        let socket = Socket { ldap, driver };
        let said = |fault| match fault {
            Fault::Connect(text) | Fault::Lost(text) | Fault::Answer(_, text) => text,
        };
        if let (true, Some((name, password))) = (as_hale, &self.own) {
            let (code, _, said) = socket.bind(name, password).await.map_err(said)?;
            if code != 0 {
                let meaning = Code(code).meaning();
                return Err(format!(
                    "it does not take ldap_auth_dn and its password: {code}, {meaning} (it says: {said})"
                ));
            }
        } else {
            // The kernel takes connections for a server that hangs.
            search::root(&socket).await.map_err(said)?;
        }
        Ok(socket)
    }

    async fn dial(&self, name: &str, port: u16) -> Result<std::net::TcpStream, String> {
        let mut fault = "its name has no address".to_owned();
        for address in self.resolver.resolve(name).await {
            match TcpStream::connect((address, port)).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return stream.into_std().map_err(|error| error.to_string());
                }
                Err(error) => fault = format!("{address}: {error}"),
            }
        }
        Err(fault)
    }

    fn tls(&self) -> Result<DriverConfig, String> {
        let none = || {
            "no authority is trusted (ssl_client_ca_file), so the server cannot prove itself"
                .to_owned()
        };
        match &self.authorities {
            Authorities::Any => driver_config_for_any(&Trust::default()).ok_or_else(none),
            Authorities::Backends(tls) => driver_config(&tls.load().trust).ok_or_else(none),
            Authorities::File(file) => {
                let bytes = std::fs::read(file)
                    .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                let trust = Trust::new(&bytes, OlderForms::Accepted)
                    .map_err(|fault| format!("{}: {fault}", file.display()))?;
                driver_config(&trust).ok_or_else(none)
            }
        }
    }
}

impl Connection {
    pub(super) fn as_hale(&self) -> &Socket {
        &self.hale
    }

    /// Whether it is known to be no good any more.
    pub(in crate::control::userdbs) fn is_closed(&self) -> bool {
        self.hale.is_closed()
    }
}

impl Socket {
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_finished() || self.ldap.clone().is_closed()
    }

    /// Has the library do something.
    pub(super) async fn work<T, W>(&self, work: impl FnOnce(ldap3::Ldap) -> W) -> Result<T, Fault>
    where
        T: 'static,
        W: Future<Output = ldap3::result::Result<T>> + 'static,
    {
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(LDAP_OPERATION_TIMEOUT);
        match apart(work(ldap)).await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(Fault::Lost(error.to_string())),
            Err(text) => Err(Fault::Lost(text)),
        }
    }

    async fn bind(
        &self,
        name: &str,
        password: &Secret,
    ) -> Result<(u32, Option<Policy>, String), Fault> {
        let (name, password) = (name.to_owned(), password.clone());
        let wish = RawControl { ctype: ppolicy::CONTROL.to_owned(), crit: false, val: None };
        let result = self
            .work(|mut ldap| async move {
                let text = str::from_utf8(password.expose()).unwrap_or_default();
                ldap.with_controls(wish).simple_bind(&name, text).await
            })
            .await?;
        let said = result.ctrls.iter().find(|control| control.1.ctype == ppolicy::CONTROL);
        let policy = said.and_then(|control| control.1.val.as_deref()).and_then(ppolicy::error_of);
        Ok((result.rc, policy, result.text))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Does it in a task of its own, which ends with the wait for it. A panic there is an answer that is no LDAP.
async fn apart<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, String> {
    let mut task = Given(spawn_local(work));
    match (&mut task.0).await {
        Ok(result) => Ok(result),
        Err(_) => Err("the server's answer is no LDAP".to_owned()),
    }
}
