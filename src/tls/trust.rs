//! Whom we believe among backends (W-BTLS-1): authorities, and certificates that the operator himself has put in his
//! file.
//!
//! The library builds paths and compares names as RFC 5280 and RFC 9525 want it. Three things that sites have it
//! refuses, and OpenSSL, and with it Dovecot's proxies, takes:
//!
//! * A certificate in `ssl_client_ca_file` is where a path begins (RFC 5280 6.1), whatever its marks; shown by a backend it
//!   needs no path at all. Its dates, its purpose and its name still count. That one is believed for itself does not let it
//!   make others ([`Makers`]).
//! * A name in the common name only ([`OlderForms`]).
//! * A certificate of version 1, made directly by an authority in the file ([`OlderForms`]). Never one that makes others:
//!   without extensions nothing tells an authority from its customers.
//!
//! The last two only for authorities that the operator chose. Tests: `tls::tests::trust`.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore};

use super::fault::Fault;
use super::identity::Identity;
use super::makers::{Chosen, Makers, unfit_now};
use super::provider::{Manner, provider};
use super::refusal::{NO_NAMES, Refusal};
use crate::event::cleaned;
use crate::wire::certificate::{Bits, Certificate, DNS_NAME, written};
use crate::wire::certificate_name::NameField;
use crate::wire::der;

/// Whose certificates are good. Shared by all cores.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// None: no authority's, so that only a backend whose certificate does not matter can be reached.
    pub(super) anchors: Option<Arc<Anchors>>,
    /// What is spoken with backends, whatever their certificates.
    pub(super) manner: Manner,
    /// What those are shown that ask for a certificate.
    pub(super) own: Option<Identity>,
}

/// Whether certificates of version 1, and names in the common name only, will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderForms {
    /// As OpenSSL takes them.
    Accepted,
    /// As RFC 9525 wants it.
    Refused,
}

/// Why a file of authorities can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustFault {
    /// Not one usable certificate in it.
    Empty,
}

impl fmt::Display for TrustFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("holds no certificate of an authority; it must be PEM"),
        }
    }
}

/// Where paths begin.
pub(super) struct Anchors {
    makers: Makers,
    /// What stands in the operator's file; empty: the authorities are the system's.
    own: HashSet<CertificateDer<'static>>,
    older: OlderForms,
    /// One of them makes certificates for some names only, which the library enforces for alternative names alone.
    limits_names: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anchors").field("own", &self.own.len()).finish_non_exhaustive()
    }
}

impl Trust {
    /// Trusts what stands in the operator's file (PEM).
    ///
    /// # Errors
    /// There is nothing in it.
    pub fn new(authorities: &[u8], older: OlderForms) -> Result<Self, TrustFault> {
        let own: HashSet<_> = readable(authorities).collect();
        let makers = Makers::of(own.iter().cloned(), Chosen::ByOperator);
        Self::of(makers, own, older)
    }

    /// Trusts the authorities of the system (PEM).
    ///
    /// # Errors
    /// There are none in it.
    pub fn system(authorities: &[u8]) -> Result<Self, TrustFault> {
        // Public authorities have given up the older forms, and so many can't be looked at.
        let makers = Makers::of(readable(authorities), Chosen::BySystem);
        Self::of(makers, HashSet::new(), OlderForms::Refused)
    }

    fn of(
        makers: Makers,
        own: HashSet<CertificateDer<'static>>,
        older: OlderForms,
    ) -> Result<Self, TrustFault> {
        if makers.readable == 0 {
            return Err(TrustFault::Empty);
        }
        let limits_names = own.iter().any(|own| limits_names(own));
        let algorithms = provider().signature_verification_algorithms;
        let anchors = Anchors { makers, own, older, limits_names, algorithms };
        Ok(Self { anchors: Some(Arc::new(anchors)), manner: Manner::default(), own: None })
    }

