//! POP3: inputs of `loose/pop3.txt` that Hale answers differently.

use super::super::speaker::Speaks;
use super::{Difference, rule};

const fn row(
    case: &'static str,
    dovecot: &'static str,
    hale: &'static str,
    rule: &'static str,
) -> Difference {
    Difference { speaks: Speaks::Pop3, case, dovecot, hale, rule }
}

pub(super) const ROWS: &[Difference] = &[
    row("AUTH PLAIN with *", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("AUTH PLAIN with ==", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row(
        "AUTH between USER and PASS",
        "-ERR [AUTH] / +OK / +OK",
        "-ERR / -ERR / +OK",
        "W-SASL-5: a failed AUTH leaves nothing behind, the name of an earlier USER neither",
    ),
    row("AUTH with a long mechanism", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::MECHANISM),
    row("AUTH with a quoted mechanism", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::MECHANISM),
    row(
        "AUTH with a word behind the response",
        "-ERR [AUTH] / +OK",
        "-ERR / +OK",
        rule::BAD_BASE64,
    ),
    row("AUTH with odd characters", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::MECHANISM),
    row(
        "AUTH with two spaces",
        "+OK / | . / | LOGIN / | PLAIN / -ERR / +OK",
        "+ / +OK / +OK",
        rule::LESS_STRICT,
    ),
    row("CR between commands", "+OK / +OK", "-ERR / +OK", rule::CR_NUL),
    row("EXTERNAL without a certificate", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::MECHANISM),
    row("NOOP with arguments", "-ERR / +OK", "+OK / +OK", "W-POP-1: harmless, and clients send it"),
    row("NUL behind a keyword", "+OK", "-ERR / +OK", rule::CR_NUL),
    row("NUL in a name", "+OK / -ERR [AUTH] / +OK", "-ERR / -ERR / +OK", rule::CR_NUL),
    row("NUL in a password", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::CR_NUL),
    row("QUIT with a very long argument", "+OK", "-ERR / +OK", rule::LIMIT),
    row("USER during AUTH", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("USER with CR CR LF", "+OK / -ERR [AUTH] / +OK", "-ERR / -ERR / +OK", rule::CR_NUL),
    row("a response of =", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("a response with CR CR LF", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("a response with a leading space", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("a response with a trailing space", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("a response without padding", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row("a star and a space", "-ERR [AUTH] / +OK", "-ERR / +OK", rule::BAD_BASE64),
    row(
        "three empty lines",
        "-ERR",
        "",
        "W-FAIL-4: the third command has one reply, the one that says why it was the last",
    ),
];
