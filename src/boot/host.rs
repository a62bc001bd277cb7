//! `hale check-host`: the host beside what it should be for the configured number of sessions.
//!
//! Duty: looking, below a root that tests replace. Not its duty: what is right (`tuning`). It changes nothing and needs no root: what
//! it cannot read it says.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Refusal};
use super::{cores, lock};
use crate::config::Config;
use crate::control::cluster::Output;
use crate::names::Protocol;
use crate::tuning::{self, Level, Needs, Nic, Place, Row, SETTINGS, Seen, Setting, Verdict};

/// The host judged for a configuration.
#[derive(Debug)]
pub struct HostReport {
    needs: Needs,
    rows: Vec<Row>,
    /// The process whose limits were looked at; none: this one's own.
    holder: Option<String>,
}

/// What a configuration asks of the host. `sessions`: in place of those that are configured.
///
/// # Errors
/// The configured CPUs are not this process's.
pub fn needs(config: &Config, sessions: Option<u64>) -> Result<Needs, Refusal> {
    let plan = cores::plan(&config.data_cores, &config.control_core)?;
    let each = u64::from(config.limits.connections_per_core);
    let cores = u64::try_from(plan.data.len()).unwrap_or(1);
    let of = |protocol: &Protocol| config.protocol(*protocol).proxy_port;
    Ok(Needs {
        sessions: sessions.unwrap_or_else(|| each.saturating_mul(cores)),
        data_cores: plan.data,
        source_addresses: u64::try_from(config.proxy.source_ips.len().max(1)).unwrap_or(1),
        receive_bytes: config.limits.relay_receive_buffer.into(),
        unsent_bytes: config.limits.relay_unsent_buffer.into(),
        client_ports: config.listeners.iter().map(|listener| listener.port).collect(),
        backend_ports: config.protocols.iter().map(of).collect(),
    })
}

/// Looks at this host.
///
/// # Errors
/// The configured CPUs are not this process's.
pub fn check_host(config: &Config, sessions: Option<u64>) -> Result<HostReport, Refusal> {
    let needs = needs(config, sessions)?;
    let rings = crate::ring::probe::probe().map_err(|fault| fault.to_string());
    let holder = lock::holder(&config.base_dir).map(|process| process.as_raw_nonzero().to_string());
    let host = Host {
        root: PathBuf::from("/"),
        process: holder.clone().unwrap_or_else(|| "self".to_owned()),
        rings,
    };
    let rows = host.judge(&needs);
    Ok(HostReport { needs, rows, holder })
}

impl HostReport {
    /// For a terminal.
    #[must_use]
    pub fn told(&self) -> String {
        let whose = match &self.holder {
            Some(process) => format!("those of the Hale that runs, process {process}"),
            None => {
                "this shell's: no Hale runs with this configuration, or its hale.lock can't be read"
                    .to_owned()
            }
        };
        format!("{}limits are {whose}\n", tuning::told(&self.rows, &self.needs))
    }

    /// For programs.
    #[must_use]
    pub fn output(&self) -> Output {
        let rows = self.rows.iter().map(|row| tuning::fields(row).map(Some).to_vec()).collect();
        Output { rows, exit_code: self.exit().code(), ..Output::new(&tuning::COLUMNS) }
    }

    /// Whether something must change.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let must = self.rows.iter().any(|row| row.verdict == Verdict::Amiss(Level::Must));
        if must { Exit::Config } else { Exit::Ok }
    }
}

/// Where one looks.
struct Host {
    root: PathBuf,
    /// The process whose limits count: its number, or `self`.
    process: String,
    /// Why no ring can be had.
    rings: Result<(), String>,
}

