//! What a backend's refusal of AUTH means (W-SUB-B8, RFC 4954 6).
//!
//! Decides: the failure behind a reply, and whether the client sees the reply. Does not: hold state. Driver: `super`.
//! Tests: below.

use crate::backend::Step;
use crate::backend::referral::Referral;
use crate::fault::Failure;
use crate::wire::smtp::reply::{Class, Reply, enhanced};

/// A wrong password is told in our words only, so that backends can't be told apart by it (W-FAIL-5). What concerns our
/// command and not the client's credentials is for the operator: the client could do nothing about it.
pub(super) fn refusal(reply: &Reply) -> Step {
    let forwarded = |failure| Step::Failed(failure, Some(reply.coded_text()));
    if reply.class() == Class::NotNow {
        return forwarded(Failure::BackendTempFail);
    }
    match reply.code {
        550 if enhanced(reply.code, reply.first_line()) == Some(b"5.2.900") => {
            match Referral::from_smtp(reply.first_line()) {
                Some(referral) => Step::Redirect(referral),
                None => Step::Failed(Failure::RedirectFailed, None),
            }
        }
        535 => Step::Failed(Failure::Credentials, None),
        // Our command is not understood, not known, or not allowed there, with or without TLS.
        500..=504 | 523 | 530 | 538 => Step::Failed(Failure::RemoteConfig, None),
        525 => forwarded(Failure::Disabled),
        _ => forwarded(Failure::Credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Step {
        refusal(&Reply::coded(text.as_bytes()).unwrap())
    }

    #[test]
    fn w_sub_b8_what_a_refusal_means() {
        let shown = |text: &str| match of(text) {
            Step::Failed(failure, shown) => {
                (failure, shown.map(|text| String::from_utf8(text.into()).unwrap()))
            }
            other => panic!("{other:?}"),
        };
        let own = |text: &str| Some(text.to_owned());
        assert_eq!(shown("535 5.7.8 no such user"), (Failure::Credentials, None));
        for text in ["454 4.7.0 later", "421 bye", "432 4.7.12 a\nb"] {
            assert_eq!(shown(text), (Failure::BackendTempFail, own(text)));
        }
        assert_eq!(shown("525 5.7.13 off"), (Failure::Disabled, own("525 5.7.13 off")));
        assert_eq!(shown("534 5.7.9 weak"), (Failure::Credentials, own("534 5.7.9 weak")));
        for text in ["502 what", "504 5.5.4 no PLAIN", "530 5.7.0 TLS first", "538 no"] {
            assert_eq!(shown(text), (Failure::RemoteConfig, None));
        }
        assert_eq!(shown("550 5.2.900 tim@[::1"), (Failure::RedirectFailed, None));
        assert_eq!(
            shown("550 5.7.1 tim@192.0.2.9"),
            (Failure::Credentials, own("550 5.7.1 tim@192.0.2.9"))
        );
    }

    #[test]
    fn w_ref_1_referrals() {
        let Step::Redirect(to) = of("550 5.2.900 tim@192.0.2.9:587 Referral") else { panic!() };
        assert_eq!((to.user.as_deref(), to.port), (Some("tim"), Some(587)));
    }
}
