//! Ports, taken before anything is served.

use std::net::SocketAddr;

use super::activation::Activation;
use super::exit::{Exit, Refusal};
use crate::config::model::AdminService;
use crate::config::{Config, Listener};
use crate::control::ports::{self, Opened, PortFault, serves_nothing};
use crate::control::{Doors, Level, LogWriter, OpenDoors, door_not_served};
use crate::ring::socket::SocketOptions;

/// The sockets of each listener, one per data core. Only protocols that have a dialogue are served.
pub(super) fn open(
    config: &Config,
    cores: usize,
    options: &SocketOptions,
    writer: &mut LogWriter,
) -> Result<Vec<Opened>, Refusal> {
    let mut activation = Activation::take();
    let mut opened = Vec::new();
    for listener in &config.listeners {
        let Listener { name, protocol, address, port, .. } = listener;
        if let Some(reason) = ports::not_served(config, listener) {
            let line = format!("inet_listener {name} (port {port}) is not opened: {reason}");
            writer.add_line(Level::Warning, &line);
            continue;
        }
        let endpoint = SocketAddr::new(*address, *port);
        let sockets = match activation.of(endpoint, cores, options) {
            Some(sockets) => sockets?,
            None => ports::on_all_cores(name, endpoint, cores, options)
                .map_err(|fault| refusal(&fault))?,
        };
        opened.push((listener.clone(), sockets));
        writer.add_line(Level::Info, &format!("listening for {protocol} on {endpoint}"));
    }
    for remark in activation.remarks() {
        writer.add_line(Level::Warning, &remark);
    }
    match serves_nothing(config) {
        Some(reason) => Err(Refusal::config(reason)),
        None => Ok(opened),
    }
}

/// The same for the control core; a listener that would let no client in stays closed, and the log says why.
pub(super) fn open_doors(
    config: &Config,
    doors: &Doors,
    writer: &mut LogWriter,
) -> Result<OpenDoors, Refusal> {
    for listener in &config.admin_listeners {
        let (name, endpoint) = (&listener.name, listener.endpoint);
        if let Some(reason) = door_not_served(config, listener) {
            let line = format!("inet_listener {name} ({endpoint}) is not opened: {reason}");
            writer.add_line(Level::Warning, &line);
            continue;
        }
        ports::wait_until_free(name, endpoint).map_err(|fault| refusal(&fault))?;
        let service = match listener.service {
            AdminService::Doveadm => "doveadm",
            AdminService::Stats => "stats",
        };
        writer.add_line(Level::Info, &format!("listening for {service} on {endpoint}"));
    }
    doors.open_missing(config).map_err(|faults| match faults.first() {
        Some(fault) => refusal(fault),
        None => Refusal::config("a port can't be opened"),
    })
}

fn refusal(fault: &PortFault) -> Refusal {
    let exit = match fault.kind {
        std::io::ErrorKind::AddrInUse => Exit::TempFail,
        std::io::ErrorKind::PermissionDenied => Exit::NoPerm,
        _ => Exit::Config,
    };
    Refusal { exit, text: fault.to_string() }
}
