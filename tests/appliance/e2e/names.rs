//! A thousand certificates by server name, and one of them replaced under a thousand sessions (K-TLS-11, TL-19).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustix::process::Signal;

use super::bridge;
use super::certificate::Pem;
use super::crowd::Live;
use super::hale::{Hale, Setup};
use super::script::ScriptedBackends;
use super::wait::{PATIENCE, timed, wait_for};

const NAMES: usize = 1000;
const SESSIONS: usize = 1000;
/// So many of them by TLS, each with two threads of the test's own.
const BY_TLS: usize = 100;

#[test]
fn tl_19_one_of_a_thousand_certificates_is_replaced_under_a_thousand_sessions() {
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    setup.secure(&Pem::new(&["default.test"]));
    // Every second one is of RSA, which takes eight times as long to load.
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let pairs: Vec<Pem> = (0..NAMES)
        .map(|number| match number % 2 {
            0 => Pem::new(&[&name(number)]),
            _ => Pem::with_key(&[&name(number)], &rsa),
        })
        .collect();
    let mut blocks = String::new();
    for (number, pem) in pairs.iter().enumerate() {
        write(pem, setup.path(), number);
        let path = setup.path().display();
        let name = name(number);
        writeln!(
            blocks,
            "local_name {name} {{\n  ssl_server_cert_file = {path}/{number}.pem\n  \
             ssl_server_key_file = {path}/{number}.key\n}}"
        )
        .unwrap();
    }
    setup.configure(&blocks);
    setup.write();
    setup.make_cluster();
    let (start, hale) = timed(|| setup.run());

    let mut sessions: Vec<Live> = (0..SESSIONS - BY_TLS)
        .map(|_| Live::start(&hale, &backends))
        .chain((0..BY_TLS).map(|number| session_by_tls(&hale, &backends, &pairs, number)))
        .collect();
    for number in [0, 1, 2, 500, NAMES - 2, NAMES - 1] {
        expect_served(&hale, number, &pairs[number]);
    }

    const REPLACED: usize = 500;
    let next = Pem::new(&[&name(REPLACED)]);
    write(&next, hale.setup().path(), REPLACED);
    let (reload, ()) = timed(|| {
        hale.setup().succeed("reload");
        wait_for("the reload", PATIENCE, || hale.said().contains("reloaded:").then_some(()));
    });
    println!("{NAMES} certificates: start to ready {start:?}, checked and reloaded {reload:?}");
    expect_served(&hale, REPLACED, &next);
    expect_served(&hale, REPLACED + 1, &pairs[REPLACED + 1]);
    for session in &mut sessions {
        session.exchange();
    }
}

/// Reloads one behind the other, while clients come in by TLS and without: no client is refused, none is harmed.
#[test]
fn op_02_reloads_under_load_refuse_nobody() {
    const RELOADS: usize = 50;
    let backends = ScriptedBackends::start();
    let mut setup = Setup::new(backends.port);
    setup.add_users(&["crowded"], b"secret");
    let pem = Pem::new(&[&name(0)]);
    setup.secure(&pem);
    let hale = setup.start();
    let pairs = [pem];
    let mut old = [Live::start(&hale, &backends), session_by_tls(&hale, &backends, &pairs, 0)];
    let reloads = || hale.said().matches("reloaded:").count();
    let mut logins = 0;
    for reload in 1..=RELOADS {
        hale.signal(Signal::HUP);
        wait_for("a reload", PATIENCE, || {
            for mut session in
                [Live::start(&hale, &backends), session_by_tls(&hale, &backends, &pairs, 0)]
            {
                session.exchange();
                logins += 1;
            }
            (reloads() >= reload).then_some(())
        });
        old.iter_mut().for_each(Live::exchange);
    }
    assert!(logins >= 2 * RELOADS, "{logins} logins");
}

fn name(number: usize) -> String {
    format!("mail-{number}.test")
}

fn write(pem: &Pem, directory: &Path, number: usize) {
    fs::write(directory.join(format!("{number}.pem")), &pem.certificate).unwrap();
    let key = format!("{number}.key");
    fs::write(directory.join(&key), &pem.key).unwrap();
}

fn session_by_tls(hale: &Hale, backends: &ScriptedBackends, pairs: &[Pem], number: usize) -> Live {
    let config = bridge::client_config(&pairs[number]);
    let mut client = bridge::connect(hale.tls_address(), &name(number), &config);
    client.greeting();
    client.login("crowded", b"secret");
    Live { client, backend: backends.next_session() }
}

/// A client that trusts nothing but this certificate gets a greeting under its name.
fn expect_served(hale: &Hale, number: usize, pem: &Pem) {
    let config = bridge::client_config(pem);
    bridge::connect(hale.tls_address(), &name(number), &config).greeting();
}
