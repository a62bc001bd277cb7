//! The PROXY header that a backend is sent before anything else (wire.md 2.5).

use crate::facts::{ClientFacts, Transport};
use crate::proxy_header::encode::{self, Endpoints, Outgoing, OutgoingSsl};

/// Which header the backends of a protocol want (`proxy_send_header`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendHeader {
    /// None.
    #[default]
    No,
    /// Version 1: addresses only.
    V1,
    /// Version 2, with what is known of the client's TLS (W-PPO-4).
    V2,
}

impl SendHeader {
    /// The bytes for a backend of this client; empty when none are wanted.
    #[must_use]
    pub fn encode(self, facts: &ClientFacts) -> Vec<u8> {
        // Both as far as anybody knows (W-PPO-2).
        let endpoints = Some(Endpoints { source: facts.apparent, destination: facts.local });
        match self {
            Self::No => Vec::new(),
            Self::V1 => encode::v1(endpoints),
            Self::V2 => {
                let is_secured = facts.transport == Transport::Tls;
                let outgoing = Outgoing {
                    endpoints,
                    ssl: is_secured.then(|| OutgoingSsl {
                        verified_common_name: facts.certificate.name(),
                        ..OutgoingSsl::default()
                    }),
                    authority: facts.local_name.as_deref(),
                    ..Outgoing::default()
                };
                encode::v2(&outgoing).bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ClientCertificate;
    use crate::limits::PROXY_TTL;
    use crate::names::SessionId;
    use crate::proxy_header::{Decoder, Outcome};

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
    fn w_ppo_4_the_name_in_a_verified_certificate_is_told() {
        for name in [None, Some("tim")] {
            let certificate = ClientCertificate::verified(name.map(Into::into));
            let facts = ClientFacts { certificate, ..facts(Transport::Tls) };
            let bytes = SendHeader::V2.encode(&facts);
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
        let Outcome::Done { header, .. } = Decoder::new().decode(&SendHeader::V2.encode(&facts))
        else {
            panic!("our own header is refused");
        };
        assert_eq!(header.tlvs.ssl, None);
    }

    #[test]
    fn w_ppo_4_tls_is_told_only_of_a_client_that_used_it() {
        for transport in [Transport::Insecure, Transport::Tls] {
            let bytes = SendHeader::V2.encode(&facts(transport));
            let Outcome::Done { header, consumed } = Decoder::new().decode(&bytes) else {
                panic!("our own header is refused");
            };
            assert_eq!(consumed, bytes.len());
            assert_eq!(header.transport(), transport);
            assert_eq!(header.tlvs.authority.as_deref(), Some("imap.example.org"));
        }
    }
}
