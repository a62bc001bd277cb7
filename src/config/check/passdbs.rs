//! Password databases.
//!
//! Driver: `check`. Tests: below.

use super::mechanisms;
use crate::config::diagnostic::{Findings, Place, nearest};
use crate::config::model::{Field, Outcome, Passdb, PassdbDriver, Skip};
use crate::config::registry::Scope;
use crate::config::sort::{Section, shown};
use crate::config::value::{self, Value};
use crate::config::vars::LOGIN_VARIABLES;
use crate::names::Protocol;
use crate::template::{Letters, Template};

pub(super) fn all(root: &Section, findings: &mut Findings) -> Vec<Passdb> {
    let mut passdbs = Vec::new();
    for child in &root.children {
        match child.scope {
            Scope::Passdb => passdbs.push((child, Vec::new())),
            Scope::Protocol => {
                let protocol = Protocol::ALL.into_iter().find(|p| p.name() == child.name());
                let inside = child.of_scope(Scope::Passdb);
                passdbs.extend(inside.map(|passdb| (passdb, Vec::from_iter(protocol))));
            }
            Scope::Global | Scope::Service | Scope::Listener | Scope::LocalName | Scope::Dict => {}
        }
    }
    if passdbs.is_empty() {
        let text = "there is none, so nobody can log in; write `passdb NAME { driver = passwd-file  passwd_file_path = FILE }`";
        findings.warn(&root.place, "passdb", text);
    }
    let numbered = (1..).zip(passdbs);
    numbered
        .map(|(number, (section, protocols))| passdb(section, number, protocols, findings))
        .collect()
}

fn passdb(
    section: &Section,
    number: usize,
    protocols: Vec<Protocol>,
    findings: &mut Findings,
) -> Passdb {
    let args = Args::split(&section.text("args"));
    let place = section.place.clone();
    let driver = driver(section, &args, findings);
    let (default_fields, fields) = fields(section, &args, findings);
    Passdb {
        name: section.label.clone().unwrap_or_else(|| format!("passdb-{number}")),
        default_password_scheme: scheme(section, &args, &driver),
        username_format: username_format(section, &args, findings),
        driver,
        default_fields,
        fields,
        master: section.flag("master"),
        deny: section.flag("deny"),
        pass: section.flag("pass"),
        skip: match section.text("skip").as_str() {
            "authenticated" => Skip::Authenticated,
            "unauthenticated" => Skip::Unauthenticated,
            _ => Skip::Never,
        },
        result_success: outcome(&section.text("result_success")),
        result_failure: outcome(&section.text("result_failure")),
        result_internalfail: outcome(&section.text("result_internalfail")),
        mechanisms: mechanisms(section, "mechanisms", findings),
        protocols,
        place,
    }
}

/// The fields an answer may replace, and those that replace the answer's.
fn fields(section: &Section, args: &Args, findings: &mut Findings) -> (Vec<Field>, Vec<Field>) {
    let mut default_fields = Vec::new();
    let mut fields = Vec::new();
    for (name, target) in
        [("default_fields", &mut default_fields), ("override_fields", &mut fields)]
    {
        let text = section.text(name);
        let pairs = text.split_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, "y")));
        for (field, value) in pairs {
            push_field(target, field, value, section.place_of(name), findings);
        }
    }
    if section.text("driver") == "static" || section.name() == "static" {
        for word in &args.rest {
            let (field, value) = word.split_once('=').unwrap_or((word.as_str(), "y"));
            push_field(&mut fields, field, value, section.place_of("args"), findings);
        }
    }
    for field in &section.fields {
        push_field(&mut fields, &field.name, &field.text, &field.place, findings);
    }
    (default_fields, fields)
}

/// Dovecot 2.3's `args`: options, then the file.
#[derive(Default)]
struct Args {
    scheme: Option<String>,
    username_format: Option<String>,
    file: Option<String>,
    /// What is neither; fields of the driver `static`.
    rest: Vec<String>,
}

