//! Certificates and their names.
//!
//! Driver: `check`. Tests: below.

use super::certificate::{KEY_PASSWORD, certificate, is_shown_by, own};
use super::ciphers::offer;
use super::holder;
use crate::config::diagnostic::Findings;
use crate::config::model::{
    Auth, BackendAuthorities, ClientAuthorities, ClientSsl, Listener, Passdb, PassdbDriver,
    ProtocolSettings, RequestClientCert, Ssl, SslMode, TlsVersion,
};
use crate::config::registry::Scope;
use crate::config::sort::Section;
use crate::names::Protocol;
use crate::names::mechanism::Mechanism;
use crate::wire::certificate_name::NameField;

pub(super) fn ssl(
    root: &Section,
    served: &[Protocol],
    listeners: &[Listener],
    findings: &mut Findings,
) -> Ssl {
    let towards_clients = Protocol::ALL.map(|protocol| {
        let ssl = towards_clients(root, protocol, listeners, findings);
        if served.contains(&protocol) {
            judge(root, protocol, &ssl, findings);
        }
        ssl
    });
    let backend_min_protocol = min_protocol("ssl_client_min_protocol", &[root]);
    Ssl {
        towards_clients,
        backends: backends(root, findings),
        own: own(root, findings),
        backend_min_protocol,
        backend_offer: offer("client", backend_min_protocol, &[root], findings),
    }
}

/// The oldest version for one side, or what is written for both; the innermost of `sections`, which come first, counts.
fn min_protocol(of_the_side: &str, sections: &[&Section]) -> TlsVersion {
    let written = sections.iter().find_map(|section| {
        let side = section.found(of_the_side).map(|_| section.text(of_the_side));
        let both = || section.found(BOTH_SIDES).map(|_| section.text(BOTH_SIDES));
        side.filter(|word| word != "auto").or_else(both)
    });
    match written.as_deref() {
        Some("TLSv1.3") => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    }
}

const BOTH_SIDES: &str = "ssl_min_protocol";

fn towards_clients(
    root: &Section,
    protocol: Protocol,
    listeners: &[Listener],
    findings: &mut Findings,
) -> ClientSsl {
    let at = |name: &str| holder(root, protocol, name);
    let block = root.labelled(Scope::Protocol, protocol.name());
    let mut by_name = Vec::new();
    // The first one counts: what is written for the protocol comes before what is for all.
    let sections: Vec<&Section> = block.into_iter().chain([root]).collect();
    let blocks = sections.iter().flat_map(|it| it.of_scope(Scope::LocalName));
    for block in blocks {
        if let Some(certificate) = certificate(&|_| block, at(KEY_PASSWORD), findings) {
            let names = block.name().split_whitespace().map(str::to_ascii_lowercase);
            by_name.extend(names.map(|name| (name, certificate.clone())));
        }
    }
    let min_protocol = min_protocol("ssl_server_min_protocol", &sections);
    ClientSsl {
        mode: match at("ssl").text("ssl").as_str() {
            "no" => SslMode::No,
            "required" => SslMode::Required,
            _ => SslMode::Yes,
        },
        server: certificate(&at, root, findings),
        by_name,
        min_protocol,
        offer: offer("server", min_protocol, &sections, findings),
        clients: clients(root, protocol, listeners, findings),
    }
}

/// What a served protocol can't do with its TLS settings.
fn judge(root: &Section, protocol: Protocol, ssl: &ClientSsl, findings: &mut Findings) {
    let has_none = ssl.server.is_none() && ssl.by_name.is_empty();
    if protocol == Protocol::Lmtp {
        // A client that may connect may hand in mail: there is no login to be refused.
        let Some(block) = root.labelled(Scope::Protocol, protocol.name()) else { return };
        if ssl.mode == SslMode::Required && block.found("ssl").is_some() {
            let text = "found `required`, but LMTP has no logins that could be refused; give it a listener with `ssl = yes` \
                        and no other";
            findings.error(block.place_of("ssl"), "ssl", text);
        }
        let name = "auth_ssl_require_client_cert";
        if block.found(name).is_some() && block.flag(name) {
            let text = "LMTP has no logins; to demand certificates of those who hand in mail write \
                        `ssl_server_request_client_cert = required`";
            findings.error(block.place_of(name), name, text);
        }
    } else if ssl.mode == SslMode::Required && has_none && !is_certificate_lost(root, protocol) {
        let text = "found `required`, but `ssl_server_cert_file` names no certificate: no client could log in";
        findings.error(holder(root, protocol, "ssl").place_of("ssl"), "ssl", text);
    }
}

