//! `global`: what of it concerns TLS and the names of files. Tests: `tests/pure/import.rs`.

use super::sections::{Kind, Raw};
use super::{Line, keywords};
use crate::import::{LeftOut, Weight};

/// What of it counts.
#[derive(Debug, Default)]
pub(crate) struct Global {
    pub(crate) certificates_base: Option<String>,
    pub(crate) authorities_base: Option<String>,
    /// `ssl-default-bind-ciphers`
    pub(crate) ciphers: Option<(Line, String)>,
    /// `ssl-default-bind-ciphersuites`
    pub(crate) suites: Option<(Line, String)>,
    /// `ssl-default-bind-curves`
    pub(crate) curves: Option<(Line, String)>,
    /// Of `ssl-default-bind-options`: the oldest version of TLS.
    pub(crate) oldest: Option<(Line, String)>,
}

impl Global {
    pub(super) fn of(sections: &[Raw], left: &mut LeftOut) -> Self {
        let mut global = Self::default();
        for section in sections.iter().filter(|it| it.kind == Kind::Global) {
            for line in &section.lines {
                global.line(line, left);
            }
        }
        global
    }

    fn line(&mut self, line: &Line, left: &mut LeftOut) {
        let value = || line.word(1).to_owned();
        match line.word(0) {
            "crt-base" => self.certificates_base = Some(value()),
            "ca-base" => self.authorities_base = Some(value()),
            "ssl-default-bind-ciphers" => self.ciphers = Some((line.clone(), value())),
            "ssl-default-bind-ciphersuites" => self.suites = Some((line.clone(), value())),
            "ssl-default-bind-curves" => self.curves = Some((line.clone(), value())),
            "ssl-default-bind-options" => self.options(line, left),
            _ => keywords::tell(line, left),
        }
    }

    fn options(&mut self, line: &Line, left: &mut LeftOut) {
        let mut words = line.words.iter().skip(1).map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "ssl-min-ver" => {
                    self.oldest = words.next().map(|version| (line.clone(), version.to_owned()));
                }
                "no-tlsv12" | "force-tlsv13" => {
                    self.oldest = Some((line.clone(), "TLSv1.3".to_owned()));
                }
                // Hale speaks no such version, and its order is its own.
                "no-sslv3" | "no-tlsv10" | "no-tlsv11" | "prefer-client-ciphers" => {}
                "no-tls-tickets" => left.add(
                    Weight::Different,
                    &line.place,
                    "ssl-default-bind-options no-tls-tickets",
                    "Hale's tickets cannot be turned off; their keys live a day at most",
                ),
                other => left.add(
                    Weight::Missing,
                    &line.place,
                    format!("ssl-default-bind-options {other}"),
                    keywords::UNKNOWN,
                ),
            }
        }
    }
}
