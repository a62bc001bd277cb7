//! Postfix' smtp-sink as LMTP backends: one keeps and counts, the other fails as it is told, at each command and behind
//! the dot.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};

use hale::names::Protocol;

use super::super::lmtp::Lmtp;
use super::super::ports::{BACKENDS, free_port};
use super::super::wait::{PATIENCE, wait_for};
use super::front::{Front, Way};
use super::root::Root;

/// Two sinks on one port, and Hale in front of them.
struct Sinks {
    root: Root,
    port: u16,
    front: Front,
}

/// Enough for both backends to have some.
const USERS: [&str; 8] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];
/// One connection's messages under each fault.
const MESSAGES: usize = 6;

impl Sinks {
    fn start() -> Self {
        let root = Root::new("sinks-", &[("nobody", 65_534)]);
        let port = free_port();
        let users = USERS.map(|user| (user, &b"secret"[..]));
        let front = Front::start(&[(Protocol::Lmtp, port)], &users, Way::Clear);
        Self { root, port, front }
    }

    /// Fresh sinks: nothing kept, the second one with this fault.
    fn renew(&mut self, fault: &[&str]) {
        self.root.end();
        self.root.run(&["/bin/rm", "-rf", "/kept"], b"");
        for (address, how) in BACKENDS.iter().zip([&[], fault]) {
            self.root.lend(&format!("kept/{address}"), "nobody:nobody");
            let (dump, listen) =
                (format!("/kept/{address}/%M."), format!("inet:[{address}]:{}", self.port));
            let words = [
                &["/usr/sbin/smtp-sink", "-L", "-u", "nobody", "-d", &dump],
                how,
                &[&listen, "100"],
            ];
            self.root.start(&words.concat());
            wait_for("smtp-sink", PATIENCE, || TcpStream::connect((*address, self.port)).ok());
        }
    }

    /// How many recipients a sink has kept mail for.
    fn kept(&self, address: Ipv4Addr) -> usize {
        let files = fs::read_dir(self.root.path(&format!("kept/{address}"))).unwrap();
        let texts =
            files.map(|file| String::from_utf8(fs::read(file.unwrap().path()).unwrap()).unwrap());
        texts.map(|text| text.matches("\nX-Rcpt-Args: ").count()).sum()
    }

    /// Several messages to all recipients by one connection: the codes of each recipient, one for each message.
    fn send(&self) -> Vec<Vec<u16>> {
        let mut client = Lmtp::connect(self.front.address(Protocol::Lmtp).port());
        client.command("LHLO mx.example", 250);
        let mut codes = vec![Vec::new(); USERS.len()];
        for _ in 0..MESSAGES {
            client.command("MAIL FROM:<a@example.org>", 250);
            let rcpts: String = USERS.iter().map(|user| format!("RCPT TO:<{user}>\r\n")).collect();
            client.send(rcpts.as_bytes());
            let told: Vec<u16> = USERS.iter().map(|_| client.reply().0).collect();
            client.command("DATA", 354);
            client.send(b"Subject: x\r\n\r\n..a dot\r\n.\r\n");
            for (codes, rcpt) in codes.iter_mut().zip(told) {
                codes.push(if rcpt == 250 { client.reply().0 } else { rcpt });
            }
            // No reply is left over and none is missing.
            client.command("NOOP", 250);
        }
        client.command("QUIT", 221);
        codes
    }
}

/// Each fault of a backend, and what its recipients are told about every message: its own word, or that it is gone.
const FAULTS: &[(&[&str], u16)] = &[
    (&["-r", "mail"], 450),
    (&["-f", "mail", REFUSED[0], REFUSED[1]], 550),
    (&["-q", "mail"], 451),
    (&["-r", "rcpt"], 450),
    (&["-f", "rcpt", REFUSED[0], REFUSED[1]], 550),
    (&["-q", "rcpt"], 451),
    (&["-r", "data"], 450),
    (&["-f", "data", REFUSED[0], REFUSED[1]], 550),
    // Its own word for a refusal, 500, is one about our command and bounces no mail.
    (&["-f", "data"], 451),
    (&["-q", "data"], 451),
    (&["-r", "."], 450),
    // Behind the dot the same 500 is about the message.
    (&["-f", "."], 500),
    (&["-f", ".", REFUSED[0], REFUSED[1]], 550),
    (&["-q", "."], 451),
];
const REFUSED: [&str; 2] = ["-B", "550 5.7.1 Refused"];

#[test]
fn w_lmtp_one_sink_fails_at_each_command_and_the_other_keeps_everything() {
    let mut sinks = Sinks::start();
    sinks.renew(&[]);
    assert_eq!(sinks.send(), [[250; MESSAGES]; USERS.len()]);
    let log = wait_for("a line for each delivery", PATIENCE, || {
        let log = sinks.front.log();
        (log.matches("lmtp: delivered").count() == MESSAGES * USERS.len()).then_some(log)
    });
    let far = USERS.map(|user| log.contains(&format!("delivered to=<{user}> backend=be2.test")));
    let near = far.iter().filter(|far| !**far).count();
    assert!(near > 0 && near < USERS.len(), "{log}");
    assert_eq!(
        BACKENDS.map(|address| sinks.kept(address)),
        [near, USERS.len() - near].map(|users| users * MESSAGES)
    );
    let mut failed = Vec::new();
    for (fault, wanted) in FAULTS {
        sinks.renew(fault);
        let codes = sinks.send();
        for ((user, far), codes) in USERS.iter().zip(far).zip(codes) {
            let what = format!("{fault:?}, {user}: {codes:?}");
            if far {
                failed.extend((codes != [*wanted; MESSAGES]).then_some(what));
            } else {
                failed.extend((codes != [250; MESSAGES]).then_some(what));
            }
        }
        assert_eq!(sinks.kept(BACKENDS[0]), near * MESSAGES, "{fault:?}");
    }
    assert!(failed.is_empty(), "{failed:#?}");
    sinks.front.every_line_says_why();
}
