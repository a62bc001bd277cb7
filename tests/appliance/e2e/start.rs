//! Starting, and refusing to start: one clear message, the exit code that says whose mistake it is, no half-started process.

use std::fs;
use std::net::TcpListener;
use std::process::ExitStatus;

use rustix::process::Signal;

use super::dovecot::Pair;
use super::hale::Setup;
use super::ports::{FRONT, free_port, is_free};
use super::process::Process;
use super::tools::{STRACE, said};
use super::wait::PATIENCE;

/// EX_CONFIG of sysexits.h.
const CONFIGURATION: i32 = 78;

#[test]
fn op_01_a_bad_configuration_names_all_three_mistakes_and_exits_78() {
    let mut setup = Setup::new(free_port());
    setup.configure("lissten = 127.0.0.1");
    setup.configure("haproxy_timeout = soon");
    setup.configure("ssl = perhaps");
    setup.write();
    let text = fs::read_to_string(setup.path().join("hale.conf")).unwrap();
    let line_of = |start: &str| text.lines().position(|line| line.starts_with(start)).unwrap() + 1;
    for words in ["check-config", "run"] {
        let output = setup.output(words);
        let report = said(&output);
        assert_eq!(output.status.code(), Some(CONFIGURATION), "hale {words}: {report}");
        for (name, start) in [
            ("lissten", "lissten"),
            ("haproxy_timeout", "haproxy_timeout"),
            ("ssl", "ssl = perhaps"),
        ] {
            let place = format!("hale.conf:{}", line_of(start));
            let named = report.lines().any(|line| line.contains(&place) && line.contains(name));
            assert!(named, "hale {words} does not name {name} at {place}: {report}");
        }
        assert!(report.contains("listen"), "no nearest name for lissten: {report}");
    }
    assert!(is_free(setup.port));
}

#[test]
fn op_01_a_good_configuration_is_accepted() {
    let setup = Setup::new(free_port());
    setup.write();
    setup.succeed("check-config");
    let shown = setup.succeed("config -n");
    assert!(shown.contains("cluster_local_site"), "{shown}");
}

#[test]
fn passwords_are_printed_on_demand_only_and_what_is_printed_then_loads_again() {
    let mut setup = Setup::new(free_port());
    setup.configure("doveadm_password = \"no one's #1\"");
    setup.write();
    for hidden in ["config", "config -n"] {
        let shown = setup.succeed(hidden);
        assert!(shown.contains("doveadm_password = # hidden, use -P to show it\n"), "{shown}");
    }
    let shown = setup.succeed("config -nP");
    assert!(shown.contains("no one's #1"), "{shown}");
    fs::write(setup.path().join("hale.conf"), &shown).unwrap();
    assert_eq!(setup.succeed("config -nP"), shown);
    fs::write(setup.path().join("hale.conf"), setup.succeed("config -n")).unwrap();
    let refused = setup.output("check-config");
    assert_eq!(refused.status.code(), Some(CONFIGURATION));
    assert!(said(&refused).contains("`hale config -nP`"), "{}", said(&refused));
}

#[test]
fn op_07_a_password_file_that_everybody_can_write_is_named_with_its_remedy_and_nothing_starts() {
    let setup = Setup::new(free_port());
    setup.write();
    setup.make_cluster();
    setup.set_mode("users", 0o646);
    let remedy = format!("chmod o-rwx {}", setup.path().join("users").display());
    for words in ["check-config", "run"] {
        let output = setup.output(words);
        let report = said(&output);
        assert_eq!(output.status.code(), Some(CONFIGURATION), "hale {words}: {report}");
        assert!(report.contains(&remedy), "hale {words}: {report}");
    }
    assert!(is_free(setup.port));
}

