//! `proxy_mech`: SCRAM of Hale's own, and its certificate, towards Dovecots that take nothing else, in the four protocols with SASL.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hale::names::Protocol;
use tempfile::TempDir;

use super::certificate::{Authority, Pem};
use super::sasl::{Attempt, PROTOCOLS};
use super::site::{PASSWORD, Site};
use super::wait::{PATIENCE, wait_for};

/// What clients know where the backends know something else.
const FRONT: &str = "front";

/// Files that Dovecot may read, which runs as another user.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn passdb(folder: &TempDir) -> String {
    format!(
        "auth_failure_delay = 0\n\
         passdb rows {{\n driver = passwd-file\n passwd_file_path = {}/users\n}}\n",
        folder.path().display()
    )
}

fn by_password<'a>(
    site: &'a Site,
    protocol: Protocol,
    user: &'a str,
    secret: &'a str,
) -> Attempt<'a> {
    Attempt { site, protocol, door: None, mechanism: "PLAIN", user, secret, is_invited: false }
}

/// How many logins of the user by this mechanism stand in the backends' logs.
fn logins(site: &Site, user: &str, method: &str) -> usize {
    let logins = site.pair.backends.iter().flat_map(|backend| backend.logins(user));
    logins.into_iter().filter(|line| line.contains(&format!("method={method},"))).count()
}

#[track_caller]
fn logs(site: &Site, words: &str) {
    wait_for(words, PATIENCE, || site.hale.said().contains(words).then_some(()));
}

#[test]
fn w_cred_8_backends_that_take_no_password_are_shown_a_proof() {
    let rows = format!(
        "own:{{PLAIN}}{PASSWORD}::::::proxy_mech=SCRAM-SHA-256\n\
         older:{{PLAIN}}{PASSWORD}::::::proxy_mech=scram-sha-1\n\
         given:{{PLAIN}}{FRONT}::::::proxy_mech=SCRAM-SHA-256 pass={PASSWORD}\n\
         led:{{PLAIN}}{FRONT}::::::proxy_mech=SCRAM-SHA-256 master=hale pass=master-secret\n\
         wrong:{{PLAIN}}{FRONT}::::::proxy_mech=SCRAM-SHA-256 pass=another\n\
         plain:{{PLAIN}}{PASSWORD}\n"
    );
    let folder = folder(&[("users", &rows), ("masters", "hale:{PLAIN}master-secret::::::\n")]);
    let theirs = format!(
        "auth_mechanisms = scram-sha-1 scram-sha-256\n\
         passdb {{\n driver = passwd-file\n master = yes\n args = scheme=PLAIN {}/masters\n}}\n",
        folder.path().display()
    );
    let probes = format!(
        "cluster_backend_test_username = probe\ncluster_backend_test_password = {PASSWORD}\n\
         cluster_backend_test_mech = SCRAM-SHA-256\n"
    );
    let site = Site::start_behind(&["probe"], &(passdb(&folder) + &probes), &theirs);
    site.pair.add_users(&["own", "older", "given", "wrong", "plain"], PASSWORD.as_bytes());
    for protocol in PROTOCOLS {
        for (user, secret) in
            [("own", PASSWORD), ("older", PASSWORD), ("given", FRONT), ("led", FRONT)]
        {
            by_password(&site, protocol, user, secret).is_let_in();
        }
        // The backend refuses what Hale has, and the client hears that its own password is wrong.
        by_password(&site, protocol, "wrong", FRONT).is_refused("");
        // Without the field there is no way in.
        by_password(&site, protocol, "plain", PASSWORD).is_refused("");
    }
    for (user, method) in [
        ("own", "SCRAM-SHA-256"),
        ("older", "SCRAM-SHA-1"),
        ("given", "SCRAM-SHA-256"),
        ("led", "SCRAM-SHA-256"),
    ] {
        wait_for(&format!("logins of {user} by {method}"), PATIENCE, || {
            (logins(&site, user, method) == PROTOCOLS.len()).then_some(())
        });
    }
    wait_for("probes by SCRAM", PATIENCE, || {
        (logins(&site, "probe", "SCRAM-SHA-256") > 0).then_some(())
    });
    logs(&site, "proxy_dest_remote_config");
    let said = site.hale.said();
    assert!(
        !said.contains("master-secret") && !said.contains(&format!("pass={PASSWORD}")),
        "{said}"
    );
}

#[test]
fn w_cred_9_backends_that_want_a_certificate_are_shown_hales() {
    let authority = Authority::new("backends believe this one");
    let own = authority.issue("hale-proxy");
    let theirs = Pem::new(&["be1.test", "be2.test"]);
    let rows =
        format!("certified:{{PLAIN}}{FRONT}::::::proxy_mech=EXTERNAL\nplain:{{PLAIN}}{PASSWORD}\n");
    let folder = folder(&[
        ("users", &rows),
        ("masters", "hale-proxy:::::::nopassword=y\n"),
        ("own.pem", &own.certificate),
        ("own.key", &own.key),
        ("authority.pem", &authority.certificate),
    ]);
    theirs.write(folder.path());
    let at = folder.path().display();
    let backends = format!(
        "auth_mechanisms = external\nssl = yes\nssl_cert = <{at}/cert.pem\nssl_key = <{at}/key.pem\n\
         ssl_ca = <{at}/authority.pem\nssl_verify_client_cert = yes\nssl_require_crl = no\n\
         auth_ssl_username_from_cert = yes\n\
         passdb {{\n driver = passwd-file\n master = yes\n args = {at}/masters\n}}\n"
    );
    let by_tls: String = PROTOCOLS
        .iter()
        .map(|protocol| format!("protocol {protocol} {{\n proxy_ssl = starttls\n}}\n"))
        .collect();
    let configuration = format!(
        "{}ssl_client_ca_file = {at}/cert.pem\nssl_client_cert_file = {at}/own.pem\n\
         ssl_client_key_file = {at}/own.key\n{by_tls}",
        passdb(&folder)
    );
    let site = Site::start_behind(&[], &configuration, &backends);
    for protocol in PROTOCOLS {
        // Twice: no session is resumed, so that the certificate is shown each time.
        for _ in 0..2 {
            by_password(&site, protocol, "certified", FRONT).is_let_in();
        }
        by_password(&site, protocol, "certified", "wrong").is_refused("");
        by_password(&site, protocol, "plain", PASSWORD).is_refused("");
    }
    wait_for("logins by certificate", PATIENCE, || {
        (logins(&site, "certified", "EXTERNAL") == 2 * PROTOCOLS.len()).then_some(())
    });
    logs(&site, "proxy_dest_remote_config");
}
