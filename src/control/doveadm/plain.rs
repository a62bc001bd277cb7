//! A client of the plain protocol, from its version to its end.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::desk::Desk;
use super::listen::Place;
use super::orders::Order;
use super::own;
use super::remote::{Piece, Remote};
use super::stream::Stream;
use crate::control::admin::Asker;
use crate::control::cluster::{CommandError, Output};
use crate::doveadm::command::Command;
use crate::doveadm::frame::Level;
use crate::doveadm::input::{self, Input};
use crate::doveadm::server::{Fault, Next, Server, Tls};
use crate::doveadm::status::{Code, Status, append_value};
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
        let refused_at = Instant::now() + self.desk.settings.now().failure_delay;
        let settings = self.desk.settings.now();
        let own = settings.password.as_ref();
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
        let first = command.arguments.first().map(Vec::as_slice);
        let mut input = input::is_expected_by(&command.name, first).then(Input::default);
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
            Ok(Order::OfUser(command)) => self.pass_on(command, input.as_mut()).await?,
            Ok(Order::Unknown(name)) => {
                self.say(Level::Error, &format!("Unknown command: {name}"));
                Status::Failed(Code::Nothing)
            }
            Err(error) => {
                self.answer(Err(error)).await?;
                return self.pass_over(input).await;
            }
        };
        self.server.end(&ended, &mut self.out);
        self.flush().await?;
        self.pass_over(input).await
    }

    /// Reads an input to its end that no host takes, so that its lines are not taken for commands.
    async fn pass_over(&mut self, input: Option<Input>) -> Result<(), Gone> {
        let Some(mut input) = input else { return Ok(()) };
        let until = Instant::now() + limits::DOVEADM_IDLE_TIMEOUT;
        let mut bytes = self.server.take_input();
        loop {
            let (_, rest) = input.take(&bytes);
            self.server.receive(rest);
            if input.is_over() {
                return Ok(());
            }
            bytes.resize(limits::DOVEADM_ANSWER_BYTES, 0);
            let count =
                timeout_at(until, self.stream.read(&mut bytes)).await.map_err(|_| Gone)??;
            if count == 0 {
                return Err(Gone);
            }
            bytes.truncate(count);
        }
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

    /// Has the command carried out by the user's backend; its rows and log lines come back as they are.
    async fn pass_on(
        &mut self,
        command: Command,
        mut input: Option<&mut Input>,
    ) -> Result<Status, Gone> {
        let mut remote = Remote::of(self.desk, command, self.peer);
        if let Some(input) = &mut input {
            let early = self.server.take_input();
            let (own, rest) = input.take(&early);
            remote.feed(own);
            self.server.receive(rest);
        }
        loop {
            let mut piece = Piece::default();
            let has_more = input.as_ref().is_some_and(|input| !input.is_over());
            let is_fed = has_more && remote.takes_input();
            let mut bytes = vec![0; if is_fed { limits::DOVEADM_ANSWER_BYTES } else { 0 }];
            // Either of these can be broken off: what was read has been taken in, or was not read.
            let progress = tokio::select! {
                progress = remote.next(&mut piece) => progress,
                read = timeout(limits::DOVEADM_IDLE_TIMEOUT, self.stream.read(&mut bytes)), if is_fed => {
                    let count = read.map_err(|_| Gone)??;
                    if count == 0 {
                        return Err(Gone);
                    }
                    if let Some(input) = &mut input {
                        let (own, rest) = input.take(bytes.get(..count).unwrap_or_default());
                        remote.feed(own);
                        self.server.receive(rest);
                    }
                    continue;
                }
            };
            let Piece { rows, remarks } = piece;
            for (level, remark) in remarks {
                self.say(level, &remark);
            }
            if !rows.is_empty() {
                self.server.rows(&rows, &mut self.out);
            }
            self.flush().await?;
            match progress {
                Ok(None) => {}
                Ok(Some(ended)) => return Ok(ended.status),
                Err(error) => {
                    self.desk.note(format!("doveadm: {}: {error}", self.peer));
                    self.say(Level::Error, &error.to_string());
                    return Ok(Status::of_exit_code(error.exit_code()));
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = self.stream.send(&self.out);
        timeout(limits::DOVEADM_WRITE_TIMEOUT, written).await.map_err(|_| Gone)??;
        self.out.clear();
        Ok(())
    }
}
