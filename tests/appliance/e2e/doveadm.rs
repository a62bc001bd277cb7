//! `service doveadm`: its plain protocol beside a real Dovecot's, and with Debian's `doveadm` as the client.

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use super::doveadm_line::{DoveadmLine, Reply, rows};
use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::ports::{BACKENDS, FRONT, free_port};
use super::tools::{DOVEADM, said};
use super::wait::{PATIENCE, now, wait_for};

const PASSWORD: &[u8] = b"pw";

/// Two Dovecots with doveadm on one port, which is also Hale's.
pub(crate) struct Stage {
    pub(crate) pair: Pair,
    pub(crate) port: u16,
    pub(crate) http_port: u16,
}

impl Stage {
    /// All tests of a run share it: each has users of its own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Stage> = OnceLock::new();
        SHARED.get_or_init(|| {
            let [port, http_port] = [(); 2].map(|()| free_port());
            let pair = Pair::start_with(&backend_lines(port, http_port));
            Self { pair, port, http_port }
        })
    }

    /// Hale in front of it, for these users, and where its doveadm listens: tests run beside each other.
    pub(crate) fn start(&self, users: &[&str]) -> (Hale, SocketAddr) {
        let mut setup = Setup::with_users(&self.pair, users, PASSWORD);
        let own_port = free_port();
        setup.configure(&format!(
            "doveadm_port = {}\ndoveadm_password = secret\nauth_failure_delay = 1s\nservice doveadm {{\n  \
             inet_listener tcp {{\n    listen = {FRONT}\n    port = {own_port}\n  }}\n}}",
            self.port
        ));
        (setup.start(), (FRONT, own_port).into())
    }

    pub(crate) fn backend(&self, at: usize) -> SocketAddr {
        (BACKENDS[at], self.port).into()
    }
}

pub(crate) fn backend_lines(port: u16, http_port: u16) -> String {
    format!(
        "doveadm_password = secret\ndoveadm_api_key = key\nservice doveadm {{\n  user = $default_internal_user\n  \
         inet_listener tcp {{\n    port = {port}\n  }}\n  inet_listener http {{\n    port = {http_port}\n  }}\n  \
         unix_listener doveadm-server {{\n    user =\n  }}\n}}\nmail_plugins = quota\nplugin {{\n  \
         quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:storage=1G\n}}\n"
    )
}

/// `who` without process numbers, sorted.
fn present(reply: &Reply, users: &str) -> Vec<String> {
    let mut rows: Vec<String> = rows(&reply.fields, 5)
        .into_iter()
        .filter(|row| row[0].starts_with(users))
        .map(|row| {
            assert!(row[3].starts_with('(') && row[3].ends_with(')'), "{row:?}");
            format!("{} {} {} {}", row[0], row[1], row[2], row[4])
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn w_dov_4_who_and_kick_answer_as_dovecot_does_row_for_row() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["dov-alice", "dov-bob"]);
    let mut alice = [(); 2].map(|()| hale.session("dov-alice", PASSWORD));
    let mut bob = hale.session("dov-bob", PASSWORD);
    let mut ours = DoveadmLine::log_in(own, 0);
    let mut theirs = [0, 1].map(|at| DoveadmLine::log_in(stage.backend(at), 0));
    // A moment passes until a backend counts a session.
    let listed = wait_for("all sessions at the backends", PATIENCE, || {
        let mut listed: Vec<String> =
            theirs.iter_mut().flat_map(|it| present(&it.command("\t\twho"), "dov-")).collect();
        listed.sort();
        (listed.len() >= 2 && listed[0].starts_with("dov-alice 2")).then_some(listed)
    });
    let reply = ours.command("\t\twho");
    assert_eq!((present(&reply, "dov-"), &*reply.status), (listed, "+"));
    let each = ours.command("\t\twho\t-1\tdov-alice");
    let wanted = vec![
        "dov-alice".to_owned(),
        "imap".to_owned(),
        hale.process_id().to_string(),
        "127.0.0.1".to_owned(),
    ];
    assert_eq!(rows(&each.fields, 4), [wanted.clone(), wanted]);

    let listed = ours.command("\t\tproxy list");
    let of_bob = rows(&listed.fields, 5).into_iter().find(|row| row[0] == "dov-bob").unwrap();
    let home = BACKENDS[stage.pair.home_of("dov-bob")].to_string();
    assert_eq!(of_bob[1..], ["imap", "127.0.0.1", &home, &stage.pair.port.to_string()]);

    let kicked = ours.command("\t\tkick\tdov-bob");
    assert_eq!(kicked, Reply { fields: vec!["dov-bob".to_owned()], status: "+".to_owned() });
    assert_eq!(bob.rest(), b"");
    let kicked = ours.command("\t\tproxy kick\tdov-alice\tdov-bob");
    assert_eq!(kicked, Reply { fields: vec!["2".to_owned()], status: "+".to_owned() });
    assert!(alice.iter_mut().all(|client| client.rest().is_empty()));
    let said = wait_for("both orders in the log", PATIENCE, || {
        Some(hale.said()).filter(|said| said.contains("admin: cluster kick dov-alice: 2"))
    });
    assert!(
        said.contains("admin: kick dov-bob: 1 sessions ended by doveadm from 127.0.0.1:"),
        "{said}"
    );
}

#[test]
fn w_dov_2_replies_are_framed_for_clients_that_read_frames() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["dov-frame"]);
    let _session = hale.session("dov-frame", PASSWORD);
    let process = hale.process_id();
    let row = format!("dov-frame\t1\timap\t({process})\t(127.0.0.1)\t");
    let length = u8::try_from(row.len()).unwrap();
    let packets = [&[0, 0, 0, 0, length], row.as_bytes(), b"\0\0\0\0\x03\n+\n"].concat();
    let stream = [b"\xFF\xFF\xFF\xFF\xFF\x00\x02\x03\xFE", row.as_bytes(), b"\n+\n"].concat();
    for (minor, expected) in [(1, &packets), (2, &packets), (3, &packets), (4, &stream)] {
        let mut client = DoveadmLine::log_in(own, minor);
        client.say(b"\t\twho\tdov-frame\n");
        // The next line is none, and ends the connection.
        client.say(b"\n");
        assert_eq!(client.rest(), *expected, "minor {minor}");
    }
}

