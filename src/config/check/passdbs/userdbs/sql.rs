//! The passdb driver `sql`.

use std::path::PathBuf;

use super::Around;
use crate::config::diagnostic::Findings;
use crate::config::model::{Sql, SqlDatabase, SqlServer, SqlTls};
use crate::config::registry::Scope;
use crate::config::sort::{Section, shown};
use crate::secret::Secret;

pub(super) fn sql(around: &Around<'_>, findings: &mut Findings) -> Option<Sql> {
    let section = around.section;
    let query = section.template("sql_query");
    if query.is_none() {
        let text = "missing: the driver `sql` needs `query = SELECT … AS user, … AS password FROM … WHERE … = '%{user}'`";
        findings.error(&section.place, "sql_query", text);
    }
    let driver = around.at("sql_driver").text("sql_driver");
    let database = match driver.as_str() {
        "sqlite" => sqlite(around, findings),
        "pgsql" => servers(around, &PGSQL, findings).map(SqlDatabase::Pgsql),
        "mysql" => servers(around, &MYSQL, findings).map(|servers| SqlDatabase::Mysql {
            servers,
            ca_file: around.root.path("ssl_client_ca_file"),
        }),
        _ => {
            let text = "missing: the driver `sql` needs `sql_driver = pgsql`, `mysql` or `sqlite`";
            findings.error(&section.place, "sql_driver", text);
            None
        }
    };
    let (query, database) = (query?, database?);
    // Its rules for comparing texts find one user by many names.
    if matches!(database, SqlDatabase::Mysql { .. }) && !names_user(&query.to_string()) {
        let text = "the query has no column `user`, and MySQL finds `tim` when `TIM` or `tim ` is asked for; write `… AS user`, so \
                    that everything goes by the row's own spelling";
        findings.warn(section.place_of("sql_query"), "sql_query", text);
    }
    Some(Sql { query, database })
}

/// Whether one of the columns is called `user`.
fn names_user(query: &str) -> bool {
    let lower = query.to_ascii_lowercase();
    let columns = lower.split_once(" from ").map_or(lower.as_str(), |(columns, _)| columns);
    let mut words = columns.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| word == "user") || columns.contains('*')
}

fn sqlite(around: &Around<'_>, findings: &mut Findings) -> Option<SqlDatabase> {
    let section = around.section;
    let connect = section.optional_text("sql_connect");
    let path = match connect {
        Some(text) => Some(section.place_of("sql_connect").resolve(&text)),
        None => around.at("sqlite_path").path("sqlite_path"),
    };
    if path.is_none() {
        let text = "missing: `sql_driver = sqlite` needs `sqlite_path = FILE`";
        findings.error(&section.place, "sqlite_path", text);
    }
    Some(SqlDatabase::Sqlite { path: path.filter(|path: &PathBuf| !path.as_os_str().is_empty())? })
}

/// What differs between kinds of servers.
struct Kind {
    name: &'static str,
    scope: Scope,
    port: u16,
}

const PGSQL: Kind = Kind { name: "pgsql", scope: Scope::Pgsql, port: 5432 };
const MYSQL: Kind = Kind { name: "mysql", scope: Scope::Mysql, port: 3306 };

/// Those of `connect` in Dovecot 2.3, otherwise those of blocks: the passdb's own, or those outside of all blocks.
fn servers(around: &Around<'_>, kind: &Kind, findings: &mut Findings) -> Option<Vec<SqlServer>> {
    let section = around.section;
    if let Some(text) = section.optional_text("sql_connect") {
        let servers = connect(&text, kind, around.root).map_err(|fault| {
            findings.error(section.place_of("sql_connect"), "sql_connect", fault);
        });
        return servers.ok();
    }
    let at = [section, around.root].into_iter().find(|it| it.of_scope(kind.scope).next().is_some());
    let Some(at) = at else {
        let name = kind.name;
        let text =
            format!("missing: `sql_driver = {name}` needs a server; write `{name} HOST {{ … }}`");
        findings.error(&section.place, "sql_driver", text);
        return None;
    };
    let of_block = |block: &Section| match kind.scope {
        Scope::Pgsql => of_parameters(block, around.root),
        _ => Ok(of_mysql(block, around.root)),
    };
    let mut servers = Vec::new();
    for block in at.of_scope(kind.scope) {
        match of_block(block) {
            Ok(server) => servers.push(server),
            Err(fault) => findings.error(&block.place, kind.name, fault),
        }
    }
    Some(servers)
}

fn of_mysql(block: &Section, root: &Section) -> SqlServer {
    SqlServer {
        host: block.optional_text("host").unwrap_or_else(|| block.name().to_owned()),
        port: block.small("port"),
        user: block.optional_text("user"),
        password: block.secret("password"),
        database: block.optional_text("dbname"),
        tls: if block.flag("ssl") { mysql_tls(root) } else { SqlTls::No },
    }
}

