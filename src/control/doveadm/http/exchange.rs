//! Requests and answers as JSON: an array of calls, an array of results.

use std::net::SocketAddr;

use serde_json::Value;

use super::table::{Meant, Senseless, find};
use crate::control::admin::Asker;
use crate::control::cluster::{CommandError, Output};
use crate::control::doveadm::desk::Desk;
use crate::control::doveadm::orders::{Order, Own};
use crate::control::doveadm::own;
use crate::control::doveadm::remote::{Ended, Piece, Remote};
use crate::doveadm::command::Command;
use crate::doveadm::input;
use crate::limits;
use crate::wire::tab_escaped;

/// One call: `["command", {parameters}, "tag"]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    name: String,
    /// The words of the command line, and what the parameters mean.
    meaning: Result<(String, Meant), Failed>,
    tag: String,
}

/// Why a call has no rows.
#[derive(Debug, PartialEq, Eq)]
enum Failed {
    UnknownMethod,
    InvalidRequest,
    ExitCode(u8),
}

/// The calls of a body.
///
/// # Errors
/// It has none; in Dovecot's words.
pub(super) fn read(body: &[u8]) -> Result<Vec<Call>, String> {
    let body = serde_json::from_slice::<Value>(body)
        .map_err(|error| format!("JSON parse error: {error}"))?;
    let Value::Array(calls) = body else {
        return Err("Request must be a JSON array".to_owned());
    };
    calls.into_iter().map(call).collect()
}

fn call(call: Value) -> Result<Call, String> {
    let Value::Array(parts) = call else { return Err("Command must be a JSON array".to_owned()) };
    let mut parts = parts.into_iter();
    let Some(Value::String(name)) = parts.next() else {
        return Err("Command name must be a string".to_owned());
    };
    let Some(Value::Object(parameters)) = parts.next() else {
        return Err("Parameters must be contained in a JSON object".to_owned());
    };
    let Some(Value::String(tag)) = parts.next() else {
        return Err("Command ID must be a string".to_owned());
    };
    if parts.next().is_some() {
        return Err("Unexpected JSON element at end of command".to_owned());
    }
    let meaning = match find(&name).map(|spec| (spec.meant(&parameters), spec.words)) {
        None => Err(Failed::UnknownMethod),
        Some((Ok(meant), words)) => Ok((words, meant)),
        Some((Err(Senseless::Parameter), _)) => Err(Failed::InvalidRequest),
        // What a command line without input fails with.
        Some((Err(Senseless::NoInput), _)) => Err(Failed::ExitCode(65)),
        Some((Err(Senseless::Form(complaint)), _)) => return Err(complaint),
    };
    Ok(Call { name, meaning, tag })
}

/// Carries calls out, one after the other. What they do to the process comes behind the answer.
pub(super) async fn answer(desk: &Desk, calls: Vec<Call>, peer: SocketAddr) -> (String, Vec<Own>) {
    let (mut answer, mut done) = ("[".to_owned(), Vec::new());
    for Call { name, meaning, tag } in calls {
        if answer.len() > 1 {
            answer.push(',');
        }
        let result = match meaning {
            Ok((words, meant)) => carry_out(desk, &name, &words, meant, peer, &mut done).await,
            Err(failed) => Err(failed),
        };
        match result {
            Ok(rows) => answer.extend(["[\"doveadmResponse\",", &rows]),
            Err(failed) => answer.extend(["[\"error\",", &failed.shown()]),
        }
        answer.extend([",", &quoted(&tag), "]"]);
    }
    answer.push(']');
    (answer, done)
}

impl Failed {
    /// Byte for byte as Dovecot writes it.
    fn shown(self) -> String {
        let (kind, exit_code) = match self {
            Self::UnknownMethod => ("unknownMethod", 0),
            Self::InvalidRequest => ("invalidRequest", 0),
            Self::ExitCode(exit_code) => ("exitCode", exit_code),
        };
        format!("{{\"type\":\"{kind}\", \"exitCode\":{exit_code}}}")
    }
}

async fn carry_out(
    desk: &Desk,
    name: &str,
    words: &str,
    meant: Meant,
    peer: SocketAddr,
    done: &mut Vec<Own>,
) -> Result<String, Failed> {
    let Meant { user, arguments, titles, input } = meant;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = Command::new(&user, words, &arguments);
    let failed = |error: CommandError| {
        desk.note(format!("doveadm by HTTP: {peer}: {name}: {error}"));
        Failed::ExitCode(error.exit_code())
    };
    match (titles, Order::of(command).map_err(failed)?) {
        (None, Order::Own(order)) => {
            let by = Asker::DoveadmHttp(peer);
            let output = own::carry_out(desk, &order, by).await.map_err(failed)?;
            done.push(order);
            Ok(own_rows(&output))
        }
        (Some(titles), Order::OfUser(command)) => {
            of_user(desk, command, input, &titles, peer).await.map_err(failed)?
        }
        _ => Err(failed(CommandError::Usage(format!("{name}: whose? Give a user")))),
    }
}

