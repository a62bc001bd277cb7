//! Who set a status, when, and why: what `status_reason` says to a reader (C-BACKEND-4).
//!
//! ```text
//! reason   = auto / order / other
//! auto     = "auto:" proxy ":" seconds ":" words       ; AutoReason
//! order    = kind [": " words] [" [" who " " seconds "]"]
//! other    = what another program wrote
//! ```
//!
//! Decides: the form of an operator's reason, and what is read off any. Does not: write rows. Driven by the cluster's commands.
//! Tests: below.

use super::auto_reason::AutoReason;

/// What a reason says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetBy<'a> {
    /// A proxy, or an operator and the host where the order was given; none: it does not say.
    pub who: Option<&'a str>,
    /// When, in seconds since 1970.
    pub seconds: Option<i64>,
    /// Why.
    pub why: &'a str,
}

impl<'a> SetBy<'a> {
    /// Reads a column.
    #[must_use]
    pub fn read(reason: &'a str) -> Self {
        if let Some(AutoReason { proxy, seconds, words }) = AutoReason::parse(reason) {
            return Self { who: Some(proxy), seconds: Some(seconds), why: words };
        }
        let order = || {
            let (rest, seconds) = reason.strip_suffix(']')?.rsplit_once(' ')?;
            let (words, who) = rest.rsplit_once(" [")?;
            Some(Self { who: Some(who), seconds: Some(seconds.parse().ok()?), why: words })
        };
        let read = order().unwrap_or(Self { who: None, seconds: None, why: reason });
        let why = match read.why.strip_prefix(ADMIN) {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(": "),
            None => None,
        };
        match why {
            Some(why) => Self { who: read.who.or(Some(ADMIN)), why, ..read },
            None => read,
        }
    }
}

/// The reason of what an operator did. `by`: who, and on which host; empty: not known. Never begins with `auto:` (C-BACKEND-2).
#[must_use]
pub fn ordered(kind: &str, why: Option<&str>, by: &str, unix_millis: i64) -> String {
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    if by.is_empty() {
        return format!("{kind}{why}");
    }
    // The last blank is that before the seconds.
    let by = by.replace(' ', "-");
    let seconds = unix_millis.div_euclid(1000);
    format!("{kind}{why} [{by} {seconds}]")
}

/// The kind of a change of the status.
pub const ADMIN: &str = "admin";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_backend_4_an_operators_reason_tells_who_when_and_why() {
        let reason = ordered(ADMIN, Some("new disks [2 TB]"), "uid=0@lb1", 1_700_000_000_999);
        assert_eq!(reason, "admin: new disks [2 TB] [uid=0@lb1 1700000000]");
        let read = SetBy::read(&reason);
        let (who, seconds) = (Some("uid=0@lb1"), Some(1_700_000_000));
        assert_eq!(read, SetBy { who, seconds, why: "new disks [2 TB]" });
        let without = ordered(ADMIN, None, "uid=0@lb1", 1_700_000_000_999);
        assert_eq!(SetBy::read(&without), SetBy { who, seconds, why: "" });
        let by = "doveadm from [::1]:4711@lb1";
        let who = Some("doveadm-from-[::1]:4711@lb1");
        let evacuated = ordered("evacuate", Some("fan"), by, 1_700_000_000_000);
        assert_eq!(SetBy::read(&evacuated), SetBy { who, seconds, why: "evacuate: fan" });
    }

    #[test]
    fn c_backend_4_a_proxys_reason_and_those_of_others_are_read_as_far_as_they_go() {
        let read = SetBy::read("auto:lb1:1700000000:imap: refused");
        let (who, seconds) = (Some("lb1"), Some(1_700_000_000));
        assert_eq!(read, SetBy { who, seconds, why: "imap: refused" });
        let unknown = |why| SetBy { who: None, seconds: None, why };
        for text in ["", "maintenance", "load [high]", "x [y z]", "administration"] {
            assert_eq!(SetBy::read(text), unknown(text));
        }
        for (text, why) in [("admin", ""), ("admin: disks", "disks")] {
            let who = Some(ADMIN);
            assert_eq!(SetBy::read(text), SetBy { who, seconds: None, why });
        }
        assert_eq!(ordered(ADMIN, Some("x"), "", 7), "admin: x");
    }
}
