//! IMAP: inputs of `loose/imap.txt` that Hale answers differently.

use super::super::speaker::Speaks;
use super::{Difference, rule};

const fn row(
    case: &'static str,
    dovecot: &'static str,
    hale: &'static str,
    rule: &'static str,
) -> Difference {
    Difference { speaks: Speaks::Imap, case, dovecot, hale, rule }
}

/// A proxy in front of us that is trusted and tells nonsense.
const FACTS: &str = "W-IMAP-4: of a trusted peer's ID all facts are believed or, with BAD, none";

pub(super) const ROWS: &[Difference] = &[
    row("ID with an address that is none", "* ID / a OK / z OK", "a BAD / z OK", FACTS),
    row("ID with a port that is none", "* ID / a OK / z OK", "a BAD / z OK", FACTS),
    row("ID with a fact of no bytes", "* ID / a OK / z OK", "a BAD / z OK", FACTS),
    row("HTTP", "GET BAD / z OK", "", "IM-16: a browser hears nothing, and nothing of its own"),
    row(
        "AUTHENTICATE with = between spaces",
        "a BAD / z OK",
        "a NO [AUTHENTICATIONFAILED] / z OK",
        rule::LESS_STRICT,
    ),
    row(
        "AUTHENTICATE with two spaces",
        "a BAD / AG9yYWNsZQB3cm9uZw== BAD / z OK",
        "+ / a NO [AUTHENTICATIONFAILED] / z OK",
        "the next line is the password: read as a command, its beginning would be sent back as a tag",
    ),
    row("EXTERNAL without a certificate", "a NO [ALERT] / z OK", "a NO / z OK", rule::MECHANISM),
    row("LOGIN during AUTHENTICATE", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row("LOGIN with a literal at the end of a word", "abc BAD / z OK", "z OK", rule::LITERAL),
    row("LOGIN with a long literal", "* BYE", "a NO [AUTHENTICATIONFAILED] / z OK", rule::PASSWORD),
    row(
        "LOGIN with a long password",
        "* BYE",
        "a NO [AUTHENTICATIONFAILED] / z OK",
        rule::PASSWORD,
    ),
    row("a huge literal", "* BYE", "a BAD / z OK", rule::CONSENT),
    row(
        "a huge literal that does not wait",
        "* BYE",
        "a BAD / * BYE",
        "W-FAIL-4: each command has its reply, this one too before the connection ends",
    ),
    row(
        "a literal and a space behind it",
        "+ / a BAD / z OK",
        "a BAD / z OK",
        "W-IMAP-2: an announcement ends its line; consent to what is none would have us wait for a command as bytes",
    ),
    row("a literal as initial response", "AG9yYWNsZQBzZWNyZXQ= BAD / z OK", "z OK", rule::LITERAL),
    row(
        "a literal as mechanism",
        "a NO [ALERT] / PLAIN BAD / AG9yYWNsZQBzZWNyZXQ= BAD / z OK",
        "a BAD / AG9yYWNsZQBzZWNyZXQ= BAD / z OK",
        rule::LITERAL,
    ),
    row(
        "a literal as mechanism that waits",
        "a NO [ALERT] / PLAIN BAD / AG9yYWNsZQBzZWNyZXQ= BAD / z OK",
        "a BAD / PLAIN BAD / * BYE",
        "W-IMAP-2: no consent is given, and what comes all the same counts as bad commands, of which three are the limit",
    ),
    row("a literal as tag", "a OK / z OK", "z OK", rule::LITERAL),
    row("a literal as the command", "NOOP BAD / z OK", "z OK", rule::LITERAL),
    row("a literal at the end of a word", "abc BAD / z OK", "z OK", rule::LITERAL),
    row("a literal in an open quote", "abc BAD / z OK", "z OK", rule::LITERAL),
    row("a literal larger than any number", "* BYE", "a BAD / z OK", rule::CONSENT),
    row(
        "a literal without a number",
        "+ / a BAD",
        "a BAD / z OK",
        "W-IMAP-2: 1 to 10 digits; consent to what is none leaves both sides waiting for each other",
    ),
    row("a literal8 behind NOOP", "abc BAD / z OK", "z OK", rule::LITERAL),
    row("a long mechanism", "a NO [ALERT] / z OK", "a BAD / z OK", rule::MECHANISM),
    row("a mechanism of odd characters", "a NO [ALERT] / z OK", "a BAD / z OK", rule::MECHANISM),
    row("a quoted mechanism", "a NO [ALERT] / z OK", "a BAD / z OK", rule::MECHANISM),
    row("a response of spaces", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row("a response with CR CR LF", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row("a response with a leading space", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row("a response with a space inside", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row("a response with a tab behind it", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row(
        "a response with a trailing space",
        "a NO [ALERT] / z OK",
        "a BAD / z OK",
        rule::BAD_BASE64,
    ),
    row("a space and a star", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row("a star and a space", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row(
        "a tag with a bracket",
        "* BAD / z OK",
        "a] OK / z OK",
        "IM-08, RFC 9051 9: `]` is legal in a tag",
    ),
    row("a very long tag", "* BYE", "* BAD / z OK", rule::LIMIT),
    row(
        "an ID of 31 pairs",
        "* ID / a OK / z OK",
        "a BAD / z OK",
        "W-IMAP-4: 30 pairs are the limit of what one client may have us keep",
    ),
    row("an ID value above 1024", "* BYE", "a BAD / z OK", rule::LIMIT),
    row(
        "an ID value above 1024 by a literal",
        "* ID / a OK / z OK",
        "a BAD / z OK",
        "W-IMAP-4: 1024 bytes are the limit, in whichever form they come",
    ),
    row(
        "an ID value with a line's end in it",
        "* ID / a OK / z OK",
        "a BAD / z OK",
        "a line's end would become another line of a log or of what a backend is told",
    ),
    row("an ID with a literal behind it", "abc BAD / z OK", "z OK", rule::LITERAL),
    row("an empty mechanism", "a NO [ALERT] / z OK", "a BAD / z OK", rule::MECHANISM),
    row(
        "an empty name in AUTHENTICATE LOGIN",
        "a NO [AUTHENTICATIONFAILED] / c2VjcmV0 BAD / z OK",
        "+ UGFzc3dvcmQ6 / a NO [AUTHENTICATIONFAILED] / z OK",
        "SA-03: the password is on its way; read as a command, its beginning would be sent back as a tag",
    ),
    row(
        "atom specials in a password",
        "a BAD / z OK",
        "a NO [AUTHENTICATIONFAILED] / z OK",
        rule::LESS_STRICT,
    ),
    row("base64 for URLs", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
    row(
        "eight bits without quotes",
        "a BAD / z OK",
        "a NO [AUTHENTICATIONFAILED] / z OK",
        rule::LESS_STRICT,
    ),
    row("literal8 that does not wait", "oracle BAD / z OK", "z OK", rule::LITERAL),
    row("no tag", "NOOP BAD / z OK", "* BAD / z OK", "IM-08: what is no tag is not sent back"),
    row(
        "no tag before CAPABILITY",
        "CAPABILITY BAD / z OK",
        "* BAD / z OK",
        "IM-08: what is no tag is not sent back",
    ),
    row(
        "no tag before LOGIN",
        "LOGIN BAD / z OK",
        "* BAD / z OK",
        "IM-08: what is no tag is not sent back",
    ),
    row(
        "no tag before LOGOUT",
        "LOGOUT BAD / z OK",
        "* BAD / z OK",
        "IM-08: what is no tag is not sent back",
    ),
    row(
        "two responses in one line",
        "a NO [ALERT] / * BAD / z OK",
        "a BAD / * BAD / z OK",
        rule::BAD_BASE64,
    ),
    row("two stars", "a NO [ALERT] / z OK", "a BAD / z OK", rule::BAD_BASE64),
];
