//! Everything of a host that Hale has an opinion on: where it stands, what it should be, what it costs not to, and the way back.
//!
//! The list is data: files, pages and `hale check-host` are made of it, so that no two of them say different things.

use self::Level::{Could, Must, Should};
use self::Rule::{AtLeast, AtMost, Is, IsNone};
use super::needs::Figure::{self, Fixed};
use crate::limits;

/// How much depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The configured number of sessions cannot be served without.
    Must,
    /// It costs speed, or sessions in a bad hour.
    Should,
    /// It helps some sites.
    Could,
}

impl Level {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Could => "could",
        }
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below /proc/sys, by its name.
    Sysctl,
    /// The rings of this kernel, tried out.
    Ring,
    /// A file.
    File(&'static str),
    /// A row of a process's limits.
    Limit(&'static str),
    /// All memory.
    Memory,
    /// Counted since the boot, below `TcpExt` in /proc/net/netstat.
    TcpCounter(&'static str),
    /// A column, from 0, of a file with a line of numbers in hexadecimal for each CPU.
    CpuColumns {
        /// The file.
        path: &'static str,
        /// Lines above the numbers.
        head: usize,
        /// The column.
        column: usize,
    },
    /// A file below each data core's folder in /sys/devices/system/cpu.
    EachCore(&'static str),
    /// Network cards that are real.
    Cards,
}

/// What is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The first number.
    AtLeast(Figure),
    /// The second number.
    SecondAtLeast(Figure),
    /// The first number.
    AtMost(u64),
    /// From the first number to the second are so many.
    RangeAtLeast(Figure),
    /// This word.
    Is(&'static str),
    /// Any but these words.
    IsNone(&'static [&'static str]),
    /// A list of CPUs with all data cores in it.
    HasDataCores,
    /// Each card has a queue for each data core.
    Queues,
    /// The interrupts of each card go to as many CPUs as there are data cores, or as it has interrupts.
    Spread,
}

/// How it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// `sysctl`, and the file in sysctl.d.
    Sysctl,
    /// `sysctl`; no file has it, because the kernel chooses by the host's memory, and often more.
    SysctlByMemory,
    /// A line of the service's unit, and of limits.d for Hales that no unit starts.
    Unit(&'static str),
    /// As the text says.
    Text(&'static str),
}

/// One thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name: the kernel's where it has one.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What is right.
    pub rule: Rule,
    /// How much depends on it.
    pub level: Level,
    /// Which kernels have it.
    pub since: &'static str,
    /// What it costs to leave it.
    pub cost: &'static str,
    /// How it is changed.
    pub remedy: Remedy,
    /// How it becomes as before: the usual value, or what to do.
    pub undo: &'static str,
}

const fn sysctl(name: &'static str, level: Level, rule: Rule) -> Setting {
    Setting {
        name,
        place: Place::Sysctl,
        rule,
        level,
        since: "all",
        cost: "",
        remedy: Remedy::Sysctl,
        undo: "",
    }
}

#[expect(clippy::as_conversions, reason = "a constant that fits, in a constant")]
const BACKLOG: u64 = limits::LISTEN_BACKLOG as u64;

/// All of them, in the order in which they are told.
pub const SETTINGS: &[Setting] = &[
    // === Without which Hale does not run as configured ===
    Setting {
        name: "io_uring",
        place: Place::Ring,
        rule: Is("works"),
        level: Must,
        since: "6.1",
        cost: "Hale does not start",
        remedy: Remedy::Text("do what stands beside it"),
        undo: "kernel.io_uring_disabled=2 forbids rings again",
    },
    Setting {
        name: "memory",
        place: Place::Memory,
        rule: AtLeast(Figure::Memory),
        level: Must,
        since: "all",
        cost: "with all sessions there the kernel kills a process, most likely Hale",
        remedy: Remedy::Text("give the host more memory, or lower connections_per_core_max"),
        undo: "",
    },
    Setting {
        name: "LimitNOFILE",
        place: Place::Limit("Max open files"),
        rule: AtLeast(Figure::Descriptors),
        level: Must,
        since: "all",
        cost: "fewer sessions fit than connections_per_core_max says; Hale's first log lines say how many",
        remedy: Remedy::Unit("LimitNOFILE"),
        undo: "524288 (systemd's own)",
    },
    Setting {
        name: "LimitMEMLOCK",
        place: Place::Limit("Max locked memory"),
        rule: AtLeast(Fixed(limits::HOST_LOCKED_BYTES)),
        level: Should,
        since: "all; rings count against memory.max instead since 5.12",
        cost: "a ring may be refused, and Hale does not start",
        remedy: Remedy::Unit("LimitMEMLOCK"),
        undo: "8388608 (systemd's own)",
    },
    Setting {
        cost: "LimitNOFILE can be no higher than this",
        remedy: Remedy::SysctlByMemory,
        undo: "1048576",
        ..sysctl("fs.nr_open", Must, AtLeast(Figure::Descriptors))
    },
    Setting {
        cost: "accept and connect fail for all programs of the host when it is reached",
        remedy: Remedy::SysctlByMemory,
        undo: "the kernel's own, a tenth of memory; systemd sets 9223372036854775807",
        ..sysctl("fs.file-max", Must, AtLeast(Figure::DescriptorsOfAll))
    },
    // === Connections of clients ===
    Setting {
        since: "all; 4096 by itself since 5.4",
        cost: "clients that all come back after an outage lose their first packet and try again after 1, 3 and 7 seconds",
        undo: "4096",
        ..sysctl("net.core.somaxconn", Must, AtLeast(Fixed(BACKLOG)))
    },
    Setting {
        cost: "the same, as soon as syncookies are off; with them connections lose options of TCP",
        undo: "128 to 4096, by memory",
        ..sysctl("net.ipv4.tcp_max_syn_backlog", Should, AtLeast(Fixed(BACKLOG)))
    },
    Setting {
        cost: "a flood of connections that are never finished keeps all clients out",
        undo: "1",
        ..sysctl("net.ipv4.tcp_syncookies", Should, AtLeast(Fixed(1)))
    },
    Setting {
        cost: "clients that come when a queue is full are cut off at once and tell their users, instead of trying again by themselves",
        undo: "0",
        ..sysctl("net.ipv4.tcp_abort_on_overflow", Should, Is("0"))
    },
    Setting {
        cost: "packets are dropped when a card hands over more at once; sessions stall for 200 ms and more",
        undo: "1000",
        ..sysctl("net.core.netdev_max_backlog", Should, AtLeast(Fixed(BACKLOG)))
    },
    // === Connections to backends ===
    Setting {
        cost: "no port is left for connections to a backend: logins there fail (Cannot assign requested address)",
        undo: "32768 60999",
        ..sysctl("net.ipv4.ip_local_port_range", Must, Rule::RangeAtLeast(Figure::Ports))
    },
    Setting {
        since: "all; 2, for loopback alone, since 4.19",
        cost: "the port of a short session is not used again for a minute: of 28,000 ports 470 logins a second to one backend are all",
        undo: "2",
        ..sysctl("net.ipv4.tcp_tw_reuse", Should, Is("1"))
    },
    Setting {
        cost: "tcp_tw_reuse does nothing, and what a syncookie loses is not made good",
        undo: "1",
        ..sysctl("net.ipv4.tcp_timestamps", Should, AtLeast(Fixed(1)))
    },
    Setting {
        cost: "beyond it ended connections are forgotten at once, and late packets of theirs reach the next one of that port",
        remedy: Remedy::SysctlByMemory,
        undo: "4096 to 262144, by memory",
        ..sysctl("net.ipv4.tcp_max_tw_buckets", Should, AtLeast(Fixed(65_536)))
    },
    Setting {
        cost: "when a backend is lost and all its sessions end at once, some clients are reset before they have read the goodbye",
        remedy: Remedy::SysctlByMemory,
        undo: "4096 to 262144, by memory",
        ..sysctl("net.ipv4.tcp_max_orphans", Should, AtLeast(Figure::Sessions))
    },
    // === Bytes ===
    Setting {
        cost: "sockets are given less than relay_receive_buffer: downloads cost up to 5 % more CPU, and far backends are slower",
        undo: "212992",
        ..sysctl("net.core.rmem_max", Should, AtLeast(Figure::ReceiveBuffer))
    },
    Setting {
        cost: "above its second number the kernel drops segments of sessions that did nothing wrong, and new logins hang",
        remedy: Remedy::Text(
            "give the host more memory, or lower relay_receive_buffer or connections_per_core_max",
        ),
        undo: "three numbers that the kernel computes from memory",
        ..sysctl("net.ipv4.tcp_mem", Should, Rule::SecondAtLeast(Figure::BufferPages))
    },
    Setting {
        cost: "a mailbox that is opened after minutes of IDLE begins as slowly as a new connection",
        undo: "1",
        ..sysctl("net.ipv4.tcp_slow_start_after_idle", Should, Is("0"))
    },
    Setting {
        since: "4.9 for bbr",
        cost: "a gigabyte costs 1.7 to 4.3 times the CPU; keep it where clients are far away and links lose packets",
        remedy: Remedy::Text("sysctl -w net.ipv4.tcp_congestion_control=cubic"),
        undo: "sysctl -w net.ipv4.tcp_congestion_control=bbr",
        ..sysctl("net.ipv4.tcp_congestion_control", Could, IsNone(&["bbr"]))
    },
    Setting {
        since: "4.5",
        cost: "busy sessions get small pipes or none, and their bytes are copied twice (hale_relay_pipes_missing_total)",
        undo: "16384",
        ..sysctl("fs.pipe-user-pages-soft", Should, AtLeast(Figure::PipePages))
    },
    // === Memory and CPUs ===
    Setting {
        cost: "memory of idle sessions is written to disk, and the next byte of each waits for it; passwords may be among it",
        undo: "60",
        ..sysctl("vm.swappiness", Should, AtMost(10))
    },
    Setting {
        cost: "the kernel unmaps pages of pinned threads to see who uses them: pauses, and nothing is gained",
        undo: "1 on hosts with several nodes",
        ..sysctl("kernel.numa_balancing", Should, Is("0"))
    },
    Setting {
        name: "clocksource",
        place: Place::File("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        rule: IsNone(&["hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"]),
        level: Should,
        since: "all",
        cost: "each look at the clock is a system call; a data core looks in each turn",
        remedy: Remedy::Text(
            "echo tsc >/sys/devices/system/clocksource/clocksource0/current_clocksource; if that is refused, the kernel has \
             found the CPU's own clock unsteady: see its log",
        ),
        undo: "the kernel chooses at boot",
    },
    Setting {
        name: "governor",
        place: Place::EachCore("cpufreq/scaling_governor"),
        rule: Is("performance"),
        level: Should,
        since: "all; virtual machines have none",
        cost: "a data core that wakes up runs slowly for its first milliseconds: logins and round trips take longer, worst at low load",
        remedy: Remedy::Text("tuning/cpu.sh governor DATA-CORES"),
        undo: "tuning/cpu.sh undo",
    },
    Setting {
        name: "isolated CPUs",
        place: Place::File("sys/devices/system/cpu/isolated"),
        rule: Rule::HasDataCores,
        level: Could,
        since: "all",
        cost: "other programs take turns on the data cores: single logins are late by some milliseconds",
        remedy: Remedy::Text(
            "tuning/cpu.sh isolate DATA-CORES tells what to add to the kernel's command line",
        ),
        undo: "take isolcpus=, nohz_full= and rcu_nocbs= out of it, and boot",
    },
    // === Network cards ===
    Setting {
        name: "queues of network cards",
        place: Place::Cards,
        rule: Rule::Queues,
        level: Should,
        since: "all",
        cost: "one CPU takes the packets of all data cores in; it is full first",
        remedy: Remedy::Text("tuning/nic.sh CARD DATA-CORES"),
        undo: "tuning/nic.sh undo CARD",
    },
    Setting {
        name: "interrupts of network cards",
        place: Place::Cards,
        rule: Rule::Spread,
        level: Should,
        since: "all",
        cost: "the same, although the card has queues enough",
        remedy: Remedy::Text(
            "tuning/nic.sh CARD DATA-CORES, and keep irqbalance off these interrupts",
        ),
        undo: "tuning/nic.sh undo CARD",
    },
    // === Firewall ===
    Setting {
        since: "with nf_conntrack loaded",
        cost: "when the table is full packets are dropped, of new connections first; `nf_conntrack: table full` in the kernel's log",
        remedy: Remedy::Text(
            "nft -f tuning/nftables/hale-notrack.nft lets Hale's connections by; or sysctl -w net.netfilter.nf_conntrack_max=NUMBER",
        ),
        undo: "65536 to 262144, by memory",
        ..sysctl("net.netfilter.nf_conntrack_max", Must, AtLeast(Figure::Flows))
    },
    Setting {
        since: "with nf_conntrack loaded",
        cost: "sessions in IDLE are forgotten between two of Hale's keepalives, and hang until their client notices",
        remedy: Remedy::Text(
            "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=432000, or nft -f tuning/nftables/hale-notrack.nft",
        ),
        undo: "432000",
        ..sysctl(
            "net.netfilter.nf_conntrack_tcp_timeout_established",
            Must,
            AtLeast(Fixed(limits::HOST_SILENT_SECONDS)),
        )
    },
    // === What has gone wrong since the boot ===
    Setting {
        name: "connections dropped before accept",
        place: Place::TcpCounter("ListenOverflows"),
        rule: AtMost(0),
        level: Should,
        since: "all",
        cost: "so many clients of some program of this host came while its queue was full, and waited a second or more",
        remedy: Remedy::Text(
            "ss -lnt shows whose queue (Recv-Q) is full; for Hale's see net.core.somaxconn and the load of data cores",
        ),
        undo: "counts from zero at the next boot",
    },
    Setting {
        name: "socket memory short",
        place: Place::TcpCounter("TCPMemoryPressures"),
        rule: AtMost(0),
        level: Should,
        since: "all",
        cost: "so often all buffers together were above net.ipv4.tcp_mem's second number, and segments were dropped",
        remedy: Remedy::Text("see net.ipv4.tcp_mem"),
        undo: "counts from zero at the next boot",
    },
    Setting {
        name: "packets dropped by CPUs",
        place: Place::CpuColumns { path: "proc/net/softnet_stat", head: 0, column: 1 },
        rule: AtMost(0),
        level: Should,
        since: "all",
        cost: "so many packets came faster than a CPU took them in; their senders sent them again",
        remedy: Remedy::Text(
            "see net.core.netdev_max_backlog, and queues and interrupts of network cards",
        ),
        undo: "counts from zero at the next boot",
    },
    Setting {
        name: "packets dropped by the firewall's table",
        place: Place::CpuColumns { path: "proc/net/stat/nf_conntrack", head: 1, column: 10 },
        rule: AtMost(0),
        level: Should,
        since: "with nf_conntrack loaded",
        cost: "so many packets of new connections found no place",
        remedy: Remedy::Text("see net.netfilter.nf_conntrack_max"),
        undo: "counts from zero at the next boot",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_with_what_it_costs_and_the_way_back() {
        for setting in SETTINGS {
            let Setting { name, place, cost, undo, since, remedy, .. } = setting;
            let same = SETTINGS.iter().filter(|other| other.name == *name);
            assert_eq!(same.count(), 1, "{name}");
            assert!(!cost.is_empty() && !since.is_empty(), "{name}");
            assert!(!undo.is_empty() || *place == Place::Memory, "{name}");
            assert!(!cost.ends_with('.') && !undo.ends_with('.'), "{name}: part of a sentence");
            let is_kernels = matches!(remedy, Remedy::Sysctl | Remedy::SysctlByMemory);
            assert!(!is_kernels || *place == Place::Sysctl, "{name}");
        }
    }
}
