//! Known answers, written by `doveadm pw` of Dovecot 2.3.19 and by crypt(3) of libxcrypt 4.4, and hostile values (SA-16).

use proptest::prelude::*;
use sha2::Digest as _;

use super::*;

const PASSWORD: &str = "secret: ünïcödé 123";

/// What `doveadm pw -s SCHEME -p …` printed for [`PASSWORD`].
const DOVEADM: [&str; 36] = [
    "{PLAIN}secret: ünïcödé 123",
    "{CLEARTEXT}secret: ünïcödé 123",
    "{CLEAR}secret: ünïcödé 123",
    "{PLAIN.b64}c2VjcmV0OiDDvG7Dr2PDtmTDqSAxMjM=",
    "{PLAIN.BASE64}c2VjcmV0OiDDvG7Dr2PDtmTDqSAxMjM=",
    "{PLAIN.HEX}7365637265743a20c3bc6ec3af63c3b664c3a920313233",
    "{SHA}LCfKPOWBMLiR8uGLOg4A/r+Da70=",
    "{sha}LCfKPOWBMLiR8uGLOg4A/r+Da70=",
    "{SHA}2c27ca3ce58130b891f2e18b3a0e00febf836bbd",
    "{SHA1}LCfKPOWBMLiR8uGLOg4A/r+Da70=",
    "{SHA.B64}LCfKPOWBMLiR8uGLOg4A/r+Da70=",
    "{SHA1.HEX}2c27ca3ce58130b891f2e18b3a0e00febf836bbd",
    "{SSHA}P9ueY9Op1KbqjH5L6tGZJrFEPxBMMpDS",
    "{SSHA.HEX}29ef3648345d8099b6bf301a0bfb606c1a11a24745e5ecc1",
    "{SHA256}R+REQswXVLZHI7Hef2HRbJKY/ZO33wwhX+izIfr8Gy8=",
    "{SHA256}47e44442cc1754b64723b1de7f61d16c9298fd93b7df0c215fe8b321fafc1b2f",
    "{SHA256.HEX}47e44442cc1754b64723b1de7f61d16c9298fd93b7df0c215fe8b321fafc1b2f",
    "{SSHA256}TCy89xSiZ5T9o1Oa9gfIFM6zaR7hbIgwroCUGCD0Js5eCr9o",
    "{SSHA256.B64}0HNFHVS6LFTEQq76q+VZw9KuDCfjrotKHoL1cnHNl2t+tHbo",
    "{SSHA256.HEX}dba1a6f3b0684edc48fff3106d14072337f1dabcdbbe5828a3d1223e4169cd74915394bb",
    "{SHA512}T3NU0UvLCTcM/7kCDG0mnzJ305Md8ArgC8/MJQiyDcib9ugDlg06I5qzFUjv8bTzeRNCrmXSTZ9ey9mv1ZEu2w==",
    "{SHA512.HEX}4f7354d14bcb09370cffb9020c6d269f3277d3931df00ae00bcfcc2508b20dc89bf6e803960d3a239ab31548eff1b4f3791342ae65d24d9f5ecbd9afd5912edb",
    "{SSHA512}Yp09qVBKvJPEUmMNQz7U6vabt2qee2lq7XVchH/RIR4FiyiwII5WimJlS+8KJ2STSMIY6gUF6ihXHTxK6bskCAnvHUE=",
    "{SSHA512.HEX}978d9ff70bf47962684358abe6d1f436dc11824af006ba9bf988f5a8e9be004198baa7c3fa1ac895f38ee86bc9dea6716c2880f619f4038e5209ff27c8e773ca660a4412",
    "{SHA256-CRYPT}$5$v7pc.9CHCW30BfnX$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB0",
    "{SHA512-CRYPT}$5$v7pc.9CHCW30BfnX$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB0",
    "{SHA512-CRYPT}$6$wz.wZBzp4zhepW3g$/NI6laYZvWRT.qQKslr70.8tBKgMd6lBvQi7eKHaWLxNrAt7oUxWDw.kWXMIgrOj2tYJXo3SMCEEWtNKlUqzZ1",
    "{BLF-CRYPT}$2y$05$GUMC00nL56HnlTKI.6oMwOL9H8LcKJU.5/oXE3B8RTKdT0q4A5Nz.",
    "{CRYPT}$2y$05$hZ6v9trZDy4wfzvK8pFJne2c2IKBS4iaH5U9e3csbTUr18ofMX4ha",
    "{CRYPT}$5$rounds=6000$u88KfWgrLJtay/Kb$x7t6DBJQREgD.Eno2uv1d.c8ydzUe0UFte5i1yfEx/4",
    "{SHA512-CRYPT}$6$rounds=1000$7oMfukw/E.PHCiVU$qSFCqhYXGGgxr/wSDxCB5gcYPbRLhno4aXZg8yKtjIKaOnbHcCVgdvQmeR3BMOMt6vaYeON3H8O3XlJx/Zshs0",
    "{PBKDF2}$1$JRLtA0iMT9H6XYTs$5000$ed7c2f6d62f759c4e6c0969562541efb23b983d3",
    "{PBKDF2}$1$V/FsdG1BGYoavWej$1234$831a54b70262be4e489449f05f490e910a11b39b",
    "{CRAM-MD5}21af8e8c39789da7494e959a8ed2dd9701f861d8e835737796d9d12e9a491481",
    "{HMAC-MD5}21af8e8c39789da7494e959a8ed2dd9701f861d8e835737796d9d12e9a491481",
    "{CRAM-MD5.B64}Ia+OjDl4nadJTpWajtLdlwH4YdjoNXN3ltnRLppJFIE=",
];

