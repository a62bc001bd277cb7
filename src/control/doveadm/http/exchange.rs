//! Requests and answers as JSON: an array of calls, an array of results.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::table::find;
use crate::control::admin::Asker;
use crate::control::cluster::{CommandError, Output};
use crate::control::doveadm::desk::Desk;
use crate::control::doveadm::orders::{Order, Own};
use crate::control::doveadm::own;
use crate::control::doveadm::remote::{Ended, Remote};
use crate::doveadm::command::Command;
use crate::limits;
use crate::wire::tab_escaped;

/// One call: `["command", {parameters}, "tag"]`.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    name: String,
    parameters: Map<String, Value>,
    tag: String,
}

/// The calls of a body.
///
/// # Errors
/// It has none; in Dovecot's words.
pub(super) fn read(body: &[u8]) -> Result<Vec<Call>, &'static str> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Err("JSON parse error");
    };
    let Value::Array(calls) = body else { return Err("Request must be a JSON array") };
    calls.into_iter().map(call).collect()
}

fn call(call: Value) -> Result<Call, &'static str> {
    let Value::Array(parts) = call else { return Err("Command must be a JSON array") };
    let mut parts = parts.into_iter();
    let Some(Value::String(name)) = parts.next() else {
        return Err("Command name must be a string");
    };
    let Some(Value::Object(parameters)) = parts.next() else {
        return Err("Parameters must be contained in a JSON object");
    };
    let Some(Value::String(tag)) = parts.next() else {
        return Err("Command ID must be a string");
    };
    match parts.next() {
        None => Ok(Call { name, parameters, tag }),
        Some(_) => Err("Unexpected JSON element in the command"),
    }
}

/// Why a call has no rows.
enum Failed {
    UnknownMethod,
    InvalidRequest,
    ExitCode(u8),
}

/// Carries calls out, one after the other. What they do to the process comes behind the answer.
pub(super) async fn answer(desk: &Desk, calls: Vec<Call>, peer: SocketAddr) -> (String, Vec<Own>) {
    let (mut results, mut done) = (Vec::new(), Vec::new());
    for Call { name, parameters, tag } in calls {
        results.push(match carry_out(desk, &name, &parameters, peer, &mut done).await {
            Ok(rows) => json!(["doveadmResponse", rows, tag]),
            Err(failed) => json!(["error", failed.told(), tag]),
        });
    }
    (Value::from(results).to_string(), done)
}

impl Failed {
    fn told(self) -> Value {
        let (kind, exit_code) = match self {
            Self::UnknownMethod => ("unknownMethod", 0),
            Self::InvalidRequest => ("invalidRequest", 0),
            Self::ExitCode(exit_code) => ("exitCode", exit_code),
        };
        json!({"type": kind, "exitCode": exit_code})
    }
}

async fn carry_out(
    desk: &Desk,
    name: &str,
    parameters: &Map<String, Value>,
    peer: SocketAddr,
    done: &mut Vec<Own>,
) -> Result<Vec<Value>, Failed> {
    let spec = find(name).ok_or(Failed::UnknownMethod)?;
    let meant = spec.meant(parameters).ok_or(Failed::InvalidRequest)?;
    let arguments: Vec<&str> = meant.arguments.iter().map(String::as_str).collect();
    let command = Command::new(&meant.user, &spec.words, &arguments);
    let failed = |error: CommandError| {
        desk.note(format!("doveadm by HTTP: {peer}: {name}: {error}"));
        Failed::ExitCode(error.exit_code())
    };
    match (meant.titles, Order::of(command).map_err(failed)?) {
        (None, Order::Own(order)) => {
            let rows = own_rows(desk, &order, peer).await.map_err(failed)?;
            done.push(order);
            Ok(rows)
        }
        (Some(titles), Order::OfUser(command)) => {
            of_user(desk, command, &titles, peer).await.map_err(failed)?
        }
        // A command about a user that names none.
        _ => Err(failed(CommandError::Usage(format!("{name}: whose? Give a user")))),
    }
}

