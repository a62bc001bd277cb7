//! What Hale proves itself with to backends, and what becomes of a client's proof that ends.

use super::Kind::{Choice, Path, Secret};
use super::Origin::{Dovecot, Hale};
use super::Setting;
use super::general::global;

/// All of them.
#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = &[
    global(
        "ssl_client_cert_file", Path, "", Dovecot,
        "Certificate that Hale shows to backends that ask for one, with its chain (PEM): `proxy_mech = EXTERNAL` of a passdb logs \
         in by it. TLS sessions with backends are not resumed then. Read again by `hale reload`.",
    ).older(&["ssl_client_cert"]),
    global("ssl_client_key_file", Path, "", Dovecot, "Private key of that certificate (PEM).").older(&["ssl_client_key"]),
    global("ssl_client_key_password", Secret, "", Dovecot, "Password of that key; as `ssl_server_key_password`."),
    global(
        "login_token_expiry", Choice(&["keep", "end"]), "keep", Hale,
        "What becomes of a session when the token that its login was by expires, where a passdb has told when that is \
         (`oauth2`: `exp`). `end`: it is told goodbye as soon as it has been quiet for a second, a minute later at the latest. \
         Either way the log has a line about it.",
    ),
    global(
        "cluster_backend_test_mech",
        Choice(&["", "PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "EXTERNAL"]), "", Hale,
        "How health probes log in, as `proxy_mech` of a passdb has it: for backends that take no password. Empty: by the protocol's \
         own command, or whatever carries the password.",
    ),
];
