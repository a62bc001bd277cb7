//! Hale as the subject, with its GeoDB in Cassandra, and an earlier build of it: a configuration with two backends in a GeoDB and
//! users in a password file, for each in a folder of its own.

use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use sha_crypt::{PasswordHasher, ShaCrypt};

use super::{Bench, Target, run_to_end, write_file};
use crate::engine::{Protocol, TlsMode, scram};

pub(super) fn prepare(target: Target, bench: &Bench) -> Result<()> {
    let directory = directory(target, bench);
    for inside in ["run", "state"] {
        fs::create_dir_all(directory.join(inside))?;
    }
    write_file(&directory.join("hale.conf"), &configuration(target, bench)?)?;
    write_file(&directory.join("users"), &users(target, bench)?)?;
    // Hale takes no passwords from a file that every user of the host can read.
    fs::set_permissions(directory.join("users"), Permissions::from_mode(0o600))?;
    let mut hosts = String::new();
    for (number, backend) in bench.backends.iter().enumerate() {
        writeln!(hosts, "{} {}", backend.ip(), host_name(number))?;
    }
    if target == Target::HaleProbing {
        let addresses = bench.probed_addresses();
        for (number, address) in (0..bench.probed).zip(addresses.iter().cycle()) {
            writeln!(hosts, "{} {}", address.ip(), probed_name(number))?;
        }
    }
    write_file(&directory.join("hosts"), &hosts)?;
    run_to_end(command_of(target, bench)?.args(["geodb", "init"]))?;
    run_to_end(command_of(target, bench)?.args(["cluster", "site", "add", SITE]))?;
    for number in 0..bench.backends.len() {
        let host = host_name(number);
        run_to_end(
            command_of(target, bench)?.args(["cluster", "backend", "add", "--site", SITE, &host]),
        )?;
        let online = ["cluster", "backend", "update", "--status", "online", "--load-factor", "100"];
        run_to_end(command_of(target, bench)?.args(online).arg(&host))?;
    }
    if target == Target::HaleProbing {
        add_probed(target, bench)?;
    }
    Ok(())
}

/// Backends that no user has, and that are probed. A command for each would take minutes.
fn add_probed(target: Target, bench: &Bench) -> Result<()> {
    let mut sql = String::from("begin;\n");
    for number in 0..bench.probed {
        let (id, host) = (format!("{number:08x}-0000-4000-8000-000000000001"), probed_name(number));
        writeln!(
            sql,
            "insert into backends (id, site_id, load_factor, host, status) select '{id}', id, 0, '{host}', 'standby' from sites;"
        )?;
    }
    sql.push_str("commit;\n");
    let script = directory(target, bench).join("probed.sql");
    write_file(&script, &sql)?;
    let geodb = directory(target, bench).join("geodb.sqlite");
    run_to_end(Command::new("sqlite3").arg(geodb).arg(format!(".read {}", script.display())))
        .context("make the probed backends (apt-get install sqlite3)")
}

/// What runs it; also forgets what an earlier run knew, if that is wanted.
pub(super) fn command(target: Target, bench: &Bench) -> Result<Command> {
    if bench.cold {
        for suffix in ["", "-wal", "-shm"] {
            let file = directory(target, bench).join(format!("localdb.sqlite{suffix}"));
            // It is not there before the first run.
            let _ = fs::remove_file(file);
        }
    }
    let mut command = command_of(target, bench)?;
    command.arg("run");
    Ok(command)
}

pub(super) fn admin_socket(target: Target, bench: &Bench) -> PathBuf {
    directory(target, bench).join("run/admin.sock")
}

fn command_of(target: Target, bench: &Bench) -> Result<Command> {
    let program = match target {
        Target::HaleBefore => {
            bench.before.as_ref().context("the target hale-before needs --before PROGRAM")?
        }
        _ => bench.hale.as_ref().context("the target hale needs --hale PROGRAM")?,
    };
    let mut command = Command::new(program);
    command.arg("-c").arg(directory(target, bench).join("hale.conf"));
    Ok(command)
}

fn directory(target: Target, bench: &Bench) -> PathBuf {
    bench.directory.join(target.name())
}

