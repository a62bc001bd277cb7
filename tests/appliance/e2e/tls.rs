//! TLS towards clients: implicit and by STARTTLS, with the clients people use, and with those an operator does not
//! want.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use rustls::ClientConfig;

use super::bridge;
use super::certificate::Pem;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::{Imap, login_line};
use super::mail::{LARGE, assert_same_bytes, message, noise};
use super::script::ScriptedBackends;
use super::tools::{CURL, OPENSSL, PYTHON, run, said};
use super::transfer::append;
use super::wait::{PATIENCE, timed, wait_for};

const NAME: &str = "mail.test";

/// A Hale with a certificate, and what a client needs to trust it.
struct Front {
    hale: Hale,
    config: Arc<ClientConfig>,
    pem: Pem,
}

impl Front {
    fn new(setup: Setup) -> Self {
        let pem = Pem::new(&[NAME, "localhost"]);
        let mut setup = setup;
        setup.secure(&pem);
        setup.configure("log_debug = yes");
        Self { hale: setup.start(), config: bridge::client_config(&pem), pem }
    }

    fn with_user(user: &str) -> Self {
        Self::new(Setup::with_users(Pair::shared(), &[user], b"secret"))
    }

    fn connect(&self) -> Imap {
        let mut client = bridge::connect(self.hale.tls_address(), NAME, &self.config);
        client.greeting();
        client
    }

    fn session(&self, user: &str) -> Imap {
        let mut client = self.connect();
        client.login(user, b"secret");
        client
    }

    /// A client behind STARTTLS.
    fn starttls(&self) -> Imap {
        let mut client = Imap::connect(self.hale.address());
        client.command("t", "STARTTLS");
        bridge::wrap(client.stream().try_clone().unwrap(), NAME, &self.config)
    }
}

#[test]
fn w_tls_1_implicit_tls_from_greeting_to_relay() {
    let front = Front::with_user("tls-implicit");
    let mut client = front.connect();
    let capabilities = client.command("c", "CAPABILITY").concat();
    let capabilities = String::from_utf8(capabilities).unwrap();
    assert!(!capabilities.contains("STARTTLS"), "offered inside TLS: {capabilities}");
    client.login("tls-implicit", b"secret");
    client.command("s", "SELECT INBOX");
    client.command("o", "LOGOUT");
    assert!(client.try_line().is_none());
}

#[test]
fn w_stls_starttls_from_clear_to_relay() {
    let front = Front::with_user("tls-starttls");
    let mut clear = Imap::connect(front.hale.address());
    let capabilities = String::from_utf8(clear.command("c", "CAPABILITY").concat()).unwrap();
    assert!(capabilities.contains(" STARTTLS"), "{capabilities}");
    let mut client = front.starttls();
    // No second greeting; TL-04: no second STARTTLS.
    client.send(b"n NOOP\r\nt STARTTLS\r\n");
    client.expect_tagged_ok("n");
    assert!(client.reply("t").last().unwrap().starts_with(b"t BAD"));
    client.login("tls-starttls", b"secret");
    client.command("s", "SELECT INBOX");
}

#[test]
fn tl_06_a_password_waits_for_tls_where_that_is_required() {
    let mut setup = Setup::with_users(Pair::shared(), &["tls-required"], b"secret");
    setup.configure("ssl = required\nlogin_trusted_networks =");
    let front = Front::new(setup);
    let mut clear = Imap::connect(front.hale.address());
    clear.send(&login_line("l", "tls-required", b"secret"));
    let refusal = clear.reply("l").concat();
    assert!(String::from_utf8_lossy(&refusal).contains("[PRIVACYREQUIRED]"));
    let mut client = front.starttls();
    client.login("tls-required", b"secret");
}

#[test]
fn w_rel_3_ten_megabytes_each_way_by_tls() {
    let front = Front::with_user("tls-large");
    let mail = message(LARGE, 70);
    let mut client = front.session("tls-large");
    append(&mut client, &mail);
    client.command("s", "SELECT INBOX");
    assert_same_bytes(&client.fetch("f", 1), &mail, "what came back");
    let mut client = front.starttls();
    client.login("tls-large", b"secret");
    client.command("s", "SELECT INBOX");
    assert_same_bytes(&client.fetch("f", 1), &mail, "what came back by STARTTLS");
}

