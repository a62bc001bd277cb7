//! Attributes of an entry to passdb fields: `pass_attrs` of Dovecot 2.3, `fields { … }` of 2.4.
//!
//! Duty: both notations as one list, the attributes to ask for, and a row of an entry. A password is octets and goes
//! through untouched, unless a template makes it. Not its duty: what fields mean (`auth::fields`).

use std::borrow::Cow;
use std::fmt;

use crate::auth::fields::Fields;
use crate::auth::inquiry::Row;
use crate::secret::Secret;
use crate::template::{Letters, Template, Unexpandable};

/// Which fields are made of an entry, in the order in which they are written: a later one may have `%{user}` as an
/// earlier one has made it.
#[derive(Clone, Default)]
pub struct Mapping {
    fields: Vec<Mapped>,
}

#[derive(Clone)]
struct Mapped {
    name: Box<str>,
    text: Template,
    /// The field is left out where the entry has no such attribute. Templates are used all the same, as in Dovecot: an
    /// `allow_nets` that is made of nothing allows nothing.
    needs: Option<Box<str>>,
}

/// What a search has found. Values may be secrets: prints the names only.
#[derive(Clone, Default)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    /// Names as the server spells them, and all their values.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// Why no row can be made of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingFault {
    /// An attribute that becomes a text has bytes that are none.
    #[error("an attribute that becomes a field is not UTF-8")]
    NotUtf8,
    /// A filter of a template has nothing to work on.
    #[error(transparent)]
    Template(#[from] Unexpandable),
}

const _: () = assert!(size_of::<MappingFault>() <= 16);

/// What a login's variables stand for.
pub type Lookup<'l, 'v> = &'l dyn Fn(&str) -> Option<Cow<'v, str>>;

impl Mapping {
    /// Dovecot's own, where nothing is written.
    pub const DEFAULT_PASS_ATTRS: &str = "uid=user,userPassword=password";

    /// `pass_attrs`: `ATTRIBUTE=FIELD`, `ATTRIBUTE=FIELD=TEXT` with `%$` for its value, `=FIELD=TEXT` with
    /// `%{ldap:ATTRIBUTE}`, separated by commas.
    ///
    /// # Errors
    /// A sentence for the operator. It shows no text that may be a secret.
    pub fn of_pass_attrs(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let fields = items.map(Mapped::of_pass_attr).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { fields: fields.into_iter().flatten().collect() })
    }

    /// Fields with their templates, as 2.4 has them.
    pub fn of_fields(fields: impl Iterator<Item = (Box<str>, Template)>) -> Self {
        Self { fields: fields.map(|(name, text)| Mapped { name, text, needs: None }).collect() }
    }

    /// The same without the password, which the server compares.
    #[must_use]
    pub fn without_password(mut self) -> Self {
        self.fields.retain(|field| &*field.name != PASSWORD);
        self
    }

    /// Whether one of the fields is the stored password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.fields.iter().any(|field| &*field.name == PASSWORD)
    }

    /// The variables that are no attributes, to be checked against those of a login.
    pub fn other_variables(&self) -> impl Iterator<Item = &str> {
        let all = self.fields.iter().flat_map(|field| field.text.variables());
        all.filter(|name| Attribute::read(name).is_none())
    }

    /// What to ask the server for: these attributes and no others, each once.
    #[must_use]
    pub fn attributes(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for field in &self.fields {
            let named = field.text.variables().filter_map(Attribute::read).map(|one| one.name);
            for name in named.chain(field.needs.as_deref()) {
                if name != DN && !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                    all.push(name);
                }
            }
        }
        // RFC 4511 4.5.1.8: no attributes at all would mean every one of them.
        if all.is_empty() {
            all.push(NO_ATTRIBUTES);
        }
        all
    }

    /// The fields of an entry.
    ///
    /// # Errors
    /// See [`MappingFault`].
    pub fn row(&self, entry: &Entry, login: Lookup<'_, '_>) -> Result<Row, MappingFault> {
        let mut row = Row::default();
        let mut user: Option<String> = None;
        for field in &self.fields {
            if field.needs.as_deref().is_some_and(|name| entry.first(name).is_none()) {
                continue;
            }
            let is_password = &*field.name == PASSWORD;
            let whole = field.text.only_variable().and_then(Attribute::read);
            if let (true, Some(attribute)) = (is_password, whole) {
                let value = entry.first(attribute.name).filter(|value| !value.is_empty());
                row.password = value.map(|value| Secret::from(&*in_dovecots_scheme(value)));
                continue;
            }
            if !is_password && !Fields::knows(&field.name) {
                continue;
            }
            let unreadable = std::cell::Cell::new(false);
            let text = field.text.expand(&|name| match Attribute::read(name) {
                None if name == "user" && user.is_some() => user.as_deref().map(Cow::from),
                None => login(name),
                Some(attribute) => {
                    let value = attribute.value_in(entry);
                    unreadable.set(unreadable.get() || value.is_err());
                    value.ok()
                }
            })?;
            if unreadable.get() {
                return Err(MappingFault::NotUtf8);
            }
            if is_password {
                row.password = Some(text)
                    .filter(|text| !text.is_empty())
                    .map(|text| Secret::from(&*in_dovecots_scheme(text.as_bytes())));
            } else {
                if &*field.name == "user" {
                    user = Some(text.clone());
                }
                row.put(&field.name, &text);
            }
        }
        Ok(row)
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|field| &field.name)).finish()
    }
}

