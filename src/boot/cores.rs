//! Which CPU does what, and keeping threads there.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::exit::Refusal;
use crate::config::{ControlCore, Cores};

/// The CPUs of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// One data core each.
    pub(super) data: Vec<u16>,
    /// The control core's.
    pub(super) control: u16,
}

/// Chooses CPUs: as configured, or all the process may use, the last of them for the control core.
pub(super) fn plan(data: &Cores, control: &ControlCore) -> Result<Plan, Refusal> {
    let allowed = sched_getaffinity(None).map_err(|error| {
        Refusal::config(format!("the CPUs of this process can't be read: {error}"))
    })?;
    let usable: Vec<u16> = (0..u16::try_from(CpuSet::MAX_CPU).unwrap_or(u16::MAX))
        .filter(|cpu| allowed.is_set(usize::from(*cpu)))
        .collect();
    choose(&usable, data, control)
}

fn choose(usable: &[u16], data: &Cores, control: &ControlCore) -> Result<Plan, Refusal> {
    let last = usable.last().copied().unwrap_or(0);
    let check = |setting: &str, cpu: u16| {
        if usable.contains(&cpu) {
            return Ok(cpu);
        }
        Err(Refusal::config(format!(
            "{setting}: CPU {cpu} is not among those this process may use ({usable:?}); \
             choose others, or widen AllowedCPUs= or the cpuset of the service"
        )))
    };
    let control = match control {
        ControlCore::Auto => last,
        ControlCore::Cpu(cpu) => check("control_core", *cpu)?,
    };
    let data = match data {
        Cores::Auto => {
            let others: Vec<u16> = usable.iter().copied().filter(|cpu| *cpu != control).collect();
            // One CPU carries both kinds; a data core sleeps whenever it has nothing to do.
            if others.is_empty() { vec![control] } else { others }
        }
        Cores::List(list) => {
            list.iter().map(|cpu| check("data_cores", *cpu)).collect::<Result<_, _>>()?
        }
    };
    Ok(Plan { data, control })
}

/// Keeps the calling thread on one CPU. A refusal is no reason not to run: the thread is only slower.
pub(super) fn pin(cpu: u16) {
    let mut set = CpuSet::new();
    set.set(usize::from(cpu));
    let _ = sched_setaffinity(None, &set);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cpu_is_the_control_core_unless_told_otherwise() {
        let plan = |usable: &[u16], data, control| choose(usable, &data, &control);
        let expected = Plan { data: vec![0, 1, 2], control: 3 };
        assert_eq!(plan(&[0, 1, 2, 3], Cores::Auto, ControlCore::Auto).unwrap(), expected);
        let shared = Plan { data: vec![5], control: 5 };
        assert_eq!(plan(&[5], Cores::Auto, ControlCore::Auto).unwrap(), shared);
        let listed = plan(&[0, 1], Cores::List(vec![0]), ControlCore::Cpu(0)).unwrap();
        assert_eq!(listed, Plan { data: vec![0], control: 0 });
        let refusal = plan(&[0, 1], Cores::List(vec![7]), ControlCore::Auto).unwrap_err();
        assert!(refusal.text.contains("data_cores: CPU 7"), "{refusal}");
    }
}
