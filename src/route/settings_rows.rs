//! What rows of `cluster_settings` mean to routing: force-moves and recoveries (C-FORCE-1).
//!
//! Duty: the names of sections and settings, in one place for who writes them (commands) and who obeys them (the table
//! builder); a force-move and a recovery as values, from rows and to rows. Non-duty: reading and writing the table, choosing
//! users. Driven by the cluster commands and [`super::build`]. Tests: below.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::hash::h32;
use super::rows::Setting;
use crate::limits;

/// The section of force-moves. Scope: the site or the backend that users are moved away from; `backend_id` is nil when it is
/// a site.
pub const FORCE_MOVE: &str = "force_move";
/// The section of recoveries. Scope: the site that users come home to.
pub const RECOVER: &str = "recover";
/// The section that says when a group of a site began to move, or ceased to, where the proxies carry that out: who reads it
/// anew reads the groups again. Scope: the site.
pub const MOVES: &str = "moves";
/// The section of users who move alone, where the proxies carry that out (C-MOVE-6). Scope: the site and the backend that is
/// left. Names are numbers, and used again: rows that are deleted under ever new names would leave tombstones until Cassandra
/// refuses to list the section.
pub const DEPARTURES: &str = "departures";
/// The section that says when an operator's order last changed rows of the tables, where the GeoDB cannot tell that others have
/// written: the proxies of all sites look at it each second. Scope: nil.
pub const ORDERS: &str = "orders";
/// Milliseconds since 1970.
pub const LAST: &str = "last";
/// The section that says who set the status of a site, when and why: the table of sites has no column for it. Scope: the site.
/// No proxy routes by it.
pub const STATUS: &str = "status";
/// The status that it is about, and the reason, separated by a space.
pub const REASON: &str = "reason";
/// Which sample of users it is about: the same id and a higher percentage are the same users and more.
pub const ID: &str = "id";
/// How many users of a hundred.
pub const PERCENTAGE: &str = "percentage";
/// Ids of sites, or of backends, separated by commas.
pub const DEST: &str = "dest";

/// Users on their way out of a site or backend, while they log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForceMove {
    /// See [`ID`].
    pub id: Box<str>,
    /// 0..=100.
    pub percentage: u8,
    /// Where they go: sites, or backends of the same site. Not empty.
    pub destinations: Box<[Uuid]>,
}

/// Users on their way home to a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// See [`ID`].
    pub id: Box<str>,
    /// 0..=100.
    pub percentage: u8,
}

/// Why a site has its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusReason<'a> {
    /// The status that was set.
    pub status: &'a str,
    /// As a backend's row has it in `status_reason`.
    pub reason: &'a str,
}

impl<'a> StatusReason<'a> {
    /// The row that says it.
    #[must_use]
    pub fn row(&self, site_id: Uuid) -> Setting {
        Setting {
            section: STATUS.into(),
            site_id,
            backend_id: Uuid::nil(),
            name: REASON.into(),
            value: format!("{} {}", self.status, self.reason).into(),
        }
    }

    /// What the rows of the section say of a site that has this status; none: they say nothing, or are about another status,
    /// which a program has changed since that writes no reason.
    #[must_use]
    pub fn of_site(rows: &'a [Setting], site_id: Uuid, status: &str) -> Option<&'a str> {
        let is_it = |row: &&Setting| {
            row.site_id == site_id && row.backend_id.is_nil() && &*row.name == REASON
        };
        let (of, reason) = rows.iter().find(is_it)?.value.split_once(' ')?;
        (of == status).then_some(reason)
    }
}

/// What is wrong with the rows of one scope; the name of the setting that has no value, or one without a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSetting(pub &'static str);

impl ForceMove {
    /// Reads the rows of one scope, as pairs of name and value. None: there are none.
    ///
    /// # Errors
    /// A setting is missing or makes no sense; then there is no force-move.
    pub fn of_rows<'a>(
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Self>, BadSetting> {
        let rows: BTreeMap<&str, &str> = rows.into_iter().collect();
        let Some((id, percentage)) = sample(&rows)? else { return Ok(None) };
        let listed = rows.get(DEST).copied().unwrap_or_default();
        let ids = listed.split(',').map(|id| Uuid::try_parse(id.trim()).ok());
        let destinations: Option<Box<[Uuid]>> = ids.collect();
        let is_nil = |ids: &[Uuid]| ids.iter().any(Uuid::is_nil);
        let destinations = destinations.filter(|ids| !is_nil(ids)).ok_or(BadSetting(DEST))?;
        Ok(Some(Self { id, percentage, destinations }))
    }

