//! Replays every stored fuzz input on stable, through the very bodies that the fuzzer runs.
//!
//! A crash that the fuzzer found is fixed together with its input in `fuzz/corpus/<target>/`.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use hale::names::Protocol;

#[path = "../../fuzz/bodies/backend.rs"]
mod backend;
#[path = "../../fuzz/bodies/backend_submission.rs"]
mod backend_submission;
#[path = "../../fuzz/bodies/certificate_name.rs"]
mod certificate_name;
#[path = "../../fuzz/bodies/config_text.rs"]
mod config_text;
#[path = "../../fuzz/bodies/doveadm.rs"]
mod doveadm;
#[path = "../../fuzz/bodies/import.rs"]
mod import;
#[path = "../../fuzz/bodies/ldap.rs"]
mod ldap;
#[path = "../../fuzz/bodies/lmtp.rs"]
pub(crate) mod lmtp;
#[path = "../../fuzz/bodies/passwd_file.rs"]
mod passwd_file;
#[path = "../../fuzz/bodies/preauth.rs"]
mod preauth;
#[path = "../../fuzz/bodies/preauth_submission.rs"]
mod preauth_submission;
#[path = "../../fuzz/bodies/proxy_header.rs"]
mod proxy_header;
#[path = "../../fuzz/bodies/session.rs"]
mod session;
#[path = "../../fuzz/bodies/facts.rs"]
mod facts;
#[path = "../../fuzz/bodies/geodb_rows.rs"]
mod geodb_rows;
#[path = "../../fuzz/bodies/referral.rs"]
mod referral;
#[path = "../../fuzz/bodies/relay_watch.rs"]
mod relay_watch;
#[path = "../../fuzz/bodies/sasl.rs"]
mod sasl;
#[path = "../../fuzz/bodies/scram.rs"]
mod scram;
#[path = "../../fuzz/bodies/smtp_lexis.rs"]
mod smtp_lexis;
#[path = "../../fuzz/bodies/sql_query.rs"]
mod sql_query;
#[cfg(feature = "appliance")]
#[path = "../../fuzz/bodies/tls_open.rs"]
mod tls_open;
#[cfg(feature = "appliance")]
#[path = "../../fuzz/bodies/webauth.rs"]
mod webauth;
#[path = "../../fuzz/bodies/wire_frame.rs"]
mod wire_frame;

#[test]
fn stored_inputs_of_backend_imap() {
    replay("backend_imap", |input| backend::run(Protocol::Imap, input));
}

#[test]
fn stored_inputs_of_backend_pop3() {
    replay("backend_pop3", |input| backend::run(Protocol::Pop3, input));
}

#[test]
fn stored_inputs_of_backend_sieve() {
    replay("backend_sieve", |input| backend::run(Protocol::Sieve, input));
}

#[test]
fn stored_inputs_of_backend_submission() {
    replay("backend_submission", backend_submission::run);
}

#[test]
fn stored_inputs_of_certificate_name() {
    replay("certificate_name", certificate_name::run);
}

#[test]
fn stored_inputs_of_config_text() {
    replay("config_text", config_text::run);
}

#[test]
fn stored_inputs_of_import() {
    replay("import", import::run);
}

#[test]
fn stored_inputs_of_ldap() {
    use proptest::prelude::*;
    replay("ldap", ldap::run);
    let texts = ("\\PC{0,12}", "[=!@,a-c%$:{}ldap_multi]{0,30}", any::<Vec<u8>>());
    proptest!(ProptestConfig::with_cases(5000), |((user, attributes, value) in texts)| {
        ldap::run(&[user.as_bytes(), b"\0", attributes.as_bytes(), b"\0", &value].concat());
    });
}

#[test]
fn stored_inputs_of_lmtp() {
    replay("lmtp", lmtp::run);
}

#[test]
fn stored_inputs_of_passwd_file() {
    replay("passwd_file", passwd_file::run);
}

#[test]
fn stored_inputs_of_preauth_imap() {
    replay("preauth_imap", |input| preauth::run(Protocol::Imap, input));
}

#[test]
fn stored_inputs_of_preauth_pop3() {
    replay("preauth_pop3", |input| preauth::run(Protocol::Pop3, input));
}