const DOVEADM_ARGON: [&str; 2] = [
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$TAthXvwPXgcjHdz0QJGV5Q$nd6y4luenpM96NQ2+yYYoH/KWZ4FeCzoS+atKhf96cY",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
];

/// What crypt(3) made of other passwords: longer than a digest, longest salt, empty-ish, bcrypt at its 72-byte wall.
const CRYPT: [(&str, usize, &str); 6] = [
    ("x", 40, "$5$rounds=1000$ab$Msw0Ove.jxZDilo4foVK/Rmsu0UxLUBVLQp6pPYxRN0"),
    (
        "y",
        100,
        "$6$rounds=1000$saltsaltsaltsalt$kd0nBRHc1uf8JudOZ7Qz3x19w65eDt6DAYPe2pWvS4GyY2v9MOTknPhxo7dvoqoaCiaSqb0sJNyM3Q5Up.7/C0",
    ),
    ("passü", 1, "$2a$04$abcdefghijklmnopqrstuuvGcs33Nw2pVUz38Wd87MrSDNouote02"),
    ("passü", 1, "$2b$04$abcdefghijklmnopqrstuuvGcs33Nw2pVUz38Wd87MrSDNouote02"),
    ("a", 71, "$2b$04$abcdefghijklmnopqrstuuMCu.k1vM/ywQwiONaEn3oEMlZoCVBd6"),
    ("a", 72, "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe"),
];

fn parse(text: &str) -> Result<Stored, SchemeError> {
    Stored::parse(text, Scheme::Crypt)
}

fn refusal(text: &str) -> SchemeError {
    parse(text).map(|_| ()).unwrap_err()
}

#[test]
fn verifies_what_doveadm_pw_wrote_and_nothing_else() {
    for text in DOVEADM.iter().chain(&DOVEADM_ARGON) {
        let stored = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(stored.verify(PASSWORD.as_bytes()), Ok(true), "{text}");
        assert_eq!(stored.verify(b"secret"), Ok(false), "{text}");
        assert_eq!(stored.verify(b""), Ok(false), "{text}");
    }
}

#[test]
fn verifies_what_crypt_wrote() {
    for (part, times, text) in CRYPT {
        let stored = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(stored.verify(part.repeat(times).as_bytes()), Ok(true), "{text}");
        assert_eq!(stored.verify(&part.repeat(times).as_bytes()[1..]), Ok(false), "{text}");
    }
}

#[test]
fn only_plain_and_single_digests_are_cheap() {
    for text in DOVEADM.iter().chain(&DOVEADM_ARGON) {
        let costly = text.contains("CRYPT") || text.contains("ARGON") || text.contains("PBKDF2");
        let expected = if costly { Cost::Costly } else { Cost::Cheap };
        assert_eq!(parse(text).unwrap().cost(), expected, "{text}");
    }
}

#[test]
fn a_value_without_braces_has_the_default_scheme() {
    let stored = Stored::parse("se{cr}et", Scheme::Plain).unwrap();
    assert_eq!(stored.verify(b"se{cr}et"), Ok(true));
    assert!(Stored::parse(&DOVEADM[27]["{BLF-CRYPT}".len()..], Scheme::Crypt).is_ok());
}

