//! What the GeoDB's engine has to tell the operator: clocks that differ, warnings of nodes, data centres that don't fit.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::event::{Event, cleaned};
use crate::limits;
use crate::ring::clock;
use crate::share::mailbox::Mailbox;
use crate::tick::Tick;

/// Writes remarks to the log, each text seldom: a node warns with every page it reads.
pub(super) async fn tell(remarks: Option<Receiver<Arc<str>>>, log: Arc<Mailbox<Event>>) {
    let Some(mut remarks) = remarks else { return std::future::pending().await };
    let mut told: HashMap<Arc<str>, Tick> = HashMap::new();
    loop {
        let remark = match remarks.recv().await {
            Ok(remark) => remark,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return std::future::pending().await,
        };
        let now = clock::now();
        told.retain(|_, at| now.since(*at) < limits::GEODB_REMARK_AGAIN);
        if told.len() >= limits::GEODB_REMARKS_MAX || told.contains_key(&remark) {
            continue;
        }
        // A full log mailbox loses the line, as with every sender (RS-08).
        let text = format!("geodb: {}", cleaned(remark.as_bytes(), limits::GEODB_REMARK_BYTES_MAX));
        let _ = log.send(Event::Note { warning: true, text: text.into_boxed_str() });
        told.insert(remark, now);
    }
}
