//! Body of the fuzz target `ldap`, replayed on stable by `tests/pure/corpus.rs`.

use hale::auth::ldap::mapping::{Entry, Mapping};
use hale::auth::ldap::{outcome, ppolicy};
use hale::template::{Letters, Syntax, Template};

/// A user's name, `pass_attrs` and an attribute's value, each ended by NUL: no panic; a name is one value in a filter
/// and in a distinguished name, whole; a row has what the entry has.
pub(crate) fn run(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let [user, attributes, value] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let _ = outcome::of_bind(49, ppolicy::error_of(value), &String::from_utf8_lossy(value));
    if let Ok(user) = str::from_utf8(user) {
        a_name_stays_a_value(user);
    }
    let Ok(text) = str::from_utf8(attributes) else { return };
    let Ok(mapping) = Mapping::of_pass_attrs(text) else { return };
    let asked: Vec<String> = mapping.attributes().iter().map(|name| (*name).to_owned()).collect();
    assert!(
        !asked.is_empty() && asked.iter().all(|name| !name.is_empty() || text.contains("ldap"))
    );
    let attributes = asked.into_iter().map(|name| (name, vec![value.to_vec()])).collect();
    let entry = Entry { dn: "cn=x".to_owned(), attributes };
    if let Ok(row) = mapping.row(&entry, &|name| (name == "user").then(|| "tim".into())) {
        assert!(row.fields.len() <= text.split(',').count());
        assert!(!format!("{row:?}").contains("Secret(\""));
    }
}

fn a_name_stays_a_value(user: &str) {
    let has_line_end = user.contains(['\r', '\n', '\0']);
    let expand = |syntax, pattern| {
        let template = Template::parse(pattern, Letters::Variables).unwrap();
        template.expand_in(syntax, &|_| Some(user.into()))
    };
    let filter = expand(Syntax::LdapFilter, "(&(uid=%u)(a=b))");
    let dn = expand(Syntax::LdapDn, "uid=%u,dc=x");
    let parts = expand(Syntax::LdapDn, "dc=%{user|ldap_dn},o=x");
    assert_eq!((filter.is_err(), dn.is_err(), parts.is_err()), [has_line_end; 3].into());
    let (Ok(filter), Ok(dn), Ok(parts)) = (filter, dn, parts) else { return };
    let value = filter.strip_prefix("(&(uid=").unwrap().strip_suffix(")(a=b))").unwrap();
    assert!(!value.contains(['(', ')', '*']) && unescaped_filter(value) == user);
    let value = dn.strip_prefix("uid=").unwrap().strip_suffix(",dc=x").unwrap();
    let (values, plain) = unescaped_dn(value);
    assert!(values == 1 && plain == user);
    let (values, _) = unescaped_dn(parts.strip_suffix(",o=x").unwrap());
    assert_eq!(values, user.split('.').count());
}

fn unescaped_filter(value: &str) -> String {
    let mut pieces = value.split('\\');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        text.push(char::from(u8::from_str_radix(digits, 16).unwrap()));
        text.push_str(rest);
    }
    text
}

/// How many values there are, and the text without its backslashes.
fn unescaped_dn(value: &str) -> (usize, String) {
    let (mut values, mut text) = (1, String::new());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            ',' => values += 1,
            plain => text.push(plain),
        }
    }
    (values, text)
}
