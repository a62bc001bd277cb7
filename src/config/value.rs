//! The text of a setting to a typed value.
//!
//! Duty: times, sizes, numbers, addresses, paths; one function per kind, each saying what it expected. Not its duty:
//! relations between settings. Driver: `sort`, once per setting; the registry's defaults go the same way. Tests: below.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::diagnostic::nearest;
use super::environment::{Environment, Privacy, file_content};
use super::model::{ControlCore, Cores};
use super::registry::Kind;
use super::vars::{
    INQUIRY_VARIABLES, LOGIN_LOG_FORMAT_VARIABLES, LOGIN_LOG_VARIABLES, LOGIN_VARIABLES,
    PROBE_VARIABLES,
};
use crate::network::Networks;
use crate::template::{Letters, Template, closing_brace};

/// A value of one of the registry's kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Bool(bool),
    Number(u64),
    /// `auto`, or a number.
    Auto(Option<u64>),
    Time(Duration),
    /// `auto`, or a time.
    AutoTime(Option<Duration>),
    /// Also words of a choice, passwords and URIs, which later stages take apart.
    Text(String),
    Path(PathBuf),
    Words(Vec<String>),
    Networks(Networks),
    Addresses(Vec<IpAddr>),
    Cores(Cores),
    Core(ControlCore),
    Template(Template),
    Templates(Vec<Template>),
}

/// Why a text as written cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// What was expected, to stand behind "expected".
    Expected(String),
    /// What is wrong with its variables, as a sentence. It shows no password.
    Variable(String),
}

/// Reads `text` as it was written: variables of the environment are put in first.
///
/// # Errors
/// See [`Mistake`].
pub(crate) fn read(kind: Kind, text: &str, environment: &Environment) -> Result<Value, Mistake> {
    let open = Privacy::Open;
    let template = match kind {
        Kind::LoginTemplate => login_template(text, Letters::Variables, environment, open),
        Kind::Inquiry => template(text, Letters::Inquiry, INQUIRY_VARIABLES, environment, open),
        Kind::ProbeTemplate => template(text, Letters::Refused, PROBE_VARIABLES, environment, open),
        Kind::LoginLogFormat => login_log_format(text, environment),
        Kind::LoginLogElements => {
            let elements = login_log_elements(text, environment).map(Value::Templates);
            return elements.map_err(Mistake::Expected);
        }
        // Taken apart first, by `check`.
        Kind::FieldTexts => return Ok(Value::Text(text.to_owned())),
        Kind::AttributeFields => {
            let rest = without_attributes(text);
            return match login_template(&rest, Letters::Variables, &Environment::default(), open) {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(fault) => Err(Mistake::Expected(fault)),
            };
        }
        _ => {
            let privacy = if kind == Kind::Secret { Privacy::Secret } else { open };
            let plain = environment.plain(text, privacy).map_err(Mistake::Variable)?;
            let keys = |text: &str| text.matches(';').count();
            if kind == Kind::GeoDb && keys(&plain) != keys(text) {
                let fault = "a value of the environment cannot contain `;` here";
                return Err(Mistake::Variable(fault.to_owned()));
            }
            // What was written is shown in messages, what a variable stands for is not.
            return match parse(kind, &plain) {
                Err(expected) if plain != text => Err(Mistake::Variable(format!(
                    "expected {expected}; a variable stands for something else"
                ))),
                read => read.map_err(Mistake::Expected),
            };
        }
    };
    template.map(Value::Template).map_err(Mistake::Expected)
}

/// Reads the content of a file as `kind`.
///
/// # Errors
/// See [`Mistake`].
pub(crate) fn of_file(kind: Kind, text: &str) -> Result<Value, Mistake> {
    let text = file_content(text).map_err(Mistake::Variable)?;
    if text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n')) {
        return Err(Mistake::Variable("the file has a control character in it".to_owned()));
    }
    if matches!(kind, Kind::Text | Kind::Secret) && text.contains('\n') {
        return Err(Mistake::Variable("the file has more than one line".to_owned()));
    }
    parse(kind, text).map_err(Mistake::Expected)
}

