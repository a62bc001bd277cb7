//! Commands as words: the same that an operator types, so that one grammar reads both.
//!
//! Duty: a command's words and a line of them, and back. Options come first and carry their value in the same word; behind
//! `--` nothing is an option, whatever an operator calls a group. Not its duty: output format and other options of the
//! program. Tests: below.

use clap::Parser;
use uuid::Uuid;

use super::command::{ClusterCommand, GeodbCommand, TagCommand};
use super::people::{
    GroupCommand, LocaldbCommand, LocaldbGroupCommand, LocaldbUserCommand, UserChoice, UserCommand,
    YesNo,
};
use super::places::{
    BackendChoice, BackendCommand, BackendStatusWord, ForceMoveCommand, ReachabilityCommand,
    SiteChoice, SiteCommand, SiteStatusWord,
};
use crate::config::masked;
use crate::control::cluster::error::CommandError;
use crate::wire::tab_escaped;

impl ClusterCommand {
    /// The words behind `hale cluster`.
    #[must_use]
    pub fn to_words(&self) -> Vec<String> {
        let words = match self {
            Self::Tag(command) => tag(command),
            Self::Site(command) => site(command),
            Self::Backend(command) => backend(command),
            Self::Group(command) => group(command),
            Self::User(command) => user(command),
            Self::Geodb(command) => geodb(command),
            Self::Localdb(command) => localdb(command),
            Self::Kick { user } => Line::of(["kick"]).then([&**user]),
        };
        words.0
    }

    /// The command of these words.
    ///
    /// # Errors
    /// The words are no command; the text explains the grammar.
    pub fn of_words<I: IntoIterator<Item = String>>(words: I) -> Result<Self, CommandError> {
        let program = std::iter::once("hale cluster".to_owned());
        match Words::try_parse_from(program.chain(words)) {
            Ok(parsed) => Ok(parsed.command),
            Err(error) => Err(CommandError::Usage(error.to_string())),
        }
    }

    /// All words as one line without line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = Vec::new();
        for word in self.to_words() {
            tab_escaped::append_field(word.as_bytes(), &mut line);
        }
        // The escapes are ASCII, and so is what they stand for.
        String::from_utf8_lossy(&line).into_owned()
    }

    /// The command of a line that [`Self::to_line`] wrote.
    ///
    /// # Errors
    /// As [`Self::of_words`].
    pub fn of_line(line: &str) -> Result<Self, CommandError> {
        let words = tab_escaped::fields(line.as_bytes());
        Self::of_words(words.map(|word| String::from_utf8_lossy(&word).into_owned()))
    }
}

#[derive(Debug, Parser)]
#[command(name = "hale cluster", no_binary_name = false, disable_version_flag = true)]
struct Words {
    #[command(subcommand)]
    command: ClusterCommand,
}

/// Words as they are put together.
struct Line(Vec<String>);

impl Line {
    fn of<const COUNT: usize>(verbs: [&str; COUNT]) -> Self {
        Self(verbs.map(str::to_owned).to_vec())
    }

    fn flag(mut self, name: &str, is_set: bool) -> Self {
        if is_set {
            self.0.push(name.to_owned());
        }
        self
    }

    fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.push(format!("{name}={}", value.to_string()));
        }
        self
    }

    /// What is no option; nothing may follow.
    fn then<'a>(mut self, places: impl IntoIterator<Item = &'a str>) -> Self {
        let mut places = places.into_iter().map(str::to_owned).peekable();
        if places.peek().is_some() {
            self.0.push("--".to_owned());
            self.0.extend(places);
        }
        self
    }
}

fn tag(command: &TagCommand) -> Line {
    match command {
        TagCommand::Create { id, name } => {
            Line::of(["tag", "create"]).option("--id", id.as_ref()).then([&**name])
        }
        TagCommand::Update { new_name, tag } => {
            Line::of(["tag", "update"]).option("--name", new_name.as_ref()).then([&**tag])
        }
        TagCommand::Delete { tag } => Line::of(["tag", "delete"]).then([&**tag]),
        TagCommand::List => Line::of(["tag", "list"]),
    }
}

