//! Which commands HTTP has, and how their parameters become arguments.
//!
//! Names and parameters of Dovecot's commands are Dovecot's; those of `cluster …` follow from the command line: the verbs and
//! the long options, in camelCase. A user's commands are those whose rows have known titles, which the plain protocol does
//! not tell.

use clap::Subcommand as _;
use serde_json::{Map, Value, json};

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

/// What the fields of its rows are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Titles {
    /// Hale says it: its own command.
    Own,
    /// These; the user's backend says the rows.
    These(&'static [&'static str]),
    /// These, and behind them what `field` asks for, in the order in which it does.
    AsAsked(&'static [&'static str]),
    /// These, and behind them what `field` asks for, in an order of their own.
    Ordered(&'static [&'static str], &'static [&'static str]),
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
}

/// A row of the tables below: name, words, parameters, titles.
type Row = (&'static str, &'static str, &'static [(&'static str, Form)], Titles);

#[derive(Clone, Copy, Debug)]
enum Form {
    Flag(&'static str),
    Text(&'static str),
    Word,
    Words,
    Joined,
    User,
}

const SOCKET: (&str, Form) = ("socketPath", Form::Text("-a"));
const USER: (&str, Form) = ("user", Form::User);
const QUERY: (&str, Form) = ("query", Form::Words);
const MAILBOX: (&str, Form) = ("mailbox", Form::Words);
const SUBSCRIPTIONS: (&str, Form) = ("subscriptions", Form::Flag("-s"));
const NONE: Titles = Titles::These(&[]);
const STATUSES: &[&str] = &[
    "messages",
    "recent",
    "uidnext",
    "uidvalidity",
    "unseen",
    "highestmodseq",
    "vsize",
    "guid",
    "firstsaved",
];

const ROWS: &[Row] = &[
    (
        "who",
        "who",
        &[SOCKET, ("separateConnections", Form::Flag("-1")), ("mask", Form::Words)],
        Titles::Own,
    ),
    ("kick", "kick", &[SOCKET, ("force", Form::Flag("-f")), ("mask", Form::Words)], Titles::Own),
    ("proxyList", "proxy list", &[SOCKET], Titles::Own),
    (
        "proxyKick",
        "proxy kick",
        &[SOCKET, ("passdbField", Form::Text("-f")), ("user", Form::Words)],
        Titles::Own,
    ),
    ("penalty", "penalty", &[SOCKET, ("netmask", Form::Word)], Titles::Own),
    ("reload", "reload", &[], Titles::Own),
    ("stop", "stop", &[], Titles::Own),
    (
        "mailboxList",
        "mailbox list",
        &[
            USER,
            ("mutf7", Form::Flag("-7")),
            ("utf8", Form::Flag("-8")),
            SUBSCRIPTIONS,
            ("mailboxMask", Form::Words),
        ],
        Titles::These(&["mailbox"]),
    ),
    (
        "mailboxStatus",
        "mailbox status",
        &[USER, ("field", Form::Joined), ("mailboxMask", Form::Words)],
        Titles::Ordered(&["mailbox"], STATUSES),
    ),
    ("mailboxCreate", "mailbox create", &[USER, SUBSCRIPTIONS, MAILBOX], NONE),
    (
        "mailboxDelete",
        "mailbox delete",
        &[USER, SUBSCRIPTIONS, ("recursive", Form::Flag("-r")), MAILBOX],
        NONE,
    ),
    (
        "mailboxRename",
        "mailbox rename",
        &[USER, SUBSCRIPTIONS, ("mailbox", Form::Word), ("newName", Form::Word)],
        NONE,
    ),
    ("mailboxSubscribe", "mailbox subscribe", &[USER, MAILBOX], NONE),
    ("mailboxUnsubscribe", "mailbox unsubscribe", &[USER, MAILBOX], NONE),
    ("fetch", "fetch", &[USER, ("field", Form::Joined), QUERY], Titles::AsAsked(&[])),
    ("search", "search", &[USER, QUERY], Titles::These(&["mailbox-guid", "uid"])),
    ("expunge", "expunge", &[USER, ("deleteEmptyMailbox", Form::Flag("-d")), QUERY], NONE),
    ("flagsAdd", "flags add", &[USER, ("flag", Form::Joined), QUERY], NONE),
    ("flagsRemove", "flags remove", &[USER, ("flag", Form::Joined), QUERY], NONE),
    ("flagsReplace", "flags replace", &[USER, ("flag", Form::Joined), QUERY], NONE),
    ("index", "index", &[USER, ("queue", Form::Flag("-q")), ("mailboxMask", Form::Word)], NONE),
    (
        "forceResync",
        "force-resync",
        &[USER, ("fsck", Form::Flag("-f")), ("mailboxMask", Form::Word)],
        NONE,
    ),
    ("purge", "purge", &[USER], NONE),
    (
        "quotaGet",
        "quota get",
        &[USER],
        Titles::These(&["root", "type", "value", "limit", "percent"]),
    ),
    ("quotaRecalc", "quota recalc", &[USER], NONE),
];

/// A command as HTTP means it: the user, the words, the arguments, and what its rows are called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) user: String,
    pub(super) arguments: Vec<String>,
    /// Titles of rows; none: they come with the rows.
    pub(super) titles: Option<Vec<String>>,
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
            },
        };
        Self {
            name: (*name).to_owned(),
            words: (*words).to_owned(),
            parameters: parameters.iter().map(parameter).collect(),
            titles: *titles,
        }
    }

    /// What the parameters mean; none: one is unknown, or of the wrong kind.
    pub(super) fn meant(&self, given: &Map<String, Value>) -> Option<Meant> {
        let is_known = |name: &String| self.parameters.iter().any(|it| it.name == *name);
        if !given.keys().all(is_known) {
            return None;
        }
        let (mut user, mut options, mut words) = (String::new(), Vec::new(), Vec::new());
        for Parameter { name, kind } in &self.parameters {
            let Some(value) = given.get(name) else { continue };
            match kind {
                Kind::Flag(flag) => {
                    if is_true(value)? {
                        options.push(flag.clone());
                    }
                }
                Kind::Text(option) => options.extend([option.clone(), word(value)?]),
                Kind::Word => words.push(word(value)?),
                Kind::Words => words.extend(several(value)?),
                Kind::Joined => words.push(several(value)?.join(" ")),
                Kind::User => {
                    user = word(value)?;
                    options.extend(["-u".to_owned(), user.clone()]);
                }
            }
        }
        let titles = self.titles(given)?;
        if !words.is_empty() {
            options.push("--".to_owned());
        }
        options.extend(words);
        Some(Meant { user, arguments: options, titles })
    }

    fn titles(&self, given: &Map<String, Value>) -> Option<Option<Vec<String>>> {
        let owned = |titles: &[&str]| titles.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let asked = || given.get("field").map_or(Some(Vec::new()), several);
        Some(Some(match self.titles {
            Titles::Own => return Some(None),
            Titles::These(titles) => owned(titles),
            Titles::AsAsked(first) => owned(first).into_iter().chain(asked()?).collect(),
            Titles::Ordered(first, order) => {
                let asked = asked()?;
                let is_all = asked.iter().any(|field| field == "all");
                let wanted = |title: &&&str| is_all || asked.iter().any(|field| field == **title);
                let then = order.iter().filter(wanted).map(|title| (*title).to_owned());
                owned(first).into_iter().chain(then).collect()
            }
        }))
    }
}

impl Kind {
    fn told(&self) -> &'static str {
        match self {
            Self::Flag(_) => "boolean",
            Self::Text(_) | Self::Word | Self::User => "string",
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
fn several(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => values.iter().map(word).collect(),
        single => Some(vec![word(single)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(name: &str, given: Value) -> Option<Meant> {
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
        for wrong in [json!({"x": 1}), json!({"mask": {}}), json!({"separateConnections": 3})] {
            assert_eq!(meant("who", wrong), None);
        }
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
        assert!(find("clusterUserAccess").unwrap().meant(&Map::new()).is_some());
        assert_eq!(meant("clusterUserAccess", json!({"file": "/etc/passwd"})), None);
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
