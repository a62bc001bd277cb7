//! Verdicts of Dovecot 2.3.19 and of Hale, side by side, with one dovecot-sql.conf.ext and one PostgreSQL.

use std::fs;
use std::net::SocketAddr;

use super::databases::{Database, Kind};
use super::dovecot::Pair;
use super::faulty::{Fault, FaultyBackends, address_of};
use super::hale::{Setup, hashed};
use super::imap::{Imap, login_line};
use super::ports::free_port;
use super::speech::IMAP;

/// Name, password, and two extra columns.
type Account = (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>);

/// Name, stored password, nologin, nopassword.
const ROWS: &[Account] = &[
    ("plain", Some("{PLAIN}right"), None, None),
    ("bare", Some("right"), None, None),
    ("ssha", Some("{SSHA256}pxA1rMsi1YngwI5eBAXz9mJ6pElYrRj4E1BYBre4nW05YTcw"), None, None),
    ("unknown-scheme", Some("{ROT13}right"), None, None),
    ("no-password", None, None, None),
    ("empty", Some(""), None, None),
    ("empty-plain", Some("{PLAIN}"), None, None),
    ("away", Some("{PLAIN}right"), Some("y"), None),
    ("braces", Some("{PLAIN}{right}"), None, None),
    ("Upper", Some("{PLAIN}right"), None, None),
    ("with space", Some("{PLAIN}right"), None, None),
    ("o'brien", Some("{PLAIN}right"), None, None),
    ("back\\slash", Some("{PLAIN}right"), None, None),
    ("m\u{fc}ller", Some("{PLAIN}gr\u{fc}n"), None, None),
    ("hashed", None, None, None),
];

const PASSWORDS: [&str; 6] = ["right", "wrong", "Right", "{right}", "gr\u{fc}n", "right "];

/// Where Hale means to differ, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "empty-plain",
        "Dovecot takes an empty plain password for one that no password is; Hale says that the row is broken",
    ),
    (
        "unknown-scheme",
        "SA-16: a stored password that cannot be read is the operator's fault, and no client is told that its password is wrong",
    ),
];

#[test]
fn verdicts_are_dovecots_with_the_same_file() {
    let database = Database::start(Kind::Pgsql);
    let path = fill(&database);
    let passdb = format!("passdb sql {{\n  driver = sql\n  args = {path}\n");
    let pair = Pair::start_with(&format!(
        "auth_failure_delay = 0\nservice anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n\
         auth_username_chars =\nauth_username_format = %u\npassdb {{\n  driver = sql\n  args = {path}\n}}\n"
    ));
    let backends = FaultyBackends::start(IMAP.turns, vec![Fault::None]);
    let mut setup = Setup::new(free_port());
    let port = setup.port;
    setup.configure(&IMAP.configuration(port, backends.port));
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_username_chars =\nauth_username_format = %u\n{passdb}  override_fields = host={}\n}}",
        address_of(0)
    ));
    let hale = setup.start();
    let mut differences = Vec::new();
    let names = ROWS.iter().map(|(name, ..)| *name).chain(["nobody-there", "PLAIN", "plain "]);
    for name in names {
        for password in PASSWORDS {
            let verdicts = [pair.backends[0].address(), hale.address()]
                .map(|address| verdict(address, name, password.as_bytes()));
            let is_meant = DIFFERENCES.iter().any(|(known, _)| *known == name);
            if verdicts[0] != verdicts[1] && !is_meant {
                differences.push(format!(
                    "{name} {password:?}: Dovecot {}, Hale {}",
                    verdicts[0], verdicts[1]
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}\n{}", hale.said());
}

/// The table, and the file that both read.
fn fill(database: &Database) -> String {
    database.run("CREATE TABLE users (name text, password text, nologin text, nopassword text)");
    let hash = String::from_utf8(hashed(b"right")).unwrap();
    let quoted = |text: Option<&str>| match text {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => "NULL".to_owned(),
    };
    for (name, password, nologin, nopassword) in ROWS {
        let password = if *name == "hashed" { Some(hash.as_str()) } else { *password };
        let values = [Some(*name), password, *nologin, *nopassword].map(quoted).join(", ");
        database.run(&format!("INSERT INTO users VALUES ({values})"));
    }
    let path = database.path().join("dovecot-sql.conf.ext");
    let text = format!(
        "driver = pgsql\nconnect = {}\ndefault_pass_scheme = PLAIN\n\
         password_query = SELECT name AS user, password, nologin, nopassword FROM users WHERE name = '%u'\n",
        database.connect()
    );
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// The class of the answer: in, refused, or not now.
fn verdict(address: SocketAddr, name: &str, password: &[u8]) -> &'static str {
    let mut client = Imap::connect(address);
    client.send(&login_line("l", name, password));
    let reply = client.reply("l").pop().unwrap();
    let line = String::from_utf8_lossy(&reply).into_owned();
    match line.as_str() {
        line if line.starts_with("l OK") => "in",
        line if line.contains("[UNAVAILABLE]") => "not now",
        line if line.starts_with("l NO") => "refused",
        _ => "something else",
    }
}
