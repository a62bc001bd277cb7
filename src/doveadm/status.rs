//! The line that ends a reply (W-DOV-4).

use crate::wire::tab_escaped;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// `+`
    Done,
    /// `-` and a code, or none.
    Failed(Code),
    /// `-REFERRAL`: the user lives somewhere else.
    Referral(Box<str>),
    /// Another word of the other side's, passed on as it is.
    Other(Box<str>),
}

/// Why a command failed, in doveadm's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No word: the command is unknown.
    Nothing,
    /// `UNKNOWN`
    Unknown,
    /// `TEMPFAIL`
    TempFail,
    /// `USAGE`
    Usage,
    /// `NOUSER`
    NoUser,
    /// `NOPERM`
    NoPerm,
    /// `PROTOCOL`
    Protocol,
    /// `DATAERR`
    DataErr,
    /// `CHANGED`
    Changed,
    /// `NOTFOUND`
    NotFound,
    /// `EXPIRED`
    Expired,
}

/// Codes, their words, and the exit codes of a command line.
const CODES: [(Code, &str, u8); 11] = [
    (Code::Nothing, "", 75),
    (Code::Unknown, "UNKNOWN", 75),
    (Code::TempFail, "TEMPFAIL", 75),
    (Code::Usage, "USAGE", 64),
    (Code::NoUser, "NOUSER", 67),
    (Code::NoPerm, "NOPERM", 77),
    (Code::Protocol, "PROTOCOL", 76),
    (Code::DataErr, "DATAERR", 65),
    (Code::Changed, "CHANGED", 2),
    (Code::NotFound, "NOTFOUND", 68),
    (Code::Expired, "EXPIRED", 75),
];

impl Code {
    /// The code of an exit code that is not 0. What the protocol has no word for is a temporary failure: 78, a setting that
    /// is missing, among them.
    #[must_use]
    pub fn of_exit_code(exit_code: u8) -> Self {
        // The first two of 75 are other things.
        let mut all = CODES.iter().skip(2);
        all.find(|(_, _, known)| *known == exit_code).map_or(Self::TempFail, |it| it.0)
    }

    /// The exit code of a command line that got it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        CODES.iter().find(|(code, ..)| *code == self).map_or(75, |(_, _, exit_code)| *exit_code)
    }

    fn word(self) -> &'static str {
        CODES.iter().find(|(code, ..)| *code == self).map_or("", |(_, word, _)| word)
    }
}

impl Status {
    /// Of an exit code.
    #[must_use]
    pub fn of_exit_code(exit_code: u8) -> Self {
        match exit_code {
            0 => Self::Done,
            failed => Self::Failed(Code::of_exit_code(failed)),
        }
    }

    /// The exit code of a command line that got it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed(code) => code.exit_code(),
            Self::Referral(_) | Self::Other(_) => 75,
        }
    }

    /// Of a line without its end; none: it is no status.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Option<Self> {
        match line.split_first()? {
            (b'+', []) => Some(Self::Done),
            (b'-', word) => {
                let word = String::from_utf8_lossy(word);
                if let Some(whereto) = word.strip_prefix("REFERRAL ") {
                    return Some(Self::Referral(whereto.into()));
                }
                let known = CODES.iter().find(|(_, known, _)| *known == word);
                Some(known.map_or_else(
                    || Self::Other(word.as_ref().into()),
                    |(code, ..)| Self::Failed(*code),
                ))
            }
            _ => None,
        }
    }

    /// The line, with its end.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let text = match self {
            Self::Done => "+".to_owned(),
            Self::Failed(code) => format!("-{}", code.word()),
            Self::Referral(whereto) => format!("-REFERRAL {whereto}"),
            Self::Other(word) => format!("-{word}"),
        };
        let mut line = text.into_bytes();
        line.push(b'\n');
        line
    }
}

/// A field of a row, behind which always stands a TAB.
pub fn append_value(value: &[u8], out: &mut Vec<u8>) {
    let mut field = Vec::with_capacity(value.len());
    tab_escaped::append_field(value, &mut field);
    out.append(&mut field);
    out.push(b'\t');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_dov_4_statuses_come_back_as_they_were() {
        let all = CODES.iter().map(|(code, ..)| Status::Failed(*code));
        let others = [
            Status::Done,
            Status::Referral("bob@192.0.2.1:2300".into()),
            Status::Other("WHATEVER".into()),
        ];
        for status in all.chain(others) {
            let line = status.to_line();
            assert_eq!(Status::of_line(&line[..line.len() - 1]), Some(status));
        }
        for none in [&b""[..], b"x", b"+x", b" "] {
            assert_eq!(Status::of_line(none), None, "{none:?}");
        }
    }

    #[test]
    fn c_cmd_2_exit_codes_have_the_words_that_the_protocol_has_for_them() {
        let words: Vec<Vec<u8>> = [0, 2, 64, 65, 67, 68, 75, 77, 78]
            .map(|exit_code| Status::of_exit_code(exit_code).to_line())
            .to_vec();
        let expected = [
            "+",
            "-CHANGED",
            "-USAGE",
            "-DATAERR",
            "-NOUSER",
            "-NOTFOUND",
            "-TEMPFAIL",
            "-NOPERM",
            "-TEMPFAIL",
        ];
        let expected: Vec<Vec<u8>> = expected.map(|word| format!("{word}\n").into_bytes()).to_vec();
        assert_eq!(words, expected);
        for exit_code in [2, 64, 65, 67, 68, 75, 76, 77] {
            assert_eq!(Code::of_exit_code(exit_code).exit_code(), exit_code);
        }
    }

    #[test]
    fn values_are_escaped_and_end_with_a_tab() {
        let mut out = Vec::new();
        append_value(b"a\tb\n", &mut out);
        append_value(b"", &mut out);
        assert_eq!(out, b"a\x01tb\x01n\t\t");
    }
}
