//! A whole data core on the real kernel, turn by turn, while the control core publishes great tables.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::IntoRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::Scope;
use std::time::Duration;

use super::{Links, Listener, LookUps, VerifiedCache, Worker, WorkerSettings};
use crate::admission::door::DoorRules;
use crate::auth::passdb::{Driver, Passdb, Passdbs};
use crate::auth::passwd_file::PasswdFile;
use crate::config::tests::loaded;
use crate::names::{CoreId, Protocol};
use crate::ring::clock;
use crate::ring::port::Fd;
use crate::ring::socket::{SocketOptions, listen};
use crate::ring::uring::Uring;
use crate::secret::Secret;
use crate::share::exchange::Exchange;
use crate::share::messages::ToCore;
use crate::share::tests::{group_name, table_at, thread_nanoseconds, user_of};

/// Groups, each with a row here and three about sites.
const GROUPS: u32 = 100_000;
/// Users, each of a group of its own, far from the next one's.
const USERS: u32 = 500;
const BACKEND: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// What a core's turns took of its thread's processor time, in nanoseconds.
#[derive(Debug, Default)]
struct Turns(Vec<u64>);

impl Turns {
    fn described(mut self) -> String {
        self.0.sort_unstable();
        let at = |permille: usize| self.0[(self.0.len() - 1) * permille / 1000] / 1000;
        format!(
            "{} turns; half took {} us at most, 99 % {} us, 99.9 % {} us, all {} us",
            self.0.len(),
            at(500),
            at(990),
            at(999),
            at(1000)
        )
    }
}

/// A backend that says yes to everything.
fn serve(backend: TcpStream) {
    let mut lines = BufReader::new(backend.try_clone().unwrap());
    let say = |text: String| (&backend).write_all(text.as_bytes()).is_ok();
    say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n".to_owned());
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
        let tag = line.split(' ').next().unwrap_or("*").to_owned();
        if !say(format!("{tag} OK [CAPABILITY IMAP4rev1] done\r\n")) {
            return;
        }
        line.clear();
    }
}

/// One login, from connect to the backend's answer behind it.
fn log_in(proxy: SocketAddr, number: u32) {
    let client = TcpStream::connect(proxy).unwrap();
    client.set_nodelay(true).unwrap();
    let mut lines = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    for words in [format!("a login user{number} secret"), "b noop".to_owned()] {
        (&client).write_all(format!("{words}\r\n").as_bytes()).unwrap();
        line.clear();
        while !line.starts_with(&words[..2]) {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "{words}: closed");
        }
        assert!(line.contains("OK"), "{words}: {line}");
    }
}

/// What the core knows: the users, their rows, and the port of their backend.
fn exchange(port: u16) -> Exchange {
    let exchange = Exchange::new(1).unwrap();
    let lines: String =
        (0..USERS).map(|n| format!("user{n}:{{PLAIN}}secret::::::proxy=y port={port}\n")).collect();
    let (file, report) = PasswdFile::parse(lines.into_bytes()).unwrap();
    assert_eq!(report.bad_lines, 0);
    let list = vec![Passdb::new("users", Driver::PasswdFile(Arc::new(file)))];
    exchange.passdbs.publish(Passdbs { list, ..Passdbs::default() });
    exchange.table.publish(table_at(GROUPS, BACKEND));
    for n in 0..USERS {
        let group = group_name(n * (GROUPS / USERS));
        exchange.users.remember(user_of(&format!("user{n}"), &group), clock::now());
    }
    exchange
}

