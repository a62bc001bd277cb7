//! What Submission may promise in the backends' name.
//!
//! Driver: `check`. Tests: below.

use crate::config::diagnostic::Findings;
use crate::config::sort::{Section, shown};

const NAME: &str = "submission_backend_capabilities";

/// Lines of our EHLO that are the backends' to keep (W-SUB-9).
pub(super) fn keywords(root: &Section, findings: &mut Findings) -> Vec<String> {
    let mut keywords = Vec::new();
    for word in root.words(NAME) {
        let keyword = word.to_ascii_uppercase();
        match keyword.as_str() {
            "AUTH" | "STARTTLS" | "XCLIENT" => {
                let text = format!("`{keyword}` is ours to offer, whatever the backends can do");
                findings.warn(root.place_of(NAME), NAME, text);
            }
            // RFC 4468 4: the only kind of URL there is.
            "BURL" => keywords.push("BURL imap".to_owned()),
            _ if is_keyword(&keyword) => keywords.push(keyword),
            _ => {
                let text = format!("found {}, expected a keyword of EHLO", shown(&word));
                findings.error(root.place_of(NAME), NAME, text);
            }
        }
    }
    keywords
}

/// ```text
/// ehlo-keyword  = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")  ; RFC 5321 4.1.1.1
/// ```
fn is_keyword(word: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    word.bytes().all(legal) && word.bytes().next().is_some_and(|first| first != b'-')
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{errors, loaded, warnings};

    #[test]
    fn wire_10_1_only_what_is_true_of_every_backend_is_promised() {
        let default = ["8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING"];
        assert_eq!(loaded("").submission_keywords, default);
        let text = "submission_backend_capabilities = size burl Auth chunking\n";
        assert_eq!(loaded(text).submission_keywords, ["SIZE", "BURL imap", "CHUNKING"]);
        assert!(warnings(text).iter().any(|text| text.contains("`AUTH` is ours")));
        assert_eq!(errors("submission_backend_capabilities = 8BITMIME a/b\n").len(), 1);
    }
}
