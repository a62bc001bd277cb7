//! `hale import` on whole configurations (`tests/import`): the seed's, and ten as they are found in how-tos, each written anew. `expected` says
//! what the original does, in one line for each thing: the new configuration has to do the same, and what it cannot is told.
//!
//! `@PEM@`, `@CA@` and `@FOLDER@` stand for files of the host; `tests/appliance/e2e/import.rs` has the same configurations with real ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use hale::config::{self, Config, Listener, RequestClientCert, Source, SslMode};
use hale::import::{Imported, Weight, import};
use hale::names::Protocol;

/// Where a case's files are, for the import.
const FOLDER: &str = "/case";

/// Files in memory.
#[derive(Debug, Default)]
struct Files(BTreeMap<PathBuf, String>);

impl Files {
    /// A case's, with a host's files in place of the words between @ signs.
    fn of(case: &Path) -> Self {
        let mut files = Self::default();
        files.add(case, case);
        let certificates = ["a.pem", "b.pem", "b.pem.key"];
        for name in certificates {
            files.0.insert(Path::new(FOLDER).join("certificates").join(name), "PEM".to_owned());
        }
        files
    }

    fn add(&mut self, folder: &Path, case: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add(&path, case);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replace("@FOLDER@", FOLDER).replace("@PEM@", "/e/mail.pem");
            let name = path.strip_prefix(case).unwrap();
            self.0.insert(Path::new(FOLDER).join(name), text.replace("@CA@", "/e/ca.pem"));
        }
    }

    /// What is imported: HAProxy's file, Dovecot's, or both.
    fn inputs(&self) -> Vec<PathBuf> {
        let names = ["haproxy.cfg", "dovecot.conf", "doveconf.txt"];
        let paths = names.map(|name| Path::new(FOLDER).join(name));
        paths.into_iter().filter(|path| self.0.contains_key(path)).collect()
    }
}