impl Mapped {
    /// `None`: an attribute that becomes no field.
    fn of_pass_attr(item: &str) -> Result<Option<Self>, String> {
        let (attribute, rest) = item.split_once('=').unwrap_or((item, item));
        let (name, template) = match rest.split_once('=') {
            Some((name, template)) => (name, Some(template)),
            None => (rest, None),
        };
        if attribute.starts_with('@') || name.starts_with('@') {
            return Err(format!(
                "`{attribute}={name}` asks for another entry by its name, which Hale does not; put the attribute into the \
                 user's entry"
            ));
        }
        if attribute.starts_with('!') {
            return Ok(None);
        }
        if name.is_empty() || name.contains(['%', '{', ' ']) {
            return Err(format!("`{attribute}=` has to be followed by the name of a field"));
        }
        if !attribute.chars().all(|c| c.is_ascii_alphanumeric() || "-.;_".contains(c)) {
            return Err(format!("`{}` is no name of an attribute", attribute.escape_debug()));
        }
        let value = format!("%{{ldap:{attribute}}}");
        let text = match template {
            Some(text) if attribute.is_empty() => text.to_owned(),
            Some(text) => text.replace("%$", &value),
            // `=nologin`: the bare name.
            None if attribute.is_empty() => String::new(),
            None => value,
        };
        let parsed = Template::parse(&text, Letters::Variables);
        let text = parsed.map_err(|fault| format!("the text of the field `{name}`: {fault}"))?;
        let needs = (!attribute.is_empty() && template.is_none()).then(|| attribute.into());
        Ok(Some(Self { name: name.into(), text, needs }))
    }
}

impl Entry {
    /// The first value of an attribute, whose name is the same in any case (RFC 4512 2.5).
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, values)| &**values).unwrap_or_default()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.attributes.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("Entry").field("dn", &self.dn).field("attributes", &names).finish()
    }
}

/// `ldap:NAME`, `ldap:NAME:DEFAULT`, `ldap_multi:NAME:SEPARATOR:DEFAULT`.
#[derive(Clone, Copy)]
struct Attribute<'n> {
    name: &'n str,
    default: &'n str,
    /// None: only the first value counts.
    separator: Option<&'n str>,
}

