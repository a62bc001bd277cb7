//! Submission: inputs of `loose/submission.txt` that Hale answers differently.

use super::super::speaker::Speaks;
use super::{Difference, rule};

const fn row(
    case: &'static str,
    dovecot: &'static str,
    hale: &'static str,
    rule: &'static str,
) -> Difference {
    Difference { speaks: Speaks::Submission, case, dovecot, hale, rule }
}

const CONTROL: &str =
    "W-SUB-2: 501 5.5.4 for a control character in a name that backends and logs are told";

pub(super) const ROWS: &[Difference] = &[
    row(
        "HTTP",
        "500 5.5.1 / 221 2.0.0",
        "",
        "IM-16: a browser hears nothing, and nothing of its own",
    ),
    row(
        "AUTH again behind one that was given up",
        "501 5.5.2 / 334 UGFzc3dvcmQ6 / 235 2.7.0 / 221 2.0.0",
        "501 5.7.0 / 334 UGFzc3dvcmQ6 / 235 2.7.0 / 221 2.0.0",
        rule::GIVEN_UP,
    ),
    row("AUTH LOGIN with =", "501 5.5.2 / 221 2.0.0", "501 5.7.0 / 221 2.0.0", rule::GIVEN_UP),
    row(
        "AUTH during AUTH",
        "535 5.7.8 / 221 2.0.0",
        "501 5.5.2 / 221 2.0.0",
        "W-SUB-4: bad base64 is a syntax error, 501 5.5.2",
    ),
    row(
        "AUTH with a long mechanism",
        "504 5.5.4 / 221 2.0.0",
        "501 5.5.4 / 221 2.0.0",
        "W-SASL-3, RFC 4954 4: this is no name of a mechanism at all; 504 is for one that is not there",
    ),
    row(
        "AUTH with a long response",
        "500 5.5.2 / 221 2.0.0",
        "535 5.7.8 / 221 2.0.0",
        "W-SASL-2: 16 KiB of base64 for one response; the password in it is wrong",
    ),
    row(
        "AUTH with a quoted mechanism",
        "504 5.5.4 / 221 2.0.0",
        "501 5.5.4 / 221 2.0.0",
        "W-SASL-3, RFC 4954 4: this is no name of a mechanism at all; 504 is for one that is not there",
    ),
    row(
        "AUTH with a tab",
        "500 5.5.2 / 221 2.0.0",
        "500 5.5.1 / 221 2.0.0",
        "W-SUB-3: 500 5.5.1 for every line that begins with no verb; clients look at 500",
    ),
    row(
        "AUTH with a word behind the response",
        "501 5.5.4 / 221 2.0.0",
        "501 5.5.2 / 221 2.0.0",
        "W-SUB-4: bad base64 is a syntax error, 501 5.5.2",
    ),
    row(
        "AUTH with odd characters",
        "504 5.5.4 / 221 2.0.0",
        "501 5.5.4 / 221 2.0.0",
        "W-SASL-3, RFC 4954 4: this is no name of a mechanism at all; 504 is for one that is not there",
    ),
    row(
        "AUTH with two spaces",
        "500 5.5.2 / 221 2.0.0",
        "235 2.7.0 / 221 2.0.0",
        rule::LESS_STRICT,
    ),
    row(
        "AUTH with two spaces before the response",
        "501 5.5.4 / 221 2.0.0",
        "235 2.7.0 / 221 2.0.0",
        rule::LESS_STRICT,
    ),
    row(
        "AUTH=PLAIN",
        "500 5.5.2 / 221 2.0.0",
        "500 5.5.1 / 221 2.0.0",
        "W-SUB-3: 500 5.5.1 for every line that begins with no verb; clients look at 500",
    ),
    row(
        "BDAT without a size",
        "530 5.7.0 / 221 2.0.0",
        "501 5.5.4",
        "W-SUB-3: where the chunk ends is unknown, and what follows would be read as commands",
    ),
    row(
        "BURL too early",
        "500 5.5.1 / 221 2.0.0",
        "530 5.7.0 / 221 2.0.0",
        "W-SUB-3: everything that moves mail is told to log in first",
    ),
    row("EHLO and a space", "501 / 221 2.0.0", "501 5.5.4 / 221 2.0.0", "W-SUB-2: 501 5.5.4"),
    row(
        "EHLO with a control character",
        "500 5.5.2 / 221 2.0.0",
        "501 5.5.4 / 221 2.0.0",
        "W-SUB-2: 501 5.5.4",
    ),
    row(
        "EHLO with a tab",
        "500 5.5.2 / 221 2.0.0",
        "500 5.5.1 / 221 2.0.0",
        "W-SUB-3: 500 5.5.1 for every line that begins with no verb; clients look at 500",
    ),
    row("EHLO with a tab inside", "221 2.0.0", "501 5.5.4 / 221 2.0.0", CONTROL),
    row("EHLO with a tab before the name", "221 2.0.0", "501 5.5.4 / 221 2.0.0", CONTROL),
    row("EHLO with a tab alone", "501 / 221 2.0.0", "501 5.5.4 / 221 2.0.0", "W-SUB-2: 501 5.5.4"),
    row("EHLO with bare LF", "250 2.0.0 / 221 2.0.0", "500 5.5.2 / 221 2.0.0", rule::BARE_LF),
    row("EHLO with two spaces", "500 5.5.2 / 221 2.0.0", "221 2.0.0", rule::LESS_STRICT),
    row("EXPN", "500 5.5.1 / 221 2.0.0", "530 5.7.0 / 221 2.0.0", "W-SUB-3: 530"),
    row("HELO without a name", "501 / 221 2.0.0", "501 5.5.4 / 221 2.0.0", "W-SUB-2: 501 5.5.4"),
    row("HELP", "500 5.5.1 / 221 2.0.0", "214 2.0.0 / 221 2.0.0", "W-SUB-3: 214"),
    row("HELP with an argument", "500 5.5.1 / 221 2.0.0", "214 2.0.0 / 221 2.0.0", "W-SUB-3: 214"),
    row(
        "NOOP with a trailing tab",
        "500 5.5.2 / 221 2.0.0",
        "250 2.0.0 / 221 2.0.0",
        rule::LESS_STRICT,
    ),
    row("NOOP with arguments", "501 5.5.4 / 221 2.0.0", "250 2.0.0 / 221 2.0.0", rule::LESS_STRICT),
    row(
        "NOOP with two spaces",
        "500 5.5.2 / 221 2.0.0",
        "250 2.0.0 / 221 2.0.0",
        rule::LESS_STRICT,
    ),
    row("QUIT with a trailing tab", "500 5.5.2 / 221 2.0.0", "221 2.0.0", rule::LESS_STRICT),
    row(
        "RSET during AUTH",
        "535 5.7.8 / 221 2.0.0",
        "334 UGFzc3dvcmQ6 / 535 5.7.8",
        "W-SASL-1: RSET is base64, of a name here; the password is on its way and must not be read as a command",
    ),
    row(
        "STARTTLS with arguments",
        "502 5.5.1 / 221 2.0.0",
        "501 5.5.4 / 221 2.0.0",
        "W-STLS-8: 501 5.5.4, with TLS and without",
    ),
    row("XCLIENT with two spaces", "500 5.5.2 / 221 2.0.0", "220 / 221 2.0.0", rule::LESS_STRICT),
    row(
        "a leading tab",
        "500 5.5.2 / 221 2.0.0",
        "500 5.5.1 / 221 2.0.0",
        "W-SUB-3: 500 5.5.1 for every line that begins with no verb; clients look at 500",
    ),
    row(
        "a space in a response",
        "535 5.7.8 / 221 2.0.0",
        "501 5.5.2 / 221 2.0.0",
        "W-SUB-4: bad base64 is a syntax error, 501 5.5.2",
    ),
    row(
        "a response with CR CR LF",
        "500 5.5.2 / 221 2.0.0",
        "501 5.5.2 / 221 2.0.0",
        "W-SUB-4: bad base64 is a syntax error, 501 5.5.2",
    ),
    row(
        "a response with a leading space",
        "535 5.7.8 / 221 2.0.0",
        "501 5.5.2 / 221 2.0.0",
        "W-SUB-4: bad base64 is a syntax error, 501 5.5.2",
    ),
    row(
        "a response with bare LF",
        "535 5.7.8 / 250 2.0.0 / 221 2.0.0",
        "500 5.5.2 / 221 2.0.0",
        rule::BARE_LF,
    ),
    row("a star and a space", "501 5.5.2 / 221 2.0.0", "501 5.7.0 / 221 2.0.0", rule::GIVEN_UP),
    row("a star and a tab", "501 5.5.2 / 221 2.0.0", "501 5.7.0 / 221 2.0.0", rule::GIVEN_UP),
    row("bare LF", "250 2.0.0 / 250 2.0.0 / 221 2.0.0", "500 5.5.2 / 221 2.0.0", rule::BARE_LF),
    row(
        "eight bits in an argument",
        "501 5.5.4 / 221 2.0.0",
        "250 2.0.0 / 221 2.0.0",
        rule::LESS_STRICT,
    ),
    row("ten empty lines", "500 5.5.1 / 221 2.0.0", "421 4.7.0", rule::TEN),
    row("ten unknown commands", "500 5.5.1 / 221 2.0.0", "421 4.7.0", rule::TEN),
];
