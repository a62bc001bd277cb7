//! Body of the fuzz target `referral`, replayed on stable by `tests/pure/corpus.rs`: where backends send users.

use hale::backend::referral::{Host, Referral};
use hale::limits::USER_BYTES_MAX;

/// Any bytes in each of the four forms: no panic, and what is understood names a user and a host that can do no harm.
pub(crate) fn run(text: &[u8]) {
    let forms = [
        Referral::from_imap(text),
        Referral::from_pop3(text),
        Referral::from_sieve(text),
        Referral::from_smtp(text),
    ];
    for Referral { user, host, port } in forms.into_iter().flatten() {
        let is_user = |user: &str| {
            (1..=USER_BYTES_MAX).contains(&user.len())
                && !user.bytes().any(|byte| byte.is_ascii_control())
        };
        assert!(user.as_deref().is_none_or(is_user), "{user:?}");
        assert_ne!(port, Some(0));
        match host {
            Host::Address(address) => assert_eq!(address, address.to_canonical()),
            Host::Name(name) => {
                let legal =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                assert!((1..=255).contains(&name.len()) && name.bytes().all(legal), "{name}");
            }
        }
    }
}
