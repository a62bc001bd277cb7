//! The passdb driver `http`.

use super::oauth2::Authorities;
use crate::secret::Secret;
use crate::wire::url::Url;

/// A service that judges logins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAuth {
    /// `http_auth_url`.
    pub url: Url,
    /// `http_auth_form`.
    pub form: HttpAuthForm,
    /// `http_auth_header`.
    pub header: Option<(Box<str>, Secret)>,
    /// `http_auth_pass_client_cert`.
    pub passes_certificate: bool,
    /// Who is believed to be the service.
    pub authorities: Authorities,
}

/// What the service speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpAuthForm {
    /// nginx's `auth_http`.
    #[default]
    Nginx,
    /// Hale's own.
    Json,
}
