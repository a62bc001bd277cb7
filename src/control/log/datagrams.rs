//! Lines to daemons of this host that take them one by one: syslog (RFC 3164, as syslog(3) writes it) and systemd's journal by its
//! own protocol, whose fields `journalctl HALE_USER=alice` finds.
//!
//! Decides: how a line looks there. Does not wait: a daemon that does not take a line loses it, and the next one that is taken is
//! told of it (RS-08). Driven by `log_file`. Tests: below, on sockets of their own.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::Level;
use super::fields::Field;
use crate::wire::der::{day, time_of_day};

/// The way to such a daemon.
#[derive(Debug)]
pub(in crate::control) struct Datagrams {
    daemon: Daemon,
    path: PathBuf,
    /// None: the daemon has gone, and is looked for again with the next line.
    socket: Option<UnixDatagram>,
}

/// Which daemon it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control) enum Daemon {
    /// With the number of the facility.
    Syslog(u8),
    /// systemd's.
    Journal,
}

impl Daemon {
    /// Where it takes lines.
    pub(in crate::control) fn path(self) -> &'static Path {
        Path::new(match self {
            Self::Syslog(_) => "/dev/log",
            Self::Journal => "/run/systemd/journal/socket",
        })
    }

    /// A line as it takes it. `seconds`: the time.
    fn message(self, level: Level, line: &str, fields: &[Field], seconds: i64) -> Vec<u8> {
        match self {
            Self::Syslog(facility) => syslog(facility, level, line, seconds),
            Self::Journal => journal(level, line, fields),
        }
    }
}

impl Datagrams {
    /// # Errors
    /// The daemon is not there.
    pub(in crate::control) fn open(daemon: Daemon, path: &Path) -> std::io::Result<Self> {
        Ok(Self { daemon, path: path.to_path_buf(), socket: Some(connect(path)?) })
    }

    /// Whether it takes more than the line.
    pub(in crate::control) fn has_fields(&self) -> bool {
        self.daemon == Daemon::Journal
    }

    /// Sends a line. Whether the daemon took it.
    pub(in crate::control) fn send(
        &mut self,
        level: Level,
        line: &str,
        fields: &[Field],
        seconds: i64,
    ) -> bool {
        let message = self.daemon.message(level, line, fields, seconds);
        // A daemon that was started again has another socket behind the same name.
        for _ in 0..2 {
            if self.socket.is_none() {
                self.socket = connect(&self.path).ok();
            }
            let Some(socket) = &self.socket else { return false };
            match socket.send(&message) {
                Ok(_) => return true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => self.socket = None,
            }
        }
        false
    }
}

fn connect(path: &Path) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(path)?;
    Ok(socket)
}

/// As syslog(3) writes it, with the time in UTC; daemons take their own.
fn syslog(facility: u8, level: Level, line: &str, seconds: i64) -> Vec<u8> {
    let priority = u32::from(facility) * 8 + level.number();
    let date = day(seconds);
    let mut parts = date.rsplit('-').map(|part| part.parse::<usize>().unwrap_or_default());
    let (day, month) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let month = MONTHS.get(month.saturating_sub(1)).copied().unwrap_or("Jan");
    let (time, process) = (time_of_day(seconds), std::process::id());
    format!("<{priority}>{month} {day:2} {time} hale[{process}]: {line}").into_bytes()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `NAME=value` lines; a value with a line end in it has its length in front instead.
fn journal(level: Level, line: &str, fields: &[Field]) -> Vec<u8> {
    let mut message = Vec::with_capacity(512);
    put(&mut message, "", "MESSAGE", line);
    put(&mut message, "", "PRIORITY", level.priority());
    put(&mut message, "", "SYSLOG_IDENTIFIER", "hale");
    for (name, value) in fields {
        put(&mut message, "HALE_", &name.to_ascii_uppercase(), value);
    }
    message
}

fn put(message: &mut Vec<u8>, prefix: &str, name: &str, value: &str) {
    message.extend_from_slice(prefix.as_bytes());
    message.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        message.push(b'\n');
        message.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        message.push(b'=');
    }
    message.extend_from_slice(value.as_bytes());
    message.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_521_600;

    fn heard(socket: &UnixDatagram) -> Vec<u8> {
        let mut bytes = vec![0; 4096];
        let count = socket.recv(&mut bytes).unwrap();
        bytes.truncate(count);
        bytes
    }

    #[test]
    fn syslog_has_priority_time_name_and_process() {
        let process = std::process::id();
        let written = syslog(2, Level::Warning, "geodb: slow", NOON);
        let expected = format!("<20>Nov 24 12:00:00 hale[{process}]: geodb: slow");
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert!(syslog(3, Level::Info, "x", 0).starts_with(b"<30>Jan  1 00:00:00 hale["));
    }

    #[test]
    fn the_journal_has_fields_and_none_of_them_can_be_forged() {
        let fields = [("user", "tim".to_owned()), ("reason", "a\nPRIORITY=0".to_owned())];
        let written = journal(Level::Error, "login failed", &fields);
        let mut expected =
            b"MESSAGE=login failed\nPRIORITY=3\nSYSLOG_IDENTIFIER=hale\nHALE_USER=tim\nHALE_REASON\n".to_vec();
        expected.extend_from_slice(&12_u64.to_le_bytes());
        expected.extend_from_slice(b"a\nPRIORITY=0\n");
        assert_eq!(written, expected);
    }

    /// RS-08.
    #[test]
    fn rs_08_a_daemon_that_is_started_again_is_found_and_one_that_does_not_read_keeps_no_one_waiting()
     {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(Datagrams::open(Daemon::Journal, &path).is_err(), "there is no daemon");
        let daemon = UnixDatagram::bind(&path).unwrap();
        let mut log = Datagrams::open(Daemon::Journal, &path).unwrap();
        assert!(log.send(Level::Info, "one", &[], 0));
        assert!(heard(&daemon).starts_with(b"MESSAGE=one\n"));
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        assert!(!log.send(Level::Info, "two", &[], 0));
        let daemon = UnixDatagram::bind(&path).unwrap();
        assert!(log.send(Level::Info, "three", &[], 0));
        assert!(heard(&daemon).starts_with(b"MESSAGE=three\n"));
        // The kernel keeps a bounded number of datagrams for a reader.
        let taken = (0..100_000).take_while(|_| log.send(Level::Info, "x", &[], 0)).count();
        assert!(taken < 100_000);
        heard(&daemon);
        assert!(log.send(Level::Info, "four", &[], 0), "there is room again");
    }
}
