//! The passdb driver `sql`.

use std::path::PathBuf;

use super::Around;
use crate::config::diagnostic::Findings;
use crate::config::model::{Sql, SqlDatabase};

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
        _ => {
            let text = "missing: the driver `sql` needs `sql_driver = sqlite`";
            findings.error(&section.place, "sql_driver", text);
            None
        }
    };
    Some(Sql { query: query?, database: database? })
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load;
    use crate::config::model::{Passdb, PassdbDriver, RemotePassdb, Service};
    use crate::config::tests::{Files, errors, loaded};

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

    #[test]
    fn what_is_missing_is_named_with_the_remedy() {
        for (text, expected) in [
            ("", "sql_query: missing"),
            ("query = SELECT 1", "sql_driver: missing"),
            ("query = SELECT 1\nsql_driver = sqlite", "sqlite_path: missing"),
            ("query = SELECT 1\nsql_driver = oracle", "found `oracle`"),
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
