//! Metrics by HTTP: `service stats`.
//!
//! Duty: listeners, TLS, how many clients there may be, paths and methods. Not its duty: what is told (`admin::metrics`), how it is
//! written (the pure room `metrics`), opening ports (`boot`). Everything runs on the control core. Driven by its tasks. Tests:
//! `tests/appliance/e2e/metrics.rs`, with curl and Prometheus' own tool.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::admin::Admin;
use crate::limits;
use crate::metrics::Form;
use crate::tls::DoveadmSpeech;

/// An open listener.
#[derive(Debug)]
pub(super) struct StatsDoor {
    /// It listens already, and does not block.
    pub(super) listener: StdListener,
    /// Its name in the configuration.
    pub(super) name: String,
    /// Connections begin with a TLS handshake.
    pub(super) tls: bool,
    /// It closes when the other end of this goes.
    pub(super) closing: oneshot::Receiver<()>,
}

/// Serves clients until the task is ended.
pub(in crate::control) async fn serve(
    mut doors: mpsc::UnboundedReceiver<StatsDoor>,
    admin: Rc<Admin>,
) {
    let crowd = Rc::new(Crowd::default());
    // Its end ends all of them.
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(door) = doors.recv() => {
                open.spawn_local(accept(door, Rc::clone(&admin), Rc::clone(&crowd)));
            }
            Some(_) = open.join_next() => {}
            // Neither comes any more: without a door there is nothing to do.
            else => std::future::pending::<()>().await,
        }
    }
}

async fn accept(door: StatsDoor, admin: Rc<Admin>, crowd: Rc<Crowd>) {
    let StatsDoor { listener, name, tls, mut closing } = door;
    let Ok(listener) = TcpListener::from_std(listener) else {
        let text = format!("stats: inet_listener {name} can't be watched; nothing is served there");
        return admin.note(text);
    };
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let client = clients.spawn_local(client(stream, tls, Rc::clone(&admin)));
                    crowd.let_in(client);
                }
                // Descriptors are missing: the data cores complain of that, and it passes.
                Err(_) => tokio::time::sleep(limits::ADMIN_STARVED_PAUSE).await,
            },
            Some(_) = clients.join_next() => {}
            _ = &mut closing => break,
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

/// A client that is gone, or never spoke HTTP, troubles no other.
async fn client(stream: TcpStream, tls: bool, admin: Rc<Admin>) {
    let _ = stream.set_nodelay(true);
    if !tls {
        return talk(stream, &admin).await;
    }
    let config = admin.stats_certificate(DoveadmSpeech::Http);
    let Some(config) = config else {
        return admin
            .note("stats: closed: there is no certificate to show (ssl_server_cert_file)".into());
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    if let Ok(Ok(stream)) = timeout(limits::STATS_HANDSHAKE_TIMEOUT, handshake).await {
        talk(stream, &admin).await;
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, admin: &Admin) {
    let service =
        service_fn(|request| async { Ok::<_, Infallible>(respond(request, admin).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::STATS_IDLE_TIMEOUT)
        .max_buf_size(limits::STATS_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let _ = connection.await;
}

type Answer = Response<Full<Bytes>>;

async fn respond(request: Request<Incoming>, admin: &Admin) -> Answer {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    match request.uri().path() {
        "/metrics" | "/" if !is_read => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
        "/metrics" => {
            let accept = request.headers().get_all(ACCEPT).iter();
            let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
            let form = Form::asked_for(&accept.join(","));
            match admin.metrics(form).await {
                Ok(metrics) => {
                    let mut answer = Response::new(metrics.into());
                    let kind = HeaderValue::from_static(form.content_type());
                    answer.headers_mut().insert(CONTENT_TYPE, kind);
                    answer
                        .headers_mut()
                        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                    answer
                }
                Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("{error}\n")),
            }
        }
        "/" => text(StatusCode::OK, "Hale. Metrics are at /metrics.\n"),
        _ => text(StatusCode::NOT_FOUND, "not found; metrics are at /metrics\n"),
    }
}

fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(text.to_owned().into());
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// Who is here; those who came first stand in front.
#[derive(Debug, Default)]
struct Crowd(RefCell<VecDeque<AbortHandle>>);

impl Crowd {
    fn let_in(&self, client: AbortHandle) {
        let mut present = self.0.borrow_mut();
        present.retain(|client| !client.is_finished());
        if present.len() >= limits::STATS_CLIENTS_MAX
            && let Some(oldest) = present.pop_front()
        {
            oldest.abort();
        }
        present.push_back(client);
    }
}