#[test]
fn w_rel_3_curl_and_imaplib_by_tls() {
    let front = Front::with_user("tls-tools");
    let mail = message(1_000_003, 71);
    append(&mut front.session("tls-tools"), &mail);
    let directory = front.hale.setup().path();
    let authority = directory.join("cert.pem");
    let (port, clear) = (front.hale.tls_address().port(), front.hale.address().port());
    for (url, more) in [
        (format!("imaps://{NAME}:{port}/INBOX;MAILINDEX=1"), "--tlsv1.2"),
        (format!("imaps://{NAME}:{port}/INBOX;MAILINDEX=1"), "--tls-max=1.2"),
        (format!("imap://{NAME}:{clear}/INBOX;MAILINDEX=1"), "--ssl-reqd"),
    ] {
        let mut curl = CURL.command();
        curl.args(["--silent", "--show-error", "--user", "tls-tools:secret", more]);
        for port in [port, clear] {
            curl.args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")]);
        }
        // curl has no long option with a value inside for this one.
        let mut words = more.split('=');
        if let (Some(option), Some(value)) = (words.next(), words.next()) {
            curl = CURL.command();
            curl.args(["--silent", "--show-error", "--user", "tls-tools:secret", option, value]);
            curl.args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")]);
        }
        let got = run(curl.arg("--cacert").arg(&authority).arg(&url));
        assert_same_bytes(&got, &mail, &url);
    }
    const SCRIPT: &str = "import imaplib, ssl, sys\n\
        port, clear, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]\n\
        trust = ssl.create_default_context(cafile=ca)\n\
        implicit = imaplib.IMAP4_SSL('localhost', port, ssl_context=trust)\n\
        later = imaplib.IMAP4('localhost', clear)\n\
        later.starttls(trust)\n\
        for client in implicit, later:\n\
        \x20   client.login('tls-tools', 'secret')\n\
        \x20   client.select('INBOX')\n\
        \x20   print(len(client.fetch('1', '(BODY.PEEK[])')[1][0][1]))\n\
        \x20   client.logout()\n";
    let mut python = PYTHON.command();
    python.args(["-c", SCRIPT, &port.to_string(), &clear.to_string()]).arg(&authority);
    let sizes = String::from_utf8(run(&mut python)).unwrap();
    let size = mail.len().to_string();
    assert_eq!(sizes.split_whitespace().collect::<Vec<_>>(), [size.as_str(), size.as_str()]);
}

/// All sessions of a core share buffers: no byte of one in another, while logins and relays take turns.
#[test]
fn w_rel_3_and_tl_many_sessions_by_tls_are_strangers_to_each_other() {
    let names: Vec<String> = (0..12).map(|number| format!("tls-stranger-{number}")).collect();
    let users: Vec<&str> = names.iter().map(String::as_str).collect();
    let front = Front::new(Setup::with_users(Pair::shared(), &users, b"secret"));
    thread::scope(|scope| {
        for (user, seed) in users.iter().zip(200..) {
            let front = &front;
            scope.spawn(move || {
                let mail = message(300_001, seed);
                append(&mut front.session(user), &mail);
                for round in 0..6 {
                    let mut client =
                        if round % 2 == 0 { front.connect() } else { front.starttls() };
                    assert!(!client.try_login(user, b"wrong"));
                    client.login(user, b"secret");
                    client.command("s", "SELECT INBOX");
                    assert_same_bytes(&client.fetch("f", 1), &mail, user);
                }
            });
        }
    });
}

/// `openssl s_client` with these words and this input, to the TLS port.
fn s_client(front: &Front, words: &[&str], input: &[u8]) -> String {
    let mut command = OPENSSL.command();
    let address = front.hale.tls_address().to_string();
    command.args(["s_client", "-connect", &address, "-servername", NAME]).args(words);
    command.arg("-CAfile").arg(front.hale.setup().path().join("cert.pem"));
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    said(&child.wait_with_output().unwrap())
}

