//! The passdb driver `ldap`.

use super::Around;
use crate::config::diagnostic::Findings;
use crate::config::model::{Field, Ldap, LdapCompare, LdapDeref, LdapScope, LdapServer};
use crate::template::Template;

/// `fields`: those that are made of attributes.
pub(super) fn ldap(
    around: &Around<'_>,
    fields: Vec<Field>,
    findings: &mut Findings,
) -> Option<Ldap> {
    let section = around.section;
    let servers = servers(around, findings);
    let compare = compare(around, findings);
    let searches = !matches!(compare, LdapCompare::ByName(_));
    let needed = |name: &'static str, example: &str, findings: &mut Findings| {
        let found = around.at(name).template(name);
        if found.is_none() && searches {
            let text = format!("missing: the driver `ldap` needs `{name} = {example}`");
            findings.error(&section.place, name, text);
        }
        found.or_else(|| (!searches).then(Template::default))
    };
    let base = needed("ldap_base", "dc=example,dc=org", findings);
    let filter = needed("ldap_filter", "(uid=%{user})", findings);
    if !searches && !fields.is_empty() {
        let text = "has no effect on fields made of attributes: nothing is searched with it";
        findings.warn(section.place_of("ldap_bind_userdn"), "ldap_bind_userdn", text);
    }
    let has_starttls = around.at("ldap_starttls").flag("ldap_starttls");
    let verifies = !matches!(section.text("ldap_require_cert").as_str(), "never" | "allow");
    warn_of_clear(around, &servers, has_starttls, findings);
    Some(Ldap {
        servers: Some(servers).filter(|servers| !servers.is_empty())?,
        has_starttls,
        ca_file: section.path("ldap_ca_file"),
        verifies,
        own: own(around, findings)?,
        base: base?,
        scope: match around.at("ldap_scope").text("ldap_scope").as_str() {
            "base" => LdapScope::Base,
            "onelevel" => LdapScope::OneLevel,
            _ => LdapScope::Subtree,
        },
        deref: match around.at("ldap_deref").text("ldap_deref").as_str() {
            "searching" => LdapDeref::Searching,
            "finding" => LdapDeref::Finding,
            "always" => LdapDeref::Always,
            _ => LdapDeref::Never,
        },
        filter: filter?,
        compare,
        pass_attrs: section.optional_text("ldap_pass_attrs").or_else(|| {
            // The default of 2.3's file; 2.4 has none.
            (!section.files.is_empty()).then(|| "uid=user,userPassword=password".to_owned())
        }),
        fields,
    })
}

fn servers(around: &Around<'_>, findings: &mut Findings) -> Vec<LdapServer> {
    let (uris, hosts) = ("ldap_uris", "ldap_hosts");
    let section = around.at(uris);
    let mut servers = Vec::new();
    for uri in section.words(uris) {
        match LdapServer::of_uri(&uri) {
            Ok(server) => servers.push(server),
            Err(expected) => {
                let text = format!("found `{}`, expected {expected}", uri.escape_debug());
                findings.error(section.place_of(uris), uris, text);
            }
        }
    }
    for host in around.section.words(hosts) {
        match LdapServer::of_host(&host, false) {
            Some(server) => servers.push(server),
            None => {
                let text = format!("found `{}`, expected HOST or HOST:PORT", host.escape_debug());
                findings.error(around.section.place_of(hosts), hosts, text);
            }
        }
    }
    let is_named = section.found(uris).is_some() || around.section.found(hosts).is_some();
    if servers.is_empty() && !is_named {
        let text = "missing: the driver `ldap` needs `ldap_uris = ldaps://HOST`";
        findings.error(&around.section.place, uris, text);
    }
    servers
}

fn compare(around: &Around<'_>, findings: &mut Findings) -> LdapCompare {
    let section = around.section;
    let name = section.template("ldap_bind_userdn");
    match (section.flag("ldap_bind"), name) {
        (true, Some(name)) => {
            if name.variables().next().is_none() {
                let text = "has no variable, so every user would bind with one name; write `%{user}` into it";
                findings.error(section.place_of("ldap_bind_userdn"), "ldap_bind_userdn", text);
            }
            LdapCompare::ByName(name)
        }
        (true, None) => LdapCompare::BySearch,
        (false, name) => {
            if name.is_some() {
                let text = "has no effect without `bind = yes`";
                findings.warn(section.place_of("ldap_bind_userdn"), "ldap_bind_userdn", text);
            }
            LdapCompare::Here
        }
    }
}

/// `None`: half of it is there, which was told. A name without a password would be an anonymous bind that looks like
/// another (DB-03).
fn own(
    around: &Around<'_>,
    findings: &mut Findings,
) -> Option<Option<(String, crate::secret::Secret)>> {
    let (dn, password) = ("ldap_auth_dn", "ldap_auth_dn_password");
    let name = around.at(dn).optional_text(dn);
    let secret = around.at(password).secret(password);
    match (name, secret) {
        (Some(name), Some(secret)) => Some(Some((name, secret))),
        (None, None) => Some(None),
        (Some(_), None) => {
            let text = "is missing beside `ldap_auth_dn`: the server would take the name for an anonymous client";
            findings.error(around.at(dn).place_of(dn), password, text);
            None
        }
        (None, Some(_)) => {
            let text = "is missing beside `ldap_auth_dn_password`";
            findings.error(around.at(password).place_of(password), dn, text);
            None
        }
    }
}

