//! doveadm's plain protocol as values: the side that answers ([`server`]) and the side that asks ([`client`]) (W-DOV-1).
//!
//! Decides: where a line ends, what a command line says, where its input ends ([`input`]), which framing the two sides agreed
//! on ([`frame`]), how a reply ends ([`status`]), when the other side does not keep to the protocol. Does not: know what a command does, compare passwords,
//! own a socket, wait, or resolve a name. Driven by `control::doveadm`. Tests: transcripts at the end of the files; any bytes
//! in any pieces in the fuzz target `doveadm` and its replay in `tests/pure/corpus.rs`.
//!
//! The names in the version lines are swapped, and stay so for ever: the client says `doveadm-server`, the server
//! `doveadm-client`.
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

pub mod client;
pub mod command;
pub mod frame;
pub mod input;
pub mod server;
pub mod status;

mod lines;
mod remarks;

use crate::wire::base64;

/// From this minor version on replies are framed.
const FRAMED_FROM: u32 = 1;
/// From this minor version on a client may say STARTTLS.
const STARTTLS_FROM: u32 = 2;
/// From this minor version on log lines come only on request, and commands may carry extra fields.
const EXTRA_FIELDS_FROM: u32 = 3;
/// From this minor version on the framing is that of a stream.
const STREAM_FROM: u32 = 4;
/// Of 2.x, the only one that there is.
const MAJOR: u32 = 1;
/// What the server calls itself.
const SERVER_NAME: &[u8] = b"doveadm-client";
/// What the client calls itself.
const CLIENT_NAME: &[u8] = b"doveadm-server";
/// The only user that there is.
const USER: &[u8] = b"doveadm";

/// The minor version of a version line of this name; none: it is none, or of another major version.
fn minor_of(line: &[u8], name: &[u8]) -> Option<u32> {
    let mut fields = line.split(|byte| *byte == b'\t');
    if fields.next()? != b"VERSION" || fields.next()? != name {
        return None;
    }
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse::<u32>().ok();
    let major = number(fields.next()?)?;
    let minor = number(fields.next()?)?;
    (major == MAJOR && fields.next().is_none()).then_some(minor)
}

/// A login line, which both sides know.
fn login_line(password: &[u8]) -> Vec<u8> {
    let plain = crate::secret::Secret::new([b"\0", USER, b"\0", password].concat());
    let mut line = b"PLAIN\t".to_vec();
    base64::encode(plain.expose(), &mut line);
    line.push(b'\n');
    line
}