#[test]
fn w_dov_5_a_wrong_password_is_refused_late_and_nonsense_closes() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["dov-guess"]);
    for password in ["AGRvdmVhZG0Ac2VjcmVU", "AGRvdmVhZG0AcQ=="] {
        let mut client = DoveadmLine::open(own);
        let began = now();
        client.say(format!("VERSION\tdoveadm-server\t1\t0\nPLAIN\t{password}\n").as_bytes());
        assert_eq!(client.rest(), b"-\n-\n");
        assert!(began.elapsed() >= Duration::from_secs(1), "auth_failure_delay");
    }
    let endless = vec![b'x'; 4096];
    let nonsense: [&[u8]; 6] = [
        b"VERSION\tdoveadm-server\t2\t0\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"VERSION\tdoveadm-server\t1\t0\nSTARTTLS\n",
        b"VERSION\tdoveadm-server\t1\t0\nPLAIN\t!!!\n",
        b"\0\0\0\n",
        &endless,
    ];
    for bytes in nonsense {
        let mut client = DoveadmLine::open(own);
        client.try_say(bytes);
        let heard = client.rest();
        assert!(!heard.contains(&b'+'), "{bytes:?}: {heard:?}");
    }
    // A line that never ends is not kept.
    let mut client = DoveadmLine::log_in(own, 0);
    while client.try_say(&[b'y'; 65_536]) {}
    client.rest();
    assert_eq!(DoveadmLine::log_in(own, 0).command("\t\twho").status, "+");
    wait_for("the guesses in the log", PATIENCE, || {
        hale.said().contains("wrong doveadm_password").then_some(())
    });
}

#[test]
fn w_dov_1_cluster_commands_reload_and_stop_are_carried_out() {
    let stage = Stage::shared();
    let (mut hale, own) = stage.start(&["dov-order"]);
    let mut client = DoveadmLine::log_in(own, 0);
    let listed = client.command("\t\tcluster backend list");
    let shown = hale.setup().succeed_with(&["-f", "tab", "cluster", "backend", "list"]);
    let theirs: Vec<String> =
        shown.lines().skip(1).flat_map(|line| line.split('\t').map(str::to_owned)).collect();
    assert_eq!(listed, Reply { fields: theirs, status: "+".to_owned() });
    let host = rows(&listed.fields, listed.fields.len() / 2)[0]
        .iter()
        .find(|it| it.ends_with(".test"))
        .unwrap()
        .clone();
    let update = format!("\t\tcluster\tbackend\tupdate\t--load-factor\t7\t{host}");
    assert_eq!(client.command(&update).status, "+");
    assert!(client.command("\t\tcluster backend list").fields.iter().any(|field| field == "7"));
    let unknown = client.command("\t\tcluster backend status\tnowhere.test");
    assert_eq!(unknown.status, "-NOTFOUND");
    assert_eq!(client.command("\t\tcluster backend\tnonsense").status, "-USAGE");
    assert_eq!(client.command("\t\treload").status, "+");
    wait_for("the reload in the log", PATIENCE, || {
        hale.said().contains("reloaded: ").then_some(())
    });
    assert_eq!(client.command("\t\tstop").status, "+");
    assert!(hale.wait(PATIENCE).success());
    let said = hale.said();
    assert!(said.contains("admin: stop, by doveadm from 127.0.0.1:"), "{said}");
    assert!(said.contains("admin: cluster backend update --load-factor=7"), "{said}");
}

