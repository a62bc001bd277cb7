//! Users in LDAP: a real slapd, asked in each way that Dovecot has, by all five protocols; and what becomes of logins
//! when it is stopped, killed, started again, or closes connections.

use std::fs;
use std::net::Ipv4Addr;

use hale::names::Protocol;
use hale::wire::base64;
use rustix::process::Signal;

use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::script::ScriptedBackends;
use super::site::Site;
use super::slapd::{NAME, Person, Slapd};
use super::speech::SPEECHES;
use super::tools::{DOVEADM, run};
use super::wait::{PATIENCE, wait_for};

const SECRET: &str = "secret";

/// The people of all tests here.
fn people() -> Vec<Person> {
    let argon2 = run(DOVEADM.command().args(["-O", "pw", "-s", "ARGON2I", "-p", SECRET]));
    let argon2 = String::from_utf8(argon2).unwrap().replace("{ARGON2I}", "{ARGON2}");
    let strict = "pwdPolicySubentry: cn=strict,ou=policies,dc=test\n";
    let one = |uid: &str, more: String| Person::new(uid, SECRET, &more);
    vec![
        one("ann", "mail: ann@x.test\n".to_owned()),
        one("bob", "mail: both@x.test\n".to_owned()),
        one("bea", "mail: both@x.test\n".to_owned()),
        one("cid", String::new()),
        one("dan", String::new()),
        Person::new("hash", argon2.trim(), ""),
        one("reset", format!("pwdReset: TRUE\npwdChangedTime: 20990101000000Z\n{strict}")),
        one("locked", format!("pwdAccountLockedTime: 000001010000Z\n{strict}")),
        one("old", format!("pwdChangedTime: 20200101000000Z\n{strict}")),
        one("a,b", String::new()),
    ]
}

/// IMAP and LMTP by search and bind behind STARTTLS, POP3 by a name that is made, ManageSieve by 2.4's block with TLS from
/// the first byte, Submission by the stored password in clear; 2.3's files where they can be.
fn passdbs(slapd: &Slapd) -> String {
    let Slapd { port, tls_port, .. } = slapd;
    let authority = slapd.authority();
    let common = "base = ou=people,dc=test\nscope = onelevel\nldap_version = 3\nderef = never\n";
    let own = "dn = cn=hale,dc=test\ndnpass = hale\n";
    let files = [
        (
            "search",
            // Nothing listens on the first.
            format!(
                "uris = ldap://{NAME}:1 ldap://{NAME}:{port}\ntls = yes\ntls_ca_cert_file = {authority}\n{own}{common}\
                 auth_bind = yes\npass_attrs = uid=user\npass_filter = (&(objectClass=person)(|(uid=%u)(mail=%u)))\n"
            ),
        ),
        (
            "template",
            format!(
                "hosts = 127.0.0.1:{port}\n{common}auth_bind = yes\nauth_bind_userdn = uid=%u,ou=people,dc=test\n"
            ),
        ),
        (
            "stored",
            format!(
                "hosts = 127.0.0.1:{port}\n{own}{common}pass_filter = (uid=%u)\ndefault_pass_scheme = PLAIN\n"
            ),
        ),
    ];
    for (name, text) in files {
        let path = slapd.path().join(format!("{name}.conf.ext"));
        fs::write(&path, text).unwrap();
        super::hale::set_private(&path);
    }
    let of_file = |protocol: &str, name: &str, more: &str| {
        let path = slapd.path().join(format!("{name}.conf.ext"));
        format!(
            "protocol {protocol} {{\n passdb {{\n driver = ldap\n args = {}\n{more} }}\n}}\n",
            path.display()
        )
    };
    let block = format!(
        "protocol sieve {{\n passdb ldap {{\n ldap_uris = ldaps://{NAME}:{tls_port}\n ldap_ca_file = {authority}\n \
         ldap_auth_dn = cn=hale,dc=test\n ldap_auth_dn_password = hale\n ldap_base = dc=test\n \
         ldap_filter = (uid=%{{user}})\n default_password_scheme = PLAIN\n \
         fields {{\n user = %{{ldap:uid}}\n password = %{{ldap:userPassword}}\n reason = %{{ldap:nosuch}}\n }}\n }}\n}}\n"
    );
    [
        of_file("imap", "search", ""),
        of_file("lmtp", "search", ""),
        // The backends' own names have no comma.
        of_file("pop3", "template", "default_fields = destuser=ann\n"),
        of_file("submission", "stored", ""),
        block,
        "auth_username_chars =\nauth_failure_delay = 0\nauth_cache_size = 0\n".to_owned(),
    ]
    .concat()
}

