//! The passdb driver `oauth2`: tokens verified here, tokens shown to a provider, passwords exchanged for tokens; by a provider of the
//! tests' own, which signs as real ones do.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::wait::{PATIENCE, wait_for};
use super::web_service::{Asked, Manner, Shared, WebService, answer};

/// What the backends know.
const BEHIND: &str = "behind";

/// A key of the provider's.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    id: &'static str,
}

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(), id }
    }

    /// As a member of a key set.
    pub(crate) fn public(&self) -> String {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let [x, y] = [x, y].map(|half| URL_SAFE_NO_PAD.encode(half));
        format!(
            r#"{{"kty":"EC","crv":"P-256","kid":"{}","use":"sig","x":"{x}","y":"{y}"}}"#,
            self.id
        )
    }

    /// A token with these claims, and an hour to live.
    pub(crate) fn token(&self, claims: &str) -> String {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{}"}}"#, self.id);
        let claims = format!(r#"{{"exp":{},"iss":"test",{claims}}}"#, unix_time() + 3600);
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[expect(clippy::disallowed_methods, reason = "tokens carry the time of the world")]
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn hale(pair: &Pair, users: &[&str], passdb: &str) -> Hale {
    pair.add_users(users, BEHIND.as_bytes());
    let mut setup = Setup::new(pair.port);
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_mechanisms = plain xoauth2 oauthbearer\n\
         passdb provider {{\n  driver = oauth2\n  answer_timeout = 1s\n  oauth2_pass_attrs = pass={BEHIND}\n{passdb}\n}}"
    ));
    setup.start()
}

/// The tagged answer to a login by XOAUTH2, and whether a challenge said what is wrong with the token.
pub(crate) fn bear(hale: &Hale, user: &str, token: &str) -> (String, bool) {
    let mut client = Imap::connect(hale.address());
    let message = STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"));
    client.send(format!("a AUTHENTICATE XOAUTH2 {message}\r\n").as_bytes());
    let mut is_challenged = false;
    loop {
        let line = String::from_utf8_lossy(&client.line()).into_owned();
        if line.starts_with('+') {
            is_challenged = true;
            client.send(b"\r\n");
        } else if line.starts_with("a ") {
            return (line, is_challenged);
        }
    }
}

