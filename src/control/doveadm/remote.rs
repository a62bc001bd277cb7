//! A command at another host's doveadm: found, asked, and asked elsewhere if that host refers us on (W-DOV-6).
//!
//! The caller takes rows when it has room for them, and nothing is read before that.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::desk::Desk;
use super::route::{self, Target};
use super::stream::Stream;
use crate::backend::referral::{Host, Referral};
use crate::config::model::ProxySsl;
use crate::control::cluster::{CommandError, refusal};
use crate::doveadm::client::{Client, Progress, StartTls};
use crate::doveadm::command::Command;
use crate::doveadm::frame::Level;
use crate::doveadm::status::Status;
use crate::event::cleaned;
use crate::limits;
use crate::route::redirect::follow_referral;
use crate::tls::{DriverConfig, driver_config, driver_config_for_any};

/// One command, wherever it goes.
#[derive(Debug)]
pub(super) struct Remote<'a> {
    desk: &'a Desk,
    command: Command,
    /// Where it was sent; nowhere twice.
    asked: Vec<SocketAddr>,
    /// Rows were handed out, so that it cannot begin again elsewhere.
    has_rows: bool,
    input: Feed,
    at: At,
}

/// Where the command is.
#[derive(Debug)]
enum At {
    /// The backend of the user it is about is to be found; who asked for it.
    Home(SocketAddr),
    /// It is to be asked of this one.
    On(Target),
    /// It is being carried out.
    There(Box<Connection>),
    /// It has ended.
    Over,
}

/// The command's input on its way.
#[derive(Debug, Default)]
struct Feed {
    /// Bytes that were not sent yet.
    waiting: Vec<u8>,
    /// Some were sent, so that it cannot begin again elsewhere.
    is_begun: bool,
    /// What was sent is behind TLS, too.
    is_flushed: bool,
    /// The other host takes no more of it.
    is_refused: bool,
}

#[derive(Debug)]
struct Connection {
    target: Target,
    stream: Stream,
    client: Client,
}

/// What has come of the reply.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) rows: Vec<u8>,
    /// What the other host logged meanwhile.
    pub(super) remarks: Vec<(Level, String)>,
}

/// The end of a command.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: Status,
    /// What went wrong in the other host's words, where something did.
    pub(super) trouble: String,
}

impl<'a> Remote<'a> {
    pub(super) fn of(desk: &'a Desk, command: Command, client: SocketAddr) -> Self {
        Self::to(desk, command, At::Home(client))
    }

    /// One that is about no user, for this host.
    pub(super) fn at(desk: &'a Desk, command: Command, target: Target) -> Self {
        Self::to(desk, command, At::On(target))
    }

    fn to(desk: &'a Desk, command: Command, at: At) -> Self {
        let (asked, input) = (Vec::new(), Feed::default());
        Self { desk, command, asked, has_rows: false, input, at }
    }

    /// Whether there is room for more of the command's input. Only then may [`Self::next`] be broken off.
    pub(super) fn takes_input(&self) -> bool {
        matches!(self.at, At::There(_)) && self.input.waiting.len() < limits::DOVEADM_ANSWER_BYTES
    }

