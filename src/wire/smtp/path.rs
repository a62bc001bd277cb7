//! Envelope addresses and the parameters behind them: the arguments of MAIL and RCPT (RFC 5321 4.1.2).
//!
//! Decides: what an address is, where it ends, what its user is called. Does not: know which parameters mean something,
//! or whether the user exists. Driver: `lmtp`. Tests: below.
//!
//! A source route (`<@a,@b:c@d>`) is read and thrown away, as RFC 5321 4.1.1.3 demands: the mailbox behind it is the
//! address, and the route goes nowhere, so that it gets past no check.
//!
//! Deliberate differences to the grammar. Dots may stand anywhere in a local part, because senders with `a..b@` exist
//! and a refusal here would bounce their mail. An address without a domain, one without brackets, and a sender whose
//! address is none are taken where the caller says so.

use super::mailbox::{broken, mailbox, route};
use crate::limits::SMTP_PARAMETERS_MAX;
use crate::wire::cursor::Cursor;

pub use super::mailbox::Mailbox;

/// What addresses may look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The transaction has SMTPUTF8: anything but ASCII may stand in addresses (RFC 6531 3.3).
    pub utf8: bool,
    /// `<tim>` is an address.
    pub bare_local: bool,
    /// Whose path it is.
    pub whose: Whose,
    /// Whether `<` and `>` have to be there.
    pub brackets: Brackets,
}

/// Whose path it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Mail is delivered there, so that it has to be an address.
    #[default]
    Recipient,
    /// A sender is not looked up: text that only breaks the grammar (`<a@b.>`, `<a,b@c>`) travels on as it came, as
    /// with Dovecot.
    Sender,
}

/// Whether the angle brackets have to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brackets {
    /// RFC 5321.
    #[default]
    Needed,
    /// They may be left out (`lmtp_client_workarounds = mailbox-for-path`).
    Optional,
}

/// The argument of MAIL or RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument<'a> {
    /// None: `<>`.
    pub mailbox: Option<Mailbox<'a>>,
    /// Name and value, as they stood, in order.
    pub parameters: Vec<Parameter<'a>>,
}

/// `esmtp-param`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The keyword, in any case.
    pub name: &'a str,
    /// What is behind `=`.
    pub value: Option<&'a str>,
}

/// What is wrong with an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The address: 501 5.1.3 or 5.1.7.
    Address,
    /// It is one, but for the want of SMTPUTF8: 553 5.6.7 (RFC 6531 3.5).
    NotAscii,
    /// What is behind it: 501 5.5.4.
    Parameters,
}

impl<'a> Argument<'a> {
    /// Reads what is behind `MAIL ` or `RCPT `; `keyword` is `FROM:` or `TO:`.
    ///
    /// ```text
    /// mail          = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF ; RFC 5321 4.1.1.2
    /// rcpt          = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF   ; RFC 5321 4.1.1.3
    /// Reverse-path  = Path / "<>"
    /// Path          = "<" [ A-d-l ":" ] Mailbox ">"
    /// ```
    ///
    /// Quirk: white space behind the colon, which many senders write (Dovecot's `whitespace-before-path`).
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn parse(text: &'a [u8], keyword: &str, rules: Rules) -> Result<Self, Flaw> {
        let (word, rest) = text.split_at_checked(keyword.len()).ok_or(Flaw::Address)?;
        if !word.eq_ignore_ascii_case(keyword.as_bytes()) {
            return Err(Flaw::Address);
        }
        let mut start = Cursor::new(rest);
        start.take_while(|byte| matches!(byte, b' ' | b'\t'));
        let start = start.rest();
        let read = |rules: Rules| {
            let mut cursor = Cursor::new(start);
            path(&mut cursor, rules).map(|mailbox| (mailbox, cursor))
        };
        let strict = read(Rules { whose: Whose::Recipient, ..rules });
        let Some((mailbox, mut cursor)) = strict.or_else(|| read(rules)) else {
            let is_address = !rules.utf8 && read(Rules { utf8: true, ..rules }).is_some();
            return Err(if is_address { Flaw::NotAscii } else { Flaw::Address });
        };
        let parameters = parameters(&mut cursor).ok_or(Flaw::Parameters)?;
        Ok(Self { mailbox, parameters })
    }

