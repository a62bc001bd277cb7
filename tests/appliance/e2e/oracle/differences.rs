//! Where Hale answers differently from Dovecot 2.3's proxy, on purpose.

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

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        speaks: Speaks::Imap,
        case: "AUTHENTICATE with no base64",
        dovecot: "a NO [ALERT] / b OK",
        hale: "a BAD / b OK",
        rule: "wire.md 4.1, 7.6: bad base64 is BAD; a dialog box is for what the user should read",
    },
    Difference {
        speaks: Speaks::Imap,
        case: "AUTHENTICATE of no mechanism",
        dovecot: "a NO [ALERT] / b OK",
        hale: "a NO / b OK",
        rule: "W-SASL-3, wire.md 7.6: an ordinary failure is no ALERT",
    },
    Difference {
        speaks: Speaks::Imap,
        case: "a literal that is too large",
        dovecot: "* BYE",
        hale: "a BAD / b OK",
        rule: "wire.md 7.1: a literal that waits for our consent is refused, and the client stays in sync",
    },
    Difference {
        speaks: Speaks::Pop3,
        case: "AUTH with no base64",
        dovecot: "-ERR [AUTH]",
        hale: "-ERR",
        rule: "wire.md 4.1, RFC 3206 3: AUTH is for credentials, and there are none",
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
        rule: "wire.md 8.1: harmless, and clients send it",
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
        rule: "wire.md 9.1: the script of a refused PUTSCRIPT is read past and is no command",
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
        rule: "wire.md 4.1: giving up is no syntax error",
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
        rule: "wire.md 11.1: there is a limit, so senders are told",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "unknown recipient and DATA",
        dovecot: "503 5.5.0 / 221 2.0.0",
        hale: "503 5.5.1 / 221 2.0.0",
        rule: "wire.md 11.1: 503 5.5.1",
    },
    Difference {
        speaks: Speaks::Lmtp,
        case: "DATA without anything",
        dovecot: "503 5.5.0",
        hale: "503 5.5.1",
        rule: "wire.md 11.1: 503 5.5.1",
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
        rule: "wire.md 11.1: 503 5.5.1",
    },
];
