//! The passdb driver `http`.

use super::{Around, authorities};
use crate::config::check::web;
use crate::config::diagnostic::Findings;
use crate::config::model::{HttpAuth, HttpAuthForm};

pub(super) fn http(around: &Around<'_>, findings: &mut Findings) -> Option<HttpAuth> {
    let section = around.section;
    let url = web::url(section, "http_auth_url", findings);
    if url.is_none() && section.found("http_auth_url").is_none() {
        let text = "missing: the driver `http` needs `http_auth_url = https://…`";
        findings.error(&section.place, "http_auth_url", text);
    }
    web::warn_in_clear(section, "http_auth_url", url.as_ref(), findings);
    let form = match section.text("http_auth_form").as_str() {
        "json" => HttpAuthForm::Json,
        _ => HttpAuthForm::Nginx,
    };
    let header = web::header(section, "http_auth_header", findings);
    let passes_certificate = section.flag("http_auth_pass_client_cert");
    let authorities = authorities(section, around.root, "http_auth_ca_file");
    Some(HttpAuth { url: url?, form, header, passes_certificate, authorities })
}
