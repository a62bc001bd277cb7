//! PROXY headers of the programs that sites have in front of their proxies, configured with the lines of
//! docs/BALANCERS.md.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use hale::names::Protocol;
use rustix::process::{Signal, geteuid};
use rustls::ClientConfig;

use super::bridge;
use super::certificate::Pem;
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::process::Process;
use super::site;
use super::tools::{BASH, HAPROXY, HITCH, NGINX, NGINX_STREAM, OPENSSL, STUNNEL, Tool};
use super::wait::{PATIENCE, poll, wait_for};

const DOCUMENT: &str = include_str!("../../../docs/BALANCERS.md");
/// The blocks of the document that are tried here, all there are in these languages.
const TRIED: [&str; 10] = [
    "dovecot listeners",
    "haproxy passes-on",
    "haproxy greetings",
    "haproxy ends-tls",
    "nginx passes-on",
    "nginx ends-tls",
    "nginx behind-a-balancer",
    "hitch ends-tls",
    "stunnel ends-tls",
    "bash greets",
];
const LANGUAGES: [&str; 6] = ["dovecot", "haproxy", "nginx", "hitch", "stunnel", "bash"];

const NAME: &str = "mail.test";
const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

#[test]
fn every_block_of_the_document_is_tried() {
    let fences = DOCUMENT.lines().filter_map(|line| line.strip_prefix("```"));
    let tried: Vec<&str> = fences
        .filter(|title| LANGUAGES.contains(&title.split(' ').next().unwrap_or_default()))
        .collect();
    assert_eq!(tried, TRIED);
}

#[test]
fn px_10_behind_haproxy_that_passes_tls_on() {
    let site = Site::start("sender-haproxy-passes", "");
    let balancer = site.haproxy("haproxy passes-on", "");
    site.log_in_by_starttls(&balancer);
    site.log_in_by_tls(&balancer);
}

#[test]
fn px_10_behind_haproxy_that_ends_tls() {
    let site = Site::start("sender-haproxy-ends", "");
    let balancer = site.haproxy("haproxy ends-tls", "");
    site.log_in_by_tls(&balancer);
    site.greets_whatever_name_is_asked_for(&balancer);
}

#[test]
fn px_10_behind_hitch() {
    let mut site = Site::start("sender-hitch", "");
    // Its workers refuse to be root.
    let user = if geteuid().is_root() { "user = \"nobody\"\ngroup = \"nogroup\"\n" } else { "" };
    let global = format!("daemon = off\nworkers = 1\n{user}");
    let balancer = site.balancer("hitch ends-tls", &global, HITCH, |command, path| {
        command.arg(format!("--config={path}"));
    });
    // With and without the protocol's name.
    site.log_in_by_tls(&balancer);
    site.greets_whatever_name_is_asked_for(&balancer);
    let mut config = ClientConfig::clone(&site.config);
    config.alpn_protocols = vec![b"imap".to_vec()];
    site.config = Arc::new(config);
    site.log_in_by_tls(&balancer);
}

#[test]
fn px_10_behind_stunnel() {
    let site = Site::start("sender-stunnel", "proxy_protocol_implies_secure = yes");
    let global = "foreground = yes\npid =\nsyslog = no\n";
    let balancer = site.balancer("stunnel ends-tls", global, STUNNEL, |command, path| {
        command.arg(path);
    });
    site.log_in_by_tls(&balancer);
}

#[test]
fn px_10_behind_nginx_that_passes_tls_on() {
    let site = Site::start("sender-nginx-passes", "");
    let balancer = site.nginx("nginx passes-on");
    site.log_in_by_starttls(&balancer);
    site.log_in_by_tls(&balancer);
}

#[test]
fn px_10_behind_nginx_that_ends_tls() {
    let site = Site::start("sender-nginx-ends", "proxy_protocol_implies_secure = yes");
    let balancer = site.nginx("nginx ends-tls");
    site.log_in_by_tls(&balancer);
}

/// Version 1 does not say that there was TLS, and nothing but the setting makes up for it.
#[test]
fn w_trust_3_a_sender_that_says_nothing_of_tls_gets_no_passwords() {
    let site = Site::start("sender-nginx-silent", "");
    let balancer = site.nginx("nginx ends-tls");
    let greeting = site.tls_client(balancer.front(993)).line();
    let greeting = String::from_utf8_lossy(&greeting);
    assert!(greeting.contains("LOGINDISABLED"), "{greeting}");
}

