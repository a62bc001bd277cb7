//! A pair of the IMAP ID command (RFC 2971), as the client side hands it to the backend side.

/// One key and its value; `None` is NIL. At most `IMAP_ID_KEY_BYTES_MAX` and `IMAP_ID_VALUE_BYTES_MAX` bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdPair {
    /// The key as the client spelled it.
    pub key: Box<[u8]>,
    /// The value, any bytes a quoted string or literal may hold.
    pub value: Option<Box<[u8]>>,
}
