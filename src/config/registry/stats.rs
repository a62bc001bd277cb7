//! Settings of the status page, and the form of the log.

use super::Kind::{Bool, Choice, Networks, Text};
use super::Origin::{Dovecot, Hale};
use super::Setting;
use super::general::global;

/// All of them.
#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = &[
    global(
        "stats_admin", Bool, "no", Hale,
        "Whether the status page of `service stats` gives orders: a backend to standby and back online, a user's sessions ended. With \
         `no` it only shows.",
    ),
    global(
        "stats_trusted_networks", Networks, "", Hale,
        "Reverse proxies whose word counts about who looks at the status page (`stats_user_header`). They must take that field out of \
         what browsers send.",
    ),
    global(
        "stats_user_header", Text, "", Hale,
        "The field of a request in which those proxies say who it is, such as `X-Remote-User`. Empty: the page asks for the user \
         `doveadm` and `doveadm_password`, and without one there is no page.",
    ),
    global(
        "log_format", Choice(&["text", "json"]), "text", Hale,
        "Whether a line of the log is a text, or a JSON object with the text and what it says as names and values (docs/LOGS.md). The journal \
         (`log_path = journal`) has them as fields either way.",
    ),
    global(
        "syslog_facility", Choice(&FACILITIES), "mail", Dovecot,
        "Under which name lines go to syslog (`log_path = syslog`).",
    ),
];

/// In the order of their numbers; from `local0` on they are 16 and more.
pub(in crate::config) const FACILITIES: [&str; 20] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];
