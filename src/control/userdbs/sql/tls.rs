//! TLS of PostgreSQL's driver, by Hale's own rules for certificates.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::control::userdbs::driver::Fault;
use crate::share::snapshot::Published;
use crate::tls::{
    Context as Trusted, DriverConfig, driver_config, driver_config_for_any, driver_name,
};

/// Certificates and authorities, as they are now.
#[derive(Clone, Debug)]
pub(super) struct Authorities(pub(super) Published<Trusted>);

impl Authorities {
    /// TLS with a server that has to prove its name.
    ///
    /// # Errors
    /// No authority is trusted.
    pub(super) fn verified(&self) -> Result<DriverConfig, Fault> {
        let text = "no authority is trusted; name one by ssl_client_ca_file";
        driver_config(&self.0.load().trust).ok_or_else(|| Fault::Connect(text.to_owned()))
    }

    /// TLS with a server that may show any certificate.
    pub(super) fn any(&self) -> Option<DriverConfig> {
        driver_config_for_any(&self.0.load().trust)
    }
}

/// Makes the connector of one server.
#[derive(Clone)]
pub(super) struct MakeTls(pub(super) DriverConfig);

/// TLS with one server.
pub(super) struct Connect {
    config: DriverConfig,
    host: String,
}

/// A connection in TLS.
pub(super) struct Sealed<S>(Box<TlsStream<S>>);

impl<S> MakeTlsConnect<S> for MakeTls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Sealed<S>;
    type TlsConnect = Connect;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, io::Error> {
        Ok(Connect { config: self.0.clone(), host: host.to_owned() })
    }
}

impl<S> TlsConnect<S> for Connect
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Sealed<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Sealed<S>, io::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let name = driver_name(&self.host).ok_or_else(|| {
                io::Error::other(format!("{} is no name for a certificate", self.host))
            })?;
            let stream = TlsConnector::from(self.config).connect(name, stream).await?;
            Ok(Sealed(Box::new(stream)))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Sealed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, space)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sealed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> tokio_postgres::tls::TlsStream for Sealed<S> {
    /// SCRAM without it: the server's certificate was verified.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}
