//! LOGIN, AUTHENTICATE and their literals and responses (wire.md 7.1, 7.4, 7.5).
//!
//! Decides: when a literal is welcome, what is refused before a password is invited. Does not: read behind the login.
//! Driver: `super`. Tests: `super::tests`.

use crate::fault::Failure;
use crate::limits::{
    IMAP_LINE_BYTES_MAX, IMAP_LITERAL_BYTES_MAX, IMAP_LITERAL_DISCARD_BYTES_MAX,
    SASL_LINE_BYTES_MAX,
};
use crate::preauth::capability::{Permission, Rules};
use crate::preauth::sasl::{Exchange, Mechanism, Turn, is_mechanism_name, usable};
use crate::preauth::{CloseReason, Step};
use crate::wire::base64;
use crate::wire::cursor::Cursor;
use crate::wire::frame::Framer;
use crate::wire::inbox::Inbox;
use crate::wire::line::{Lines, Scan};
use crate::wire::literal::{Announcement, announced};

use super::command::{self, Head, Name};
use super::{Imap, State, reply};

/// Reading past a literal that comes unasked, and past the rest of its command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip {
    /// Bytes of the literal still to come.
    literal_left: usize,
    /// Bytes of literals that may still be announced (wire.md 7.1, *discard*).
    allowance: usize,
    lines: Lines,
}

impl Imap {
    // === Commands ===

    pub(super) fn login(
        &mut self,
        rules: &Rules,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        if !rules.plaintext_allowed {
            self.notes.password_exposed = true;
            return self.needs_privacy(out);
        }
        match command::login(cursor) {
            None => self.bad("BAD LOGIN takes a user name and a password.", out),
            Some((user, password)) => {
                self.go_on(usable(&user, b"", password, Mechanism::Login).into(), out)
            }
        }
    }

    pub(super) fn authenticate(
        &mut self,
        rules: &Rules,
        cursor: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let arguments =
            command::authenticate(cursor).filter(|found| is_mechanism_name(found.mechanism));
        let Some(arguments) = arguments else {
            return self.bad("BAD Invalid AUTHENTICATE arguments.", out);
        };
        let mechanism = Mechanism::named(arguments.mechanism);
        let permission = mechanism.map_or(Permission::Unsupported, |known| rules.permission(known));
        let mechanism = match (permission, mechanism) {
            (Permission::Granted, Some(mechanism)) => mechanism,
            (Permission::NeedsPrivacy, _) => {
                self.notes.password_exposed |= arguments.initial_response.is_some();
                return self.needs_privacy(out);
            }
            (Permission::Granted | Permission::Unsupported, _) => {
                // Clients try one mechanism after the other; wire.md 13 bounds how many.
                reply::tagged(&self.tag, "NO Unsupported authentication mechanism.", out);
                return self.count_failed_login(out);
            }
        };
        let turn = match arguments.initial_response {
            None => Exchange::start(mechanism),
            Some(text) => match base64::decode(if text == b"=" { b"" } else { text }) {
                Some(message) => Exchange::start_with(mechanism, &message),
                None => return self.bad_base64(out),
            },
        };
        self.go_on(turn, out)
    }

    /// Refuses before anything is invited (W-SASL-4).
    fn needs_privacy(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        reply::refusal(&self.tag, Failure::Privacy, None, out);
        self.count_failed_login(out)
    }

    // === SASL responses ===

    /// Reads one response line of AUTHENTICATE. `None`: go on reading.
    pub(super) fn read_response(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let State::Sasl(_, lines) = &mut self.state else {
            return None;
        };
        let (text, whole) = match lines.next(inbox.bytes(), SASL_LINE_BYTES_MAX) {
            Scan::More => return Some(Step::More),
            Scan::TooLong => {
                reply::tagged(&self.tag, "BAD Authentication response too long.", out);
                reply::untagged("BYE Input line too long.", out);
                return Some(self.close(CloseReason::LineTooLong));
            }
            Scan::Line { text, whole } => (text, whole),
        };
        let State::Sasl(exchange, _) = std::mem::take(&mut self.state) else {
            return None;
        };
        let response = inbox.bytes().get(..text).unwrap_or_default();
        let cancelled = response == b"*";
        let message = base64::decode(response);
        inbox.consume(whole);
        match message {
            Some(message) => self.go_on(exchange.respond(&message), out),
            None if cancelled => {
                reply::tagged(&self.tag, "BAD Authentication aborted", out);
                self.count_failed_login(out)
            }
            None => self.bad_base64(out),
        }
    }

