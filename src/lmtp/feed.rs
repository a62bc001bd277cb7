//! One destination's place in a message, and the message in that destination's form.
//!
//! BDAT wherever the destination has CHUNKING: sizes leave no doubt where the message ends, whatever the destination
//! thinks of a lone LF (LM-05). DATA elsewhere: dots are doubled, and a lone LF counts as the beginning of a line there,
//! because a destination that takes it for one must not see a dot that is not meant. Such a dot arrives twice at those
//! who do not, which is the smaller evil.
//!
//! A feed writes into whatever buffer its caller has and remembers how far it came; a copy of it taken before can write
//! the same bytes again. So no destination needs a buffer of its own.

use memchr::memmem;

use crate::limits::{LMTP_CHUNK_BYTES_MIN, LMTP_STRETCH_BYTES_MIN};

use super::content::Window;

/// See the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Feed {
    /// How much of the message is sent.
    pub(super) place: u64,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Data(Stuffing),
    Bdat(Chunk),
}

/// A piece of the message that may be sent from where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// What is sent.
    pub bytes: &'a [u8],
    /// The message's end is due right behind it.
    pub is_followed: bool,
}

/// Where a destination behind DATA is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stuffing {
    /// At the beginning of a line, or of what may be taken for one.
    Start,
    /// Behind the dot that we added.
    Dot,
    /// Inside a line.
    Text,
    /// Behind CR.
    Cr,
    /// Behind CR LF: like `Start`, but the end needs no line end of ours.
    Line,
    /// So much of the last bytes is sent.
    End(u8, LastLine),
    Over,
}

/// Whether the message ended with CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastLine {
    Ended,
    Open,
}

/// Where a destination behind BDAT is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Chunk {
    /// The announcement, and how much of it is sent.
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: u8,
    head_sent: u8,
    /// Bytes of the chunk that are not sent.
    left: u64,
    /// Chunks whose last byte is sent, and thus replies due.
    sent: u64,
    is_last: bool,
}

/// `BDAT ` and twenty digits and ` LAST` and CRLF.
const HEAD_BYTES_MAX: usize = 32;

impl Feed {
    pub(super) fn data() -> Self {
        Self { place: 0, form: Form::Data(Stuffing::Line) }
    }

    pub(super) fn bdat() -> Self {
        Self { place: 0, form: Form::Bdat(Chunk::default()) }
    }

    /// Whether everything is sent, end included.
    pub(super) fn is_over(&self) -> bool {
        match &self.form {
            Form::Data(stuffing) => *stuffing == Stuffing::Over,
            Form::Bdat(chunk) => chunk.is_last && chunk.is_sent(),
        }
    }

    /// Chunks sent so far, the last one included.
    pub(super) fn chunks(&self) -> u64 {
        match &self.form {
            Form::Data(_) => 0,
            Form::Bdat(chunk) => chunk.sent,
        }
    }

    /// What comes next, if it is a long piece of the message just as it lies in the window: it may be sent from there, and
    /// [`Self::pass`] follows.
    pub(super) fn stretch<'a>(&self, window: &'a Window, ended: bool) -> Option<Stretch<'a>> {
        let left = window.from(self.place);
        let (bytes, is_followed) = match &self.form {
            Form::Data(stuffing) => {
                let bytes = stuffing.stretch(left);
                (bytes, ended && bytes.len() == left.len())
            }
            Form::Bdat(chunk) => (chunk.stretch(left), false),
        };
        (bytes.len() >= LMTP_STRETCH_BYTES_MIN).then_some(Stretch { bytes, is_followed })
    }

    /// The beginning of a stretch, or all of it, is sent.
    pub(super) fn pass(&mut self, sent: &[u8]) {
        self.place = self.place.saturating_add(sent.len() as u64);
        match &mut self.form {
            Form::Data(stuffing) => *stuffing = stuffing.behind(sent),
            Form::Bdat(chunk) => chunk.pass(sent.len()),
        }
    }

    /// Writes what comes next into `out` and says how much; what is left of it before a stretch is short. `ended`: the window holds the message's end.
    pub(super) fn emit(&mut self, window: &Window, ended: bool, out: &mut [u8]) -> usize {
        let all = out.len();
        let mut out = out;
        while !out.is_empty() {
            let before = out.len();
            if before < all && self.stretch(window, ended).is_some() {
                break;
            }
            out = match &mut self.form {
                Form::Data(stuffing) => stuffing.emit(&mut self.place, window, ended, out),
                Form::Bdat(chunk) => chunk.emit(&mut self.place, window, ended, out),
            };
            if out.len() == before {
                break;
            }
        }
        all.saturating_sub(out.len())
    }
}

