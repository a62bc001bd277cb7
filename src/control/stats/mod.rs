//! Metrics and the status page by HTTP: `service stats`.
//!
//! Duty: listeners, TLS, how many clients there may be (here); paths and methods (`answer`); who may see the page and give orders
//! (`guard`), and what it shows (`pages`), looked up in the control core's memory; orders (`orders`). Not its duty: what metrics tell
//! (`admin::metrics`), how they and pages are written (the pure rooms `metrics` and `page`), opening ports (`boot`). Everything runs on
//! the control core. Driven by its tasks. Tests: `tests/appliance/e2e/metrics.rs`, with curl and Prometheus' own tool;
//! `tests/appliance/e2e/status_page.rs`, in a real browser, too.
#![forbid(unsafe_code)]

mod answer;
mod desk;
mod guard;
mod orders;
mod pages;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::admin::Admin;
use super::current::Current;
use crate::limits;
use crate::network::canonical;
use crate::tls::DoveadmSpeech;
use desk::Desk;
pub use guard::PageSettings;

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

/// Listeners, and who may see the page there.
#[derive(Debug)]
pub(super) struct StatsDoors {
    /// As they open.
    pub(super) doors: mpsc::UnboundedReceiver<StatsDoor>,
    /// The same for all.
    pub(super) page: Current<PageSettings>,
}

/// Serves clients until the task is ended.
pub(in crate::control) async fn serve(stats: StatsDoors, admin: Rc<Admin>) {
    let StatsDoors { mut doors, page } = stats;
    let crowd = Rc::new(Crowd::default());
    // Its end ends all of them.
    let mut open = JoinSet::new();
    let desk = Rc::new(Desk::new(admin, page));
    let mut is_kept = false;
    loop {
        tokio::select! {
            Some(door) = doors.recv() => {
                if !std::mem::replace(&mut is_kept, true) {
                    open.spawn_local(desk::keep_history(Rc::clone(&desk)));
                }
                open.spawn_local(accept(door, Rc::clone(&desk), Rc::clone(&crowd)));
            }
            Some(_) = open.join_next() => {}
            // Neither comes any more: without a door there is nothing to do.
            else => std::future::pending::<()>().await,
        }
    }
}

async fn accept(door: StatsDoor, desk: Rc<Desk>, crowd: Rc<Crowd>) {
    let StatsDoor { listener, name, tls, mut closing } = door;
    let Ok(listener) = TcpListener::from_std(listener) else {
        let text = format!("stats: inet_listener {name} can't be watched; nothing is served there");
        return desk.admin.note(text);
    };
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let peer = canonical(peer);
                    let client = clients.spawn_local(client(stream, peer, tls, Rc::clone(&desk)));
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
async fn client(stream: TcpStream, peer: SocketAddr, tls: bool, desk: Rc<Desk>) {
    let _ = stream.set_nodelay(true);
    if !tls {
        return talk(stream, peer, &desk).await;
    }
    let config = desk.admin.stats_certificate(DoveadmSpeech::Http);
    let Some(config) = config else {
        return desk
            .admin
            .note("stats: closed: there is no certificate to show (ssl_server_cert_file)".into());
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    if let Ok(Ok(stream)) = timeout(limits::STATS_HANDSHAKE_TIMEOUT, handshake).await {
        talk(stream, peer, &desk).await;
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr, desk: &Desk) {
    let service = service_fn(|request| async move {
        Ok::<_, Infallible>(answer::respond(request, peer, desk).await)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::STATS_IDLE_TIMEOUT)
        .max_buf_size(limits::STATS_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let _ = connection.await;
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
