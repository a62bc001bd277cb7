//! Ports of `service doveadm`: one socket each, for the control core.

use super::exit::Refusal;
use super::listen;
use crate::config::Config;
use crate::config::model::{AdminListener, AdminService};
use crate::control::doveadm::{Door, Speech};
use crate::control::{Level, LogWriter};
use crate::ring::socket::SocketOptions;

/// Opens the listeners; one that would let no client in stays closed, and the log says why.
pub(super) fn open(
    config: &Config,
    options: &SocketOptions,
    writer: &mut LogWriter,
) -> Result<Vec<Door>, Refusal> {
    let mut doors = Vec::new();
    let own = |listener: &&AdminListener| listener.service == AdminService::Doveadm;
    for listener in config.admin_listeners.iter().filter(own) {
        let AdminListener { name, endpoint, ssl: tls, .. } = listener;
        let speech = if name == HTTP { Speech::Http } else { Speech::Plain };
        if let Some(reason) = not_served(config, *tls, speech) {
            let line = format!("inet_listener {name} ({endpoint}) is not opened: {reason}");
            writer.add_line(Level::Warning, &line);
            continue;
        }
        for listener in listen::of_control(name, *endpoint, options)? {
            doors.push(Door { listener, name: name.clone(), tls: *tls, speech });
        }
        writer.add_line(Level::Info, &format!("listening for doveadm on {endpoint}"));
    }
    Ok(doors)
}

/// Why a listener would let no client in.
fn not_served(config: &Config, tls: bool, speech: Speech) -> Option<&'static str> {
    if tls && !config.ssl.has_any_certificate() {
        return Some("ssl_server_cert_file names no certificate");
    }
    match speech {
        Speech::Plain if config.doveadm.password.is_none() => {
            Some("doveadm_password is not set, so no client could log in")
        }
        Speech::Plain => None,
        Speech::Http if config.doveadm.password.is_none() && config.doveadm.api_key.is_none() => {
            Some("neither doveadm_api_key nor doveadm_password is set, so no client could log in")
        }
        Speech::Http => None,
    }
}

/// What a listener is called that speaks HTTP, as in Dovecot.
const HTTP: &str = "http";