/// Copies as much as fits; what is left of `out`, and how much that was.
fn put<'a>(bytes: &[u8], out: &'a mut [u8]) -> (&'a mut [u8], usize) {
    let count = bytes.len().min(out.len());
    let (here, rest) = out.split_at_mut(count);
    here.copy_from_slice(bytes.get(..count).unwrap_or_default());
    (rest, count)
}

impl Stuffing {
    fn emit<'a>(
        &mut self,
        place: &mut u64,
        window: &Window,
        ended: bool,
        out: &'a mut [u8],
    ) -> &'a mut [u8] {
        if let Self::End(sent, last) = *self {
            let end: &[u8] = if last == LastLine::Ended { b".\r\n" } else { b"\r\n.\r\n" };
            let (out, count) = put(end.get(usize::from(sent)..).unwrap_or_default(), out);
            let sent = usize::from(sent).saturating_add(count);
            *self = match u8::try_from(sent) {
                Ok(sent) if usize::from(sent) < end.len() => Self::End(sent, last),
                _ => Self::Over,
            };
            return out;
        }
        let bytes = window.from(*place);
        let Some(&first) = bytes.first() else {
            if ended && *self != Self::Over {
                let last = if *self == Self::Line { LastLine::Ended } else { LastLine::Open };
                *self = Self::End(0, last);
                return self.emit(place, window, ended, out);
            }
            return out;
        };
        let at_start = matches!(self, Self::Start | Self::Line);
        if at_start && first == b'.' {
            *self = Self::Dot;
            return put(b".", out).0;
        }
        let (fitting, _) = bytes.split_at_checked(out.len()).unwrap_or((bytes, &[]));
        let written = before_dot(fitting);
        let (out, count) = put(written, out);
        *place = place.saturating_add(count as u64);
        *self = self.behind(written);
        out
    }

    /// What may be sent as it is.
    fn stretch(self, bytes: &[u8]) -> &[u8] {
        let is_dot = matches!(self, Self::Start | Self::Line) && bytes.starts_with(b".");
        let is_end = matches!(self, Self::End(..) | Self::Over);
        if is_dot || is_end { &[] } else { before_dot(bytes) }
    }

    /// Where the destination is once these bytes of the message are sent.
    fn behind(self, sent: &[u8]) -> Self {
        match sent {
            [] => self,
            [b'\n'] if self == Self::Cr => Self::Line,
            [.., b'\r', b'\n'] => Self::Line,
            [.., b'\n'] => Self::Start,
            [.., b'\r'] => Self::Cr,
            _ => Self::Text,
        }
    }
}

/// Up to the next dot that may be taken for one at the beginning of a line.
fn before_dot(bytes: &[u8]) -> &[u8] {
    let dot = memmem::find(bytes, b"\n.").map(|found| found.saturating_add(1));
    bytes.get(..dot.unwrap_or(bytes.len())).unwrap_or_default()
}

impl Chunk {
    fn is_sent(&self) -> bool {
        self.left == 0 && self.head_sent == self.head_bytes
    }