/// Debian's doveadm, asking another host; its configuration does not matter.
pub(crate) fn doveadm_command() -> Command {
    let mut command = DOVEADM.command();
    command.args(["-O", "-o", "doveadm_password=secret", "-o", "stats_writer_socket_path="]);
    // It wants to know the command that it passes on.
    command.args(["-o", "mail_plugins=quota"]);
    command
}

fn doveadm(words: &[&str]) -> Output {
    doveadm_command().args(words).output().unwrap()
}

#[test]
fn w_dov_6_debians_doveadm_sees_what_the_users_backend_has() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["dov-carol"]);
    let mut carol = hale.session("dov-carol", PASSWORD);
    carol.command("c", "CREATE \"odd &AOQ- box\"");
    let home = stage.pair.home_of("dov-carol");
    let mut mail = Imap::connect((BACKENDS[home], stage.pair.port).into());
    mail.login("dov-carol", PASSWORD);
    for (number, length) in [10_usize, 200_000].into_iter().enumerate() {
        let text = format!("Subject: {number}\r\n\r\n{}\r\n", "tab\tand text ".repeat(length / 12));
        mail.send(format!("a{number} APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()).as_bytes());
        mail.expect_tagged_ok(&format!("a{number}"));
    }
    let (ours, theirs) = (own.to_string(), stage.backend(home).to_string());
    for words in [
        &["mailbox", "list", "-u", "dov-carol"][..],
        &["-f", "tab", "quota", "get", "-u", "dov-carol"],
        &["-f", "flow", "fetch", "-u", "dov-carol", "uid hdr.subject body", "mailbox", "INBOX"],
        &["-f", "tab", "mailbox", "status", "-u", "dov-carol", "messages vsize", "*"],
        &["mailbox", "list", "-u", "dov-nobody"],
    ] {
        let through = |server: &str| {
            let at = words.iter().position(|word| *word == "-u").unwrap();
            doveadm(&[&words[..at], &["-S", server], &words[at..]].concat())
        };
        let (through_hale, direct) = (through(&ours), through(&theirs));
        let told = said(&through_hale);
        assert_eq!(through_hale.status.code(), direct.status.code(), "{words:?}: {told}");
        assert_eq!(through_hale.stdout, direct.stdout, "{words:?}: {told}");
        assert_eq!(direct.stdout.is_empty(), words.contains(&"dov-nobody"), "{told}");
    }
    // By lines it is the same bytes.
    let line = "\tdov-carol\tfetch\t-u\tdov-carol\tuid body\tALL";
    let [through_hale, direct] =
        [own, stage.backend(home)].map(|server| DoveadmLine::log_in(server, 0).command(line));
    assert_eq!(through_hale, direct);
    let mut framed = DoveadmLine::log_in(own, 3);
    framed.say(b"x\tproxy-ttl=1\tdov-carol\tmailbox list\t-u\tdov-carol\n\n");
    assert_eq!(framed.rest(), b"\0\0\0\0\x0b\n-TEMPFAIL\n", "no hop is left");
}

#[test]
fn w_dov_4_what_goes_wrong_ends_as_at_a_dovecot() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["end-erin"]);
    let _session = hale.session("end-erin", PASSWORD);
    let home = stage.pair.home_of("end-erin");
    let mut ours = DoveadmLine::log_in(own, 0);
    let mut theirs = DoveadmLine::log_in(stage.backend(home), 0);
    for line in [
        "\t\tkick",
        "\t\tkick\tdov-nobody",
        "\t\tkick\tdov-nobody\t192.0.2.1",
        "\t\tkick\t192.0.2.0/24",
        "\t\tkick\tdov-nobody\t192.0.2.0/99",
        "\t\tkick\tx\ty\tz",
        "\t\twho\tdov-nobody",
        "\t\twho\tdov-nobody\r",
        "\t\twho\t192.0.2.0/24",
        "\t\twho\tx\ty",
        "\t\twho\t--nonsense",
        "\t\tpenalty\tdov-nobody",
        "\t\tproxy list\tx",
        "\t\tproxy\tlist\tx",
        "\t\treload\tx",
        "\t\tstop\tx",
        "\t\tnonsense",
        "\tend-erin\tnonsense\t-u\tend-erin",
        "v\t\twho\tdov-nobody",
        "vD\t\twho\tdov-nobody",
        "\t\t",
        "\t\t\t",
        "\t\tmailbox list",
        "\t\tmailbox list\t-A",
        "\t\tmailbox list\t-u\tend-erin",
        "\t\tfetch\tuid\tALL",
        "\tdov-nobody\tmailbox list\t-u\tdov-nobody",
        "\tdov-nobody\tquota get\t-u\tdov-nobody",
        "\tend-erin\tmailbox list\t-u\tend-erin",
        "\tend-erin\tmailbox\tlist\t-u\tend-erin",
        "\tend-erin\tmailbox list\t-u\tend-erin\r",
        "\tend-erin\tmailbox list",
        "\tend-erin\tmailbox list\t-A",
        "\tend-erin\tmailbox list\t-F\t/nonexistent",
        "\tend-erin\tmailbox list\t-u\tdov-nobody",
        "\tend-erin\tmailbox list\t-u\tend-erin\t-Q",
        "\tend-erin\tmailbox status\t-u\tend-erin\tall\tNowhere",
        "\tend-erin\tmailbox status\t-u\tend-erin\tmessages\tINBOX",
        "\tend-erin\tmailbox delete\t-u\tend-erin\tNowhere",
        "\tend-erin\tmailbox create\t-u\tend-erin\tINBOX",
        "\tend-erin\tfetch\t-u\tend-erin\tuid\tmailbox\tNowhere\tALL",
        "\tend-erin\texpunge\t-u\tend-erin\tmailbox\tNowhere\tALL",
        "\tend-erin\tquota get\t-u\tend-erin",
    ] {
        let (reply, other) = (ours.command(line), theirs.command(line));
        assert_eq!(reply, other, "{line:?}");
    }
}

