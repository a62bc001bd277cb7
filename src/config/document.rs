//! The registry as documents.
//!
//! Duty: `docs/CONFIG.md` and `docs/DOVECOT.md`. Driver: a test that keeps the files up to date (`UPDATE_DOCS=1 cargo test`). Tests: below.

use std::fmt::Write as _;

use super::registry::{
    self, Decision, Kind, Origin, SERVICES, Scope, Served, Setting, UNSERVED_FIELDS,
};
use super::value::one_of;

/// The text of `docs/CONFIG.md`.
#[must_use]
pub fn config_md() -> String {
    let mut page = String::from(INTRODUCTION);
    for scope in Scope::ALL {
        let settings: Vec<&Setting> =
            registry::settings().filter(|setting| setting.scope == scope).collect();
        if settings.is_empty() {
            continue;
        }
        let title = match scope {
            Scope::Global => "Outside of blocks".to_owned(),
            _ => format!("`{}`", scope.written()),
        };
        // Writing to a String cannot fail, here and below.
        let _ = write!(page, "\n## {title}\n{}", about(scope));
        match scope {
            Scope::Listener => services(&mut page),
            Scope::Passdb => passdb_fields(&mut page),
            _ => {}
        }
        for setting in settings {
            entry(&mut page, setting);
        }
    }
    page
}

/// The text of `docs/DOVECOT.md`: what becomes of each name of Dovecot's.
#[must_use]
pub fn dovecot_md() -> String {
    let mut page = String::from(DOVECOT);
    for (name, versions) in registry::dovecots() {
        let told = match registry::decision(name) {
            Some(Decision::Served(setting)) => served(name, setting),
            Some(Decision::Block(written)) => format!("served: `{written}`"),
            Some(Decision::Start) => format!("`{name} {{ … }}`: the start of the names within"),
            Some(Decision::Foreign(answer)) => answer.told(),
            None => "an error".to_owned(),
        };
        let _ = writeln!(page, "| `{name}` | {versions} | {} |", told.replace('|', "\\|"));
    }
    page
}

/// A name of Dovecot's that is a setting of ours.
fn served(name: &str, setting: &Setting) -> String {
    let word = match setting.served {
        Served::Yes => "served",
        Served::NotYet { .. } => "understood, and not served by this version",
    };
    let own = setting.name;
    if own == name {
        word.to_owned()
    } else if name.ends_with(own) {
        format!("{word}, as `{own}` in `{}`", setting.scope.written())
    } else {
        format!("{word}, as `{own}`")
    }
}

