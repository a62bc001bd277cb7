//! Wakes tasks that follow the published table: by a new one, by the time that a task asks for, and by nothing else.
//!
//! Non-duty: publishing (`routing`), and what a task does with a table. Data cores look for themselves (K-CORE-4). Tests: below.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::route::table::Table;

/// Every table that is published from here on.
#[derive(Debug)]
pub(super) struct TableNews {
    tables: watch::Receiver<Arc<Table>>,
    /// When the last one was handed out.
    looked: Option<Instant>,
}

impl TableNews {
    /// The first one is the table as it is.
    pub(super) fn new(mut tables: watch::Receiver<Arc<Table>>) -> Self {
        tables.mark_changed();
        Self { tables, looked: None }
    }

    /// The next table, or the same again when `again` has passed since the last one. Tables that follow each other quickly are
    /// handed out as one: a row that was put in makes a table, and a look may be at all groups.
    pub(super) async fn next(&mut self, again: Option<Duration>) -> Arc<Table> {
        if let Some(looked) = self.looked {
            let due = async {
                match again {
                    Some(again) => sleep_until(looked + again).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // Without a publisher there are no tables, and time goes on.
                Ok(()) = self.tables.changed() => {
                    sleep_until(looked + PAUSE).await;
                }
                () = due => {}
            }
        }
        self.looked = Some(Instant::now());
        Arc::clone(&self.tables.borrow_and_update())
    }
}

/// A task looks at tables at most so often; a new one that comes later is looked at at once.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_woken_by_tables_and_by_the_time_it_asks_for() {
        let tables = watch::Sender::new(Arc::new(Table::default()));
        let mut news = TableNews::new(tables.subscribe());
        let first = news.next(None).await;
        assert!(Arc::ptr_eq(&first, &tables.borrow()));
        // The same again.
        assert!(Arc::ptr_eq(&first, &news.next(Some(Duration::from_millis(1))).await));
        // Two that follow each other are one.
        for _ in 0..2 {
            tables.send_replace(Arc::default());
        }
        let last = Arc::clone(&tables.borrow());
        assert!(Arc::ptr_eq(&last, &news.next(None).await));
        let mut next = std::pin::pin!(news.next(None));
        // Nothing comes, whatever the time.
        assert!(tokio::time::timeout(2 * PAUSE, &mut next).await.is_err());
        tables.send_replace(Arc::default());
        assert!(!Arc::ptr_eq(&last, &next.await));
    }
}
