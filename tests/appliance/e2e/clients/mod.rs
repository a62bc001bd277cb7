//! Real clients on every port: each does what it is for, once by STARTTLS and once on the port that begins with TLS,
//! through Hale to real Dovecots, and each verifies the certificate. Without TLS no client can log in here, so a client
//! that leaves it out fails.

mod imap;
mod lmtp;
mod pop3;
mod sieve;
mod submission;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use hale::names::Protocol;
use tempfile::TempDir;

use super::mail::message;
use super::site::{DOORS, Door, Site};
use super::tools::{CURL, FETCHMAIL, PYTHON, run};
use super::wait::{PATIENCE, wait_for};

/// A client at work: it has a user, a door and a folder of its own.
struct Work<'a> {
    site: &'a Site,
    protocol: Protocol,
    door: Door,
    user: String,
    folder: TempDir,
}

/// A client's name and what it does; fails by panicking.
type Client = (&'static str, fn(&Work<'_>));

/// All of these clients through both doors, at the same time. Afterwards each of their users has logged in on a
/// backend.
fn work_at_every_door(protocol: Protocol, clients: &[Client]) -> Site {
    let works: Vec<(Client, Door)> =
        clients.iter().flat_map(|client| DOORS.map(|door| (*client, door))).collect();
    let users: Vec<String> = works.iter().map(|((name, _), door)| user_of(name, *door)).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let site = Site::start(&names, "ssl = required\nlogin_trusted_networks =");
    thread::scope(|scope| {
        for (((_, client), door), user) in works.iter().zip(&users) {
            let folder = tempfile::tempdir().unwrap();
            let work = Work { site: &site, protocol, door: *door, user: user.clone(), folder };
            // Its name is the user's in what a failing one prints.
            thread::Builder::new()
                .name(user.clone())
                .spawn_scoped(scope, move || client(&work))
                .unwrap();
        }
    });
    for user in &users {
        wait_for(&format!("the login of {user}"), PATIENCE, || {
            let service = format!("{}:", protocol.service_name());
            let mut logins = site.pair.backends.iter().flat_map(|backend| backend.logins(user));
            logins.any(|line| line.contains(&service)).then_some(())
        });
    }
    site
}

fn user_of(client: &str, door: Door) -> String {
    format!("{client}-{door:?}").to_lowercase()
}

impl Work<'_> {
    fn port(&self) -> u16 {
        self.site.port(self.protocol, self.door)
    }

    /// A file of the client's folder with this in it.
    fn file(&self, name: &str, text: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs one of the scripts beside this file.
    fn python(&self, script: &str, mail: &[u8]) {
        let path = self.file("mail", mail);
        let mut command = PYTHON.command();
        command.args(["-c", script, &format!("{:?}", self.door), &self.port().to_string()]);
        run(command.arg(self.site.authority()).arg(&self.user).arg(path));
    }

    /// curl, for a URL of this protocol that goes on so.
    fn curl(&self, rest: &str) -> Command {
        let (scheme, port) = (self.scheme(), self.port());
        let mut command = CURL.command();
        command.args(["--silent", "--show-error", "--max-time", "60", "--ssl-reqd", "--cacert"]);
        command.arg(self.site.authority()).args(["--user", &format!("{}:secret", self.user)]);
        command.arg(format!("{scheme}://localhost:{port}/{rest}"));
        command
    }

    fn scheme(&self) -> String {
        let name = match self.protocol {
            Protocol::Submission => "smtp",
            protocol => protocol.name(),
        };
        format!("{name}{}", if self.door == Door::Implicit { "s" } else { "" })
    }

    /// fetchmail takes everything from the mailbox and gives it to a file, which comes back. Its lines end in LF.
    fn fetchmail(&self) -> Vec<u8> {
        let delivered = self.folder.path().join("mails");
        // Without `ssl`, a version as `sslproto` makes it insist on STARTTLS.
        let tls = if self.door == Door::Implicit { "ssl" } else { "sslproto \"TLS1.2+\"" };
        let rc = self.file(
            "rc",
            format!(
                "poll localhost protocol {} port {} auth password\n  user \"{}\" password \"secret\"\n  {tls} \
                 sslcertck sslcertfile \"{}\"\n  no rewrite no mimedecode fetchall mda \"cat >>{}\"\n",
                self.protocol.name().to_uppercase(),
                self.port(),
                self.user,
                self.site.authority().display(),
                delivered.display()
            )
            .as_bytes(),
        );
        // It holds a password, so fetchmail refuses it if others can read it.
        fs::set_permissions(&rc, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut command = FETCHMAIL.command();
        command.arg("-f").arg(&rc).args(["--nodetach", "--silent", "--pidfile"]);
        command.arg(self.folder.path().join("pid"));
        command.arg("--idfile").arg(self.folder.path().join("ids"));
        command.env("HOME", self.folder.path()).env("FETCHMAILHOME", self.folder.path());
        run(&mut command);
        fs::read(delivered).unwrap()
    }
}

/// What a mail is in a file: LF at the line ends.
fn in_a_file(mail: &[u8]) -> Vec<u8> {
    mail.iter().copied().filter(|&byte| byte != b'\r').collect()
}

/// A message that swaks sends as it is: elsewhere it would take `\\n` for a line end, and what is between two `%` for a
/// word of its own.
fn message_for_swaks(size: usize, seed: u64) -> Vec<u8> {
    let special = |byte| if matches!(byte, b'\\' | b'%') { b'x' } else { byte };
    message(size, seed).into_iter().map(special).collect()
}

/// The mail stands somewhere in there.
fn expect_inside(text: &[u8], mail: &[u8], what: &str) {
    let body = mail.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let wanted = in_a_file(&mail[body..]);
    let inside = in_a_file(text).windows(wanted.len()).any(|part| part == wanted);
    assert!(inside, "{what}: the mail is not there");
}
