//! Settings of auth policy.

use super::Kind::{Bool, Choice, FieldTexts, Number, Secret};
use super::Origin::Dovecot;
use super::Scope::Global;
use super::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        Global,
        "auth_policy_server_url",
        Secret,
        "",
        Dovecot,
        "Address of a policy server, such as weakforced: it is asked by Dovecot's protocol whether a login may go on, and told how \
         it ended. Empty: none.",
    ),
    Setting::new(
        Global,
        "auth_policy_server_api_header",
        Secret,
        "",
        Dovecot,
        "One more field for every question to it, `NAME: VALUE`, such as `Authorization: Basic …`.",
    ),
    Setting::new(
        Global,
        "auth_policy_server_timeout_msecs",
        Number { min: 1, max: 30_000 },
        "2000",
        Dovecot,
        "How long a login waits for its answer, in milliseconds. Then `auth_policy_reject_on_fail` counts.",
    ),
    Setting::new(
        Global,
        "auth_policy_hash_mech",
        Choice(&["md5", "sha1", "sha256", "sha384", "sha512"]),
        "sha256",
        Dovecot,
        "How the password is hashed that it is told (`%{hashed_password}`).",
    ),
    Setting::new(
        Global,
        "auth_policy_hash_nonce",
        Secret,
        "",
        Dovecot,
        "A text that goes into the hash, the same on all proxies and known to no other: without it passwords can be guessed from what \
         the server is told. Needed with `auth_policy_server_url`.",
    ),
    Setting::new(
        Global,
        "auth_policy_hash_truncate",
        Number { min: 0, max: 512 },
        "12",
        Dovecot,
        "How many bits of the hash are told. 0: all.",
    ),
    Setting::new(
        Global,
        "auth_policy_request_attributes",
        FieldTexts,
        "login=%{requested_username} pwhash=%{hashed_password} remote=%{remote_ip} device_id=%{client_id} protocol=%{protocol} \
         session_id=%{session}",
        Dovecot,
        "What it is told of a login, `name=value` separated by white space; `a/b=…` stands in an object `a`. Whether the client came by \
         TLS is told besides (`tls`).",
    ),
    Setting::new(
        Global,
        "auth_policy_reject_on_fail",
        Bool,
        "no",
        Dovecot,
        "Whether logins are refused for now while it gives no answer. With `no` they go on as if there were none.",
    ),
    Setting::new(
        Global,
        "auth_policy_check_before_auth",
        Bool,
        "yes",
        Dovecot,
        "Whether it is asked before the passdbs are.",
    ),
    Setting::new(
        Global,
        "auth_policy_check_after_auth",
        Bool,
        "no",
        Dovecot,
        "Whether it is asked behind a good login, too. Dovecot's default is `yes`, which asks twice for each login.",
    ),
    Setting::new(
        Global,
        "auth_policy_report_after_auth",
        Bool,
        "yes",
        Dovecot,
        "Whether it is told how logins end.",
    ),
    Setting::new(
        Global,
        "auth_policy_log_only",
        Bool,
        "no",
        Dovecot,
        "Whether what it rules is written to the log only, and every login goes on.",
    ),
];
