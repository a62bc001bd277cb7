//! Where log lines go: standard error, standard output, or a file that is opened anew when it was moved away.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use super::log::{Formatter, Level, level};
use crate::config::{Log, LogTarget};
use crate::event::Event;
use crate::limits::LOG_WRITE_BYTES;

/// Collects lines and writes them in one go.
#[derive(Debug)]
pub struct LogWriter {
    target: Target,
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
}

impl LogWriter {
    /// Writes where `log_path` says.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn new(settings: &Log) -> std::io::Result<Self> {
        let target = match &settings.target {
            LogTarget::Stderr => Target::Stderr,
            LogTarget::Stdout => Target::Stdout,
            LogTarget::File(path) => Target::File { file: Some(open(path)?), path: path.clone() },
        };
        let threshold = if settings.debug { Level::Debug } else { Level::Info };
        Ok(Self {
            target,
            threshold,
            formatter: Formatter::new(&settings.login),
            clock: Clock::default(),
            pending: String::with_capacity(PENDING_BYTES),
            line: String::new(),
            lost: 0,
        })
    }

    /// Adds an event's line, if it matters enough.
    pub fn add(&mut self, event: &Event) {
        let level = level(event);
        if level > self.threshold {
            return;
        }
        self.line.clear();
        self.formatter.write(event, &mut self.line);
        let line = std::mem::take(&mut self.line);
        self.add_line(level, &line);
        self.line = line;
    }

    /// Adds a line of the process itself.
    pub fn add_line(&mut self, level: Level, line: &str) {
        let head = match &self.target {
            Target::Stderr => ["<", level.priority(), ">"],
            Target::Stdout | Target::File { .. } => {
                self.pending.push_str(self.clock.now());
                [" ", level.name(), ": "]
            }
        };
        for part in head.into_iter().chain([line, "\n"]) {
            self.pending.push_str(part);
        }
    }

    /// Whether so much was added that it should be written before more is.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.pending.len() >= LOG_WRITE_BYTES
    }

    /// Writes what was added.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let written = match &mut self.target {
            Target::Stderr => std::io::stderr().lock().write_all(self.pending.as_bytes()),
            Target::Stdout => {
                let mut output = std::io::stdout().lock();
                output.write_all(self.pending.as_bytes()).and_then(|()| output.flush())
            }
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
            let lost = std::mem::take(&mut self.lost);
            let text = std::format!("{lost} log lines could not be written");
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
        Log { target, debug: false, login: std::array::from_fn(|_| LoginLog::default()) }
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
