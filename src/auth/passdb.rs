//! Password databases as the configuration names them, and what one of them says about one user.
//!
//! A plain value made by `boot` from settings and by `control` from files; a reload makes a new one. Looks one user
//! up in one database; the order of databases and the verdict are `auth::chain`'s.

use std::fmt;
use std::sync::Arc;

use crate::auth::ask::Proof;
use crate::auth::fields::{FieldError, Fields};
use crate::auth::inquiry::{Gives, Remote, RemoteTrouble, Row};
use crate::auth::name_filter::NameFilter;
use crate::auth::passwd_file::{PasswdFile, RowFault, is_variable, row_template};
use crate::auth::scheme::{Scheme, SchemeError};
use crate::auth::user::UserRules;
use crate::auth::variables::Values;
use crate::names::Protocol;
use crate::names::mechanism::Mechanisms;
use crate::secret::Secret;
use crate::template::{Template, Unexpandable};

/// All password databases, in the order of the configuration, and how names are read before any is asked.
#[derive(Clone, Debug, Default)]
pub struct Passdbs {
    /// What makes users of typed names.
    pub users: UserRules,
    /// Asked from first to last. Test accounts come first (`palomar-configuration.txt`).
    pub list: Vec<Passdb>,
}

/// One password database. Setting names are Dovecot's without the `passdb_` in front.
#[derive(Clone)]
pub struct Passdb {
    /// The block's label, for logs.
    pub name: Box<str>,
    /// `driver`.
    pub driver: Driver,
    /// What it is asked for.
    pub role: Role,
    /// `protocols`; empty: all.
    pub protocols: Vec<Protocol>,
    /// `mechanisms`: those whose logins it is asked for; none: all.
    pub mechanisms: Mechanisms,
    /// `username_filter`: which users it is asked for.
    pub names: NameFilter,
    /// `username_format`: the key that is looked up.
    pub username_format: Template,
    /// `default_password_scheme`: of stored passwords without `{…}`.
    pub default_scheme: Scheme,
    /// `skip`.
    pub skip: Skip,
    /// `result_success`.
    pub result_success: Rule,
    /// `result_failure`.
    pub result_failure: Rule,
    /// `result_internalfail`.
    pub result_internalfail: Rule,
    /// `default_fields` (Dovecot 2.3): where the row says nothing.
    pub default_fields: Vec<(Box<str>, Template)>,
    /// `fields` (2.3: `override_fields`): whatever the row says.
    pub fields: Vec<(Box<str>, Template)>,
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub enum Driver {
    /// A file of users.
    PasswdFile(Arc<PasswdFile>),
    /// The same fields for every user.
    Static,
    /// A database elsewhere, asked by an [`Inquiry`](crate::auth::inquiry::Inquiry).
    Remote(Remote),
}

/// What a database is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Users and their passwords.
    #[default]
    Users,
    /// `deny = yes`: the users in it may not log in.
    Deny,
    /// `master = yes`: master users and their passwords.
    Master,
}

/// When a database is passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skip {
    /// Never.
    #[default]
    Never,
    /// When the password has been verified by an earlier one.
    Authenticated,
    /// When it has not.
    Unauthenticated,
}

/// What a result means for the login; Dovecot's `result_*` words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The login stands as earlier databases left it.
    Return,
    /// The login succeeds.
    ReturnOk,
    /// The login fails.
    ReturnFail,
    /// The next database is asked.
    Continue,
    /// The next one is asked, and unless it says otherwise the login succeeds.
    ContinueOk,
    /// The next one is asked, and unless it says otherwise the login fails.
    ContinueFail,
}

/// What a database has about a user.
pub(super) struct Found {
    pub(super) fields: Fields,
    pub(super) stored: Option<StoredText>,
}

/// A stored password as text and what it is when it has no `{…}`.
pub(super) struct StoredText {
    pub(super) text: Secret,
    pub(super) scheme: Scheme,
}

