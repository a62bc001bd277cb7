//! The passdb driver `oauth2`.

use std::path::PathBuf;
use std::time::Duration;

use super::Field;
use crate::secret::Secret;
use crate::template::Template;
use crate::wire::url::Url;

/// A provider of tokens, and what a token has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuth2 {
    /// `oauth2_openid_configuration_url`.
    pub discovery: Option<Url>,
    /// `oauth2_tokeninfo_url`.
    pub tokeninfo: Option<Url>,
    /// `oauth2_introspection_url`.
    pub introspection: Option<Url>,
    /// `oauth2_introspection_mode`.
    pub mode: IntrospectionMode,
    /// `oauth2_force_introspection`.
    pub force_introspection: bool,
    /// `oauth2_grant_url`.
    pub grant: Option<Url>,
    /// `oauth2_use_grant_password`: passwords are exchanged for tokens.
    pub use_grant_password: bool,
    /// `oauth2_key_set`.
    pub keys: Option<KeySource>,
    /// `oauth2_client_id`.
    pub client_id: Box<str>,
    /// `oauth2_client_secret`.
    pub client_secret: Secret,
    /// `oauth2_client_auth = basic`.
    pub is_basic: bool,
    /// `oauth2_issuers`.
    pub issuers: Vec<Box<str>>,
    /// `oauth2_audience`.
    pub audiences: Vec<Box<str>>,
    /// `oauth2_scope`.
    pub scopes: Vec<Box<str>>,
    /// `oauth2_username_attribute`.
    pub username_attribute: Box<str>,
    /// `oauth2_username_validation_format`.
    pub username_format: Template,
    /// `oauth2_active_attribute` and `oauth2_active_value`.
    pub active: Option<(Box<str>, Option<Box<str>>)>,
    /// `oauth2_token_expire_grace`.
    pub grace: Duration,
    /// `oauth2_fields`, or `pass_attrs` of Dovecot 2.3: extra fields made of the token's claims.
    pub fields: Vec<Field>,
    /// Who is believed to be the provider.
    pub authorities: Authorities,
}

/// How a provider is asked about a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntrospectionMode {
    /// By GET with the token as bearer.
    #[default]
    Auth,
    /// By GET with the token in the address.
    Get,
    /// By POST of a form.
    Post,
    /// Not at all.
    Local,
}

/// Where the provider's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JSON Web Key Set in a file, or, with a folder's path, keys in Dovecot's order: `AZP/ALG/KID`.
    File(PathBuf),
    /// A JSON Web Key Set of a server.
    Url(Url),
}

/// Who is believed to be a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities {
    /// A file of authorities; none: those for backends, or the system's.
    pub ca_file: Option<PathBuf>,
}
