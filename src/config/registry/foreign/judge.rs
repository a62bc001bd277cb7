//! Values that ask for something or for nothing, depending on their words.
//!
//! Driver: [`super::Foreign`]. Tests: below.

use crate::config::value::words;

/// What kind of words a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// Dovecot 2.2's list of versions, `ssl_protocols`.
    Versions,
    /// `ssl_options`.
    Options,
}

impl Judge {
    /// What the documentation says of it.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Versions => "refused if it leaves out TLS 1.2 or 1.3, which are spoken",
            Self::Options => {
                "`no_compression` and `compression` may stand; anything else is refused"
            }
        }
    }

    /// Whether Hale does what the words ask for.
    ///
    /// # Errors
    /// It does not; why, and the remedy.
    pub(super) fn judge(self, text: &str) -> Result<(), String> {
        match self {
            Self::Versions => versions(text),
            Self::Options => options(text),
        }
    }
}

/// Hale speaks TLS 1.2 and 1.3. A list that leaves out either asks for something, and so does one that has neither.
fn versions(text: &str) -> Result<(), String> {
    let remedy = "write `ssl_min_protocol = TLSv1.2` or `TLSv1.3` in place of it";
    let is_listed = |version: &str| words(text).any(|word| word.eq_ignore_ascii_case(version));
    let is_excluded = |version: &str| {
        words(text).any(|word| {
            word.strip_prefix(['!', '-']).is_some_and(|it| it.eq_ignore_ascii_case(version))
        })
    };
    let names_some = words(text).any(|word| !word.starts_with(['!', '-']));
    for version in ["TLSv1.2", "TLSv1.3"] {
        // Dovecot 2.2 did not know TLS 1.3, so no configuration listed it.
        let is_left_out = names_some && version == "TLSv1.2" && !is_listed(version);
        if is_excluded(version) || is_left_out {
            return Err(format!("{version} is left out here, but would be spoken; {remedy}"));
        }
    }
    Ok(())
}

fn options(text: &str) -> Result<(), String> {
    for word in words(text) {
        match word.to_ascii_lowercase().as_str() {
            // Nothing is ever compressed: with secrets in it that tells them (CRIME).
            "no_compression" | "compression" => {}
            "no_ticket" => {
                return Err(
                    "`no_ticket`: TLS sessions are always resumed by tickets, whose keys are \
                            replaced every few hours; remove it if that is acceptable"
                        .to_owned(),
                );
            }
            _ => return Err("only `compression` and `no_compression` are understood".to_owned()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_left_out_are_refused() {
        for good in ["", "!SSLv2 !SSLv3", "!SSLv3 !TLSv1 !TLSv1.1", "TLSv1.2", "TLSv1.1 TLSv1.2"] {
            assert_eq!(versions(good), Ok(()), "{good}");
        }
        for bad in ["!TLSv1.2", "TLSv1 TLSv1.1", "!TLSv1.3", "SSLv3"] {
            assert!(versions(bad).unwrap_err().contains("ssl_min_protocol"), "{bad}");
        }
    }

    #[test]
    fn options_that_cannot_be_obeyed_are_refused() {
        assert_eq!(options("no_compression"), Ok(()));
        assert!(options("no_compression no_ticket").unwrap_err().contains("no_ticket"));
        assert!(options("cookie_exchange").is_err());
    }
}
