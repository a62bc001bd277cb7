//! What stands in a certificate (RFC 5280 4.1), as far as the library does not tell: version, names, dates, marks.
//!
//! Reads DER as far as it needs. Decides nothing, least of all whether a certificate is good: whatever can't be read is
//! simply unknown. Driver: `tls`, `certificate_name`. Tests: below, `tls::tests`, and the fuzz target
//! `certificate_name`.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::der::{SEQUENCE, VERSION, element, split, time};

/// A certificate's parts, where they stand in its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// What is signed, with its head.
    pub signed: &'a [u8],
    /// Behind that: how, and the signature.
    behind: &'a [u8],
    /// 1, 2 or 3.
    pub version: u8,
    /// Its number, as its maker counts: the content of an INTEGER.
    pub serial: &'a [u8],
    /// How it is signed, said a first time.
    algorithm: &'a [u8],
    /// Who made it: the content of an RDNSequence.
    pub issuer: &'a [u8],
    dates: &'a [u8],
    /// Whose it is: the content of an RDNSequence.
    pub subject: &'a [u8],
    /// SubjectPublicKeyInfo, with its head.
    pub key: &'a [u8],
    /// The content of Extensions.
    extensions: Option<&'a [u8]>,
}

/// A signature or a key: of which kind, and its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits<'a> {
    /// The content of the AlgorithmIdentifier.
    pub algorithm: &'a [u8],
    /// The content of the BIT STRING, which must fill its bytes.
    pub bits: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// ```text
    /// Certificate    = SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE, signature BIT STRING }
    /// TBSCertificate = SEQUENCE { [0] version, serialNumber INTEGER, signature SEQUENCE, issuer SEQUENCE,
    ///                             validity SEQUENCE, subject SEQUENCE, subjectPublicKeyInfo SEQUENCE,
    ///                             [1] issuerUniqueID, [2] subjectUniqueID, [3] extensions }   ; RFC 5280 4.1
    /// ```
    #[must_use]
    pub fn read(certificate: &'a [u8]) -> Option<Self> {
        let (certificate, _) = element(certificate, SEQUENCE)?;
        let (signed, behind) = split(certificate, SEQUENCE)?;
        let (mut rest, _) = element(signed, SEQUENCE)?;
        let mut version = 1;
        if rest.first() == Some(&VERSION) {
            let (number, behind) = element(rest, VERSION)?;
            let &[number @ 0..=2] = element(number, INTEGER)?.0 else { return None };
            (version, rest) = (number + 1, behind);
        }
        let (serial, rest) = element(rest, INTEGER)?;
        let (algorithm, rest) = element(rest, SEQUENCE)?;
        let (issuer, rest) = element(rest, SEQUENCE)?;
        let (dates, rest) = element(rest, SEQUENCE)?;
        let (subject, rest) = element(rest, SEQUENCE)?;
        let (key, mut rest) = split(rest, SEQUENCE)?;
        let mut extensions = None;
        while let Some(&tag) = rest.first() {
            let (content, behind) = element(rest, tag)?;
            if tag == EXTENSIONS {
                extensions = Some(element(content, SEQUENCE)?.0);
            }
            rest = behind;
        }
        Some(Self {
            signed,
            behind,
            version,
            serial,
            algorithm,
            issuer,
            dates,
            subject,
            key,
            extensions,
        })
    }

    /// Seconds since 1970 at which it begins and ends to be valid.
    #[must_use]
    pub fn validity(&self) -> Option<(i64, i64)> {
        let (begins, rest) = time(self.dates)?;
        let (ends, _) = time(rest)?;
        Some((begins, ends))
    }

    /// Whether it names itself as its maker. The signature was not looked at.
    #[must_use]
    pub fn is_own_issuer(&self) -> bool {
        self.issuer == self.subject
    }

    /// Its signature; none: it can't be read, or is said to be of two kinds.
    #[must_use]
    pub fn signature(&self) -> Option<Bits<'a>> {
        Bits::read(self.behind).filter(|signature| signature.algorithm == self.algorithm)
    }

    /// Its public key.
    #[must_use]
    pub fn public_key(&self) -> Option<Bits<'a>> {
        Bits::read(element(self.key, SEQUENCE)?.0)
    }

    /// ```text
    /// Extension        = SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
    /// ```
    /// The values of all with this identifier; `None`: one can't be read.
    fn extension(&self, wanted: &[u8]) -> Option<Vec<&'a [u8]>> {
        let mut found = Vec::new();
        let mut rest = self.extensions.unwrap_or_default();
        while !rest.is_empty() {
            let (extension, behind) = element(rest, SEQUENCE)?;
            rest = behind;
            let (kind, mut rest) = element(extension, OBJECT_IDENTIFIER)?;
            if kind != wanted {
                continue;
            }
            if rest.first() == Some(&BOOLEAN) {
                rest = element(rest, BOOLEAN)?.1;
            }
            found.push(element(rest, OCTET_STRING)?.0);
        }
        Some(found)
    }

    /// ```text
    /// SubjectAltName   = SEQUENCE OF GeneralName                              ; RFC 5280 4.2.1.6
    /// ```
    /// Each with its tag; `None`: they can't be read.
    #[must_use]
    pub fn alternative_names(&self) -> Option<Vec<(u8, &'a [u8])>> {
        let mut found = Vec::new();
        for value in self.extension(SUBJECT_ALT_NAME)? {
            let (mut names, _) = element(value, SEQUENCE)?;
            while let Some(&tag) = names.first() {
                let (name, behind) = element(names, tag)?;
                names = behind;
                found.push((tag, name));
            }
        }
        Some(found)
    }

    /// Host names and addresses among the alternative names, as text; what is no text is left out.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let names = self.alternative_names().unwrap_or_default();
        names.into_iter().filter_map(|(tag, name)| host(tag, name)).collect()
    }

    /// ```text
    /// BasicConstraints = SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }  ; RFC 5280 4.2.1.9
    /// ```
    /// Whether it is marked as an authority.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.marks_authority() == Some(true)
    }

    /// The same; `None`: it does not say. What can't be read says no.
    #[must_use]
    pub fn marks_authority(&self) -> Option<bool> {
        let Some(marks) = self.extension(BASIC_CONSTRAINTS) else { return Some(false) };
        let is_marked = |value: &[u8]| {
            let constraints = element(value, SEQUENCE).map(|(content, _)| content);
            constraints
                .and_then(|content| element(content, BOOLEAN))
                .is_some_and(|(mark, _)| mark != [0])
        };
        (!marks.is_empty()).then(|| marks.into_iter().any(is_marked))
    }

    /// How many authorities may stand between it and a leaf; `None`: any number.
    #[must_use]
    pub fn authorities_below(&self) -> Option<usize> {
        let marks = self.extension(BASIC_CONSTRAINTS)?;
        let numbers = marks.into_iter().filter_map(|value| {
            let (content, _) = element(value, SEQUENCE)?;
            let (_, number) = element(content, BOOLEAN)?;
            let (number, _) = element(number, INTEGER)?;
            Some(match number {
                [number] => usize::from(*number),
                _ => usize::MAX,
            })
        });
        numbers.min()
    }

    /// ```text
    /// KeyUsage         = BIT STRING { …, keyCertSign (5), … }                 ; RFC 5280 4.2.1.3
    /// ```
    /// Whether its key may sign certificates; `None`: it does not say. What can't be read says no.
    #[must_use]
    pub fn may_sign_certificates(&self) -> Option<bool> {
        let Some(found) = self.extension(KEY_USAGE) else { return Some(false) };
        let has_bit = |value: &[u8]| {
            let bits = element(value, BIT_STRING).map(|(bits, _)| bits);
            // The first byte counts the bits that are not there.
            bits.and_then(|bits| bits.get(1)).is_some_and(|bits| bits & KEY_CERT_SIGN != 0)
        };
        (!found.is_empty()).then(|| found.into_iter().all(has_bit))
    }

    /// Whether it says for which names it may make certificates. What can't be read may say so.
    #[must_use]
    pub fn limits_names(&self) -> bool {
        self.extension(NAME_CONSTRAINTS).is_none_or(|found| !found.is_empty())
    }

    /// ```text
    /// ExtKeyUsage      = SEQUENCE OF OBJECT IDENTIFIER                        ; RFC 5280 4.2.1.12
    /// ```
    /// Whether it may be a TLS server's: it says so, or nothing.
    #[must_use]
    pub fn may_serve(&self) -> bool {
        let Some(found) = self.extension(EXTENDED_KEY_USAGE) else { return false };
        found.into_iter().all(|value| {
            let mut rest = element(value, SEQUENCE).map(|(content, _)| content).unwrap_or_default();
            while let Some((purpose, behind)) = element(rest, OBJECT_IDENTIFIER) {
                if purpose == SERVER_AUTH || purpose == ANY_PURPOSE {
                    return true;
                }
                rest = behind;
            }
            false
        })
    }
}

