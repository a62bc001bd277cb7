//! The driver `oauth2`: tokens verified here with the provider's keys, or shown to the provider; passwords exchanged for tokens.
//!
//! What is asked and what answers and claims mean stands in `webauth`; connections are the client's, keys and addresses the shelf's.
//! A token's verdict is remembered no longer than the token lives. Tests: in the files, and `tests/appliance/e2e/oauth2.rs`.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;

use super::driver::Fault;
use super::web::{self, Remarks};
use crate::auth::inquiry::{Gives, Inquiry, RemoteTrouble, Reply, Row, Wants};
use crate::config::model::{IntrospectionMode, KeySource, OAuth2 as Settings};
use crate::control::http_client::HttpClient;
use crate::control::resolver::Resolver;
use crate::control::wall_clock::unix_seconds;
use crate::ring::clock;
use crate::secret::Secret;
use crate::webauth::provider::{Asked, ClientAuth, Mode, Provider, Said};
use crate::webauth::{Claims, Request, Rules, TokenFault, Vouched};
use crate::wire::url::Url;
use shelf::{Fetched, Shelf};
pub(super) use verifiers::Verifiers;

mod folder;
mod shelf;
mod verifiers;

/// A provider. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct OAuth2(Rc<Inside>);

#[derive(Debug)]
struct Inside {
    settings: Settings,
    rules: Rules,
    client: HttpClient,
    shelf: Shelf,
    /// None: only what the driver is like is asked.
    verifiers: Option<Verifiers>,
    remarks: Option<Remarks>,
}

/// What a token came to.
enum Judged {
    Good(Claims, Vouched),
    Bad(TokenFault),
}

impl OAuth2 {
    /// # Errors
    /// The file of authorities can't be used.
    pub(super) fn new(
        settings: &Settings,
        resolver: &Resolver,
        verifiers: Option<Verifiers>,
        remarks: Option<Remarks>,
    ) -> Result<Self, String> {
        let client = web::client(&settings.authorities, resolver)?;
        let is_local = settings.mode == IntrospectionMode::Local;
        let (discovery, keys) = (settings.discovery.clone(), settings.keys.clone());
        let shelf = Shelf::new(client.clone(), discovery, keys, is_local);
        let rules = Rules {
            issuers: settings.issuers.clone(),
            audiences: settings.audiences.clone(),
            scopes: settings.scopes.clone(),
            username_attribute: settings.username_attribute.clone(),
            active: settings.active.clone(),
            grace: settings.grace,
        };
        let settings = settings.clone();
        Ok(Self(Rc::new(Inside { settings, rules, client, shelf, verifiers, remarks })))
    }

    pub(super) fn gives(&self) -> Gives {
        match self.0.settings.use_grant_password {
            true => Gives::Verdicts,
            false => Gives::Tokens,
        }
    }

    /// Whether replies may be remembered: what is verified here is verified as fast, and by the keys of the moment.
    pub(super) fn may_be_remembered(&self) -> bool {
        self.0.settings.mode != IntrospectionMode::Local
    }

    /// What replies depend on besides the token: whose it has to be, and what fields are made of.
    pub(super) fn variables(&self) -> Vec<Box<str>> {
        let Settings { username_format, fields, .. } = &self.0.settings;
        let of_fields = fields.iter().flat_map(|field| field.value.variables());
        let names = username_format.variables().chain(of_fields);
        let of_login = names.filter(|name| !name.starts_with("oauth2:")).map(Box::from);
        std::iter::once(Box::from("user")).chain(of_login).collect()
    }

    pub(super) fn server(&self) -> String {
        let Settings { discovery, introspection, tokeninfo, grant, keys, .. } = &self.0.settings;
        let url =
            discovery.as_ref().or(introspection.as_ref()).or(tokeninfo.as_ref()).or(grant.as_ref());
        match (url, keys) {
            (Some(url), _) | (None, Some(KeySource::Url(url))) => url.to_string(),
            (None, Some(KeySource::File(path))) => path.display().to_string(),
            (None, None) => String::new(),
        }
    }

