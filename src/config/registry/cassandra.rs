//! The settings of the way to Cassandra, by the names that Dovecot's driver has for them.

use super::Kind::{Choice, Number, Secret, Text, Time, Words};
use super::Origin::Dovecot;
use super::Setting;
use super::general::global;

/// How many replicas have to take part, in Dovecot's words.
const CONSISTENCIES: &[&str] =
    &["one", "two", "three", "quorum", "all", "local-quorum", "each-quorum", "local-one"];

/// All of them.
#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = &[
    global("cassandra_hosts", Words, "", Dovecot, "Nodes of the GeoDB's cluster to begin with; the others are learnt from them."),
    global("cassandra_port", Number { min: 1, max: 65535 }, "9042", Dovecot, "Port of all nodes."),
    global("cassandra_keyspace", Text, "", Dovecot, "The keyspace with the ten tables."),
    global("cassandra_user", Text, "", Dovecot, "User to log in to the cluster as. Empty: without."),
    global("cassandra_password", Secret, "", Dovecot, "That user's password."),
    global(
        "cassandra_ssl", Choice(&["no", "yes", "cert", "cert-only", "cert-ip", "cert-dns"]), "no", Dovecot,
        "Whether connections to the cluster are encrypted. Dovecot's words for how much of a certificate is looked at all mean \
         the same here: it has to be made by an authority in `ssl_client_ca_file` (empty: the system's) and to be for the \
         node's IP address; the driver asks for no name.",
    ),
    global(
        "cassandra_read_consistency", Choice(CONSISTENCIES), "local-quorum", Dovecot,
        "How many replicas have to answer a read.",
    ),
    global(
        "cassandra_read_fallback_consistency", Choice(CONSISTENCIES), "local-one", Dovecot,
        "What is asked for when `cassandra_read_consistency` fails, for whatever reason. Reads stay on it until a probe beside them \
         finds the first one working again. Dovecot's default is `local-quorum`, which is no fallback.",
    ),
    global(
        "cassandra_write_consistency", Choice(CONSISTENCIES), "local-quorum", Dovecot,
        "How many replicas have to confirm a write.",
    ),
    global(
        "cassandra_write_fallback_consistency", Choice(CONSISTENCIES), "local-quorum", Dovecot,
        "What is asked for when `cassandra_write_consistency` fails. The first one is tried again after 50 ms, doubling to 60 s.",
    ),
    global(
        "cassandra_delete_consistency", Choice(CONSISTENCIES), "local-quorum", Dovecot,
        "How many replicas have to confirm that a row is deleted.",
    ),
    global(
        "cassandra_delete_fallback_consistency", Choice(CONSISTENCIES), "local-quorum", Dovecot,
        "What is asked for when `cassandra_delete_consistency` fails.",
    ),
    global(
        "cassandra_connect_timeout", Time, "2s", Dovecot,
        "Until a connection to a node is given up (Dovecot: 5s).",
    ),
    global(
        "cassandra_request_timeout", Time, "500ms", Dovecot,
        "Until one request is given up (Dovecot: 60s). A login waits 2 s for all its requests together.",
    ),
];
