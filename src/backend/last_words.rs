//! A backend's line on its way to a log (W-FAIL-6).

use crate::limits::LOGGED_LINE_BYTES_MAX;

/// Printable, at most `LOGGED_LINE_BYTES_MAX` bytes.
pub(super) fn of(line: &[u8]) -> Box<str> {
    let shown = line.iter().take(LOGGED_LINE_BYTES_MAX);
    let printable = |&byte: &u8| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '?' };
    shown.map(printable).collect::<String>().into()
}
