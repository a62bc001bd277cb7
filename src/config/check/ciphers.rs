//! Ciphers and curves: which of ours an operator's lists leave.
//!
//! Hale has few, all with forward secrecy and authenticated; the lists of OpenSSL, which Dovecot's settings are in, can only
//! take some away. Order counts for nothing, it is Hale's.
//! Driver: `check`. Tests: below.

use crate::config::diagnostic::Findings;
use crate::config::model::{Offer, TlsVersion};
use crate::config::sort::{Found, Section};
use crate::config::value::one_of;

/// What the settings of a side leave; `side` is `server` or `client`, and the innermost of `sections`, which come first,
/// counts.
pub(super) fn offer(
    side: &str,
    oldest: TlsVersion,
    sections: &[&Section],
    findings: &mut Findings,
) -> Offer {
    let written = |rest: &str| written(side, rest, sections);
    let mut offer = Offer::default();
    if let Some((name, found)) = written("cipher_list") {
        let left: Vec<&'static Cipher> = evaluate(&found.text);
        if left.is_empty() && oldest == TlsVersion::Tls12 {
            let ours: Vec<&str> = CIPHERS.iter().map(|cipher| cipher.name).collect();
            let text = format!(
                "none of Hale's ciphers for TLS 1.2 is among these; add one of {}, or write `ssl_min_protocol = TLSv1.3`",
                one_of(&ours)
            );
            findings.error(&found.place, name, text);
        }
        let is_left = |name: &&'static str| left.iter().any(|cipher| cipher.name == *name);
        offer.suites.retain(|name| Offer::SUITES_OF_TLS13.contains(name) || is_left(name));
    }
    if let Some((name, found)) = written("cipher_suites") {
        let is_left = |suite: &&'static str| words(&found.text).any(|word| word == *suite);
        if !Offer::SUITES_OF_TLS13.iter().any(&is_left) {
            let text = format!(
                "none of Hale's suites for TLS 1.3 is among these; add {}",
                one_of(&Offer::SUITES_OF_TLS13)
            );
            findings.error(&found.place, name, text);
        }
        offer.suites.retain(|name| !Offer::SUITES_OF_TLS13.contains(name) || is_left(name));
    }
    if let Some((name, found)) = written("curve_list") {
        offer.groups.retain(|group| words(&found.text).any(|word| is_called(word, group)));
        if offer.groups.is_empty() {
            let text = format!("none of Hale's is among these; add {}", one_of(&Offer::GROUPS));
            findings.error(&found.place, name, text);
        }
    }
    offer
}

/// The setting of one side, or that of both, in the innermost block that has either.
fn written<'a>(
    side: &str,
    rest: &str,
    sections: &[&'a Section],
) -> Option<(&'static str, &'a Found)> {
    let names = NAMES.iter().find(|[own, _]| *own == format!("ssl_{side}_{rest}"))?;
    let mut found = sections
        .iter()
        .flat_map(|section| names.iter().filter_map(|name| Some((*name, section.found(name)?))));
    found.find(|(_, found)| !found.text.trim().is_empty())
}

/// Of one side, of both.
const NAMES: [[&str; 2]; 6] = [
    ["ssl_server_cipher_list", "ssl_cipher_list"],
    ["ssl_client_cipher_list", "ssl_cipher_list"],
    ["ssl_server_cipher_suites", "ssl_cipher_suites"],
    ["ssl_client_cipher_suites", "ssl_cipher_suites"],
    ["ssl_server_curve_list", "ssl_curve_list"],
    ["ssl_client_curve_list", "ssl_curve_list"],
];

/// A cipher of TLS 1.2, and what else OpenSSL calls it, alone or with others.
#[derive(Debug)]
struct Cipher {
    name: &'static str,
    words: &'static [&'static str],
}

const CIPHERS: [Cipher; 6] = [
    Cipher {
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        words: &[
            "aECDSA",
            "ECDSA",
            "AESGCM",
            "AES",
            "AES128",
            "FIPS",
            "SUITEB128",
            "SUITEB128ONLY",
            "SUITEB128C2",
        ],
    },
    Cipher {
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        words: &["aRSA", "AESGCM", "AES", "AES128", "FIPS"],
    },
    Cipher { name: "ECDHE-ECDSA-CHACHA20-POLY1305", words: &["aECDSA", "ECDSA", "CHACHA20"] },
    Cipher { name: "ECDHE-RSA-CHACHA20-POLY1305", words: &["aRSA", "CHACHA20"] },
    Cipher {
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        words: &[
            "aECDSA",
            "ECDSA",
            "AESGCM",
            "AES",
            "AES256",
            "FIPS",
            "SUITEB128",
            "SUITEB192",
            "SUITEB128C2",
        ],
    },
    Cipher {
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        words: &["aRSA", "AESGCM", "AES", "AES256", "FIPS"],
    },
];

/// What all of them are. `RSA` is not among it: it means the old key exchange.
const ALL_OF_THEM: &[&str] = &[
    "ALL",
    "DEFAULT",
    "HIGH",
    "EECDH",
    "kEECDH",
    "ECDHE",
    "kECDHE",
    "ECDH",
    "TLSv1.2",
    "PROFILE=SYSTEM",
];

