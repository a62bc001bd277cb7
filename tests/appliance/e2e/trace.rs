//! `hale trace`: an operator sees what passes in a user's sessions, without what proves the user, and it ends by itself.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use super::mail::message;
use super::site::Site;
use super::wait::{PATIENCE, wait_for};

/// A trace under way, and where its lines go.
struct Trace {
    child: Child,
    lines: std::path::PathBuf,
}

fn begin(site: &Site, words: &str, name: &str) -> Trace {
    let lines = site.hale.setup().path().join(name);
    let mut command = site.hale.setup().command(&format!("trace {words}"));
    let child = command.stdout(File::create(&lines).unwrap()).stderr(Stdio::null());
    Trace { child: child.spawn().unwrap(), lines }
}

impl Trace {
    fn said(&self) -> String {
        fs::read_to_string(&self.lines).unwrap()
    }
}

#[test]
fn trace_shows_what_passes_hides_what_proves_a_user_and_ends_by_itself() {
    let site = Site::start(&["alice", "bob"], "");
    site.fill("alice", &[message(60_000, 1)]);
    let (mut sealed, mut bob) = (site.imap("alice"), site.imap("bob"));
    let mut trace = begin(&site, "--seconds 200 --bytes 50000 --reason ticket alice", "traced");
    // Of a session that was there before, by TLS.
    wait_for("what passes is shown", PATIENCE, || {
        sealed.command("n", "NOOP");
        bob.command("b", "NOOP");
        let said = trace.said();
        (said.contains(" client n NOOP\n") && said.contains(" backend n OK ")).then_some(())
    });
    // Of one that comes meanwhile, in clear; it says a password again.
    let mut clear = site.hale.session("alice", super::site::PASSWORD.as_bytes());
    clear.command("s", "SELECT INBOX");
    clear.send(b"again LOGIN alice secret\r\n");
    clear.reply("again");
    clear.command("l", "LIST \"\" *");
    wait_for("the new session is shown", PATIENCE, || {
        let said = trace.said();
        (said.contains(" client s SELECT INBOX\n") && said.contains(" client l LIST")).then_some(())
    });
    let said = trace.said();
    assert!(said.contains(" client again LOGIN [not shown]\n"), "{said}");
    for hidden in ["alice secret", "secret", " b NOOP"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
    // More than was asked for: the trace ends, and the session goes on.
    clear.fetch("f", 1);
    let status = wait_for("the end of the trace", PATIENCE, || trace.child.try_wait().unwrap());
    assert!(status.success(), "{status}");
    clear.fetch("g", 1);
    sealed.command("i", "SELECT INBOX");
    sealed.fetch("h", 1);
    assert!(trace.said().len() < 200_000, "it shows no more than was asked for");
    wait_for("both ends are in the log", PATIENCE, || {
        let log = site.hale.said();
        let begun = log.contains("admin: trace <alice> reason=<ticket>: begun by uid=");
        (begun && log.contains("admin: trace <alice>: 50")).then_some(())
    });
    // An operator who goes away ends it, too: as many as may be traced at once are, and one after the other.
    for number in 0..6 {
        let mut trace = begin(&site, "--seconds 200 alice", &format!("traced-{number}"));
        wait_for("what passes is shown", PATIENCE, || {
            sealed.command("n", "NOOP");
            trace.said().contains(" client n NOOP\n").then_some(())
        });
        trace.child.kill().unwrap();
        trace.child.wait().unwrap();
        wait_for("the trace is given up", PATIENCE, || {
            sealed.command("n", "NOOP");
            let log = site.hale.said();
            (log.matches("bytes shown to uid=").count() == number + 2).then_some(())
        });
    }
}
