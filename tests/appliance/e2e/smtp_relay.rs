//! A mail server that keeps what it is given: where Dovecot's Submission sends to, or a backend for LMTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crossbeam_queue::SegQueue;

use super::ports::FRONT;
use super::wait::{PATIENCE, wait_for};

/// A listener that takes mail for as long as the test binary runs.
#[derive(Debug)]
pub(crate) struct SmtpRelay {
    address: SocketAddr,
    mails: Arc<SegQueue<Mail>>,
}

/// One accepted message.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The arguments of MAIL and RCPT as they came, in order.
    pub(crate) envelope: Vec<String>,
    /// The message, without dot-stuffing.
    pub(crate) text: Vec<u8>,
}

impl SmtpRelay {
    pub(crate) fn start() -> Self {
        Self::at((FRONT, 0).into(), &[])
    }

    /// On this address, with more keywords.
    pub(crate) fn at(address: SocketAddr, more: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let mails = Arc::<SegQueue<Mail>>::default();
        let kept = Arc::clone(&mails);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mails = Arc::clone(&kept);
                // A sender that goes away is not this thread's business.
                thread::spawn(move || serve(stream, &mails, more));
            }
        });
        Self { address, mails }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next message that a client sent.
    pub(crate) fn next_mail(&self) -> Mail {
        wait_for("mail at the relay", PATIENCE, || self.mails.pop())
    }
}

fn serve(stream: TcpStream, mails: &SegQueue<Mail>, more: &[&str]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    let say = |text: &str| (&stream).write_all(text.as_bytes()).ok();
    let (mut envelope, mut is_lmtp) = (Vec::<String>::new(), false);
    say("220 relay.test ESMTP\r\n")?;
    loop {
        let line = String::from_utf8(next_line(&mut lines)?).ok()?;
        let line = line.trim_end();
        match line.split([' ', ':']).next()?.to_ascii_uppercase().as_str() {
            hello @ ("EHLO" | "LHLO") => {
                is_lmtp = hello == "LHLO";
                for keyword in ["relay.test", "8BITMIME", "PIPELINING"].iter().chain(more) {
                    say(&format!("250-{keyword}\r\n"))?;
                }
                say("250 ENHANCEDSTATUSCODES\r\n")?;
            }
            verb @ ("MAIL" | "RCPT") => {
                let reply = if verb == "MAIL" { "250 2.1.0 OK\r\n" } else { "250 2.1.5 OK\r\n" };
                envelope.push(line.to_owned());
                say(reply)?;
            }
            "DATA" => {
                say("354 Go on\r\n")?;
                let text = data(&mut lines)?;
                // LMTP: one for each recipient.
                let replies = if is_lmtp { envelope.len() - 1 } else { 1 };
                mails.push(Mail { envelope: std::mem::take(&mut envelope), text });
                say(&"250 2.0.0 Kept\r\n".repeat(replies))?;
            }
            "QUIT" => {
                say("221 2.0.0 Bye\r\n")?;
                return Some(());
            }
            _ => say("250 2.0.0 OK\r\n")?,
        }
    }
}

fn data(lines: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let line = next_line(lines)?;
        if line == b".\r\n" {
            return Some(text);
        }
        text.extend(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn next_line(lines: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line).ok().filter(|&count| count > 0)?;
    Some(line)
}
