//! A small IMAP client on a plain socket, for what the real clients cannot do: odd splits, half-closes, not reading.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, connect, ipproto, socket};

use super::wait::PATIENCE;

/// One connection, and what was said on it.
#[derive(Debug)]
pub(crate) struct Imap {
    stream: TcpStream,
    /// Received, not looked at yet.
    ahead: Vec<u8>,
    transcript: String,
}

impl Imap {
    /// Connects and reads the greeting.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut client = Self::open(TcpStream::connect(address).unwrap());
        client.greeting();
        client
    }

    /// Connects from another loopback address, as a client elsewhere would; the greeting is not read yet.
    pub(crate) fn open_from(source: Ipv4Addr, address: SocketAddr) -> Self {
        let SocketAddr::V4(address) = address else { panic!("{address} is not IPv4") };
        let handle = socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::TCP)).unwrap();
        bind(&handle, &SocketAddrV4::new(source, 0)).unwrap();
        connect(&handle, &address).unwrap();
        Self::open(TcpStream::from(handle))
    }

    /// Takes over a connection; the greeting is not read yet.
    pub(crate) fn open(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new(), transcript: String::new() }
    }

    /// Connects if a server listens and greets.
    pub(crate) fn try_connect(address: SocketAddr) -> Option<Self> {
        let mut client = Self::open(TcpStream::connect(address).ok()?);
        client.try_line()?.starts_with(b"* OK").then_some(client)
    }

    pub(crate) fn greeting(&mut self) {
        let line = self.line();
        self.expect(line.starts_with(b"* OK"), "a greeting");
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// What failure messages call this conversation.
    pub(crate) fn call(&mut self, name: &str) {
        self.transcript.insert_str(0, &format!("({name})\n"));
    }

    // Sending.

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.note("C", bytes);
        if let Err(error) = self.stream.write_all(bytes) {
            self.fail(&format!("cannot send: {error}"));
        }
    }

    /// We have nothing more to say, but still listen.
    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    // Receiving.

    /// The next line, without its line end. Fails when the connection ends instead.
    pub(crate) fn line(&mut self) -> Vec<u8> {
        match self.try_line() {
            Some(line) => line,
            None => self.fail("the connection ended where a line was expected"),
        }
    }

    /// The next line, or nothing when the connection ends first.
    pub(crate) fn try_line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.ahead.drain(..=end).collect();
                self.note("S", &line);
                line.truncate(line.trim_ascii_end().len());
                return Some(line);
            }
            if self.fill() == 0 {
                return None;
            }
        }
    }

    /// Exactly so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            if self.fill() == 0 {
                self.fail(&format!(
                    "the connection ended {} bytes early",
                    count - self.ahead.len()
                ));
            }
        }
        let rest = self.ahead.split_off(count);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Whether the other side has neither ended nor broken the connection. What it has sent is thrown away.
    pub(crate) fn is_open(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let mut thrown_away = [0; 4096];
        let end = loop {
            match (&self.stream).read(&mut thrown_away) {
                Ok(1..) => {}
                end => break end,
            }
        };
        self.stream.set_nonblocking(false).unwrap();
        end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Everything until the other side ends the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.ahead)
    }

    /// Lines up to and with the one that begins with `tag`.
    pub(crate) fn reply(&mut self, tag: &str) -> Vec<Vec<u8>> {
        let start = format!("{tag} ");
        let mut lines = Vec::new();
        loop {
            lines.push(self.line());
            if lines.last().unwrap().starts_with(start.as_bytes()) {
                return lines;
            }
        }
    }

    fn fill(&mut self) -> usize {
        let mut piece = [0; 65_536];
        match self.stream.read(&mut piece) {
            Ok(count) => {
                self.ahead.extend_from_slice(&piece[..count]);
                count
            }
            // A reset ends a connection like a goodbye does; who cares about the difference looks at the bytes.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            // The test was stopped and let go on.
            Err(error) if error.kind() == ErrorKind::Interrupted => self.fill(),
            Err(error) => self.fail(&format!("cannot read: {error}")),
        }
    }

    // Whole commands.

    /// Sends one command and expects its tagged OK.
    pub(crate) fn command(&mut self, tag: &str, text: &str) -> Vec<Vec<u8>> {
        self.send(format!("{tag} {text}\r\n").as_bytes());
        let lines = self.reply(tag);
        let wanted = format!("{tag} OK");
        self.expect(lines.last().unwrap().starts_with(wanted.as_bytes()), &wanted);
        lines
    }

    /// Logs in with quoted strings.
    pub(crate) fn login(&mut self, user: &str, password: &[u8]) {
        let accepted = self.try_login(user, password);
        self.expect(accepted, "a successful login");
    }

    /// Logs in with quoted strings; says whether it worked.
    pub(crate) fn try_login(&mut self, user: &str, password: &[u8]) -> bool {
        self.send(&login_line("l1", user, password));
        self.reply("l1").last().unwrap().starts_with(b"l1 OK")
    }

    /// One message, whole.
    pub(crate) fn fetch(&mut self, tag: &str, sequence: usize) -> Vec<u8> {
        self.send(format!("{tag} FETCH {sequence} BODY.PEEK[]\r\n").as_bytes());
        let body = self.fetched();
        self.expect_tagged_ok(tag);
        body
    }

    /// The literal of the next untagged FETCH, and the end of its line.
    pub(crate) fn fetched(&mut self) -> Vec<u8> {
        loop {
            let line = self.line();
            let Some(size) = literal_size(&line) else {
                continue;
            };
            let body = self.bytes(size);
            let end = self.line();
            self.expect(end == b")", "the end of the FETCH");
            return body;
        }
    }

    pub(crate) fn expect_tagged_ok(&mut self, tag: &str) {
        let wanted = format!("{tag} OK");
        let lines = self.reply(tag);
        self.expect(lines.last().unwrap().starts_with(wanted.as_bytes()), &wanted);
    }

    // Failing.

    pub(crate) fn expect(&self, condition: bool, what: &str) {
        if !condition {
            self.fail(&format!("expected {what}"));
        }
    }

    pub(crate) fn fail(&self, what: &str) -> ! {
        panic!("{what}; the conversation:\n{}", self.transcript);
    }

    fn note(&mut self, who: &str, bytes: &[u8]) {
        const SHOWN_BYTES_MAX: usize = 300;
        const TRANSCRIPT_BYTES_MAX: usize = 64 << 10;
        if self.transcript.len() > TRANSCRIPT_BYTES_MAX {
            return;
        }
        let shown = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
        let hidden = bytes.len() - shown.len();
        write!(self.transcript, "{who}: {}", shown.escape_ascii()).unwrap();
        let more = if hidden > 0 { format!(" … {hidden} bytes more") } else { String::new() };
        writeln!(self.transcript, "{more}").unwrap();
    }
}

/// A LOGIN command with quoted strings.
pub(crate) fn login_line(tag: &str, user: &str, password: &[u8]) -> Vec<u8> {
    let mut line = format!("{tag} LOGIN ").into_bytes();
    line.extend(quoted(user.as_bytes()));
    line.push(b' ');
    line.extend(quoted(password));
    line.extend(b"\r\n");
    line
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    quoted
}

/// The number in the braces at the end of a line.
fn literal_size(line: &[u8]) -> Option<usize> {
    let text = str::from_utf8(line).ok()?.strip_suffix('}')?;
    text.rsplit_once('{')?.1.parse().ok()
}
