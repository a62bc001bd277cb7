//! Where log lines go: standard error, standard output, a file that is opened anew when it was moved away, or a daemon of this host.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use super::log::datagrams::{Daemon, Datagrams};
use super::log::fields::{self, Field};
use super::log::{Formatter, Level, json, level};
use super::wall_clock::unix_seconds;
use crate::config::{Log, LogTarget};
use crate::event::Event;
use crate::limits::LOG_WRITE_BYTES;

/// Collects lines and writes them in one go.
#[derive(Debug)]
pub struct LogWriter {
    target: Target,
    /// Lines are JSON objects.
    is_json: bool,
    /// Events below this are not written.
    threshold: Level,
    formatter: Formatter,
    clock: Clock,
    pending: String,
    line: String,
    /// Lines that could not be written, told when writing works again (RS-08).
    lost: u64,
}

#[derive(Debug)]
enum Target {
    /// systemd's journal reads the priority in front of each line.
    Stderr,
    /// In a container, where lines need their time as in a file.
    Stdout,
    File {
        path: PathBuf,
        file: Option<File>,
    },
    /// syslog, or the journal with fields.
    Daemon(Datagrams),
}

impl LogWriter {
    /// Writes where `log_path` says.
    ///
    /// # Errors
    /// The file can't be opened.
    fn new(settings: &Log) -> std::io::Result<Self> {
        let target = match &settings.target {
            LogTarget::Stderr => Target::Stderr,
            LogTarget::Stdout => Target::Stdout,
            LogTarget::File(path) => Target::File { file: Some(open(path)?), path: path.clone() },
            LogTarget::Syslog(facility) => daemon(Daemon::Syslog(*facility))?,
            LogTarget::Journal => daemon(Daemon::Journal)?,
        };
        let threshold = if settings.debug { Level::Debug } else { Level::Info };
        Ok(Self {
            target,
            is_json: settings.is_json,
            threshold,
            formatter: Formatter::new(&settings.login),
            clock: Clock::default(),
            pending: String::with_capacity(PENDING_BYTES),
            line: String::new(),
            lost: 0,
        })
    }

    /// The same.
    ///
    /// # Errors
    /// Setting, reason and remedy, for the operator.
    pub fn open(settings: &Log) -> Result<Self, String> {
        Self::new(settings).map_err(|error| {
            const NO_DAEMON: &str = "start that daemon, or write log_path = /dev/stderr";
            let (path, remedy) = match &settings.target {
                LogTarget::File(path) => (path.display().to_string(), "make its folder writable"),
                LogTarget::Syslog(_) => ("/dev/log (syslog)".to_owned(), NO_DAEMON),
                LogTarget::Journal => ("systemd's journal".to_owned(), NO_DAEMON),
                LogTarget::Stderr | LogTarget::Stdout => (String::new(), "leave it open"),
            };
            format!("log_path: {path} can't be opened: {error}; {remedy}")
        })
    }

    /// Adds an event's line, if it matters enough. What was added, for who shows it elsewhere, too.
    pub fn add(&mut self, event: &Event) -> Option<(Level, &str)> {
        let level = level(event);
        if level > self.threshold {
            return None;
        }
        self.line.clear();
        self.formatter.write(event, &mut self.line);
        let line = std::mem::take(&mut self.line);
        let fields = if self.has_fields() { fields::of(event) } else { Vec::new() };
        self.put(level, &line, &fields);
        self.line = line;
        Some((level, &self.line))
    }

    /// Adds a line of the process itself.
    pub fn add_line(&mut self, level: Level, line: &str) {
        self.put(level, line, &[]);
    }

    /// Whether more than the line is written.
    fn has_fields(&self) -> bool {
        self.is_json || matches!(&self.target, Target::Daemon(daemon) if daemon.has_fields())
    }

    fn put(&mut self, level: Level, line: &str, fields: &[Field]) {
        let object = self.is_json.then(|| {
            let mut object = String::new();
            json::write(self.clock.now(), level, line, fields, &mut object);
            object
        });
        let text = object.as_deref().unwrap_or(line);
        match &mut self.target {
            Target::Daemon(daemon) => {
                // The journal's own fields say what an object would say.
                let text = if daemon.has_fields() { line } else { text };
                self.lost += u64::from(!daemon.send(level, text, fields, unix_seconds()));
            }
            Target::Stderr => self.append(&["<", level.priority(), ">", text, "\n"]),
            Target::Stdout | Target::File { .. } if object.is_some() => {
                self.append(&[text, "\n"]);
            }
            Target::Stdout | Target::File { .. } => {
                self.pending.push_str(self.clock.now());
                self.append(&[" ", level.name(), ": ", text, "\n"]);
            }
        }
    }

