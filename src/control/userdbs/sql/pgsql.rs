//! PostgreSQL: every question by an unnamed statement, so that no pooler and no change of a table can come between.
//!
//! Parameters go as texts of unknown type, as literals of the query would: the server finds out what they are. Tests: below, and with
//! real servers in `tests/appliance/e2e/sql.rs`.

use std::error::Error as _;
use std::pin::pin;

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use tokio::task::{JoinHandle, spawn_local};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::tls::MakeTls;
use super::{Columns, several, unreadable};
use crate::auth::inquiry::{RemoteTrouble, Reply};
use crate::auth::sql_query::Query;
use crate::config::model::{SqlServer as Server, SqlTls as Tls};
use crate::control::userdbs::driver::Fault;
use crate::tls::DriverConfig;

/// A connection, and the task that moves its bytes.
#[derive(Debug)]
pub(in crate::control::userdbs) struct Connection {
    client: Client,
    /// Dropped with the connection, whatever the server is doing: no answer to a question that was given up may come later.
    mover: Mover,
}

#[derive(Debug)]
struct Mover(JoinHandle<()>);

impl Drop for Mover {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(super) async fn open(server: &Server, tls: Option<DriverConfig>) -> Result<Self, Fault> {
        let failed = |error: Error| Fault::Connect(told(&error));
        let config = config(server);
        match tls {
            Some(tls) if server.tls != Tls::No => {
                let (client, connection) = config.connect(MakeTls(tls)).await.map_err(failed)?;
                let mover = spawn_local(async move {
                    // How it ended the client says at its next question.
                    let _ = connection.await;
                });
                Ok(Self { client, mover: Mover(mover) })
            }
            Some(_) | None => {
                let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
                let mover = spawn_local(async move {
                    let _ = connection.await;
                });
                Ok(Self { client, mover: Mover(mover) })
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed() || self.mover.0.is_finished()
    }

    pub(super) async fn try_out(&self) -> Result<(), Fault> {
        self.client.simple_query("SELECT 1").await.map(|_| ()).map_err(|error| fault(&error))
    }

    /// Asks, and once more when the server has changed its mind about a statement in between.
    pub(super) async fn ask(&self, query: &Query, values: &[String]) -> Result<Reply, Fault> {
        match self.ask_once(query, values).await {
            Err(Asked::Failed(error)) if is_stale(&error) => {}
            result => return result.map_err(Asked::fault),
        }
        self.ask_once(query, values).await.map_err(Asked::fault)
    }

    async fn ask_once(&self, query: &Query, values: &[String]) -> Result<Reply, Asked> {
        let parameters = values.iter().map(|value| (Text(value), Type::UNKNOWN));
        let rows = self.client.query_typed_raw(&query.text, parameters);
        let mut rows = pin!(rows.await.map_err(Asked::Failed)?);
        let Some(row) = rows.try_next().await.map_err(Asked::Failed)? else {
            return Ok(Reply::Unknown);
        };
        let mut columns = Columns::default();
        for (at, column) in row.columns().iter().enumerate() {
            let value = row.try_get::<_, Option<Raw<'_>>>(at).map_err(Asked::Failed)?;
            let text = match value {
                None => None,
                Some(Raw(bytes)) => Some(text(column.type_(), bytes).ok_or_else(|| {
                    Asked::Unusable(unreadable(column.name(), column.type_().name()))
                })?),
            };
            columns.add(column.name(), text.as_deref()).map_err(Asked::Unusable)?;
        }
        if rows.try_next().await.map_err(Asked::Failed)?.is_some() {
            return Err(Asked::Unusable(several()));
        }
        columns.reply().map_err(Asked::Unusable)
    }
}

/// Why one question was not answered.
enum Asked {
    Failed(Error),
    Unusable(Fault),
}

impl Asked {
    fn fault(self) -> Fault {
        match self {
            Self::Failed(error) => fault(&error),
            Self::Unusable(fault) => fault,
        }
    }
}

fn config(server: &Server) -> Config {
    let mut config = Config::new();
    config.host(&server.host).port(server.port).application_name("hale").ssl_mode(
        match server.tls {
            Tls::No => SslMode::Disable,
            Tls::IfOffered => SslMode::Prefer,
            Tls::Any | Tls::Verified => SslMode::Require,
        },
    );
    if let Some(user) = &server.user {
        config.user(user);
    }
    if let Some(password) = &server.password {
        config.password(password.expose());
    }
    if let Some(name) = &server.database {
        config.dbname(name);
    }
    config
}

/// A cached plan that the table does not fit any more, or a statement that a pooler has lost.
fn is_stale(error: &Error) -> bool {
    let stale = [SqlState::FEATURE_NOT_SUPPORTED, SqlState::INVALID_SQL_STATEMENT_NAME];
    error.code().is_some_and(|code| stale.contains(code))
}

/// A server that ends a session says so with a code of its own, and is not asked on that connection again.
fn fault(error: &Error) -> Fault {
    let ends = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::IDLE_SESSION_TIMEOUT,
    ];
    match error.code() {
        Some(code) if !ends.contains(code) && !code.code().starts_with("08") => {
            Fault::Answer(RemoteTrouble::Error, told(error))
        }
        _ => Fault::Lost(told(error)),
    }
}

fn told(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} ({})", error.message(), error.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// A parameter as a literal of the query would be: a text whose type the server finds out.
#[derive(Debug)]
struct Text<'a>(&'a str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// A column's bytes, whatever it is.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        bytes: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A value in PostgreSQL's binary form as a text; none: it is of a type that is none.
fn text(kind: &Type, bytes: &[u8]) -> Option<String> {
    match kind.kind() {
        Kind::Domain(base) => return text(base, bytes),
        Kind::Enum(_) => return plain(bytes),
        Kind::Simple => {}
        _ => return None,
    }
    match *kind {
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::UNKNOWN
        | Type::JSON
        | Type::XML
        | Type::CHAR => plain(bytes),
        Type::BOOL => Some(if bytes.first()? == &0 { "no" } else { "yes" }.to_owned()),
        Type::INT2 => Some(i16::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Type::INT4 => Some(i32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Type::INT8 => Some(i64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Type::OID => Some(u32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        Type::INET | Type::CIDR => address(bytes),
        _ if kind.name() == "citext" => plain(bytes),
        _ => None,
    }
}

fn plain(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).ok().map(str::to_owned)
}

/// Family, bits of the mask, whether it is a network, the address.
fn address(bytes: &[u8]) -> Option<String> {
    let [_, bits, _, _, address @ ..] = bytes else { return None };
    let (address, all): (std::net::IpAddr, u8) = match address.len() {
        4 => (<[u8; 4]>::try_from(address).ok()?.into(), 32),
        16 => (<[u8; 16]>::try_from(address).ok()?.into(), 128),
        _ => return None,
    };
    Some(if *bits == all { address.to_string() } else { format!("{address}/{bits}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_usual_type_become_texts_and_others_are_refused() {
        for (kind, bytes, expected) in [
            (Type::VARCHAR, &b"tim"[..], Some("tim")),
            (Type::BOOL, &[1], Some("yes")),
            (Type::BOOL, &[0], Some("no")),
            (Type::INT2, &[0xFF, 0xFF], Some("-1")),
            (Type::INT4, &[0, 0, 0, 143], Some("143")),
            (Type::INT8, &[0, 0, 0, 0, 0, 0, 0, 7], Some("7")),
            (Type::INET, &[2, 32, 0, 4, 192, 0, 2, 7], Some("192.0.2.7")),
            (Type::CIDR, &[2, 24, 1, 4, 192, 0, 2, 0], Some("192.0.2.0/24")),
            (Type::INT4, &[0, 0], None),
            (Type::BYTEA, b"tim", None),
            (Type::TEXT, &[0xFF], None),
            (Type::TIMESTAMPTZ, &[0; 8], None),
        ] {
            assert_eq!(text(&kind, bytes).as_deref(), expected, "{kind}");
        }
    }
}