/// Whether a certificate is written that could not be had, which was told: that there is none would be untrue.
fn is_certificate_lost(root: &Section, protocol: Protocol) -> bool {
    let block = root.labelled(Scope::Protocol, protocol.name());
    let outer: Vec<&Section> = block.into_iter().chain([root]).collect();
    let by_name = outer.iter().flat_map(|it| it.of_scope(Scope::LocalName));
    let names = ["ssl_server_cert_file", "ssl_server_key_file"];
    let is_lost = |section: &Section| names.iter().any(|name| section.lost.contains(name));
    by_name.chain(outer.iter().copied()).any(is_lost)
}

/// Whose certificates of clients are good, if any listener of the protocol asks for one.
fn clients(
    root: &Section,
    protocol: Protocol,
    listeners: &[Listener],
    findings: &mut Findings,
) -> Option<ClientAuthorities> {
    let at = |name: &str| holder(root, protocol, name);
    let does_ask =
        |it: &&Listener| it.protocol == protocol && it.request_client_cert != RequestClientCert::No;
    let asks = listeners.iter().find(does_ask)?;
    let (file, crl, field) =
        ("ssl_server_ca_file", "ssl_server_require_crl", "ssl_server_cert_username_field");
    if at(file).lost.contains(&file) {
        return None;
    }
    let Some(ca_file) = at(file).path(file) else {
        let remedy = "name a file with the authorities that issue them";
        let written = at(REQUEST_CLIENT_CERT).place_of(REQUEST_CLIENT_CERT);
        match &asks.place {
            Some(place) => {
                let who = &asks.name;
                let text = format!(
                    "missing: `inet_listener {who}` asks clients for certificates; {remedy}"
                );
                findings.error(place, file, text);
            }
            None => {
                let text = format!("missing: clients are asked for certificates; {remedy}");
                findings.error(written, file, text);
            }
        }
        return None;
    };
    Some(ClientAuthorities {
        ca_file,
        require_crl: at(crl).flag(crl),
        username_field: NameField::named(&at(field).text(field)).unwrap_or_default(),
        place: at(file).place_of(file).clone(),
    })
}

/// Whose certificates of backends are good, if the operator says so.
fn backends(root: &Section, findings: &mut Findings) -> Option<BackendAuthorities> {
    const ASKED: &str = "ssl_client_ca_file";
    let older_certs = root.flag("ssl_client_older_certs");
    let both = root.found("ssl_server_ca_file").filter(|found| found.is_older);
    let of = |setting: &'static str| {
        let (ca_file, place) = (root.path(setting)?, root.place_of(setting).clone());
        Some(BackendAuthorities { ca_file, older_certs, setting, place })
    };
    let own = of(ASKED);
    let Some(both) = both else { return own };
    if own.is_some() {
        let text = "backends are verified with `ssl_client_ca_file`; Dovecot 2.3's proxies verify them with `ssl_ca`, whatever \
                    `ssl_client_ca_file` says";
        findings.warn(&both.place, "ssl_ca", text);
        return own;
    }
    let file = of("ssl_server_ca_file")?;
    let text = format!(
        "Dovecot 2.3's proxies verify backends with `ssl_ca`, so it is used for that, too; write `ssl_client_ca_file = {}`, and \
         keep `ssl_server_ca_file` only if clients show certificates",
        file.ca_file.display()
    );
    findings.warn(&both.place, "ssl_ca", text);
    Some(BackendAuthorities { setting: "ssl_ca", ..file })
}

/// The word of `section`; none: it leaves that to whom it belongs to.
pub(super) fn request_client_cert(section: &Section) -> Option<RequestClientCert> {
    match section.text(REQUEST_CLIENT_CERT).as_str() {
        "no" => Some(RequestClientCert::No),
        "yes" => Some(RequestClientCert::Yes),
        "required" => Some(RequestClientCert::Required),
        _ => None,
    }
}

