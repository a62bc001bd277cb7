//! `hale reload`: another configuration takes the place of the one in force, as a whole or not at all, and no client is harmed.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use rusqlite::Connection;
use rustix::process::Signal;

use super::certificate::Pem;
use super::crowd::Live;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::{descriptors, resident_bytes};
use super::ports::{FRONT, free_port};
use super::script::ScriptedBackends;
use super::tools::{CURL, said};
use super::wait::{PATIENCE, timed, wait_for};

/// A Hale whose configuration changes while it serves.
pub(crate) struct Stage {
    pub(crate) backends: ScriptedBackends,
    pub(crate) hale: Hale,
    /// What the test has written at first.
    text: String,
}

impl Stage {
    pub(crate) fn start() -> Self {
        let backends = ScriptedBackends::start();
        let mut setup = Setup::new(backends.port);
        setup.add_users(&["crowded"], b"secret");
        setup.configure("auth_failure_delay = 0");
        let hale = setup.start();
        let text = fs::read_to_string(hale.setup().path().join("hale.conf")).unwrap();
        Self { backends, hale, text }
    }

    /// The first configuration, and more lines behind it.
    pub(crate) fn write(&self, more: &str) {
        let text = format!("{}\n{more}\n", self.text);
        fs::write(self.hale.setup().path().join("hale.conf"), text).unwrap();
    }

    pub(crate) fn run(&self, words: &str) -> Output {
        self.hale.setup().output(words)
    }

