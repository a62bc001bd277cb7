//! The pre-login list: connections that wait for their client to log in, the longest waiting first. The first has to go when
//! the table is full (W-PIPE-7).
//!
//! Decides: the order. Does not: end a connection; the core does. A list through one link per slot: joining, leaving and
//! finding the first take the same short time however many there are. Tests: below, and in the simulator.

/// The list of a core.
#[derive(Debug)]
pub(in crate::worker) struct PreLogin {
    links: Vec<Link>,
    first: u32,
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    /// [`UNLISTED`]: the slot is not on the list.
    next: u32,
}

impl PreLogin {
    pub(in crate::worker) const SLOT_BYTES: usize = size_of::<Link>();

    /// Room for so many slots; memory is taken as slots are first used.
    pub(in crate::worker) fn new(slots: u32) -> Self {
        let links = Vec::with_capacity(usize::try_from(slots).unwrap_or(0));
        Self { links, first: NONE, last: NONE }
    }

    /// Says whether a slot waits for its client. Who waits already keeps its place.
    pub(in crate::worker) fn set(&mut self, slot: u32, waits: bool) {
        match (self.has(slot), waits) {
            (false, true) => self.join(slot),
            (true, false) => self.leave(slot),
            (false, false) | (true, true) => {}
        }
    }

    /// Whether a slot is on the list.
    pub(in crate::worker) fn has(&self, slot: u32) -> bool {
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        self.links.get(index).is_some_and(|link| link.next != UNLISTED)
    }

    /// How many slots are, counted by walking the list: for checks.
    pub(in crate::worker) fn len(&self) -> usize {
        let next = |slot: &u32| {
            let link = self.links.get(usize::try_from(*slot).ok()?)?;
            (link.next != NONE).then_some(link.next)
        };
        let first = (self.first != NONE).then_some(self.first);
        std::iter::successors(first, next).count()
    }

    /// The slot that waits longest.
    pub(in crate::worker) fn oldest(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    fn join(&mut self, slot: u32) {
        let Ok(index) = usize::try_from(slot) else {
            return;
        };
        if index >= self.links.len() {
            self.links.resize(index + 1, Link { previous: NONE, next: UNLISTED });
        }
        let last = std::mem::replace(&mut self.last, slot);
        if let Some(link) = self.link(slot) {
            *link = Link { previous: last, next: NONE };
        }
        match self.link(last) {
            Some(link) => link.next = slot,
            None => self.first = slot,
        }
    }

    fn leave(&mut self, slot: u32) {
        let Some(link) = self.link(slot) else {
            return;
        };
        let Link { previous, next } = *link;
        link.next = UNLISTED;
        match self.link(previous) {
            Some(link) => link.next = next,
            None => self.first = next,
        }
        match self.link(next) {
            Some(link) => link.previous = previous,
            None => self.last = previous,
        }
    }

    fn link(&mut self, slot: u32) -> Option<&mut Link> {
        self.links.get_mut(usize::try_from(slot).ok()?)
    }
}

/// No slot.
const NONE: u32 = u32::MAX;
/// Neither a slot nor the end of the list.
const UNLISTED: u32 = u32::MAX - 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn w_pipe_7_the_list_is_that_of_a_plain_queue(
            steps in prop::collection::vec((0_u32..12, any::<bool>()), 0..200),
        ) {
            let (mut list, mut model) = (PreLogin::new(12), Vec::new());
            for (slot, waits) in steps {
                list.set(slot, waits);
                if !waits {
                    model.retain(|listed| *listed != slot);
                } else if !model.contains(&slot) {
                    model.push(slot);
                }
                prop_assert_eq!(list.oldest(), model.first().copied());
                prop_assert_eq!((list.has(slot), list.len()), (waits, model.len()));
            }
            while let Some(oldest) = list.oldest() {
                prop_assert_eq!(oldest, model.remove(0));
                list.set(oldest, false);
            }
            prop_assert!(model.is_empty());
        }
    }
}
