//! Descriptors: how many there are and how many connections they allow (R-ACCEPT-2).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for pipes, logs, the GeoDB, listeners and whatever the control core opens.
const RESERVE: u64 = 256 + 2 * crate::limits::PIPES_MAX as u64;

/// Raises the soft limit to the hard one and returns it.
pub(super) fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    if limit.current != limit.maximum {
        // Refused only above the hard limit, which this is not; a failure leaves the soft one in force.
        let _ =
            setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(hard)
}

/// Connections per core that the descriptors allow: two each, after the reserve. Each core has a table of its own
/// (`ring::descriptors`), so the limit holds for each.
pub(super) fn connections_per_core(descriptors: u64, wanted: u32) -> u32 {
    let affordable = descriptors.saturating_sub(RESERVE.min(descriptors / 4)) / 2;
    u32::try_from(affordable)
        .unwrap_or(u32::MAX)
        .clamp(1, wanted.min(crate::limits::CONNECTIONS_PER_CORE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs_01_admission_ends_before_the_descriptors_do() {
        assert_eq!(connections_per_core(20_000, 100_000), (20_000 - 768) / 2);
        assert_eq!(connections_per_core(20_000, 1_000), 1_000);
        assert_eq!(connections_per_core(1_024, 100_000), (1_024 - 256) / 2);
    }
}
