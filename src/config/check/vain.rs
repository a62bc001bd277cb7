//! What an operator wrote in vain: settings that this version does not serve, that mean nothing in their block, or that
//! others of the configuration leave without effect. Each is a warning with the reason; an operator who is not told believes
//! that it holds.
//!
//! Defaults that are written down (`doveconf -a` prints them all) are no reason for a warning where the effect is the same.
//! What protects and cannot be had is an error, elsewhere in `check`. Driver: `check`. Tests: `vain/tests.rs`.

#[cfg(test)]
mod tests;

use crate::config::diagnostic::Findings;
use crate::config::model::{
    Config, HeaderOption, Listener, ProxyHeader, RequestClientCert, SslMode,
};
use crate::config::registry::{self, Scope};
use crate::config::sort::Section;
use crate::config::value;
use crate::names::Protocol;

/// `made`: what came of the sections; it decides what has an effect.
pub(super) fn point_out(root: &Section, made: &Config, findings: &mut Findings) {
    unserved(root, findings);
    foreign_to_the_protocol(root, findings);
    unopened(root, made, findings);
    headers(root, made, findings);
    client_certificates(root, made, findings);
    certificates(root, made, findings);
    beside_others(root, made, findings);
}

/// Settings and services that carry the mark of the registry.
fn unserved(section: &Section, findings: &mut Findings) {
    let block = match section.scope {
        Scope::Service => registry::served_service(section.name()),
        _ => None,
    };
    if let Some(text) = block.and_then(|served| served.warning("{ … }")) {
        return findings.warn(&section.place, &format!("service {}", section.name()), text);
    }
    for (name, found) in &section.values {
        let setting = registry::exact(section.scope, name);
        if let Some(text) = setting.and_then(|setting| setting.served.warning(&found.text)) {
            findings.warn(&found.place, name, text);
        }
    }
    for child in &section.children {
        unserved(child, findings);
    }
}

/// Settings of one protocol in the block of another.
fn foreign_to_the_protocol(root: &Section, findings: &mut Findings) {
    for block in root.of_scope(Scope::Protocol) {
        let Some(protocol) = protocol_of(block) else {
            not_of_doveadm(block, findings);
            continue;
        };
        for (name, found) in &block.values {
            let Some(setting) = registry::exact(block.scope, name) else { continue };
            // `protocol !pop3 { … }` stands for several blocks, and may mean something in one of them.
            let counts_elsewhere = root.of_scope(Scope::Protocol).any(|other| {
                let is_it = other.found(name).is_some_and(|it| it.place == found.place);
                is_it && protocol_of(other).is_some_and(|it| setting.concerns(it))
            });
            if !setting.concerns(protocol) && !counts_elsewhere {
                let names: Vec<&str> = setting.only.iter().map(|it| it.name()).collect();
                let text = format!(
                    "has no effect in `protocol {protocol} {{ … }}`: it is about {} only",
                    value::one_of(&names)
                );
                findings.warn(&found.place, name, text);
            }
        }
    }
}

/// doveadm of other hosts is connected to in one way.
fn not_of_doveadm(block: &Section, findings: &mut Findings) {
    for (name, found) in &block.values {
        if !matches!(*name, "proxy_port" | "proxy_ssl") && says_more(block, name) {
            let text = "has no effect in `protocol doveadm { … }`";
            findings.warn(&found.place, name, text.to_owned());
        }
    }
}

fn protocol_of(block: &Section) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| protocol.name() == block.name())
}

/// Listeners that were written for protocols that are not served.
fn unopened(root: &Section, made: &Config, findings: &mut Findings) {
    for protocol in Protocol::ALL.into_iter().filter(|it| !made.protocols.contains(it)) {
        let block = root.labelled(Scope::Service, protocol.service_name());
        for listener in block.iter().flat_map(|it| it.of_scope(Scope::Listener)) {
            if listener.found("port").is_some() && listener.number("port") != 0 {
                let text =
                    format!("the listener is not opened: `protocols` does not name {protocol}");
                findings.warn(listener.place_of("port"), "port", text);
            }
        }
    }
}

/// Where settings of a protocol stand, and which protocols that concerns.
fn outer(root: &Section) -> impl Iterator<Item = (&Section, Vec<Protocol>)> {
    let blocks = root.of_scope(Scope::Protocol);
    let blocks = blocks.filter_map(|block| Some((block, vec![protocol_of(block)?])));
    std::iter::once((root, Protocol::ALL.to_vec())).chain(blocks)
}

/// Whether something is written that differs from the default.
fn says_more(section: &Section, name: &str) -> bool {
    let default = registry::exact(section.scope, name)
        .and_then(|setting| value::parse(setting.kind, setting.default).ok());
    section.found(name).is_some_and(|found| Some(&found.value) != default.as_ref())
}

