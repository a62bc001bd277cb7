//! Commands that have input: a message of some MB, through Hale and beside Dovecot.

use std::io::{Seek as _, Write as _};
use std::net::SocketAddr;
use std::process::Output;

use super::certificate::Pem;
use super::doveadm::{Stage, doveadm_command};
use super::doveadm_hops::in_front_of;
use super::doveadm_line::DoveadmLine;
use super::hale::Setup;
use super::kernel::descriptors;
use super::ports::{BACKENDS, FRONT, free_port};
use super::tools::said;
use super::wait::{PATIENCE, wait_for};

const PASSWORD: &[u8] = b"pw";

/// Debian's doveadm saves a message.
fn save(to: SocketAddr, user: &str, mailbox: &str, text: &[u8]) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    file.rewind().unwrap();
    let mut command = doveadm_command();
    command.args(["save", "-S", &to.to_string(), "-u", user, "-m", mailbox]);
    command.stdin(file).output().unwrap()
}

/// Lines that begin with dots among others.
fn message(subject: &str, bytes: usize) -> Vec<u8> {
    let lines = format!("{}\n.\n{}\n..x\n", "tab\tand text, ".repeat(6), "and then ".repeat(9));
    format!("Subject: {subject}\n\n{}end", lines.repeat(bytes / lines.len())).into_bytes()
}

/// What the user's INBOX holds, at the backend itself.
fn kept(backend: SocketAddr, user: &str) -> Vec<String> {
    let line = format!("\t{user}\tfetch\t-u\t{user}\ttext\tmailbox\tINBOX\tALL");
    let reply = DoveadmLine::log_in(backend, 0).command(&line);
    assert_eq!(reply.status, "+");
    reply.fields
}

#[test]
fn w_dov_8_a_message_of_some_mb_is_saved_as_directly() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["save-ann"]);
    let _session = hale.session("save-ann", PASSWORD);
    let backend = stage.backend(stage.pair.home_of("save-ann"));
    for (subject, bytes) in [("small", 0), ("large", 3 << 20)] {
        let text = message(subject, bytes);
        for to in [backend, own] {
            let saved = save(to, "save-ann", "INBOX", &text);
            assert!(saved.status.success(), "{subject}: {}\n{}", said(&saved), hale.said());
        }
    }
    let kept = kept(backend, "save-ann");
    assert_eq!(kept.len(), 4);
    assert!(kept[0] == kept[1] && kept[2] == kept[3], "both ways end in the same message");
    assert!(kept[3].len() > 3_000_000 && kept[3].ends_with("end"), "{}", kept[3].len());

    // What goes wrong ends alike, however large the message is.
    for (user, mailbox, code) in [("save-ann", "Nowhere", 68), ("save-nobody", "INBOX", 67)] {
        for bytes in [0, 3 << 20] {
            let text = message("lost", bytes);
            for to in [backend, own] {
                let failed = save(to, user, mailbox, &text);
                assert_eq!(failed.status.code(), Some(code), "{user}: {}", said(&failed));
            }
        }
    }
}

#[test]
fn w_dov_8_a_connection_goes_on_behind_an_input_whatever_became_of_it() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["save-bea"]);
    let _session = hale.session("save-bea", PASSWORD);
    let backend = stage.backend(stage.pair.home_of("save-bea"));
    let mut client = DoveadmLine::log_in(own, 0);
    let save = |user: &str, mailbox: &str| format!("\t{user}\tsave\t-u\t{user}\t-m\t{mailbox}\n");
    let list = "\tsave-bea\tmailbox list\t-u\tsave-bea\n";
    // All of it in one piece, so that each command's input has the next command behind it.
    let text = "Subject: x\r\n\r\n\t\tkick\tsave-bea\r\n..\r\n.\r\n";
    let said: String = [
        save("save-bea", "INBOX"),
        save("save-nobody", "INBOX"),
        save("save-bea", "Nowhere"),
        save("", "INBOX"),
    ]
    .map(|line| line + text)
    .concat();
    client.say((said + list).as_bytes());
    let replies: Vec<(String, String)> = (0..5).map(|_| (client.line(), client.line())).collect();
    let status = |status: &str| (String::new(), status.to_owned());
    assert_eq!(
        replies[..4],
        [status("+"), status("-NOUSER"), status("-NOTFOUND"), status("-NOUSER")]
    );
    assert_eq!(replies[4], ("INBOX\t".to_owned(), "+".to_owned()));
    // An input that comes byte by byte, and one that ends with its client.
    client.say(save("save-bea", "INBOX").as_bytes());
    for byte in text.as_bytes() {
        client.say(&[*byte]);
    }
    assert_eq!((client.line(), client.line()), status("+"));
    client.say(save("save-bea", "INBOX").as_bytes());
    client.say(b"Subject: half");
    drop(client);
    assert_eq!(kept(backend, "save-bea").len(), 2);
    assert_eq!(DoveadmLine::log_in(own, 0).command("\t\twho\tsave-bea").status, "+");
}

#[test]
fn w_dov_8_a_message_goes_through_every_kind_of_tls() {
    let stage = Stage::shared();
    let mut near = Setup::with_users(&stage.pair, &["save-cat"], PASSWORD);
    near.secure(&Pem::new(&["near.test"]));
    let [near_port, tls_port] = [(); 2].map(|()| free_port());
    near.configure(&format!(
        "doveadm_port = {}\ndoveadm_password = secret\nservice doveadm {{\n  inet_listener tcp {{\n    \
         port = {near_port}\n  }}\n  inet_listener tls {{\n    port = {tls_port}\n    ssl = yes\n  }}\n}}",
        stage.port
    ));
    let near = near.start();
    let _session = near.session("save-cat", PASSWORD);
    let text = message("sealed", 3 << 20);
    let ways = [("no", near_port), ("starttls", near_port), ("ssl", tls_port)];
    for (way, to) in ways {
        let port = free_port();
        let more = format!("doveadm_ssl = {way}\nssl_client_require_valid_cert = no\n");
        let far = in_front_of(stage, "save-cat", port, to, &more);
        let saved = save((FRONT, port).into(), "save-cat", "INBOX", &text);
        assert!(saved.status.success(), "{way}: {}\n{}", said(&saved), far.said());
    }
    let backend = (BACKENDS[stage.pair.home_of("save-cat")], stage.port).into();
    let kept = kept(backend, "save-cat");
    assert!(kept.len() == ways.len() && kept.iter().all(|text| text.len() > 3_000_000));
}

#[test]
fn w_dov_8_a_client_that_dies_in_the_middle_leaves_nothing_behind() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["save-dot"]);
    let _session = hale.session("save-dot", PASSWORD);
    let backend = stage.backend(stage.pair.home_of("save-dot"));
    let before = descriptors(hale.process_id());
    for _ in 0..20 {
        let mut client = DoveadmLine::log_in(own, 3);
        client.say(b"\tsave-dot\tsave\t-u\tsave-dot\nSubject: half\r\n");
        client.try_say(&[b'x'; 100_000]);
    }
    wait_for("the connections are closed", PATIENCE, || {
        (descriptors(hale.process_id()) <= before).then_some(())
    });
    assert_eq!(kept(backend, "save-dot"), Vec::<String>::new());
}
