//! A ruling from its begin to its end: what this proxy knows when it begins, and what rows say when it ends (R-PROBE-4 to R-PROBE-7).
//!
//! Decides: whether a row is to be looked at, and what it should say then. Does not: read or write. Driven by
//! `control::tasks::probes`, and by the simulation of clusters. Tests: `super::book`, `super::ruling`.

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use super::book::Book;
use super::course::State;
use super::ruling::{Case, Others, Ruling, Site, Withheld};
use crate::limits;
use crate::names::Protocol;
use crate::route::auto_reason::AutoReason;
use crate::route::rows::{Backend, BackendStatus};
use crate::tick::Tick;

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The monotonic one.
    pub tick: Tick,
    /// Milliseconds since 1970.
    pub unix_millis: i64,
}

/// What is known here when a ruling begins.
#[derive(Debug)]
pub struct Brief {
    /// The backend.
    pub id: Uuid,
    /// Its name.
    pub host: Box<str>,
    /// Ours.
    pub proxy: Box<str>,
    /// The protocols by which it is not up.
    pub failing: Vec<Protocol>,
    state: State,
    is_proven: bool,
    first_failure: Option<i64>,
    words: Box<str>,
    is_overruled: bool,
    dwell: Duration,
    site: Site,
    /// Others that this proxy is taking out.
    going: BTreeSet<Uuid>,
}

/// What a look at one backend comes to.
#[derive(Debug)]
pub enum Review {
    /// Its row may stay.
    Stay,
    /// It should say something else, and must not.
    Withheld(Withheld),
    /// Its row and the others' words are to be read, and ruled upon; then [`Book::end_ruling`].
    Rule(Box<Brief>),
}

impl Moment {
    /// An earlier one, in milliseconds since 1970.
    #[must_use]
    pub fn unix(self, earlier: Tick) -> i64 {
        let since = i64::try_from(self.tick.since(earlier).as_millis()).unwrap_or(i64::MAX);
        self.unix_millis.saturating_sub(since)
    }
}

impl Book {
    /// Looks whether the row of a backend should say something else, and notes that it is being ruled upon. None: it is already.
    pub fn review(&mut self, id: Uuid, proxy: &str, now: Moment) -> Option<Review> {
        let watched = self.get(id).filter(|watched| !watched.is_ruled)?;
        if !watched.is_contradicted() {
            return Some(Review::Stay);
        }
        let brief = self.brief(id, proxy, now)?;
        let (status, reason) = (&watched.status, watched.reason.as_deref());
        let ruling = brief.case(status, reason, now.unix_millis);
        Some(match ruling.rule(&brief.site, &Others::default()) {
            Ruling::Stay => Review::Stay,
            // Those two are for the others to say.
            Ruling::Write(..) | Ruling::Withheld(Withheld::LastOnline) => {
                self.get_mut(id)?.is_ruled = true;
                Review::Rule(Box::new(brief))
            }
            Ruling::Withheld(why) => Review::Withheld(why),
        })
    }

    fn brief(&self, id: Uuid, proxy: &str, now: Moment) -> Option<Brief> {
        let watched = self.get(id)?;
        let failing: Vec<_> = watched.failing().collect();
        let words = failing.first().map(|course| {
            let (protocol, words) = (course.protocol, &course.words);
            format!("{protocol}: {words}").into()
        });
        Some(Brief {
            id,
            host: (*watched.host).into(),
            proxy: proxy.into(),
            failing: failing.iter().map(|course| course.protocol).collect(),
            state: watched.state(),
            is_proven: watched.is_proven(),
            first_failure: watched.first_failure().map(|at| now.unix(at)),
            words: words.unwrap_or_default(),
            is_overruled: watched.is_overruled,
            dwell: watched.ejections.dwell(now.tick),
            site: self.site(id, now.tick),
            going: self.going(id),
        })
    }

    /// A ruling has come to its end, whatever came of it.
    pub fn end_ruling(&mut self, id: Uuid) {
        if let Some(watched) = self.get_mut(id) {
            watched.is_ruled = false;
        }
    }
}

impl Brief {
    /// What follows from the backend's row as it is now, those of its site, and what others say of it.
    #[must_use]
    pub fn rule(&self, row: &Backend, of_site: &[Backend], others: &Others, now: i64) -> Ruling {
        let case = self.case(&row.status, row.status_reason.as_deref(), now);
        case.rule(&self.site_by(of_site), others)
    }

    /// Whether the rows of the whole site are to be read: others may have taken some out since the table was read. In a large
    /// site those are a few among many.
    #[must_use]
    pub fn wants_site(&self) -> bool {
        self.state == State::Down && self.site.probed <= limits::PROBE_RECOUNT_MAX
    }

    /// Without rows it is as it was.
    fn site_by(&self, rows: &[Backend]) -> Site {
        if rows.is_empty() {
            return self.site;
        }
        let is_online = |row: &&Backend| row.status == BackendStatus::Online;
        let is_out = |row: &&Backend| {
            let reason = row.status_reason.as_deref();
            row.status == BackendStatus::Offline && reason.and_then(AutoReason::parse).is_some()
        };
        let online = rows.iter().filter(is_online);
        let going = rows.iter().filter(|row| is_online(row) && self.going.contains(&row.id));
        let (all, going) = (online.count(), going.count());
        Site { probed: all + rows.iter().filter(is_out).count(), online: all - going, ..self.site }
    }

    fn case<'a>(
        &'a self,
        status: &'a BackendStatus,
        reason: Option<&'a str>,
        now: i64,
    ) -> Case<'a> {
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
            now,
        }
    }
}