fn entry(page: &mut String, setting: &Setting) {
    let default = match setting.default {
        "" => "empty".to_owned(),
        text => format!("`{text}`"),
    };
    let origin = match setting.origin {
        Origin::Dovecot => "Dovecot's name",
        Origin::Palomar => "Palomar's name",
        Origin::Hale => "Hale's own",
    };
    let _ = write!(page, "\n### {}\n\n", setting.name);
    let (kind, effect) = (kind(setting.kind), setting.effect().told());
    let _ = writeln!(page, "{kind} · default {default} · {origin} · {effect}\n");
    let _ = writeln!(page, "{}", setting.doc);
    if let Some(told) = setting.served.told() {
        let _ = writeln!(page, "\n{told}");
    }
    if setting.per_protocol {
        let block = match setting.only {
            [one] => one.name(),
            _ => "NAME",
        };
        let _ = writeln!(
            page,
            "\nMay also stand in `protocol {block} {{ … }}` and then holds for that protocol."
        );
    }
    if !setting.only.is_empty() && setting.only.len() > 1 {
        let names: Vec<&str> = setting.only.iter().map(|it| it.name()).collect();
        let _ = writeln!(page, "\nOnly for {}.", names.join(", "));
    }
    if !setting.also.is_empty() {
        let _ = writeln!(page, "\nMay also be called `{}`.", setting.also.join("`, `"));
    }
    if !setting.older.is_empty() {
        let _ = writeln!(
            page,
            "\nOlder name, accepted with a warning: `{}`.",
            setting.older.join("`, `")
        );
    }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`yes` or `no`".to_owned(),
        Kind::Number { min, max } => format!("number, {min} to {max}"),
        Kind::AutoNumber { min, max } => format!("`auto` or a number, {min} to {max}"),
        Kind::Port => "port".to_owned(),
        Kind::Size { min, max } => format!("size, {min} to {max} bytes"),
        Kind::Time => "time".to_owned(),
        Kind::AutoTime => "`auto` or a time".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Character => "one character".to_owned(),
        Kind::Secret => "secret".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Words => "words".to_owned(),
        Kind::Networks => "networks".to_owned(),
        Kind::Addresses => "addresses".to_owned(),
        Kind::Choice(choices) => one_of(choices),
        Kind::Cores => "`auto` or CPUs".to_owned(),
        Kind::Core => "`auto` or a CPU".to_owned(),
        Kind::LoginLogFormat => "text with `%{message}` and `%{elements}`".to_owned(),
        Kind::LoginLogElements => "texts with variables of the login, between spaces".to_owned(),
        Kind::Inquiry => "text with variables of the login and `%{password}`".to_owned(),
        Kind::LoginTemplate => "text with variables of the login".to_owned(),
        Kind::AttributeFields => "attributes and fields".to_owned(),
        Kind::FieldTexts => "words with variables of the login".to_owned(),
        Kind::ProbeTemplate => "text with `%{backend_host}`".to_owned(),
        Kind::GeoDb | Kind::LocalDb => "`ENGINE:…`".to_owned(),
    }
}

/// The services, and which of them are words only.
fn services(page: &mut String) {
    for (name, served) in SERVICES {
        if let Some(told) = served.told() {
            let _ = writeln!(page, "\nService `{name}`: {told}");
        }
    }
}

/// Fields of passdbs that are words only.
fn passdb_fields(page: &mut String) {
    let told = UNSERVED_FIELDS.iter().map(|(name, why)| format!("`{name}` ({why})"));
    let told = told.collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        page,
        "\nFields that are not served by this version, in a block and in the rows of a file, leave a warning: {told}."
    );
}

fn about(scope: Scope) -> &'static str {
    match scope {
        Scope::Global | Scope::Service => "",
        Scope::Listener => {
            "\nServices: `imap-login`, `pop3-login`, `lmtp`, `managesieve-login`, `submission-login`.\nAs in Dovecot these listeners are there without being written, `port = 0` turns \
             one off: `imap` 143, `imaps` 993 (TLS),\n`pop3` 110, `pop3s` 995 (TLS), `sieve` 4190, `submission` 587, \
             `submissions` 465 (TLS). LMTP has none, because it takes mail\nfrom every client that can connect.\n`service doveadm` has none either; one that is called `http` speaks HTTP: docs/DOVEADM.md.\n"
        }
        Scope::Protocol => {
            "\nProtocols: `imap`, `pop3`, `lmtp`, `sieve`, `submission`. `protocol doveadm { … }` knows `proxy_port` and \
             `proxy_ssl`, for the doveadm service of other hosts.\n"
        }
        Scope::Passdb => {
            "\nPassword databases are asked in the order of the file, those inside `protocol NAME { … }` first, and for that \
             protocol only.\n`fields { NAME = VALUE }` sets Dovecot's extra fields (`proxy`, `host`, `port`, `ssl`, \
             `destuser`, `pass`, `master`,\n`nopassword`, `nologin`, `allow_nets`, `proxy_mech`, `proxy_timeout`, \
             `forward_*`, …) with variables; an empty `password` or\n`pass` is left out. \
             `proxy_mech = PLAIN` is SASL PLAIN and nothing else, `LOGIN` the protocol's own\ncommand (in Submission AUTH \
             LOGIN where that is offered). Without it the own command is said, or SASL where only that can\ncarry the \
             password (eight bits, control characters; in POP3 spaces) or nothing else is offered. `SCRAM-SHA-256`,\n`SCRAM-SHA-1`, \
             `EXTERNAL`, `XOAUTH2` and `OAUTHBEARER` show no password: docs/MECHANISMS.md.\n"
        }
        Scope::LocalName => {
            "\nCertificates by the server name that a client asks for; several names stand between quotes.\n"
        }
        Scope::Pgsql => {
            "\nA server of PostgreSQL, outside of all blocks or in the passdb that asks it; of several the first that takes connections \
             is asked.\n`parameters { NAME = VALUE }` holds those of libpq: `user`, `password`, `dbname`, `port`, and `sslmode`: `disable`, \
             `prefer` (TLS where it is\noffered; the default), `require`, or `verify-full`, by `ssl_client_ca_file`.\n"
        }
        Scope::Mysql => {
            "\nA server of MySQL or MariaDB, outside of all blocks or in the passdb that asks it; of several the first that takes \
             connections is asked.\n"
        }
        Scope::Dict => "\nPalomar's way to name the LocalDB. Other dictionaries are ignored.\n",
    }
}

