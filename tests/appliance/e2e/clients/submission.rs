//! Submission: smtplib, curl, swaks. What they send arrives at the relay behind Dovecot.

use hale::names::Protocol;

use super::super::site::Door;
use super::super::tools::{SWAKS, run};
use super::{Client, Work, expect_inside, message_for_swaks, user_of, work_at_every_door};

const CLIENTS: &[Client] = &[("smtplib", smtplib), ("curl", curl), ("swaks", swaks)];

#[test]
fn w_tls_1_submission_clients_at_every_door() {
    let site = work_at_every_door(Protocol::Submission, CLIENTS);
    let mut senders = Vec::new();
    for _ in 0..CLIENTS.len() * 2 {
        let mail = site.relay.next_mail();
        let [from, to] = mail.envelope.as_slice() else { panic!("{:?}", mail.envelope) };
        assert!(to.starts_with("RCPT TO:<b@example.org>"), "{to}");
        let sender = from.split(['<', '@']).nth(1).unwrap().to_owned();
        expect_inside(&mail.text, &sent(), &sender);
        senders.push(sender);
    }
    senders.sort();
    let mut expected: Vec<String> = CLIENTS
        .iter()
        .flat_map(|(name, _)| [Door::Starttls, Door::Implicit].map(|door| user_of(name, door)))
        .collect();
    expected.sort();
    assert_eq!(senders, expected);
}

/// Every client sends the same.
fn sent() -> Vec<u8> {
    message_for_swaks(100_000, 321)
}

fn smtplib(work: &Work<'_>) {
    work.python(include_str!("smtplib.py"), &sent());
}

fn curl(work: &Work<'_>) {
    let path = work.file("mail", &sent());
    let mut command = work.curl("client.test");
    command.args(["--mail-from", &format!("{}@example.org", work.user)]);
    run(command.args(["--mail-rcpt", "b@example.org"]).arg("--upload-file").arg(path));
}

fn swaks(work: &Work<'_>) {
    let path = work.file("mail", &sent());
    let mut command = SWAKS.command();
    command.args(["--server", "localhost", "--port", &work.port().to_string()]);
    command.arg(if work.door == Door::Implicit { "--tls-on-connect" } else { "--tls" });
    command.args(["--tls-verify", "--tls-ca-path"]).arg(work.site.authority());
    command.args(["--auth", "PLAIN", "--auth-user", &work.user, "--auth-password", "secret"]);
    command.args(["--ehlo", "client.test", "--to", "b@example.org", "--timeout", "60"]);
    command.args(["--from", &format!("{}@example.org", work.user)]);
    run(command.arg("--data").arg(format!("@{}", path.display())));
}
