//! Body of the fuzz target `passwd_file`, replayed on stable by `tests/pure/corpus.rs`.

use hale::auth::passwd_file::PasswdFile;
use hale::limits::{PASSWD_FILE_COMPLAINTS_MAX, USER_BYTES_MAX};

/// Any file: no panic, every user found is found by name and told once, complaints are bounded, nothing is printed.
pub(crate) fn run(text: &[u8]) {
    let lines = text.split(|&byte| byte == b'\n').count();
    let Ok((file, report)) = PasswdFile::parse(text.to_vec()) else {
        return;
    };
    assert!(file.len() <= lines && report.complaints.len() <= PASSWD_FILE_COMPLAINTS_MAX);
    assert_eq!(format!("{file:?}"), format!("PasswdFile({} users)", file.len()));
    let mut found = std::collections::BTreeSet::new();
    let bare = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    for line in bare.split(|&byte| byte == b'\n') {
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        let name = name.strip_suffix(b"\r").filter(|_| !line.contains(&b':')).unwrap_or(name);
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        let Some(entry) = file.lookup(name) else {
            continue;
        };
        assert!(name.len() <= USER_BYTES_MAX && !name.is_empty());
        assert!(entry.fields().all(|(field, _)| !field.starts_with("userdb_")));
        assert!(!entry.password.contains([':', '\n', '\0']));
        assert_eq!(format!("{entry:?}"), "Entry(…)");
        found.insert(name);
    }
    assert_eq!(found.len(), file.len(), "a user that no line has, or one lost");
}
