//! LMTP: swaks and Python's smtplib. There are no passwords to protect, so this works in clear too.

use std::path::Path;
use std::thread;

use hale::names::Protocol;

use super::super::site::{Door, NAME, Site};
use super::super::tools::{PYTHON, SWAKS, run};
use super::{expect_inside, message_for_swaks};

/// How each of them comes in; without a door, in clear.
const WAYS: &[Option<Door>] = &[None, Some(Door::Starttls), Some(Door::Implicit)];

type Client = fn(&Site, Option<Door>, &str, &Path);

#[test]
fn w_lmtp_clients_deliver() {
    let clients: [(&str, Client); 2] = [("swaks", swaks), ("smtplib", smtplib)];
    let works: Vec<(String, Client, Option<Door>)> = clients
        .iter()
        .flat_map(|(name, client)| WAYS.iter().map(move |way| (user_of(name, *way), *client, *way)))
        .collect();
    let users: Vec<&str> = works.iter().map(|(user, ..)| user.as_str()).collect();
    let site = Site::start(&users, "login_trusted_networks =");
    let folder = tempfile::tempdir().unwrap();
    let mail = message_for_swaks(100_000, 331);
    let path = folder.path().join("mail");
    std::fs::write(&path, &mail).unwrap();
    thread::scope(|scope| {
        for (user, client, way) in &works {
            let (site, path) = (&site, &path);
            scope.spawn(move || client(site, *way, user, path));
        }
    });
    for user in users {
        let mut client = site.imap(user);
        client.command("s", "SELECT INBOX");
        expect_inside(&client.fetch("f", 1), &mail, user);
    }
}

fn user_of(client: &str, way: Option<Door>) -> String {
    format!("{client}-{}", name_of(way)).to_lowercase()
}

fn name_of(way: Option<Door>) -> String {
    way.map_or_else(|| "Clear".to_owned(), |door| format!("{door:?}"))
}

fn port(site: &Site, way: Option<Door>) -> u16 {
    site.port(Protocol::Lmtp, way.unwrap_or(Door::Starttls))
}

fn swaks(site: &Site, way: Option<Door>, user: &str, mail: &Path) {
    let mut command = SWAKS.command();
    command.args(["--protocol", "LMTP", "--server", NAME, "--port", &port(site, way).to_string()]);
    match way {
        None => {}
        Some(Door::Starttls) => drop(command.arg("--tls")),
        Some(Door::Implicit) => drop(command.arg("--tls-on-connect")),
    }
    if way.is_some() {
        command.args(["--tls-verify", "--tls-ca-path"]).arg(site.authority());
    }
    command.args(["--ehlo", "client.test", "--to", user, "--timeout", "60"]);
    command.args(["--from", "sender@example.org", "--data"]);
    run(command.arg(format!("@{}", mail.display())));
}

fn smtplib(site: &Site, way: Option<Door>, user: &str, mail: &Path) {
    let door = name_of(way);
    let mut command = PYTHON.command();
    command.args(["-c", include_str!("lmtplib.py"), &door, &port(site, way).to_string()]);
    run(command.arg(site.authority()).arg(user).arg(mail));
}