/// Relations between client certificates and the settings about logins.
pub(super) fn certificate_logins(
    root: &Section,
    listeners: &[Listener],
    auth: &Auth,
    protocols: &[ProtocolSettings; 5],
    findings: &mut Findings,
) {
    let can_come = |it: &Listener| it.request_client_cert != RequestClientCert::No || it.haproxy;
    let nobody_has_one = !listeners.iter().any(can_come);
    for (protocol, settings) in Protocol::ALL.into_iter().zip(protocols) {
        let name = "auth_ssl_require_client_cert";
        let place = holder(root, protocol, name).found(name).map(|found| &found.place);
        let of_the_protocol = |it: &&Listener| it.protocol == protocol;
        let is_served = listeners.iter().any(|it| of_the_protocol(&it));
        let is_own = holder(root, protocol, name).scope == Scope::Protocol;
        let has_none = !listeners.iter().filter(of_the_protocol).any(can_come);
        let is_hopeless = if is_own { is_served && has_none } else { nobody_has_one };
        if let (true, true, Some(place)) = (settings.ssl_require_client_cert, is_hopeless, place) {
            let text = "no client could log in: no listener asks for certificates; write `ssl_server_request_client_cert = yes`";
            findings.error(place, name, text);
        }
    }
    if !auth.mechanisms.contains(&Mechanism::External) {
        return;
    }
    let name = "auth_mechanisms";
    if nobody_has_one {
        let text = "`external` will not be offered: no listener asks for certificates; write \
                    `ssl_server_request_client_cert = yes`";
        findings.warn(root.place_of(name), name, text);
    }
    let may_answer = |passdb: &Passdb| {
        let is_asked =
            passdb.mechanisms.is_empty() || passdb.mechanisms.contains(&Mechanism::External);
        let mut fields = passdb.fields.iter().chain(&passdb.default_fields);
        let has_way_in = fields.any(|field| matches!(&*field.name, "pass" | "proxy_noauth"));
        let has_way_in = has_way_in || is_shown_by(passdb);
        is_asked && (has_way_in || !matches!(passdb.driver, PassdbDriver::Static { .. }))
    };
    if !auth.passdbs.iter().any(may_answer) {
        let text = "logins by `external` will fail: no passdb has a field `pass`, which backends are sent in place of the \
                    client's password; write `fields { pass = …  master = … }`";
        findings.warn(root.place_of(name), name, text);
    }
}

