//! Makes the writes that may be late, once the GeoDB takes them, and has the tables read again.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::control::geodb::{Applied, Changed, GeoDb};
use crate::event::Event;
use crate::limits;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::tick::Tick;

/// Makes them, one after the other. Never ends.
pub(super) async fn make(geodb: GeoDb, log: Arc<Mailbox<Event>>) {
    let (mut wait, mut told, mut refused) = (WAIT_FIRST, None, 0);
    loop {
        let write = geodb.late().next().await;
        let now_refused = geodb.late().counts().refused;
        if now_refused > refused {
            let text = format!(
                "geodb: {} state changes were not kept, because {} rows wait to be written already; they are gone: \
                 bring the GeoDB back, then look at hale cluster backend status and hale cluster site list",
                now_refused - refused,
                limits::GEODB_LATE_WRITES_MAX
            );
            note(&log, text);
            refused = now_refused;
        }
        match geodb.write_late(&write).await {
            Ok(applied) => {
                (wait, told) = (WAIT_FIRST, None);
                settle(&geodb, applied, &write.to_string(), &log);
                geodb.announce(Changed::Tables);
            }
            Err(error) => {
                geodb.late().failed();
                let now = clock::now();
                let is_due = told.is_none_or(|at: Tick| now.since(at) >= limits::GEODB_TOLD_EVERY);
                if is_due {
                    told = Some(now);
                    let waiting = geodb.late().counts().waiting;
                    note(
                        &log,
                        format!(
                            "geodb: {write} is not written yet: {error}; {waiting} rows wait, tried again"
                        ),
                    );
                }
                sleep(wait).await;
                wait = (wait * 2).min(limits::GEODB_LATE_AGAIN_LAST);
            }
        }
    }
}

/// A last attempt before the process ends; says what is left undone.
pub(super) async fn finish(geodb: &GeoDb, log: &Mailbox<Event>) {
    let making = async {
        while geodb.late().counts().waiting > 0 {
            let write = geodb.late().next().await;
            let Ok(applied) = geodb.write_late(&write).await else { return };
            settle(geodb, applied, &write.to_string(), log);
        }
    };
    // What is left is told below, whichever way it ended.
    let _ = timeout(limits::GEODB_CLOSE_TIMEOUT, making).await;
    let waiting = geodb.late().counts().waiting;
    if waiting > 0 {
        let first = geodb.late().next().await;
        note(
            log,
            format!(
                "geodb: {waiting} state changes were not written before the end, the first: {first}"
            ),
        );
    }
}

fn settle(geodb: &GeoDb, applied: Applied, what: &str, log: &Mailbox<Event>) {
    match applied {
        Applied::Written => geodb.late().made(),
        Applied::Skipped => {
            geodb.late().overtaken();
            note(
                log,
                format!(
                    "geodb: {what} is left alone: its row no longer says what it was decided by"
                ),
            );
        }
    }
}

fn note(log: &Mailbox<Event>, text: String) {
    // A full log mailbox loses the line, as with every sender (RS-08).
    let _ = log.send(Event::Note { warning: true, text: text.into_boxed_str() });
}

const WAIT_FIRST: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::config::GeoDb as Location;
    use crate::control::geodb::{BackendUpdate, LateWrite, OpenMode};
    use crate::route::rows::{Backend, BackendStatus};
    use crate::share::exchange::Exchange;

    const SITE: Uuid = Uuid::from_u128(1);
    const BACKEND: Uuid = Uuid::from_u128(2);

    async fn house() -> (tempfile::TempDir, GeoDb, Exchange) {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("geodb.sqlite"));
        let geodb = GeoDb::open(&location, OpenMode::Create).unwrap();
        let row = Backend {
            site_id: SITE,
            id: BACKEND,
            load_factor: Some(100),
            host: "be1".into(),
            status: BackendStatus::Online,
            status_reason: None,
            last_moved_from: None,
            last_moved_to: None,
        };
        assert!(geodb.insert_backend(&row).await.unwrap());
        (folder, geodb, Exchange::new(1).unwrap())
    }

    fn probed(expected: BackendStatus, status: BackendStatus) -> LateWrite {
        let update = BackendUpdate {
            status: Some((status, "auto".into())),
            load_factor: None,
            expected_status: Some(expected),
        };
        LateWrite::Backend { site_id: SITE, id: BACKEND, update }
    }

    fn logged(exchange: &Exchange) -> String {
        let events = std::iter::from_fn(|| exchange.log.take());
        events.map(|event| format!("{event:?}\n")).collect()
    }

    async fn emptied(geodb: &GeoDb) {
        let making = async {
            while geodb.late().counts().waiting > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), making).await.unwrap();
    }

    #[tokio::test]
    async fn c_geo_2_late_writes_outlive_an_outage_and_leave_changed_rows_alone() {
        let (_folder, geodb, exchange) = house().await;
        geodb.gate().fail("update_backend", 3);
        let tasks = tokio::task::LocalSet::new();
        tasks.spawn_local(make(geodb.clone(), Arc::clone(&exchange.log)));
        let work = async {
            geodb.write_later(probed(BackendStatus::Online, BackendStatus::Offline)).unwrap();
            emptied(&geodb).await;
            assert_eq!(geodb.gate().seen("update_backend"), 4);
            assert_eq!(geodb.backends().await.unwrap()[0].status, BackendStatus::Offline);
            let log = logged(&exchange);
            assert_eq!(log.matches("is not written yet").count(), 1, "once a minute: {log}");
            geodb.write_later(probed(BackendStatus::Online, BackendStatus::Standby)).unwrap();
            emptied(&geodb).await;
            assert_eq!(geodb.backends().await.unwrap()[0].status, BackendStatus::Offline);
            assert_eq!(geodb.late().counts().overtaken, 1);
            assert!(logged(&exchange).contains("is left alone"));
        };
        tasks.run_until(work).await;
    }

    #[tokio::test]
    async fn what_a_full_queue_refused_is_told_in_the_log() {
        let (_folder, geodb, exchange) = house().await;
        let measured = |dest: usize| {
            LateWrite::Reachability(crate::route::rows::SiteReachability {
                src_site_id: SITE,
                dest_site_id: Uuid::from_u128(dest as u128),
                reachable: Some(1),
            })
        };
        for dest in 0..limits::GEODB_LATE_WRITES_MAX {
            geodb.write_later(measured(dest)).unwrap();
        }
        assert!(geodb.write_later(measured(usize::MAX)).is_err());
        let tasks = tokio::task::LocalSet::new();
        tasks.spawn_local(make(geodb.clone(), Arc::clone(&exchange.log)));
        tasks.run_until(emptied(&geodb)).await;
        assert!(logged(&exchange).contains("1 state changes were not kept"));
    }

    #[tokio::test]
    async fn before_the_end_what_waits_is_written_or_told() {
        let (_folder, geodb, exchange) = house().await;
        let change = probed(BackendStatus::Online, BackendStatus::Offline);
        geodb.write_later(change.clone()).unwrap();
        geodb.gate().fail("update_backend", 1);
        finish(&geodb, &exchange.log).await;
        let log = logged(&exchange);
        assert!(log.contains("1 state changes were not written before the end"), "{log}");
        finish(&geodb, &exchange.log).await;
        assert_eq!(geodb.backends().await.unwrap()[0].status, BackendStatus::Offline);
        assert_eq!(logged(&exchange), "");
    }
}
