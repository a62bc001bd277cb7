//! LMTP by TLS: clients by STARTTLS and from the first byte, Dovecots that prove themselves, and backends that lie.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tempfile::TempDir;

use super::bridge;
use super::certificate::Pem;
use super::hale::Setup;
use super::imap::Imap;
use super::kernel::resident_bytes;
use super::lmtp::{Lmtp, Stage};
use super::mail::{assert_same_bytes, message};
use super::ports::{BACKENDS, FRONT, free_port};
use super::tools::{OPENSSL, SWAKS, run};
use super::wait::{PATIENCE, wait_for};

const NAME: &str = "mail.test";
/// No other client comes from here.
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 57);

/// Hale with TLS towards clients, in front of Dovecots with TLS on both of their LMTP ports.
struct Secured {
    stage: Stage,
    implicit: u16,
    config: Arc<ClientConfig>,
    _files: TempDir,
}

/// How it is done towards the backends.
struct Backends<'a> {
    /// `proxy_ssl`.
    mode: &'a str,
    /// What the Dovecots show, and what Hale believes.
    shown: &'a Pem,
    trusted: &'a Pem,
    /// More lines of Hale's configuration, and of the Dovecots'.
    more: &'a str,
    dovecot: &'a str,
}

impl Secured {
    fn new(count: usize, mode: &str) -> Self {
        let pem = Pem::new(&["be1.test", "be2.test"]);
        Self::with(count, &Backends { mode, shown: &pem, trusted: &pem, more: "", dovecot: "" })
    }

    fn with(count: usize, backends: &Backends<'_>) -> Self {
        let files = tempfile::tempdir().unwrap();
        // Dovecot runs as nobody.
        std::fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).unwrap();
        backends.shown.write(files.path());
        let (directory, lmtps) = (files.path().display(), free_port());
        let dovecot = format!(
            "ssl = yes\nssl_cert = <{directory}/cert.pem\nssl_key = <{directory}/key.pem\n\
             service lmtp {{\n  inet_listener lmtps {{\n    port = {lmtps}\n    ssl = yes\n  }}\n}}\n{}\n",
            backends.dovecot
        );
        let (front, implicit) = (Pem::new(&[NAME, "localhost"]), free_port());
        let stage = Stage::with(count, &dovecot, |setup| {
            setup.secure(&front);
            let authority = setup.path().join("authority.pem");
            std::fs::write(&authority, &backends.trusted.certificate).unwrap();
            let mut lines = format!(
                "ssl_client_ca_file = {}\nprotocol lmtp {{\n  proxy_ssl = {}\n}}\nservice lmtp {{\n  \
                 inet_listener lmtps {{\n    port = {implicit}\n    ssl = yes\n  }}\n}}\n{}",
                authority.display(),
                backends.mode,
                backends.more
            );
            if backends.mode == "yes" {
                let _ = write!(lines, "\nprotocol lmtp {{\n  proxy_port = {lmtps}\n}}\n");
            }
            setup.configure(&lines);
        });
        let config = bridge::client_config(&front);
        Self { stage, implicit, config, _files: files }
    }

    /// A client on the port that begins with TLS.
    fn implicit(&self) -> Lmtp {
        let outer = Imap::open_from(CLIENT, (FRONT, self.implicit).into());
        let stream = outer.stream().try_clone().unwrap();
        let wrapped = bridge::wrap(stream, NAME, &self.config);
        let mut client = Lmtp::greeted(wrapped.stream().try_clone().unwrap());
        client.command("LHLO mx.example", 250);
        client
    }

    /// A client behind STARTTLS, which has said LHLO in clear.
    fn starttls(&self) -> Lmtp {
        let outer = Imap::open_from(CLIENT, (FRONT, self.stage.port).into());
        let mut clear = Lmtp::greeted(outer.stream().try_clone().unwrap());
        clear.send(b"LHLO early.example\r\n");
        assert!(clear.lines().iter().any(|line| line[4..].trim_end() == "STARTTLS"));
        clear.command("STARTTLS", 220);
        let stream = clear.stream().try_clone().unwrap();
        let wrapped = bridge::wrap(stream, NAME, &self.config);
        Lmtp::open(wrapped.stream().try_clone().unwrap())
    }

    /// The only message of this user, which ends in these bytes; what Dovecot has put before them.
    fn trace(&self, user: &str, mail: &[u8]) -> String {
        let mails = self.stage.mails(self.stage.home(user), user);
        assert_eq!(mails.len(), 1, "{user}");
        let (trace, body) = mails[0].split_at(mails[0].len() - mail.len());
        assert_same_bytes(body, mail, user);
        String::from_utf8_lossy(trace).into_owned()
    }
}

