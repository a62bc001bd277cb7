//! Certificates and authorities: read at start and on SIGHUP, checked, published to the data cores.
//!
//! All or nothing: what clients meet is replaced as a whole, and only by files that are all good; otherwise everything
//! stays as it was and the log says why (TL-19). Tests: below, `tests/appliance/e2e/tls`.

use std::path::Path;

use super::expiry::Expiry;
use super::identities::{Reading, read};
use crate::config::model::{
    BackendAuthorities, ClientAuthorities, Offer, ProxySsl, Ssl, TlsVersion,
};
use crate::config::{Config, SslMode};
use crate::names::Protocol;
use crate::tls::{
    ClientTrust, Context, Manner, OlderForms, Oldest, Server, Servers, ServersBuilder, TicketKeys,
    Trust, remarks_on_trust,
};
use crate::wire::certificate_name::NameField;

/// Where certificates come from, and the keys of tickets.
#[derive(Clone, Debug)]
pub struct Certificates {
    ssl: Ssl,
    /// Some backend is to be reached by TLS, and has to prove itself.
    trust_needed: bool,
    tickets: TicketKeys,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// For the data cores.
    pub context: Context,
    /// What is odd about it.
    pub remarks: Vec<String>,
    /// When each certificate ends.
    pub expiries: Vec<Expiry>,
}

impl Certificates {
    /// The files of a configuration. `None`: the system has no randomness.
    #[must_use]
    pub fn configured(config: &Config) -> Option<Self> {
        let needs_trust = |protocol| {
            let settings = config.protocol(protocol);
            settings.proxy_ssl != ProxySsl::No && settings.verify_backends
        };
        Some(Self {
            ssl: config.ssl.clone(),
            trust_needed: Protocol::ALL.into_iter().any(needs_trust),
            tickets: TicketKeys::new()?,
        })
    }

    /// Reads and checks every file.
    ///
    /// # Errors
    /// Everything that is wrong, a line each, with its remedy.
    pub fn load(&self) -> Result<Loaded, Vec<String>> {
        let mut reading = Reading::new();
        let mut faults = Vec::new();
        let servers = Protocol::ALL.map(|protocol| {
            let server = self.server(protocol, &mut reading);
            server.unwrap_or_else(|found| {
                faults.extend(found);
                None
            })
        });
        let trust = self.trust(&mut reading).map_err(|fault| faults.push(fault));
        let own = self.ssl.own.as_ref().map(|own| reading.identity(own)).transpose();
        let own = own.map_err(|fault| faults.push(fault)).unwrap_or_default();
        let (true, Ok(trust)) = (faults.is_empty(), trust) else {
            return Err(told_once(faults));
        };
        let trust = trust
            .speaking(manner(self.ssl.backend_min_protocol, &self.ssl.backend_offer))
            .showing(own);
        let context = Context { servers: Servers::new(servers), trust };
        reading.remark_on_passwords();
        let Reading { remarks, expiries, .. } = reading;
        Ok(Loaded { context, remarks: told_once(remarks), expiries })
    }

    /// What the clients of one protocol meet; `None`: there is nothing to show them.
    fn server(
        &self,
        protocol: Protocol,
        reading: &mut Reading,
    ) -> Result<Option<Server>, Vec<String>> {
        let ssl = self.ssl.of(protocol);
        if ssl.mode == SslMode::No {
            return Ok(None);
        }
        let mut faults = Vec::new();
        let mut servers = ServersBuilder::default();
        if let Some(certificate) = &ssl.server {
            match reading.identity(certificate) {
                Ok(identity) => servers.default_identity(&identity),
                Err(fault) => faults.push(fault),
            }
        }
        for (name, certificate) in &ssl.by_name {
            match reading.identity(certificate) {
                Ok(identity) => servers.named(name, &identity),
                Err(fault) => faults.push(fault),
            }
        }
        if let Some(clients) = &ssl.clients {
            match client_trust(clients) {
                Ok((trust, field)) => servers.clients(trust, field),
                Err(fault) => faults.push(fault),
            }
        }
        match faults.is_empty() {
            true => {
                let manner = manner(ssl.min_protocol, &ssl.offer);
                Ok(servers.build_for(protocol, &manner, &self.tickets))
            }
            false => Err(faults),
        }
    }

