//! The side that asks another host's doveadm: one command, its rows, its status (W-DOV-4).
//!
//! It announces minor 3: servers that are older answer as they are, newer ones in packets, and both can be told how many
//! proxies the command may still pass.

use super::command::Command;
use super::frame::{Level, Packets};
use super::lines::{Lines, TooLong};
use super::remarks::Remarks;
use super::status::Status;
use super::{
    CLIENT_NAME, EXTRA_FIELDS_FROM, FRAMED_FROM, SERVER_NAME, STARTTLS_FROM, login_line, minor_of,
};
use crate::limits;
use crate::secret::Secret;

/// One command under way at another host.
#[derive(Debug)]
pub struct Client {
    command: Command,
    password: Secret,
    stage: Stage,
    starttls: StartTls,
    lines: Lines,
    /// Of the server; 0 until it says more.
    minor: u32,
    packets: Packets,
    /// What stands on the status line so far.
    status: Vec<u8>,
    /// What the other side logs.
    remarks: Remarks,
}

/// Whether STARTTLS comes before the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// It does.
    Wanted,
    /// TLS runs already, or is not wanted.
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Whether it wants a password.
    Greeting,
    /// TLS begins.
    Securing,
    /// Whether the password is right.
    Login,
    Rows,
    Status,
    Over,
}

/// Where the command stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Bytes,
    /// A TLS handshake, then [`Client::secured`].
    StartTls,
    /// The reply has ended.
    Done(Status),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It wants another password.
    #[error("it refuses our doveadm_password; the password has to be the same on all hosts")]
    Password,
    /// It is no doveadm.
    #[error("it does not speak doveadm's protocol, version 1")]
    Protocol,
    /// It is too old for STARTTLS.
    #[error("it has no STARTTLS (doveadm_ssl = starttls)")]
    NoStartTls,
    /// Bytes in clear that would have been taken for bytes behind the handshake.
    #[error("it sent bytes in clear behind STARTTLS")]
    Injection,
}

impl From<TooLong> for Fault {
    fn from(_: TooLong) -> Self {
        Self::Protocol
    }
}

