//! Who the client is, as the backend's log has it: in all protocols, behind a real HAProxy and without one, and when the
//! PROXY header comes in one segment with the first handshake record.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use hale::names::Protocol;
use hale::wire::base64;

use super::balancer::Balancer;
use super::bridge;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::proxy_header::{addresses, header};
use super::site::{NAME, PASSWORD, Site};
use super::wait::{PATIENCE, wait_for};

#[test]
fn px_10_w_fwd_1_the_backends_logs_know_the_client_behind_haproxy_and_without() {
    let users = Protocol::ALL.map(|protocol| format!("address-{protocol}"));
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let site = Site::start(&names, "");
    let balancer = Balancer::start(&Protocol::ALL.map(|protocol| site.haproxy(protocol)));
    for (number, (protocol, user)) in Protocol::ALL.into_iter().zip(&users).enumerate() {
        let last = 10 * u8::try_from(number).unwrap();
        for (last, front) in
            [(last + 101, balancer.fronts[number]), (last + 102, site.clear(protocol))]
        {
            let from = Ipv4Addr::new(127, 0, 0, last);
            let mut client = Imap::open_from(from, front);
            work(protocol, &mut client, user);
            expect_in_log(&site, protocol, user, from);
        }
    }
}

#[test]
fn px_10_a_header_fused_with_the_client_hello() {
    let ports = Protocol::ALL.map(|_| free_port());
    let listeners: String = Protocol::ALL
        .iter()
        .zip(ports)
        .map(|(protocol, port)| {
            format!(
                "service {} {{\n  inet_listener fused {{\n    port = {port}\n    haproxy = yes\n    ssl = yes\n  }}\n}}\n",
                protocol.service_name()
            )
        })
        .collect();
    let users = Protocol::ALL.map(|protocol| format!("fused-{protocol}"));
    let names: Vec<&str> = users.iter().map(String::as_str).collect();
    let site = Site::start(&names, &listeners);
    let config = bridge::client_config(&site.pem);
    for (last, ((protocol, port), user)) in
        (140..).zip(Protocol::ALL.into_iter().zip(ports).zip(&users))
    {
        let from = Ipv4Addr::new(127, 0, 0, last);
        let stream = TcpStream::connect(SocketAddr::from((FRONT, port))).unwrap();
        let told = header(0x21, &addresses(from.octets(), 4711));
        let mut client = bridge::wrap_behind(&told, stream, NAME, &config);
        work(protocol, &mut client, user);
        expect_in_log(&site, protocol, user, from);
    }
}

/// Logs in, or delivers a message, and leaves.
pub(crate) fn work(protocol: Protocol, client: &mut Imap, user: &str) {
    let mut plain = Vec::new();
    base64::encode(format!("\0{user}\0{PASSWORD}").as_bytes(), &mut plain);
    let plain = String::from_utf8(plain).unwrap();
    let dialogue: &[(&str, &str)] = match protocol {
        Protocol::Imap => &[
            ("", "* OK"),
            (&format!("l LOGIN {user} {PASSWORD}\r\n"), "l OK"),
            ("o LOGOUT\r\n", "o OK"),
        ],
        Protocol::Pop3 => {
            &[("", "+OK"), (&format!("AUTH PLAIN {plain}\r\n"), "+OK"), ("QUIT\r\n", "+OK")]
        }
        Protocol::Lmtp => &[
            ("", "220 "),
            ("LHLO client.test\r\n", "250 "),
            ("MAIL FROM:<a@example.org>\r\n", "250 "),
            (&format!("RCPT TO:<{user}>\r\n"), "250 "),
            ("DATA\r\n", "354 "),
            ("Subject: here\r\n\r\n.\r\n", "250 "),
            ("QUIT\r\n", "221 "),
        ],
        Protocol::Sieve => &[
            ("", "OK"),
            (&format!("AUTHENTICATE \"PLAIN\" \"{plain}\"\r\n"), "OK"),
            ("LOGOUT\r\n", "OK"),
        ],
        Protocol::Submission => &[
            ("", "220 "),
            ("EHLO client.test\r\n", "250 "),
            (&format!("AUTH PLAIN {plain}\r\n"), "235 "),
            ("QUIT\r\n", "221 "),
        ],
    };
    for (command, answer) in dialogue {
        client.send(command.as_bytes());
        while !client.line().starts_with(answer.as_bytes()) {}
    }
}

/// The line with which the user's backend remembers who came.
fn expect_in_log(site: &Site, protocol: Protocol, user: &str, from: Ipv4Addr) {
    let service = protocol.service_name();
    let (place, address) = match protocol {
        // There is no login; Dovecot says at the end of a connection who it was.
        Protocol::Lmtp => ("lmtp(".to_owned(), format!("Disconnect from {from}: ")),
        _ => (format!("{service}: "), format!("Login: user=<{user}>, method=PLAIN, rip={from}, ")),
    };
    wait_for(&format!("{address} in a backend's log"), PATIENCE, || {
        let logs = site.pair.backends.iter().map(|backend| backend.log());
        logs.flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>())
            .any(|line| line.contains(&place) && line.contains(&address))
            .then_some(())
    });
}
