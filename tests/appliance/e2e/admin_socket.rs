//! The admin socket under attack: nonsense, floods, strangers, clients that do not read (OP-08, RS-14). And commands that
//! find nobody to ask.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use hale::limits;

use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::kernel::resident_bytes;
use super::script::ScriptedBackends;
use super::tools::{PYTHON, said};
use super::wait::{PATIENCE, timed, wait_for};

const SESSIONS: usize = 1_000;
/// What a client that does not read may cost.
const SLOW_BYTES_MAX: u64 = 1 << 20;

fn socket(hale: &Hale) -> PathBuf {
    hale.setup().path().join("run/admin.sock")
}

/// A client without manners.
struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(hale: &Hale) -> Self {
        let stream = UnixStream::connect(socket(hale)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// Lines up to and with the end of an answer.
    fn answer(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let count = self.0.read_line(&mut line).unwrap();
            assert!(count > 0, "the connection ended inside an answer: {lines:?}");
            lines.push(line.trim_end().to_owned());
            if line.starts_with("{\"exit\"") || line.starts_with("{\"error\"") {
                return lines;
            }
        }
    }

    fn is_ended(&mut self) -> bool {
        self.0.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

/// Hale with so many sessions, and their two ends.
struct Scene {
    hale: Hale,
    sessions: Vec<(Imap, Imap)>,
    backends: ScriptedBackends,
}

impl Scene {
    fn start(count: usize) -> Self {
        let backends = ScriptedBackends::start();
        let mut setup = Setup::new(backends.port);
        setup.add_users(&["asked"], b"secret");
        let hale = setup.start();
        let mut scene = Self { hale, sessions: Vec::new(), backends };
        for _ in 0..count {
            let client = scene.hale.session("asked", b"secret");
            let backend = scene.backends.next_session();
            scene.sessions.push((client, backend));
        }
        scene
    }

    fn check_listed(&self) {
        let text = self.hale.setup().succeed_with(&["-f", "tab", "who", "-1"]);
        assert_eq!(text.lines().count(), 1 + self.sessions.len());
    }
}

#[test]
fn op_08_nonsense_is_answered_and_disturbs_nobody() {
    let scene = Scene::start(2);
    let wrong: [&[u8]; 9] = [
        b"\n",
        b"\t\t\t\n",
        b"who\t--nonsense\n",
        b"{\"json\": true}\n",
        b"kick\n",
        b"kick\ta\tb\n",
        b"who\xFF\xFE\0\n",
        b"GET / HTTP/1.1\r\n",
        b"run\n",
    ];
    let mut client = Client::connect(&scene.hale);
    for words in wrong {
        client.send(words);
        let answer = client.answer();
        let [end] = answer.as_slice() else { panic!("{answer:?}") };
        assert!(end.contains("\"exit\":64") && end.contains("\"error\":\""), "{end}");
    }
    // The same connection still serves, and many requests at once are answered in their order.
    client.send(b"who\nwho\tnobody\nwho\r\n");
    let rows = [(); 3].map(|()| client.answer().len() - 2);
    assert_eq!(rows, [2, 0, 2]);
    // A request without an end.
    client.send(b"who");
    client.0.get_ref().shutdown(Shutdown::Write).unwrap();
    assert!(client.answer()[0].contains("line end"));
    assert!(client.is_ended());
    scene.check_listed();
}

#[test]
fn op_08_a_request_that_is_too_long_is_refused_before_it_is_read() {
    let scene = Scene::start(1);
    let mut client = Client::connect(&scene.hale);
    let piece = vec![b'x'; 65_536];
    for _ in 0..16 {
        client.send(&piece);
    }
    let answer = client.answer();
    assert!(answer[0].contains("at most 262144 bytes"), "{answer:?}");
    assert!(client.is_ended());
    scene.check_listed();
    // One that is just short enough is a request.
    let users = "u".repeat(limits::ADMIN_LINE_BYTES_MAX - 10);
    let mut client = Client::connect(&scene.hale);
    client.send(format!("who\t{users}\n").as_bytes());
    assert_eq!(client.answer().len(), 2);
}

#[test]
fn op_08_too_many_clients_are_told_and_nobody_else_suffers() {
    let scene = Scene::start(1);
    let idle: Vec<Client> =
        (0..limits::ADMIN_CLIENTS_MAX).map(|_| Client::connect(&scene.hale)).collect();
    let refused = wait_for("a client too many to be refused", PATIENCE, || {
        let output = scene.hale.setup().output_of(&["who"]);
        (!output.status.success()).then_some(output)
    });
    assert_eq!(refused.status.code(), Some(75), "{}", said(&refused));
    assert!(said(&refused).contains("16 clients"), "{}", said(&refused));
    let (_, mut client) = timed(|| scene.hale.session("asked", b"secret"));
    drop(scene.backends.next_session());
    client.rest();
    drop(idle);
    wait_for("places to be free again", PATIENCE, || {
        scene.hale.setup().output_of(&["who"]).status.success().then_some(())
    });
}

#[test]
fn rs_14_a_client_that_does_not_read_costs_little_and_loses_nothing() {
    const REQUESTS: usize = 60;
    let scene = Scene::start(SESSIONS);
    scene.check_listed();
    let before = resident_bytes(scene.hale.process_id());
    let mut slow = Client::connect(&scene.hale);
    slow.send("who\n".repeat(REQUESTS).as_bytes());
    // Others are served meanwhile, as often as it takes to see that nothing piles up.
    for _ in 0..20 {
        scene.check_listed();
    }
    let held = resident_bytes(scene.hale.process_id()).saturating_sub(before);
    assert!(held <= SLOW_BYTES_MAX, "{held} bytes for a client that does not read");
    for request in 0..REQUESTS {
        let answer = slow.answer();
        assert_eq!(answer.len(), SESSIONS + 2, "answer {request}");
    }
    // One that goes away in the middle of its answer.
    let mut gone = Client::connect(&scene.hale);
    gone.send("who\n".repeat(REQUESTS).as_bytes());
    let mut few = [0; 100];
    gone.0.read_exact(&mut few).unwrap();
    drop(gone);
    scene.check_listed();
}

#[test]
fn op_08_the_socket_is_for_root_and_its_owner() {
    let scene = Scene::start(1);
    let mode = fs::metadata(socket(&scene.hale)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can be somebody else: the refusal of strangers was not tried");
        return;
    }
    // Even where the file lets them in.
    for folder in ["", "run"] {
        scene.hale.setup().set_mode(folder, 0o755);
    }
    fs::set_permissions(socket(&scene.hale), Permissions::from_mode(0o666)).unwrap();
    let script = "import os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n\
                  s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'kick\\t*\\n')\n\
                  print(s.makefile().read())";
    let mut stranger = PYTHON.command();
    let output = stranger.arg("-c").arg(script).arg(socket(&scene.hale)).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("\"exit\":77") && text.contains("uid 65534"), "{}", said(&output));
    scene.check_listed();
}

#[test]
fn commands_say_when_no_hale_answers_and_write_without_one() {
    let setup = Setup::new(1);
    setup.write();
    setup.make_cluster();
    for words in [&["who"][..], &["status"], &["kick", "*"]] {
        let output = setup.output_of(words);
        assert_eq!(output.status.code(), Some(75), "{}", said(&output));
        assert!(said(&output).contains("no Hale answers at"), "{}", said(&output));
    }
    let output = setup.output_of(&["who", "-a", "/nonexistent/admin.sock"]);
    assert!(said(&output).contains("/nonexistent/admin.sock"), "{}", said(&output));
}

#[test]
fn cluster_commands_that_write_run_inside_the_hale_that_runs() {
    let scene = Scene::start(1);
    let setup = scene.hale.setup();
    setup.succeed_with(&["cluster", "tag", "create", "blue"]);
    let log = || fs::read_to_string(setup.path().join("hale.log")).unwrap();
    wait_for("the order in the log", PATIENCE, || {
        log().contains("admin: cluster tag create -- blue: done, by uid=").then_some(())
    });
    assert!(setup.succeed_with(&["-f", "tab", "cluster", "tag", "list"]).contains("blue"));
    let refused = setup.output_of(&["cluster", "tag", "delete", "green"]);
    assert_eq!(refused.status.code(), Some(68), "{}", said(&refused));
    // A login sees at once what was written.
    setup.succeed_with(&["cluster", "backend", "update", "--status", "offline", "be1.test"]);
    setup.succeed_with(&["cluster", "user", "move", "asked", "be2.test"]);
}
