//! The side that answers: from the first byte to commands (W-DOV-1).
//!
//! The shell hands in what arrives ([`Server::receive`]), asks what is next ([`Server::next`]) until that is more bytes, and
//! sends what was appended to its output. While it carries out a command it reads nothing.

use super::command::{Command, Line, LineFault};
use super::frame::{Framing, Level};
use super::lines::{Lines, TooLong};
use super::status::Status;
use super::{
    CLIENT_NAME, EXTRA_FIELDS_FROM, FRAMED_FROM, SERVER_NAME, STARTTLS_FROM, STREAM_FROM, USER,
    minor_of,
};
use crate::limits;
use crate::secret::{Secret, wipe};
use crate::wire::base64;

/// One client.
#[derive(Debug)]
pub struct Server {
    stage: Stage,
    tls: Tls,
    lines: Lines,
}

/// Whether a client may say STARTTLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It may.
    Offered,
    /// There is no certificate to show.
    NoCertificate,
    /// It runs already.
    Begun,
}

#[derive(Debug)]
enum Stage {
    /// Its version is to come.
    Version,
    /// Its password is.
    Login {
        minor: u32,
    },
    /// It is with the shell.
    Judged {
        minor: u32,
    },
    /// Commands are.
    Commands {
        framing: Framing,
        logs: Logs,
        has_extra: bool,
    },
    Over,
}

/// Whether the client reads log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logs {
    Wanted,
    NotWanted,
}

/// What is next.
#[derive(Debug)]
pub enum Next {
    /// More bytes.
    Bytes,
    /// A TLS handshake, to which belongs what has arrived already ([`Server::take_input`]): a client waits for no answer
    /// before it begins. What arrives behind it is received as before.
    StartTls,
    /// Compare the password, and say so by [`Server::authenticated`].
    Password(Secret),
    /// Carry it out, and write its rows and its status.
    Run(Command),
    /// The connection ends, when everything is sent.
    Close(Fault),
}

/// Why a connection ends before its client wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its first line is no version line of 1.x.
    #[error("it does not speak doveadm's protocol, version 1")]
    Version,
    /// It tried to log in otherwise than by PLAIN, or with what is no PLAIN.
    #[error("it did not log in by PLAIN as the user doveadm")]
    Login,
    /// STARTTLS cannot be served.
    #[error(
        "it asked for STARTTLS, and there is no certificate (ssl_server_cert_file), or TLS runs already"
    )]
    NoTls,
    /// A line is too long.
    #[error("it sent a line that is too long")]
    TooLong,
    /// Its password is wrong.
    #[error("wrong doveadm_password")]
    Password,
    /// A command line is none.
    #[error(transparent)]
    Line(#[from] LineFault),
}

impl From<TooLong> for Fault {
    fn from(_: TooLong) -> Self {
        Self::TooLong
    }
}

impl Server {
    /// A client that has said nothing yet.
    #[must_use]
    pub fn new(tls: Tls) -> Self {
        Self { stage: Stage::Version, tls, lines: Lines::default() }
    }

