//! A private key out of its file, opened by its password if it has one (`ssl_server_key_password`).
//!
//! Two forms have passwords: PKCS #8's (RFC 5958 3, PBES2 of RFC 8018 with PBKDF2 or scrypt, AES or triple DES), and
//! the older one of PEM itself (RFC 1421 4.6.1.1) as OpenSSL writes it. What older tools made otherwise is refused with
//! the command that writes it anew. Driver: `identity`. Tests: `tls::tests::keys`, with keys that OpenSSL wrote.

use aes::cipher::block_padding::Pkcs7;
use md5::{Digest as _, Md5};
use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::PrivateKeyDer;
use zeroize::{Zeroize as _, Zeroizing};

use super::IdentityFault;
use crate::secret::Secret;
use crate::wire::base64::decode;
use crate::wire::der;

/// A key, and whether its password was needed.
#[derive(Debug)]
pub(super) struct KeyFile {
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) had_password: bool,
}

/// The first private key in `pem`.
pub(super) fn read(pem: &[u8], password: Option<&Secret>) -> Result<KeyFile, IdentityFault> {
    let block = Block::find(pem).ok_or(IdentityFault::NoKey)?;
    let der = decode(&block.text).ok_or(IdentityFault::DamagedKey)?;
    let der = der.expose();
    let sealed = match (block.label, block.info) {
        (Label::Sealed, _) => Sealed::Pkcs8,
        (_, Some(info)) => Sealed::Pem(info),
        (_, None) => {
            let key = block.label.key(der.to_vec());
            return Ok(KeyFile { key, had_password: false });
        }
    };
    let password = password.ok_or(IdentityFault::EncryptedKey)?;
    let opened = match sealed {
        Sealed::Pkcs8 => open_pkcs8(der, password)?,
        Sealed::Pem(info) => info.open(der, password)?,
    };
    Ok(KeyFile { key: block.label.key(opened), had_password: true })
}

enum Sealed<'a> {
    Pkcs8,
    Pem(Info<'a>),
}

/// What a block of PEM says that it is.
#[derive(Clone, Copy)]
enum Label {
    /// PKCS #8, sealed.
    Sealed,
    Pkcs8,
    Pkcs1,
    Sec1,
}

impl Label {
    const ALL: [(&'static str, Self); 4] = [
        ("ENCRYPTED PRIVATE KEY", Self::Sealed),
        ("PRIVATE KEY", Self::Pkcs8),
        ("RSA PRIVATE KEY", Self::Pkcs1),
        ("EC PRIVATE KEY", Self::Sec1),
    ];

    fn key(self, der: Vec<u8>) -> PrivateKeyDer<'static> {
        match self {
            Self::Sealed | Self::Pkcs8 => PrivateKeyDer::Pkcs8(der.into()),
            Self::Pkcs1 => PrivateKeyDer::Pkcs1(der.into()),
            Self::Sec1 => PrivateKeyDer::Sec1(der.into()),
        }
    }
}

/// A block of PEM that holds a key.
///
/// ```text
/// block   = "-----BEGIN " label "-----" EOL [headers EOL] *(base64 EOL) "-----END " label "-----"
/// headers = "Proc-Type: 4,ENCRYPTED" EOL "DEK-Info: " cipher "," salt EOL
/// ```
struct Block<'a> {
    label: Label,
    info: Option<Info<'a>>,
    text: Zeroizing<Vec<u8>>,
}

impl<'a> Block<'a> {
    fn find(pem: &'a [u8]) -> Option<Self> {
        let mut lines = pem.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let (label, name) = lines.by_ref().find_map(|line| {
            let name = line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
            let (_, label) = Label::ALL.into_iter().find(|(known, _)| known.as_bytes() == name)?;
            Some((label, name))
        })?;
        let (mut info, mut text) = (None, Zeroizing::new(Vec::with_capacity(pem.len())));
        for line in lines {
            if let Some(end) = line.strip_prefix(b"-----END ") {
                return (end.strip_suffix(b"-----")? == name).then_some(Self { label, info, text });
            }
            match line.strip_prefix(b"DEK-Info:") {
                Some(how) => info = Some(Info(how.trim_ascii())),
                // Base64 knows no colon.
                None if line.contains(&b':') => {}
                None => text.extend_from_slice(line),
            }
        }
        None
    }
}

/// `AES-128-CBC,0123…`: how a block is sealed.
#[derive(Clone, Copy)]
struct Info<'a>(&'a [u8]);

impl Info<'_> {
    fn open(self, sealed: &[u8], password: &Secret) -> Result<Vec<u8>, IdentityFault> {
        let comma = self.0.iter().position(|byte| *byte == b',');
        let (cipher, salt) = comma
            .and_then(|comma| self.0.split_at_checked(comma))
            .ok_or(IdentityFault::DamagedKey)?;
        let salt = hex(salt.get(1..).unwrap_or_default()).ok_or(IdentityFault::DamagedKey)?;
        let password = password.expose();
        let opened = match cipher {
            b"AES-128-CBC" => open_with::<cbc::Decryptor<aes::Aes128>>(16, sealed, password, &salt),
            b"AES-192-CBC" => open_with::<cbc::Decryptor<aes::Aes192>>(24, sealed, password, &salt),
            b"AES-256-CBC" => open_with::<cbc::Decryptor<aes::Aes256>>(32, sealed, password, &salt),
            b"DES-EDE3-CBC" => {
                open_with::<cbc::Decryptor<des::TdesEde3>>(24, sealed, password, &salt)
            }
            _ => return Err(IdentityFault::UnknownProtection),
        };
        // A wrong password seldom leaves what looks like padding, and hardly ever what looks like a key, too.
        opened.filter(|opened| der::is_sequence(opened)).ok_or(IdentityFault::WrongPassword)
    }
}

fn open_with<Cipher>(
    key_bytes: usize,
    sealed: &[u8],
    password: &[u8],
    salt: &[u8],
) -> Option<Vec<u8>>
where
    Cipher: aes::cipher::KeyIvInit + aes::cipher::BlockModeDecrypt,
{
    let key = derived(password, salt.get(..8)?, key_bytes);
    let cipher = Cipher::new_from_slices(&key, salt).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(sealed).ok()
}

/// OpenSSL's derivation: MD5 over what was derived last, password and salt, once (`EVP_BytesToKey`). A thief who has
/// the file guesses fast; that is why the newer form exists.
fn derived(password: &[u8], salt: &[u8], bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(bytes + 16));
    let mut last: Option<[u8; 16]> = None;
    while key.len() < bytes {
        let mut hash = Md5::new();
        hash.update(last.as_ref().map_or(&[][..], <[u8; 16]>::as_slice));
        hash.update(password);
        hash.update(salt);
        let next: [u8; 16] = hash.finalize().into();
        key.extend_from_slice(&next);
        last.zeroize();
        last = Some(next);
    }
    last.zeroize();
    key.truncate(bytes);
    key
}

fn open_pkcs8(der: &[u8], password: &Secret) -> Result<Vec<u8>, IdentityFault> {
    let sealed =
        EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| IdentityFault::UnknownProtection)?;
    let opened = sealed.decrypt(password.expose()).map_err(|fault| match fault {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)
        | pkcs8::Error::Asn1(_) => IdentityFault::WrongPassword,
        _ => IdentityFault::UnknownProtection,
    })?;
    Ok(opened.as_bytes().to_vec())
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_chunks::<2>();
    if !pairs.1.is_empty() {
        return None;
    }
    pairs.0.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
