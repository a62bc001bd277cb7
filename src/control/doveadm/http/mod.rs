//! doveadm by HTTP: `/doveadm/v1` (W-DOV-7).
//!
//! Duty: who may ask, how much and for how long; paths and methods (here), requests and answers as JSON (`exchange`), which
//! commands there are (`rows`) and how their parameters become arguments (`table`). Driven by `listen`. One request a connection, as
//! Dovecot has it, so that every deadline is the connection's. Tests: in the files, and `tests/appliance/e2e/doveadm_http.rs`
//! with curl.

mod exchange;
mod rows;
mod table;

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    AUTHORIZATION, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
    WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::desk::Desk;
use super::listen::Place;
use super::orders::Own;
use super::own;
use super::stream::Stream;
use crate::control::admin::{Asker, by_http};
use crate::limits;
use crate::secret::Secret;
use crate::wire::base64;

/// Serves a client to its end. `until`: its request has come by then.
pub(super) async fn serve(
    mut stream: Stream,
    peer: SocketAddr,
    place: Place,
    until: Instant,
    desk: &Desk,
) {
    let (place, done) = (RefCell::new(place), RefCell::default());
    let client = Client { peer, place: &place, done: &done, until, desk };
    let service =
        service_fn(|request| async move { Ok::<_, Infallible>(client.respond(request).await) });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(limits::DOVEADM_LOGIN_TIMEOUT)
        .max_buf_size(limits::DOVEADM_HTTP_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(&mut stream), service);
    // A client that is gone troubles no other.
    let _ = connection.await;
    for order in done.take() {
        own::finish(desk, &order, Asker::DoveadmHttp(peer));
    }
    linger(&mut stream).await;
}

/// Reads what the client still sends, and nothing of it: a connection that is closed with bytes in it is reset, and the
/// answer may be lost with it.
async fn linger(stream: &mut Stream) {
    let until = Instant::now() + limits::DOVEADM_HTTP_LINGER;
    let mut bytes = vec![0; limits::DOVEADM_ANSWER_BYTES];
    while let Ok(Ok(1..)) = timeout_at(until, stream.read(&mut bytes)).await {}
}

type Answer = Response<Full<Bytes>>;

#[derive(Clone, Copy)]
struct Client<'a> {
    peer: SocketAddr,
    place: &'a RefCell<Place>,
    /// What was carried out, in part behind the answer.
    done: &'a RefCell<Vec<Own>>,
    until: Instant,
    desk: &'a Desk,
}

/// What an `Authorization` header is worth.
enum Claim {
    /// There is none.
    None,
    Wrong,
    Good,
}

impl Client<'_> {
    async fn respond(self, request: Request<Incoming>) -> Answer {
        if let Some(refusal) = against_rules(&request) {
            return refusal;
        }
        let is_known = |method: &Method| [Method::GET, Method::POST].contains(method);
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        match (&method, &*path) {
            (&Method::OPTIONS, _) => return options(),
            (&Method::GET, "/") => {}
            (method, "/doveadm/v1") if is_known(method) => {}
            (_, path) if is_own(path) && is_known(&method) => {}
            _ => return not_found(),
        }
        let refused_at = Instant::now() + self.desk.settings.now().failure_delay;
        match self.claim(&request) {
            Claim::Good => {}
            Claim::None => return unauthorized(),
            // At a time that says nothing of it (W-DOV-5).
            Claim::Wrong => {
                sleep_until(refused_at).await;
                let text = "refused: wrong doveadm_api_key or doveadm_password";
                self.desk.note(format!("doveadm by HTTP: {}: {text}", self.peer));
                return unauthorized();
            }
        }
        if !self.place.borrow_mut().take_as_client() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "Too many clients");
        }
        match (method, &*path) {
            (Method::GET, "/hale/v1/openapi.json") => json(by_http::openapi().to_string()),
            (Method::GET, path) if is_own(path) => not_found(),
            (Method::POST, path) if is_own(path) => self.order(path, request.into_body()).await,
            (Method::GET, "/") => json(PATHS.to_owned()),
            (Method::GET, _) => json(table::list().to_string()),
            _ => self.post(request.into_body()).await,
        }
    }

    fn claim(self, request: &Request<Incoming>) -> Claim {
        let settings = self.desk.settings.now();
        let Some(header) = request.headers().get(AUTHORIZATION) else { return Claim::None };
        let is_good = scheme_of(header.as_bytes()).is_some_and(|(scheme, written)| {
            let is = |name: &[u8]| scheme.eq_ignore_ascii_case(name);
            if is(b"X-Dovecot-API") {
                is_same(settings.api_key.as_ref(), written, b"")
            } else {
                is(b"Basic") && is_same(settings.password.as_ref(), written, b"doveadm:")
            }
        });
        if is_good { Claim::Good } else { Claim::Wrong }
    }

    /// A command of Hale's own.
    async fn order(self, path: &str, body: Incoming) -> Answer {
        let Ok(body) = timeout_at(self.until, gathered(body)).await else {
            return text(StatusCode::REQUEST_TIMEOUT, "Request Timeout");
        };
        let own = path.strip_prefix(by_http::BASE).unwrap_or_default();
        let words = match body.map(|body| by_http::words(own, &body)) {
            Ok(Ok(words)) => words,
            Ok(Err(by_http::Fault::NoCommand)) => return not_found(),
            Ok(Err(by_http::Fault::Wrong(complaint))) => {
                return text(StatusCode::BAD_REQUEST, &complaint);
            }
            Err(refusal) => return refusal,
        };
        let by = Asker::DoveadmHttp(self.peer);
        let (exit, told) = by_http::carry_out(&self.desk.admin, words, by).await;
        let status = StatusCode::from_u16(by_http::status(exit)).unwrap_or(StatusCode::OK);
        answer(status, Some("application/json; charset=utf-8"), told.to_string())
    }

    async fn post(self, body: Incoming) -> Answer {
        let Ok(body) = timeout_at(self.until, gathered(body)).await else {
            return text(StatusCode::REQUEST_TIMEOUT, "Request Timeout");
        };
        let body = match body {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        match exchange::read(&body) {
            Ok(calls) => {
                let (answer, done) = exchange::answer(self.desk, calls, self.peer).await;
                self.done.replace(done);
                json(answer)
            }
            Err(complaint) => text(StatusCode::BAD_REQUEST, &complaint),
        }
    }
}