impl Source for Files {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(text.clone().into_bytes())
    }

    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect())
    }

    fn environment(&mut self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

fn listening(listener: &Listener) -> String {
    let mut more = String::new();
    if listener.haproxy {
        more += " header";
    }
    if listener.door.at_once > 0 {
        write!(more, " max {}", listener.door.at_once).unwrap();
    }
    if listener.door.each_second > 0 {
        write!(more, " rate {}", listener.door.each_second).unwrap();
    }
    if listener.request_client_cert == RequestClientCert::Required {
        more += " asks";
    }
    let tls = if listener.ssl { "tls" } else { "clear" };
    format!("listen {} {} {tls}{more}", listener.protocol, listener.endpoint())
}

/// What the new configuration says, a line for each thing.
fn facts(imported: &Imported, config: &Config) -> String {
    let mut out = String::new();
    let mut say = |line: std::fmt::Arguments<'_>| writeln!(out, "{line}").unwrap();
    say(format_args!("exit {}", if imported.is_incomplete() { 65 } else { 0 }));
    for listener in &config.listeners {
        say(format_args!("{}", listening(listener)));
    }
    let is_served =
        |it: &Protocol| config.listeners.iter().any(|listener| listener.protocol == *it);
    let served: Vec<Protocol> = Protocol::ALL.into_iter().filter(is_served).collect();
    if !config.trust.haproxy_networks.is_empty() {
        say(format_args!("trusted {}", config.trust.haproxy_networks));
    }
    for protocol in served.iter().copied() {
        let ssl = config.ssl.of(protocol);
        if let Some(certificate) = &ssl.server {
            let must = if ssl.mode == SslMode::Required { " required" } else { "" };
            let oldest = format!("{:?}", ssl.min_protocol);
            say(format_args!(
                "certificate {protocol} {}{must} {oldest}",
                certificate.cert_file.display()
            ));
        }
    }
    if let Some(authorities) = &config.ssl.backends {
        say(format_args!("authorities {}", authorities.ca_file.display()));
    }
    for protocol in served {
        let settings = config.protocol(protocol);
        let idle = settings.relay_idle_timeout.as_secs();
        if ![0, 660, 1860].contains(&idle) {
            say(format_args!("idle {protocol} {idle}s"));
        }
        if !imported.backends.is_empty() {
            say(format_args!(
                "way {protocol} {} ssl {:?} header {:?}{}",
                settings.proxy_port,
                settings.proxy_ssl,
                settings.proxy_send_header,
                if settings.verify_backends { "" } else { " unverified" }
            ));
        }
    }
    for backend in &imported.backends {
        let status = match (backend.is_out, backend.is_spare) {
            (true, _) => "offline",
            (false, true) => "standby",
            (false, false) => "online",
        };
        let address = backend.address.as_deref().unwrap_or("-");
        say(format_args!("host {} {address} {} {status}", backend.host, backend.load_factor));
    }
    for address in &config.proxy.source_ips {
        say(format_args!("source {address}"));
    }
    if config.login_greeting != "Hale ready." {
        say(format_args!("greeting {}", config.login_greeting));
    }
    let names: Vec<&str> = config.auth.passdbs.iter().map(|it| &*it.name).collect();
    say(format_args!("passdbs {} {}", names.len(), names.join(" ")));
    out.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// What was left out, as the command tells it, without the folder.
fn told(imported: &Imported) -> Vec<String> {
    let word = |weight| match weight {
        Weight::Missing => "decide",
        Weight::Different => "differs",
        Weight::Needless => "dropped",
    };
    let lines = imported.left.iter().map(|left| format!("{} {left}", word(left.weight)));
    lines.map(|line| line.replacen(&format!("{FOLDER}/"), "", 1)).collect()
}

fn load(files: &mut Files, text: &str) -> config::Loaded {
    let path = Path::new("/etc/hale/hale.conf");
    files.0.insert(path.to_owned(), text.to_owned());
    config::load(files, path)
}

#[test]
fn whole_configurations_do_what_the_originals_did() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 11, "the seed's and ten others");
    let mut complaints = String::new();
    for case in paths {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let mut files = Files::of(&case);
        let inputs = files.inputs();
        let imported = import(&mut files, &inputs).unwrap();
        let loaded = load(&mut files, &imported.text);
        let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        let Some(config) = &loaded.config else { panic!("{name}: {errors:#?}\n{}", imported.text) };
        let expected = std::fs::read_to_string(case.join("expected")).unwrap();
        let is_told =
            |line: &&str| ["decide ", "differs ", "dropped "].iter().any(|it| line.starts_with(it));
        let (lines, wanted): (Vec<&str>, Vec<&str>) =
            expected.lines().partition(|line| !is_told(line));
        let facts = facts(&imported, config);
        if facts.trim_end() != lines.join("\n") {
            write!(complaints, "--- {name} ---\n{facts}").unwrap();
        }
        let told = told(&imported);
        for line in wanted {
            if !told.iter().any(|it| it.starts_with(line)) {
                writeln!(complaints, "--- {name}: not told: {line}").unwrap();
                let about = line.split(':').nth(2).unwrap_or_default();
                for near in told.iter().filter(|it| it.contains(about)) {
                    writeln!(complaints, "    {near}").unwrap();
                }
            }
        }
        // Nothing is ignored any more, and everything that is left stands in the file.
        let ignored = loaded.warnings.iter().find(|it| it.text.starts_with("ignored"));
        assert!(ignored.is_none(), "{name}: {ignored:?}\n{}", imported.text);
        for left in &imported.left {
            let line: String =
                left.to_string().chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
            assert!(
                imported.text.contains(&format!("# {line}\n")),
                "{name}: {line}\n{}",
                imported.text
            );
        }
        has_an_origin_for_each_line(&name, &imported.text);
    }
    assert!(complaints.is_empty(), "{complaints}");
}

/// In front of the first setting of each block, and of whatever follows of another line, stands a comment.
fn has_an_origin_for_each_line(name: &str, text: &str) {
    let mut is_told = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line == "}" {
            continue;
        }
        is_told |= line.starts_with("# ");
        assert!(is_told, "{name}: {line}\n{text}");
    }
}

