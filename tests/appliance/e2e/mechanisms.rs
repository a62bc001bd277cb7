//! Every mechanism in every protocol in clear, by STARTTLS and by TLS, with the clients that have it: one Hale for all of them.
//! docs/MECHANISMS.md has the same table in words, and what no client of Debian's can speak.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use hale::names::Protocol;

use super::oracle::digests;
use super::oracle::speaker::Speaks;
use super::ports::{BACKENDS, FRONT};
use super::sasl::{judging, token};
use super::site::{Door, PASSWORD, Site};
use super::tools::{CURL, DEBIAN_PYTHON, GSASL, OPENSSL, OPENSSL_OF_PYTHON, SWAKS, said};

const USER: &str = "mechanic";
/// What `anonymous` is.
const GUEST: &str = "guest";

const PROTOCOLS: [Protocol; 4] =
    [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];
const DOORS: [Option<Door>; 3] = [None, Some(Door::Starttls), Some(Door::Implicit)];
const BOUND: [&str; 2] = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"];

/// What shows one client's login.
struct Attempt<'a> {
    site: &'a Site,
    protocol: Protocol,
    door: Option<Door>,
    mechanism: &'a str,
    secret: &'a str,
}

/// A client, and the mechanisms it has in a protocol by a door.
struct Client {
    name: &'static str,
    has: fn(Protocol, Option<Door>) -> &'static [&'static str],
    command: fn(&Attempt<'_>) -> Command,
    /// What it says in the end when it is in, beside its success.
    says: &'static str,
}

/// The tests' own goes by the RFCs, with Python's or OpenSSL's TLS; the others are those that people use.
const CLIENTS: &[Client] = &[
    Client { name: "sasl.py", has: own_has, command: own, says: "\nin\n" },
    Client { name: "Python's", has: python_has, command: python, says: "" },
    Client {
        name: "gsasl",
        has: gsasl_has,
        command: gsasl,
        says: "Client authentication finished",
    },
    Client { name: "curl", has: curl_has, command: curl, says: "" },
    Client { name: "swaks", has: swaks_has, command: swaks, says: "235 " },
];

fn own_has(protocol: Protocol, door: Option<Door>) -> &'static [&'static str] {
    // The bound ones come first, the command of POP3's last.
    static ALL: [&str; 12] = [
        BOUND[0],
        BOUND[1],
        "PLAIN",
        "LOGIN",
        "XOAUTH2",
        "OAUTHBEARER",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "CRAM-MD5",
        "DIGEST-MD5",
        "ANONYMOUS",
        "APOP",
    ];
    let unbound = if door.is_some() { 0 } else { BOUND.len() };
    let end = if protocol == Protocol::Pop3 { ALL.len() } else { ALL.len() - 1 };
    &ALL[unbound..end]
}

fn python_has(protocol: Protocol, _: Option<Door>) -> &'static [&'static str] {
    match protocol {
        Protocol::Imap => &["PLAIN", "CRAM-MD5"],
        Protocol::Pop3 => &["APOP"],
        Protocol::Submission => &["PLAIN", "LOGIN", "CRAM-MD5"],
        Protocol::Sieve | Protocol::Lmtp => &[],
    }
}

fn gsasl_has(protocol: Protocol, door: Option<Door>) -> &'static [&'static str] {
    static ALL: [&str; 9] = [
        BOUND[0],
        BOUND[1],
        "PLAIN",
        "LOGIN",
        "SCRAM-SHA-1",
        "SCRAM-SHA-256",
        "CRAM-MD5",
        "DIGEST-MD5",
        "ANONYMOUS",
    ];
    match (protocol, door) {
        (Protocol::Imap | Protocol::Submission, None) => &ALL[BOUND.len()..],
        (Protocol::Imap | Protocol::Submission, Some(Door::Starttls)) => &ALL,
        _ => &[],
    }
}

fn curl_has(protocol: Protocol, _: Option<Door>) -> &'static [&'static str] {
    static ALL: [&str; 7] =
        ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "XOAUTH2", "OAUTHBEARER", "+APOP"];
    match protocol {
        Protocol::Pop3 => &ALL,
        Protocol::Imap | Protocol::Submission => &ALL[..ALL.len() - 1],
        Protocol::Sieve | Protocol::Lmtp => &[],
    }
}

fn swaks_has(protocol: Protocol, _: Option<Door>) -> &'static [&'static str] {
    match protocol {
        Protocol::Submission => &["PLAIN", "LOGIN", "CRAM-MD5"],
        _ => &[],
    }
}

impl Attempt<'_> {
    fn port(&self) -> u16 {
        match self.door {
            Some(door) => self.site.port(self.protocol, door),
            None => self.site.clear(self.protocol).port(),
        }
    }

    fn script(&self, name: &str) -> Command {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/appliance/e2e/clients");
        let door = self.door.map_or_else(|| "Clear".to_owned(), |door| format!("{door:?}"));
        let mut client = DEBIAN_PYTHON.command();
        client.arg(Path::new(folder).join(name)).args([self.protocol.name(), &door]);
        client.arg(self.port().to_string()).arg(self.site.authority());
        client.args([self.mechanism, USER, self.secret]);
        client
    }
}