#[test]
fn w_dov_6_users_of_two_backends_are_asked_for_on_one_connection() {
    let stage = Stage::shared();
    let users: Vec<String> = (0..8).map(|number| format!("end-both{number}")).collect();
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let (hale, own) = stage.start(&names);
    let mut client = DoveadmLine::log_in(own, 0);
    let mut homes = std::collections::BTreeSet::new();
    for user in &names {
        let mut session = hale.session(user, PASSWORD);
        session.command("c", &format!("CREATE {user}"));
        homes.insert(stage.pair.home_of(user));
        let listed = client.command(&format!("\t{user}\tmailbox list\t-u\t{user}"));
        let expected = vec![(*user).to_owned(), "INBOX".to_owned()];
        assert_eq!(listed, Reply { fields: expected, status: "+".to_owned() });
    }
    assert_eq!(homes.len(), 2, "both backends were asked");
    // Debian's doveadm reads a file of users here, and asks for one after the other, as at a Dovecot.
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), users.join("\n") + "\n").unwrap();
    let through = |server: SocketAddr| {
        let (server, list) = (server.to_string(), list.path().to_str().unwrap().to_owned());
        doveadm(&["mailbox", "list", "-S", &server, "-F", &list]).stdout
    };
    assert_eq!(through(own), through(stage.backend(0)));
}

#[test]
fn w_dov_2_log_lines_of_the_backend_reach_a_client_that_reads_them() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["end-fred"]);
    let _session = hale.session("end-fred", PASSWORD);
    let backend = stage.backend(stage.pair.home_of("end-fred"));
    // The second line is none, and ends the connection.
    let lines = b"D\tend-fred\tmailbox status\t-u\tend-fred\tall\tNowhere\n\n";
    for minor in [1, 2] {
        let heard = [own, backend].map(|server| {
            let mut client = DoveadmLine::log_in(server, minor);
            client.say(lines);
            let (output, logs) = channels(&client.rest());
            let about: Vec<String> =
                logs.into_iter().filter(|line| line.contains("doesn't exist: Nowhere")).collect();
            (output, about.len(), about.iter().all(|line| line.starts_with('\x04')))
        });
        assert_eq!(heard[0], (b"\n-NOTFOUND\n".to_vec(), 1, true));
        assert_eq!(heard[0], heard[1]);
    }
    let mut quiet = DoveadmLine::log_in(own, 3);
    quiet.say(lines);
    assert!(channels(&quiet.rest()).1.is_empty(), "nothing unasked");
}

/// Output and log lines in packets.
pub(crate) fn channels(mut packets: &[u8]) -> (Vec<u8>, Vec<String>) {
    let (mut output, mut logs) = (Vec::new(), Vec::new());
    while let Some((header, rest)) = packets.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let (data, rest) = rest.split_at(usize::try_from(length).unwrap());
        if header[0] == b'L' { &mut logs } else { &mut output }.extend_from_slice(data);
        packets = rest;
    }
    let logs = String::from_utf8_lossy(&logs).lines().map(str::to_owned).collect();
    (output, logs)
}