    /// Whether it is the same trust, and not only an equal one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let anchors = |trust: &Self| trust.anchors.as_ref().map(Arc::as_ptr);
        anchors(self) == anchors(other) && self.manner.is(&other.manner)
    }

    /// What becomes of a backend of this name that shows this chain (DER, its own certificate first). `now`: seconds
    /// since 1970.
    ///
    /// # Errors
    /// It is refused, and why.
    pub fn judge(&self, chain: &[Vec<u8>], name: &str, now: u64) -> Result<(), Fault> {
        let anchors = self.anchors.as_ref().ok_or(NO_TRUST)?;
        let name = ServerName::try_from(name).map_err(|_| BAD_NAME)?;
        let mut chain = chain.iter().map(|der| CertificateDer::from(der.as_slice()));
        let own = chain.next().ok_or(Fault::from(&Error::NoCertificatesPresented))?;
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now));
        let between: Vec<_> = chain.collect();
        anchors.verify(&own, &between, &name, now).map_err(|error| Fault::from(&error))
    }
}

/// What is odd about the certificates in the operator's file (PEM), a line each. `now`: seconds since 1970.
#[must_use]
pub fn remarks_on_trust(authorities: &[u8], older: OlderForms, now: i64) -> Vec<String> {
    let mut remarks = Vec::new();
    for (index, certificate) in CertificateDer::pem_slice_iter(authorities).enumerate() {
        let number = index + 1;
        let certificate = certificate.ok();
        let Some(certificate) = certificate.as_deref().and_then(Certificate::read) else {
            remarks.push(format!(
                "certificate {number} can't be read and is left out; look at it with `openssl x509`"
            ));
            continue;
        };
        let whose = clean(&written(certificate.subject));
        let odd = oddities(&certificate, older, now).into_iter();
        remarks.extend(odd.map(|what| format!("certificate {number} ({whose}) {what}")));
    }
    let has = |label: &str| authorities.windows(label.len()).any(|part| part == label.as_bytes());
    if has("-----BEGIN TRUSTED CERTIFICATE-----") {
        remarks.push(
            "what stands under `TRUSTED CERTIFICATE` is left out; write it as `openssl x509 -in OLD -out NEW` does"
                .to_owned(),
        );
    }
    if has("-----BEGIN X509 CRL-----") {
        remarks.push("lists of revoked certificates are not looked at for backends".to_owned());
    }
    remarks
}

fn oddities(certificate: &Certificate<'_>, older: OlderForms, now: i64) -> Vec<String> {
    let mut odd = Vec::new();
    match certificate.validity() {
        Some((_, ends)) if ends <= now => odd.push(format!(
            "has expired on {}: no backend can prove itself with it; put the renewed one there",
            der::day(ends)
        )),
        Some((begins, _)) if begins > now => {
            odd.push(format!("is not valid before {}", der::day(begins)));
        }
        Some(_) => {}
        None => odd.push("has dates that can't be read".to_owned()),
    }
    let can_serve = !certificate.is_authority() && certificate.version == 3;
    if older == OlderForms::Refused && can_serve && certificate.hosts().is_empty() {
        odd.push(format!("{NO_NAMES}; a backend that shows it is refused"));
    }
    odd
}

/// What can be read of a file.
fn readable(authorities: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(authorities).filter_map(Result::ok)
}

fn is_own_issuer(certificate: &CertificateDer<'_>) -> bool {
    Certificate::read(certificate).is_some_and(|certificate| certificate.is_own_issuer())
}

fn limits_names(certificate: &CertificateDer<'_>) -> bool {
    Certificate::read(certificate).is_none_or(|certificate| certificate.limits_names())
}

impl Anchors {
    /// Whether the backend of this name may show this certificate.
    pub(super) fn verify(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let certificate = Certificate::read(own).ok_or(CertificateError::BadEncoding)?;
        // Only its maker vouches for version 1, and what the operator chose himself needs no voucher.
        let parsed = match certificate.version {
            3 => Some(ParsedCertificate::try_from(own)?),
            _ => None,
        };
        if self.own.contains(own) {
            is_in_force(&certificate, now)?;
            if !certificate.may_serve() {
                return Err(CertificateError::InvalidPurpose.into());
            }
        } else if let Some(parsed) = &parsed {
            self.verify_path(&certificate, parsed, between, now)?;
        } else {
            self.verify_maker(&certificate, now)?;
            is_in_force(&certificate, now)?;
        }
        self.verify_name(&certificate, parsed.as_ref(), between, name)
    }