fn own(attempt: &Attempt<'_>) -> Command {
    OPENSSL_OF_PYTHON.path();
    attempt.script("sasl.py")
}

fn python(attempt: &Attempt<'_>) -> Command {
    attempt.script("mechanisms.py")
}

fn gsasl(attempt: &Attempt<'_>) -> Command {
    let Attempt { site, mechanism, secret, .. } = *attempt;
    let mut client = GSASL.command();
    let kind = if attempt.protocol == Protocol::Imap { "--imap" } else { "--smtp" };
    client.args(["--client", kind, "--verbose"]);
    match attempt.door {
        None => client.arg("--no-starttls"),
        Some(_) => {
            client.arg("--starttls").arg(format!("--x509-ca-file={}", site.authority().display()))
        }
    };
    // Without this it wants a binding for SCRAM that was not offered to be bound.
    client.args((!BOUND.contains(&mechanism)).then_some("--no-cb"));
    client.arg(format!("--connect=localhost:{}", attempt.port()));
    client.args(["--mechanism", mechanism, "--authentication-id", USER, "--password", secret]);
    client.args(["--hostname", "localhost", "--service", "imap", "--anonymous-token", "trace"]);
    client
}

fn curl(attempt: &Attempt<'_>) -> Command {
    let Attempt { site, mechanism, secret, door, .. } = *attempt;
    let scheme = match (attempt.protocol, door) {
        (Protocol::Imap, Some(Door::Implicit)) => "imaps",
        (Protocol::Imap, _) => "imap",
        (Protocol::Pop3, Some(Door::Implicit)) => "pop3s",
        (Protocol::Pop3, _) => "pop3",
        (_, Some(Door::Implicit)) => "smtps",
        _ => "smtp",
    };
    let mut client = CURL.command();
    client.args(["--silent", "--show-error", "--max-time", "60", "--cacert"]);
    client.arg(site.authority());
    client.args((door == Some(Door::Starttls)).then_some("--ssl-reqd"));
    match mechanism {
        "XOAUTH2" | "OAUTHBEARER" => {
            client.args(["--user", &format!("{USER}:"), "--oauth2-bearer", secret])
        }
        _ => client.args(["--user", &format!("{USER}:{secret}")]),
    };
    client.args(["--login-options", &format!("AUTH={mechanism}")]);
    // Without mail to send it asks for help.
    client.args(
        (attempt.protocol == Protocol::Submission)
            .then_some(["--request", "NOOP"])
            .iter()
            .flatten(),
    );
    client.arg(format!("{scheme}://localhost:{}/", attempt.port()));
    client
}

fn swaks(attempt: &Attempt<'_>) -> Command {
    let Attempt { site, mechanism, secret, door, .. } = *attempt;
    let mut client = SWAKS.command();
    client.args(["--server", &FRONT.to_string(), "--port", &attempt.port().to_string()]);
    match door {
        None => &mut client,
        Some(Door::Starttls) => client.arg("--tls"),
        Some(Door::Implicit) => client.arg("--tls-on-connect"),
    };
    if door.is_some() {
        client
            .args(["--tls-verify", "--tls-sni", "localhost", "--tls-ca-path"])
            .arg(site.authority());
    }
    client.args(["--auth", mechanism, "--auth-user", USER, "--auth-password", secret]);
    client.args(["--quit-after", "AUTH", "--helo", "client.test", "--to", "b@example.org"]);
    client
}

/// Hale has the passwords, and a master's for the backends, who alone can read tokens.
fn stage(folder: &Path) -> Site {
    let theirs = judging(folder).replace("digest-md5", "digest-md5 anonymous");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("masters"), "hale:{PLAIN}master-secret::::::\n").unwrap();
    let theirs = format!(
        "passdb {{\n driver = passwd-file\n master = yes\n args = scheme=PLAIN {}/masters\n result_success = continue\n}}\n{theirs}",
        folder.display()
    );
    let more = "::::::master=hale pass=master-secret\n";
    let users = format!("{USER}:{{PLAIN}}{PASSWORD}{more}{GUEST}:{{PLAIN}}of no use{more}");
    fs::write(folder.join("users"), users).unwrap();
    let configuration = format!(
        "auth_mechanisms = plain login xoauth2 oauthbearer scram-sha-1 scram-sha-256 scram-sha-1-plus scram-sha-256-plus cram-md5 \
         digest-md5 apop anonymous\nauth_anonymous_username = {GUEST}\nauth_failure_delay = 0\n\
         passdb tokens {{\n driver = static\n mechanisms = xoauth2 oauthbearer\n fields {{\n nopassword = yes\n }}\n}}\n\
         passdb secrets {{\n driver = passwd-file\n passwd_file_path = {}/users\n}}",
        folder.display()
    );
    let site = Site::start_behind(&[], &configuration, &theirs);
    for user in [USER, GUEST] {
        site.pair.add_user(user, b"another");
    }
    site
}

