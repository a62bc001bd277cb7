//! Which commands HTTP has, and how their parameters become arguments.
//!
//! Names and parameters of Dovecot's commands are Dovecot's; those of `cluster …` follow from the command line: the verbs and
//! the long options, in camelCase. A user's commands are those whose rows have known titles, which the plain protocol does
//! not tell.

use clap::Subcommand as _;
use serde_json::{Map, Value, json};

use super::rows::{Form, ROWS, Row, Titles};
use crate::control::cluster::ClusterCommand;

/// A command.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) name: String,
    /// The words of the command line.
    pub(super) words: String,
    parameters: Vec<Parameter>,
    pub(super) titles: Titles,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// An option without a value.
    Flag(String),
    /// An option with a value.
    Text(String),
    /// A word in its place.
    Word,
    /// All words from its place on.
    Words,
    /// Words that are one on the command line.
    Joined,
    /// The user.
    User,
    /// What a command line reads from its input.
    Input,
}

/// A command as HTTP means it: the user, the words, the arguments, and what its rows are called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) user: String,
    pub(super) arguments: Vec<String>,
    /// Titles of rows; none: they come with the rows.
    pub(super) titles: Option<Vec<String>>,
    /// What a command line would read from its input.
    pub(super) input: Option<String>,
}

/// Why parameters mean nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Senseless {
    /// One is unknown, or of a wrong kind.
    Parameter,
    /// One has a form that none has, in Dovecot's words.
    Form(String),
    /// What a command line reads from its input is missing.
    NoInput,
}

/// The command of this name.
pub(super) fn find(name: &str) -> Option<Spec> {
    all().find(|spec| spec.name == name)
}

/// All commands, as `GET` lists them.
pub(super) fn list() -> Value {
    let parameters = |spec: &Spec| -> Vec<Value> {
        let of = |it: &Parameter| json!({"name": it.name, "type": it.kind.told()});
        spec.parameters.iter().map(of).collect()
    };
    all().map(|spec| json!({"command": spec.name, "parameters": parameters(&spec)})).collect()
}

fn all() -> impl Iterator<Item = Spec> {
    ROWS.iter().map(Spec::of_row).chain(cluster())
}

impl Spec {
    fn of_row((name, words, parameters, titles): &Row) -> Self {
        let parameter = |(name, form): &(&str, Form)| Parameter {
            name: (*name).to_owned(),
            kind: match form {
                Form::Flag(flag) => Kind::Flag((*flag).to_owned()),
                Form::Text(option) => Kind::Text((*option).to_owned()),
                Form::Word => Kind::Word,
                Form::Words => Kind::Words,
                Form::Joined => Kind::Joined,
                Form::User => Kind::User,
                Form::Input => Kind::Input,
            },
        };
        Self {
            name: (*name).to_owned(),
            words: (*words).to_owned(),
            parameters: parameters.iter().map(parameter).collect(),
            titles: *titles,
        }
    }

    /// What the parameters mean.
    ///
    /// # Errors
    /// They mean nothing.
    pub(super) fn meant(&self, given: &Map<String, Value>) -> Result<Meant, Senseless> {
        let is_known = |name: &String| self.parameters.iter().any(|it| it.name == *name);
        if !given.keys().all(is_known) {
            return Err(Senseless::Parameter);
        }
        let (mut user, mut input) = (String::new(), None);
        let (mut options, mut words) = (Vec::new(), Vec::new());
        for Parameter { name, kind } in &self.parameters {
            let Some(value) = given.get(name) else {
                match kind {
                    Kind::Input => return Err(Senseless::NoInput),
                    _ => continue,
                }
            };
            kind.check_form(name, value)?;
            let word = || word(value).ok_or(Senseless::Parameter);
            match kind {
                Kind::Flag(flag) => {
                    if is_true(value).ok_or(Senseless::Parameter)? {
                        options.push(flag.clone());
                    }
                }
                Kind::Text(option) => options.extend([option.clone(), word()?]),
                Kind::Word => words.push(word()?),
                Kind::Words => words.extend(several(value)),
                Kind::Joined => words.push(several(value).join(" ")),
                Kind::User => {
                    user = word()?;
                    options.extend(["-u".to_owned(), user.clone()]);
                }
                Kind::Input => input = Some(word()?),
            }
        }
        let titles = self.titles(given);
        if !words.is_empty() {
            options.push("--".to_owned());
        }
        options.extend(words);
        Ok(Meant { user, arguments: options, titles, input })
    }

