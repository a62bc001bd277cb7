//! Users who are sent to a backend by name, whatever their groups say: to try one out before it takes users (C-PIN-1).
//!
//! ```text
//! row   = section "pin", the backend's site, the backend, the user's name
//! value = ( seconds since 1970 / "-" ) " " reason      ; until when; who, when and why, as in `status_reason`
//! ```
//!
//! Duty: pins as values, from rows and to rows, and which of them hold at a moment. Non-duty: ending the sessions of users whose pins
//! change (control does), deciding. Driven by [`super::build`] and the cluster's commands. Tests: below, `super::tests::pinning`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::problem::{Complaint, Problem};
use super::rows::Setting;
use super::set_by::SetBy;

/// The section of `cluster_settings`.
pub const PIN: &str = "pin";

/// One user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The normalised name, in lower case.
    pub user: Box<str>,
    /// Where logins of this user go.
    pub backend: Uuid,
    /// Until when, in seconds since 1970; none: until it is taken away.
    pub until: Option<i64>,
    /// Who set it, when and why.
    pub reason: Box<str>,
}

impl Pin {
    /// Reads a row. None: it makes no sense.
    #[must_use]
    pub fn of_row(row: &Setting) -> Option<Self> {
        let (until, reason) = row.value.split_once(' ')?;
        let until = match until {
            "-" => None,
            seconds => Some(seconds.parse().ok()?),
        };
        let user = row.name.to_ascii_lowercase().into();
        (!row.name.is_empty() && !row.backend_id.is_nil()).then_some(Self {
            user,
            backend: row.backend_id,
            until,
            reason: reason.into(),
        })
    }

    /// Its row.
    #[must_use]
    pub fn row(&self, site_id: Uuid) -> Setting {
        let until = self.until.map_or_else(|| "-".to_owned(), |until| until.to_string());
        Setting {
            section: PIN.into(),
            site_id,
            backend_id: self.backend,
            name: self.user.clone(),
            value: format!("{until} {}", self.reason).into(),
        }
    }

    /// Whether its time has passed.
    #[must_use]
    pub fn is_over(&self, unix_millis: i64) -> bool {
        self.until.is_some_and(|until| until.saturating_mul(1000) <= unix_millis)
    }

    /// Later ones take the place of earlier ones; of two of the same second all proxies take the same.
    fn rank(&self) -> (Option<i64>, Uuid) {
        (SetBy::read(&self.reason).seconds, self.backend)
    }
}

/// The pins of a site that hold now, by user. Without a clock all do.
pub(super) fn build_pins(
    settings: &[Setting],
    local: Uuid,
    is_backend: impl Fn(Uuid) -> bool,
    unix_millis: Option<i64>,
    problems: &mut Vec<Problem>,
) -> Arc<[Pin]> {
    let mut pins: BTreeMap<Box<str>, Pin> = BTreeMap::new();
    for row in settings.iter().filter(|row| &*row.section == PIN && row.site_id == local) {
        let mut complain = |complaint| {
            let row = format!("{PIN} {}", row.name).into();
            problems.push(Problem { table: "cluster_settings", row, complaint });
        };
        let Some(pin) = Pin::of_row(row) else {
            complain(Complaint::BadPin);
            continue;
        };
        if unix_millis.is_some_and(|now| pin.is_over(now)) {
            continue;
        }
        if !is_backend(pin.backend) {
            complain(Complaint::UnknownBackend);
            continue;
        }
        match pins.get(&pin.user) {
            Some(known) if known.rank() >= pin.rank() => {}
            _ => drop(pins.insert(pin.user.clone(), pin)),
        }
    }
    pins.into_values().collect()
}

/// Rows of pins whose time has passed are taken out: for tables that are built without a clock.
pub fn drop_those_over(settings: &mut Vec<Setting>, unix_millis: i64) {
    let is_over = |row: &Setting| {
        &*row.section == PIN && Pin::of_row(row).is_some_and(|pin| pin.is_over(unix_millis))
    };
    settings.retain(|row| !is_over(row));
}

/// Who goes where by name.
pub type Followed = BTreeSet<(Box<str>, Uuid)>;

/// The users whose logins go elsewhere by the new pins than by the old ones.
#[must_use]
pub fn changed(old: &Followed, new: &Followed) -> BTreeSet<Box<str>> {
    old.symmetric_difference(new).map(|(user, _)| user.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(user: &str, backend: u128, until: Option<i64>, seconds: i64) -> Pin {
        let reason = format!("admin: trial [uid=0@lb1 {seconds}]").into();
        Pin { user: user.into(), backend: Uuid::from_u128(backend), until, reason }
    }

    #[test]
    fn c_pin_1_pins_come_back_from_their_rows() {
        let site = Uuid::from_u128(9);
        for pin in [pin("alice", 1, None, 7), pin("b ob@x", 2, Some(1_700_000_000), 7)] {
            let row = pin.row(site);
            assert_eq!((&*row.section, row.site_id), ("pin", site));
            assert_eq!(Pin::of_row(&row), Some(pin));
        }
        let row = pin("alice", 1, None, 7).row(site);
        let of = |value: &str| Pin::of_row(&Setting { value: value.into(), ..row.clone() });
        assert!(of("- ").is_some() && of("7 x").is_some());
        for bad in ["", "-", "soon x", "7"] {
            assert_eq!(of(bad), None, "{bad:?}");
        }
        assert_eq!(Pin::of_row(&Setting { backend_id: Uuid::nil(), ..row.clone() }), None);
        assert_eq!(Pin::of_row(&Setting { name: "".into(), ..row }), None);
        let timed = pin("alice", 1, Some(1_700), 7);
        assert_eq!([1_699_999, 1_700_000].map(|now| timed.is_over(now)), [false, true]);
        assert!(!pin("alice", 1, None, 7).is_over(i64::MAX));
    }

    #[test]
    fn c_pin_2_whose_logins_go_elsewhere_is_told() {
        let pins = |all: &[(&str, u128)]| -> Followed {
            all.iter().map(|(user, id)| ((*user).into(), Uuid::from_u128(*id))).collect()
        };
        let old = pins(&[("alice", 1), ("bob", 1), ("eve", 1)]);
        let new = pins(&[("alice", 1), ("bob", 2), ("tim", 1)]);
        let told: Vec<String> = changed(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["bob", "eve", "tim"]);
        assert!(changed(&old, &old).is_empty());
    }
}
