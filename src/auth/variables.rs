//! What the variables of templates (`%{user | lower}`) stand for in a login.
//!
//! Values are inserted and never looked at again, so that a user named `%{…}` stays that (SA-11, CVE-2017-2669).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::names::Protocol;
use crate::template::{Template, Unexpandable};

/// What the variables stand for in one login.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The user as normalised so far.
    pub user: &'a str,
    /// The user as typed.
    pub original_user: &'a str,
    /// The master user who logged in for `user`; empty: none.
    pub master_user: &'a str,
    /// The protocol of the login.
    pub protocol: Protocol,
    /// The client.
    pub remote: IpAddr,
    /// The address the client connected to.
    pub local: IpAddr,
}

impl Values<'_> {
    /// A template's text in this login.
    ///
    /// # Errors
    /// A filter cannot do its work on this login's values.
    pub fn expand(&self, template: &Template) -> Result<String, Unexpandable> {
        template.expand(&|name| self.get(name))
    }

    /// One variable's value; none: there is no such variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "user" => Cow::from(self.user),
            "original_user" => self.original_user.into(),
            "master_user" => self.master_user.into(),
            "protocol" => self.protocol.name().into(),
            "remote_ip" => self.remote.to_string().into(),
            "local_ip" => self.local.to_string().into(),
            _ => return None,
        })
    }
}

/// A variable that no login has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown variable `%{{{0}}}`; expected user, username, domain, original_user, master_user, protocol, remote_ip or \
     local_ip"
)]
pub struct UnknownVariable(pub Box<str>);

/// Whether a login has every variable of a template.
///
/// # Errors
/// The first that it has not.
pub fn check(template: &Template) -> Result<(), UnknownVariable> {
    let unknown = template.variables().find(|name| !NAMES.contains(name));
    unknown.map_or(Ok(()), |name| Err(UnknownVariable(name.into())))
}

/// The same for the question of a database elsewhere, which may have the password in it.
///
/// # Errors
/// The first that it has not.
pub fn check_inquiry(template: &Template) -> Result<(), UnknownVariable> {
    let is_known = |name: &&str| NAMES.contains(name) || *name == PASSWORD;
    let unknown = template.variables().find(|name| !is_known(name));
    unknown.map_or(Ok(()), |name| Err(UnknownVariable(name.into())))
}

/// The variable of questions to databases elsewhere that stands for the client's password.
pub const PASSWORD: &str = "password";

/// The names that [`Values::expand`] knows. Others, as `username`, are filters of these.
const NAMES: [&str; 6] =
    ["user", "original_user", "master_user", "protocol", "remote_ip", "local_ip"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Letters;

    fn parse(text: &str) -> Template {
        Template::parse(text, Letters::Variables).unwrap()
    }

    fn expand(text: &str, user: &str) -> String {
        let values = Values {
            user,
            original_user: "typed",
            master_user: "",
            protocol: Protocol::Imap,
            remote: "192.0.2.7".parse().unwrap(),
            local: "::1".parse().unwrap(),
        };
        values.expand(&parse(text)).unwrap()
    }

    #[test]
    fn variables_and_filters_are_dovecots() {
        assert_eq!(expand("%{user | lower}", "A@B.C"), "a@b.c");
        assert_eq!(expand("%{user|username|upper}@x", "a@b"), "A@x");
        assert_eq!(expand("%{username}/%{domain}", "a@b@c"), "a/b@c");
        assert_eq!(expand("%{protocol} %{remote_ip} %{local_ip}", "a"), "imap 192.0.2.7 ::1");
        assert_eq!(
            expand("%{service} %{rip} %{lip} %{orig_user}", "a"),
            "imap 192.0.2.7 ::1 typed"
        );
        assert_eq!(expand("100%% 5% %", "a"), "100% 5% %");
        assert_eq!(expand("%{master_user | default('none')}", "a"), "none");
        assert_eq!(expand("", "a"), "");
    }

    #[test]
    fn every_name_has_a_value_and_no_other_is_allowed() {
        for name in NAMES {
            let text = format!("%{{{name} | default('absent')}}");
            assert_eq!(check(&parse(&text)), Ok(()));
            assert_eq!(expand(&text, "a") == "absent", name == "master_user", "{name}");
        }
        let fault = check(&parse("%{user}%{usr}")).unwrap_err();
        assert!(fault.to_string().contains("`%{usr}`; expected user, username"), "{fault}");
    }

    #[test]
    fn sa_11_values_are_inserted_and_never_expanded_again() {
        assert_eq!(expand("x%{user}", "%{master_user}%%"), "x%{master_user}%%");
    }
}