    /// Hands over a part of the command's input.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if !self.input.is_refused {
            self.input.waiting.extend_from_slice(bytes);
            self.input.is_flushed = false;
        }
    }

    /// Goes on: adds what has come of the reply; at its end, how it ended.
    ///
    /// # Errors
    /// There is no reply; the command may have been carried out, if the error says so.
    pub(super) async fn next(&mut self, piece: &mut Piece) -> Result<Option<Ended>, CommandError> {
        let target = match &mut self.at {
            At::Home(client) => {
                let client = client.ip();
                route::find(self.desk, &self.command.user, client).await?
            }
            At::On(target) => target.clone(),
            At::There(connection) => {
                let progress = connection.advance(&mut self.input, piece).await?;
                self.has_rows |= !piece.rows.is_empty();
                let Progress::Done(status) = progress else { return Ok(None) };
                return self.end(status);
            }
            At::Over => return Err(CommandError::TempFail("the command has ended".to_owned())),
        };
        self.at = At::There(Box::new(self.connect(target).await?));
        Ok(None)
    }

    fn end(&mut self, status: Status) -> Result<Option<Ended>, CommandError> {
        let At::There(connection) = std::mem::replace(&mut self.at, At::Over) else {
            return Ok(None);
        };
        if let Status::Referral(whereto) = &status {
            self.at = At::On(self.referred(&connection.target, whereto)?);
            return Ok(None);
        }
        let trouble = connection.client.trouble().to_owned();
        Ok(Some(Ended { status, trouble }))
    }

    /// Whether and where a referral leads: only to hosts of the cluster, as for logins (W-REF-1).
    fn referred(&self, from: &Target, whereto: &str) -> Result<Target, CommandError> {
        let Target { host, endpoint, user, group } = from;
        let shown = cleaned(whereto.as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
        let refused = |why: &str| {
            CommandError::TempFail(format!(
                "{host} ({endpoint}) refers user {user} to {shown}: {why}"
            ))
        };
        if self.has_rows || self.input.is_begun {
            return Err(refused("after rows, or an input, that were passed on already"));
        }
        let referral = Referral::from_doveadm(whereto.as_bytes())
            .ok_or_else(|| refused("which is no host"))?;
        let named = match &referral.host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.to_string(),
        };
        let table = self.desk.exchange.table.load();
        let found = follow_referral(&table, &named, group.as_deref());
        let found = found.map_err(|fault| refusal(fault, &refused("").to_string()))?;
        Ok(Target {
            host: (*found.host).into(),
            endpoint: SocketAddr::new(
                found.address,
                referral.port.unwrap_or_else(|| endpoint.port()),
            ),
            user: referral.user.unwrap_or_else(|| user.clone()),
            group: found.group,
        })
    }

    async fn connect(&mut self, target: Target) -> Result<Connection, CommandError> {
        let until = Instant::now() + limits::DOVEADM_CONNECT_TIMEOUT;
        let Target { host, endpoint, user, .. } = &target;
        let failed = |why: &dyn std::fmt::Display| {
            let about = about(user);
            CommandError::TempFail(format!("{about}doveadm of {host} ({endpoint}): {why}"))
        };
        if self.asked.contains(endpoint) {
            return Err(failed(&"it was asked already: hosts refer to each other in a circle"));
        }
        if self.command.ttl <= 1 {
            return Err(failed(&"TTL reached zero - proxies appear to be looping?"));
        }
        self.asked.push(*endpoint);
        self.command.ttl -= 1;
        let settings = self.desk.settings.now();
        let Some(password) = settings.password.clone() else {
            let text = "doveadm_password is not set, so no other host's doveadm can be asked";
            return Err(CommandError::Config(text.to_owned()));
        };
        let late = || failed(&"it does not answer in time");
        let stream = timeout_at(until, TcpStream::connect(endpoint)).await;
        let stream = stream
            .map_err(|_| late())?
            .map_err(|error| failed(&format!("{error}; is it up, and is doveadm_port right?")))?;
        // Lines are small, and each is waited for.
        let _ = stream.set_nodelay(true);
        let mut stream = Stream::new(stream);
        if settings.proxy_ssl == ProxySsl::Yes {
            let secured = stream.secured_with(host, trust(self.desk)?);
            let secured = timeout_at(until, secured).await.map_err(|_| late())?;
            stream = secured.map_err(|error| failed(&error))?;
        }
        let starttls = match settings.proxy_ssl {
            ProxySsl::StartTls => StartTls::Wanted,
            ProxySsl::No | ProxySsl::Yes => StartTls::No,
        };
        let mut out = Vec::new();
        let command = Command { user: user.clone(), ..self.command.clone() };
        let mut client = Client::new(command, password, starttls, &mut out);
        while !client.is_asked() {
            let sent = timeout_at(until, stream.send(&out)).await.map_err(|_| late())?;
            sent.map_err(|error| failed(&error))?;
            out.clear();
            let mut bytes = [0; 4096];
            let read = timeout_at(until, stream.read(&mut bytes)).await.map_err(|_| late())?;
            let count = read.map_err(|error| failed(&error))?;
            if count == 0 {
                return Err(failed(&"it closed the connection before the login"));
            }
            let bytes = bytes.get(..count).unwrap_or_default();
            // No row comes before the command has been sent.
            let progress = client.receive(bytes, &mut Vec::new(), &mut out);
            if progress.map_err(|fault| failed(&fault))? == Progress::StartTls {
                let sent = timeout_at(until, stream.send(&out)).await.map_err(|_| late())?;
                sent.map_err(|error| failed(&error))?;
                out.clear();
                let secured = stream.secured_with(host, trust(self.desk)?);
                let secured = timeout_at(until, secured).await.map_err(|_| late())?;
                stream = secured.map_err(|error| failed(&error))?;
                client.secured(&mut out);
            }
        }
        let sent = timeout_at(until, stream.send(&out)).await.map_err(|_| late())?;
        sent.map_err(|error| failed(&error))?;
        Ok(Connection { target, stream, client })
    }
}

