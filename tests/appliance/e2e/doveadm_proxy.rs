//! doveadm beside and behind a Dovecot that is a proxy itself.

use std::net::{Ipv4Addr, SocketAddr};

use super::doveadm::{Stage, backend_lines, channels, doveadm_command};
use super::doveadm_http::{Heard, post, start as start_with_http};
use super::doveadm_line::{DoveadmLine, Reply, rows};
use super::dovecot::Dovecot;
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{BACKENDS, FRONT, free_port};
use super::tools::{DOVEADM, said};
use super::wait::{PATIENCE, wait_for};

const PASSWORD: &[u8] = b"pw";
const OTHER_FRONT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);

/// A Dovecot that passes all users on to the first backend: its IMAP, its doveadm and doveadm by HTTP.
fn proxy(stage: &Stage) -> (Dovecot, SocketAddr, SocketAddr) {
    let [port, http_port] = [(); 2].map(|()| free_port());
    let more = format!(
        "{}passdb {{\n  driver = static\n  args = proxy=y host={} port={} nopassword=y\n}}\nservice ipc {{\n  \
         chroot =\n}}\n",
        backend_lines(port, http_port),
        BACKENDS[0],
        stage.pair.port,
    );
    let ports = [(); 4].map(|()| free_port());
    let dovecot = Dovecot::alone(OTHER_FRONT, ports, &more);
    (dovecot, (OTHER_FRONT, port).into(), (OTHER_FRONT, http_port).into())
}

fn log_in(to: SocketAddr, user: &str) -> Imap {
    let mut client = Imap::connect(to);
    client.login(user, PASSWORD);
    client
}

fn listed(reply: &Reply) -> Vec<Vec<String>> {
    assert_eq!(reply.status, "+");
    let mut rows = rows(&reply.fields, 5);
    rows.sort();
    rows
}

#[test]
fn w_dov_4_proxy_list_and_proxy_kick_answer_as_a_dovecot_proxy_does() {
    let stage = Stage::shared();
    let users = ["prox-gus", "prox-hal"];
    let mut setup = Setup::with_users(&stage.pair, &users, PASSWORD);
    setup.put_backends_at(BACKENDS[0]);
    let [port, http_port] = [(); 2].map(|()| free_port());
    setup.configure(&format!(
        "doveadm_port = {}\ndoveadm_password = secret\ndoveadm_api_key = key\nservice doveadm {{\n  \
         inet_listener tcp {{\n    listen = {FRONT}\n    port = {port}\n  }}\n  inet_listener http {{\n    \
         listen = {FRONT}\n    port = {http_port}\n  }}\n}}",
        stage.port
    ));
    let hale = setup.start();
    let (dovecot, their_port, their_http) = proxy(stage);
    let mail = [hale.address(), dovecot.address()];
    let mut clients = mail.map(|to| [users[0], users[1], users[0]].map(|user| log_in(to, user)));
    let fronts: [SocketAddr; 2] = [(FRONT, port).into(), their_port];
    let shown = fronts.map(|to| {
        wait_for("three sessions", PATIENCE, || {
            let rows = listed(&DoveadmLine::log_in(to, 0).command("\t\tproxy list"));
            (rows.len() == 3).then_some(rows)
        })
    });
    assert_eq!(shown[0], shown[1]);
    let dest = BACKENDS[0].to_string();
    let imap = stage.pair.port.to_string();
    assert_eq!(shown[0][0], ["prox-gus", "imap", "127.0.0.1", &dest, &imap]);
    let framed = fronts.map(|to| {
        let mut client = DoveadmLine::log_in(to, 2);
        // The second line is none, and ends the connection.
        client.say(b"\t\tproxy list\n\n");
        channels(&client.rest()).0
    });
    assert_eq!(framed[0], framed[1]);

    // A second command on a connection Dovecot answers before it has its rows.
    let both = |line: &str| fronts.map(|to| DoveadmLine::log_in(to, 0).command(line));
    for (line, count) in [
        ("\t\tproxy kick\tprox-nobody", "0"),
        ("\t\tproxy kick\t*", "0"),
        ("\t\tproxy kick\tprox-nobody\tprox-hal", "1"),
        ("\t\tproxy kick\tprox-gus\tprox-hal", "2"),
    ] {
        let replies = both(line);
        assert_eq!((&*replies[0].fields[0], &replies[0]), (count, &replies[1]), "{line:?}");
    }
    assert!(clients.iter_mut().flatten().all(|client| client.rest().is_empty()));
    let none = both("\t\tproxy list");
    assert_eq!((none[0].fields.len(), &none[0]), (0, &none[1]));

    let _one = mail.map(|to| log_in(to, users[1]));
    let https: [SocketAddr; 2] = [(FRONT, http_port).into(), their_http];
    for body in [
        r#"[["proxyList",{},"t"]]"#,
        r#"[["proxyKick",{"user":["prox-nobody"]},"t"]]"#,
        r#"[["proxyKick",{"user":"prox-hal"},"t"]]"#,
        r#"[["proxyList",{},"t"]]"#,
    ] {
        let [ours, theirs] = https.map(|to| post(to, body));
        assert_eq!(ours, theirs, "{body}");
    }
}

