//! Where Hale answers differently from Dovecot 2.3's proxy, on purpose: here in whole conversations, in the files
//! beside this one in single inputs that a grammar forbids or seldom sees.

mod imap;
mod pop3;
mod sieve;
mod submission;

use super::speaker::Speaks;

/// One case that is answered differently.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) speaks: Speaks,
    pub(super) case: &'static str,
    /// What Dovecot says from the first difference on.
    pub(super) dovecot: &'static str,
    /// What Hale says instead.
    pub(super) hale: &'static str,
    /// Why that is right, with the rule that decides.
    pub(super) rule: &'static str,
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Difference> {
    [DIFFERENCES, imap::ROWS, pop3::ROWS, sieve::ROWS, submission::ROWS].into_iter().flatten()
}

pub(super) fn difference(speaks: Speaks, case: &str) -> Option<&'static Difference> {
    all().find(|row| (row.speaks, row.case) == (speaks, case))
}

/// The reasons that several rows share.
mod rule {
    pub(super) const BAD_BASE64: &str = "W-IMAP-6, W-SASL-1: what is no base64 is a syntax error; a code for wrong credentials or a dialog box \
         would tell the user to type the password again";
    pub(super) const MECHANISM: &str = "W-SASL-3: no name of a mechanism, or none that is there; there are no credentials to call wrong, and no dialog \
         box for the user";
    pub(super) const LITERAL: &str = "W-IMAP-2: bytes that were announced as a literal are never read as a command, whatever became of it";
    pub(super) const CONSENT: &str =
        "W-IMAP-2: a literal that waits for our consent is refused, and the client stays in step";
    pub(super) const PASSWORD: &str = "W-LIM-3: a password that is too long fails like a wrong one, so that its length tells nothing";
    pub(super) const CR_NUL: &str = "W-SASL-7: CR and NUL end a line or a text for some readers; they are refused before a backend sees them";
    pub(super) const BARE_LF: &str = "W-SUB-7: a bare LF ends no line of SMTP, because what one program takes for two lines and another for one is \
         how mail is smuggled";
    pub(super) const GIVEN_UP: &str = "W-SASL-10: giving up is no syntax error, 501 5.7.0";
    pub(super) const TEN: &str = "W-SUB-6: the tenth bad command ends the connection";
    pub(super) const LIMIT: &str =
        "W-LIM-5: a limit of ours, told in a reply; the connection stays in step";
    pub(super) const LESS_STRICT: &str = "nothing that Dovecot refuses has to be refused here: where the command ends is not in doubt";
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        speaks: Speaks::Imap,
        case: "AUTHENTICATE with no base64",
        dovecot: "a NO [ALERT] / b OK",
        hale: "a BAD / b OK",
        rule: "W-IMAP-6: bad base64 is BAD; a dialog box is for what the user should read",
    },
    Difference {
        speaks: Speaks::Imap,
        case: "AUTHENTICATE of no mechanism",
        dovecot: "a NO [ALERT] / b OK",
        hale: "a NO / b OK",
        rule: "W-IMAP-6, W-SASL-3: an ordinary failure is no ALERT",
    },
    Difference {
        speaks: Speaks::Imap,
        case: "a literal that is too large",
        dovecot: "* BYE",
        hale: "a BAD / b OK",
        rule: "W-IMAP-2: a literal that waits for our consent is refused, and the client stays in sync",
    },
    Difference {
        speaks: Speaks::Pop3,
        case: "AUTH with no base64",
        dovecot: "-ERR [AUTH]",
        hale: "-ERR",
        rule: "W-SASL-8, RFC 3206 3: AUTH is for credentials, and there are none",
    },
    Difference {
        speaks: Speaks::Pop3,
        case: "AUTH of no mechanism",
        dovecot: "-ERR [AUTH]",
        hale: "-ERR",
        rule: "W-SASL-3, RFC 3206 3: AUTH is for credentials, and there are none",
    },
    Difference {
        speaks: Speaks::Pop3,
        case: "NOOP too early",
        dovecot: "-ERR",
        hale: "+OK",
        rule: "W-POP-1: harmless, and clients send it",
    },
    Difference {
        speaks: Speaks::Pop3,
        case: "three unknown commands",
        dovecot: "-ERR",
        hale: "",
        rule: "W-FAIL-4: the third command has one reply, the one that says why it was the last",
    },
    Difference {
        speaks: Speaks::Sieve,
        case: "PUTSCRIPT too early",
        dovecot: "NO / BYE",
        hale: "OK",
        rule: "W-SV-1: the script of a refused PUTSCRIPT is read past and is no command",
    },
    Difference {
        speaks: Speaks::Submission,
        case: "EHLO without a name",
        dovecot: "501",
        hale: "501 5.5.4",
        rule: "W-SUB-2",
    },
    Difference {
        speaks: Speaks::Submission,
        case: "cancelled",
        dovecot: "501 5.5.2",
        hale: "501 5.7.0",
        rule: "W-SASL-10: giving up is no syntax error",
    },
    Difference {
        speaks: Speaks::Submission,
        case: "no base64",
        dovecot: "535 5.7.8",
        hale: "501 5.5.2",
        rule: "W-SUB-4: bad base64 is a syntax error",
    },
    Difference {
        speaks: Speaks::Submission,
        case: "AUTH without EHLO",
        dovecot: "235 2.7.0",
        hale: "503 5.5.1",
        rule: "W-SUB-1",
    },
    Difference {
        speaks: Speaks::Submission,
        case: "BDAT too early",
        dovecot: "221 2.0.0",
        hale: "250 2.0.0",
        rule: "W-SUB-3: the chunk of a refused BDAT is read past; QUIT in it is no command",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "LHLO",
        dovecot: "| XCLIENT / | XRCPTFORWARD / | proxy.test",
        hale: "| SIZE / | XCLIENT / | XRCPTFORWARD / | proxy.test",
        rule: "W-LMTP-10: there is a limit, so senders are told",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "unknown recipient and DATA",
        dovecot: "503 5.5.0 / 221 2.0.0",
        hale: "503 5.5.1 / 221 2.0.0",
        rule: "W-LMTP-10: 503 5.5.1",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "DATA without anything",
        dovecot: "503 5.5.0",
        hale: "503 5.5.1",
        rule: "W-LMTP-10: 503 5.5.1",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "RCPT without MAIL",
        dovecot: "503 5.5.0",
        hale: "503 5.5.1",
        rule: "RFC 3463 3.6: X.5.1 is for commands out of order",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "MAIL twice",
        dovecot: "503 5.5.0",
        hale: "503 5.5.1",
        rule: "RFC 3463 3.6: X.5.1 is for commands out of order",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "MAIL with no address",
        dovecot: "501 5.5.4",
        hale: "501 5.1.7",
        rule: "RFC 3463 3.2: X.1.7 is for a sender whose address is none",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "RCPT with no address",
        dovecot: "501 5.5.4",
        hale: "501 5.1.3",
        rule: "RFC 3463 3.2: X.1.3 is for a recipient whose address is none",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "RSET",
        dovecot: "503 5.5.0",
        hale: "503 5.5.1",
        rule: "W-LMTP-10: 503 5.5.1",
    },
];
