//! A provider of tokens that others wrote: oidc-provider from npm, found by its OpenID configuration, asked and verified.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::dovecot::Pair;
use super::hale::Setup;
use super::oauth2::bear;
use super::ports::free_port;
use super::process::Process;
use super::tools::{CURL, NODE, NPM, run};
use super::wait::{PATIENCE, poll};

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

/// A token of the provider's; `more`: what is asked for besides.
fn token(base: &str, more: &str) -> Option<String> {
    let mut curl = CURL.command();
    curl.args(["--silent", "--user", "hale:s%20e%26c%3Dret", "--data"]);
    curl.args([format!("grant_type=client_credentials{more}"), format!("{base}/token")]);
    let output = curl.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.split_once(r#""access_token":""#)?.1.split_once('"')?.0.to_owned())
}

#[test]
fn tokens_of_a_real_provider_are_verified_or_introspected_and_revoked_ones_refused() {
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let mut setup = Setup::with_users(Pair::shared(), &["oidc-user"], b"behind");
    let mut command = NODE.command();
    command.arg(folder().join("provider.mjs")).arg(installed().join("package.json"));
    command.arg(port.to_string());
    let provider = Process::start("oidc", &command, setup.path());
    let opaque = poll(PATIENCE, || token(&base, ""));
    let opaque = opaque.unwrap_or_else(|| panic!("{}", provider.said()));
    let signed = token(&base, "&resource=urn:mail&scope=imap").unwrap();
    let common = format!(
        "  driver = oauth2\n  mechanisms = xoauth2\n  oauth2_pass_attrs = pass=behind\n  \
         oauth2_openid_configuration_url = {base}/.well-known/openid-configuration"
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
    run(curl.args([format!("token={opaque}"), format!("{base}/token/revocation")]));
    let (line, is_challenged) = bear(&hale, "oidc-user", &opaque);
    assert!(line.starts_with("a NO [AUTHENTICATIONFAILED]") && is_challenged, "{line}");
}
