//! Each server once through the table.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use super::super::databases::{Database, Kind as Engine};
use super::super::dovecot::Dovecot;
use super::super::hale::{Hale, Setup, set_private};
use super::super::oauth2::{Signer, bear};
use super::super::oidc::Provider;
use super::super::ports::{FRONT, free_port};
use super::super::process::Process;
use super::super::slapd::{Person, Slapd};
use super::super::tools::PYTHON;
use super::super::wait::{PATIENCE, wait_for};
use super::super::web_service::answer;
use super::{FAULTS, Kind, Scene, Server};

/// Whom a server has to know.
fn users() -> Vec<String> {
    let new = FAULTS.iter().map(|fault| super::new_user(*fault));
    std::iter::once("known".to_owned()).chain(new).collect()
}

fn by_password(hale: &Hale, user: &str) -> String {
    answer(hale, user, "quince")
}

fn by_token(hale: &Hale, user: &str) -> String {
    let kind = if user.starts_with("eve") { "bad" } else { "good" };
    bear(hale, user, &format!("{kind}-{user}")).0
}

#[test]
fn db_05_postgresql() {
    of_database(Engine::Pgsql);
}

#[test]
fn db_05_mariadb() {
    of_database(Engine::Mysql);
}

impl Server for Database {
    fn signal(&mut self, signal: Signal) {
        Self::signal(self, signal);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }

    fn reshape(&mut self, to_another: bool) -> bool {
        let (from, to) = if to_another { ("password", "pw") } else { ("pw", "password") };
        self.run(&format!("ALTER TABLE users RENAME COLUMN {from} TO {to}"));
        true
    }
}

fn of_database(engine: Engine) {
    let mut database = Database::start(engine);
    let rows: Vec<String> =
        users().iter().map(|user| format!("('{user}', '{{PLAIN}}quince')")).collect();
    database.run(&format!(
        "CREATE TABLE users (name varchar(80) NOT NULL, password varchar(80)); INSERT INTO users VALUES {};",
        rows.join(", ")
    ));
    let driver = database.driver();
    let passdb = |setup: &Setup, port| {
        let tls = if driver == "pgsql" { "sslmode=disable" } else { "" };
        let text = format!(
            "driver = {driver}\nconnect = host={FRONT} port={port} dbname=mail user=hale password=sesame {tls}\n\
             default_pass_scheme = PLAIN\npassword_query = SELECT name AS user, password FROM users WHERE name = '%u'\n"
        );
        let path = setup.path().join("dovecot-sql.conf.ext");
        fs::write(&path, text).unwrap();
        set_private(&path);
        format!(
            "passdb people {{\n driver = sql\n args = {}\n answer_timeout = 2s\n}}",
            path.display()
        )
    };
    let told = ["passdb people (sql, ", driver, "look whether the server runs"];
    Scene::start(Kind::UserDb, database.port, by_password, passdb, &told).suffers(&mut database);
}

impl Server for Slapd {
    fn signal(&mut self, signal: Signal) {
        Self::signal(self, signal);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }

    fn reshape(&mut self, to_another: bool) -> bool {
        match to_another {
            true => self.start_again_without_people(),
            false => Self::start_again(self),
        }
        true
    }
}

#[test]
fn db_05_slapd() {
    let people: Vec<Person> = users().iter().map(|user| Person::new(user, "quince", "")).collect();
    let mut slapd = Slapd::start(&people);
    let passdb = |_: &_, port| {
        format!(
            "passdb people {{\n driver = ldap\n ldap_uris = ldap://127.0.0.1:{port}\n ldap_base = dc=test\n bind = yes\n \
             ldap_filter = (uid=%{{user}})\n answer_timeout = 2s\n fields {{\n user = %{{ldap:uid}}\n }}\n}}"
        )
    };
    let told = ["passdb people (ldap, ldap://127.0.0.1:", "ldap_uris"];
    Scene::start(Kind::UserDb, slapd.port, by_password, passdb, &told).suffers(&mut slapd);
}

impl Server for Dovecot {
    fn signal(&mut self, signal: Signal) {
        Self::signal(self, signal);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn start_again(&mut self) {
        Self::start_again(self);
    }

    fn reshape(&mut self, _: bool) -> bool {
        false
    }
}

#[test]
fn db_05_another_imap_server() {
    let [port, second, third, fourth] = [(); 4].map(|()| free_port());
    let mut dovecot = Dovecot::alone(FRONT, [port, second, third, fourth], "");
    let users = users();
    dovecot.add_users(&users.iter().map(String::as_str).collect::<Vec<_>>(), b"quince");
    let passdb = |_: &_, port| {
        format!(
            "passdb people {{\n driver = imap\n imapc_host = 127.0.0.1\n imapc_port = {port}\n answer_timeout = 2s\n}}"
        )
    };
    let told = ["passdb people (imap, 127.0.0.1:", "imapc_host"];
    Scene::start(Kind::UserDb, port, by_password, passdb, &told).suffers(&mut dovecot);
}

/// `user_service.py` in a process of its own.
struct Service {
    // Ends before its folder goes.
    process: Process,
    directory: tempfile::TempDir,
    port: u16,
}

impl Service {
    fn start(keys: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("keys"), keys).unwrap();
        let port = free_port();
        Self { process: begin_service(directory.path(), port), directory, port }
    }
}