/// A client, a balancer that sends headers, nginx with realip, Hale.
#[test]
fn px_16_nginx_with_realip_mixes_families_and_the_log_says_so() {
    let site = Site::start("sender-nginx-realip", "");
    let balancer = site.nginx("nginx behind-a-balancer");
    let come = |header: &[u8]| {
        let mut client = Imap::open_from(CLIENT, balancer.front(143));
        client.send(header);
        client
    };
    let mut client = come(b"PROXY TCP4 198.51.100.7 203.0.113.1 1000 143\r\n");
    client.greeting();
    site.starttls_and_log_in(client, "198.51.100.7");
    let mut client = come(b"PROXY TCP6 2001:db8::1 2001:db8::2 1000 143\r\n");
    assert_eq!(client.rest(), b"");
    let known = wait_for("a line about the mixed families", PATIENCE, || {
        let said = site.hale.said();
        said.lines().find(|line| line.contains("mixes IPv4 and IPv6")).map(str::to_owned)
    });
    assert!(known.contains("docs/BALANCERS.md"), "{known}");
}

/// What the document says of HAProxy's checks.
#[test]
fn px_12_haproxys_checks_prove_a_login_server_and_leave_no_line() {
    let site = Site::start("sender-checks", "");
    let stats = site.hale.setup().path().join("haproxy.socket");
    let plain_check = format!("\nlisten plain\n    server hale1 {} check\n", site.clear);
    let global = format!("global\n    stats socket {} level admin\n", stats.display());
    let _balancer = site.haproxy_with("haproxy passes-on", &global, &plain_check);
    let state = |proxy: &str| server_state(&stats, proxy, STATUS);
    let all = ["imap", "imaps", "plain"];
    let become_ = |what: &str, proxies: &[&str]| {
        wait_for(&format!("{proxies:?} to be {what}"), PATIENCE, || {
            proxies.iter().all(|proxy| state(proxy) == what).then_some(())
        });
    };
    // The word before the first check is UP, too; afterwards it has to be earned.
    site.hale.signal(Signal::STOP);
    become_("DOWN", &["imap", "imaps"]);
    assert_eq!(state("plain"), "UP", "a plain check looks at no login server");
    site.hale.signal(Signal::CONT);
    become_("UP", &all);
    let said = site.hale.said();
    let lines = said.lines().filter(|line| !line.is_empty() && !line.starts_with("---"));
    // Each server's one check that had been accepted when we stopped the process may have run out of its time: our
    // doing.
    let (stopped, others): (Vec<_>, Vec<_>) = lines
        .filter(|line| !line.contains("listening for") && !line.contains("LimitNOFILE="))
        .partition(|line| line.contains("no complete PROXY header within haproxy_timeout"));
    assert!(others.is_empty() && stopped.len() <= all.len(), "a check is worth no line: {said}");
}

#[test]
fn px_12_haproxy_knows_the_greeting_of_every_protocol() {
    let site = site::Site::start(&[], "");
    let directory = site.hale.setup().path();
    let stats = directory.join("haproxy.socket");
    let mut text =
        format!("{}\nglobal\n    stats socket {}\n", include_str!("haproxy.cfg"), stats.display());
    let greetings = block("haproxy greetings");
    let protocols = Protocol::ALL.map(Protocol::name);
    for protocol in Protocol::ALL {
        let name = protocol.name();
        let line = greetings.lines().find(|line| line.ends_with(&format!("# {name}"))).unwrap();
        text += &format!(
            "\nlisten {name}\n    bind {FRONT}:{}\n    option tcp-check\n    tcp-check connect send-proxy\n    {line}\n    \
             server hale1 {} check send-proxy-v2\n",
            free_port(),
            site.haproxy(protocol)
        );
    }
    let path = directory.join("haproxy.cfg");
    fs::write(&path, text).unwrap();
    let mut command = HAPROXY.command();
    command.arg("-db").arg("-f").arg(&path);
    let process = Process::start("haproxy", &command, directory);
    let good = poll(PATIENCE, || {
        protocols.iter().all(|name| server_state(&stats, name, CHECK) == "L7OK").then_some(())
    });
    assert!(good.is_some(), "{}\n{}", asked(&stats, "show stat\n"), process.said());
}

