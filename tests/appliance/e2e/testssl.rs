//! testssl.sh against every port that speaks TLS: whatever it finds is no weakness, or explained here.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use hale::names::Protocol;
use serde_json::{Value, json};

use super::site::{NAME, Site};
use super::tools::{TESTSSL, said};

/// What is asked everywhere, because listeners might differ: protocols, the server's preferences (all its suites),
/// every known vulnerability.
const CHECKS: [&str; 3] = ["-p", "-P", "-U"];
/// What is asked of the engine alone, once behind each kind of door: kinds of suites, forward secrecy, certificate and
/// defaults, odd ClientHellos. The rest of testssl.sh asks the same in other words (`-E`, `-c`) or is about HTTP.
const CHECKS_ONCE: [&str; 4] = ["-s", "-f", "-S", "-g"];

/// Findings that a scan must have, good or bad: without them it did not do what it was started for.
const ASKED: [&str; 19] = [
    "SSLv2",
    "SSLv3",
    "TLS1",
    "TLS1_1",
    "TLS1_2",
    "TLS1_3",
    "cipher_order",
    "cipherorder_TLSv1_2",
    "heartbleed",
    "CCS",
    "ROBOT",
    "secure_renego",
    "secure_client_renego",
    "CRIME_TLS",
    "fallback_SCSV",
    "SWEET32",
    "LOGJAM",
    "LUCKY13",
    "scanTime",
];
const ASKED_ONCE: [&str; 8] = [
    "cert_chain_of_trust",
    "cipherlist_NULL",
    "cipherlist_aNULL",
    "cipherlist_EXPORT",
    "cipherlist_LOW",
    "cipherlist_STRONG",
    "PFS",
    "GREASE",
];

/// Findings that are no weakness: how its id begins, a part of the text, and why.
const EXPLAINED: [(&str, &str, &str); 4] = [
    ("cert_validityPeriod", "days", "the tests' certificate has to outlive the tests"),
    (
        "cert_revocation",
        "Neither CRL nor OCSP URI provided",
        "the tests' certificate is its own authority",
    ),
    (
        "GREASE",
        "Server fails if ClientHello contains an application_layer_protocol_negotiation extension.",
        "it offers http/1.1 alone; TL-16 and RFC 7301 3.2 want that refused (ALPACA)",
    ),
    (
        "sessionresumption_",
        "check failed",
        "it leaves before a TLS 1.3 ticket can come, and then has none to show; tl_18_… shows that sessions are resumed",
    ),
];

/// What testssl.sh notes about itself: its OpenSSL has no GOST engine, or is an old one. That says nothing about Hale.
/// Whether it could look all the same is for [`ASKED`] to find out.
const NOTES_ABOUT_ITSELF: [&str; 3] = ["engine_problem", "old_fart", "too_old_openssl"];

#[test]
fn testssl_finds_no_weakness_from_the_first_byte_on() {
    let site = Site::start(&[], "");
    scan_all(&site, Protocol::ALL.map(|protocol| (protocol, site.tls(protocol), None)));
}

#[test]
fn testssl_finds_no_weakness_behind_starttls() {
    let site = Site::start(&[], "");
    let targets = Protocol::ALL.map(|protocol| {
        let address = site.clear(protocol);
        match protocol {
            Protocol::Imap => (protocol, address, Some("imap")),
            Protocol::Pop3 => (protocol, address, Some("pop3")),
            Protocol::Lmtp => (protocol, address, Some("lmtp")),
            Protocol::Submission => (protocol, address, Some("smtp")),
            // It does not know how to say STARTTLS here.
            Protocol::Sieve => (protocol, behind_starttls(address), None),
        }
    });
    scan_all(&site, targets);
}

