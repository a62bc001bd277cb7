//! The list as a page.
//!
//! Duty: `docs/TUNING.md`. Driver: a test that keeps the file up to date (`UPDATE_DOCS=1 cargo test`). Tests: below.

use std::fmt::Write as _;

use super::registry::{Place, Remedy, Rule, SETTINGS, Setting};
use crate::limits;

/// The text of `docs/TUNING.md`.
#[must_use]
pub fn tuning_md() -> String {
    let mut page = String::from(INTRODUCTION);
    for setting in SETTINGS {
        let Setting { name, level, cost, since, undo, .. } = setting;
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{name}` | {}: {} | {cost} | {} | {} | {since} | {undo} |",
            level.word(),
            rule(setting.rule),
            place(setting),
            change(setting),
        );
    }
    page
}

/// What is right, in words.
pub(super) fn rule(rule: Rule) -> String {
    let figure = |figure: super::needs::Figure| match figure {
        super::needs::Figure::Fixed(number) => number.to_string(),
        other => other.told().to_owned(),
    };
    match rule {
        Rule::AtLeast(it) => format!("at least {}", figure(it)),
        Rule::SecondAtLeast(it) => format!("the second number at least {}", figure(it)),
        Rule::AtMost(0) => "0".to_owned(),
        Rule::AtMost(most) => format!("at most {most}"),
        Rule::RangeAtLeast(it) => {
            format!("as many ports as {}; set: {} to 65535", figure(it), limits::HOST_PORT_FIRST)
        }
        Rule::Is(word) => word.to_owned(),
        Rule::IsNone(words) => format!("anything but {}", words.join(", ")),
        Rule::HasDataCores => "all data cores".to_owned(),
        Rule::Queues => "a receive queue for each data core".to_owned(),
        Rule::Spread => "at as many CPUs as there are data cores".to_owned(),
    }
}

/// Where one looks.
pub(super) fn place(setting: &Setting) -> String {
    match setting.place {
        Place::Sysctl => format!("sysctl {}", setting.name),
        Place::Ring => "hale check-host".to_owned(),
        Place::File(path) | Place::CpuColumns { path, .. } => format!("/{path}"),
        Place::Limit(row) => format!("/proc/PID/limits, {row}"),
        Place::Memory => "/proc/meminfo, MemTotal".to_owned(),
        Place::TcpCounter(name) => format!("nstat -az TcpExt{name}"),
        Place::EachCore(path) => format!("/sys/devices/system/cpu/cpuN/{path}"),
        Place::Cards => "ethtool -l CARD; /proc/irq/N/effective_affinity_list".to_owned(),
    }
}

/// How it is changed, in words.
pub(super) fn change(setting: &Setting) -> String {
    match setting.remedy {
        Remedy::Sysctl => "tuning/sysctl.d/60-hale.conf".to_owned(),
        Remedy::SysctlByMemory => format!("sysctl -w {}=NUMBER", setting.name),
        Remedy::Unit(line) => format!("{line}= of the unit; tuning/limits.d/60-hale.conf"),
        Remedy::Text(text) => text.to_owned(),
    }
}

const INTRODUCTION: &str = "\
# The host

<!-- Made from src/tuning/registry.rs by `UPDATE_DOCS=1 cargo test --no-default-features --lib tuning`. Do not edit. -->

    hale check-host                         # what must, should and could change for the configured number of sessions
    hale check-host --sessions 50000        # the same for another number
    hale check-host -f json                 # all of it, for programs
    hale check-host --print sysctl          # the file for /etc/sysctl.d; also limits, nftables, settings

`hale check-host` reads /proc and /sys and changes nothing. It needs no root: what it cannot look at it says. Sessions are
`connections_per_core_max` for each data core, unless `--sessions` names a number. Limits are those of the Hale that runs with
this configuration, or else those of the shell. It exits with 78 when something *must* change for that number of sessions, else
with 0: what *should* change costs speed, or sessions in a bad hour; what *could* helps some sites.

What is typed lasts until the next boot. For good:

| what | where |
|---|---|
| sysctl | `tuning/sysctl.d/60-hale.conf` to /etc/sysctl.d (made for 128,000 sessions on three data cores; `--print sysctl` makes yours) |
| limits | `LimitNOFILE=` in the unit; `tuning/limits.d/60-hale.conf` where no unit starts Hale |
| queues and interrupts of network cards | `tuning/nic.sh CARD CPUS`, at each boot; `tuning/nic.sh undo CARD` |
| governor; CPUs that are kept free | `tuning/cpu.sh governor CPUS`, `tuning/cpu.sh isolate CPUS`, `tuning/cpu.sh undo` |
| a firewall that follows no connection of Hale's | `tuning/nftables/hale-notrack.nft` (`--print nftables` has your ports) |

The same list for programs, with values for 128,000 sessions: `tuning/settings.json`.

| setting | should be | without | where to look | change | kernels | undo |
|---|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may be asked to rewrite its document")]
    fn tuning_md_in_the_repository_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/TUNING.md");
        if std::env::var("UPDATE_DOCS").is_ok() {
            std::fs::write(&path, tuning_md()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == tuning_md(), "docs/TUNING.md is out of date: run with UPDATE_DOCS=1");
    }
}