#[test]
fn a_passdb_whose_template_has_an_unknown_variable_is_named_and_nothing_starts() {
    let setup = Setup::new(free_port());
    setup.write();
    setup.make_cluster();
    let path = setup.path().join("hale.conf");
    let whole = fs::read_to_string(&path).unwrap();
    let sql = "driver = sqlite\n sqlite_path = /nowhere\n";
    for (passdb, named) in [
        (format!("driver = sql\n sql_{sql} sql_query = SELECT p AS password FROM u WHERE n = '%{{usr}}'"), "%{usr}"),
        ("driver = ldap\n ldap_uris = ldap://127.0.0.1\n ldap_base = o=x\n passdb_ldap_filter = (uid=%{usr})".to_owned(), "%{usr}"),
        ("driver = http\n http_auth_url = http://127.0.0.1/\n auth_username_format = %{usr}".to_owned(), "%{usr}"),
    ] {
        fs::write(&path, format!("{whole}passdb odd {{\n {passdb}\n}}\n")).unwrap();
        for words in ["check-config", "run"] {
            let output = setup.output(words);
            let report = said(&output);
            assert_eq!(output.status.code(), Some(CONFIGURATION), "{words}: {passdb}: {report}");
            let is_told = [named, "expected", "hale.conf"].iter().all(|it| report.contains(it));
            assert!(is_told, "{words}: {report}");
        }
    }
}

#[test]
fn op_06_a_port_in_use_is_named() {
    let setup = Setup::new(free_port());
    setup.write();
    setup.make_cluster();
    let _taken = TcpListener::bind((FRONT, setup.port)).unwrap();
    let (status, report) = refused(&setup);
    assert!(!status.success(), "{report}");
    assert!(report.contains(&setup.port.to_string()), "the port is not named: {report}");
}

#[test]
fn op_06_a_second_instance_with_the_same_configuration_refuses_to_start() {
    let hale = Setup::new(free_port()).start();
    let mut second = Process::start("second", &hale.setup().command("run"), hale.setup().path());
    let status = second.wait(PATIENCE);
    assert!(!status.success(), "{}", second.said());
    // The first one did not notice.
    super::imap::Imap::connect(hale.address()).command("n", "NOOP");
}

#[test]
fn ge_a_missing_geodb_says_how_to_make_one() {
    let setup = Setup::new(free_port());
    setup.write();
    let (status, report) = refused(&setup);
    assert!(!status.success(), "{report}");
    assert!(report.contains("hale geodb init"), "no remedy: {report}");
}

#[test]
fn ur_01_a_refused_ring_names_the_cause_and_exits_78() {
    for error in ["EPERM", "ENOSYS", "ENOMEM"] {
        let setup = Setup::new(free_port());
        setup.write();
        setup.make_cluster();
        let hale = setup.command("run");
        let mut traced = STRACE.command();
        traced.args(["--follow-forks", "--output", "/dev/null", "--trace", "io_uring_setup"]);
        traced.arg(format!("--inject=io_uring_setup:error={error}"));
        traced.arg(hale.get_program()).args(hale.get_args());
        let mut process = Process::start("traced", &traced, setup.path());
        let status = process.wait(PATIENCE);
        let report = report(&setup, &process);
        assert_eq!(status.code(), Some(CONFIGURATION), "{error}: {report}");
        assert!(report.contains("ring"), "{error}: the cause is not named: {report}");
    }
}

/// Readiness is what a balancer sees: from the first greeting on, logins work and SIGTERM drains (OP-11).
#[test]
fn op_11_whoever_is_greeted_can_log_in_and_hale_can_be_stopped() {
    let mut hale = Setup::with_users(Pair::shared(), &["early"], b"secret").start();
    for _ in 0..10 {
        hale.crash_and_start_again();
        hale.session("early", b"secret");
    }
    for _ in 0..5 {
        hale.crash_and_start_again();
        hale.signal(Signal::TERM);
        assert_eq!(hale.wait(PATIENCE).code(), Some(0), "stopped just after the first greeting");
    }
}

/// Runs Hale, which must end by itself, and returns all it said.
fn refused(setup: &Setup) -> (ExitStatus, String) {
    let mut process = setup.spawn();
    let status = process.wait(PATIENCE);
    (status, report(setup, &process))
}

fn report(setup: &Setup, process: &Process) -> String {
    let log = fs::read_to_string(setup.path().join("hale.log")).unwrap_or_default();
    format!("{}--- hale.log\n{log}", process.said())
}