    /// Takes what arrived.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.lines.add(bytes);
    }

    /// What is next; what the client is to read is appended to `out`.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Next {
        self.step(out).unwrap_or_else(|fault| self.close(fault, out))
    }

    /// The password was compared.
    pub fn authenticated(&mut self, is_right: bool, out: &mut Vec<u8>) -> Option<Fault> {
        let Stage::Judged { minor } = self.stage else { return None };
        if !is_right {
            out.extend_from_slice(b"-\n");
            self.stage = Stage::Over;
            return Some(Fault::Password);
        }
        out.extend_from_slice(b"+\n");
        // Between these two versions no client could ask for log lines, and each got them.
        let logs = match (FRAMED_FROM..EXTRA_FIELDS_FROM).contains(&minor) {
            true => Logs::Wanted,
            false => Logs::NotWanted,
        };
        let has_extra = minor >= EXTRA_FIELDS_FROM;
        self.stage = Stage::Commands { framing: Framing::of(minor), logs, has_extra };
        None
    }

    /// Writes a piece of the rows of the command under way.
    pub fn rows(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if let Stage::Commands { framing, .. } = &mut self.stage {
            framing.output(bytes, out);
        }
    }

    /// Writes a log line, if the client wants to read any.
    pub fn log(&mut self, level: Level, text: &str, out: &mut Vec<u8>) {
        if let Stage::Commands { framing, logs: Logs::Wanted, .. } = &mut self.stage {
            framing.log(level, text, out);
        }
    }

    /// Ends the reply of the command under way.
    pub fn end(&mut self, status: &Status, out: &mut Vec<u8>) {
        let end = [b"\n", &*status.to_line()].concat();
        self.rows(&end, out);
    }

    /// Whether the client has logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        matches!(self.stage, Stage::Commands { .. })
    }

    fn step(&mut self, out: &mut Vec<u8>) -> Result<Next, Fault> {
        loop {
            let bytes_max = match &self.stage {
                Stage::Version | Stage::Login { .. } => limits::DOVEADM_LOGIN_LINE_BYTES_MAX,
                Stage::Commands { .. } => limits::DOVEADM_LINE_BYTES_MAX,
                Stage::Judged { .. } | Stage::Over => return Ok(Next::Bytes),
            };
            let Some(mut line) = self.lines.next(bytes_max)? else { return Ok(Next::Bytes) };
            match &mut self.stage {
                Stage::Version => {
                    let minor = minor_of(&line, CLIENT_NAME).ok_or(Fault::Version)?;
                    if minor >= FRAMED_FROM {
                        let own = [b"VERSION\t", SERVER_NAME, b"\t1\t"].concat();
                        out.extend_from_slice(&own);
                        out.extend_from_slice(STREAM_FROM.to_string().as_bytes());
                        out.push(b'\n');
                    }
                    out.extend_from_slice(b"-\n");
                    self.stage = Stage::Login { minor };
                }
                Stage::Login { minor } if line == b"STARTTLS" => {
                    return match self.tls {
                        Tls::Offered if *minor < STARTTLS_FROM => Err(Fault::Login),
                        Tls::Offered => {
                            self.tls = Tls::Begun;
                            Ok(Next::StartTls)
                        }
                        Tls::NoCertificate | Tls::Begun => Err(Fault::NoTls),
                    };
                }
                Stage::Login { minor } => {
                    let minor = *minor;
                    let password = password_of(&line);
                    wipe(&mut line);
                    let password = password.ok_or(Fault::Login)?;
                    self.stage = Stage::Judged { minor };
                    return Ok(Next::Password(password));
                }
                Stage::Commands { logs, has_extra, .. } => match Line::read(&line, *has_extra)? {
                    Line::Command(command) => return Ok(Next::Run(command)),
                    Line::Options(names) => {
                        if names.iter().any(|name| name == b"log-passthrough") {
                            *logs = Logs::Wanted;
                        }
                    }
                    Line::NotText(code) => self.end(&Status::Failed(code), out),
                },
                Stage::Judged { .. } | Stage::Over => {}
            }
        }
    }

    fn close(&mut self, fault: Fault, out: &mut Vec<u8>) -> Next {
        self.stage = Stage::Over;
        if fault == Fault::Login {
            out.extend_from_slice(b"-\n");
        }
        Next::Close(fault)
    }

    /// Takes what arrived behind STARTTLS, which is no line, or behind the line of a command that has input
    /// ([`super::input`]). What does not belong to it is received again.
    pub fn take_input(&mut self) -> Vec<u8> {
        self.lines.take_all()
    }
}

