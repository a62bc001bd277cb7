//! SASL EXTERNAL with the clients people use and with Debian's HAProxy in front, and what a certificate costs.

use std::fs;
use std::net::{SocketAddr, TcpStream};

use super::bridge;
use super::client_certificate::{Stage, until};
use super::imap::Imap;
use super::kernel::resident_bytes;
use super::ports::{FRONT, free_port};
use super::process::Process;
use super::tools::{CURL, HAPROXY, OPENSSL, PYTHON, run};
use super::wait::{PATIENCE, poll, wait_for};
use super::web_service::WebService;

const NAME: &str = "mail.test";

#[test]
fn sa_06_curl_and_python_log_in_by_certificate() {
    let stage = Stage::new(&["cert-tools"], "");
    let directory = stage.hale.setup().path();
    let own = stage.authority.issue("cert-tools");
    for (name, text) in [("own.crt", &own.certificate), ("own.key", &own.key)] {
        fs::write(directory.join(name), text).unwrap();
    }
    let (port, clear) = (stage.hale.tls_address().port(), stage.hale.address().port());
    for (url, version) in [
        (format!("imaps://{NAME}:{port}/"), "1.3"),
        (format!("imaps://{NAME}:{port}/"), "1.2"),
        (format!("imap://{NAME}:{clear}/"), "1.3"),
        (format!("pop3://{NAME}:{}/", stage.pop3.port()), "1.3"),
    ] {
        let mut curl = CURL.command();
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--ssl-reqd",
            "--tls-max",
            version,
        ]);
        for port in [port, clear, stage.pop3.port()] {
            curl.args(["--resolve", &format!("{NAME}:{port}:127.0.0.1")]);
        }
        curl.arg("--cacert").arg(directory.join("cert.pem"));
        curl.arg("--cert").arg(directory.join("own.crt"));
        curl.arg("--key").arg(directory.join("own.key"));
        curl.args(["--user", "cert-tools:", "--login-options", "AUTH=EXTERNAL", &url]);
        run(&mut curl);
    }
    const SCRIPT: &str = "import imaplib, poplib, smtplib, ssl, sys\n\
        folder, tls, clear, pop3, smtp = sys.argv[1], *map(int, sys.argv[2:])\n\
        trust = ssl.create_default_context(cafile=folder + '/cert.pem')\n\
        trust.load_cert_chain(folder + '/own.crt', folder + '/own.key')\n\
        implicit = imaplib.IMAP4_SSL('localhost', tls, ssl_context=trust)\n\
        later = imaplib.IMAP4('localhost', clear)\n\
        later.starttls(trust)\n\
        for client in implicit, later:\n\
        \x20   client.authenticate('EXTERNAL', lambda challenge: b'')\n\
        \x20   client.select('INBOX')\n\
        \x20   client.logout()\n\
        client = poplib.POP3('localhost', pop3)\n\
        client.stls(trust)\n\
        client._shortcmd('AUTH EXTERNAL =')\n\
        client.stat()\n\
        client.quit()\n\
        client = smtplib.SMTP('localhost', smtp)\n\
        client.starttls(context=trust)\n\
        client.ehlo()\n\
        client.auth('EXTERNAL', lambda challenge=None: '')\n\
        client.noop()\n\
        client.quit()\n";
    let mut python = PYTHON.command();
    python.args(["-c", SCRIPT]).arg(directory);
    for port in [port, clear, stage.pop3.port(), stage.submission.port()] {
        python.arg(port.to_string());
    }
    run(&mut python);
    wait_for("all logins at the backends", PATIENCE, || {
        (stage.logins("cert-tools").len() == 8).then_some(())
    });
}

/// W-TLV-2 with a real balancer, which ends the client's TLS and verifies its certificate.
#[test]
fn w_tlv_2_haproxy_verifies_the_certificate_and_hale_believes_it() {
    let stage = Stage::new(&["cert-balanced"], "");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("both.pem"), [&*stage.pem.certificate, &stage.pem.key].concat()).unwrap();
    fs::write(path("clients.pem"), &stage.authority.certificate).unwrap();
    let address = SocketAddr::from((FRONT, free_port()));
    let settings = format!(
        "{}\nlisten imaps\n    bind {address} ssl crt {} ca-file {} verify optional\n    \
         server hale {} send-proxy-v2-ssl-cn\n",
        include_str!("haproxy.cfg"),
        path("both.pem").display(),
        path("clients.pem").display(),
        stage.hale.haproxy_address()
    );
    fs::write(path("haproxy.cfg"), settings).unwrap();
    let mut command = HAPROXY.command();
    command.arg("-db").arg("-f").arg(path("haproxy.cfg"));
    let balancer = Process::start("haproxy", &command, directory.path());
    let without = bridge::client_config(&stage.pem);
    let greeting = poll(PATIENCE, || {
        TcpStream::connect(address).ok()?;
        bridge::connect(address, NAME, &without).try_line()
    });
    let greeting = greeting.unwrap_or_else(|| panic!("{}{}", balancer.said(), stage.hale.said()));
    assert!(!String::from_utf8(greeting).unwrap().contains("EXTERNAL"));
    let config = stage.config(&stage.authority.issue("cert-balanced"));
    let mut client = bridge::connect(address, NAME, &config);
    let greeting = until(&mut client, "* OK");
    assert!(greeting.contains("AUTH=EXTERNAL"), "{greeting}");
    client.command("a", "AUTHENTICATE EXTERNAL =");
    stage.pair.home_of("cert-balanced");
}

