//! `./quickstart`, the first thing a newcomer runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::tools::{DOVECOT, PYTHON, said};

/// With the binary of this test run, so that nothing is built here; everything else is as for a newcomer.
#[test]
fn quickstart_logs_a_user_in_and_leaves_nothing_behind() {
    for tool in [DOVECOT, PYTHON] {
        tool.path();
    }
    let place = tempfile::tempdir().unwrap();
    // As root the Dovecots run as nobody, who has to reach their directories in there.
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("quickstart");
    let output = Command::new(script)
        .args(["--once", "--hale", env!("CARGO_BIN_EXE_hale")])
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let report = said(&output);
    assert!(output.status.success(), "{report}");
    assert!(report.contains("logged in"), "{report}");
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert!(left.is_empty(), "left behind: {left:?}\n{report}");
}

/// `./quickstart` and `./test` on a host without Rust. The installer of this test stands in for rustup's, which is fetched from the net.
#[test]
fn without_rust_rustup_is_fetched_and_said_so_and_an_option_refuses() {
    let place = tempfile::tempdir().unwrap();
    let programs = place.path().join("bin");
    fs::create_dir(&programs).unwrap();
    // Nothing else is on this host's path: no cargo, whatever the host has.
    for name in ["bash", "sh", "mktemp", "rm", "mkdir", "cp", "chmod", "cat"] {
        let found = Path::new("/bin").join(name);
        std::os::unix::fs::symlink(&found, programs.join(name)).unwrap();
    }
    let curl = "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\ncat >\"$2\" <<'END'\nmkdir -p \"$HOME/.cargo/bin\"\n\
                printf '#!/bin/sh\\necho \"${0##*/} $*\"\\n' >\"$HOME/.cargo/bin/cargo\"\n\
                cp \"$HOME/.cargo/bin/cargo\" \"$HOME/.cargo/bin/rustup\"\nchmod +x \"$HOME\"/.cargo/bin/*\necho \"installer $*\"\nEND\n";
    fs::write(programs.join("curl"), curl).unwrap();
    fs::set_permissions(programs.join("curl"), Permissions::from_mode(0o755)).unwrap();
    let need_rust = |answer: &str| {
        let script = format!(". .ci/packages.sh; need_rust {answer}; command -v cargo");
        let mut command = Command::new("/bin/bash");
        command.args(["-euc", &script]).current_dir(env!("CARGO_MANIFEST_DIR")).env_clear();
        command.env("PATH", &programs).env("HOME", place.path()).output().unwrap()
    };
    let refused = need_rust("no");
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("https://rustup.rs"), "{}", said(&refused));
    let fetched = need_rust("yes");
    let report = said(&fetched);
    assert!(fetched.status.success(), "{report}");
    let cargo = place.path().join(".cargo/bin/cargo");
    for words in ["fetching Rust", "--no-rustup refuses", "installer -y", cargo.to_str().unwrap()] {
        assert!(report.contains(words), "no {words}: {report}");
    }
}
