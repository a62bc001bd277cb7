//! Hale as a service of systemd: what it tells it, what it takes from it, and the unit files. The test plays systemd, whose own
//! programs judge the files and hand over a socket.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::hale::Setup;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::process::Process;
use super::tools::{CHOWN, ENV, STRACE, SYSTEMD_ANALYZE, SYSTEMD_SOCKET_ACTIVATE, run, said};
use super::wait::{PATIENCE, poll, wait_for};

/// What systemd would give from one feeding of its watchdog to the next.
const WATCHDOG: Duration = Duration::from_secs(1);

#[test]
fn ur_10_a_data_core_that_does_not_turn_starves_the_watchdog_and_no_other_trouble_does() {
    let setup = Setup::new(free_port());
    setup.write();
    setup.make_cluster();
    let supervisor = Supervisor::at(setup.path().join("notify"));
    let mut command = ENV.command();
    command.arg(format!("NOTIFY_SOCKET={}", supervisor.path.display()));
    command.arg(format!("WATCHDOG_USEC={}", WATCHDOG.as_micros()));
    let hale = setup.command("run");
    command.arg(hale.get_program()).args(hale.get_args());
    let mut hale = Process::start("hale", &command, setup.path());

    let ready = supervisor.next("READY=1");
    assert!(ready.contains("STATUS=serving on"), "{ready}");
    for _ in 0..3 {
        supervisor.next("WATCHDOG=1");
    }
    let thread = data_core(hale.id());
    let mut debugger = STRACE.command();
    debugger.args(["--trace", "io_uring_enter", "--inject", "io_uring_enter:delay_enter=300s"]);
    debugger.args(["--output", "/dev/null", "--attach", &thread.to_string()]);
    let mut debugger = Process::start("strace", &debugger, setup.path());
    // systemd would end Hale now. (Datagrams that were sent before are read first.)
    let starved = poll(PATIENCE, || supervisor.hear().is_none().then_some(()));
    assert!(starved.is_some(), "the watchdog is fed all the same: {}", debugger.said());
    await_log(&setup, "watchdog: data core 0 does not turn: ");
    debugger.end();
    supervisor.next("WATCHDOG=1");
    await_log(&setup, "watchdog: data core 0 turns again");

    setup.succeed("reload");
    supervisor.next("RELOADING=1");
    supervisor.next("READY=1");
    hale.signal(Signal::TERM);
    let stopping = supervisor.next("STOPPING=1");
    assert!(stopping.contains("STATUS=stopping: sessions have"), "{stopping}");
    assert!(hale.wait(PATIENCE).success());
}

#[test]
fn a_socket_that_systemd_holds_serves_who_came_before_hale_did() {
    let setup = Setup::new(free_port());
    setup.write();
    setup.make_cluster();
    let hale = setup.command("run");
    let (ours, stray) = ((FRONT, setup.port), (FRONT, free_port()));
    let mut systemd = SYSTEMD_SOCKET_ACTIVATE.command();
    systemd.arg(format!("--listen={}:{}", ours.0, ours.1));
    systemd.arg(format!("--listen={}:{}", stray.0, stray.1));
    systemd.arg("--fdname=imap:stray").arg(hale.get_program()).args(hale.get_args());
    let mut process = Process::start("systemd", &systemd, setup.path());
    // The first connection is what makes systemd start Hale.
    let early = wait_for("systemd's socket", PATIENCE, || std::net::TcpStream::connect(ours).ok());
    let mut early = Imap::open(early);
    early.greeting();
    for _ in 0..20 {
        Imap::connect(ours.into()).command("n", "NOOP");
    }
    await_log(&setup, &format!("the address of the socket stray ({}:{})", stray.0, stray.1));
    process.signal(Signal::TERM);
    process.signal(Signal::TERM);
    assert!(process.wait(PATIENCE).success(), "{}", process.said());
}

