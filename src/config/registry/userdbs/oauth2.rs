//! The passdb driver `oauth2`.

use super::ArgsFile::{self, Ignored, Is, Refused};
use crate::config::registry::Kind::{
    Bool, Choice, FieldTexts, LoginTemplate, Path, Secret, Text, Time, Words,
};
use crate::config::registry::Origin::{Dovecot, Hale};
use crate::config::registry::Scope::Global;
use crate::config::registry::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        Global, "oauth2_introspection_mode", Choice(&["", "auth", "get", "post", "local"]), "", Dovecot,
        "How the passdb driver `oauth2` finds out whether a token is good: `auth`, `get` and `post` ask `oauth2_introspection_url`, with \
         the token as bearer, behind the address, or in a form; `local` verifies the token's signature with the provider's keys \
         (`oauth2_key_set`, or those that `oauth2_openid_configuration_url` names). Empty: `auth`.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_introspection_url", Secret, "", Dovecot,
        "Where tokens are introspected. A name and password in the address are sent as Basic authorization.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_tokeninfo_url", Secret, "", Dovecot,
        "Where a token's information is; the token is put behind the address. Asked first, and alone if its answer says whose the \
         token is, unless `oauth2_force_introspection = yes`. Not asked with `oauth2_introspection_mode = local`.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_force_introspection", Bool, "no", Dovecot,
        "Whether tokens are introspected although `oauth2_tokeninfo_url` has said whose they are.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_openid_configuration_url", Text, "", Dovecot,
        "Address of the provider's OpenID configuration, such as `https://idp.example/.well-known/openid-configuration`. Hale takes from \
         it what is not set otherwise: keys, introspection, grant, issuer; and looks again every ten minutes.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_key_set", Text, "", Hale,
        "The provider's keys for `oauth2_introspection_mode = local`: the address of a JSON Web Key Set, a file with one, or a folder \
         with keys at `AZP/ALGORITHM/KID`, as Dovecot's `fs:posix:prefix=`. A set from the net is fetched every ten minutes, and, at most \
         once in 30 seconds, for a token with a key that is not there; the last good one stays in force.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_local_validation_key_dict", Text, "", Dovecot,
        "Dovecot 2.3's `local_validation_key_dict`: `fs:posix:prefix=FOLDER`.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_grant_url", Secret, "", Dovecot, "Where a password is exchanged for a token (`oauth2_use_grant_password`).",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_use_grant_password", Bool, "no", Dovecot,
        "Whether this passdb is asked for logins with a password, and has the provider exchange it for a token; with `no` it is asked \
         for tokens.",
    ).per_passdb(),
    Setting::new(Global, "oauth2_client_id", Text, "", Dovecot, "Hale's name with the provider.").per_passdb(),
    Setting::new(Global, "oauth2_client_secret", Secret, "", Dovecot, "Its secret there.").per_passdb(),
    Setting::new(
        Global, "oauth2_client_auth", Choice(&["form", "basic"]), "form", Hale,
        "How the provider learns both: in the form or address, as with Dovecot, or as Basic authorization, which is what RFC 6749 demands \
         of every provider.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_issuers", Words, "", Dovecot,
        "Issuers whose tokens are taken (`iss`). Empty: any, or with `oauth2_openid_configuration_url` the one that is named there.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_audience", Words, "", Dovecot,
        "Audiences of which a token must name one (`aud`). Empty: any. Without it a token that the user gave to another service is taken.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_scope", Words, "", Dovecot, "Scopes that a token must have, all of them.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_username_attribute", Text, "email", Dovecot, "The claim that says whose a token is.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_username_validation_format", LoginTemplate, "%{user}", Dovecot,
        "What that claim has to be for a user, without regard to case.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_active_attribute", Text, "", Dovecot, "A claim that has to be there, and to be `oauth2_active_value`.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_active_value", Text, "", Dovecot, "Empty: whatever `oauth2_active_attribute` is.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_token_expire_grace", Time, "0", Dovecot, "How long after its end a token is still taken.",
    ).per_passdb(),
    Setting::new(
        Global, "oauth2_pass_attrs", FieldTexts, "", Dovecot,
        "Extra fields made of the token's claims, `name=value` separated by white space, where `%{oauth2:NAME}` is a claim: \
         `pass=%{oauth2:access_token} proxy_mech=xoauth2`. Dovecot 2.3's `pass_attrs`, and 2.4's block `oauth2_fields`.",
    ).also(&["oauth2_fields"]).per_passdb(),
    Setting::new(
        Global, "oauth2_ca_file", Path, "", Hale,
        "Authorities that are believed about the provider's servers. Empty: `ssl_client_ca_file`, or the system's.",
    ).per_passdb(),
];

const TUNING: ArgsFile =
    Ignored("Hale has `connections_max` and `answer_timeout` of the passdb instead");
const NO_TRACE: ArgsFile = Ignored("tokens are never written down");

/// dovecot-oauth2.conf.ext of Dovecot 2.3.
pub(super) const ARGS_FILE: &[(&str, ArgsFile)] = &[
    ("tokeninfo_url", Is("oauth2_tokeninfo_url")),
    ("grant_url", Is("oauth2_grant_url")),
    ("introspection_url", Is("oauth2_introspection_url")),
    ("introspection_mode", Is("oauth2_introspection_mode")),
    ("force_introspection", Is("oauth2_force_introspection")),
    ("openid_configuration_url", Is("oauth2_openid_configuration_url")),
    ("local_validation_key_dict", Is("oauth2_local_validation_key_dict")),
    ("scope", Is("oauth2_scope")),
    ("issuers", Is("oauth2_issuers")),
    ("client_id", Is("oauth2_client_id")),
    ("client_secret", Is("oauth2_client_secret")),
    ("use_grant_password", Is("oauth2_use_grant_password")),
    ("username_attribute", Is("oauth2_username_attribute")),
    ("username_format", Is("oauth2_username_validation_format")),
    ("active_attribute", Is("oauth2_active_attribute")),
    ("active_value", Is("oauth2_active_value")),
    ("pass_attrs", Is("oauth2_pass_attrs")),
    ("tls_ca_cert_file", Is("oauth2_ca_file")),
    ("tls_ca_cert_dir", Refused("authorities come from one file: `tls_ca_cert_file`")),
    (
        "tls_cert_file",
        Refused("Hale shows providers no certificate; use `client_id` and `client_secret`"),
    ),
    (
        "tls_key_file",
        Refused("Hale shows providers no certificate; use `client_id` and `client_secret`"),
    ),
    ("tls_cipher_suite", Ignored("`ssl_cipher_list` and `ssl_curve_list` hold")),
    (
        "tls_allow_invalid_cert",
        Refused("a provider has to prove itself; name its certificate in `tls_ca_cert_file`"),
    ),
    ("timeout_msecs", TUNING),
    ("max_idle_time_msecs", TUNING),
    ("max_parallel_connections", TUNING),
    ("max_pipelined_requests", TUNING),
    ("http_client", TUNING),
    ("blocking", Ignored("no login waits for another one")),
    ("debug", NO_TRACE),
    ("rawlog_dir", NO_TRACE),
];
