//! A message on its way through: where it ends, and the few bytes of it that are here at any time.
//!
//! The window holds content: what a mailbox would hold, without the dots of DATA. Each destination has its own place in
//! it ([`super::feed`]) and nothing is let go before the last of them has it: the slowest destination holds the source.

use memchr::memmem::Finder;

use crate::limits::LMTP_WINDOW_BYTES;

/// A stretch of the message that some destination still needs.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Bytes of `bytes` that no link needs any more.
    start: usize,
    /// Where in the message `bytes[start]` stands.
    base: u64,
}

/// As much of a message as is here, and whether that is the rest of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) window: &'a Window,
    /// The window holds the message's end.
    pub(super) is_complete: bool,
}

impl Content<'_> {
    /// There is no message.
    pub(super) const NONE: Self = Self { window: &Window::EMPTY, is_complete: false };
}

impl Window {
    const EMPTY: Self = Self { bytes: Vec::new(), start: 0, base: 0 };

    /// How many more bytes fit.
    pub(super) fn room(&self) -> usize {
        LMTP_WINDOW_BYTES.saturating_sub(self.kept().len())
    }

    /// How many more bytes will fit when what stands before `place` is released.
    pub(super) fn room_behind(&self, place: u64) -> usize {
        LMTP_WINDOW_BYTES.saturating_sub(self.from(place.max(self.base)).len())
    }

    /// How much of the message has come.
    pub(super) fn end(&self) -> u64 {
        self.base.saturating_add(self.kept().len() as u64)
    }

