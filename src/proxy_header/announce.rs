//! The PROXY header that a backend or another site is sent before anything else (W-PPO-1, W-PPO-6).

use super::encode::{self, Endpoints, Outgoing, OutgoingSsl};
use crate::facts::{ClientFacts, Transport};

/// Which header the backends of a protocol want (`proxy_send_header`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendHeader {
    /// None.
    #[default]
    No,
    /// Version 1: addresses only.
    V1,
    /// Version 2, with these extensions.
    V2(Extensions),
}

/// What a header of version 2 tells besides addresses (`proxy_send_header_options`, W-PPO-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions(u8);

impl Extensions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// That the client came by TLS.
    pub const SSL: Self = Self(0x01);
    /// The host name that it asked for.
    pub const AUTHORITY: Self = Self(0x02);
    /// The session's id.
    pub const UNIQUE_ID: Self = Self(0x04);
    /// A checksum of the header.
    pub const CHECKSUM: Self = Self(0x08);

    /// These and others.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    const fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }
}

impl Default for Extensions {
    /// W-PPO-4.
    fn default() -> Self {
        Self::SSL.with(Self::AUTHORITY)
    }
}

impl SendHeader {
    /// The bytes for a backend of this client; empty when none are wanted.
    #[must_use]
    pub fn encode(self, facts: &ClientFacts) -> Vec<u8> {
        // The apparent client, and what it connected to (W-PPO-2).
        let endpoints = Some(Endpoints { source: facts.apparent, destination: facts.local });
        match self {
            Self::No => Vec::new(),
            Self::V1 => encode::v1(endpoints),
            Self::V2(extensions) => {
                let is_secured = facts.transport == Transport::Tls;
                let name = facts.local_name.as_deref();
                let session = facts.session_id.to_string();
                let outgoing = Outgoing {
                    endpoints,
                    ssl: (is_secured && extensions.has(Extensions::SSL)).then(|| OutgoingSsl {
                        verified_common_name: facts.certificate.name(),
                        ..OutgoingSsl::default()
                    }),
                    authority: name.filter(|_| extensions.has(Extensions::AUTHORITY)),
                    unique_id: extensions.has(Extensions::UNIQUE_ID).then_some(session.as_bytes()),
                    checksum: extensions.has(Extensions::CHECKSUM),
                    ..Outgoing::default()
                };
                encode::v2(&outgoing).bytes
            }
        }
    }
}

/// Which header the load balancers of other sites are sent (`site_send_header`, `site_send_header_to`).
#[derive(Clone, Debug, Default)]
pub struct SiteHeader {
    header: SendHeader,
    /// Empty: all of them.
    only: Box<[Box<str>]>,
}

impl SiteHeader {
    /// This header for these load balancers, or for all.
    #[must_use]
    pub fn new(header: SendHeader, only: Box<[Box<str>]>) -> Self {
        Self { header, only }
    }