#[test]
fn tl_11_and_tl_16_versions_suites_and_alpn() {
    let front = Front::with_user("tls-versions");
    let logout = b"a LOGOUT\r\n";
    for (words, wanted) in [
        (vec!["-tls1_3"], "TLS_AES_128_GCM_SHA256"),
        (vec!["-tls1_2"], "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (vec!["-alpn", "h2,imap"], "ALPN protocol: imap"),
        (vec!["-alpn", "http/1.1"], "alert"),
        (vec!["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "alert"),
        (vec!["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"], "alert"),
        (vec!["-tls1_3", "-groups", "P-521"], "alert"),
    ] {
        let told = s_client(&front, &[&["-ign_eof"], words.as_slice()].concat(), logout);
        assert!(told.contains(wanted), "{words:?}: {told}");
        let greeted = told.contains("* OK");
        assert_eq!(greeted, wanted != "alert", "{words:?}: {told}");
    }
}

#[test]
fn w_tls_5_openssl_updates_its_keys_in_dialogue_and_relay() {
    let front = Front::with_user("tls-keys");
    let login = String::from_utf8(login_line("l", "tls-keys", b"secret")).unwrap();
    // In interactive mode a line that begins with K updates the keys, and asks us to; k only its own.
    let input = format!(
        "a NOOP\r\nK\nb NOOP\r\nk\n{login}c NOOP\r\nK\nd SELECT INBOX\r\nK\ne NOOP\r\no LOGOUT\r\n"
    );
    let mut command = OPENSSL.command();
    let address = front.hale.tls_address().to_string();
    command.args(["s_client", "-connect", &address, "-servername", NAME, "-tls1_3"]);
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut told = String::new();
    // One line at a time, each after the answer to the one before: s_client looks at the beginning of what it reads.
    for line in input.split_inclusive('\n') {
        let awaited = match line.trim_end() {
            "K" | "k" => None,
            line => line.split(' ').next().map(|tag| format!("{tag} OK")),
        };
        stdin.write_all(line.as_bytes()).unwrap();
        let mut piece = [0; 4096];
        while let Some(awaited) = awaited.as_ref().filter(|awaited| !told.contains(*awaited)) {
            let read = stdout.read(&mut piece).unwrap();
            assert!(read > 0, "no {awaited}: {told}");
            told.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        if awaited.is_none() {
            // The line has to be read alone; s_client says so on its error output only.
            wait_until_read(&stdin);
        }
    }
    drop(stdin);
    child.wait().unwrap();
}

/// Waits until the other end of a pipe has taken everything.
fn wait_until_read(pipe: &std::process::ChildStdin) {
    wait_for("an empty pipe", PATIENCE, || {
        (rustix::io::ioctl_fionread(pipe).unwrap() == 0).then_some(())
    });
}

#[test]
fn tl_18_a_second_connection_resumes_the_first_ones_session() {
    let front = Front::with_user("tls-resume");
    let ticket = front.hale.setup().path().join("ticket").to_str().unwrap().to_owned();
    let first = s_client(&front, &["-ign_eof", "-sess_out", &ticket], b"a LOGOUT\r\n");
    assert!(first.contains("New, TLSv1.3"), "{first}");
    let second = s_client(&front, &["-ign_eof", "-sess_in", &ticket], b"a LOGOUT\r\n");
    assert!(second.contains("Reused, TLSv1.3"), "{second}");
}

#[test]
fn tl_13_half_closed_by_tls_and_nothing_is_lost() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["tls-half"], b"secret");
    let front = Front::new(setup);
    let (question, answer) = (noise(5 << 20, 72), noise(5 << 20, 73));
    let mut client = front.session("tls-half");
    let mut backend = backends.next_session();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_same_bytes(&backend.rest(), &question, "what the backend got");
            backend.send(&answer);
            drop(backend);
        });
        client.send(&question);
        client.half_close();
        assert_same_bytes(&client.rest(), &answer, "what the client got");
    });
}

