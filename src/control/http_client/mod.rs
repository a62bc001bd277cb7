//! The control core's HTTP client, for services that are asked about logins.
//!
//! Duty: one question, one answer; connections kept for the next question; bounds on all that a server sends. Redirects are not followed, so that no secret reaches an address that the
//! operator has not named, and nothing is unpacked. Non-duty: what is asked and what an answer means (`webauth`), how many
//! questions are under way, for how long, and whether a server that fails is asked at all (its caller). Tests: in `tests`.

mod connection;
mod fault;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;

use tokio::time::Instant;

use super::resolver::Resolver;
use crate::limits;
use crate::tls::DriverConfig;
use crate::webauth::{Request, Response};
use crate::wire::url::Url;
use connection::Connection;
pub(super) use fault::HttpFault;

/// A client of some services. Clones share its connections.
#[derive(Clone, Debug)]
pub(super) struct HttpClient(Rc<Inside>);

#[derive(Debug)]
struct Inside {
    resolver: Resolver,
    /// For `https`; none: no authority is trusted.
    tls: Option<DriverConfig>,
    idle: RefCell<Vec<Idle>>,
}

/// A connection that waits for the next question.
#[derive(Debug)]
struct Idle {
    place: Url,
    since: Instant,
    connection: Connection,
}

impl HttpClient {
    /// A client without connections yet.
    pub(super) fn new(resolver: Resolver, tls: Option<DriverConfig>) -> Self {
        Self(Rc::new(Inside { resolver, tls, idle: RefCell::default() }))
    }

    /// Asks. A connection that turns out to have been closed is replaced. The caller has a deadline, and drops this when it has
    /// passed: the connection goes with it, so that a late answer reaches no other question.
    ///
    /// # Errors
    /// There is no answer, or none that can be used.
    pub(super) async fn ask(&self, request: &Request) -> Result<Response, HttpFault> {
        while let Some(mut kept) = self.take_idle(&request.url) {
            match kept.ask(request).await {
                Ok(answer) => return Ok(self.keep(&request.url, kept, answer)),
                // Closed by the server while it was idle, before it has answered anything of this question.
                Err(HttpFault::Closed) => {}
                Err(fault) => return Err(fault),
            }
        }
        let mut fresh = self.connect(&request.url).await?;
        let answer = fresh.ask(request).await?;
        Ok(self.keep(&request.url, fresh, answer))
    }

    /// Whether the place takes connections; the one that shows it is kept.
    ///
    /// # Errors
    /// It does not.
    pub(super) async fn reach(&self, place: &Url) -> Result<(), HttpFault> {
        let connection = self.connect(place).await?;
        self.keep(place, connection, ());
        Ok(())
    }

    /// Whether the server answers anything at all; a kernel takes connections for a program that hangs, too.
    ///
    /// # Errors
    /// It does not.
    pub(super) async fn try_out(&self, place: &Url) -> Result<(), HttpFault> {
        match self.ask(&Request::get(place.with_target("/"))).await {
            // What a front page says judges no login.
            Ok(_) | Err(HttpFault::TooLarge) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn connect(&self, place: &Url) -> Result<Connection, HttpFault> {
        Connection::open(place, &self.0.resolver, self.0.tls.as_ref()).await
    }

    fn take_idle(&self, url: &Url) -> Option<Connection> {
        let mut idle = self.0.idle.borrow_mut();
        idle.retain(|idle| {
            idle.since.elapsed() < limits::WEB_IDLE_TIMEOUT && idle.connection.is_ready()
        });
        let at = idle.iter().rposition(|idle| idle.place.is_same_place(url))?;
        Some(idle.swap_remove(at).connection)
    }

    fn keep<A>(&self, url: &Url, connection: Connection, answer: A) -> A {
        let mut idle = self.0.idle.borrow_mut();
        let kept = idle.iter().filter(|idle| idle.place.is_same_place(url)).count();
        if kept < limits::WEB_IDLE_CONNECTIONS_MAX {
            let place = Url { credentials: None, ..url.with_target("/") };
            idle.push(Idle { place, since: Instant::now(), connection });
        }
        answer
    }
}
