//! Framing of replies: output and log lines on one connection (W-DOV-2).
//!
//! Packets (minor 1 to 3) have a channel and a length; a stream (minor 4) has escapes that change the channel. A client of
//! minor 0 gets the output as it is and no log lines.

use super::{FRAMED_FROM, STREAM_FROM};

/// The channel of the output.
const OUTPUT: u8 = 0;
/// The channel of log lines.
pub const LOG: u8 = b'L';
/// A packet's channel and length.
const HEADER_BYTES: usize = 5;
/// What a stream begins with.
const STREAM_HEADER: [u8; 9] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x02, 0x03, 0xFE];
const STREAM_ESCAPE: u8 = 0x03;
const STREAM_MARK: u8 = 0xFE;

/// How a reply is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As it is.
    Plain,
    /// Channel, length, data.
    Packets,
    /// Data, and escapes that change the channel; where it stands.
    Stream {
        /// The header was written.
        begun: bool,
        /// The channel that data belongs to.
        channel: u8,
    },
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// For an operator who looks for a mistake.
    Debug = 1,
    /// Nothing is wrong.
    Info = 2,
    /// It went otherwise than one may expect.
    Warning = 3,
    /// It did not work.
    Error = 4,
    /// The other side's process ended of it.
    Fatal = 5,
    /// The same, by a bug.
    Panic = 6,
}

impl Level {
    const ALL: [Self; 6] =
        [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Fatal, Self::Panic];

    /// Of the byte that a log line begins with.
    #[must_use]
    pub(super) fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level as u8 == byte)
    }
}

impl Framing {
    /// What a client of this minor version reads.
    #[must_use]
    pub fn of(minor: u32) -> Self {
        match minor {
            STREAM_FROM.. => Self::Stream { begun: false, channel: OUTPUT },
            FRAMED_FROM.. => Self::Packets,
            _ => Self::Plain,
        }
    }

    /// Appends output.
    pub fn output(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.write(OUTPUT, bytes, out);
    }

    /// Appends a log line, where the client can read one.
    pub fn log(&mut self, level: Level, text: &str, out: &mut Vec<u8>) {
        for line in text.lines() {
            let line = [&[level as u8], line.as_bytes(), b"\n"].concat();
            self.write(LOG, &line, out);
        }
    }

    fn write(&mut self, onto: u8, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Plain if onto == OUTPUT => out.extend_from_slice(bytes),
            Self::Plain => {}
            Self::Packets => {
                for piece in bytes.chunks(PACKET_BYTES_MAX) {
                    let length = u32::try_from(piece.len()).unwrap_or_default();
                    out.push(onto);
                    out.extend_from_slice(&length.to_be_bytes());
                    out.extend_from_slice(piece);
                }
            }
            Self::Stream { begun, channel } => {
                if !std::mem::replace(begun, true) {
                    out.extend_from_slice(&STREAM_HEADER);
                }
                if *channel != onto {
                    *channel = onto;
                    out.extend_from_slice(&[STREAM_ESCAPE, STREAM_MARK, 0, onto]);
                }
                append_escaped(bytes, out);
            }
        }
    }
}

/// A byte 03 is written out where it could be taken for an escape.
fn append_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes.iter().peekable();
    while let Some(byte) = rest.next() {
        out.push(*byte);
        let is_unclear =
            *byte == STREAM_ESCAPE && rest.peek().is_none_or(|next| **next == STREAM_MARK);
        if is_unclear {
            out.extend_from_slice(&[STREAM_MARK, 1]);
        }
    }
}

/// Takes packets apart, however they arrive.
#[derive(Debug, Default)]
pub(super) struct Packets {
    header: Vec<u8>,
    channel: u8,
    /// Bytes of the packet that have not come.
    left: u32,
}

impl Packets {
    /// The next piece of a channel, and the rest; none: no byte of data is there.
    pub(super) fn next<'a>(&mut self, mut bytes: &'a [u8]) -> Option<(u8, &'a [u8], &'a [u8])> {
        while self.left == 0 {
            let missing = HEADER_BYTES.saturating_sub(self.header.len());
            let (own, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.header.extend_from_slice(own);
            bytes = rest;
            let [channel, length @ ..] = <[u8; HEADER_BYTES]>::try_from(&*self.header).ok()?;
            self.header.clear();
            (self.channel, self.left) = (channel, u32::from_be_bytes(length));
        }
        if bytes.is_empty() {
            return None;
        }
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (piece, rest) = bytes.split_at_checked(count)?;
        self.left = self.left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        Some((self.channel, piece, rest))
    }

    /// Whether a channel's data is the output.
    pub(super) fn is_output(channel: u8) -> bool {
        channel == OUTPUT
    }
}

/// A packet that every client takes.
const PACKET_BYTES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(minor: u32) -> Vec<u8> {
        let mut framing = Framing::of(minor);
        let mut out = Vec::new();
        framing.output(b"bob\t\n+\n", &mut out);
        framing.log(Level::Error, "no", &mut out);
        framing.output(b"x", &mut out);
        out
    }

    #[test]
    fn w_dov_2_each_version_gets_what_it_can_read() {
        assert_eq!(written(0), b"bob\t\n+\nx");
        let packets = b"\0\0\0\0\x07bob\t\n+\nL\0\0\0\x04\x04no\n\0\0\0\0\x01x";
        for minor in 1..=3 {
            assert_eq!(written(minor), packets, "{minor}");
        }
        let stream = [&STREAM_HEADER[..], b"bob\t\n+\n\x03\xFE\0L\x04no\n\x03\xFE\0\0x"];
        assert_eq!(written(4), stream.concat());
        assert_eq!(written(9), written(4));
    }

    #[test]
    fn w_dov_2_bytes_that_look_like_an_escape_are_written_out() {
        let mut out = Vec::new();
        append_escaped(b"a\x03b\x03\xFE\x03", &mut out);
        assert_eq!(out, b"a\x03b\x03\xFE\x01\xFE\x03\xFE\x01");
    }

    #[test]
    fn w_dov_2_packets_come_apart_wherever_they_are_cut() {
        let bytes = written(1);
        for cut in 0..=bytes.len() {
            let mut packets = Packets::default();
            let (mut output, mut log) = (Vec::new(), Vec::new());
            for mut part in [&bytes[..cut], &bytes[cut..]] {
                while let Some((channel, piece, rest)) = packets.next(part) {
                    if Packets::is_output(channel) { &mut output } else { &mut log }.extend(piece);
                    part = rest;
                }
            }
            assert_eq!((&*output, &*log), (&b"bob\t\n+\nx"[..], &b"\x04no\n"[..]), "{cut}");
        }
        let mut empty = Packets::default();
        assert_eq!(empty.next(b"\0\0\0\0\0\0\0\0\0\x01z"), Some((0, &b"z"[..], &b""[..])));
    }
}
