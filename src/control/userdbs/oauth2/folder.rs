//! Keys in a folder, in the order of Dovecot's `local_validation_key_dict = fs:posix:prefix=FOLDER`: `AZP/ALGORITHM/KID`, where
//! `default` stands for none.
//!
//! Public keys are PEM, shared secrets base64. Slashes in an id are `%2f`, so that no token names a file outside (CVE-2021-29157); Hale
//! never looks for a file that a token names, but reads them all beforehand.

use std::fs::{self, DirEntry};
use std::path::Path;

use crate::limits;
use crate::secret::Secret;
use crate::webauth::{Algorithm, Key, KeySet};
use crate::wire::base64 as lines;
use crate::wire::url::percent_decoded;

/// Reads all keys below `folder`.
///
/// # Errors
/// It can't be read, or has no key.
pub(super) fn read(folder: &Path) -> Result<KeySet, String> {
    let mut keys = Vec::new();
    for party in children(folder)? {
        for algorithm in children(&party.path())? {
            let name = algorithm.file_name().to_string_lossy().to_ascii_uppercase();
            let known = match name.as_str() {
                "EDDSA" => Some(Algorithm::EdDsa),
                name => Algorithm::named(name),
            };
            let Some(known) = known else { continue };
            for file in children(&algorithm.path())? {
                if keys.len() == limits::TOKEN_KEYS_MAX {
                    break;
                }
                let text = fs::read(file.path());
                let text = text
                    .map_err(|error| format!("{} can't be read: {error}", file.path().display()))?;
                let bytes = bytes_of(&text).ok_or_else(|| odd(&file.path()))?;
                let (party, id) = (meant(&party), meant(&file));
                let key = Key::of_file(known, party.as_deref(), id.as_deref(), &bytes);
                keys.push(key.map_err(|_| odd(&file.path()))?);
            }
        }
    }
    if keys.is_empty() {
        return Err(format!("{}: there is no key at AZP/ALGORITHM/KID", folder.display()));
    }
    Ok(KeySet::of(keys))
}

fn odd(path: &Path) -> String {
    format!("{}: it is no key for the algorithm whose folder it is in", path.display())
}

fn children(folder: &Path) -> Result<Vec<DirEntry>, String> {
    let unreadable = |error: std::io::Error| format!("{} can't be read: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let entries: Result<Vec<DirEntry>, _> = entries.collect();
    let mut entries = entries.map_err(unreadable)?;
    entries.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// What a name stands for; none: `default`.
fn meant(entry: &DirEntry) -> Option<String> {
    let name = entry.file_name();
    let decoded = percent_decoded(name.as_encoded_bytes())?;
    let text = String::from_utf8(decoded).ok()?;
    (text != "default").then_some(text)
}

/// PEM's or base64's content.
fn bytes_of(text: &[u8]) -> Option<Secret> {
    let text = str::from_utf8(text).ok()?;
    let is_marker = |line: &&str| line.starts_with("-----");
    let solid: String =
        text.lines().filter(|line| !is_marker(line)).flat_map(str::split_whitespace).collect();
    lines::decode(solid.as_bytes()).filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_where_dovecot_looks_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert!(read(folder.path()).unwrap_err().contains("no key"));
        put("default/HS256/default", "c2VjcmV0IG9mIHRoaXJ0eS10d28gb2N0ZXRzLCBvaw==\n");
        put("webmail/hs512/a%2fb", "c2VjcmV0\n");
        put("default/ES1/x", "passed over");
        assert_eq!(read(folder.path()).unwrap().len(), 2);
        put(
            "default/RS256/default",
            "-----BEGIN PUBLIC KEY-----\nc2VjcmV0\n-----END PUBLIC KEY-----\n",
        );
        assert!(read(folder.path()).unwrap_err().contains("RS256/default: it is no key"));
        assert!(read(Path::new("/nowhere")).unwrap_err().contains("can't be read"));
    }
}