/// Starts the core on a thread of its own, which ends when it is drained and returns its turns of phases 0 and 1.
fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    exchange: &'scope Exchange,
    phase: &'scope AtomicU32,
) -> (SocketAddr, std::thread::ScopedJoinHandle<'scope, [Turns; 2]>) {
    let options = SocketOptions::default();
    let socket = listen("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let address = TcpListener::from(socket.try_clone().unwrap()).local_addr().unwrap();
    let core = scope.spawn(move || {
        let config = loaded("ssl = no\nauth_allow_cleartext = yes\n");
        let settings =
            Arc::new(WorkerSettings::new(&config, "hale.test", SLOTS, &Secret::default()));
        let links = Links::of(exchange, CoreId(0)).unwrap();
        let cache = VerifiedCache::configured(&config.auth, 1, Secret::from("a test's"));
        let look_ups = LookUps::new(CoreId(0), exchange.clone(), &cache);
        let port = Uring::new(links.mail.waker().clone(), options, SLOTS).unwrap();
        let socket = Fd(socket.into_raw_fd());
        let listener = Listener::new(socket, Protocol::Imap, false, DoorRules::default());
        let mut worker = Worker::new(port, &settings, links, vec![listener], look_ups, 7);
        let mut turns = [Turns::default(), Turns::default()];
        while !worker.is_finished() {
            let before = thread_nanoseconds();
            worker.turn();
            let took = thread_nanoseconds() - before;
            if let Some(turns) = turns.get_mut(phase.load(Ordering::Relaxed) as usize) {
                turns.0.push(took);
            }
            // The control core would write it.
            while exchange.log.take().is_some() {}
        }
        turns
    });
    (address, core)
}

#[test]
fn k_core_4_a_data_core_turns_on_while_400_000_group_rows_are_published() {
    let backend = TcpListener::bind((BACKEND, 0)).unwrap();
    let exchange = exchange(backend.local_addr().unwrap().port());
    let (phase, is_over) = (AtomicU32::new(2), AtomicBool::new(false));
    let (turns, logins, published) = std::thread::scope(|scope| {
        let (address, core) = start(scope, &exchange, &phase);
        scope.spawn(|| {
            for connection in backend.incoming() {
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                let connection = connection.unwrap();
                std::thread::spawn(move || serve(connection));
            }
        });
        let mut logins = 0;
        let mut log_in_while = |goes_on: &dyn Fn() -> bool| {
            while goes_on() {
                log_in(address, logins % USERS);
                logins += 1;
            }
        };
        // What is done once is done.
        let began = clock::now();
        log_in_while(&|| clock::now().since(began) < measured() / 4);
        phase.store(0, Ordering::Relaxed);
        let began = clock::now();
        log_in_while(&|| clock::now().since(began) < measured());
        let published = AtomicU32::new(0);
        let is_published = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Each is built anew, and frees the memory of one that the core has let go of.
                while !is_published.load(Ordering::Acquire) {
                    exchange.table.publish(table_at(GROUPS, BACKEND));
                    published.fetch_add(1, Ordering::Release);
                }
            });
            log_in_while(&|| published.load(Ordering::Acquire) == 0);
            phase.store(1, Ordering::Relaxed);
            let began = clock::now();
            log_in_while(&|| {
                clock::now().since(began) < measured()
                    || published.load(Ordering::Acquire) < TABLES_MIN
            });
            phase.store(2, Ordering::Relaxed);
            is_published.store(true, Ordering::Release);
        });
        is_over.store(true, Ordering::Release);
        // Wakes the one that accepts.
        drop(TcpStream::connect(backend.local_addr().unwrap()));
        exchange.to_cores[0].send(ToCore::Drain(Duration::ZERO)).unwrap();
        (core.join().unwrap(), logins, published.into_inner())
    });
    let [quiet, busy] = turns;
    assert!(!quiet.0.is_empty() && !busy.0.is_empty());
    let long = busy.0.iter().filter(|time| **time >= LONG_NS).count();
    println!("without publication: {}", quiet.described());
    println!("{published} tables published meanwhile: {}", busy.described());
    println!("{logins} logins in all");
    assert!(published >= TABLES_MIN);
    // To free such a table, or to build it, takes many times as long: a core that did so would have a long turn for each. One that
    // a busy machine makes long is none of its doing. What a turn takes is in SPECIFICATION.md.
    assert!(2 * long <= published as usize, "{long} long turns, {published} tables");
}

/// Many times what a turn takes, and a fraction of what a table takes to free.
const LONG_NS: u64 = 5_000_000;

/// A second; as many as the variable says for a figure.
#[expect(clippy::disallowed_methods, reason = "for the one who wants a figure")]
fn measured() -> Duration {
    let seconds = std::env::var("HALE_TURNS_SECS").ok();
    Duration::from_secs(seconds.map_or(1, |text| text.parse().unwrap()))
}

const TABLES_MIN: u32 = 2;
const SLOTS: u32 = 64;
