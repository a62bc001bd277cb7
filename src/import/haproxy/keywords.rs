//! Lines that say nothing about listeners, backends or TLS: what each is with Hale. Tests: below, and in `section.rs`.

use super::Line;
use crate::import::Weight::{Different, Missing, Needless};
use crate::import::{LeftOut, Weight};

pub(super) const UNKNOWN: &str = "`hale import` does not know it: look whether it matters";

const LOG: &str = "Hale writes its own log: `log_path`, `login_log_format`, docs/LOGS.md";
const KERNEL: &str = "Hale does this by itself";
const PROCESS: &str = "Hale is one process, whose user, files and limits its unit file has";
const HTTP: &str = "it is about HTTP";
const STICKY: &str = "users stay with their backend, because the GeoDB says where each one lives";
const PROBES: &str = "Hale probes by logging in: set `cluster_backend_test_username` and `cluster_backend_test_password`, and make that user on \
                      every backend";
const RETRIES: &str = "see `login_proxy_max_reconnects` and `login_proxy_timeout`";
const RULES: &str = "rules for single connections have no counterpart: use a firewall, the passdb field `allow_nets`, \
                     `connections_per_address_max` and `connection_rate_per_address`";
const SNI: &str =
    "Hale does not read the first bytes before it decides: users are routed when they log in";
const STATS: &str = "Hale has `service stats`, `hale status` and `hale top`: docs/METRICS.md";
const ALERTS: &str = "alerts are rules of Prometheus: examples/prometheus";
const RATES: &str = "see `connections_per_address_max` and `connection_rate_per_address`, which count for all data cores together";