async fn own_rows(desk: &Desk, order: &Own, peer: SocketAddr) -> Result<Vec<Value>, CommandError> {
    let by = Asker::DoveadmHttp(peer);
    let Output { columns, rows, .. } = own::carry_out(desk, order, by).await?;
    let object = |row: Vec<Option<String>>| {
        let fields = columns.iter().cloned().zip(row.into_iter().map(Value::from));
        Value::Object(fields.collect())
    };
    Ok(rows.into_iter().map(object).collect())
}

/// The backend's rows under their titles, as text.
async fn of_user(
    desk: &Desk,
    command: Command,
    titles: &[String],
    peer: SocketAddr,
) -> Result<Result<Vec<Value>, Failed>, CommandError> {
    let mut remote = Remote::of(desk, command, peer);
    let mut bytes = Vec::new();
    let Ended { status, remark } = loop {
        if let Some(ended) = remote.next(&mut bytes).await? {
            break ended;
        }
        if bytes.len() > limits::DOVEADM_HTTP_ANSWER_BYTES_MAX {
            let most = limits::DOVEADM_HTTP_ANSWER_BYTES_MAX;
            let text = format!(
                "the answer has more than {most} bytes; ask for fewer messages, or by the plain protocol"
            );
            return Err(CommandError::TempFail(text));
        }
    };
    if status.exit_code() != 0 {
        if !remark.is_empty() {
            desk.note(format!("doveadm by HTTP: {peer}: {remark}"));
        }
        return Ok(Err(Failed::ExitCode(status.exit_code())));
    }
    Ok(Ok(rows_of(&bytes, titles)?))
}

fn rows_of(bytes: &[u8], titles: &[String]) -> Result<Vec<Value>, CommandError> {
    let Some(bytes) = bytes.strip_suffix(b"\t") else { return Ok(Vec::new()) };
    let fields: Vec<Vec<u8>> = tab_escaped::fields(bytes).collect();
    if titles.is_empty() || !fields.len().is_multiple_of(titles.len()) {
        let text = "the backend's rows have other fields than the command is known to have; ask by the plain protocol";
        return Err(CommandError::TempFail(text.to_owned()));
    }
    let object = |row: &[Vec<u8>]| {
        let fields = titles.iter().zip(row).map(|(title, field)| {
            (title.clone(), Value::from(String::from_utf8_lossy(field).into_owned()))
        });
        Value::Object(fields.collect())
    };
    Ok(fields.chunks(titles.len()).map(object).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_dov_7_what_is_no_request_is_told_in_dovecots_words() {
        for (body, complaint) in [
            (r#"{}"#, "Request must be a JSON array"),
            (r#""x""#, "Request must be a JSON array"),
            (r#"[["who",{}]]"#, "Command ID must be a string"),
            (r#"[["who",[],"t"]]"#, "Parameters must be contained in a JSON object"),
            (r#"[[]]"#, "Command name must be a string"),
            (r#"[["who",{},"t""#, "JSON parse error"),
            (r#"["who"]"#, "Command must be a JSON array"),
            ("\u{0}", "JSON parse error"),
        ] {
            assert_eq!(read(body.as_bytes()), Err(complaint), "{body}");
        }
        assert_eq!(read(b"[]"), Ok(Vec::new()));
        assert_eq!(read(br#"[["who",{},"t"],["kick",{},"u"]]"#).unwrap().len(), 2);
        // Nesting without end ends in the reader.
        assert_eq!(read(&[b'['; 100_000]), Err("JSON parse error"));
    }

    #[test]
    fn w_dov_7_rows_get_their_titles() {
        let titles = ["uid", "body"].map(str::to_owned);
        let rows = rows_of(b"1\ta\x01tb\x01n\t2\t\t", &titles).unwrap();
        assert_eq!(
            Value::from(rows),
            json!([{"uid": "1", "body": "a\tb\n"}, {"uid": "2", "body": ""}])
        );
        assert!(rows_of(b"", &titles).unwrap().is_empty());
        assert!(rows_of(b"1\t", &titles).is_err() && rows_of(b"1\t", &[]).is_err());
    }
}
