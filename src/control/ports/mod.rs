//! The ports that mail clients connect to: one owner of all their sockets.
//!
//! Duty: which listeners are open, opened on all data cores or on none; handing each core its sockets; drained listeners; publishing
//! the edition of the configuration that is in force. Non-duty: accepting (the data cores), reading the configuration
//! (`control::reload`), ports of doveadm and stats (`control::doors`).
//!
//! The control core keeps a copy of each socket, because each data core has a table of descriptors of its own: a socket is closed
//! when both copies are. Driven by the control core's tasks. Tests: `tests/appliance/e2e/listeners.rs`, `reload.rs`.
#![forbid(unsafe_code)]

mod open;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::config::{Config, Edition, Listener, OpenListener};
use crate::limits;
use crate::names::Protocol;
use crate::ring::passing::Sender;
use crate::ring::socket::SocketOptions;
use crate::share::exchange::Exchange;
use crate::share::messages::ToCore;
use crate::share::snapshot::Published;
pub(super) use open::of_control;
pub use open::{PortFault, on_all_cores, wait_until_free};

/// The owner. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Ports(Rc<All>);

#[derive(Debug)]
struct All {
    exchange: Exchange,
    editions: Published<Edition>,
    /// Where each data core takes its sockets from.
    senders: Vec<Sender>,
    options: SocketOptions,
    open: RefCell<Vec<Port>>,
    /// Names of listeners that the operator has drained.
    drained: RefCell<BTreeSet<String>>,
    /// The next socket's number; never used twice.
    next: Cell<u32>,
    /// Which listeners count their connections together; the place is the number.
    counted: RefCell<Vec<(Protocol, String)>>,
    /// Data cores whose mailbox was full when something was published.
    untold: RefCell<BTreeSet<usize>>,
    /// Editions that a data core may go by still: none of them is freed by one.
    former: RefCell<Vec<Arc<Edition>>>,
    /// The process stops: nothing is opened any more.
    is_stopping: Cell<bool>,
}

/// An open listener.
#[derive(Debug)]
struct Port {
    socket: u32,
    listener: Listener,
    /// One for each data core.
    sockets: Vec<OwnedFd>,
}

/// Sockets of one listener, one for each data core.
pub type Opened = (Listener, Vec<OwnedFd>);

/// A listener of the configuration, and whether it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The listener.
    pub listener: Listener,
    /// Whether it accepts.
    pub state: State,
}

/// Whether a listener accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Open,
    /// The operator has drained it.
    Drained,
    /// It cannot serve: why.
    Unserved(&'static str),
}

impl State {
    /// For operators.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Drained => "drained",
            Self::Unserved(_) => "not served",
        }
    }
}

/// Why a listener is not opened although it is configured.
#[must_use]
pub fn not_served(config: &Config, listener: &Listener) -> Option<&'static str> {
    let needs_certificate = listener.ssl && !config.ssl.of(listener.protocol).has_certificate();
    needs_certificate.then_some("ssl_server_cert_file names no certificate")
}

/// What is wrong with a configuration that serves nothing.
#[must_use]
pub fn serves_nothing(config: &Config) -> Option<&'static str> {
    let is_served = |it: &Listener| not_served(config, it).is_none();
    (!config.listeners.iter().any(is_served)).then_some(
        "no listener is open: configure at least one inet_listener, and a certificate for those with ssl",
    )
}

impl Ports {
    /// Those that were opened at the start. The data cores find their sockets at the other ends of `senders`.
    ///
    /// # Errors
    /// The system's, when the sockets can't be handed over.
    pub fn begin(
        config: Arc<Config>,
        exchange: Exchange,
        senders: Vec<Sender>,
        options: SocketOptions,
        opened: Vec<Opened>,
    ) -> std::io::Result<Self> {
        let (open, first) = (Arc::default(), Arc::clone(&config));
        let first = Edition { serial: 0, number: 0, config: first, open, next_socket: 0 };
        let ports = Self(Rc::new(All {
            exchange,
            editions: Published::new(first),
            senders,
            options,
            open: RefCell::default(),
            drained: RefCell::default(),
            next: Cell::new(1),
            counted: RefCell::default(),
            untold: RefCell::default(),
            former: RefCell::default(),
            is_stopping: Cell::new(false),
        }));
        ports.pass(opened)?;
        ports.publish(0, config);
        Ok(ports)
    }

