//! Code as tokens, and code without its tests.

use std::ops::Range;

use super::source::is_word;

/// Words, `::`, and every other character that is no white space, each with its place.
pub(crate) fn tokens(code: &str) -> Vec<(usize, &str)> {
    let bytes = code.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let length = if is_word(bytes[at]) {
            bytes[at..].iter().take_while(|byte| is_word(**byte)).count()
        } else if bytes[at..].starts_with(b"::") || bytes[at..].starts_with(b"->") {
            2
        } else {
            1
        };
        if !bytes[at].is_ascii_whitespace() {
            found.push((at, &code[at..at + length]));
        }
        at += length;
    }
    found
}

pub(crate) fn token<'a>(tokens: &[(usize, &'a str)], at: usize) -> &'a str {
    tokens.get(at).map_or("", |(_, token)| *token)
}

/// Words that begin an item, behind which no comma ends it.
const ITEM: [&str; 14] = [
    "pub",
    "fn",
    "mod",
    "use",
    "struct",
    "enum",
    "union",
    "impl",
    "const",
    "static",
    "type",
    "trait",
    "unsafe",
    "macro_rules",
];

/// Blanks out what stands under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
pub(crate) fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for range in tests_in(code) {
        bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    // Whole items and nothing in the middle of a character.
    String::from_utf8(bytes).unwrap()
}

/// Where something stands under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
pub(crate) fn tests_in(code: &str) -> impl Iterator<Item = Range<usize>> {
    code.match_indices("#[cfg(").filter_map(|(at, _)| {
        let condition = &code[at + "#[cfg(".len()..];
        let is_test = condition.starts_with("test)") || condition.starts_with("all(test");
        is_test.then(|| at..at + item_end(&code[at..]))
    })
}

/// Bytes of an item, field, statement or arm with the attributes before it.
fn item_end(code: &str) -> usize {
    let mut at = 0;
    while code[at..].trim_start().starts_with("#[") {
        at = code.len() - code[at..].trim_start().len();
        let mut depth = 0_usize;
        let close = code[at..].bytes().position(|byte| {
            depth = depth + usize::from(byte == b'[') - usize::from(byte == b']');
            byte == b']' && depth == 0
        });
        at += close.map_or(code.len() - at, |close| close + 1);
    }
    let first = tokens(&code[at..]).first().map_or("", |(_, token)| *token);
    let is_item = ITEM.contains(&first);
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (place, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b'{' => curly += 1,
            b'}' => curly -= 1,
            _ => {}
        }
        let ends = match byte {
            b';' => round == 0 && curly == 0,
            b'}' => round <= 0 && curly == 0,
            b',' => !is_item && round == 0 && curly == 0,
            _ => false,
        };
        // Behind the last field or arm stands the brace of what it belongs to.
        if curly < 0 || round < 0 {
            return place;
        }
        if ends {
            return place + 1;
        }
    }
    code.len()
}