    /// What has come behind `place`.
    pub(super) fn from(&self, place: u64) -> &[u8] {
        let skipped = usize::try_from(place.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.kept().get(skipped..).unwrap_or_default()
    }

    /// No link needs what stands before `place`.
    pub(super) fn release(&mut self, place: u64) {
        let gone = usize::try_from(place.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let gone = gone.min(self.kept().len());
        self.start = self.start.saturating_add(gone);
        self.base = self.base.saturating_add(gone as u64);
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.room(), "the window is smaller than what is put into it");
        if self.start > 0 && self.bytes.len().saturating_add(bytes.len()) > self.bytes.capacity() {
            drop(self.bytes.drain(..self.start));
            self.start = 0;
        }
        let needed = self.bytes.len().saturating_add(bytes.len());
        if needed > self.bytes.capacity() {
            let size = needed.next_power_of_two().min(LMTP_WINDOW_BYTES);
            self.bytes.reserve_exact(size.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn kept(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// Finds the end of a message behind DATA and takes its dots out.
///
/// ```text
/// data          = *( line CRLF ) "." CRLF                 ; RFC 5321 4.1.1.4
/// ```
///
/// Only CRLF `.` CRLF ends it, or `.` CRLF at the very beginning. A lone CR or LF is content like any other byte: what
/// some take for a line end and others not is how mail is smuggled (LM-05, postfix.org/smtp-smuggling.html). A dot that
/// begins a line and is not alone there is taken away (RFC 5321 4.5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DotReader {
    /// At the beginning of a line.
    #[default]
    Start,
    /// Behind the dot that begins a line.
    Dot,
    /// Behind `.` CR there.
    DotCr,
    /// Inside a line.
    Text,
    /// Behind a CR.
    Cr,
}

/// What [`DotReader::read`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) consumed: usize,
    /// The message ended; what is behind `consumed` is the next command.
    pub(super) ended: bool,
}

impl DotReader {
    /// Reads until the end, or until the window is full. Looks for what is rare, a dot that begins a line, and takes all that is
    /// before it in one piece.
    pub(super) fn read(&mut self, bytes: &[u8], window: &mut Window) -> Read {
        let dots = Finder::new(b"\r\n.");
        let mut rest = bytes;
        let consumed = |rest: &[u8]| bytes.len().saturating_sub(rest.len());
        // A CR that was held back may come out together with the byte behind it.
        while let (Some((&byte, behind)), true) = (rest.split_first(), window.room() >= 2) {
            if matches!(self, Self::Text) {
                let (text, more) = before_dot(&dots, rest, window.room());
                window.push(text);
                rest = more;
                *self = match text {
                    [.., b'\r', b'\n'] => Self::Start,
                    [.., b'\r'] => Self::Cr,
                    _ => Self::Text,
                };
                continue;
            }
            rest = behind;
            if self.step(byte, window) {
                return Read { consumed: consumed(rest), ended: true };
            }
        }
        Read { consumed: consumed(rest), ended: false }
    }

    /// One byte outside of a line's text; whether it was the last of the message.
    fn step(&mut self, byte: u8, window: &mut Window) -> bool {
        match (*self, byte) {
            (Self::Start, b'.') => *self = Self::Dot,
            (Self::Dot, b'\r') => *self = Self::DotCr,
            (Self::DotCr, b'\n') => return true,
            (Self::DotCr, _) => {
                window.push(b"\r");
                *self = Self::Cr;
                return self.step(byte, window);
            }
            (Self::Cr, b'\n') => {
                window.push(b"\n");
                *self = Self::Start;
            }
            (Self::Start | Self::Dot | Self::Text | Self::Cr, _) => {
                window.push(&[byte]);
                *self = if byte == b'\r' { Self::Cr } else { Self::Text };
            }
        }
        false
    }
}

/// Up to the next dot that begins a line, as far as there is room.
fn before_dot<'a>(dots: &Finder<'_>, bytes: &'a [u8], room: usize) -> (&'a [u8], &'a [u8]) {
    let (fitting, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
    let end = dots.find(fitting).map_or(fitting.len(), |found| found.saturating_add(LINE_END));
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// CRLF.
const LINE_END: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    fn read(bytes: &[u8], size: usize) -> (Vec<u8>, usize, bool) {
        let (mut reader, mut window, mut consumed) = (DotReader::default(), Window::default(), 0);
        for piece in bytes.chunks(size) {
            let done = reader.read(piece, &mut window);
            consumed += done.consumed;
            if done.ended {
                return (window.from(0).to_vec(), consumed, true);
            }
            assert_eq!(done.consumed, piece.len());
        }
        (window.from(0).to_vec(), consumed, false)
    }

    #[test]
    fn lm_05_only_a_dot_alone_between_line_ends_ends_a_message() {
        for (sent, content) in [
            (&b".\r\n"[..], &b""[..]),
            (b"a\r\n.\r\n", b"a\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b".a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n"),
            (b"a\n.\nMAIL\r\n.\r\n", b"a\n.\nMAIL\r\n"),
            (b"a\n.\r\nMAIL\r\n.\r\n", b"a\n.\r\nMAIL\r\n"),
            (b"a\r\n.\nMAIL\r\n.\r\n", b"a\r\n\nMAIL\r\n"),
            (b"a\r.\rMAIL\r\n.\r\n", b"a\r.\rMAIL\r\n"),
            (b"a\r\n.\rMAIL\r\n.\r\n", b"a\r\n\rMAIL\r\n"),
            (b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n"),
            (b"\0\r\r\n.\r\n", b"\0\r\r\n"),
            (b"\r\n.\r\n", b"\r\n"),
        ] {
            let whole = [sent, b"NOOP\r\n"].concat();
            for size in 1..=whole.len() {
                let wanted = (content.to_vec(), sent.len(), true);
                assert_eq!(read(&whole, size), wanted, "{} by {size}", sent.escape_ascii());
            }
        }
        assert!(!read(b"a\r\n.\r", 3).2);
    }

    /// What RFC 5321 4.5.2 says, of the whole at once.
    fn by_the_book(sent: &[u8]) -> (Vec<u8>, usize, bool) {
        let mut content = Vec::new();
        for (at, byte) in sent.iter().enumerate() {
            let is_first = at == 0 || sent[..at].ends_with(b"\r\n");
            if is_first && sent[at..].starts_with(b".\r\n") {
                return (content, at + 3, true);
            }
            if !is_first || *byte != b'.' {
                content.push(*byte);
            }
        }
        (content, sent.len(), false)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// However it is cut, and however the window is emptied meanwhile.
        #[test]
        fn lm_05_dots_are_read_as_the_book_says(
            sent in collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..60),
            cuts in collection::vec(1_usize..9, 1..12),
            padding in prop_oneof![Just(0), 65_500_usize..65_540],
        ) {
            // Lines that are long enough to fill the window.
            let sent = [&vec![b'x'; padding][..], &sent].concat();
            let (wanted, all, ended) = by_the_book(&sent);
            let (mut reader, mut window) = (DotReader::default(), Window::default());
            let (mut content, mut place, mut rest, mut over) = (Vec::new(), 0_u64, &sent[..], false);
            for cut in cuts.iter().cycle() {
                let piece = if content.len() < padding { rest.len() } else { *cut };
                let done = reader.read(&rest[..piece.min(rest.len())], &mut window);
                rest = &rest[done.consumed..];
                over = done.ended;
                if over || window.room() < 2 || cut % 2 == 0 || rest.is_empty() {
                    content.extend_from_slice(window.from(place));
                    place = window.end();
                    window.release(place);
                }
                if over || rest.is_empty() {
                    break;
                }
            }
            // A CR behind a dot that began a line may still be of the end.
            let held = usize::from(reader == DotReader::DotCr && !over);
            prop_assert_eq!(&content[..], &wanted[..wanted.len() - held]);
            prop_assert_eq!((sent.len() - rest.len(), over), (all, ended));
        }
    }

    #[test]
    fn a_full_window_stops_the_reader_and_nothing_is_lost() {
        let line = [&[b'x'; 700][..], b"\r\n"].concat();
        let message = line.repeat(300);
        let sent = [&message[..], b".\r\n"].concat();
        let (mut reader, mut window, mut got) =
            (DotReader::default(), Window::default(), Vec::new());
        let mut rest = &sent[..];
        loop {
            let done = reader.read(rest, &mut window);
            rest = &rest[done.consumed..];
            assert!(window.bytes.capacity() <= LMTP_WINDOW_BYTES, "{}", window.bytes.capacity());
            let part = window.from(got.len() as u64);
            got.extend_from_slice(&part[..part.len().min(5_000)]);
            window.release(got.len() as u64);
            if done.ended {
                got.extend_from_slice(window.from(got.len() as u64));
                break;
            }
        }
        assert!(rest.is_empty() && got == message);
    }
}
