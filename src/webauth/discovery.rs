//! What a provider tells of itself (OpenID Connect Discovery 1.0, 4.2; RFC 8414).

use serde_json::Value;

use crate::wire::url::Url;

/// The addresses of a provider.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// Who signs: it has to be `iss` of its tokens.
    pub issuer: Box<str>,
    /// Its keys.
    pub keys: Option<Url>,
    /// Where tokens are introspected.
    pub introspection: Option<Url>,
    /// Where a password becomes a token.
    pub grant: Option<Url>,
}

/// Why it cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryFault {
    /// No JSON object with an `issuer`.
    #[error("it is no OpenID configuration: a JSON object with `issuer` was expected")]
    Form,
    /// An address is none, or one without TLS although the configuration itself came by TLS.
    #[error(
        "one of its addresses is no URL, or begins with http: although the configuration came by https"
    )]
    Address,
}

impl Discovered {
    /// Reads it. `from`: where it came from; what came by TLS leads to nothing in clear.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn parse(json: &[u8], from: &Url) -> Result<Self, DiscoveryFault> {
        let value: Value = serde_json::from_slice(json).map_err(|_| DiscoveryFault::Form)?;
        let issuer = value.get("issuer").and_then(Value::as_str).ok_or(DiscoveryFault::Form)?;
        let address = |name: &str| match value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let url = Url::parse(text).map_err(|_| DiscoveryFault::Address)?;
                let is_exposed = from.is_secure && !url.is_secure;
                if is_exposed { Err(DiscoveryFault::Address) } else { Ok(Some(url)) }
            }
            Some(_) => Err(DiscoveryFault::Address),
        };
        Ok(Self {
            issuer: issuer.into(),
            keys: address("jwks_uri")?,
            introspection: address("introspection_endpoint")?,
            grant: address("token_endpoint")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_none_of_them_is_less_safe_than_where_they_came_from() {
        let from = Url::parse("https://idp.example/.well-known/openid-configuration").unwrap();
        let of = |text: &str| Discovered::parse(text.as_bytes(), &from);
        let found = of(
            r#"{"issuer":"https://idp.example","jwks_uri":"https://keys.example/jwks","introspection_endpoint":null,
                "token_endpoint":"https://idp.example/token","else":[1]}"#,
        )
        .unwrap();
        assert_eq!(&*found.issuer, "https://idp.example");
        assert_eq!(found.keys.unwrap().to_string(), "https://keys.example/jwks");
        assert!(found.introspection.is_none() && found.grant.is_some());
        for text in ["", "{}", "[]", r#"{"issuer":1}"#, "<html>"] {
            assert_eq!(of(text).unwrap_err(), DiscoveryFault::Form, "{text}");
        }
        for uri in [r#""http://keys.example/""#, r#""keys""#, "7"] {
            let text = format!(r#"{{"issuer":"i","jwks_uri":{uri}}}"#);
            assert_eq!(of(&text).unwrap_err(), DiscoveryFault::Address, "{uri}");
        }
    }
}
