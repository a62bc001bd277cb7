//! Password databases.
//!
//! Driver: `check`. Tests: `passdbs/tests.rs`.

#[cfg(test)]
mod tests;
mod userdbs;

use super::mechanisms;
use crate::config::diagnostic::{Findings, Place, nearest};
use crate::config::environment::{Environment, Privacy, file_content, leading_name};
use crate::config::model::{Field, Outcome, Passdb, PassdbDriver, Service, Skip};
use crate::config::registry::{self, HARMLESS_FIELDS, PASSDB_FIELDS, Scope};
use crate::config::sort::{Section, shown};
use crate::config::value;
use crate::names::Protocol;
use crate::names::mechanism::Mechanism;
use crate::template::{Letters, Template};

pub(super) fn all(
    root: &Section,
    environment: &Environment,
    findings: &mut Findings,
) -> Vec<Passdb> {
    let mut passdbs = Vec::new();
    for child in &root.children {
        match child.scope {
            Scope::Passdb => passdbs.push((child, Vec::new())),
            Scope::Protocol => {
                let protocol = Protocol::ALL.into_iter().find(|p| p.name() == child.name());
                let inside = child.of_scope(Scope::Passdb);
                passdbs.extend(inside.map(|passdb| (passdb, Vec::from_iter(protocol))));
            }
            Scope::Global
            | Scope::Service
            | Scope::Listener
            | Scope::LocalName
            | Scope::Pgsql
            | Scope::Mysql
            | Scope::Dict => {}
        }
    }
    userdbs::look_at_root(root, findings);
    if passdbs.is_empty() {
        let text = "there is none, so no user can log in; write `passdb NAME { driver = passwd-file  passwd_file_path = FILE }`";
        findings.warn(&root.place, "passdb", text);
    }
    let numbered = (1..).zip(passdbs);
    let mut all: Vec<Passdb> = numbered
        .map(|(number, (section, protocols))| {
            Reader { section, root, environment, findings }.passdb(number, protocols)
        })
        .collect();
    // As in Dovecot a protocol's own are asked first, wherever they stand: `doveconf -n` prints them last, and one with
    // `deny = yes` would never be asked.
    all.sort_by_key(|passdb| passdb.protocols.is_empty());
    all
}

