//! What the client says of itself before a message: LHLO, and XCLIENT of a trusted peer (W-LMTP-15).

use super::xclient::Forwarded;

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Hello {
    name: Name,
    /// How long the client waits for us, as a trusted peer told.
    pub(super) timeout_s: Option<u64>,
    /// LHLO was said, and holds.
    pub(super) is_said: bool,
}

/// What the client calls itself.
#[derive(Debug, Default)]
enum Name {
    #[default]
    Unknown,
    Own(Box<str>),
    /// A trusted peer told it of its client; its own does not replace it.
    Forwarded(Box<str>),
}

impl Hello {
    /// LHLO by this name. Whether it is another than backends have been told.
    pub(super) fn say(&mut self, name: &str) -> bool {
        self.is_said = true;
        let is_new = match &self.name {
            Name::Forwarded(_) => false,
            Name::Own(known) => **known != *name,
            Name::Unknown => true,
        };
        if is_new {
            self.name = Name::Own(name.into());
        }
        is_new
    }

    /// XCLIENT; LHLO has to be said again.
    pub(super) fn take_over(&mut self, told: Forwarded) {
        if let Some(name) = told.helo {
            self.name = Name::Forwarded(name);
        }
        self.timeout_s = told.timeout_s.or(self.timeout_s);
        self.is_said = false;
    }

    /// TLS stands: what was learnt in clear is forgotten (W-STLS-3). What a trusted peer told stays (W-STLS-4).
    pub(super) fn forget(&mut self) {
        self.is_said = false;
        if matches!(self.name, Name::Own(_)) {
            self.name = Name::Unknown;
        }
    }

    /// What the client calls itself.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.name {
            Name::Unknown => None,
            Name::Own(name) | Name::Forwarded(name) => Some(name),
        }
    }
}
