//! What clients say to both proxies in whole conversations; [`super::loose`] has what they should not say. `@…@` stands
//! for what [`super::speaker::spelled`] puts there.

use std::borrow::Cow;

use super::speaker::Speaks;

/// One conversation.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) speaks: Speaks,
    pub(super) name: &'static str,
    /// What is sent behind the greeting, and how many replies are waited for; what comes later is found at the end.
    pub(super) steps: Cow<'static, [(&'static str, usize)]>,
}

const fn imap(name: &'static str, steps: &'static [(&'static str, usize)]) -> Case {
    Case { speaks: Speaks::Imap, name, steps: Cow::Borrowed(steps) }
}

const fn pop3(name: &'static str, steps: &'static [(&'static str, usize)]) -> Case {
    Case { speaks: Speaks::Pop3, name, steps: Cow::Borrowed(steps) }
}

const fn sieve(name: &'static str, steps: &'static [(&'static str, usize)]) -> Case {
    Case { speaks: Speaks::Sieve, name, steps: Cow::Borrowed(steps) }
}

const fn submission(name: &'static str, steps: &'static [(&'static str, usize)]) -> Case {
    Case { speaks: Speaks::Submission, name, steps: Cow::Borrowed(steps) }
}

const fn lmtp(name: &'static str, steps: &'static [(&'static str, usize)]) -> Case {
    Case { speaks: Speaks::Lmtp, name, steps: Cow::Borrowed(steps) }
}

pub(super) const CASES: &[Case] = &[
    // === IMAP ===
    imap("greeting", &[]),
    imap("login", &[("a LOGIN oracle secret\r\n", 1), ("b NOOP\r\n", 1)]),
    imap("login quoted", &[("a LOGIN \"oracle\" \"secret\"\r\n", 1)]),
    imap("login by literals", &[("a LOGIN {6}\r\n", 1), ("oracle {6}\r\n", 1), ("secret\r\n", 1)]),
    imap("login by literals that do not wait", &[("a LOGIN {6+}\r\noracle {6+}\r\nsecret\r\n", 1)]),
    imap("login behind CAPABILITY", &[("a CAPABILITY\r\n", 1), ("b LOGIN oracle secret\r\n", 1)]),
    imap("login behind ID", &[("a ID (\"name\" \"x\")\r\n", 1), ("b LOGIN oracle secret\r\n", 1)]),
    imap("login and more in one piece", &[("a LOGIN oracle secret\r\nb NOOP\r\nc LOGOUT\r\n", 4)]),
    imap("wrong password", &[("a LOGIN oracle wrong\r\n", 1), ("b NOOP\r\n", 1)]),
    imap("unknown user", &[("a LOGIN nobody-here wrong\r\n", 1)]),
    imap("wrong, then right", &[("a LOGIN oracle wrong\r\n", 1), ("b LOGIN oracle secret\r\n", 1)]),
    imap("wrong, more in one piece", &[("a LOGIN oracle wrong\r\nb NOOP\r\n", 2)]),
    imap("empty password", &[("a LOGIN oracle \"\"\r\n", 1)]),
    imap("LOGIN without arguments", &[("a LOGIN\r\n", 1), ("b NOOP\r\n", 1)]),
    imap("LOGIN with three arguments", &[("a LOGIN oracle secret more\r\n", 1)]),
    imap("AUTHENTICATE PLAIN", &[("a AUTHENTICATE PLAIN\r\n", 1), ("@PLAIN@\r\n", 1)]),
    imap("AUTHENTICATE PLAIN at once", &[("a AUTHENTICATE PLAIN @PLAIN@\r\n", 1)]),
    imap("AUTHENTICATE PLAIN wrong", &[("a AUTHENTICATE PLAIN @WRONG@\r\n", 1), ("b NOOP\r\n", 1)]),
    imap("AUTHENTICATE PLAIN empty", &[("a AUTHENTICATE PLAIN =\r\n", 1)]),
    imap(
        "AUTHENTICATE LOGIN",
        &[("a AUTHENTICATE LOGIN\r\n", 1), ("@USER@\r\n", 1), ("@PASS@\r\n", 1)],
    ),
    imap(
        "AUTHENTICATE cancelled",
        &[("a AUTHENTICATE PLAIN\r\n", 1), ("*\r\n", 1), ("b NOOP\r\n", 1)],
    ),
    imap(
        "AUTHENTICATE LOGIN cancelled late",
        &[("a AUTHENTICATE LOGIN\r\n", 1), ("@USER@\r\n", 1), ("*\r\n", 1)],
    ),
    imap(
        "AUTHENTICATE with no base64",
        &[("a AUTHENTICATE PLAIN\r\n", 1), ("%%%\r\n", 1), ("b NOOP\r\n", 1)],
    ),
    imap("AUTHENTICATE with bad padding", &[("a AUTHENTICATE PLAIN\r\n", 1), ("AAA\r\n", 1)]),
    imap("AUTHENTICATE of no mechanism", &[("a AUTHENTICATE NOSUCH\r\n", 1), ("b NOOP\r\n", 1)]),
    imap("AUTHENTICATE without arguments", &[("a AUTHENTICATE\r\n", 1)]),
    imap("CAPABILITY", &[("a CAPABILITY\r\n", 1)]),
    imap("NOOP", &[("a NOOP\r\n", 1)]),
    imap("ID NIL", &[("a ID NIL\r\n", 1)]),
    imap("ENABLE", &[("a ENABLE CONDSTORE\r\n", 1)]),
    imap("LOGOUT", &[("a LOGOUT\r\n", 2)]),
    imap("SELECT too early", &[("a SELECT INBOX\r\n", 1)]),
    imap("STARTTLS without TLS", &[("a STARTTLS\r\n", 1)]),
    imap("unknown command", &[("a XYZZY\r\n", 1), ("b NOOP\r\n", 1)]),
    imap(
        "three unknown commands",
        &[("a XYZZY\r\n", 1), ("b XYZZY\r\n", 1), ("c XYZZY\r\n", 1), ("d NOOP\r\n", 0)],
    ),
    imap("empty line", &[("\r\n", 1), ("b NOOP\r\n", 1)]),
    imap("a tag alone", &[("a\r\n", 1)]),
    imap("a bad tag", &[("+a NOOP\r\n", 1)]),
    imap("a line that is too long", &[("a NOOP @x9000@\r\n", 1)]),
    imap("a literal that is too large", &[("a LOGIN {100000}\r\n", 1), ("b NOOP\r\n", 0)]),
    imap("a literal behind an unknown command", &[("a XYZZY {4+}\r\nb NO\r\nc NOOP\r\n", 1)]),
    // === POP3 ===
    pop3("greeting", &[]),
    pop3("login", &[("USER oracle\r\n", 1), ("PASS secret\r\n", 1), ("NOOP\r\n", 1)]),
    pop3("login in one piece", &[("USER oracle\r\nPASS secret\r\nNOOP\r\nQUIT\r\n", 4)]),
    pop3("wrong password", &[("USER oracle\r\n", 1), ("PASS wrong\r\n", 1)]),
    pop3("unknown user", &[("USER nobody-here\r\n", 1), ("PASS wrong\r\n", 1)]),
    pop3(
        "wrong, then right",
        &[
            ("USER oracle\r\n", 1),
            ("PASS wrong\r\n", 1),
            ("USER oracle\r\n", 1),
            ("PASS secret\r\n", 1),
        ],
    ),
    pop3(
        "PASS again behind a wrong one",
        &[("USER oracle\r\n", 1), ("PASS wrong\r\n", 1), ("PASS secret\r\n", 1)],
    ),
    pop3("PASS first", &[("PASS secret\r\n", 1)]),
    pop3(
        "USER twice",
        &[("USER nobody-here\r\n", 1), ("USER oracle\r\n", 1), ("PASS secret\r\n", 1)],
    ),
    pop3("AUTH PLAIN", &[("AUTH PLAIN\r\n", 1), ("@PLAIN@\r\n", 1)]),
    pop3("AUTH PLAIN at once", &[("AUTH PLAIN @PLAIN@\r\n", 1)]),
    pop3("AUTH PLAIN wrong", &[("AUTH PLAIN @WRONG@\r\n", 1)]),
    pop3("AUTH LOGIN", &[("AUTH LOGIN\r\n", 1), ("@USER@\r\n", 1), ("@PASS@\r\n", 1)]),
    pop3("AUTH cancelled", &[("AUTH PLAIN\r\n", 1), ("*\r\n", 1), ("QUIT\r\n", 1)]),
    pop3("AUTH with no base64", &[("AUTH PLAIN\r\n", 1), ("%%%\r\n", 1)]),
    pop3("AUTH of no mechanism", &[("AUTH NOSUCH\r\n", 1)]),
    pop3("AUTH alone", &[("AUTH\r\n", 2)]),
    pop3("APOP", &[("APOP oracle 0123456789abcdef0123456789abcdef\r\n", 1)]),
    pop3("CAPA", &[("CAPA\r\n", 2)]),
    pop3("NOOP too early", &[("NOOP\r\n", 1)]),
    pop3("QUIT", &[("QUIT\r\n", 1)]),
    pop3("STLS without TLS", &[("STLS\r\n", 1)]),
    pop3("STAT too early", &[("STAT\r\n", 1)]),
    pop3("empty line", &[("\r\n", 1)]),
    pop3(
        "three unknown commands",
        &[("XYZZY\r\n", 1), ("XYZZY\r\n", 1), ("XYZZY\r\n", 1), ("QUIT\r\n", 0)],
    ),
    pop3("a line that is too long", &[("USER @x9000@\r\n", 1), ("QUIT\r\n", 0)]),
    // === ManageSieve ===
    sieve("greeting", &[]),
    sieve("login", &[("AUTHENTICATE \"PLAIN\" \"@PLAIN@\"\r\n", 1), ("NOOP\r\n", 1)]),
    sieve("login by a literal", &[("AUTHENTICATE \"PLAIN\" {@PLAINLEN@+}\r\n@PLAIN@\r\n", 1)]),
    sieve("login, invited", &[("AUTHENTICATE \"PLAIN\"\r\n", 1), ("\"@PLAIN@\"\r\n", 1)]),
    sieve(
        "login and more in one piece",
        &[("AUTHENTICATE \"PLAIN\" \"@PLAIN@\"\r\nNOOP\r\nLOGOUT\r\n", 3)],
    ),
    sieve(
        "AUTHENTICATE LOGIN",
        &[("AUTHENTICATE \"LOGIN\"\r\n", 1), ("\"@USER@\"\r\n", 1), ("\"@PASS@\"\r\n", 1)],
    ),
    sieve("wrong password", &[("AUTHENTICATE \"PLAIN\" \"@WRONG@\"\r\n", 1), ("NOOP\r\n", 1)]),
    sieve(
        "wrong, then right",
        &[
            ("AUTHENTICATE \"PLAIN\" \"@WRONG@\"\r\n", 1),
            ("AUTHENTICATE \"PLAIN\" \"@PLAIN@\"\r\n", 1),
        ],
    ),
    sieve("cancelled", &[("AUTHENTICATE \"PLAIN\"\r\n", 1), ("\"*\"\r\n", 1), ("NOOP\r\n", 1)]),
    sieve("no base64", &[("AUTHENTICATE \"PLAIN\"\r\n", 1), ("\"%%%\"\r\n", 1)]),
    sieve("no mechanism", &[("AUTHENTICATE \"NOSUCH\"\r\n", 1)]),
    sieve("CAPABILITY", &[("CAPABILITY\r\n", 1)]),
    sieve("NOOP", &[("NOOP\r\n", 1)]),
    sieve("NOOP with a tag", &[("NOOP \"here\"\r\n", 1)]),
    sieve("LOGOUT", &[("LOGOUT\r\n", 1)]),
    sieve("STARTTLS without TLS", &[("STARTTLS\r\n", 1)]),
    sieve("PUTSCRIPT too early", &[("PUTSCRIPT \"x\" {6+}\r\nkeep;\n\r\n", 1), ("LOGOUT\r\n", 1)]),
    sieve("empty line", &[("\r\n", 1)]),
    sieve(
        "three unknown commands",
        &[("XYZZY\r\n", 1), ("XYZZY\r\n", 1), ("XYZZY\r\n", 1), ("NOOP\r\n", 0)],
    ),
    // === Submission ===
    submission("EHLO", &[("EHLO client.test\r\n", 1)]),
    submission("HELO", &[("HELO client.test\r\n", 1)]),
    submission("EHLO without a name", &[("EHLO\r\n", 1)]),
    submission(
        "login",
        &[("EHLO client.test\r\n", 1), ("AUTH PLAIN @PLAIN@\r\n", 1), ("NOOP\r\n", 1)],
    ),
    submission(
        "login, invited",
        &[("EHLO client.test\r\n", 1), ("AUTH PLAIN\r\n", 1), ("@PLAIN@\r\n", 1)],
    ),
    submission(
        "login and more in one piece",
        &[("EHLO client.test\r\n", 1), ("AUTH PLAIN @PLAIN@\r\nRSET\r\nQUIT\r\n", 3)],
    ),
    submission(
        "AUTH LOGIN",
        &[("EHLO client.test\r\n", 1), ("AUTH LOGIN\r\n", 1), ("@USER@\r\n", 1), ("@PASS@\r\n", 1)],
    ),
    submission(
        "wrong password",
        &[("EHLO client.test\r\n", 1), ("AUTH PLAIN @WRONG@\r\n", 1), ("NOOP\r\n", 1)],
    ),
    submission(
        "wrong, then right",
        &[
            ("EHLO client.test\r\n", 1),
            ("AUTH PLAIN @WRONG@\r\n", 1),
            ("AUTH PLAIN @PLAIN@\r\n", 1),
        ],
    ),
    submission("cancelled", &[("EHLO client.test\r\n", 1), ("AUTH PLAIN\r\n", 1), ("*\r\n", 1)]),
    submission("no base64", &[("EHLO client.test\r\n", 1), ("AUTH PLAIN\r\n", 1), ("%%%\r\n", 1)]),
    submission("no mechanism", &[("EHLO client.test\r\n", 1), ("AUTH NOSUCH\r\n", 1)]),
    submission("AUTH without EHLO", &[("AUTH PLAIN @PLAIN@\r\n", 1)]),
    submission(
        "MAIL too early",
        &[("EHLO client.test\r\n", 1), ("MAIL FROM:<a@example.org>\r\n", 1)],
    ),
    submission(
        "RCPT and DATA too early",
        &[("EHLO client.test\r\n", 1), ("RCPT TO:<a@example.org>\r\n", 1), ("DATA\r\n", 1)],
    ),
    submission(
        "BDAT too early",
        &[("EHLO client.test\r\n", 1), ("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", 2)],
    ),
    submission("NOOP, RSET, VRFY", &[("NOOP\r\n", 1), ("RSET\r\n", 1), ("VRFY a\r\n", 1)]),
    submission("QUIT", &[("QUIT\r\n", 1)]),
    submission("STARTTLS without TLS", &[("EHLO client.test\r\n", 1), ("STARTTLS\r\n", 1)]),
    submission("unknown command", &[("XYZZY\r\n", 1), ("NOOP\r\n", 1)]),
    submission("empty line", &[("\r\n", 1), ("NOOP\r\n", 1)]),
    submission("a line that is too long", &[("NOOP @x9000@\r\n", 1), ("QUIT\r\n", 0)]),
    // === LMTP ===
    lmtp("LHLO", &[("LHLO mx.test\r\n", 1)]),
    lmtp("EHLO", &[("EHLO mx.test\r\n", 1)]),
    lmtp(
        "a message",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("RCPT TO:<oracle>\r\n", 1),
            ("DATA\r\n", 1),
            ("Subject: x\r\n\r\ny\r\n.\r\n", 1),
            ("QUIT\r\n", 1),
        ],
    ),
    lmtp(
        "a message in one piece",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<>\r\nRCPT TO:<oracle>\r\nDATA\r\n", 3),
            ("Subject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n", 2),
        ],
    ),
    lmtp(
        "a message in chunks",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("RCPT TO:<oracle>\r\n", 1),
            ("BDAT 12\r\nSubject: x\r\n", 1),
            ("BDAT 5 LAST\r\n\r\ny\r\n", 1),
        ],
    ),
    lmtp(
        "two recipients, one unknown",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("RCPT TO:<oracle>\r\n", 1),
            ("RCPT TO:<nobody-here>\r\n", 1),
            ("DATA\r\n", 1),
            ("Subject: x\r\n\r\ny\r\n.\r\n", 1),
        ],
    ),
    lmtp(
        "one recipient twice",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("RCPT TO:<oracle>\r\n", 1),
            ("RCPT TO:<oracle>\r\n", 1),
            ("DATA\r\n", 1),
            ("Subject: x\r\n\r\ny\r\n.\r\n", 2),
        ],
    ),
    lmtp(
        "unknown recipient and DATA",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("RCPT TO:<nobody-here>\r\n", 1),
            ("DATA\r\n", 1),
            ("QUIT\r\n", 1),
        ],
    ),
    lmtp("DATA without anything", &[("LHLO mx.test\r\n", 1), ("DATA\r\n", 1)]),
    lmtp("RCPT without MAIL", &[("LHLO mx.test\r\n", 1), ("RCPT TO:<oracle>\r\n", 1)]),
    lmtp(
        "MAIL twice",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("MAIL FROM:<b@example.org>\r\n", 1),
        ],
    ),
    lmtp("MAIL with no address", &[("LHLO mx.test\r\n", 1), ("MAIL FROM:a b\r\n", 1)]),
    lmtp(
        "RCPT with no address",
        &[("LHLO mx.test\r\n", 1), ("MAIL FROM:<a@example.org>\r\n", 1), ("RCPT TO:<>\r\n", 1)],
    ),
    lmtp(
        "an unknown parameter",
        &[("LHLO mx.test\r\n", 1), ("MAIL FROM:<a@example.org> X=y\r\n", 1)],
    ),
    lmtp(
        "RSET",
        &[
            ("LHLO mx.test\r\n", 1),
            ("MAIL FROM:<a@example.org>\r\n", 1),
            ("RSET\r\n", 1),
            ("DATA\r\n", 1),
        ],
    ),
    lmtp("NOOP and VRFY", &[("NOOP\r\n", 1), ("VRFY oracle\r\n", 1)]),
    lmtp("unknown command", &[("XYZZY\r\n", 1), ("NOOP\r\n", 1)]),
    lmtp("STARTTLS without TLS", &[("LHLO mx.test\r\n", 1), ("STARTTLS\r\n", 1)]),
    lmtp("QUIT", &[("QUIT\r\n", 1)]),
];