/// Reads one block.
struct Reader<'a> {
    section: &'a Section,
    /// The settings outside of all blocks.
    root: &'a Section,
    environment: &'a Environment,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn passdb(&mut self, number: usize, protocols: Vec<Protocol>) -> Passdb {
        let section = self.section;
        let args = match self.is_remote() {
            true => Args::default(),
            false => Args::split(&section.text("args")),
        };
        let place = section.place.clone();
        let driver = self.driver(&args);
        let (default_fields, fields) = self.fields(&args);
        self.judge_role();
        Passdb {
            name: section.label.clone().unwrap_or_else(|| format!("passdb-{number}")),
            default_password_scheme: scheme(section, &args, &driver),
            username_format: self.username_format(&args),
            driver,
            default_fields,
            fields,
            master: section.flag("master"),
            deny: section.flag("deny"),
            skip: match section.text("skip").as_str() {
                "authenticated" => Skip::Authenticated,
                "unauthenticated" => Skip::Unauthenticated,
                _ => Skip::Never,
            },
            result_success: outcome(&section.text("result_success")),
            result_failure: outcome(&section.text("result_failure")),
            result_internalfail: outcome(&section.text("result_internalfail")),
            mechanisms: self.mechanisms(),
            username_filter: section.words("username_filter"),
            protocols,
            place,
        }
    }

    /// Those it is asked for. None of Hale's is not all of them.
    fn mechanisms(&mut self) -> Vec<Mechanism> {
        const NAME: &str = "mechanisms";
        let section = self.section;
        let known = mechanisms::listed(section, NAME, self.findings);
        if known.is_empty() && !section.words(NAME).is_empty() {
            let text = "none of these is Hale's, so this passdb would not be asked; remove it, or name `plain` or `external`";
            self.findings.error(section.place_of(NAME), NAME, text);
        }
        known
    }

    /// What a passdb is for leaves some of its settings without effect.
    fn judge_role(&mut self) {
        let section = self.section;
        let (master, deny) = (section.flag("master"), section.flag("deny"));
        if master && deny {
            let text =
                "a passdb cannot have both `master = yes` and `deny = yes`; write one for each";
            self.findings.error(section.place_of("deny"), "deny", text);
        }
        let name = "pass";
        let text = match (master, section.flag(name)) {
            (false, true) => "has no effect without `master = yes`",
            (true, false) => {
                "has no effect: the user must be found by a passdb, too, because Hale needs the user's fields"
            }
            (true, true) | (false, false) => "",
        };
        if section.found(name).is_some() && !text.is_empty() {
            self.findings.warn(section.place_of(name), name, text);
        }
        let name = "result_success";
        let text = match section.text(name).as_str() {
            _ if deny => "has no effect: users who are found here are refused",
            word if master && word != "continue" => {
                "has no effect: after the master user's password the user is looked up, as with `continue`"
            }
            _ => "",
        };
        if section.found(name).is_some() && !text.is_empty() {
            self.findings.warn(section.place_of(name), name, text);
        }
    }

    /// The fields an answer may replace, and those that replace the answer's.
    fn fields(&mut self, args: &Args) -> (Vec<Field>, Vec<Field>) {
        let section = self.section;
        let mut default_fields = Vec::new();
        let mut fields = Vec::new();
        for (name, target) in
            [("default_fields", &mut default_fields), ("override_fields", &mut fields)]
        {
            let text = section.text(name);
            for pair in text.split_whitespace() {
                self.pair(target, pair, section.place_of(name));
            }
        }
        if section.text("driver") == "static" || section.name() == "static" {
            for word in &args.rest {
                self.pair(&mut fields, word, section.place_of("args"));
            }
        }
        let driver = self.driver_name();
        for field in section.fields.iter().filter(|field| !is_of_answer(&driver, &field.text)) {
            let text = Text { text: &field.text, is_content: field.file.is_some() };
            self.push_field(&mut fields, &field.name, text, &field.place);
        }
        (default_fields, fields)
    }

    /// Fields that are made of what the database answers: they are the driver's.
    fn fields_of_answer(&mut self) -> Vec<Field> {
        let section = self.section;
        let driver = self.driver_name();
        let mut fields = Vec::new();
        for field in section.fields.iter().filter(|field| is_of_answer(&driver, &field.text)) {
            let parsed = Template::parse(&field.text, Letters::Variables).and_then(|mut text| {
                self.environment.resolve(&mut text, Privacy::Open)?;
                Ok(text)
            });
            match parsed {
                Ok(value) => fields.push(Field { name: field.name.clone(), value }),
                Err(text) => self.findings.error(&field.place, &field.name, text),
            }
        }
        fields
    }

    fn pair(&mut self, fields: &mut Vec<Field>, pair: &str, place: &Place) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, "y"));
        let variable = text.strip_prefix('$').filter(|name| leading_name(name) == *name);
        if Field::is_secret(name) && variable.is_some_and(|name| !name.is_empty()) {
            let text = "a variable is expected to stand at the start of a word; write `%{env:NAME}`, and a password that \
                        begins with a dollar sign between quotes into `fields { … }`";
            return self.findings.error(place, name, text);
        }
        self.push_field(fields, name, Text { text, is_content: false }, place);
    }

    fn push_field(&mut self, fields: &mut Vec<Field>, name: &str, text: Text<'_>, place: &Place) {
        self.judge_name(name, place);
        let is_secret = Field::is_secret(name);
        // An empty value that was left open must not become "every user may log in with an empty password".
        if matches!(name, "password" | "pass") && text.text.is_empty() {
            return self.findings.warn(
                place,
                name,
                "empty, so the field is left out; the database's own password counts",
            );
        }
        match self.field(text, is_secret) {
            Ok(value) => {
                fields.retain(|field| field.name != name);
                fields.push(Field { name: name.to_owned(), value });
            }
            Err(expected) if is_secret => {
                let text = format!("expected {expected}; write `%%{{` for a plain `%{{`");
                self.findings.error(place, name, text);
            }
            Err(expected) => {
                let text = format!("found {}, expected {expected}", shown(text.text));
                self.findings.error(place, name, text);
            }
        }
    }

    /// A slip of the pen must not let in those whom `allow_nets` keeps out.
    fn judge_name(&mut self, name: &str, place: &Place) {
        let families = ["forward_", "user_", "userdb_", "event_"];
        let is_known = PASSDB_FIELDS.contains(&name)
            || HARMLESS_FIELDS.contains(&name)
            || families.iter().any(|start| name.starts_with(start));
        if is_known {
            return;
        }
        if let Some(why) = registry::unserved_field(name) {
            let text = format!("not served by this version: {why}");
            return self.findings.warn(place, name, text);
        }
        if name == "allow_real_nets" {
            let text = "not supported: no client is judged by the address of the connection itself; write `allow_nets`";
            return self.findings.error(place, name, text);
        }
        match nearest(name, PASSDB_FIELDS.iter().copied()) {
            Some(near) => {
                let text = format!("Hale knows no such passdb field; did you mean `{near}`?");
                self.findings.error(place, name, text);
            }
            None => self.findings.warn(place, name, "Hale does not use this passdb field"),
        }
    }

    /// What a field's text is in a login. A password from a file is taken as it is.
    fn field(&self, text: Text<'_>, is_secret: bool) -> Result<Template, String> {
        let (letters, privacy) = match is_secret {
            true => (Letters::Refused, Privacy::Secret),
            false => (Letters::Variables, Privacy::Open),
        };
        if text.is_content && is_secret {
            return file_content(text.text).map(Template::literal);
        }
        value::login_template(text.text, letters, self.environment, privacy)
    }
}

