//! A client of doveadm's plain protocol, for what Debian's `doveadm` does not say.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::wait::PATIENCE;

/// `PLAIN` for the password `secret`.
const LOGIN: &str = "PLAIN\tAGRvdmVhZG0Ac2VjcmV0\n";

/// A connection that is logged in.
#[derive(Debug)]
pub(crate) struct DoveadmLine {
    stream: TcpStream,
    ahead: Vec<u8>,
}

/// Rows as fields, and the status.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) fields: Vec<String>,
    pub(crate) status: String,
}

impl DoveadmLine {
    /// Connects, says nothing yet.
    pub(crate) fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    /// Logs in as a client of this minor version.
    pub(crate) fn log_in(to: SocketAddr, minor: u32) -> Self {
        let mut client = Self::open(to);
        client.say(format!("VERSION\tdoveadm-server\t1\t{minor}\n{LOGIN}").as_bytes());
        if minor > 0 {
            assert!(client.line().starts_with("VERSION\tdoveadm-client\t1\t"));
        }
        assert_eq!((client.line(), client.line()), ("-".to_owned(), "+".to_owned()));
        client
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The same where the other side may have gone.
    pub(crate) fn try_say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn line(&mut self) -> String {
        let mut looked_at = 0;
        loop {
            let rest = &self.ahead[looked_at..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=looked_at + end).collect();
                return String::from_utf8_lossy(&line[..line.len() - 1]).into_owned();
            }
            looked_at = self.ahead.len();
            assert!(self.read() > 0, "closed behind {:?}", self.ahead);
        }
    }

    /// Everything until the other side closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read() > 0 {}
        std::mem::take(&mut self.ahead)
    }

    fn read(&mut self) -> usize {
        let mut bytes = [0; 16_384];
        // A reset is an end, too: it did not read all that was sent.
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        self.ahead.extend_from_slice(&bytes[..count]);
        count
    }

    /// Has a command of minor 0 carried out.
    pub(crate) fn command(&mut self, line: &str) -> Reply {
        self.say(format!("{line}\n").as_bytes());
        let rows = self.line();
        let fields = rows.split('\t').map(str::to_owned).collect::<Vec<_>>();
        let (last, fields) = fields.split_last().unwrap();
        assert!(last.is_empty(), "a row ends with a TAB: {rows}");
        Reply { fields: fields.to_vec(), status: self.line() }
    }
}

/// Rows of so many fields.
pub(crate) fn rows(fields: &[String], width: usize) -> Vec<Vec<String>> {
    assert_eq!(fields.len() % width, 0, "{fields:?}");
    fields.chunks(width).map(<[String]>::to_vec).collect()
}