/// What stands behind `PLAIN`.
fn password_of(line: &[u8]) -> Option<Secret> {
    let plain = base64::decode(line.strip_prefix(b"PLAIN\t")?)?;
    let rest = plain.expose().strip_prefix(b"\0")?.strip_prefix(USER)?;
    let password = rest.strip_prefix(b"\0")?;
    (!password.is_empty()).then(|| Secret::from(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client sees and what the shell is told, with every command answered by one row.
    fn dialogue(said: &[&[u8]], tls: Tls) -> (Vec<u8>, Vec<String>) {
        let mut server = Server::new(tls);
        let (mut out, mut told) = (Vec::new(), Vec::new());
        for bytes in said {
            server.receive(bytes);
            loop {
                match server.next(&mut out) {
                    Next::Bytes => break,
                    Next::StartTls => {
                        told.push("starttls".to_owned());
                        let early = server.take_input().len();
                        if early > 0 {
                            told.push(format!("{early} bytes for TLS"));
                        }
                    }
                    Next::Password(given) => {
                        let is_right = given == Secret::from("secret");
                        told.extend(
                            server.authenticated(is_right, &mut out).map(|it| it.to_string()),
                        );
                    }
                    Next::Run(command) => {
                        told.push(format!("{} {:?}", command.name, command.texts()));
                        server.log(Level::Error, "no", &mut out);
                        server.rows(b"bob\t", &mut out);
                        server.end(&Status::Done, &mut out);
                    }
                    Next::Close(fault) => {
                        told.push(fault.to_string());
                        return (out, told);
                    }
                }
            }
        }
        (out, told)
    }

    fn logged_in(minor: u32, rest: &[u8]) -> Vec<u8> {
        let version = format!("VERSION\tdoveadm-server\t1\t{minor}\n");
        [version.as_bytes(), b"PLAIN\tAGRvdmVhZG0Ac2VjcmV0\n", rest].concat()
    }

    #[test]
    fn w_dov_1_a_client_of_minor_0_gets_plain_lines() {
        let said = logged_in(0, b"\t\twho\n\t\twho\t-1\n");
        let (out, told) = dialogue(&[&said], Tls::NoCertificate);
        assert_eq!(out, b"-\n+\nbob\t\n+\nbob\t\n+\n");
        assert_eq!(told, ["who []", "who [\"-1\"]"]);
    }

    #[test]
    fn w_dov_2_a_client_of_minor_2_gets_packets_and_log_lines() {
        let (out, _) = dialogue(&[&logged_in(2, b"\t\twho\n")], Tls::Offered);
        let rest = b"-\n+\nL\0\0\0\x04\x04no\n\0\0\0\0\x04bob\t\0\0\0\0\x03\n+\n";
        assert_eq!(out, [b"VERSION\tdoveadm-client\t1\t4\n", &rest[..]].concat());
        let (out, _) = dialogue(&[&logged_in(3, b"\t\twho\n")], Tls::Offered);
        assert!(!out.contains(&b'L'), "unasked");
        let asked = logged_in(3, b"\t\tOPTION\tlog-passthrough\n\t\twho\n");
        assert!(dialogue(&[&asked], Tls::Offered).0.contains(&b'L'), "asked for");
    }

    #[test]
    fn w_dov_1_every_cut_leads_to_the_same_end() {
        let said = logged_in(4, b"x\tproxy-ttl=4\tbob\tfetch\ttext\n\tbob\tz\n");
        let whole = dialogue(&[&said], Tls::Offered);
        for cut in 0..said.len() {
            assert_eq!(dialogue(&[&said[..cut], &said[cut..]], Tls::Offered), whole, "{cut}");
        }
    }

    #[test]
    fn w_dov_1_what_is_no_dialogue_ends_it() {
        let long = vec![b'x'; 4000];
        let login = |line: &str| format!("VERSION\tdoveadm-server\t1\t3\n{line}\n").into_bytes();
        for (said, fault) in [
            (b"VERSION\tdoveadm-server\t2\t0\n".to_vec(), Fault::Version),
            (b"VERSION\tdoveadm-client\t1\t0\n".to_vec(), Fault::Version),
            (b"GET / HTTP/1.1\n".to_vec(), Fault::Version),
            (b"\n".to_vec(), Fault::Version),
            (long, Fault::TooLong),
            (login("PLAIN\t!"), Fault::Login),
            (login("PLAIN\tAGRvdmVhZG0A"), Fault::Login),
            (login("LOGIN\tx"), Fault::Login),
            // As the user root.
            (login("PLAIN\tAHJvb3QAc2VjcmV0"), Fault::Login),
            (login("PLAIN\tAGRvdmVhZG0Ac2VjcmVU"), Fault::Password),
            (logged_in(0, b"x\tproxy-ttl=1\tbob\twho\n"), Fault::Line(LineFault::Flag)),
            (logged_in(0, b"\n"), Fault::Line(LineFault::NoCommand)),
        ] {
            let (_, told) = dialogue(&[&said], Tls::Offered);
            assert_eq!(told, [fault.to_string()], "{said:?}");
        }
    }

    #[test]
    fn w_dov_1_a_login_that_is_none_is_refused_and_lines_may_end_with_crlf() {
        let version = "VERSION\tdoveadm-server\t1\t0\r\n";
        for login in ["PLAIN\tAGRvdmVhZG0Ac2VjcmV0\tx", "LOGIN", "PLAIN\tAGRvdmVhZG0Ac2VjcmV0A"] {
            let said = format!("{version}{login}\r\n");
            let (out, told) = dialogue(&[said.as_bytes()], Tls::Offered);
            assert_eq!((&*out, told), (&b"-\n-\n"[..], vec![Fault::Login.to_string()]), "{login}");
        }
        let said = format!("{version}PLAIN\tAGRvdmVhZG0Ac2VjcmV0\r\n\t\twho\tbob\r\n");
        assert_eq!(dialogue(&[said.as_bytes()], Tls::Offered).1, ["who [\"bob\"]"]);
    }

    #[test]
    fn w_dov_3_a_user_who_is_no_text_is_no_user_and_the_next_command_is_carried_out() {
        let said = logged_in(0, b"\tb\xFF\tfetch\n\t\tw\xFFo\n\t\twho\n");
        let (out, told) = dialogue(&[&said], Tls::Offered);
        assert_eq!(out, b"-\n+\n\n-NOUSER\n\n-\nbob\t\n+\n");
        assert_eq!(told, ["who []"]);
    }

    #[test]
    fn w_stls_1_nothing_in_clear_counts_behind_starttls() {
        let version = b"VERSION\tdoveadm-server\t1\t2\n";
        let start = [&version[..], b"STARTTLS\n"].concat();
        let rest = &logged_in(2, b"\t\twho\n")[version.len()..];
        let (_, told) = dialogue(&[&start, rest], Tls::Offered);
        assert_eq!(told, ["starttls", "who []"]);
        let (_, told) = dialogue(&[&[&start, rest].concat()], Tls::Offered);
        assert_eq!(told, ["starttls".to_owned(), format!("{} bytes for TLS", rest.len())]);
        assert_eq!(dialogue(&[&start], Tls::NoCertificate).1, [Fault::NoTls.to_string()]);
        let (_, told) = dialogue(&[&start, b"STARTTLS\n"], Tls::Offered);
        assert_eq!(told, ["starttls".to_owned(), Fault::NoTls.to_string()]);
    }
}