fn site(command: &SiteCommand) -> Line {
    match command {
        SiteCommand::Add { id, tag, load_balancer, name } => Line::of(["site", "add"])
            .option("--id", id.as_ref())
            .option("--tag", tag.as_ref())
            .option("--load-balancer", load_balancer.as_ref())
            .then([&**name]),
        SiteCommand::Remove { name } => Line::of(["site", "remove"]).then([&**name]),
        SiteCommand::Update { status, load_balancer, reason, site } => chosen_site(
            Line::of(["site", "update"])
                .option("--status", status.map(site_status))
                .option("--load-balancer", load_balancer.as_ref())
                .option("--reason", reason.as_ref()),
            site,
        ),
        SiteCommand::Status { site } => chosen_site(Line::of(["site", "status"]), site),
        SiteCommand::List => Line::of(["site", "list"]),
        SiteCommand::Init { update, site } => {
            chosen_site(Line::of(["site", "init"]).flag("--update", *update), site)
        }
        SiteCommand::ForceMove(command) => force_move("site", command),
        SiteCommand::Recover { id, reason, name, percentage } => Line::of(["site", "recover"])
            .option("--id", id.as_ref())
            .option("--reason", reason.as_ref())
            .then([&**name, &percentage.to_string()]),
        SiteCommand::Reachability(ReachabilityCommand::List { src_site, dest_site }) => {
            let sites = [src_site, dest_site].into_iter().flatten();
            Line::of(["site", "reachability", "list"]).then(sites.map(String::as_str))
        }
    }
}

/// `of`: site or backend.
fn force_move(of: &str, command: &ForceMoveCommand) -> Line {
    match command {
        ForceMoveCommand::Start { id, reason, name, percentage, dest } => {
            let percentage = percentage.to_string();
            let places = [&**name, &percentage].into_iter().chain(dest.iter().map(String::as_str));
            Line::of([of, "force-move", "start"])
                .option("--id", id.as_ref())
                .option("--reason", reason.as_ref())
                .then(places)
        }
        ForceMoveCommand::Update { reason, name, percentage } => {
            Line::of([of, "force-move", "update"])
                .option("--reason", reason.as_ref())
                .then([&**name, &percentage.to_string()])
        }
        ForceMoveCommand::Stop { reason, name } => {
            Line::of([of, "force-move", "stop"]).option("--reason", reason.as_ref()).then([&**name])
        }
    }
}

fn chosen_site(line: Line, choice: &SiteChoice) -> Line {
    line.flag("--self", choice.own).then(choice.name.as_deref())
}

fn site_status(status: SiteStatusWord) -> &'static str {
    match status {
        SiteStatusWord::Online => "online",
        SiteStatusWord::Offline => "offline",
        SiteStatusWord::Standby => "standby",
        SiteStatusWord::Evacuate => "evacuate",
    }
}

fn backend(command: &BackendCommand) -> Line {
    match command {
        BackendCommand::Add { id, site, backend } => chosen_backend(
            Line::of(["backend", "add"])
                .option("--id", id.as_ref().map(Uuid::to_string))
                .option("--site", site.as_ref()),
            backend,
        ),
        BackendCommand::Remove { backend } => {
            chosen_backend(Line::of(["backend", "remove"]), backend)
        }
        BackendCommand::Update { status, load_factor, connections_max, reason, backend } => {
            chosen_backend(
                Line::of(["backend", "update"])
                    .option("--status", status.map(backend_status))
                    .option("--load-factor", *load_factor)
                    .option("--connections-max", *connections_max)
                    .option("--reason", reason.as_ref()),
                backend,
            )
        }
        BackendCommand::Evacuate { reason, backend } => {
            let line = Line::of(["backend", "evacuate"]).option("--reason", reason.as_ref());
            chosen_backend(line, backend)
        }
        BackendCommand::Status { backend } => {
            chosen_backend(Line::of(["backend", "status"]), backend)
        }
        BackendCommand::List { site } => {
            Line::of(["backend", "list"]).option("--site", site.as_ref())
        }
        BackendCommand::ForceMove(command) => force_move("backend", command),
        BackendCommand::Pin { list, site, lasting, reason, host, users } => {
            let line = Line::of(["backend", "pin"]).flag("--list", *list);
            line.option("--site", site.as_ref())
                .option("--for", lasting.map(|seconds| format!("{seconds}s")))
                .option("--reason", reason.as_ref())
                .then(host.iter().chain(users).map(String::as_str))
        }
        BackendCommand::Unpin { site, reason, users } => Line::of(["backend", "unpin"])
            .option("--site", site.as_ref())
            .option("--reason", reason.as_ref())
            .then(users.iter().map(String::as_str)),
    }
}

