//! A provider of tokens that others wrote: oidc-provider from npm, found by its OpenID configuration, asked and verified.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::dovecot::Pair;
use super::hale::Setup;
use super::oauth2::bear;
use super::ports::free_port;
use super::process::Process;
use super::tools::{CURL, NODE, NPM, run};
use super::wait::{PATIENCE, poll};
use super::web_service::Shared;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/appliance/e2e/oidc")
}

/// The library in the versions of the lock file, beside what cargo builds; npm fetches it once.
fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc");
        fs::create_dir_all(&place).unwrap();
        let lock = fs::read(folder().join("package-lock.json")).unwrap();
        // Written last: what is there was installed whole, and from this lock file.
        let done = place.join("installed-from.json");
        if fs::read(&done).is_ok_and(|from| from == lock) {
            return place;
        }
        for name in ["package.json", "package-lock.json"] {
            fs::copy(folder().join(name), place.join(name)).unwrap();
        }
        let mut command = NPM.command();
        command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
        run(command.current_dir(&place));
        fs::write(done, lock).unwrap();
        place
    })
}

/// The provider in a process of its own.
pub(crate) struct Provider {
    // Ends before its folder goes.
    pub(crate) process: Shared<Process>,
    directory: TempDir,
    pub(crate) port: u16,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let process = begin(directory.path(), port);
        Self { process: Shared::new(process), directory, port }
    }

    pub(crate) fn start_again(&self) {
        let mut process = self.process.lock().unwrap();
        process.end();
        *process = begin(self.directory.path(), self.port);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        url(self.port, path)
    }

    /// A token of its own; `more`: what is asked for besides.
    pub(crate) fn token(&self, more: &str) -> String {
        token(self.port, more).unwrap()
    }

    fn said(&self) -> String {
        self.process.lock().unwrap().said()
    }
}

fn begin(directory: &Path, port: u16) -> Process {
    let mut command = NODE.command();
    command.arg(folder().join("provider.mjs")).arg(installed().join("package.json"));
    command.arg(port.to_string());
    let process = Process::start("oidc", &command, directory);
    let is_there = poll(PATIENCE, || token(port, ""));
    assert!(is_there.is_some(), "{}", process.said());
    process
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

fn token(port: u16, more: &str) -> Option<String> {
    let mut curl = CURL.command();
    curl.args(["--silent", "--user", "hale:s%20e%26c%3Dret", "--data"]);
    curl.args([format!("grant_type=client_credentials{more}"), url(port, "/token")]);
    let output = curl.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.split_once(r#""access_token":""#)?.1.split_once('"')?.0.to_owned())
}

#[test]
fn tokens_of_a_real_provider_are_verified_or_introspected_and_revoked_ones_refused() {
    let provider = Provider::start();
    let mut setup = Setup::with_users(Pair::shared(), &["oidc-user"], b"behind");
    let opaque = provider.token("");
    let signed = provider.token("&resource=urn:mail&scope=imap");
    let common = format!(
        "  driver = oauth2\n  mechanisms = xoauth2\n  oauth2_pass_attrs = pass=behind\n  \
         oauth2_openid_configuration_url = {}",
        provider.url("/.well-known/openid-configuration")
    );
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_mechanisms = plain xoauth2\n\
         passdb signed {{\n{common}\n  oauth2_introspection_mode = local\n  oauth2_audience = mail\n  oauth2_scope = imap\n}}\n\
         passdb opaque {{\n{common}\n  oauth2_introspection_mode = post\n  oauth2_client_id = hale\n  \
         oauth2_client_secret = \"s e&c=ret\"\n  oauth2_client_auth = basic\n  use_cache = no\n}}"
    ));
    let hale = setup.start();
    for token in [&signed, &opaque] {
        let (line, _) = bear(&hale, "oidc-user", token);
        assert!(line.starts_with("a OK"), "{line}\n{}{}", hale.said(), provider.said());
        let (line, _) = bear(&hale, "another", token);
        assert!(line.starts_with("a NO [AUTHENTICATIONFAILED]"), "{line}");
    }
    let mut curl = CURL.command();
    curl.args(["--silent", "--user", "hale:s%20e%26c%3Dret", "--data"]);
    run(curl.args([format!("token={opaque}"), provider.url("/token/revocation")]));
    let (line, is_challenged) = bear(&hale, "oidc-user", &opaque);
    assert!(line.starts_with("a NO [AUTHENTICATIONFAILED]") && is_challenged, "{line}");
}
