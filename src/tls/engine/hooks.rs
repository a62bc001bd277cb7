//! What only the unit tests of this room may do with an engine.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::ConnectionState;

use super::{Connection, Engine};

impl Engine {
    /// A client of any configuration.
    pub(in crate::tls) fn client_of(
        config: Arc<rustls::ClientConfig>,
        name: &str,
        reply: &mut Vec<u8>,
    ) -> Self {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = UnbufferedClientConnection::new(config, name).unwrap();
        let mut engine = Self::new(Connection::Client(Box::new(connection)));
        engine.open(&mut [], &mut Vec::new(), reply).unwrap();
        engine
    }

    /// Renews the keys of what we send, and asks the peer to do the same.
    pub(in crate::tls) fn renew_keys(&mut self) {
        let Connection::Client(connection) = &mut self.connection else { panic!("not a client") };
        match connection.process_tls_records(&mut self.stash).state {
            Ok(ConnectionState::WriteTraffic(traffic)) => traffic.refresh_traffic_keys().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What is needed to seal whatever one likes.
    pub(in crate::tls) fn into_secrets(self) -> rustls::ExtractedSecrets {
        let Connection::Client(connection) = self.connection else { panic!("not a client") };
        connection.dangerous_into_kernel_connection().unwrap().0
    }

    pub(in crate::tls) fn stash_is_free(&self) -> bool {
        self.stash.capacity() == 0
    }
}
