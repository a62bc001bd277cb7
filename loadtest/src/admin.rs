//! The admin socket of Hale, asked while the engine turns: nothing here blocks.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// One request and its answer after the other.
#[derive(Debug)]
pub(crate) struct Admin {
    stream: UnixStream,
    /// What came and is no whole line yet.
    begun: Vec<u8>,
}

/// An answer, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Its records; each is a JSON array.
    pub(crate) records: Vec<Vec<String>>,
    /// Whether the last line was read.
    pub(crate) is_complete: bool,
}

impl Admin {
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)
            .with_context(|| format!("connect to {}", socket.display()))?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, begun: Vec::new() })
    }

    /// Sends a request; the socket's buffer takes so few bytes at once.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<Answer> {
        let line = format!("{}\n", words.join("\t"));
        self.stream.write_all(line.as_bytes()).context("ask the admin socket")?;
        Ok(Answer::default())
    }

    /// Takes what has come of the answer, a piece at most.
    pub(crate) fn take(&mut self, answer: &mut Answer) -> Result<()> {
        let mut piece = [0; PIECE];
        let read = match self.stream.read(&mut piece) {
            Ok(0) => bail!("the admin socket was closed"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("read from the admin socket"),
        };
        self.begun.extend_from_slice(&piece[..read]);
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            match serde_json::from_slice(&line).context("read a line of the admin socket")? {
                serde_json::Value::Array(fields) => {
                    let text = |field: &serde_json::Value| field.as_str().unwrap_or("").to_owned();
                    answer.records.push(fields.iter().map(text).collect());
                }
                serde_json::Value::Object(object) => {
                    if let Some(code) = object.get("exit") {
                        ensure!(code == 0, "the admin socket refused: {object:?}");
                        answer.is_complete = true;
                    }
                }
                other => bail!("the admin socket said {other}"),
            }
        }
        Ok(())
    }
}

/// What one turn of the engine has time for.
const PIECE: usize = 4096;