fn chosen_backend(line: Line, choice: &BackendChoice) -> Line {
    line.flag("--self", choice.own).then(choice.host.as_deref())
}

fn backend_status(status: BackendStatusWord) -> &'static str {
    match status {
        BackendStatusWord::Online => "online",
        BackendStatusWord::Offline => "offline",
        BackendStatusWord::Standby => "standby",
    }
}

fn group(command: &GroupCommand) -> Line {
    match command {
        GroupCommand::Move { direct, abort, reason, site, group, host } => {
            Line::of(["group", "move"])
                .flag("--direct", *direct)
                .flag("--abort", *abort)
                .option("--reason", reason.as_ref())
                .then([&**site, group].into_iter().chain(host.as_deref()))
        }
        GroupCommand::Status { site, group } => {
            Line::of(["group", "status"]).then([&**site, group])
        }
        GroupCommand::Update { sticky_users, sticky_backend, site, group } => {
            Line::of(["group", "update"])
                .option("--sticky-users", sticky_users.map(yes_no))
                .option("--sticky-backend", sticky_backend.map(yes_no))
                .then([&**site, group])
        }
        GroupCommand::List { site, mask } => {
            Line::of(["group", "list"]).option("--site", site.as_ref()).then(mask.as_deref())
        }
    }
}

fn yes_no(word: YesNo) -> &'static str {
    match word {
        YesNo::Yes => "yes",
        YesNo::No => "no",
    }
}

fn user(command: &UserCommand) -> Line {
    match command {
        UserCommand::Access { users, address } => {
            let UserChoice { user, all, file, listed } = users;
            let line = Line::of(["user", "access"])
                .flag("-i", *address)
                .flag("-A", *all)
                .option("-u", user.as_ref())
                .option("-F", file.as_ref().map(|path| path.display()));
            listed.iter().fold(line, |line, name| line.option("--listed", Some(name)))
        }
        UserCommand::Delete { user } => Line::of(["user", "delete"]).then([&**user]),
        UserCommand::Move { direct, abort, site, reason, user, group, failover_group } => {
            let places = [Some(&**user), group.as_deref(), failover_group.as_deref()];
            Line::of(["user", "move"])
                .flag("--direct", *direct)
                .flag("--abort", *abort)
                .option("--site", site.as_ref())
                .option("--reason", reason.as_ref())
                .then(places.into_iter().flatten())
        }
        UserCommand::Status { user } => Line::of(["user", "status"]).then([&**user]),
        UserCommand::List { mask } => Line::of(["user", "list"]).then(mask.as_deref()),
    }
}

fn localdb(command: &LocaldbCommand) -> Line {
    let of = |verb, places: Vec<&str>| Line::of(verb).then(places);
    match command {
        LocaldbCommand::User(LocaldbUserCommand::Status { group, user }) => {
            of(["localdb", "user", "status"], vec![group, user])
        }
        LocaldbCommand::User(LocaldbUserCommand::List { mask }) => {
            of(["localdb", "user", "list"], mask.as_deref().into_iter().collect())
        }
        LocaldbCommand::User(LocaldbUserCommand::Remove { group, user }) => {
            of(["localdb", "user", "remove"], vec![group, user])
        }
        LocaldbCommand::Group(LocaldbGroupCommand::Status { group }) => {
            of(["localdb", "group", "status"], vec![group])
        }
        LocaldbCommand::Group(LocaldbGroupCommand::List { mask }) => {
            of(["localdb", "group", "list"], mask.as_deref().into_iter().collect())
        }
        LocaldbCommand::Group(LocaldbGroupCommand::Remove { group }) => {
            of(["localdb", "group", "remove"], vec![group])
        }
    }
}

fn geodb(command: &GeodbCommand) -> Line {
    match command {
        GeodbCommand::Init => Line::of(["geodb", "init"]),
        GeodbCommand::Refresh => Line::of(["geodb", "refresh"]),
        // It is not carried out inside Hale, and what is sent is logged: never a password.
        GeodbCommand::Copy { from, to } => {
            let shown = [masked(from), masked(to)];
            Line::of(["geodb", "copy"]).then(shown.iter().map(String::as_str))
        }
        GeodbCommand::Show { table } => Line::of(["geodb", "show"]).then(table.as_deref()),
    }
}