impl Args {
    fn split(text: &str) -> Self {
        let mut args = Self::default();
        let mut rest = text.trim();
        while !rest.is_empty() && !rest.starts_with(['/', '.']) {
            let (word, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            match word.split_once('=') {
                Some(("scheme", scheme)) => args.scheme = Some(scheme.to_ascii_uppercase()),
                Some(("username_format", format)) => args.username_format = Some(format.to_owned()),
                _ => args.rest.push(word.to_owned()),
            }
            rest = after.trim_start();
        }
        // The file comes last, with whatever spaces are in its name.
        args.file = (!rest.is_empty()).then(|| rest.to_owned());
        args
    }
}

const LATER_DRIVERS: [&str; 9] =
    ["sql", "ldap", "oauth2", "pam", "shadow", "passwd", "bsdauth", "lua", "imap"];

fn driver(section: &Section, args: &Args, findings: &mut Findings) -> PassdbDriver {
    let written = section.optional_text("driver");
    let name = written.as_deref().unwrap_or_else(|| section.name());
    let place = section.place_of("driver");
    match name {
        "passwd-file" => passwd_file(section, args, findings),
        "static" => PassdbDriver::Static { password: section.secret("password") },
        _ => {
            let text = if name.is_empty() {
                "a driver is missing, expected `passwd-file` or `static`".to_owned()
            } else if LATER_DRIVERS.contains(&name) {
                format!("`{name}` comes with a later version; use `passwd-file` or `static`")
            } else {
                let hint = nearest(name, ["passwd-file", "static"])
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                format!("found {}, expected `passwd-file` or `static`{hint}", shown(name))
            };
            findings.error(place, "driver", text);
            PassdbDriver::Static { password: None }
        }
    }
}

fn passwd_file(section: &Section, args: &Args, findings: &mut Findings) -> PassdbDriver {
    let path = match (section.template("passwd_file_path"), &args.file) {
        (Some(path), None) => Some(path),
        (Some(path), Some(_)) => {
            let text = "the file is already named by `passwd_file_path`; remove `args`";
            findings.error(section.place_of("args"), "args", text);
            Some(path)
        }
        (None, Some(file)) => {
            let file = section.place_of("args").resolve(file).display().to_string();
            login_template(&file, section.place_of("args"), "args", findings)
        }
        (None, None) => {
            let text = "missing: the driver `passwd-file` needs `passwd_file_path = FILE`";
            findings.error(&section.place, "passwd_file_path", text);
            None
        }
    };
    if section.found("password").is_some() {
        let text = "belongs to the driver `static`; for this driver write it into `fields { … }`";
        findings.error(section.place_of("password"), "password", text);
    }
    for word in &args.rest {
        // Only the name: the value may be a password.
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        let text = format!("found {}, expected `[scheme=…] [username_format=…] FILE`", shown(name));
        findings.error(section.place_of("args"), "args", text);
    }
    PassdbDriver::PasswdFile { path: path.unwrap_or_default() }
}

fn scheme(section: &Section, args: &Args, driver: &PassdbDriver) -> String {
    let written = section.optional_text("default_password_scheme").or_else(|| args.scheme.clone());
    let fallback = match driver {
        PassdbDriver::PasswdFile { .. } => "CRYPT",
        PassdbDriver::Static { .. } => "PLAIN",
    };
    written.map_or_else(|| fallback.to_owned(), |scheme| scheme.to_ascii_uppercase())
}

fn username_format(section: &Section, args: &Args, findings: &mut Findings) -> Option<Template> {
    if let Some(template) = section.template("auth_username_format") {
        return Some(template);
    }
    let format = args.username_format.as_deref()?;
    login_template(format, section.place_of("args"), "args", findings)
}

fn login_template(
    text: &str,
    place: &Place,
    name: &str,
    findings: &mut Findings,
) -> Option<Template> {
    match value::template(text, Letters::Variables, LOGIN_VARIABLES) {
        Ok(Value::Template(template)) => Some(template),
        Ok(_) => None,
        Err(expected) => {
            findings.error(place, name, format!("found {}, expected {expected}", shown(text)));
            None
        }
    }
}

fn push_field(
    fields: &mut Vec<Field>,
    name: &str,
    text: &str,
    place: &Place,
    findings: &mut Findings,
) {
    let is_secret = Field::is_secret(name);
    // An empty value that nobody filled in must not become "everybody may log in with an empty password".
    if matches!(name, "password" | "pass") && text.is_empty() {
        return findings.warn(
            place,
            name,
            "empty, so the field is left out; the database's own password counts",
        );
    }
    let letters = if is_secret { Letters::Text } else { Letters::Variables };
    match value::template(text, letters, LOGIN_VARIABLES) {
        Ok(Value::Template(value)) => {
            fields.retain(|field| field.name != name);
            fields.push(Field { name: name.to_owned(), value });
        }
        Ok(_) => {}
        Err(expected) if is_secret => {
            findings.error(
                place,
                name,
                format!("expected {expected}; write `%%{{` for a plain `%{{`"),
            );
        }
        Err(expected) => {
            findings.error(place, name, format!("found {}, expected {expected}", shown(text)));
        }
    }
}

fn outcome(word: &str) -> Outcome {
    match word {
        "return-ok" => Outcome::ReturnOk,
        "return" => Outcome::Return,
        "return-fail" => Outcome::ReturnFail,
        "continue-ok" => Outcome::ContinueOk,
        "continue-fail" => Outcome::ContinueFail,
        _ => Outcome::Continue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded, warnings};
    use crate::secret::Secret;

    fn path(passdb: &Passdb) -> String {
        match &passdb.driver {
            PassdbDriver::PasswdFile { path } => path.to_string(),
            PassdbDriver::Static { .. } => String::new(),
        }
    }

    #[test]
    fn both_generations_of_syntax_mean_the_same() {
        let config = loaded(
            "passdb {\n driver = passwd-file\n args = scheme=sha512-crypt username_format=%Ln /etc/hale/my users\n \
             override_fields = proxy=y host=%d\n default_fields = port=1143\n}\npassdb passwd-file {\n passwd_file_path = \
             /etc/hale/%{user | domain}/users\n default_password_scheme = sha512-crypt\n fields {\n  proxy = y\n }\n \
             skip = authenticated\n result_failure = return-fail\n}\n",
        );
        let [old, new] = &config.auth.passdbs[..] else { panic!() };
        assert_eq!((old.name.as_str(), new.name.as_str()), ("passdb-1", "passwd-file"));
        assert_eq!(path(old), "/etc/hale/my users");
        assert_eq!(path(new), "/etc/hale/%{user | domain}/users");
        assert_eq!(old.username_format.as_ref().unwrap().to_string(), "%{user | username | lower}");
        assert_eq!(
            (&old.default_password_scheme, &new.default_password_scheme),
            (&"SHA512-CRYPT".into(), &"SHA512-CRYPT".into())
        );
        assert_eq!(
            format!("{:?} {:?}", old.default_fields, old.fields),
            "[port=1143] [proxy=y, host=%{user | domain}]"
        );
        assert_eq!(
            (new.skip, new.result_failure, new.result_success),
            (Skip::Authenticated, Outcome::ReturnFail, Outcome::ReturnOk)
        );
    }

    #[test]
    fn static_passdbs_and_master_users() {
        let config = loaded(
            "passdb static {\n password = {PLAIN}hush\n fields {\n  nopassword = y\n  pass = 100%unlucky\n }\n}\npassdb m \
             {\n driver = passwd-file\n passwd_file_path = masters\n master = yes\n}\nprotocol lmtp {\n passdb l {\n  driver \
             = static\n  args = proxy=y nopassword=y\n }\n}\n",
        );
        let [fixed, master, lmtp] = &config.auth.passdbs[..] else { panic!() };
        assert_eq!(
            fixed.driver,
            PassdbDriver::Static { password: Some(Secret::from("{PLAIN}hush")) }
        );
        assert_eq!(fixed.fields[1].value.expand(&|_| None), "100%unlucky");
        assert!(!format!("{config:?}").contains("unlucky"), "debug output shows no password");
        assert!(master.master);
        assert_eq!(path(master), "/e/masters");
        assert_eq!(lmtp.protocols, [Protocol::Lmtp]);
        assert_eq!(format!("{:?}", lmtp.fields), "[proxy=y, nopassword=y]");
    }

    #[test]
    fn op_01_passdb_mistakes_name_the_remedy() {
        for (text, expected) in [
            (
                "passdb x {\n driver = ldap\n}\n",
                "t.conf:2: setting driver: `ldap` comes with a later version",
            ),
            ("passdb sql {\n}\n", "later version; use `passwd-file`"),
            ("passdb x {\n driver = passwd_file\n}\n", "did you mean `passwd-file`"),
            ("passdb {\n}\n", "a driver is missing"),
            ("passdb x {\n driver = passwd-file\n}\n", "needs `passwd_file_path = FILE`"),
            ("passdb x {\n driver = passwd-file\n args = schem=PLAIN /f\n}\n", "found `schem`"),
            (
                "passdb passwd-file {\n args = /f\n password = x\n}\n",
                "t.conf:3: setting password: belongs",
            ),
            ("passdb static {\n fields {\n  host = %{usr}\n }\n}\n", "t.conf:3: setting host"),
        ] {
            let found = errors(text);
            assert!(found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn an_empty_password_field_is_left_out_with_a_warning() {
        let text = "passdb static {\n fields {\n  password = # shared password\n }\n}\n";
        assert!(loaded(text).auth.passdbs[0].fields.is_empty());
        assert!(warnings(text)[0].contains("t.conf:3: setting password"));
    }
}
