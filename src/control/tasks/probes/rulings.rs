//! Whether a backend's row is changed: the row and the other proxies' words are read, `health` rules, the row is written.
//!
//! One ruling of a backend at a time, beside everything else. What is written is handed in at the routing desk at once, so that
//! the next login goes by it.

use uuid::Uuid;

use super::Prober;
use super::book::Watched;
use super::figures::{self, Moment};
use crate::control::geodb::{Applied, BackendUpdate, GeoDb, GeoDbError};
use crate::control::wall_clock::unix_millis;
use crate::health::{Case, Others, Ruling, Site, State, Withheld};
use crate::limits;
use crate::names::Protocol;
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

/// What is known here when a ruling begins.
#[derive(Debug)]
struct Brief {
    site_id: Uuid,
    id: Uuid,
    proxy: Box<str>,
    host: Box<str>,
    state: State,
    is_proven: bool,
    failing: Vec<Protocol>,
    first_failure: Option<i64>,
    words: Box<str>,
    is_overruled: bool,
    dwell: std::time::Duration,
    site: Site,
}

impl Prober {
    /// Looks whether the row of a backend should say something else.
    pub(super) fn review(&mut self, id: Uuid) {
        let Some(watched) = self.book.get(id).filter(|watched| !watched.is_ruled) else { return };
        if !watched.is_contradicted() {
            return self.tell_withheld(id, None);
        }
        let Some(brief) = self.brief(id) else { return };
        let ruling = brief.case(&watched.status, watched.reason.as_deref());
        let ruling = ruling.rule(&brief.site, &Others::default());
        match ruling {
            Ruling::Stay => self.tell_withheld(id, None),
            // Those two are for the others to say.
            Ruling::Write(..) | Ruling::Withheld(Withheld::LastOnline) => {
                if let Some(watched) = self.book.get_mut(id) {
                    watched.is_ruled = true;
                }
                let geodb = self.probes.geodb.with_deadline(limits::GEODB_LOOK_UP_TIMEOUT);
                self.ruling
                    .spawn_local(async move { Ruled { id, result: brief.rule(&geodb).await } });
            }
            Ruling::Withheld(why) => self.tell_withheld(id, Some(why)),
        }
    }

    fn brief(&self, id: Uuid) -> Option<Brief> {
        let watched = self.book.get(id)?;
        let now = Moment { tick: clock::now(), unix_millis: unix_millis() };
        let failing: Vec<_> = watched.failing().collect();
        let words = failing.first().map(|course| {
            let (protocol, words) = (course.protocol, &course.words);
            format!("{protocol}: {words}").into()
        });
        Some(Brief {
            site_id: self.table.local_site()?.id,
            id,
            proxy: self.probes.proxy.clone(),
            host: (*watched.target.host).into(),
            state: watched.state(),
            is_proven: watched.is_proven(),
            failing: failing.iter().map(|course| course.protocol).collect(),
            first_failure: watched.first_failure().map(|at| now.unix(at)),
            words: words.unwrap_or_default(),
            is_overruled: watched.is_overruled,
            dwell: watched.ejections.dwell(now.tick),
            site: self.book.site(id),
        })
    }

    /// A ruling has come to its end.
    pub(super) fn ruled(&mut self, ruled: Ruled) {
        let Ruled { id, result } = ruled;
        let Some(watched) = self.book.get_mut(id) else { return };
        watched.is_ruled = false;
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
            watched.set_status(&row.status, row.status_reason.as_deref(), clock::now());
        }
        self.desk.put_backend(row);
        // New logins go elsewhere from here on.
        self.losses.set(self.book.lost());
    }

    /// Tells why a row is left alone, once for each reason.
    fn tell_withheld(&mut self, id: Uuid, why: Option<Withheld>) {
        // One alarm for all of them.
        let is_trouble = |why: &Option<Withheld>| matches!(why, Some(Withheld::OwnTrouble { .. }));
        let is_known = is_trouble(&why) && self.book.failing().any(|(_, it)| is_trouble(&it.told));
        let Some(watched) = self.book.get_mut(id) else { return };
        let is_same = match (&watched.told, &why) {
            (Some(told), Some(why)) => std::mem::discriminant(told) == std::mem::discriminant(why),
            (None, None) => true,
            _ => false,
        };
        if is_same {
            return;
        }
        watched.told.clone_from(&why);
        if is_known {
            return;
        }
        let host = &watched.target.host;
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
            Some(Withheld::Overruled | Withheld::NoWitness | Withheld::Dwell) | None => return,
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

impl Brief {
    fn case<'a>(&'a self, status: &'a BackendStatus, reason: Option<&'a str>) -> Case<'a> {
        Case {
            status,
            reason,
            state: self.state,
            is_proven: self.is_proven,
            first_failure: self.first_failure,
            words: &self.words,
            is_overruled: self.is_overruled,
            dwell: self.dwell,
            proxy: &self.proxy,
            now: unix_millis(),
        }
    }

    async fn rule(&self, geodb: &GeoDb) -> Result<Outcome, GeoDbError> {
        let Self { site_id, id, .. } = *self;
        let Some(row) = geodb.read_backend(site_id, id).await? else {
            return Ok(Outcome::Changed);
        };
        let others = geodb.read_dest_figures(site_id, &self.host).await?;
        let others = figures::others(&others, &self.proxy, &self.failing, unix_millis());
        let case = self.case(&row.status, row.status_reason.as_deref());
        match case.rule(&self.site, &others) {
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
}
