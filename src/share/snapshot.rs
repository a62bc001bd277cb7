//! Tables that the control core publishes and data cores read without waiting (K-CORE-4).

use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::Cache;
use crossbeam_queue::SegQueue;

/// A table that is replaced as a whole. Clones publish to and read from the same place.
#[derive(Debug)]
pub struct Published<T> {
    current: Arc<ArcSwap<T>>,
    /// Former tables that a reader may still have. The last who lets go of a table frees it, which may take milliseconds:
    /// that is the publisher, never a data core.
    retired: Arc<SegQueue<Arc<T>>>,
}

impl<T> Clone for Published<T> {
    fn clone(&self) -> Self {
        Self { current: Arc::clone(&self.current), retired: Arc::clone(&self.retired) }
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
        Self { current: Arc::new(ArcSwap::from_pointee(table)), retired: Arc::default() }
    }

    /// Replaces the table: one pointer swap. Readers see it at their next look.
    pub fn publish(&self, table: T) {
        self.retired.push(self.current.swap(Arc::new(table)));
        self.sweep();
    }

    /// Frees the former tables that no reader has any more. What is left are those that cores looked at last: one for
    /// each at most.
    pub fn sweep(&self) {
        for _ in 0..self.retired.len() {
            let Some(table) = self.retired.pop() else { return };
            if Arc::strong_count(&table) > 1 {
                self.retired.push(table);
            }
        }
    }

    /// How many tables there are, the current one included.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.retired.len() + 1
    }

    /// The table as it is now, for code that looks rarely.
    #[must_use]
    pub fn load(&self) -> Arc<T> {
        self.current.load_full()
    }

    /// A reader for a core that looks often: one atomic load as long as nothing changed.
    #[must_use]
    pub fn reader(&self) -> Reader<T> {
        Reader(Cache::new(Arc::clone(&self.current)))
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

    #[test]
    fn k_core_4_no_reader_frees_a_table() {
        /// Says on which thread it went.
        struct Noisy(std::sync::mpsc::Sender<std::thread::ThreadId>);
        impl Drop for Noisy {
            fn drop(&mut self) {
                self.0.send(std::thread::current().id()).unwrap();
            }
        }
        let (dropped, drops) = std::sync::mpsc::channel();
        let place = Published::new(Noisy(dropped.clone()));
        let reading = place.clone();
        let (looked, looks) = std::sync::mpsc::channel();
        let (again, agains) = std::sync::mpsc::channel();
        let core = std::thread::spawn(move || {
            let mut reader = reading.reader();
            while agains.recv().is_ok() {
                reader.current();
                looked.send(()).unwrap();
            }
        });
        for _ in 0..10 {
            again.send(()).unwrap();
            looks.recv().unwrap();
            place.publish(Noisy(dropped.clone()));
            assert_eq!(drops.try_iter().filter(|id| *id == core.thread().id()).count(), 0);
        }
        again.send(()).unwrap();
        looks.recv().unwrap();
        place.sweep();
        assert_eq!(place.retired.len(), 0);
        let mine = std::thread::current().id();
        assert!(drops.try_iter().all(|id| id == mine));
        drop(again);
        core.join().unwrap();
    }
}