    /// Whether a parameter of this name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }
}

/// `Some(None)` is `<>`.
#[expect(clippy::option_option, reason = "outside: no match; inside: the null path")]
fn path<'a>(cursor: &mut Cursor<'a>, rules: Rules) -> Option<Option<Mailbox<'a>>> {
    let is_bare = rules.brackets == Brackets::Optional && cursor.peek() != Some(b'<');
    if is_bare {
        route(cursor, rules)?;
        let mailbox = mailbox(cursor, rules)?;
        // Parameters follow, or nothing does.
        return matches!(cursor.peek(), None | Some(b' ')).then_some(Some(mailbox));
    }
    cursor.byte(b'<')?;
    if cursor.peek() == Some(b'>') {
        cursor.byte(b'>')?;
        return Some(None);
    }
    let mailbox = if rules.whose == Whose::Sender {
        broken(cursor, rules)?
    } else {
        route(cursor, rules)?;
        mailbox(cursor, rules)?
    };
    cursor.byte(b'>')?;
    Some(Some(mailbox))
}

/// ```text
/// Mail-parameters = esmtp-param *(SP esmtp-param)         ; RFC 5321 4.1.2
/// esmtp-param   = esmtp-keyword ["=" esmtp-value]
/// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
/// esmtp-value   = 1*(%d33-60 / %d62-126)
/// ```
fn parameters<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<Parameter<'a>>> {
    let mut found = Vec::new();
    loop {
        let space = cursor.take_while(|byte| byte == b' ');
        if cursor.end().is_some() {
            return Some(found);
        }
        if space.is_empty() || found.len() == SMTP_PARAMETERS_MAX {
            return None;
        }
        let name = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if name.is_empty() || name.starts_with(b"-") {
            return None;
        }
        let mut value = None;
        if cursor.peek() == Some(b'=') {
            cursor.byte(b'=')?;
            let text = cursor.take_while(|byte| byte.is_ascii_graphic() && byte != b'=');
            value = Some(std::str::from_utf8(text).ok().filter(|text| !text.is_empty())?);
        }
        found.push(Parameter { name: std::str::from_utf8(name).ok()?, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: Rules = Rules {
        utf8: false,
        bare_local: true,
        whose: Whose::Recipient,
        brackets: Brackets::Needed,
    };

    fn to(text: &str) -> Result<Argument<'_>, Flaw> {
        Argument::parse(text.as_bytes(), "TO:", LOCAL)
    }

    fn user(text: &str) -> Option<String> {
        Some(to(text).ok()?.mailbox?.user("+"))
    }

    #[test]
    fn lm_01_what_is_no_address() {
        let long = format!("TO:<{}@example.org>", "a".repeat(300));
        let wide = format!("TO:<a@{}>", "x.".repeat(200));
        let bad = [
            "TO:<\"\"@example.org>",
            "TO:<@a>",
            "TO:<@a:>",
            "TO:<@a:@b:>",
            "TO:<@a,b:c@d>",
            "TO:<@a,:c@d>",
            "TO:<@:c@d>",
            "TO:<@a: c@d>",
            "TO:<a@b:c@d>",
            "TO:<<a@b>>",
            "TO:< a@b>",
            "TO:<a@b >",
            "TO:<a@b.>",
            "TO:<a,b@c>",
            "TO:",
            "TO: ",
            "TO :<a@b>",
            " TO:<a@b>",
            "TO:<\"a@b>",
            "TO:<a\"b@c>",
            "TO:<a@b",
            "TO:a@b",
            "TO:<a@>",
            "TO:<@b>",
            "TO:<a@b..c>",
            "TO:<a@.b>",
            "TO:<a@[1.2.3]>",
            "TO:<a@[IPv6:::g]>",
            "TO:<a@[x:]>",
            "TO:<a b@c>",
            "TO:<a\tb@c>",
            "TO:<a\0b@c>",
            "TO:<\"a\tb\"@c>",
            "TO:<\"a\\",
            "FROM:<a@b>",
            "TO",
            "",
            "TO:<a@b\r>",
            &long,
            &wide,
        ];
        for text in bad {
            assert_eq!(to(text), Err(Flaw::Address), "{text:?}");
        }
        assert_eq!(Argument::parse(b"TO:<tim>", "TO:", Rules::default()), Err(Flaw::Address));
    }

    #[test]
    fn addresses_and_their_users() {
        for (text, wanted) in [
            ("TO:<tim@example.org>", "tim@example.org"),
            ("to: <Tim+box@Example.ORG>", "Tim@Example.ORG"),
            ("TO:<tim>", "tim"),
            ("TO:<+x@h>", "+x@h"),
            ("TO:<\"tim jo\"@h>", "tim jo@h"),
            ("TO:<\"t\\im\\\"+d\"@h>", "tim\"@h"),
            ("TO:<a..b.@h>", "a..b.@h"),
            ("TO:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("TO:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
            ("TO:<!#$%&'*-/=?^_`{|}~@h_1.x-y>", "!#$%&'*-/=?^_`{|}~@h_1.x-y"),
        ] {
            assert_eq!(user(text).as_deref(), Some(wanted), "{text}");
        }
        assert_eq!(to("TO:<>").unwrap().mailbox, None);
        for text in ["TO:<\u{e9}@example.org>", "TO:<a@\u{e9}>", "TO:<@\u{e9}:a@b>"] {
            assert_eq!(to(text), Err(Flaw::NotAscii), "{text}");
        }
        let rules = Rules { utf8: true, ..Rules::default() };
        let text = "TO:<\u{e9}@\u{e9}.example>".as_bytes();
        assert_eq!(
            Argument::parse(text, "TO:", rules).unwrap().mailbox.unwrap().text,
            "\u{e9}@\u{e9}.example"
        );
        assert_eq!(Argument::parse(b"TO:<\xff@a>", "TO:", rules), Err(Flaw::Address));
    }

    /// RFC 5321 4.1.1.3, and Dovecot's lmtp alike: routes are read and thrown away.
    #[test]
    fn rfc_5321_of_a_source_route_only_the_mailbox_counts() {
        for (text, wanted) in [
            ("TO:<@a:tim@c>", "tim@c"),
            ("TO:<@a,@b.example,@[192.0.2.1]:\"t im\"@c>", "\"t im\"@c"),
            ("TO:<@a:tim>", "tim"),
        ] {
            assert_eq!(to(text).unwrap().mailbox.unwrap().text, wanted, "{text}");
        }
        let long = format!("TO:<{}@z:tim@c>", "@a,".repeat(80));
        assert_eq!(to(&long).unwrap().mailbox.unwrap().text, "tim@c");
    }

    /// Dovecot's lmtp of Debian 12 takes these, too; what it refuses stays refused.
    #[test]
    fn rfc_5321_senders_that_only_break_the_grammar_travel_on() {
        let rules = Rules { whose: Whose::Sender, ..LOCAL };
        let from = |text: &str| {
            let argument = Argument::parse(text.as_bytes(), "FROM:", rules)?;
            Ok(argument.mailbox.map(|mailbox| mailbox.text.to_owned()))
        };
        for same in
            ["a@b", "a@b.", "a@b..c", "a@[1.2.3]", "a,b@c", "(c)a@b", "a@b@c", "a:b@c", "a;@b"]
        {
            assert_eq!(from(&format!("FROM:<{same}> SIZE=1")), Ok(Some(same.to_owned())));
        }
        assert_eq!(from("FROM:<>"), Ok(None));
        assert_eq!(from("FROM:<@a:b@c>"), Ok(Some("b@c".to_owned())), "not the raw text");
        for bad in [
            "<@a>", "<@a:>", "<a@>", "<a b@c>", "<a@b", "<\"a@b>", "<\"\"@b>", "<a\\@b>",
            "<a<b@c>", "<a;>", "<a@b\r>", "<a\0@b>",
        ] {
            assert_eq!(from(&format!("FROM:{bad}")), Err(Flaw::Address), "{bad:?}");
        }
        assert_eq!(from("FROM:<\u{e9}@b.>"), Err(Flaw::NotAscii));
        let long = format!("FROM:<{},@b>", "a".repeat(255));
        assert_eq!(from(&long), Err(Flaw::Address));
    }

    /// `19-lmtp-path-without-brackets`: Dovecot's `mailbox-for-path`.
    #[test]
    fn paths_without_brackets_where_the_operator_says_so() {
        let rules = Rules { brackets: Brackets::Optional, ..LOCAL };
        let to = |text: &str| {
            let argument = Argument::parse(text.as_bytes(), "TO:", rules).ok()?;
            Some((argument.mailbox?.text.to_owned(), argument.parameters.len()))
        };
        for (text, wanted) in [
            ("TO:tim", ("tim", 0)),
            ("to: tim@b", ("tim@b", 0)),
            ("TO:\ttim@b A B=c", ("tim@b", 2)),
            ("TO:\"t im\"@[192.0.2.1] A", ("\"t im\"@[192.0.2.1]", 1)),
            ("TO:<tim@b> A", ("tim@b", 1)),
        ] {
            assert_eq!(to(text), Some((wanted.0.to_owned(), wanted.1)), "{text}");
        }
        for bad in [
            "TO:",
            "TO: ",
            "TO:tim>",
            "TO:<tim",
            "TO:tim\tA",
            "TO:tim@",
            "TO:\"\"@b",
            "TO:a,b",
            "TO:A b <c@d>",
        ] {
            let found = Argument::parse(bad.as_bytes(), "TO:", rules);
            assert!(found.is_err(), "{bad:?}: {found:?}");
        }
        assert_eq!(Argument::parse(b"TO:tim", "TO:", LOCAL), Err(Flaw::Address));
    }

    #[test]
    fn w_lmtp_5_another_name_keeps_the_detail() {
        let renamed =
            |text: &str, user: &str| to(text).unwrap().mailbox.unwrap().renamed(user, "+");
        assert_eq!(renamed("TO:<tim+x@a>", "u17@b"), "u17+x@b");
        assert_eq!(renamed("TO:<tim@a>", "u17"), "u17");
        let of_several = |text: &str| to(text).unwrap().mailbox.unwrap().user("-+");
        assert_eq!(of_several("TO:<tim+x-y@a>"), "tim@a", "each separates, the first counts");
        assert_eq!(of_several("TO:<-tim@a>"), "-tim@a");
        assert_eq!(renamed("TO:<tim+a@b>", "two words@c"), "\"two words+a\"@c");
        assert_eq!(renamed("TO:<\"tim+a\\\"\"@b>", "u@c"), "\"u+a\\\"\"@c");
    }

    #[test]
    fn lm_12_parameters_are_words_and_nothing_else() {
        let of = |text: &'static str| to(text).map(|argument| argument.parameters.len());
        assert_eq!(of("TO:<a@b> NOTIFY=NEVER X  ORCPT=rfc822;a+2Bb@c "), Ok(3));
        assert_eq!(
            to("TO:<a@b> A=b").unwrap().parameters,
            [Parameter { name: "A", value: Some("b") }]
        );
        for bad in [
            "TO:<a@b>X",
            "TO:<a@b> A=",
            "TO:<a@b> A=b=c",
            "TO:<a@b> =b",
            "TO:<a@b> -a",
            "TO:<a@b> A=b\tc",
            "TO:<a@b>\tA",
            "TO:<a@b> A=\u{e9}",
            "TO:<a@b> \0",
            "TO:<a@b> A_B",
            "TO:<a@b> a b c d e f g h i j k l m n o p q",
        ] {
            assert_eq!(of(bad), Err(Flaw::Parameters), "{bad:?}");
        }
    }
}