/// Scans these ports at the same time (testssl.sh mostly waits), and tells everything that is not good.
fn scan_all(
    site: &Site,
    targets: [(Protocol, SocketAddr, Option<&'static str>); Protocol::ALL.len()],
) {
    let scans = thread::scope(|scope| {
        let scans = targets.map(|(protocol, address, starttls)| {
            (protocol, scope.spawn(move || weaknesses(site, protocol, address, starttls)))
        });
        scans.map(|(protocol, scan)| (protocol, scan.join().unwrap()))
    });
    let found: Vec<String> = scans
        .iter()
        .flat_map(|(protocol, found)| found.iter().map(move |what| format!("{protocol}: {what}")))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What one scan says that is not good and not explained.
fn weaknesses(
    site: &Site,
    protocol: Protocol,
    address: SocketAddr,
    starttls: Option<&str>,
) -> Vec<String> {
    let once = protocol == Protocol::Imap;
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut command = TESTSSL.command();
    command.args(["--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none"]);
    command.args(["--ip", &address.ip().to_string(), "--add-ca"]).arg(site.authority());
    command.args(CHECKS).args(CHECKS_ONCE.into_iter().filter(|_| once));
    command.arg("--jsonfile").arg(&report);
    command.args(starttls.map(|word| ["-t", word]).into_iter().flatten());
    // Its exit status counts findings, so the report decides.
    let output = command.arg(format!("{NAME}:{}", address.port())).output().unwrap();
    let findings = std::fs::read(&report).unwrap_or_default();
    let findings: Vec<Value> = serde_json::from_slice(&findings)
        .unwrap_or_else(|error| panic!("no report: {error}\n{}", said(&output)));
    let report = Report(findings);
    for asked in ASKED.into_iter().chain(ASKED_ONCE.into_iter().filter(|_| once)) {
        assert!(report.tells_of(asked), "nothing about {asked}\n{}", said(&output));
    }
    report.weaknesses().map(Value::to_string).collect()
}

/// What testssl.sh wrote, finding by finding.
struct Report(Vec<Value>);

impl Report {
    /// Whether it looked for that at all.
    fn tells_of(&self, asked: &str) -> bool {
        self.0.iter().any(|finding| text(finding, "id") == asked)
    }

    fn weaknesses(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|finding| is_weakness(finding))
    }
}

fn is_weakness(finding: &Value) -> bool {
    let [id, said, severity] = ["id", "finding", "severity"].map(|key| text(finding, key));
    let is_explained =
        EXPLAINED.iter().any(|(known, part, _)| id.starts_with(known) && said.contains(part));
    !matches!(severity, "OK" | "INFO" | "DEBUG") && !is_explained && !is_about_itself(finding)
}

/// A warning, never worse, under one of those names, or under any from before it knew whom to scan: there it writes
/// `name/address` of its target, and has neither.
fn is_about_itself(finding: &Value) -> bool {
    let is_noted = NOTES_ABOUT_ITSELF.contains(&text(finding, "id")) || text(finding, "ip") == "/";
    is_noted && text(finding, "severity") == "WARN"
}

fn text<'a>(finding: &'a Value, key: &str) -> &'a str {
    finding[key].as_str().unwrap_or_default()
}

/// What it said of Hale's IMAP on a Debian without recommended packages.
fn sample() -> Report {
    Report(serde_json::from_str(include_str!("testssl/report.json")).unwrap())
}

#[test]
fn testssl_notes_about_itself_are_no_weakness() {
    let report = sample();
    assert!(report.tells_of("engine_problem"));
    assert!(ASKED.iter().chain(&ASKED_ONCE).all(|asked| report.tells_of(asked)));
    assert_eq!(report.weaknesses().collect::<Vec<_>>(), [&Value::Null; 0]);
    for id in NOTES_ABOUT_ITSELF {
        let note =
            json!({ "id": id, "ip": "localhost/127.0.0.1", "severity": "WARN", "finding": "" });
        assert!(!is_weakness(&note), "{note}");
    }
}

#[test]
fn testssl_findings_about_the_port_stay_weaknesses() {
    for severity in ["LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"] {
        for id in ["SSLv3", "scanProblem", "engine", "old_fart_server", "cert_chain_of_trust"] {
            let finding = json!({ "id": id, "ip": "localhost/127.0.0.1", "severity": severity, "finding": "x" });
            assert!(is_weakness(&finding), "{finding}");
        }
    }
    // Not even a note of its own may say that it could not scan.
    for id in ["engine_problem", "scanProblem"] {
        let end = json!({ "id": id, "ip": "/", "severity": "FATAL", "finding": "Can't connect" });
        assert!(is_weakness(&end), "{end}");
    }
}

/// A port of our own that leads behind the STARTTLS of a ManageSieve port.
fn behind_starttls(address: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let entrance = listener.local_addr().unwrap();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            // A scanner that goes away in the middle is no failure.
            thread::spawn(move || lead_behind_starttls(near, address));
        }
    });
    entrance
}

fn lead_behind_starttls(mut near: TcpStream, address: SocketAddr) -> io::Result<()> {
    let mut far = TcpStream::connect(address)?;
    let mut lines = BufReader::new(far.try_clone()?).lines();
    let mut until_ok = || lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("OK"));
    until_ok();
    far.write_all(b"STARTTLS\r\n")?;
    until_ok();
    let (mut from_near, mut from_far) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_near, &mut far);
        far.shutdown(Shutdown::Write)
    });
    io::copy(&mut from_far, &mut near)?;
    near.shutdown(Shutdown::Write)
}