/// Whether a path is of Hale's own commands, and not of doveadm's.
fn is_own(path: &str) -> bool {
    path.strip_prefix(by_http::BASE).is_some_and(|rest| rest.starts_with('/'))
}

/// What HTTP itself forbids (RFC 9112 sections 3.2 and 6.1, RFC 9110 section 10.1.1), and a body that says how large it is.
fn against_rules(request: &Request<Incoming>) -> Option<Answer> {
    let headers = request.headers();
    let is_one_host = headers.get_all(HOST).iter().count() == 1;
    if request.version() == Version::HTTP_11 && !is_one_host {
        return Some(text(StatusCode::BAD_REQUEST, "Bad Request"));
    }
    let is_not = |name: HeaderName, word: &[u8]| {
        headers.get(name).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(word))
    };
    if is_not(TRANSFER_ENCODING, b"chunked") {
        return Some(text(StatusCode::NOT_IMPLEMENTED, "Not Implemented"));
    }
    if is_not(EXPECT, b"100-continue") {
        return Some(text(StatusCode::EXPECTATION_FAILED, "Expectation Failed"));
    }
    let bytes_max = u64::try_from(limits::DOVEADM_HTTP_BYTES_MAX).unwrap_or(u64::MAX);
    (request.body().size_hint().lower() > bytes_max).then(too_large)
}

/// A body as a whole.
async fn gathered(mut body: Incoming) -> Result<Vec<u8>, Answer> {
    let mut gathered = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(text(StatusCode::BAD_REQUEST, "Bad Request")) };
        let Ok(data) = frame.into_data() else { continue };
        if gathered.len() + data.len() > limits::DOVEADM_HTTP_BYTES_MAX {
            return Err(too_large());
        }
        gathered.extend_from_slice(&data);
    }
    Ok(gathered)
}

/// The scheme, and what stands behind it.
fn scheme_of(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = header.iter().position(|byte| *byte == b' ')?;
    Some((header.get(..at)?, header.get(at + 1..)?.trim_ascii()))
}

/// Whether base64 text holds our secret behind these bytes. Without one of ours nothing does.
fn is_same(own: Option<&Secret>, written: &[u8], before: &[u8]) -> bool {
    let given = base64::decode(written);
    let given = given.as_ref().and_then(|given| given.expose().strip_prefix(before));
    match (own, given) {
        (Some(own), Some(given)) => own.is_same_as(&Secret::from(given)),
        _ => false,
    }
}

fn answer(status: StatusCode, kind: Option<&'static str>, body: String) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

fn json(body: String) -> Answer {
    answer(StatusCode::OK, Some("application/json; charset=utf-8"), body)
}

/// As Dovecot writes it: its line ends.
fn text(status: StatusCode, body: &str) -> Answer {
    answer(status, Some("text/plain; charset=utf-8"), format!("{body}\r\n"))
}

fn too_large() -> Answer {
    text(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large")
}

fn not_found() -> Answer {
    let mut response = text(StatusCode::NOT_FOUND, "Path Not Found");
    response.extensions_mut().insert(ReasonPhrase::from_static(b"Path Not Found"));
    response
}

fn unauthorized() -> Answer {
    let mut response = answer(StatusCode::UNAUTHORIZED, None, String::new());
    for way in ["X-Dovecot-API", "Basic Realm=\"doveadm\""] {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(way));
    }
    response.extensions_mut().insert(ReasonPhrase::from_static(b"Authentication required"));
    response
}

/// For scripts in browsers, which ask first.
fn options() -> Answer {
    let mut response = answer(StatusCode::OK, None, String::new());
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            HeaderName::from_static("access-control-allow-request-headers"),
            "Content-Type, X-API-Key, Authorization",
        ),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, WWW-Authenticate"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

const PATHS: &str = r#"[{"method":"OPTIONS","path":"*"},{"method":"GET","path":"/"},{"method":"GET","path":"/doveadm/v1"},{"method":"POST","path":"/doveadm/v1"}]"#;
