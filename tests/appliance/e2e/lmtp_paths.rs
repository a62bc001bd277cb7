//! Paths and parameters of MAIL and RCPT as clients write them: what Debian's Dovecot takes in LMTP, Hale takes, with
//! the same workarounds configured (RFC 5321 4.1.2, `19-lmtp-path-without-brackets`). What differs is listed with its
//! reason.

use std::net::TcpStream;

use super::lmtp::{Lmtp, Stage};
use super::ports::BACKENDS;

/// Arguments of MAIL that both judge alike.
const SENDERS: &[&str] = &[
    "FROM:<>",
    "FROM: <>",
    "from:<a@b>",
    "FROM: <a@b>",
    "FROM:\t<a@b>",
    "FROM:<a@b> ",
    "FROM:<a@b> BODY=7bit",
    "FROM:<a@b> body=8BITMIME",
    "FROM:<@relay:a@b>",
    "FROM:<@relay,@[192.0.2.1]:a@b>",
    "FROM:<@relay:\"q q\"@b>",
    "FROM:<\"q q\"@b>",
    "FROM:<\"q\\\"q\"@b>",
    "FROM:<a@[127.0.0.1]>",
    "FROM:<a@[IPv6:::1]>",
    "FROM:<a@[1.2.3]>",
    "FROM:<postmaster>",
    "FROM:<MAILER-DAEMON>",
    "FROM:<a..b@c>",
    "FROM:<.a@c>",
    "FROM:<a@b.>",
    "FROM:<a@b..c>",
    "FROM:<a@-b>",
    "FROM:<a@b_c>",
    "FROM:<a/b=c@d>",
    "FROM:<'a'@d>",
    "FROM:a@b",
    "FROM: a@b",
    "FROM:user",
    "FROM:\"q q\"@c",
    "FROM:<a@b> FOO=1",
    "FROM:<a@b> AUTH=<>",
    "FROM:<a@b> SMTPUTF8",
    "FROM:<a@b> RET=HDRS ENVID=x",
    "FROM:<a@b> BODY=BINARYMIME",
    "FROM:<a@b> =1",
    "FROM:<a@b>SIZE=1",
    "FROM:<a@b",
    "FROM:<<a@b>>",
    "FROM:< a@b >",
    "FROM:<a@b >",
    "FROM:<\"a@b>",
    "FROM:<a b@c>",
    "FROM:<@a: u@c>",
    "FROM:<@a, @b:u@c>",
    "FROM:",
    "FROM: ",
    "FROM :<a@b>",
    " FROM:<a@b>",
    "FROM:<a@b>\tBODY=7BIT",
    "FROM:A B <a@b>",
];

/// Arguments of RCPT that both judge alike. The user is `mail-0`.
const RECIPIENTS: &[&str] = &[
    "TO:<mail-0>",
    "to: <mail-0> ",
    "TO:<MAIL-0>",
    "TO:<mail-0+box>",
    "TO:<\"mail-0\">",
    "TO:<@relay:mail-0>",
    "TO:<@relay,@other.example:mail-0>",
    "TO:mail-0",
    "TO: mail-0",
    "TO:mail-0+box",
    "TO:\"mail-0\"",
    "TO:<nobody@example.org>",
    "TO:<\"no body\"@example.org>",
    "TO:<mail-0@[127.0.0.1]>",
    "TO:<>",
    "TO:",
    "TO: ",
    "TO:<mail-0",
    "TO:mail-0>",
    "TO:<mail-0@>",
    "TO:<mail-0> X",
    "TO:<mail-0> ORCPT=rfc822;x NOTIFY=NEVER",
    "TO:mail-0 NOTIFY=NEVER",
    "TO:<m\u{fc}ller@example.org>",
    "TO:<\"mail-0>",
    "TO:<mail-0 >",
];

/// What is said instead of a command, behind LHLO, that both judge alike.
const COMMANDS: &[&str] = &[
    "noop",
    "NOOP ",
    "NOOP x",
    "RSET ",
    "RSET x",
    "rset",
    "DATA x",
    "QUIT x",
    "quit ",
    "LHLO",
    "LHLO ",
    "LHLO x ",
    "LHLO a b",
    "LHLO [127.0.0.1]",
    "LHLO my_host",
    "LHLO -",
    "lhlo x",
    "EHLO x",
    "HELO x",
    "VRFY x",
    "EXPN x",
    "TURN",
    "AUTH PLAIN",
    "STARTTLS x",
    "XCLIENT",
    "XCLIENT ADDR=1.2.3.4",
    "",
    " ",
    "\t",
    " NOOP",
    "NOOP\0",
    "NOOP\rRSET",
    "MAIL",
    "MAIL ",
    "MAILFROM:<>",
    "MAIL FROM <>",
    "MAIL TO:<a>",
    "RCPT TO:<mail-0>",
    "DATA",
    "BDAT",
    "BDAT x",
    "BDAT -1 LAST",
    "BDAT 0",
    "BDAT 0 LAST",
    "BDAT 0 last",
    "BDAT 0 LAST ",
    "BDAT 0  LAST",
    "BDAT 0 FIRST",
];