    fn titles(&self, given: &Map<String, Value>) -> Option<Vec<String>> {
        let owned = |titles: &[&str]| titles.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let asked = || given.get("field").map_or_else(Vec::new, several);
        Some(match self.titles {
            Titles::Own => return None,
            Titles::These(titles) => owned(titles),
            Titles::AsAsked(first) => owned(first).into_iter().chain(asked()).collect(),
            Titles::Ordered(first, order) => {
                let is_sum = given.get("totalSum").and_then(is_true) == Some(true);
                let first = if is_sum { &[] } else { first };
                let asked = asked();
                let is_all = asked.iter().any(|field| field == "all");
                let wanted = |title: &&&str| is_all || asked.iter().any(|field| field == **title);
                let then = order.iter().filter(wanted).map(|title| (*title).to_owned());
                owned(first).into_iter().chain(then).collect()
            }
        })
    }
}

impl Kind {
    /// No parameter is an object, or a list of anything but text; one that is a list is nothing else but text.
    fn check_form(&self, name: &str, value: &Value) -> Result<(), Senseless> {
        let is_list = matches!(self, Self::Words | Self::Joined);
        let complaint = match value {
            Value::String(_) => return Ok(()),
            Value::Bool(_) | Value::Number(_) if !is_list => return Ok(()),
            Value::Array(values) if values.iter().all(Value::is_string) => return Ok(()),
            Value::Array(_) => "Command parameter array can only contain string values".to_owned(),
            _ => format!("Parameter `{name}' must be string or array"),
        };
        Err(Senseless::Form(complaint))
    }

    fn told(&self) -> &'static str {
        match self {
            Self::Flag(_) => "boolean",
            Self::Text(_) | Self::Word | Self::User | Self::Input => "string",
            Self::Words | Self::Joined => "array",
        }
    }
}

/// `cluster …`, by the definition of the command line.
fn cluster() -> Vec<Spec> {
    let mut specs = Vec::new();
    let root = ClusterCommand::augment_subcommands(clap::Command::new("cluster"));
    descend(&root, "cluster", &mut specs);
    specs
}

fn descend(command: &clap::Command, words: &str, specs: &mut Vec<Spec>) {
    if command.has_subcommands() {
        for below in command.get_subcommands() {
            descend(below, &format!("{words} {}", below.get_name()), specs);
        }
        return;
    }
    let parameter = |argument: &clap::Arg| {
        let is_flag = !argument.get_action().takes_values();
        let is_several = matches!(argument.get_action(), clap::ArgAction::Append);
        let (name, kind) = match argument.get_long() {
            Some(long) if is_flag => (long.to_owned(), Kind::Flag(format!("--{long}"))),
            Some(long) => (long.to_owned(), Kind::Text(format!("--{long}"))),
            None if argument.is_positional() && is_several => {
                (argument.get_id().to_string(), Kind::Words)
            }
            None if argument.is_positional() => (argument.get_id().to_string(), Kind::Word),
            None => {
                let short = format!("-{}", argument.get_short()?);
                let kind = if is_flag { Kind::Flag(short) } else { Kind::Text(short) };
                (argument.get_id().to_string(), kind)
            }
        };
        Some(Parameter { name: camel_case(&name), kind })
    };
    // A file would be one of this host's.
    let is_shown = |argument: &&clap::Arg| !argument.is_hide_set() && argument.get_id() != "file";
    let parameters = command.get_arguments().filter(is_shown).filter_map(parameter).collect();
    let titles = Titles::Own;
    specs.push(Spec { name: camel_case(words), words: words.to_owned(), parameters, titles });
}

/// `force-move start` is `forceMoveStart`.
fn camel_case(words: &str) -> String {
    let mut parts = words.split([' ', '-', '_']);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let (initial, rest) = part.split_at_checked(1).unwrap_or((part, ""));
        name.push_str(&initial.to_ascii_uppercase());
        name.push_str(rest);
        name
    })
}

