//! Verdicts on tokens of Dovecot 2.3.19 and of Hale, side by side, with the same dovecot-oauth2.conf.ext: signed ones with keys on
//! disk, and others by introspection in its three ways.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::dovecot::Pair;
use super::faulty::{Fault, FaultyBackends, address_of};
use super::hale::Setup;
use super::imap::Imap;
use super::ports::free_port;
use super::sasl::{KEY, signed, write_key};
use super::speech::IMAP;
use super::web_service::{Asked, WebService};

/// What became of a login, and whether a challenge told of a bad token.
type Verdict = (&'static str, bool);

/// A token, by what is odd about it.
type Case = (&'static str, String);

const LATER: u64 = 4_102_444_800;
const EARLIER: u64 = 1_000_000_000;

/// Where Hale means to differ: the mode (empty: all that ask), the case, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("local", "at+jwt", "RFC 9068: providers mark their tokens so, and Dovecot takes `JWT` only"),
    ("local", "no type", "RFC 7519 5.1: the type may be left out"),
    ("local", "no subject", "nothing is made of `sub`"),
    ("local", "no name", "a token that names no user is a bad one, and no trouble of the server's"),
    ("local", "an unknown key", "the key that is called `default` is tried for every token"),
    (
        "local",
        "a critical extension",
        "RFC 7515 4.1.11: what is critical and not understood is refused",
    ),
    ("", "no name", "the same as of a token that is verified here"),
    ("", "ended", "Dovecot does not look at `exp` of an answer"),
    (
        "auth",
        "401",
        "RFC 6750 3.1: the provider says that the token is bad, and not that it is in trouble",
    ),
];

#[test]
fn verdicts_on_tokens_are_dovecots_with_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    write_key(folder.path());
    let signer = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    write_elliptic_key(folder.path(), &signer);
    let provider = WebService::start(introspected);
    let passdbs = passdbs(folder.path(), &provider);
    let pair = Pair::start_with(&format!(
        "auth_failure_delay = 0\nauth_mechanisms = plain login xoauth2\n{}",
        passdbs.replace("@MORE@", "")
    ));
    let backends = FaultyBackends::start(IMAP.turns, vec![Fault::None]);
    let mut setup = Setup::new(free_port());
    let port = setup.port;
    setup.configure(&IMAP.configuration(port, backends.port));
    let more = format!("override_fields = host={} pass=x", address_of(0));
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_mechanisms = plain login xoauth2\n{}",
        passdbs.replace("@MORE@", &more)
    ));
    let hale = setup.start();
    let (mut complaints, mut count) = (String::new(), 0);
    for mode in ["local", "get", "post", "auth"] {
        let cases = if mode == "local" { signed_tokens(&signer) } else { opaque_tokens() };
        for (name, token) in cases {
            let user = format!("{mode}-user");
            let verdicts =
                [pair.backends[0].address(), hale.address()].map(|at| verdict(at, &user, &token));
            let is_meant = DIFFERENCES.iter().any(|(of, case, why)| {
                let is_of_mode = if of.is_empty() { mode != "local" } else { *of == mode };
                is_of_mode && *case == name && !why.is_empty()
            });
            if (verdicts[0] == verdicts[1]) == is_meant {
                let [theirs, ours] = verdicts;
                writeln!(complaints, "{mode}, {name}: Dovecot {theirs:?}, Hale {ours:?}").unwrap();
            }
            count += 1;
        }
    }
    let log = pair.backends[0].log();
    assert!(complaints.is_empty(), "\n{complaints}\n{}\n{log}", hale.said());
    assert!(count >= 50, "{count} verdicts");
}

/// The public half, as Dovecot has it.
fn write_elliptic_key(folder: &Path, signer: &EcdsaKeyPair) {
    // SubjectPublicKeyInfo of P-256 in front of the point (RFC 5480 2).
    let start = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
    let text = STANDARD.encode([start, signer.public_key().as_ref()].concat());
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|it| str::from_utf8(it).unwrap()).collect();
    let place = folder.join("keys/default/ES256");
    fs::create_dir_all(&place).unwrap();
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    fs::write(place.join("curve"), pem).unwrap();
}

/// A passdb for each mode, whose users are told apart by their names.
fn passdbs(folder: &Path, provider: &WebService) -> String {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let keys = format!("fs:posix:prefix={}/keys/", folder.display());
    let asked = |mode: &str, path: &str| {
        format!(
            "introspection_mode = {mode}\nintrospection_url = {}\nclient_id = hale\nclient_secret = s&c\n\
             active_attribute = active\nactive_value = true\nscope = mail\n",
            provider.url(path)
        )
    };
    let modes = [
        (
            "local",
            format!(
                "introspection_mode = local\nlocal_validation_key_dict = {keys}\nscope = mail\n"
            ),
        ),
        ("get", asked("get", "/get?token=")),
        ("post", asked("post", "/post")),
        ("auth", asked("auth", "/auth")),
    ];
    let mut passdbs = String::new();
    for (mode, text) in modes {
        let path = folder.join(format!("{mode}.conf.ext"));
        fs::write(&path, text).unwrap();
        write!(
            passdbs,
            "passdb {{\n driver = oauth2\n mechanisms = xoauth2 oauthbearer\n username_filter = {mode}-*\n args = {}\n @MORE@\n}}\n",
            path.display()
        )
        .unwrap();
    }
    passdbs
}