/// The unit as it is shipped, but for the place of the program and the manual pages that the package brings.
#[test]
fn the_units_are_good_in_systemds_own_eyes_and_leave_little_to_an_intruder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["hale.service", "hale.socket"] {
        let text = fs::read_to_string(source(&format!("systemd/{name}"))).unwrap();
        let text = text.replace("/usr/bin/hale", env!("CARGO_BIN_EXE_hale"));
        fs::write(folder.path().join(name), text).unwrap();
    }
    let unit = folder.path().join("hale.service");
    // `verify` says what it does not know and succeeds all the same.
    let mut verify = SYSTEMD_ANALYZE.command();
    verify.args(["verify", "--man=no"]).arg(&unit).arg(folder.path().join("hale.socket"));
    let verified = verify.output().unwrap();
    assert!(verified.status.success() && verified.stderr.is_empty(), "{}", said(&verified));
    let security = |threshold: &str| {
        let mut security = SYSTEMD_ANALYZE.command();
        security.args(["security", "--no-pager", "--offline=yes", threshold]).arg(&unit);
        security.output().unwrap()
    };
    // Tenths: at most 2.0 of 10.
    let judged = security("--threshold=20");
    assert!(judged.status.success(), "{}", said(&judged));
    assert!(!security("--threshold=1").status.success(), "no figure is judged");
}

/// What systemd hears.
struct Supervisor {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Supervisor {
    fn at(path: PathBuf) -> Self {
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(WATCHDOG)).unwrap();
        Self { path, socket }
    }

    /// What comes within the watchdog's time.
    fn hear(&self) -> Option<String> {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// The next message with this line.
    fn next(&self, line: &str) -> String {
        wait_for(line, PATIENCE, || {
            self.hear().filter(|message| message.lines().any(|other| other == line))
        })
    }
}

/// The thread of the first data core.
fn data_core(process: u32) -> u32 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let is_data_core = |path: &PathBuf| {
        fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim_end() == "hale-data-0")
    };
    let path = threads.map(|thread| thread.unwrap().path()).find(is_data_core).unwrap();
    path.file_name().unwrap().to_str().unwrap().parse().unwrap()
}

fn await_log(setup: &Setup, text: &str) {
    wait_for(text, PATIENCE, || {
        let log = fs::read_to_string(setup.path().join("hale.log")).unwrap_or_default();
        log.contains(text).then_some(())
    });
}

/// A file of the project.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What `drop_privileges_to` does where root starts Hale, and says where it cannot.
#[test]
fn root_becomes_the_user_that_is_named_and_no_other_user_can() {
    let mut setup = Setup::new(free_port());
    setup.configure("drop_privileges_to = nobody\nsandbox = try");
    setup.write();
    setup.make_cluster();
    if !rustix::process::geteuid().is_root() {
        let refused = setup.output("run");
        assert_eq!(refused.status.code(), Some(77), "{}", said(&refused));
        assert!(said(&refused).contains("only root becomes nobody"), "{}", said(&refused));
        return;
    }
    // What root has made before: the user has to reach it.
    let nobody = ["--recursive", "nobody:", setup.path().to_str().unwrap()];
    run(CHOWN.command().args(nobody));
    let hale = setup.run();
    let status = fs::read_to_string(format!("/proc/{}/status", hale.process_id())).unwrap();
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    assert!(of("Uid:").split('\t').all(|uid| uid != "0"), "{status}");
    assert!(of("Gid:").split('\t').all(|gid| gid != "0"), "{status}");
    assert_eq!(of("Groups:"), "", "root's groups are gone");
    // CAP_NET_BIND_SERVICE and nothing else, for Hale and for whatever it could start.
    for name in ["CapEff:", "CapPrm:", "CapBnd:"] {
        assert_eq!(u64::from_str_radix(of(name), 16).unwrap() & !(1 << 10), 0, "{name} {status}");
    }
    assert_eq!(of("NoNewPrivs:"), "1", "{status}");
}

/// From inside, thirty times no; and without a sandbox the same things are not refused, so that the test is one.
#[test]
fn p17_check_sandbox_is_refused_thirty_times_and_only_in_the_sandbox() {
    let mut setup = Setup::new(free_port());
    setup.configure("sandbox = try");
    setup.write();
    let inside = setup.output("check-sandbox");
    let report = said(&inside);
    assert!(inside.status.success() && report.contains("\n30 of 30 refused\n"), "{report}");
    setup.configure("sandbox = no");
    setup.write();
    let outside = setup.output("check-sandbox");
    let report = said(&outside);
    assert_eq!(outside.status.code(), Some(78), "{report}");
    for what in ["execve", "clone", "process_vm_readv", "setns", "mmap", "list the folder /"] {
        let line = report.lines().find(|line| line.contains(what)).unwrap();
        assert!(line.contains("NOT REFUSED"), "{line}");
    }
    // A data core's ring is restricted in any case.
    let of_ring = report.lines().filter(|line| line.contains("ring of a data core"));
    assert!(
        of_ring.clone().count() == 7 && of_ring.clone().all(|line| !line.contains("NOT")),
        "{report}"
    );
}
