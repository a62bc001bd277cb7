//! Tables that the control core publishes and data cores read without waiting (K-CORE-4).

use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::Cache;

/// A table that is replaced as a whole. Clones publish to and read from the same place.
#[derive(Debug)]
pub struct Published<T>(Arc<ArcSwap<T>>);

impl<T> Clone for Published<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Default> Default for Published<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Published<T> {
    /// A place that holds `table` at first.
    #[must_use]
    pub fn new(table: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(table)))
    }

    /// Replaces the table: one pointer swap. Readers see it at their next look.
    pub fn publish(&self, table: T) {
        self.0.store(Arc::new(table));
    }

    /// The table as it is now, for code that looks rarely.
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// A reader for a core that looks often: one atomic load as long as nothing changed.
    #[must_use]
    pub fn reader(&self) -> Reader<T> {
        Reader(Cache::new(Arc::clone(&self.0)))
    }
}

/// One core's view of a published table.
#[derive(Debug)]
pub struct Reader<T>(Cache<Arc<ArcSwap<T>>, Arc<T>>);

impl<T> Reader<T> {
    /// The current table.
    pub fn current(&mut self) -> &T {
        self.0.load()
    }

    /// The current table, for code that keeps it while it may be replaced.
    pub fn shared(&mut self) -> Arc<T> {
        Arc::clone(self.0.load())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_see_the_next_table_at_their_next_look() {
        let place = Published::new(1);
        let mut reader = place.reader();
        assert_eq!(*reader.current(), 1);
        place.publish(2);
        assert_eq!(*reader.current(), 2);
        assert_eq!(*place.load(), 2);
    }
}
