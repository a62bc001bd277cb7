//! The driver `sql`: one query, its parameters, and a row whose columns are Dovecot's extra fields by their names.
//!
//! Duty: what all engines have. An engine connects, asks and makes texts of columns. Non-duty: how many connections there are, and when one
//! is given up (`pool`). Tests: in the files.

use std::path::PathBuf;
use std::sync::Arc;

use super::driver::Fault;
use crate::auth::inquiry::{Inquiry, RemoteTrouble, Reply, Row, Wants};
use crate::auth::passdb::Cause;
use crate::auth::sql_query::{Query, Style};
use crate::config::model::{SqlServer, SqlTls as Tls};
use crate::config::{self, SqlDatabase};
use crate::limits::USERDB_ROW_BYTES_MAX;
use crate::share::snapshot::Published;
use crate::template::Template;
use crate::tls::Context;
use servers::Servers;
use sqlite::Sqlite;
use tls::Authorities;

mod mysql;
mod pgsql;
mod servers;
mod sqlite;
mod tls;

/// A database, and the query that finds a user there.
#[derive(Debug)]
pub(super) struct Sql {
    engine: Engine,
    query: Arc<Query>,
}

#[derive(Debug)]
enum Engine {
    Sqlite(Sqlite),
    Pgsql(Servers, Authorities),
    Mysql(Servers, Option<PathBuf>),
}

/// A connection to a database.
#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(sqlite::Opened),
    Pgsql(pgsql::Connection),
    Mysql(mysql::Connection),
}

impl Sql {
    /// # Errors
    /// The query cannot be one with parameters.
    pub(super) fn new(settings: &config::Sql, tls: &Published<Context>) -> Result<Self, String> {
        let config::Sql { database, query } = settings;
        let (engine, style) = match database {
            SqlDatabase::Sqlite { path } => {
                (Engine::Sqlite(Sqlite::new(path)), Style::Numbered('?'))
            }
            SqlDatabase::Pgsql(servers) => {
                let servers = Servers::new(servers.clone());
                (Engine::Pgsql(servers, Authorities(tls.clone())), Style::Numbered('$'))
            }
            SqlDatabase::Mysql { servers, ca_file } => {
                (Engine::Mysql(Servers::new(servers.clone()), ca_file.clone()), Style::Plain)
            }
        };
        Ok(Self { engine, query: Arc::new(Query::parse(query, style)?) })
    }

    pub(super) fn templates(&self) -> Vec<&Template> {
        vec![self.query.template()]
    }