impl Host {
    fn judge(&self, needs: &Needs) -> Vec<Row> {
        let judged = |setting: &'static Setting| {
            tuning::judge(setting, needs, &self.see(setting, &needs.data_cores))
        };
        SETTINGS.iter().map(judged).collect()
    }

    fn see(&self, setting: &Setting, data_cores: &[u16]) -> Seen {
        match setting.place {
            Place::Sysctl => self.text(&format!("proc/sys/{}", setting.name.replace('.', "/"))),
            Place::Ring => match &self.rings {
                Ok(()) => Seen::Text("works".to_owned()),
                Err(fault) => Seen::Text(fault.clone()),
            },
            Place::File(path) => self.text(path),
            Place::Limit(row) => self.map(&format!("proc/{}/limits", self.process), |text| {
                let rest = text.lines().find_map(|line| line.strip_prefix(row))?;
                // Hale raises its soft limit to the hard one.
                rest.split_whitespace().nth(1).map(str::to_owned)
            }),
            Place::Memory => self.map("proc/meminfo", |text| {
                let rest = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
                let kilobytes: u64 = rest.split_whitespace().next()?.parse().ok()?;
                Some(kilobytes.saturating_mul(1024).to_string())
            }),
            Place::TcpCounter(name) => self.map("proc/net/netstat", |text| tcp_counter(text, name)),
            Place::CpuColumns { path, head, column } => {
                self.map(path, |text| sum_of_column(text, head, column))
            }
            Place::EachCore(path) => self.each_core(path, data_cores),
            Place::Cards => self.cards(),
        }
    }

    fn read(&self, path: &str) -> Result<String, Seen> {
        fs::read_to_string(self.root.join(path)).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => Seen::Hidden,
            _ => Seen::Absent,
        })
    }

    fn text(&self, path: &str) -> Seen {
        self.map(path, |text| Some(text.trim().to_owned()))
    }

    fn map(&self, path: &str, find: impl FnOnce(&str) -> Option<String>) -> Seen {
        match self.read(path) {
            Ok(text) => find(&text).map_or(Seen::Absent, Seen::Text),
            Err(seen) => seen,
        }
    }

    fn each_core(&self, path: &str, data_cores: &[u16]) -> Seen {
        let mut found = Vec::new();
        for cpu in data_cores {
            match self.text(&format!("sys/devices/system/cpu/cpu{cpu}/{path}")) {
                Seen::Text(text) => found.push((*cpu, text)),
                Seen::Hidden => return Seen::Hidden,
                Seen::Absent | Seen::Cores(_) | Seen::Cards(_) => {}
            }
        }
        if found.is_empty() { Seen::Absent } else { Seen::Cores(found) }
    }

    /// Interfaces that have a device behind them.
    fn cards(&self) -> Seen {
        let folder = self.root.join("sys/class/net");
        let real =
            names(&folder).into_iter().filter(|name| folder.join(name).join("device").exists());
        let cards: Vec<Nic> = real.map(|name| self.card(&folder, name)).collect();
        if cards.is_empty() { Seen::Absent } else { Seen::Cards(cards) }
    }

    fn card(&self, folder: &Path, name: String) -> Nic {
        let card = folder.join(&name);
        let queues = names(&card.join("queues"));
        let received = queues.iter().filter(|queue| queue.starts_with("rx-")).count();
        // A virtio card's interrupts are those of the device that carries it.
        let own = names(&card.join("device/msi_irqs"));
        let interrupts = if own.is_empty() { names(&card.join("device/../msi_irqs")) } else { own };
        let mut cpus = Vec::new();
        for interrupt in &interrupts {
            let folder = format!("proc/irq/{interrupt}");
            let text = ["effective_affinity_list", "smp_affinity_list"]
                .iter()
                .find_map(|file| self.read(&format!("{folder}/{file}")).ok());
            cpus.extend(text.iter().flat_map(|text| tuning::cpus(text)));
        }
        cpus.sort_unstable();
        cpus.dedup();
        Nic { name, queues: count(received), interrupts: count(interrupts.len()), cpus }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What is in a folder, in order; nothing where there is none.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Of two lines, the names and the numbers.
fn tcp_counter(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|it| it == name)?;
    numbers.split_whitespace().nth(at).map(str::to_owned)
}

