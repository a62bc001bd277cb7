//! Certificates for the tests, each its own authority.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

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

    /// It ends so many days from now, and an hour later.
    pub(crate) fn ending_in(names: &[&str], days: u64) -> Self {
        let now = u64::try_from(hale::control::unix_millis()).unwrap() / 1000;
        let ends = Duration::from_secs(now + days * 86_400 + 3600);
        Self::made(names, &KeyPair::generate().unwrap(), |params| {
            params.not_after = date_time_ymd(1970, 1, 1) + ends;
        })
    }

    fn until(names: &[&str], year: i32) -> Self {
        Self::signed(names, year, &KeyPair::generate().unwrap())
    }

    fn signed(names: &[&str], year: i32, key: &KeyPair) -> Self {
        Self::made(names, key, |params| params.not_after = date_time_ymd(year, 1, 1))
    }

    fn made(names: &[&str], key: &KeyPair, end: impl FnOnce(&mut CertificateParams)) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let own_name = names[0].clone();
        let mut params = CertificateParams::new(names).unwrap();
        // Two authorities of one name would be told apart by their signatures only.
        params.distinguished_name.push(DnType::CommonName, own_name);
        params.not_before = date_time_ymd(2020, 1, 1);
        end(&mut params);
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

/// Who issues certificates to clients.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, when it is the highest.
    pub(crate) certificate: String,
    /// Certificates between it and the highest.
    chain: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = (Self::params(name), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate, chain: String::new() }
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    /// An authority below this one.
    pub(crate) fn below(&self, name: &str) -> Self {
        let (params, key) = (Self::params(name), KeyPair::generate().unwrap());
        let own = params.signed_by(&key, &self.issuer).unwrap().pem();
        let chain = own + &self.chain;
        Self { issuer: Issuer::new(params, key), certificate: self.certificate.clone(), chain }
    }

    /// A certificate for the client that is called so.
    pub(crate) fn issue(&self, name: &str) -> Pem {
        self.issue_odd(name, |_| {})
    }

    /// The same, changed.
    pub(crate) fn issue_odd(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pem {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pem { certificate: own + &self.chain, key: key.serialize_pem() }
    }
}
