//! Slots with generations: the table that gives connections their numbers.
//!
//! A slot's generation changes when its value is removed, so that a completion of the former owner matches nothing.
//! The table has a fixed bound; memory is taken as slots are first used and never moves afterwards.

use super::port::GENERATION_MASK;

/// A bounded table of `T`, addressed by slot and generation.
#[derive(Debug)]
pub struct Slots<T> {
    entries: Vec<Entry<T>>,
    free: u32,
    live: u32,
    bound: u32,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    /// Unused; the next unused slot.
    Free(u32),
    Used(T),
}

/// No slot: the end of the list of free ones.
pub const NONE: u32 = u32::MAX;

impl<T> Slots<T> {
    /// What each slot that was ever used takes.
    pub const SLOT_BYTES: usize = size_of::<Entry<T>>();

    /// A table for at most `bound` values. Address space is reserved now, memory only as slots are used.
    #[must_use]
    pub fn new(bound: u32) -> Self {
        let capacity = usize::try_from(bound).unwrap_or(usize::MAX);
        Self { entries: Vec::with_capacity(capacity), free: NONE, live: 0, bound }
    }

    /// Puts `value` into a free slot and returns slot and generation; gives it back when the table is full.
    ///
    /// # Errors
    /// The value itself, when every slot is in use.
    pub fn insert(&mut self, value: T) -> Result<(u32, u32), T> {
        if self.free != NONE {
            let slot = self.free;
            let Some(entry) = self.entry_mut(slot) else {
                unreachable!("the list of free slots ends outside the table")
            };
            let State::Free(next) = entry.state else {
                unreachable!("the list of free slots names a used one")
            };
            entry.state = State::Used(value);
            let generation = entry.generation;
            self.free = next;
            self.live += 1;
            return Ok((slot, generation));
        }
        let slot = u32::try_from(self.entries.len()).unwrap_or(NONE);
        if slot >= self.bound {
            return Err(value);
        }
        self.entries.push(Entry { generation: 0, state: State::Used(value) });
        self.live += 1;
        Ok((slot, 0))
    }

    /// Takes the value out; its generation ends here.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let next = self.free;
        let entry = self.entry_mut(slot)?;
        if matches!(entry.state, State::Free(_)) {
            return None;
        }
        entry.generation = (entry.generation + 1) & GENERATION_MASK;
        let State::Used(value) = std::mem::replace(&mut entry.state, State::Free(next)) else {
            return None;
        };
        self.free = slot;
        self.live -= 1;
        Some(value)
    }

    /// The value in `slot`, whatever its generation.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        match &self.entries.get(usize::try_from(slot).ok()?)?.state {
            State::Used(value) => Some(value),
            State::Free(_) => None,
        }
    }

    /// The value in `slot`, whatever its generation.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match &mut self.entry_mut(slot)?.state {
            State::Used(value) => Some(value),
            State::Free(_) => None,
        }
    }

    /// The value in `slot`, if it is the one of that generation: a late completion finds nothing here.
    pub fn current(&mut self, slot: u32, generation: u32) -> Option<&mut T> {
        let entry = self.entry_mut(slot)?;
        match &mut entry.state {
            State::Used(value) if entry.generation == generation & GENERATION_MASK => Some(value),
            State::Used(_) | State::Free(_) => None,
        }
    }

    /// The value in `slot`, and its generation.
    pub fn named(&mut self, slot: u32) -> Option<(u32, &mut T)> {
        let entry = self.entry_mut(slot)?;
        match &mut entry.state {
            State::Used(value) => Some((entry.generation, value)),
            State::Free(_) => None,
        }
    }

    /// The generation of a used slot.
    #[must_use]
    pub fn generation(&self, slot: u32) -> Option<u32> {
        let entry = self.entries.get(usize::try_from(slot).ok()?)?;
        matches!(entry.state, State::Used(_)).then_some(entry.generation)
    }

    /// Whether `slot` is used by that generation: a late completion says no here.
    #[must_use]
    pub fn is_current(&self, slot: u32, generation: u32) -> bool {
        self.generation(slot) == Some(generation & GENERATION_MASK)
    }

    /// How many slots are in use.
    #[must_use]
    pub fn live(&self) -> u32 {
        self.live
    }

    /// How many slots there may be.
    #[must_use]
    pub fn bound(&self) -> u32 {
        self.bound
    }

    /// One past the highest slot ever used: the range to walk over for all.
    #[must_use]
    pub fn end(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(NONE)
    }

    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.entries.get_mut(usize::try_from(slot).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ur_06_a_reused_slot_has_another_generation() {
        let mut slots = Slots::new(2);
        let (a, generation) = slots.insert("a").unwrap();
        assert_eq!(slots.remove(a), Some("a"));
        let (b, later) = slots.insert("b").unwrap();
        assert_eq!(a, b);
        assert_ne!(generation, later);
        assert!(!slots.is_current(a, generation));
        assert!(slots.is_current(b, later));
        assert_eq!(slots.current(a, generation), None);
        assert_eq!(slots.current(b, later), Some(&mut "b"));
        assert_eq!(slots.named(b), Some((later, &mut "b")));
    }

    #[test]
    fn a_full_table_gives_the_value_back() {
        let mut slots = Slots::new(1);
        slots.insert(1).unwrap();
        assert_eq!(slots.insert(2), Err(2));
        assert_eq!((slots.live(), slots.bound(), slots.end()), (1, 1, 1));
    }

    #[test]
    fn removing_twice_is_harmless() {
        let mut slots = Slots::new(4);
        let (a, _) = slots.insert(1).unwrap();
        assert_eq!(slots.remove(a), Some(1));
        assert_eq!(slots.remove(a), None);
        assert_eq!(slots.remove(77), None);
        assert_eq!(slots.live(), 0);
    }

    #[test]
    fn the_table_never_moves() {
        let mut slots = Slots::new(1000);
        let (first, _) = slots.insert(0_u64).unwrap();
        let before = std::ptr::from_ref(slots.get(first).unwrap());
        for value in 1..1000 {
            slots.insert(value).unwrap();
        }
        assert_eq!(before, std::ptr::from_ref(slots.get(first).unwrap()));
    }
}