    /// The bytes for a load balancer; empty when none are wanted. It names no client: the proxies behind would take the
    /// client for the origin, believe nothing that we tell of it, and not know how many hops are left (W-PPO-6).
    #[must_use]
    pub fn encode(&self, load_balancer: &str) -> Vec<u8> {
        let mut named = self.only.iter();
        if !self.only.is_empty() && !named.any(|name| name.eq_ignore_ascii_case(load_balancer)) {
            return Vec::new();
        }
        match self.header {
            SendHeader::No => Vec::new(),
            SendHeader::V1 => encode::v1(None),
            SendHeader::V2(_) => encode::v2(&Outgoing::default()).bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ClientCertificate;
    use crate::limits::PROXY_TTL;
    use crate::names::SessionId;
    use crate::proxy_header::{Command, Decoder, Outcome};

    fn facts(transport: Transport) -> ClientFacts {
        let address = "192.0.2.1:1000".parse().unwrap();
        ClientFacts {
            socket: "127.0.0.1:9".parse().unwrap(),
            origin: address,
            apparent: address,
            local: "198.51.100.1:993".parse().unwrap(),
            local_name: Some("imap.example.org".into()),
            session_id: SessionId::from_bytes([1; 16]),
            ttl: PROXY_TTL,
            transport,
            trusted: false,
            certificate: ClientCertificate::NONE,
            forward: Vec::new(),
        }
    }

    #[test]
    fn w_ppo_2_a_header_names_the_client_and_what_it_connected_to() {
        assert_eq!(SendHeader::No.encode(&facts(Transport::Tls)), b"");
        let text = SendHeader::V1.encode(&facts(Transport::Tls));
        assert_eq!(text, b"PROXY TCP4 192.0.2.1 198.51.100.1 1000 993\r\n");
    }

    #[test]
    fn w_ppo_6_another_site_is_told_that_the_connection_is_our_own() {
        let to = |header, only: &[&str], host| {
            let only = only.iter().map(|name| Box::from(*name)).collect();
            SiteHeader::new(header, only).encode(host)
        };
        let v2 = SendHeader::V2(Extensions::default());
        let own = to(v2, &[], "lb2");
        let Outcome::Done { header, consumed } = Decoder::new().decode(&own) else {
            panic!("our own header is refused");
        };
        assert_eq!((header.command, consumed), (Command::Local, own.len()));
        assert_eq!(to(SendHeader::V1, &[], "lb2"), b"PROXY UNKNOWN\r\n");
        assert_eq!(to(SendHeader::No, &["lb2"], "lb2"), b"");
        let only = ["lb2.example.org", "lb3.example.org"];
        assert_eq!(to(v2, &only, "LB3.Example.org"), own);
        assert_eq!(to(v2, &only, "lb4.example.org"), b"");
    }

    #[test]
    fn w_ppo_4_the_name_in_a_verified_certificate_is_told() {
        for name in [None, Some("tim")] {
            let certificate = ClientCertificate::verified(name.map(Into::into));
            let facts = ClientFacts { certificate, ..facts(Transport::Tls) };
            let bytes = SendHeader::V2(Extensions::default()).encode(&facts);
            let Outcome::Done { header, .. } = Decoder::new().decode(&bytes) else {
                panic!("our own header is refused");
            };
            let told = header.tlvs.ssl.unwrap().verified_common_name;
            assert_eq!(told.as_deref(), name);
        }
        // Nothing is told of a client whose way was not protected.
        let facts = ClientFacts {
            certificate: ClientCertificate::verified(Some("tim".into())),
            ..facts(Transport::Insecure)
        };
        let Outcome::Done { header, .. } =
            Decoder::new().decode(&SendHeader::V2(Extensions::default()).encode(&facts))
        else {
            panic!("our own header is refused");
        };
        assert_eq!(header.tlvs.ssl, None);
    }

    #[test]
    fn w_ppo_4_tls_is_told_only_of_a_client_that_used_it() {
        for transport in [Transport::Insecure, Transport::Tls] {
            let bytes = SendHeader::V2(Extensions::default()).encode(&facts(transport));
            let Outcome::Done { header, consumed } = Decoder::new().decode(&bytes) else {
                panic!("our own header is refused");
            };
            assert_eq!(consumed, bytes.len());
            assert_eq!(header.transport(), transport);
            assert_eq!(header.tlvs.authority.as_deref(), Some("imap.example.org"));
            assert_eq!(
                (header.tlvs.unique_id, bytes.len()),
                (None, 16 + 12 + 19 + tls_bytes(transport))
            );
        }
    }

    fn tls_bytes(transport: Transport) -> usize {
        if transport == Transport::Tls { 3 + 5 } else { 0 }
    }

    #[test]
    fn w_ppo_4_each_extension_by_option() {
        let decoded = |extensions| {
            let bytes = SendHeader::V2(extensions).encode(&facts(Transport::Tls));
            match Decoder::new().decode(&bytes) {
                Outcome::Done { header, .. } => (header, bytes.len()),
                other => panic!("{other:?}"),
            }
        };
        let (header, bytes) = decoded(Extensions::NONE);
        assert_eq!((header.transport(), header.tlvs.authority), (Transport::Insecure, None));
        assert_eq!(bytes, 16 + 12);
        let (header, _) = decoded(Extensions::UNIQUE_ID);
        let id = SessionId::from_bytes([1; 16]).to_string();
        assert_eq!(header.tlvs.unique_id.as_deref(), Some(id.as_bytes()));
        // What the decoder accepts with a checksum has the right one (W-TLV-4).
        let (_, bytes) = decoded(Extensions::CHECKSUM);
        assert_eq!(bytes, 16 + 12 + 7);
    }
}
