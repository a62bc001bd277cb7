//! A client of the plain protocol, from its version to its end.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::desk::Desk;
use super::listen::Place;
use super::orders::Order;
use super::own;
use super::remote::{self, Remote};
use super::stream::Stream;
use crate::control::admin::Asker;
use crate::control::cluster::{CommandError, Output};
use crate::doveadm::command::Command;
use crate::doveadm::frame::Level;
use crate::doveadm::server::{Fault, Next, Server, Tls};
use crate::doveadm::status::{Status, append_value};
use crate::limits;
use crate::secret::Secret;
use crate::tls::ServerConfigOfControl;

/// Serves a client to its end. `until`: it has to be logged in by then.
pub(super) async fn serve(
    stream: Stream,
    peer: SocketAddr,
    config: Option<ServerConfigOfControl>,
    place: Place,
    until: Instant,
    desk: &Desk,
) {
    let tls = match (&stream, &config) {
        (Stream::Sealed(_), _) => Tls::Begun,
        (Stream::Clear(_), Some(_)) => Tls::Offered,
        (Stream::Clear(_), None) => Tls::NoCertificate,
    };
    let server = Server::new(tls);
    let client = Client { stream, peer, server, out: Vec::new(), place, until, desk };
    // A client that is gone troubles no other.
    let _ = client.talk(config).await;
}

/// The client is gone, or nothing more is said to it.
#[derive(Debug)]
struct Gone;

impl From<std::io::Error> for Gone {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// Commands behind which their input comes, in lines that end with a dot: it goes to the backend as it is.
const TAKE_INPUT: [&str; 2] = ["save", "sieve put"];

struct Client<'a> {
    stream: Stream,
    peer: SocketAddr,
    server: Server,
    /// What it is to read.
    out: Vec<u8>,
    place: Place,
    /// It has to be logged in by then.
    until: Instant,
    desk: &'a Desk,
}