fn warn_of_clear(
    around: &Around<'_>,
    servers: &[LdapServer],
    has_starttls: bool,
    findings: &mut Findings,
) {
    let is_open = |server: &LdapServer| match server {
        LdapServer::Host { name, has_tls, .. } => {
            let is_here = name == "localhost" || name.starts_with("127.") || name == "::1";
            !has_tls && !has_starttls && !is_here
        }
        LdapServer::Socket(_) => false,
    };
    if let Some(server) = servers.iter().find(|server| is_open(server)) {
        let text = format!(
            "{server}: passwords go there in clear; write `ldaps://`, or `ldap_starttls = yes`"
        );
        findings.warn(&around.section.place, "ldap_uris", text);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::load;
    use crate::config::model::{Config, PassdbDriver, Service};
    use crate::config::tests::{Files, errors, loaded, warnings};

    fn ldap_of(config: &Config) -> &Ldap {
        let PassdbDriver::Remote(remote) = &config.auth.passdbs[0].driver else {
            panic!("another driver")
        };
        let Service::Ldap(ldap) = &remote.service else { panic!("another service") };
        ldap
    }

    #[test]
    fn both_generations_of_syntax_say_the_same() {
        let new = loaded(
            "ldap_uris = ldaps://a.test ldap://b.test:1389\nldap_auth_dn = cn=hale\npassdb ldap {\n \
             ldap_auth_dn_password = pw\n ldap_base = dc=test\n ldap_scope = onelevel\n ldap_filter = (uid=%{user})\n \
             bind = yes\n ldap_starttls = yes\n ldap_ca_file = /e/ca.pem\n}\n",
        );
        let old = "# LDAP\nuris = ldaps://a.test ldap://b.test:1389\ndn = cn=hale\ndnpass = pw\ntls = yes\n\
                   tls_ca_cert_file = /e/ca.pem\nauth_bind = yes\nldap_version = 3\nbase = dc=test\nscope = onelevel\n\
                   deref = never\npass_filter = (uid=%u)\nuser_filter = (uid=%u)\ntls_require_cert = demand\n";
        let files = [
            ("/e/hale.conf", "passdb {\n driver = ldap\n args = ldap.ext\n}\n"),
            ("/e/ldap.ext", old),
        ];
        let old = load(&mut Files::new(&files), Path::new("/e/hale.conf"));
        assert!(old.errors.is_empty(), "{:?}", old.errors);
        let old = old.config.unwrap();
        let (new_one, old_one) = (ldap_of(&new), ldap_of(&old));
        assert_eq!(old_one.pass_attrs.as_deref(), Some("uid=user,userPassword=password"));
        assert_eq!(*new_one, Ldap { pass_attrs: None, ..old_one.clone() });
        assert_eq!(new_one.compare, LdapCompare::BySearch);
        assert_eq!(new.auth.passdbs[0].default_password_scheme, "CRYPT");
    }

    #[test]
    fn fields_of_attributes_are_the_drivers_and_others_the_passdbs() {
        let config = loaded(
            "passdb ldap {\n ldap_uris = ldaps://a\n ldap_base = dc=x\n ldap_filter = (uid=%{user})\n fields {\n  \
             user = %{ldap:uid}\n  password = %{ldap:userPassword}\n  proxy = y\n }\n}\n",
        );
        let names = |fields: &[Field]| fields.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&ldap_of(&config).fields), ["user", "password"]);
        assert_eq!(names(&config.auth.passdbs[0].fields), ["proxy"]);
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_named_with_the_remedy() {
        let good = "ldap_uris = ldaps://a\nldap_base = dc=x\nldap_filter = (uid=%{user})\n";
        for (text, expected) in [
            ("", "ldap_uris: missing"),
            ("ldap_uris = ldaps://a\nldap_filter = (uid=%{user})", "ldap_base: missing"),
            ("ldap_uris = ldaps://a\nldap_base = dc=x", "ldap_filter: missing"),
            ("ldap_uris = a.test", "expected `ldap://HOST`"),
            ("ldap_hosts = a:b", "expected HOST or HOST:PORT"),
            (&format!("{good}ldap_auth_dn = cn=x"), "ldap_auth_dn_password: is missing beside"),
            (&format!("{good}ldap_auth_dn_password = x"), "ldap_auth_dn: is missing beside"),
            (
                &format!("{good}bind = yes\nbind_userdn = cn=all"),
                "every user would bind with one name",
            ),
            (&format!("{good}ldap_version = 2"), "ldap_version"),
        ] {
            let found = errors(&format!("passdb ldap {{\n{text}\n}}\n"));
            assert!(found.iter().any(|it| it.contains(expected)), "{text}: {found:?}");
            assert!(!found.iter().any(|it| it.contains("hush")), "{found:?}");
        }
        loaded(&format!("passdb ldap {{\n{good}}}\n"));
    }

    #[test]
    fn passwords_in_clear_are_warned_of_but_not_on_this_host() {
        let told = |uri: &str, more: &str| {
            let text = format!(
                "passdb ldap {{\nldap_uris = {uri}\nldap_base = dc=x\nldap_filter = (uid=%{{user}})\n{more}}}\n"
            );
            warnings(&text).iter().any(|line| line.contains("passwords go there in clear"))
        };
        assert!(told("ldap://a.test", ""));
        for (uri, more) in [
            ("ldaps://a.test", ""),
            ("ldap://a.test", "ldap_starttls = yes\n"),
            ("ldap://127.0.0.1", ""),
            ("ldapi://%2Frun%2Fldapi", ""),
        ] {
            assert!(!told(uri, more), "{uri} {more}");
        }
    }
}