fn configuration(target: Target, bench: &Bench) -> Result<String> {
    let directory = directory(target, bench);
    let directory = directory.display();
    let geodb = match (target, &bench.geodb) {
        // Each protocol has users of its own.
        (Target::HaleCassandra, Some(geodb)) => {
            format!("{geodb};keyspace=load_{}", bench.protocol.name())
        }
        (Target::HaleCassandra, None) => {
            bail!(
                "the target hale-cassandra needs --geodb cassandra:…, or --cassandra of the script"
            )
        }
        _ => format!("sqlite:{directory}/geodb.sqlite"),
    };
    let protocol = bench.protocol.name();
    let probes = match target {
        Target::HaleProbing => format!(
            "cluster_backend_test_username = probe-%{{backend_host}}\ncluster_backend_test_password = {}\n\
             cluster_backend_check_protocols = {protocol}\n",
            bench.password
        ),
        _ => String::new(),
    };
    let proxy_port = bench.backends.first().map_or(143, |backend| backend.port());
    Ok(format!(
        "base_dir = {directory}/run\nstate_dir = {directory}/state\n\
         data_cores = {core}\ncontrol_core = {core}\n\
         listen = 127.0.0.1\nprotocols = {protocol}\n\
         {service}\
         protocol {protocol} {{\n  proxy_port = {proxy_port}\n}}\n\
         {tls}\
         {moves}\
         cluster_local_site = {SITE}\n\
         cluster_geodb = {geodb}\n\
         cluster_localdb = sqlite:{directory}/localdb.sqlite\n\
         cluster_hosts_file = {directory}/hosts\n\
         {probes}\
         {passdb}",
        core = bench.core,
        service = service(target, bench),
        tls = tls(bench),
        passdb = passdb(target, bench)?,
        moves = if bench.moves { "cluster_group_moves = proxy\n" } else { "" },
    ))
}

fn passdb(target: Target, bench: &Bench) -> Result<String> {
    let directory = directory(target, bench);
    let file = format!(
        "passdb users {{\n  driver = passwd-file\n  passwd_file_path = {}/users\n}}\n",
        directory.display()
    );
    Ok(match (target, &bench.passdb) {
        (Target::HaleUserdb, None) => {
            bail!("the target hale-userdb needs --passdb FILE, or --userdb of the script")
        }
        (Target::HaleUserdb, Some(passdb)) => passdb.clone(),
        (Target::HaleScram, _) => format!("auth_mechanisms = plain scram-sha-256\n{file}"),
        // What costs least: the same password for all.
        (_, Some(_)) => {
            format!("passdb users {{\n  driver = static\n  password = {}\n}}\n", bench.password)
        }
        (_, None) => file,
    })
}

fn tls(bench: &Bench) -> String {
    let mut text = match &bench.tls {
        None => "ssl = no\nauth_allow_cleartext = yes\n".to_owned(),
        Some(tls) => format!(
            "ssl = required\nssl_server_cert_file = {}\nssl_server_key_file = {}\n",
            tls.certificate.certificate_file.display(),
            tls.certificate.key_file.display()
        ),
    };
    if bench.proxy_v2 {
        text.push_str("haproxy_trusted_networks = 127.0.0.0/8\n");
    }
    text
}

/// The one listener that is loaded; those that are there by default are closed.
fn service(target: Target, bench: &Bench) -> String {
    let (name, plain, secure) = match bench.protocol {
        Protocol::Imap => ("imap-login", "imap", "imaps"),
        Protocol::Pop3 => ("pop3-login", "pop3", "pop3s"),
        Protocol::Sieve => ("managesieve-login", "sieve", "sieves"),
        Protocol::Submission => ("submission-login", "submission", "submissions"),
        Protocol::Lmtp => ("lmtp", "lmtp", "lmtps"),
    };
    let is_implicit = bench.tls.as_ref().is_some_and(|tls| tls.mode == TlsMode::Implicit);
    let (open, closed) = if is_implicit { (secure, plain) } else { (plain, secure) };
    let mut text = format!(
        "service {name} {{\n  inet_listener {closed} {{\n    port = 0\n  }}\n  inet_listener {open} {{\n    port = {}\n",
        target.address().port()
    );
    if is_implicit {
        text.push_str("    ssl = yes\n");
    }
    if bench.proxy_v2 {
        text.push_str("    haproxy = yes\n");
    }
    text.push_str("  }\n}\n");
    text
}

/// One hash for all: a salt of one's own for each would only make the file slow to write.
fn users(target: Target, bench: &Bench) -> Result<String> {
    let hash = if target == Target::HaleScram {
        scram::stored(&bench.password)
    } else if bench.hashed {
        let hash = ShaCrypt::default()
            .hash_password_with_salt(bench.password.as_bytes(), SALT)
            .map_err(|error| anyhow!("hash the password: {error}"))?;
        format!("{{SHA512-CRYPT}}{hash}")
    } else {
        format!("{{PLAIN}}{}", bench.password)
    };
    let mut text = String::new();
    for number in 0..bench.users {
        let name = bench.user_pattern().replace("%d", &number.to_string());
        writeln!(text, "{name}:{hash}::::::proxy=y")?;
    }
    Ok(text)
}

fn probed_name(number: u32) -> String {
    format!("probed{number}.test")
}

fn host_name(number: usize) -> String {
    format!("be{}.test", number + 1)
}

/// No secret hides behind it; twelve bytes become the sixteen characters crypt(3) reads.
const SALT: &[u8] = b"hale-loadtst";
const SITE: &str = "DC1";