    fn append(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.pending.push_str(part));
    }

    /// Whether so much was added that it should be written before more is.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.pending.len() >= LOG_WRITE_BYTES
    }

    /// Writes what was added.
    pub fn flush(&mut self) {
        if let Target::Daemon(daemon) = &mut self.target {
            if self.lost > 0 {
                let text = lost_lines(self.lost);
                if daemon.send(Level::Warning, &text, &[], unix_seconds()) {
                    self.lost = 0;
                }
            }
            return;
        }
        if self.pending.is_empty() {
            return;
        }
        let written = match &mut self.target {
            Target::Stderr => std::io::stderr().lock().write_all(self.pending.as_bytes()),
            Target::Stdout => {
                let mut output = std::io::stdout().lock();
                output.write_all(self.pending.as_bytes()).and_then(|()| output.flush())
            }
            // What goes to a daemon does not wait here.
            Target::Daemon(_) => Ok(()),
            Target::File { path, file } => {
                if file.is_none() {
                    *file = open(path).ok();
                }
                match file {
                    Some(file) => file.write_all(self.pending.as_bytes()),
                    None => Err(std::io::ErrorKind::NotFound.into()),
                }
            }
        };
        if written.is_err() {
            self.lost += self.pending.bytes().filter(|byte| *byte == b'\n').count() as u64;
        }
        self.pending.clear();
        self.pending.shrink_to(PENDING_BYTES);
        if written.is_ok() && self.lost > 0 {
            let text = lost_lines(std::mem::take(&mut self.lost));
            self.add_line(Level::Warning, &text);
            // There may be no other line for hours.
            self.flush();
        }
    }

    /// Writes what was added, and goes on as `next`.
    pub fn flush_into(&mut self, next: Self) {
        self.flush();
        let lost = self.lost;
        *self = next;
        self.lost += lost;
    }

    /// Opens the file anew: it was rotated away.
    pub fn reopen(&mut self) {
        if let Target::File { path, file } = &mut self.target {
            *file = open(path).ok();
        }
    }
}

/// Room for what is written at once and the line that fills it up, so that a burst does not move what waits to a place of
/// twice the size.
const PENDING_BYTES: usize = LOG_WRITE_BYTES + 4096;

fn lost_lines(lost: u64) -> String {
    format!("{lost} log lines could not be written")
}

fn daemon(daemon: Daemon) -> std::io::Result<Target> {
    Datagrams::open(daemon, daemon.path()).map(Target::Daemon)
}

fn open(path: &PathBuf) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// The time as lines have it; most lines of a burst have that of the line before.
#[derive(Debug, Default)]
struct Clock {
    milliseconds: u128,
    text: String,
}

impl Clock {
    /// UTC, RFC 3339, milliseconds.
    #[expect(clippy::disallowed_methods, reason = "log lines carry wall-clock time")]
    fn now(&mut self) -> &str {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if now.as_millis() != self.milliseconds || self.text.is_empty() {
            self.milliseconds = now.as_millis();
            self.text = rfc3339(now.as_secs(), now.subsec_millis());
        }
        &self.text
    }
}

/// The civil date of a Unix time, by the days-to-civil algorithm for the proleptic Gregorian calendar.
fn rfc3339(seconds: u64, millis: u32) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    std::format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LogTarget, LoginLog};
    use crate::limits::LOG_LINES_MAX;

    fn settings(path: &std::path::Path) -> Log {
        let target = LogTarget::File(path.to_path_buf());
        Log {
            target,
            is_json: false,
            debug: false,
            login: std::array::from_fn(|_| LoginLog::default()),
        }
    }

    #[test]
    fn dates_are_civil() {
        assert_eq!(rfc3339(0, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400, 5), "2000-02-29T00:00:00.005Z");
        assert_eq!(rfc3339(1_795_460_936, 999), "2026-11-23T19:08:56.999Z");
    }

    /// RS-08: as many as may wait are written, in pieces, and the writer does not keep the room for all of them.
    #[test]
    fn rs_08_the_longest_burst_is_written_without_loss_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hale.log");
        let mut log = LogWriter::new(&settings(&path)).unwrap();
        let event = Event::Note { warning: false, text: "x".repeat(300).into() };
        let room = log.pending.capacity();
        for _ in 0..LOG_LINES_MAX {
            log.add(&event);
            assert_eq!(log.pending.capacity(), room, "what waits was moved");
            if log.is_full() {
                log.flush();
            }
        }
        log.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!((text.lines().count(), log.lost), (LOG_LINES_MAX, 0));
        log.add_line(Level::Info, &"x".repeat(10 * room));
        log.flush();
        assert_eq!(log.pending.capacity(), room, "a long line's room is kept");
    }

    #[test]
    fn json_lines_have_no_head_and_a_field_for_each_thing_that_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hale.log");
        let mut log = LogWriter::new(&Log { is_json: true, ..settings(&path) }).unwrap();
        log.add(&Event::Refused {
            protocol: crate::names::Protocol::Imap,
            peer: "192.0.2.1:4711".parse().unwrap(),
            reason: "not trusted",
            closed: crate::event::Closed::UntrustedSender,
        });
        log.add_line(Level::Info, "started");
        log.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        for (name, value) in [
            ("level", "warning"),
            ("event", "refused"),
            ("protocol", "imap"),
            ("client", "192.0.2.1"),
            ("client_port", "4711"),
            ("class", "untrusted_sender"),
            ("message", "imap: connection refused: not trusted rip=192.0.2.1 rport=4711"),
        ] {
            assert_eq!(lines[0][name], value, "{text}");
        }
        assert_eq!(lines[1]["message"], "started");
        assert!(lines[1]["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_moved_file_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hale.log");
        let settings = settings(&path);
        let mut log = LogWriter::new(&settings).unwrap();
        log.add_line(Level::Info, "one");
        log.flush();
        std::fs::rename(&path, folder.path().join("old")).unwrap();
        log.reopen();
        log.add_line(Level::Warning, "two");
        log.flush();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with(" warning: two\n") && !text.contains("one"), "{text}");
    }
}
