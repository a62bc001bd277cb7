//! The password policy's word beside a bind (draft-behera-ldap-password-policy): expired, locked, to be changed.
//!
//! Duty: the response control's value. A server says the same result for a wrong, a locked and an expired password; only
//! this control tells them apart. Not its duty: what follows (`outcome`).

/// The control, in requests and responses.
pub const CONTROL: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// `error` of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// 0: the right password, and it is expired.
    Expired,
    /// 1: locked, whatever the password.
    Locked,
    /// 2: the right password, which an operator has set and its owner has to change.
    ChangeAfterReset,
    /// Other errors are about changes of passwords.
    Other,
}

/// What the control's value says; `None`: nothing that is wrong, or no such value.
///
/// ```text
/// PasswordPolicyResponseValue ::= SEQUENCE {
///    warning [0] CHOICE { … } OPTIONAL,
///    error   [1] ENUMERATED { … } OPTIONAL }
/// ```
#[must_use]
pub fn error_of(value: &[u8]) -> Option<Policy> {
    const SEQUENCE: u8 = 0x30;
    const ERROR: u8 = 0x81;
    let (SEQUENCE, mut inside, []) = element(value)? else { return None };
    while !inside.is_empty() {
        let (tag, content, rest) = element(inside)?;
        if tag == ERROR {
            return Some(match content {
                [0] => Policy::Expired,
                [1] => Policy::Locked,
                [2] => Policy::ChangeAfterReset,
                _ => Policy::Other,
            });
        }
        inside = rest;
    }
    None
}

/// A tag, its content, and what is behind it. Lengths of one octet are all that such a value needs; others are refused.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk::<2>()?;
    let (content, behind) = rest.split_at_checked(usize::from(length)).filter(|_| length < 0x80)?;
    Some((tag, content, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_real_server() {
        for (value, expected) in [
            (&[0x30, 3, 0x81, 1, 0][..], Some(Policy::Expired)),
            (&[0x30, 3, 0x81, 1, 1], Some(Policy::Locked)),
            (&[0x30, 3, 0x81, 1, 2], Some(Policy::ChangeAfterReset)),
            (&[0x30, 3, 0x81, 1, 8], Some(Policy::Other)),
            (&[0x30, 0], None),
            // Five seconds before it expires, and two more logins after it has.
            (&[0x30, 5, 0xA0, 3, 0x80, 1, 5], None),
            (&[0x30, 8, 0xA0, 3, 0x81, 1, 2, 0x81, 1, 0], Some(Policy::Expired)),
        ] {
            assert_eq!(error_of(value), expected, "{value:x?}");
        }
    }

    #[test]
    fn what_is_no_value_says_nothing() {
        for value in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80],
            &[0x30, 4, 0x81, 1, 0],
            &[0x30, 3, 0x81, 2, 0],
            &[0x31, 3, 0x81, 1, 0],
            &[0x30, 3, 0x81, 1, 0, 0],
            &[0x30, 0x81, 3, 0x81, 1, 0],
        ] {
            assert_eq!(error_of(value), None, "{value:x?}");
        }
    }
}
