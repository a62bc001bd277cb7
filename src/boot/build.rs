//! From configuration to what the rooms want: each room has its own words, and this is where they meet.

use std::path::PathBuf;

use super::exit::Refusal;
use crate::auth::passdb::{Driver, Passdb, Role, Rule, Skip};
use crate::auth::scheme::Scheme;
use crate::auth::template::Template;
use crate::auth::user::{AllowedChars, UserRules};
use crate::config::{self, Config, GeoDb, Mechanism, Outcome, PassdbDriver, SslMode};
use crate::control::PassdbSources;
use crate::names::Protocol;
use crate::preauth::capability::Rules;
use crate::preauth::sasl::{self, Mechanisms};
use crate::route::table::RouteSettings;
use crate::session::{ProtocolSettings, SessionSettings};

/// What can be checked of a configuration without touching anything: for `hale check-config`.
///
/// # Errors
/// The first setting that this version can't serve.
pub fn check(config: &Config) -> Result<(), Refusal> {
    geodb_location(config)?;
    passdb_sources(config)?;
    Ok(())
}

/// Settings of sessions.
pub(super) fn session_settings(config: &Config) -> SessionSettings {
    let mechanisms = config
        .auth
        .mechanisms
        .iter()
        .map(|mechanism| match mechanism {
            Mechanism::Plain => sasl::Mechanism::Plain,
            Mechanism::Login => sasl::Mechanism::Login,
        });
    let rules = Rules {
        greeting: config.login_greeting.as_str().into(),
        mechanisms: mechanisms.fold(Mechanisms::NONE, Mechanisms::with),
        plaintext_allowed: true,
        ..Rules::default()
    };
    SessionSettings {
        guarded_rules: Rules {
            plaintext_allowed: false,
            ..rules.clone()
        },
        rules,
        trusted: config.trust.login_networks.clone(),
        privacy_required: config.ssl.mode == SslMode::Required,
        proxy_header_is_private: config.trust.proxy_protocol_implies_secure,
        proxy_header_timeout: config.trust.haproxy_timeout,
        failure_delay: config.auth.failure_delay,
        login_timeout: config.proxy.login_timeout,
        reconnects_max: config.proxy.max_reconnects,
        user_move_timeout: config.cluster.user_move_timeout,
        protocols: Protocol::ALL.map(|protocol| ProtocolSettings {
            port: config.protocol(protocol).proxy_port,
        }),
    }
}

/// Settings of routing.
pub(super) fn route_settings(config: &Config) -> RouteSettings {
    RouteSettings {
        local_site: config.cluster.local_site.clone().unwrap_or_default().into(),
        default_group_count: config.cluster.default_group_count,
        test_username: config
            .cluster
            .backend_test_username
            .as_ref()
            .map(|template| template.to_string().into()),
    }
}

/// The GeoDB's location as its engine wants it.
///
/// # Errors
/// This version has no such engine.
pub fn geodb_location(config: &Config) -> Result<String, Refusal> {
    match &config.cluster.geodb {
        GeoDb::Sqlite(path) => Ok(format!("sqlite:{}", path.display())),
        GeoDb::Cassandra(_) => Err(Refusal::config(
            "cluster_geodb: this version has no Cassandra engine yet; use sqlite:/var/lib/hale/geodb.sqlite",
        )),
    }
}

/// Password databases, in order.
pub(super) fn passdb_sources(config: &Config) -> Result<PassdbSources, Refusal> {
    let users = UserRules {
        format: template("auth_username_format", &config.auth.username_format)?,
        chars: AllowedChars::new(&config.auth.username_chars),
        master_separator: config.auth.master_user_separator,
        default_domain: config.auth.default_domain.as_deref().map(Into::into),
    };
    let list = config
        .auth
        .passdbs
        .iter()
        .map(passdb)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(PassdbSources::new(users, list))
}

fn passdb(settings: &config::Passdb) -> Result<(Passdb, Option<PathBuf>), Refusal> {
    let name = &settings.name;
    let mut passdb = Passdb::new(name, Driver::Static);
    let mut path = None;
    match &settings.driver {
        PassdbDriver::PasswdFile { path: file } => {
            if file.variables().next().is_some() {
                return Err(Refusal::config(format!(
                    "passdb {name}: passwd_file_path: variables are not supported; name one file ({file})"
                )));
            }
            path = Some(PathBuf::from(file.expand(&|_| None)));
        }
        PassdbDriver::Static { password } => {
            if let Some(password) = password {
                let text = String::from_utf8_lossy(password.expose());
                passdb
                    .fields
                    .push(("password".into(), Template::literal(&text)));
            }
        }
    }
    passdb.role = match (settings.deny, settings.master) {
        (true, _) => Role::Deny,
        (false, true) => Role::Master,
        (false, false) => Role::Users,
    };
    passdb.protocols = settings.protocols.clone();
    if let Some(format) = &settings.username_format {
        passdb.username_format = template(&format!("passdb {name}: username_format"), format)?;
    }
    passdb.default_scheme = Scheme::named(&settings.default_password_scheme).map_err(|error| {
        Refusal::config(format!(
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

fn fields(passdb: &str, fields: &[config::Field]) -> Result<Vec<(Box<str>, Template)>, Refusal> {
    let one = |field: &config::Field| {
        let place = format!("passdb {passdb}: field {}", field.name);
        Ok((field.name.as_str().into(), template(&place, &field.value)?))
    };
    fields.iter().map(one).collect()
}

/// The same template in the words of `auth`, which knows only what a login can tell.
fn template(place: &str, settings: &config::Template) -> Result<Template, Refusal> {
    Template::parse(&settings.to_string())
        .map_err(|error| Refusal::config(format!("{place}: {error}")))
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