#[test]
fn w_dov_6_a_dovecot_in_front_passes_doveadm_on_to_hale() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["prox-dave"]);
    let mut session = hale.session("prox-dave", PASSWORD);
    session.command("c", "CREATE Made");
    session.send(b"a APPEND INBOX {16+}\r\nSubject: x\r\n\r\nhi\r\n");
    session.expect_tagged_ok("a");
    let [port, http_port] = [(); 2].map(|()| free_port());
    let more = format!(
        "{}passdb {{\n  driver = static\n  args = proxy=y host={FRONT} nopassword=y\n}}\ndoveadm_port = {}\n",
        backend_lines(port, http_port),
        own.port()
    );
    let front = Dovecot::alone(OTHER_FRONT, [(); 4].map(|()| free_port()), &more);
    let backend = stage.backend(stage.pair.home_of("prox-dave")).to_string();
    let through = (OTHER_FRONT, port);
    for (words, rest) in [
        (&["mailbox", "list"][..], &[][..]),
        (&["-f", "tab", "quota", "get"], &[]),
        (&["-f", "flow", "fetch"], &["uid hdr.subject text", "mailbox", "INBOX"]),
        (&["-f", "tab", "mailbox", "status"], &["messages vsize", "*"]),
        (&["mailbox", "status"], &["messages", "Nowhere"]),
    ] {
        let mut command = DOVEADM.command();
        command
            .arg("-c")
            .arg(front.configuration())
            .args(words)
            .args(["-u", "prox-dave"])
            .args(rest);
        let proxied = command.output().unwrap();
        let ask = |server: &str| {
            let mut command = doveadm_command();
            command.args(words).args(["-S", server, "-u", "prox-dave"]).args(rest);
            command.output().unwrap()
        };
        let direct = ask(&backend);
        for other in [proxied, ask(&format!("{}:{}", through.0, through.1)), ask(&own.to_string())]
        {
            let told = format!("{words:?}: {}\n{}", said(&other), hale.said());
            assert_eq!(other.status.code(), direct.status.code(), "{told}");
            assert_eq!(other.stdout, direct.stdout, "{told}");
        }
        assert_eq!(direct.stdout.is_empty(), rest.contains(&"Nowhere"), "{}", said(&direct));
    }
}

#[test]
fn w_dov_7_users_commands_by_http_are_answered_byte_for_byte_as_by_the_backend() {
    let stage = Stage::shared();
    let (hale, ours) = start_with_http(stage, &["prox-ida"]);
    let _session = hale.session("prox-ida", PASSWORD);
    let home = stage.pair.home_of("prox-ida");
    let theirs: SocketAddr = (BACKENDS[home], stage.http_port).into();
    // What the first of both does, the second one finds.
    let acts = [
        r#"["save",{"user":"prox-ida","file":"Subject: x\n\n.\n..y\nend"}"#,
        r#"["mailboxCreate",{"user":"prox-ida","mailbox":["A","B"]}"#,
        r#"["mailboxRename",{"user":"prox-ida","mailbox":"B","newName":"C"}"#,
        r#"["mailboxSubscribe",{"user":"prox-ida","mailbox":["A"]}"#,
        r#"["copy",{"user":"prox-ida","destinationMailbox":"A","query":["mailbox","INBOX","all"]}"#,
        r#"["flagsAdd",{"user":"prox-ida","flag":["\\Flagged"],"query":["mailbox","A","all"]}"#,
        r#"["altmove",{"user":"prox-ida","query":["all"]}"#,
        r#"["deduplicate",{"user":"prox-ida","query":["all"]}"#,
        r#"["index",{"user":"prox-ida","mailboxMask":"*","maxRecent":"5"}"#,
        r#"["quotaRecalc",{"user":"prox-ida"}"#,
        r#"["purge",{"user":"prox-ida"}"#,
    ];
    for act in acts {
        let heard = post(ours, &format!("[{act},\"t\"]]"));
        assert_eq!(heard.body, r#"[["doveadmResponse",[],"t"]]"#, "{act}: {}", hale.said());
    }
    for ask in [
        r#"["fetch",{"user":"prox-ida","field":["uid","flags","text"],"query":["all"]}"#,
        r#"["mailboxList",{"user":"prox-ida"}"#,
        r#"["mailboxList",{"user":"prox-ida","subscriptions":true}"#,
        r#"["mailboxStatus",{"user":"prox-ida","field":["messages","vsize"],"mailboxMask":["*"]}"#,
        r#"["mailboxStatus",{"user":"prox-ida","field":["messages"],"mailboxMask":["*"],"totalSum":true}"#,
        r#"["mailboxStatus",{"user":"prox-ida","field":["all"],"mailboxMask":["INBOX"]}"#,
        r#"["mailboxStatus",{"user":"prox-ida","field":["all"],"mailboxMask":["Nowhere"]}"#,
        r#"["mailboxPath",{"user":"prox-ida","mailbox":["INBOX"]}"#,
        r#"["search",{"user":"prox-ida","query":["mailbox","A"]}"#,
        r#"["quotaGet",{"user":"prox-ida"}"#,
        r#"["mailboxDelete",{"user":"prox-ida","mailbox":["Nowhere"]}"#,
        r#"["mailboxDelete",{"user":"prox-ida","mailbox":["A"],"requireEmpty":true}"#,
        r#"["save",{"user":"prox-ida","mailbox":"Nowhere","file":"x"}"#,
        r#"["save",{"user":"prox-nobody","file":"x"}"#,
        r#"["move",{"user":"prox-ida","destinationMailbox":"Nowhere","query":["mailbox","INBOX","all"]}"#,
        r#"["sieveList",{"user":"prox-ida"}"#,
    ] {
        let body = format!("[{ask},\"t\"]]");
        let [own, other]: [Heard; 2] = [ours, theirs].map(|to| post(to, &body));
        assert_eq!(own, other, "{ask}");
    }
}