fn begin_service(directory: &Path, port: u16) -> Process {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/appliance/e2e/user_service.py");
    let mut command = PYTHON.command();
    command.args([script, &port.to_string()]).arg(directory.join("keys"));
    let process = Process::start("service", &command, directory);
    wait_for("the service takes connections", PATIENCE, || {
        std::net::TcpStream::connect((FRONT, port)).ok().map(drop)
    });
    process
}

impl Server for Service {
    fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    fn kill(&mut self) {
        self.process.end();
    }

    fn start_again(&mut self) {
        self.process = begin_service(self.directory.path(), self.port);
    }

    fn reshape(&mut self, _: bool) -> bool {
        self.process.signal(Signal::USR1);
        true
    }
}

#[test]
fn db_05_an_auth_http_service() {
    let mut service = Service::start("");
    let passdb = |_: &_, port| {
        format!(
            "passdb people {{\n driver = http\n http_auth_url = http://127.0.0.1:{port}/auth\n answer_timeout = 2s\n}}"
        )
    };
    let told = ["passdb people (http, http://127.0.0.1:", "http_auth_url"];
    Scene::start(Kind::UserDb, service.port, by_password, passdb, &told).suffers(&mut service);
}

#[test]
fn sa_08_an_introspecting_provider() {
    let mut service = Service::start("");
    let passdb = |_: &_, port| {
        format!(
            "auth_mechanisms = plain xoauth2\npassdb people {{\n driver = oauth2\n mechanisms = xoauth2\n answer_timeout = 2s\n \
             oauth2_introspection_mode = post\n oauth2_introspection_url = http://127.0.0.1:{port}/check\n \
             oauth2_pass_attrs = pass=behind\n}}"
        )
    };
    let told = ["passdb people (oauth2, http://127.0.0.1:", "oauth2_"];
    Scene::start(Kind::UserDb, service.port, by_token, passdb, &told).suffers(&mut service);
}

#[test]
fn db_09_a_server_of_keys() {
    let signer = Signer::new("one");
    let mut service = Service::start(&format!(r#"{{"keys":[{}]}}"#, signer.public()));
    let stranger = Signer::new("two");
    let log_in = |hale: &Hale, user: &str| {
        let signer = if user.starts_with("eve") { &stranger } else { &signer };
        bear(hale, user, &signer.token(&format!(r#""aud":"mail","email":"{user}""#))).0
    };
    let passdb = |_: &_, port| {
        format!(
            "auth_mechanisms = plain xoauth2\npassdb people {{\n driver = oauth2\n mechanisms = xoauth2\n answer_timeout = 2s\n \
             oauth2_introspection_mode = local\n oauth2_key_set = http://127.0.0.1:{port}/keys\n oauth2_audience = mail\n \
             oauth2_pass_attrs = pass=behind\n}}"
        )
    };
    let told = ["passdb people (oauth2, http://127.0.0.1:", "oauth2_"];
    Scene::start(Kind::Keys, service.port, log_in, passdb, &told).suffers(&mut service);
}

#[test]
fn sa_15_a_policy_server() {
    let mut service = Service::start("");
    let passdb = |_: &_, port| {
        format!(
            "auth_policy_server_url = http://127.0.0.1:{port}/policy\nauth_policy_hash_nonce = a nonce\n\
             auth_policy_server_timeout_msecs = 500\npassdb people {{\n driver = static\n password = quince\n}}"
        )
    };
    let told = ["policy server http://127.0.0.1:", "auth_policy_server_url"];
    Scene::start(Kind::Policy, service.port, by_password, passdb, &told).suffers(&mut service);
}

impl Server for &Provider {
    fn signal(&mut self, signal: Signal) {
        self.process.lock().unwrap().signal(signal);
    }

    fn kill(&mut self) {
        self.process.lock().unwrap().end();
    }

    fn start_again(&mut self) {
        Provider::start_again(self);
    }

    fn reshape(&mut self, _: bool) -> bool {
        false
    }
}

/// Tokens mean something to it until it is started again; whose they are it always says alike.
#[test]
fn db_05_oidc_provider() {
    let provider = &Provider::start();
    let known = provider.token("");
    let log_in = |hale: &Hale, user: &str| {
        let token = match user {
            "known" => known.clone(),
            _ if user.starts_with("eve") => user.to_owned(),
            _ => provider.token(""),
        };
        bear(hale, "oidc-user", &token).0
    };
    let passdb = |_: &_, port| {
        format!(
            "auth_mechanisms = plain xoauth2\npassdb people {{\n driver = oauth2\n mechanisms = xoauth2\n answer_timeout = 2s\n \
             oauth2_introspection_mode = post\n oauth2_introspection_url = http://127.0.0.1:{port}/token/introspection\n \
             oauth2_client_id = hale\n oauth2_client_secret = \"s e&c=ret\"\n oauth2_client_auth = basic\n \
             oauth2_pass_attrs = pass=behind\n}}"
        )
    };
    let told = ["passdb people (oauth2, http://127.0.0.1:", "oauth2_"];
    let scene = Scene::start(Kind::UserDb, provider.port, log_in, passdb, &told);
    scene.suffers(&mut &*provider);
}