    /// Has what a question needs at hand, and a server that takes connections if one is needed.
    pub(super) async fn reach(&self) -> Result<(), Fault> {
        self.ready().await?;
        match self.place() {
            Some(url) => self.0.client.reach(&url).await.map_err(|fault| web::fault(&fault)),
            None => Ok(()),
        }
    }

    /// The same, and the server answers.
    pub(super) async fn try_out(&self) -> Result<(), Fault> {
        self.ready().await?;
        match self.place() {
            Some(url) => self.0.client.try_out(&url).await.map_err(|fault| web::fault(&fault)),
            None => Ok(()),
        }
    }

    /// Whom each login asks; none: the keys are here.
    fn place(&self) -> Option<Url> {
        let provider = self.provider();
        match (self.0.settings.use_grant_password, self.0.settings.mode) {
            (true, _) => provider.grant,
            (false, IntrospectionMode::Local) => None,
            (false, _) => provider.introspection.or(provider.tokeninfo),
        }
    }

    pub(super) async fn ask(&self, inquiry: &Inquiry) -> Result<Reply, Fault> {
        self.ready().await?;
        let (judged, token) = match &inquiry.wants {
            Wants::Token(token) => (self.judge(token).await?, None),
            Wants::Verdict(password) => match self.exchange(inquiry, password).await? {
                Some(token) => (self.judge(&token).await?, Some(token)),
                None => return Ok(Reply::Mismatch),
            },
            Wants::Row(_) | Wants::Answer(..) => {
                return Ok(Reply::Trouble(RemoteTrouble::NoLookUps.into()));
            }
        };
        match judged {
            Judged::Good(claims, vouched) => self.reply(inquiry, &claims, &vouched, token.as_ref()),
            Judged::Bad(fault) => Ok(self.refuse(fault)),
        }
    }

    /// Everything that is not asked for each login: keys, addresses. Logins wait for the first of them only.
    async fn ready(&self) -> Result<(), Fault> {
        let shelf = &self.0.shelf;
        if !shelf.is_filled() {
            return match self.fetch().await {
                _ if shelf.is_filled() => Ok(()),
                Err(why) => Err(Fault::Connect(why)),
                Ok(()) => Err(Fault::Connect("the provider's keys are not there yet".to_owned())),
            };
        }
        if shelf.is_due() {
            let own = self.clone();
            spawn_local(async move { own.fetch().await });
        }
        Ok(())
    }

    async fn fetch(&self) -> Result<(), String> {
        self.note(self.0.shelf.fetch().await)
    }

    /// Whether there may be other keys now than there were.
    async fn fetch_for_a_key(&self) -> bool {
        match self.0.shelf.fetch_for_a_key().await {
            Some(fetched) => self.note(fetched).is_ok(),
            None => false,
        }
    }

    fn note(&self, fetched: Fetched) -> Result<(), String> {
        match fetched {
            Fetched::Kept => Ok(()),
            Fetched::Anew(remark) => {
                self.forget_remark(FETCH);
                if let Some(remark) = remark {
                    self.remark(&remark, &remark);
                }
                Ok(())
            }
            Fetched::Failed(why) => {
                if self.0.shelf.is_filled() {
                    self.remark(
                        FETCH,
                        &format!("{why}; what was fetched before stays in force, and is fetched again every 30 s"),
                    );
                }
                Err(why)
            }
        }
    }

    /// How the provider is asked, with what it tells of itself.
    fn provider(&self) -> Provider {
        let settings = &self.0.settings;
        let found = self.0.shelf.discovered();
        Provider {
            tokeninfo: settings.tokeninfo.clone(),
            introspection: settings.introspection.clone().or(found.introspection),
            mode: match settings.mode {
                IntrospectionMode::Auth => Mode::Auth,
                IntrospectionMode::Get => Mode::Get,
                IntrospectionMode::Post => Mode::Post,
                IntrospectionMode::Local => Mode::Local,
            },
            grant: settings.grant.clone().or(found.grant),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            client_auth: if settings.is_basic { ClientAuth::Basic } else { ClientAuth::Form },
            scopes: settings.scopes.clone(),
        }
    }