/// Why a database could not answer. Ours or the operator's fault, never the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The stored password.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// An extra field, of the row or of the configuration.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A variable in a row that cannot be expanded.
    #[error(transparent)]
    Row(#[from] RowFault),
    /// A template that nothing can be made of in this login.
    #[error(transparent)]
    Template(#[from] Unexpandable),
    /// A database elsewhere.
    #[error(transparent)]
    Remote(#[from] RemoteTrouble),
}

const _: () = assert!(size_of::<Cause>() <= 16);

impl Passdb {
    /// A database with Dovecot's defaults.
    #[must_use]
    pub fn new(name: &str, driver: Driver) -> Self {
        let default_scheme = match driver {
            Driver::PasswdFile(_) => Scheme::Crypt,
            Driver::Static | Driver::Remote(_) => Scheme::Plain,
        };
        Self {
            name: name.into(),
            driver,
            role: Role::Users,
            protocols: Vec::new(),
            mechanisms: Mechanisms::NONE,
            names: NameFilter::default(),
            username_format: Template::user(),
            default_scheme,
            skip: Skip::Never,
            result_success: Rule::ReturnOk,
            result_failure: Rule::Continue,
            result_internalfail: Rule::Continue,
            default_fields: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Whether logins of this protocol ask it.
    pub(super) fn serves(&self, protocol: Protocol) -> bool {
        self.protocols.is_empty() || self.protocols.contains(&protocol)
    }

    /// `mechanisms`: whether logins that are proved so ask it.
    pub(super) fn is_for(&self, proof: Proof) -> bool {
        self.mechanisms.is_empty() || self.mechanisms.meets(proof.mechanisms())
    }

    /// Whether it can judge such a proof (SA-07). Databases for tokens judge nothing else. Of a token the others have only their
    /// word that the backend will judge it (`nopassword`).
    pub(super) fn judges(&self, proof: Proof) -> bool {
        let gives = match &self.driver {
            Driver::Remote(remote) => remote.gives,
            Driver::PasswdFile(_) | Driver::Static => Gives::Rows,
        };
        match (gives, proof) {
            (Gives::Tokens, _) => proof == Proof::Token,
            // It needs to know a name only.
            _ if self.role == Role::Deny => true,
            // Rows may say so, too, where the operator has said that there are such.
            (Gives::Rows | Gives::Both, Proof::Token) => {
                !self.names_password()
                    && (self.gives("nopassword") || self.mechanisms.meets(Mechanisms::TOKENS))
            }
            (Gives::Verdicts, Proof::Token) => self.gives("nopassword"),
            (Gives::Verdicts, Proof::Exchange(_) | Proof::None) => false,
            (Gives::Rows | Gives::Both, Proof::Exchange(_)) => !self.names_password(),
            _ => true,
        }
    }

    /// Whether it is asked with the client's password, of which exchanges and tokens have none.
    fn names_password(&self) -> bool {
        matches!(&self.driver, Driver::Remote(remote) if remote.names_password())
    }

    /// Whether every user has this field, unless a row takes it away.
    fn gives(&self, name: &str) -> bool {
        self.fields.iter().chain(&self.default_fields).any(|(field, _)| &**field == name)
    }

    /// Whether it says who is in it, rather than being the same for every user.
    pub(super) fn lists_users(&self) -> bool {
        match self.driver {
            Driver::PasswdFile(_) | Driver::Remote(_) => true,
            Driver::Static => false,
        }
    }

    /// The name that is looked up here.
    pub(super) fn user(&self, values: &Values<'_>) -> Result<String, Unexpandable> {
        values.expand(&self.username_format)
    }

    /// What it has about the user, on top of the fields that `earlier` databases gave. `None`: nothing. Databases elsewhere have nothing
    /// here.
    pub(super) fn lookup(
        &self,
        values: &Values<'_>,
        earlier: &Fields,
    ) -> Result<Option<Found>, Cause> {
        let entry = match &self.driver {
            Driver::Static => None,
            Driver::Remote(_) => return Ok(None),
            Driver::PasswdFile(file) => match file.lookup(&self.user(values)?) {
                None => return Ok(None),
                entry => entry,
            },
        };
        let mut fields = self.fields_before(values, earlier)?;
        for (name, value) in entry.iter().flat_map(|entry| entry.fields()) {
            // Most rows have no variable, and cost nothing.
            match value.filter(|value| value.contains('%')) {
                None => fields.set(name, value)?,
                Some(_) if !Fields::knows(name) => {}
                Some(text) => {
                    fields.set(name, Some(&values.expand(&row_template(name, text)?)?))?;
                }
            }
        }
        let own = match entry.map(|entry| entry.password).filter(|password| !password.is_empty()) {
            Some(password) if is_variable(password) => return Err(Cause::Row(RowFault)),
            own => own.map(Secret::from),
        };
        self.found(values, fields, own)
    }

    /// What a database elsewhere has replied about the user, as [`Self::lookup`] has it.
    pub(super) fn replied(
        &self,
        values: &Values<'_>,
        earlier: &Fields,
        row: &Row,
    ) -> Result<Found, Cause> {
        let mut fields = self.fields_before(values, earlier)?;
        for (name, value) in &row.fields {
            let text = str::from_utf8(value.expose()).map_err(|_| RemoteTrouble::Form)?;
            fields.set(name, Some(text))?;
        }
        fields.grant.valid_until = row.valid_until.or(fields.grant.valid_until);
        let own = match &row.password {
            Some(password) if row.is_bare => {
                let scheme = format!("{{{}}}", self.default_scheme.name()).into_bytes();
                Some(Secret::new([&scheme, password.expose()].concat()))
            }
            own => own.clone(),
        };
        let found = self.found(values, fields, own.filter(|own| !own.is_empty()))?;
        found.ok_or(Cause::Remote(RemoteTrouble::Form))
    }

    fn fields_before(&self, values: &Values<'_>, earlier: &Fields) -> Result<Fields, Cause> {
        let mut fields = earlier.clone();
        for (name, template) in &self.default_fields {
            fields.set(name, Some(&values.expand(template)?))?;
        }
        Ok(fields)
    }

    /// The fields that count whatever the database says, and the password. `own`: the row's.
    fn found(
        &self,
        values: &Values<'_>,
        mut fields: Fields,
        own: Option<Secret>,
    ) -> Result<Option<Found>, Cause> {
        for (name, template) in &self.fields {
            fields.set(name, Some(&values.expand(template)?))?;
        }
        let stored = match own {
            Some(text) => Some(StoredText { text, scheme: self.default_scheme }),
            // A password among the fields is for those who have none of their own; Dovecot reads it as plain text, unless it
            // is the database's only one.
            None => fields.password.take().map(|text| StoredText {
                text,
                scheme: match self.driver {
                    Driver::PasswdFile(_) | Driver::Remote(_) => Scheme::Plain,
                    Driver::Static => self.default_scheme,
                },
            }),
        };
        Ok(Some(Found { fields, stored }))
    }
}

/// Fields by name only: values may be secrets.
impl fmt::Debug for Passdb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |fields: &[(Box<str>, Template)]| {
            fields.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        f.debug_struct("Passdb")
            .field("name", &self.name)
            .field("driver", &self.driver)
            .field("role", &self.role)
            .field("default_fields", &names(&self.default_fields))
            .field("fields", &names(&self.fields))
            .finish_non_exhaustive()
    }
}