    /// Its rows, as pairs of name and value.
    #[must_use]
    pub fn to_rows(&self) -> Vec<(&'static str, String)> {
        let ids: Vec<String> = self.destinations.iter().map(Uuid::to_string).collect();
        let mut rows = sample_rows(&self.id, self.percentage);
        rows.push((DEST, ids.join(",")));
        rows
    }
}

impl Recovery {
    /// As [`ForceMove::of_rows`].
    ///
    /// # Errors
    /// A setting is missing or makes no sense.
    pub fn of_rows<'a>(
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Self>, BadSetting> {
        let found = sample(&rows.into_iter().collect())?;
        Ok(found.map(|(id, percentage)| Self { id, percentage }))
    }

    /// Its rows, as pairs of name and value.
    #[must_use]
    pub fn to_rows(&self) -> Vec<(&'static str, String)> {
        sample_rows(&self.id, self.percentage)
    }
}

/// The row that makes all proxies of a site read its groups again.
#[must_use]
pub fn last_move(site_id: Uuid, unix_millis: i64) -> Setting {
    Setting {
        section: MOVES.into(),
        site_id,
        backend_id: Uuid::nil(),
        name: LAST.into(),
        value: unix_millis.to_string().into(),
    }
}

/// The row that makes all proxies read the small tables at once. `unique`: two orders of the same moment are two.
#[must_use]
pub fn last_order(unix_millis: i64, unique: u32) -> Setting {
    Setting {
        section: ORDERS.into(),
        site_id: Uuid::nil(),
        backend_id: Uuid::nil(),
        name: LAST.into(),
        value: format!("{unix_millis} {unique}").into(),
    }
}

/// A user who moves alone, or has just moved: the sessions at this backend end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Where the backend is.
    pub site_id: Uuid,
    /// The backend.
    pub backend_id: Uuid,
    /// The name of the row.
    pub number: u32,
    /// The user.
    pub user: Box<str>,
    /// Milliseconds since 1970.
    pub since: i64,
}

impl Departure {
    /// Reads a row of [`DEPARTURES`].
    #[must_use]
    pub fn of_row(row: &Setting) -> Option<Self> {
        let (since, user) = row.value.split_once(' ')?;
        let is_one = &*row.section == DEPARTURES && !row.backend_id.is_nil() && !user.is_empty();
        Some(Self {
            site_id: row.site_id,
            backend_id: row.backend_id,
            number: row.name.parse().ok()?,
            user: user.into(),
            since: since.parse().ok()?,
        })
        .filter(|_| is_one)
    }

    /// Its row.
    #[must_use]
    pub fn to_row(&self) -> Setting {
        Setting {
            section: DEPARTURES.into(),
            site_id: self.site_id,
            backend_id: self.backend_id,
            name: self.number.to_string().into(),
            value: format!("{} {}", self.since, self.user).into(),
        }
    }

    /// A departure beside those that are known: one of the same user from there is replaced. None: there are too many.
    #[must_use]
    pub fn among<'a>(
        known: impl Iterator<Item = &'a Self>,
        [site_id, backend_id]: [Uuid; 2],
        user: &str,
        since: i64,
    ) -> Option<Self> {
        let there = known.filter(|it| (it.site_id, it.backend_id) == (site_id, backend_id));
        let taken: BTreeMap<u32, &str> = there.map(|it| (it.number, &*it.user)).collect();
        let own = taken.iter().find(|(_, of)| **of == user).map(|(number, _)| *number);
        // Proxies that begin at the same moment with different users hardly ever take the same number.
        let first = h32(user) % limits::DEPARTURES_MAX;
        let mut all = (0..limits::DEPARTURES_MAX).map(|at| (first + at) % limits::DEPARTURES_MAX);
        let number = own.or_else(|| all.find(|number| !taken.contains_key(number)))?;
        Some(Self { site_id, backend_id, number, user: user.into(), since })
    }
}

type Sample = (Box<str>, u8);