#[test]
fn sa_16_costs_above_the_walls_are_refused_before_anything_is_computed() {
    let too_costly = [
        "{ARGON2ID}$argon2id$v=19$m=67108864,t=1,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{ARGON2ID}$argon2id$v=19$m=1048576,t=17,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{ARGON2ID}$argon2id$v=19$m=64,t=4294967295,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{ARGON2ID}$argon2id$v=19$m=99999999999,t=1,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{BLF-CRYPT}$2y$31$GUMC00nL56HnlTKI.6oMwOL9H8LcKJU.5/oXE3B8RTKdT0q4A5Nz.",
        "{BLF-CRYPT}$2y$17$GUMC00nL56HnlTKI.6oMwOL9H8LcKJU.5/oXE3B8RTKdT0q4A5Nz.",
        "{SHA512-CRYPT}$6$rounds=1000000000$7oMfukw/E.PHCiVU$qSFCqhYXGGgxr",
        "{SHA256-CRYPT}$5$rounds=5000001$7oMfukw/E.PHCiVU$qSFCqhYXGGgxr",
        "{SHA256-CRYPT}$5$rounds=99999999999$7oMfukw/E.PHCiVU$qSFCqhYXGGgxr",
        "{PBKDF2}$1$JRLtA0iMT9H6XYTs$10000001$ed7c2f6d62f759c4e6c0969562541efb23b983d3",
    ];
    for text in too_costly {
        assert_eq!(refusal(text), SchemeError::TooCostly, "{text}");
    }
}

#[test]
fn sa_16_truncated_values_and_salts_are_malformed() {
    let malformed = [
        "{SSHA}LCfKPOWBMLiR8uGLOg4A/r+Da70=",
        "{SHA}P9ueY9Op1KbqjH5L6tGZJrFEPxBMMpDS",
        "{SHA}LCfKPOWBMLiR8uGL",
        "{SHA256-CRYPT}$5$v7pc.9CHCW30BfnX",
        "{SHA256-CRYPT}$5$$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB0",
        "{SHA256-CRYPT}$5$v7pc.9CHCW30BfnXtoolong$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB0",
        "{SHA256-CRYPT}$5$v7pc.9CHCW30BfnX$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB",
        "{SHA256-CRYPT}$5$rounds=10$v7pc$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB0",
        "{SHA256-CRYPT}$5$rounds=+5000$v7pc$XaZgVmMQ5jIYaSg9jNz33Dwl0h3oblEFSjf1HSi7qB0",
        "{BLF-CRYPT}$2y$05$GUMC00nL56HnlTKI",
        "{BLF-CRYPT}$2x$05$GUMC00nL56HnlTKI.6oMwOL9H8LcKJU.5/oXE3B8RTKdT0q4A5Nz.",
        "{BLF-CRYPT}$2y$03$GUMC00nL56HnlTKI.6oMwOL9H8LcKJU.5/oXE3B8RTKdT0q4A5Nz.",
        "{BLF-CRYPT}$2y$05$GUMC00nL56HnlTKI.6oMwOL9H8LcKJU.5/oXE3B8RTKdT0q4A5N",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$AAAA$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{ARGON2ID}$argon2id$v=19$m=8,t=3,p=4$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=0,p=1$lOCYsSah9R9ZHo2sSo6Y+g$2Tq0ncFcDscDIp0UiiySQ6ocaAc6TX/OtBhXj3XAmoY",
        "{PBKDF2}$1$$5000$ed7c2f6d62f759c4e6c0969562541efb23b983d3",
        "{PBKDF2}$1$salt$0$ed7c2f6d62f759c4e6c0969562541efb23b983d3",
        "{PBKDF2}$1$salt$5000$ed7c2f6d62f759c4e6c0969562541efb23b983",
    ];
    for text in malformed {
        assert_eq!(refusal(text), SchemeError::Malformed, "{text}");
    }
    for text in ["{SHA}LCfKPOWBML!R8uGLOg4A/r+Da70=", "{SHA256.HEX}47e", "{PLAIN.HEX}zz", "{SHA}ü"]
    {
        assert_eq!(refusal(text), SchemeError::Encoding, "{text}");
    }
}

/// What `doveadm pw -s DIGEST-MD5 -u USER` printed for [`PASSWORD`].
#[test]
fn sa_05_a_digest_is_of_the_name_as_typed_and_of_the_realm_behind_its_last_at() {
    for (user, text) in [
        ("tim@example.org@realm.example", "{DIGEST-MD5}c3fbcf52d25ea298e5ba562c492bca9e"),
        ("tim", "{DIGEST-MD5}2be41028118bb63dae9f0ccba9042c0b"),
    ] {
        let stored = |user| parse(text).unwrap().owned_by(user);
        assert_eq!(stored(user).verify(PASSWORD.as_bytes()), Ok(true), "{user}");
        assert_eq!(stored(user).verify(b"other"), Ok(false), "{user}");
        assert_eq!(stored("tom").verify(PASSWORD.as_bytes()), Ok(false), "{user}");
    }
    for text in ["{DIGEST-MD5}77e8b811", "{CRAM-MD5}f16f9cd57afad693", "{CRAM-MD5}AAAA"] {
        assert_eq!(refusal(text), SchemeError::Malformed, "{text}");
    }
}