fn mysql_tls(root: &Section) -> SqlTls {
    let is_verified =
        root.flag("ssl_client_require_valid_cert") && root.path("ssl_client_ca_file").is_some();
    if is_verified { SqlTls::Verified } else { SqlTls::Any }
}

fn of_parameters(block: &Section, root: &Section) -> Result<SqlServer, String> {
    let host = block.optional_text("host").unwrap_or_else(|| block.name().to_owned());
    let mut server = nameless(&PGSQL);
    for field in &block.fields {
        if field.name == "host" {
            return Err("`host` is the block's name, or its setting `host`; remove it".to_owned());
        }
        set(&mut server, &PGSQL, &field.name, &field.text, root)?;
    }
    Ok(SqlServer { host, ..server })
}

fn nameless(kind: &Kind) -> SqlServer {
    SqlServer {
        host: String::new(),
        port: kind.port,
        user: None,
        password: None,
        database: None,
        tls: if kind.scope == Scope::Pgsql { SqlTls::IfOffered } else { SqlTls::No },
    }
}

/// `host=a host=b dbname=mail user=hale password='with space'`: what is not about a host is about all of them.
fn connect(text: &str, kind: &Kind, root: &Section) -> Result<Vec<SqlServer>, String> {
    let (mut hosts, mut server) = (Vec::new(), nameless(kind));
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) =
            rest.split_once('=').ok_or("expected words such as `host=localhost`")?;
        let (value, after) = word(after.trim_start())?;
        rest = after.trim_start();
        match name.trim() {
            "host" | "hostaddr" => hosts.push(value),
            name => set(&mut server, kind, name, &value, root)?,
        }
    }
    if hosts.is_empty() {
        return Err("no host is named; write `host=NAME`".to_owned());
    }
    Ok(hosts.into_iter().map(|host| SqlServer { host, ..server.clone() }).collect())
}

