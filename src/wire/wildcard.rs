//! Wildcards `*` and `?`, in names of files and of users.

/// Whether the whole of `name` fits. Linear with one remembered star, so that no pattern is slow.
#[must_use]
pub fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(position) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(letter) if *letter == b'?' || letter == byte => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((star_at, star_position)) = star else {
                    return false;
                };
                star = Some((star_at, star_position + 1));
                at = star_at + 1;
                position = star_position + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_like_the_shell() {
        for (pattern, name, expected) in [
            ("*.conf", "10-auth.conf", true),
            ("*.conf", "10-auth.conf~", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*", "", true),
        ] {
            assert_eq!(is_match(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
