//! What drivers that ask services on the web have in common: addresses, fields, authorities.

use crate::config::diagnostic::Findings;
use crate::config::sort::Section;
use crate::secret::Secret;
use crate::wire::url::Url;

/// An address. `None`: there is none, or one that makes no sense, which is told without the value: it may hold a password.
pub(super) fn url(section: &Section, name: &'static str, findings: &mut Findings) -> Option<Url> {
    let secret = section.secret(name);
    let text = match &secret {
        Some(secret) => String::from_utf8_lossy(secret.expose()).into_owned(),
        None => section.optional_text(name)?,
    };
    if text.is_empty() {
        return None;
    }
    match Url::parse(&text) {
        Ok(url) => Some(url),
        Err(expected) => {
            let text = format!("expected {expected}");
            findings.error(section.place_of(name), name, text);
            None
        }
    }
}

/// `NAME: VALUE`.
pub(super) fn header(
    section: &Section,
    name: &'static str,
    findings: &mut Findings,
) -> Option<(Box<str>, Secret)> {
    let secret = section.secret(name).filter(|secret| !secret.is_empty())?;
    let text = String::from_utf8_lossy(secret.expose());
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let pair = text.split_once(':').filter(|(field, value)| {
        let is_value = value.trim().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        !field.is_empty() && field.bytes().all(is_token) && is_value
    });
    let Some((field, value)) = pair else {
        findings.error(section.place_of(name), name, "expected `NAME: VALUE`".to_owned());
        return None;
    };
    Some((field.to_ascii_lowercase().into(), Secret::from(value.trim())))
}

/// A password, token or secret would go there in clear.
pub(super) fn warn_in_clear(
    section: &Section,
    name: &'static str,
    url: Option<&Url>,
    findings: &mut Findings,
) {
    let is_near = |host: &str| {
        host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    };
    if url.is_some_and(|url| !url.is_secure && !is_near(&url.host)) {
        let text = "passwords and tokens go there in clear: use https, or a service on this host";
        findings.warn(section.place_of(name), name, text);
    }
}
