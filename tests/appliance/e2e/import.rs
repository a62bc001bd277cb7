//! `hale import` as operators run it: the configurations of `tests/import` with a host's files, and one that then serves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::certificate::{Authority, Pem};
use super::dovecot::Pair;
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{BACKENDS, FRONT};
use super::tools::{BASH, said};

fn hale(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hale")).args(words).output().unwrap()
}

/// A certificate with its key in one file, as HAProxy has it.
fn write_pem(path: &Path, name: &str) {
    let Pem { certificate, key } = Pem::new(&[name]);
    fs::write(path, certificate + &key).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A case's files in a folder of their own, with real certificates.
fn stage(case: &Path, folder: &Path) {
    for entry in fs::read_dir(case).unwrap() {
        let from = entry.unwrap().path();
        let to = folder.join(from.file_name().unwrap());
        if from.is_dir() {
            fs::create_dir_all(&to).unwrap();
            stage(&from, &to);
            continue;
        }
        let shown = folder.display().to_string();
        let text = fs::read_to_string(&from).unwrap().replace("@FOLDER@", &shown);
        let text = text.replace("@PEM@", &format!("{shown}/mail.pem"));
        fs::write(&to, text.replace("@CA@", &format!("{shown}/ca.pem"))).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn what_is_imported_passes_check_config_and_the_exit_code_tells_what_is_open() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let mut complaints = Vec::new();
    for case in fs::read_dir(cases).unwrap() {
        let case = case.unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        stage(&case, folder.path());
        fs::create_dir_all(path("certificates")).unwrap();
        for name in ["mail.pem", "certificates/a.pem", "certificates/b.pem"] {
            write_pem(&path(name), "mail.test");
        }
        fs::write(path("ca.pem"), Authority::new("Clients").certificate).unwrap();
        let inputs = ["haproxy.cfg", "dovecot.conf", "doveconf.txt"].map(path);
        let inputs: Vec<PathBuf> = inputs.into_iter().filter(|it| it.exists()).collect();
        let output = path("hale.conf").display().to_string();
        let mut words = vec!["import", "-o", &output];
        words.extend(inputs.iter().map(|it| it.to_str().unwrap()));
        let imported = hale(&words);
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        let code = imported.status.code().unwrap();
        if !expected.starts_with(&format!("exit {code}\n")) {
            complaints.push(format!("{}: exit {code}: {}", case.display(), said(&imported)));
        }
        assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
        // Where TLS went through, the operator puts the servers' certificate.
        let text = fs::read_to_string(&output).unwrap();
        let pem = path("mail.pem").display().to_string();
        fs::write(
            &output,
            text.replace("/etc/hale/cert.pem", &pem).replace("/etc/hale/key.pem", &pem),
        )
        .unwrap();
        let checked = hale(&["-c", &output, "check-config"]);
        if !checked.status.success() {
            complaints.push(format!("{}: {}\n{text}", case.display(), said(&checked)));
        }
        // What is there is not written over.
        assert_eq!(hale(&words).status.code(), Some(CANNOT_CREATE));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert_eq!(hale(&["import", "/nowhere/haproxy.cfg"]).status.code(), Some(NO_INPUT));
    assert_eq!(hale(&["import"]).status.code(), Some(USAGE));
}

/// From HAProxy's file to logins, by what the new file says: its settings, and the commands at its end.
#[test]
fn a_balancer_and_its_servers_become_hale_and_its_backends() {
    let pair = Pair::shared();
    let users: Vec<String> = (0..12).map(|number| format!("imported-{number}")).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    pair.add_users(&names, b"secret");
    let setup = Setup::new(pair.port);
    let (haproxy, port) = (setup.path().join("haproxy.cfg"), setup.port);
    let servers = BACKENDS.iter().zip(["one", "two"]);
    let servers: String =
        servers.map(|(at, name)| format!("    server {name} {at}:{} check\n", pair.port)).collect();
    let text = format!(
        "defaults\n    mode tcp\n    timeout client 1h\n    timeout server 1h\nlisten imap\n    bind {FRONT}:{port}\n    balance source\n{servers}"
    );
    fs::write(&haproxy, text).unwrap();
    let imported = hale(&["import", haproxy.to_str().unwrap()]);
    let text = String::from_utf8(imported.stdout).unwrap();
    let folder = setup.path().display().to_string();
    let own = format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/hale.log\ncluster_localdb = sqlite:{folder}/run/localdb.sqlite\n"
    );
    let text = text.replace("/etc/hale/backends", &format!("{folder}/backends"));
    fs::write(setup.path().join("hale.conf"), format!("{text}\n{own}")).unwrap();
    let program = format!("{} -c {folder}/hale.conf", env!("CARGO_BIN_EXE_hale"));
    let commands = text.lines().filter_map(|line| line.strip_prefix("#   "));
    let commands: Vec<String> = commands
        .map(|it| {
            it.strip_prefix("hale ")
                .map_or_else(|| it.to_owned(), |rest| format!("{program} {rest}"))
        })
        .collect();
    assert_eq!(commands.len(), 8, "{text}");
    let mut shell = BASH.command();
    let done = shell.args(["-e", "-c", &commands.join("\n")]).output().unwrap();
    assert!(done.status.success(), "{}\n{text}", said(&done));
    let hale = setup.run();
    for user in &users {
        let mut client = Imap::connect(hale.address());
        client.login(user, b"secret");
        let mut client = Imap::connect(hale.address());
        assert!(!client.try_login(user, b"wrong"), "the backends judge");
    }
    let homes: Vec<usize> = users.iter().map(|user| pair.home_of(user)).collect();
    assert!(homes.contains(&0) && homes.contains(&1), "{homes:?}");
}

const USAGE: i32 = 64;
const NO_INPUT: i32 = 66;
const CANNOT_CREATE: i32 = 73;
