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
    let mut options = String::new();
    if bench.proxy_v2 {
        options.push_str(" accept-proxy");
    }
    if let (Target::HaproxyTls, Some(tls)) = (target, &bench.tls) {
        write!(options, " ssl crt {}", tls.certificate.both_file.display())?;
    }
    let (connections, pipes) = allowances(bench);
    let text = format!(
        "global\n  nbthread 1\n  maxconn {connections}\n  maxpipes {pipes}\n\
         defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 10m\n  timeout server 10m\n{splice}\
         frontend clients\n  bind {}{options}\n  maxconn {connections}\n  default_backend mail\n\
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

/// How many connections and pipes HAProxy may have; each is two descriptors of the same limit, and it refuses to start
/// when their sum is above it. A stalled session holds a pipe, so pipes get all that connections leave.
fn allowances(bench: &Bench) -> (u64, u64) {
    let connections = bench.sessions_max as u64 + CONNECTIONS_SPARE;
    let left = bench.descriptors.saturating_sub(2 * connections + DESCRIPTORS_RESERVED) / 2;
    (connections, left.clamp(1, 2 * connections))
}

const CONNECTIONS_SPARE: u64 = 200;
/// For HAProxy's listeners, pollers and logs.
const DESCRIPTORS_RESERVED: u64 = 100;