/// Reads `text`, in which nothing is a variable but in templates, as `kind`.
///
/// # Errors
/// What was expected, to stand behind "expected". What was found is said by the caller, who knows what is secret.
pub(crate) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    match kind {
        Kind::Bool => boolean(text).map(Value::Bool).ok_or_else(|| "`yes` or `no`".to_owned()),
        Kind::Number { min, max } => number(text, min, max).map(Value::Number),
        Kind::AutoNumber { .. } if text == "auto" => Ok(Value::Auto(None)),
        Kind::AutoNumber { min, max } => match number(text, min, max) {
            Ok(number) => Ok(Value::Auto(Some(number))),
            Err(expected) => Err(format!("`auto` or {expected}")),
        },
        // Dovecot's own files have it commented out and empty.
        Kind::Port if text.is_empty() => Ok(Value::Number(0)),
        Kind::Port => number(text, 0, u64::from(u16::MAX))
            .map(Value::Number)
            .map_err(|_| "a port, 0 to 65535".to_owned()),
        Kind::Size { min, max } => bounded_size(text, min, max),
        Kind::Time => time(text).map(Value::Time),
        Kind::AutoTime if text == "auto" => Ok(Value::AutoTime(None)),
        Kind::AutoTime => match time(text) {
            Ok(time) => Ok(Value::AutoTime(Some(time))),
            Err(expected) => Err(format!("`auto` or {expected}")),
        },
        Kind::Text
        | Kind::Secret
        | Kind::FieldTexts
        | Kind::AttributeFields
        | Kind::GeoDb
        | Kind::LocalDb => Ok(Value::Text(text.to_owned())),
        Kind::Character => match text.chars().count() {
            0 | 1 => Ok(Value::Text(text.to_owned())),
            _ => Err("one character".to_owned()),
        },
        Kind::Path => Ok(Value::Path(PathBuf::from(text))),
        Kind::Words => Ok(Value::Words(words(text).map(str::to_owned).collect())),
        Kind::Networks => match Networks::parse(text) {
            Ok(networks) => Ok(Value::Networks(networks)),
            Err(word) => Err(format!(
                "addresses and networks such as `192.168.1.0/24 ::1` (`{}` is neither)",
                word.escape_debug()
            )),
        },
        Kind::Addresses => addresses(text).map(Value::Addresses),
        Kind::Choice(choices) if choices.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Choice(choices) => Err(one_of(choices)),
        Kind::Cores => cores(text).map(Value::Cores),
        Kind::Core => core(text).map(Value::Core),
        Kind::LoginTemplate => {
            login_template(text, Letters::Variables, &Environment::default(), Privacy::Open)
                .map(Value::Template)
        }
        Kind::LoginLogFormat => {
            login_log_format(text, &Environment::default()).map(Value::Template)
        }
        Kind::LoginLogElements => {
            login_log_elements(text, &Environment::default()).map(Value::Templates)
        }
        Kind::Inquiry => {
            let none = Environment::default();
            template(text, Letters::Inquiry, INQUIRY_VARIABLES, &none, Privacy::Open)
                .map(Value::Template)
        }
        Kind::ProbeTemplate => template(
            text,
            Letters::Refused,
            PROBE_VARIABLES,
            &Environment::default(),
            Privacy::Open,
        )
        .map(Value::Template),
    }
}

/// A template of a login.
///
/// # Errors
/// See [`template`].
pub(crate) fn login_template(
    text: &str,
    letters: Letters,
    environment: &Environment,
    privacy: Privacy,
) -> Result<Template, String> {
    template(text, letters, LOGIN_VARIABLES, environment, privacy)
}

/// A template whose variables are all known.
///
/// # Errors
/// What was expected instead.
pub(crate) fn template(
    text: &str,
    letters: Letters,
    known: &[&str],
    environment: &Environment,
    privacy: Privacy,
) -> Result<Template, String> {
    let example = known.first().copied().unwrap_or_default();
    let expected = |fault: String| format!("text with variables such as `%{{{example}}}`; {fault}");
    let mut parsed = Template::parse(text, letters).map_err(expected)?;
    environment.resolve(&mut parsed, privacy).map_err(expected)?;
    let has_passdb = known == LOGIN_VARIABLES;
    let is_known =
        |name: &str| known.contains(&name) || (has_passdb && name.starts_with("passdb:"));
    let unknown = parsed.variables().find(|name| !is_known(name));
    let Some(name) = unknown else {
        return Ok(parsed);
    };
    let hint = nearest(name, known.iter().copied())
        .map_or_else(String::new, |near| format!(" (did you mean `%{{{near}}}`?)"));
    Err(format!("a known variable, not `%{{{name}}}`{hint}; there are {}", known.join(", ")))
}