/// OpenSSL's ciphers(1): words add, `-` takes away, `!` takes away for good, `+` in front changes the order only.
fn evaluate(list: &str) -> Vec<&'static Cipher> {
    let mut left: Vec<&'static Cipher> = Vec::new();
    let mut gone: Vec<&'static Cipher> = Vec::new();
    for word in words(list).filter(|word| !word.starts_with(['@', '+'])) {
        // `LOW@STRENGTH`: the order again.
        let word = word.split('@').next().unwrap_or_default();
        let (takes, meant) = match word.strip_prefix(['!', '-']) {
            Some(meant) => (true, meant),
            None => (false, word),
        };
        for cipher in CIPHERS.iter().filter(|cipher| cipher.is_meant_by(meant)) {
            left.retain(|it| it.name != cipher.name);
            if word.starts_with('!') {
                gone.push(cipher);
            }
            if !takes && gone.iter().all(|it| it.name != cipher.name) {
                left.push(cipher);
            }
        }
    }
    left
}

impl Cipher {
    /// `EECDH+AESGCM` is what is both.
    fn is_meant_by(&self, words: &str) -> bool {
        words.split('+').all(|word| {
            self.name == word || self.words.contains(&word) || ALL_OF_THEM.contains(&word)
        })
    }
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ';', ' ', '\t']).filter(|word| !word.is_empty())
}

/// Names of curves in OpenSSL, NIST and SECG.
fn is_called(word: &str, group: &str) -> bool {
    let word = word.trim_start_matches(['*', '?']);
    let others: &[&str] = match group {
        "P-256" => &["prime256v1", "secp256r1"],
        "P-384" => &["secp384r1"],
        _ => &[],
    };
    word == "auto" || std::iter::once(&group).chain(others).any(|it| word.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded};
    use crate::names::Protocol;

    fn left(list: &str) -> String {
        let left = evaluate(list);
        let mark =
            |cipher: &Cipher| if left.iter().any(|it| it.name == cipher.name) { '1' } else { '0' };
        CIPHERS.iter().map(mark).collect()
    }

    /// As `openssl ciphers -tls1_2 LIST` of OpenSSL 3.0 has it.
    #[test]
    fn openssls_lists_mean_what_they_mean_there() {
        for (list, expected) in [
            (
                "ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW@STRENGTH",
                "111111",
            ),
            ("EECDH+AESGCM:EDH+AESGCM", "110011"),
            ("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384", "000011"),
            ("HIGH:!aRSA", "101010"),
            ("HIGH:!RSA", "111111"),
            ("DEFAULT:-CHACHA20:ECDHE-RSA-CHACHA20-POLY1305", "110111"),
            ("DEFAULT:!CHACHA20:ECDHE-RSA-CHACHA20-POLY1305", "110011"),
            ("AES256+aECDSA:+HIGH:@STRENGTH", "000010"),
            ("kRSA:AES128-SHA", "000000"),
            ("!aNULL:!MD5", "000000"),
            ("ALL:-AES128:AES128+aRSA", "011111"),
            ("SUITEB128", "100010"),
            ("ECDHE-ECDSA:no-such-cipher:FIPS", "110011"),
        ] {
            assert_eq!(left(list), expected, "{list}");
        }
    }

    #[test]
    fn lists_hold_for_their_side_and_protocol() {
        let config = loaded(
            "ssl_cipher_list = EECDH+AESGCM\nssl_curve_list = X25519:prime256v1\nssl_client {\n ssl_cipher_list = CHACHA20\n}\n\
             protocol imap {\n ssl_cipher_list = AES256\n ssl_cipher_suites = TLS_AES_256_GCM_SHA384\n}\n",
        );
        let of = |protocol| &config.ssl.of(protocol).offer;
        assert_eq!(
            of(Protocol::Imap).suites,
            [
                "TLS_AES_256_GCM_SHA384",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384"
            ]
        );
        assert_eq!(of(Protocol::Pop3).suites.len(), 7);
        assert_eq!(of(Protocol::Pop3).groups, ["X25519", "P-256"]);
        assert_eq!(config.ssl.backend_offer.suites.len(), 5);
        assert_eq!(*loaded("").ssl.of(Protocol::Imap).offer.suites, Offer::default().suites);
    }

    #[test]
    fn op_01_lists_that_leave_nothing_are_refused() {
        let said = |text: &str| errors(text).join("\n");
        assert!(
            said("ssl_cipher_list = kRSA\n")
                .contains("t.conf:1: setting ssl_cipher_list: none of Hale's ciphers")
        );
        assert!(said("ssl_cipher_suites = TLS_AES_128_CCM_SHA256\n").contains("for TLS 1.3"));
        assert!(
            said("ssl_curve_list = P-521\n")
                .contains("add `X25519MLKEM768`, `X25519`, `P-256` or `P-384`")
        );
        loaded("ssl_cipher_list = kRSA\nssl_min_protocol = TLSv1.3\n");
    }
}
