//! Several servers of one database: who is asked first, and who when that one does not take connections.
//!
//! Every server has a share of the time for a connect, so that one that is silent leaves time for the next. The one that took the last
//! connection is asked first. Tests: with real servers in `tests/appliance/e2e/sql.rs`, and below.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::timeout;

use crate::config::model::SqlServer as Server;
use crate::control::userdbs::driver::Fault;

/// The servers, in the order of the configuration.
#[derive(Debug)]
pub(super) struct Servers {
    all: Vec<Server>,
    /// Which took the last connection.
    last: Cell<usize>,
    /// How long one may take for it.
    patience: Duration,
}

impl Servers {
    pub(super) fn new(all: Vec<Server>) -> Self {
        let share = u32::try_from(all.len()).unwrap_or(u32::MAX).max(1);
        Self { all, last: Cell::new(0), patience: CONNECT_TIME / share }
    }

    /// Their names, for the log.
    pub(super) fn names(&self) -> String {
        let name = |server: &Server| match server.host.starts_with('/') {
            true => server.host.clone(),
            false => format!("{}:{}", server.host, server.port),
        };
        self.all.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// A connection to the first that takes one.
    pub(super) async fn connect<C>(
        &self,
        open: impl AsyncFn(&Server) -> Result<C, Fault>,
    ) -> Result<C, Fault> {
        let mut faults = Vec::new();
        let count = self.all.len();
        for at in (0..count).map(|step| (self.last.get() + step) % count) {
            let Some(server) = self.all.get(at) else { continue };
            let fault = match timeout(self.patience, open(server)).await {
                Ok(Ok(connection)) => {
                    self.last.set(at);
                    return Ok(connection);
                }
                Ok(Err(Fault::Connect(text) | Fault::Lost(text) | Fault::Answer(_, text))) => text,
                Err(_) => format!("no connection within {} ms", self.patience.as_millis()),
            };
            faults.push(match count {
                1 => fault,
                _ => format!("{}: {fault}", server.host),
            });
        }
        Err(Fault::Connect(faults.join("; ")))
    }

    /// The next connection is tried elsewhere first: this one is silent.
    pub(super) fn pass_on(&self) {
        self.last.set((self.last.get() + 1) % self.all.len().max(1));
    }
}

/// For one connect to all of them: less than a trial takes (`limits::USERDB_TRIAL_TIMEOUT`), so that it reaches each.
const CONNECT_TIME: Duration = Duration::from_millis(1800);

const _: () = assert!(CONNECT_TIME.as_millis() < crate::limits::USERDB_TRIAL_TIMEOUT.as_millis());

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(hosts: &[&str]) -> Servers {
        let server = |host: &&str| Server {
            host: (*host).to_owned(),
            port: 5432,
            user: None,
            password: None,
            database: None,
            tls: crate::config::model::SqlTls::No,
        };
        Servers::new(hosts.iter().map(server).collect())
    }

    #[test]
    fn the_next_server_is_asked_when_one_fails_and_then_first() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let servers = servers(&["a", "b"]);
            let down = Cell::new("a");
            let open = async |server: &Server| match server.host == down.get() {
                true => Err(Fault::Connect("refused".to_owned())),
                false => Ok(server.host.clone()),
            };
            assert_eq!(servers.connect(&open).await, Ok("b".to_owned()));
            down.set("");
            assert_eq!(servers.connect(&open).await, Ok("b".to_owned()));
            servers.pass_on();
            assert_eq!(servers.connect(&open).await, Ok("a".to_owned()));
            let silent = async |server: &Server| match server.host.as_str() {
                "a" => std::future::pending().await,
                host => Ok::<_, Fault>(host.to_owned()),
            };
            assert_eq!(servers.connect(&silent).await, Ok("b".to_owned()));
            let none = async |_: &Server| Err::<(), _>(Fault::Connect("refused".to_owned()));
            let fault = servers.connect(&none).await.unwrap_err();
            assert_eq!(fault, Fault::Connect("b: refused; a: refused".to_owned()));
        });
    }
}
