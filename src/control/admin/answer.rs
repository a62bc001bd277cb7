//! An answer on its way to a client: JSON, one value a line, told as fast as it is read.
//!
//! First an object with the names of the columns, then an array for each record, objects with a notice, and last an object
//! with the exit code. What the client does not take waits in one buffer; nothing more is made before it is empty, so that a
//! client that reads slowly costs no memory.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::WriteHalf;
use tokio::time::timeout;

use crate::control::cluster::{CommandError, Output};
use crate::limits;

/// The client is gone, or has not read for too long. Its request comes to its end without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// Where an answer goes.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    stream: WriteHalf<'a>,
    buffer: Vec<u8>,
    patience: Duration,
}

impl<'a> Answer<'a> {
    pub(super) fn new(stream: WriteHalf<'a>) -> Self {
        Self { stream, buffer: Vec::new(), patience: limits::ADMIN_WRITE_TIMEOUT }
    }

    /// The names of the columns.
    pub(super) async fn columns(&mut self, names: &[&str]) -> Result<(), Gone> {
        self.line(&json!({ "columns": names })).await
    }

    /// A record; a field that is not there is null.
    pub(super) async fn row(&mut self, fields: Vec<Option<String>>) -> Result<(), Gone> {
        self.line(&Value::from(fields.into_iter().map(Value::from).collect::<Vec<Value>>())).await
    }

    /// A line for standard error.
    pub(super) async fn notice(&mut self, text: &str) -> Result<(), Gone> {
        self.line(&json!({ "notice": text })).await
    }

    /// The end of the answer.
    pub(super) async fn end(&mut self, exit_code: u8, error: Option<&str>) -> Result<(), Gone> {
        let end = match error {
            Some(error) => json!({ "exit": exit_code, "error": error }),
            None => json!({ "exit": exit_code }),
        };
        self.line(&end).await?;
        self.flush().await
    }

    /// The end of a request that was not carried out.
    pub(super) async fn refuse(&mut self, error: &CommandError) -> Result<(), Gone> {
        self.end(error.exit_code(), Some(&error.to_string())).await
    }

    /// All that a command has to say.
    pub(super) async fn output(
        &mut self,
        result: Result<Output, CommandError>,
    ) -> Result<(), Gone> {
        let output = match result {
            Ok(output) => output,
            Err(error) => return self.refuse(&error).await,
        };
        let names: Vec<&str> = output.columns.iter().map(String::as_str).collect();
        self.columns(&names).await?;
        for row in output.rows {
            self.row(row).await?;
        }
        for text in &output.notices {
            self.notice(text).await?;
        }
        self.end(output.exit_code, None).await
    }

    /// Nothing more is said on this connection.
    pub(super) async fn finish(&mut self) {
        // A client that is gone already has no use for it.
        let _ = self.stream.shutdown().await;
    }

    async fn line(&mut self, value: &Value) -> Result<(), Gone> {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut self.buffer, value);
        self.buffer.push(b'\n');
        if self.buffer.len() >= limits::ADMIN_ANSWER_BYTES { self.flush().await } else { Ok(()) }
    }

    /// What was said so far goes to the client now.
    pub(super) async fn hand_over(&mut self) -> Result<(), Gone> {
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        match timeout(self.patience, self.stream.write_all(&self.buffer)).await {
            Ok(Ok(())) => {
                self.buffer.clear();
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }
}
