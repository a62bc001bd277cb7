//! The settings inside blocks.

use super::Kind::{
    Addresses, AutoNumber, Bool, Choice, FieldTexts, LoginTemplate, Number, Path, Port, Secret,
    Text, Words,
};
use super::Origin::{Dovecot, Hale};
use super::Scope::{Dict, Listener, LocalName, Passdb, Protocol};
use super::Setting;
use crate::names;

const OUTCOMES: &[&str] =
    &["return-ok", "return", "return-fail", "continue-ok", "continue", "continue-fail"];

pub(super) const SETTINGS: &[Setting] = &[
    // === service NAME { inet_listener NAME { … } } ===
    Setting::new(Listener, "port", Port, "0", Dovecot, "Port to listen on. 0: the listener is not opened."),
    Setting::new(
        Listener, "listen", Addresses, "", Dovecot, "Addresses to listen on. Empty: those of the setting `listen`.",
    ).also(&["address"]),
    Setting::new(
        Listener, "haproxy", Bool, "no", Dovecot,
        "Whether every connection begins with a PROXY header, version 1 or 2. With `no` a header is a mistake of the \
         client: it is never guessed. docs/BALANCERS.md has the lines for load balancers.",
    ),
    Setting::new(
        Listener, "connections_max", Number { min: 0, max: 1 << 24 }, "0", Hale,
        "Connections of the listener at once, on all data cores together. 0: any number.",
    ),
    Setting::new(
        Listener, "connection_rate", Number { min: 0, max: 1 << 20 }, "0", Hale,
        "New connections of the listener in a second, on all data cores together. 0: any number.",
    ),
    Setting::new(Listener, "ssl", Bool, "no", Dovecot, "Whether every connection begins with a TLS handshake."),
    Setting::new(
        Listener, "ssl_server_request_client_cert", Choice(&["auto", "no", "yes", "required"]), "auto", Hale,
        "Whether clients of this listener are asked for a certificate, from the first byte or behind STARTTLS. `auto`: as \
         the setting of this name outside of the block says.",
    ),
    // === protocol NAME { … } ===
    Setting::new(
        Protocol, "proxy_port", AutoNumber { min: 1, max: 65_535 }, "auto", Hale,
        "The backends' port for this protocol. `auto`: imap 143, pop3 110, lmtp 24, sieve 4190, submission 587, \
         doveadm `doveadm_port`.",
    ),
    Setting::new(
        Protocol, "proxy_ssl", Choice(&["no", "starttls", "yes"]), "no", Hale,
        "TLS towards backends: none, by the protocol's STARTTLS, or from the first byte.",
    ),
    Setting::new(
        Protocol, "proxy_send_header", Choice(&["no", "v1", "v2"]), "no", Hale,
        "PROXY header towards backends, for backends that listen with `haproxy = yes`. Other sites are sent \
         `site_send_header` instead.",
    ),
    Setting::new(
        Protocol, "proxy_send_header_options", Words, "ssl authority", Hale,
        "What `proxy_send_header = v2` tells besides addresses: `ssl`, that the client came by TLS; `authority`, the host \
         name that it asked for; `unique-id`, the session's id; `crc32c`, a checksum.",
    ),
    Setting::new(
        Protocol, "xclient_inherit_ok", Bool, "no", Hale,
        "`protocol submission`: whether to log in at backends that still offer XCLIENT once they were told who the \
         client is. Such a backend would take XCLIENT from the client, too, and with it any address and, in Postfix, any \
         user name. Dovecot does not, and needs no permission.",
    ).only(&[names::Protocol::Submission]),
    Setting::new(
        Protocol, "pass_backend_error", Bool, "no", Hale,
        "`protocol pop3`: whether clients see a backend's own words about a wrong password. With `no` they see ours, so \
         that no client learns from them which users exist.",
    ).only(&[names::Protocol::Pop3]),
    // === passdb NAME { … } ===
    Setting::new(
        Passdb, "driver", Text, "", Dovecot,
        "`passwd-file`, `static`, `sql`, `ldap` or `imap`. Empty: the name of the block.",
    ),
    Setting::new(
        Passdb, "args", FieldTexts, "", Dovecot,
        "Dovecot 2.3's form of the driver's settings. For `passwd-file`: `[scheme=SCHEME] [username_format=FORMAT] \
         FILE`; for `static`: fields such as `proxy=y host=192.0.2.1`.",
    ),
    Setting::new(Passdb, "passwd_file_path", LoginTemplate, "", Dovecot, "File of the driver `passwd-file`. It must belong to root or to the user that runs Hale, and no other user may write \
         it; Hale warns when every user of the host can read it: `chmod o-rwx`."),
    Setting::new(
        Passdb, "password", Secret, "", Dovecot,
        "Password of every user, with the driver `static`. May be hashed: `{SCHEME}HASH`.",
    ),
    Setting::new(
        Passdb, "default_password_scheme", Text, "", Dovecot,
        "Scheme of stored passwords that name none. Empty: `CRYPT` for `passwd-file`, `PLAIN` for `static`.",
    ),
    Setting::new(
        Passdb, "auth_username_format", LoginTemplate, "", Dovecot,
        "Makes the name that is looked up in this passdb. Empty: the user name as `auth_username_format` made it.",
    ).older(&["username_format"]),
    Setting::new(
        Passdb, "default_fields", FieldTexts, "", Dovecot,
        "Dovecot 2.3's form: fields that the database's answer may replace, `name=value` separated by white space.",
    ),
    Setting::new(
        Passdb, "override_fields", FieldTexts, "", Dovecot,
        "Dovecot 2.3's form of `fields { … }`: `name=value` separated by white space.",
    ),
    Setting::new(
        Passdb, "master", Bool, "no", Dovecot, "Whether this passdb is asked for master users, and only for them.",
    ),
    Setting::new(Passdb, "deny", Bool, "no", Dovecot, "Whether users found here may not log in."),
    Setting::new(
        Passdb, "pass", Bool, "no", Dovecot,
        "With `master = yes`: whether the user, too, must be found by a passdb. Hale always demands it, as with `yes`.",
    ),
    Setting::new(
        Passdb, "skip", Choice(&["never", "authenticated", "unauthenticated"]), "never", Dovecot,
        "Not to be asked when earlier passdbs have, or have not, authenticated the user.",
    ),
    Setting::new(Passdb, "result_success", Choice(OUTCOMES), "return-ok", Dovecot, "What happens after a good answer."),
    Setting::new(Passdb, "result_failure", Choice(OUTCOMES), "continue", Dovecot, "What happens after a refusal."),
    Setting::new(
        Passdb, "result_internalfail", Choice(OUTCOMES), "continue", Dovecot,
        "What happens when the database gave no answer.",
    ),
    Setting::new(
        Passdb, "mechanisms", Words, "", Dovecot, "Mechanisms this passdb is asked for. Empty: all. `plain` and \
         `login` mean the same: every login with a password; so do `xoauth2` and `oauthbearer`: every login with a token.",
    ).older(&["mechanisms_filter"]),
    Setting::new(
        Passdb, "username_filter", Words, "", Dovecot,
        "Patterns with `*` and `?` for the names that this passdb is asked for; with `!` in front, for those that it is not asked for. Of \
         names that fit none it is asked for all if there are only patterns with `!`, otherwise for none. Empty: it is asked for all.",
    ),
    // === local_name NAME { … } ===
    Setting::new(LocalName, "ssl_server_cert_file", Path, "", Dovecot, "Certificate for this server name.")
        .older(&["ssl_cert", "ssl_cert_file"]),
    Setting::new(LocalName, "ssl_server_key_file", Path, "", Dovecot, "Its private key.").older(&["ssl_key", "ssl_key_file"]),
    Setting::new(
        LocalName, "ssl_server_key_password", Secret, "", Dovecot,
        "Password of the private keys. Empty: that outside of the block.",
    ).older(&["ssl_key_password"]),
    Setting::new(
        LocalName, "ssl_server_alt_cert_file", Path, "", Dovecot,
        "Second certificate for this server name, whose key is of another kind.",
    ).older(&["ssl_alt_cert", "ssl_alt_cert_file"]),
    Setting::new(LocalName, "ssl_server_alt_key_file", Path, "", Dovecot, "Its private key.")
        .older(&["ssl_alt_key", "ssl_alt_key_file"]),
    // === dict_server { dict cluster-localdb { … } } ===
    Setting::new(Dict, "sqlite_path", Path, "", Dovecot, "File of the LocalDB; the same as `cluster_localdb = sqlite:FILE`."),
    Setting::new(Dict, "driver", Text, "", Dovecot, "Accepted, and always `sqlite`."),
];