fn sum_of_column(text: &str, head: usize, column: usize) -> Option<String> {
    let numbers = text
        .lines()
        .skip(head)
        .map(|line| u64::from_str_radix(line.split_whitespace().nth(column)?, 16).ok());
    let sum: Option<Vec<u64>> = numbers.collect();
    Some(sum?.iter().fold(0_u64, |sum, number| sum.saturating_add(*number)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that is as it should be for a thousand sessions, but for what `changes` says: a path and its text.
    fn host(changes: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let sysctl = [
            ("net/core/somaxconn", "4096\n"),
            ("net/ipv4/ip_local_port_range", "32768\t60999\n"),
            ("net/ipv4/tcp_mem", "287898\t383867\t575796\n"),
            ("vm/swappiness", "1\n"),
        ];
        for (name, text) in sysctl {
            put(&format!("proc/sys/{name}"), text);
        }
        let row =
            "Max open files            1024                 1048576              files     \n";
        put("proc/77/limits", &format!("Limit  Soft Limit  Hard Limit  Units\n{row}"));
        put("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\n");
        put(
            "proc/net/netstat",
            "TcpExt: A ListenOverflows B\nTcpExt: 1 0 3\nIpExt: ListenOverflows\nIpExt: 9\n",
        );
        put("proc/net/softnet_stat", "0000ffff 00000000 1\n0000ffff 00000000 1\n");
        for cpu in ["0", "1"] {
            put(
                &format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"),
                "performance\n",
            );
        }
        put("sys/class/net/lo/queues/rx-0/x", "");
        for queue in ["rx-0", "rx-1", "tx-0"] {
            put(&format!("sys/class/net/eth0/queues/{queue}/x"), "");
        }
        for interrupt in ["24", "25"] {
            put(&format!("sys/class/net/eth0/device/msi_irqs/{interrupt}"), "msix\n");
        }
        put("proc/irq/24/effective_affinity_list", "0\n");
        put("proc/irq/25/smp_affinity_list", "1\n");
        for (path, text) in changes {
            put(path, text);
        }
        let root = folder.path().to_owned();
        (folder, Host { root, process: "77".to_owned(), rings: Ok(()) })
    }

    fn rows(host: &Host) -> HostReport {
        let needs = Needs { sessions: 1_000, data_cores: vec![0, 1], ..Needs::reference() };
        HostReport { rows: host.judge(&needs), needs, holder: None }
    }

    #[track_caller]
    fn row<'a>(report: &'a HostReport, name: &str) -> &'a Row {
        report.rows.iter().find(|row| row.setting.name == name).unwrap()
    }

    #[test]
    fn a_good_host_needs_nothing_and_what_it_does_not_have_is_no_fault() {
        let (_folder, host) = host(&[]);
        let report = rows(&host);
        let amiss = |row: &&Row| !matches!(row.verdict, Verdict::Good | Verdict::Absent);
        let amiss: Vec<&Row> = report.rows.iter().filter(amiss).collect();
        assert!(amiss.is_empty(), "{amiss:?}");
        assert_eq!(report.exit(), Exit::Ok);
        for name in [
            "io_uring",
            "memory",
            "LimitNOFILE",
            "net.core.somaxconn",
            "net.ipv4.tcp_mem",
            "governor",
            "queues of network cards",
            "interrupts of network cards",
            "connections dropped before accept",
            "packets dropped by CPUs",
        ] {
            assert_eq!(row(&report, name).verdict, Verdict::Good, "{name}");
        }
        assert_eq!(row(&report, "net.netfilter.nf_conntrack_max").verdict, Verdict::Absent);
        assert_eq!(report.output().rows.len(), SETTINGS.len());
    }

    #[test]
    fn what_is_amiss_is_found_where_it_stands() {
        let cases = [
            ("net.core.somaxconn", "proc/sys/net/core/somaxconn", "128\n", "128"),
            ("LimitNOFILE", "proc/77/limits", "Max open files  1024  1100  files\n", "1100"),
            ("memory", "proc/meminfo", "MemTotal:  500000 kB\n", "512000000"),
            (
                "net.netfilter.nf_conntrack_max",
                "proc/sys/net/netfilter/nf_conntrack_max",
                "512\n",
                "512",
            ),
            (
                "connections dropped before accept",
                "proc/net/netstat",
                "TcpExt: A ListenOverflows\nTcpExt: 0 17\n",
                "17",
            ),
            (
                "packets dropped by CPUs",
                "proc/net/softnet_stat",
                "1 0000000a 0\n1 00000001 0\n",
                "11",
            ),
            (
                "packets dropped by the firewall's table",
                "proc/net/stat/nf_conntrack",
                "entries clashres\n0 0 0 0 0 0 0 0 0 0 0000000c 0\n",
                "12",
            ),
            (
                "governor",
                "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
                "powersave\n",
                "CPU 0: performance, CPU 1: powersave",
            ),
            (
                "interrupts of network cards",
                "proc/irq/25/smp_affinity_list",
                "0\n",
                "eth0: 2 queues, 2 interrupts at CPU 0",
            ),
            (
                "queues of network cards",
                "sys/class/net/eth1/device/x",
                "",
                "eth0: 2 queues, 2 interrupts at CPU 0-1; eth1: 0 queues, 0 interrupts at CPU none",
            ),
            ("isolated CPUs", "sys/devices/system/cpu/isolated", "1\n", "1"),
        ];
        for (name, path, text, is) in cases {
            let (_folder, host) = host(&[(path, text)]);
            let report = rows(&host);
            let found = row(&report, name);
            assert_eq!(found.verdict, Verdict::Amiss(found.setting.level), "{name}");
            assert_eq!(found.is, is, "{name}");
            let exit = if found.setting.level == Level::Must { Exit::Config } else { Exit::Ok };
            assert_eq!(report.exit(), exit, "{name}");
            assert!(report.told().contains(&found.remedy), "{name}");
        }
    }

    #[test]
    fn a_kernel_without_rings_is_told_with_the_remedy() {
        let (_folder, host) = host(&[]);
        let host = Host { rings: Err("io_uring is forbidden here: set x".to_owned()), ..host };
        let report = rows(&host);
        assert_eq!(row(&report, "io_uring").verdict, Verdict::Amiss(Level::Must));
        assert!(report.told().contains("io_uring is io_uring is forbidden here: set x"));
    }
}