#[test]
fn sa_07_tokens_are_verified_here_with_the_keys_of_a_server_and_keys_may_change() {
    let pair = Pair::shared();
    let (first, second) = (Signer::new("one"), Signer::new("two"));
    let keys = Arc::new(Shared::new(vec![first.public()]));
    let published = Arc::clone(&keys);
    let provider = WebService::start(move |_: &Asked| {
        let keys = published.lock().unwrap().join(",");
        // One odd key harms no other.
        (200, String::new(), format!(r#"{{"keys":[{{"kty":"odd","kid":1}},{keys}]}}"#))
    });
    let passdb = format!(
        "  mechanisms = xoauth2 oauthbearer\n  oauth2_introspection_mode = local\n  oauth2_key_set = {}\n  \
         oauth2_audience = mail\n  oauth2_issuers = test",
        provider.url("/keys")
    );
    let hale = hale(pair, &["token-one", "token-two"], &passdb);
    let claims = r#""aud":["mail"],"email":"token-one""#;
    let good = first.token(claims);
    let (line, _) = bear(&hale, "token-one", &good);
    assert!(line.starts_with("a OK"), "{line}\n{}", hale.said());
    pair.home_of("token-one");
    let bend = |token: &str| token.replace('.', ".a");
    for (user, token) in [
        ("token-two", good.clone()),
        ("token-one", bend(&good)),
        ("token-one", first.token(r#""aud":["other"],"email":"token-one""#)),
        ("token-one", first.token(r#""aud":["mail"],"sub":"token-one""#)),
        ("token-one", first.token(r#""aud":["mail"],"email":"token-one","nbf":"0""#)),
        ("token-one", "opaque".to_owned()),
    ] {
        let (line, is_challenged) = bear(&hale, user, &token);
        let is_refused = line.starts_with("a NO [AUTHENTICATIONFAILED]");
        assert!(is_refused && is_challenged, "{user} {token}: {line}");
    }
    // The provider takes its keys away from us: what was fetched stays in force.
    provider.behave(Manner::Gone);
    let (line, _) = bear(&hale, "token-one", &first.token(claims));
    assert!(line.starts_with("a OK"), "{line}\n{}", hale.said());
    provider.behave(Manner::Well);
    let fetched = provider.asked().len();
    *keys.lock().unwrap() = vec![first.public(), second.public()];
    let (unknown, _) = bear(&hale, "token-one", &second.token(claims));
    // However many tokens have keys that are not there, the set is fetched once in 30 s.
    for _ in 0..20 {
        bear(&hale, "token-one", &Signer::new("three").token(claims));
    }
    assert!(provider.asked().len() <= fetched + 1, "{}", provider.asked().len());
    let is_early = unknown.starts_with("a NO");
    assert!(is_early || unknown.starts_with("a OK"), "{unknown}");
    let said = hale.said();
    assert!(said.contains("another audience") && !said.contains(&good), "{said}");
}

#[test]
fn sa_08_tokens_are_introspected_and_our_own_wrong_secret_is_no_refusal() {
    let pair = Pair::shared();
    let provider = WebService::start(|asked: &Asked| {
        let body = match asked.body.split('&').next().unwrap_or_default() {
            "token=good" => r#"{"active":true,"email":"intro-one","exp":4000000000}"#,
            "token=nameless" => r#"{"active":true}"#,
            "token=text" => r#"{"active":"true","email":"intro-one"}"#,
            _ => r#"{"active":false}"#,
        };
        let is_ours = asked.field("authorization") == Some("Basic aGFsZTpzJTI2Yw==");
        if is_ours {
            (200, String::new(), body.to_owned())
        } else {
            (401, String::new(), String::new())
        }
    });
    let passdb = |secret: &str| {
        format!(
            "  mechanisms = xoauth2\n  oauth2_introspection_mode = post\n  oauth2_introspection_url = {}\n  \
             oauth2_client_id = hale\n  oauth2_client_secret = {secret}\n  oauth2_client_auth = basic",
            provider.url("/check")
        )
    };
    let known = hale(pair, &["intro-one"], &passdb("s&c"));
    let (line, _) = bear(&known, "intro-one", "good");
    assert!(line.starts_with("a OK"), "{line}\n{}", known.said());
    for token in ["bad", "nameless", "text"] {
        let (line, is_challenged) = bear(&known, "intro-one", token);
        assert!(
            line.starts_with("a NO [AUTHENTICATIONFAILED]") && is_challenged,
            "{token}: {line}"
        );
    }
    // Our own secret is wrong: no user is refused for that.
    let wrong = hale(pair, &[], &passdb("other"));
    let (line, _) = bear(&wrong, "intro-one", "good");
    assert!(line.starts_with("a NO [UNAVAILABLE]"), "{line}");
    wait_for("the line about it", PATIENCE, || {
        wrong.said().contains("oauth2_client_secret").then_some(())
    });
}

#[test]
fn passwords_are_exchanged_for_tokens_where_the_provider_says_so_itself() {
    let pair = Pair::shared();
    let signer = Signer::new("one");
    let place = Arc::new(Shared::new(String::new()));
    let base = Arc::clone(&place);
    let provider = WebService::start(move |asked: &Asked| {
        let base = base.lock().unwrap().clone();
        let target = asked.line.split(' ').nth(1).unwrap_or_default();
        match target {
            "/.well-known/openid-configuration" => {
                let body = format!(
                    r#"{{"issuer":"test","jwks_uri":"{base}/keys","token_endpoint":"{base}/token"}}"#
                );
                (200, String::new(), body)
            }
            "/keys" => (200, String::new(), format!(r#"{{"keys":[{}]}}"#, signer.public())),
            "/token" if asked.body.contains("username=grant-one&password=front&client_id=hale") => {
                let token = signer.token(r#""email":"grant-one","home":"back""#);
                (200, String::new(), format!(r#"{{"access_token":"{token}"}}"#))
            }
            _ => (400, String::new(), r#"{"error":"invalid_grant"}"#.to_owned()),
        }
    });
    *place.lock().unwrap() = provider.url("");
    let passdb = format!(
        "  mechanisms = plain login\n  oauth2_use_grant_password = yes\n  oauth2_introspection_mode = local\n  \
         oauth2_openid_configuration_url = {}\n  oauth2_client_id = hale\n  oauth2_client_secret = x",
        provider.url("/.well-known/openid-configuration")
    );
    let hale = hale(pair, &["grant-one"], &passdb);
    let line = answer(&hale, "grant-one", "front");
    assert!(line.starts_with("a OK"), "{line}\n{}", hale.said());
    let line = answer(&hale, "grant-one", "wrong");
    assert!(line.starts_with("a NO [AUTHENTICATIONFAILED]"), "{line}");
}
