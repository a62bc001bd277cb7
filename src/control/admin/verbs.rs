//! What a running Hale can be asked: requests as values, read from words and written as words.
//!
//! A request is the words that an operator types behind `hale`, so that the command line and the socket have one grammar.
//! Tests: below.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::control::cluster::verbs::{ClusterCommand, GeodbCommand};
use crate::control::cluster::{CommandError, ExplainCommand};
use crate::names::SessionId;
use crate::network::Networks;
use crate::share::enquiry::{Mask, Whom};
use crate::wire::tab_escaped;

/// A request to a running Hale.
#[derive(Clone, Debug, Subcommand)]
pub enum Request {
    /// What runs: cores, listeners, sessions, counters, memory, databases, certificates
    Status,
    /// Who is logged in, as `doveadm who` prints it
    Who(WhoCommand),
    /// End sessions, as `doveadm kick` does
    Kick(KickCommand),
    /// Read the configuration again, and put it in force as a whole or not at all
    ///
    /// Sessions keep what they were accepted with. Says which settings changed, and which of them need a restart; exits 78 if
    /// anything is wrong, and then nothing has changed.
    Reload,
    /// Listeners: which accept, and which do not
    #[command(subcommand)]
    Listener(ListenerCommand),
    /// What passes in a user's sessions, as it passes, without credentials
    ///
    /// Of sessions that are logged in, and of those that log in meanwhile, from their login on. It ends by itself. The order is in the
    /// log: what passes is the user's mail.
    #[command(
        after_help = "Examples:\n  hale trace alice\n  hale trace --seconds 120 --bytes 10000000 --reason \"ticket 4711\" alice"
    )]
    Trace(TraceCommand),
    /// Sites, backends, groups and users
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// The `GeoDB` itself
    #[command(subcommand)]
    Geodb(GeodbCommand),
    /// A login as it would go now, step by step, without logging in and without writing
    ///
    /// Each step with the rows it rests on, their source (memory, localdb, geodb) and their age in seconds, and with each
    /// candidate that was passed over, and why. What the login would write is told and not written. Passwords and password
    /// databases are not asked. The exit code is that of the refusal, if there is one.
    #[command(
        after_help = "Examples:\n  hale explain alice\n  hale explain --as-site DC2 alice\n  hale explain --if-offline be1.example.org --if-offline DC2 alice"
    )]
    Explain(ExplainCommand),
}

/// `hale listener`.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ListenerCommand {
    /// All listeners of the configuration
    List,
    /// Stop accepting: clients and balancers that connect are refused by the kernel. Sessions go on
    ///
    /// Holds until it is resumed or Hale is started again, over reloads, too.
    Drain(Listeners),
    /// Accept again
    Resume(Listeners),
}

/// Which listeners.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Listeners {
    /// All of the mail protocols
    #[arg(long, conflicts_with = "name")]
    pub all: bool,
    /// Their names in the configuration
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub name: Vec<String>,
}

/// `hale who`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct WhoCommand {
    /// One line per session; otherwise sessions are counted by user and protocol
    #[arg(short = '1')]
    pub each: bool,
    /// The admin socket, if it is not `admin.sock` in base_dir
    #[arg(short = 'a', value_name = "SOCKET")]
    pub socket: Option<PathBuf>,
    /// Only those of this backend
    #[arg(long, value_name = "HOST")]
    pub backend: Option<String>,
    /// Only those of users in this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// Users (`*` and `?` are wildcards) and clients (an address, or a network such as 192.0.2.0/24)
    #[arg(value_name = "USER-MASK | IP[/BITS]")]
    pub whom: Vec<String>,
}

/// `hale trace`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct TraceCommand {
    /// For how long, at most four minutes
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=240))]
    pub seconds: u64,
    /// How many bytes, at most 64 MiB
    #[arg(long, value_name = "BYTES", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=67_108_864))]
    pub bytes: u64,
    /// Why; goes to the log
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub reason: Option<String>,
    /// The user, letter for letter
    #[arg(value_name = "USER")]
    pub user: String,
}

/// `hale kick`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct KickCommand {
    /// The admin socket, if it is not `admin.sock` in base_dir
    #[arg(short = 'a', value_name = "SOCKET")]
    pub socket: Option<PathBuf>,
    /// Those of this backend
    #[arg(long, value_name = "HOST")]
    pub backend: Option<String>,
    /// Those of users in this group
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    /// The session with this id (`hale who -1` shows it)
    // Ids of ours may begin with a hyphen.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub session: Option<String>,
    /// Why; goes to the log
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub reason: Option<String>,
    /// Users (`*` and `?` are wildcards) and clients (an address, or a network such as 192.0.2.0/24)
    #[arg(value_name = "USER-MASK | IP[/BITS]")]
    pub whom: Vec<String>,
}