/// The text without what stands for an attribute of LDAP: `%{ldap:NAME}`, `%$`.
fn without_attributes(text: &str) -> String {
    let mut rest = String::new();
    for (at, piece) in text.replace("%$", "").split("%{ldap:").enumerate() {
        match piece.split_once('}') {
            Some((_, behind)) if at > 0 => rest.push_str(behind),
            _ => rest.push_str(piece),
        }
    }
    rest
}

fn login_log_format(text: &str, environment: &Environment) -> Result<Template, String> {
    let known = LOGIN_LOG_FORMAT_VARIABLES;
    template(text, Letters::LoginLogFormat, known, environment, Privacy::Open)
}

/// Elements between spaces; those inside of `%{…}` belong to it.
fn login_log_elements(text: &str, environment: &Environment) -> Result<Vec<Template>, String> {
    let mut elements = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (element, after) = rest.split_at(element_end(rest)?);
        let (letters, known) = (Letters::LoginLog, LOGIN_LOG_VARIABLES);
        elements.push(template(element, letters, known, environment, Privacy::Open)?);
        rest = after.trim_start();
    }
    Ok(elements)
}

/// Where the first element of `text` ends.
fn element_end(text: &str) -> Result<usize, String> {
    let mut end = 0;
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let Some(stop) = rest.find(|c: char| c.is_ascii_whitespace() || c == '{') else {
            return Ok(text.len());
        };
        let at = end + stop;
        let before = text.get(..at).and_then(|before| before.rsplit_once('%'));
        let is_variable = before.is_some_and(|(_, modifiers)| {
            modifiers.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        });
        let length = match text.get(at..).unwrap_or_default() {
            braced if braced.starts_with('{') && is_variable => {
                closing_brace(braced).ok_or("variables; there is `%{` without `}`")?
            }
            plain if plain.starts_with('{') => 0,
            _ => return Ok(at),
        };
        end = at + length + 1;
    }
}

/// `a, b or c`, quoted.
pub(crate) fn one_of(choices: &[&str]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "1" => Some(true),
        "no" | "n" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// Words separated by white space or commas.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', ',', '\n']).filter(|word| !word.is_empty())
}

fn number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if is_digits && (min..=max).contains(&number) => Ok(number),
        _ if max == u64::MAX => Err(format!("a number from {min} up")),
        _ => Err(format!("a number from {min} to {max}")),
    }
}

/// A time with its unit.
///
/// # Errors
/// What was expected.
pub fn time(text: &str) -> Result<Duration, String> {
    let expected = || "a time with its unit, such as `31secs`, `10 min` or `500 ms`".to_owned();
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let count: u64 = digits.parse().map_err(|_| expected())?;
    let milliseconds = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 604_800_000,
        "" if count == 0 => 1,
        _ => return Err(expected()),
    };
    match count.checked_mul(milliseconds) {
        // Ten years: anything longer is a slip, and sums of times cannot overflow.
        Some(all) if all <= 315_360_000_000 => Ok(Duration::from_millis(all)),
        _ => Err("a time of at most 3650 days".to_owned()),
    }
}

fn bounded_size(text: &str, min: u64, max: u64) -> Result<Value, String> {
    match size(text) {
        Some(bytes) if (min..=max).contains(&bytes) => Ok(Value::Number(bytes)),
        _ => Err(format!("a size such as `64k` or `1M`, from {min} to {max} bytes")),
    }
}

fn size(text: &str) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// `*` and `::` mean all addresses of their family, as in Dovecot's `listen`.
fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let address = |word: &str| {
        match word {
        "*" => Ok(IpAddr::from([0, 0, 0, 0])),
        _ => word.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| {
            format!("addresses such as `*, ::` or `192.0.2.1` (`{}` is none; host names are not resolved)",
                word.escape_debug())
        }),
    }
    };
    words(text).map(address).collect()
}