impl<'a> Bits<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (algorithm, rest) = element(bytes, SEQUENCE)?;
        let (bits, _) = element(rest, BIT_STRING)?;
        Some(Self { algorithm, bits: bits.strip_prefix(&[0])? })
    }
}

/// ```text
/// GeneralName      = [2] IA5String dNSName / [7] OCTET STRING iPAddress / …   ; RFC 5280 4.2.1.6
/// ```
fn host(tag: u8, name: &[u8]) -> Option<String> {
    match (tag, name.len()) {
        (DNS_NAME, _) => str::from_utf8(name).ok().map(str::to_owned),
        (IP_ADDRESS, 4) => {
            let octets: [u8; 4] = name.try_into().ok()?;
            Some(IpAddr::V4(Ipv4Addr::from(octets)).to_string())
        }
        (IP_ADDRESS, 16) => {
            let octets: [u8; 16] = name.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(octets)).to_string())
        }
        _ => None,
    }
}

/// A distinguished name as people write it, such as `CN=Our CA, O=Example`; attributes that are seldom written are left
/// out.
///
/// ```text
/// RDNSequence      = SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }   ; RFC 5280 4.1.2.4
/// ```
#[must_use]
pub fn written(name: &[u8]) -> String {
    let mut text = String::new();
    // What can't be read ends the text.
    let _ = write_names(name, &mut text);
    text
}

