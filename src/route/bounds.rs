//! How many connections a backend may have, as rows of `cluster_settings` say, for all proxies alike (R-LOAD-2).
//!
//! ```text
//! row   = section "bounds", the backend's site, the backend, "connections_max"
//! value = number                                      ; 0: any number
//! ```
//!
//! Duty: the bound as a value, from a row and to a row. Non-duty: counting (`share::backend_loads`). Driven by [`super::scopes`]
//! and the cluster's commands. Tests: below, `super::tests::building`.

use uuid::Uuid;

use super::rows::Setting;
use super::settings_rows::BadSetting;

/// The section of `cluster_settings`.
pub const BOUNDS: &str = "bounds";
/// How many connections.
pub const CONNECTIONS_MAX: &str = "connections_max";

/// Reads the rows of one backend, as pairs of name and value. None: they say nothing of it.
///
/// # Errors
/// It is no number that could be a bound; then there is none.
pub fn connections_max<'a>(
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Option<u32>, BadSetting> {
    let mut all = rows.into_iter().filter(|(name, _)| *name == CONNECTIONS_MAX);
    let Some((_, value)) = all.next() else { return Ok(None) };
    value.trim().parse().map(Some).map_err(|_| BadSetting(CONNECTIONS_MAX))
}

/// The row that says it.
#[must_use]
pub fn connections_max_row([site_id, backend_id]: [Uuid; 2], most: u32) -> Setting {
    Setting {
        section: BOUNDS.into(),
        site_id,
        backend_id,
        name: CONNECTIONS_MAX.into(),
        value: most.to_string().into(),
    }
}

/// What the rows of the section say of a backend; a value without a meaning says nothing.
#[must_use]
pub fn of_backend(rows: &[Setting], [site_id, backend_id]: [Uuid; 2]) -> Option<u32> {
    let of = rows.iter().filter(|row| (row.site_id, row.backend_id) == (site_id, backend_id));
    connections_max(of.map(|row| (&*row.name, &*row.value))).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_load_2_a_backends_bound_comes_back_from_its_row() {
        let scope = [1, 2].map(Uuid::from_u128);
        for most in [0, 4_000, u32::MAX] {
            let row = connections_max_row(scope, most);
            assert_eq!(of_backend(std::slice::from_ref(&row), scope), Some(most));
            assert_eq!(of_backend(&[row], [1, 3].map(Uuid::from_u128)), None, "another backend");
        }
        assert_eq!(connections_max([]), Ok(None));
        for value in ["", "-1", "many", "4294967296"] {
            let read = connections_max([(CONNECTIONS_MAX, value)]);
            assert_eq!(read, Err(BadSetting(CONNECTIONS_MAX)), "{value:?}");
        }
    }
}
