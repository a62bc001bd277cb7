//! What is no request and no command: doveadm's listeners beside a real Dovecot's, byte for byte where that makes sense.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::doveadm::Stage;
use super::doveadm_http::start;
use super::doveadm_line::DoveadmLine;
use super::ports::BACKENDS;
use super::wait::{PATIENCE, now, wait_for};

const KEY: &str = "Authorization: X-Dovecot-API a2V5\r\n";
const WHO: &str = r#"[["who",{"mask":["loose-nobody"]},"t"]]"#;

/// The first line and the body of an answer, or what came instead.
fn heard(to: SocketAddr, bytes: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may have an answer before it has read all of it.
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let mut piece = [0; 16_384];
    loop {
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let is_whole = |length: &str| body.len() >= length.parse().unwrap();
            if length.is_none_or(is_whole) || bytes.starts_with(b"HEAD ") {
                let status = text.lines().next().unwrap();
                let (_, status) = status.split_once(' ').unwrap();
                return (status.to_owned(), body.to_owned());
            }
        }
        let count = stream.read(&mut piece).unwrap_or(0);
        if count == 0 {
            return ("closed".to_owned(), String::from_utf8_lossy(&all).into_owned());
        }
        all.extend_from_slice(&piece[..count]);
    }
}

/// `POST` with these lines of the head, and a body.
fn post(lines: &str, body: &str) -> Vec<u8> {
    format!("POST /doveadm/v1 HTTP/1.1\r\nHost: x\r\n{lines}\r\n{body}").into_bytes()
}

/// The same with its length.
fn sized(lines: &str, body: &str) -> Vec<u8> {
    post(&format!("{lines}Content-Length: {}\r\n", body.len()), body)
}

fn chunked(pieces: &[&str]) -> Vec<u8> {
    let body: String =
        pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len())).collect();
    post(&format!("{KEY}Transfer-Encoding: chunked\r\n"), &(body + "0\r\n\r\n"))
}

fn request(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: x\r\n{KEY}\r\n").into_bytes()
}

