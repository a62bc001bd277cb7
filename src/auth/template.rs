//! Templates in passdb settings: `%{user | lower}` and text, split once when the configuration is read.
//!
//! Knows only what a login can tell: the user, the addresses, the protocol. Values are inserted and never looked at again,
//! so that a user named `%{…}` stays that (SA-11, CVE-2017-2669). Settings files have an engine of their own in `config`.

use std::fmt;
use std::net::IpAddr;

use crate::names::Protocol;

/// Text with variables. May hold a password (`fields { password = … }`): prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

/// What the variables stand for in one login.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The user as normalised so far.
    pub user: &'a str,
    /// The user as typed.
    pub original_user: &'a str,
    /// Who logged in on behalf of `user`; empty: nobody.
    pub master_user: &'a str,
    /// The protocol of the login.
    pub protocol: Protocol,
    /// The client.
    pub remote: IpAddr,
    /// The address the client connected to.
    pub local: IpAddr,
}

/// What is wrong with the text of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `%{` without `}`.
    #[error("variable without closing brace")]
    Unclosed,
    /// A variable that no login has.
    #[error(
        "unknown variable; expected user, username, domain, original_user, master_user, protocol, remote_ip or local_ip"
    )]
    Variable,
    /// A filter that is not one of ours.
    #[error("unknown filter; expected lower, upper, username or domain")]
    Filter,
}

impl Template {
    /// Reads `%{variable | filter | …}`; `%%` is one percent sign, any other percent sign is text.
    ///
    /// # Errors
    /// An unknown variable or filter, or a missing brace.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            plain.push_str(before);
            if let Some(variable) = after.strip_prefix('{') {
                let (variable, after) = variable.split_once('}').ok_or(TemplateError::Unclosed)?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain).into_boxed_str()));
                }
                parts.push(Part::parse(variable)?);
                rest = after;
            } else {
                plain.push('%');
                rest = after.strip_prefix('%').unwrap_or(after);
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into_boxed_str()));
        }
        Ok(Self(parts.into_boxed_slice()))
    }

    /// A text in which nothing is a variable.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(Box::new([Part::Text(text.into())]))
    }

    /// `%{user | lower}`, Dovecot's `auth_username_format`.
    #[must_use]
    pub fn lower_user() -> Self {
        Self(Box::new([Part::Variable(Variable::User, Box::new([Filter::Lower]))]))
    }

    /// `%{user}`.
    #[must_use]
    pub fn user() -> Self {
        Self(Box::new([Part::Variable(Variable::User, Box::new([]))]))
    }

    /// The text with the variables' values.
    #[must_use]
    pub fn expand(&self, values: &Values<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Variable(variable, filters) => {
                    let value = variable.value(values);
                    text.push_str(&filters.iter().fold(value, |value, filter| filter.apply(value)));
                }
            }
        }
        text
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Variable(Variable, Box<[Filter]>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variable {
    User,
    Username,
    Domain,
    OriginalUser,
    MasterUser,
    Protocol,
    RemoteIp,
    LocalIp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Filter {
    Lower,
    Upper,
    Username,
    Domain,
}

impl Part {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut words = text.split('|').map(str::trim);
        let variable = match words.next().unwrap_or_default() {
            "user" => Variable::User,
            "username" => Variable::Username,
            "domain" => Variable::Domain,
            "original_user" => Variable::OriginalUser,
            "master_user" => Variable::MasterUser,
            // The second word of each is Dovecot 2.3's.
            "protocol" | "service" => Variable::Protocol,
            "remote_ip" | "rip" => Variable::RemoteIp,
            "local_ip" | "lip" => Variable::LocalIp,
            _ => return Err(TemplateError::Variable),
        };
        let filters: Result<Box<[Filter]>, TemplateError> = words.map(Filter::parse).collect();
        Ok(Self::Variable(variable, filters?))
    }
}

impl Variable {
    fn value(self, values: &Values<'_>) -> String {
        match self {
            Self::User => values.user.to_owned(),
            Self::Username => username(values.user).to_owned(),
            Self::Domain => domain(values.user).to_owned(),
            Self::OriginalUser => values.original_user.to_owned(),
            Self::MasterUser => values.master_user.to_owned(),
            Self::Protocol => values.protocol.name().to_owned(),
            Self::RemoteIp => values.remote.to_string(),
            Self::LocalIp => values.local.to_string(),
        }
    }
}

impl Filter {
    fn parse(word: &str) -> Result<Self, TemplateError> {
        match word {
            "lower" => Ok(Self::Lower),
            "upper" => Ok(Self::Upper),
            "username" => Ok(Self::Username),
            "domain" => Ok(Self::Domain),
            _ => Err(TemplateError::Filter),
        }
    }

    /// Letters are ASCII letters, as in Dovecot: other alphabets have no single lower case.
    fn apply(self, value: String) -> String {
        match self {
            Self::Lower => value.to_ascii_lowercase(),
            Self::Upper => value.to_ascii_uppercase(),
            Self::Username => username(&value).to_owned(),
            Self::Domain => domain(&value).to_owned(),
        }
    }
}

/// Up to the first `@`, as Dovecot cuts.
fn username(user: &str) -> &str {
    user.split_once('@').map_or(user, |(username, _)| username)
}

fn domain(user: &str) -> &str {
    user.split_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str, user: &str) -> String {
        let values = Values {
            user,
            original_user: user,
            master_user: "",
            protocol: Protocol::Imap,
            remote: "192.0.2.7".parse().unwrap(),
            local: "::1".parse().unwrap(),
        };
        Template::parse(text).unwrap().expand(&values)
    }

    #[test]
    fn variables_and_filters_are_dovecots() {
        assert_eq!(expand("%{user | lower}", "A@B.C"), "a@b.c");
        assert_eq!(expand("%{user|username|upper}@x", "a@b"), "A@x");
        assert_eq!(expand("%{username}/%{domain}", "a@b@c"), "a/b@c");
        assert_eq!(expand("%{protocol} %{remote_ip} %{local_ip}", "a"), "imap 192.0.2.7 ::1");
        assert_eq!(expand("100%% 5% %", "a"), "100% 5% %");
        assert_eq!(expand("", "a"), "");
    }

    #[test]
    fn ready_made_templates_are_what_they_are_called() {
        assert_eq!(Template::parse("%{user | lower}"), Ok(Template::lower_user()));
        assert_eq!(Template::parse("%{user}"), Ok(Template::user()));
    }

    #[test]
    fn mistakes_are_told_when_the_template_is_read() {
        assert_eq!(Template::parse("%{user"), Err(TemplateError::Unclosed));
        assert_eq!(Template::parse("%{usr}"), Err(TemplateError::Variable));
        assert_eq!(Template::parse("%{user | rot13}"), Err(TemplateError::Filter));
    }

    #[test]
    fn sa_11_values_are_inserted_and_never_expanded_again() {
        assert_eq!(expand("x%{user}", "%{master_user}%%"), "x%{master_user}%%");
    }

    #[test]
    fn debug_shows_nothing_because_fields_may_hold_passwords() {
        assert_eq!(format!("{:?}", Template::parse("hunter2 %{user}").unwrap()), "Template(…)");
    }
}