    fn verify_path(
        &self,
        certificate: &Certificate<'_>,
        parsed: &ParsedCertificate<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // The library says no more than that it is refused.
        if certificate.is_authority() {
            return Err(match certificate.is_own_issuer() {
                true => Refusal::OwnAuthority.into(),
                false => Refusal::Authority.into(),
            });
        }
        self.walk(parsed, between, now).map_err(|error| match error {
            // A bad signature: another of the same name stands there, mostly the one before it was renewed.
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) if certificate.is_own_issuer() => Refusal::Stranger.into(),
            // The library may have met it among what was shown, and mistaken it for one in between.
            error => self.unfit_maker(certificate, between, now).map_or(error, Error::from),
        })
    }

    /// Looks for a path to one who may make certificates.
    fn walk(
        &self,
        parsed: &ParsedCertificate<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.algorithms.all;
        let walk = |roots: &RootCertStore, between: &[CertificateDer<'_>]| {
            verify_server_cert_signed_by_trust_anchor(parsed, roots, between, now, algorithms)
        };
        let mut outcome = walk(&self.makers.unlimited(now), between);
        for (maker, below) in self.makers.limited(now) {
            if outcome.is_ok() {
                break;
            }
            // RFC 5280 4.2.1.9: those that made themselves are not counted; they lead nowhere, too.
            let counted = between.iter().filter(|one| !is_own_issuer(one)).take(below);
            let counted: Vec<_> = counted.cloned().collect();
            outcome = walk(&maker, &counted).or(outcome);
        }
        outcome
    }

    /// Whether an authority in the file made what is shown, and may not.
    fn unfit_maker(
        &self,
        certificate: &Certificate<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Refusal> {
        let shown = between.iter().filter_map(|der| Certificate::read(der));
        let shown = shown.filter(|shown| !shown.is_own_issuer());
        let issuers = std::iter::once(*certificate).chain(shown).map(|shown| shown.issuer);
        issuers.enumerate().find_map(|(between, issuer)| {
            let mut own = self.own.iter().filter_map(|own| Certificate::read(own));
            let maker = own.find(|own| own.subject == issuer)?;
            unfit_now(&maker, now, between).map(Refusal::NoMaker)
        })
    }

    /// A certificate of an older version: right below an authority in the file, or not at all.
    fn verify_maker(&self, certificate: &Certificate<'_>, now: UnixTime) -> Result<(), Error> {
        if self.older == OlderForms::Refused {
            return Err(Refusal::Version(certificate.version).into());
        }
        let own = self.own.iter().filter_map(|own| Certificate::read(own));
        let makers = own.filter(|maker| maker.subject == certificate.issuer);
        let mut refusal = Refusal::VersionOfNobody(certificate.version);
        for maker in makers.filter(|maker| self.made(maker, certificate)) {
            match unfit_now(&maker, now, 0) {
                None => return Ok(()),
                Some(why) => refusal = Refusal::NoMaker(why),
            }
        }
        Err(refusal.into())
    }

    fn made(&self, maker: &Certificate<'_>, certificate: &Certificate<'_>) -> bool {
        let (Some(key), Some(signature)) = (maker.public_key(), certificate.signature()) else {
            return false;
        };
        self.algorithms.all.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == signature.algorithm
                && algorithm.public_key_alg_id().as_ref() == key.algorithm
                && algorithm.verify_signature(key.bits, certificate.signed, signature.bits).is_ok()
        })
    }

    /// The alternative names decide; only a certificate without any host among them may have its name elsewhere (RFC
    /// 6125 6.4.4), which RFC 9525 has given up.
    fn verify_name(
        &self,
        certificate: &Certificate<'_>,
        parsed: Option<&ParsedCertificate<'_>>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Result<(), Error> {
        if let Some(parsed) = parsed
            && verify_server_name(parsed, name).is_ok()
        {
            return Ok(());
        }
        let names = certificate.alternative_names().ok_or(CertificateError::BadEncoding)?;
        let hosts = certificate.hosts();
        if names.iter().any(|(tag, _)| *tag == DNS_NAME) || !hosts.is_empty() {
            return Err(not_for(name, hosts));
        }
        let common = NameField::CommonName.in_subject(certificate.subject);
        // An authority for some names only would have to be obeyed here, too, and the library looks at alternative
        // names.
        let may = self.older == OlderForms::Accepted
            && !self.limits_names
            && !between.iter().any(limits_names);
        match (may, common) {
            (true, Some(common)) if is_host(&common, name) => Ok(()),
            (true, Some(common)) => Err(not_for(name, vec![common.into()])),
            _ => Err(Refusal::NoNames.into()),
        }
    }
}

