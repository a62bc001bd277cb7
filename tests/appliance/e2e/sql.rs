//! The passdb driver `sql` with real databases: logins in all protocols, and what logins hear while a database is stopped, killed, restarted,
//! changed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustix::process::Signal;

use super::databases::{Database, Kind, pooler};
use super::faulty::{Fault, FaultyBackends, address_of};
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::speech::{SPEECHES, Speech};
use super::wait::{PATIENCE, timed, wait_for};

#[test]
fn users_of_postgresql_log_in_by_every_protocol() {
    let database = Database::start(Kind::Pgsql);
    let scene = Scene::start(&database, &database.connect(), "");
    scene.everything_works();
}

#[test]
fn users_of_mariadb_log_in_by_every_protocol_and_go_by_the_databases_spelling() {
    let database = Database::start(Kind::Mysql);
    let scene = Scene::start(&database, &database.connect(), "");
    scene.everything_works();
    // The database finds `tim` for it; everything behind goes by the row's own spelling.
    let user = "t\u{131}m";
    let mut client = Imap::connect(scene.hale.address());
    assert!(client.try_login(user, b"secret"), "{user}");
    scene.expect_in_log("Login: user=<tim>");
}

#[test]
fn users_of_sqlite_log_in_by_every_protocol_and_a_replaced_file_counts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.db");
    let make = |password: &str| {
        let new = folder.path().join("new.db");
        let file = rusqlite::Connection::open(&new).unwrap();
        file.execute_batch(&rows(&format!("{{PLAIN}}{password}"))).unwrap();
        drop(file);
        std::fs::rename(&new, &path).unwrap();
    };
    make("secret");
    let connect = path.display().to_string();
    let scene = Scene::of("sqlite", &connect, "auth_cache_size = 0");
    scene.everything_works();
    make("another");
    let mut client = Imap::connect(scene.hale.address());
    assert!(!client.try_login("tim", b"secret"));
    let mut client = Imap::connect(scene.hale.address());
    assert!(client.try_login("tim", b"another"));
}

/// Unnamed statements alone: two connections of Hale's share one of the pooler's.
#[test]
fn a_pooler_and_a_changed_column_are_no_trouble() {
    let database = Database::start(Kind::Pgsql);
    let (_pooler, port) = pooler(&database);
    let connect =
        format!("host={FRONT} port={port} dbname=mail user=hale password=sesame sslmode=disable");
    let scene = Scene::start(&database, &connect, "auth_cache_size = 0");
    for _ in 0..20 {
        assert!(scene.log_in("tim"));
    }
    database.run("ALTER TABLE users ALTER COLUMN password TYPE text, ALTER COLUMN name TYPE text");
    for _ in 0..5 {
        assert!(scene.log_in("tim"));
    }
    assert_eq!(scene.hale.status("passdb sql", "failed"), "0");
}

#[test]
fn db_06_rows_of_the_wrong_shape_are_refused_for_now_and_told() {
    let database = Database::start(Kind::Pgsql);
    let scene = Scene::start(&database, &database.connect(), "auth_cache_size = 0");
    database.run(
        "INSERT INTO users VALUES ('twice', '{PLAIN}secret', NULL), ('twice', '{PLAIN}secret', NULL), ('none', NULL, NULL), \
         ('large', repeat('x', 1000000), NULL)",
    );
    for user in ["twice", "large"] {
        let mut client = Imap::connect(scene.hale.address());
        let line = scene.answer(&mut client, user);
        assert!(line.starts_with("l NO [UNAVAILABLE]"), "{user}: {line}");
    }
    // As in Dovecot: without a password, and without `nopassword`, no password is the right one.
    let mut client = Imap::connect(scene.hale.address());
    let line = scene.answer(&mut client, "none");
    assert!(line.starts_with("l NO [AUTHENTICATIONFAILED]"), "{line}");
    // Each names passdb, server and remedy, and no secret.
    let server = scene.hale.status("passdb sql", "server");
    for (what, remedy) in
        [("gives more than one row", "make the column unique"), ("a row of more than", "")]
    {
        let line = scene.expect_in_log(what);
        let is_whole = ["passdb sql", &server, remedy].iter().all(|text| line.contains(text));
        assert!(is_whole && !line.contains("secret"), "{line}");
    }
    // The column is away, and comes back.
    database.run("ALTER TABLE users RENAME COLUMN password TO secret");
    let mut client = Imap::connect(scene.hale.address());
    let line = scene.answer(&mut client, "tim");
    assert!(line.starts_with("l NO [UNAVAILABLE]"), "{line}");
    database.run("ALTER TABLE users RENAME COLUMN secret TO password");
    assert!(scene.log_in("tim"));
    // Bytes are no text.
    database.run("ALTER TABLE users ALTER COLUMN password TYPE bytea USING password::bytea");
    let mut client = Imap::connect(scene.hale.address());
    let line = scene.answer(&mut client, "tim");
    assert!(line.starts_with("l NO [UNAVAILABLE]"), "{line}");
    let line = scene.expect_in_log("`password` is a bytea, which is no text");
    assert!(line.contains("passdb sql") && line.contains("CAST("), "{line}");
}

