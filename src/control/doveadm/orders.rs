//! Which command a client means, by the same grammar as the admin socket's.
//!
//! A command that is not ours and names a user is the user's backend's: it may know commands that we never heard of.

use clap::Args;

use crate::control::admin::{KickCommand, Request, WhoCommand};
use crate::control::cluster::{ClusterCommand, CommandError};
use crate::doveadm::command::Command;
use crate::network::Networks;

/// Who does it.
#[derive(Debug)]
pub(super) enum Order {
    Own(Own),
    /// The user's backend.
    OfUser(Command),
    /// No command of this name is known.
    Unknown(Box<str>),
}

/// What Hale does itself.
#[derive(Debug)]
pub(super) enum Own {
    Who(WhoCommand),
    Kick(KickCommand),
    ProxyList,
    /// Each of them, as a user's name or, with `-f user_cluster_group`, as a group's.
    ProxyKick {
        by_group: bool,
        names: Vec<String>,
    },
    Penalty(Option<Networks>),
    Reload,
    Stop,
    Cluster(ClusterCommand),
}

impl Order {
    /// # Errors
    /// The command is known, and its arguments make no sense.
    pub(super) fn of(command: Command) -> Result<Self, CommandError> {
        // A client may send the command's words one by one.
        let words: Vec<String> = command.name.split(' ').map(str::to_owned).collect();
        let words: Vec<String> = words.into_iter().chain(command.texts()).collect();
        let rest = |count: usize| words.get(count..).unwrap_or_default().to_vec();
        let all: Vec<&str> = words.iter().map(String::as_str).collect();
        Ok(Self::Own(match &*all {
            ["who", ..] => Own::Who(who(rest(1))?),
            ["kick", ..] => Own::Kick(kick(rest(1))?),
            ["proxy", "list", ..] => {
                let given = arguments::<Listing>(rest(2))?;
                if let Some(field) = given.fields.first() {
                    return Err(unknown_field(field));
                }
                Own::ProxyList
            }
            ["proxy", "kick", ..] => proxy_kick(arguments(rest(2))?)?,
            ["penalty", ..] => Own::Penalty(penalty(arguments(rest(1))?)?),
            ["reload"] => Own::Reload,
            ["stop"] => Own::Stop,
            ["reload" | "stop", ..] => {
                return Err(CommandError::Usage(format!("{} takes no arguments", command.name)));
            }
            ["cluster", ..] => Own::Cluster(ClusterCommand::of_words(rest(1))?),
            // It talks to the process at the other end, not by rows.
            ["dsync-server", ..] => {
                let text = "dsync-server: name the user's backend in tcp:HOST:PORT, not Hale";
                return Err(CommandError::Usage(text.to_owned()));
            }
            // Of a client that can't have it: a host that can would take it for one, and answer nothing.
            ["OPTION", ..] => return Ok(Self::Unknown(command.name)),
            [first, ..] if command.user.is_empty() => {
                if !OF_USERS.contains(first) {
                    return Ok(Self::Unknown(command.name));
                }
                // `-A` and `-F` are lists of users that a doveadm has where it is typed.
                let name = &command.name;
                return Err(CommandError::NoUser(format!("{name}: whose? Give a user")));
            }
            _ => return Ok(Self::OfUser(command)),
        }))
    }
}

fn who(words: Vec<String>) -> Result<WhoCommand, CommandError> {
    let words = words.into_iter().map(|word| match &*word {
        "--socket-path" => "-a".to_owned(),
        "--separate-connections" => "-1".to_owned(),
        _ => word,
    });
    match Request::of_words(std::iter::once("who".to_owned()).chain(words))? {
        Request::Who(command) => Ok(command),
        _ => Err(CommandError::Usage("who: no such command".to_owned())),
    }
}

/// `-f` means "by force" in Dovecot 2.3, which every kick of ours is, and "by this passdb field" in later versions.
fn kick(words: Vec<String>) -> Result<KickCommand, CommandError> {
    let mut taken = vec!["kick".to_owned()];
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        match &*word {
            "--socket-path" => taken.push("-a".to_owned()),
            "--force" => {}
            "-f" if words.peek().is_some_and(|next| next == GROUP_FIELD) => {
                words.next();
                taken.push("--group".to_owned());
            }
            "-f" => {}
            _ => taken.push(word),
        }
    }
    match Request::of_words(taken)? {
        Request::Kick(command) => Ok(command),
        _ => Err(CommandError::Usage("kick: no such command".to_owned())),
    }
}

/// What Dovecot's commands about a user begin with. A user's backend may know others; without a user these are known, too.
const OF_USERS: [&str; 21] = [
    "acl",
    "altmove",
    "backup",
    "copy",
    "deduplicate",
    "expunge",
    "fetch",
    "flags",
    "force-resync",
    "fts",
    "import",
    "index",
    "mailbox",
    "move",
    "purge",
    "quota",
    "rebuild",
    "save",
    "search",
    "sieve",
    "sync",
];