/// What Hale takes and Dovecot does not, and why.
const TAKEN: &[(&str, &str)] = &[
    ("NOOP  x", "more than one SP does no harm"),
    ("LHLO  x", "more than one SP does no harm"),
    ("NOOP\t", "white space at the end does no harm"),
    ("VRFY", "the answer is the same for every address"),
    ("VRFY <x@y>", "the answer is the same for every address"),
    ("HELP", "RFC 5321 4.5.1: a receiver should know it"),
    ("HELP x", "RFC 5321 4.5.1: a receiver should know it"),
];

/// What Hale judges otherwise, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("FROM:<a@b> SIZE=1", "Hale offers SIZE"),
    ("FROM:<a@b>  BODY=7BIT", "more than one SP between parameters does no harm"),
    ("FROM:<\u{fc}@b>", "RFC 6531 3.5: without SMTPUTF8 an address is ASCII"),
    ("FROM:<\"\"@b>", "LM-01: an empty quoted local part names no user"),
    ("FROM:<@a:>", "a route without an address is no sender; Dovecot takes it for the null path"),
    ("FROM:<@a,b:u@c>", "no route, and no address"),
    ("FROM:<@a,,@b:u@c>", "no route, and no address"),
    ("FROM:a@b>", "what ends with a bracket begins with one"),
    ("FROM:(c)<a@b>", "a comment is no address"),
];

#[test]
fn rfc_5321_paths_as_dovecot_takes_them() {
    let workarounds = "lmtp_client_workarounds = whitespace-before-path mailbox-for-path\n";
    let stage = Stage::with(1, workarounds, |setup| setup.configure(workarounds));
    let judge = |verb: &str, argument: &str| {
        let dovecot = TcpStream::connect((BACKENDS[0], stage.backend_port)).unwrap();
        let [theirs, ours] = [Lmtp::greeted(dovecot), Lmtp::connect(stage.port)].map(|mut line| {
            line.command("LHLO mx.example", 250);
            if verb == "RCPT" {
                line.command("MAIL FROM:<>", 250);
            }
            line.send(format!("{verb} {argument}\r\n").as_bytes());
            let (code, words) = line.reply();
            line.command("NOOP", 250);
            (code / 100, words)
        });
        (theirs, ours)
    };
    let mut complaints = String::new();
    let all = SENDERS.iter().map(|text| ("MAIL", text));
    for (verb, text) in all.chain(RECIPIENTS.iter().map(|text| ("RCPT", text))) {
        let (theirs, ours) = judge(verb, text);
        if theirs.0 != ours.0 {
            complaints.push_str(&format!("{verb} {text:?}: {theirs:?} {ours:?}\n"));
        }
    }
    for (text, reason) in DIFFERENCES {
        let (theirs, ours) = judge("MAIL", text);
        if theirs.0 == ours.0 {
            complaints.push_str(&format!("no difference: MAIL {text:?} ({reason})\n"));
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn rfc_5321_commands_as_dovecot_takes_them() {
    let stage = Stage::with(1, "", |_| {});
    let judge = |text: &str| {
        let dovecot = TcpStream::connect((BACKENDS[0], stage.backend_port)).unwrap();
        [Lmtp::greeted(dovecot), Lmtp::connect(stage.port)].map(|mut line| {
            line.command("LHLO mx.example", 250);
            line.send(format!("{text}\r\n").as_bytes());
            line.reply().0 / 100
        })
    };
    let mut complaints = String::new();
    let alike = COMMANDS.iter().map(|text| (text, None));
    for (text, reason) in alike.chain(TAKEN.iter().map(|(text, reason)| (text, Some(reason)))) {
        let [theirs, ours] = judge(text);
        let is_right = match reason {
            None => theirs == ours,
            Some(_) => (theirs, ours) == (5, 2),
        };
        if !is_right {
            complaints.push_str(&format!("{text:?}: {theirs} {ours} {reason:?}\n"));
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}
