//! When the certificates that clients are shown end.
//!
//! Duty: what an operator is told of it, and from when on it is a warning. Non-duty: reading certificates (`identities`), what
//! becomes of one that has ended (`tls`). Driven by `identities`, `hale status`, and once a day by the certificates' task.
//! Tests: below, `tests/appliance/e2e/certificates.rs`.

use std::path::PathBuf;

/// The end of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The setting that names the file.
    pub(super) setting: &'static str,
    pub(super) file: PathBuf,
    /// Host names in it.
    pub(in crate::control) hosts: Vec<String>,
    /// First second at which it is not valid any more, since 1970; none: its dates can't be read.
    pub(in crate::control) ends: Option<i64>,
}

impl Expiry {
    /// Whole days that are left; less than none: it has ended.
    pub(in crate::control) fn days_left(&self, now: i64) -> Option<i64> {
        self.ends.map(|ends| (ends - now).div_euclid(86_400))
    }

    /// A line for the log, when renewal is due.
    pub(super) fn warning(&self, now: i64) -> Option<String> {
        let days = self.days_left(now).filter(|days| *days < NOTICE_DAYS)?;
        let Self { setting, file, .. } = self;
        let file = file.display();
        Some(match days {
            0.. => format!("{setting}: {file} expires in {days} days; renew it"),
            _ => format!(
                "{setting}: {file} has expired, and clients refuse it; renew it and run: hale reload"
            ),
        })
    }

    /// Which file it is.
    pub(in crate::control) fn file(&self) -> String {
        self.file.display().to_string()
    }

    /// For `hale status`.
    pub(super) fn described(&self, now: i64) -> String {
        let hosts = match self.hosts.as_slice() {
            [] => "no host".to_owned(),
            hosts => hosts.join(" "),
        };
        match self.days_left(now) {
            Some(days @ 0..) => format!("{days} days left, for {hosts}"),
            Some(days) => format!("expired {} days ago, for {hosts}", -days),
            None => format!("its dates can't be read, for {hosts}"),
        }
    }
}

/// Renewal is due before that: Let's Encrypt's certificates are renewed 30 days before their end.
pub(in crate::control) const NOTICE_DAYS: i64 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn the_end_of_a_certificate_is_told_in_time_and_afterwards() {
        let expiry = Expiry {
            setting: "ssl_server_cert_file",
            file: "/etc/mail.pem".into(),
            hosts: vec!["mail.example.org".into(), "192.0.2.1".into()],
            ends: Some(100 * DAY),
        };
        let cases = [
            (0, "100 days left, for mail.example.org 192.0.2.1", None),
            (86 * DAY, "14 days left, for mail.example.org 192.0.2.1", None),
            (86 * DAY + 1, "13 days left, for mail.example.org 192.0.2.1", Some("in 13 days")),
            (100 * DAY - 1, "0 days left, for mail.example.org 192.0.2.1", Some("in 0 days")),
            (100 * DAY + 1, "expired 1 days ago, for mail.example.org 192.0.2.1", Some("expired")),
        ];
        for (now, described, warning) in cases {
            assert_eq!(expiry.described(now), described);
            let told = expiry.warning(now);
            assert_eq!(told.is_some(), warning.is_some(), "{now}: {told:?}");
            assert!(told.unwrap_or_default().contains(warning.unwrap_or_default()), "{now}");
        }
        let unknown = Expiry { ends: None, hosts: Vec::new(), ..expiry };
        assert_eq!(unknown.described(0), "its dates can't be read, for no host");
        assert_eq!(unknown.warning(0), None);
    }
}