#[test]
fn w_dov_7_odd_requests_are_answered_as_dovecot_answers_them() {
    let stage = Stage::shared();
    let (_hale, ours) = start(stage, &["loose-ann"]);
    let theirs: SocketAddr = (BACKENDS[0], stage.http_port).into();
    let authorized = |value: &str| sized(&format!("Authorization: {value}\r\n"), WHO);
    let twice = [sized(KEY, WHO), sized(KEY, WHO)].concat();
    let requests = [
        sized(KEY, WHO),
        sized(&format!("{KEY}Content-Type: text/plain\r\n"), WHO),
        sized(&format!("{KEY}Content-Type: application/x-www-form-urlencoded\r\n"), WHO),
        chunked(&[WHO]),
        chunked(&[&WHO[..5], &WHO[5..]]),
        // The second one is not answered: the connection ends behind the first.
        twice,
        [b"\r\n", &*sized(KEY, WHO)].concat(),
        String::from_utf8(sized(KEY, WHO)).unwrap().replace("\r\n", "\n").into_bytes(),
        String::from_utf8(sized(KEY, WHO)).unwrap().replace("HTTP/1.1", "HTTP/1.0").into_bytes(),
        String::from_utf8(sized(KEY, WHO)).unwrap().replace("Host: x\r\n", "").into_bytes(),
        sized(&format!("{KEY}Host: y\r\n"), WHO),
        sized(&format!("{KEY}Expect: nonsense\r\n"), WHO),
        post(&format!("{KEY}Transfer-Encoding: gzip, chunked\r\n"), "0\r\n\r\n"),
        post(&format!("{KEY}Content-Length: 10000000000\r\n"), WHO),
        request("PUT /doveadm/v1 HTTP/1.1"),
        request("HEAD /doveadm/v1 HTTP/1.1"),
        request("DELETE / HTTP/1.1"),
        request("NONSENSE /doveadm/v1 HTTP/1.1"),
        request("OPTIONS * HTTP/1.1"),
        request("GET /doveadm/v1/ HTTP/1.1"),
        request("GET //doveadm/v1 HTTP/1.1"),
        request("GET /doveadm/v2 HTTP/1.1"),
        request("POST / HTTP/1.1"),
        sized("", WHO),
        sized(&KEY.repeat(2), WHO),
        sized(&format!("Authorization: X-Dovecot-API a2V6\r\n{KEY}"), WHO),
        authorized("x-dovecot-api a2V5"),
        authorized("X-Dovecot-API   a2V5"),
        authorized("X-Dovecot-API\ta2V5"),
        authorized("X-Dovecot-API a2V5 x"),
        authorized("X-Dovecot-API"),
        authorized(""),
        authorized("X-Dovecot-API key"),
        authorized("Bearer a2V5"),
        authorized("Basic ZG92ZWFkbTpzZWNyZXQ="),
        authorized("basic ZG92ZWFkbTpzZWNyZXQ="),
        authorized("Basic ZG92ZWFkbTpzZWNyZXQ"),
        authorized("Basic cm9vdDpzZWNyZXQ="),
        authorized("Basic c2VjcmV0"),
        authorized("Basic ZG92ZWFkbTprZXk="),
    ];
    for bytes in &requests {
        let [own, other] = [ours, theirs].map(|to| heard(to, bytes));
        assert_eq!(own, other, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn w_dov_7_what_is_broken_gets_one_answer_of_the_same_kind() {
    let stage = Stage::shared();
    let (hale, ours) = start(stage, &["loose-bob"]);
    let theirs: SocketAddr = (BACKENDS[0], stage.http_port).into();
    let long = format!("{KEY}X: {}\r\n", "x".repeat(70_000));
    let many: String = (0..300).map(|number| format!("X{number}: y\r\n")).collect();
    let length = |value: &str| post(&format!("{KEY}Content-Length: {value}\r\n"), WHO);
    for (bytes, own, other) in [
        (b"GET /\r\n\r\n".to_vec(), "400 Bad Request", "400 Bad Request"),
        (vec![0x16; 300], "400 Bad Request", "400 Bad Request"),
        (length("x"), "400 Bad Request", "400 Bad Request"),
        (length("-1"), "400 Bad Request", "400 Bad Request"),
        (length("99999999999999999999"), "400 Bad Request", "400 Bad Request"),
        (
            length(&format!("{}\r\nContent-Length: 1", WHO.len())),
            "400 Bad Request",
            "400 Bad Request",
        ),
        (sized(&format!("{KEY}nonsense\r\n"), WHO), "400 Bad Request", "400 Bad Request"),
        (sized(&format!("{KEY}X: a\0b\r\n"), WHO), "400 Bad Request", "400 Bad Request"),
        (
            post(&format!("{KEY}Transfer-Encoding: chunked\r\n"), "zz\r\nabc\r\n0\r\n\r\n"),
            "400 Bad Request",
            "400 Client disconnected",
        ),
        // A head that is too large says so.
        (sized(&long, WHO), "431 Request Header Fields Too Large", "400 Bad Request"),
        (
            sized(&(KEY.to_owned() + &many), WHO),
            "431 Request Header Fields Too Large",
            "400 Bad Request",
        ),
        (request("GET / HTTP/2.0"), "400 Bad Request", "505 HTTP Version Not Supported"),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        assert_eq!(heard(ours, &bytes).0, own, "{shown}");
        assert_eq!(heard(theirs, &bytes).0, other, "{shown}");
    }
    // A length that its body has not, a body without end, and one that is far too large.
    assert_eq!(heard(ours, &length("5")).0, "400 Bad Request");
    let large = format!("[\"{}\"]", "x".repeat(1 << 20));
    for bytes in [sized(KEY, &large), chunked(&[&large[..50_000]; 40])] {
        assert_eq!(heard(ours, &bytes).0, "413 Payload Too Large");
    }
    assert_eq!(heard(ours, &sized(KEY, WHO)).0, "200 OK");
    drop(hale);
}

#[test]
fn w_dov_7_json_that_is_none_is_told_as_dovecot_tells_it() {
    let stage = Stage::shared();
    let (_hale, ours) = start(stage, &["loose-cat"]);
    let theirs: SocketAddr = (BACKENDS[0], stage.http_port).into();
    for body in [
        "null",
        "1",
        "{}",
        "\"a\"",
        "[]",
        "[[]]",
        "[1]",
        r#"[["who"]]"#,
        r#"[["who",{}]]"#,
        r#"[["who",{},1]]"#,
        r#"[["who",{},"t",1]]"#,
        r#"[["who",[],"t"]]"#,
        r#"[["who",null,"t"]]"#,
        r#"["who",{},"t"]"#,
        r#"[["who",{"mask":"loose-nobody"},"t"]]"#,
        r#"[["who",{"mask":1},"t"]]"#,
        r#"[["who",{"mask":null},"t"]]"#,
        r#"[["who",{"mask":{}},"t"]]"#,
        r#"[["who",{"separateConnections":true,"mask":["loose-nobody"]},"t"]]"#,
        r#"[["who",{"separateConnections":"true","mask":["loose-nobody"]},"t"]]"#,
        r#" [ [ "who" , {"mask" : ["loose-nobody"] } , "t" ] ] "#,
        r#"[["who",{"mask":["loose-nobody"]},"t"],["who",{"mask":["loose-nobody"]},"u"]]"#,
        r#"[["who",{"mask":["loose-nobody"]},"t"],["kick",{},"u"]]"#,
        r#"[["who",{"x":1},"t"]]"#,
        r#"[["Who",{},"t"]]"#,
        r#"[["kick",{"mask":["loose-nobody","192.0.2.1"]},"t"]]"#,
        r#"[["kick",{"mask":["loose-nobody"],"force":true},"t"]]"#,
        r#"[["penalty",{"netmask":"x"},"t"]]"#,
        r#"[["reload",{"x":1},"t"]]"#,
        r#"[["mailboxList",{"user":1},"t"]]"#,
        r#"[["nonsense",{},"ä\n\""]]"#,
    ] {
        let [own, other] = [ours, theirs].map(|to| heard(to, &sized(KEY, body)));
        assert_eq!(own, other, "{body}");
    }
    // Where Dovecot says which mistake it is, or sees none, Hale has words of its own.
    for body in [
        "",
        "x",
        "[",
        r#"[["who",{"mask":["q"]},"t"]] x"#,
        r#"[["who",{"mask":["q"]},"t"],]"#,
        r#"[["who",{"mask":["\ud800"]},"t"]]"#,
        r#"[["who",{"mask":[1]},"t"]]"#,
        r#"[["who",{"mask":[["q"]]},"t"]]"#,
    ] {
        let [own, other] = [ours, theirs].map(|to| heard(to, &sized(KEY, body)));
        assert_eq!(own.0, other.0, "{body}");
        let kind = |text: &str| {
            text.starts_with("JSON parse error") || text.starts_with("Command parameter array")
        };
        assert!(kind(&own.1) && kind(&other.1), "{body}: {own:?} {other:?}");
    }
}

#[test]
fn w_dov_1_lines_that_are_none_end_as_at_a_dovecot() {
    let stage = Stage::shared();
    let (_hale, own) = stage.start(&["loose-dot"]);
    let version = "VERSION\tdoveadm-server\t1\t0\n";
    let login = "PLAIN\tAGRvdmVhZG0Ac2VjcmV0\n";
    let talk = |to: SocketAddr, bytes: &[u8]| {
        let mut client = DoveadmLine::open(to);
        client.try_say(bytes);
        client.rest()
    };
    for line in [
        "VERSION\tdoveadm-server\t1\t99999999999\n",
        "VERSION\tdoveadm-server\t1\t-1\n",
        "VERSION\tdoveadm-server\t1\tx\n",
        "VERSION\tdoveadm-server\t1\n",
        "VERSION\tdoveadm-server\t1\t0\tx\n",
        "VERSION\tdoveadm-server\t2\t0\n",
        "VERSION\tdoveadm-client\t1\t0\n",
        login,
        "GET / HTTP/1.0\r\n\r\n",
        &format!("{version}{}\tx\n", login.trim_end()),
        &format!("{version}{}", login.to_lowercase()),
        &format!("{version}PLAIN\tZG92ZWFkbQBkb3ZlYWRtAHNlY3JldA==\n"),
        &format!("{version}PLAIN\tAGRvdmVhZG0Ac2VjcmV0AA\n"),
        &format!("{version}PLAIN\n"),
        &format!("{version}\n"),
        &format!("{version}{login}{login}"),
        &format!("{version}{login}\n"),
        &format!("{version}{login}\t\n"),
        &format!("{version}{login}z\t\twho\tq\n"),
        &format!("{version}{login}x\tproxy-ttl=1\t\twho\tq\n"),
        &format!("{}{login}\t\twho\tloose-nobody\r\n\r\n", version.replace('\n', "\r\n")),
        &format!("{version}{login}\t\tOPTION\tlog-passthrough\n\t\twho\tq\n\n"),
    ] {
        let [ours, theirs] = [own, stage.backend(0)].map(|to| talk(to, line.as_bytes()));
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs), "{line:?}");
    }
    let no_text =
        [version.as_bytes(), login.as_bytes(), b"\t\xFF\tmailbox list\t-u\t\xFF\n\n"].concat();
    assert_eq!(talk(own, &no_text), talk(stage.backend(0), &no_text));
}

#[test]
fn w_dov_5_half_lines_are_not_waited_for_and_no_crowd_keeps_an_operator_out() {
    let stage = Stage::shared();
    let (hale, own) = stage.start(&["loose-eve"]);
    // More than there is room for, in each state that a stranger can be in.
    let mut crowd: Vec<DoveadmLine> = (0..200).map(|_| DoveadmLine::open(own)).collect();
    let states = [
        "",
        "VERS",
        "VERSION\tdoveadm-server\t1\t2\n",
        "VERSION\tdoveadm-server\t1\t0\nPLAIN\tAGRv",
    ];
    for (client, said) in crowd.iter_mut().zip(states.iter().cycle()) {
        client.try_say(said.as_bytes());
    }
    let began = now();
    let mut operator = DoveadmLine::log_in(own, 0);
    assert_eq!(operator.command("\t\twho\tloose-nobody").status, "+");
    let last = crowd.len() - 1;
    crowd[last].rest();
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(8) && waited < PATIENCE, "login timeout: {waited:?}");
    // The operator's connection outlives them.
    assert_eq!(operator.command("\t\twho\tloose-nobody").status, "+");
    drop(crowd);
    wait_for("nothing is left of them", PATIENCE, || {
        (DoveadmLine::log_in(own, 0).command("\t\twho\tloose-nobody").status == "+").then_some(())
    });
    drop(hale);
}