    pub(super) fn server(&self) -> String {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.name(),
            Engine::Pgsql(servers, _) => format!("pgsql {}", servers.names()),
            Engine::Mysql(servers, _) => format!("mysql {}", servers.names()),
        }
    }

    pub(super) fn remedy(&self) -> &'static str {
        match &self.engine {
            Engine::Sqlite(_) => {
                "look whether the file of sqlite_path is there, is a database, and can be read by the user that runs hale"
            }
            Engine::Pgsql(..) | Engine::Mysql(..) => {
                "look whether the server runs, takes connections from here, and knows user, password and dbname"
            }
        }
    }

    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.connect().await.map(Connection::Sqlite),
            Engine::Pgsql(servers, authorities) => {
                let open = async |server: &SqlServer| {
                    let tls = match server.tls {
                        Tls::No => None,
                        Tls::IfOffered | Tls::Any => authorities.any(),
                        Tls::Verified => Some(authorities.verified()?),
                    };
                    pgsql::Connection::open(server, tls).await
                };
                servers.connect(open).await.map(Connection::Pgsql)
            }
            Engine::Mysql(servers, ca_file) => {
                let open = async |server: &SqlServer| {
                    mysql::Connection::open(server, ca_file.clone()).await
                };
                servers.connect(open).await.map(Connection::Mysql)
            }
        }
    }

    /// A question was given up: the next connection is tried elsewhere first.
    pub(super) fn pass_on(&self) {
        match &self.engine {
            Engine::Sqlite(_) => {}
            Engine::Pgsql(servers, _) | Engine::Mysql(servers, _) => servers.pass_on(),
        }
    }

    pub(super) async fn ask(
        &self,
        connection: &mut Connection,
        inquiry: &Inquiry,
    ) -> Result<Reply, Fault> {
        let password = match &inquiry.wants {
            Wants::Row(password) => password.as_ref(),
            Wants::Verdict(_) | Wants::Token(_) | Wants::Answer(..) => None,
        };
        let Ok(values) = self.query.values(&inquiry.values(), password) else {
            return Ok(Reply::Trouble(Cause::Template(crate::template::Unexpandable)));
        };
        // No server takes it in a text, and no user has it in the name.
        if values.iter().any(|value| value.contains('\0')) {
            return Ok(Reply::Unknown);
        }
        let query = &self.query;
        let reply = match (&self.engine, connection) {
            (Engine::Sqlite(sqlite), Connection::Sqlite(opened)) => {
                sqlite.ask(opened, query, values).await
            }
            (Engine::Pgsql(..), Connection::Pgsql(connection)) => {
                connection.ask(query, &values).await
            }
            (Engine::Mysql(..), Connection::Mysql(connection)) => {
                connection.ask(query, values).await
            }
            _ => Err(other()),
        };
        match reply {
            Err(Fault::Answer(trouble, _)) if query.is_secret() => {
                let text = "what the database says is not shown, because the query has the client's password in it";
                Err(Fault::Answer(trouble, text.to_owned()))
            }
            reply => reply,
        }
    }

    pub(super) async fn try_out(&self, connection: &mut Connection) -> Result<(), Fault> {
        match (&self.engine, connection) {
            (Engine::Sqlite(sqlite), Connection::Sqlite(opened)) => sqlite.try_out(opened).await,
            (Engine::Pgsql(..), Connection::Pgsql(connection)) => connection.try_out().await,
            (Engine::Mysql(..), Connection::Mysql(connection)) => connection.try_out().await,
            _ => Err(other()),
        }
    }
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(opened) => opened.is_closed(),
            Self::Pgsql(connection) => connection.is_closed(),
            Self::Mysql(connection) => connection.is_closed(),
        }
    }
}

fn other() -> Fault {
    Fault::Lost("the connection is another database's".to_owned())
}

/// Columns as they come, to a reply.
#[derive(Default)]
struct Columns {
    row: Row,
    has_password: bool,
    bytes: usize,
}

impl Columns {
    /// The next column. NULL says nothing, as in Dovecot.
    ///
    /// # Errors
    /// The row is larger than one may be.
    fn add(&mut self, name: &str, value: Option<&str>) -> Result<(), Fault> {
        self.has_password |= matches!(name, "password" | "password_noscheme");
        let Some(value) = value else { return Ok(()) };
        self.bytes = self.bytes.saturating_add(name.len() + value.len());
        if self.bytes > USERDB_ROW_BYTES_MAX {
            let text = format!(
                "a row of more than {USERDB_ROW_BYTES_MAX} bytes; name the columns that are needed"
            );
            return Err(Fault::Answer(RemoteTrouble::TooLarge, text));
        }
        self.row.put(name, value);
        Ok(())
    }

    /// # Errors
    /// The query has no column for the password, which Dovecot demands, too.
    fn reply(self) -> Result<Reply, Fault> {
        if !self.has_password {
            let text = "the query gives no column `password`; name one, and let it be NULL beside `nopassword`";
            return Err(Fault::Answer(RemoteTrouble::Form, text.to_owned()));
        }
        Ok(Reply::Row(Arc::new(self.row)))
    }
}

/// More than one row is no user's.
fn several() -> Fault {
    let text =
        "the query gives more than one row for a user; make the column unique, or narrow the query";
    Fault::Answer(RemoteTrouble::Several, text.to_owned())
}

/// A column that is no text and cannot be made one.
fn unreadable(name: &str, kind: &str) -> Fault {
    let text = format!(
        "the column `{name}` is a {kind}, which is no text; write `CAST(… AS CHAR)` or the like in the query"
    );
    Fault::Answer(RemoteTrouble::Form, text)
}
