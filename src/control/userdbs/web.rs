//! What drivers that ask services by HTTP have in common: authorities, faults, remarks that are made once.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;

use super::driver::Fault;
use crate::auth::inquiry::RemoteTrouble;
use crate::config::model::Authorities;
use crate::control::certificates::SYSTEM_AUTHORITIES;
use crate::control::http_client::{HttpClient, HttpFault};
use crate::control::resolver::Resolver;
use crate::event::{Event, cleaned};
use crate::limits;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::tick::Tick;
use crate::tls::{DriverConfig, OlderForms, Trust, driver_config};

/// A client of a service that proves itself to these authorities.
///
/// # Errors
/// Their file can't be used.
pub(in crate::control) fn client(
    authorities: &Authorities,
    resolver: &Resolver,
) -> Result<HttpClient, String> {
    Ok(HttpClient::new(resolver.clone(), tls(authorities)?))
}

fn tls(authorities: &Authorities) -> Result<Option<DriverConfig>, String> {
    let trust = match &authorities.ca_file {
        Some(path) => {
            let path = path.display();
            let bytes = fs::read(path.to_string()).map_err(|error| {
                format!("the authorities in {path} can't be read: {error}; name a file that hale's user may read")
            })?;
            Trust::new(&bytes, OlderForms::Refused)
                .map_err(|fault| format!("the authorities in {path}: {fault}"))?
        }
        // Without any, only services that need them are out of reach.
        None => SYSTEM_AUTHORITIES
            .iter()
            .find_map(|path| fs::read(path).ok())
            .and_then(|bytes| Trust::system(&bytes).ok())
            .unwrap_or_default(),
    };
    Ok(driver_config(&trust))
}

/// What a client's fault is to the pool.
pub(super) fn fault(fault: &HttpFault) -> Fault {
    let text = fault.to_string();
    match fault {
        HttpFault::NoAddress
        | HttpFault::NotConnected(_)
        | HttpFault::NoAuthorities
        | HttpFault::Insecure(_) => Fault::Connect(text),
        HttpFault::Closed => Fault::Lost(text),
        HttpFault::TooLarge => Fault::Answer(RemoteTrouble::TooLarge, text),
        HttpFault::NotHttp(_) => Fault::Answer(RemoteTrouble::Form, text),
    }
}

/// Lines of the log that are written when they are news: the same one not again for a while.
#[derive(Debug)]
pub(super) struct Remarks {
    log: Arc<Mailbox<Event>>,
    about: String,
    said: RefCell<Vec<(String, Tick)>>,
}

impl Remarks {
    /// About a passdb and its server.
    pub(super) fn new(log: Arc<Mailbox<Event>>, about: String) -> Self {
        Self { log, about, said: RefCell::default() }
    }

    /// Writes it, unless it was written lately. `key`: what makes two lines the same.
    pub(super) fn say(&self, key: &str, text: &str) {
        let now = clock::now();
        let mut said = self.said.borrow_mut();
        said.retain(|(_, at)| now.since(*at) < limits::USERDB_LINE_AGAIN);
        if said.len() >= REMARKS_MAX || said.iter().any(|(before, _)| before == key) {
            return;
        }
        said.push((key.to_owned(), now));
        let text = format!("{}: {}", self.about, cleaned(text.as_bytes(), REMARK_BYTES_MAX))
            .into_boxed_str();
        // A full mailbox loses the line, as with every sender (RS-08).
        let _ = self.log.send(Event::Note { warning: true, text });
    }

    /// The trouble is over: the next one is news.
    pub(super) fn forget(&self, key: &str) {
        self.said.borrow_mut().retain(|(before, _)| before != key);
    }
}

/// Kinds of lines that are remembered; each passdb has some dozens at most.
const REMARKS_MAX: usize = 64;
/// One line of the log.
const REMARK_BYTES_MAX: usize = 500;