#[test]
fn w_btls_1_lmtp_by_tls_on_both_sides() {
    for mode in ["starttls", "yes"] {
        let secured = Secured::new(8, mode);
        let names: Vec<&str> = secured.stage.users.iter().map(String::as_str).collect();
        let (early, late) = names.split_at(4);
        let mail = message(300_001, 7);

        let mut client = secured.starttls();
        // W-STLS-3: LHLO is forgotten, STARTTLS is no more (TL-04).
        client.command("MAIL FROM:<a@b>", 503);
        client.send(b"LHLO mx.example\r\n");
        assert!(client.lines().iter().all(|line| !line.contains("STARTTLS")));
        client.command("STARTTLS", 503);
        client.envelope(early);
        client.command("STARTTLS", 503);
        assert_eq!(client.data(&mail, 4), [250; 4]);
        client.command("QUIT", 221);
        assert!(client.reads_the_end());

        let mut client = secured.implicit();
        client.envelope(late);
        assert_eq!(client.data(&mail, 4), [250; 4]);
        client.command("QUIT", 221);
        assert!(client.reads_the_end());

        for user in names {
            let trace = secured.trace(user, &mail);
            // Dovecot tells how it was given the message, and by whom as it was told behind TLS.
            assert!(trace.contains("using TLSv1.3"), "{mode}: {trace}");
            assert!(trace.contains(&format!("([{CLIENT}])")), "{mode}: {trace}");
        }
    }
}

#[test]
fn lm_06_a_hundred_megabytes_by_tls_on_both_sides_leave_no_trace_in_memory() {
    let secured = Secured::new(4, "yes");
    secured.stage.assert_passes_large(&mut secured.implicit());
}

#[test]
fn lm_02_by_tls_one_backend_down_one_250_one_451() {
    let secured = Secured::new(8, "starttls");
    let names: Vec<&str> = secured.stage.users.iter().map(String::as_str).collect();
    let mut client = secured.implicit();
    client.envelope(&names);
    assert_eq!(client.data(b"Subject: first\r\n\r\n", 8), [250; 8]);
    let [near, far] = [0, 1].map(|home| {
        let lives_there = |user: &&&str| secured.stage.home(user) == home;
        *names.iter().find(lives_there).expect("eight users live on both backends")
    });
    secured.stage.pair.backends[1].kill();
    client.command("MAIL FROM:<>", 250);
    client.send(format!("RCPT TO:<{far}>\r\nRCPT TO:<{near}>\r\n").as_bytes());
    assert_eq!([client.reply().0, client.reply().0], [451, 250]);
    assert_eq!(client.data(b"Subject: second\r\n\r\n", 1), [250]);
    client.command("QUIT", 221);
    assert_eq!(secured.stage.mails(0, near).len(), 2);
}

