//! ManageSieve: sieve-connect.

use std::process::Stdio;

use hale::names::Protocol;

use super::super::bridge;
use super::super::site::{Door, NAME};
use super::super::tools::{SIEVE_CONNECT, said};
use super::{Client, Work, work_at_every_door};

const CLIENTS: &[Client] = &[("sieve-connect", sieve_connect)];

#[test]
fn w_tls_1_sieve_clients_at_every_door() {
    work_at_every_door(Protocol::Sieve, CLIENTS);
}

const SCRIPT: &str =
    "require \"fileinto\";\nif header :contains \"Subject\" \"x\" { fileinto \"Trash\"; }\n";

/// Uploads, activates, lists, downloads, edits, deactivates and deletes a script.
fn sieve_connect(work: &Work<'_>) {
    let script = work.file("one.sieve", SCRIPT.as_bytes());
    let script = script.to_str().unwrap();
    let back = work.folder.path().join("back.sieve");
    let back = back.to_str().unwrap();
    // It knows no port that begins with TLS (RFC 5804 has none), so another program does that part for it.
    let port = match work.door {
        Door::Starttls => work.port(),
        Door::Implicit => {
            let config = bridge::client_config(&work.site.pem);
            bridge::tunnel(work.site.tls(Protocol::Sieve), NAME, config).port()
        }
    };
    let does = |words: &[&str]| act(work, port, words);
    does(&["--upload", "--localsieve", script, "--remotesieve", "one"]);
    does(&["--activate", "--remotesieve", "one"]);
    let list = does(&["--list"]);
    assert!(list.contains("\"one\" ACTIVE"), "{list}");
    does(&["--download", "--localsieve", back, "--remotesieve", "one"]);
    assert_eq!(std::fs::read_to_string(back).unwrap(), SCRIPT);
    let edited = work.file("two.sieve", format!("{SCRIPT}keep;\n").as_bytes());
    does(&["--upload", "--localsieve", edited.to_str().unwrap(), "--remotesieve", "one"]);
    does(&["--deactivate"]);
    does(&["--delete", "--remotesieve", "one"]);
    let list = does(&["--list"]);
    assert!(!list.contains("one"), "{list}");
}

/// One connection that does one thing; what it printed.
fn act(work: &Work<'_>, port: u16, words: &[&str]) -> String {
    let password = work.file("password", b"secret\n");
    let mut command = SIEVE_CONNECT.command();
    command.args(["--server", NAME, "--nosrv", "--port", &port.to_string(), "--user", &work.user]);
    command.args(["--passwordfd", "0", "--authmech", "PLAIN"]);
    if work.door == Door::Implicit {
        command.arg("--clearchan");
    }
    command.arg("--tlscafile").arg(work.site.authority()).args(words);
    command.stdin(Stdio::from(std::fs::File::open(password).unwrap()));
    let output = command.output().unwrap();
    // It ends well whatever the server answered; what went wrong stands on its error output.
    let told = said(&output);
    assert!(output.status.success(), "{command:?}\n{told}");
    told
}
