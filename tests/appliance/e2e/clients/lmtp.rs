//! LMTP: swaks and Python's smtplib, in clear: there are no passwords to protect.

use std::thread;

use hale::names::Protocol;

use super::super::site::Site;
use super::super::tools::{PYTHON, SWAKS, run};
use super::{expect_inside, message_for_swaks};

#[test]
fn w_lmtp_clients_deliver() {
    let site = Site::start(&["swaks-lmtp", "smtplib-lmtp"], "login_trusted_networks =");
    let folder = tempfile::tempdir().unwrap();
    let mail = message_for_swaks(100_000, 331);
    let path = folder.path().join("mail");
    std::fs::write(&path, &mail).unwrap();
    let port = site.clear(Protocol::Lmtp).port().to_string();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut command = SWAKS.command();
            command.args(["--protocol", "LMTP", "--server", "localhost", "--port", &port]);
            command.args(["--ehlo", "client.test", "--to", "swaks-lmtp", "--timeout", "60"]);
            command.args(["--from", "sender@example.org", "--data"]);
            run(command.arg(format!("@{}", path.display())));
        });
        scope.spawn(|| {
            let mut command = PYTHON.command();
            command.args(["-c", include_str!("lmtplib.py"), &port, "smtplib-lmtp"]);
            run(command.arg(&path));
        });
    });
    for user in ["swaks-lmtp", "smtplib-lmtp"] {
        let mut client = site.imap(user);
        client.command("s", "SELECT INBOX");
        expect_inside(&client.fetch("f", 1), &mail, user);
    }
}
