//! The command line about groups and users, and what is remembered of them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::control::cluster::error::CommandError;

/// `hale cluster group …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum GroupCommand {
    /// Start moving a group to another backend of its site
    ///
    /// The source backend moves its users, and refers those it has moved; or the proxies hold its logins and end its sessions
    /// first (cluster_group_moves). When the source is not online, the next login finishes the move.
    #[command(
        after_help = "Examples:\n  hale cluster group move DC1 default-17 be2.example.org\n  hale cluster group move --abort DC1 default-17"
    )]
    Move {
        /// Write the final state at once, without moving anything
        #[arg(long, conflicts_with = "abort")]
        direct: bool,
        /// Give a move up that is under way: the group stays where it is
        #[arg(long, conflicts_with = "host")]
        abort: bool,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Site
        site: String,
        /// Group
        group: String,
        /// Host of the new backend
        #[arg(required_unless_present = "abort")]
        host: Option<String>,
    },
    /// Show a group
    #[command(after_help = "Example:\n  hale cluster group status DC1 default-17")]
    Status {
        /// Site
        site: String,
        /// Group
        group: String,
    },
    /// Set flags of a group
    #[command(after_help = "Example:\n  hale cluster group update --sticky-backend yes DC1 vip")]
    Update {
        /// Users stay in the group
        #[arg(long, value_name = "yes|no")]
        sticky_users: Option<YesNo>,
        /// The group stays on its backend
        #[arg(long, value_name = "yes|no")]
        sticky_backend: Option<YesNo>,
        /// Site
        site: String,
        /// Group
        group: String,
    },
    /// List groups
    #[command(
        after_help = "Examples:\n  hale cluster group list\n  hale cluster group list --site DC1 default-1?"
    )]
    List {
        /// Of this site only
        #[arg(long)]
        site: Option<String>,
        /// Names, with * and ?
        mask: Option<String>,
    },
}

/// `hale cluster user …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Look users up as a login would, and print their backends
    ///
    /// Writes what a login would write: a new user's group, a finished move. `hale explain` only looks.
    #[command(
        after_help = "Examples:\n  hale cluster user access -u alice\n  hale cluster user access -i -A"
    )]
    Access {
        /// Which users
        #[command(flatten)]
        users: UserChoice,
        /// Print the backend's address instead of its name
        #[arg(short = 'i')]
        address: bool,
    },
    /// Delete a user's row
    ///
    /// The user's mail is not touched, and the next login makes a new row. Exit code 67: there was none.
    #[command(after_help = "Example:\n  hale cluster user delete alice")]
    Delete {
        /// User
        user: String,
    },
    /// Start moving a user to another group
    ///
    /// The backend that has the user completes it at the next login; or the proxies hold the user's logins and end his sessions
    /// first (cluster_group_moves). When the backend is not online, the next login completes it.
    #[command(
        after_help = "Examples:\n  hale cluster user move alice vip\n  hale cluster user move --site DC2 alice vip vip-dc1\n  hale cluster user move --abort alice"
    )]
    Move {
        /// Write the final state at once, without moving anything; creates the row if there is none
        #[arg(long, conflicts_with = "abort")]
        direct: bool,
        /// Give a move up that is under way: the user stays where he is
        #[arg(long, conflicts_with_all = ["group", "site"])]
        abort: bool,
        /// New home site
        #[arg(long)]
        site: Option<String>,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// User
        user: String,
        /// New group
        #[arg(required_unless_present = "abort")]
        group: Option<String>,
        /// Group to use at another site during a site failover
        failover_group: Option<String>,
    },
    /// Show a user
    #[command(after_help = "Example:\n  hale cluster -f pager user status alice")]
    Status {
        /// User
        user: String,
    },
    /// List users
    #[command(after_help = "Example:\n  hale cluster user list a*")]
    List {
        /// Names, with * and ?
        mask: Option<String>,
    },
}

/// `-u user`, `-A` or `-F file`. Who runs the command need not see the file: [`Self::read_file`] comes before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct UserChoice {
    /// One user
    #[arg(short = 'u', value_name = "USER")]
    pub user: Option<String>,
    /// All users of the GeoDB
    #[arg(short = 'A')]
    pub all: bool,
    /// The users in a file, one per line
    #[arg(short = 'F', value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// What was in the file; the first is empty, so that an empty file is a choice, too
    #[arg(long, value_name = "USER", hide = true)]
    pub listed: Vec<String>,
}

impl UserChoice {
    /// Replaces the file by what is in it. Blocks.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read_file(&mut self) -> Result<(), CommandError> {
        let Some(path) = &self.file else { return Ok(()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| CommandError::Data(format!("{}: {error}", path.display())))?;
        let users = text.lines().map(str::trim).filter(|line| !line.is_empty());
        self.listed = std::iter::once("").chain(users).map(str::to_owned).collect();
        self.file = None;
        Ok(())
    }
}

/// `hale cluster localdb …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LocaldbCommand {
    /// Users that are remembered
    #[command(subcommand)]
    User(LocaldbUserCommand),
    /// Groups that are remembered
    #[command(subcommand)]
    Group(LocaldbGroupCommand),
}

impl LocaldbCommand {
    pub(super) fn is_order(&self) -> bool {
        match self {
            Self::User(command) => matches!(command, LocaldbUserCommand::Remove { .. }),
            Self::Group(command) => matches!(command, LocaldbGroupCommand::Remove { .. }),
        }
    }
}

/// `hale cluster localdb user …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LocaldbUserCommand {
    /// Show a user
    #[command(after_help = "Example:\n  hale cluster localdb user status default-17 alice")]
    Status {
        /// Group
        group: String,
        /// User
        user: String,
    },
    /// List users
    #[command(after_help = "Example:\n  hale cluster localdb user list a*")]
    List {
        /// Names, with * and ?
        mask: Option<String>,
    },
    /// Forget a user; the GeoDB keeps its row
    #[command(after_help = "Example:\n  hale cluster localdb user remove default-17 alice")]
    Remove {
        /// Group
        group: String,
        /// User
        user: String,
    },
}

/// `hale cluster localdb group …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LocaldbGroupCommand {
    /// Show a group
    #[command(after_help = "Example:\n  hale cluster localdb group status default-17")]
    Status {
        /// Group
        group: String,
    },
    /// List groups
    #[command(after_help = "Example:\n  hale cluster localdb group list default-*")]
    List {
        /// Names, with * and ?
        mask: Option<String>,
    },
    /// Forget a group; the GeoDB keeps its row
    #[command(after_help = "Example:\n  hale cluster localdb group remove default-17")]
    Remove {
        /// Group
        group: String,
    },
}

/// A flag on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// Set it
    Yes,
    /// Clear it
    No,
}