    /// Where data cores read what is in force.
    #[must_use]
    pub fn editions(&self) -> Published<Edition> {
        self.0.editions.clone()
    }

    /// What is in force.
    #[must_use]
    pub fn edition(&self) -> Arc<Edition> {
        self.0.editions.load()
    }

    /// The open listeners with their sockets, one for each data core: for a process that takes them over.
    pub fn each_open(&self, mut visit: impl FnMut(&Listener, &[OwnedFd])) {
        for port in self.0.open.borrow().iter() {
            visit(&port.listener, &port.sockets);
        }
    }

    /// All listeners of the configuration, in its order.
    #[must_use]
    pub fn list(&self) -> Vec<Listening> {
        let edition = self.edition();
        let drained = self.0.drained.borrow();
        let state = |listener: &Listener| match not_served(&edition.config, listener) {
            Some(reason) => State::Unserved(reason),
            None if drained.contains(&listener.name) => State::Drained,
            None => State::Open,
        };
        let all = edition.config.listeners.iter();
        all.map(|it| Listening { listener: it.clone(), state: state(it) }).collect()
    }

    // === Changes ===

    /// Opens what this configuration asks for and is not open. Nothing accepts there yet, and nothing that is open changes.
    ///
    /// # Errors
    /// All ports that can't be had.
    pub fn open_missing(&self, config: &Config) -> Result<Vec<Opened>, Vec<String>> {
        if self.0.is_stopping.get() {
            return Err(vec!["Hale stops: no port is opened any more".to_owned()]);
        }
        let (mut opened, mut faults) = (Vec::new(), Vec::new());
        let (open, drained) = (self.0.open.borrow(), self.0.drained.borrow());
        for listener in &config.listeners {
            let is_open = open.iter().any(|port| port.listener.endpoint() == listener.endpoint());
            let is_wanted =
                not_served(config, listener).is_none() && !drained.contains(&listener.name);
            if is_open || !is_wanted {
                continue;
            }
            let is_ours = open.iter().any(|port| port.listener.port == listener.port);
            match self.open(listener, is_ours) {
                Ok(sockets) => opened.push((listener.clone(), sockets)),
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        if faults.is_empty() { Ok(opened) } else { Err(faults) }
    }

    fn open(&self, listener: &Listener, is_ours: bool) -> Result<Vec<OwnedFd>, PortFault> {
        let (endpoint, cores) = (listener.endpoint(), self.0.senders.len());
        open::again(&listener.name, endpoint, cores, &self.0.options, is_ours)
    }

    /// Hands the data cores sockets that were opened for a configuration; they accept there when it is in force.
    ///
    /// # Errors
    /// The system's; then everything is as it was.
    pub fn hand_over(&self, opened: Vec<Opened>) -> std::io::Result<()> {
        self.pass(opened).inspect_err(|_| {
            // A core that has its copies drops them.
            self.publish_again();
        })
    }

    /// Puts a configuration in force. Listeners that it has no more are closed.
    pub fn take_up(&self, config: Config) {
        let names: BTreeSet<&str> = config.listeners.iter().map(|it| it.name.as_str()).collect();
        self.0.drained.borrow_mut().retain(|name| names.contains(name.as_str()));
        self.publish(self.edition().number.wrapping_add(1), Arc::new(config));
    }

    /// Editions that a data core may still go by; one, when all go by the last.
    #[must_use]
    pub fn editions_kept(&self) -> usize {
        self.0.editions.kept()
    }

    /// The listeners of these names stop accepting: clients that connect are refused by the kernel. How many ports that closes.
    pub fn drain(&self, names: &BTreeSet<String>) -> usize {
        self.0.drained.borrow_mut().extend(names.iter().cloned());
        let before = self.0.open.borrow().len();
        self.publish_again();
        before.saturating_sub(self.0.open.borrow().len())
    }

    /// The listeners of these names accept again. How many ports that opens.
    ///
    /// # Errors
    /// A port can't be had: all stay as they are.
    pub fn resume(&self, names: &BTreeSet<String>) -> Result<usize, Vec<String>> {
        let edition = self.edition();
        let former = self.0.drained.borrow().clone();
        self.0.drained.borrow_mut().retain(|name| !names.contains(name));
        let opened = self.open_missing(&edition.config).and_then(|opened| {
            let count = opened.len();
            let passed = self.pass(opened).map(|()| count);
            passed.map_err(|error| vec![format!("the data cores can't be given it: {error}")])
        });
        if opened.is_err() {
            self.0.drained.replace(former);
        }
        // Also behind an error: a core that has its copies already drops them.
        self.publish_again();
        opened
    }

    /// The settings are as they were, the listeners not.
    fn publish_again(&self) {
        let edition = self.edition();
        self.publish(edition.number, Arc::clone(&edition.config));
    }

    /// The process stops: our copies are closed, so that a port is closed as soon as the data cores close theirs.
    pub fn let_go(&self) {
        self.0.is_stopping.set(true);
        self.0.open.borrow_mut().clear();
    }

    /// Gives each core its sockets, and keeps a copy of them.
    fn pass(&self, opened: Vec<Opened>) -> std::io::Result<()> {
        let mut ports = Vec::new();
        for (listener, sockets) in opened {
            let socket = self.0.next.replace(self.0.next.get().wrapping_add(1));
            ports.push(Port { socket, listener, sockets });
        }
        for (core, sender) in self.0.senders.iter().enumerate() {
            let mut own: Vec<(u32, BorrowedFd<'_>)> = Vec::new();
            for port in &ports {
                own.extend(port.sockets.get(core).map(|fd| (port.socket, fd.as_fd())));
            }
            sender.send(&own)?;
        }
        self.0.open.borrow_mut().extend(ports);
        Ok(())
    }

    /// Closes what the configuration and the operator have no use for, and tells all data cores what is in force.
    fn publish(&self, number: u64, config: Arc<Config>) {
        let drained = self.0.drained.borrow();
        let wanted = |endpoint| {
            let mut all = config.listeners.iter();
            all.find(|it| it.endpoint() == endpoint)
                .filter(|it| not_served(&config, it).is_none() && !drained.contains(&it.name))
        };
        let mut open = self.0.open.borrow_mut();
        open.retain_mut(|port| match wanted(port.listener.endpoint()) {
            Some(listener) => {
                port.listener = listener.clone();
                true
            }
            None => false,
        });
        let rules = |port: &Port| {
            let number = self.number(&port.listener);
            let listener = Listener { number, ..port.listener.clone() };
            OpenListener { socket: port.socket, listener }
        };
        let open = open.iter().map(rules).collect();
        let former = self.edition();
        let serial = former.serial.wrapping_add(1);
        self.0.former.borrow_mut().push(former);
        let next_socket = self.0.next.get();
        self.0.editions.publish(Edition { serial, number, config, open, next_socket });
        self.0.untold.borrow_mut().extend(0..self.0.senders.len());
        self.tell();
    }

    /// Connections are counted by the listener's name, whatever place the configuration gives it: they outlive a reload.
    fn number(&self, listener: &Listener) -> u16 {
        let mut counted = self.0.counted.borrow_mut();
        let is_it = |(protocol, name): &(Protocol, String)| {
            *protocol == listener.protocol && *name == listener.name
        };
        let place = counted.iter().position(is_it).unwrap_or_else(|| {
            counted.push((listener.protocol, listener.name.clone()));
            counted.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    // === The data cores ===

    /// Tells those that have not been told. Whether all have.
    fn tell(&self) -> bool {
        let mut untold = self.0.untold.borrow_mut();
        let is_full = |core: &usize| match self.0.exchange.to_cores.get(*core) {
            Some(mailbox) => mailbox.send(ToCore::Renew).is_err(),
            None => false,
        };
        untold.retain(is_full);
        untold.is_empty()
    }

    /// Waits until every data core goes by what is published and listens exactly where it should. Whether they do within the
    /// patience.
    pub async fn carried_out(&self) -> bool {
        let mut waited = Duration::ZERO;
        while waited < limits::LISTENERS_PATIENCE {
            if self.tell() && self.are_open() {
                self.0.former.borrow_mut().clear();
                self.0.editions.sweep();
                return true;
            }
            sleep(LOOK_EVERY).await;
            waited += LOOK_EVERY;
        }
        false
    }

    fn are_open(&self) -> bool {
        let wanted = u64::try_from(self.0.open.borrow().len()).unwrap_or(u64::MAX);
        let serial = self.edition().serial;
        let mut cores = self.0.exchange.counters.iter();
        cores.all(|core| core.listening() == wanted && core.edition() == serial)
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(2);
