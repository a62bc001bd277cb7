//! Names that travel through every room: protocols, SASL mechanisms, session ids, core ids.

pub mod mechanism;

use std::fmt;

/// The protocols Hale speaks. Dovecot's words: the ManageSieve service is `sieve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// RFC 9051 and RFC 3501.
    Imap,
    /// RFC 1939.
    Pop3,
    /// RFC 2033.
    Lmtp,
    /// RFC 5804.
    Sieve,
    /// RFC 6409.
    Submission,
}

impl Protocol {
    /// Every protocol, in the order of the configuration's default.
    pub const ALL: [Self; 5] = [Self::Imap, Self::Pop3, Self::Lmtp, Self::Sieve, Self::Submission];

    /// The word used in settings, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Lmtp => "lmtp",
            Self::Sieve => "sieve",
            Self::Submission => "submission",
        }
    }

    /// Dovecot's name of the service that listens for this protocol.
    #[must_use]
    pub fn service_name(self) -> &'static str {
        match self {
            Self::Imap => "imap-login",
            Self::Pop3 => "pop3-login",
            Self::Lmtp => "lmtp",
            Self::Sieve => "managesieve-login",
            Self::Submission => "submission-login",
        }
    }

    /// The port backends listen on when nothing else is configured.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Imap => 143,
            Self::Pop3 => 110,
            Self::Lmtp => 24,
            Self::Sieve => 4190,
            Self::Submission => 587,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Number of a data core, counted from zero in the order of the configuration; not a CPU number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreId(pub u16);

/// Identifies one client connection in logs here and, forwarded, on the backend (W-FWD-4).
///
/// At most 64 printable ASCII characters without space and quotes. Ours are 16 bytes, shown as 22 characters of base64url
/// and kept as bytes, because every idle session keeps its id; ids received from trusted peers are kept as they came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    Own([u8; 16]),
    Foreign(Box<str>),
}

impl SessionId {
    /// Longest id accepted from a trusted peer (W-FWD-4).
    pub const BYTES_MAX: usize = 64;

    /// Makes an id of 16 bytes that the caller drew from time and randomness.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Form::Own(bytes))
    }

    /// Accepts an id that a trusted peer sent, or `None` when it breaks W-FWD-4.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |b: u8| (0x21..=0x7E).contains(&b) && b != b'"';
        (!text.is_empty() && text.len() <= Self::BYTES_MAX && text.bytes().all(legal))
            .then(|| Self(Form::Foreign(text.into())))
    }
}

impl SessionId {
    /// The ids that are written like this: ours, a trusted peer's, or none.
    #[must_use]
    pub fn written(text: &str) -> Vec<Self> {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let own = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        own.map(Self::from_bytes).into_iter().chain(Self::parse(text)).collect()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::display::Base64Display;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        match &self.0 {
            Form::Own(bytes) => Base64Display::new(bytes, &URL_SAFE_NO_PAD).fmt(f),
            Form::Foreign(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_fwd_4_session_ids_are_22_characters_and_foreign_ones_are_checked() {
        assert_eq!(SessionId::from_bytes([0xFF; 16]).to_string().len(), 22);
        assert!(SessionId::parse("abc:P1").is_some());
        let own = SessionId::from_bytes([7; 16]);
        assert!(SessionId::written(&own.to_string()).contains(&own));
        assert_eq!(SessionId::written("abc:P1"), [SessionId::parse("abc:P1").unwrap()]);
        assert!(SessionId::written("a b").is_empty());
        for bad in ["", "a b", "a\"b", "a\nb", "ü", &"x".repeat(65)] {
            assert!(SessionId::parse(bad).is_none(), "{bad:?}");
        }
    }
}
