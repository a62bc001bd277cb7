//! The plan on the page: listeners, the way to backends, and what a cluster needs to begin with. Tests: `tests/pure/import.rs`.

use std::collections::BTreeSet;

use super::dovecot::Dovecot;
use super::haproxy::{Asks, Header, Line};
use super::listening::Tls;
use super::page::{Content, Item, Origin, Page};
use super::plan::{CERTIFICATES, Listener, Plan, Towards};
use super::{LeftOut, Weight};
use crate::config::known_listeners;
use crate::config::render::label_text;
use crate::names::Protocol;

/// What HAProxy did, in front of Dovecot's settings.
pub(super) fn write(page: &mut Page, plan: &Plan, dovecot: &Dovecot) {
    if !plan.is_balanced {
        return;
    }
    let served: Vec<Protocol> =
        Protocol::ALL.into_iter().filter(|it| is_served(*it, plan, dovecot)).collect();
    let names: Vec<&str> = served.iter().map(|it| it.name()).collect();
    let why = Origin::Own("those that HAProxy listened for, and Dovecot beside it");
    page.push(Item::setting("protocols", names.join(" "), why));
    for (name, text, line) in &plan.settings {
        page.push(Item::setting(name, text, origin(line)));
    }
    if let Some((_, line)) = plan.trusted.first() {
        let networks: Vec<&str> = plan.trusted.iter().map(|(network, _)| &**network).collect();
        page.push(Item::setting("haproxy_trusted_networks", networks.join(" "), origin(line)));
    }
    for protocol in served {
        service(page, protocol, plan, dovecot);
        self::protocol(page, protocol, plan);
    }
}

fn is_served(protocol: Protocol, plan: &Plan, dovecot: &Dovecot) -> bool {
    let is_kept = || {
        dovecot.listeners().iter().any(|it| it.protocol == protocol && !plan.replaced.contains(it))
    };
    plan.listeners.iter().any(|it| it.protocol == protocol) || is_kept()
}

fn origin(line: &Line) -> Origin {
    Origin::Line(line.place.clone(), line.shown())
}

fn service(page: &mut Page, protocol: Protocol, plan: &Plan, dovecot: &Dovecot) {
    let kept: Vec<String> = dovecot
        .listeners()
        .into_iter()
        .filter(|it| it.protocol == protocol && !plan.replaced.contains(it))
        .map(|it| it.name)
        .collect();
    let mut taken: BTreeSet<String> = kept.iter().cloned().collect();
    let mut items = Vec::new();
    for listener in plan.listeners.iter().filter(|it| it.protocol == protocol) {
        let name = name_of(listener, &taken);
        items.push(self::listener(listener, &name));
        taken.insert(name);
    }
    for known in known_listeners(protocol).iter().filter(|it| !taken.contains(it.name)) {
        let closed = vec![Item::setting("port", "0", Origin::Same)];
        let why = Origin::Own("HAProxy did not listen there");
        items.push(Item::block("inet_listener", Some(known.name), closed, why));
    }
    let why = Origin::Own("listeners in HAProxy's place");
    page.add("service", protocol.service_name(), items, why);
}

/// Dovecot's name for such a listener, if it is free; else that of HAProxy's section.
fn name_of(listener: &Listener, taken: &BTreeSet<String>) -> String {
    let is_tls = listener.tls != Tls::None;
    let mut known = known_listeners(listener.protocol).iter();
    let usual = known.find(|it| it.port == listener.port && it.ssl == is_tls).map(|it| it.name);
    let usual = usual.filter(|name| !taken.contains(*name));
    let is_known = |name: &str| known_listeners(listener.protocol).iter().any(|it| it.name == name);
    let own =
        if listener.section.is_empty() { listener.protocol.name() } else { &listener.section };
    let numbered = (2_u32..).map(|number| format!("{own}-{number}"));
    let mut names = std::iter::once(own.to_owned()).chain(numbered);
    usual
        .map(str::to_owned)
        .or_else(|| names.find(|name| !taken.contains(name) && !is_known(name)))
        .unwrap_or_default()
}

fn listener(listener: &Listener, name: &str) -> Item {
    let here = origin(&listener.line);
    let mut items = vec![
        Item::setting("port", listener.port.to_string(), Origin::Same),
        Item::setting("listen", listener.addresses.join(", "), Origin::Same),
        Item::setting("ssl", if listener.tls == Tls::None { "no" } else { "yes" }, Origin::Same),
    ];
    if listener.takes_header {
        items.push(Item::setting("haproxy", "yes", Origin::Same));
    }
    match listener.asks {
        Asks::No => {}
        Asks::Optional => {
            items.push(Item::setting("ssl_server_request_client_cert", "yes", Origin::Same));
        }
        Asks::Required => {
            items.push(Item::setting("ssl_server_request_client_cert", "required", Origin::Same));
        }
    }
    for (setting, found) in
        [("connections_max", &listener.connections_max), ("connection_rate", &listener.rate)]
    {
        if let Some((line, most)) = found {
            items.push(Item::setting(setting, most.to_string(), origin(line)));
        }
    }
    Item::block("inet_listener", Some(&label_text(name)), items, here)
}