const DOVECOT: &str = "\
# Dovecot's settings

<!-- Made from src/config/registry by `UPDATE_DOCS=1 cargo test --no-default-features --lib config_md`. Do not edit. -->

What becomes of every setting that `doveconf -a` of Dovecot 2.3.19 prints and that the documentation of Dovecot 2.4 has. Settings
of blocks stand here by their names in full: `passdb_driver` is `driver` in `passdb NAME { … }`.

*Served* settings are in [CONFIG.md](CONFIG.md). *Ignored* ones leave a warning with the reason. What protects and can't be served
is *refused*, so that nothing gets weaker than it was written, unless its value asks for nothing. Names that stand nowhere are
errors.

| Name | Dovecot | |
|---|---|---|
";

const INTRODUCTION: &str = "\
# Settings

<!-- Made from src/config/registry by `UPDATE_DOCS=1 cargo test --no-default-features --lib config_md`. Do not edit. -->

Hale reads `/etc/hale/hale.conf` (or `-c FILE`) in the language of Dovecot 2.4 and Pro 3; the older forms of Dovecot 2.3
that a proxy meets are understood, too. `hale check-config` names every mistake with file, line and setting;
`hale config` prints what is in effect, `hale config -n` what differs from the defaults below; with `-P` passwords, too.

| Written | Meaning |
|---|---|
| `name = value` | a setting; the last one counts |
| `name label { … }` | a block; on one line, settings are separated by white space and written with ` = ` |
| `# …` | a comment, at the start of a line or behind white space |
| `\"…\"`, `'…'` | a text with white space or `#`; `\\\"` and `\\\\` stand for `\"` and `\\` |
| `\\` at the end of a line | the line goes on |
| `<file` | the content of the file, without its last line end; for certificates and keys, the file itself |
| `!include FILE`, `!include_try FILE` | the settings of other files, `*` and `?` allowed in the last part |
| `@group = variant` | settings defined by `group @group variant { … }`; `@cluster_defaults = proxy` is built in |
| `%{variable \\| filter}` | a variable, see below |
| `%{env:NAME}`, `$ENV:NAME` | a variable of the environment, put in when the file is read |
| `$name`, `$SET:name` | the value of a setting so far: in this block, else around it, else its default |

The last word behind each type says when a change takes effect: `reload` by `hale reload`, for what begins from then on; `restart` when Hale is
started again. A reload tells which of the latter were changed.

Relative paths start at the folder of the file they stand in. Times need a unit (`500ms`, `31secs`, `10 min`, `1 hour`);
sizes may have one (`64k`, `1M`).

### Variables

No text of a variable is ever taken for its value: it is expanded, or an error.

* **Everywhere**: `%{env:NAME}`, with filters. A variable that is not set is an error that names it (Dovecot takes it as empty),
  unless `| default('text')` follows; for a password an empty one is, too. Line ends and other control characters are refused.
  `import_environment { NAME = VALUE }` defines variables. Under systemd they come from `Environment=` or `EnvironmentFile=`;
  `hale check-config` needs them, too.
