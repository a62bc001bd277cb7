//! A connection of the control core's own to a backend: PROXY header, TLS, bytes.
//!
//! Decides: nothing; it sends and reads. Does not: speak a protocol, know the time. Its driver sets the deadline, and
//! dropping the line frees the descriptor at once, because its sockets are tokio's own and not the ring's. Driven by
//! `inspection` and `tasks::probes`. Tests: theirs.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::config::model::{ProtocolSettings, ProxyHeader};
use crate::limits;
use crate::proxy_header::encode::{self, Endpoints, Outgoing};
use crate::secret::Secret;
use crate::tls::{Backends, Engine, Fault};

/// A connection.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    /// In clear until TLS has begun.
    tls: Option<Engine>,
    /// Read, and not taken yet; plain.
    pub(super) received: Vec<u8>,
}

/// Why a connection is of no more use.
#[derive(Debug)]
pub(super) enum Broken {
    /// The kernel says so.
    Lost(std::io::Error),
    /// The backend closed it in the TLS handshake.
    ClosedInHandshake,
    /// TLS with the backend can't be.
    Insecure(Fault),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Lost(error)
    }
}

impl Line {
    /// Connects. `sources`: addresses to connect from, the first of the peer's family; without one the system's choice.
    pub(super) async fn open(peer: SocketAddr, sources: &[IpAddr]) -> std::io::Result<Self> {
        let source = sources.iter().find(|source| source.is_ipv4() == peer.is_ipv4());
        let stream = match source {
            None => TcpStream::connect(peer).await?,
            Some(source) => {
                let socket =
                    if peer.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.bind(SocketAddr::new(*source, 0))?;
                socket.connect(peer).await?
            }
        };
        Ok(Self { stream, tls: None, received: Vec::new() })
    }

    /// Where it comes from.
    pub(super) fn local(&self) -> std::io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// The PROXY header that backends of this protocol want: we come for ourselves (W-PRB-1).
    pub(super) async fn announce(
        &mut self,
        settings: &ProtocolSettings,
        peer: SocketAddr,
    ) -> std::io::Result<()> {
        let endpoints = Endpoints { source: self.local()?, destination: peer };
        let header = match settings.proxy_send_header {
            ProxyHeader::No => return Ok(()),
            ProxyHeader::V1 => encode::v1(Some(endpoints)),
            ProxyHeader::V2 => {
                encode::v2(&Outgoing { endpoints: Some(endpoints), ..Outgoing::default() }).bytes
            }
        };
        self.stream.write_all(&header).await
    }

    /// Begins TLS, to the end of the handshake. What was received in clear counts no more, and the caller has looked at it.
    pub(super) async fn secure(
        &mut self,
        backends: &Backends,
        name: &str,
        any_certificate: bool,
    ) -> Result<&mut Engine, Broken> {
        let mut hello = Vec::new();
        let mut engine = Engine::client(backends, name, any_certificate, &mut hello)
            .map_err(Broken::Insecure)?;
        self.stream.write_all(&hello).await?;
        while engine.is_handshaking() {
            if !open_some(&mut self.stream, &mut engine, &mut self.received).await? {
                return Err(Broken::ClosedInHandshake);
            }
        }
        Ok(self.tls.insert(engine))
    }

    /// Sends bytes, sealed where TLS has begun.
    pub(super) async fn send(&mut self, plain: &[u8]) -> Result<(), Broken> {
        match &mut self.tls {
            None => self.stream.write_all(plain).await?,
            Some(engine) => {
                let mut sealed = Vec::new();
                engine.seal(plain, &mut sealed).map_err(Broken::Insecure)?;
                self.stream.write_all(&sealed).await?;
            }
        }
        Ok(())
    }

    /// Reads what comes next into `received`. False: nothing more comes.
    pub(super) async fn read(&mut self) -> Result<bool, Broken> {
        let Some(engine) = &mut self.tls else {
            return Ok(self.stream.read_buf(&mut self.received).await? > 0);
        };
        let before = self.received.len();
        // Records may hold no bytes for us: tickets, new keys.
        while self.received.len() == before {
            if engine.has_ended() {
                return Ok(false);
            }
            if !open_some(&mut self.stream, engine, &mut self.received).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says goodbye to the backend's TLS. What becomes of it does not matter any more.
    pub(super) async fn close(&mut self) {
        if let Some(engine) = &mut self.tls {
            let mut goodbye = Vec::new();
            engine.close(&mut goodbye);
            let _ = self.stream.write_all(&goodbye).await;
        }
    }

    /// Sends what holds a password, and wipes it.
    pub(super) async fn send_secret(&mut self, plain: Secret) -> Result<(), Broken> {
        self.send(plain.expose()).await
    }
}

/// Reads once from a connection with TLS, and answers what TLS asks. False: nothing more comes.
async fn open_some(
    stream: &mut TcpStream,
    engine: &mut Engine,
    received: &mut Vec<u8>,
) -> Result<bool, Broken> {
    let mut bytes = vec![0; limits::TLS_HOT_READ_BYTES];
    let start = engine.lay_stash(&mut bytes);
    let read = stream.read(bytes.get_mut(start..).unwrap_or_default()).await?;
    if read == 0 {
        return Ok(false);
    }
    let mut reply = Vec::new();
    let bytes = bytes.get_mut(..start + read).unwrap_or_default();
    let outcome = engine.open(bytes, received, &mut reply);
    // What it said counts for more than that it is gone.
    let sent = stream.write_all(&reply).await;
    outcome.map_err(Broken::Insecure)?;
    sent?;
    Ok(true)
}
