//! A connection of doveadm's, in clear or not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::tls::{DriverConfig, ServerConfigOfControl, driver_name};

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Clear(Wire),
    Sealed(Box<TlsStream<Wire>>),
}

/// A socket, and bytes of the peer that were read before TLS began and belong to it.
#[derive(Debug)]
pub(super) struct Wire {
    early: Vec<u8>,
    stream: TcpStream,
}

impl Stream {
    /// A connection on which nothing was read.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self::Clear(Wire { early: Vec::new(), stream })
    }

    /// Our side of a handshake with a client, whose first bytes may have come with what stood before them.
    ///
    /// # Errors
    /// The handshake failed, or TLS runs already.
    pub(super) async fn secured(
        self,
        config: ServerConfigOfControl,
        early: Vec<u8>,
    ) -> io::Result<Self> {
        let wire = Wire { early, ..self.in_clear()? };
        let stream = TlsAcceptor::from(config).accept(wire).await?;
        Ok(Self::Sealed(Box::new(stream.into())))
    }

    /// Our side of a handshake with another host.
    ///
    /// # Errors
    /// The handshake failed, the certificate is not good, or TLS runs already.
    pub(super) async fn secured_with(self, host: &str, config: DriverConfig) -> io::Result<Self> {
        let name = driver_name(host)
            .ok_or_else(|| io::Error::other(format!("{host} is no name for a certificate")))?;
        let stream = TlsConnector::from(config).connect(name, self.in_clear()?).await?;
        Ok(Self::Sealed(Box::new(stream.into())))
    }

    /// Writes all of it; TLS keeps nothing of it back.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }

    fn in_clear(self) -> io::Result<Wire> {
        match self {
            Self::Clear(stream) => Ok(stream),
            Self::Sealed(_) => Err(io::Error::other("TLS runs already")),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { early, stream } = self.get_mut();
        if early.is_empty() {
            return Pin::new(stream).poll_read(cx, space);
        }
        let count = space.remaining().min(early.len());
        for byte in early.drain(..count) {
            space.put_slice(&[byte]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_read(cx, space),
            Self::Sealed(stream) => Pin::new(stream).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Sealed(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_flush(cx),
            Self::Sealed(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Sealed(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
