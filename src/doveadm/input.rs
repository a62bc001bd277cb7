//! The input of a command: what stands behind its line, up to a line that is a dot (W-DOV-8).
//!
//! Dovecot's client sends a message so behind `save`: a line that begins with a dot has one more, and CR may stand before
//! LF. Nothing of it is unescaped here: it goes to another host as it is.

/// Where in an input the bytes are that have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Input(At);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// A line begins, the first one too.
    #[default]
    LineStart,
    /// Somewhere in a line.
    Line,
    /// Behind a dot that begins a line.
    Dot,
    /// Behind such a dot and CR.
    DotCr,
    /// Behind the last line.
    End,
}

impl Input {
    /// Tells the bytes of the input from those behind it.
    #[must_use]
    pub fn take<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let mut count = 0;
        for byte in bytes {
            if self.is_over() {
                break;
            }
            count += 1;
            self.0 = match (self.0, byte) {
                (At::LineStart, b'.') => At::Dot,
                (At::Dot, b'\r') => At::DotCr,
                (At::Dot | At::DotCr, b'\n') => At::End,
                (_, b'\n') => At::LineStart,
                _ => At::Line,
            };
        }
        bytes.split_at_checked(count).unwrap_or((bytes, &[]))
    }

    /// Whether its last line has come.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.0 == At::End
    }
}

/// Whether a command of this name has input.
#[must_use]
pub fn is_expected_by(name: &str, first_argument: Option<&[u8]>) -> bool {
    // A client may send the command's words one by one.
    matches!((name, first_argument), ("save" | "sieve put", _) | ("sieve", Some(b"put")))
}

/// Appends text as an input.
pub fn append(text: &[u8], out: &mut Vec<u8>) {
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    // As Dovecot's client ends it: the last line end does not belong to the text.
    out.extend_from_slice(b"\r\n.\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_dov_8_an_input_ends_with_the_first_line_that_is_a_dot() {
        for (bytes, behind) in [
            (&b".\n\t\twho\n"[..], &b"\t\twho\n"[..]),
            (b".\r\nx", b"x"),
            (b"Subject: x\r\n\r\nhi\r\n.\r\n\t\twho\n", b"\t\twho\n"),
            (b"a\n..\n.x\n.\rx\n.\r\r\n \n.\nrest", b"rest"),
            (b"a.\n.\n.\n", b".\n"),
        ] {
            for cut in 0..=bytes.len() {
                let (first, second) = bytes.split_at(cut);
                let mut input = Input::default();
                let taken = [first, second].map(|piece| input.take(piece).0.len());
                assert!(input.is_over());
                assert_eq!(&bytes[taken[0] + taken[1]..], behind, "{bytes:?} {cut}");
            }
        }
        let mut endless = Input::default();
        assert_eq!(endless.take(b"a\r.\r\n"), (&b"a\r.\r\n"[..], &b""[..]));
        assert!(!endless.is_over());
    }

    #[test]
    fn w_dov_8_text_becomes_an_input_whose_lines_keep_their_dots() {
        for (text, input) in [
            (&b""[..], &b"\r\n.\r\n"[..]),
            (b"a\r\n", b"a\r\n\r\n.\r\n"),
            (b".\n..x\nb", b"..\n...x\nb\r\n.\r\n"),
        ] {
            let mut out = Vec::new();
            append(text, &mut out);
            assert_eq!(out, input, "{text:?}");
            let mut read = Input::default();
            assert_eq!(read.take(&out), (&*out, &b""[..]));
            assert!(read.is_over());
        }
    }

    #[test]
    fn w_dov_8_some_commands_have_input() {
        assert!(is_expected_by("save", None) && is_expected_by("sieve put", Some(b"-u")));
        assert!(is_expected_by("sieve", Some(b"put")));
        assert!(!is_expected_by("sieve", Some(b"list")) && !is_expected_by("fetch", None));
    }
}