fn sample(rows: &BTreeMap<&str, &str>) -> Result<Option<Sample>, BadSetting> {
    if rows.is_empty() {
        return Ok(None);
    }
    let id = rows.get(ID).copied().filter(|id| !id.is_empty()).ok_or(BadSetting(ID))?;
    let percentage = rows.get(PERCENTAGE).and_then(|text| text.trim().parse::<u8>().ok());
    let percentage = percentage.filter(|number| *number <= 100).ok_or(BadSetting(PERCENTAGE))?;
    Ok(Some((id.into(), percentage)))
}

fn sample_rows(id: &str, percentage: u8) -> Vec<(&'static str, String)> {
    vec![(ID, id.to_owned()), (PERCENTAGE, percentage.to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_force_1_a_force_move_comes_back_from_its_rows() {
        let destinations = [Uuid::from_u128(1), Uuid::from_u128(2)].into();
        let force_move = ForceMove { id: "spring".into(), percentage: 50, destinations };
        let rows = force_move.to_rows();
        let pairs = || rows.iter().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(ForceMove::of_rows(pairs()), Ok(Some(force_move)));
        assert_eq!(ForceMove::of_rows([]), Ok(None));
        for (name, value) in
            [(ID, ""), (PERCENTAGE, "101"), (PERCENTAGE, "-1"), (DEST, ""), (DEST, "be1")]
        {
            let spoilt = pairs().chain([(name, value)]);
            assert_eq!(ForceMove::of_rows(spoilt), Err(BadSetting(name)), "{value:?}");
        }
        let nil = Uuid::nil().to_string();
        let spoilt = pairs().chain([(DEST, nil.as_str())]);
        assert_eq!(ForceMove::of_rows(spoilt), Err(BadSetting(DEST)));
        for name in [ID, PERCENTAGE, DEST] {
            let lacking = pairs().filter(|(known, _)| *known != name);
            assert_eq!(ForceMove::of_rows(lacking), Err(BadSetting(name)));
        }
    }

    #[test]
    fn c_move_6_a_departure_comes_back_from_its_row() {
        let scope = [1, 2].map(Uuid::from_u128);
        let departure = Departure::among([].iter(), scope, "alice x", 1_700).unwrap();
        let row = departure.to_row();
        assert_eq!(Departure::of_row(&row), Some(departure));
        for (section, backend_id, name, value) in [
            (MOVES, scope[1], &*row.name, &*row.value),
            (DEPARTURES, Uuid::nil(), &row.name, &row.value),
            (DEPARTURES, scope[1], "one", &row.value),
            (DEPARTURES, scope[1], &row.name, "1700"),
            (DEPARTURES, scope[1], &row.name, "1700 "),
            (DEPARTURES, scope[1], &row.name, "soon alice"),
        ] {
            let (name, value) = (name.into(), value.into());
            let odd = Setting { section: section.into(), backend_id, name, value, ..row.clone() };
            assert_eq!(Departure::of_row(&odd), None, "{odd:?}");
        }
    }

    #[test]
    fn c_move_6_the_numbers_of_departures_are_used_again_and_are_so_many() {
        let scope = [1, 2].map(Uuid::from_u128);
        let mut known: Vec<Departure> = Vec::new();
        for at in 0..limits::DEPARTURES_MAX {
            let new = Departure::among(known.iter(), scope, &format!("user{at}"), 7).unwrap();
            assert!(new.number < limits::DEPARTURES_MAX);
            assert!(known.iter().all(|it| it.number != new.number));
            known.push(new);
        }
        assert_eq!(Departure::among(known.iter(), scope, "other", 7), None);
        let again = Departure::among(known.iter(), scope, "user9", 8).unwrap();
        assert_eq!((again.number, again.since), (known[9].number, 8));
        let gone = known.remove(11);
        let other = Departure::among(known.iter(), scope, "other", 7).unwrap();
        assert_eq!(other.number, gone.number);
    }

    #[test]
    fn c_force_1_a_recovery_comes_back_from_its_rows() {
        let recovery = Recovery { id: "7".into(), percentage: 100 };
        let rows = recovery.to_rows();
        let pairs = || rows.iter().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(Recovery::of_rows(pairs()), Ok(Some(recovery)));
        assert_eq!(Recovery::of_rows([]), Ok(None));
        assert_eq!(Recovery::of_rows([(ID, "7")]), Err(BadSetting(PERCENTAGE)));
        assert_eq!(Recovery::of_rows([(PERCENTAGE, "7")]), Err(BadSetting(ID)));
    }
}