fn write_names(mut names: &[u8], text: &mut String) -> Option<()> {
    while !names.is_empty() {
        let (mut set, behind) = element(names, SET)?;
        names = behind;
        while !set.is_empty() {
            let (pair, behind) = element(set, SEQUENCE)?;
            set = behind;
            let (kind, value) = element(pair, OBJECT_IDENTIFIER)?;
            let (value, _) = element(value, *value.first()?)?;
            let Some((_, short)) = ATTRIBUTES.iter().find(|(known, _)| *known == kind) else {
                continue;
            };
            let between = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{between}{short}={}", String::from_utf8_lossy(value));
        }
    }
    Some(())
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SET: u8 = 0x31;
/// The tag of a host's name among alternative names.
pub const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
const EXTENSIONS: u8 = 0xA3;
/// id-ce 15, 17, 19, 30, 37.
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x1E];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
/// The sixth bit.
const KEY_CERT_SIGN: u8 = 0x04;
/// id-kp 1, and id-ce-extKeyUsage 0.
const SERVER_AUTH: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1D, 0x25, 0x00];
/// id-at 3, 6, 7, 8, 10, 11 (X.520) and their short names (RFC 4514 3).
const ATTRIBUTES: [(&[u8], &str); 6] = [
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0A], "O"),
    (&[0x55, 0x04, 0x0B], "OU"),
];

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

    use super::*;

    fn made(names: &[&str], authority: bool) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, "Our CA");
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn w_btls_1_what_a_certificate_says_is_read() {
        let der = made(&["a.test", "127.0.0.1", "::1"], true);
        let read = Certificate::read(&der).unwrap();
        assert_eq!((read.version, read.is_own_issuer(), read.is_authority()), (3, true, true));
        assert_eq!(read.hosts(), ["a.test", "127.0.0.1", "::1"]);
        assert_eq!(written(read.subject), "O=Example, CN=Our CA");
        assert!(read.validity().is_some() && read.may_serve() && !read.limits_names());
        assert!(der.windows(read.signed.len()).any(|part| part == read.signed));
        assert!(read.signature().is_some() && read.public_key().is_some());
        let der = made(&[], false);
        let read = Certificate::read(&der).unwrap();
        assert!(read.hosts().is_empty() && !read.is_authority());
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        for bytes in
            [b"".as_slice(), b"\x30", b"\x30\x82\xff\xff\x30", b"\x30\x84\x01\x01\x01\x01\x01"]
        {
            assert!(Certificate::read(bytes).is_none());
        }
        let whole = made(&["a.test"], true);
        for end in 0..whole.len() {
            assert!(Certificate::read(&whole[..end]).is_none(), "cut at {end}");
        }
        // Any byte may lie, and nothing is looked at that is not there.
        for at in 0..whole.len() {
            for change in [0xFF, 0x80, 1] {
                let mut odd = whole.clone();
                odd[at] ^= change;
                if let Some(read) = Certificate::read(&odd) {
                    let _ = (read.hosts(), read.validity(), read.is_authority(), read.signature());
                    let _ = (written(read.issuer), read.may_serve(), read.limits_names());
                }
            }
        }
    }
}