/// What each protocol hears; what else may go wrong with databases stands in `userdb_faults`.
#[test]
fn db_05_while_a_database_is_stopped_every_protocol_hears_that_it_is_for_now() {
    let database = Database::start(Kind::Pgsql);
    let scene = Scene::start(&database, &database.connect(), "auth_cache_negative_ttl = 0");
    assert!(scene.log_in("tim"));
    database.signal(Signal::STOP);
    scene.is_alone();
    database.signal(Signal::CONT);
    wait_for("a user who was not known logs in", PATIENCE, || scene.log_in("ada").then_some(()));
}

/// Hale in all protocols; users are in a database, and backends let every user in.
struct Scene {
    hale: Hale,
    doors: Vec<Door>,
    lmtp: SocketAddr,
}

struct Door {
    speech: &'static Speech,
    address: SocketAddr,
    _backends: FaultyBackends,
}

/// A table as sites have it; the third column is an extra field.
fn rows(password: &str) -> String {
    format!(
        "CREATE TABLE users (name varchar(80) NOT NULL, password varchar(1000000), host varchar(80));\n\
         INSERT INTO users VALUES ('tim', '{password}', NULL), ('ada', '{password}', NULL);\n"
    )
}

impl Scene {
    fn start(database: &Database, connect: &str, more: &str) -> Self {
        let table = rows("{PLAIN}secret");
        match database.driver() {
            // A text of a million bytes is none of its varchar.
            "mysql" => database.run(&table.replace("varchar(1000000)", "text")),
            _ => database.run(&table),
        }
        Self::of(database.driver(), connect, more)
    }

    /// By a file of Dovecot 2.3's, as it stands.
    fn of(driver: &str, connect: &str, more: &str) -> Self {
        let mut setup = Setup::new(free_port());
        let lmtp = free_port();
        let path = setup.path().join("dovecot-sql.conf.ext");
        let text = format!(
            "# As in Dovecot 2.3.\ndriver = {driver}\nconnect = {connect}\ndefault_pass_scheme = PLAIN\n\
             password_query = \\\n  SELECT name AS user, password, '{}' AS host \\\n  FROM users WHERE name = '%u'\n",
            address_of(0)
        );
        std::fs::write(&path, text).unwrap();
        setup.set_mode("dovecot-sql.conf.ext", 0o600);
        setup.configure(&format!(
            "protocols = imap pop3 sieve submission lmtp\nauth_username_chars =\n{more}\n\
             passdb sql {{\n  driver = sql\n  args = {}\n  answer_timeout = 2s\n}}\n\
             service lmtp {{\n  inet_listener lmtp {{\n    port = {lmtp}\n  }}\n}}",
            path.display()
        ));
        let doors = SPEECHES.iter().map(|speech| {
            let backends = FaultyBackends::start(speech.turns, vec![Fault::None]);
            let port = if speech.protocol == "imap" { setup.port } else { free_port() };
            setup.configure(&speech.configuration(port, backends.port));
            Door { speech, address: (FRONT, port).into(), _backends: backends }
        });
        let doors = doors.collect();
        Self { doors, lmtp: (FRONT, lmtp).into(), hale: setup.start() }
    }

