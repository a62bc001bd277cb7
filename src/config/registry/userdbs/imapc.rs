//! The passdb driver `imap`.

use crate::config::registry::Kind::{AutoNumber, Bool, Choice, LoginTemplate};
use crate::config::registry::Origin::Dovecot;
use crate::config::registry::Scope::Passdb;
use crate::config::registry::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        Passdb,
        "imapc_host",
        LoginTemplate,
        "",
        Dovecot,
        "The server that the passdb driver `imap` logs users in at, to find out whether their passwords are good. May have variables.",
    ),
    Setting::new(
        Passdb,
        "imapc_port",
        AutoNumber { min: 1, max: 65_535 },
        "auto",
        Dovecot,
        "Its port. `auto`: 143, with `imapc_ssl = imaps` 993.",
    ),
    Setting::new(
        Passdb,
        "imapc_ssl",
        Choice(&["no", "imaps", "starttls"]),
        "no",
        Dovecot,
        "TLS with it: none, from the first byte, or by the protocol's command.",
    ),
    Setting::new(
        Passdb,
        "imapc_ssl_verify",
        Bool,
        "yes",
        Dovecot,
        "Whether its certificate has to be good, by `ssl_client_ca_file`.",
    ),
    Setting::new(
        Passdb,
        "imapc_user",
        LoginTemplate,
        "%{user}",
        Dovecot,
        "As whom a user logs in there.",
    ),
];
