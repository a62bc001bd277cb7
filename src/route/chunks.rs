//! Many rows in order of their keys, in pieces that tables share.
//!
//! Duty: finding a row by binary search, and making the next version out of the last one: only the piece that a row is in
//! is copied, all others are the same memory. A group that is new, among a hundred thousand, costs a table one piece of at
//! most [`CHUNK_ROWS_MAX`] rows and a list of pieces. Non-duty: what the rows mean. Driven by [`super::table`] and the
//! control core. Tests: below.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

/// A row with a key.
pub trait Keyed: Clone + PartialEq {
    /// Compares the keys alone.
    fn order(&self, other: &Self) -> Ordering;
}

/// Rows, each key once. Clones share all pieces.
#[derive(Clone, Debug)]
pub struct Chunks<T> {
    /// None is empty.
    pieces: Arc<[Arc<[T]>]>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { pieces: Arc::new([]), len: 0 }
    }
}

impl<T: Keyed> PartialEq for Chunks<T> {
    /// Where the pieces begin does not count.
    fn eq(&self, other: &Self) -> bool {
        let is_shared = self.pieces.len() == other.pieces.len()
            && self.pieces.iter().zip(&*other.pieces).all(|(one, two)| Arc::ptr_eq(one, two));
        is_shared || (self.len == other.len && self.iter().eq(other.iter()))
    }
}

impl<T: Keyed + Eq> Eq for Chunks<T> {}

impl<T: Keyed> Chunks<T> {
    /// These rows, in whatever order they come. Of several with one key the first stays.
    #[must_use]
    pub fn of(rows: Vec<T>) -> Self {
        Self::sharing(rows, &Self::default())
    }

    /// The same, with the pieces of `former` wherever these rows say the same.
    #[must_use]
    pub fn sharing(mut rows: Vec<T>, former: &Self) -> Self {
        rows.sort_by(T::order);
        rows.dedup_by(|later, earlier| later.order(earlier).is_eq());
        let mut pieces = Vec::with_capacity(former.pieces.len());
        // From the end, so that what is taken off need not move the others. What lies before all pieces goes with the first.
        for (at, piece) in former.pieces.iter().enumerate().rev() {
            let begin = match piece.first() {
                Some(first) if at > 0 => rows.partition_point(|row| row.order(first).is_lt()),
                _ => 0,
            };
            let found = rows.split_off(begin);
            if *found == **piece {
                pieces.push(Arc::clone(piece));
            } else {
                cut(found, &mut pieces);
            }
        }
        cut(rows, &mut pieces);
        pieces.reverse();
        Self::joined(pieces)
    }

    /// The same rows and this one, which replaces the one with its key.
    #[must_use]
    pub fn with(&self, row: T) -> Self {
        let at = self.piece_of(|other| other.order(&row));
        let mut changed = self.pieces.get(at).map_or_else(Vec::new, |piece| piece.to_vec());
        match changed.binary_search_by(|other| other.order(&row)) {
            Ok(found) => {
                if let Some(place) = changed.get_mut(found) {
                    *place = row;
                }
            }
            Err(place) => changed.insert(place, row),
        }
        self.replaced(at, changed)
    }

    /// The same rows but the one that `order` finds, if there is one.
    #[must_use]
    pub fn without(&self, order: impl Fn(&T) -> Ordering) -> Self {
        let at = self.piece_of(&order);
        let Some(piece) = self.pieces.get(at) else { return self.clone() };
        let Ok(found) = piece.binary_search_by(&order) else { return self.clone() };
        let mut changed = piece.to_vec();
        changed.remove(found);
        self.replaced(at, changed)
    }

    /// The row that `order` finds: how a row compares with the one that is sought.
    #[must_use]
    pub fn find(&self, order: impl Fn(&T) -> Ordering) -> Option<&T> {
        let piece = self.pieces.get(self.piece_of(&order))?;
        piece.get(piece.binary_search_by(order).ok()?)
    }