    fn bad_base64(&mut self, out: &mut Vec<u8>) -> Option<Step> {
        reply::tagged(&self.tag, "BAD Invalid base64 in authentication response.", out);
        self.count_failed_login(out)
    }

    fn go_on(&mut self, turn: Turn, out: &mut Vec<u8>) -> Option<Step> {
        match turn {
            Turn::Challenge(message, exchange) => {
                reply::challenge(message, out);
                self.state = State::Sasl(exchange, Lines::default());
                None
            }
            Turn::Complete(credentials) => {
                self.state = State::Verdict;
                Some(Step::Login(credentials))
            }
            Turn::Hopeless(failure) => {
                self.state = State::Verdict;
                Some(Step::Hopeless(failure))
            }
        }
    }

    // === Literals ===

    /// Welcomes or refuses a literal, knowing the command only as far as the announcement.
    pub(super) fn meet_literal(
        &mut self,
        rules: &Rules,
        announcement: Announcement,
        head: usize,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let line = inbox.bytes().get(..head).unwrap_or_default();
        let mut cursor = Cursor::new(line);
        let name = match command::head(&mut cursor) {
            Head::Tagged { tag, name } => {
                self.tag = tag.into();
                name
            }
            headless => {
                let step = self.refuse_headless(headless, out);
                return self.skip_literal(step, announcement, head, inbox, out);
            }
        };
        let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
        let total = self.framer.literal_bytes().saturating_add(size);
        let step = match name {
            Name::Login if !rules.plaintext_allowed => {
                self.notes.password_exposed |= !announcement.synchronising;
                self.needs_privacy(out)
            }
            Name::Login | Name::Id if !announcement.well_placed => {
                self.bad("BAD Invalid argument before a literal.", out)
            }
            Name::Login | Name::Id if total > IMAP_LITERAL_BYTES_MAX => {
                self.bad("BAD Literal too large.", out)
            }
            Name::Login | Name::Id => {
                self.framer.expect(size);
                if announcement.synchronising {
                    out.extend(reply::CONTINUE);
                }
                return None;
            }
            Name::Authenticate
            | Name::Capability
            | Name::Enable
            | Name::Logout
            | Name::Noop
            | Name::Starttls
            | Name::Unknown => self.bad("BAD Unknown command or no literal allowed.", out),
        };
        self.skip_literal(step, announcement, head, inbox, out)
    }

    /// The command was refused at its literal: drop it, and read past what comes all the same.
    fn skip_literal(
        &mut self,
        step: Option<Step>,
        announcement: Announcement,
        head: usize,
        inbox: &mut Inbox,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        self.framer = Framer::default();
        inbox.consume(head);
        if step.is_some() || announcement.synchronising {
            return step;
        }
        self.skip(announcement, IMAP_LITERAL_DISCARD_BYTES_MAX, out)
    }

    fn skip(
        &mut self,
        announcement: Announcement,
        allowance: usize,
        out: &mut Vec<u8>,
    ) -> Option<Step> {
        let size = usize::try_from(announcement.bytes).unwrap_or(usize::MAX);
        let Some(allowance) = allowance.checked_sub(size) else {
            reply::untagged("BYE Literal too large.", out);
            return Some(self.close(CloseReason::LiteralTooLarge));
        };
        self.state = State::Skip(Skip { literal_left: size, allowance, lines: Lines::default() });
        None
    }

    /// Reads past a literal and the rest of its line, which may announce another. `None`: go on reading.
    pub(super) fn read_past(&mut self, inbox: &mut Inbox, out: &mut Vec<u8>) -> Option<Step> {
        let State::Skip(skip) = &mut self.state else {
            return None;
        };
        let gone = skip.literal_left.min(inbox.bytes().len());
        inbox.consume(gone);
        skip.literal_left = skip.literal_left.saturating_sub(gone);
        if skip.literal_left > 0 {
            return Some(Step::More);
        }
        match skip.lines.next(inbox.bytes(), IMAP_LINE_BYTES_MAX) {
            Scan::More => Some(Step::More),
            Scan::TooLong => {
                reply::untagged("BYE Input line too long.", out);
                Some(self.close(CloseReason::LineTooLong))
            }
            Scan::Line { text, whole } => {
                let allowance = skip.allowance;
                let next = announced(inbox.bytes().get(..text).unwrap_or_default());
                inbox.consume(whole);
                self.state = State::Command;
                match next {
                    Some(announcement) if !announcement.synchronising => {
                        self.skip(announcement, allowance, out)
                    }
                    _ => None,
                }
            }
        }
    }
}
