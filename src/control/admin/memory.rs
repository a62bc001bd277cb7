//! What the process takes of the host's memory, as the kernel says.

/// Resident bytes: now, and at most so far. None where `/proc` is not mounted.
pub(super) fn resident() -> Option<[u64; 2]> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    Some([field(&text, "VmRSS:")?, field(&text, "VmHWM:")?])
}

fn field(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = value.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_understood() {
        let text = "VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!((field(text, "VmRSS:"), field(text, "VmHWM:")), (Some(1 << 20), Some(2 << 20)));
        assert_eq!(field(text, "VmSwap:"), None);
        assert!(resident().is_some_and(|[now, most]| now > 0 && now <= most));
    }
}