/// Whether a field is made of what the database answers.
fn is_of_answer(driver: &str, text: &str) -> bool {
    driver == "ldap" && text.contains("%{ldap")
}

/// A field's value as written.
#[derive(Clone, Copy)]
struct Text<'t> {
    text: &'t str,
    /// Whether it is a file's content.
    is_content: bool,
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

/// Drivers of Dovecot's that Hale does not have, and what to use instead.
const OTHER_DRIVERS: [(&str, &str); 6] = [
    (
        "pam",
        "Hale links no libpam; use `imap` with a Dovecot that asks PAM, or `ldap` or `sql` with what PAM asks",
    ),
    ("shadow", "Hale reads no system accounts; use `passwd-file`"),
    ("passwd", "Hale reads no system accounts; use `passwd-file`"),
    ("bsdauth", "Hale reads no system accounts; use `passwd-file`"),
    (
        "lua",
        "Hale runs no scripts; use `sql` or `ldap`, or `imap` with a Dovecot that runs the script",
    ),
    (
        "checkpassword",
        "Hale runs no programs; use `sql` or `ldap`, or `imap` with a Dovecot that runs the program",
    ),
];

impl Reader<'_> {
    fn driver_name(&self) -> String {
        let written = self.section.optional_text("driver");
        written.unwrap_or_else(|| self.section.name().to_owned())
    }

    fn is_remote(&self) -> bool {
        userdbs::DRIVERS.contains(&self.driver_name().as_str())
    }

    fn driver(&mut self, args: &Args) -> PassdbDriver {
        let section = self.section;
        let name = self.driver_name();
        match name.as_str() {
            "passwd-file" => self.passwd_file(args),
            "static" => self.fixed(args),
            remote if userdbs::DRIVERS.contains(&remote) => {
                let fields = self.fields_of_answer();
                match userdbs::remote(remote, section, self.root, fields, self.findings) {
                    Some(remote) => PassdbDriver::Remote(Box::new(remote)),
                    None => PassdbDriver::Static { password: None },
                }
            }
            name => {
                let all: Vec<&str> =
                    ["passwd-file", "static"].into_iter().chain(userdbs::DRIVERS).collect();
                let expected = value::one_of(&all);
                let text = if name.is_empty() {
                    format!("a driver is missing, expected {expected}")
                } else if let Some((_, instead)) =
                    OTHER_DRIVERS.iter().find(|(known, _)| *known == name)
                {
                    format!("found `{name}`, expected {expected}: {instead}")
                } else {
                    let hint = nearest(name, all)
                        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                    format!("found {}, expected {expected}{hint}", shown(name))
                };
                self.findings.error(section.place_of("driver"), "driver", text);
                PassdbDriver::Static { password: None }
            }
        }
    }

    fn fixed(&mut self, args: &Args) -> PassdbDriver {
        let section = self.section;
        let name = "passwd_file_path";
        if section.found(name).is_some() {
            let text = "belongs to the driver `passwd-file`; the driver `static` has no file";
            self.findings.error(section.place_of(name), name, text);
        }
        if let Some(file) = &args.file {
            let text =
                format!("found {}, expected fields such as `proxy=y host=192.0.2.1`", shown(file));
            self.findings.error(section.place_of("args"), "args", text);
        }
        let password = section.secret("password");
        let other = section.fields.iter().find(|field| field.name == "password");
        if let (Some(_), Some(other)) = (&password, other.filter(|field| !field.text.is_empty())) {
            let text = format!("there is another one in `fields {{ … }}` at {}", other.place);
            self.findings.error(section.place_of("password"), "password", text);
        }
        PassdbDriver::Static { password }
    }

    fn passwd_file(&mut self, args: &Args) -> PassdbDriver {
        let section = self.section;
        let path = match (section.template("passwd_file_path"), &args.file) {
            (Some(path), None) => Some(path),
            (Some(path), Some(_)) => {
                let text = "the file is already named by `passwd_file_path`; remove `args`";
                self.findings.error(section.place_of("args"), "args", text);
                Some(path)
            }
            (None, Some(file)) => {
                let file = section.place_of("args").resolve(file).display().to_string();
                self.in_args(&file)
            }
            (None, None) => {
                let text = "missing: the driver `passwd-file` needs `passwd_file_path = FILE`";
                self.findings.error(&section.place, "passwd_file_path", text);
                None
            }
        };
        if section.found("password").is_some() {
            let text =
                "belongs to the driver `static`; for this driver write it into `fields { … }`";
            self.findings.error(section.place_of("password"), "password", text);
        }
        for word in &args.rest {
            // Only the name: the value may be a password.
            let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
            let text =
                format!("found {}, expected `[scheme=…] [username_format=…] FILE`", shown(name));
            self.findings.error(section.place_of("args"), "args", text);
        }
        PassdbDriver::PasswdFile { path: path.unwrap_or_default() }
    }

    fn username_format(&mut self, args: &Args) -> Option<Template> {
        if let Some(template) = self.section.template("auth_username_format") {
            return Some(template);
        }
        self.in_args(args.username_format.as_deref()?)
    }

    /// A template among the words of `args`.
    fn in_args(&mut self, text: &str) -> Option<Template> {
        let (letters, open) = (Letters::Variables, Privacy::Open);
        match value::login_template(text, letters, self.environment, open) {
            Ok(template) => Some(template),
            Err(expected) => {
                let text = format!("found {}, expected {expected}", shown(text));
                self.findings.error(self.section.place_of("args"), "args", text);
                None
            }
        }
    }
}

fn scheme(section: &Section, args: &Args, driver: &PassdbDriver) -> String {
    let written = section.optional_text("default_password_scheme").or_else(|| args.scheme.clone());
    let fallback = match driver {
        PassdbDriver::PasswdFile { .. } => "CRYPT",
        PassdbDriver::Static { .. } => "PLAIN",
        // Dovecot 2.3's own defaults, in the files of its drivers, are CRYPT and one that is refused.
        PassdbDriver::Remote(remote) if !remote.files.is_empty() => "CRYPT",
        PassdbDriver::Remote(remote) if matches!(remote.service, Service::Ldap(_)) => "CRYPT",
        PassdbDriver::Remote(_) => "PLAIN",
    };
    written.map_or_else(|| fallback.to_owned(), |scheme| scheme.to_ascii_uppercase())
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
