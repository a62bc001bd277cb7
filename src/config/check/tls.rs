//! Certificates and their names.
//!
//! Driver: `check`. Tests: below.

use crate::config::diagnostic::Findings;
use crate::config::model::{
    Auth, BackendAuthorities, Certificate, ClientAuthorities, Listener, Mechanism, Passdb,
    PassdbDriver, RequestClientCert, Ssl, SslMode, TlsVersion,
};
use crate::config::registry::Scope;
use crate::config::sort::Section;
use crate::wire::certificate_name::NameField;

pub(super) fn ssl(root: &Section, listeners: &[Listener], findings: &mut Findings) -> Ssl {
    let mode = match root.text("ssl").as_str() {
        "no" => SslMode::No,
        "required" => SslMode::Required,
        _ => SslMode::Yes,
    };
    let server = certificate(root, findings);
    let mut by_name = Vec::new();
    for block in root.of_scope(Scope::LocalName) {
        if let Some(certificate) = certificate(block, findings) {
            let names = block.name().split_whitespace().map(str::to_ascii_lowercase);
            by_name.extend(names.map(|name| (name, certificate.clone())));
        }
    }
    if mode == SslMode::Required && server.is_none() && by_name.is_empty() {
        let text = "found `required`, but `ssl_server_cert_file` names no certificate: nobody could log in";
        findings.error(root.place_of("ssl"), "ssl", text);
    }
    Ssl {
        mode,
        server,
        by_name,
        min_protocol: match root.text("ssl_min_protocol").as_str() {
            "TLSv1.3" => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        },
        clients: clients(root, listeners, findings),
        backends: backends(root, findings),
        client_require_valid_cert: root.flag("ssl_client_require_valid_cert"),
    }
}

/// Whose certificates of clients are good, if any listener asks for one.
fn clients(
    root: &Section,
    listeners: &[Listener],
    findings: &mut Findings,
) -> Option<ClientAuthorities> {
    let asks = listeners.iter().find(|it| it.request_client_cert != RequestClientCert::No)?;
    let Some(ca_file) = root.path("ssl_server_ca_file") else {
        let text = format!(
            "missing: `inet_listener {}` asks clients for certificates; name a file with the authorities that issue them",
            asks.name
        );
        let place = asks.place.as_ref().unwrap_or_else(|| root.place_of(REQUEST_CLIENT_CERT));
        findings.error(place, "ssl_server_ca_file", text);
        return None;
    };
    Some(ClientAuthorities {
        ca_file,
        require_crl: root.flag("ssl_server_require_crl"),
        username_field: NameField::named(&root.text("ssl_server_cert_username_field"))
            .unwrap_or_default(),
        place: root.place_of("ssl_server_ca_file").clone(),
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
    findings: &mut Findings,
) {
    let can_come = |it: &Listener| it.request_client_cert != RequestClientCert::No || it.haproxy;
    let nobody_has_one = !listeners.iter().any(can_come);
    if auth.ssl_require_client_cert && nobody_has_one {
        let name = "auth_ssl_require_client_cert";
        let text = "nobody could log in: no listener asks for certificates; write `ssl_server_request_client_cert = yes`";
        findings.error(root.place_of(name), name, text);
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
        is_asked && (has_way_in || matches!(passdb.driver, PassdbDriver::PasswdFile { .. }))
    };
    if !auth.passdbs.iter().any(may_answer) {
        let text = "logins by `external` will fail: no passdb has a field `pass`, which backends are sent in place of the \
                    client's password; write `fields { pass = …  master = … }`";
        findings.warn(root.place_of(name), name, text);
    }
}

const REQUEST_CLIENT_CERT: &str = "ssl_server_request_client_cert";

fn certificate(section: &Section, findings: &mut Findings) -> Option<Certificate> {
    let (cert, key) = ("ssl_server_cert_file", "ssl_server_key_file");
    match (section.path(cert), section.path(key)) {
        (Some(cert_file), Some(key_file)) => Some(Certificate {
            cert_file,
            key_file,
            key_password: section.secret("ssl_server_key_password"),
            place: section.place_of(cert).clone(),
        }),
        (Some(_), None) => {
            findings.error(
                section.place_of(cert),
                key,
                "missing: the certificate needs its private key",
            );
            None
        }
        (None, Some(_)) => {
            findings.error(
                section.place_of(key),
                cert,
                "missing: the private key needs its certificate",
            );
            None
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded, warnings};
    use std::path::Path;

    #[test]
    fn certificates_by_name_and_default() {
        let config = loaded(
            "ssl = required\nssl_server_cert_file = /c\nssl_server_key_file = /k\nssl_min_protocol = TLSv1.3\n\
             local_name \"a.example B.example\" {\n ssl_server_cert_file = /c2\n ssl_server_key_file = /k2\n}\n",
        );
        assert_eq!(config.ssl.mode, SslMode::Required);
        assert_eq!(config.ssl.min_protocol, TlsVersion::Tls13);
        assert_eq!(config.ssl.server.unwrap().cert_file, Path::new("/c"));
        let names: Vec<&str> = config.ssl.by_name.iter().map(|(name, _)| name.as_str()).collect();
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
        let clients = loaded(&on).ssl.clients.unwrap();
        assert_eq!(clients.ca_file, Path::new("/ca"));
        assert!(clients.require_crl && clients.username_field == NameField::CommonName);
        assert_eq!(loaded(PLACE).ssl.clients, None, "nobody asks");
        let older = "ssl_ca = </ca\nssl_verify_client_cert = yes\nssl_require_crl = no\n\
                     ssl_cert_username_field = x500UniqueIdentifier\n";
        let mut files = crate::config::tests::Files::new(&[("/e/t.conf", older), ("/ca", "C\n")]);
        let found = crate::config::load(&mut files, Path::new("/e/t.conf"));
        let clients = found.config.unwrap().ssl.clients.unwrap();
        assert!(!clients.require_crl && clients.username_field == NameField::UniqueIdentifier);
        for field in NameField::ALL {
            let text = format!("{on}ssl_server_cert_username_field = {}\n", field.name());
            assert_eq!(loaded(&text).ssl.clients.unwrap().username_field, field);
        }
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
        assert!(backends.is_none() && !said.contains("ssl"), "{said}");
        assert!(load("").0.is_none());
    }

    #[test]
    fn op_01_certificates_of_clients_need_an_authority_and_somebody_who_asks() {
        let found = errors("ssl_server_request_client_cert = yes\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("t.conf:1") && found[0].contains("ssl_server_ca_file: missing"));
        let found = errors("auth_ssl_require_client_cert = yes\n");
        assert!(found[0].contains("nobody could log in"), "{found:?}");
        let found = errors("ssl_server_request_client_cert = maybe\n");
        assert!(found[0].contains("expected `no`, `yes` or `required`"), "{found:?}");
        assert!(errors("ssl_server_cert_username_field = shoeSize\n")[0].contains("commonName"));
        let balancer = "haproxy_trusted_networks = ::1\nservice imap-login {\n inet_listener h { port = 1 haproxy = \
                        yes }\n}\nauth_ssl_require_client_cert = yes\n";
        assert!(loaded(balancer).auth.ssl_require_client_cert, "W-TLV-2");
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