fn imported(files: &[(&str, &str)]) -> (Imported, Files) {
    let mut all = Files::default();
    for (name, text) in files {
        all.0.insert(PathBuf::from(name), (*text).to_owned());
    }
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
    (import(&mut all, &paths).unwrap(), all)
}

/// What protects is never taken away in silence: a listener or passdb with a line that cannot be goes as a whole.
#[test]
fn nothing_gets_weaker_without_a_word() {
    let (imported, mut files) = imported(&[(
        "/d/dovecot.conf",
        "protocols = imap\nssl = required\nssl_cert = </e/c.pem\nssl_key = # hidden, use -P to show it\n\
         auth_username_translation = ab\nremote 10.0.0.0/8 {\n ssl = no\n}\nlogin_access_sockets = tcpwrap\n\
         passdb {\n driver = passwd-file\n args = /e/users\n deny = yes\n strange_thing = yes\n}\n\
         passdb {\n driver = static\n args = nopassword=y proxy=y host=10.0.0.2\n}\n\
         service imap-login {\n inet_listener imaps {\n  port = 993\n  ssl = yes\n  strange = yes\n }\n}\n",
    )]);
    let told = told(&imported).join("\n");
    for wanted in [
        "ssl_key: it was hidden",
        "remote",
        "login_access_sockets",
        "passdb, strange_thing",
        "inet_listener imaps, strange",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(told.contains("the listener is closed") && imported.is_incomplete());
    let config = load(&mut files, &imported.text).config.unwrap();
    assert_eq!(config.ssl.of(Protocol::Imap).mode, SslMode::Required);
    let ports: Vec<(u16, bool)> = config.listeners.iter().map(|it| (it.port, it.ssl)).collect();
    assert!(ports.iter().all(|it| *it == (143, false)), "{ports:?}");
    let key = &config.ssl.of(Protocol::Imap).server.as_ref().unwrap().key_file;
    assert_eq!(key, Path::new("/etc/hale/ssl_server_key_file.pem"));
    assert_eq!(config.auth.passdbs.len(), 1);
}

#[test]
fn secrets_stay_in_the_settings_and_are_told_nowhere() {
    let (imported, _) = imported(&[
        (
            "/h/haproxy.cfg",
            "userlist u\n user tim insecure-password hush\nlisten s\n mode http\n bind :81\n stats auth a:hush\n\
             listen imap\n bind :143\n server a 10.0.0.1:143\n tcp-request content reject if { src 1.1.1.1 }\n",
        ),
        ("/d/dovecot.conf", "doveadm_password = hush\nauth_strange_password = hush\n"),
    ]);
    let secrets: Vec<&str> = imported.text.lines().filter(|line| line.contains("hush")).collect();
    assert_eq!(secrets, ["doveadm_password = hush"]);
    assert!(
        imported.left.iter().all(|left| !left.to_string().contains("hush")),
        "{:?}",
        imported.left
    );
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let refused = |files: &[(&str, &str)], names: &[&str]| {
        let mut all = Files::default();
        all.0.extend(files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())));
        let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        import(&mut all, &paths).unwrap_err().join("\n")
    };
    assert!(refused(&[], &["/h/none.cfg"]).contains("/h/none.cfg"));
    let odd = refused(&[("/h/h.cfg", "defaults\n mode 'tcp\n")], &["/h/h.cfg"]);
    assert!(odd.contains("/h/h.cfg:2: the closing quote is missing"), "{odd}");
    let unset = refused(&[("/h/h.cfg", "listen a\n bind \"${NONE}:143\"\n")], &["/h/h.cfg"]);
    assert!(unset.contains("/h/h.cfg:2") && unset.contains("NONE"), "{unset}");
    let stray = refused(&[("/h/h.cfg", "bind :1\nglobal\n")], &["/h/h.cfg"]);
    assert!(stray.contains("/h/h.cfg:1: stands in no section"), "{stray}");
}