const REQUEST_CLIENT_CERT: &str = "ssl_server_request_client_cert";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded, warnings};
    use std::path::Path;

    const IMAP: Protocol = Protocol::Imap;

    #[test]
    fn certificates_by_name_and_default() {
        let config = loaded(
            "ssl = required\nssl_server_cert_file = /c\nssl_server_key_file = /k\nssl_min_protocol = TLSv1.3\n\
             local_name \"a.example B.example\" {\n ssl_server_cert_file = /c2\n ssl_server_key_file = /k2\n}\n",
        );
        assert_eq!(config.ssl.of(IMAP).mode, SslMode::Required);
        assert_eq!(config.ssl.of(IMAP).min_protocol, TlsVersion::Tls13);
        assert_eq!(config.ssl.of(IMAP).server.as_ref().unwrap().cert_file, Path::new("/c"));
        let names: Vec<&str> =
            config.ssl.of(IMAP).by_name.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.example", "b.example"]);
    }

    /// What each mail listener asks for, in order.
    fn asked(text: &str) -> Vec<RequestClientCert> {
        loaded(text).listeners.iter().map(|listener| listener.request_client_cert).collect()
    }

    const PLACE: &str = "listen = ::1\nprotocols = imap\nssl_server_ca_file = /ca\n";

    #[test]
    fn w_tls_4_certificates_are_asked_for_by_listener() {
        use RequestClientCert::{No, Required, Yes};
        assert_eq!(asked(PLACE), [No, No]);
        let on = format!("{PLACE}ssl_server_request_client_cert = yes\n");
        assert_eq!(asked(&on), [Yes, Yes]);
        let own = "service imap-login {\n inet_listener imap { ssl_server_request_client_cert = no }\n \
                   inet_listener imaps { ssl_server_request_client_cert = required }\n}\n";
        assert_eq!(asked(&format!("{on}{own}")), [No, Required]);
        assert_eq!(asked(&format!("{on}ssl = no\n")), [No]);
        let clients = loaded(&on).ssl.of(IMAP).clients.clone().unwrap();
        assert_eq!(clients.ca_file, Path::new("/ca"));
        assert!(clients.require_crl && clients.username_field == NameField::CommonName);
        assert_eq!(loaded(PLACE).ssl.of(IMAP).clients, None, "nobody asks");
        let older = "ssl_ca = </ca\nssl_verify_client_cert = yes\nssl_require_crl = no\n\
                     ssl_cert_username_field = x500UniqueIdentifier\n";
        let mut files = crate::config::tests::Files::new(&[("/e/t.conf", older), ("/ca", "C\n")]);
        let found = crate::config::load(&mut files, Path::new("/e/t.conf"));
        let clients = found.config.unwrap().ssl.of(IMAP).clients.clone().unwrap();
        assert!(!clients.require_crl && clients.username_field == NameField::UniqueIdentifier);
        for field in NameField::ALL {
            let text = format!("{on}ssl_server_cert_username_field = {}\n", field.name());
            assert_eq!(loaded(&text).ssl.of(IMAP).clients.clone().unwrap().username_field, field);
        }
    }

    #[test]
    fn case_18_a_second_certificate_and_its_password_are_read_in_every_spelling() {
        let pairs = [
            (
                "ssl_cert = /c\nssl_key = /k\n",
                "ssl_alt_cert = /c2\nssl_alt_key = /k2\nssl_key_password = p\n",
            ),
            (
                "ssl_server_cert_file = /c\nssl_server_key_file = /k\n",
                "ssl_server_alt_cert_file = /c2\nssl_server_alt_key_file = /k2\nssl_server_key_password = p\n",
            ),
            (
                "ssl_server_cert_file = /c\nssl_server_key_file = /k\n",
                "ssl_server {\n alt_cert_file = /c2\n alt_key_file = /k2\n key_password = p\n}\n",
            ),
        ];
        for (first, second) in pairs {
            let all = format!("{first}{second}");
            for text in [
                all.clone(),
                format!("protocol imap {{\n{all}}}\n"),
                format!("local_name a {{\n{all}}}\n"),
            ] {
                let ssl = loaded(&text).ssl.of(IMAP).clone();
                let named = ssl.by_name.into_iter().map(|(_, certificate)| certificate);
                let found = ssl.server.into_iter().chain(named).next().unwrap();
                let other = found.alternative.as_deref().unwrap();
                assert_eq!(
                    (&*other.cert_file, &*other.key_file),
                    (Path::new("/c2"), Path::new("/k2")),
                    "{text}"
                );
                for certificate in [&found, other] {
                    assert_eq!(
                        certificate.key_password.as_ref().unwrap().secret.expose(),
                        b"p",
                        "{text}"
                    );
                }
            }
            let half = second.split('\n').next().unwrap();
            if !half.ends_with('{') {
                assert!(errors(&format!("{first}{half}\n"))[0].contains("needs its private key"));
                assert!(errors(second)[0].contains("a second certificate needs a first one"));
            }
        }
        // A name without a password of its own takes that of all.
        let text = "ssl_server_key_password = all\nlocal_name a {\n ssl_server_cert_file = /c\n ssl_server_key_file = /k\n}\n";
        let found = loaded(text).ssl.of(IMAP).by_name[0].1.key_password.clone().unwrap();
        assert_eq!(found.secret.expose(), b"all");
        assert!(found.place.to_string().ends_with("t.conf:1"), "{}", found.place);
    }

    /// `ssl_ca` of Dovecot 2.3 is what its proxies verify backends with; `ssl_client_ca_file` they don't look at.
    #[test]
    fn w_btls_1_dovecot_2_3_has_one_file_for_both_directions() {
        let load = |text: &str| {
            let files = [("/e/t.conf", text), ("/ca", "C\n"), ("/other", "C\n")];
            let found = crate::config::load(
                &mut crate::config::tests::Files::new(&files),
                Path::new("/e/t.conf"),
            );
            let warnings: Vec<String> = found.warnings.iter().map(ToString::to_string).collect();
            (found.config.unwrap().ssl.backends, warnings.join("\n"))
        };
        let (backends, said) = load("ssl_ca = </ca\n");
        let backends = backends.unwrap();
        assert_eq!((backends.setting, &*backends.ca_file), ("ssl_ca", Path::new("/ca")));
        assert!(
            backends.older_certs && said.contains("write `ssl_client_ca_file = /ca`"),
            "{said}"
        );
        let (backends, said) =
            load("ssl_ca = </ca\nssl_client_ca_file = /other\nssl_client_older_certs = no\n");
        let backends = backends.unwrap();
        assert_eq!(
            (backends.setting, &*backends.ca_file),
            ("ssl_client_ca_file", Path::new("/other"))
        );
        assert!(
            !backends.older_certs
                && said.contains("backends are verified with `ssl_client_ca_file`"),
            "{said}"
        );
        // Under its own name it is for clients only.
        let (backends, said) = load("ssl_server_ca_file = /ca\n");
        assert!(backends.is_none() && !said.contains("backends"), "{said}");
        assert!(load("").0.is_none());
    }

    #[test]
    fn op_01_certificates_of_clients_need_an_authority_and_somebody_who_asks() {
        let found = errors("ssl_server_request_client_cert = yes\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("t.conf:1") && found[0].contains("ssl_server_ca_file: missing"));
        let found = errors("auth_ssl_require_client_cert = yes\n");
        assert!(found[0].contains("no client could log in"), "{found:?}");
        let found = errors("ssl_server_request_client_cert = maybe\n");
        assert!(found[0].contains("expected `no`, `yes` or `required`"), "{found:?}");
        assert!(errors("ssl_server_cert_username_field = shoeSize\n")[0].contains("commonName"));
        let balancer = "haproxy_trusted_networks = ::1\nservice imap-login {\n inet_listener h { port = 1 haproxy = \
                        yes }\n}\nauth_ssl_require_client_cert = yes\n";
        assert!(loaded(balancer).protocol(IMAP).ssl_require_client_cert, "W-TLV-2");
    }

    #[test]
    fn external_without_anybody_who_could_use_it_is_pointed_out() {
        let external = format!("{PLACE}auth_mechanisms = plain external\n");
        let has = |text: &str, words: &str| {
            warnings(&format!("{external}{text}")).iter().any(|warning| warning.contains(words))
        };
        let unasked = "`external` will not be offered";
        assert!(has("", unasked));
        let asked = "ssl_server_request_client_cert = yes\n";
        assert!(!has(asked, unasked));
        let no_pass = "logins by `external` will fail";
        let passdb = |fields: &str| format!("{asked}passdb static {{\n {fields}\n}}\n");
        assert!(has(&passdb("fields {\n nopassword = y\n }"), no_pass));
        assert!(has(&passdb("mechanisms = plain\n fields {\n pass = x\n }"), no_pass));
        assert!(!has(&passdb("fields {\n pass = x\n }"), no_pass));
        assert!(!has(&passdb("fields {\n proxy_noauth = y\n }"), no_pass));
        let file = format!("{asked}passdb passwd-file {{\n passwd_file_path = /p\n}}\n");
        assert!(!has(&file, no_pass), "its rows may");
    }

    #[test]
    fn op_01_half_a_certificate_is_an_error() {
        assert!(errors("ssl_server_cert_file = /c\n")[0].contains("ssl_server_key_file: missing"));
        assert!(errors("ssl_server_key_file = /c\n")[0].contains("ssl_server_cert_file: missing"));
        assert!(errors("ssl = required\n")[0].contains("names no certificate"));
        assert!(
            errors("ssl_min_protocol = TLSv1\n")[0].contains("expected `TLSv1.2` or `TLSv1.3`")
        );
    }
}
