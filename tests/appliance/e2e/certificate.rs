//! Certificates for the tests, each its own authority.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Pem {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pem {
    pub(crate) fn new(names: &[&str]) -> Self {
        Self::until(names, 4000)
    }

    pub(crate) fn expired(names: &[&str]) -> Self {
        Self::until(names, 2021)
    }

    /// The same with a key that is there already: one of RSA takes long to make.
    pub(crate) fn with_key(names: &[&str], key: &KeyPair) -> Self {
        Self::signed(names, 4000, key)
    }

    fn until(names: &[&str], year: i32) -> Self {
        Self::signed(names, year, &KeyPair::generate().unwrap())
    }

    fn signed(names: &[&str], year: i32, key: &KeyPair) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let own_name = names[0].clone();
        let mut params = CertificateParams::new(names).unwrap();
        // Two authorities of one name would be told apart by their signatures only.
        params.distinguished_name.push(DnType::CommonName, own_name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(key).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Both files, under the names that the tests' configuration has.
    pub(crate) fn write(&self, directory: &Path) {
        self.write_certificate(directory);
        fs::write(directory.join("key.pem"), &self.key).unwrap();
    }

    pub(crate) fn write_certificate(&self, directory: &Path) {
        fs::write(directory.join("cert.pem"), &self.certificate).unwrap();
    }
}
