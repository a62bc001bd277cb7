//! The other end of the socket: what the command line does with a request. Blocks.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::verbs::Request;
use crate::control::cluster::{Output, Reply};
use crate::limits;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No process listens there.
    #[error("no Hale answers at {0}: it is not running, or has another base_dir")]
    NotRunning(Box<str>),
    /// There is a process, but not for us.
    #[error("{0} can't be used: {1}; ask as root, or as the user that Hale runs as")]
    NotPermitted(Box<str>, std::io::Error),
    /// It was asked and did not answer to the end. It may have done what it was asked.
    #[error("Hale broke off its answer: {0}; whether it did what was asked is not known")]
    Lost(Box<str>),
    /// It answered that it did not do it.
    #[error("{text}")]
    Refused {
        /// Its exit code.
        exit_code: u8,
        /// Its words.
        text: String,
    },
}

impl AskError {
    /// The exit code of the program.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotRunning(_) | Self::Lost(_) => EX_TEMPFAIL,
            Self::NotPermitted(..) => EX_NOPERM,
            Self::Refused { exit_code, .. } => *exit_code,
        }
    }
}

/// For the terminal where the command was typed.
impl From<AskError> for Reply {
    fn from(error: AskError) -> Self {
        Self {
            text: String::new(),
            complaints: vec![format!("hale: {error}")],
            exit_code: error.exit_code(),
        }
    }
}

/// Asks the Hale that listens at `path`.
///
/// # Errors
/// It could not be asked, or refused.
pub fn ask(path: &Path, request: &Request) -> Result<Output, AskError> {
    let mut rows = Vec::new();
    let output = follow(path, request, |row| {
        rows.push(row);
        true
    })?;
    Ok(Output { rows, ..output })
}

/// A field that is not there is none.
pub type Record = Vec<Option<String>>;

/// Asks the Hale that listens at `path`, and hands each record on when it comes, until `row` says that it has enough.
///
/// # Errors
/// As of [`ask`].
pub fn follow(
    path: &Path,
    request: &Request,
    row: impl FnMut(Record) -> bool,
) -> Result<Output, AskError> {
    let place = || path.display().to_string().into_boxed_str();
    let mut stream = UnixStream::connect(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::NotRunning(place()),
        _ => AskError::NotPermitted(place(), error),
    })?;
    let mut line = request.to_line();
    line.push(b'\n');
    // A request that is refused unread breaks the pipe, and the answer says why.
    let sent = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.write_all(&line));
    let _ = stream.shutdown(Shutdown::Write);
    read(&stream, row).map_err(|error| match (error, sent) {
        (AskError::Lost(_), Err(error)) => AskError::Lost(error.to_string().into()),
        (error, _) => error,
    })
}

fn read(stream: &UnixStream, mut row: impl FnMut(Record) -> bool) -> Result<Output, AskError> {
    let mut output = Output::default();
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = reader.by_ref().take(LINE_BYTES_MAX);
        let count = limited.read_until(b'\n', &mut line).map_err(|error| lost(&error))?;
        if count == 0 {
            return Err(lost(&"it closed the connection"));
        }
        match serde_json::from_slice(&line).map_err(|error| lost(&error))? {
            Value::Array(fields) => {
                if !row(fields.into_iter().map(text).collect()) {
                    return Ok(output);
                }
            }
            Value::Object(mut words) => {
                if let Some(Value::Array(names)) = words.remove("columns") {
                    output.columns = names.into_iter().filter_map(text).collect();
                }
                if let Some(notice) = words.remove("notice").and_then(text) {
                    output.notices.push(notice);
                }
                if let Some(exit) = words.get("exit").and_then(Value::as_u64) {
                    let exit_code = u8::try_from(exit).unwrap_or(EX_TEMPFAIL);
                    return match words.remove("error").and_then(text) {
                        Some(text) => Err(AskError::Refused { exit_code, text }),
                        None => Ok(Output { exit_code, ..output }),
                    };
                }
            }
            _ => return Err(lost(&"it speaks another language; is it another version?")),
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn lost(why: &dyn std::fmt::Display) -> AskError {
    AskError::Lost(why.to_string().into())
}

/// Longer than any request may take.
const PATIENCE: Duration = limits::ADMIN_ANSWER_TIMEOUT;
/// A record is a few names; one of a cluster's command may be a row of the GeoDB.
const LINE_BYTES_MAX: u64 = 1 << 20;
const EX_TEMPFAIL: u8 = 75;
const EX_NOPERM: u8 = 77;