#[test]
fn tl_01_and_tl_02_what_follows_starttls_in_clear_is_never_run_in_lmtp() {
    let pem = Pem::new(&["be1.test"]);
    let more = "log_debug = yes";
    let secured =
        Secured::with(1, &Backends { mode: "no", shown: &pem, trusted: &pem, more, dovecot: "" });
    let text = b"STARTTLS\r\nLHLO evil\r\nMAIL FROM:<evil@example.org>\r\n";
    for cut in 0..text.len() {
        let mut stream = TcpStream::connect((FRONT, secured.stage.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (first, second) = text.split_at(cut);
        stream.write_all(first).unwrap();
        // Hale may be faster than we are.
        let _ = stream.write_all(second);
        let mut told = Vec::new();
        // Closed in any case: as an injection, or because a command is no handshake.
        let _ = stream.read_to_end(&mut told);
        let told = String::from_utf8_lossy(&told);
        let lines: Vec<&str> = told.lines().take(2).collect();
        assert!(lines[0].starts_with("220 "), "{cut}: {told}");
        // The alert behind a go-ahead is no text.
        let answer = lines.get(1).copied().unwrap_or_default();
        let is_known = answer.starts_with("554 5.5.0") || answer.starts_with("220 2.0.0");
        assert!(is_known && !told.contains("250"), "{cut}: {told}");
    }
    wait_for("the log's word", PATIENCE, || {
        secured.stage.log().contains("starttls_pipelined").then_some(())
    });
}

#[test]
fn tl_09_lmtp_backends_that_cannot_prove_themselves_get_no_mail() {
    let stranger = Pem::new(&["be1.test", "be2.test"]);
    let named_otherwise = Pem::new(&["somebody.else.test"]);
    for (shown, trusted, what) in [
        (&named_otherwise, &named_otherwise, "another name"),
        (&named_otherwise, &stranger, "issuer is not trusted"),
    ] {
        for mode in ["starttls", "yes"] {
            let backends = Backends { mode, shown, trusted, more: "", dovecot: "" };
            let secured = Secured::with(1, &backends);
            let mut client = secured.implicit();
            client.command("MAIL FROM:<a@b>", 250);
            // May pass: the MTA that sends it must not bounce it because of our certificates.
            client.command("RCPT TO:<mail-0>", 451);
            wait_for("the log's word", PATIENCE, || {
                secured.stage.log().contains(what).then_some(())
            });
            let logs: String =
                secured.stage.pair.backends.iter().map(super::dovecot::Dovecot::log).collect();
            assert!(!logs.contains("mail-0"), "{logs}");
        }
    }
    // An operator who says that any certificate will do gets it, by the database or for all.
    for more in [
        "passdb users {\n  fields {\n    starttls = any-cert\n  }\n}",
        "protocol lmtp {\n  proxy_ssl = starttls\n}\nssl_client_require_valid_cert = no",
    ] {
        let backends =
            Backends { mode: "no", shown: &named_otherwise, trusted: &stranger, more, dovecot: "" };
        let secured = Secured::with(1, &backends);
        let mut client = secured.implicit();
        client.envelope(&["mail-0"]);
        assert_eq!(client.data(b"Subject: x\r\n\r\n", 1), [250]);
        let trace = secured.trace("mail-0", b"Subject: x\r\n\r\n");
        assert!(trace.contains("using TLSv1.3"), "{trace}");
    }
}

/// Backends that say `banner`, `keywords` to LHLO and `answer` to STARTTLS. What they heard comes back.
fn liars(keywords: &'static [u8], answer: &'static [u8]) -> (u16, Receiver<Vec<u8>>) {
    let port = free_port();
    let (sender, heard) = channel();
    for address in BACKENDS {
        let listener = TcpListener::bind((address, port)).unwrap();
        let sender = sender.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.write_all(b"220 liar ready\r\n").unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut said = Vec::new();
                let _ = reader.read_until(b'\n', &mut said);
                stream.write_all(keywords).unwrap();
                let _ = reader.read_until(b'\n', &mut said);
                if said.ends_with(b"STARTTLS\r\n") {
                    stream.write_all(answer).unwrap();
                }
                let _ = reader.read_to_end(&mut said);
                if sender.send(said).is_err() {
                    return;
                }
            }
        });
    }
    (port, heard)
}

