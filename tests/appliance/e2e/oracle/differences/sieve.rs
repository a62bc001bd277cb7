//! ManageSieve: inputs of `loose/sieve.txt` that Hale answers differently.

use super::super::speaker::Speaks;
use super::{Difference, rule};

const fn row(
    case: &'static str,
    dovecot: &'static str,
    hale: &'static str,
    rule: &'static str,
) -> Difference {
    Difference { speaks: Speaks::Sieve, case, dovecot, hale, rule }
}

pub(super) const ROWS: &[Difference] = &[
    row(
        "EXTERNAL without a certificate",
        "NO / OK",
        "NO (AUTH-TOO-WEAK) / OK",
        "RFC 5804 1.3: AUTH-TOO-WEAK is for a mechanism that the operator turned off",
    ),
    row("NOOP with a long literal", "BYE", "NO / OK", rule::LIMIT),
    row("NOOP with a long tag", "BYE", "NO / OK", rule::LIMIT),
    row("PUTSCRIPT with a literal that waits", "NO / OK", "OK", rule::LITERAL),
    row(
        "a huge literal",
        "BYE",
        "NO / BYE",
        "W-FAIL-4: each command has its reply, this one too before the connection ends",
    ),
    row("a literal behind an unknown command", "NO / OK", "OK", rule::LITERAL),
    row(
        "a literal larger than any number",
        "OK",
        "BYE",
        "MS-01: no server can read past so many bytes, and none of them may be read as a command",
    ),
    row(
        "a literal with NUL in it",
        "OK (TAG \"a\") / OK",
        "NO / OK",
        "MS-02: Dovecot takes the bytes before NUL for all of it; two readers of one string must not differ",
    ),
    row(
        "a literal without a number",
        "",
        "OK",
        "W-IMAP-2: 1 to 10 digits; what is no announcement announces nothing, and neither side waits",
    ),
    row("a mechanism with an escape of what needs none", "NO / OK", "OK / OK", rule::LESS_STRICT),
    row(
        "a string with an escape of what needs none",
        "NO / OK",
        "OK (TAG \"ab\") / OK",
        rule::LESS_STRICT,
    ),
];
