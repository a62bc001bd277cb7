//! What a token claims, or a provider says of it, against what the operator demands.
//!
//! A claim that is there has to be of its type, whether it is demanded or not: a claim of another type is a fault and not
//! an absence (CVE-2026-25537).

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Number, Value};

use crate::webauth::fault::TokenFault;

/// Members of a JSON object: a token's claims, or a provider's answer about a token.
#[derive(Clone, Default)]
pub struct Claims(Map<String, Value>);

/// What is demanded.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// `oauth2_issuers`; empty: any.
    pub issuers: Vec<Box<str>>,
    /// `oauth2_audience`; empty: any.
    pub audiences: Vec<Box<str>>,
    /// `oauth2_scope`: all of these.
    pub scopes: Vec<Box<str>>,
    /// `oauth2_username_attribute`.
    pub username_attribute: Box<str>,
    /// `oauth2_active_attribute` and `oauth2_active_value`; none: not looked at.
    pub active: Option<(Box<str>, Option<Box<str>>)>,
    /// `oauth2_token_expire_grace`.
    pub grace: Duration,
}

/// A token that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Whose it is.
    pub user: Box<str>,
    /// Until when, in seconds since 1970; none: nothing says so.
    pub expires_unix: Option<u64>,
}

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The token itself, which has to say what is demanded of it.
    Token,
    /// The provider, which has judged the token: what it does not say is not demanded of it, as with Dovecot.
    Provider,
}

impl Claims {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Reads a provider's answer. `None`: it is no JSON object, or an empty one.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(members)) if !members.is_empty() => Some(Self(members)),
            Ok(_) | Err(_) => None,
        }
    }

    /// These, and of `others` what is not among them.
    #[must_use]
    pub fn with(mut self, others: Option<Self>) -> Self {
        for (name, value) in others.unwrap_or_default().0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// A member as text; none: it is not there, or has no text of its own.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.0.get(name)? {
            Value::String(text) => Some(Cow::from(text.as_str())),
            Value::Number(number) => Some(number.to_string().into()),
            Value::Bool(yes) => Some(if *yes { "true" } else { "false" }.into()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Judges what a verified token says of itself. `now_unix`: what time it is in the world.
    ///
    /// # Errors
    /// The first demand that it does not meet.
    pub fn judge_token(&self, rules: &Rules, now_unix: u64) -> Result<Vouched, TokenFault> {
        if self.0.get("exp").is_none() {
            return Err(TokenFault::Missing("exp"));
        }
        self.judge(rules, now_unix, Source::Token)
    }

    /// Judges what a provider says of a token that it was asked about.
    ///
    /// # Errors
    /// The first demand that it does not meet.
    pub fn judge_answer(&self, rules: &Rules, now_unix: u64) -> Result<Vouched, TokenFault> {
        match self.0.get("active") {
            None => {}
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(TokenFault::Inactive),
            // Where the operator says what it has to be, a text will do.
            Some(Value::String(_))
                if rules.active.as_ref().is_some_and(|(name, _)| &**name == "active") => {}
            Some(_) => return Err(TokenFault::WrongType("active")),
        }
        self.judge(rules, now_unix, Source::Provider)
    }

    fn judge(&self, rules: &Rules, now_unix: u64, by: Source) -> Result<Vouched, TokenFault> {
        let expires_unix = self.judge_times(rules.grace, now_unix)?;
        self.judge_origin(rules, by)?;
        let granted = self.words("scope")?;
        if !rules.scopes.iter().all(|scope| granted.iter().any(|word| **word == **scope)) {
            return Err(TokenFault::Scope);
        }
        if let Some((name, value)) = &rules.active {
            let found = self.text(name).ok_or(TokenFault::Inactive)?;
            if value.as_ref().is_some_and(|value| **value != *found) {
                return Err(TokenFault::Inactive);
            }
        }
        match self.0.get(&*rules.username_attribute) {
            Some(Value::String(user)) if !user.is_empty() => {
                Ok(Vouched { user: user.as_str().into(), expires_unix })
            }
            _ => Err(TokenFault::NoName),
        }
    }

    fn judge_times(&self, grace: Duration, now_unix: u64) -> Result<Option<u64>, TokenFault> {
        let grace = grace.as_secs();
        let expires = self.seconds("exp")?;
        if expires.is_some_and(|expires| expires.saturating_add(grace) <= now_unix) {
            return Err(TokenFault::Expired);
        }
        let soon = now_unix.saturating_add(grace.max(CLOCKS_APART_S));
        if self.seconds("nbf")?.is_some_and(|from| from > soon) {
            return Err(TokenFault::NotYet);
        }
        if self.seconds("iat")?.is_some_and(|issued| issued > soon) {
            return Err(TokenFault::FromTheFuture);
        }
        Ok(expires)
    }

    fn judge_origin(&self, rules: &Rules, by: Source) -> Result<(), TokenFault> {
        let is_demanded = |wanted: &[Box<str>]| !wanted.is_empty() && by == Source::Token;
        let issuer = match self.0.get("iss") {
            None if is_demanded(&rules.issuers) => return Err(TokenFault::Missing("iss")),
            None => None,
            Some(Value::String(issuer)) => Some(issuer.as_str()),
            Some(_) => return Err(TokenFault::WrongType("iss")),
        };
        let is_ours = |issuer: &str| rules.issuers.iter().any(|ours| **ours == *issuer);
        if !rules.issuers.is_empty() && issuer.is_some_and(|issuer| !is_ours(issuer)) {
            return Err(TokenFault::Issuer);
        }
        let audiences = match self.0.get("aud") {
            None if is_demanded(&rules.audiences) => return Err(TokenFault::Missing("aud")),
            None => return Ok(()),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(list)) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                texts.ok_or(TokenFault::WrongType("aud"))?
            }
            Some(_) => return Err(TokenFault::WrongType("aud")),
        };
        let is_for_us = rules.audiences.iter().any(|ours| audiences.contains(&&**ours));
        if rules.audiences.is_empty() || is_for_us { Ok(()) } else { Err(TokenFault::Audience) }
    }

    /// Words between spaces (RFC 6749 3.3), or a list of them, as some providers have it.
    fn words(&self, name: &'static str) -> Result<Vec<&str>, TokenFault> {
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(text.split_ascii_whitespace().collect()),
            Some(Value::Array(list)) => {
                let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                texts.ok_or(TokenFault::WrongType(name))
            }
            Some(_) => Err(TokenFault::WrongType(name)),
        }
    }

    /// NumericDate (RFC 7519 2), which may have a fraction.
    fn seconds(&self, name: &'static str) -> Result<Option<u64>, TokenFault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(whole_seconds(number))),
            Some(_) => Err(TokenFault::WrongType(name)),
        }
    }
}

/// Claims may say more of a user than a log should.
impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims(…)")
    }
}

/// Before 1970 is 1970, behind all numbers is the largest.
fn whole_seconds(number: &Number) -> u64 {
    if let Some(seconds) = number.as_u64() {
        return seconds;
    }
    // The conversion saturates, and makes nothing of what is no number.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a second is given up on purpose"
    )]
    let seconds = number.as_f64().map_or(0, |seconds| seconds as u64);
    seconds
}

/// Two hosts with right clocks differ by less. Counts for `nbf` and `iat`; `exp` has `oauth2_token_expire_grace`.
const CLOCKS_APART_S: u64 = 10;
