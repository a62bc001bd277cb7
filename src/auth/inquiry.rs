//! What a password database is asked elsewhere, and what it replies.
//!
//! A chain that comes to such a database stops with an [`Inquiry`], which owns all that the question needs, and goes on with
//! the [`Reply`]. Decides: what tells one question from another (SA-09), so that replies can be remembered. Does not: know
//! servers, or wait. `auth::chain` makes and takes them, `worker::login::look_ups` carries them. Tests: in `chain/tests`, and below.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::auth::ask::Proof;
use crate::auth::cache::Key;
use crate::auth::fields::DelayUntil;
use crate::auth::passdb::Cause;
use crate::auth::variables::{PASSWORD, Values};
use crate::facts::Approach;
use crate::names::Protocol;
use crate::secret::Secret;
use crate::tick::Tick;

/// A password database whose answers come over a connection, or from a thread that may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its place among all password databases of the configuration, by which the control core finds its driver.
    pub id: u16,
    /// What it is called in Dovecot's configuration, such as `sql`.
    pub driver: &'static str,
    /// What it can be asked for.
    pub gives: Gives,
    /// The names of the variables that its answer depends on: what its query, filter or request is made of.
    pub variables: Arc<[Box<str>]>,
    /// Whether its replies are remembered.
    pub is_cached: bool,
}

impl Remote {
    /// Whether its question has the client's password in it: then it can say nothing of logins without one.
    pub(super) fn names_password(&self) -> bool {
        self.variables.iter().any(|name| &**name == PASSWORD)
    }
}

/// What a database elsewhere can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Rows with stored passwords: Hale compares.
    Rows,
    /// Verdicts on passwords only: it compares, and finds no user without a password.
    Verdicts,
    /// Verdicts for logins with a password, rows for everything else.
    Both,
    /// Verdicts on tokens.
    Tokens,
}

/// One question. Prints no secret.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// Which database, by [`Remote::id`].
    pub id: u16,
    /// What is wanted of it.
    pub wants: Wants,
    /// The name to look up: as normalised so far, and as the database's own format makes it.
    pub user: Box<str>,
    /// The user as typed.
    pub original_user: Box<str>,
    /// The master user who logs in for `user`; empty: none.
    pub master_user: Box<str>,
    /// The protocol of the login.
    pub protocol: Protocol,
    /// What makes the login true.
    pub proof: Proof,
    /// The client.
    pub remote: IpAddr,
    /// The address the client connected to.
    pub local: IpAddr,
    /// How the login came.
    pub approach: Approach,
    /// What the reply depends on besides the database's content.
    pub subject: Subject,
    /// Whether the reply is remembered.
    pub is_cached: bool,
    /// Whether a remembered reply did not fit the password, so that the database itself has to say.
    pub is_recheck: bool,
}

/// What is wanted of a database.
#[derive(Clone, Debug)]
pub enum Wants {
    /// What it has about the user. The password is there only for databases whose query names it.
    Row(Option<Secret>),
    /// Whether this is the user's password.
    Verdict(Secret),
    /// Whose token this is, and whether it is good.
    Token(Secret),
}

impl Wants {
    fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Row(password) => password.as_ref(),
            Self::Verdict(secret) | Self::Token(secret) => Some(secret),
        }
    }
}

/// Everything that a reply depends on, secrets included, in parts. Prints nothing.
#[derive(Clone)]
pub struct Subject(Secret);

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(…)")
    }
}

impl Inquiry {
    /// The question of `remote` for what these values and this wish say.
    #[must_use]
    pub fn new(remote: &Remote, values: &Values<'_>, proof: Proof, wants: Wants) -> Self {
        Self {
            id: remote.id,
            subject: Subject::new(remote, values, &wants),
            user: values.user.into(),
            original_user: values.original_user.into(),
            master_user: values.master_user.into(),
            protocol: values.protocol,
            proof,
            remote: values.remote,
            local: values.local,
            approach: Approach::default(),
            wants,
            is_cached: remote.is_cached,
            is_recheck: false,
        }
    }

    /// The same, of a login that came so. A database that is told whether it came by TLS may say another thing if it did not.
    #[must_use]
    pub fn that_came(self, remote: &Remote, approach: Approach) -> Self {
        let subject = match remote.variables.iter().any(|name| &**name == APPROACH) {
            true => self.subject.and(&format!("{:?}", Approach { failed_before: 0, ..approach })),
            false => self.subject,
        };
        Self { approach, subject, ..self }
    }