* **In words that begin with `$`**: `$ENV:NAME`, `$SET:name`, `$name`, as in Dovecot only in front of a space or the end and
  not between quotes. Elsewhere `$ENV:`, `$SET:` and a shell's `${NAME}` are errors. `$protocols` begins empty, so that
  nothing is served that is not written down; other settings begin with their default. Stored passwords (`$6$…`) are themselves.
* **In texts with variables of a login** (user names, passdb fields, extra fields in a passwd-file): `%{user}`, `%{protocol}`,
  `%{remote_ip}`, `%{local_ip}`, `%{original_user}` and `%{master_user}`; also Dovecot 2.3's `%u`, `%n`, `%d`, `%s`, `%r`, `%l` with
  offset, width and modifiers (`%1Mu`, `%2.256Nu`, `%-3.2Ld`; L U E X R N H M D T) and `%{sha256;truncate=8:user}`. `%%` is one
  percent sign there, as in 2.3.
* **Filters** are Dovecot 2.4's: `lower`, `upper`, `username`, `domain`, `default('text')`, `md5`, `sha1`, `sha256`, `sha384`,
  `sha512` (with `rounds=N, salt='text'`), `hash('sha1')`, `base64`, `unbase64`, `hex(N)`, `unhex`, `hexlify(N)`, `unhexlify`,
  `reverse`, `truncate(N)`, `truncate(bits=N)`, `substr(FROM, N)`, `ldap_dn`, `if('eq', 'text', 'yes', 'no')`, `index('.', N)`,
  `lfill(N)`, `rfill(N)`, `benumber`, `lenumber`, `concat('text')`, `literal('text')`, and `+ - * / %` with a number. Others are
  errors. A filter that has nothing to work on, such as `hex` of a name, fails the login, never the part of it.
* **In passwords and other texts** `%` with a letter behind it is an error: Dovecot 2.3 expands it in some places, 2.4 takes it
  as it is. In passdb fields that are passwords `%%` is one, too, for the same reason. `%%{` is a plain `%{` everywhere. A
  password with a percent sign goes into a file, `NAME = <FILE`, of which every character counts as it is.

Values are never expanded a second time.

A block without a name of its own is the start of the names within, as in Dovecot 2.4 and as `doveconf -n` prints it:
`ssl_server { cert_file = F }` is `ssl_server_cert_file = F`, in every block that may hold it. What holds for both sides holds
in such a block for its side: `ssl_client { ssl_min_protocol = TLSv1.3 }`.

Settings of Dovecot that mean nothing to a proxy (`mail_*`, `namespace`, `userdb`, `plugin`, …) are accepted with one
warning each; what protects is never ignored. [DOVECOT.md](DOVECOT.md) has them all. A setting that is **not served by this version** is
understood and leaves a warning that names it; so does one that means nothing in its block, or that another one leaves without effect. Unknown names are errors, and so is a value
that was hidden when the configuration was printed (`# hidden, use -P to show it`).
";

#[cfg(test)]
mod tests {
    use super::super::manual::hale_conf_5;
    use super::*;
    use std::path::Path;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may be asked to rewrite its document")]
    fn config_md_in_the_repository_is_up_to_date() {
        let manual = hale_conf_5(&config_md());
        for (name, page) in [
            ("docs/CONFIG.md", config_md()),
            ("docs/DOVECOT.md", dovecot_md()),
            ("packaging/man/hale.conf.5", manual),
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            if std::env::var("UPDATE_DOCS").is_ok() {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &page).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(found == page, "{name} is out of date: run with UPDATE_DOCS=1");
        }
    }

    #[test]
    fn every_setting_is_in_the_document() {
        let page = config_md();
        for setting in registry::settings() {
            assert!(page.contains(&format!("\n### {}\n", setting.name)), "{}", setting.name);
        }
    }
}