fn is_true(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(is_set) => Some(*is_set),
        Value::String(text) => match &**text {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A string is taken where an array is due, as Dovecot does it.
fn several(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(word).collect(),
        single => word(single).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(name: &str, given: Value) -> Result<Meant, Senseless> {
        let Value::Object(given) = given else { panic!("no object") };
        find(name).unwrap().meant(&given)
    }

    fn arguments(name: &str, given: Value) -> Vec<String> {
        meant(name, given).unwrap().arguments
    }

    #[test]
    fn w_dov_7_parameters_become_arguments() {
        let given = json!({"mask": ["bob*", "10.0.0.0/8"], "separateConnections": true});
        assert_eq!(arguments("who", given), ["-1", "--", "bob*", "10.0.0.0/8"]);
        assert_eq!(arguments("kick", json!({"mask": "bob"})), ["--", "bob"]);
        let given = json!({"user": "bob", "field": ["uid", "hdr"], "query": ["mailbox", "INBOX"]});
        let fetch = meant("fetch", given).unwrap();
        assert_eq!(fetch.arguments, ["-u", "bob", "--", "uid hdr", "mailbox", "INBOX"]);
        assert_eq!((&*fetch.user, fetch.titles), ("bob", Some(vec!["uid".into(), "hdr".into()])));
        let given = json!({"user": "bob", "field": ["vsize", "messages"], "mailboxMask": ["*"]});
        let titles = meant("mailboxStatus", given).unwrap().titles;
        assert_eq!(titles, Some(["mailbox", "messages", "vsize"].map(str::to_owned).to_vec()));
        let given = json!({"user": "bob", "field": "all", "totalSum": true});
        let titles = meant("mailboxStatus", given).unwrap().titles.unwrap();
        assert_eq!((titles.len(), &*titles[0]), (9, "messages"));
        for wrong in [json!({"x": 1}), json!({"separateConnections": 3})] {
            assert_eq!(meant("who", wrong), Err(Senseless::Parameter));
        }
        for (value, complaint) in [
            (json!({}), "Parameter `mask' must be string or array"),
            (json!(null), "Parameter `mask' must be string or array"),
            (json!(true), "Parameter `mask' must be string or array"),
            (json!(1), "Parameter `mask' must be string or array"),
            (json!([1]), "Command parameter array can only contain string values"),
            (json!(["x", ["y"]]), "Command parameter array can only contain string values"),
        ] {
            let told = meant("who", json!({"mask": value})).unwrap_err();
            assert_eq!(told, Senseless::Form(complaint.to_owned()));
        }
    }

    #[test]
    fn w_dov_8_a_message_is_the_input_of_its_command() {
        let given = json!({"user": "bob", "mailbox": "Sent", "file": "Subject: x\n\n"});
        let save = meant("save", given).unwrap();
        assert_eq!(save.arguments, ["-u", "bob", "-m", "Sent"]);
        assert_eq!(save.input.as_deref(), Some("Subject: x\n\n"));
        assert_eq!(meant("save", json!({"user": "bob"})), Err(Senseless::NoInput));
    }

    #[test]
    fn w_dov_7_the_clusters_commands_follow_from_the_command_line() {
        let given = json!({"status": "online", "loadFactor": 50, "host": "be1.test"});
        let words = arguments("clusterBackendUpdate", given);
        assert_eq!(words, ["--status", "online", "--load-factor", "50", "--", "be1.test"]);
        assert_eq!(find("clusterBackendUpdate").unwrap().words, "cluster backend update");
        assert_eq!(arguments("clusterSiteStatus", json!({"self": true})), ["--self"]);
        let given = json!({"name": "DC1", "percentage": 10, "dest": ["DC2", "DC3"]});
        let words = arguments("clusterSiteForceMoveStart", given);
        assert_eq!(words, ["--", "DC1", "10", "DC2", "DC3"]);
        assert!(find("clusterUserAccess").unwrap().meant(&Map::new()).is_ok());
        let other = meant("clusterUserAccess", json!({"file": "/etc/passwd"}));
        assert_eq!(other, Err(Senseless::Parameter));
        assert!(find("clusterNonsense").is_none() && find("Who").is_none());
    }

    #[test]
    fn w_dov_7_names_are_there_once() {
        let mut names: Vec<String> = all().map(|spec| spec.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert!(names.len() == count && count > 60, "{count}");
    }
}