impl Listeners {
    fn words(&self, verb: &str) -> Vec<String> {
        match self.all {
            true => vec![verb.to_owned(), "--all".to_owned()],
            false => words(verb, &[], &self.name),
        }
    }
}

impl WhoCommand {
    /// The sessions that are meant: all, if nothing is said.
    ///
    /// # Errors
    /// Two names, or two networks.
    pub fn whom(&self) -> Result<Whom, CommandError> {
        let named = named(&self.whom)?;
        let (backend, group) = (self.backend.as_deref(), self.group.as_deref());
        let groups = group.map(|group| [group.into()].into());
        Ok(Whom { backend: backend.map(Into::into), groups, ..named })
    }
}

impl KickCommand {
    /// The sessions that are meant.
    ///
    /// # Errors
    /// Nothing is said, or two names, or two networks; or what is no session's id.
    pub fn whom(&self) -> Result<Whom, CommandError> {
        let named = named(&self.whom)?;
        let (backend, group) = (self.backend.as_deref(), self.group.as_deref());
        let sessions = self.session.as_deref().map(SessionId::written);
        if sessions.as_ref().is_some_and(Vec::is_empty) {
            return Err(CommandError::Usage("--session: not the id of a session".to_owned()));
        }
        let backend = backend.map(Into::into);
        let groups = group.map(|group| [group.into()].into());
        let whom = Whom { backend, groups, sessions, ..named };
        if whom == Whom::default() {
            let text = "kick: whom? Name a user mask and/or ip[/bits], --backend, --group or --session; '*' is every user";
            return Err(CommandError::Usage(text.to_owned()));
        }
        Ok(whom)
    }
}

/// doveadm tells a network from a name by whether it reads as one.
fn named(words: &[String]) -> Result<Whom, CommandError> {
    let mut whom = Whom::default();
    for word in words {
        let is_second = match Networks::parse(word) {
            Ok(networks) if !networks.is_empty() => whom.clients.replace(networks).is_some(),
            _ => whom.users.replace(Mask::new(word)).is_some(),
        };
        if is_second {
            let what = if Networks::parse(word).is_ok() { "network" } else { "username" };
            return Err(CommandError::Usage(format!("multiple {what} masks are not supported")));
        }
    }
    Ok(whom)
}

impl Request {
    /// The request as one line without line end: words joined by TAB, escaped as Dovecot does.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        for word in self.to_words() {
            tab_escaped::append_field(word.as_bytes(), &mut line);
        }
        line
    }

    /// The request of a line.
    ///
    /// # Errors
    /// It is none; the text explains the grammar.
    pub fn of_line(line: &[u8]) -> Result<Self, CommandError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let words: Result<Vec<String>, _> =
            tab_escaped::fields(line).map(String::from_utf8).collect();
        let Ok(words) = words else {
            return Err(CommandError::Usage("the request is not UTF-8".to_owned()));
        };
        Self::of_words(words)
    }

    /// The request of these words.
    ///
    /// # Errors
    /// As [`Self::of_line`].
    pub fn of_words<I: IntoIterator<Item = String>>(words: I) -> Result<Self, CommandError> {
        let program = std::iter::once("hale".to_owned());
        match Words::try_parse_from(program.chain(words)) {
            Ok(parsed) => Ok(parsed.request),
            Err(error) => Err(CommandError::Usage(error.to_string().trim_end().to_owned())),
        }
    }

    fn to_words(&self) -> Vec<String> {
        match self {
            Self::Status => vec!["status".to_owned()],
            Self::Who(WhoCommand { each: _, socket: _, backend, group, whom }) => {
                let options = [("--backend", backend), ("--group", group)];
                words("who", &options, whom)
            }
            Self::Kick(KickCommand { socket: _, backend, group, session, reason, whom }) => {
                let options = [
                    ("--backend", backend),
                    ("--group", group),
                    ("--session", session),
                    ("--reason", reason),
                ];
                words("kick", &options, whom)
            }
            Self::Reload => vec!["reload".to_owned()],
            Self::Listener(command) => {
                let own = match command {
                    ListenerCommand::List => vec!["list".to_owned()],
                    ListenerCommand::Drain(which) => which.words("drain"),
                    ListenerCommand::Resume(which) => which.words("resume"),
                };
                std::iter::once("listener".to_owned()).chain(own).collect()
            }
            Self::Trace(TraceCommand { seconds, bytes, reason, user }) => {
                let (seconds, bytes) = (Some(seconds.to_string()), Some(bytes.to_string()));
                let options = [("--seconds", &seconds), ("--bytes", &bytes), ("--reason", reason)];
                words("trace", &options, std::slice::from_ref(user))
            }
            Self::Cluster(command) => {
                std::iter::once("cluster".to_owned()).chain(command.to_words()).collect()
            }
            Self::Geodb(command) => {
                let command = ClusterCommand::Geodb(command.clone());
                std::iter::once("cluster".to_owned()).chain(command.to_words()).collect()
            }
            Self::Explain(ExplainCommand { as_site, if_offline, tag, user }) => {
                let offline: Vec<Option<String>> = if_offline.iter().cloned().map(Some).collect();
                let mut options = vec![("--as-site", as_site), ("--tag", tag)];
                options.extend(offline.iter().map(|host| ("--if-offline", host)));
                words("explain", &options, std::slice::from_ref(user))
            }
        }
    }
}

