//! HAProxy as a peer: plain TCP, one thread, enough connections, with or without splicing.

use std::fmt::Write;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Bench, Target, write_file};

pub(super) fn prepare(target: Target, bench: &Bench) -> Result<()> {
    if Command::new(&bench.haproxy).arg("-v").output().is_err() {
        bail!("haproxy is not installed; on Debian: apt-get install haproxy");
    }
    let splice = match target {
        Target::HaproxySplice => "  option splice-request\n  option splice-response\n",
        _ => "",
    };
    let mut servers = String::new();
    for (number, backend) in bench.backends.iter().enumerate() {
        writeln!(servers, "  server be{number} {backend}")?;
    }
    let text = format!(
        "global\n  nbthread 1\n  maxconn {CONNECTIONS_MAX}\n  maxpipes {PIPES_MAX}\n\
         defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 10m\n  timeout server 10m\n{splice}\
         frontend imap\n  bind {}\n  maxconn {CONNECTIONS_MAX}\n  default_backend mail\n\
         backend mail\n  balance roundrobin\n{servers}",
        target.address()
    );
    write_file(&bench.directory.join(file_name(target)), &text)
}

pub(super) fn command(target: Target, bench: &Bench) -> Command {
    let mut command = Command::new(&bench.haproxy);
    // `-db`: in the foreground, one process.
    command.arg("-db").arg("-f").arg(bench.directory.join(file_name(target)));
    command
}

fn file_name(target: Target) -> String {
    format!("{}.cfg", target.name())
}

/// Two descriptors each, and two for each pipe, must stay below a hard limit of 20,000.
const CONNECTIONS_MAX: u32 = 9_600;
/// HAProxy's own default, a quarter of the connections, would not fit; no scenario streams on more.
const PIPES_MAX: u32 = 320;
