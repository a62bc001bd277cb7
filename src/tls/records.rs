//! Records of an established TLS 1.3 session, sealed and opened by ourselves (RFC 8446 5).
//!
//! The library does the handshake and hands over here, because it copies each record twice and holds 3.7 KB for an idle
//! session (K-TLS-2); this holds 216 bytes, and a record is sealed and opened by one pass over its bytes. Tests: below,
//! and in `tls::tests` against the library.

use aws_lc_rs::aead::{Aad, LessSafeKey};

use super::fault::Fault;
use super::secrets::{Keys, Secret, Suite};

/// An established session.
pub(super) struct Records {
    suite: Suite,
    /// Whose records we open.
    peer: Peer,
    read: Half,
    write: Half,
    /// Bytes of a session ticket that are still to come, in later records: not kept, for its session is over with
    /// login.
    skipped: u32,
    /// Records without data in a row.
    empty: u8,
    /// KeyUpdates without data between them.
    updates: u8,
}

/// Who the other side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Client,
    Server,
}

/// One direction.
struct Half {
    secret: Secret,
    keys: Keys,
    /// The number of the next record.
    sequence: u64,
}

/// What opening came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    /// Bytes of whole records; what follows is the beginning of another.
    pub(super) used: usize,
    /// The peer said that it sends nothing more; nothing behind that counts.
    pub(super) ended: bool,
}

/// What ends the session: a word for the log, and the alert that the peer is owed (RFC 8446 6.2).
struct Refusal {
    word: &'static str,
    alert: Option<u8>,
}

impl Half {
    fn new(suite: Suite, secret: Secret, sequence: u64) -> Option<Self> {
        let keys = secret.keys(suite)?;
        Some(Self { secret, keys, sequence })
    }

    fn update(&mut self, suite: Suite) -> Option<()> {
        *self = Self::new(suite, self.secret.next(suite)?, 0)?;
        Some(())
    }
}

impl Records {
    /// A session with these secrets; `numbers` of the next records: the peer's and ours.
    pub(super) fn new(
        suite: Suite,
        peer: Peer,
        secrets: [Secret; 2],
        numbers: [u64; 2],
    ) -> Option<Self> {
        let [read, write] = secrets;
        let [read_number, write_number] = numbers;
        Some(Self {
            suite,
            peer,
            read: Half::new(suite, read, read_number)?,
            write: Half::new(suite, write, write_number)?,
            skipped: 0,
            empty: 0,
            updates: 0,
        })
    }

