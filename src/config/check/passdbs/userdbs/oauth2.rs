//! The passdb driver `oauth2`.

use super::{Around, authorities};
use crate::config::check::web;
use crate::config::diagnostic::Findings;
use crate::config::model::{Field, IntrospectionMode, KeySource, OAuth2};
use crate::config::registry::PASSDB_FIELDS;
use crate::config::sort::Section;
use crate::template::{Letters, Template};
use crate::wire::url::Url;

pub(super) fn oauth2(around: &Around<'_>, findings: &mut Findings) -> Option<OAuth2> {
    let text = |name: &'static str| around.at(name).text(name);
    let words = |name: &'static str| -> Vec<Box<str>> {
        around.at(name).words(name).into_iter().map(Into::into).collect()
    };
    let flag = |name: &'static str| around.at(name).flag(name);
    let mode = match text("oauth2_introspection_mode").as_str() {
        "get" => IntrospectionMode::Get,
        "post" => IntrospectionMode::Post,
        "local" => IntrospectionMode::Local,
        _ => IntrospectionMode::Auth,
    };
    let [discovery, tokeninfo, introspection, grant] = [
        "oauth2_openid_configuration_url",
        "oauth2_tokeninfo_url",
        "oauth2_introspection_url",
        "oauth2_grant_url",
    ]
    .map(|name| {
        let url = web::url(around.at(name), name, findings);
        web::warn_in_clear(around.at(name), name, url.as_ref(), findings);
        url
    });
    let active_attribute = text("oauth2_active_attribute");
    let active_value = Some(text("oauth2_active_value")).filter(|value| !value.is_empty());
    let active = (!active_attribute.is_empty())
        .then(|| (active_attribute.into(), active_value.map(Into::into)));
    let name = "oauth2_username_validation_format";
    let settings = OAuth2 {
        discovery,
        tokeninfo,
        introspection,
        mode,
        force_introspection: flag("oauth2_force_introspection"),
        grant,
        use_grant_password: flag("oauth2_use_grant_password"),
        keys: keys(around, findings),
        client_id: text("oauth2_client_id").into(),
        client_secret: around
            .at("oauth2_client_secret")
            .secret("oauth2_client_secret")
            .unwrap_or_default(),
        is_basic: text("oauth2_client_auth") == "basic",
        issuers: words("oauth2_issuers"),
        audiences: words("oauth2_audience"),
        scopes: words("oauth2_scope"),
        username_attribute: text("oauth2_username_attribute").into(),
        username_format: around.at(name).template(name).unwrap_or_else(Template::user),
        active,
        grace: around.at("oauth2_token_expire_grace").time("oauth2_token_expire_grace"),
        fields: fields(around, findings),
        authorities: authorities(around.at("oauth2_ca_file"), around.root, "oauth2_ca_file"),
    };
    is_complete(around, &settings, findings).then_some(settings)
}

/// Whether there is a server to ask, and something to verify with.
fn is_complete(around: &Around<'_>, settings: &OAuth2, findings: &mut Findings) -> bool {
    let is_discovered = settings.discovery.is_some();
    let mut miss = |name: &'static str, text: &str| {
        findings.error(&around.section.place, name, text.to_owned());
        false
    };
    let has_endpoint = settings.introspection.is_some() || settings.tokeninfo.is_some();
    if settings.mode == IntrospectionMode::Local && settings.keys.is_none() && !is_discovered {
        let text = "missing: `oauth2_introspection_mode = local` needs the provider's keys: `oauth2_key_set = https://…` or a file, or \
                    `oauth2_openid_configuration_url = https://…`";
        return miss("oauth2_key_set", text);
    }
    if settings.mode != IntrospectionMode::Local && !has_endpoint && !is_discovered {
        let text = "missing: the driver `oauth2` needs `oauth2_introspection_url = https://…`, or `oauth2_introspection_mode = local`";
        return miss("oauth2_introspection_url", text);
    }
    if settings.use_grant_password && settings.grant.is_none() && !is_discovered {
        return miss(
            "oauth2_grant_url",
            "missing: `oauth2_use_grant_password = yes` needs `oauth2_grant_url = https://…`",
        );
    }
    if settings.mode == IntrospectionMode::Local && settings.audiences.is_empty() {
        let text = "empty: a token that a user gave to any other service of the provider is taken; name Hale's audience";
        findings.warn(&around.section.place, "oauth2_audience", text);
    }
    true
}

