//! The passdb driver `ldap`.

use super::ArgsFile::{self, Ignored, Is, Refused};
use crate::config::registry::Kind::{
    AttributeFields, Bool, Choice, LoginTemplate, Number, Path, Secret, Text, Words,
};
use crate::config::registry::Origin::{Dovecot, Hale};
use crate::config::registry::Scope::{Global, Passdb};
use crate::config::registry::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        Global, "ldap_uris", Words, "", Dovecot,
        "Servers of the passdb driver `ldap`, which have the same entries: `ldap://HOST`, `ldaps://HOST`, `ldapi://%2FPATH`. The next \
         one is asked when one does not answer.",
    ).per_passdb(),
    Setting::new(
        Passdb, "ldap_hosts", Words, "", Dovecot,
        "What Dovecot 2.3 calls `hosts` in dovecot-ldap.conf.ext: `HOST` or `HOST:PORT`, for `ldap_uris`.",
    ),
    Setting::new(
        Global, "ldap_starttls", Bool, "no", Dovecot,
        "Whether TLS is begun by LDAP's command with servers of `ldap://`. A server that does not offer it is not used in clear.",
    ).per_passdb(),
    Setting::new(
        Passdb, "ldap_ca_file", Path, "", Hale,
        "Authorities of LDAP servers, in PEM; 2.3: `tls_ca_cert_file`. Empty: `ssl_client_ca_file`.",
    ),
    Setting::new(
        Passdb, "ldap_require_cert", Choice(&["never", "allow", "try", "demand", "hard"]), "hard", Hale,
        "Whether the server's certificate has to be good; 2.3: `tls_require_cert`. With `never` and `allow` any certificate will do, and \
         passwords go to whichever host answers.",
    ),
    Setting::new(
        Global, "ldap_auth_dn", Text, "", Dovecot,
        "Hale's own name there, for searches. Empty: they are anonymous.",
    ).per_passdb(),
    Setting::new(Global, "ldap_auth_dn_password", Secret, "", Dovecot, "Its password.").per_passdb(),
    Setting::new(
        Global, "ldap_base", LoginTemplate, "", Dovecot,
        "Where searches begin. Variables are written so that each stays one value; `%{user | domain | ldap_dn}` makes a part of each \
         part of a domain.",
    ).per_passdb(),
    Setting::new(Global, "ldap_scope", Choice(&["base", "onelevel", "subtree"]), "subtree", Dovecot, "How deep searches go.").per_passdb(),
    Setting::new(
        Global, "ldap_deref", Choice(&["never", "searching", "finding", "always"]), "never", Dovecot,
        "What becomes of aliases in a search.",
    ).per_passdb(),
    Setting::new(Global, "ldap_version", Number { min: 3, max: 3 }, "3", Dovecot, "Version of LDAP.").per_passdb(),
    Setting::new(
        Global, "ldap_filter", LoginTemplate, "", Dovecot,
        "What finds the user's entry, such as `(&(objectClass=posixAccount)(uid=%{user}))`. Variables are escaped by Hale. Two entries \
         are none, and a fault.",
    ).per_passdb(),
    Setting::new(
        Passdb, "ldap_bind", Bool, "no", Dovecot,
        "Whether the server compares passwords, by a bind with the name of the entry; with `no` Hale does, with the field `password`.",
    ).also(&["bind"]),
    Setting::new(
        Passdb, "ldap_bind_userdn", LoginTemplate, "", Dovecot,
        "With `bind = yes`: the name to bind with, such as `uid=%{user},ou=people,dc=example,dc=org`. Nothing is searched then, no \
         field is made of attributes, and the passdb cannot look users up without their password, as LMTP does.",
    ).also(&["bind_userdn"]),
    Setting::new(
        Passdb, "ldap_pass_attrs", AttributeFields, "", Dovecot,
        "Dovecot 2.3's `pass_attrs`: `ATTRIBUTE=FIELD`, `ATTRIBUTE=FIELD=TEXT` with `%$` for the value, and `=FIELD=TEXT` with \
         `%{ldap:ATTRIBUTE}`, separated by commas. Empty, and without such fields in `fields { … }`: `uid=user,userPassword=password`.",
    ),
];

/// dovecot-ldap.conf.ext of Dovecot 2.3.
pub(super) const ARGS_FILE: &[(&str, ArgsFile)] = &[
    ("hosts", Is("ldap_hosts")),
    ("uris", Is("ldap_uris")),
    ("dn", Is("ldap_auth_dn")),
    ("dnpass", Is("ldap_auth_dn_password")),
    ("tls", Is("ldap_starttls")),
    ("tls_ca_cert_file", Is("ldap_ca_file")),
    (
        "tls_ca_cert_dir",
        Refused("write the authorities into one file and name it by `tls_ca_cert_file`"),
    ),
    ("tls_cert_file", Refused("Hale shows LDAP servers no certificate")),
    ("tls_key_file", Refused("Hale shows LDAP servers no certificate")),
    ("tls_require_cert", Is("ldap_require_cert")),
    ("tls_cipher_suite", Ignored("`ssl_cipher_list` and its kin hold")),
    ("ldap_version", Is("ldap_version")),
    ("base", Is("ldap_base")),
    ("deref", Is("ldap_deref")),
    ("scope", Is("ldap_scope")),
    ("auth_bind", Is("ldap_bind")),
    ("auth_bind_userdn", Is("ldap_bind_userdn")),
    ("pass_attrs", Is("ldap_pass_attrs")),
    ("pass_filter", Is("ldap_filter")),
    ("default_pass_scheme", Is("default_password_scheme")),
    ("user_attrs", Ignored("users are looked up by the backends")),
    ("user_filter", Ignored("users are looked up by the backends")),
    ("iterate_attrs", Ignored("Hale never lists users")),
    ("iterate_filter", Ignored("Hale never lists users")),
    ("blocking", Ignored("Hale asks on `connections_max` connections at the same time")),
    ("debug_level", Ignored("there is no LDAP library with a log of its own")),
    ("userdb_warning_disable", Ignored("there is no userdb")),
    ("ldaprc_path", Refused("Hale reads no ldaprc; write its settings into this file")),
    ("sasl_bind", Refused("Hale binds by name and password: `dn` and `dnpass`")),
    ("sasl_mech", Refused("Hale binds by name and password: `dn` and `dnpass`")),
    ("sasl_realm", Refused("Hale binds by name and password: `dn` and `dnpass`")),
    ("sasl_authz_id", Refused("Hale binds by name and password: `dn` and `dnpass`")),
];
