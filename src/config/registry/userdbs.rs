//! Password databases that are asked elsewhere: the settings of all of them, and what stands in the files that Dovecot 2.3 names
//! in `args`. Each driver has a file of its own beside this one.

use super::Kind::{Bool, Number, Time};
use super::Origin::{Dovecot, Hale};
use super::Scope::Passdb;
use super::Setting;

mod http_auth;
mod oauth2;
mod imapc;
mod ldap;
mod sql;

/// What all of them have.
const OF_ALL: &[Setting] = &[
    Setting::new(
        Passdb,
        "connections_max",
        Number { min: 1, max: 512 },
        "8",
        Hale,
        "Connections to the server of this passdb at once, each for one question at a time. A question that finds none free waits for \
         one within `answer_timeout`. For drivers that ask a server or a file elsewhere, such as `sql`.",
    ),
    Setting::new(
        Passdb,
        "answer_timeout",
        Time,
        "4s",
        Hale,
        "How long a login waits for this passdb: for a connection, the connect and the answer together. Then it is as if the \
         database were not there: `result_internalfail`.",
    ),
    Setting::new(
        Passdb,
        "use_cache",
        Bool,
        "yes",
        Dovecot,
        "Whether answers of this passdb are remembered (`auth_cache_size`), where they come from elsewhere.",
    ),
];

pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    OF_ALL
        .iter()
        .chain(sql::SETTINGS)
        .chain(ldap::SETTINGS)
        .chain(imapc::SETTINGS)
        .chain(oauth2::SETTINGS)
        .chain(http_auth::SETTINGS)
}

/// What becomes of a line in a file that a passdb of Dovecot 2.3 names in `args`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgsFile {
    /// It is this setting of the passdb.
    Is(&'static str),
    /// It says nothing that matters here.
    Ignored(&'static str),
    /// It is not served, and leaving it out would let in more or others than it says.
    Refused(&'static str),
}

/// What such a line says, by the passdb's driver and the line's name. `None`: the driver reads no such file. `Some(None)`: no
/// version of Dovecot has that name there.
#[must_use]
pub fn args_file(driver: &str, name: &str) -> Option<Option<ArgsFile>> {
    Some(args_file_of(driver)?.iter().find(|(known, _)| *known == name).map(|(_, answer)| *answer))
}

/// The names of all such lines.
pub fn args_file_names(driver: &str) -> impl Iterator<Item = &'static str> {
    args_file_of(driver).unwrap_or_default().iter().map(|(name, _)| *name)
}

fn args_file_of(driver: &str) -> Option<&'static [(&'static str, ArgsFile)]> {
    match driver {
        "oauth2" => Some(oauth2::ARGS_FILE),
        "sql" => Some(sql::ARGS_FILE),
        "ldap" => Some(ldap::ARGS_FILE),
        _ => None,
    }
}
