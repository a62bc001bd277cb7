//! Which of the certificates in a file may make others (RFC 5280 4.2.1.3, 4.2.1.9, 4.2.1.12), and for how long.
//!
//! The library takes every certificate that it is given as an authority, forever and for everything: it keeps name and
//! key, and of the marks those about names alone. So the owner of a backend's own certificate in the operator's file
//! could make one for every other backend. Here the marks of what the operator chose count as OpenSSL lets them count;
//! the system's authorities were looked at by others, and of them the dates count. Driver: `trust`, `clients`. Tests:
//! `tls::tests::makers`.

use std::borrow::Cow;
use std::fmt;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};

use crate::wire::certificate::Certificate;
use crate::wire::der;

/// Those that may, as the library wants them.
#[derive(Debug)]
pub(super) struct Makers {
    unlimited: RootCertStore,
    /// When each of them begins and ends to be valid.
    dates: Vec<(i64, i64)>,
    /// While all of them are valid.
    all_valid: (i64, i64),
    /// Those that say how many others may stand between them and a leaf.
    limited: Vec<Limited>,
    /// How many the library can read, makers or not.
    pub(super) readable: usize,
}

#[derive(Debug)]
struct Limited {
    anchor: TrustAnchor<'static>,
    dates: (i64, i64),
    below: usize,
}

/// Whose choice the certificates are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    ByOperator,
    BySystem,
}

/// Why a certificate that stands in the operator's file makes no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMaker {
    /// basicConstraints.
    Unmarked,
    /// keyUsage.
    KeyUsage,
    /// extendedKeyUsage.
    Purpose,
    /// Since then.
    Expired(i64),
    /// Until then.
    Early(i64),
    /// Since or until when is not known.
    Dates,
    /// It may, but with no more than so many in between.
    TooFar(usize),
}

impl Makers {
    /// One that makes no sense must not cost us all others: the system's list is not ours to mend.
    pub(super) fn of<'a>(
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
        chosen: Chosen,
    ) -> Self {
        let mut makers = Self {
            unlimited: RootCertStore::empty(),
            dates: Vec::new(),
            all_valid: (i64::MIN, i64::MAX),
            limited: Vec::new(),
            readable: 0,
        };
        for der in certificates {
            let mut one = RootCertStore::empty();
            if one.add(der.clone()).is_ok() {
                makers.readable += 1;
                if let Some(certificate) = Certificate::read(&der) {
                    makers.add(&certificate, one, chosen);
                }
            }
        }
        makers
    }

    fn add(&mut self, certificate: &Certificate<'_>, one: RootCertStore, chosen: Chosen) {
        let Some(dates) = certificate.validity() else { return };
        if chosen == Chosen::ByOperator {
            if unfit(certificate).is_some() {
                return;
            }
            if let Some(below) = certificate.authorities_below() {
                let limited = |anchor| Limited { anchor, dates, below };
                self.limited.extend(one.roots.into_iter().map(limited));
                return;
            }
        }
        self.unlimited.roots.extend(one.roots);
        self.dates.push(dates);
        self.all_valid = (self.all_valid.0.max(dates.0), self.all_valid.1.min(dates.1));
    }

    /// All that are valid, and without limits. Mostly they are as they stand; one that has expired costs a copy of the
    /// others.
    pub(super) fn unlimited(&self, now: UnixTime) -> Cow<'_, RootCertStore> {
        if is_within(self.all_valid, now) {
            return Cow::Borrowed(&self.unlimited);
        }
        let valid = self.unlimited.roots.iter().zip(&self.dates);
        let valid = valid.filter(|(_, dates)| is_within(**dates, now));
        Cow::Owned(RootCertStore { roots: valid.map(|(anchor, _)| anchor.clone()).collect() })
    }

    /// Each that is valid and has a limit, with how many may stand below.
    pub(super) fn limited(&self, now: UnixTime) -> impl Iterator<Item = (RootCertStore, usize)> {
        let valid = self.limited.iter().filter(move |limited| is_within(limited.dates, now));
        valid.map(|limited| (RootCertStore { roots: vec![limited.anchor.clone()] }, limited.below))
    }
}

pub(super) fn is_within((begins, ends): (i64, i64), now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    (begins..=ends).contains(&now)
}

/// What keeps a certificate in the operator's file from making others; `None`: nothing.
///
/// As OpenSSL: one of version 1 has no marks, and is an authority if it made itself; a keyUsage that says so will do
/// where no basicConstraints stand.
pub(super) fn unmarked(certificate: &Certificate<'_>) -> Option<NoMaker> {
    let may_sign = certificate.may_sign_certificates();
    let is_marked = match (certificate.version, certificate.marks_authority()) {
        (3, Some(mark)) => mark,
        (3, None) => may_sign == Some(true),
        _ => certificate.is_own_issuer(),
    };
    if !is_marked {
        return Some(NoMaker::Unmarked);
    }
    (may_sign == Some(false)).then_some(NoMaker::KeyUsage)
}

/// The same, of others that are servers'.
fn unfit(certificate: &Certificate<'_>) -> Option<NoMaker> {
    unmarked(certificate).or_else(|| (!certificate.may_serve()).then_some(NoMaker::Purpose))
}

/// The same, at this time and with so many in between.
pub(super) fn unfit_now(
    certificate: &Certificate<'_>,
    now: UnixTime,
    between: usize,
) -> Option<NoMaker> {
    if let Some(why) = unfit(certificate) {
        return Some(why);
    }
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match (certificate.validity(), certificate.authorities_below()) {
        (None, _) => Some(NoMaker::Dates),
        (Some((_, ends)), _) if ends < now => Some(NoMaker::Expired(ends)),
        (Some((begins, _)), _) if begins > now => Some(NoMaker::Early(begins)),
        (_, Some(below)) if below < between => Some(NoMaker::TooFar(below)),
        _ => None,
    }
}

impl fmt::Display for NoMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmarked => f.write_str(
                "it is not marked as an authority (CA:TRUE), so it stands there for itself alone",
            ),
            Self::KeyUsage => f.write_str("its keyUsage has no keyCertSign"),
            Self::Purpose => f.write_str("its extendedKeyUsage does not name servers (serverAuth)"),
            Self::Expired(ends) => {
                write!(f, "it has expired, on {}; put the renewed one there", der::day(*ends))
            }
            Self::Early(begins) => {
                write!(f, "it is valid from {} on; look at both clocks", der::day(*begins))
            }
            Self::Dates => f.write_str("its dates can't be read"),
            Self::TooFar(below) => {
                write!(f, "it allows no more than {below} others in between (pathlen)")
            }
        }
    }
}
