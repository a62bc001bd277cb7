//! One connection to a service: made, asked, and gone when it is dropped.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio_rustls::TlsConnector;

use super::fault::HttpFault;
use crate::control::resolver::Resolver;
use crate::limits;
use crate::secret::Secret;
use crate::tls::{DriverConfig, driver_name};
use crate::webauth::{Method, Request, Response};
use crate::wire::url::Url;

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// Connects to the first address of the place that answers.
    pub(super) async fn open(
        place: &Url,
        resolver: &Resolver,
        tls: Option<&DriverConfig>,
    ) -> Result<Self, HttpFault> {
        let stream = connect(place, resolver).await?;
        if !place.is_secure {
            return Self::begin(stream).await;
        }
        let config = tls.ok_or(HttpFault::NoAuthorities)?;
        let name = driver_name(&place.host).ok_or(HttpFault::NoAddress)?;
        let connector = TlsConnector::from(DriverConfig::clone(config));
        let secured = connector.connect(name, stream).await;
        Self::begin(secured.map_err(|error| HttpFault::of_handshake(&error))?).await
    }

    async fn begin<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        stream: S,
    ) -> Result<Self, HttpFault> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(limits::WEB_HEAD_BYTES_MAX)
            .max_headers(limits::WEB_HEAD_FIELDS_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| HttpFault::of_exchange(&error))?;
        let task = spawn_local(async move {
            // What is wrong with it is told to the question that is under way.
            let _ = connection.await;
        });
        Ok(Self { sender, task })
    }

    /// Whether the next question can go out on it, as far as can be known.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Asks, and reads the whole answer.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Response, HttpFault> {
        let question = question(request)?;
        let fault = |error: hyper::Error| HttpFault::of_exchange(&error);
        self.sender.ready().await.map_err(fault)?;
        let answer = self.sender.send_request(question).await.map_err(fault)?;
        let (head, body) = answer.into_parts();
        let fields = head.headers.iter();
        let fields =
            fields.map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect();
        let body = Limited::new(body, limits::WEB_ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => HttpFault::TooLarge,
            // Half an answer is none, and has been read: it is not asked again.
            Err(_) => HttpFault::NotHttp("it ended in the middle of its answer".into()),
        })?;
        Ok(Response { status: head.status.as_u16(), fields, body: body.to_bytes().to_vec() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(place: &Url, resolver: &Resolver) -> Result<TcpStream, HttpFault> {
    let addresses = match place.host.parse() {
        Ok(address) => vec![address],
        Err(_) => resolver.resolve(&place.host).await,
    };
    let mut fault = HttpFault::NoAddress;
    for address in addresses {
        match TcpStream::connect(SocketAddr::new(address, place.port)).await {
            Ok(stream) => {
                // A question goes out at once, in one segment; without this only its answer could be late.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => fault = HttpFault::NotConnected(error),
        }
    }
    Err(fault)
}

/// As the library wants it.
fn question(request: &Request) -> Result<hyper::Request<Full<Bytes>>, HttpFault> {
    let unsendable = || HttpFault::NotHttp("the question cannot be written as HTTP".into());
    let (method, content) = match request.method {
        Method::Get => (hyper::Method::GET, None),
        Method::Post(content) => (hyper::Method::POST, Some(content.media_type())),
    };
    let body = Full::new(Bytes::copy_from_slice(request.body.expose()));
    let mut question = hyper::Request::builder()
        .method(method)
        .uri(&*request.url.target)
        .body(body)
        .map_err(|_| unsendable())?;
    let fields = question.headers_mut();
    let host = HeaderValue::from_str(&request.url.host_field()).map_err(|_| unsendable())?;
    fields.insert(HOST, host);
    if let Some(media_type) = content {
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    for (name, value) in &request.fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
        fields.append(name, sensitive(value).ok_or_else(unsendable)?);
    }
    Ok(question)
}

/// A value that no library prints.
fn sensitive(value: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(value.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