#[test]
fn users_in_ldap_log_in_by_all_five_protocols_in_each_way_that_dovecot_has() {
    let slapd = Slapd::start(&people());
    let site = Site::start(&["somebody"], &passdbs(&slapd));
    site.pair.add_users(&["ann", "hash"], SECRET.as_bytes());
    let protocols = [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];
    for (speech, protocol) in SPEECHES.iter().zip(protocols) {
        for (number, (user, is_good)) in [("ann", true), ("nobody", false)].into_iter().enumerate()
        {
            let from = Ipv4Addr::new(127, 0, 9, u8::try_from(number).unwrap() + 1);
            let mut client = Imap::open_from(from, site.clear(protocol));
            client.call(&format!("{protocol:?} {user}"));
            speech.greeted(&mut client);
            speech.send_login(&mut client, user);
            match is_good {
                true => speech.expect_success(&mut client),
                false => speech.expect_failed(&mut client, speech.refused),
            }
        }
    }
    let mut sender = Imap::open_from(Ipv4Addr::new(127, 0, 9, 9), site.clear(Protocol::Lmtp));
    let mut say = |line: &str, start: &str| {
        sender.send(format!("{line}\r\n").as_bytes());
        while !sender.line().starts_with(start.as_bytes()) {}
    };
    say("LHLO mta.test", "250 ");
    say("MAIL FROM:<a@x.test>", "250 ");
    say("RCPT TO:<nobody>", "550 ");
    say("RCPT TO:<ann>", "250 ");
    say("RCPT TO:<both@x.test>", "451 ");
    verdicts(&site);
}

/// Of each way to ask: user, password, how the reply begins.
fn verdicts(site: &Site) {
    let [wrong, later] = ["a NO [AUTHENTICATIONFAILED]", "a NO [UNAVAILABLE]"];
    let long = "x".repeat(900);
    let imap = [
        ("ann@x.test", SECRET, "a OK"),
        ("ANN", SECRET, "a OK"),
        ("ann", "wrong", wrong),
        ("ann", &long, wrong),
        ("ann", "", wrong),
        ("*", SECRET, wrong),
        ("*)(uid=ann", SECRET, wrong),
        ("ann)(uid=*", SECRET, wrong),
        ("ann\\", SECRET, wrong),
        ("#ann", SECRET, wrong),
        // The filter finds two (DB-04).
        ("both@x.test", SECRET, later),
        ("reset", SECRET, "a NO [EXPIRED]"),
        ("reset", "wrong", wrong),
        ("old", SECRET, "a NO [EXPIRED]"),
        ("old", "wrong", wrong),
        ("locked", SECRET, wrong),
    ];
    for (number, (user, password, start)) in (1..).zip(imap) {
        let mut client =
            Imap::open_from(Ipv4Addr::new(127, 0, 10, number), site.clear(Protocol::Imap));
        client.call(&format!("{user:?} with {password:?}"));
        client.greeting();
        client.send(format!("a AUTHENTICATE PLAIN {}\r\n", plain(user, password)).as_bytes());
        let reply = client.reply("a");
        let said = String::from_utf8_lossy(reply.last().unwrap()).into_owned();
        client.expect(said.starts_with(start), start);
    }
    let refused = "-ERR [AUTH]";
    for (number, (protocol, user, start)) in (1..).zip([
        (Protocol::Pop3, "ann,ou=people", refused),
        (Protocol::Pop3, "a,b", "+OK"),
        (Protocol::Pop3, "old", refused),
        // Hale compares: OpenLDAP's own prefix, an escaped name.
        (Protocol::Sieve, "hash", "OK"),
        (Protocol::Sieve, "*", "NO"),
    ]) {
        site.pair.add_users(&[user], SECRET.as_bytes());
        let mut client = Imap::open_from(Ipv4Addr::new(127, 0, 11, number), site.clear(protocol));
        client.call(&format!("{protocol:?} {user:?}"));
        let (greeting, command) = match protocol {
            Protocol::Pop3 => ("+OK", format!("AUTH PLAIN {}\r\n", plain(user, SECRET))),
            _ => ("OK", format!("AUTHENTICATE \"PLAIN\" \"{}\"\r\n", plain(user, SECRET))),
        };
        while !client.line().starts_with(greeting.as_bytes()) {}
        client.send(command.as_bytes());
        let said = client.line();
        client.expect(said.starts_with(start.as_bytes()), start);
    }
}

fn plain(user: &str, password: &str) -> String {
    let mut text = Vec::new();
    base64::encode(format!("\0{user}\0{password}").as_bytes(), &mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn db_05_the_next_ldap_server_is_asked_when_one_hangs_or_is_gone() {
    let mut first = Slapd::start(&people());
    let second = Slapd::start(&people());
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.configure(&format!(
        "auth_failure_delay = 0\nauth_cache_size = 0\npassdb ldap {{\n ldap_uris = ldap://127.0.0.1:{} ldap://127.0.0.1:{}\n \
         ldap_base = dc=test\n bind = yes\n ldap_filter = (uid=%{{user}})\n}}\n",
        first.port, second.port
    ));
    let hale = setup.start();
    assert!(log_in(&hale, "ann").starts_with("l1 OK"));
    first.signal(Signal::STOP);
    wait_for("ann is let in by the second", PATIENCE, || {
        log_in(&hale, "ann").starts_with("l1 OK").then_some(())
    });
    first.signal(Signal::CONT);
    second.signal(Signal::STOP);
    wait_for("ann is let in by the first", PATIENCE, || {
        log_in(&hale, "ann").starts_with("l1 OK").then_some(())
    });
    second.signal(Signal::CONT);
    first.kill();
    wait_for("ann is let in by the second again", PATIENCE, || {
        log_in(&hale, "ann").starts_with("l1 OK").then_some(())
    });
}

/// The reply to a login.
fn log_in(hale: &Hale, user: &str) -> String {
    let mut client = Imap::connect(hale.address());
    client.send(&super::imap::login_line("l1", user, SECRET.as_bytes()));
    let reply = client.reply("l1");
    String::from_utf8_lossy(reply.last().unwrap()).into_owned()
}
