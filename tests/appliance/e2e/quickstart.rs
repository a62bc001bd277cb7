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
