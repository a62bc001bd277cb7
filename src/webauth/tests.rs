//! Tokens signed here and now, with keys of every kind.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
    RsaKeyPair,
};
use aws_lc_rs::{hmac as mac, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::limits;
use crate::secret::Secret;

const NOW: u64 = 1_795_000_000;

/// What signs.
enum Signer {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Shared(Box<mac::Key>),
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ecdsa(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Shared(key) => mac::sign(key, message).as_ref().to_vec(),
        }
    }

    /// As a member of a key set.
    fn public(&self, id: &str) -> Value {
        match self {
            Self::Rsa(pair, _) => {
                // RSAPublicKey of 2,048 bits (RFC 8017 A.1.1): the modulus behind nine bytes, the exponent in the last three.
                let der = pair.public_key().as_ref();
                let (n, e) = (base64url(&der[9..9 + 256]), base64url(&der[der.len() - 3..]));
                json!({"kty": "RSA", "kid": id, "n": n, "e": e})
            }
            Self::Ecdsa(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": curve, "kid": id, "x": base64url(x), "y": base64url(y)})
            }
            Self::Ed25519(pair) => {
                let x = base64url(pair.public_key());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x, "use": "sig"})
            }
            Self::Shared(_) => json!({"kty": "oct", "kid": id, "k": base64url([7; 32])}),
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", base64url(signature))
    }
}

fn rsa_signer(encoding: &'static dyn RsaEncoding) -> Signer {
    Signer::Rsa(Box::new(RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap()), encoding)
}

fn ecdsa_signer(algorithm: &'static EcdsaSigningAlgorithm) -> Signer {
    Signer::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap())
}

fn es256() -> Signer {
    ecdsa_signer(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), SharedKeys::Allowed).unwrap()
}

fn claims() -> Value {
    json!({"exp": NOW + 60, "email": "tim@example.org", "iss": "https://idp.example/", "aud": "mail"})
}

fn rules() -> Rules {
    Rules { username_attribute: "email".into(), ..Rules::default() }
}

/// The verdict on a token as a whole.
fn verdict(set: &KeySet, token: &str, rules: &Rules) -> Result<Vouched, TokenFault> {
    let token = Token::parse(token.as_bytes())?;
    set.verify(&token)?;
    token.into_claims().judge_token(rules, NOW)
}

/// The verdict on claims that a good key has signed.
fn judged(claims: &Value, rules: &Rules) -> Result<Vouched, TokenFault> {
    Claims::parse(claims.to_string().as_bytes()).unwrap().judge_token(rules, NOW)
}

#[test]
fn every_algorithm_verifies_its_own_tokens_and_those_of_no_other_key() {
    let shared = |algorithm| Signer::Shared(Box::new(mac::Key::new(algorithm, &[7; 32])));
    let signers = [
        ("RS256", rsa_signer(&signature::RSA_PKCS1_SHA256)),
        ("RS384", rsa_signer(&signature::RSA_PKCS1_SHA384)),
        ("RS512", rsa_signer(&signature::RSA_PKCS1_SHA512)),
        ("PS256", rsa_signer(&signature::RSA_PSS_SHA256)),
        ("PS384", rsa_signer(&signature::RSA_PSS_SHA384)),
        ("PS512", rsa_signer(&signature::RSA_PSS_SHA512)),
        ("ES256", es256()),
        ("ES384", ecdsa_signer(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)),
        ("ES512", ecdsa_signer(&signature::ECDSA_P521_SHA512_FIXED_SIGNING)),
        ("EdDSA", Signer::Ed25519(Ed25519KeyPair::generate().unwrap())),
        ("HS256", shared(mac::HMAC_SHA256)),
        ("HS384", shared(mac::HMAC_SHA384)),
        ("HS512", shared(mac::HMAC_SHA512)),
    ];
    for (name, signer) in &signers {
        let header = json!({"alg": name, "typ": "JWT", "kid": "k"});
        let token = signer.token(&header, &claims());
        let own = set(&[signer.public("k")]);
        let user = verdict(&own, &token, &rules()).map(|vouched| vouched.user);
        assert_eq!(user.as_deref(), Ok("tim@example.org"), "{name}");
        // One bit of the claims, of the signature, or another key.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut bent = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bent[8] ^= 1;
        let bent = format!("{signed}.{}", base64url(bent));
        assert_eq!(verdict(&own, &bent, &rules()), Err(TokenFault::Signature), "{name}");
        let other = json!({"exp": NOW + 60, "email": "eve@example.org"});
        let forged = signer.token(&header, &other);
        let forged = format!("{}.{signature}", forged.rsplit_once('.').unwrap().0);
        assert_eq!(verdict(&own, &forged, &rules()), Err(TokenFault::Signature), "{name}");
        for (other_name, other) in &signers {
            let refused = verdict(&set(&[other.public("k")]), &token, &rules());
            // The three shared secrets are one secret.
            assert!(
                name == other_name || refused.is_err() || name.starts_with("HS"),
                "{name} {other_name}"
            );
        }
    }
}

