//! The certificate of a comparison: made at its start, trusted by the clients, forgotten with the folder it is in.
//!
//! ECDSA P-256, because that is what new certificates are; RSA would measure one multiplication more than anything
//! else.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The files proxies read.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate_file: PathBuf,
    pub(crate) key_file: PathBuf,
    /// Both in one, as HAProxy wants it.
    pub(crate) both_file: PathBuf,
}

impl Certificate {
    /// Makes a new one in this folder.
    pub(crate) fn create(directory: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([SERVER_NAME.to_owned()])
            .context("make a certificate")?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let own = Self {
            certificate_file: directory.join("certificate.pem"),
            key_file: directory.join("key.pem"),
            both_file: directory.join("both.pem"),
        };
        write_private(&own.certificate_file, &certificate)?;
        write_private(&own.key_file, &key)?;
        write_private(&own.both_file, &format!("{certificate}{key}"))?;
        Ok(own)
    }

    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>> {
        let path = &self.key_file;
        PrivateKeyDer::from_pem_file(path).with_context(|| format!("read {}", path.display()))
    }
}

/// The certificates of a PEM file.
pub(crate) fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let shown = || format!("read {}", path.display());
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).with_context(shown)?.collect();
    found.with_context(shown)
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    // What an earlier run left may belong to another user; it is never written into.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("write {}", path.display()))
}

/// What the certificate is for and what clients ask for.
pub(crate) const SERVER_NAME: &str = "load.test";