impl Client<'_> {
    async fn talk(mut self, config: Option<ServerConfigOfControl>) -> Result<(), Gone> {
        loop {
            let next = self.server.next(&mut self.out);
            self.flush().await?;
            match next {
                Next::Bytes => self.read().await?,
                Next::StartTls => {
                    let config = config.clone().ok_or(Gone)?;
                    let early = self.server.take_input();
                    let secured = self.stream.secured(config, early);
                    self.stream = timeout_at(self.until, secured).await.map_err(|_| Gone)??;
                }
                Next::Password(given) => self.log_in(&given).await?,
                Next::Run(command) => self.run(command).await?,
                Next::Close(fault) => return self.close(fault).await,
            }
        }
    }

    async fn read(&mut self) -> Result<(), Gone> {
        let until = match self.server.is_logged_in() {
            true => Instant::now() + limits::DOVEADM_IDLE_TIMEOUT,
            false => self.until,
        };
        let mut bytes = [0; 4096];
        let count = timeout_at(until, self.stream.read(&mut bytes)).await.map_err(|_| Gone)??;
        if count == 0 {
            return Err(Gone);
        }
        self.server.receive(bytes.get(..count).unwrap_or_default());
        Ok(())
    }

    /// A wrong password is refused at a time that says nothing of it (W-DOV-5).
    async fn log_in(&mut self, given: &Secret) -> Result<(), Gone> {
        let refused_at = Instant::now() + self.desk.settings.failure_delay;
        let own = self.desk.settings.password.as_ref();
        let is_right = own.is_some_and(|own| own.is_same_as(given));
        if !is_right {
            sleep_until(refused_at).await;
        }
        let has_place = is_right && self.place.take_as_client();
        if is_right && !has_place {
            let most = limits::DOVEADM_CLIENTS_MAX;
            let text = format!("doveadm: {}: refused: {most} clients are logged in", self.peer);
            self.desk.note(text);
        }
        match self.server.authenticated(has_place, &mut self.out) {
            None => self.flush().await,
            Some(fault) if !is_right => self.close(fault).await,
            Some(_) => {
                self.flush().await?;
                Err(Gone)
            }
        }
    }

    async fn close(&mut self, fault: Fault) -> Result<(), Gone> {
        self.desk.note(format!("doveadm: {}: closed: {fault}", self.peer));
        self.flush().await?;
        self.stream.shutdown().await?;
        Err(Gone)
    }

    async fn run(&mut self, command: Command) -> Result<(), Gone> {
        let by = Asker::Doveadm(self.peer);
        let ended = match Order::of(command) {
            Ok(Order::Own(order)) => {
                // What it does to the process comes behind the answer.
                let done = own::carry_out(self.desk, &order, by).await;
                let is_done = done.is_ok();
                self.answer(done).await?;
                if is_done {
                    own::finish(self.desk, &order, by);
                }
                return Ok(());
            }
            Ok(Order::OfUser(command)) => self.pass_on(command).await?,
            Ok(Order::Unknown) => {
                self.say(Level::Error, "Unknown command");
                Status::of_line(b"-").unwrap_or(Status::Done)
            }
            Err(error) => return self.answer(Err(error)).await,
        };
        self.server.end(&ended, &mut self.out);
        self.flush().await
    }

    async fn answer(&mut self, done: Result<Output, CommandError>) -> Result<(), Gone> {
        let exit_code = match done {
            Ok(Output { rows, notices, exit_code, .. }) => {
                for row in rows {
                    let mut bytes = Vec::new();
                    for value in row {
                        append_value(value.unwrap_or_default().as_bytes(), &mut bytes);
                    }
                    self.server.rows(&bytes, &mut self.out);
                    if self.out.len() >= limits::DOVEADM_ANSWER_BYTES {
                        self.flush().await?;
                    }
                }
                for notice in notices {
                    self.say(Level::Warning, &notice);
                }
                exit_code
            }
            Err(error) => {
                self.say(Level::Error, &error.to_string());
                error.exit_code()
            }
        };
        self.server.end(&Status::of_exit_code(exit_code), &mut self.out);
        self.flush().await
    }

    fn say(&mut self, level: Level, text: &str) {
        self.server.log(level, text, &mut self.out);
    }

    /// Has the command carried out by the user's backend; its rows come back as they are.
    async fn pass_on(&mut self, command: Command) -> Result<Status, Gone> {
        let takes_input = TAKE_INPUT.contains(&&*command.name);
        let mut remote = Remote::of(self.desk, command, self.peer);
        let ended = loop {
            let mut rows = Vec::new();
            let is_fed = takes_input && remote.is_asked();
            if is_fed {
                let early = self.server.take_input();
                // A host that is gone says so by its answer, or by having none.
                remote.feed(&early).await;
            }
            let mut input = vec![0; if is_fed { limits::DOVEADM_ANSWER_BYTES } else { 0 }];
            // Both of these can be broken off: what was read has been taken in, or was not read.
            let progress = tokio::select! {
                progress = remote.next(&mut rows) => progress,
                read = self.stream.read(&mut input), if is_fed => {
                    let count = read?;
                    if count == 0 {
                        return Err(Gone);
                    }
                    remote.feed(input.get(..count).unwrap_or_default()).await;
                    continue;
                }
            };
            if !rows.is_empty() {
                self.server.rows(&rows, &mut self.out);
                self.flush().await?;
            }
            match progress {
                Ok(None) => {}
                Ok(Some(ended)) => break Ok(ended),
                Err(trouble) => break Err(trouble),
            }
        };
        match ended {
            Ok(remote::Ended { status, remark }) => {
                if !remark.is_empty() {
                    self.say(Level::Error, &remark);
                }
                Ok(status)
            }
            Err(error) => {
                self.desk.note(format!("doveadm: {}: {error}", self.peer));
                self.say(Level::Error, &error.to_string());
                Ok(Status::of_exit_code(error.exit_code()))
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = async {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await
        };
        timeout(limits::DOVEADM_WRITE_TIMEOUT, written).await.map_err(|_| Gone)??;
        self.out.clear();
        Ok(())
    }
}