#[test]
fn sa_07_what_no_token_may_be() {
    let signer = rsa_signer(&signature::RSA_PKCS1_SHA256);
    let own = set(&[signer.public("k")]);
    let good = json!({"alg": "RS256", "kid": "k"});
    assert!(verdict(&own, &signer.token(&good, &claims()), &rules()).is_ok());
    let of = |header: Value| verdict(&own, &signer.token(&header, &claims()), &rules());
    for name in ["none", "None", "", "rs256", "HS257", "ES256K"] {
        assert_eq!(of(json!({"alg": name, "kid": "k"})), Err(TokenFault::Algorithm), "{name}");
    }
    assert_eq!(of(json!({"kid": "k"})), Err(TokenFault::Algorithm));
    assert_eq!(of(json!({"alg": "RS256", "crit": []})), Err(TokenFault::Critical));
    assert_eq!(of(json!({"alg": "RS256", "kid": 7})), Err(TokenFault::Header));
    assert_eq!(of(json!({"alg": "RS256", "typ": "dpop+jwt"})), Err(TokenFault::Type));
    for name in ["JWT", "jwt", "at+jwt", "application/at+jwt", "Application/JWT"] {
        assert!(of(json!({"alg": "RS256", "typ": name})).is_ok(), "{name}");
    }
    let evil = json!({"alg": "RS256", "kid": "../../etc/passwd", "jku": "https://evil.example/", "x5u": "x"});
    assert_eq!(of(evil), Err(TokenFault::UnknownKey(Algorithm::Rs256)));
    // The public key as HMAC secret: no RSA key verifies that.
    let Signer::Rsa(pair, _) = &signer else { panic!("an RSA signer") };
    let public = mac::Key::new(mac::HMAC_SHA256, pair.public_key().as_ref());
    let confused =
        Signer::Shared(Box::new(public)).token(&json!({"alg": "HS256", "kid": "k"}), &claims());
    assert_eq!(verdict(&own, &confused, &rules()), Err(TokenFault::UnknownKey(Algorithm::Hs256)));
    let unsigned =
        format!("{}.{}.", base64url(r#"{"alg":"none"}"#), base64url(claims().to_string()));
    assert_eq!(verdict(&own, &unsigned, &rules()), Err(TokenFault::Algorithm));
    let long = "a".repeat(64 << 10);
    assert_eq!(verdict(&own, &long, &rules()), Err(TokenFault::TooLong));
    let token = signer.token(&good, &claims());
    for odd in [
        "",
        "a",
        "a.b",
        "..",
        "a.b.c.d",
        &format!("{token}="),
        &format!("{token}\n"),
        &format!(" {token}"),
    ] {
        assert_eq!(verdict(&own, odd, &rules()), Err(TokenFault::NoJwt), "{odd:?}");
    }
}

#[test]
fn the_times_of_a_token() {
    let at = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        judged(&claims, &rules()).map(|vouched| vouched.expires_unix)
    };
    assert_eq!(at("exp", json!(NOW + 1)), Ok(Some(NOW + 1)));
    assert_eq!(at("exp", json!(NOW)), Err(TokenFault::Expired));
    #[expect(clippy::cast_precision_loss, reason = "the number is small")]
    let fraction = NOW as f64 + 1.5;
    assert_eq!(at("exp", json!(fraction)), Ok(Some(NOW + 1)));
    assert_eq!(at("exp", json!(1e300)), Ok(Some(u64::MAX)));
    assert_eq!(at("exp", json!(-5)), Err(TokenFault::Expired));
    for odd in [json!("1895000000"), json!(null), json!([NOW + 60]), json!(true)] {
        assert_eq!(at("exp", odd), Err(TokenFault::WrongType("exp")));
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("exp");
    assert_eq!(judged(&without, &rules()), Err(TokenFault::Missing("exp")));
    assert_eq!(at("nbf", json!(NOW + 11)), Err(TokenFault::NotYet));
    assert!(at("nbf", json!(NOW + 10)).is_ok());
    assert_eq!(at("nbf", json!("0")), Err(TokenFault::WrongType("nbf")));
    assert_eq!(at("iat", json!(NOW + 3600)), Err(TokenFault::FromTheFuture));
    let grace = Rules { grace: Duration::from_secs(60), ..rules() };
    let late = json!({"exp": NOW - 59, "email": "tim"});
    assert!(judged(&late, &grace).is_ok());
    assert_eq!(judged(&json!({"exp": NOW - 60, "email": "tim"}), &grace), Err(TokenFault::Expired));
}

#[test]
fn issuer_audience_scope_and_name() {
    let demanding = Rules {
        issuers: vec!["https://other.example/".into(), "https://idp.example/".into()],
        audiences: vec!["mail".into()],
        scopes: vec!["imap".into(), "openid".into()],
        ..rules()
    };
    let of = |name: &str, value: Value| {
        let mut claims = claims();
        claims["scope"] = json!("openid profile imap");
        claims[name] = value;
        judged(&claims, &demanding).map(|vouched| vouched.user)
    };
    assert_eq!(of("x", json!(1)).as_deref(), Ok("tim@example.org"));
    assert_eq!(of("iss", json!("https://idp.example")), Err(TokenFault::Issuer));
    assert_eq!(of("iss", json!(["https://idp.example/"])), Err(TokenFault::WrongType("iss")));
    assert_eq!(of("aud", json!("mai")), Err(TokenFault::Audience));
    assert!(of("aud", json!(["calendar", "mail"])).is_ok());
    assert_eq!(of("aud", json!([])), Err(TokenFault::Audience));
    assert_eq!(of("aud", json!(["mail", 1])), Err(TokenFault::WrongType("aud")));
    assert_eq!(of("scope", json!("openid imaps")), Err(TokenFault::Scope));
    assert!(of("scope", json!(["imap", "openid"])).is_ok());
    assert_eq!(of("scope", json!(1)), Err(TokenFault::WrongType("scope")));
    for odd in [json!(""), json!(1), json!(["tim"]), json!(null)] {
        assert_eq!(of("email", odd), Err(TokenFault::NoName));
    }
    for name in ["iss", "aud"] {
        let mut without = claims();
        without["scope"] = json!("openid imap");
        without.as_object_mut().unwrap().remove(name);
        let fault = judged(&without, &demanding).unwrap_err();
        assert_eq!(fault.to_string(), format!("the token has no `{name}`"));
    }
    // What is not demanded may be missing, and has to be of its type all the same.
    assert!(judged(&json!({"exp": NOW + 1, "email": "tim"}), &rules()).is_ok());
    let odd = judged(&json!({"exp": NOW + 1, "email": "tim", "aud": 1}), &rules());
    assert_eq!(odd, Err(TokenFault::WrongType("aud")));
}

#[test]
fn db_09_one_odd_key_harms_no_other_and_all_keys_of_an_id_are_tried() {
    let (first, second) = (es256(), es256());
    let odd = [
        json!({"kty": "EC", "crv": "P-256", "kid": 7, "x": "", "y": ""}),
        json!({"kty": "EC", "crv": "secp256k1", "kid": "k"}),
        json!({"kty": "OKP", "crv": "X25519", "kid": "k", "x": "AAAA"}),
        json!({"kty": "RSA", "kid": "k", "n": base64url([1; 128]), "e": "AQAB"}),
        json!({"kty": "oct", "kid": "k"}),
        json!({"kty": "what", "kid": "k"}),
        json!({"kid": "k"}),
        json!("no key"),
        json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": base64url([1; 32]), "y": base64url([1; 32])}),
    ];
    let mut for_secrets = first.public("k");
    for_secrets["use"] = json!("enc");
    let mut keys = odd.to_vec();
    keys.extend([for_secrets, first.public("k"), second.public("k")]);
    let whole = set(&keys);
    assert_eq!(whole.len(), 2);
    let remark = whole.remark().unwrap();
    assert!(remark.starts_with("10 keys are passed over"), "{remark}");
    let header = json!({"alg": "ES256", "kid": "k"});
    for signer in [&first, &second] {
        assert!(verdict(&whole, &signer.token(&header, &claims()), &rules()).is_ok());
    }
    // A key that is gone verifies nothing any more.
    let rotated = set(&[second.public("k")]);
    let old = verdict(&rotated, &first.token(&header, &claims()), &rules());
    assert_eq!(old, Err(TokenFault::Signature));
    let renamed =
        verdict(&set(&[second.public("new")]), &first.token(&header, &claims()), &rules());
    assert_eq!(renamed, Err(TokenFault::UnknownKey(Algorithm::Es256)));
}

#[test]
fn db_09_a_thousand_keys_are_read_in_part_and_what_is_no_set_is_refused() {
    let signer = es256();
    let keys: Vec<Value> = (0..1000).map(|number| signer.public(&number.to_string())).collect();
    let large = set(&keys);
    assert_eq!(large.len(), limits::TOKEN_KEYS_MAX);
    assert!(large.remark().unwrap().contains("744 keys"));
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>", r#"{"keys":1}"#] {
        let fault = KeySet::parse(text.as_bytes(), SharedKeys::Refused).unwrap_err();
        assert_eq!(fault, KeySetFault::Form, "{text}");
    }
    let empty = KeySet::parse(br#"{"keys":[]}"#, SharedKeys::Refused).unwrap_err();
    assert_eq!(empty, KeySetFault::Empty);
    let secret = json!({"keys": [{"kty": "oct", "k": base64url([1; 32])}]}).to_string();
    let fault = KeySet::parse(secret.as_bytes(), SharedKeys::Refused).unwrap_err();
    assert_eq!(fault, KeySetFault::Empty, "a secret that everybody can fetch is none");
}

#[test]
fn keys_of_a_folder_hold_for_their_party() {
    let secret = Secret::from("a secret of thirty-two octets, ok");
    let key = Key::of_file(Algorithm::Hs256, Some("webmail"), Some("k"), &secret).unwrap();
    let set = KeySet::of(vec![key]);
    let signer = Signer::Shared(Box::new(mac::Key::new(mac::HMAC_SHA256, secret.expose())));
    let token = |party: &str| {
        let mut claims = claims();
        claims["azp"] = json!(party);
        signer.token(&json!({"alg": "HS256", "kid": "k"}), &claims)
    };
    assert!(verdict(&set, &token("webmail"), &rules()).is_ok());
    let other = verdict(&set, &token("other"), &rules());
    assert_eq!(other, Err(TokenFault::UnknownKey(Algorithm::Hs256)));
    assert!(Key::of_file(Algorithm::Rs256, None, None, &secret).is_err());
    assert!(Key::of_file(Algorithm::Hs256, None, None, &Secret::default()).is_err());
}

#[test]
fn sa_08_what_a_provider_says_of_a_token() {
    let of = |text: &str, rules: &Rules| {
        Claims::parse(text.as_bytes()).map(|claims| claims.judge_answer(rules, NOW))
    };
    for none in ["", "{}", "[]", "<html>", "null", "{\"active\":tru"] {
        assert!(of(none, &rules()).is_none(), "{none}");
    }
    let user = |text: &str| of(text, &rules()).unwrap().map(|vouched| vouched.user);
    assert_eq!(user(r#"{"active":true,"email":"tim"}"#).as_deref(), Ok("tim"));
    assert_eq!(user(r#"{"email":"tim"}"#).as_deref(), Ok("tim"));
    assert_eq!(user(r#"{"active":false}"#), Err(TokenFault::Inactive));
    assert_eq!(user(r#"{"active":false,"email":"tim"}"#), Err(TokenFault::Inactive));
    assert_eq!(user(r#"{"active":"true","email":"tim"}"#), Err(TokenFault::WrongType("active")));
    assert_eq!(user(r#"{"active":true}"#), Err(TokenFault::NoName));
    assert_eq!(user(r#"{"active":true,"email":"tim","exp":1}"#), Err(TokenFault::Expired));
    let active = |value: Option<&str>| Rules {
        active: Some(("active".into(), value.map(Into::into))),
        ..rules()
    };
    let with = |text: &str, value| of(text, &active(value)).unwrap().is_ok();
    assert!(with(r#"{"active":true,"email":"tim"}"#, Some("true")));
    assert!(with(r#"{"active":"true","email":"tim"}"#, Some("true")));
    assert!(with(r#"{"active":true,"email":"tim"}"#, None));
    assert!(!with(r#"{"active":true,"email":"tim"}"#, Some("yes")));
    assert!(!with(r#"{"email":"tim"}"#, Some("true")), "missing");
}

/// 10,000 verifications a second and core are wanted of an optimised build; figures: `cargo test --release … -- --nocapture`.
#[expect(clippy::disallowed_methods, reason = "a measurement, printed and never judged")]
#[test]
fn a_set_verifies_many_tokens_with_keys_parsed_once() {
    for (name, signer) in [("RS256", rsa_signer(&signature::RSA_PKCS1_SHA256)), ("ES256", es256())]
    {
        let own = set(&[signer.public("k")]);
        let token = signer.token(&json!({"alg": name, "kid": "k"}), &claims());
        let started = std::time::Instant::now();
        let rounds = 500;
        for _ in 0..rounds {
            assert!(verdict(&own, &token, &rules()).is_ok());
        }
        println!("{name}: {:?} a verification", started.elapsed() / rounds);
    }
}
