//! Whether a backend's row is changed: the row and the other proxies' words are read, `health` rules, the row is written.
//!
//! One ruling of a backend at a time, beside everything else. What is written is handed in at the routing desk at once, so that
//! the next login goes by it.

use uuid::Uuid;

use super::{Prober, figures};
use crate::control::geodb::{Applied, BackendUpdate, GeoDb, GeoDbError};
use crate::control::wall_clock::unix_millis;
use crate::health::{Brief, Moment, Review, Ruling, Watched, Withheld};
use crate::limits;
use crate::ring::clock;
use crate::route::rows::{Backend, BackendStatus};

/// What came of one.
#[derive(Debug)]
pub(super) struct Ruled {
    id: Uuid,
    result: Result<Outcome, GeoDbError>,
}

#[derive(Debug)]
enum Outcome {
    /// The row is this now, and we have written it.
    Written(Backend),
    /// It is this, and may stay.
    Found(Backend),
    /// It should say something else, and must not.
    Withheld(Withheld),
    /// It changed under us, or is gone.
    Changed,
}

impl Prober {
    /// Looks whether the row of a backend should say something else.
    pub(super) fn review(&mut self, id: Uuid) {
        let now = Moment { tick: clock::now(), unix_millis: unix_millis() };
        match self.book.review(id, &self.probes.proxy, now) {
            None => {}
            Some(Review::Stay) => self.tell_withheld(id, None),
            Some(Review::Withheld(why)) => self.tell_withheld(id, Some(why)),
            Some(Review::Rule(brief)) => {
                let Some(site) = self.table.local_site() else { return self.book.end_ruling(id) };
                let (site_id, geodb) =
                    (site.id, self.probes.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT));
                self.ruling.spawn_local(async move {
                    Ruled { id, result: rule(&brief, site_id, &geodb).await }
                });
            }
        }
    }

    /// A ruling has come to its end.
    pub(super) fn ruled(&mut self, ruled: Ruled) {
        let Ruled { id, result } = ruled;
        self.book.end_ruling(id);
        let Some(watched) = self.book.get(id) else { return };
        match result {
            Ok(Outcome::Written(row)) => {
                let text = written(watched, &row);
                self.take_row(id, row);
                self.desk.note(text.0, text.1);
            }
            Ok(Outcome::Found(row)) => self.take_row(id, row),
            Ok(Outcome::Withheld(why)) => self.tell_withheld(id, Some(why)),
            Ok(Outcome::Changed) => self.desk.refresh(),
            // No status is written while the GeoDB fails; the next look tries again.
            Err(fault) => self.desk.failed(&fault),
        }
    }

    fn take_row(&mut self, id: Uuid, row: Backend) {
        if let Some(watched) = self.book.get_mut(id) {
            watched.told = None;
        }
        self.book.set_status(id, &row.status, row.status_reason.as_deref(), clock::now());
        self.desk.put_backend(row);
        // New logins go elsewhere from here on.
        self.losses.set(self.book.lost());
    }

    /// Tells why a row is left alone, once for each reason.
    fn tell_withheld(&mut self, id: Uuid, why: Option<Withheld>) {
        if !self.book.note_withheld(id, why.as_ref()) {
            return;
        }
        let Some(watched) = self.book.get(id) else { return };
        let host = &watched.host;
        let text = match why {
            Some(Withheld::OwnTrouble { failing, probed }) => format!(
                "{failing} of {probed} backends fail, {host} among them: more than half, so that this proxy itself is more likely to be \
                 in trouble; no backend is set offline. Look at its network, its names (cluster_hosts_file, DNS) and the test users"
            ),
            Some(Withheld::Enough { out, probed }) => format!(
                "backend {host} is down, and {out} of {probed} backends are out already: probes take no more than half of them out. \
                 Bring one of those back, or take this one out yourself: hale cluster backend update --status offline {host}"
            ),
            Some(Withheld::LastOnline) => format!(
                "backend {host} is down and the last one online: it is not set offline unless other proxies of this site find it down, \
                 too. Its users can't log in; bring it, or another backend, back"
            ),
            Some(Withheld::OthersReach(proxy)) => format!(
                "backend {host} is down for this proxy, and {proxy} reaches it: it is not set offline. Look at the network between \
                 this proxy and the backend"
            ),
            // Told when it began, or over in a moment.
            Some(
                Withheld::Overruled
                | Withheld::NoWitness
                | Withheld::Unconfirmed
                | Withheld::Deaf
                | Withheld::Dwell,
            )
            | None => return,
        };
        self.desk.note(true, text);
    }
}

/// What the operator is told of a row that was written.
fn written(watched: &Watched, row: &Backend) -> (bool, String) {
    let host = &row.host;
    if row.status == BackendStatus::Online {
        let seconds = limits::SLOW_START.as_secs();
        let text = format!(
            "backend {host} is set online again: probes log in; it takes up its share of new groups over {seconds} s"
        );
        return (false, text);
    }
    let words = watched.failing().next().map(|course| &*course.words).unwrap_or_default();
    let text = format!(
        "backend {host} is set offline: {words}; its users go to other backends, and probes set it online again once they log in. To keep \
         it out: hale cluster backend update --status offline {host}"
    );
    (true, text)
}

async fn rule(brief: &Brief, site_id: Uuid, geodb: &GeoDb) -> Result<Outcome, GeoDbError> {
    let id = brief.id;
    let (row, of_site) = read(brief, site_id, geodb).await?;
    let Some(row) = row else { return Ok(Outcome::Changed) };
    let others = geodb.read_dest_figures(site_id, &brief.host).await?;
    let others = figures::others(&others, &brief.proxy, &brief.failing, unix_millis());
    match brief.rule(&row, &of_site, &others, unix_millis()) {
        Ruling::Stay => Ok(Outcome::Found(row)),
        Ruling::Withheld(why) => Ok(Outcome::Withheld(why)),
        Ruling::Write(status, reason) => {
            let update = BackendUpdate {
                status: Some((status.clone(), reason.clone())),
                load_factor: None,
                expected_status: Some(row.status.clone()),
                expected_reason: Some(row.status_reason.clone().unwrap_or_default()),
            };
            match geodb.update_backend(site_id, id, &update).await? {
                Applied::Written => {
                    let status_reason = Some(reason);
                    Ok(Outcome::Written(Backend { status, status_reason, ..row }))
                }
                Applied::Skipped => Ok(Outcome::Changed),
            }
        }
    }
}

/// The backend's row, and those of its site where they count.
async fn read(
    brief: &Brief,
    site_id: Uuid,
    geodb: &GeoDb,
) -> Result<(Option<Backend>, Vec<Backend>), GeoDbError> {
    if !brief.wants_site() {
        return Ok((geodb.read_backend(site_id, brief.id).await?, Vec::new()));
    }
    let mut rows = geodb.backends().await?;
    rows.retain(|row| row.site_id == site_id);
    let row = rows.iter().find(|row| row.id == brief.id).cloned();
    Ok((row, rows))
}