#[test]
fn tl_12_a_relayed_client_that_renews_its_keys_and_reads_nothing_is_left() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["tls-renews"], b"secret");
    let front = Front::new(setup);
    let mut client =
        bridge::small_window(front.hale.tls_address(), NAME, Arc::clone(&front.config));
    client.write_all(&login_line("l", "tls-renews", b"secret")).unwrap();
    bridge::read_until(&mut client, "l OK");
    let mut backend = backends.next_session();
    for _ in 0..40_000 {
        let is_over = client.conn.refresh_traffic_keys().is_err()
            || client.write_all(b"x\n").and_then(|()| client.flush()).is_err()
            // What arrives together is answered once: the next one has to wait.
            || backend.try_line().is_none();
        if is_over {
            break;
        }
    }
    wait_for("the log's word", PATIENCE, || {
        front.hale.said().contains("does not read what TLS has to answer").then_some(())
    });
}

#[test]
fn tl_10_a_client_that_says_nothing_or_little_has_ten_seconds() {
    let front = Front::with_user("tls-silent");
    let silent = TcpStream::connect(front.hale.tls_address()).unwrap();
    let mut slow = TcpStream::connect(front.hale.tls_address()).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let (took, ()) = timed(|| {
        // A record of 256 bytes, one byte a second.
        for byte in [0x16, 3, 1, 1, 0].into_iter().chain(std::iter::repeat(0)) {
            let mut answer = [0];
            if slow.write_all(&[byte]).is_err() || matches!(slow.read(&mut answer), Ok(0)) {
                break;
            }
        }
        assert_eq!((&silent).read(&mut [0; 100]).unwrap_or(0), 0);
    });
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(20), "{took:?}");
    wait_for("the log's word", PATIENCE, || {
        front.hale.said().contains("TLS handshake was not completed in time").then_some(())
    });
}

#[test]
fn tl_19_reload_takes_a_good_pair_and_keeps_the_old_one_over_a_bad_one() {
    let front = Front::with_user("tls-reload");
    let mut kept = front.session("tls-reload");
    let next = Pem::new(&[NAME]);
    let directory = front.hale.setup().path();
    // A key that is not the certificate's.
    next.write_certificate(directory);
    front.hale.signal(Signal::HUP);
    wait_for("the refusal", PATIENCE, || {
        let said = front.hale.said();
        (said.contains("former ones stay in use") && said.contains("not the certificate's"))
            .then_some(())
    });
    front.session("tls-reload").command("n", "NOOP");
    next.write(directory);
    front.hale.setup().succeed("reload");
    wait_for("the reload", PATIENCE, || front.hale.said().contains("reloaded:").then_some(()));
    let trust = bridge::client_config(&next);
    let mut fresh = bridge::connect(front.hale.tls_address(), NAME, &trust);
    fresh.greeting();
    fresh.login("tls-reload", b"secret");
    kept.command("n", "NOOP");
    assert_ne!(front.pem.certificate, next.certificate);
}

#[test]
fn op_01_bad_certificates_are_named_with_file_and_remedy() {
    let mut setup = Setup::new(super::ports::free_port());
    setup.secure(&Pem::new(&[NAME]));
    setup.write();
    setup.make_cluster();
    let directory = setup.path().to_owned();
    setup.succeed("check-config");
    let cases: [(&str, &dyn Fn(), &str); 4] = [
        (
            "key.pem",
            &|| std::fs::write(directory.join("key.pem"), Pem::new(&[NAME]).key).unwrap(),
            "not the certificate's",
        ),
        ("key.pem", &|| std::fs::write(directory.join("key.pem"), "").unwrap(), "no private key"),
        ("key.pem", &|| std::fs::remove_file(directory.join("key.pem")).unwrap(), "can't be read"),
        ("cert.pem", &|| Pem::expired(&[NAME]).write(&directory), "has expired"),
    ];
    for (file, spoil, word) in cases {
        spoil();
        for words in ["check-config", "run"] {
            let output = setup.output(words);
            let report = said(&output);
            assert_eq!(output.status.code(), Some(78), "{words}: {report}");
            assert!(report.contains(file) && report.contains(word), "{words}: {report}");
        }
    }
}