impl<'n> Attribute<'n> {
    fn read(variable: &'n str) -> Option<Self> {
        if let Some(rest) = variable.strip_prefix("ldap:") {
            let (name, default) = rest.split_once(':').unwrap_or((rest, ""));
            return Some(Self { name, default, separator: None });
        }
        let rest = variable.strip_prefix("ldap_multi:")?;
        let (name, rest) = rest.split_once(':').unwrap_or((rest, ""));
        // A colon is a separator where it stands alone: `::` and `:::DEFAULT`.
        let (separator, default) = match rest.strip_prefix(':') {
            Some("") => (":", ""),
            Some(rest) => match rest.strip_prefix(':') {
                Some(default) => (":", default),
                None => (" ", rest),
            },
            None => rest.split_once(':').unwrap_or((rest, "")),
        };
        let separator = if separator.is_empty() { " " } else { separator };
        Some(Self { name, default, separator: Some(separator) })
    }

    fn value_in(self, entry: &Entry) -> Result<Cow<'_, str>, MappingFault> {
        if self.name.eq_ignore_ascii_case(DN) {
            return Ok((&*entry.dn).into());
        }

        match (entry.values(self.name), self.separator) {
            ([], _) => Ok(self.default.to_owned().into()),
            ([first, ..], None) => text(first).map(Cow::from),
            (all, Some(separator)) => {
                let all = all.iter().map(|value| text(value)).collect::<Result<Vec<_>, _>>()?;
                Ok(all.join(separator).into())
            }
        }
    }
}

fn text(value: &[u8]) -> Result<&str, MappingFault> {
    str::from_utf8(value).map_err(|_| MappingFault::NotUtf8)
}

/// OpenLDAP says ARGON2 and leaves the kind to what follows; Dovecot has a scheme for each kind.
fn in_dovecots_scheme(stored: &[u8]) -> Cow<'_, [u8]> {
    const OPENLDAP: &[u8] = b"{ARGON2}";
    let Some((prefix, value)) = stored.split_at_checked(OPENLDAP.len()) else {
        return stored.into();
    };
    let scheme: &[u8] = if !prefix.eq_ignore_ascii_case(OPENLDAP) {
        return stored.into();
    } else if value.starts_with(b"$argon2id$") {
        b"{ARGON2ID}"
    } else {
        b"{ARGON2I}"
    };
    [scheme, value].concat().into()
}

