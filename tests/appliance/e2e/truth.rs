//! Settings without effect are named by `hale check-config` and `hale run`; others do what they say.

use std::process::Command;

use super::hale::Setup;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::process::Process;
use super::tools::said;
use super::wait::{PATIENCE, wait_for};

const VAIN: &str = "auth_cache_size = 0\nauth_cache_ttl = 5 min\n\
                    protocol imap {\n  pass_backend_error = yes\n}";

/// A setting, and what is said of it.
const TOLD: [(&str, &str); 2] = [
    ("auth_cache_ttl", "nothing is remembered with `auth_cache_size = 0`"),
    ("pass_backend_error", "has no effect in `protocol imap"),
];

#[test]
fn what_was_written_in_vain_is_named_by_check_config_and_by_run() {
    let mut setup = Setup::new(free_port());
    setup.write();
    let quiet = said(&setup.output("check-config"));
    assert!(!quiet.contains("warning"), "{quiet}");
    setup.configure(VAIN);
    setup.write();
    let checked = setup.output("check-config");
    assert!(checked.status.success(), "{}", said(&checked));
    let hale = setup.start();
    for report in [said(&checked), hale.said()] {
        for (name, words) in TOLD {
            let is_it =
                |line: &str| line.contains(&format!("setting {name}: ")) && line.contains(words);
            assert_eq!(report.lines().filter(|line| is_it(line)).count(), 1, "{name}: {report}");
        }
    }
    Imap::connect(hale.address()).command("n", "NOOP");
}

#[test]
fn the_log_goes_to_standard_output_when_it_is_told_to() {
    let mut setup = Setup::new(free_port());
    setup.configure("log_path = /dev/stdout");
    setup.write();
    setup.make_cluster();
    let run = setup.command("run");
    let words: Vec<String> = run.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
    let program = run.get_program().to_str().unwrap();
    let mut shell = Command::new("sh");
    // Nothing that is said elsewhere is heard.
    shell.args(["-c", &format!("exec {program} {} 2>/dev/null", words.join(" "))]);
    let hale = Process::start("hale", &shell, setup.path());
    let port = setup.port;
    wait_for("the line in standard output", PATIENCE, || {
        let line = format!("info: listening for imap on {FRONT}:{port}");
        hale.said().lines().any(|it| it.ends_with(&line) && it.starts_with("20")).then_some(())
    });
}
