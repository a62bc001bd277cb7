//! `hale listener`: what accepts, and what an operator has drained.

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use rustix::process::Signal;

use super::imap::Imap;
use super::reload::{Stage, greeting};
use super::tools::said;

impl Stage {
    /// The state of a listener, as the list has it.
    fn state_of(&self, name: &str) -> String {
        let listed = self.hale.setup().succeed_with(&["-f", "tab", "listener", "list"]);
        let mut rows = listed.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = rows.find(|row| row[0] == name).unwrap_or_else(|| panic!("{name}: {listed}"));
        row[5].to_owned()
    }
}

#[test]
fn op_03_a_drained_listener_refuses_until_it_is_resumed_and_its_sessions_go_on() {
    let stage = Stage::start();
    let address = stage.hale.address();
    let mut old = stage.live();
    assert_eq!(stage.state_of("imap"), "open");
    stage.hale.setup().succeed("listener drain imap");
    assert_eq!(greeting(address), None, "the kernel refuses");
    assert!(TcpStream::connect(stage.hale.haproxy_address()).is_ok(), "others accept");
    assert_eq!(stage.state_of("imap"), "drained");
    assert!(stage.hale.status("listener", "imap").ends_with(" drained"));
    old.exchange();
    // Draining twice is draining once, and a reload brings nothing back.
    stage.hale.setup().succeed("listener drain imap");
    stage.write("login_greeting = Another");
    stage.hale.setup().succeed("reload");
    assert_eq!(greeting(address), None, "a reload leaves it drained");
    assert_eq!(stage.state_of("imap"), "drained");
    // Meanwhile the port is another process's.
    let thief = TcpListener::bind(address).unwrap();
    let output = stage.run("listener resume imap");
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    assert!(said(&output).contains("is in use"), "{}", said(&output));
    assert_eq!(stage.state_of("imap"), "drained");
    drop(thief);
    stage.hale.setup().succeed("listener resume imap");
    assert!(greeting(address).unwrap().contains("Another"));
    assert_eq!(stage.state_of("imap"), "open");
    stage.hale.setup().succeed("listener resume imap");
    stage.live().exchange();
    old.exchange();
    stage.hale.setup().succeed("listener drain --all");
    for at in [address, stage.hale.haproxy_address()] {
        assert_eq!(greeting(at), None, "{at}");
    }
    old.exchange();
    stage.hale.setup().succeed("listener resume --all");
    assert!(greeting(address).is_some());
    for verb in ["drain", "resume"] {
        let output = stage.run(&format!("listener {verb} imapp"));
        assert_eq!(output.status.code(), Some(68), "{}", said(&output));
    }
}

/// Clients that the kernel has accepted, and Hale has not, when the order comes.
#[test]
fn op_03_clients_in_the_queue_of_a_listener_that_closes_are_served() {
    let stage = Stage::start();
    stage.hale.signal(Signal::STOP);
    let mut waiting: Vec<Imap> =
        (0..40).map(|_| Imap::open(TcpStream::connect(stage.hale.address()).unwrap())).collect();
    let mut command = stage.hale.setup().command("listener drain imap");
    let mut draining = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    stage.hale.signal(Signal::CONT);
    for client in &mut waiting {
        client.greeting();
        client.send(b"a NOOP\r\n");
        client.expect_tagged_ok("a");
    }
    assert!(draining.wait().unwrap().success());
    assert_eq!(greeting(stage.hale.address()), None);
    let mut last = waiting.pop().unwrap();
    last.login("crowded", b"secret");
}