#[test]
fn sa_16_empty_unknown_and_weak_schemes_are_refused() {
    assert_eq!(refusal("{PLAIN}"), SchemeError::Empty);
    assert_eq!(refusal(""), SchemeError::Empty);
    assert_eq!(refusal("{ROT13}frperg"), SchemeError::Unknown);
    assert_eq!(refusal("{PLAIN.rot13}frperg"), SchemeError::Unknown);
    assert_eq!(
        refusal("{MD5-CRYPT}$1$2V.PHZ7w$YmXVPmv8Frvpkk4CVy5b81"),
        SchemeError::Weak(Weak::Md5Crypt)
    );
    assert_eq!(refusal("$1$2V.PHZ7w$YmXVPmv8Frvpkk4CVy5b81"), SchemeError::Weak(Weak::Md5Crypt));
    assert_eq!(
        refusal("{CRYPT}$1$2V.PHZ7w$YmXVPmv8Frvpkk4CVy5b81"),
        SchemeError::Weak(Weak::Md5Crypt)
    );
    assert_eq!(refusal("{CRYPT}ab1y8y0tRtTuk"), SchemeError::Weak(Weak::DesCrypt));
    assert_eq!(
        refusal("$y$j9T$abcdefghijklmnop$E9nfuxU1M.so/ZQ3wTOy51AkNL8oM0.4GA5ySAm0Fl8"),
        SchemeError::Weak(Weak::Yescrypt)
    );
    assert_eq!(refusal("{CRYPT}hunter2"), SchemeError::Unknown);
    for weak in Weak::ALL {
        assert_eq!(Scheme::named(weak.name()), Err(SchemeError::Weak(weak)));
    }
}

#[test]
fn sa_17_bcrypt_counts_the_first_72_bytes_only() {
    let stored = parse(CRYPT[5].2).unwrap();
    assert_eq!(stored.verify(&[b'a'; 72]), Ok(true));
    assert_eq!(stored.verify(&[b'a'; 73]), Ok(true), "documented truncation");
    assert_eq!(stored.verify(&[b'a'; 71]), Ok(false));
    // A NUL ends the password for bcrypt; the chain refuses it before it comes here.
    let short = parse(CRYPT[4].2).unwrap();
    assert_eq!(short.verify(&[b'a'; 72]), Ok(false));
}

#[test]
fn debug_shows_the_scheme_and_nothing_of_the_value() {
    for text in DOVEADM.iter().chain(&DOVEADM_ARGON) {
        let shown = format!("{:?}", parse(text).unwrap());
        assert!(shown.starts_with("Stored(") && shown.len() < 24, "{shown}");
    }
}

proptest! {
    #[test]
    fn any_text_is_understood_or_refused(text in "\\PC{0,80}", prefix in 0_usize..40) {
        let mut hostile = String::new();
        let known = NAMES.get(prefix).map_or("", |(name, _)| name);
        if !known.is_empty() {
            hostile = format!("{{{known}}}");
        }
        hostile.push_str(&text);
        let _whatever = parse(&hostile);
    }

    #[test]
    fn mutilated_values_never_panic(at in 0_usize..33, cut in 0_usize..140, byte in 0x20_u8..0x7F) {
        let text: String = DOVEADM[at].chars().take(cut).chain([char::from(byte)]).collect();
        let _whatever = parse(&text);
    }

    #[test]
    fn cheap_schemes_verify_what_they_encode(
        password in proptest::collection::vec(1_u8.., 1..80),
        salt in proptest::collection::vec(any::<u8>(), 1..20),
    ) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let sha1 = sha1::Sha1::digest(&password).to_vec();
        let salted = sha2::Sha256::digest([&password[..], &salt[..]].concat()).to_vec();
        let salted512 = sha2::Sha512::digest([&password[..], &salt[..]].concat()).to_vec();
        let texts = [
            format!("{{PLAIN.hex}}{}", hex(&password)),
            format!("{{CLEAR.b64}}{}", BASE64.encode(&password)),
            format!("{{SHA}}{}", BASE64.encode(&sha1)),
            format!("{{SHA1}}{}", hex(&sha1)),
            format!("{{SSHA256}}{}", BASE64.encode([&salted[..], &salt[..]].concat())),
            format!("{{SSHA512.HEX}}{}", hex(&[&salted512[..], &salt[..]].concat())),
        ];
        let mut other = password.clone();
        other[0] = other[0].wrapping_add(1);
        for text in texts {
            let stored = parse(&text).unwrap();
            prop_assert_eq!(stored.cost(), Cost::Cheap);
            prop_assert_eq!(stored.verify(&password), Ok(true));
            prop_assert_eq!(stored.verify(&other), Ok(false));
        }
    }
}