/// A value, between quotes or up to the next space, and what follows.
fn word(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let (value, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        return Ok((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => return Ok((value, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            _ => value.push(letter),
        }
    }
    Err("a quote is opened and never closed".to_owned())
}

/// Never shows a value: it may be the password.
fn set(
    server: &mut SqlServer,
    kind: &Kind,
    name: &str,
    value: &str,
    root: &Section,
) -> Result<(), String> {
    match (name, kind.scope) {
        ("user", _) => server.user = Some(value.to_owned()),
        ("password", _) => server.password = Some(Secret::from(value)),
        ("dbname", _) => server.database = Some(value.to_owned()),
        ("port", _) => {
            server.port = value.parse().map_err(|_| "`port` is no port".to_owned())?;
        }
        ("sslmode", Scope::Pgsql) => {
            server.tls = match value {
                "disable" => SqlTls::No,
                "allow" | "prefer" => SqlTls::IfOffered,
                "require" => SqlTls::Any,
                "verify-ca" | "verify-full" => SqlTls::Verified,
                _ => return Err("`sslmode` is none of PostgreSQL's".to_owned()),
            };
        }
        ("ssl_verify_server_cert", Scope::Mysql) => {}
        ("ssl_ca", Scope::Mysql) => server.tls = mysql_tls(root),
        ("sslrootcert" | "ssl_ca_path" | "ssl_cert" | "ssl_key" | "ssl_cipher", _) => {
            return Err(format!(
                "`{name}` is not supported; authorities are named by `ssl_client_ca_file`"
            ));
        }
        ("option_file", _) => {
            return Err("`option_file` is not supported; write what it says here".to_owned());
        }
        // Hale has bounds of its own, and needs the rest for nothing.
        (
            "maxconns"
            | "connect_timeout"
            | "read_timeout"
            | "write_timeout"
            | "client_flags"
            | "option_group"
            | "application_name"
            | "options"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "client_encoding"
            | "target_session_attrs"
            | "gssencmode",
            _,
        ) => {}
        _ => return Err(format!("found {}, which names nothing of a server", shown(name))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load;
    use crate::config::model::{Passdb, PassdbDriver, RemotePassdb, Service};
    use crate::config::tests::{Files, errors, loaded, warnings};

    fn remote(passdb: &Passdb) -> (&RemotePassdb, &Sql) {
        match &passdb.driver {
            PassdbDriver::Remote(remote) => match &remote.service {
                Service::Sql(sql) => (remote, sql),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_generations_of_syntax_name_a_file_and_a_query() {
        let new = "sql_driver = sqlite\nsqlite_path = users.db\npassdb sql {\n query = SELECT u AS user, p AS password \\\n \
                   FROM t WHERE u = '%{user}'\n connections_max = 3\n}\n";
        let new = loaded(new);
        let old = "driver = sqlite\nconnect = users.db\n\n# a comment\npassword_query = \\\n  SELECT u AS user, p AS password \
                   FROM t WHERE u = '%u'\nuser_query = SELECT 1\ndefault_pass_scheme = SHA512-CRYPT\n";
        let files = [
            ("/e/hale.conf", "passdb {\n driver = sql\n args = sql.ext\n}\n"),
            ("/e/sql.ext", old),
        ];
        let old = load(&mut Files::new(&files), Path::new("/e/hale.conf"));
        assert!(old.errors.is_empty(), "{:?}", old.errors);
        assert!(old.warnings.iter().any(|it| it.setting == "user_query"), "{:?}", old.warnings);
        let old = old.config.unwrap();
        let database = SqlDatabase::Sqlite { path: "/e/users.db".into() };
        for (config, scheme, most) in [(&new, "PLAIN", 3), (&old, "SHA512-CRYPT", 8)] {
            let passdb = &config.auth.passdbs[0];
            let (remote, sql) = remote(passdb);
            assert_eq!(sql.database, database);
            assert!(sql.query.to_string().contains("WHERE u = '%{user}'"), "{}", sql.query);
            assert_eq!(
                (passdb.default_password_scheme.as_str(), remote.connections_max),
                (scheme, most)
            );
        }
        assert_eq!(remote(&old.auth.passdbs[0]).0.files, [Path::new("/e/sql.ext")]);
    }

    fn server(host: &str, port: u16, tls: SqlTls) -> SqlServer {
        SqlServer {
            host: host.to_owned(),
            port,
            user: Some("hale".to_owned()),
            password: Some(Secret::from("se same")),
            database: Some("mail".to_owned()),
            tls,
        }
    }

    #[test]
    fn servers_are_named_by_blocks_or_by_words() {
        let of = |text: &str| {
            let config = loaded(&format!("passdb sql {{\nquery = SELECT 1\n{text}\n}}\n"));
            remote(&config.auth.passdbs[0]).1.database.clone()
        };
        let words = "sql_connect = host=a host=/run/b port=5433 dbname=mail user=hale password='se same' maxconns=9";
        let found = of(&format!("sql_driver = pgsql\n{words} sslmode=verify-full"));
        let both = ["a", "/run/b"].map(|host| server(host, 5433, SqlTls::Verified));
        assert_eq!(found, SqlDatabase::Pgsql(both.to_vec()));
        let block = "sql_driver = pgsql\npgsql db1 {\n parameters {\n  user = hale\n  password = se same\n  dbname = mail\n }\n}\n\
                     pgsql db2 {\n host = 192.0.2.9\n parameters {\n  user = hale\n  password = se same\n  dbname = mail\n }\n}";
        let both = ["db1", "192.0.2.9"].map(|host| server(host, 5432, SqlTls::IfOffered));
        assert_eq!(of(block), SqlDatabase::Pgsql(both.to_vec()));
        let block = "sql_driver = mysql\nmysql db1 {\n user = hale\n password = se same\n dbname = mail\n ssl = yes\n}";
        let servers = vec![server("db1", 3306, SqlTls::Any)];
        assert_eq!(of(block), SqlDatabase::Mysql { servers, ca_file: None });
        let config =
            loaded("pgsql outside {\n}\nsql_driver = pgsql\npassdb sql {\n query = SELECT 1\n}\n");
        let mysql = |query: &str| {
            let block =
                format!("passdb sql {{\nquery = {query}\nsql_driver = mysql\nmysql a {{\n}}\n}}\n");
            warnings(&block).iter().any(|it| it.contains("no column `user`"))
        };
        assert!(mysql("SELECT password FROM user WHERE name = '%u'"));
        assert!(!mysql("SELECT name AS user, password FROM t") && !mysql("SELECT * FROM t"));
        let SqlDatabase::Pgsql(servers) = &remote(&config.auth.passdbs[0]).1.database else {
            panic!()
        };
        assert_eq!(servers[0].host, "outside");
        assert!(!format!("{config:?}").contains("same"), "debug output shows no password");
    }

    #[test]
    fn what_is_missing_is_named_with_the_remedy() {
        for (text, expected) in [
            ("", "sql_query: missing"),
            ("query = SELECT 1", "sql_driver: missing"),
            ("query = SELECT 1\nsql_driver = sqlite", "sqlite_path: missing"),
            ("query = SELECT 1\nsql_driver = oracle", "found `oracle`"),
            ("query = SELECT 1\nsql_driver = pgsql", "needs a server; write `pgsql HOST"),
            ("query = SELECT 1\nsql_driver = mysql\nsql_connect = dbname=x", "no host is named"),
            (
                "query = SELECT 1\nsql_driver = mysql\nsql_connect = host=a sesame=1",
                "found `sesame`",
            ),
            (
                "query = SELECT 1\nsql_driver = pgsql\npgsql a {\nparameters {\nport = x\n}\n}",
                "no port",
            ),
            ("query = SELECT '%{usr}'", "did you mean `%{user}`?"),
            (
                "query = SELECT 1\nsql_driver = sqlite\nsqlite_path = x\nanswer_timeout = 0",
                "answer_timeout: found 0",
            ),
        ] {
            let found = errors(&format!("passdb sql {{\n{text}\n}}\n"));
            assert!(found.iter().any(|it| it.contains(expected)), "{text}: {found:?}");
        }
    }
}
