//! What MTAs in front of Hale have in common.

use std::fs;
use std::net::SocketAddr;

use super::super::lmtp::Stage;
use super::super::tools::{PYTHON, run};

/// Hale with LMTP in front of two Dovecots, and so many users with a domain, named as Postfix' smtp-source names them.
pub(super) fn recipients(count: usize) -> (Stage, Vec<String>) {
    let others = (2..=count).map(|number| format!("{number}u@example.org"));
    let users: Vec<String> = [String::from("u@example.org")].into_iter().chain(others).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let stage = Stage::with(0, "", |setup| setup.add_users(&names, b"secret"));
    stage.pair.add_users(&names, b"secret");
    // Dovecot's deliveries that make one mailbox at the same time fail ("Mailbox already exists") or end their process.
    for user in &users {
        let mut session = stage.hale.session(user, b"secret");
        session.command("s", "SELECT INBOX");
        session.command("o", "LOGOUT");
    }
    (stage, users)
}

/// Hands a message to an MTA, as a program on its host would.
pub(super) fn hand_over(mta: SocketAddr, sender: &str, recipients: &[&str], mail: &[u8]) {
    const SCRIPT: &str = r#"
import smtplib, sys
host, port, path, sender, *recipients = sys.argv[1:]
client = smtplib.SMTP(host, int(port), local_hostname='client.test', timeout=60)
options = ['BODY=8BITMIME'] + (['SMTPUTF8'] if not sender.isascii() else [])
client.command_encoding = 'utf-8'
client.ehlo()
assert not client.sendmail(sender, recipients, open(path, 'rb').read(), options)
client.quit()
"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), mail).unwrap();
    let mut command = PYTHON.command();
    command.args(["-c", SCRIPT, &mta.ip().to_string(), &mta.port().to_string()]);
    run(command.arg(file.path()).arg(sender).args(recipients));
}
