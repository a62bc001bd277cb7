//! MySQL and MariaDB: prepared statements, whose parameters travel apart from the text.
//!
//! A connection with a question that was given up is dropped by `pool`, never asked again: it would give every later question the answer
//! to the one before. Nothing in the protocol says which question an answer is for, so after each one a number is sent that has to come
//! back: a server, or what stands before it, that has said anything twice gives no user another one's row. Tests: below, and with a real
//! server in `tests/appliance/e2e/sql.rs` and `userdb_faults.rs`.

use std::path::PathBuf;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Opts, OptsBuilder, Params, Row, SslOpts, Value};

use super::{Columns, several, unreadable};
use crate::auth::inquiry::{RemoteTrouble, Reply};
use crate::auth::sql_query::Query;
use crate::config::model::{SqlServer as Server, SqlTls as Tls};
use crate::control::userdbs::driver::Fault;

/// A connection.
#[derive(Debug)]
pub(in crate::control::userdbs) struct Connection {
    /// None: a question on it was lost.
    line: Option<Conn>,
    /// The number that came back last.
    echoed: u64,
}

impl Connection {
    pub(super) async fn open(server: &Server, authorities: Option<PathBuf>) -> Result<Self, Fault> {
        let options = options(server, authorities);
        let connection = Conn::new(options).await.map_err(|error| Fault::Connect(told(&error)))?;
        Ok(Self { line: Some(connection), echoed: 0 })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.line.is_none()
    }

    pub(super) async fn try_out(&mut self) -> Result<(), Fault> {
        let connection = self.line.as_mut().ok_or_else(gone)?;
        connection.ping().await.map_err(|error| Fault::Lost(told(&error)))
    }

    pub(super) async fn ask(&mut self, query: &Query, values: Vec<String>) -> Result<Reply, Fault> {
        // Taken out, so that nothing is left to be asked again if this future is dropped.
        let mut connection = self.line.take().ok_or_else(gone)?;
        let result = found(&mut connection, query, values).await;
        if matches!(result, Err(Fault::Lost(_))) {
            return result;
        }
        self.echoed += 1;
        echo(&mut connection, self.echoed).await?;
        self.line = Some(connection);
        result
    }
}

/// Whether the answer before this one was the answer to the question before this one.
async fn echo(connection: &mut Conn, number: u64) -> Result<(), Fault> {
    let echoed: Result<Option<Row>, Error> = connection.exec_first("SELECT ?", (number,)).await;
    let value =
        echoed.map_err(|error| Fault::Lost(told(&error)))?.and_then(|row| row.unwrap().pop());
    match value.as_ref().and_then(text).as_deref() == Some(number.to_string().as_str()) {
        true => Ok(()),
        false => Err(Fault::Lost("its answers and our questions do not go together".to_owned())),
    }
}

fn gone() -> Fault {
    Fault::Lost("the connection was lost".to_owned())
}

async fn found(connection: &mut Conn, query: &Query, values: Vec<String>) -> Result<Reply, Fault> {
    let values: Vec<Value> = values.into_iter().map(|it| Value::Bytes(it.into_bytes())).collect();
    let parameters = if values.is_empty() { Params::Empty } else { Params::Positional(values) };
    let failed = |error: Error| fault(&error);
    let mut rows = connection.exec_iter(query.text.as_str(), parameters).await.map_err(failed)?;
    let Some(row) = rows.next().await.map_err(failed)? else {
        rows.drop_result().await.map_err(failed)?;
        return Ok(Reply::Unknown);
    };
    let is_several = rows.next().await.map_err(failed)?.is_some();
    rows.drop_result().await.map_err(failed)?;
    if is_several {
        return Err(several());
    }
    columns(row)?.reply()
}

fn columns(row: Row) -> Result<Columns, Fault> {
    let mut columns = Columns::default();
    let names = row.columns();
    for (column, value) in names.iter().zip(row.unwrap_raw()) {
        let name = column.name_str();
        let text = match value.unwrap_or(Value::NULL) {
            Value::NULL => None,
            other => Some(text(&other).ok_or_else(|| unreadable(&name, "value of another kind"))?),
        };
        columns.add(&name, text.as_deref())?;
    }
    Ok(columns)
}

/// A value as a text; none: it is of a type that is none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Bytes(bytes) => str::from_utf8(bytes).ok().map(str::to_owned),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Double(number) => Some(number.to_string()),
        Value::NULL | Value::Date(..) | Value::Time(..) => None,
    }
}

fn options(server: &Server, authorities: Option<PathBuf>) -> Opts {
    let is_socket = server.host.starts_with('/');
    let builder = OptsBuilder::default()
        .prefer_socket(false)
        .user(server.user.clone())
        .pass(server.password.as_ref().map(|it| String::from_utf8_lossy(it.expose()).into_owned()))
        .db_name(server.database.clone());
    let builder = match is_socket {
        true => builder.socket(Some(server.host.clone())),
        false => builder.ip_or_hostname(server.host.clone()).tcp_port(server.port),
    };
    let accepts_any = server.tls != Tls::Verified;
    let roots = authorities.into_iter().map(Into::into).collect();
    let tls = SslOpts::default()
        .with_root_certs(roots)
        .with_disable_built_in_roots(true)
        .with_danger_accept_invalid_certs(accepts_any)
        .with_danger_skip_domain_validation(accepts_any);
    match server.tls {
        Tls::No | Tls::IfOffered => builder.into(),
        Tls::Any | Tls::Verified => builder.ssl_opts(Some(tls)).into(),
    }
}

/// What the server says of a query leaves the connection as good as it was; everything else does not.
fn fault(error: &Error) -> Fault {
    match error {
        // Shutdown, and sessions that an operator or the server ended.
        Error::Server(server) if matches!(server.code, 1053 | 1317 | 1927 | 3169 | 4031) => {
            Fault::Lost(told(error))
        }
        Error::Server(_) => Fault::Answer(RemoteTrouble::Error, told(error)),
        _ => Fault::Lost(told(error)),
    }
}

fn told(error: &Error) -> String {
    match error {
        Error::Server(server) => format!("{} ({})", server.message, server.code),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_usual_kind_become_texts_and_others_are_refused() {
        for (value, expected) in [
            (Value::Bytes(b"tim".to_vec()), Some("tim")),
            (Value::Int(-1), Some("-1")),
            (Value::UInt(143), Some("143")),
            (Value::Bytes(vec![0xFF]), None),
            (Value::Date(2026, 1, 1, 0, 0, 0, 0), None),
        ] {
            assert_eq!(text(&value).as_deref(), expected, "{value:?}");
        }
    }
}