fn keys(around: &Around<'_>, findings: &mut Findings) -> Option<KeySource> {
    let name = "oauth2_key_set";
    let text = around.at(name).text(name);
    if !text.is_empty() {
        if !text.contains("://") {
            return Some(KeySource::File(around.at(name).place_of(name).resolve(&text)));
        }
        return match Url::parse(&text) {
            Ok(url) => Some(KeySource::Url(url)),
            Err(expected) => {
                findings.error(
                    around.at(name).place_of(name),
                    name,
                    format!("expected {expected}"),
                );
                None
            }
        };
    }
    let name = "oauth2_local_validation_key_dict";
    let text = around.at(name).text(name);
    if text.is_empty() {
        return None;
    }
    let folder = text.strip_prefix("fs:posix:prefix=").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        let text = "expected `fs:posix:prefix=FOLDER`; for other places write `oauth2_key_set`";
        findings.error(around.at(name).place_of(name), name, text);
    }
    Some(KeySource::File(around.at(name).place_of(name).resolve(folder?)))
}

/// Looks at the pairs outside of all passdbs, which count for those that have none of their own.
pub(in crate::config::check::passdbs) fn look_at_pairs(root: &Section, findings: &mut Findings) {
    fields(&Around { section: root, root }, findings);
}

/// `name=value` pairs, whose values may have claims in them.
fn fields(around: &Around<'_>, findings: &mut Findings) -> Vec<Field> {
    let name = "oauth2_pass_attrs";
    let section = around.at(name);
    let mut fields = Vec::new();
    for pair in section.text(name).split_whitespace() {
        let (field, text) = pair.split_once('=').unwrap_or((pair, "y"));
        // `proxy_mech=%m`: backends are shown the token by the mechanism that they offer.
        if field == "proxy_mech" && matches!(text, "%m" | "%{mech}" | "%{mechanism}") {
            continue;
        }
        let is_backends =
            ["forward_", "user_", "userdb_", "event_"].iter().any(|start| field.starts_with(start));
        if !is_backends && !PASSDB_FIELDS.contains(&field) {
            findings.error(
                section.place_of(name),
                field,
                "Hale knows no such passdb field".to_owned(),
            );
            continue;
        }
        if text.contains('$') {
            let text =
                "a `$` cannot stand here; variables are written `%{user}`, claims `%{oauth2:NAME}`";
            findings.error(section.place_of(name), field, text);
            continue;
        }
        let parsed = Template::parse(text, Letters::Variables);
        let unknown = |template: &Template| {
            template
                .variables()
                .find(|it| !it.starts_with("oauth2:") && !VARIABLES.contains(it))
                .map(str::to_owned)
        };
        match parsed.map(|template| (unknown(&template), template)) {
            Ok((None, value)) => fields.push(Field { name: field.to_owned(), value }),
            Ok((Some(bad), _)) => {
                let text = format!(
                    "expected `%{{oauth2:CLAIM}}` or one of {}, not `%{{{bad}}}`",
                    VARIABLES.join(", ")
                );
                findings.error(section.place_of(name), field, text);
            }
            Err(expected) => findings.error(section.place_of(name), field, expected),
        }
    }
    fields
}

/// What besides claims is known of a login.
const VARIABLES: [&str; 6] =
    ["user", "original_user", "master_user", "protocol", "remote_ip", "local_ip"];
