//! Body of the fuzz target `certificate_name`, replayed on stable by `tests/pure/corpus.rs`.

use hale::limits::USER_BYTES_MAX;
use hale::wire::certificate_name::NameField;
use hale::wire::der;

/// Any bytes as a certificate: no panic, and a name that is found stands in it, whole, clean and within its limit.
pub(crate) fn run(input: &[u8]) {
    for field in NameField::ALL {
        let Some(name) = field.of(input) else {
            continue;
        };
        assert!((1..=USER_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control));
        assert!(input.windows(name.len()).any(|part| part == name.as_bytes()), "{name} is made up");
    }
    let _ = der::validity(input);
}