    /// A reload that must succeed; what it says.
    fn reload(&self, more: &str) -> String {
        self.write(more);
        let output = self.run("reload");
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// A reload that must be refused; why.
    fn refused(&self, more: &str) -> String {
        self.write(more);
        let output = self.run("reload");
        assert_eq!(output.status.code(), Some(78), "{}", said(&output));
        said(&output)
    }

    pub(crate) fn live(&self) -> Live {
        Live::start(&self.hale, &self.backends)
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (FRONT, port).into()
    }

    fn greeting(&self) -> String {
        greeting(self.hale.address()).unwrap()
    }
}

/// What a client reads first; none: the port is closed.
pub(crate) fn greeting(address: SocketAddr) -> Option<String> {
    match TcpStream::connect(address) {
        Ok(stream) => Some(String::from_utf8(Imap::open(stream).line()).unwrap()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{address}");
            None
        }
    }
}

/// A listener of IMAP.
fn listener(name: &str, port: u16, more: &str) -> String {
    format!("service imap-login {{\n inet_listener {name} {{\n  port = {port}\n  {more}\n }}\n}}\n")
}

#[test]
fn op_03_a_reload_changes_what_is_in_force_for_new_connections_and_no_session() {
    let stage = Stage::start();
    let mut old = stage.live();
    let (new, tls) = (free_port(), free_port());
    let haproxy = stage.hale.haproxy_address();
    assert!(TcpStream::connect(haproxy).is_ok());
    let pem = Pem::new(&["mail.test"]);
    pem.write(stage.hale.setup().path());
    let directory = stage.hale.setup().path().display();
    let said = stage.reload(&format!(
        "login_greeting = Second edition\nstate_dir = {directory}/elsewhere\n\
         ssl = yes\nssl_server_cert_file = {directory}/cert.pem\nssl_server_key_file = {directory}/key.pem\n{}{}{}\
         passdb more {{\n driver = static\n password = other\n}}\nauth_allow_cleartext = yes",
        listener("second", new, ""),
        listener("sealed", tls, "ssl = yes"),
        listener("imap_haproxy", 0, ""),
    ));
    for name in [
        "login_greeting",
        "inet_listener second (new)",
        "passdb more (new)",
        "ssl_server_cert_file",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(said.contains("until Hale is started again: state_dir"), "{said}");
    // The answer comes when all of it is done: nothing has to be waited for.
    assert_eq!(greeting(haproxy), None, "a listener that is not configured any more");
    for address in [stage.hale.address(), stage.at(new)] {
        assert!(greeting(address).unwrap().contains("Second edition"));
    }
    let config = super::bridge::client_config(&pem);
    super::bridge::connect(stage.at(tls), "mail.test", &config).greeting();
    // Who is not in the file is let in by the second database, and whoever is, by either.
    let mut by_static = Imap::connect(stage.at(new));
    by_static.login("anybody", b"other");
    stage.backends.next_session();
    old.exchange();
    assert_eq!(stage.hale.number("settings", "reloads"), 1);
    let said = stage.reload("");
    assert!(said.contains("inet_listener second (taken out)"), "{said}");
    assert!(!said.contains("state_dir"), "{said}");
    assert_eq!([greeting(stage.at(new)), greeting(stage.at(tls))], [None, None]);
    assert!(!stage.greeting().contains("Second edition"));
    assert!(!Imap::connect(stage.hale.address()).try_login("anybody", b"other"));
    assert!(TcpStream::connect(haproxy).is_ok());
    old.exchange();
}

/// A database of users, each with this password.
fn database(path: &Path, password: &str) {
    let database = Connection::open(path).unwrap();
    database.execute_batch("create table users (name text, password text)").unwrap();
    database
        .execute("insert into users values ('elsewhere', ?1)", [format!("{{PLAIN}}{password}")])
        .unwrap();
}

#[test]
fn op_03_databases_elsewhere_and_ports_of_operators_follow_a_reload() {
    let stage = Stage::start();
    let directory = stage.hale.setup().path();
    let (one, two) = (directory.join("one.sqlite"), directory.join("two.sqlite"));
    database(&one, "first");
    database(&two, "second");
    let [old_port, new_port] = [free_port(), free_port()];
    let more = |users: &Path, port: u16| {
        format!(
            "passdb sql {{\n sql_driver = sqlite\n sqlite_path = {}\n \
             query = SELECT name AS user, password FROM users WHERE name = '%{{user}}'\n}}\n\
             service stats {{\n inet_listener http {{\n  port = {port}\n }}\n}}",
            users.display()
        )
    };
    let lets_in = |password: &[u8]| {
        let is_in = Imap::connect(stage.hale.address()).try_login("elsewhere", password);
        if is_in {
            stage.backends.next_session();
        }
        is_in
    };
    let scraped = |port: u16| {
        let mut command = CURL.command();
        command
            .args(["-s", "-f", "--max-time", "20"])
            .arg(format!("http://{FRONT}:{port}/metrics"));
        let output = command.output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    };
    stage.reload(&more(&one, old_port));
    // Twice: the second time what the database said is remembered.
    assert!(lets_in(b"first") && lets_in(b"first") && !lets_in(b"second"));
    let metrics = scraped(old_port).unwrap();
    assert!(metrics.contains("hale_reload_refused 0"), "{metrics}");
    assert!(metrics.contains("hale_listener_open{listener=\"imap\""), "{metrics}");
    stage.reload(&more(&one, old_port));
    assert!(lets_in(b"first"), "the database is as it was");
    stage.reload(&more(&two, new_port));
    assert!(lets_in(b"second") && !lets_in(b"first"), "nothing is remembered of the other one");
    assert!(scraped(new_port).is_some());
    wait_for("the end of the former port", PATIENCE, || scraped(old_port).is_none().then_some(()));
    let said = stage.refused(&more(&two, stage.hale.setup().port));
    assert!(said.contains("in use") || said.contains("port"), "{said}");
    assert!(lets_in(b"second") && scraped(new_port).is_some());
    stage.reload("");
    assert!(!lets_in(b"second"));
    wait_for("the end of the last port", PATIENCE, || scraped(new_port).is_none().then_some(()));
}

#[test]
fn op_03_trusted_networks_and_bounds_hold_from_the_reload_on() {
    let stage = Stage::start();
    let through_balancer = || {
        let mut stream = TcpStream::connect(stage.hale.haproxy_address()).unwrap();
        // One that is not let in may be closed by now.
        let _ = stream.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.8 4001 143\r\n");
        let mut client = Imap::open(stream);
        client.try_line().filter(|line| line.starts_with(b"* OK"))?;
        // One too many may be greeted before it is told.
        let _ = client.stream().write_all(b"a NOOP\r\n");
        let answer = client.try_line()?;
        answer.starts_with(b"a OK").then_some(client)
    };
    assert!(through_balancer().is_some());
    stage.reload("haproxy_trusted_networks = 192.0.2.0/24");
    assert!(through_balancer().is_none(), "the balancer is not trusted any more");
    // Connections are counted where there is a bound, and from then on.
    stage.reload("connections_per_address_max = 10");
    let kept: Vec<Imap> = (0..2).map(|_| through_balancer().unwrap()).collect();
    stage.reload("connections_per_address_max = 2");
    assert!(through_balancer().is_none(), "a third client at one address");
    stage.reload("");
    assert!(through_balancer().is_some());
    drop(kept);
}

#[test]
fn op_01_a_reload_that_is_wrong_anywhere_changes_nothing() {
    let stage = Stage::start();
    let mut old = stage.live();
    let first = stage.greeting();
    let taken = TcpListener::bind((FRONT, 0)).unwrap();
    let (taken_port, free) = (taken.local_addr().unwrap().port(), free_port());
    let second = "login_greeting = Never seen\n";
    let unchanged = |why: &str| {
        assert_eq!(stage.greeting(), first, "{why}");
        assert_eq!(greeting(stage.at(free)), None, "{why}");
    };
    let both = listener("free", free, "") + &listener("taken", taken_port, "");
    let said = stage.refused(&format!("{second}{both}"));
    assert!(said.contains("nothing was reloaded") && said.contains("is in use"), "{said}");
    assert!(said.contains(&taken_port.to_string()), "{said}");
    unchanged("a port in use");

    let pem = Pem::new(&["mail.test"]);
    pem.write(stage.hale.setup().path());
    let directory = stage.hale.setup().path().to_path_buf();
    let whole = fs::read(directory.join("cert.pem")).unwrap();
    fs::write(directory.join("cert.pem"), &whole[..whole.len() / 2]).unwrap();
    let ssl = format!(
        "ssl = yes\nssl_server_cert_file = {0}/cert.pem\nssl_server_key_file = {0}/key.pem\n",
        directory.display()
    );
    let said = stage.refused(&format!("{second}{ssl}{}", listener("free", free, "")));
    assert!(said.contains("cert.pem"), "{said}");
    unchanged("a certificate half written");

    let said = stage.refused(&format!("{second}login_greting = x\n"));
    assert!(said.contains("login_greting"), "{said}");
    unchanged("a typing error");

    let said = stage.refused(&format!("{second}log_path = {}/missing/log\n", directory.display()));
    assert!(said.contains("log_path"), "{said}");
    unchanged("a log that can't be opened");

    fs::rename(directory.join("users"), directory.join("users.away")).unwrap();
    let said = stage.refused(second);
    assert!(said.contains("passwd_file_path"), "{said}");
    unchanged("a password file that is gone");
    fs::rename(directory.join("users.away"), directory.join("users")).unwrap();

    // By the signal, too, which has no one to tell but the log and the status.
    fs::rename(directory.join("hale.conf"), directory.join("away.conf")).unwrap();
    let before = stage.hale.said().matches("nothing was reloaded").count();
    stage.hale.signal(Signal::HUP);
    wait_for("the refusal in the log", PATIENCE, || {
        (stage.hale.said().matches("nothing was reloaded").count() > before).then_some(())
    });
    fs::rename(directory.join("away.conf"), directory.join("hale.conf")).unwrap();
    stage.write("");
    wait_for("the refusal in the status", PATIENCE, || {
        stage.hale.status("settings", "state").contains("hale.conf").then_some(())
    });
    unchanged("a configuration that is gone");
    old.exchange();
    stage.reload("");
    assert_eq!(stage.hale.status("settings", "state"), "ok");
    drop(taken);
}

#[test]
fn op_02_reloads_at_once_are_carried_out_one_behind_the_other() {
    let stage = Stage::start();
    stage.write("login_greeting = Twice");
    let mut running: Vec<_> = (0..4)
        .map(|_| {
            let mut command = stage.hale.setup().command("reload");
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for reload in &mut running {
        assert!(reload.wait().unwrap().success());
    }
    assert!(stage.greeting().contains("Twice"));
    let reloads = stage.hale.number("settings", "reloads");
    assert!((1..=4).contains(&reloads), "{reloads}");
}

#[test]
fn rs_08_the_log_moves_and_comes_back_and_a_full_disk_stops_nothing() {
    let stage = Stage::start();
    stage.reload("log_path = /dev/full");
    let mut session = stage.live();
    session.exchange();
    drop(session);
    let other = stage.hale.setup().path().join("other.log");
    stage.reload(&format!("log_path = {}", other.display()));
    stage.live().exchange();
    let log = || fs::read_to_string(&other).unwrap_or_default();
    wait_for("the log at its new place", PATIENCE, || {
        // Those that came while the disk was full are lost, or were still on their way.
        log().contains("crowded").then_some(())
    });
}

/// How many reloads; `HALE_RELOADS=1000` is the long run.
fn reloads() -> u64 {
    let wanted = std::env::var_os("HALE_RELOADS");
    wanted.and_then(|text| text.to_str()?.parse().ok()).unwrap_or(60)
}

/// Greeted, asked, and told goodbye. Whatever else happens is a client that was harmed.
fn visit(address: SocketAddr) {
    let mut client = Imap::open(TcpStream::connect(address).expect("refused"));
    client.greeting();
    client.send(b"a CAPABILITY\r\nb LOGOUT\r\n");
    while !client.line().starts_with(b"b OK") {}
}

/// While listeners come and go, and databases, certificates and texts change with each.
#[test]
fn op_02_reloads_under_a_stream_of_connections_refuse_no_client_and_leave_nothing_behind() {
    let stage = Stage::start();
    let (extra, address) = (free_port(), stage.hale.address());
    let mut old = stage.live();
    let (is_over, visits) = (AtomicBool::new(false), AtomicU64::new(0));
    let more = |number: u64| {
        let listener =
            if number.is_multiple_of(2) { listener("extra", extra, "") } else { String::new() };
        format!(
            "login_greeting = Edition {number}\nlog_debug = {}\n{listener}passdb more {{\n driver = static\n password = p{number}\n}}",
            if number.is_multiple_of(3) { "yes" } else { "no" }
        )
    };
    let held = || (descriptors(stage.hale.process_id()), resident_bytes(stage.hale.process_id()));
    let (time, before) = timed(|| {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        visit(address);
                        visits.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let warm = reloads() / 3;
            let mut before = (0, 0);
            for number in 1..=reloads() {
                // Even ones leave the listener open, at the mark and at the end.
                stage.reload(&more(number));
                assert_eq!(
                    greeting(stage.at(extra)).is_some(),
                    number.is_multiple_of(2),
                    "{number}"
                );
                if number == warm - warm % 2 {
                    before = held();
                }
            }
            is_over.store(true, Ordering::Relaxed);
            before
        })
    });
    old.exchange();
    assert!(stage.greeting().contains(&format!("Edition {}", reloads())));
    assert_eq!(stage.hale.number("settings", "reloads"), reloads());
    wait_for("former editions are gone", PATIENCE, || {
        (stage.hale.number("settings", "editions") == 1).then_some(())
    });
    let visits = visits.into_inner();
    println!(
        "{} reloads, {visits} connections in {time:?}; held {before:?}, then {:?}",
        reloads(),
        held()
    );
    wait_for("what is held is given back", PATIENCE, || {
        let now = held();
        // A connection or two may be on its way, and pages of the allocator's.
        (now.0 <= before.0 + 8 && now.1 <= before.1 + (8 << 20)).then_some(())
    });
}