/// PROXY headers that no listener reads, and what is told in those that are not sent.
fn headers(root: &Section, made: &Config, findings: &mut Findings) {
    let reads_none = !made.listeners.iter().any(|listener| listener.haproxy);
    for name in ["haproxy_trusted_networks", "proxy_protocol_implies_secure"] {
        if reads_none && says_more(root, name) {
            let text = "has no effect: no listener reads PROXY headers; write `haproxy = yes` into its block";
            findings.warn(root.place_of(name), name, text);
        }
    }
    for (section, protocols) in outer(root) {
        let name = "site_send_header_to";
        let is_sent = |it: &Protocol| made.protocol(*it).site_send_header != ProxyHeader::No;
        if says_more(section, name) && !protocols.iter().any(is_sent) {
            let text =
                "has no effect: nothing is sent to other sites; write `site_send_header = v2`, too";
            findings.warn(section.place_of(name), name, text);
        }
    }
    for block in root.of_scope(Scope::Protocol) {
        let name = "proxy_send_header_options";
        let own = protocol_of(block).map(|it| made.protocol(it));
        let default = [HeaderOption::Ssl, HeaderOption::Authority];
        let is_lost = own.is_some_and(|own| {
            own.proxy_send_header != ProxyHeader::V2 && own.proxy_send_header_options != default
        });
        if is_lost && block.found(name).is_some() {
            let text =
                "has no effect: only the header of `proxy_send_header = v2` has room for them";
            findings.warn(block.place_of(name), name, text);
        }
    }
}

/// What would be done with certificates of clients that no listener asks for.
fn client_certificates(root: &Section, made: &Config, findings: &mut Findings) {
    let asks = |it: &Listener| it.request_client_cert != RequestClientCert::No;
    let is_heard = |protocols: &[Protocol], by_header: bool| {
        let mut own = made.listeners.iter().filter(|it| protocols.contains(&it.protocol));
        own.any(|it| asks(it) || (by_header && it.haproxy))
    };
    for (section, protocols) in outer(root) {
        for name in
            ["ssl_server_ca_file", "ssl_server_require_crl", "ssl_server_cert_username_field"]
        {
            // Dovecot 2.3's `ssl_ca` is for backends, too.
            let is_for_backends = section.found(name).is_some_and(|found| found.is_older);
            if says_more(section, name) && !is_heard(&protocols, false) && !is_for_backends {
                let text = "has no effect: no listener asks clients for certificates; write \
                            `ssl_server_request_client_cert = yes`";
                findings.warn(section.place_of(name), name, text);
            }
        }
        let name = "auth_ssl_username_from_cert";
        if says_more(section, name) && !is_heard(&protocols, true) {
            let text = "has no effect: no client shows a certificate here; write `ssl_server_request_client_cert = yes`";
            findings.warn(section.place_of(name), name, text);
        }
    }
}

/// Certificates that no client is shown.
fn certificates(root: &Section, made: &Config, findings: &mut Findings) {
    let is_off = |protocol: &Protocol| made.ssl.of(*protocol).mode == SslMode::No;
    for (section, protocols) in outer(root) {
        let name = "ssl_server_cert_file";
        if section.path(name).is_some()
            && section.found(name).is_some()
            && protocols.iter().all(is_off)
        {
            let text = "no client is shown it, because of `ssl = no`";
            findings.warn(section.place_of(name), name, text);
        }
        let name = "ssl_server_key_password";
        let has_key = protocols.iter().any(|it| {
            let ssl = made.ssl.of(*it);
            ssl.server.is_some() || !ssl.by_name.is_empty()
        });
        if says_more(section, name) && !has_key {
            let text = "has no effect: there is no `ssl_server_key_file` that it could open";
            findings.warn(section.place_of(name), name, text);
        }
    }
}

/// Settings that another one turns off.
fn beside_others(root: &Section, made: &Config, findings: &mut Findings) {
    if made.auth.cache_size == 0 {
        for name in ["auth_cache_ttl", "auth_cache_negative_ttl"] {
            if says_more(root, name) {
                let text = "has no effect: nothing is remembered with `auth_cache_size = 0`";
                findings.warn(root.place_of(name), name, text);
            }
        }
    }
    let name = "shutdown_timeout";
    if !root.flag("shutdown_clients") && says_more(root, name) {
        let text =
            "has no effect: with `shutdown_clients = no` sessions have all the time they want";
        findings.warn(root.place_of(name), name, text);
    }
    let name = "auth_master_user_separator";
    let has_masters = made.auth.passdbs.iter().any(|passdb| passdb.master);
    if made.auth.master_user_separator.is_some() && !has_masters {
        let text = "no passdb has `master = yes`, so every login with a master user fails";
        findings.warn(root.place_of(name), name, text);
    }
}
