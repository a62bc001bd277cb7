//! IMAP: imaplib, curl, mbsync, fetchmail, imapflow.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hale::names::Protocol;

use super::super::mail::{assert_same_bytes, message};
use super::super::site::Door;
use super::super::tools::{MBSYNC, NODE, NPM, run};
use super::{Client, Work, expect_inside, in_a_file, work_at_every_door};

const CLIENTS: &[Client] = &[
    ("imaplib", imaplib),
    ("curl", curl),
    ("mbsync", mbsync),
    ("fetchmail", fetchmail),
    ("imapflow", imapflow),
];

#[test]
fn w_tls_1_imap_clients_at_every_door() {
    work_at_every_door(Protocol::Imap, CLIENTS);
}

fn imaplib(work: &Work<'_>) {
    work.python(include_str!("imaplib.py"), &message(300_000, 301));
}

fn curl(work: &Work<'_>) {
    let mail = message(300_000, 302);
    let path = work.file("mail", &mail);
    run(work.curl("INBOX").arg("--upload-file").arg(path));
    assert_same_bytes(&run(&mut work.curl("INBOX;MAILINDEX=1")), &mail, "by curl");
}

/// Both ways: a message here goes there, and one there comes here.
fn mbsync(work: &Work<'_>) {
    let (far, near) = (message(200_000, 303), message(100_000, 304));
    work.site.fill(&work.user, std::slice::from_ref(&far));
    let maildir = work.folder.path().join("maildir");
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    fs::write(maildir.join("new/1.near.host"), in_a_file(&near)).unwrap();
    let kind = if work.door == Door::Implicit { "IMAPS" } else { "STARTTLS" };
    let secret = work.file("password", b"secret");
    let settings = format!(
        "IMAPAccount hale\nHost localhost\nPort {}\nUser {}\nPassCmd \"cat {}\"\nSSLType {kind}\n\
         CertificateFile {}\nSystemCertificates no\nAuthMechs LOGIN\n\nIMAPStore far\nAccount hale\n\n\
         MaildirStore near\nInbox {}\nPath {}/\n\nChannel inbox\nFar :far:INBOX\nNear :near:INBOX\n\
         Sync All\nCreate Near\nSyncState {}\n",
        work.port(),
        work.user,
        secret.display(),
        work.site.authority().display(),
        maildir.display(),
        work.folder.path().display(),
        work.folder.path().join("state").display()
    );
    let settings = work.file("mbsyncrc", settings.as_bytes());
    run(MBSYNC.command().arg("--config").arg(settings).arg("--all"));
    let here = messages_in(&maildir);
    assert_eq!(here.len(), 2, "messages here");
    expect_inside(&here.concat(), &far, "by mbsync, here");
    let mut client = work.site.imap(&work.user);
    let select = client.command("s", "SELECT INBOX").concat();
    assert!(String::from_utf8_lossy(&select).contains("* 2 EXISTS"), "messages there");
    expect_inside(&client.fetch("f", 2), &near, "by mbsync, there");
}

fn messages_in(maildir: &Path) -> Vec<Vec<u8>> {
    let folders = ["new", "cur"].map(|folder| fs::read_dir(maildir.join(folder)).unwrap());
    folders.into_iter().flatten().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn fetchmail(work: &Work<'_>) {
    let mails = [message(2000, 305), message(200_000, 306)];
    work.site.fill(&work.user, &mails);
    let got = work.fetchmail();
    for mail in &mails {
        expect_inside(&got, mail, "by fetchmail");
    }
}

fn imapflow(work: &Work<'_>) {
    let path = work.file("mail", &message(200_000, 307));
    let script = imapflow_folder().join("client.mjs");
    let mut command = NODE.command();
    command.arg(&script).args([format!("{:?}", work.door), work.port().to_string()]);
    command.arg(work.site.authority()).arg(&work.user).arg(path);
    // Where node looks for the library.
    run(command.arg(imapflow_installed().join("package.json")));
}

fn imapflow_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/appliance/e2e/clients/imapflow")
}

/// The library in the versions of the lock file, beside what cargo builds; npm fetches it once.
fn imapflow_installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("imapflow");
        fs::create_dir_all(&folder).unwrap();
        let lock = fs::read(imapflow_folder().join("package-lock.json")).unwrap();
        // Written last: what is there was installed whole, and from this lock file.
        let done = folder.join("installed-from.json");
        if fs::read(&done).is_ok_and(|from| from == lock) {
            return folder;
        }
        for name in ["package.json", "package-lock.json"] {
            fs::copy(imapflow_folder().join(name), folder.join(name)).unwrap();
        }
        let mut command = NPM.command();
        command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
        run(command.current_dir(&folder));
        fs::write(done, lock).unwrap();
        folder
    })
}