fn own_rows(output: &Output) -> String {
    let Output { columns, rows, .. } = output;
    let mut shown = Shown::default();
    for row in rows {
        let fields = columns.iter().zip(row);
        shown.row(fields.map(|(title, value)| (title.as_str(), value.as_deref())));
    }
    shown.end()
}

/// The backend's rows under their titles, as text.
async fn of_user(
    desk: &Desk,
    command: Command,
    input: Option<String>,
    titles: &[String],
    peer: SocketAddr,
) -> Result<Result<String, Failed>, CommandError> {
    let mut remote = Remote::of(desk, command, peer);
    if let Some(text) = input {
        let mut input = Vec::new();
        input::append(text.as_bytes(), &mut input);
        remote.feed(&input);
    }
    let mut piece = Piece::default();
    let Ended { status, trouble } = loop {
        if let Some(ended) = remote.next(&mut piece).await? {
            break ended;
        }
        piece.remarks.clear();
        if piece.rows.len() > limits::DOVEADM_HTTP_ANSWER_BYTES_MAX {
            let most = limits::DOVEADM_HTTP_ANSWER_BYTES_MAX;
            let text = format!(
                "the answer has more than {most} bytes; ask for fewer messages, or by the plain protocol"
            );
            return Err(CommandError::TempFail(text));
        }
    };
    if status.exit_code() != 0 {
        if !trouble.is_empty() {
            desk.note(format!("doveadm by HTTP: {peer}: {trouble}"));
        }
        return Ok(Err(Failed::ExitCode(status.exit_code())));
    }
    Ok(Ok(rows_of(&piece.rows, titles)?))
}

fn rows_of(bytes: &[u8], titles: &[String]) -> Result<String, CommandError> {
    let mut shown = Shown::default();
    let Some(bytes) = bytes.strip_suffix(b"\t") else { return Ok(shown.end()) };
    let fields: Vec<Vec<u8>> = tab_escaped::fields(bytes).collect();
    if titles.is_empty() || !fields.len().is_multiple_of(titles.len()) {
        let text = "the backend's rows have other fields than the command is known to have; ask by the plain protocol";
        return Err(CommandError::TempFail(text.to_owned()));
    }
    for row in fields.chunks(titles.len()) {
        let row: Vec<_> = row.iter().map(|field| String::from_utf8_lossy(field)).collect();
        let fields = titles.iter().zip(&row);
        shown.row(fields.map(|(title, value)| (title.as_str(), Some(&**value))));
    }
    Ok(shown.end())
}

/// Rows as an array of objects, whose fields stand in the order of the columns.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn row<'a>(&mut self, fields: impl Iterator<Item = (&'a str, Option<&'a str>)>) {
        self.0.push_str(if self.0.is_empty() { "[{" } else { ",{" });
        for (at, (title, value)) in fields.enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let value = value.map_or_else(|| "null".to_owned(), quoted);
            self.0.extend([comma, &quoted(title), ":", &value]);
        }
        self.0.push('}');
    }

    fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "[]" } else { "]" });
        self.0
    }
}

/// A string of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
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
            (r#"[["who",{},"t",1]]"#, "Unexpected JSON element at end of command"),
            (r#"[["who",{"mask":{}},"t"]]"#, "Parameter `mask' must be string or array"),
            (r#"[[]]"#, "Command name must be a string"),
            (r#"["who"]"#, "Command must be a JSON array"),
        ] {
            assert_eq!(read(body.as_bytes()), Err(complaint.to_owned()), "{body}");
        }
        assert_eq!(read(b"[]"), Ok(Vec::new()));
        assert_eq!(read(br#"[["who",{},"t"],["kick",{},"u"]]"#).unwrap().len(), 2);
        // Nesting without end ends in the reader.
        for body in [&[b'['; 100_000][..], br#"[["who",{},"t""#, b"\0", b"", b"[\xFF]"] {
            assert!(read(body).unwrap_err().starts_with("JSON parse error: "));
        }
    }

    #[test]
    fn w_dov_7_rows_get_their_titles_in_their_order() {
        let titles = ["uid", "body"].map(str::to_owned);
        let rows = rows_of(b"1\ta\x01tb\x01n\t2\t\t", &titles).unwrap();
        assert_eq!(rows, r#"[{"uid":"1","body":"a\tb\n"},{"uid":"2","body":""}]"#);
        assert_eq!(rows_of(b"", &titles).unwrap(), "[]");
        assert!(rows_of(b"1\t", &titles).is_err() && rows_of(b"1\t", &[]).is_err());
        let mut output = Output::new(&["b", "a"]);
        output.rows.push(vec![Some("\"".to_owned()), None]);
        assert_eq!(own_rows(&output), r#"[{"b":"\"","a":null}]"#);
        let told = Failed::ExitCode(68).shown();
        assert_eq!(told, r#"{"type":"exitCode", "exitCode":68}"#);
    }
}
