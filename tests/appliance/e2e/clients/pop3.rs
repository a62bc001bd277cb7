//! POP3: poplib, curl, fetchmail.

use hale::names::Protocol;

use super::super::mail::{assert_same_bytes, message};
use super::super::tools::run;
use super::{Client, Work, expect_inside, work_at_every_door};

const CLIENTS: &[Client] = &[("poplib", poplib), ("curl", curl), ("fetchmail", fetchmail)];

#[test]
fn w_tls_1_pop3_clients_at_every_door() {
    work_at_every_door(Protocol::Pop3, CLIENTS);
}

fn poplib(work: &Work<'_>) {
    let mail = message(200_000, 311);
    work.site.fill(&work.user, &[mail.clone(), message(700, 312)]);
    work.python(include_str!("poplib.py"), &mail);
    let select = work.site.imap(&work.user).command("s", "SELECT INBOX").concat();
    assert!(String::from_utf8_lossy(&select).contains("* 1 EXISTS"), "one of two was deleted");
}

fn curl(work: &Work<'_>) {
    let mails = [message(700, 313), message(300_000, 314)];
    work.site.fill(&work.user, &mails);
    for (number, mail) in mails.iter().enumerate() {
        let got = run(&mut work.curl(&(number + 1).to_string()));
        assert_same_bytes(&got, mail, "by curl");
    }
}

fn fetchmail(work: &Work<'_>) {
    let mails = [message(2000, 315), message(200_000, 316)];
    work.site.fill(&work.user, &mails);
    let got = work.fetchmail();
    for mail in &mails {
        expect_inside(&got, mail, "by fetchmail");
    }
    let select = work.site.imap(&work.user).command("s", "SELECT INBOX").concat();
    assert!(String::from_utf8_lossy(&select).contains("* 0 EXISTS"), "it took them away");
}
