//! Keys with passwords, as nginx-tests has them for its mail proxy, and keys of several kinds.

use super::*;
use crate::secret::Secret;

/// What OpenSSL wrote, by its name.
fn key(name: &str) -> &'static str {
    let all = include_str!("keys.txt");
    let (_, from) = all.split_once(&format!("=== {name}\n")).unwrap();
    from.split("=== ").next().unwrap()
}

fn names(kind: &str) -> Vec<&'static str> {
    let all = include_str!("keys.txt").lines().filter_map(|line| line.strip_prefix("=== "));
    all.filter(|name| name.starts_with(kind)).collect()
}

/// A certificate for the key that all of them are.
fn certificate() -> String {
    let pair = KeyPair::from_pem(key("pkcs8")).unwrap();
    CertificateParams::new(["a.test".to_owned()]).unwrap().self_signed(&pair).unwrap().pem()
}

fn opened(pem: &str, password: Option<&str>) -> Result<bool, IdentityFault> {
    let password = password.map(Secret::from);
    let identity = Identity::new(certificate().as_bytes(), pem.as_bytes(), password.as_ref(), NOW)?;
    Ok(identity.had_password())
}

#[test]
fn ssl_server_key_password_opens_what_openssl_seals() {
    for name in ["sec1", "parameters first", "pkcs8"] {
        assert_eq!(opened(key(name), None), Ok(false), "{name}");
        assert_eq!(opened(key(name), Some("useless")), Ok(false), "{name}");
    }
    let sealed = names("sealed");
    assert_eq!(sealed.len(), 12);
    for name in sealed {
        let pem = key(name);
        assert_eq!(opened(pem, Some("correct-horse")), Ok(true), "{name}");
        assert_eq!(opened(&pem.replace('\n', "\r\n"), Some("correct-horse")), Ok(true), "{name}");
        assert_eq!(opened(pem, None), Err(IdentityFault::EncryptedKey), "{name}");
        for wrong in ["", "correct-horse ", "Correct-horse", "correct"] {
            assert_eq!(opened(pem, Some(wrong)), Err(IdentityFault::WrongPassword), "{name}");
        }
    }
    for name in names("unknown") {
        let fault = opened(key(name), Some("correct-horse"));
        assert_eq!(fault, Err(IdentityFault::UnknownProtection), "{name}");
    }
}

#[test]
fn tl_19_a_damaged_key_is_told_from_a_wrong_password() {
    let pem = key("sealed: pem aes128");
    for (from, to) in [
        ("DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC,XX"),
        ("DEK-Info: AES-128-CBC,", "DEK-Info: AES-128-CBC "),
        ("\n\n", "\n\n!"),
    ] {
        let damaged = pem.replacen(from, to, 1);
        assert_ne!(damaged, pem);
        let fault = opened(&damaged, Some("correct-horse"));
        assert_eq!(fault, Err(IdentityFault::DamagedKey), "{damaged}");
    }
    // Half of a file has no end, and no key.
    for name in names("") {
        let pem = key(name);
        for end in (0..pem.len() - 2).step_by(7) {
            let half = pem.get(..end).unwrap();
            assert!(opened(half, Some("correct-horse")).is_err(), "{name} cut at {end}");
        }
    }
    let short = "-----BEGIN EC PRIVATE KEY-----\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    assert_eq!(opened(short, Some("x")), Err(IdentityFault::WrongPassword));
}

#[test]
fn case_18_a_pair_of_two_kinds_is_named() {
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let ecdsa = KeyPair::generate().unwrap();
    let edwards = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let keys = [(Kind::Rsa, &rsa), (Kind::Ecdsa, &ecdsa), (Kind::EdDsa, &edwards)];
    for (certificate, pair) in keys {
        let params = CertificateParams::new(["a.test".to_owned()]).unwrap();
        let pem = params.self_signed(pair).unwrap().pem();
        for (kind, other) in keys {
            let key = other.serialize_pem();
            let found = Identity::new(pem.as_bytes(), key.as_bytes(), None, NOW);
            if kind == certificate {
                assert_eq!(found.unwrap().kind(), Some(kind));
                continue;
            }
            let fault = found.unwrap_err();
            assert_eq!(fault, IdentityFault::OtherKind { certificate, key: kind });
            assert!(fault.is_of_key() && fault.to_string().contains("of another kind"));
        }
    }
}