    /// What the variables of the database's templates stand for.
    #[must_use]
    pub fn values(&self) -> Values<'_> {
        Values {
            user: &self.user,
            original_user: &self.original_user,
            master_user: &self.master_user,
            protocol: self.protocol,
            remote: self.remote,
            local: self.local,
        }
    }

    /// By what a remembered reply is found again: the database, the wish, and every value that its question is made of
    /// (SA-09, CVE-2025-30189). No secret can be told from it without the process's own.
    #[must_use]
    pub fn key(&self, process_secret: &Secret) -> Key {
        Key::new(process_secret, self.subject.0.expose(), REPLIES)
    }
}

impl Subject {
    fn new(remote: &Remote, values: &Values<'_>, wants: &Wants) -> Self {
        let mut bytes = remote.id.to_be_bytes().to_vec();
        bytes.push(match wants {
            Wants::Row(_) => 0,
            Wants::Verdict(_) => 1,
            Wants::Token(_) => 2,
        });
        // With the lengths, so that no byte can move from one to the other.
        let mut add = |part: &[u8]| {
            bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend(part);
        };
        for name in &*remote.variables {
            add(values.get(name).as_deref().unwrap_or_default().as_bytes());
        }
        // Whether rows are asked for with the password is the same for all questions of one database.
        add(wants.secret().map_or(&[], Secret::expose));
        Self(Secret::new(bytes))
    }

    /// The same, and one part more.
    fn and(&self, part: &str) -> Self {
        let end = u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes();
        Self(Secret::new([self.0.expose(), part.as_bytes(), &end].concat()))
    }
}

/// The name, among those of a database's variables, of how a login came.
pub const APPROACH: &str = "approach";

/// Keeps keys of replies apart from those of verifications, whose second part is a password: none has a NUL.
const REPLIES: &[u8] = b"\0reply";

/// What a database elsewhere says.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It has the user, and this is what it has.
    Row(Arc<Row>),
    /// The password or token is right, and this is what it has besides.
    Verified(Arc<Row>),
    /// The password or token is wrong.
    Mismatch,
    /// The same, and the client is to hear of it not before this.
    MismatchHeld(DelayUntil),
    /// It does not have the user.
    Unknown,
    /// The password or token is right or was, and may not be used any more.
    Expired,
    /// The account is there and closed.
    Disabled,
    /// It has not answered, or not so that it can be used.
    Trouble(Cause),
}

/// What a database has about a user. Prints names of fields only.
#[derive(Clone, Default)]
pub struct Row {
    /// The stored password; none: there is none.
    pub password: Option<Secret>,
    /// The stored password has no scheme in front, whatever it looks like (Dovecot's `password_noscheme`).
    pub is_bare: bool,
    /// Extra fields, in order; none of them is the password. Values may be secrets.
    pub fields: Vec<(Box<str>, Secret)>,
    /// Of a token: its end. The row is worth nothing from then on.
    pub valid_until: Option<Tick>,
}

impl Row {
    /// Memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let fields = self.fields.iter();
        let texts: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
        let password = self.password.as_ref().map_or(0, Secret::len);
        size_of::<Self>() + self.fields.len() * size_of::<(Box<str>, Secret)>() + texts + password
    }

    /// The row with one field more, as databases give them: by name, all of them texts.
    pub fn put(&mut self, name: &str, value: &str) {
        match name {
            "password" | "password_noscheme" => {
                self.is_bare = name != "password";
                self.password = Some(Secret::from(value));
            }
            _ => self.fields.push((name.into(), Secret::from(value))),
        }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("Row").field("fields", &names).finish_non_exhaustive()
    }
}

