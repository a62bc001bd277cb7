//! From the configuration's words to `auth`'s: password databases and user names.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::passdbs::{PassdbFiles, PassdbSources};
use super::userdbs;
use crate::auth::fields::{FieldError, Fields};
use crate::auth::name_filter::NameFilter;
use crate::auth::passdb::{Driver, Passdb, Role, Rule, Skip};
use crate::auth::scheme::Scheme;
use crate::auth::user::{AllowedChars, UserRules};
use crate::auth::variables;
use crate::config::{self, Config, Outcome, PassdbDriver};
use crate::secret::Secret;
use crate::template::Template;

/// A setting that this version can't serve. One line, with the setting's name and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingFault(pub String);

impl PassdbSources {
    /// The password databases of a configuration, in order; their files are not read yet. `process_user`: who we run as.
    /// `ids`: by which the drivers of those are found that are asked elsewhere.
    ///
    /// # Errors
    /// The first setting that can't be served.
    pub fn configured(
        config: &Config,
        ids: &[u32],
        process_user: u32,
    ) -> Result<Self, SettingFault> {
        let users = UserRules {
            format: template("auth_username_format", &config.auth.username_format)?,
            chars: AllowedChars::new(&config.auth.username_chars),
            master_separator: config.auth.master_user_separator,
            default_domain: config.auth.default_domain.as_deref().map(Into::into),
            salt_secret: config.doveadm.password.clone().unwrap_or_else(drawn),
        };
        let numbered = ids.iter().zip(&config.auth.passdbs);
        let list = numbered.map(|(id, it)| passdb(*id, it)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(users, list, process_user))
    }
}

fn passdb(id: u32, settings: &config::Passdb) -> Result<(Passdb, PassdbFiles), SettingFault> {
    let name = &settings.name;
    let place = &settings.place;
    let mut passdb = Passdb::new(name, Driver::Static);
    let mut files = PassdbFiles::default();
    match &settings.driver {
        PassdbDriver::PasswdFile { path: file } => {
            if file.variables().next().is_some() {
                return Err(SettingFault(format!(
                    "{place}: passdb {name}: passwd_file_path: variables are not supported; name one file ({file})"
                )));
            }
            let text = file.expand(&|_| None).map_err(|error| {
                SettingFault(format!("{place}: passdb {name}: passwd_file_path: {error}"))
            })?;
            files.rows = Some(PathBuf::from(text));
        }
        PassdbDriver::Static { password } => {
            if let Some(password) = password {
                let text = String::from_utf8_lossy(password.expose());
                passdb.fields.push(("password".into(), Template::literal(&text)));
            }
        }
        PassdbDriver::Remote(remote) => {
            passdb.driver = Driver::Remote(userdbs::seen(id, settings, remote)?);
            files.settings.clone_from(&remote.files);
        }
    }
    passdb.role = match (settings.deny, settings.master) {
        (true, _) => Role::Deny,
        (false, true) => Role::Master,
        (false, false) => Role::Users,
    };
    passdb.protocols = settings.protocols.clone();
    passdb.mechanisms = settings.mechanisms.iter().copied().collect();
    passdb.names = NameFilter::new(&settings.username_filter);
    if let Some(format) = &settings.username_format {
        passdb.username_format =
            template(&format!("{place}: passdb {name}: username_format"), format)?;
    }
    passdb.default_scheme = Scheme::named(&settings.default_password_scheme).map_err(|error| {
        SettingFault(format!(
            "{place}: passdb {name}: default_password_scheme {}: {error}",
            settings.default_password_scheme
        ))
    })?;
    passdb.skip = match settings.skip {
        config::Skip::Never => Skip::Never,
        config::Skip::Authenticated => Skip::Authenticated,
        config::Skip::Unauthenticated => Skip::Unauthenticated,
    };
    passdb.result_success = rule(settings.result_success);
    passdb.result_failure = rule(settings.result_failure);
    passdb.result_internalfail = rule(settings.result_internalfail);
    passdb.default_fields = fields(settings, &settings.default_fields)?;
    passdb.fields.extend(fields(settings, &settings.fields)?);
    Ok((passdb, files))
}

fn fields(
    passdb: &config::Passdb,
    fields: &[config::Field],
) -> Result<Vec<(Box<str>, Template)>, SettingFault> {
    let one = |field: &config::Field| {
        let at = format!("{}: passdb {}", passdb.place, passdb.name);
        judge(field).map_err(|error| SettingFault(format!("{at}: {error}")))?;
        let place = format!("{at}: field {}", field.name);
        Ok((field.name.as_str().into(), template(&place, &field.value)?))
    };
    fields.iter().map(one).collect()
}

/// A value that is the same for all users and makes no sense would fail every login, without a word at load.
fn judge(field: &config::Field) -> Result<(), FieldError> {
    if field.value.variables().next().is_some() {
        return Ok(());
    }
    match field.value.expand(&|_| None) {
        Ok(text) => Fields::default().set(&field.name, Some(&text)),
        Err(_) => Ok(()),
    }
}

/// A secret of this process. Hosts that share a password for doveadm share that instead, so that all of them tell a stranger
/// the same salt.
fn drawn() -> Secret {
    static DRAWN: LazyLock<Secret> = LazyLock::new(|| {
        let mut bytes = [0; 32];
        // Should the system have none, salts are the same everywhere, and no less salts.
        let _ = getrandom::fill(&mut bytes);
        Secret::from(&bytes[..])
    });
    DRAWN.clone()
}

/// The template, if a login of this version can tell all that it asks for.
fn template(place: &str, template: &Template) -> Result<Template, SettingFault> {
    variables::check(template).map_err(|error| SettingFault(format!("{place}: {error}")))?;
    Ok(template.clone())
}

fn rule(outcome: Outcome) -> Rule {
    match outcome {
        Outcome::ReturnOk => Rule::ReturnOk,
        Outcome::Return => Rule::Return,
        Outcome::ReturnFail => Rule::ReturnFail,
        Outcome::ContinueOk => Rule::ContinueOk,
        Outcome::Continue => Rule::Continue,
        Outcome::ContinueFail => Rule::ContinueFail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Letters;

    #[test]
    fn a_field_that_would_fail_every_login_is_an_error_at_load() {
        let field = |name: &str, text: &str| config::Field {
            name: name.to_owned(),
            value: Template::parse(text, Letters::Variables).unwrap(),
        };
        for (name, wrong, right) in [
            ("ssl", "required", "any-cert"),
            ("starttls", "maybe", "no"),
            ("allow_nets", "our-office", "192.0.2.0/24,local"),
            ("port", "0", "993"),
            ("nologin", "never", ""),
            ("forward_x", "\t", "%{user}"),
            ("ssl", "on", "%{user}"),
            ("port", "imaps", "%{protocol}"),
        ] {
            assert_eq!(judge(&field(name, right)), Ok(()), "{name} = {right}");
            assert!(judge(&field(name, wrong)).is_err(), "{name} = {wrong}");
        }
        assert_eq!(judge(&field("userdb_quota", "whatever")), Ok(()));
    }

    /// The registry promises what `auth` does with fields.
    #[test]
    fn fields_are_called_served_exactly_where_they_are() {
        use crate::config::registry::{HARMLESS_FIELDS, PASSDB_FIELDS, UNSERVED_FIELDS};
        for name in PASSDB_FIELDS {
            assert!(Fields::knows(name), "{name} is called served");
        }
        for name in HARMLESS_FIELDS.iter().chain(UNSERVED_FIELDS.iter().map(|(name, _)| name)) {
            assert!(!Fields::knows(name), "{name} is called unserved");
        }
    }
}