    fn everything_works(&self) {
        for door in &self.doors {
            let mut client = door.login("tim");
            door.speech.expect_logged_in(&mut client);
            let mut client = door.login("tam");
            door.speech.expect_failed(&mut client, door.speech.refused);
        }
        assert!(self.recipient("tam").starts_with("550"), "an unknown recipient");
        assert!(!self.recipient("tim").starts_with("550"), "a known recipient");
        // Whatever is in a name is a name.
        for evil in ["x' OR '1'='1", "x\\' OR 1=1 -- ", "\\\"; --", "%u", "%{user}"] {
            let mut client = Imap::connect(self.hale.address());
            assert!(!client.try_login(evil, b"secret"), "db_01: {evil}");
        }
        let mut client = Imap::connect(self.hale.address());
        assert!(!client.try_login("tim", b"wrong"));
    }

    /// What LMTP says of a recipient.
    fn recipient(&self, user: &str) -> String {
        let mut sender = Imap::open_from(Ipv4Addr::LOCALHOST, self.lmtp);
        sender.send(
            format!("LHLO mx.test\r\nMAIL FROM:<>\r\nRCPT TO:<{user}>\r\nQUIT\r\n").as_bytes(),
        );
        let lines = std::iter::from_fn(|| sender.try_line());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
        let mut replies = lines.filter(|line| !line.starts_with("220") && !line.starts_with("250"));
        replies.next().unwrap_or_default()
    }

    /// The first line with this text.
    fn expect_in_log(&self, text: &str) -> String {
        wait_for(text, PATIENCE, || {
            let log = std::fs::read_to_string(self.hale.setup().path().join("hale.log"));
            let log = log.unwrap_or_default();
            log.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    fn log_in(&self, user: &str) -> bool {
        Imap::connect(self.hale.address()).try_login(user, b"secret")
    }

    fn answer(&self, client: &mut Imap, user: &str) -> String {
        client.send(format!("l LOGIN {user} secret\r\n").as_bytes());
        loop {
            let line = String::from_utf8_lossy(&client.line()).into_owned();
            if line.starts_with("l ") {
                return line;
            }
        }
    }

    /// The database gives no answer.
    fn is_alone(&self) {
        // The first ones find out.
        wait_for("unknown users are refused at once", PATIENCE, || {
            let (took, line) = timed(|| {
                let mut client = Imap::connect(self.hale.address());
                self.answer(&mut client, "eve")
            });
            assert!(line.starts_with("l NO [UNAVAILABLE]"), "{line}");
            let state = self.hale.status("passdb sql", "state");
            assert!(took < DEADLINE, "{took:?}");
            state.starts_with("does not answer").then_some(())
        });
        assert!(self.log_in("tim"), "a known user");
        for door in &self.doors {
            let mut client = door.login("eve");
            door.speech.expect_unavailable(&mut client);
            let mut client = door.login("tim");
            door.speech.expect_logged_in(&mut client);
        }
        assert!(self.recipient("eve").starts_with("451"), "mail for an unknown user");
        // It may have been changed, and no database says so.
        let mut client = Imap::connect(self.hale.address());
        client.send(b"l LOGIN tim wrong\r\n");
        let line = String::from_utf8_lossy(&client.reply("l").pop().unwrap()).into_owned();
        assert!(line.starts_with("l NO [UNAVAILABLE]"), "{line}");
    }
}

impl Door {
    fn login(&self, user: &str) -> Imap {
        let mut client = Imap::open_from(Ipv4Addr::LOCALHOST, self.address);
        client.call(self.speech.protocol);
        self.speech.greeted(&mut client);
        self.speech.send_login(&mut client, user);
        client
    }
}

/// `answer_timeout`, and what a busy machine takes.
const DEADLINE: Duration = Duration::from_secs(12);