    fn rules(&self) -> Rules {
        let mut rules = self.0.rules.clone();
        let issuer = self.0.shelf.discovered().issuer;
        if rules.issuers.is_empty() && !issuer.is_empty() {
            rules.issuers.push(issuer);
        }
        rules
    }

    /// The token that the provider gives for a password; none: it refuses.
    async fn exchange(
        &self,
        inquiry: &Inquiry,
        password: &Secret,
    ) -> Result<Option<Secret>, Fault> {
        let provider = self.provider();
        let Some(request) = provider.ask_grant(&inquiry.user, password) else {
            return Err(missing("oauth2_grant_url"));
        };
        match self.put(&provider, Asked::Grant, &request).await? {
            Said::Refused => Ok(None),
            Said::Trouble(text) => Err(Fault::Answer(RemoteTrouble::Error, text.to_owned())),
            Said::Claims(answer) => match answer.text("access_token") {
                Some(token) => Ok(Some(Secret::from(&*token))),
                None => {
                    let text = "the provider's answer to the password grant has no `access_token`";
                    Err(Fault::Answer(RemoteTrouble::Form, text.to_owned()))
                }
            },
        }
    }

    async fn judge(&self, token: &Secret) -> Result<Judged, Fault> {
        match self.0.settings.mode {
            IntrospectionMode::Local => self.verify(token).await,
            IntrospectionMode::Auth | IntrospectionMode::Get | IntrospectionMode::Post => {
                self.introspect(token).await
            }
        }
    }

    async fn verify(&self, token: &Secret) -> Result<Judged, Fault> {
        let behind =
            || Fault::Answer(RemoteTrouble::Busy, "too many tokens wait to be verified".to_owned());
        let no_keys = || Fault::Connect("the provider's keys are not there yet".to_owned());
        let verifiers = self.0.verifiers.as_ref().ok_or_else(no_keys)?;
        let keys = self.0.shelf.keys().ok_or_else(no_keys)?;
        let mut verified = verifiers.verify(&keys, token).await.map_err(|_| behind())?;
        let is_unknown = matches!(verified, Err(TokenFault::UnknownKey(_) | TokenFault::Signature));
        // The provider may sign with keys that are newer than ours.
        if is_unknown && self.fetch_for_a_key().await {
            let keys = self.0.shelf.keys().ok_or_else(no_keys)?;
            verified = verifiers.verify(&keys, token).await.map_err(|_| behind())?;
        }
        Ok(match verified {
            Ok(claims) => match claims.judge_token(&self.rules(), now_unix()) {
                Ok(vouched) => Judged::Good(claims, vouched),
                Err(fault) => Judged::Bad(fault),
            },
            Err(fault) => Judged::Bad(fault),
        })
    }

    async fn introspect(&self, token: &Secret) -> Result<Judged, Fault> {
        let (provider, rules) = (self.provider(), self.rules());
        let mut known = None;
        if let Some(request) = provider.ask_tokeninfo(token) {
            match self.put(&provider, Asked::Tokeninfo, &request).await? {
                Said::Claims(claims) => known = Some(claims),
                Said::Refused => return Ok(Judged::Bad(TokenFault::Refused)),
                Said::Trouble(text) => {
                    return Err(Fault::Answer(RemoteTrouble::Error, text.to_owned()));
                }
            }
        }
        let is_named =
            known.as_ref().is_some_and(|it: &Claims| it.text(&rules.username_attribute).is_some());
        if !is_named || self.0.settings.force_introspection {
            match provider.ask_introspection(token) {
                Some(request) => match self.put(&provider, Asked::Introspection, &request).await? {
                    Said::Claims(claims) => known = Some(claims.with(known)),
                    Said::Refused => return Ok(Judged::Bad(TokenFault::Refused)),
                    Said::Trouble(text) => {
                        return Err(Fault::Answer(RemoteTrouble::Error, text.to_owned()));
                    }
                },
                None if known.is_none() => return Err(missing("oauth2_introspection_url")),
                None => {}
            }
        }
        let claims = known.unwrap_or_default();
        Ok(match claims.judge_answer(&rules, now_unix()) {
            Ok(vouched) => Judged::Good(claims, vouched),
            Err(fault) => Judged::Bad(fault),
        })
    }