fn is_in_force(certificate: &Certificate<'_>, now: UnixTime) -> Result<(), Error> {
    let (begins, ends) = certificate.validity().ok_or(CertificateError::BadEncoding)?;
    let time = |seconds: i64| {
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            u64::try_from(seconds).unwrap_or_default(),
        ))
    };
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds < begins {
        let not_before = time(begins);
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if seconds > ends {
        let not_after = time(ends);
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    Ok(())
}

fn not_for(name: &ServerName<'_>, presented: Vec<String>) -> Error {
    // Among the addresses it would have been found.
    if matches!(name, ServerName::IpAddress(_)) && presented.iter().any(|one| *one == name.to_str())
    {
        return Refusal::AddressAsName.into();
    }
    let expected = name.to_owned();
    CertificateError::NotValidForNameContext { expected, presented }.into()
}

/// Whether the common name is this host's. Addresses never stand there.
///
/// ```text
/// common name = host / "*." domain                         ; RFC 6125 6.4.3: the star is one whole label
/// ```
fn is_host(common: &str, name: &ServerName<'_>) -> bool {
    let ServerName::DnsName(name) = name else { return false };
    let bare = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let (common, name) = (bare(common), bare(name.as_ref()));
    match common.strip_prefix("*.") {
        Some(domain) => {
            domain.contains('.')
                && name
                    .split_once('.')
                    .is_some_and(|(label, rest)| !label.is_empty() && rest == domain)
        }
        None => common == name,
    }
}

// === Signatures of a handshake ===

/// Whether the peer has the key of the certificate that it shows. The library reads only certificates of version 3.
pub(super) fn verify_signature(
    version: Signed,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    let older = Certificate::read(certificate).filter(|certificate| certificate.version < 3);
    let outcome = match (version, older) {
        (Signed::Tls12, None) => {
            verify_tls12_signature(message, certificate, signature, algorithms)
        }
        (Signed::Tls13, None) => {
            verify_tls13_signature(message, certificate, signature, algorithms)
        }
        (Signed::Tls13, Some(older)) => {
            let key = SubjectPublicKeyInfoDer::from(older.key);
            verify_tls13_signature_with_raw_key(message, &key, signature, algorithms)
        }
        (Signed::Tls12, Some(older)) => {
            let key = older.public_key().ok_or(CertificateError::BadEncoding)?;
            return verify_with_key(message, key, signature, algorithms);
        }
    };
    outcome.map(|_| ())
}

/// Which version of TLS the signature is from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signed {
    Tls12,
    Tls13,
}

/// A scheme of TLS 1.2 does not say which curve it is of, so each that it may be is tried (RFC 5246 7.4.1.4.1, RFC 8446
/// 4.2.3).
fn verify_with_key(
    message: &[u8],
    key: Bits<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    let (_, possible) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signature.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let is_good = possible.iter().any(|algorithm| {
        algorithm.public_key_alg_id().as_ref() == key.algorithm
            && algorithm.verify_signature(key.bits, message, signature.signature()).is_ok()
    });
    if is_good { Ok(()) } else { Err(CertificateError::BadSignature.into()) }
}

/// Text of a peer on its way into a log.
pub(super) fn clean(text: &str) -> Box<str> {
    cleaned(text.as_bytes(), SHOWN_BYTES_MAX)
}

/// As much as a log line has room for.
const SHOWN_BYTES_MAX: usize = 160;
pub(super) const NO_TRUST: Fault = Fault::of_certificate(
    "no authority is trusted: set ssl_client_ca_file, or install ca-certificates",
);
pub(super) const BAD_NAME: Fault = Fault::of_certificate("the backend's name is no host name");
