//! The elements that DER consists of (X.690 8.1, 10.1), and its times (RFC 5280 4.1.2.5).
//!
//! Decides nothing: whatever can't be read is simply unknown. Driver: `certificate`, `certificate_name`. Tests: below.

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const VERSION: u8 = 0xA0;

/// Whether these bytes are one SEQUENCE and nothing else.
#[must_use]
pub fn is_sequence(bytes: &[u8]) -> bool {
    element(bytes, SEQUENCE).is_some_and(|(_, rest)| rest.is_empty())
}

/// The first element, which must have this tag, with its head, and what follows it.
pub(super) fn split(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (_, rest) = element(bytes, tag)?;
    bytes.split_at_checked(bytes.len().checked_sub(rest.len())?)
}

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
pub(super) fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
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

/// The day of a time, such as `2026-11-27`.
#[must_use]
pub fn day(seconds: i64) -> String {
    // The inverse of `days` (Howard Hinnant, *civil_from_days*).
    let shifted = seconds.div_euclid(86_400) + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted - era * 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// The time of the day of a time, such as `18:05:12`.
#[must_use]
pub fn time_of_day(seconds: i64) -> String {
    let second = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Both, in UTC, such as `2026-11-27T18:05:12Z`.
#[must_use]
pub fn utc(seconds: i64) -> String {
    format!("{}T{}Z", day(seconds), time_of_day(seconds))
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
    fn a_day_is_the_one_it_was_read_from() {
        for (text, day_text) in
            [("700101", "1970-01-01"), ("240229", "2024-02-29"), ("491231", "2049-12-31")]
        {
            let bytes = [b"\x17\x0d", text.as_bytes(), b"235959Z"].concat();
            assert_eq!(day(time(&bytes).unwrap().0), day_text);
        }
        assert_eq!(day(-1), "1969-12-31");
        assert_eq!([-1, 1_700_000_000].map(utc), ["1969-12-31T23:59:59Z", "2023-11-14T22:13:20Z"]);
    }
}