    async fn put(
        &self,
        provider: &Provider,
        asked: Asked,
        request: &Request,
    ) -> Result<Said, Fault> {
        let answer = self.0.client.ask(request).await.map_err(|fault| web::fault(&fault))?;
        Ok(provider.read(asked, &answer))
    }

    fn reply(
        &self,
        inquiry: &Inquiry,
        claims: &Claims,
        vouched: &Vouched,
        token: Option<&Secret>,
    ) -> Result<Reply, Fault> {
        let settings = &self.0.settings;
        let values = inquiry.values();
        let unexpandable = |_| Reply::Trouble(crate::template::Unexpandable.into());
        let mut row = Row::default();
        // OAUTHBEARER without a name: the token names the user.
        if inquiry.user.is_empty() {
            row.put("user", &vouched.user);
        } else {
            match values.expand(&settings.username_format) {
                Ok(expected) if expected.eq_ignore_ascii_case(&vouched.user) => {}
                Ok(_) => return Ok(self.refuse(TokenFault::OtherUser)),
                Err(error) => return Ok(unexpandable(error)),
            }
        }
        for field in &settings.fields {
            let value = field.value.expand(&|name| match name.strip_prefix("oauth2:") {
                Some("access_token") => {
                    let token = token.or(match &inquiry.wants {
                        Wants::Token(token) => Some(token),
                        Wants::Verdict(_) | Wants::Row(_) | Wants::Answer(..) => None,
                    });
                    token.map(|token| String::from_utf8_lossy(token.expose()).into_owned().into())
                }
                Some(claim) => Some(claims.text(claim).unwrap_or(Cow::Borrowed(""))),
                None => values.get(name),
            });
            match value {
                // A claim that is not there says nothing.
                Ok(value) if value.is_empty() => {}
                Ok(value) => row.put(&field.name, &value),
                Err(error) => return Ok(unexpandable(error)),
            }
        }
        row.valid_until = vouched.expires_unix.map(|end| {
            let left = end.saturating_add(settings.grace.as_secs()).saturating_sub(now_unix());
            clock::now().after(Duration::from_secs(left.min(LIFE_MAX_S)))
        });
        Ok(Reply::Verified(Arc::new(row)))
    }

    fn refuse(&self, fault: TokenFault) -> Reply {
        let text = match fault {
            TokenFault::NoName => {
                format!("a token is refused: {fault} ({})", self.0.rules.username_attribute)
            }
            _ => format!("a token is refused: {fault}"),
        };
        self.remark(&text, &text);
        Reply::Mismatch
    }

    fn remark(&self, key: &str, text: &str) {
        if let Some(remarks) = &self.0.remarks {
            remarks.say(key, text);
        }
    }

    fn forget_remark(&self, key: &str) {
        if let Some(remarks) = &self.0.remarks {
            remarks.forget(key);
        }
    }
}

fn missing(name: &str) -> Fault {
    let text = format!("{name} is not set, and the provider's OpenID configuration names none");
    Fault::Answer(RemoteTrouble::Error, text)
}

fn now_unix() -> u64 {
    u64::try_from(unix_seconds()).unwrap_or(0)
}

/// The remark about fetching.
const FETCH: &str = "fetch";
/// A token of a hundred years has no end that a session would see.
const LIFE_MAX_S: u64 = 10 * 365 * 24 * 3600;
