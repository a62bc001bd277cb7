//! The user name in a client's certificate (RFC 5280 4.1.2.6, 4.2.1.6).
//!
//! Decides which text of a certificate is the name. Does not decide whether the certificate is good; the library has,
//! and only then are the passdbs asked. A name that stands twice is none: a maker who wrote two wanted a reader to see
//! the wrong one (TL-20). Reads DER that an authority has signed, and still never trusts a length. Driver: `tls`.
//! Tests: below, and the fuzz target `certificate_name`.

use super::certificate::Certificate;
use super::der::{SEQUENCE, element};
use crate::limits::USER_BYTES_MAX;

/// Where a certificate has the user's name (`ssl_server_cert_username_field`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameField {
    /// `commonName` of the subject.
    #[default]
    CommonName,
    /// `emailAddress` of the subject.
    EmailAddress,
    /// `serialNumber` of the subject.
    SerialNumber,
    /// The e-mail address (rfc822Name) among the subject's alternative names.
    SubjectAltName,
    /// `userId` of the subject.
    UserId,
    /// `x500UniqueIdentifier` of the subject.
    UniqueIdentifier,
}

impl NameField {
    /// Every field, in the order of the alphabet.
    pub const ALL: [Self; 6] = [
        Self::CommonName,
        Self::EmailAddress,
        Self::SerialNumber,
        Self::SubjectAltName,
        Self::UserId,
        Self::UniqueIdentifier,
    ];

    /// The field that is called so.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// OpenSSL's name of it, and so Dovecot's.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommonName => "commonName",
            Self::EmailAddress => "emailAddress",
            Self::SerialNumber => "serialNumber",
            Self::SubjectAltName => "subjectAltName",
            Self::UserId => "userId",
            Self::UniqueIdentifier => "x500UniqueIdentifier",
        }
    }

    /// The attribute's object identifier; none for what is no attribute of the subject.
    const fn attribute(self) -> Option<&'static [u8]> {
        match self {
            // id-at 3, 5, 45 (X.520); pkcs-9 1; 0.9.2342.19200300.100.1.1 (RFC 4519 2.39).
            Self::CommonName => Some(&[0x55, 0x04, 0x03]),
            Self::SerialNumber => Some(&[0x55, 0x04, 0x05]),
            Self::UniqueIdentifier => Some(&[0x55, 0x04, 0x2D]),
            Self::EmailAddress => Some(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01]),
            Self::UserId => Some(&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x01]),
            Self::SubjectAltName => None,
        }
    }

    /// The name in a certificate (DER). `None`: there is none, or more than one, or it can be no user's: empty, too
    /// long, not UTF-8, or with control characters (W-SASL-7).
    #[must_use]
    pub fn of(self, certificate: &[u8]) -> Option<Box<str>> {
        let certificate = Certificate::read(certificate)?;
        let Some(attribute) = self.attribute() else {
            let mut found = Only::Nothing;
            for (tag, name) in certificate.alternative_names()? {
                if tag == RFC822_NAME {
                    found.add(name);
                }
            }
            return found.name();
        };
        of_subject(certificate.subject, attribute)
    }

    /// The same of a subject (the content of an RDNSequence).
    #[must_use]
    pub fn in_subject(self, names: &[u8]) -> Option<Box<str>> {
        of_subject(names, self.attribute()?)
    }
}

fn of_subject(names: &[u8], attribute: &[u8]) -> Option<Box<str>> {
    let mut found = Only::Nothing;
    subject(names, attribute, &mut found)?;
    found.name()
}

/// What is the only one of its kind.
enum Only<'a> {
    Nothing,
    One(&'a [u8]),
    More,
}

impl<'a> Only<'a> {
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Nothing => Self::One(value),
            Self::One(_) | Self::More => Self::More,
        };
    }

    /// What was found, if it can be a user's name.
    fn name(self) -> Option<Box<str>> {
        let Self::One(name) = self else {
            return None;
        };
        let name = str::from_utf8(name).ok()?;
        let is_acceptable =
            (1..=USER_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
        is_acceptable.then(|| name.into())
    }
}

/// ```text
/// RDNSequence               = SEQUENCE OF RelativeDistinguishedName
/// RelativeDistinguishedName = SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }   ; RFC 5280 4.1.2.4
/// ```
fn subject<'a>(mut names: &'a [u8], attribute: &[u8], found: &mut Only<'a>) -> Option<()> {
    while !names.is_empty() {
        let (mut set, behind) = element(names, SET)?;
        names = behind;
        while !set.is_empty() {
            let (pair, behind) = element(set, SEQUENCE)?;
            set = behind;
            let (kind, value) = element(pair, OBJECT_IDENTIFIER)?;
            if kind == attribute {
                found.add(text(value)?);
            }
        }
    }
    Some(())
}