fn cores(text: &str) -> Result<Cores, String> {
    if text == "auto" {
        return Ok(Cores::Auto);
    }
    let expected = || "`auto` or a list of CPUs such as `0-6` or `0,2,4`, each once".to_owned();
    let mut list: Vec<u16> = Vec::new();
    for word in words(text) {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let first: u16 = first.parse().map_err(|_| expected())?;
        let last: u16 = last.parse().map_err(|_| expected())?;
        // More CPUs than Linux knows are a slip, and the list below shall stay small.
        if last < first || last >= 8192 || (first..=last).any(|cpu| list.contains(&cpu)) {
            return Err(expected());
        }
        list.extend(first..=last);
    }
    if list.is_empty() { Err(expected()) } else { Ok(Cores::List(list)) }
}

fn core(text: &str) -> Result<ControlCore, String> {
    match text {
        "auto" => Ok(ControlCore::Auto),
        _ => text
            .parse()
            .map(ControlCore::Cpu)
            .map_err(|_| "`auto` or the number of a CPU".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit() {
        let milliseconds = |text| time(text).map(|time| time.as_millis());
        assert_eq!(milliseconds("31secs"), Ok(31_000));
        assert_eq!(milliseconds("10 min"), Ok(600_000));
        assert_eq!(milliseconds("500ms"), Ok(500));
        assert_eq!(milliseconds("1 week"), Ok(604_800_000));
        assert_eq!(milliseconds("0"), Ok(0));
        for bad in ["", "5", "min", "5 fortnights", "-1s", "99999999999999999999s", "9999999 weeks"]
        {
            assert!(milliseconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_binary_units_and_bounds() {
        assert_eq!(size("64k"), Some(65_536));
        assert_eq!(size("1 M"), Some(1_048_576));
        assert_eq!(size("17"), Some(17));
        assert_eq!(size("99999999999G"), None);
        assert!(bounded_size("1k", 4096, 8192).unwrap_err().contains("from 4096 to 8192"));
    }

    #[test]
    fn cores_are_lists_ranges_or_auto() {
        assert_eq!(cores("auto"), Ok(Cores::Auto));
        assert_eq!(cores("0-3"), Ok(Cores::List(vec![0, 1, 2, 3])));
        assert_eq!(cores("0,2, 4"), Ok(Cores::List(vec![0, 2, 4])));
        assert_eq!(cores("0 2"), Ok(Cores::List(vec![0, 2])));
        for bad in ["", "3-1", "1,1", "a", "0-99999", "0-9000"] {
            assert!(cores(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_never_host_names() {
        assert_eq!(addresses("*, ::").unwrap().len(), 2);
        assert_eq!(addresses("[::1] 192.0.2.1").unwrap().len(), 2);
        assert!(addresses("localhost").unwrap_err().contains("not resolved"));
    }

    #[test]
    fn elements_of_log_lines_stand_between_spaces_outside_of_their_variables() {
        let elements = |text| match parse(Kind::LoginLogElements, text) {
            Ok(Value::Templates(elements)) => Ok(elements.len()),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault),
        };
        assert_eq!(elements(""), Ok(0));
        assert_eq!(elements("  user=<%u> method=%m\trip=%r %c %k "), Ok(5));
        assert_eq!(elements("%{user | lower} {a b} %L{user | default('} x')}"), Ok(4));
        for bad in ["%{user", "a %z", "%{password}", "%{passdb:x}", "%{remote_pi}", "%{message}"] {
            let name = bad.trim_start_matches("a %").trim_matches(['%', '{', '}']);
            let fault = elements(bad).unwrap_err();
            assert!(fault.contains(name) || fault.contains("without `}`"), "{bad}: {fault}");
        }
        assert!(elements("%{remote_pi}").unwrap_err().contains("did you mean `%{remote_ip}`?"));
        assert!(parse(Kind::LoginLogFormat, "%$: %s").is_ok());
        assert!(parse(Kind::LoginLogFormat, "%{message} (%{elements})").is_ok());
        let fault = parse(Kind::LoginLogFormat, "%$: %u").unwrap_err();
        assert!(fault.contains("not `%{user}`"), "{fault}");
    }

    #[test]
    fn op_01_unknown_variables_are_found_at_load() {
        let fault = parse(Kind::ProbeTemplate, "probe-%{backend_hots}").unwrap_err();
        assert!(fault.contains("did you mean `%{backend_host}`?"), "{fault}");
        assert!(parse(Kind::LoginTemplate, "%Lu").is_ok());
        assert!(parse(Kind::LoginTemplate, "%{passdb:forward_x}").is_ok());
    }
}