/// Certificates, and the way to backends.
fn protocol(page: &mut Page, protocol: Protocol, plan: &Plan) {
    let mut items = Vec::new();
    if let Some(certificate) = plan.certificates.iter().find(|it| it.protocol == protocol) {
        let here = origin(&certificate.line);
        items.push(Item::setting("ssl_server_cert_file", &*certificate.file, here));
        items.push(Item::setting("ssl_server_key_file", &*certificate.file, Origin::Same));
        if let Some(authorities) = &certificate.authorities {
            items.push(Item::setting("ssl_server_ca_file", &**authorities, Origin::Same));
            // HAProxy looks at no list that it was not given.
            if !certificate.has_crl {
                items.push(Item::setting("ssl_server_require_crl", "no", Origin::Same));
            }
        }
    }
    if let Some(way) = plan.way(protocol) {
        items.push(Item::setting("proxy_port", way.port.to_string(), origin(&way.line)));
        match way.tls {
            Towards::None => {}
            Towards::StartTls => items.push(Item::setting("proxy_ssl", "starttls", Origin::Same)),
            Towards::AtOnce => items.push(Item::setting("proxy_ssl", "yes", Origin::Same)),
        }
        if way.is_unverified {
            items.push(Item::setting("ssl_client_require_valid_cert", "no", Origin::Same));
        }
        match way.header {
            None => {}
            Some(Header::V1) => items.push(Item::setting("proxy_send_header", "v1", Origin::Same)),
            Some(Header::V2) => items.push(Item::setting("proxy_send_header", "v2", Origin::Same)),
        }
    }
    if let Some((_, time, line)) = plan.idle.iter().find(|it| it.0 == protocol) {
        items.push(Item::setting(
            "relay_idle_timeout",
            format!("{} secs", time / 1000),
            origin(line),
        ));
    }
    if !items.is_empty() {
        let why = Origin::Own("what HAProxy had for this protocol");
        page.push(Item::block("protocol", Some(protocol.name()), items, why));
    }
}

/// What neither HAProxy nor Dovecot said, and Hale needs, behind Dovecot's settings.
pub(super) fn write_defaults(page: &mut Page, plan: &Plan, dovecot: &Dovecot, left: &mut LeftOut) {
    write_authorities(page, plan, dovecot);
    write_missing_certificate(page, plan, dovecot, left);
    if plan.listeners.iter().any(|it| it.takes_header)
        && plan.trusted.is_empty()
        && let Some(listener) = plan.listeners.iter().find(|it| it.takes_header)
    {
        let (weight, why) = match dovecot.sets(&["haproxy_trusted_networks"]) {
            true => (
                Weight::Different,
                "`haproxy_trusted_networks` is Dovecot's, which meant HAProxy itself: name the balancers in front of it",
            ),
            false => (
                Weight::Missing,
                "HAProxy believes every sender of a header: name the balancers by `haproxy_trusted_networks`, or all are disconnected",
            ),
        };
        left.add(weight, &listener.line.place, "accept-proxy", why);
    }
    if plan.backends.is_empty() {
        return;
    }
    let why = Origin::Own(
        "users are spread over the backends by an embedded GeoDB, whose commands stand below",
    );
    if !dovecot.sets(&["@cluster_defaults"]) {
        page.push(Item::setting("@cluster_defaults", "proxy", why.clone()));
    }
    if !dovecot.sets(&["cluster_local_site"]) {
        page.push(Item::setting("cluster_local_site", super::tail::SITE, why.clone()));
    }
    if !dovecot.sets(&["cluster_geodb"]) {
        page.push(Item::setting("cluster_geodb", "sqlite:geodb.sqlite", why));
    }
    if plan.backends.iter().any(|it| it.address.is_some()) {
        let why = Origin::Own("names for the addresses of the backends, as below");
        page.push(Item::setting("cluster_hosts_file", super::tail::HOSTS, why));
    }
}

fn write_authorities(page: &mut Page, plan: &Plan, dovecot: &Dovecot) {
    let found = plan.ways.iter().find_map(|way| Some((way.authorities.as_ref()?, &way.line)));
    if let Some((file, line)) = found
        && !dovecot.sets(&["ssl_client_ca_file", "ssl_client_ca"])
    {
        page.push(Item::setting("ssl_client_ca_file", &**file, origin(line)));
    }
}

/// TLS went through HAProxy to servers whose certificate is not known here.
fn write_missing_certificate(page: &mut Page, plan: &Plan, dovecot: &Dovecot, left: &mut LeftOut) {
    let has_one = |protocol| plan.certificates.iter().any(|it| it.protocol == protocol);
    let missing = plan.listeners.iter().find(|it| it.tls != Tls::None && !has_one(it.protocol));
    let Some(listener) = missing.filter(|_| !dovecot.sets(CERTIFICATES)) else { return };
    let why = "TLS went through to the servers, and ends in Hale now: put their certificate and key there, or change the paths";
    left.add(Weight::Missing, &listener.line.place, listener.line.shown(), why);
    let why = Origin::Own("put the certificate of the servers there, or change the paths");
    page.push(Item::setting("ssl_server_cert_file", "/etc/hale/cert.pem", why));
    page.push(Item::setting("ssl_server_key_file", "/etc/hale/key.pem", Origin::Same));
}

/// Where no passdb is left the backends judge passwords, as they did behind HAProxy.
pub(super) fn write_passdb(page: &mut Page) {
    let is_passdb = |item: &Item| {
        let inside = match &item.content {
            Content::Block(_, items) if item.name == "protocol" => &items[..],
            Content::Block(..) | Content::Text(_) => &[],
        };
        item.name == "passdb" || inside.iter().any(|it| it.name == "passdb")
    };
    if page.items.iter().any(is_passdb) {
        return;
    }
    let fields = ["nopassword", "proxy"].map(|name| Item::setting(name, "yes", Origin::Same));
    let items = vec![
        Item::setting("driver", "static", Origin::Same),
        Item::block("fields", None, fields.into(), Origin::Same),
    ];
    let why = Origin::Own("no passdb is there: the backends judge the passwords");
    page.push(Item::block("passdb", Some("backends"), items, why));
}