/// What became of a step.
enum Step {
    Read(io::Result<usize>),
    Written(io::Result<usize>),
    Flushed(io::Result<()>),
}

impl Connection {
    /// Reads or writes, whichever is possible first: neither side waits for the other one.
    async fn advance(
        &mut self,
        input: &mut Feed,
        piece: &mut Piece,
    ) -> Result<Progress, CommandError> {
        let Self { target: Target { host, endpoint, user, .. }, stream, client } = self;
        let failed = |why: &dyn std::fmt::Display| {
            let about = about(user);
            CommandError::TempFail(format!(
                "{about}doveadm of {host} ({endpoint}): {why}; whether the command was carried out is not known"
            ))
        };
        let mut bytes = vec![0; limits::DOVEADM_ANSWER_BYTES];
        let (mut reader, mut writer) = tokio::io::split(stream);
        let write = async {
            match &*input.waiting {
                [] => Step::Flushed(writer.flush().await),
                bytes => Step::Written(writer.write(bytes).await),
            }
        };
        let step = async {
            tokio::select! {
                read = reader.read(&mut bytes) => Step::Read(read),
                written = write, if !input.is_flushed => written,
            }
        };
        let step = timeout(limits::DOVEADM_REPLY_TIMEOUT, step).await;
        let count = match step.map_err(|_| failed(&"it says nothing"))? {
            Step::Read(read) => read.map_err(|error| failed(&error))?,
            Step::Written(Ok(count @ 1..)) => {
                input.waiting.drain(..count);
                input.is_begun = true;
                return Ok(Progress::Bytes);
            }
            Step::Flushed(Ok(())) => {
                input.is_flushed = true;
                return Ok(Progress::Bytes);
            }
            // A host that is gone says so by its answer, or by having none.
            Step::Written(_) | Step::Flushed(_) => {
                *input =
                    Feed { is_begun: true, is_flushed: true, is_refused: true, ..Feed::default() };
                return Ok(Progress::Bytes);
            }
        };
        if count == 0 {
            return Err(failed(&"it broke off its answer"));
        }
        let bytes = bytes.get(..count).unwrap_or_default();
        let progress = client.receive(bytes, &mut piece.rows, &mut Vec::new());
        piece.remarks.extend(client.take_remarks());
        progress.map_err(|fault| failed(&fault))
    }
}

/// Whom an error is about, if it is about a user.
fn about(user: &str) -> String {
    if user.is_empty() { String::new() } else { format!("user {user}: ") }
}

/// Whose certificates of other hosts are good.
fn trust(desk: &Desk) -> Result<DriverConfig, CommandError> {
    let trust = &desk.exchange.tls.load().trust;
    let config = match desk.settings.now().verify_backends {
        true => driver_config(trust),
        false => driver_config_for_any(trust),
    };
    config.ok_or_else(|| {
        let text = "no authority is trusted (ssl_client_ca_file), so no other host's doveadm can prove itself";
        CommandError::Config(text.to_owned())
    })
}