/// The text types whose bytes are UTF-8 or a part of it. Others (TeletexString, BMPString, UniversalString, BIT STRING)
/// have other alphabets, and RFC 5280 4.1.2.4 wants no new certificate to use them.
fn text(value: &[u8]) -> Option<&[u8]> {
    let tag = *value.first().filter(|tag| TEXTS.contains(tag))?;
    Some(element(value, tag)?.0)
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const SET: u8 = 0x31;
const RFC822_NAME: u8 = 0x81;
/// UTF8String, PrintableString, IA5String.
const TEXTS: [u8; 3] = [0x0C, 0x13, 0x16];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::certificate::SUBJECT_ALT_NAME;
    use crate::wire::der::VERSION;

    const BOOLEAN: u8 = 0x01;
    const INTEGER: u8 = 0x02;
    const OCTET_STRING: u8 = 0x04;
    const EXTENSIONS: u8 = 0xA3;

    fn element_of(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80);
        let head = match length {
            Some(length) => vec![tag, length],
            None => {
                [&[tag, 0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes()].concat()
            }
        };
        [head, content.to_vec()].concat()
    }

    /// A relative name of one attribute.
    fn attribute(field: NameField, tag: u8, text: &[u8]) -> Vec<u8> {
        element_of(SET, &pair(field, tag, text))
    }

    fn pair(field: NameField, tag: u8, text: &[u8]) -> Vec<u8> {
        let kind = element_of(OBJECT_IDENTIFIER, field.attribute().unwrap());
        element_of(SEQUENCE, &[kind, element_of(tag, text)].concat())
    }

    fn certificate(subject: &[Vec<u8>], extensions: &[u8]) -> Vec<u8> {
        let issuer = attribute(NameField::CommonName, 0x0C, b"the issuer");
        let tbs = [
            element_of(VERSION, &[INTEGER, 1, 2]),
            element_of(INTEGER, &[7]),
            element_of(SEQUENCE, b""),
            element_of(SEQUENCE, &issuer),
            element_of(SEQUENCE, b""),
            element_of(SEQUENCE, &subject.concat()),
            element_of(SEQUENCE, b"key"),
            extensions.to_vec(),
        ];
        element_of(SEQUENCE, &element_of(SEQUENCE, &tbs.concat()))
    }

    fn alternative(names: &[(u8, &[u8])], is_critical: bool) -> Vec<u8> {
        let names: Vec<u8> = names.iter().flat_map(|(tag, name)| element_of(*tag, name)).collect();
        let critical = if is_critical { element_of(BOOLEAN, &[0xFF]) } else { Vec::new() };
        let value = element_of(OCTET_STRING, &element_of(SEQUENCE, &names));
        let other = element_of(SEQUENCE, &element_of(OBJECT_IDENTIFIER, &[0x55, 0x1D, 0x0E]));
        let kind = element_of(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME);
        let extension = element_of(SEQUENCE, &[kind, critical, value].concat());
        element_of(EXTENSIONS, &element_of(SEQUENCE, &[other, extension].concat()))
    }

    fn common_name(subject: &[Vec<u8>]) -> Option<Box<str>> {
        NameField::CommonName.of(&certificate(subject, &[]))
    }

    #[test]
    fn tl_20_each_field_is_found_and_no_other() {
        let attributes: Vec<NameField> =
            NameField::ALL.into_iter().filter(|field| field.attribute().is_some()).collect();
        let subject: Vec<Vec<u8>> = attributes
            .iter()
            .map(|field| attribute(*field, 0x13, field.name().as_bytes()))
            .collect();
        let extensions = alternative(&[(0x82, b"a.test"), (RFC822_NAME, b"tim@a.test")], true);
        let whole = certificate(&subject, &extensions);
        for field in attributes {
            assert_eq!(field.of(&whole).as_deref(), Some(field.name()));
        }
        assert_eq!(NameField::SubjectAltName.of(&whole).as_deref(), Some("tim@a.test"));
        assert_eq!(NameField::SubjectAltName.of(&certificate(&subject, &[])), None);
        assert_eq!(NameField::UserId.of(&certificate(&subject[..1], &[])), None);
        for end in 0..whole.len() {
            for field in NameField::ALL {
                assert_eq!(field.of(&whole[..end]), None, "cut at {end}");
            }
        }
    }

    #[test]
    fn tl_20_a_name_that_is_missing_or_stands_twice_is_none() {
        let name = |text: &[u8]| attribute(NameField::CommonName, 0x0C, text);
        assert_eq!(common_name(&[name(b"tim")]).as_deref(), Some("tim"));
        assert_eq!(common_name(&[]), None);
        assert_eq!(common_name(&[name(b"tim"), name(b"tom")]), None);
        assert_eq!(common_name(&[name(b"tim"), name(b"tim")]), None);
        let pairs = [b"tim", b"tom"].map(|text| pair(NameField::CommonName, 0x0C, text));
        assert_eq!(common_name(&[element_of(SET, &pairs.concat())]), None);
        let mails = [(RFC822_NAME, &b"a@x"[..]), (RFC822_NAME, b"b@x")];
        let twice = certificate(&[], &alternative(&mails, false));
        assert_eq!(NameField::SubjectAltName.of(&twice), None);
    }

    #[test]
    fn w_sasl_7_a_name_that_is_nobodys_is_none() {
        let name = |tag, text: &[u8]| common_name(&[attribute(NameField::CommonName, tag, text)]);
        assert_eq!(name(0x0C, "t\u{fc}m".as_bytes()).as_deref(), Some("t\u{fc}m"));
        assert!(name(0x0C, &[b'a'; USER_BYTES_MAX]).is_some());
        assert_eq!(name(0x0C, &[b'a'; USER_BYTES_MAX + 1]), None);
        for text in [&b""[..], b"tim\0", b"tim\0.example", b"tim\r\nDELE 1", b"t\xFFm", b"t\x7F"] {
            assert_eq!(name(0x0C, text), None, "{}", text.escape_ascii());
        }
        // TeletexString, BMPString, BIT STRING: bytes that may mean another name than they show.
        for tag in [0x14, 0x1E, 0x03] {
            assert_eq!(name(tag, b"tim"), None, "tag {tag}");
        }
    }
}
