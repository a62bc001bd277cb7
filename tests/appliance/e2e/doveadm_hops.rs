//! Commands about users over more than one hop: TLS, referrals, circles.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::certificate::Pem;
use super::doveadm::Stage;
use super::doveadm_line::{DoveadmLine, Reply};
use super::hale::{Hale, Setup, hashed};
use super::ports::{BACKENDS, FRONT, free_port};
use super::tools::{CURL, PYTHON, run};
use super::wait::{PATIENCE, wait_for};

const PASSWORD: &[u8] = b"pw";

/// Hale with this doveadm listener, whose user `name` has the doveadm at 127.0.0.1:`to`.
pub(crate) fn in_front_of(stage: &Stage, name: &str, port: u16, to: u16, more: &str) -> Hale {
    let mut setup = Setup::new(stage.pair.port);
    let hash = String::from_utf8(hashed(PASSWORD)).unwrap();
    setup.add_row(&format!("{name}:{hash}::::::proxy=y host={FRONT}"));
    setup.configure(&format!(
        "doveadm_port = {to}\ndoveadm_password = secret\n{more}service doveadm {{\n  inet_listener tcp {{\n    \
         listen = {FRONT}\n    port = {port}\n  }}\n}}"
    ));
    setup.start()
}

fn list(port: u16, name: &str) -> Reply {
    let line = format!("\t{name}\tmailbox list\t-u\t{name}");
    DoveadmLine::log_in((FRONT, port).into(), 0).command(&line)
}

fn listed(names: &[&str], status: &str) -> Reply {
    let fields = names.iter().map(|name| (*name).to_owned()).collect();
    Reply { fields, status: status.to_owned() }
}

#[test]
fn w_dov_6_proxies_ask_each_other_by_tls_and_those_that_ask_themselves_stop() {
    let stage = Stage::shared();
    let mut near = Setup::with_users(&stage.pair, &["hop-eve"], PASSWORD);
    near.secure(&Pem::new(&["near.test"]));
    let [near_port, tls_port, http_port] = [(); 3].map(|()| free_port());
    near.configure(&format!(
        "doveadm_port = {}\ndoveadm_password = secret\nservice doveadm {{\n  inet_listener tcp {{\n    \
         port = {near_port}\n  }}\n  inet_listener tls {{\n    port = {tls_port}\n    ssl = yes\n  }}\n  \
         inet_listener http {{\n    port = {http_port}\n    ssl = yes\n  }}\n}}",
        stage.port
    ));
    let near = near.start();
    let _session = near.session("hop-eve", PASSWORD);
    for (way, to) in [("no", near_port), ("starttls", near_port), ("ssl", tls_port)] {
        let port = free_port();
        let more = format!("doveadm_ssl = {way}\nssl_client_require_valid_cert = no\n");
        let _far = in_front_of(stage, "hop-eve", port, to, &more);
        assert_eq!(list(port, "hop-eve"), listed(&["INBOX"], "+"), "{way}");
    }
    // Whose certificate is not trusted gets no password.
    let port = free_port();
    let strict = in_front_of(stage, "hop-eve", port, near_port, "doveadm_ssl = starttls\n");
    assert_eq!(list(port, "hop-eve"), listed(&[], "-TEMPFAIL"));
    wait_until_said(&strict, "doveadm of 127.0.0.1");
    let url = format!("https://127.0.0.1:{http_port}/doveadm/v1");
    let mut curl = CURL.command();
    curl.args([
        "-s",
        "-k",
        "-u",
        "doveadm:secret",
        "-d",
        r#"[["mailboxList",{"user":"hop-eve"},"t"]]"#,
        &url,
    ]);
    assert_eq!(run(&mut curl), br#"[["doveadmResponse",[{"mailbox":"INBOX"}],"t"]]"#);
    starttls_by_hand(near_port);

    let port = free_port();
    let own = in_front_of(stage, "hop-self", port, port, "");
    assert_eq!(list(port, "hop-self"), listed(&[], "-TEMPFAIL"));
    wait_until_said(&own, "TTL reached zero");
}

/// Lines are gathered for a moment before they are written.
fn wait_until_said(hale: &Hale, text: &str) {
    wait_for(&format!("{text} in the log"), PATIENCE, || hale.said().contains(text).then_some(()));
}

/// As another implementation does it.
fn starttls_by_hand(port: u16) {
    let program = "import socket, ssl, sys\n\
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
        s.sendall(b'VERSION\\tdoveadm-server\\t1\\t2\\n')\n\
        heard = b''\n\
        while not heard.endswith(b'\\n-\\n'): heard += s.recv(1)\n\
        s.sendall(b'STARTTLS\\n')\n\
        c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE\n\
        c.set_alpn_protocols(['doveadm'])\n\
        t = c.wrap_socket(s)\n\
        t.sendall(b'PLAIN\\tAGRvdmVhZG0Ac2VjcmV0\\n\\t\\twho\\thop-nobody\\n\\n')\n\
        heard = b''\n\
        while True:\n\
        \x20more = t.recv(100)\n\
        \x20if not more: break\n\
        \x20heard += more\n\
        print(t.selected_alpn_protocol(), heard)\n";
    let mut python = PYTHON.command();
    let printed = run(python.args(["-c", program, &port.to_string()]));
    let expected = "doveadm b'+\\n\\x00\\x00\\x00\\x00\\x03\\n+\\n'\n";
    assert_eq!(String::from_utf8(printed).unwrap(), expected);
}

#[test]
fn w_dov_6_referrals_lead_to_hosts_of_the_cluster_only() {
    let stage = Stage::shared();
    stage.pair.add_user("hop-fay", PASSWORD);
    let backend = |at: usize| SocketAddr::from((BACKENDS[at], stage.port)).to_string();
    for (whereto, expected, reason) in [
        (backend(1), listed(&["INBOX"], "+"), ""),
        (format!("hop-fay@{}", backend(1)), listed(&["INBOX"], "+"), ""),
        ("hop-fay@127.0.0.9:1".to_owned(), listed(&[], "-NOTFOUND"), "127.0.0.9"),
        ("<nonsense>".to_owned(), listed(&[], "-TEMPFAIL"), "which is no host"),
    ] {
        let [port, to] = [(); 2].map(|()| free_port());
        let scripted = TcpListener::bind((FRONT, to)).unwrap();
        let answer = format!("\n-REFERRAL {whereto}\n");
        let script = thread::spawn(move || refer(&scripted, &answer));
        let hale = in_front_of(stage, "hop-fay", port, to, "");
        assert_eq!(list(port, "hop-fay"), expected, "{whereto}");
        wait_until_said(&hale, reason);
        assert_eq!(script.join().unwrap(), "\thop-fay\tmailbox list\t-u\thop-fay\n");
    }
}

/// A host of minor 0 that answers the first command so. The command.
fn refer(listener: &TcpListener, answer: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    stream.write_all(b"-\n").unwrap();
    let mut line = String::new();
    for _ in 0..2 {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    assert_eq!(line, "PLAIN\tAGRvdmVhZG0Ac2VjcmV0\n");
    stream.write_all(b"+\n").unwrap();
    line.clear();
    reader.read_line(&mut line).unwrap();
    stream.write_all(answer.as_bytes()).unwrap();
    line
}
