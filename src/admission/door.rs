//! How many connections may be there at once, and how fast they may come.

/// Bounds for one address prefix, or for one listener. Zero is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DoorRules {
    /// Connections at once.
    pub at_once: u32,
    /// New connections a second; a second's worth may be saved up.
    pub each_second: u32,
}

impl DoorRules {
    /// Whether there is anything to count.
    #[must_use]
    pub fn is_open(self) -> bool {
        self == Self::default()
    }
}
