//! Body of the fuzz target `certificate_name`, replayed on stable by `tests/pure/corpus.rs`.

use hale::limits::USER_BYTES_MAX;
use hale::wire::certificate::{Certificate, written};
use hale::wire::certificate_name::NameField;
use hale::wire::distinguished_name;

/// Any bytes as a certificate: no panic, and a name that is found stands in it, whole, clean and within its limit.
pub(crate) fn run(input: &[u8]) {
    for field in NameField::ALL {
        let Some(name) = field.of(input) else {
            continue;
        };
        assert!((1..=USER_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control));
        assert!(input.windows(name.len()).any(|part| part == name.as_bytes()), "{name} is made up");
    }
    if let Some(certificate) = Certificate::read(input) {
        assert!((1..=3).contains(&certificate.version) && certificate.signed.len() <= input.len());
        let _ = (certificate.validity(), certificate.signature(), certificate.public_key());
        let _ = (certificate.hosts(), certificate.is_authority(), certificate.may_serve());
        let _ = (written(certificate.issuer), certificate.limits_names());
        // One line of visible ASCII, whatever the maker wrote.
        let name = distinguished_name::text(certificate.subject).unwrap_or_default();
        assert!(name.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}");
    }
}
