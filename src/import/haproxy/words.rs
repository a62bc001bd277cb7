//! A line of haproxy.cfg to words.
//!
//! ```text
//! line = *( word 1*blank ) [ "#" comment ]
//! word = 1*( plain / "\" any / "'" *any "'" / DQUOTE *( any / "\" any / "${" name "}" ) DQUOTE )
//! ```
//!
//! Variables of the environment count between double quotes only, as in HAProxy. Tests: below.

use crate::config::Source;

/// The words in front of a comment.
///
/// # Errors
/// What is wrong with the line.
pub(super) fn words(
    line: &str,
    variables: &mut Variables<'_, impl Source>,
) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\r' => found.extend(word.take()),
            '#' => break,
            '\\' => word.get_or_insert_default().push(letters.next().map_or('\\', unescaped)),
            '\'' => quoted(&mut letters, word.get_or_insert_default())?,
            '"' => expanded(&mut letters, word.get_or_insert_default(), variables)?,
            other => word.get_or_insert_default().push(other),
        }
    }
    found.extend(word);
    Ok(found)
}

/// Where variables have their values from: `setenv` and `presetenv` of the file, else the environment.
pub(super) struct Variables<'a, S> {
    pub(super) set: Vec<(String, String)>,
    pub(super) source: &'a mut S,
}

impl<S: Source> Variables<'_, S> {
    fn value(&mut self, name: &str) -> Result<String, String> {
        if let Some((_, value)) = self.set.iter().rfind(|(set, _)| set == name) {
            return Ok(value.clone());
        }
        let value = self.source.environment(name).and_then(|bytes| String::from_utf8(bytes).ok());
        value
            .ok_or_else(|| format!("the variable {name} is not set here: set it, and import again"))
    }
}

fn unescaped(letter: char) -> char {
    match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        itself => itself,
    }
}

fn quoted(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    for letter in letters.by_ref() {
        match letter {
            '\'' => return Ok(()),
            other => word.push(other),
        }
    }
    Err("the closing quote is missing".to_owned())
}

fn expanded(
    letters: &mut std::str::Chars<'_>,
    word: &mut String,
    variables: &mut Variables<'_, impl Source>,
) -> Result<(), String> {
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(()),
            '\\' => word.push(letters.next().map_or('\\', unescaped)),
            '$' => {
                let rest = letters.as_str();
                let is_braced = rest.starts_with('{');
                let name: String = rest
                    .chars()
                    .skip(usize::from(is_braced))
                    .take_while(|it| it.is_ascii_alphanumeric() || *it == '_')
                    .collect();
                if name.is_empty() {
                    word.push('$');
                    continue;
                }
                let taken = name.len() + 2 * usize::from(is_braced);
                if is_braced && rest.chars().nth(taken - 1) != Some('}') {
                    return Err(format!("the variable {name} has a form that is not read here"));
                }
                *letters = rest.get(taken..).unwrap_or_default().chars();
                word.push_str(&variables.value(&name)?);
            }
            other => word.push(other),
        }
    }
    Err("the closing quote is missing".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::Files;

    fn of(line: &str) -> Result<Vec<String>, String> {
        let mut files = Files::new(&[]);
        files.set("PORT", b"143");
        let set = vec![("HOST".to_owned(), "10.0.0.1".to_owned())];
        words(line, &mut Variables { set, source: &mut files })
    }

    #[test]
    fn words_quotes_escapes_and_comments() {
        assert_eq!(of("  bind *:143  # all").unwrap(), ["bind", "*:143"]);
        assert_eq!(of("# nothing").unwrap(), [""; 0]);
        assert_eq!(of(r"log-format a\ b\#c").unwrap(), ["log-format", "a b#c"]);
        assert_eq!(
            of(r#"a 'x # "y"' "z\"'" b"c d"e"#).unwrap(),
            ["a", "x # \"y\"", "z\"'", "bc de"]
        );
        assert_eq!(of("a ''").unwrap(), ["a", ""]);
        assert!(of("a 'x").is_err() && of("a \"x").is_err());
    }

    #[test]
    fn variables_count_between_double_quotes() {
        assert_eq!(of(r#"bind "${HOST}:$PORT""#).unwrap(), ["bind", "10.0.0.1:143"]);
        assert_eq!(of("bind ${HOST}:$PORT '$PORT'").unwrap(), ["bind", "${HOST}:$PORT", "$PORT"]);
        assert_eq!(of(r#"a "5$""#).unwrap(), ["a", "5$"]);
        assert!(of(r#"bind "$NONE""#).unwrap_err().contains("NONE is not set"));
        assert!(of(r#"bind "${HOST-x}""#).is_err());
    }
}
