//! Body of the fuzz target `webauth`, replayed on stable by `tests/pure`: what services on the web may say.

use hale::webauth::{Claims, Discovered, KeySet, Response, Rules, SharedKeys, Token};
use hale::webauth::{auth_http, json_http, policy, provider};
use hale::wire::url::Url;

/// Any bytes as a token, a set of keys, or a service's answer: no panic, nothing is vouched for without a name, and what is
/// shown or logged is bounded.
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_first() else {
        return;
    };
    let rules = Rules { username_attribute: "email".into(), ..Rules::default() };
    match choice % 5 {
        0 => {
            let Ok(token) = Token::parse(bytes) else { return };
            assert!(KeySet::default().verify(&token).is_err(), "verified without a key");
            if let Ok(vouched) = token.into_claims().judge_token(&rules, NOW) {
                assert!(!vouched.user.is_empty() && vouched.expires_unix.is_some());
            }
        }
        1 => {
            if let Ok(set) = KeySet::parse(bytes, SharedKeys::Refused) {
                assert!(!set.is_empty() && set.len() <= hale::limits::TOKEN_KEYS_MAX);
            }
        }
        2 => {
            let vouched = Claims::parse(bytes).map(|claims| claims.judge_answer(&rules, NOW));
            if let Some(Ok(vouched)) = vouched {
                assert!(!vouched.user.is_empty());
            }
        }
        3 => {
            if let Ok(text) = str::from_utf8(bytes) {
                let _ = Url::parse(text);
            }
            let from = Url::parse("https://idp.example/").expect("a URL");
            if let Ok(found) = Discovered::parse(bytes, &from) {
                assert!(found.keys.is_none_or(|url| url.is_secure), "less safe than its source");
            }
        }
        _ => answer(bytes),
    }
}

/// Lines `name: value`, an empty one, a body.
fn answer(bytes: &[u8]) {
    let mut response = Response { status: 200, ..Response::default() };
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let name = String::from_utf8_lossy(&line[..colon]).to_lowercase();
        response.fields.push((name.into(), line[colon + 1..].trim_ascii().into()));
    }
    response.body = rest.to_vec();
    match auth_http::read(&response) {
        auth_http::Said::Refused(text) | auth_http::Said::Unavailable(text) => {
            assert!(text.chars().count() <= 200 && !text.chars().any(char::is_control));
        }
        auth_http::Said::Good(_) | auth_http::Said::RefusedLater(_) | auth_http::Said::Odd(_) => {}
    }
    let _ = json_http::read(&response);
    if let Ok(policy::Ruling::Go(delay)) = policy::read(&response) {
        assert!(delay <= hale::limits::POLICY_DELAY_MAX);
    }
    let asker = provider::Provider::default();
    for asked in
        [provider::Asked::Tokeninfo, provider::Asked::Introspection, provider::Asked::Grant]
    {
        let _ = asker.read(asked, &response);
    }
}

const NOW: u64 = 1_795_000_000;
