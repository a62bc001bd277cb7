//! Texts that another program takes apart: LDAP's filters and distinguished names.
//!
//! Duty: what a variable stands for is written so that it stays a value there (DB-02): no user's name opens a bracket
//! or adds a part to a name. Escaping is done here, whatever the operator wrote, because two servers have shown what
//! happens where it is left to settings. Not its duty: what is around the variables, which is the operator's.
//! Driver: `Template::expand_in`. Tests: below, and the fuzz target `ldap`.

use std::borrow::Cow;

use super::Unexpandable;
use super::filter::Filter;

/// Where a text is going to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// A search filter (RFC 4515).
    LdapFilter,
    /// A distinguished name (RFC 4514).
    LdapDn,
}

/// What becomes of a value at its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Value,
    /// `ldap_dn`, or `%D`: each dot begins a further part of a distinguished name.
    Domain,
}

impl Syntax {
    /// The filters that make the value, and what is made of the value then. A filter that writes a part of a
    /// distinguished name is the operator's way to say so; its commas are no value's.
    pub(super) fn split(self, filters: &[Filter]) -> (Cow<'_, [Filter]>, Ending) {
        match (self, filters.split_last()) {
            (Self::LdapDn, Some((Filter::LdapDn, others))) => (others.into(), Ending::Domain),
            (Self::LdapDn, Some((Filter::Modified(modifiers), others))) => {
                match modifiers.without_ldap_dn() {
                    None => (filters.into(), Ending::Value),
                    Some(rest) => {
                        let rest = others.iter().cloned().chain([Filter::Modified(rest)]);
                        (rest.collect::<Vec<_>>().into(), Ending::Domain)
                    }
                }
            }
            _ => (filters.into(), Ending::Value),
        }
    }

    /// Appends the value.
    pub(super) fn write(
        self,
        value: &str,
        ending: Ending,
        text: &mut String,
    ) -> Result<(), Unexpandable> {
        // No name has one, and a server that counts lines or ends at NUL would read another name.
        if value.contains(['\0', '\r', '\n']) {
            return Err(Unexpandable);
        }
        match (self, ending) {
            (Self::LdapFilter, _) => value.chars().for_each(|one| write_in_filter(one, text)),
            (Self::LdapDn, Ending::Value) => write_in_dn(value, text),
            (Self::LdapDn, Ending::Domain) => {
                for (number, part) in value.split('.').enumerate() {
                    if number > 0 {
                        text.push_str(",dc=");
                    }
                    write_in_dn(part, text);
                }
            }
        }
        Ok(())
    }
}

/// RFC 4515, section 3: `escaped = ESC HEX HEX` for what is no `normal`.
fn write_in_filter(character: char, text: &mut String) {
    match character {
        '*' => text.push_str("\\2a"),
        '(' => text.push_str("\\28"),
        ')' => text.push_str("\\29"),
        '\\' => text.push_str("\\5c"),
        plain => text.push(plain),
    }
}

/// RFC 4514, section 2.4. A space or a `#` matters only at the ends, and does no harm with a backslash elsewhere: what
/// is around the variable is not looked at.
fn write_in_dn(value: &str, text: &mut String) {
    let last = value.len().saturating_sub(1);
    for (at, character) in value.char_indices() {
        let is_special = match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => true,
            '#' => at == 0,
            ' ' => at == 0 || at == last,
            _ => false,
        };
        if is_special {
            text.push('\\');
        }
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use crate::template::{Letters, Syntax, Template, Unexpandable};

    fn written(syntax: Syntax, pattern: &str, user: &str) -> Result<String, Unexpandable> {
        let template = Template::parse(pattern, Letters::Variables).unwrap();
        template.expand_in(syntax, &|name| (name == "user").then(|| user.into()))
    }

    #[test]
    fn db_02_a_name_in_a_filter_is_the_literal_name() {
        let filter = |user| written(Syntax::LdapFilter, "(&(uid=%u)(c=%{user | upper}))", user);
        for (user, escaped, upper) in [
            ("tim", "tim", "TIM"),
            ("*)(uid=*", "\\2a\\29\\28uid=\\2a", "\\2a\\29\\28UID=\\2a"),
            ("\\", "\\5c", "\\5c"),
            ("(", "\\28", "\\28"),
            ("#a", "#a", "#A"),
            ("a ", "a ", "A "),
            ("cn=a,dc=b", "cn=a,dc=b", "CN=A,DC=B"),
            ("jürgen", "jürgen", "JüRGEN"),
            ("%{user}", "%{user}", "%{USER}"),
            ("\\2a", "\\5c2a", "\\5c2A"),
        ] {
            let expected = format!("(&(uid={escaped})(c={upper}))");
            assert_eq!(filter(user), Ok(expected), "{user}");
        }
    }

    #[test]
    fn db_02_a_name_in_a_distinguished_name_is_one_value() {
        let dn = |user| written(Syntax::LdapDn, "uid=%u,ou=people", user);
        for (user, escaped) in [
            ("tim", "tim"),
            ("cn=a,dc=b", "cn\\=a\\,dc\\=b"),
            ("#1", "\\#1"),
            ("a#", "a#"),
            (" a b ", "\\ a b\\ "),
            (" ", "\\ "),
            ("a+b;c<d>e\"f\\g", "a\\+b\\;c\\<d\\>e\\\"f\\\\g"),
            ("*)(uid=*", "*)(uid\\=*"),
            ("ü ", "ü\\ "),
        ] {
            assert_eq!(dn(user), Ok(format!("uid={escaped},ou=people")), "{user}");
        }
    }

    #[test]
    fn db_02_a_domain_may_become_parts_of_a_name_and_nothing_else_of_it() {
        for pattern in ["dc=%Dd", "dc=%{user | domain | ldap_dn}", "dc=%LDd"] {
            let dn = |user| written(Syntax::LdapDn, pattern, user).unwrap();
            assert_eq!(dn("a@mail.example.org"), "dc=mail,dc=example,dc=org", "{pattern}");
            assert_eq!(dn("a@b,dc=c.d"), "dc=b\\,dc\\=c,dc=d", "{pattern}");
        }
        let filter = written(Syntax::LdapFilter, "(m=dc=%Dd)", "a@b.c)").unwrap();
        assert_eq!(filter, "(m=dc=b,dc=c\\29)");
    }

    #[test]
    fn db_02_line_ends_and_nul_are_written_nowhere() {
        for syntax in [Syntax::LdapFilter, Syntax::LdapDn] {
            for name in ["a\r", "\nb", "c\0d"] {
                assert_eq!(written(syntax, "uid=%u", name), Err(Unexpandable), "{name:?}");
            }
            assert_eq!(written(syntax, "uid=%{user|unhexlify}", "0a"), Ok("uid=0a".to_owned()));
        }
    }
}
