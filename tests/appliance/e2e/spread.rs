//! A backend goes under its sessions: their clients are told over time, in every protocol that is relayed (W-SPREAD-1,
//! R-BACK-1, R-BACK-2).

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::bridge;
use super::certificate::Pem;
use super::faulty::{Fault, FaultyBackends, address_of};
use super::hale::Setup;
use super::imap::Imap;
use super::kernel::data_cores;
use super::ports::{FRONT, free_port};
use super::speech::{IMAP, SPEECHES, Speech};
use super::wait::{PATIENCE, now, poll, wait_for};

/// Sessions of each protocol on each core, and how many of them are told at once (`SPREAD_CROWD_MIN`).
const SESSIONS: usize = 150;
const AT_ONCE: usize = 50;
const SPREAD: Duration = Duration::from_secs(12);
/// Neither side says anything for more than two seconds (`SPREAD_SILENCE`), counted in whole ones.
const SILENCE: Duration = Duration::from_millis(3_500);

#[test]
fn w_spread_1_a_backend_goes_and_its_clients_are_told_over_time() {
    let mut setup = Setup::new(free_port());
    let names: Vec<&str> = SPEECHES.iter().map(|speech| speech.protocol).collect();
    setup.configure(&format!(
        "protocols = {}\nlogin_proxy_max_disconnect_delay = {}s",
        names.join(" "),
        SPREAD.as_secs()
    ));
    for (user, fault) in [("dies", DIES), ("lives", LIVES)] {
        setup.add_row(&format!("{user}:{{PLAIN}}secret::::::host={}", address_of(fault)));
    }
    let mut scenes = Vec::new();
    for speech in &SPEECHES {
        let backends = FaultyBackends::start(speech.turns, vec![Fault::None; 2]);
        let port = if speech.protocol == "imap" { setup.port } else { free_port() };
        setup.configure(&speech.configuration(port, backends.port));
        scenes.push((speech, backends, SocketAddr::from((FRONT, port))));
    }
    let hale = setup.start();
    let cores = data_cores(hale.process_id());
    let mut crowds: Vec<Crowd> = scenes
        .iter()
        .map(|(speech, _, address)| Crowd::log_in(speech, *address, cores * SESSIONS))
        .collect();
    assert!(poll(SILENCE, || None::<()>).is_none());

    let since = now();
    for (_, backends, _) in &scenes {
        backends.go(DIES);
    }
    for crowd in &mut crowds {
        crowd.watch_until(since, cores * AT_ONCE);
        assert!(crowd.told.len() < cores * SESSIONS, "no client waits: {}", crowd.name);
        crowd.ask_early(since);
    }
    wait_for("the last client to be told", SPREAD + PATIENCE, || {
        let waiting = crowds.iter_mut().map(|crowd| crowd.watch(since)).filter(|over| !over);
        (waiting.count() == 0).then_some(())
    });
    for crowd in &mut crowds {
        crowd.judge(cores);
    }
    assert!(hale.said().contains("(login_proxy_max_disconnect_delay)"), "a word to the operator");
}

/// The same behind TLS: a client that waits is not told by a goodbye of TLS either.
#[test]
fn w_spread_1_clients_with_tls_are_told_over_time_too() {
    let mut setup = Setup::new(free_port());
    setup.configure(&format!("login_proxy_max_disconnect_delay = {}s", SPREAD.as_secs()));
    let pem = Pem::new(&["mail.test"]);
    setup.secure(&pem);
    setup.add_row(&format!("dies:{{PLAIN}}secret::::::host={}", address_of(DIES)));
    let backends = FaultyBackends::start(IMAP.turns, vec![Fault::None]);
    setup.configure(&IMAP.configuration(setup.port, backends.port));
    let hale = setup.start();
    let config = bridge::client_config(&pem);
    let mut clients: Vec<Imap> = (0..data_cores(hale.process_id()) * SESSIONS)
        .map(|_| {
            let mut client = bridge::connect(hale.tls_address(), "mail.test", &config);
            IMAP.greeted(&mut client);
            IMAP.send_login(&mut client, "dies");
            IMAP.expect_logged_in(&mut client);
            client.stream().set_nonblocking(true).unwrap();
            client
        })
        .collect();
    assert!(poll(SILENCE, || None::<()>).is_none());
    let (since, all) = (now(), clients.len());
    backends.go(DIES);
    // The bridge passes a goodbye on as the end of the stream.
    let is_told = |client: &Imap| !matches!(client.stream().peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    let mut told = Vec::new();
    wait_for("the last client to be told", SPREAD + PATIENCE, || {
        let before = clients.len();
        clients.retain(|client| !is_told(client));
        told.resize(told.len() + before - clients.len(), since.elapsed());
        clients.is_empty().then_some(())
    });
    let late = told.iter().filter(|after| **after > SPREAD / 2).count();
    assert!(late >= (all - all / SESSIONS * AT_ONCE) / 3, "{late} of {all} late: {told:?}");
}

/// Places in the list of faults.
const DIES: usize = 0;
const LIVES: usize = 1;

/// The clients of one protocol.
struct Crowd {
    name: &'static str,
    waiting: Vec<TcpStream>,
    /// When clients heard of the end.
    told: Vec<Duration>,
    canary: Imap,
}

impl Crowd {
    fn log_in(speech: &'static Speech, address: SocketAddr, count: usize) -> Self {
        let session = |user: &str| {
            let mut client = Imap::open(TcpStream::connect(address).unwrap());
            speech.greeted(&mut client);
            speech.send_login(&mut client, user);
            speech.expect_logged_in(&mut client);
            client
        };
        let waiting = (0..count).map(|_| {
            let stream = session("dies").stream().try_clone().unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        });
        Self {
            name: speech.protocol,
            waiting: waiting.collect(),
            told: Vec::new(),
            canary: session("lives"),
        }
    }

    /// Looks which clients were told; whether all have been.
    fn watch(&mut self, since: Instant) -> bool {
        let (told, after) = (&mut self.told, since.elapsed());
        self.waiting.retain_mut(|stream| match stream.read(&mut [0; 100]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => true,
            Ok(0) | Err(_) => {
                told.push(after);
                false
            }
            Ok(_) => panic!("bytes from nowhere"),
        });
        self.waiting.is_empty()
    }

    fn watch_until(&mut self, since: Instant, count: usize) {
        wait_for("those who are told at once", PATIENCE, || {
            self.watch(since);
            (self.told.len() >= count).then_some(())
        });
    }

    /// The one who would be told last says something.
    fn ask_early(&mut self, since: Instant) {
        let mut last = self.waiting.pop().unwrap();
        let waiting = self.waiting.len();
        std::io::Write::write_all(&mut last, b"NOOP\r\n").unwrap();
        wait_for("the one who asked", PATIENCE, || match last.read(&mut [0; 100]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Ok(0) | Err(_) => Some(()),
            Ok(_) => panic!("an answer from nowhere"),
        });
        self.watch(since);
        assert!(self.waiting.len() > waiting / 2, "{} waited with the others", self.name);
    }

    fn judge(&mut self, cores: usize) {
        let (name, told) = (self.name, &self.told);
        let later = told.len() - cores * AT_ONCE;
        let late = told.iter().filter(|after| **after > SPREAD / 2).count();
        assert!(late >= later / 3, "{name}: {late} of {later} in the second half");
        assert!(*told.last().unwrap() > SPREAD * 9 / 10, "{name}: {told:?}");
        self.canary.send(b"still there\r\n");
        assert_eq!(self.canary.line(), b"still there", "{name}");
    }
}
