//! The passdb driver `sql`.

use super::ArgsFile::{self, Ignored, Is};
use crate::config::registry::Kind::{Bool, Choice, Inquiry, Path, Port, Secret, Text};
use crate::config::registry::Origin::Dovecot;
use crate::config::registry::Scope::{Global, Mysql, Passdb, Pgsql};
use crate::config::registry::Setting;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::new(
        Global, "sql_driver", Choice(&["", "mysql", "pgsql", "sqlite"]), "", Dovecot,
        "Which database the passdb driver `sql` asks: `pgsql` and `mysql` (MariaDB, too), servers that are named by blocks of that name, or \
         `sqlite`, a file.",
    ).per_passdb(),
    Setting::new(
        Global, "sqlite_path", Path, "", Dovecot,
        "The file that `sql_driver = sqlite` reads; Hale never writes it. A database that another process writes should be in WAL mode, so \
         that logins never wait for it.",
    ).per_passdb(),
    Setting::new(
        Passdb, "sql_query", Inquiry, "", Dovecot,
        "The query that finds a user: it gives one row with a column `password`, and columns that are called as Dovecot's extra \
         fields; with a column `user` the user is called as that says. Variables such as `'%{user}'` are sent apart from the query, as \
         parameters, whatever is in them.",
    ).also(&["password_query"]),
    Setting::new(
        Passdb, "sql_connect", Secret, "", Dovecot,
        "What Dovecot 2.3 calls `connect` in dovecot-sql.conf.ext. For SQLite: the file; otherwise words such as `host=a host=b dbname=mail \
         user=hale password=…`, where the first server that takes connections is asked.",
    ),
    Setting::new(
        Pgsql, "host", Text, "", Dovecot,
        "Name or address of the server, or the folder of its socket. Empty: the block's name.",
    ),
    Setting::new(Mysql, "host", Text, "", Dovecot, "Name or address of the server, or its socket. Empty: the block's name."),
    Setting::new(Mysql, "port", Port, "3306", Dovecot, "Its port."),
    Setting::new(Mysql, "user", Text, "", Dovecot, "Who asks."),
    Setting::new(Mysql, "password", Secret, "", Dovecot, "With which password."),
    Setting::new(Mysql, "dbname", Text, "", Dovecot, "The database's name there."),
    Setting::new(
        Mysql, "ssl", Bool, "no", Dovecot,
        "Whether TLS is used. The server's certificate is verified if `ssl_client_ca_file` names authorities, and \
         `ssl_client_require_valid_cert` is not `no`.",
    ),
];

/// dovecot-sql.conf.ext of Dovecot 2.3.
pub(super) const ARGS_FILE: &[(&str, ArgsFile)] = &[
    ("driver", Is("sql_driver")),
    ("connect", Is("sql_connect")),
    ("default_pass_scheme", Is("default_password_scheme")),
    ("password_query", Is("sql_query")),
    ("user_query", Ignored("users are looked up by the backends")),
    ("iterate_query", Ignored("Hale never lists users")),
    ("userdb_warning_disable", Ignored("there is no userdb")),
];
