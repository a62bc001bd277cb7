//! The passdb driver `http`.

use crate::config::registry::Kind::{Bool, Choice, Path, Secret};
use crate::config::registry::Origin::Hale;
use crate::config::registry::Scope::Passdb;
use crate::config::registry::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        Passdb,
        "http_auth_url",
        Secret,
        "",
        Hale,
        "Address of the service that the driver `http` asks.",
    ),
    Setting::new(
        Passdb,
        "http_auth_form",
        Choice(&["nginx", "json"]),
        "nginx",
        Hale,
        "What it speaks: `nginx`, the protocol of nginx's `auth_http`; `json`, a form of Hale's own with passdb fields and stored \
         passwords.",
    ),
    Setting::new(
        Passdb,
        "http_auth_header",
        Secret,
        "",
        Hale,
        "One more field for every question, `NAME: VALUE`, such as a key that only Hale knows.",
    ),
    Setting::new(
        Passdb,
        "http_auth_pass_client_cert",
        Bool,
        "no",
        Hale,
        "Whether nginx's form tells the whole certificate that a client has shown (`Auth-SSL-Cert`), besides whose it is.",
    ),
    Setting::new(
        Passdb,
        "http_auth_ca_file",
        Path,
        "",
        Hale,
        "Authorities that are believed about the service's server. Empty: `ssl_client_ca_file`, or the system's.",
    ),
];