impl Client {
    /// A command for a host with this password. What is to be sent first is appended to `out`.
    #[must_use]
    pub fn new(command: Command, password: Secret, starttls: StartTls, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&[b"VERSION\t", CLIENT_NAME, b"\t1\t"].concat());
        out.extend_from_slice(EXTRA_FIELDS_FROM.to_string().as_bytes());
        out.push(b'\n');
        Self {
            command,
            password,
            stage: Stage::Greeting,
            starttls,
            lines: Lines::default(),
            minor: 0,
            packets: Packets::default(),
            status: Vec::new(),
            remarks: Remarks::default(),
        }
    }

    /// Takes what arrived. Rows are appended to `rows` as they are, what is to be sent to `out`.
    ///
    /// # Errors
    /// There will be no reply.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        rows: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Progress, Fault> {
        if matches!(self.stage, Stage::Rows | Stage::Status) {
            return self.reply(bytes, rows);
        }
        self.lines.add(bytes);
        self.log_in(rows, out)
    }

    /// The handshake that STARTTLS asked for is done.
    pub fn secured(&mut self, out: &mut Vec<u8>) {
        self.starttls = StartTls::No;
        self.say_password(out);
    }

    /// Whether the command was sent, so that it may have been carried out.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Rows | Stage::Status | Stage::Over)
    }

    /// What the other side has logged since this was asked.
    #[must_use]
    pub fn take_remarks(&mut self) -> Vec<(Level, String)> {
        self.remarks.take()
    }

    /// The last thing that went wrong there, in its words.
    #[must_use]
    pub fn trouble(&self) -> &str {
        self.remarks.trouble()
    }

    fn log_in(&mut self, rows: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<Progress, Fault> {
        while let Some(line) = self.lines.next(limits::DOVEADM_LOGIN_LINE_BYTES_MAX)? {
            if line.starts_with(b"VERSION\t") {
                self.minor = minor_of(&line, SERVER_NAME).ok_or(Fault::Protocol)?;
                continue;
            }
            match (self.stage, &*line) {
                (Stage::Greeting, b"-") if self.starttls == StartTls::Wanted => {
                    if self.minor < STARTTLS_FROM {
                        return Err(Fault::NoStartTls);
                    }
                    if !self.lines.is_empty() {
                        return Err(Fault::Injection);
                    }
                    out.extend_from_slice(b"STARTTLS\n");
                    self.stage = Stage::Securing;
                    return Ok(Progress::StartTls);
                }
                (Stage::Greeting, b"-") => self.say_password(out),
                (Stage::Greeting | Stage::Login, b"+") => {
                    let has_extra = self.minor >= EXTRA_FIELDS_FROM;
                    if has_extra {
                        out.extend_from_slice(b"\t\tOPTION\tlog-passthrough\n");
                    }
                    out.extend_from_slice(&self.command.to_line(has_extra));
                    self.stage = Stage::Rows;
                    let rest = self.lines.take_all();
                    return self.reply(&rest, rows);
                }
                (Stage::Login, b"-") => return Err(Fault::Password),
                (Stage::Securing, _) => return Err(Fault::Injection),
                _ => return Err(Fault::Protocol),
            }
        }
        Ok(Progress::Bytes)
    }

    fn say_password(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&login_line(self.password.expose()));
        self.stage = Stage::Login;
    }

    fn reply(&mut self, bytes: &[u8], rows: &mut Vec<u8>) -> Result<Progress, Fault> {
        if self.minor < FRAMED_FROM {
            return self.output(bytes, rows);
        }
        let mut rest = bytes;
        let mut progress = Progress::Bytes;
        let mut packets = std::mem::take(&mut self.packets);
        while let Some((channel, piece, behind)) = packets.next(rest) {
            rest = behind;
            if Packets::is_output(channel) {
                progress = self.output(piece, rows)?;
            } else {
                self.remarks.add(piece);
            }
            if matches!(progress, Progress::Done(_)) {
                break;
            }
        }
        self.packets = packets;
        Ok(progress)
    }

    /// Rows end with the first LF: in fields it is escaped.
    fn output(&mut self, bytes: &[u8], rows: &mut Vec<u8>) -> Result<Progress, Fault> {
        let mut bytes = bytes;
        if self.stage == Stage::Rows {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                rows.extend_from_slice(bytes);
                return Ok(Progress::Bytes);
            };
            let (own, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            rows.extend_from_slice(own);
            bytes = rest.get(1..).unwrap_or_default();
            self.stage = Stage::Status;
        }
        let end = memchr::memchr(b'\n', bytes);
        let own = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if self.status.len().saturating_add(own.len()) > limits::DOVEADM_LOGIN_LINE_BYTES_MAX {
            return Err(Fault::Protocol);
        }
        self.status.extend_from_slice(own);
        if end.is_none() {
            return Ok(Progress::Bytes);
        }
        self.stage = Stage::Over;
        Status::of_line(&self.status).map(Progress::Done).ok_or(Fault::Protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(starttls: StartTls) -> (Client, Vec<u8>) {
        let mut out = Vec::new();
        let command = Command::new("bob", "mailbox list", &["-u", "bob"]);
        let client = Client::new(command, Secret::from("secret"), starttls, &mut out);
        (client, out)
    }

    /// What comes of these bytes: progress, rows, what was sent.
    fn talk(parts: &[&[u8]]) -> (Result<Progress, Fault>, Vec<u8>, Vec<u8>) {
        let (mut client, mut out) = client(StartTls::No);
        let mut rows = Vec::new();
        let mut progress = Ok(Progress::Bytes);
        for part in parts {
            progress = client.receive(part, &mut rows, &mut out);
            if progress != Ok(Progress::Bytes) {
                break;
            }
        }
        (progress, rows, out)
    }

    #[test]
    fn w_dov_4_an_old_server_answers_in_plain_lines() {
        let all = b"-\n+\nINBOX\tSent\t\n+\n";
        for cut in 0..all.len() {
            let (progress, rows, out) = talk(&[&all[..cut], &all[cut..]]);
            assert_eq!(
                (progress, &*rows),
                (Ok(Progress::Done(Status::Done)), &b"INBOX\tSent\t"[..])
            );
            let sent = b"VERSION\tdoveadm-server\t1\t3\nPLAIN\tAGRvdmVhZG0Ac2VjcmV0\n\tbob\tmailbox list\t-u\tbob\n";
            assert_eq!(out, sent);
        }
    }

    #[test]
    fn w_dov_4_a_new_server_answers_in_packets_and_hears_of_hops() {
        let all = b"VERSION\tdoveadm-client\t1\t4\n-\n+\n\0\0\0\0\x06INBOX\tL\0\0\0\x08\x04Error: \0\0\0\0\x02\n-\0\0\0\0\x07NOUSER\n";
        for cut in 0..all.len() {
            let (progress, rows, out) = talk(&[&all[..cut], &all[cut..]]);
            let failed = Status::of_exit_code(67);
            assert_eq!((progress, &*rows), (Ok(Progress::Done(failed)), &b"INBOX\t"[..]), "{cut}");
            let line = b"\t\tOPTION\tlog-passthrough\nx\tproxy-ttl=5\tbob\tmailbox list\t-u\tbob\n";
            assert!(out.ends_with(line), "{out:?}");
        }
    }

    #[test]
    fn w_dov_4_referrals_are_told_and_remarks_kept() {
        let (mut client, mut out) = client(StartTls::No);
        let mut rows = Vec::new();
        let bytes = b"VERSION\tdoveadm-client\t1\t2\n+\nL\0\0\0\x08\x04moved.\n\0\0\0\0\x1c\n-REFERRAL bob@192.0.2.1:24\n\0";
        let progress = client.receive(bytes, &mut rows, &mut out);
        let whereto = "bob@192.0.2.1:24".into();
        assert_eq!(progress, Ok(Progress::Done(Status::Referral(whereto))));
        assert_eq!((client.trouble(), client.is_asked()), ("moved.", true));
        assert_eq!(client.take_remarks(), [(Level::Error, "moved.".to_owned())]);
    }

    #[test]
    fn w_dov_4_no_password_goes_out_in_clear_where_starttls_is_wanted() {
        let (mut client, mut out) = client(StartTls::Wanted);
        let mut rows = Vec::new();
        let hello = b"VERSION\tdoveadm-client\t1\t2\n-\n";
        assert_eq!(client.receive(hello, &mut rows, &mut out), Ok(Progress::StartTls));
        assert!(out.ends_with(b"STARTTLS\n") && !client.is_asked());
        client.secured(&mut out);
        assert!(out.ends_with(b"PLAIN\tAGRvdmVhZG0Ac2VjcmV0\n"));
        let (mut old, mut sent) = self::client(StartTls::Wanted);
        assert_eq!(old.receive(b"-\n", &mut rows, &mut sent), Err(Fault::NoStartTls));
        let (mut rash, mut sent) = self::client(StartTls::Wanted);
        let early = [&hello[..], b"+\n"].concat();
        assert_eq!(rash.receive(&early, &mut rows, &mut sent), Err(Fault::Injection));
        assert!(!sent.windows(5).any(|it| it == b"PLAIN"));
    }

    #[test]
    fn w_dov_4_what_is_no_reply_is_a_fault() {
        let long = [&b"+\n\n-"[..], &[b'x'; 4000]].concat();
        for (bytes, fault) in [
            (&b"-\n-\n"[..], Fault::Password),
            (b"* OK IMAP\n", Fault::Protocol),
            (b"VERSION\tdoveadm-client\t2\t0\n", Fault::Protocol),
            (b"+\n\nnonsense\n", Fault::Protocol),
            (&long, Fault::Protocol),
        ] {
            assert_eq!(talk(&[bytes]).0, Err(fault), "{bytes:?}");
        }
    }
}