/// The longest start that fits a line counts. `*` stands for the end of a word.
const TABLE: &[(&str, Weight, &str)] = &[
    // === Everywhere ===
    ("log", Needless, LOG),
    ("log-*", Needless, LOG),
    ("unique-id-*", Different, "each session has an id, which backends are told"),
    ("option tcplog", Needless, LOG),
    ("option httplog", Needless, LOG),
    ("option dontlog*", Needless, LOG),
    ("option log*", Needless, LOG),
    ("option socket-stats", Needless, STATS),
    ("option contstats", Needless, STATS),
    ("option clitcpka", Needless, KERNEL),
    ("option srvtcpka", Needless, KERNEL),
    ("option tcpka", Needless, KERNEL),
    ("clitcpka-*", Needless, KERNEL),
    ("srvtcpka-*", Needless, KERNEL),
    ("option splice*", Needless, KERNEL),
    ("option tcp-smart*", Needless, KERNEL),
    ("option nolinger", Needless, KERNEL),
    ("option idle-close-on-response", Needless, HTTP),
    ("option http*", Needless, HTTP),
    ("option forward*", Needless, HTTP),
    ("option accept-invalid*", Needless, HTTP),
    ("option originalto", Needless, HTTP),
    ("option checkcache", Needless, HTTP),
    (
        "option transparent",
        Missing,
        "Hale connects to backends that it knows, not to where the client wanted to go",
    ),
    (
        "transparent",
        Missing,
        "Hale connects to backends that it knows, not to where the client wanted to go",
    ),
    ("option redispatch", Different, RETRIES),
    (
        "option allbackups",
        Different,
        "spare backends are in standby: docs/ADMIN.md, `backend update --status`",
    ),
    ("option abortonclose", Needless, KERNEL),
    ("option persist", Needless, STICKY),
    ("option external-check", Different, PROBES),
    ("option *chk", Different, PROBES),
    ("option *-check", Different, PROBES),
    ("option ssl-hello-chk", Different, PROBES),
    ("no", Needless, "an option that is off"),
    ("tcp-check", Different, PROBES),
    ("http-check", Different, PROBES),
    ("external-check", Different, PROBES),
    ("retries", Different, RETRIES),
    ("retry-on", Needless, HTTP),
    ("balance", Different, STICKY),
    ("hash-*", Different, STICKY),
    ("stick", Different, STICKY),
    (
        "stick-table",
        Different,
        "users stay with their backend by the GeoDB; for what is counted by address see `connections_per_address_max` and `connection_rate_per_address`",
    ),
    ("cookie", Needless, HTTP),
    ("dynamic-cookie-key", Needless, HTTP),
    ("rate-limit", Different, RATES),
    ("fullconn", Different, "see `backend_connections_max`"),
    ("backlog", Needless, KERNEL),
    ("timeout http*", Needless, HTTP),
    (
        "timeout queue",
        Different,
        "a login beyond `backend_connections_max` looks again for five seconds",
    ),
    ("timeout check", Different, PROBES),
    (
        "timeout connect",
        Different,
        "`login_proxy_timeout` (30 s) covers connect and login together",
    ),
    ("timeout tarpit", Needless, HTTP),
    ("timeout *fin", Needless, KERNEL),
    ("acl", Missing, RULES),
    ("tcp-request inspect-delay", Needless, SNI),
    ("tcp-request content accept", Needless, SNI),
    ("tcp-request content capture", Needless, LOG),
    ("tcp-request content track-*", Different, RATES),
    ("tcp-request connection track-*", Different, RATES),
    ("tcp-request session track-*", Different, RATES),
    (
        "tcp-request connection expect-proxy",
        Different,
        "its networks are in `haproxy_trusted_networks`, of which every connection has to send a header at a listener with `haproxy = yes`",
    ),
    ("tcp-request", Missing, RULES),
    ("tcp-response inspect-delay", Needless, SNI),
    ("tcp-response", Missing, RULES),
    ("use_backend", Missing, "Hale routes by user, not by connection"),
    ("use-server", Missing, "Hale routes by user, not by connection"),
    ("dispatch", Missing, "name the backends by `server` lines, and import again"),
    ("server-template", Missing, "name the backends by `server` lines, and import again"),
    ("filter", Missing, "Hale has no filters"),
    ("email-alert", Different, ALERTS),
    ("stats", Needless, STATS),
    (
        "monitor-*",
        Different,
        "balancers in front may connect to a listener; `service stats` answers by HTTP",
    ),
    ("monitor", Different, "balancers in front may connect to a listener"),
    ("http-*", Needless, HTTP),
    ("capture", Needless, HTTP),
    ("declare", Needless, LOG),
    ("compression", Needless, HTTP),
    ("error*", Needless, HTTP),
    ("reqrep", Needless, HTTP),
    ("redirect", Needless, HTTP),
    ("force-persist", Different, STICKY),
    ("ignore-persist", Different, STICKY),
    ("load-server-state-from-file", Needless, "the GeoDB keeps the status of backends"),
    ("server-state-file*", Needless, "the GeoDB keeps the status of backends"),
    ("bind-process", Needless, PROCESS),
    ("description", Needless, "a comment"),
    ("id", Needless, "a comment"),
    ("grace", Different, "see `shutdown_timeout`"),
    ("enabled", Needless, "it is on"),
    ("max-keep-alive-queue", Needless, HTTP),
    ("max-session-srv-conns", Needless, HTTP),
    ("guid", Needless, "a comment"),
    // === global ===
    ("daemon", Needless, PROCESS),
    ("user", Needless, PROCESS),
    ("group", Needless, PROCESS),
    ("uid", Needless, PROCESS),
    ("gid", Needless, PROCESS),
    ("chroot", Needless, PROCESS),
    ("pidfile", Needless, PROCESS),
    ("master-worker", Needless, PROCESS),
    ("nb*", Needless, "see `data_cores`"),
    ("cpu-map", Needless, "see `data_cores` and `control_core`"),
    ("cpu-policy", Needless, "see `data_cores` and `control_core`"),
    ("thread-*", Needless, "see `data_cores`"),
    ("numa-cpu-mapping", Needless, "see `data_cores`"),
    ("ulimit-n", Needless, PROCESS),
    ("fd-hard-limit", Needless, PROCESS),
    ("hard-stop-after", Different, "see `shutdown_timeout`"),
    (
        "maxconn",
        Different,
        "see `connections_per_core_max`, which counts for each data core, and `connections_max` of the listeners",
    ),
    ("maxconnrate", Different, "see `connection_rate` of the listeners"),
    ("maxsslconn", Different, "see `connections_max` of the listeners"),
    ("maxsslrate", Different, "see `connection_rate` of the listeners"),
    ("maxsessrate", Different, "see `connection_rate` of the listeners"),
    ("maxpipes", Needless, KERNEL),
    ("maxcomp*", Needless, HTTP),
    ("tune.*", Needless, "Hale's buffers are `relay_receive_buffer` and `relay_unsent_buffer`"),
    ("spread-checks", Needless, "probes are spread by themselves"),
    ("ssl-dh-param-file", Needless, "no key exchange with such parameters is offered"),
    ("ssl-server-verify", Missing, "see `ssl_client_require_valid_cert`"),
    (
        "ssl-default-server-*",
        Different,
        "see `ssl_client_cipher_list`, `ssl_client_cipher_suites` and `ssl_client_min_protocol`",
    ),
    ("ssl-engine", Needless, "the TLS library has its own primitives"),
    ("ssl-mode-async", Needless, "the TLS library has its own primitives"),
    ("ssl-load-extra-*", Needless, "a certificate's key may stand in the same file"),
    ("issuers-chain-path", Missing, "the certificate's file has to hold its chain"),
    ("ca-base", Needless, "it is a part of the names of files"),
    ("crt-base", Needless, "it is a part of the names of files"),
    ("key-base", Needless, "it is a part of the names of files"),
    ("lua-*", Missing, "Hale runs no programs"),
    ("node", Needless, "see `hostname`"),
    ("localpeer", Needless, STICKY),
    ("setenv", Needless, "its value stands where it was used"),
    ("presetenv", Needless, "its value stands where it was used"),
    ("unsetenv", Needless, "its value stands where it was used"),
    ("resetenv", Needless, "its value stands where it was used"),
    ("insecure-*", Needless, PROCESS),
    ("quiet", Needless, PROCESS),
    ("zero-warning", Needless, PROCESS),
    ("set-dumpable", Needless, PROCESS),
    ("unix-bind", Needless, "Hale listens on TCP only"),
    ("default-path", Needless, "it is a part of the names of files"),
    ("harden.*", Needless, PROCESS),
    ("h1-*", Needless, HTTP),
    ("h2-*", Needless, HTTP),
    ("expose-*", Needless, PROCESS),
    ("busy-polling", Needless, KERNEL),
    ("no-memory-trimming", Needless, KERNEL),
    ("noepoll", Needless, KERNEL),
    ("nosplice", Needless, KERNEL),
];