    /// Opens the whole records in `bytes`; their data is appended to `plain`, what the peer is owed to `reply`.
    ///
    /// # Errors
    /// The session is over; its alert is in `reply`.
    pub(super) fn open(
        &mut self,
        bytes: &[u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Opened, Fault> {
        let outcome = self.open_all(bytes, plain, reply);
        outcome.map_err(|Refusal { word, alert }| {
            if let Some(alert) = alert {
                // A connection that is over may not learn why, but that it is.
                let _ = self.seal_record(ALERT, &[FATAL, alert], reply);
            }
            Fault::of(word)
        })
    }

    fn open_all(
        &mut self,
        bytes: &[u8],
        plain: &mut Vec<u8>,
        reply: &mut Vec<u8>,
    ) -> Result<Opened, Refusal> {
        let mut opened = Opened { used: 0, ended: false };
        let mut asked = false;
        let mut cipher = self.read.keys.cipher(self.suite).ok_or(INTERNAL)?;
        while let Some((record, length)) = next_record(bytes.get(opened.used..))? {
            let begin = plain.len();
            let kind = self.open_record(&cipher, record, plain)?;
            opened.used += length;
            if kind == DATA {
                self.count_data(plain.len() > begin)?;
                continue;
            }
            // What is not data is short; data stays where it was opened.
            let content = plain.split_off(begin);
            match kind {
                ALERT if hears_goodbye(&content)? => {
                    opened.ended = true;
                    break;
                }
                ALERT => self.count_data(false)?,
                HANDSHAKE => match self.handshake(&content)? {
                    Some(update) => {
                        asked |= update == UPDATE_REQUESTED;
                        self.read.update(self.suite).ok_or(INTERNAL)?;
                        cipher = self.read.keys.cipher(self.suite).ok_or(INTERNAL)?;
                    }
                    None => self.count_data(false)?,
                },
                _ => return Err(Refusal::unexpected()),
            }
        }
        if asked {
            // One answer for all that came together (RFC 8446 4.6.3).
            self.update_ours(reply).ok_or(INTERNAL)?;
        }
        Ok(opened)
    }

    /// Opens one record behind what is in `plain`, and says what it holds.
    ///
    /// ```text
    /// TLSInnerPlaintext = content type *%x00                 ; RFC 8446 5.2
    /// ```
    fn open_record(
        &mut self,
        cipher: &LessSafeKey,
        record: Record<'_>,
        plain: &mut Vec<u8>,
    ) -> Result<u8, Refusal> {
        let begin = plain.len();
        plain.resize(begin + record.sealed.len(), 0);
        let nonce = self.read.keys.nonce(self.read.sequence);
        let space = plain.get_mut(begin..).unwrap_or_default();
        let opened = cipher.open_separate_gather(
            nonce,
            Aad::from(record.header),
            record.sealed,
            record.tag,
            space,
        );
        if opened.is_err() {
            plain.truncate(begin);
            return Err(Refusal::alert("a record cannot be decrypted", BAD_RECORD_MAC));
        }
        self.read.sequence = self.read.sequence.checked_add(1).ok_or(INTERNAL)?;
        let content = plain.get(begin..).unwrap_or_default();
        let Some(end) = content.iter().rposition(|byte| *byte != 0) else {
            plain.truncate(begin);
            return Err(Refusal::unexpected());
        };
        let kind = content.get(end).copied().unwrap_or_default();
        let refusal = if end > CONTENT_BYTES_MAX {
            Some(Refusal::alert("a record is too long", RECORD_OVERFLOW))
        } else {
            // Nothing may come between the parts of a handshake message (RFC 8446 5.1).
            (self.skipped > 0 && kind != HANDSHAKE).then(Refusal::unexpected)
        };
        plain.truncate(if refusal.is_some() { begin } else { begin + end });
        refusal.map_or(Ok(kind), Err)
    }

    /// Reads what a handshake record holds: at most one KeyUpdate, as its last bytes, because it changes the keys (RFC
    /// 8446 5.1); from a server also tickets, which are let pass. A message may go on in the next record, but not its
    /// head, nor a KeyUpdate: no peer cuts five bytes in two.
    fn handshake(&mut self, content: &[u8]) -> Result<Option<u8>, Refusal> {
        if content.is_empty() {
            return Err(Refusal::unexpected());
        }
        let mut rest = content;
        if self.skipped > 0 {
            rest = self.skip(rest);
        }
        while !rest.is_empty() {
            match *rest {
                [KEY_UPDATE, 0, 0, 1, update @ (UPDATE_NOT_REQUESTED | UPDATE_REQUESTED)] => {
                    self.updates += 1;
                    if self.updates > UPDATES_MAX {
                        return Err(Refusal::alert("new keys without end", UNEXPECTED_MESSAGE));
                    }
                    return Ok(Some(update));
                }
                [KEY_UPDATE, 0, 0, 1, _] => {
                    return Err(Refusal::alert("a message is damaged", ILLEGAL_PARAMETER));
                }
                [KEY_UPDATE, 0, 0, 1, _, ..] => return Err(Refusal::unexpected()),
                [KEY_UPDATE, ..] => {
                    return Err(Refusal::alert("a message is damaged", DECODE_ERROR));
                }
                [NEW_SESSION_TICKET, a, b, c, ref body @ ..] if self.peer == Peer::Server => {
                    self.skipped = u32::from_be_bytes([0, a, b, c]);
                    if self.skipped > TICKET_BYTES_MAX {
                        return Err(Refusal::alert("a message is too long", DECODE_ERROR));
                    }
                    rest = self.skip(body);
                }
                _ => return Err(Refusal::unexpected()),
            }
        }
        Ok(None)
    }

    fn skip<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let skipped = usize::try_from(self.skipped).unwrap_or(usize::MAX).min(bytes.len());
        self.skipped -= u32::try_from(skipped).unwrap_or(self.skipped);
        bytes.get(skipped..).unwrap_or_default()
    }

    fn count_data(&mut self, is_some: bool) -> Result<(), Refusal> {
        if is_some {
            (self.empty, self.updates) = (0, 0);
            return Ok(());
        }
        self.empty += 1;
        if self.empty > EMPTY_MAX {
            return Err(Refusal::alert("records without data, without end", UNEXPECTED_MESSAGE));
        }
        Ok(())
    }

    /// Seals `plain` in as few records as possible.
    ///
    /// # Errors
    /// The cipher failed, which it does only when the session's numbers are used up.
    pub(super) fn seal(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), Fault> {
        let records = plain.len().div_ceil(CONTENT_BYTES_MAX);
        sealed.reserve(plain.len() + (records + 1) * RECORD_OVERHEAD);
        let mut cipher = self.write.keys.cipher(self.suite).ok_or(BROKEN)?;
        for content in plain.chunks(CONTENT_BYTES_MAX) {
            if self.write.sequence >= self.suite.sealed_max() {
                self.update_ours(sealed).ok_or(BROKEN)?;
                cipher = self.write.keys.cipher(self.suite).ok_or(BROKEN)?;
            }
            self.seal_with(&cipher, DATA, content, sealed).ok_or(BROKEN)?;
        }
        Ok(())
    }

    /// Seals close_notify (RFC 8446 6.1).
    pub(super) fn close(&mut self, sealed: &mut Vec<u8>) {
        // Without it the peer sees an end without a goodbye, which it has to bear anyway.
        let _ = self.seal_record(ALERT, &[WARNING, CLOSE_NOTIFY], sealed);
    }

    /// Announces our next keys under the present ones, and takes them.
    fn update_ours(&mut self, sealed: &mut Vec<u8>) -> Option<()> {
        self.seal_record(HANDSHAKE, &[KEY_UPDATE, 0, 0, 1, UPDATE_NOT_REQUESTED], sealed)?;
        self.write.update(self.suite)
    }

    fn seal_record(&mut self, kind: u8, content: &[u8], sealed: &mut Vec<u8>) -> Option<()> {
        let cipher = self.write.keys.cipher(self.suite)?;
        self.seal_with(&cipher, kind, content, sealed)
    }

    fn seal_with(
        &mut self,
        cipher: &LessSafeKey,
        kind: u8,
        content: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Option<()> {
        let next = self.write.sequence.checked_add(1)?;
        let length = u16::try_from(content.len() + 1 + TAG_BYTES).ok()?;
        let [high, low] = length.to_be_bytes();
        let header = [DATA, 3, 3, high, low];
        sealed.extend_from_slice(&header);
        let begin = sealed.len();
        sealed.resize(begin + usize::from(length), 0);
        let (text, behind) = sealed.get_mut(begin..)?.split_at_mut_checked(content.len())?;
        let nonce = self.write.keys.nonce(self.write.sequence);
        let aad = Aad::from(header);
        cipher.seal_out_of_place_scatter(nonce, aad, content, text, &[kind], behind).ok()?;
        self.write.sequence = next;
        Some(())
    }
}

/// A record as it lies in the peer's bytes.
struct Record<'a> {
    header: [u8; 5],
    sealed: &'a [u8],
    tag: &'a [u8],
}

/// The next record and its length, if it is there as a whole.
///
/// ```text
/// TLSCiphertext = %x17 %x03.03 length sealed                 ; RFC 8446 5.2
/// ```
fn next_record(bytes: Option<&[u8]>) -> Result<Option<(Record<'_>, usize)>, Refusal> {
    let Some((header, rest)) = bytes.and_then(<[u8]>::split_first_chunk::<5>) else {
        return Ok(None);
    };
    let [kind, _, _, high, low] = *header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    // ChangeCipherSpec may come only before the peer's Finished, and that was before us (RFC 8446 5).
    if kind != DATA {
        return Err(Refusal::unexpected());
    }
    if length > SEALED_BYTES_MAX {
        return Err(Refusal::alert("a record is too long", RECORD_OVERFLOW));
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let text = length.checked_sub(TAG_BYTES).ok_or(TOO_SHORT)?;
    let Some((sealed, tag)) = body.split_at_checked(text) else { return Ok(None) };
    Ok(Some((Record { header: *header, sealed, tag }, header.len() + length)))
}

/// Whether an alert says that nothing more comes; a warning is none (RFC 8446 6).
fn hears_goodbye(content: &[u8]) -> Result<bool, Refusal> {
    match *content {
        [_, CLOSE_NOTIFY] => Ok(true),
        [_, USER_CANCELED] => Ok(false),
        [_, _] => Err(Refusal { word: "the peer sent an alert", alert: None }),
        _ => Err(Refusal::alert("a message is damaged", DECODE_ERROR)),
    }
}

impl Refusal {
    const fn alert(word: &'static str, alert: u8) -> Self {
        Self { word, alert: Some(alert) }
    }

    const fn unexpected() -> Self {
        Self::alert("a message out of order", UNEXPECTED_MESSAGE)
    }
}

const INTERNAL: Refusal = Refusal::alert("an internal failure", INTERNAL_ERROR);
const TOO_SHORT: Refusal = Refusal::alert("a record cannot be decrypted", BAD_RECORD_MAC);
const BROKEN: Fault = Fault::of("an internal failure");

// Content types (RFC 8446 B.1).
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
// Handshake types (RFC 8446 B.3) and what a KeyUpdate may say.
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;
const UPDATE_NOT_REQUESTED: u8 = 0;
const UPDATE_REQUESTED: u8 = 1;
// Alerts (RFC 8446 B.2).
const WARNING: u8 = 1;
const FATAL: u8 = 2;
const CLOSE_NOTIFY: u8 = 0;
const UNEXPECTED_MESSAGE: u8 = 10;
const BAD_RECORD_MAC: u8 = 20;
const RECORD_OVERFLOW: u8 = 22;
const ILLEGAL_PARAMETER: u8 = 47;
const DECODE_ERROR: u8 = 50;
const INTERNAL_ERROR: u8 = 80;
const USER_CANCELED: u8 = 90;
/// Of every cipher of TLS 1.3.
const TAG_BYTES: usize = 16;
/// Data in one record (RFC 8446 5.1).
const CONTENT_BYTES_MAX: usize = 16_384;
/// A record behind its header (RFC 8446 5.2).
const SEALED_BYTES_MAX: usize = CONTENT_BYTES_MAX + 256;
/// Header, content type and tag.
const RECORD_OVERHEAD: usize = 5 + 1 + TAG_BYTES;
/// In a row; the library's bound.
const EMPTY_MAX: u8 = 32;
/// Without data between them; the library's bound.
const UPDATES_MAX: u8 = 32;
/// Lifetime, age, nonce, ticket and extensions (RFC 8446 4.6.1).
const TICKET_BYTES_MAX: u32 = 4 + 4 + 256 + 65_537 + 65_537;

#[cfg(test)]
mod tests;
