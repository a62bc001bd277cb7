//! Certificates and their names.
//!
//! Driver: `check`. Tests: below.

use crate::config::diagnostic::Findings;
use crate::config::model::{Certificate, Ssl, SslMode, TlsVersion};
use crate::config::registry::Scope;
use crate::config::sort::Section;

pub(super) fn ssl(root: &Section, findings: &mut Findings) -> Ssl {
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
        client_ca_file: root.path("ssl_client_ca_file"),
        client_require_valid_cert: root.flag("ssl_client_require_valid_cert"),
    }
}

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
    use crate::config::tests::{errors, loaded};
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
