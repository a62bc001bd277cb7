//! Descriptors: how many there are and how many connections they allow (R-ACCEPT-2).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::model::Limits;
use crate::control::Level;
use crate::limits::DESCRIPTORS_RESERVE;
use crate::tuning;

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
    let affordable = descriptors.saturating_sub(DESCRIPTORS_RESERVE.min(descriptors / 4)) / 2;
    u32::try_from(affordable)
        .unwrap_or(u32::MAX)
        .clamp(1, wanted.min(crate::limits::CONNECTIONS_PER_CORE_MAX))
}

/// What the host makes of settings that ask for more than it gives, with the remedy. A default that is cut is no trouble, and
/// told at the level of information.
pub(super) fn remarks(limits: &Limits, descriptors: u64) -> Vec<(Level, String)> {
    let connections = cut_connections(limits.connections_per_core, descriptors);
    let receive =
        receive_bytes_max().and_then(|most| cut_buffer(limits.relay_receive_buffer, most));
    connections.into_iter().chain(receive).collect()
}

fn cut_connections(wanted: u32, descriptors: u64) -> Option<(Level, String)> {
    let left = connections_per_core(descriptors, wanted);
    let is_default = wanted == crate::limits::CONNECTIONS_PER_CORE_MAX;
    let level = if is_default { Level::Info } else { Level::Warning };
    let needed = tuning::descriptors(wanted.into());
    let text = format!(
        "connections_per_core_max: {wanted} need {needed} descriptors, and the process may have {descriptors}: each data core takes \
         {left} connections; set LimitNOFILE={needed} for more"
    );
    (left < wanted).then_some((level, text))
}

fn cut_buffer(wanted: u32, most: u32) -> Option<(Level, String)> {
    let half = wanted / 2;
    let is_cut = half > most && wanted > crate::limits::RELAY_RECEIVE_BYTES;
    let text = format!(
        "relay_receive_buffer: the kernel gives {} of {wanted} bytes: sysctl net.core.rmem_max={half}",
        most.saturating_mul(2)
    );
    is_cut.then_some((Level::Warning, text))
}

/// The kernel doubles what a socket asks for, and grants no more than twice this.
fn receive_bytes_max() -> Option<u32> {
    std::fs::read_to_string("/proc/sys/net/core/rmem_max").ok()?.trim().parse().ok()
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

    #[test]
    fn what_the_host_cuts_is_told_with_the_remedy() {
        let (level, text) = cut_connections(50_000, 20_000).unwrap();
        assert_eq!(level, Level::Warning);
        assert!(
            text.contains("takes 9616 connections") && text.contains("LimitNOFILE=100768"),
            "{text}"
        );
        assert_eq!(cut_connections(9_000, 20_000), None);
        let default = crate::limits::CONNECTIONS_PER_CORE_MAX;
        assert_eq!(cut_connections(default, 20_000).unwrap().0, Level::Info);
        let (_, text) = cut_buffer(8 << 20, 212_992).unwrap();
        assert!(
            text.contains("gives 425984 of 8388608") && text.contains("rmem_max=4194304"),
            "{text}"
        );
        assert_eq!(cut_buffer(8 << 20, 4 << 20), None);
        assert_eq!(cut_buffer(crate::limits::RELAY_RECEIVE_BYTES, 212_992), None, "the default");
    }
}
