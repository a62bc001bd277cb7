//! Every metric: its name, kind, labels and meaning. Names are an interface, by Prometheus' conventions: units are seconds and bytes, a
//! counter ends in `_total`.
//!
//! No label has the name of a user or an address of a client: the values of each are bounded by the protocols, by the
//! configuration, or by the rows of the cluster.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many fell below each bound, all of them, and their sum.
    Histogram,
    /// Always 1; its labels say it.
    Info,
}

impl Kind {
    /// The word in both forms of text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

/// What is told of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// As samples have it; those of histograms have something behind it.
    pub name: &'static str,
    /// What number it is.
    pub kind: Kind,
    /// Names of its labels, in the order in which their values are given.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($(#[$group:meta])* $metric:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "what each means stands in its help")]
        pub enum Metric { $($metric,)+ }

        impl Metric {
            /// All of them, in the order in which they are written.
            pub const ALL: &'static [Self] = &[$(Self::$metric,)+];

            /// What is told of it.
            #[must_use]
            pub const fn family(self) -> Family {
                match self {
                    $(Self::$metric => Family {
                        name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
                    },)+
                }
            }
        }
    };
}

metrics! {
    Build = Info "hale_build_info" ["version"] "The version that runs.";
    Started = Gauge "process_start_time_seconds" [] "When the process started, in seconds since 1970.";
    ProcessCpu = Counter "process_cpu_seconds_total" [] "CPU time of all threads.";
    Resident = Gauge "process_resident_memory_bytes" [] "Resident memory, program text included.";
    Descriptors = Gauge "process_open_fds" [] "Open descriptors, those of the data cores' own tables included.";
    DescriptorsMax = Gauge "process_max_fds" [] "Descriptors that one table may have.";
    CoreCpu = Counter "hale_core_cpu_seconds_total" ["core"] "CPU time of a core's thread: its rate is the busy share of the core.";
    CoreConnections = Gauge "hale_core_connections" ["core"] "Connections of a data core, those to backends of LMTP included.";
    CoreConnectionsMax = Gauge "hale_core_connections_max" ["core"] "Connections that a data core may have.";
    MailboxMessages = Gauge "hale_mailbox_messages" ["mailbox"] "Messages between threads that wait to be read.";
    MailboxMessagesMax = Gauge "hale_mailbox_messages_max" ["mailbox"] "Messages that may wait; beyond it the sender goes without.";
    Accepted = Counter "hale_connections_accepted_total" [] "Connections of clients that were accepted.";
    Refused = Counter "hale_connections_refused_total" [] "Connections closed before a greeting: a sender that is not trusted, a bad PROXY header, no place.";
    CrowdedOut = Counter "hale_connections_crowded_out_total" [] "Connections without a login that made room for newer ones.";
    AcceptStarved = Counter "hale_accepts_starved_total" [] "Connections that could not be accepted for want of descriptors.";
    Logins = Counter "hale_logins_total" ["protocol", "mechanism", "result"] "Logins by what came of them: ok, or the code of the failure as in the log. In LMTP recipients that were refused.";
    LoginDuration = Histogram "hale_login_duration_seconds" ["protocol"] "From the client's credentials to the backend's OK, of logins that succeeded.";
    LoginStep = Histogram "hale_login_step_duration_seconds" ["step"] "What one step of a login took, of logins that succeeded and took it.";
    LoginTransport = Counter "hale_login_transports_total" ["protocol", "transport"] "Logins that succeeded, by how the client came: clear, trusted, tls_in_front, or our own TLS by version.";
    Sessions = Gauge "hale_sessions" ["protocol", "state"] "Connections of clients, before and after login.";
    SessionsEnding = Gauge "hale_sessions_ending" [] "Connections that are over but for their last bytes.";
    SessionsEnded = Counter "hale_sessions_ended_total" ["protocol", "by"] "Sessions that ended after login, by who ended them.";
    RelayedBytes = Counter "hale_relayed_bytes_total" ["direction"] "Bytes of sessions that have ended: up is from clients to backends.";
    Hot = Counter "hale_relay_spliced_total" [] "Directions of sessions that were busy enough to be spliced.";
    PipeMissing = Counter "hale_relay_pipes_missing_total" [] "Busy directions that found no pipe and went on being copied.";
    LmtpBackends = Gauge "hale_lmtp_backend_connections" [] "Connections to backends that LMTP has.";
    Deliveries = Counter "hale_lmtp_deliveries_total" ["result"] "Messages to single recipients that a backend took over, or did not.";
    TlsHandshakes = Counter "hale_tls_handshakes_total" [] "TLS handshakes that were done, with clients and with backends.";
    TlsResumed = Counter "hale_tls_resumptions_total" [] "Those of them that went on with an earlier session.";
    TlsFailed = Counter "hale_tls_failures_total" [] "TLS that failed before login, in the handshake or behind it.";
    CertificatesRefused = Counter "hale_client_certificates_refused_total" [] "Clients whose certificate was not good, or that showed none where one is demanded.";
    CertificateEnd = Gauge "hale_certificate_not_after_timestamp_seconds" ["file"] "When the certificate of a file ends, in seconds since 1970.";
    Notices = Counter "hale_notices_total" ["notice"] "Connections on which something happened that an operator should look at; the log tells which.";
    BackendAttempts = Counter "hale_backend_attempts_total" ["backend", "protocol", "result"] "What logins have seen of a backend.";
    BackendBytes = Counter "hale_backend_bytes_total" ["backend", "protocol"] "Bytes of sessions that have ended, both ways, and of mail that was delivered.";
    BackendConnections = Gauge "hale_backend_connections" ["backend"] "Logins under way and sessions at a backend, of this proxy.";
    BackendOnline = Gauge "hale_backend_online" ["backend"] "Whether a backend of the local site takes users: 1 only when its status is online.";
    BackendLoadFactor = Gauge "hale_backend_load_factor" ["backend"] "The share of a backend that counts now, slow start included; 100 is usual.";
    BackendsLeftOut = Gauge "hale_backends_left_out" [] "Backends of which nothing is told here, because there are too many.";
    BackendFailed = Counter "hale_backend_attempts_failed_total" [] "Attempts at any backend that failed, whether another followed or not.";
    BackendFull = Counter "hale_backend_full_total" [] "Connects that were not made because the backend had as many connections as it may have.";
    FailedFast = Counter "hale_logins_failed_fast_total" [] "Logins that did not wait for a backend that has been failing.";
    Referred = Counter "hale_referrals_followed_total" [] "Referrals of backends that were followed.";
    EndsSpread = Counter "hale_ends_spread_total" [] "Clients that were told later that their backend is gone, so that not all come back at once.";
    SitesOnline = Gauge "hale_site_online" ["site"] "Whether a site takes users: 1 only when its status is online.";
    SitesReachable = Gauge "hale_site_reachable" ["site"] "Whether logins may try a site.";
    Groups = Gauge "hale_groups" [] "Groups of users of the local site.";
    Moves = Gauge "hale_moves_under_way" [] "Moves of groups and users that hold logins at this proxy.";
    GeodbUp = Gauge "hale_geodb_up" [] "Whether the GeoDB answered when it was last read.";
    GeodbAge = Gauge "hale_geodb_table_age_seconds" [] "Since the routing table was last read as a whole.";
    GeodbLookUps = Gauge "hale_geodb_look_ups_under_way" [] "Users that are being looked up.";
    GeodbUsers = Gauge "hale_geodb_users_cached" [] "Users whose rows are remembered.";
    GeodbLateWaiting = Gauge "hale_geodb_late_writes_waiting" [] "Writes that wait for the GeoDB to answer again.";
    GeodbLateLost = Counter "hale_geodb_late_writes_lost_total" ["reason"] "Writes that were given up: refused, because too many waited; overtaken by a later one.";
    GeodbStale = Counter "hale_geodb_stale_routings_total" [] "Logins that were routed by what is remembered while the GeoDB did not answer.";
    LocaldbUsers = Gauge "hale_localdb_users" [] "Users in the LocalDB.";
    LocaldbBytes = Gauge "hale_localdb_bytes" [] "Bytes of the LocalDB that are in use.";
    LocaldbFailures = Counter "hale_localdb_write_failures_total" [] "Batches that the LocalDB could not write.";
    PassdbUp = Gauge "hale_passdb_up" ["passdb"] "Whether a password database that is asked elsewhere answers.";
    PassdbQuestions = Counter "hale_passdb_questions_total" ["passdb", "result"] "Questions to a password database elsewhere, by what came of them.";
    PassdbAnswer = Histogram "hale_passdb_answer_duration_seconds" ["passdb"] "How long answers of a password database elsewhere took, the wait for a connection included.";
    PassdbOutages = Counter "hale_passdb_outages_total" ["passdb"] "How often a password database elsewhere began to count as failing.";
    PassdbConnections = Gauge "hale_passdb_connections" ["passdb", "state"] "Connections to a password database elsewhere.";
    PassdbWaiting = Gauge "hale_passdb_waiting" ["passdb"] "Questions that wait for a connection.";
    PassdbStale = Counter "hale_passdb_stale_replies_total" [] "Logins by what a password database said before, because it gave no answer.";
    PolicyUp = Gauge "hale_policy_server_up" [] "Whether the policy server answers, where there is one.";
    PolicyQuestions = Counter "hale_policy_server_questions_total" ["result"] "Questions and reports to the policy server, by what came of them; turned_away: it was failing and not asked.";
    PolicyOutages = Counter "hale_policy_server_outages_total" [] "How often the policy server began to count as failing.";
    AuthCacheEntries = Gauge "hale_auth_cache_entries" ["kind"] "Replies of password databases that are remembered: rows, and refusals.";
    AuthCacheBytes = Gauge "hale_auth_cache_bytes" [] "What they take.";
    FailedPrefixes = Gauge "hale_failed_login_prefixes" [] "Address prefixes from which logins have failed lately; hale status names the top ones.";
    FailedUsers = Gauge "hale_failed_login_users" [] "Users at whom logins have failed lately; hale status names the top ones.";
    LogLost = Counter "hale_log_lines_lost_total" [] "Log lines that were lost because the log could not be written as fast.";
    StaleCompletions = Counter "hale_ring_stale_completions_total" [] "Completions of the ring for a connection that had ended.";
    Panicked = Counter "hale_sessions_panicked_total" [] "Sessions closed because of a bug in Hale; please report them.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_are_told_once() {
        for (position, metric) in Metric::ALL.iter().enumerate() {
            let Family { name, kind, labels, help } = metric.family();
            assert_eq!(*metric as usize, position);
            assert!(name.starts_with("hale_") || name.starts_with("process_"), "{name}");
            let legal = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(name.bytes().all(legal) && !name.contains("__"), "{name}");
            assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert_eq!(kind == Kind::Info, name.ends_with("_info"), "{name}");
            for unit in
                ["_ms", "_us", "_secs", "_milliseconds", "_kb", "_percent", "_count", "_sum"]
            {
                let stem = name.trim_end_matches("_total");
                assert!(!stem.ends_with(unit), "{name}: a unit or word that is not usual");
            }
            assert!(help.ends_with('.') && help.starts_with(char::is_uppercase), "{name}: {help}");
            assert!(
                labels.iter().all(|label| label.bytes().all(legal) && *label != "le"),
                "{name}"
            );
            let same = Metric::ALL.iter().filter(|other| other.family().name == name);
            assert_eq!(same.count(), 1, "{name}");
        }
    }
}
