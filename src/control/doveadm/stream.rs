//! A connection of doveadm's, in clear or not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::tls::{DriverConfig, ServerConfigOfControl, driver_name};

/// A connection.
#[derive(Debug)]
pub(super) enum Stream {
    Clear(TcpStream),
    Sealed(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Our side of a handshake with a client.
    ///
    /// # Errors
    /// The handshake failed, or TLS runs already.
    pub(super) async fn secured(self, config: ServerConfigOfControl) -> io::Result<Self> {
        let stream = TlsAcceptor::from(config).accept(self.in_clear()?).await?;
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

    fn in_clear(self) -> io::Result<TcpStream> {
        match self {
            Self::Clear(stream) => Ok(stream),
            Self::Sealed(_) => Err(io::Error::other("TLS runs already")),
        }
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