const PASSWORD: &str = "password";
const DN: &str = "dn";
/// Asks for none (RFC 4511 4.5.1.8).
const NO_ATTRIBUTES: &str = "1.1";

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let one = |name: &str, values: &[&[u8]]| {
            (name.to_owned(), values.iter().map(|value| value.to_vec()).collect())
        };
        Entry {
            dn: "uid=tim,dc=x".to_owned(),
            attributes: vec![
                one("uid", &[b"Tim", b"timothy"]),
                one("userPassword", &[b"{SSHA}abc", b"second"]),
                one("mailHost", &[b"be1.test"]),
                one("photo", &[b"\xFF\xD8"]),
                one("empty", &[b""]),
            ],
        }
    }

    fn row(pass_attrs: &str) -> Result<Row, MappingFault> {
        let mapping = Mapping::of_pass_attrs(pass_attrs).unwrap();
        mapping.row(&entry(), &|name| (name == "user").then(|| "typed@x.org".into()))
    }

    fn fields(pass_attrs: &str) -> Vec<(String, String)> {
        let fields = row(pass_attrs).unwrap().fields;
        let text = |value: Secret| String::from_utf8(value.expose().to_vec()).unwrap();
        fields.into_iter().map(|(name, value)| (name.into(), text(value))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn password(pass_attrs: &str) -> Option<Vec<u8>> {
        row(pass_attrs).unwrap().password.map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn pass_attrs_are_dovecots() {
        assert_eq!(fields(Mapping::DEFAULT_PASS_ATTRS), pairs(&[("user", "Tim")]));
        assert_eq!(password(Mapping::DEFAULT_PASS_ATTRS), Some(b"{SSHA}abc".to_vec()));
        assert_eq!(
            fields("uid=user, mailhost=host"),
            pairs(&[("user", "Tim"), ("host", "be1.test")])
        );
        assert_eq!(fields("none=host,uid=userdb_x,mailHost=mail_x"), pairs(&[]));
        assert_eq!(fields("mailHost=host=%$.example"), pairs(&[("host", "be1.test.example")]));
        assert_eq!(fields("=proxy=y,=nologin"), pairs(&[("proxy", "y"), ("nologin", "")]));
        assert_eq!(fields("=host=%{ldap:mailHost}"), pairs(&[("host", "be1.test")]));
        assert_eq!(fields("=host=%{ldap:none:be9.test}"), pairs(&[("host", "be9.test")]));
        assert_eq!(fields("=allow_nets=%{ldap:none}"), pairs(&[("allow_nets", "")]));
        assert_eq!(fields("=destuser=%{ldap:dn}"), pairs(&[("destuser", "uid=tim,dc=x")]));
        assert_eq!(fields("=reason=%n@%d"), pairs(&[("reason", "typed@x.org")]));
        assert_eq!(fields("!uid=x"), pairs(&[]));
        let list = fields(
            "=reason=%{ldap_multi:uid},=forward_a=%{ldap_multi:uid:-},=forward_b=%{ldap_multi:uid::}",
        );
        let expected =
            [("reason", "Tim timothy"), ("forward_a", "Tim-timothy"), ("forward_b", "Tim:timothy")];
        assert_eq!(list, pairs(&expected));
    }

    #[test]
    fn a_later_field_sees_the_user_as_an_earlier_one_made_it() {
        let expected = [("user", "Tim"), ("destuser", "Tim*admin")];
        assert_eq!(fields("uid=user,=destuser=%u*admin"), pairs(&expected));
        assert_eq!(fields("=destuser=%u,uid=user")[0].1, "typed@x.org");
    }

    #[test]
    fn passwords_are_octets_and_fields_are_text() {
        assert_eq!(password("photo=password"), Some(b"\xFF\xD8".to_vec()));
        assert_eq!(password("none=password"), None);
        assert_eq!(password("empty=password"), None);
        assert_eq!(
            password("=password={PLAIN}%{ldap:mailHost}"),
            Some(b"{PLAIN}be1.test".to_vec())
        );
        assert_eq!(row("photo=host").unwrap_err(), MappingFault::NotUtf8);
        let printed = format!("{:?} {:?}", row("photo=password").unwrap(), entry());
        assert!(!printed.contains("SSHA") && !printed.contains("255"), "{printed}");
    }

    #[test]
    fn openldaps_argon2_is_taken_by_what_follows() {
        for (stored, expected) in [
            ("{ARGON2}$argon2i$v=19$x", "{ARGON2I}$argon2i$v=19$x"),
            ("{argon2}$argon2id$v=19$x", "{ARGON2ID}$argon2id$v=19$x"),
            ("{ARGON2I}$argon2i$x", "{ARGON2I}$argon2i$x"),
            ("{SSHA}x", "{SSHA}x"),
            ("x", "x"),
        ] {
            assert_eq!(&*in_dovecots_scheme(stored.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn only_what_is_used_is_asked_for() {
        let mapping =
            Mapping::of_pass_attrs("uid=user,UID=destuser,=host=%{ldap:h}%u,=reason=%{ldap:dn}");
        let mapping = mapping.unwrap();
        assert_eq!(mapping.attributes(), ["uid", "h"]);
        assert_eq!(mapping.other_variables().collect::<Vec<_>>(), ["user"]);
        assert_eq!(Mapping::of_pass_attrs("=proxy=y").unwrap().attributes(), ["1.1"]);
        let bound = Mapping::of_pass_attrs(Mapping::DEFAULT_PASS_ATTRS).unwrap().without_password();
        assert_eq!((bound.attributes(), bound.has_password()), (vec!["uid"], false));
    }

    #[test]
    fn what_is_no_mapping_is_said_in_words() {
        for (text, part) in [
            ("@x=host", "asks for another entry"),
            ("uid=", "followed by the name of a field"),
            ("ui d=user", "no name of an attribute"),
            ("=host=%{ldap:h", "the text of the field `host`"),
        ] {
            let fault = Mapping::of_pass_attrs(text).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }
}
