//! A line as a JSON object (`log_format = json`): one for each, in one line, with the text of the line and what it says as names and values.

use serde_json::{Map, Value};

use super::Level;
use super::fields::Field;

/// Appends it. `time`: RFC 3339.
pub(in crate::control) fn write(
    time: &str,
    level: Level,
    line: &str,
    fields: &[Field],
    out: &mut String,
) {
    let mut object = Map::new();
    let mut put = |name: &str, value: &str| object.insert(name.to_owned(), value.into());
    put("time", time);
    put("level", level.name());
    put("message", line);
    for (name, value) in fields {
        put(name, value);
    }
    out.push_str(&Value::Object(object).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_stands_in_it() {
        let mut out = String::new();
        let fields = [("user", "a\"b\n}".to_owned())];
        write("2026-11-27T18:05:12.003Z", Level::Warning, "x\u{1b}", &fields, &mut out);
        assert!(!out.contains('\n') && !out.contains('\u{1b}'), "{out}");
        let read: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["user"], "a\"b\n}");
        assert_eq!(read["level"], "warning");
        assert_eq!(read["message"], "x\u{1b}");
    }
}