fn words(verb: &str, options: &[(&str, &Option<String>)], whom: &[String]) -> Vec<String> {
    let given = |(name, value): &(&str, &Option<String>)| {
        value.as_ref().map(|value| format!("{name}={value}"))
    };
    let options = options.iter().filter_map(given);
    let all = std::iter::once(verb.to_owned()).chain(options);
    all.chain(std::iter::once("--".to_owned())).chain(whom.iter().cloned()).collect()
}

#[derive(Debug, Parser)]
#[command(name = "hale", disable_help_flag = true, disable_version_flag = true)]
struct Words {
    #[command(subcommand)]
    request: Request,
}

/// The grammar of requests.
pub(super) fn grammar() -> clap::Command {
    <Words as clap::CommandFactory>::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, CommandError> {
        Request::of_line(line.as_bytes())
    }

    fn whom(line: &str) -> Result<Whom, CommandError> {
        match read(line)? {
            Request::Who(command) => command.whom(),
            Request::Kick(command) => command.whom(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_come_back_as_they_were() {
        let odd = "a\tb\n--reason=x\u{1}é";
        let all = [
            Request::Status,
            Request::Reload,
            Request::Listener(ListenerCommand::List),
            Request::Listener(ListenerCommand::Drain(Listeners { all: true, name: vec![] })),
            Request::Listener(ListenerCommand::Resume(Listeners {
                all: false,
                name: vec!["--".into(), odd.into()],
            })),
            Request::Who(WhoCommand { group: Some(odd.into()), ..WhoCommand::default() }),
            Request::Who(WhoCommand { whom: vec!["-1".into(), odd.into()], ..Default::default() }),
            Request::Kick(KickCommand {
                backend: Some("be1".into()),
                session: Some("-x".into()),
                reason: Some(odd.into()),
                whom: vec!["--".into(), "10.0.0.0/8".into()],
                ..KickCommand::default()
            }),
            Request::Trace(TraceCommand {
                seconds: 7,
                bytes: 8,
                reason: Some(odd.into()),
                user: "--".into(),
            }),
            Request::Cluster(ClusterCommand::of_words(["tag".into(), "list".into()]).unwrap()),
            Request::Explain(ExplainCommand {
                as_site: Some(odd.into()),
                if_offline: vec!["--".into(), odd.into()],
                tag: Some("-x".into()),
                user: "--tag".into(),
            }),
        ];
        for request in all {
            let line = request.to_line();
            assert!(!line.contains(&b'\n'), "{request:?}");
            let back = Request::of_line(&line).unwrap();
            assert_eq!(format!("{back:?}"), format!("{request:?}"));
        }
    }

    #[test]
    fn names_and_networks_are_told_apart_as_doveadm_does() {
        assert_eq!(whom("who").unwrap(), Whom::default());
        let both = whom("kick\tbob*\t192.0.2.0/24").unwrap();
        assert_eq!(both.users, Some(Mask::new("bob*")));
        assert_eq!(both.clients, Networks::parse("192.0.2.0/24").ok());
        assert_eq!(whom("who\t1.2.3.4/99").unwrap().users, Some(Mask::new("1.2.3.4/99")));
        let by_id = whom("kick\t--session\t-yNKBkN06IwpJspk-iv2gg").unwrap();
        assert_eq!(by_id.sessions.map(|ids| ids.len()), Some(2));
        for wrong in ["who\ta\tb", "who\t10.0.0.1\t10.0.0.2", "kick", "kick\t--session=a b"] {
            assert_eq!(whom(wrong).unwrap_err().exit_code(), 64, "{wrong}");
        }
    }

    #[test]
    fn op_08_what_is_no_request_is_explained() {
        for wrong in ["", "\t", "who\t--nonsense", "run", "kick\t-f", "status\tnow", "\u{1}"] {
            assert_eq!(read(wrong).unwrap_err().exit_code(), 64, "{wrong:?}");
        }
        assert_eq!(Request::of_line(b"who\t\xFF").unwrap_err().exit_code(), 64);
    }
}