#[test]
fn stored_inputs_of_preauth_sieve() {
    replay("preauth_sieve", |input| preauth::run(Protocol::Sieve, input));
}

#[test]
fn stored_inputs_of_preauth_submission() {
    replay("preauth_submission", preauth_submission::run);
}

#[test]
fn stored_inputs_of_proxy_header() {
    replay("proxy_header", proxy_header::run);
}

#[test]
fn stored_inputs_of_session() {
    replay("session", session::run);
}

#[test]
fn stored_inputs_of_relay_watch() {
    replay("relay_watch", relay_watch::run);
}

#[test]
fn stored_inputs_of_wire_frame() {
    replay("wire_frame", wire_frame::run);
}

#[test]
fn stored_inputs_of_facts() {
    replay("facts", facts::run);
}

#[test]
fn stored_inputs_of_geodb_rows() {
    replay("geodb_rows", geodb_rows::run);
}

#[test]
fn stored_inputs_of_doveadm() {
    replay("doveadm", doveadm::run);
}

#[test]
fn stored_inputs_of_referral() {
    replay("referral", referral::run);
}

#[test]
fn stored_inputs_of_sasl() {
    replay("sasl", sasl::run);
}

#[test]
fn stored_inputs_of_scram() {
    replay("scram", scram::run);
}

#[test]
fn stored_inputs_of_smtp_lexis() {
    replay("smtp_lexis", smtp_lexis::run);
}

#[test]
fn stored_inputs_of_sql_query() {
    use proptest::prelude::*;
    replay("sql_query", sql_query::run);
    let texts = (
        0..3_u8,
        "[a-z$?0-9'\"`\\\\=% ;,()-]{0,20}(%u|'%n'|%\\{user\\}|'a%da')?[a-z$?0-9'\"` ;]{0,12}(%u|'%w')?",
        "\\PC{0,12}",
    );
    proptest!(ProptestConfig::with_cases(5000), |((style, query, user) in texts)| {
        sql_query::run(&[&[style], query.as_bytes(), b"\0", user.as_bytes()].concat());
    });
}

#[cfg(feature = "appliance")]
#[test]
fn stored_inputs_of_tls_open() {
    replay("tls_open", tls_open::run);
}

#[cfg(feature = "appliance")]
#[test]
fn stored_inputs_of_webauth() {
    replay("webauth", webauth::run);
}

/// The target's build is long, so damaged inputs are tried here, too.
#[cfg(feature = "appliance")]
#[test]
fn damaged_inputs_of_tls_open() {
    use proptest::prelude::*;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/tls_open");
    let stored =
        fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let stored: Vec<Vec<u8>> = stored.collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    let input = (prop::sample::select(stored), damage, 0..8_usize, any::<u8>());
    proptest!(ProptestConfig::with_cases(2000), |((mut input, damage, cut, choice) in input)| {
        for (at, byte) in damage {
            let at = at.index(input.len());
            input[at] = byte;
        }
        input.truncate(input.len() - input.len() * cut / 16);
        if let Some(first) = input.first_mut() {
            *first = choice;
        }
        tls_open::run(&input);
    });
}

#[test]
fn every_stored_corpus_is_replayed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut names: Vec<_> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let known = [
        "backend_imap",
        "backend_pop3",
        "backend_sieve",
        "backend_submission",
        "certificate_name",
        "config_text",
        "doveadm",
        "facts",
        "geodb_rows",
        "import",
        "ldap",
        "lmtp",
        "passwd_file",
        "preauth_imap",
        "preauth_pop3",
        "preauth_sieve",
        "preauth_submission",
        "proxy_header",
        "referral",
        "relay_watch",
        "sasl",
        "scram",
        "session",
        "smtp_lexis",
        "sql_query",
        "tls_open",
        "webauth",
        "wire_frame",
    ];
    assert_eq!(names, known, "add the new target's body and test to this file");
}

fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        assert!(catch_unwind(|| body(&input)).is_ok(), "{} fails", path.display());
        replayed += 1;
    }
    assert!(replayed > 0, "{} is empty", folder.display());
}
