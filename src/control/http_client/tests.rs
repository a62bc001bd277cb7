//! Against servers that say what they like, in threads of their own.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::secret::Secret;
use crate::tls::{OlderForms, Trust, driver_config, driver_config_for_any};
use crate::webauth::Content;
use question::read_question;

mod question;

/// Answers each question of each connection with the next of these; `None`: it closes the connection instead. Tells the questions, each
/// with the number of its connection.
fn serve(answers: Vec<Option<Vec<u8>>>) -> (Url, Receiver<(usize, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/ask", listener.local_addr().unwrap())).unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            while let Some(question) = read_question(&mut stream) {
                // The test has its answer and is over.
                if tell.send((number, question)).is_err() {
                    return;
                }
                match answers.next() {
                    Some(Some(bytes)) => stream.write_all(&bytes).unwrap_or_default(),
                    Some(None) | None => break,
                }
            }
        }
    });
    (url, told)
}

/// Answers one question, and closes.
fn serve_once(answer: Vec<u8>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_question(&mut stream).unwrap();
        // The client may have read enough.
        stream.write_all(&answer).unwrap_or_default();
    });
    url
}

fn ok(body: &str) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into())
}

fn run(work: impl AsyncFnOnce(HttpClient)) {
    run_with(None, work);
}

fn run_with(tls: Option<DriverConfig>, work: impl AsyncFnOnce(HttpClient)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = HttpClient::new(Resolver::default(), tls);
    runtime.block_on(LocalSet::new().run_until(work(client)));
}

#[test]
fn a_question_and_its_answer_and_the_next_ones_on_the_same_connection() {
    let chunked =
        b"HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\nX-One: a\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let (url, told) = serve(vec![ok("one"), Some(chunked.to_vec()), ok("")]);
    run(async |client| {
        let post = Request::post(url.clone(), Content::Json, Secret::from("{}"))
            .with("x-key", Secret::from("hush"));
        let answer = client.ask(&post).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"one"[..]));
        let get = Request::get(url.with_target("/other?x=y"));
        let answer = client.ask(&get).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"ab"[..]));
        assert_eq!(answer.field("x-one"), Some(&b"a"[..]));
        client.ask(&get).await.unwrap();
    });
    let (first, second, third) = (told.recv().unwrap(), told.recv().unwrap(), told.recv().unwrap());
    assert_eq!([first.0, second.0, third.0], [0; 3], "one connection");
    let host = url.host_field();
    assert!(first.1.starts_with(&format!("POST /ask HTTP/1.1\r\nhost: {host}\r\n")), "{}", first.1);
    assert!(first.1.contains("content-type: application/json\r\n"), "{}", first.1);
    assert!(first.1.contains("x-key: hush\r\n") && first.1.ends_with("\r\n\r\n{}"), "{}", first.1);
    assert!(second.1.starts_with("GET /other?x=y HTTP/1.1\r\n"), "{}", second.1);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_replaced_and_a_fresh_one_is_not() {
    let (url, told) = serve(vec![ok("one"), None, ok("two"), None, None]);
    run(async |client| {
        let get = Request::get(url.clone());
        assert_eq!(client.ask(&get).await.unwrap().body, b"one");
        // The server reads the question, and closes: it goes out once more on a new connection.
        assert_eq!(client.ask(&get).await.unwrap().body, b"two");
        let fault = client.ask(&get).await.unwrap_err();
        assert!(matches!(fault, HttpFault::Closed), "{fault:?}");
    });
    let numbers: Vec<usize> = told.try_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [0, 0, 1, 1, 2]);
}

#[test]
fn sa_08_large_odd_and_half_answers_are_faults_and_a_redirect_is_not_followed() {
    let large = "x".repeat(limits::WEB_ANSWER_BYTES_MAX + 1);
    let long_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(10 << 20));
    let fields = "X: y\r\n".repeat(limits::WEB_HEAD_FIELDS_MAX + 1);
    let many_fields = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n");
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "z".repeat(10 << 20));
    for (answer, expected) in [
        (ok(&large).unwrap(), "TooLarge"),
        (long_head.into(), "TooLarge"),
        (many_fields.into(), "TooLarge"),
        (endless.into(), "TooLarge"),
        (b"* OK IMAP4rev1 ready\r\n".to_vec(), "NotHttp"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec(), "NotHttp"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
            "302",
        ),
    ] {
        let url = serve_once(answer);
        run(async |client| {
            let said = match client.ask(&Request::get(url.clone())).await {
                Ok(answer) => answer.status.to_string(),
                Err(fault) => format!("{fault:?}"),
            };
            assert!(said.starts_with(expected), "{expected}: {said}");
        });
    }
}

#[test]
fn a_question_that_is_given_up_takes_its_connection_along() {
    // It answers the second question only, as late as it likes.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        assert!(read_question(&mut first).is_some());
        let (mut second, _) = listener.accept().unwrap();
        assert!(read_question(&mut second).is_some());
        second.write_all(&ok("second").unwrap()).unwrap();
        // The first one is gone, and was not asked again.
        assert_eq!(read_question(&mut first), None);
    });
    run(async |client| {
        let get = Request::get(url.clone());
        let late = timeout(Duration::from_millis(50), client.ask(&get)).await;
        assert!(late.is_err());
        assert_eq!(client.ask(&get).await.unwrap().body, b"second");
    });
    server.join().unwrap();
}

#[test]
fn places_that_cannot_be_reached() {
    run(async |client| {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = Url::parse(&format!("http://{closed}/")).unwrap();
        let fault = client.reach(&url).await.unwrap_err();
        assert!(matches!(fault, HttpFault::NotConnected(_)), "{fault:?}");
        let nowhere = Url::parse("http://nowhere.invalid/").unwrap();
        let fault = client.reach(&nowhere).await.unwrap_err();
        assert!(matches!(fault, HttpFault::NoAddress), "{fault:?}");
        let (url, _told) = serve(vec![ok("")]);
        let secure = Url { is_secure: true, ..url };
        let fault = client.reach(&secure).await.unwrap_err();
        assert!(matches!(fault, HttpFault::NoAuthorities), "{fault:?}");
    });
}

#[test]
fn a_server_that_is_to_speak_tls_has_to_prove_itself() {
    let CertifiedKey { cert, .. } =
        generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let trust = Trust::new(cert.pem().as_bytes(), OlderForms::Refused).unwrap();
    for config in [driver_config(&trust), driver_config_for_any(&Trust::default())] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap_or_default()
        });
        run_with(config, async |client| {
            let text = client.ask(&Request::get(url.clone())).await.unwrap_err().to_string();
            assert_eq!(text, "TLS with it failed: what it says is no TLS");
        });
        server.join().unwrap();
    }
}