#[test]
fn every_mechanism_in_every_protocol_by_every_door() {
    let folder = tempfile::tempdir().unwrap();
    let (site, token) = (stage(folder.path()), token(USER));
    // Four at once, so that it is the machine and no client that is waited for.
    let complaints = thread::scope(|scope| {
        let speakers = PROTOCOLS.map(|protocol| {
            let (site, token) = (&site, &token);
            scope.spawn(move || {
                let mut complaints = String::new();
                for client in CLIENTS {
                    for door in DOORS {
                        for mechanism in (client.has)(protocol, door) {
                            let is_token = matches!(*mechanism, "XOAUTH2" | "OAUTHBEARER");
                            let secret: &str = if is_token { token } else { PASSWORD };
                            let attempt = Attempt { site, protocol, door, mechanism, secret };
                            let output = (client.command)(&attempt).output().unwrap();
                            let heard = said(&output);
                            if !output.status.success() || !heard.contains(client.says) {
                                let name = client.name;
                                writeln!(
                                    complaints,
                                    "{name} {mechanism} {protocol} {door:?}: {heard}"
                                )
                                .unwrap();
                            }
                        }
                    }
                }
                complaints
            })
        });
        speakers.map(|speaker| speaker.join().unwrap()).concat()
    });
    assert!(complaints.is_empty(), "{complaints}\n{}", site.hale.said());
    refusals(&site);
    let port = |port: u16| SocketAddr::from((BACKENDS[0], port));
    let backends = [
        (Speaks::Imap, site.pair.backends[0].address(), Protocol::Imap),
        (Speaks::Pop3, port(site.pair.pop3_port), Protocol::Pop3),
        (Speaks::Sieve, port(site.pair.sieve_port), Protocol::Sieve),
        (Speaks::Submission, port(site.submission_port), Protocol::Submission),
    ];
    let both = backends.map(|(speaks, theirs, at)| (speaks, theirs, site.clear(at)));
    let complaints = digests::compare(&both);
    assert!(complaints.is_empty(), "{complaints}");
}

/// What is not let in, and what it is told.
fn refusals(site: &Site) {
    let attempt =
        |protocol, door, mechanism, secret| Attempt { site, protocol, door, mechanism, secret };
    let (imap, tls) = (Protocol::Imap, Some(Door::Implicit));
    for (door, mechanism, secret, more, words) in [
        (tls, BOUND[0], PASSWORD, "other-binding", "NO [AUTHENTICATIONFAILED]"),
        (tls, BOUND[0], "wrong", "", "NO [AUTHENTICATIONFAILED]"),
        // RFC 5802 6: a host on the way has taken the offer out of the list.
        (tls, "SCRAM-SHA-256", PASSWORD, "says-y", "NO [AUTHENTICATIONFAILED]"),
        // In clear there is no offer, and nothing to bind to.
        (None, BOUND[0], PASSWORD, "", "NO Unsupported authentication mechanism."),
        (None, "CRAM-MD5", "wrong", "", "NO [AUTHENTICATIONFAILED]"),
        (None, "DIGEST-MD5", "wrong", "", "NO [AUTHENTICATIONFAILED]"),
    ] {
        let mut client = own(&attempt(imap, door, mechanism, secret));
        client.args((!more.is_empty()).then_some(more));
        let heard = said(&client.output().unwrap());
        assert!(heard.contains("\nout\n") && heard.contains(words), "{mechanism} {more}: {heard}");
    }
    // W-SASL-12: a client cannot tell that TLS 1.2 has what RFC 9266 wants of it.
    let port = site.port(imap, Door::Implicit);
    for (version, is_offered) in [("-tls1_3", true), ("-tls1_2", false)] {
        let mut client = OPENSSL.command();
        client.args(["s_client", version, "-quiet", "-connect", &format!("localhost:{port}")]);
        let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = client.stdin.take().unwrap();
        input.write_all(b"a CAPABILITY\r\nb LOGOUT\r\n").unwrap();
        let heard = said(&client.wait_with_output().unwrap());
        drop(input);
        assert!(heard.contains("AUTH=SCRAM-SHA-256") && heard.contains("b OK"), "{heard}");
        assert_eq!(heard.contains("-PLUS"), is_offered, "{version}: {heard}");
    }
    // Without an offer, `y` says what is true.
    let mut honest = own(&attempt(imap, None, "SCRAM-SHA-256", PASSWORD));
    let heard = said(&honest.arg("says-y").output().unwrap());
    assert!(heard.contains("\nin\n"), "{heard}");
    let heard = said(&own(&attempt(Protocol::Pop3, None, "APOP", "wrong")).output().unwrap());
    assert!(heard.contains("-ERR [AUTH]"), "{heard}");
}
