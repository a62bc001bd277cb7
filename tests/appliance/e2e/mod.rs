//! End to end: the real `hale` binary in front of real Dovecots, with real clients.
//!
//! Duty: show that what an operator installs does what it promises. Every test starts what it needs in a directory of its
//! own, on ports that are free now, without root, and takes everything down again, also when it fails.
//! Not here: grammar, tables, single dialogues (they have pure tests), speed (`loadtest`).
//! A missing tool is a failure that names the Debian package. docs/TESTING.md says how to read a failing test.

// What stands around a test.
mod wait;
mod wolfssl;
mod ports;
mod tools;
mod process;
mod dovecot;
mod hale;
mod imap;
mod sasl;
mod mechanisms;
mod script;
mod doveadm_line;
mod speech;
mod faulty;
mod smtp_relay;
mod certificate;
mod certificates;
mod bridge;
mod mail;
mod metrics;
mod kernel;
mod site;
mod sites;
mod probed;
mod balancer;
mod cassandra;
mod databases;
mod yard;
mod web_service;
mod middleman;
mod slapd;

// The harness itself, checked against Dovecot without Hale in between.
mod direct;

// The tests, in the order in which a connection travels.
mod start;
mod systemd;
mod package;
mod proxy_header;
mod senders;
mod addresses;
mod announce;
mod password;
mod sql;
mod sql_oracle;
mod pipeline;
mod placement;
mod probes;
mod backend_loss;
mod probe_costs;
mod probe_faults;
mod loads;
mod top;
mod localdb;
mod agreement;
mod outage;
mod several_sites;
mod site_failover;
mod moves;
mod moves_two;
mod moves_users;
mod moves_kicks;
mod pins;
mod refusal;
mod submission;
mod guessing;
mod ldap;
mod imap_passdb;
mod userdb_faults;

mod fail2ban;
mod everywhere;
mod transfer;
mod pop3;
mod sieve;
mod unauthenticate;
mod half_close;
mod tls;
mod tls_backend;
mod tls_protocols;
mod names;
mod client_certificate;
mod external;
mod http_auth;
mod backend_mechanisms;
mod token_expiry;
mod tokens_everywhere;
mod oauth2_oracle;
mod oauth2;
mod oidc;
mod policy;
mod check_host;
mod tls_floods;
mod testssl;
mod protect;
mod doveconf;
mod truth;
mod written;
mod injection;
mod inspection;
mod admin;
mod doveadm;
mod doveadm_hops;
mod doveadm_http;
mod doveadm_loose;
mod doveadm_proxy;
mod doveadm_save;
mod admin_cluster;
mod admin_socket;
mod faults;
mod lmtp_faults;
mod tls_faults;
mod loss;
mod spread;
mod pressure;
mod crowd;
mod idle;
mod lmtp;
mod lmtp_strict;
mod lmtp_paths;
mod lmtp_tls;
mod clients;
mod guests;
mod stop;
mod oracle;
mod verdicts;
mod quickstart;