#[test]
fn the_script_for_keepalived_knows_who_greets() {
    let site = Site::start("sender-keepalived", "");
    let script = site.hale.setup().path().join("greets");
    fs::write(&script, block("bash greets")).unwrap();
    let greets = |address: SocketAddr| {
        let mut command = BASH.command();
        command.arg(&script).arg(address.ip().to_string()).arg(address.port().to_string());
        command.stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(greets(site.hale.address()));
    assert!(!greets((FRONT, free_port()).into()), "nothing listens");
    let full = TcpListener::bind((FRONT, 0)).unwrap();
    let address = full.local_addr().unwrap();
    let answering = thread::spawn(move || full.accept().unwrap().0.write_all(b"* BYE full\r\n"));
    assert!(!greets(address), "it says goodbye");
    answering.join().unwrap().unwrap();
}

// ---------------------------------------------------------------------------------------------------------------------

/// The block of the document with this title.
fn block(title: &str) -> String {
    let (_, rest) = DOCUMENT.split_once(&format!("\n```{title}\n")).expect(title);
    let (block, _) = rest.split_once("\n```\n").expect(title);
    format!("{block}\n")
}

/// Hale with the document's listeners, which wants TLS from every client, in front of two Dovecots.
struct Site {
    hale: Hale,
    user: &'static str,
    /// The document's 10143.
    clear: SocketAddr,
    /// The document's 10993.
    tls: SocketAddr,
    config: Arc<ClientConfig>,
}

/// A running program in front of it.
struct Balancer {
    process: Process,
    /// Where it listens in place of the document's ports.
    fronts: Vec<(u16, SocketAddr)>,
}

impl Balancer {
    fn front(&self, port: u16) -> SocketAddr {
        self.fronts.iter().find(|(known, _)| *known == port).unwrap().1
    }
}

impl Site {
    fn start(user: &'static str, configuration: &str) -> Self {
        let pem = Pem::new(&[NAME]);
        let mut setup = Setup::with_users(Pair::shared(), &[user], b"secret");
        setup.configure(&format!("ssl = required\n{configuration}"));
        setup.secure(&pem);
        let [clear, tls] = [(); 2].map(|()| SocketAddr::from((FRONT, free_port())));
        setup.configure(&placed(&block("dovecot listeners"), clear, tls));
        fs::write(setup.path().join("imap.pem"), [&*pem.certificate, &pem.key].concat()).unwrap();
        let config = bridge::client_config(&pem);
        Self { hale: setup.start(), user, clear, tls, config }
    }

    /// A program that runs with one block of the document. `global`: what stands before it.
    fn balancer(
        &self,
        title: &str,
        global: &str,
        tool: Tool,
        arguments: impl FnOnce(&mut Command, &str),
    ) -> Balancer {
        let directory = self.hale.setup().path();
        let mut text = format!("{global}{}", placed(&block(title), self.clear, self.tls));
        let mut fronts = Vec::new();
        for port in [143, 993] {
            let front = SocketAddr::from((FRONT, free_port()));
            let before = text.clone();
            text = text.replace(&format!("203.0.113.1:{port}"), &front.to_string());
            text = text
                .replace(&format!("[203.0.113.1]:{port}"), &format!("[{FRONT}]:{}", front.port()));
            if text != before {
                fronts.push((port, front));
            }
        }
        let (language, _) = title.split_once(' ').unwrap();
        text = text.replace(
            &format!("/etc/{language}/imap.pem"),
            directory.join("imap.pem").to_str().unwrap(),
        );
        assert!(!text.contains("/etc/") && !text.contains(" 203.0.113.1"), "{text}");
        let path = directory.join(format!("{}.conf", title.replace(' ', "-")));
        fs::write(&path, text).unwrap();
        let mut command = tool.command();
        arguments(&mut command, path.to_str().unwrap());
        let mut process = Process::start(language, &command, directory);
        for (_, front) in &fronts {
            let ready = poll(PATIENCE, || {
                assert!(process.ended().is_none(), "{}", process.said());
                TcpStream::connect(front).ok()
            });
            assert!(ready.is_some(), "{}", process.said());
        }
        Balancer { process, fronts }
    }

    fn haproxy(&self, title: &str, global: &str) -> Balancer {
        self.haproxy_with(title, global, "")
    }

    fn haproxy_with(&self, title: &str, global: &str, more: &str) -> Balancer {
        let more = more.to_owned();
        self.balancer(title, global, HAPROXY, move |command, path| {
            fs::write(path, fs::read_to_string(path).unwrap() + &more).unwrap();
            command.args(["-db", "-f", path]);
        })
    }

    fn nginx(&self, title: &str) -> Balancer {
        let directory = self.hale.setup().path().display();
        let global = format!(
            "load_module {};\ndaemon off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n",
            NGINX_STREAM.path().display()
        );
        self.balancer(title, &global, NGINX, |command, path| {
            command.args(["-e", "stderr", "-c", path]);
        })
    }

    /// By TLS from the first byte; nothing is read yet.
    fn tls_client(&self, front: SocketAddr) -> Imap {
        let stream = Imap::open_from(CLIENT, front).stream().try_clone().unwrap();
        bridge::wrap(stream, NAME, &self.config)
    }

    fn log_in_by_tls(&self, balancer: &Balancer) {
        let mut client = self.tls_client(balancer.front(993));
        if client.try_line().is_none_or(|line| !line.starts_with(b"* OK")) {
            panic!("no greeting\n{}\n{}", balancer.process.said(), self.hale.said());
        }
        self.log_in(client, &CLIENT.to_string());
    }

    fn log_in_by_starttls(&self, balancer: &Balancer) {
        let mut client = Imap::open_from(CLIENT, balancer.front(143));
        client.greeting();
        self.starttls_and_log_in(client, &CLIENT.to_string());
    }

    fn starttls_and_log_in(&self, mut client: Imap, address: &str) {
        client.command("t", "STARTTLS");
        let stream = client.stream().try_clone().unwrap();
        self.log_in(bridge::wrap(stream, NAME, &self.config), address);
    }

    /// Logs in, and the backend learns whose login it is.
    fn log_in(&self, mut client: Imap, address: &str) {
        let backends = &Pair::shared().backends;
        let logins = || -> Vec<String> {
            backends.iter().flat_map(|backend| backend.logins(self.user)).collect()
        };
        let before = logins().len();
        client.login(self.user, b"secret");
        client.command("o", "LOGOUT");
        let line = wait_for("the login at the backend", PATIENCE, || logins().get(before).cloned());
        assert!(line.contains(&format!("rip={address},")), "{line}");
    }

    /// Case `cross-authority-literal`: clients ask by SNI for what their user wrote, and the balancer tells it.
    fn greets_whatever_name_is_asked_for(&self, balancer: &Balancer) {
        for name in
            [NAME, "2001:db8::1", "192.0.2.1", "*.example.net", "b\u{fc}cher.example", "a b"]
        {
            let mut command = OPENSSL.command();
            command.args(["s_client", "-quiet", "-no_ign_eof", "-servername", name, "-connect"]);
            command.arg(balancer.front(993).to_string());
            let mut client = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // It leaves when its input ends, so that stays open until Hale has closed.
            let mut input = client.stdin.take().unwrap();
            input.write_all(b"a LOGOUT\r\n").unwrap();
            let mut said = String::new();
            client.stdout.take().unwrap().read_to_string(&mut said).unwrap();
            client.wait().unwrap();
            assert!(said.starts_with("* OK") && said.contains("a OK"), "{name}: {said}");
        }
    }
}

/// A text of the document with Hale's addresses as they are here.
fn placed(text: &str, clear: SocketAddr, tls: SocketAddr) -> String {
    text.replace("192.0.2.0/24", "127.0.0.0/8")
        .replace("192.0.2.11", &FRONT.to_string())
        .replace("10143", &clear.port().to_string())
        .replace("10993", &tls.port().to_string())
}

/// Columns of HAProxy's table: what it thinks of the server, and how its last check went.
const STATUS: usize = 17;
/// See [`STATUS`].
const CHECK: usize = 36;

/// What HAProxy says of the server `hale1` of this proxy.
fn server_state(socket: &Path, proxy: &str, column: usize) -> String {
    let table = asked(socket, "show stat\n");
    let row = table.lines().find(|row| row.starts_with(&format!("{proxy},hale1,")));
    row.and_then(|row| row.split(',').nth(column)).unwrap_or_default().to_owned()
}

/// One question to HAProxy; no answer while its socket is not there yet.
fn asked(socket: &Path, question: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = UnixStream::connect(socket) {
        stream.write_all(question.as_bytes()).unwrap();
        stream.read_to_string(&mut answer).unwrap();
    }
    answer
}
