//! `hale check-host` on this host as it is, and the scripts of `tuning/` on a made one.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hale::tuning::SETTINGS;

use super::hale::Setup;

fn json(output: &Output) -> Vec<serde_json::Value> {
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    rows.as_array().unwrap().clone()
}

#[test]
fn check_host_judges_this_host_and_its_exit_status_says_whether_something_must_change() {
    let setup = Setup::new(1);
    setup.write();
    let rows = |sessions: &str| {
        let output = setup.output_of(&["-f", "json", "check-host", "--sessions", sessions]);
        (json(&output), output.status.code())
    };
    let is_must = |rows: &[serde_json::Value]| rows.iter().any(|row| row["verdict"] == "must");
    // As many sessions as no host has memory for.
    let (many, code) = rows("1000000000000");
    assert_eq!((many.len(), code), (SETTINGS.len(), Some(78)));
    let memory = many.iter().find(|row| row["name"] == "memory").unwrap();
    assert_eq!(memory["verdict"], "must", "{memory}");
    assert!(memory["remedy"].as_str().unwrap().contains("connections_per_core_max"), "{memory}");
    let (few, code) = rows("10");
    assert_eq!(code, Some(if is_must(&few) { 78 } else { 0 }));
    let ring = few.iter().find(|row| row["name"] == "io_uring").unwrap();
    assert_eq!((&ring["verdict"], &ring["is"]), (&"good".into(), &"works".into()));
    // Where they stand at all, these are found: the names of the kernel's rows are right.
    for name in ["memory", "LimitNOFILE", "LimitMEMLOCK", "packets dropped by CPUs"] {
        let row = few.iter().find(|row| row["name"] == name).unwrap();
        assert!(
            row["is"].as_str().unwrap().starts_with(|it: char| it.is_ascii_alphanumeric()),
            "{row}"
        );
    }
    let told = setup.output_of(&["check-host", "--sessions", "1000000000000"]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(
        text.contains("must   memory is ") && text.contains("1000000000000 sessions on "),
        "{text}"
    );
    let file = setup.output_of(&["check-host", "--sessions", "8000", "--print", "sysctl"]);
    assert!(file.status.success());
    let text = String::from_utf8(file.stdout).unwrap();
    assert!(
        text.contains("for 8000 sessions") && text.contains("net.core.somaxconn = 4096"),
        "{text}"
    );
}

#[test]
fn tuning_scripts_do_and_undo_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = |path: &str| folder.path().join(path);
    let put = |name: &str, text: &str| {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), text).unwrap();
    };
    let read = |name: &str| fs::read_to_string(path(name)).unwrap().trim().to_owned();
    let script = |name: &str, words: &[&str]| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tuning").join(name);
        Command::new(file).args(words).env("HALE_ROOT", folder.path()).output().unwrap()
    };
    for interrupt in ["24", "25", "101"] {
        put(&format!("sys/class/net/card0/device/msi_irqs/{interrupt}"), "msix");
        put(&format!("proc/irq/{interrupt}/smp_affinity_list"), "0-7");
    }
    put("sys/class/net/card0/queues/rx-0/x", "");
    let at = || ["24", "25", "101"].map(|it| read(&format!("proc/irq/{it}/smp_affinity_list")));
    assert!(script("nic.sh", &["card0", "1-2"]).status.success());
    assert_eq!(at(), ["1", "2", "1"]);
    assert!(script("nic.sh", &["card0", "4,6-7"]).status.success());
    assert_eq!(at(), ["4", "6", "7"]);
    let shown = script("nic.sh", &["show", "card0"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("interrupt 101: CPU 7"));
    assert!(script("nic.sh", &["undo", "card0"]).status.success());
    assert_eq!(at(), ["0-7"; 3], "as before the first call");
    assert_eq!(script("nic.sh", &["undo", "card0"]).status.code(), Some(1));
    assert_eq!(script("nic.sh", &["card1", "0"]).status.code(), Some(1));
    assert_eq!(script("nic.sh", &[]).status.code(), Some(64));

    let governor = "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor";
    put(governor, "powersave");
    put("sys/devices/system/cpu/present", "0-7");
    assert!(script("cpu.sh", &["governor", "3-4"]).status.success());
    assert_eq!(read(governor), "performance");
    assert!(script("cpu.sh", &["governor", "3"]).status.success());
    assert!(script("cpu.sh", &["undo"]).status.success());
    assert_eq!(read(governor), "powersave");
    let isolate = String::from_utf8(script("cpu.sh", &["isolate", "1-2"]).stdout).unwrap();
    assert!(
        isolate.contains("isolcpus=managed_irq,domain,1-2") && isolate.contains("CPUAffinity=0-7"),
        "{isolate}"
    );
}