/// Why a database elsewhere gave no answer that can be used. What the server said is in the control core's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteTrouble {
    /// No connection can be had.
    #[error("the server cannot be connected")]
    NotConnected,
    /// Nothing came within the database's time.
    #[error("no answer in time")]
    TimedOut,
    /// It has been failing; it is not asked until it answers a trial.
    #[error("the server has been failing and is not asked before it answers a trial")]
    Failing,
    /// More questions wait for it than may.
    #[error("too many logins wait for the server")]
    Busy,
    /// The way to the control core is full.
    #[error("the control core is behind: its mailbox is full")]
    Behind,
    /// The server answered with an error.
    #[error("the server answered with an error")]
    Error,
    /// The answer is not what the question asks for.
    #[error("the answer has another form than expected")]
    Form,
    /// More than one user was found.
    #[error("more than one row or entry was found")]
    Several,
    /// The answer is larger than a row may be.
    #[error("the answer is too large")]
    TooLarge,
    /// It compares passwords and can do nothing else.
    #[error("it verifies passwords only, and cannot look users up without one")]
    NoLookUps,
    /// No driver runs for it.
    #[error("its driver is not running")]
    NoDriver,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(user: &'a str, remote: &str) -> Values<'a> {
        Values {
            user,
            original_user: "typed",
            master_user: "",
            protocol: Protocol::Imap,
            remote: remote.parse().unwrap(),
            local: "192.0.2.1".parse().unwrap(),
        }
    }

    fn key(id: u16, variables: &[&str], values: &Values<'_>, wants: Wants) -> Key {
        let variables = variables.iter().map(|name| (*name).into()).collect();
        let remote = Remote { id, driver: "sql", gives: Gives::Both, variables, is_cached: true };
        Inquiry::new(&remote, values, Proof::Password, wants).key(&Secret::from("process"))
    }

    #[test]
    fn sa_09_a_key_has_all_that_the_reply_depends_on_and_nothing_else() {
        let eve = values("eve", "192.0.2.7");
        let (here, there) = (values("bob", "192.0.2.7"), values("bob", "192.0.2.8"));
        let of = |id, variables: &[&str], values| key(id, variables, values, Wants::Row(None));
        assert_eq!(of(1, &["user"], &here), of(1, &["user"], &there));
        assert_ne!(of(1, &["user", "remote_ip"], &here), of(1, &["user", "remote_ip"], &there));
        assert_ne!(of(1, &["user"], &here), of(2, &["user"], &here), "another passdb");
        assert_ne!(of(1, &["user"], &here), of(1, &["user"], &eve));
        let pop3 = Values { protocol: Protocol::Pop3, ..here };
        assert_eq!(of(1, &["user"], &here), of(1, &["user"], &pop3));
        assert_ne!(of(1, &["protocol"], &here), of(1, &["protocol"], &pop3));
        let verdict = |password| key(1, &["user"], &here, Wants::Verdict(Secret::from(password)));
        assert_ne!(verdict("a"), verdict("b"));
        assert_ne!(verdict("a"), key(1, &["user"], &here, Wants::Token(Secret::from("a"))));
        // No byte moves from one value to the next.
        let split = |user, original_user| Values { original_user, ..values(user, "192.0.2.7") };
        let both = ["user", "original_user"];
        let (one, other) = (split("ab", "c"), split("a", "bc"));
        assert_ne!(of(1, &both, &one), of(1, &both, &other));
    }

    #[test]
    fn sa_09_what_a_service_said_of_a_login_by_tls_is_not_said_of_one_in_clear() {
        let of = |variables: &[&str], approach| {
            let variables = variables.iter().map(|name| (*name).into()).collect();
            let remote =
                Remote { id: 1, driver: "http", gives: Gives::Both, variables, is_cached: true };
            let wants = Wants::Verdict(Secret::from("a"));
            let values = values("bob", "192.0.2.7");
            let inquiry = Inquiry::new(&remote, &values, Proof::Password, wants);
            inquiry.that_came(&remote, approach).key(&Secret::from("process"))
        };
        let clear = Approach::default();
        let secured = Approach { is_secured: true, ..clear };
        assert_ne!(of(&["user", APPROACH], clear), of(&["user", APPROACH], secured));
        assert_eq!(of(&["user"], clear), of(&["user"], secured), "it is not told");
        let again = Approach { failed_before: 2, ..clear };
        assert_eq!(of(&["user", APPROACH], clear), of(&["user", APPROACH], again));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let mut row = Row::default();
        row.put("password", "hush");
        row.put("pass", "hush");
        let wants = Wants::Verdict(Secret::from("hush"));
        let (gives, variables) = (Gives::Both, Arc::new([]));
        let remote = Remote { id: 1, driver: "sql", gives, variables, is_cached: true };
        let inquiry = Inquiry::new(&remote, &values("bob", "::1"), Proof::Password, wants);
        let shown = format!("{inquiry:?} {:?}", Reply::Verified(Arc::new(row)));
        assert!(!shown.contains("hush") && shown.contains("pass"), "{shown}");
    }
}