/// Tells what a line is that says nothing about listeners, backends or TLS.
pub(super) fn tell(line: &Line, left: &mut LeftOut) {
    let (weight, why) = judged(line).unwrap_or((Missing, UNKNOWN));
    left.add(weight, &line.place, line.shown(), why);
}

fn judged(line: &Line) -> Option<(Weight, &'static str)> {
    let fits = |pattern: &str| {
        pattern.split(' ').zip(0..).all(|(pattern, at)| {
            let word = line.word(at);
            match pattern.split_once('*') {
                Some((start, end)) => word.starts_with(start) && word.ends_with(end),
                None => word == pattern,
            }
        })
    };
    let rows = TABLE.iter().filter(|(pattern, ..)| fits(pattern));
    rows.max_by_key(|(pattern, ..)| pattern.len()).map(|(_, weight, why)| (*weight, *why))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::Place;

    #[test]
    fn the_longest_start_counts() {
        let of = |text: &str| {
            let place = Place::new(&Arc::from(Path::new("h.cfg")), 1);
            let line = Line { place, words: text.split(' ').map(str::to_owned).collect() };
            judged(&line)
        };
        assert_eq!(of("option tcp-check"), Some((Different, PROBES)));
        assert_eq!(of("option smtpchk HELO x"), Some((Different, PROBES)));
        assert_eq!(of("tcp-request connection reject if x"), Some((Missing, RULES)));
        assert_eq!(of("tcp-request connection track-sc0 src"), Some((Different, RATES)));
        assert_eq!(of("timeout http-request 10s"), Some((Needless, HTTP)));
        assert_eq!(of("log-format %ci"), Some((Needless, LOG)));
        assert_eq!(of("tune.bufsize 16384").map(|it| it.0), Some(Needless));
        assert_eq!(of("strange"), None);
        assert_eq!(of("logs"), None);
    }
}
