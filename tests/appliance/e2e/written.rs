//! What the operator wrote holds: passwords in clear, variables and their values.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Output;

use hale::template::{Letters, Template};

use super::dovecot::Dovecot;
use super::hale::Setup;
use super::imap::Imap;
use super::ports::{FRONT, free_port};
use super::script::ScriptedBackends;
use super::tools::{DOVEADM, run};

/// A client from far away, in clear, as the balancer in front tells.
const STRANGER: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 143\r\n";

/// All lines up to the first that begins with one of these.
fn until(client: &mut Imap, ends: &[&str]) -> String {
    let mut told = String::new();
    loop {
        let line = String::from_utf8_lossy(&client.line()).into_owned();
        told += &format!("{line}\n");
        if ends.iter().any(|end| line.starts_with(end)) {
            return told;
        }
    }
}

#[test]
fn case_01_a_stranger_may_not_send_a_password_in_clear_where_no_certificate_is_known() {
    for (mode, said) in
        [("no", "auth_allow_cleartext = no"), ("yes", "disable_plaintext_auth = yes")]
    {
        let backends = ScriptedBackends::start();
        let mut setup = Setup::new(backends.port);
        let [imap, pop3, sieve, submission] = [(); 4].map(|()| free_port());
        let door = |service: &str, name: &str, port: u16| {
            format!(
                "service {service} {{\n inet_listener {name} {{\n port = {port}\n haproxy = yes\n }}\n}}\n"
            )
        };
        setup.configure(&format!(
            "protocols = imap pop3 sieve submission\nssl = {mode}\n{said}\nlogin_trusted_networks =\n{}{}{}{}\
             service pop3-login {{\n inet_listener pop3s {{\n port = 0\n }}\n}}\n\
             service submission-login {{\n inet_listener submissions {{\n port = 0\n }}\n}}\n",
            door("imap-login", "strangers", imap),
            door("pop3-login", "pop3", pop3),
            door("managesieve-login", "sieve", sieve),
            door("submission-login", "submission", submission),
        ));
        let _hale = setup.start();
        let stranger = |port: u16| {
            let mut client = Imap::open(TcpStream::connect((FRONT, port)).unwrap());
            client.send(STRANGER);
            client
        };

        let mut client = stranger(imap);
        assert!(until(&mut client, &["* OK"]).contains(" LOGINDISABLED"), "{said}");
        client.send(b"a LOGIN tim secret\r\n");
        assert!(client.line().starts_with(b"a NO [PRIVACYREQUIRED]"), "{said}");
        client.send(b"b AUTHENTICATE PLAIN AHRpbQBzZWNyZXQ=\r\n");
        assert!(client.line().starts_with(b"b NO [PRIVACYREQUIRED]"), "{said}");

        let mut client = stranger(pop3);
        client.line();
        client.send(b"CAPA\r\n");
        let told = until(&mut client, &["."]);
        assert!(!told.contains("\nUSER") && !told.contains("SASL PLAIN"), "{told}");
        for command in [&b"USER tim\r\n"[..], b"AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n"] {
            client.send(command);
            assert!(client.line().starts_with(b"-ERR"), "{said}");
        }

        let mut client = stranger(sieve);
        let told = until(&mut client, &["OK", "NO"]);
        assert!(told.contains("\"SASL\" \"\""), "{told}");
        client.send(b"AUTHENTICATE \"PLAIN\" \"AHRpbQBzZWNyZXQ=\"\r\n");
        assert!(client.line().starts_with(b"NO"), "{said}");

        let mut client = stranger(submission);
        client.line();
        client.send(b"EHLO far.example\r\n");
        let told = until(&mut client, &["250 "]);
        assert!(!told.contains("AUTH"), "{told}");
        client.send(b"AUTH PLAIN AHRpbQBzZWNyZXQ=\r\n");
        assert!(client.line().starts_with(b"5"), "{said}");
    }
}

