//! Mechanisms without a password: real Dovecots alone know the secrets, or Hale does, in all four protocols with SASL, in clear
//! and by TLS. The client is `clients/sasl.py`, which goes by the RFCs, and Debian's curl and gsasl.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hale::names::Protocol;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tempfile::TempDir;

use super::site::{Door, PASSWORD, Site};
use super::tools::{CURL, DOVEADM, GSASL, PYTHON, run, said};
use super::wait::{PATIENCE, wait_for};

pub(super) const PROTOCOLS: [Protocol; 4] =
    [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];
pub(super) const KEY: &[u8] = b"a key that the backends have, and an issuer";

/// A token of an issuer that the backends believe.
pub(super) fn token(user: &str) -> String {
    token_until(user, 4_102_444_800)
}

/// One that ends then.
pub(super) fn token_until(user: &str, end: u64) -> String {
    let claims = format!(r#"{{"sub":"1","email":"{user}","exp":{end}}}"#);
    signed(KEY, r#"{"alg":"HS256","typ":"JWT"}"#, &claims)
}

/// A token of that key.
pub(super) fn signed(key: &[u8], header: &str, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The issuer's key in a folder as Dovecot has it.
pub(super) fn write_key(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let keys = folder.join("keys/default/HS256");
    fs::create_dir_all(&keys).unwrap();
    fs::write(keys.join("default"), STANDARD.encode(KEY)).unwrap();
}

/// What makes a Dovecot judge tokens, and have SCRAM.
pub(super) fn judging(folder: &Path) -> String {
    write_key(folder);
    let file = folder.join("oauth2.conf.ext");
    let text = format!(
        "introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={}/keys/\n",
        folder.display()
    );
    fs::write(&file, text).unwrap();
    format!(
        "auth_mechanisms = plain login scram-sha-1 scram-sha-256 xoauth2 oauthbearer cram-md5 digest-md5\n\
         passdb {{\n driver = oauth2\n mechanisms = xoauth2 oauthbearer\n args = {}\n}}\n",
        file.display()
    )
}

/// What one client hears.
pub(super) struct Attempt<'a> {
    pub(super) site: &'a Site,
    pub(super) protocol: Protocol,
    pub(super) door: Option<Door>,
    pub(super) mechanism: &'a str,
    pub(super) user: &'a str,
    pub(super) secret: &'a str,
    pub(super) is_invited: bool,
}

impl Attempt<'_> {
    pub(super) fn run(&self) -> String {
        let port = match self.door {
            Some(door) => self.site.port(self.protocol, door),
            None => self.site.clear(self.protocol).port(),
        };
        let door = self.door.map_or_else(|| "Clear".to_owned(), |door| format!("{door:?}"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/appliance/e2e/clients/sasl.py");
        let mut client = PYTHON.command();
        client.args([script, self.protocol.name(), &door, &port.to_string()]);
        client.arg(self.site.authority()).args([self.mechanism, self.user, self.secret]);
        client.args(self.is_invited.then_some("without-ir"));
        String::from_utf8(run(&mut client)).unwrap()
    }

    #[track_caller]
    pub(super) fn is_let_in(&self) {
        let heard = self.run();
        assert!(heard.ends_with("\nin\n"), "{} {}: {heard}", self.mechanism, self.protocol);
    }

    #[track_caller]
    pub(super) fn is_refused(&self, words: &str) {
        let heard = self.run();
        let is_out = heard.ends_with("\nout\n") && heard.contains(words);
        assert!(is_out, "{} {}: {heard}", self.mechanism, self.protocol);
    }
}

pub(super) const DOORS: [Option<Door>; 3] = [None, Some(Door::Starttls), Some(Door::Implicit)];

/// A site whose backends know the secrets alone.
fn led_by_backends(user: &str, folder: &TempDir) -> Site {
    let configuration = "auth_mechanisms = plain login scram-sha-1 scram-sha-256 xoauth2 oauthbearer\n\
                         auth_failure_delay = 0\n\
                         passdb backends {\n driver = static\n mechanisms = scram-sha-1 scram-sha-256 xoauth2 oauthbearer\n \
                         fields {\n nopassword = yes\n }\n}";
    let site = Site::start_behind(&[], configuration, &judging(folder.path()));
    site.pair.add_user(user, PASSWORD.as_bytes());
    site
}

#[test]
fn w_cred_1_scram_and_tokens_that_the_backend_alone_can_judge() {
    let folder = tempfile::tempdir().unwrap();
    let user = "sasl-relayed";
    let (site, token) = (led_by_backends(user, &folder), token(user));
    let bad = [token_until(user, 1_000_000_000), token_of_another(user), forged(user)];
    let attempt = |protocol, mechanism, secret| Attempt {
        site: &site,
        protocol,
        door: None,
        mechanism,
        user,
        secret,
        is_invited: false,
    };
    for protocol in PROTOCOLS {
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1", "XOAUTH2", "OAUTHBEARER"] {
            let is_token = !mechanism.starts_with("SCRAM");
            let secret = if is_token { &*token } else { PASSWORD };
            attempt(protocol, mechanism, secret).is_let_in();
            attempt(protocol, mechanism, "wrong").is_refused("");
            Attempt { is_invited: true, ..attempt(protocol, mechanism, secret) }.is_let_in();
        }
        for door in DOORS {
            Attempt { door, ..attempt(protocol, "SCRAM-SHA-256", PASSWORD) }.is_let_in();
            Attempt { door, ..attempt(protocol, "XOAUTH2", &token) }.is_let_in();
        }
        // The backend tells of a bad token, and Hale of that: one that has ended, one of another user, one of another key.
        for bad in &bad {
            attempt(protocol, "XOAUTH2", bad).is_refused(CHALLENGED);
        }
    }
    let by = |protocol: Protocol, method: &str| {
        let service = protocol.service_name();
        let word = format!("method={method},");
        let has_word = |line: &String| line.contains(&word) && line.contains(service);
        let logins = site.pair.backends.iter().flat_map(|backend| backend.logins(user));
        logins.into_iter().filter(has_word).count()
    };
    for protocol in PROTOCOLS {
        // Plain, by both SASL-IR and invitation, and by each door: no password was shown to a backend.
        for (method, logins) in [("SCRAM-SHA-256", 5), ("SCRAM-SHA-1", 2), ("OAUTHBEARER", 7)] {
            wait_for(&format!("{protocol} by {method} at the backends"), PATIENCE, || {
                (by(protocol, method) == logins).then_some(())
            });
        }
        assert_eq!(by(protocol, "PLAIN"), 0, "{protocol}");
    }
    // Whom the backend does not know it does not say, and neither do we.
    let stranger =
        Attempt { user: "sasl-stranger", ..attempt(Protocol::Imap, "SCRAM-SHA-256", "x") };
    stranger.is_refused("NO [AUTHENTICATIONFAILED]");
    wait_for("the refusal in the log", PATIENCE, || {
        site.hale.said().contains("sasl-stranger").then_some(())
    });
}

/// Good, and another user's.
fn token_of_another(user: &str) -> String {
    token(&format!("{user}-else"))
}

/// For the user, and by a key that is no issuer's.
fn forged(user: &str) -> String {
    let claims = format!(r#"{{"sub":"1","email":"{user}","exp":4102444800}}"#);
    signed(b"another key", r#"{"alg":"HS256","typ":"JWT"}"#, &claims)
}

/// How a challenge about a bad token begins, in base64.
pub(super) const CHALLENGED: &str = "eyJzdGF0dXMiOi";

/// What Dovecot stores of a password.
fn stored(scheme: &str) -> String {
    let mut doveadm = DOVEADM.command();
    doveadm.args(["-O", "pw", "-s", scheme, "-p", PASSWORD]);
    String::from_utf8(run(&mut doveadm)).unwrap().trim().to_owned()
}

#[test]
fn sa_04_scram_by_keys_and_passwords_that_hale_has() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("masters"), "hale:{PLAIN}master-secret::::::\n").unwrap();
    let theirs = format!(
        "passdb {{\n driver = passwd-file\n master = yes\n args = scheme=PLAIN {}/masters\n result_success = continue\n}}\n",
        folder.path().display()
    );
    let more = "::::::master=hale pass=master-secret\n";
    let rows = [
        ("sasl-keys", stored("SCRAM-SHA-256")),
        ("sasl-keys-1", stored("SCRAM-SHA-1")),
        ("sasl-plain", format!("{{PLAIN}}{PASSWORD}")),
        ("sasl-hash", stored("SSHA256")),
    ];
    let text: String = rows.iter().map(|(user, stored)| format!("{user}:{stored}{more}")).collect();
    let users = folder.path().join("users");
    fs::write(&users, text).unwrap();
    let configuration = format!(
        "auth_mechanisms = plain login scram-sha-1 scram-sha-256\nauth_failure_delay = 0\n\
         passdb secrets {{\n driver = passwd-file\n passwd_file_path = {}\n}}",
        users.display()
    );
    let site = Site::start_behind(&[], &configuration, &theirs);
    for (user, _) in &rows {
        site.pair.add_user(user, b"another");
    }
    let attempt = |protocol, mechanism, user, secret| Attempt {
        site: &site,
        protocol,
        door: None,
        mechanism,
        user,
        secret,
        is_invited: false,
    };
    let (sha_1, sha_256) = ("SCRAM-SHA-1", "SCRAM-SHA-256");
    for protocol in PROTOCOLS {
        attempt(protocol, sha_256, "sasl-keys", PASSWORD).is_let_in();
        attempt(protocol, sha_1, "sasl-plain", PASSWORD).is_let_in();
        attempt(protocol, sha_256, "sasl-plain", "wrong").is_refused("");
        for door in DOORS {
            let by_door = Attempt { door, ..attempt(protocol, sha_256, "sasl-plain", PASSWORD) };
            by_door.is_let_in();
        }
        let invited = attempt(protocol, sha_256, "sasl-keys", PASSWORD);
        Attempt { is_invited: true, ..invited }.is_let_in();
    }
    attempt(Protocol::Imap, sha_1, "sasl-keys-1", PASSWORD).is_let_in();
    attempt(Protocol::Imap, "PLAIN", "sasl-keys", PASSWORD).is_let_in();
    for (user, mechanism) in
        [("sasl-hash", sha_256), ("sasl-keys", sha_1), ("sasl-stranger", sha_256)]
    {
        attempt(Protocol::Imap, mechanism, user, PASSWORD).is_refused("NO [AUTHENTICATIONFAILED]");
    }
    for (kind, protocol) in [("--imap", Protocol::Imap), ("--smtp", Protocol::Submission)] {
        let heard = gsasl(&site, kind, protocol, sha_256, "sasl-keys", PASSWORD);
        assert!(heard.contains("Client authentication finished (server trusted)"), "{heard}");
    }
}

#[test]
fn sa_07_curl_and_gsasl_log_in_without_showing_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let user = "sasl-tools";
    let (site, token) = (led_by_backends(user, &folder), token(user));
    for (scheme, protocol) in [("imap", Protocol::Imap), ("pop3", Protocol::Pop3)] {
        for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
            let mut curl = CURL.command();
            curl.args(["--silent", "--show-error", "--max-time", "60", "--oauth2-bearer", &token]);
            curl.args(["--user", &format!("{user}:")]);
            curl.args(["--login-options", &format!("AUTH={mechanism}")]);
            curl.arg(format!("{scheme}://{}/", site.clear(protocol)));
            run(&mut curl);
        }
    }
    for (kind, protocol) in [("--imap", Protocol::Imap), ("--smtp", Protocol::Submission)] {
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1"] {
            let heard = gsasl(&site, kind, protocol, mechanism, user, PASSWORD);
            assert!(heard.contains("Client authentication finished (server trusted)"), "{heard}");
        }
    }
}

/// What gsasl and the server say.
fn gsasl(
    site: &Site,
    kind: &str,
    protocol: Protocol,
    mechanism: &str,
    user: &str,
    password: &str,
) -> String {
    let address = site.clear(protocol);
    let mut gsasl: Command = GSASL.command();
    gsasl.args(["--client", kind, "--no-starttls", "--no-cb", "--verbose"]);
    gsasl.arg(format!("--connect={}:{}", address.ip(), address.port()));
    gsasl.args(["--mechanism", mechanism, "--authentication-id", user, "--password", password]);
    gsasl.args(["--hostname", "localhost", "--service", "imap"]);
    said(&gsasl.output().unwrap())
}
