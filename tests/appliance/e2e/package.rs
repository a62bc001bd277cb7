//! What is shipped besides the program: the package, manual pages, completions, examples (fail2ban's filter: `fail2ban.rs`). That the
//! package becomes a running service, is upgraded and removed: `tests/package`, which wants root and a minute.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::hale::Setup;
use super::ports::free_port;
use super::tools::{BASH, DPKG_DEB, MAN, OBJDUMP, PYTHON, run, said};

#[test]
fn the_package_has_what_a_host_needs_and_is_the_same_each_time() {
    for tool in [PYTHON, OBJDUMP] {
        tool.path();
    }
    let place = tempfile::tempdir().unwrap();
    let build = |folder: &str| -> PathBuf {
        let mut command = Command::new(source("packaging/build-deb"));
        // Compressed or not is of no interest here, and takes its time.
        command.args(["--hale", env!("CARGO_BIN_EXE_hale"), "--compression", "none"]);
        let made = run(command.arg(place.path().join(folder)));
        String::from_utf8(made).unwrap().trim_end().into()
    };
    let (one, other) = (build("one"), build("other"));
    assert!(fs::read(&one).unwrap() == fs::read(other).unwrap(), "two packages of the same");
    let fields = text(run(DPKG_DEB.command().arg("--field").arg(&one)));
    for field in ["Package: hale\n", "Depends: libc6 (>= 2.", "Architecture: ", "Section: mail\n"] {
        assert!(fields.contains(field), "no {field}: {fields}");
    }
    let files = text(run(DPKG_DEB.command().arg("--contents").arg(&one)));
    for file in [
        "-rwxr-xr-x root/root",
        " ./usr/bin/hale\n",
        " ./usr/lib/systemd/system/hale.service\n",
        " ./usr/lib/systemd/system/hale.socket\n",
        " ./usr/lib/sysusers.d/hale.conf\n",
        " ./usr/lib/tmpfiles.d/hale.conf\n",
        " ./usr/share/man/man1/hale.1.gz\n",
        " ./usr/share/man/man5/hale.conf.5.gz\n",
        " ./usr/share/bash-completion/completions/hale\n",
        " ./etc/logrotate.d/hale\n",
        " ./etc/fail2ban/filter.d/hale.conf\n",
        " ./usr/share/doc/hale/copyright\n",
        " ./usr/share/doc/hale/examples/hale.conf\n",
    ] {
        assert!(files.contains(file), "no {file}: {files}");
    }
    // Nobody's configuration is shipped: nothing starts by itself, and no upgrade asks about it.
    assert!(!files.contains(" ./etc/hale"), "{files}");
    let control = place.path().join("control");
    run(DPKG_DEB.command().arg("--control").arg(&one).arg(&control));
    for script in ["postinst", "prerm", "postrm"] {
        run(Command::new("/bin/sh").arg("-n").arg(control.join(script)));
    }
}

#[test]
fn manual_pages_say_nothing_that_man_does_not_understand() {
    for page in ["packaging/man/hale.1", "packaging/man/hale.conf.5"] {
        let mut man = MAN.command();
        man.args(["--warnings", "--encoding=UTF-8", "--local-file"]).arg(source(page));
        let output = man.env("LC_ALL", "C.UTF-8").env("MANWIDTH", "100").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{page}: {}", said(&output));
        assert!(output.stdout.len() > 5_000, "{page} is empty");
    }
}

#[test]
fn bash_completes_commands_and_their_options() {
    let script = format!(
        "source {}; COMP_WORDS=(hale check-); COMP_CWORD=1; _hale hale check- hale; echo \"${{COMPREPLY[*]}}\"",
        source("packaging/completions/hale.bash").display()
    );
    let completed = text(run(BASH.command().args(["-euc", &script])));
    assert!(
        completed.contains("check-config") && completed.contains("check-sandbox"),
        "{completed}"
    );
}

/// With the files that they name in place.
#[test]
fn every_example_is_a_good_configuration() {
    let setup = Setup::new(free_port());
    let place = setup.path().join("examples");
    fs::create_dir(&place).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(source("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "conf") {
            continue;
        }
        let example = fs::read_to_string(&path).unwrap();
        let example = example.replace("/etc/hale/", &format!("{}/", place.display()));
        for file in
            example.split_whitespace().filter(|word| word.starts_with(place.to_str().unwrap()))
        {
            fs::create_dir_all(Path::new(file).parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
            super::hale::set_private(Path::new(file));
        }
        let copy = place.join(path.file_name().unwrap());
        fs::write(&copy, example).unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_hale"));
        run(check.arg("-c").arg(copy).arg("check-config"));
        count += 1;
    }
    assert!(count >= 3, "{count} examples");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// A file of the project.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
