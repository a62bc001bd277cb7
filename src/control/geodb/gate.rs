//! For tests: makes calls wait, hang or fail, by their names.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;

use super::GeoDbError;

/// Nothing is held at first. Clones are the same gate.
#[derive(Clone, Debug, Default)]
#[expect(clippy::disallowed_types, reason = "a test may lock")]
pub(in crate::control) struct Gate(Arc<std::sync::Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    held: HashMap<&'static str, Held>,
    broken: HashMap<&'static str, u32>,
    passed: HashMap<&'static str, u32>,
}

#[derive(Debug, Default)]
struct Held {
    /// How many more are held.
    left: u32,
    opened: Arc<Notify>,
}

impl Gate {
    /// Calls of this name wait until [`Self::open`].
    pub(in crate::control) fn hold(&self, call: &'static str) {
        self.hold_next(call, u32::MAX);
    }

    /// The next calls of this name wait until [`Self::open`], those behind them do not.
    pub(in crate::control) fn hold_next(&self, call: &'static str, left: u32) {
        self.0.lock().unwrap().held.insert(call, Held { left, opened: Arc::default() });
    }

    /// Lets those that wait go on, and all that come.
    pub(in crate::control) fn open(&self, call: &'static str) {
        if let Some(waiting) = self.0.lock().unwrap().held.remove(call) {
            waiting.opened.notify_waiters();
        }
    }

    /// The next calls of this name fail.
    pub(in crate::control) fn fail(&self, call: &'static str, times: u32) {
        self.0.lock().unwrap().broken.insert(call, times);
    }

    /// How many calls of this name came so far, held ones included.
    pub(in crate::control) fn seen(&self, call: &'static str) -> u32 {
        self.0.lock().unwrap().passed.get(call).copied().unwrap_or(0)
    }

    pub(super) async fn pass(&self, call: &'static str) -> Result<(), GeoDbError> {
        let held = {
            let mut state = self.0.lock().unwrap();
            *state.passed.entry(call).or_default() += 1;
            if let Some(times) = state.broken.get_mut(call).filter(|times| **times > 0) {
                *times -= 1;
                let why = "out of order".into();
                return Err(GeoDbError::Unavailable { place: "test".into(), why });
            }
            let held = state.held.get_mut(call).filter(|held| held.left > 0);
            held.map(|held| {
                held.left -= 1;
                Arc::clone(&held.opened)
            })
        };
        if let Some(held) = held {
            held.notified().await;
        }
        Ok(())
    }
}
