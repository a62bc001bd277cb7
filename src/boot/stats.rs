//! Ports of `service stats`: one socket each, for the control core.

use super::exit::Refusal;
use super::listen;
use crate::config::Config;
use crate::config::model::{AdminListener, AdminService};
use crate::control::{Level, LogWriter, StatsDoor};
use crate::ring::socket::SocketOptions;

/// Opens the listeners; one that could show no certificate stays closed, and the log says why.
pub(super) fn open(
    config: &Config,
    options: &SocketOptions,
    writer: &mut LogWriter,
) -> Result<Vec<StatsDoor>, Refusal> {
    let mut doors = Vec::new();
    let own = |listener: &&AdminListener| listener.service == AdminService::Stats;
    for listener in config.admin_listeners.iter().filter(own) {
        let AdminListener { name, endpoint, ssl: tls, .. } = listener;
        if *tls && !config.ssl.has_any_certificate() {
            let reason = "ssl_server_cert_file names no certificate";
            let line = format!("inet_listener {name} ({endpoint}) is not opened: {reason}");
            writer.add_line(Level::Warning, &line);
            continue;
        }
        for listener in listen::of_control(name, *endpoint, options)? {
            doors.push(StatsDoor { listener, name: name.clone(), tls: *tls });
        }
        writer.add_line(Level::Info, &format!("listening for stats on {endpoint}"));
    }
    Ok(doors)
}
