//! A command at another host's doveadm: found, asked, and asked elsewhere if that host refers us on (W-DOV-6).
//!
//! The caller takes rows when it has room for them, and nothing is read before that.

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
    whereto: Whereto,
    /// Where it was sent; nowhere twice.
    asked: Vec<SocketAddr>,
    /// Rows were handed out, so that it cannot begin again elsewhere.
    has_rows: bool,
    /// The same of its input.
    is_fed: bool,
    connection: Option<Connection>,
}

/// Where a command goes first.
#[derive(Debug)]
enum Whereto {
    /// To the backend of the user it is about; who asked for it.
    Home(SocketAddr),
    /// There.
    Known(Target),
}

#[derive(Debug)]
struct Connection {
    target: Target,
    stream: Stream,
    client: Client,
}

/// The end of a command.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: Status,
    /// What the other host logged about it, where it failed.
    pub(super) remark: String,
}

impl<'a> Remote<'a> {
    pub(super) fn of(desk: &'a Desk, command: Command, client: SocketAddr) -> Self {
        Self::to(desk, command, Whereto::Home(client))
    }

    /// One that is about no user, for this host.
    pub(super) fn at(desk: &'a Desk, command: Command, target: Target) -> Self {
        Self::to(desk, command, Whereto::Known(target))
    }

    fn to(desk: &'a Desk, command: Command, whereto: Whereto) -> Self {
        let (asked, connection) = (Vec::new(), None);
        Self { desk, command, whereto, asked, has_rows: false, is_fed: false, connection }
    }

    /// Whether a host has the command.
    pub(super) fn is_asked(&self) -> bool {
        self.connection.is_some()
    }

    /// Hands over a part of the command's input.
    pub(super) async fn feed(&mut self, bytes: &[u8]) {
        if let Some(connection) = &mut self.connection
            && !bytes.is_empty()
        {
            self.is_fed = true;
            // A host that is gone says so by its answer, or by having none.
            let _ =
                timeout(limits::DOVEADM_REPLY_TIMEOUT, connection.stream.write_all(bytes)).await;
        }
    }

    /// Appends the rows that have come since; at the end, how it ended.
    ///
    /// # Errors
    /// There is no reply; the command may have been carried out, if the error says so.
    pub(super) async fn next(&mut self, rows: &mut Vec<u8>) -> Result<Option<Ended>, CommandError> {
        let Some(connection) = &mut self.connection else {
            let target = match &self.whereto {
                Whereto::Home(client) => {
                    route::find(self.desk, &self.command.user, client.ip()).await?
                }
                Whereto::Known(target) => target.clone(),
            };
            self.connect(target).await?;
            return Ok(None);
        };
        let progress = connection.read(rows).await?;
        self.has_rows |= !rows.is_empty();
        let Progress::Done(status) = progress else { return Ok(None) };
        let Some(connection) = self.connection.take() else { return Ok(None) };
        let Status::Referral(whereto) = &status else {
            let remark = match status {
                Status::Done => String::new(),
                _ => cleaned(connection.client.remark(), limits::LOGGED_LINE_BYTES_MAX).into(),
            };
            return Ok(Some(Ended { status, remark }));
        };
        let target = self.referred(&connection.target, whereto)?;
        self.connect(target).await?;
        Ok(None)
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
        if self.has_rows || self.is_fed {
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

    async fn connect(&mut self, target: Target) -> Result<(), CommandError> {
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
        let settings = &self.desk.settings;
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
            let sent = timeout_at(until, stream.write_all(&out)).await.map_err(|_| late())?;
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
                let sent = timeout_at(until, stream.write_all(&out)).await.map_err(|_| late())?;
                sent.map_err(|error| failed(&error))?;
                out.clear();
                let secured = stream.secured_with(host, trust(self.desk)?);
                let secured = timeout_at(until, secured).await.map_err(|_| late())?;
                stream = secured.map_err(|error| failed(&error))?;
                client.secured(&mut out);
            }
        }
        let sent = timeout_at(until, stream.write_all(&out)).await.map_err(|_| late())?;
        sent.map_err(|error| failed(&error))?;
        self.connection = Some(Connection { target, stream, client });
        Ok(())
    }
}

impl Connection {
    async fn read(&mut self, rows: &mut Vec<u8>) -> Result<Progress, CommandError> {
        let Self { target: Target { host, endpoint, user, .. }, stream, client } = self;
        let failed = |why: &dyn std::fmt::Display| {
            let about = about(user);
            CommandError::TempFail(format!(
                "{about}doveadm of {host} ({endpoint}): {why}; whether the command was carried out is not known"
            ))
        };
        let mut bytes = vec![0; limits::DOVEADM_ANSWER_BYTES];
        let read = timeout(limits::DOVEADM_REPLY_TIMEOUT, stream.read(&mut bytes)).await;
        let read = read.map_err(|_| failed(&"it says nothing"))?;
        let count = read.map_err(|error| failed(&error))?;
        if count == 0 {
            return Err(failed(&"it broke off its answer"));
        }
        let bytes = bytes.get(..count).unwrap_or_default();
        client.receive(bytes, rows, &mut Vec::new()).map_err(|fault| failed(&fault))
    }
}

/// Whom an error is about, if it is about a user.
fn about(user: &str) -> String {
    if user.is_empty() { String::new() } else { format!("user {user}: ") }
}

/// Whose certificates of other hosts are good.
fn trust(desk: &Desk) -> Result<DriverConfig, CommandError> {
    let trust = &desk.exchange.tls.load().trust;
    let config = match desk.settings.verify_backends {
        true => driver_config(trust),
        false => driver_config_for_any(trust),
    };
    config.ok_or_else(|| {
        let text = "no authority is trusted (ssl_client_ca_file), so no other host's doveadm can prove itself";
        CommandError::Config(text.to_owned())
    })
}