#[test]
fn case_05_check_config_takes_the_environments_value_and_names_a_variable_that_is_not_set() {
    let mut setup = Setup::new(1);
    setup.configure("doveadm_password = $ENV:HALE_TEST_PW\ncluster_backend_test_password = %{env:HALE_TEST_PW}\n");
    setup.write();
    let check = |value: Option<&str>| -> Output {
        let mut command = setup.command("check-config");
        match value {
            Some(value) => command.env("HALE_TEST_PW", value),
            None => command.env_remove("HALE_TEST_PW"),
        };
        command.output().unwrap()
    };
    let good = check(Some("x%u$y%{env:Z}"));
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    for value in [None, Some(""), Some("a\nb")] {
        let bad = check(value);
        let said = String::from_utf8_lossy(&bad.stderr).into_owned();
        assert_eq!(bad.status.code(), Some(78), "{said}");
        let named = said.lines().filter(|line| line.contains("variable `HALE_TEST_PW`"));
        assert_eq!(named.count(), 2, "{said}");
    }
}

/// Every kind of offset, width and modifier, and 2.3's hashes.
const WIDTHS: &[&str] = &[
    "%1Mu",
    "%2.256Nu",
    "%.256Nu",
    "%4.0Nu",
    "%Nu",
    "%Hu",
    "%256Hu",
    "%2.256Hu",
    "%-5u",
    "%5u",
    "%05u",
    "%012u",
    "%2.3u",
    "%-2.3u",
    "%-3.2u",
    "%2.-3u",
    "%-5.-3u",
    "%0.3u",
    "%2.05u",
    "%2.012u",
    "%3.0u",
    "%Ru",
    "%RMu",
    "%LRUu",
    "%Eu",
    "%Xu",
    "%Tu",
    "%Dd",
    "%Du",
    "%Dn",
    "%MRLu",
    "%1M{user}",
    "%2.256N{username}",
    "%L{domain}",
    "%-1Mu",
    "%1.1Mu",
    "%100u",
    "%-100.3u",
    "%100.3u",
    "%2.-100u",
    "%%",
    "%16.16Mu",
    "%{sha1:user}",
    "%{sha256;truncate=8:user}",
    "%{md5;rounds=3,truncate=13,salt=ab:user}",
    "%{sha512;format=base64:domain}",
    "%0Mu",
    "%00u",
    "%2.0-3u",
    "%2.-03u",
    "%-0.3u",
    "%1.Mu",
    "%.1Mu",
    "%2.100000N{user}",
    "%1000000Nu",
    "%-7Nu",
    "%-7Hu",
    "%010Nu",
    "%010.5Nu",
    "%MMMMMMMMMMu",
    "%UTEu",
    "%3.XMu",
];

/// Dovecot 2.3 itself says what they are.
#[test]
fn case_10_variables_with_widths_are_what_debians_dovecot_makes_of_them() {
    let fields: Vec<String> =
        WIDTHS.iter().enumerate().map(|(at, text)| format!("x{at}=<{text}>")).collect();
    let passdb = format!(
        "passdb {{\n driver = static\n args = nopassword=y\n override_fields = {}\n}}\n",
        fields.join(" ")
    );
    let ports = [(); 4].map(|()| free_port());
    let dovecot = Dovecot::alone(Ipv4Addr::new(127, 0, 0, 2), ports, &passdb);
    for user in ["ab", "alice", "bob.example@mail.example.org", "x.y_z-1@a"] {
        let mut doveadm = DOVEADM.command();
        doveadm.arg("-c").arg(dovecot.configuration()).args(["auth", "lookup", user]);
        let printed = String::from_utf8(run(&mut doveadm)).unwrap();
        for (at, text) in WIDTHS.iter().enumerate() {
            let name = format!("x{at}");
            let mut lines = printed.lines().filter_map(|line| line.split_once(':'));
            let line = lines.find(|(field, _)| field.trim() == name);
            let (_, expected) = line.unwrap_or_else(|| panic!("{name} is not in {printed}"));
            let template = Template::parse(&format!("<{text}>"), Letters::Variables).unwrap();
            let made = template.expand(&|name| (name == "user").then(|| user.into()));
            assert_eq!(made.as_deref(), Ok(expected.trim()), "{text} of {user}");
        }
    }
}