/// The chain goes with the library when login is done: a session that showed one costs what any other costs (K-TLS-5).
#[test]
fn tl_20_what_an_idle_session_with_a_certificate_costs() {
    const SESSIONS: u64 = 150;
    let stage = Stage::new(&["cert-idle"], "");
    let config = stage.config(&stage.authority.below("between").issue("cert-idle"));
    let session = || {
        let mut client = stage.connect(&config);
        client.greeting();
        client.command("a", "AUTHENTICATE EXTERNAL =");
        client
    };
    let mut sessions: Vec<Imap> = (0..50).map(|_| session()).collect();
    let before = resident_bytes(stage.hale.process_id());
    sessions.extend((0..SESSIONS).map(|_| session()));
    let each = resident_bytes(stage.hale.process_id()).saturating_sub(before) / SESSIONS;
    println!("an idle session with a chain of two certificates costs {each} bytes");
    // Not a measurement: the library's session with the chain in it would be 5 KB in this build.
    assert!(each <= 3 << 10, "{each} bytes");
}

/// An auth_http service is told whose certificate it is, as OpenSSL reads it.
#[test]
fn an_auth_http_service_is_told_what_stands_in_the_certificate() {
    let service = WebService::start(|_| {
        let fields = "Auth-Status: OK\r\nAuth-Pass: secret\r\n".to_owned();
        (200, fields, String::new())
    });
    let web = format!(
        "passdb web {{\n  driver = http\n  http_auth_url = {}\n  http_auth_pass_client_cert = yes\n}}",
        service.url("/auth")
    );
    let stage = Stage::new(&[], &web);
    stage.pair.add_user("cert-web", b"secret");
    let own = stage.authority.issue_odd("cert-web", |params| {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Müller, Söhne");
        params.distinguished_name.push(rcgen::DnType::CountryName, "DE");
    });
    let file = stage.hale.setup().path().join("web.crt");
    fs::write(&file, &own.certificate).unwrap();
    let mut client = stage.connect(&stage.config(&own));
    until(&mut client, "* OK");
    client.command("a", "AUTHENTICATE EXTERNAL =");
    stage.pair.home_of("cert-web");
    let mut openssl = OPENSSL.command();
    openssl.args(["x509", "-noout", "-nameopt", "RFC2253", "-subject", "-issuer", "-serial"]);
    openssl.args(["-fingerprint", "-sha1", "-in"]).arg(&file);
    let read = String::from_utf8(run(&mut openssl)).unwrap();
    let of = |start: &str| {
        let line = read.lines().find_map(|line| line.strip_prefix(start));
        line.unwrap_or_else(|| panic!("{start}: {read}")).to_owned()
    };
    let asked = service.asked();
    let asked = asked.last().unwrap();
    let told = |name: &str| {
        let value = asked.field(name).unwrap_or_else(|| panic!("{name} is missing"));
        value.replace("%20", " ").replace("%0A", "\n")
    };
    assert_eq!(told("auth-method"), "external");
    assert_eq!(told("auth-ssl-verify"), "SUCCESS");
    assert_eq!(told("auth-ssl-subject"), of("subject="));
    assert_eq!(told("auth-ssl-issuer"), of("issuer="));
    assert_eq!(told("auth-ssl-serial"), of("serial="));
    let fingerprint = of("sha1 Fingerprint=").replace(':', "").to_ascii_lowercase();
    assert_eq!(told("auth-ssl-fingerprint"), fingerprint);
    let end = own.certificate.find("-----END").unwrap();
    let end = end + own.certificate[end..].find('\n').unwrap() + 1;
    assert_eq!(told("auth-ssl-cert"), own.certificate[..end].replace("\r\n", "\n"));
}
