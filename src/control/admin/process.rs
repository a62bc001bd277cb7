//! What the kernel knows of this process: CPU time of its threads, descriptors.

use std::fs;
use std::path::PathBuf;

use super::memory;

/// What metrics tell of the process. What `/proc` does not say is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::control) struct Process {
    /// Seconds of CPU of all threads.
    pub(in crate::control) cpu: f64,
    /// Of the core's threads, by the name of the core.
    pub(in crate::control) cores: Vec<(String, f64)>,
    /// Resident bytes.
    pub(in crate::control) resident: Option<u64>,
    /// Open descriptors of all tables.
    pub(in crate::control) descriptors: usize,
    /// What a table may have.
    pub(in crate::control) descriptors_max: Option<u64>,
}

impl Process {
    /// Now.
    pub(in crate::control) fn now() -> Self {
        let mut process = Self {
            resident: memory::resident().map(|[now, _]| now),
            descriptors_max: descriptors_max(),
            descriptors: count("/proc/self/fd".into()),
            ..Self::default()
        };
        for task in fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok) {
            let path = task.path();
            let (Ok(name), Some(cpu)) = (fs::read_to_string(path.join("comm")), cpu(&path)) else {
                // The thread has ended meanwhile.
                continue;
            };
            process.cpu += cpu;
            let is_main = task.file_name().to_str() == Some(&std::process::id().to_string());
            let core = name.trim_end().strip_prefix("hale-");
            match core.filter(|core| core.starts_with("data-")) {
                Some(core) => {
                    process.descriptors += count(path.join("fd"));
                    process.cores.push((core.to_owned(), cpu));
                }
                None if is_main => process.cores.push(("control".to_owned(), cpu)),
                None => {}
            }
        }
        process.cores.sort_by(|one, other| one.0.cmp(&other.0));
        process
    }
}

/// Nanoseconds on a CPU are the first word of `schedstat`.
fn cpu(task: &std::path::Path) -> Option<f64> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    let nanoseconds: u64 = text.split(' ').next()?.parse().ok()?;
    Some(std::time::Duration::from_nanos(nanoseconds).as_secs_f64())
}

fn count(folder: PathBuf) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

fn descriptors_max() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_descriptors_and_has_run() {
        let process = Process::now();
        assert!(process.resident > Some(0) && process.descriptors > 2, "{process:?}");
        assert!(process.descriptors_max >= Some(process.descriptors as u64), "{process:?}");
        assert!(process.cpu > 0.0, "{process:?}");
        let name = std::thread::Builder::new().name("hale-data-7".to_owned());
        let seen = name.spawn(Process::now).unwrap().join().unwrap();
        assert!(seen.cores.iter().any(|(core, _)| core == "data-7"), "{seen:?}");
    }
}