/// The one field of a passdb that sessions are found by.
const GROUP_FIELD: &str = "user_cluster_group";

fn unknown_field(field: &str) -> CommandError {
    let text = format!("sessions can't be found by {field}; {GROUP_FIELD} is the only field");
    CommandError::Usage(text)
}

#[derive(Args, Debug)]
struct Listing {
    #[arg(short = 'a', long = "socket-path")]
    _socket: Option<String>,
    #[arg(short = 'f', long = "passdb-field")]
    fields: Vec<String>,
}

#[derive(Args, Debug)]
struct Kicked {
    #[arg(short = 'a', long = "socket-path")]
    _socket: Option<String>,
    #[arg(short = 'f', long = "passdb-field")]
    field: Option<String>,
    users: Vec<String>,
}

#[derive(Args, Debug)]
struct Penalties {
    #[arg(short = 'a', long = "socket-path")]
    _socket: Option<String>,
    netmask: Option<String>,
}

fn arguments<A: Args>(words: Vec<String>) -> Result<A, CommandError> {
    let program = A::augment_args(clap::Command::new("doveadm").no_binary_name(true));
    let read = program.try_get_matches_from(words);
    read.and_then(|matches| A::from_arg_matches(&matches))
        .map_err(|error| CommandError::Usage(error.to_string().trim_end().to_owned()))
}

fn proxy_kick(given: Kicked) -> Result<Own, CommandError> {
    let Kicked { _socket: _, field, users: names } = given;
    let by_group = match field.as_deref() {
        None => false,
        Some(GROUP_FIELD) => true,
        Some(field) => return Err(unknown_field(field)),
    };
    if names.is_empty() {
        return Err(CommandError::Usage("proxy kick: whom? Name a user".to_owned()));
    }
    Ok(Own::ProxyKick { by_group, names })
}

fn penalty(given: Penalties) -> Result<Option<Networks>, CommandError> {
    let Some(text) = given.netmask else { return Ok(None) };
    match Networks::parse(&text) {
        Ok(networks) if !networks.is_empty() => Ok(Some(networks)),
        Ok(_) | Err(_) => Err(CommandError::Usage(format!("penalty: {text} is no network"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(user: &str, name: &str, arguments: &[&str]) -> Result<Order, CommandError> {
        Order::of(Command::new(user, name, arguments))
    }

    #[test]
    fn commands_are_told_apart_by_their_words() {
        let shown = |name: &str, arguments: &[&str]| format!("{:?}", of("", name, arguments));
        assert!(shown("who", &["-1", "bob"]).starts_with("Ok(Own(Who("));
        assert!(shown("proxy", &["list"]).starts_with("Ok(Own(ProxyList"));
        assert!(shown("proxy list", &["-a", "x"]).starts_with("Ok(Own(ProxyList"));
        assert!(shown("cluster backend list", &[]).starts_with("Ok(Own(Cluster(Backend(List"));
        assert!(shown("penalty", &["10.0.0.0/8"]).starts_with("Ok(Own(Penalty(Some"));
        assert!(shown("kick", &["-f", "bob"]).contains("whom: [\"bob\"]"));
        assert!(shown("kick", &["-f", GROUP_FIELD, "vip"]).contains("group: Some(\"vip\")"));
        assert!(shown("proxy kick", &["-f", GROUP_FIELD, "vip"]).contains("by_group: true"));
        assert!(shown("nonsense", &[]).starts_with("Ok(Unknown"));
        for known in ["mailbox list", "save", "fetch"] {
            assert_eq!(of("", known, &["-A"]).unwrap_err().exit_code(), 67, "{known}");
        }
        assert!(matches!(of("bob", "OPTION", &["x"]), Ok(Order::Unknown(_))));
        assert_eq!(of("bob", "dsync-server", &["-u", "bob"]).unwrap_err().exit_code(), 64);
        let passed_on = of("bob", "sieve list", &["-u", "bob"]);
        assert!(matches!(passed_on, Ok(Order::OfUser(_))));
    }

    #[test]
    fn arguments_without_sense_are_usage_errors() {
        for (name, arguments) in [
            ("who", &["--nonsense"][..]),
            ("proxy list", &["bob"]),
            ("proxy list", &["-f", "user_x"]),
            ("proxy kick", &[]),
            ("proxy kick", &["-f", "user_x", "y"]),
            ("penalty", &["bob"]),
            ("reload", &["now"]),
            ("cluster", &[]),
            ("cluster backend", &["nonsense"]),
        ] {
            assert_eq!(
                of("", name, arguments).unwrap_err().exit_code(),
                64,
                "{name} {arguments:?}"
            );
        }
    }
}