    fn emit<'a>(
        &mut self,
        place: &mut u64,
        window: &Window,
        ended: bool,
        out: &'a mut [u8],
    ) -> &'a mut [u8] {
        if self.is_sent() && !self.begin(window.from(*place).len(), ended) {
            return out;
        }
        let (from, to) = (usize::from(self.head_sent), usize::from(self.head_bytes));
        let (out, count) = put(self.head.get(from..to).unwrap_or_default(), out);
        self.head_sent = self.head_sent.saturating_add(u8::try_from(count).unwrap_or(u8::MAX));
        let (out, count) = put(self.stretch(window.from(*place)), out);
        *place = place.saturating_add(count as u64);
        self.pass(count);
        out
    }

    /// What is there of the chunk, if it is announced.
    fn stretch<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let is_announced = self.head_sent == self.head_bytes;
        if is_announced { bytes.get(..left.min(bytes.len())).unwrap_or_default() } else { &[] }
    }

    /// So many bytes of the chunk are sent.
    fn pass(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
        if self.is_sent() {
            self.sent = self.sent.saturating_add(1);
        }
    }

    /// Announces the next chunk: all that is there. Small ones wait for more, because each costs a reply.
    fn begin(&mut self, available: usize, ended: bool) -> bool {
        if self.is_last || (!ended && available < LMTP_CHUNK_BYTES_MIN) {
            return false;
        }
        let last = if ended { " LAST" } else { "" };
        let head = format!("BDAT {available}{last}\r\n");
        let mut room = [0; HEAD_BYTES_MAX];
        let (_, bytes) = put(head.as_bytes(), &mut room);
        self.head = room;
        self.head_bytes = u8::try_from(bytes).unwrap_or_default();
        self.head_sent = 0;
        self.left = available as u64;
        self.is_last = ended;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    /// What a destination gets, written into buffers of `size`, some of it twice.
    fn sent(mut feed: Feed, content: &[u8], size: usize) -> Vec<u8> {
        let mut window = Window::default();
        window.push(content);
        let mut got = Vec::new();
        let mut out = vec![0; size];
        for round in 0.. {
            let before = feed;
            let count = feed.emit(&window, true, &mut out);
            let taken = if round % 3 == 1 { count / 2 } else { count };
            if taken < count {
                feed = before;
                assert_eq!(feed.emit(&window, true, &mut out[..taken]), taken);
            }
            got.extend_from_slice(&out[..taken]);
            if feed.is_over() {
                return got;
            }
            assert!(round < 10_000, "no end");
        }
        got
    }

    #[test]
    fn lm_05_dots_are_doubled_wherever_anybody_may_see_a_line() {
        for (content, wanted) in [
            (&b""[..], &b".\r\n"[..]),
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".", b"..\r\n.\r\n"),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"..\r\n.\r\n", b"...\r\n..\r\n.\r\n"),
            (b"a\n.\nb\r\n", b"a\n..\nb\r\n.\r\n"),
            (b"a\r.b\r\n", b"a\r.b\r\n.\r\n"),
            (b"a\n", b"a\n\r\n.\r\n"),
            (b"a\r", b"a\r\r\n.\r\n"),
            (b"a\r\r\n.\r\n", b"a\r\r\n..\r\n.\r\n"),
        ] {
            for size in 1..20 {
                let got = sent(Feed::data(), content, size);
                assert_eq!(
                    got.escape_ascii().to_string(),
                    wanted.escape_ascii().to_string(),
                    "{} by {size}",
                    content.escape_ascii()
                );
            }
        }
    }

    /// What the module's documentation says, of the whole at once.
    fn by_the_book(content: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        for (at, byte) in content.iter().enumerate() {
            let is_first = at == 0 || content[at - 1] == b'\n';
            sent.extend(std::iter::repeat_n(*byte, if is_first && *byte == b'.' { 2 } else { 1 }));
        }
        let end = if content.is_empty() || content.ends_with(b"\r\n") {
            &b".\r\n"[..]
        } else {
            b"\r\n.\r\n"
        };
        [&sent[..], end].concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn lm_05_dots_are_doubled_as_the_book_says(
            content in collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..60),
            size in 1_usize..70,
        ) {
            let got = sent(Feed::data(), &content, size);
            prop_assert_eq!(got.escape_ascii().to_string(), by_the_book(&content).escape_ascii().to_string());
        }
    }

    #[test]
    fn chunks_are_announced_and_exact() {
        for size in 1..40 {
            assert_eq!(sent(Feed::bdat(), b"\n.\r\nx", size), b"BDAT 5 LAST\r\n\n.\r\nx");
            assert_eq!(sent(Feed::bdat(), b"", size), b"BDAT 0 LAST\r\n");
        }
        let (mut feed, mut window) = (Feed::bdat(), Window::default());
        window.push(&[b'x'; LMTP_CHUNK_BYTES_MIN - 1]);
        let mut out = vec![0; 100_000];
        assert_eq!(feed.emit(&window, false, &mut out), 0, "waits for more");
        window.push(b"yz");
        let count = feed.emit(&window, false, &mut out);
        assert!(out.starts_with(b"BDAT 32769\r\nxxx") && out[..count].ends_with(b"xyz"));
        assert_eq!((feed.chunks(), feed.place, feed.is_over()), (1, 32_769, false));
        assert_eq!(feed.emit(&window, true, &mut out), 13);
        assert!(out.starts_with(b"BDAT 0 LAST\r\n") && feed.is_over() && feed.chunks() == 2);
    }
}
