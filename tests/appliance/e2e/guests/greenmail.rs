//! GreenMail, a mail server in Java: IMAP, POP3, Submission. It is no Debian package and wants nothing of the machine, so it needs no root.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hale::names::Protocol;
use tempfile::TempDir;

use super::super::certificate::Pem;
use super::super::mail::message;
use super::super::ports::{BACKENDS, free_port};
use super::super::process::Process;
use super::super::tools::{CURL, JAVA, MVN, OPENSSL, run};
use super::super::wait::{PATIENCE, wait_for};
use super::front::{Front, Users, Way};
use super::{ODD, known_to_hale, people};

/// A running GreenMail. It listens on one address, so both backends are there.
struct GreenMail {
    _process: Process,
    _folder: TempDir,
    /// In the order of [`SERVICES`].
    ports: [u16; 6],
}

const SERVICES: [&str; 6] = ["imap", "pop3", "smtp", "imaps", "pop3s", "smtps"];

const MAIL: [Protocol; 3] = [Protocol::Imap, Protocol::Pop3, Protocol::Submission];

impl GreenMail {
    fn start(users: Users<'_>, pem: &Pem) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ports, control) = (SERVICES.map(|_| free_port()), free_port());
        let mut command = JAVA.command();
        // It lives for seconds: a compiler that thinks long is of no use.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m"]);
        let host = BACKENDS[0];
        for (service, port) in SERVICES.iter().zip(ports).chain([(&"api", control)]) {
            command.arg(format!("-Dgreenmail.{service}.hostname={host}"));
            command.arg(format!("-Dgreenmail.{service}.port={port}"));
        }
        command.arg(format!(
            "-Dgreenmail.tls.keystore.file={}",
            key_store(folder.path(), pem).display()
        ));
        command.args(["-Dgreenmail.tls.keystore.password=changeit", "-jar"]).arg(fetched());
        let process = Process::start("greenmail", &command, folder.path());
        let url = format!("http://{host}:{control}/api");
        wait_for("GreenMail", PATIENCE, || {
            let mut command = curl();
            command.arg(format!("{url}/service/readiness"));
            command.output().unwrap().status.success().then_some(())
        });
        for (user, password) in users {
            let mut command = curl();
            command.args([
                "--header",
                "Content-Type: application/json",
                "--data",
                &account(user, password),
            ]);
            run(command.arg(format!("{url}/user")));
        }
        Self { _process: process, _folder: folder, ports }
    }
}

fn curl() -> std::process::Command {
    let mut command = CURL.command();
    command.args(["--silent", "--show-error", "--fail", "--max-time", "60"]);
    command
}

/// One user in JSON. GreenMail reads a password's bytes as characters of one byte each.
fn account(user: &str, password: &[u8]) -> String {
    let mut escaped = String::new();
    for unit in String::from_utf8_lossy(password).encode_utf16() {
        write!(escaped, "\\u{unit:04x}").unwrap();
    }
    format!("{{\"login\":\"{user}\",\"email\":\"{user}@example.org\",\"password\":\"{escaped}\"}}")
}

/// Certificate and key as Java reads them.
fn key_store(folder: &Path, pem: &Pem) -> PathBuf {
    pem.write(folder);
    let store = folder.join("store.p12");
    let mut command = OPENSSL.command();
    command
        .args(["pkcs12", "-export", "-passout", "pass:changeit", "-in"])
        .arg(folder.join("cert.pem"));
    command.arg("-inkey").arg(folder.join("key.pem")).arg("-out").arg(&store);
    run(&mut command);
    store
}

/// The program, beside what cargo builds; Maven fetches it once, into a repository of its own.
fn fetched() -> &'static Path {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("greenmail");
        let program = folder.join(format!("greenmail-standalone-{VERSION}.jar"));
        // Written last.
        let done = folder.join(format!("fetched-{VERSION}"));
        if done.exists() && program.exists() {
            return program;
        }
        fs::create_dir_all(&folder).unwrap();
        let repository = folder.join("repository");
        let mut command = MVN.command();
        command.args([
            "--quiet",
            "--batch-mode",
            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
        ]);
        command.arg(format!("-Dmaven.repo.local={}", repository.display()));
        command.arg(format!("-Dartifact=com.icegreen:greenmail-standalone:{VERSION}"));
        command.arg(format!("-DoutputDirectory={}", folder.display()));
        run(command.current_dir(&folder));
        let _ = fs::remove_dir_all(repository);
        fs::write(done, "").unwrap();
        program
    })
}

const VERSION: &str = "2.1.3";

fn users() -> Vec<(&'static str, &'static [u8])> {
    people(&[("eva", b"secret"), ("tim", b"secret")])
}

fn users_of_hale() -> Vec<(&'static str, &'static [u8])> {
    known_to_hale(users())
}

#[test]
fn greenmail_serves_mailboxes_and_takes_mail() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    let greenmail = GreenMail::start(&users(), &pem);
    // It knows no STARTTLS.
    let ways = [
        (Way::Clear, &greenmail.ports[..3], "eva", ODD[3]),
        (Way::Implicit(&pem), &greenmail.ports[3..], "tim", ODD[4]),
    ];
    for (way, ports, user, reader) in ways {
        let guest: Vec<(Protocol, u16)> = MAIL.into_iter().zip(ports.iter().copied()).collect();
        let front = Front::prepared(&guest, &users_of_hale(), way, |setup| {
            setup.put_backends_at(BACKENDS[0]);
        });
        for protocol in MAIL {
            front.everybody_logs_in(protocol, ODD);
            front.the_backend_refuses(protocol, "changed", b"at the proxy");
        }
        front.mail_by_imap(user, b"secret");
        front.mail_by_pop3(user, b"secret");
        let mail = [&message(260_000, 921)[..], b"The end.\r\n"].concat();
        front.mail_by_submission(user, b"secret", &format!("{}@example.org", reader.0), &mail);
        front.expect_mail(reader.0, reader.1, &mail);
        front.every_line_says_why();
    }
}
