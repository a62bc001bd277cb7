//! Listeners of `service doveadm`, and how many clients there may be.
//!
//! A client that has not logged in is a guest. Guests are few, and the one that came first goes when another one comes, so
//! that no crowd of strangers keeps an operator out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::desk::Desk;
use super::stream::Stream;
use super::{http, plain};
use crate::event::cleaned;
use crate::limits;
use crate::tls::{DoveadmSpeech, ServerConfigOfControl};

/// An open listener.
#[derive(Debug)]
pub struct Door {
    /// It listens already, and does not block.
    pub listener: StdListener,
    /// Its name in the configuration.
    pub name: String,
    /// Connections begin with a TLS handshake.
    pub tls: bool,
    /// What is spoken there.
    pub speech: Speech,
    /// It closes when the other end of this goes.
    pub closing: oneshot::Receiver<()>,
}

/// What is spoken at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// doveadm's own lines.
    Plain,
    /// HTTP.
    Http,
}

/// Serves clients until the task is ended.
pub(in crate::control) async fn serve(mut doors: mpsc::UnboundedReceiver<Door>, desk: Rc<Desk>) {
    let crowd = Rc::new(Crowd::default());
    // Its end ends all of them.
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(door) = doors.recv() => {
                let (desk, crowd) = (Rc::clone(&desk), Rc::clone(&crowd));
                open.spawn_local(accept(door, desk, crowd));
            }
            Some(_) = open.join_next() => {}
            // Neither comes any more: without a door there is nothing to do.
            else => std::future::pending::<()>().await,
        }
    }
}

async fn accept(door: Door, desk: Rc<Desk>, crowd: Rc<Crowd>) {
    let Door { listener, name, tls, speech, mut closing } = door;
    let Ok(listener) = TcpListener::from_std(listener) else {
        let text =
            format!("doveadm: inet_listener {name} can't be watched; nothing is served there");
        return desk.note(text);
    };
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let desk = Rc::clone(&desk);
                    let (number, place) = crowd.let_in();
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    let guest = Guest { stream, peer, tls, speech, place };
                    crowd.know(number, clients.spawn_local(guest.serve(desk)));
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

/// A client that was accepted.
struct Guest {
    stream: TcpStream,
    peer: SocketAddr,
    tls: bool,
    speech: Speech,
    place: Place,
}

impl Guest {
    async fn serve(self, desk: Rc<Desk>) {
        let Self { stream, peer, tls, speech, place } = self;
        // Answers are small, and each is written at once.
        let _ = stream.set_nodelay(true);
        let until = Instant::now() + limits::DOVEADM_LOGIN_TIMEOUT;
        let mut stream = Stream::new(stream);
        let config = certificate(&desk, speech);
        if tls {
            let Some(config) = config.clone() else {
                let text = "there is no certificate to show (ssl_server_cert_file)";
                return desk.note(format!("doveadm: {peer}: closed: {text}"));
            };
            stream = match timeout_at(until, stream.secured(config, Vec::new())).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    let why = cleaned(error.to_string().as_bytes(), limits::LOGGED_LINE_BYTES_MAX);
                    return desk.note(format!("doveadm: {peer}: TLS handshake failed: {why}"));
                }
                Err(_) => return,
            };
        }
        match speech {
            Speech::Plain => plain::serve(stream, peer, config, place, until, &desk).await,
            Speech::Http => http::serve(stream, peer, place, until, &desk).await,
        }
    }
}

/// What clients are shown; none: there is no certificate.
fn certificate(desk: &Desk, speech: Speech) -> Option<ServerConfigOfControl> {
    let speech = match speech {
        Speech::Plain => DoveadmSpeech::Plain,
        Speech::Http => DoveadmSpeech::Http,
    };
    desk.exchange.tls.load().servers.as_ref()?.of_doveadm(speech)
}

/// Who is here.
#[derive(Debug, Default)]
struct Crowd(RefCell<Present>);

#[derive(Debug, Default)]
struct Present {
    last: u64,
    /// Those who came first stand in front.
    guests: VecDeque<(u64, Option<AbortHandle>)>,
    clients: usize,
}

impl Crowd {
    /// A place for a guest; another guest may lose its own.
    fn let_in(self: &Rc<Self>) -> (u64, Place) {
        let mut present = self.0.borrow_mut();
        if present.guests.len() >= limits::DOVEADM_GUESTS_MAX
            && let Some((_, Some(oldest))) = present.guests.pop_front()
        {
            oldest.abort();
        }
        present.last += 1;
        let number = present.last;
        present.guests.push_back((number, None));
        (number, Place { crowd: Rc::clone(self), number, is_guest: true })
    }

    /// How the guest is ended.
    fn know(&self, number: u64, handle: AbortHandle) {
        let mut present = self.0.borrow_mut();
        if let Some(guest) = present.guests.iter_mut().find(|guest| guest.0 == number) {
            guest.1 = Some(handle);
        }
    }
}

/// A client's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Rc<Crowd>,
    number: u64,
    is_guest: bool,
}

impl Place {
    /// The guest has logged in. Whether there was a place for it.
    pub(super) fn take_as_client(&mut self) -> bool {
        let mut present = self.crowd.0.borrow_mut();
        if present.clients >= limits::DOVEADM_CLIENTS_MAX {
            return false;
        }
        present.clients += 1;
        present.guests.retain(|guest| guest.0 != self.number);
        self.is_guest = false;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.crowd.0.borrow_mut();
        if self.is_guest {
            present.guests.retain(|guest| guest.0 != self.number);
        } else {
            present.clients -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn op_08_a_crowd_of_guests_keeps_no_client_out_and_places_come_back() {
        let crowd = Rc::new(Crowd::default());
        let mut guests: Vec<(u64, Place)> =
            (0..limits::DOVEADM_GUESTS_MAX).map(|_| crowd.let_in()).collect();
        let (number, mut late) = crowd.let_in();
        let known = || crowd.0.borrow().guests.iter().map(|guest| guest.0).collect::<Vec<u64>>();
        assert_eq!(known().len(), limits::DOVEADM_GUESTS_MAX);
        assert!(!known().contains(&guests[0].0) && known().contains(&number), "the first one went");
        assert!(late.take_as_client() && !known().contains(&number));
        assert_eq!(crowd.0.borrow().clients, 1);
        drop(late);
        guests.clear();
        assert_eq!((crowd.0.borrow().clients, known().len()), (0, 0));
        let mut clients: Vec<Place> =
            (0..=limits::DOVEADM_CLIENTS_MAX).map(|_| crowd.let_in().1).collect();
        let let_in = clients.iter_mut().filter_map(|it| it.take_as_client().then_some(())).count();
        assert_eq!(let_in, limits::DOVEADM_CLIENTS_MAX);
    }
}