#[test]
fn tl_07_whatever_an_lmtp_backend_answers_to_starttls_no_mail_follows_in_clear() {
    let offer: &[u8] = b"250-liar\r\n250-PIPELINING\r\n250-XCLIENT ADDR\r\n250 STARTTLS\r\n";
    let cases: [(&[u8], &[u8]); 7] = [
        (offer, b"220 go\r\n250 liar\r\n250 2.1.0 OK\r\n250 2.1.5 OK\r\n"),
        (offer, b"220 go\r\n\r\n"),
        (offer, b"220 go\r\n\x15\x03\x03\x00\x02\x02\x28"),
        (offer, b"454 4.7.0 not now\r\n"),
        (offer, b"502 5.5.1 never\r\n"),
        (offer, b"250 2.0.0 what\r\n"),
        (b"250-liar\r\n250-XCLIENT ADDR\r\n250 PIPELINING\r\n", b""),
    ];
    for (keywords, answer) in cases {
        let (port, heard) = liars(keywords, answer);
        let mut setup = Setup::new(port);
        setup.add_users(&["lied-to"], b"secret");
        let lmtp = free_port();
        setup.configure(&format!(
            "protocols = imap lmtp\nservice lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}\n\
             protocol lmtp {{\n  proxy_port = {port}\n  proxy_ssl = starttls\n}}\nssl_client_require_valid_cert = no"
        ));
        let _hale = setup.start();
        let mut client = Lmtp::connect(lmtp);
        client.command("LHLO mx.example", 250);
        client.command("MAIL FROM:<secret-sender@example.org>", 250);
        let shown = answer.escape_ascii();
        let refusal = client.command("RCPT TO:<lied-to>", 451);
        assert_eq!(refusal, "451 4.4.0 Backend is unavailable\r\n", "{shown}");
        let said = heard.recv_timeout(PATIENCE).unwrap();
        let said = String::from_utf8_lossy(&said);
        for secret in ["lied-to", "secret-sender", "XCLIENT", "MAIL", "RCPT", "127.0.0.1"] {
            assert!(!said.contains(secret), "{shown}: {said}");
        }
        // The client may go on.
        client.command("NOOP", 250);
        client.command("DATA", 503);
    }
}

#[test]
fn w_btls_7_sessions_with_lmtp_backends_are_resumed() {
    let pem = Pem::new(&["be1.test", "be2.test"]);
    // Each process of Dovecot's has ticket keys of its own.
    let dovecot = "service lmtp {\n  process_limit = 1\n}";
    let more = "data_cores = 0";
    let backends = Backends { mode: "starttls", shown: &pem, trusted: &pem, more, dovecot };
    let mut secured = Secured::with(1, &backends);
    for _ in 0..4 {
        let mut client = Lmtp::connect(secured.stage.port);
        client.command("LHLO mx.example", 250);
        client.envelope(&["mail-0"]);
        assert_eq!(client.data(b"Subject: x\r\n\r\n", 1), [250]);
        client.command("QUIT", 221);
        assert!(client.reads_the_end());
    }
    secured.stage.hale.signal(rustix::process::Signal::TERM);
    assert!(secured.stage.hale.wait(PATIENCE).success());
    let totals = secured.stage.hale.said();
    let resumed = totals.split("tls_resumed=").nth(1).and_then(|rest| rest.split(' ').next());
    assert_eq!(resumed, Some("3"), "{totals}");
}

#[test]
fn w_lmtp_swaks_delivers_by_starttls_and_from_the_first_byte() {
    let secured = Secured::new(2, "starttls");
    let authority = secured.stage.hale.setup().path().join("cert.pem");
    for (user, option, port) in
        [("mail-0", "--tls", secured.stage.port), ("mail-1", "--tlsc", secured.implicit)]
    {
        let mut swaks = SWAKS.command();
        swaks.args(["--protocol", "LMTP", "--server", &FRONT.to_string(), "--port"]);
        swaks.args([&port.to_string(), option, "--tls-verify", "--tls-sni", NAME]);
        swaks.arg("--tls-ca-path").arg(&authority);
        swaks.args([
            "--from",
            "a@example.org",
            "--to",
            user,
            "--timeout",
            "60",
            "--helo",
            "mx.test",
        ]);
        swaks.args(["--data", "Subject: hi\n\nfrom swaks\n..\n"]);
        let told = String::from_utf8(run(&mut swaks)).unwrap();
        assert!(told.contains("TLS started with cipher TLSv1.3"), "{told}");
        let mails = secured.stage.mails(secured.stage.home(user), user);
        let mail = String::from_utf8_lossy(&mails[0]);
        assert!(mails.len() == 1 && mail.contains("\r\n\r\nfrom swaks\r\n..\r\n"), "{mail}");
    }
}

