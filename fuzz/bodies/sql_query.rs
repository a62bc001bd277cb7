//! Body of the fuzz target `sql_query`, replayed on stable by `tests/pure/corpus.rs`.

use hale::auth::sql_query::{Query, Style};
use hale::auth::variables::Values;
use hale::names::Protocol;
use hale::template::{Letters, Template};

/// A byte for the way to write parameters, a query, NUL, a user's name: no panic; the statement has one place for each parameter, in
/// their order and outside of all quotes; nothing of a name is in it (DB-01).
pub(crate) fn run(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (query, user) = text.split_once('\0').unwrap_or((text, "tim"));
    let style = match choice % 3 {
        0 => Style::Numbered('$'),
        1 => Style::Numbered('?'),
        _ => Style::Plain,
    };
    let Ok(template) = Template::parse(query, Letters::Inquiry) else { return };
    let Ok(parsed) = Query::parse(&template, style) else { return };
    // Never in a query that a fuzzer makes.
    let user = format!("{MARK}{user}'\"\\;--");
    let address = "192.0.2.7".parse().unwrap();
    let values = Values {
        user: &user,
        original_user: &user,
        master_user: &user,
        protocol: Protocol::Imap,
        remote: address,
        local: address,
    };
    assert!(query.contains(MARK) || !parsed.text.contains(MARK), "a name is in the statement");
    let Ok(values) = parsed.values(&values, None) else { return };
    // With a backslash where a quote ends is another quote than ours, or none: the server's mode decides, and no variable is there.
    if style == Style::Plain && query.contains('\\') {
        return;
    }
    let places = places(&parsed.text, style);
    assert_eq!(places, (1..=values.len()).collect::<Vec<_>>(), "{:?}", parsed.text);
}

/// The parameters' numbers as a server reads them.
fn places(text: &str, style: Style) -> Vec<usize> {
    let mark = if style == Style::Numbered('$') { '$' } else { '?' };
    let (mut places, mut quote, mut before) = (Vec::new(), None, ' ');
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"' | '`') => quote = Some(character),
            None if character == mark && !(mark == '$' && is_word(before)) => {
                let digits =
                    rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                match (style, rest[..digits].parse()) {
                    (Style::Plain, _) => places.push(places.len() + 1),
                    (Style::Numbered(_), Ok(number)) => places.push(number),
                    (Style::Numbered(_), Err(_)) => {}
                }
            }
            None => {}
        }
        before = character;
    }
    assert_eq!(quote, None, "an open quote: {text}");
    places
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

const MARK: char = '\u{E0F5}';
