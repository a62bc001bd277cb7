//! Panics of tasks, which the runtime catches: a bug ends the process (K-CORE-3), not a part of it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::task::{JoinError, JoinHandle};

/// Waits for the first that panics. One that comes to its end is none of them any more.
pub(super) async fn first(tasks: &mut Vec<JoinHandle<()>>) {
    poll_fn(|context| {
        let mut broken = false;
        // Each of them, so that each wakes this one.
        tasks.retain_mut(|task| match Pin::new(task).poll(context) {
            Poll::Pending => true,
            Poll::Ready(ended) => {
                broken |= ended.is_err_and(|error| error.is_panic());
                false
            }
        });
        if broken { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The end of a task whose blocking half has panicked: it panics, too.
pub(super) fn go_on(error: JoinError) {
    // Cancelled instead: the runtime ends.
    if let Ok(reason) = error.try_into_panic() {
        std::panic::resume_unwind(reason);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    use super::*;

    #[tokio::test]
    async fn k_core_3_a_task_that_panics_is_noticed_while_the_others_run() {
        let (stop, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let forever = |until: &Arc<Notify>| {
            let until = Arc::clone(until);
            spawn_local(async move { until.notified().await })
        };
        let work = async {
            let told = Arc::clone(&go);
            let broken = spawn_local(async move {
                told.notified().await;
                panic!("a bug");
            });
            let ends = spawn_local(async {});
            let mut all = vec![forever(&stop), ends, broken, forever(&stop)];
            let mut watch = Box::pin(first(&mut all));
            for _ in 0..10 {
                tokio::select! {
                    biased;
                    () = &mut watch => panic!("none has panicked"),
                    () = yield_now() => {}
                }
            }
            go.notify_one();
            watch.await;
            assert_eq!(all.len(), 2, "neither the broken one nor the one that came to its end");
            assert!(all.iter().all(|task| !task.is_finished()));
        };
        LocalSet::new().run_until(work).await;
    }
}
