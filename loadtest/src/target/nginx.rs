//! nginx's mail module as a peer: one worker, its defaults, every login asked of the generator over HTTP.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;

use anyhow::{Result, bail};

use super::{Bench, Target, write_file};
use crate::engine::{Protocol, TlsMode};

pub(super) fn prepare(bench: &Bench) -> Result<()> {
    if Command::new(&bench.nginx).arg("-v").output().is_err() || !bench.nginx_module.exists() {
        bail!(
            "nginx or its mail module is missing; on Debian: apt-get install nginx libnginx-mod-mail"
        );
    }
    write_file(&bench.directory.join(FILE), &configuration(bench))
}

pub(super) fn command(bench: &Bench) -> Command {
    let mut command = Command::new(&bench.nginx);
    command.arg("-p").arg(&bench.directory).arg("-c").arg(bench.directory.join(FILE));
    command
}

/// nginx's word for a protocol, if it has one.
pub(super) fn word(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Imap => Some("imap"),
        Protocol::Pop3 => Some("pop3"),
        Protocol::Submission => Some("smtp"),
        Protocol::Sieve | Protocol::Lmtp => None,
    }
}

fn configuration(bench: &Bench) -> String {
    let (listen_tls, tls) = tls(bench);
    let (listen_proxied, proxied) = if bench.proxy_v2 {
        (" proxy_protocol", "  set_real_ip_from 127.0.0.0/8;\n")
    } else {
        ("", "")
    };
    format!(
        "load_module {module};\n\
         daemon off;\nuser root;\nworker_processes 1;\n\
         pid {directory}/nginx.pid;\nerror_log stderr error;\n\
         events {{\n  worker_connections {connections};\n}}\n\
         mail {{\n  server_name load.test;\n  auth_http {AUTH_HTTP}/;\n  timeout 10m;\n\
         {tls}{proxied}\
         \x20 server {{\n    listen {address}{listen_tls}{listen_proxied} backlog=4096;\n    protocol {protocol};\n{smtp}  }}\n}}\n",
        module = bench.nginx_module.display(),
        directory = bench.directory.display(),
        connections = connections(bench),
        address = Target::Nginx.address(),
        protocol = word(bench.protocol).unwrap_or_default(),
        smtp = match bench.protocol {
            // The backend sees the login, as Hale's does.
            Protocol::Submission => "    proxy_smtp_auth on;\n    xclient off;\n",
            _ => "",
        },
    )
}

/// What stands in the listener and in the settings; session tickets are nginx's default.
fn tls(bench: &Bench) -> (&'static str, String) {
    let Some(tls) = &bench.tls else {
        return ("", String::new());
    };
    let settings = format!(
        "  ssl_certificate {};\n  ssl_certificate_key {};\n  ssl_protocols TLSv1.2 TLSv1.3;\n",
        tls.certificate.certificate_file.display(),
        tls.certificate.key_file.display()
    );
    match tls.mode {
        TlsMode::Implicit => (" ssl", settings),
        TlsMode::Starttls => ("", format!("{settings}  starttls on;\n")),
    }
}

/// A session has two connections, and a third one while it logs in.
fn connections(bench: &Bench) -> u64 {
    (3 * bench.sessions_max as u64 + CONNECTIONS_SPARE).min(bench.descriptors)
}

/// Where the generator answers.
pub(crate) const AUTH_HTTP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 4), 10_180);
const CONNECTIONS_SPARE: u64 = 500;
const FILE: &str = "nginx.conf";