#[test]
fn w_tls_5_openssl_updates_its_keys_within_a_message() {
    let secured = Secured::new(1, "starttls");
    let mut command = OPENSSL.command();
    let address = format!("{FRONT}:{}", secured.stage.port);
    command.args(["s_client", "-connect", &address, "-starttls", "lmtp", "-tls1_3", "-quiet"]);
    command.args(["-no_ign_eof", "-servername", NAME]);
    command.stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut told = String::new();
    // In interactive mode a line that begins with K updates the keys, and asks us to; k only its own.
    let script = [
        ("LHLO mx.example\r\n", "250 "),
        ("K\n", ""),
        ("MAIL FROM:<a@b>\r\n", "250 2.1.0"),
        ("k\n", ""),
        ("rcpt to:<mail-0>\r\n", "250 2.1.5"),
        ("DATA\r\n", "354 "),
        ("Subject: keys\r\n\r\nfirst\r\n", ""),
        ("K\n", ""),
        ("second\r\n", ""),
        ("k\n", ""),
        (".\r\n", "Saved"),
        ("K\n", ""),
        ("NOOP\r\n", "250 2.0.0 OK"),
    ];
    for (line, awaited) in script {
        let before = told.len();
        stdin.write_all(line.as_bytes()).unwrap();
        let mut piece = [0; 4096];
        while !awaited.is_empty() && !told[before..].contains(awaited) {
            let read = stdout.read(&mut piece).unwrap();
            assert!(read > 0, "no {awaited}: {told}");
            told.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        // s_client looks at the beginning of what it reads, so each line has to be read alone.
        wait_for("an empty pipe", PATIENCE, || {
            (rustix::io::ioctl_fionread(&stdin).unwrap() == 0).then_some(())
        });
    }
    drop(stdin);
    child.wait().unwrap();
    let mails = secured.stage.mails(secured.stage.home("mail-0"), "mail-0");
    assert!(mails[0].ends_with(b"\r\n\r\nfirst\r\nsecond\r\n"), "{}", mails[0].escape_ascii());
}

/// A client that says goodbye behind its message still gets its replies, and a goodbye.
#[test]
fn tl_13_lmtp_half_closed_by_tls_and_every_reply_comes() {
    let secured = Secured::new(4, "yes");
    let names: Vec<&str> = secured.stage.users.iter().map(String::as_str).collect();
    let mail = message(2_000_003, 9);
    for says_goodbye in [true, false] {
        let stream = TcpStream::connect((FRONT, secured.implicit)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(NAME).unwrap();
        let tls = ClientConnection::new(Arc::clone(&secured.config), name).unwrap();
        let mut client = StreamOwned::new(tls, stream);
        let mut text = b"LHLO mx.example\r\nMAIL FROM:<a@b> BODY=8BITMIME\r\n".to_vec();
        for user in &names {
            text.extend(format!("RCPT TO:<{user}>\r\n").bytes());
        }
        text.extend(format!("BDAT {} LAST\r\n", mail.len()).bytes());
        text.extend(&mail);
        client.write_all(&text).unwrap();
        client.flush().unwrap();
        if says_goodbye {
            client.conn.send_close_notify();
            client.flush().unwrap();
        }
        client.sock.shutdown(Shutdown::Write).unwrap();
        let mut told = String::new();
        // Without Hale's close_notify this were an error.
        client.read_to_string(&mut told).unwrap();
        let saved = told.lines().filter(|line| line.starts_with("250 2.0.0")).count();
        assert_eq!(saved, 4, "{told}");
    }
}

#[test]
fn tl_12_a_client_that_renews_its_keys_and_reads_nothing_is_left() {
    let pem = Pem::new(&["be1.test"]);
    let more = "log_debug = yes";
    let secured =
        Secured::with(1, &Backends { mode: "no", shown: &pem, trusted: &pem, more, dovecot: "" });
    let mut client =
        bridge::small_window((FRONT, secured.implicit).into(), NAME, Arc::clone(&secured.config));
    client.write_all(b"LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<mail-0>\r\nDATA\r\n").unwrap();
    bridge::read_until(&mut client, "354 ");
    let before = resident_bytes(secured.stage.hale.process_id());
    bridge::renew_keys_without_end(client);
    let grown = resident_bytes(secured.stage.hale.process_id()).saturating_sub(before);
    assert!(grown < 2 << 20, "{grown} bytes more than before");
    wait_for("the log's word", PATIENCE, || {
        secured.stage.log().contains("does not read what TLS has to answer").then_some(())
    });
}
