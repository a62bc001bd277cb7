//! What pages load besides themselves, all of it from the same listener: their style, their script, their icon.

/// Something that pages load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its `Content-Type`.
    pub kind: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// By the last part of its path.
#[must_use]
pub fn asset(name: &str) -> Option<Asset> {
    Some(match name {
        "page.css" => {
            Asset { kind: "text/css; charset=utf-8", text: include_str!("assets/page.css") }
        }
        "page.js" => {
            Asset { kind: "text/javascript; charset=utf-8", text: include_str!("assets/page.js") }
        }
        "icon.svg" => Asset { kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for name in ["page.css", "page.js", "icon.svg"] {
            let text = asset(name).unwrap().text.replace("http://www.w3.org/2000/svg", "");
            for word in ["http:", "https:", "//", "@import", "url(", "eval(", "innerHTML"] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
        assert_eq!(asset("page.html"), None);
    }
}
