//! Certificates with their keys, read from files: each once, with what is odd about it.
//!
//! Decides what an operator is told of a file. Does not decide what a good pair is; `tls` does. Driver: `certificates`. Tests:
//! `tests/appliance/e2e/certificates.rs`.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::expiry::Expiry;
use super::wall_clock::unix_seconds;
use crate::config::model::Certificate;
use crate::limits;
use crate::tls::{Identity, IdentityFault};

/// What is read once in all.
pub(super) struct Reading {
    pub(super) now: i64,
    /// A pair may serve many names and protocols.
    known: HashMap<Pair, Result<Identity, String>>,
    /// Where each password stands, and whether a key needed it.
    passwords: BTreeMap<String, bool>,
    pub(super) remarks: Vec<String>,
    /// Of each certificate that is good.
    pub(super) expiries: Vec<Expiry>,
}

/// Certificate, key, and where the key's password stands.
type Pair = (PathBuf, PathBuf, Option<String>);

impl Reading {
    pub(super) fn new() -> Self {
        let (known, passwords) = (HashMap::new(), BTreeMap::new());
        let (remarks, expiries) = (Vec::new(), Vec::new());
        Self { now: unix_seconds(), known, passwords, remarks, expiries }
    }

    /// A certificate, with the second one if there is one.
    pub(super) fn identity(&mut self, certificate: &Certificate) -> Result<Identity, String> {
        let first = self.pair(certificate);
        let Some(second) = &certificate.alternative else { return first };
        let other = self.pair(second);
        let (first, other) = match (first, other) {
            (Ok(first), Ok(other)) => (first, other),
            (Err(_), Err(_)) if self.are_swapped(certificate, second) => {
                let Certificate { place, settings: [_, key], .. } = certificate;
                let [_, other] = second.settings;
                return Err(format!(
                    "{place}: {key} and {other} name each other's key; swap the two lines"
                ));
            }
            (Err(fault), _) | (_, Err(fault)) => return Err(fault),
        };
        if first.kind() == other.kind() {
            let Certificate { place, settings: [cert, _], cert_file, .. } = &**second;
            self.remarks.push(format!(
                "{place}: {cert}: {} is of the same kind as the first certificate, so no client is shown it; make one ECDSA and \
                 one RSA, or remove it",
                cert_file.display()
            ));
        }
        Ok(first.with_alternative(&other))
    }

    fn pair(&mut self, certificate: &Certificate) -> Result<Identity, String> {
        let place = certificate.key_password.as_ref().map(|password| password.place.to_string());
        let pair = (certificate.cert_file.clone(), certificate.key_file.clone(), place.clone());
        if let Some(known) = self.known.get(&pair) {
            return known.clone();
        }
        let identity = self.read_pair(certificate);
        if let Ok(identity) = &identity {
            self.remark(identity, certificate);
        }
        if let Some(place) = place {
            let needed = identity.as_ref().map_or(true, Identity::had_password);
            *self.passwords.entry(place).or_default() |= needed;
        }
        self.known.insert(pair, identity.clone());
        identity
    }

    fn read_pair(&self, certificate: &Certificate) -> Result<Identity, String> {
        let Certificate { cert_file, key_file, settings: [cert, key], place, .. } = certificate;
        let [chain, mut sealed] = read_both(certificate)?;
        let identity = self.identity_of(certificate, &chain, &sealed).map_err(|fault| {
            let (setting, path) = match fault.is_of_key() {
                true => (key, key_file),
                false => (cert, cert_file),
            };
            format!("{place}: {setting}: {}: {fault}", path.display())
        });
        crate::secret::wipe(&mut sealed);
        identity
    }

    fn identity_of(
        &self,
        certificate: &Certificate,
        chain: &[u8],
        key: &[u8],
    ) -> Result<Identity, IdentityFault> {
        let password = certificate.key_password.as_ref().map(|password| &password.secret);
        Identity::new(chain, key, password, self.now)
    }

    /// Whether each of two certificates goes with the other's key.
    fn are_swapped(&self, one: &Certificate, two: &Certificate) -> bool {
        let fits = |certificate: &Certificate, key: &Certificate| {
            let swapped = Certificate { key_file: key.key_file.clone(), ..certificate.clone() };
            self.read_pair(&swapped).is_ok()
        };
        fits(one, two) && fits(two, one)
    }

    fn remark(&mut self, identity: &Identity, certificate: &Certificate) {
        let Certificate { cert_file, settings: [setting, _], .. } = certificate;
        let path = cert_file.display();
        if identity.is_early(self.now) {
            self.remarks.push(format!(
                "{setting}: {path} is not valid yet; clients will refuse it until it is"
            ));
        }
        let expiry = Expiry {
            setting,
            file: cert_file.clone(),
            hosts: identity.hosts(),
            ends: identity.ends_in(self.now).map(|seconds| self.now + seconds),
        };
        self.remarks.extend(expiry.warning(self.now));
        self.expiries.push(expiry);
    }

    /// Passwords that no key needed: an operator believes that a key is sealed which is not.
    pub(super) fn remark_on_passwords(&mut self) {
        let useless = self.passwords.iter().filter(|(_, needed)| !**needed);
        self.remarks.extend(useless.map(|(place, _)| {
            format!(
                "{place}: ssl_server_key_password: none of the keys that it is for has a password; seal the key (`openssl pkey \
                 -in OLD -aes-256-cbc -out NEW`), or remove the setting"
            )
        }));
    }
}

/// Both files of a pair.
fn read_both(certificate: &Certificate) -> Result<[Vec<u8>; 2], String> {
    let Certificate { cert_file, key_file, settings: [cert, key], place, .. } = certificate;
    let unreadable = |setting: &str, path: &Path, error: std::io::Error| {
        let path = path.display();
        format!(
            "{place}: {setting}: {path} can't be read: {error}; name an existing file that hale's user may read"
        )
    };
    let chain = read(cert_file).map_err(|error| unreadable(cert, cert_file, error))?;
    let sealed = read(key_file).map_err(|error| unreadable(key, key_file, error))?;
    Ok([chain, sealed])
}

pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limits::TLS_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
