//! The little of X.509 that the library does not tell: until when a certificate is valid (RFC 5280 4.1), and the elements
//! that DER consists of, for `certificate_name`.
//!
//! Reads DER as far as it needs. Decides nothing: whatever can't be read is simply unknown. Driver: `tls`. Tests: below.

/// Seconds since 1970 at which a certificate begins and ends to be valid.
#[must_use]
pub fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version, serial, signature, issuer, validity, … } … }
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest, VERSION)?.1;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = element(rest, tag)?.1;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (begins, rest) = time(validity)?;
    let (ends, _) = time(rest)?;
    Some((begins, ends))
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const VERSION: u8 = 0xA0;

/// The content of the first element, which must have this tag, and what follows it.
pub(super) fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
        if digits.len() > 3 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    rest.split_at_checked(length)
}

/// ```text
/// Time = UTCTime (YYMMDDHHMMSSZ, years 1950 to 2049) / GeneralizedTime (YYYYMMDDHHMMSSZ)
/// ```
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let tag = *bytes.first()?;
    let (text, rest) = element(bytes, tag)?;
    let (year, text) = match tag {
        UTC_TIME => {
            let (year, text) = number(text, 2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text)
        }
        GENERALIZED_TIME => number(text, 4)?,
        _ => return None,
    };
    let (month, text) = number(text, 2)?;
    let (day, text) = number(text, 2)?;
    let (hour, text) = number(text, 2)?;
    let (minute, text) = number(text, 2)?;
    let (second, _) = number(text, 2)?;
    Some((days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, rest))
}

fn number(text: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let value = digits.iter().try_fold(0, |value: i64, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })?;
    Some((value, rest))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant, *days_from_civil*).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time() {
        assert_eq!(time(b"\x17\x0d700101000000Z").unwrap().0, 0);
        assert_eq!(time(b"\x17\x0d261124025930Z").unwrap().0, 1_795_489_170);
        assert_eq!(time(b"\x18\x0f20500101000000Zx").unwrap(), (2_524_608_000, b"x".as_slice()));
        assert_eq!(time(b"\x17\x0d70010100000xZ"), None);
        assert_eq!(time(b"\x17\x7f70"), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_dates() {
        for bytes in
            [b"".as_slice(), b"\x30", b"\x30\x82\xff\xff\x30", b"\x30\x84\x01\x01\x01\x01\x01"]
        {
            assert_eq!(validity(bytes), None);
        }
    }
}
