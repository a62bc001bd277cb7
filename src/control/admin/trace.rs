//! `trace`: what passes in a user's sessions, as it passes, without credentials.
//!
//! It ends by itself: after a time, after so many bytes, or when its operator goes. The order and its end are in the log, because
//! what passes is a user's mail.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Gone};
use super::requests::{Admin, Asker};
use super::verbs::TraceCommand;
use crate::control::cluster::CommandError;
use crate::control::wall_clock::time_now;
use crate::event::escaped;
use crate::limits;
use crate::names::SessionId;
use crate::relay::Redactor;
use crate::ring::clock;
use crate::share::messages::ToCore;
use crate::share::trace::{Speaker, TraceOrder, Traced};

const COLUMNS: [&str; 5] = ["time", "protocol", "session", "from", "text"];

/// Who waits for bytes.
#[derive(Debug, Default)]
pub(super) struct Traces {
    last: std::cell::Cell<u64>,
    waiting: RefCell<HashMap<u64, mpsc::Sender<Traced>>>,
}

impl Traces {
    /// A core tells of bytes.
    pub(super) fn take(&self, traced: Traced) {
        if let Some(asker) = self.waiting.borrow().get(&traced.number) {
            // One who does not read as fast misses some, and sees that in how many bytes there were.
            let _ = asker.try_send(traced);
        }
    }
}

/// Answers with lines until it is over.
pub(super) async fn follow(
    admin: &Admin,
    command: &TraceCommand,
    by: Asker,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    let traces = &admin.traces;
    if traces.waiting.borrow().len() >= limits::TRACES_MAX {
        let text = format!("{} users are being traced, which is the most", limits::TRACES_MAX);
        return answer.refuse(&CommandError::TempFail(text)).await;
    }
    let number = traces.last.get() + 1;
    traces.last.set(number);
    let time = Duration::from_secs(command.seconds).min(limits::TRACE_TIME_MAX);
    let bytes_max = command.bytes.min(limits::TRACE_BYTES_MAX);
    let order = TraceOrder::new(number, &command.user, clock::now().after(time), bytes_max);
    let order = Arc::new(order);
    let (sender, mut pieces) = mpsc::channel(limits::TRACE_PIECES_MAX);
    traces.waiting.borrow_mut().insert(number, sender);
    let user = escaped(command.user.as_bytes(), limits::USER_BYTES_MAX);
    let reason = command.reason.as_deref().unwrap_or_default();
    let reason = crate::event::cleaned(reason.as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
    admin.note(format!("admin: trace <{user}> reason=<{reason}>: begun by {by}"));
    for core in &admin.exchange.to_cores {
        // A core that is so far behind has none of it told, which its operator sees.
        let _ = core.send(ToCore::Trace(Arc::clone(&order)));
    }
    let until = Instant::now() + time;
    let mut shown = Shown { left: bytes_max, ..Shown::default() };
    let told = tell(&mut pieces, until, &mut shown, answer).await;
    order.end();
    traces.waiting.borrow_mut().remove(&number);
    let bytes = bytes_max - shown.left;
    admin.note(format!("admin: trace <{user}>: {bytes} bytes shown to {by}"));
    told?;
    answer.notice(&format!("{bytes} bytes of {} sessions", shown.redactors.len())).await?;
    answer.end(0, None).await
}

/// What has been shown.
#[derive(Default)]
struct Shown {
    left: u64,
    redactors: HashMap<SessionId, Redactor>,
}

async fn tell(
    pieces: &mut mpsc::Receiver<Traced>,
    until: Instant,
    shown: &mut Shown,
    answer: &mut Answer<'_>,
) -> Result<(), Gone> {
    answer.columns(&COLUMNS).await?;
    answer.hand_over().await?;
    while let Ok(Some(traced)) = timeout_at(until, pieces.recv()).await {
        for row in shown.rows(&traced) {
            answer.row(row).await?;
        }
        answer.hand_over().await?;
        if shown.left == 0 {
            return Ok(());
        }
    }
    Ok(())
}

impl Shown {
    /// A record for each line.
    fn rows(&mut self, traced: &Traced) -> Vec<Vec<Option<String>>> {
        let Traced { session, protocol, from, bytes, missed, .. } = traced;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        let redactor = self.redactors.entry(session.clone()).or_default();
        let mut text = Vec::with_capacity(bytes.len());
        let from = match from {
            Speaker::Client => {
                redactor.client(bytes, &mut text);
                "client"
            }
            Speaker::Backend => {
                redactor.backend(bytes, &mut text);
                "backend"
            }
        };
        let row = |text: String| {
            let fields = [time_now(), protocol.to_string(), session.to_string(), from.into(), text];
            fields.map(Some).to_vec()
        };
        let mut rows = Vec::new();
        if *missed > 0 {
            rows.push(row(format!("[{missed} bytes are missing here]")));
        }
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        rows.extend(lines.map(|line| row(printable(line))));
        rows
    }
}

/// A line without its end; what is no text as `\xNN`.
fn printable(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut shown = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() {
                shown.extend(letter.escape_default());
            } else {
                shown.push(letter);
            }
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Protocol;
    use crate::tick::Tick;

    fn traced(from: Speaker, text: &str, missed: u64) -> Traced {
        Traced {
            number: 1,
            session: SessionId::parse("abc").unwrap(),
            protocol: Protocol::Imap,
            from,
            at: Tick(0),
            bytes: text.as_bytes().into(),
            missed,
        }
    }

    #[test]
    fn lines_are_shown_one_by_one_without_credentials_and_with_what_is_missing() {
        let mut shown = Shown { left: 1000, ..Shown::default() };
        let mut texts = |traced: &Traced| {
            let rows = shown.rows(traced).into_iter();
            rows.map(|row| row.into_iter().skip(3).flatten().collect::<Vec<String>>().join(": "))
                .collect::<Vec<String>>()
        };
        let client = texts(&traced(Speaker::Client, "a NOOP\r\nb LOGIN tim hush\r\n", 0));
        assert_eq!(
            client,
            ["client: a NOOP", "client: b LOGIN [not shown]", "client: [not shown]"]
        );
        let backend = texts(&traced(Speaker::Backend, "* \u{1b}[2J\u{e4}", 7));
        assert_eq!(backend, ["backend: [7 bytes are missing here]", "backend: * \\u{1b}[2J\u{e4}"]);
        assert_eq!(shown.left, 1000 - 26 - 8);
        assert_eq!(printable(b"\xff\r\n"), "\\xff");
    }
}