/// Tokens of `local-user`.
fn signed_tokens(signer: &EcdsaKeyPair) -> Vec<Case> {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let with = |name, header: &str, claims: &str| (name, signed(KEY, header, claims));
    let claims =
        |more: &str| format!(r#"{{"sub":"1","scope":"mail","email":"local-user",{more}}}"#);
    let good = claims(&format!(r#""exp":{LATER}"#));
    let plain = |name, claims: &str| with(name, header, claims);
    let mut bent = signed(KEY, header, &good);
    bent.truncate(bent.len() - 4);
    let elliptic = r#"{"alg":"ES256","typ":"JWT","kid":"curve"}"#;
    vec![
        plain("good", &good),
        plain("another user's", &good.replace("local-user", "local-else")),
        plain("the name in capitals", &good.replace("local-user", "LOCAL-USER")),
        plain("ended", &claims(&format!(r#""exp":{EARLIER}"#))),
        plain("no end", r#"{"sub":"1","scope":"mail","email":"local-user"}"#),
        plain("an end in words", &claims(r#""exp":"later""#)),
        plain("not yet", &claims(&format!(r#""exp":{LATER},"nbf":{LATER}"#))),
        plain("from the future", &claims(&format!(r#""exp":{LATER},"iat":{LATER}"#))),
        plain("another audience", &claims(&format!(r#""exp":{LATER},"aud":"news""#))),
        plain("another issuer", &claims(&format!(r#""exp":{LATER},"iss":"else""#))),
        plain("another scope", &good.replace(r#""mail""#, r#""news""#)),
        plain("several scopes", &good.replace(r#""mail""#, r#""news mail""#)),
        plain("no scope", &good.replace(r#""scope":"mail","#, "")),
        plain("no name", &format!(r#"{{"sub":"1","scope":"mail","exp":{LATER}}}"#)),
        plain("no subject", &good.replace(r#""sub":"1","#, "")),
        plain("no object", "[1]"),
        with("at+jwt", &header.replace("JWT", "at+jwt"), &good),
        with("no type", r#"{"alg":"HS256"}"#, &good),
        with("no algorithm", r#"{"typ":"JWT"}"#, &good),
        with("the algorithm none", &header.replace("HS256", "none"), &good),
        with("an unknown key", r#"{"alg":"HS256","typ":"JWT","kid":"other"}"#, &good),
        with("another algorithm than the key's", elliptic, &good),
        with("a critical extension", r#"{"alg":"HS256","typ":"JWT","crit":["x"],"x":1}"#, &good),
        ("another key's", signed(b"another key", header, &good)),
        ("a bent signature", bent),
        ("no signature", signed(KEY, header, &good).rsplit_once('.').unwrap().0.to_owned() + "."),
        ("two parts", "a.b".to_owned()),
        ("no token", "opaque".to_owned()),
        ("on a curve", on_a_curve(signer, elliptic, &good)),
        ("on a curve, for another", on_a_curve(signer, elliptic, &good.replace("user", "else"))),
    ]
}

fn on_a_curve(signer: &EcdsaKeyPair, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Tokens that the provider knows, each called by what it says of it.
fn opaque_tokens() -> Vec<Case> {
    [
        "good", "inactive", "else", "nameless", "refused", "broken", "page", "ended", "scoped",
        "unscoped", "capitals", "nothing",
    ]
    .into_iter()
    .zip([
        "good",
        "inactive",
        "another user's",
        "no name",
        "401",
        "500",
        "a page",
        "ended",
        "another scope",
        "no scope",
        "the name in capitals",
        "nothing",
    ])
    .map(|(token, name)| (name, token.to_owned()))
    .collect()
}

/// The provider, in all three ways.
fn introspected(asked: &Asked) -> (u16, String, String) {
    let target = asked.line.split(' ').nth(1).unwrap_or_default();
    let bearer = asked.field("authorization").and_then(|it| it.strip_prefix("Bearer "));
    let form = if asked.body.is_empty() { target } else { &asked.body };
    let form = form.split("token=").nth(1).and_then(|rest| rest.split('&').next());
    let token = bearer.or(form).unwrap_or_default();
    let mode = target.trim_start_matches('/').split('?').next().unwrap_or_default();
    let with = |more: &str| {
        (
            200,
            String::new(),
            format!(r#"{{"active":true,"email":"{mode}-user","scope":"mail"{more}}}"#),
        )
    };
    let body = |text: &str| (200, String::new(), text.to_owned());
    match token {
        "good" => with(""),
        "else" => body(&format!(r#"{{"active":true,"email":"{mode}-else","scope":"mail"}}"#)),
        "capitals" => body(&format!(
            r#"{{"active":true,"email":"{}-USER","scope":"mail"}}"#,
            mode.to_uppercase()
        )),
        "nameless" => body(r#"{"active":true,"scope":"mail"}"#),
        "scoped" => body(&format!(r#"{{"active":true,"email":"{mode}-user","scope":"news"}}"#)),
        "unscoped" => body(&format!(r#"{{"active":true,"email":"{mode}-user"}}"#)),
        "ended" => with(&format!(r#","exp":{EARLIER}"#)),
        "refused" => (401, String::new(), String::new()),
        "broken" => (500, String::new(), String::new()),
        "page" => body("<html>"),
        "nothing" => body("{}"),
        _ => body(r#"{"active":false}"#),
    }
}

fn verdict(at: SocketAddr, user: &str, token: &str) -> Verdict {
    let mut client = Imap::connect(at);
    let message = STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"));
    client.send(format!("a AUTHENTICATE XOAUTH2 {message}\r\n").as_bytes());
    let mut is_challenged = false;
    loop {
        let line = String::from_utf8_lossy(&client.line()).into_owned();
        match line.as_str() {
            line if line.starts_with('+') => {
                is_challenged = true;
                client.send(b"\r\n");
            }
            line if line.starts_with("a OK") => return ("in", is_challenged),
            line if line.contains("[UNAVAILABLE]") => return ("not now", is_challenged),
            line if line.starts_with("a NO") => return ("refused", is_challenged),
            line => assert!(line.starts_with("* "), "{line}"),
        }
    }
}
