//! Numbers by chance, for jitter and session ids: nothing secret hangs on them.

use crate::names::CoreId;
use crate::tick::Tick;

/// A core's generator: xorshift64*.
#[derive(Debug)]
pub(super) struct Chance {
    core: CoreId,
    state: u64,
}

impl Chance {
    pub(super) fn new(core: CoreId, seed: u64) -> Self {
        // Zero would stay zero.
        Self { core, state: seed | 1 }
    }

    /// The next number.
    pub(super) fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Sixteen bytes for a session id: when, which core, and chance (W-FWD-4).
    pub(super) fn draw_id(&mut self, now: Tick) -> [u8; 16] {
        let high = self.draw();
        let low = self.draw() ^ now.0.rotate_left(24) ^ u64::from(self.core.0);
        let mut id = [0; 16];
        for (place, byte) in
            id.iter_mut().zip(high.to_be_bytes().into_iter().chain(low.to_be_bytes()))
        {
            *place = byte;
        }
        id
    }
}
