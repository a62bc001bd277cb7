//! What is asked of a service by HTTP, and what it answers, as values.

use std::fmt;

use crate::secret::Secret;
use crate::wire::url::Url;

/// A question.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Fields of its head, besides `Host`, `Content-Type` and `Content-Length`. Values may be secrets.
    pub fields: Vec<(Box<str>, Secret)>,
    /// What is posted.
    pub body: Secret,
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The question stands in address and head.
    Get,
    /// It stands in a body of this kind.
    Post(Content),
}

/// What a body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/json`
    Json,
}

/// An answer.
#[derive(Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Fields of the head, names in small letters.
    pub fields: Vec<(Box<str>, Box<[u8]>)>,
    /// What stands behind the head.
    pub body: Vec<u8>,
}

impl Request {
    /// A question by GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::Get, url, fields: Vec::new(), body: Secret::default() }
    }

    /// A question by POST.
    #[must_use]
    pub fn post(url: Url, content: Content, body: Secret) -> Self {
        Self { method: Method::Post(content), url, fields: Vec::new(), body }
    }

    /// The same with one more field in its head.
    #[must_use]
    pub fn with(mut self, name: &str, value: Secret) -> Self {
        self.fields.push((name.into(), value));
        self
    }
}

impl Content {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

impl Response {
    /// The first field of this name, given in small letters.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(own, _)| **own == *name).map(|(_, value)| &**value)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?} {})", self.method, self.url)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status)
    }
}