    /// The same files with the keys of `running`: clients with tickets go on with their sessions.
    #[must_use]
    pub fn resuming(self, running: &Self) -> Self {
        Self { tickets: running.tickets.clone(), ..self }
    }

    /// The context with these keys, should they have been replaced while it was made.
    #[must_use]
    pub fn ticketed(&self, context: Context) -> Context {
        let servers = context.servers.as_ref().map(|servers| servers.with_tickets(&self.tickets));
        Context { servers, ..context }
    }

    /// Replaces the keys of tickets in what is published now.
    pub fn rotate(&mut self, context: &Context) -> Context {
        // Without randomness the old keys serve on; nothing else works then either.
        if let Some(next) = self.tickets.next() {
            self.tickets = next;
        }
        let servers = context.servers.as_ref().map(|servers| servers.with_tickets(&self.tickets));
        Context { servers, trust: context.trust.clone() }
    }

    fn trust(&self, reading: &mut Reading) -> Result<Trust, String> {
        let Some(backends) = &self.ssl.backends else {
            return Ok(self.system_trust(&mut reading.remarks));
        };
        let BackendAuthorities { ca_file, older_certs, setting, place } = backends;
        let file = format!("{place}: {setting}: {}", ca_file.display());
        let bytes = read(ca_file).map_err(|error| {
            format!(
                "{file} can't be read: {error}; name an existing file that hale's user may read"
            )
        })?;
        let older = if *older_certs { OlderForms::Accepted } else { OlderForms::Refused };
        let remarks = remarks_on_trust(&bytes, older, reading.now).into_iter();
        reading.remarks.extend(remarks.map(|remark| format!("{file}: {remark}")));
        Trust::new(&bytes, older).map_err(|fault| format!("{file} {fault}"))
    }

    /// The authorities that the system trusts. Missing ones matter to those alone who need them.
    fn system_trust(&self, remarks: &mut Vec<String>) -> Trust {
        let readable = SYSTEM_AUTHORITIES.iter().find_map(|path| read(Path::new(path)).ok());
        if let Some(trust) = readable.and_then(|bytes| Trust::system(&bytes).ok()) {
            return trust;
        }
        if self.trust_needed {
            remarks.push(
                "no authority is trusted, so no backend can prove itself: set ssl_client_ca_file, or install the \
                 system's ca-certificates"
                    .to_owned(),
            );
        }
        Trust::default()
    }
}

/// What is the matter with a file is the matter of each protocol that has it.
fn told_once(lines: Vec<String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        if !told.contains(&line) {
            told.push(line);
        }
    }
    told
}

fn manner(version: TlsVersion, offer: &Offer) -> Manner {
    let oldest = match version {
        TlsVersion::Tls12 => Oldest::Tls12,
        TlsVersion::Tls13 => Oldest::Tls13,
    };
    Manner::new(oldest, &offer.suites, &offer.groups)
}

fn client_trust(clients: &ClientAuthorities) -> Result<(ClientTrust, NameField), String> {
    let ClientAuthorities { ca_file, require_crl, username_field, place } = clients;
    let path = ca_file.display();
    let bytes = read(ca_file).map_err(|error| {
        format!(
            "{place}: ssl_server_ca_file: {path} can't be read: {error}; name an existing file that hale's user may read"
        )
    })?;
    let trust = ClientTrust::new(&bytes, *require_crl)
        .map_err(|fault| format!("{place}: ssl_server_ca_file: {path} {fault}"))?;
    Ok((trust, *username_field))
}

/// Debian and its kin, Red Hat and its kin, SUSE.
pub(super) const SYSTEM_AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_and_group_of_the_configuration_is_the_librarys() {
        let all = Offer::default();
        let counts = (all.suites.len(), all.groups.len());
        assert_eq!(manner(TlsVersion::Tls12, &all).counts(), counts);
        for suite in &all.suites {
            let one = Offer { suites: vec![suite], groups: vec!["X25519"] };
            assert_eq!(manner(TlsVersion::Tls12, &one).counts(), (1, 1), "{suite}");
        }
        for group in &all.groups {
            let one = Offer { suites: vec![], groups: vec![group] };
            assert_eq!(manner(TlsVersion::Tls12, &one).counts(), (0, 1), "{group}");
        }
    }
}
