//! From the configuration's words to `auth`'s: password databases and user names.

use std::path::PathBuf;

use super::passdbs::PassdbSources;
use crate::auth::passdb::{Driver, Passdb, Proofs, Role, Rule, Skip};
use crate::auth::scheme::Scheme;
use crate::auth::user::{AllowedChars, UserRules};
use crate::auth::variables;
use crate::config::{self, Config, Mechanism, Outcome, PassdbDriver};
use crate::template::Template;

/// A setting that this version can't serve. One line, with the setting's name and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingFault(pub String);

impl PassdbSources {
    /// The password databases of a configuration, in order; their files are not read yet. `process_user`: who we run as.
    ///
    /// # Errors
    /// The first setting that can't be served.
    pub fn configured(config: &Config, process_user: u32) -> Result<Self, SettingFault> {
        let users = UserRules {
            format: template("auth_username_format", &config.auth.username_format)?,
            chars: AllowedChars::new(&config.auth.username_chars),
            master_separator: config.auth.master_user_separator,
            default_domain: config.auth.default_domain.as_deref().map(Into::into),
        };
        let list = config.auth.passdbs.iter().map(passdb).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(users, list, process_user))
    }
}

fn passdb(settings: &config::Passdb) -> Result<(Passdb, Option<PathBuf>), SettingFault> {
    let name = &settings.name;
    let mut passdb = Passdb::new(name, Driver::Static);
    let mut path = None;
    match &settings.driver {
        PassdbDriver::PasswdFile { path: file } => {
            if file.variables().next().is_some() {
                return Err(SettingFault(format!(
                    "passdb {name}: passwd_file_path: variables are not supported; name one file ({file})"
                )));
            }
            let text = file.expand(&|_| None).map_err(|error| {
                SettingFault(format!("passdb {name}: passwd_file_path: {error}"))
            })?;
            path = Some(PathBuf::from(text));
        }
        PassdbDriver::Static { password } => {
            if let Some(password) = password {
                let text = String::from_utf8_lossy(password.expose());
                passdb.fields.push(("password".into(), Template::literal(&text)));
            }
        }
    }
    passdb.role = match (settings.deny, settings.master) {
        (true, _) => Role::Deny,
        (false, true) => Role::Master,
        (false, false) => Role::Users,
    };
    passdb.protocols = settings.protocols.clone();
    passdb.proofs = proofs(&settings.mechanisms);
    if let Some(format) = &settings.username_format {
        passdb.username_format = template(&format!("passdb {name}: username_format"), format)?;
    }
    passdb.default_scheme = Scheme::named(&settings.default_password_scheme).map_err(|error| {
        SettingFault(format!(
            "passdb {name}: default_password_scheme {}: {error}",
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
    passdb.default_fields = fields(name, &settings.default_fields)?;
    passdb.fields.extend(fields(name, &settings.fields)?);
    Ok((passdb, path))
}

fn proofs(mechanisms: &[Mechanism]) -> Proofs {
    let external = mechanisms.contains(&Mechanism::External);
    match (external, mechanisms.len()) {
        (_, 0) => Proofs::All,
        (true, 1) => Proofs::Certificates,
        (true, _) => Proofs::All,
        (false, _) => Proofs::Passwords,
    }
}

fn fields(
    passdb: &str,
    fields: &[config::Field],
) -> Result<Vec<(Box<str>, Template)>, SettingFault> {
    let one = |field: &config::Field| {
        let place = format!("passdb {passdb}: field {}", field.name);
        Ok((field.name.as_str().into(), template(&place, &field.value)?))
    };
    fields.iter().map(one).collect()
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

    #[test]
    fn mechanisms_say_which_logins_a_database_is_asked_for() {
        let (plain, login, external) = (Mechanism::Plain, Mechanism::Login, Mechanism::External);
        for (mechanisms, expected) in [
            (&[][..], Proofs::All),
            (&[plain], Proofs::Passwords),
            (&[login, plain], Proofs::Passwords),
            (&[external], Proofs::Certificates),
            (&[external, login], Proofs::All),
        ] {
            assert_eq!(proofs(mechanisms), expected, "{mechanisms:?}");
        }
    }
}
