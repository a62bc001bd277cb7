//! A backend's success, on its way to the client: what the backend side learnt and the client side writes (W-IMAP-B6).

/// The backend accepted the login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginOk {
    /// The backend's capabilities after login, separated by SP, as far as known; empty: unknown.
    pub capabilities: Box<[u8]>,
    /// The backend's text behind `OK `, byte by byte, response code included; empty when it had none. In Submission the
    /// lines behind its reply code, separated by LF.
    pub text: Box<[u8]>,
}