    /// What makes these rows out of `former`: rows that are new or differ, and rows that are gone. Shared pieces are not
    /// looked into.
    #[must_use]
    pub fn changes_since<'a>(&'a self, former: &'a Self) -> (Vec<&'a T>, Vec<&'a T>) {
        let (new, old) = (self.pieces_not_in(former), former.pieces_not_in(self));
        let is_in = |rows: &[&T], row: &T| rows.binary_search_by(|other| other.order(row)).is_ok();
        let same = |row: &T| {
            let found = old.binary_search_by(|other| other.order(row)).ok();
            found.and_then(|at| old.get(at)).is_some_and(|other| **other == *row)
        };
        let gone = old.iter().copied().filter(|row| !is_in(&new, row)).collect();
        (new.iter().copied().filter(|row| !same(row)).collect(), gone)
    }

    fn pieces_not_in(&self, other: &Self) -> Vec<&T> {
        let known: HashSet<*const T> = other.pieces.iter().map(|piece| piece.as_ptr()).collect();
        let pieces = self.pieces.iter().filter(|piece| !known.contains(&piece.as_ptr()));
        pieces.flat_map(|piece| piece.iter()).collect()
    }

    /// The piece in which a row is, or would be.
    fn piece_of(&self, order: impl Fn(&T) -> Ordering) -> usize {
        let begins_before = |piece: &Arc<[T]>| piece.first().is_some_and(|row| order(row).is_le());
        self.pieces.partition_point(begins_before).saturating_sub(1)
    }

    fn replaced(&self, at: usize, changed: Vec<T>) -> Self {
        let mut pieces = Vec::with_capacity(self.pieces.len() + 1);
        for (number, piece) in self.pieces.iter().enumerate() {
            if number != at {
                pieces.push(Arc::clone(piece));
            }
        }
        let mut new = Vec::new();
        cut(changed, &mut new);
        new.reverse();
        let at = at.min(pieces.len());
        pieces.splice(at..at, new);
        Self::joined(pieces)
    }

    fn joined(pieces: Vec<Arc<[T]>>) -> Self {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        Self { pieces: pieces.into(), len }
    }
}

impl<T> Chunks<T> {
    /// All rows, by key.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Makes pieces of rows that are in order; the last one comes first.
fn cut<T>(mut rows: Vec<T>, pieces: &mut Vec<Arc<[T]>>) {
    let count = rows.len().div_ceil(CHUNK_ROWS_MAX);
    for left in (0..count).rev() {
        let begin = rows.len() * left / (left + 1);
        pieces.push(rows.split_off(begin).into());
    }
}

/// Rows of one piece: copied whenever one of them changes. A hundred thousand rows are then a list of a thousand pieces or
/// less, which is copied, too.
pub const CHUNK_ROWS_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Row(u16, u8);

    impl Keyed for Row {
        fn order(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }

    fn rows(keys: impl IntoIterator<Item = u16>) -> Vec<Row> {
        keys.into_iter().map(|key| Row(key, 0)).collect()
    }

    fn shared(one: &Chunks<Row>, two: &Chunks<Row>) -> usize {
        let is_in = |piece: &&Arc<[Row]>| two.pieces.iter().any(|other| Arc::ptr_eq(piece, other));
        one.pieces.iter().filter(is_in).count()
    }

    #[test]
    fn a_row_that_changes_costs_one_piece() {
        let all = Chunks::of(rows(0..10_000));
        let changed = all.with(Row(5000, 1));
        assert_eq!(changed.len(), 10_000);
        assert_eq!(changed.find(|row| row.0.cmp(&5000)), Some(&Row(5000, 1)));
        assert_eq!(shared(&changed, &all), all.pieces.len() - 1);
        assert_ne!(changed, all);
        // Read again as a whole, it is the same memory but for what differs.
        let mut again: Vec<Row> = all.iter().copied().collect();
        again.reverse();
        assert_eq!(shared(&Chunks::sharing(again.clone(), &all), &all), all.pieces.len());
        again[17].1 = 7;
        assert_eq!(shared(&Chunks::sharing(again, &all), &all), all.pieces.len() - 1);
    }

    #[test]
    fn pieces_stay_small_and_none_is_empty() {
        let mut all = Chunks::default();
        for key in 0..2000 {
            all = all.with(Row(key, 0));
        }
        assert!(all.pieces.iter().all(|piece| (1..=CHUNK_ROWS_MAX).contains(&piece.len())));
        for key in 0..2000 {
            all = all.without(|row| row.0.cmp(&key));
        }
        assert!(all.is_empty() && all.pieces.is_empty());
    }

    proptest! {
        #[test]
        fn they_do_what_an_ordered_map_does(
            first in prop::collection::vec(0u16..700, 0..700),
            acts in prop::collection::vec((0u16..700, prop::option::of(any::<u8>())), 0..200),
        ) {
            let mut map: BTreeMap<u16, u8> = first.iter().map(|key| (*key, 0)).collect();
            let mut all = Chunks::of(rows(first.clone()));
            for (key, value) in acts {
                match value {
                    Some(value) => {
                        map.insert(key, value);
                        all = all.with(Row(key, value));
                    }
                    None => {
                        map.remove(&key);
                        all = all.without(|row| row.0.cmp(&key));
                    }
                }
                let found = all.find(|row| row.0.cmp(&key)).map(|row| row.1);
                prop_assert_eq!(found, map.get(&key).copied());
            }
            let expected: Vec<Row> = map.into_iter().map(|(key, value)| Row(key, value)).collect();
            prop_assert!(all.iter().eq(&expected));
            let before = Chunks::of(rows(first));
            for former in [&before, &all] {
                let (put, gone) = all.changes_since(former);
                let mut made = gone.iter().fold(former.clone(), |made, row| made.without(|it| it.order(row)));
                made = put.into_iter().fold(made, |made, row| made.with(*row));
                prop_assert_eq!(&made, &all);
            }
            prop_assert_eq!(Chunks::sharing(expected, &all), all);
        }
    }
}
