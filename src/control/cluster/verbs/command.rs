//! `hale cluster …`: all commands, what each changes, and the verbs about tags and the GeoDB itself.

use clap::Subcommand;
use uuid::Uuid;

use super::people::{GroupCommand, LocaldbCommand, UserCommand};
use super::places::{BackendCommand, ForceMoveCommand, SiteCommand};
use crate::control::cluster::error::CommandError;
use crate::control::geodb::Changed;

/// `hale cluster …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[command(after_long_help = EXIT_CODES)]
pub enum ClusterCommand {
    /// Tags: shards of sites
    #[command(subcommand)]
    Tag(TagCommand),
    /// Sites
    #[command(subcommand)]
    Site(SiteCommand),
    /// Backends
    #[command(subcommand)]
    Backend(BackendCommand),
    /// User groups
    #[command(subcommand)]
    Group(GroupCommand),
    /// Users
    #[command(subcommand)]
    User(UserCommand),
    /// The GeoDB itself
    #[command(subcommand)]
    Geodb(GeodbCommand),
    /// What this proxy remembers of users and groups, in case the GeoDB does not answer
    #[command(subcommand)]
    Localdb(LocaldbCommand),
    /// End a user's connections
    ///
    /// Ends the sessions that the running Hale has, as `hale kick USER` does; a name with * or ? means all users that it fits.
    /// Where backends can be asked by doveadm (cluster_backend_kick), the backend of a user who is named ends the others, too,
    /// by whichever proxy they came. Exit code 68: there was none.
    #[command(after_help = "Example:\n  hale cluster kick alice@example.org")]
    Kick {
        /// User, or a mask
        user: String,
    },
}

impl ClusterCommand {
    /// What the command may change.
    #[must_use]
    pub(in crate::control) fn changes(&self) -> Changed {
        match self {
            Self::Tag(TagCommand::List)
            | Self::Site(
                SiteCommand::Status { .. } | SiteCommand::List | SiteCommand::Reachability(_),
            )
            | Self::Backend(
                BackendCommand::Status { .. }
                | BackendCommand::List { .. }
                | BackendCommand::Pin { list: true, .. },
            )
            | Self::Group(GroupCommand::Status { .. } | GroupCommand::List { .. })
            | Self::User(UserCommand::Status { .. } | UserCommand::List { .. })
            | Self::Geodb(GeodbCommand::Show { .. })
            | Self::Localdb(_)
            | Self::Kick { .. } => Changed::Nothing,
            Self::Tag(_)
            | Self::Site(
                SiteCommand::Add { .. }
                | SiteCommand::Remove { .. }
                | SiteCommand::Update { .. }
                | SiteCommand::Recover { .. }
                | SiteCommand::ForceMove(
                    ForceMoveCommand::Start { .. }
                    | ForceMoveCommand::Update { .. }
                    | ForceMoveCommand::Stop { .. },
                ),
            )
            | Self::Backend(
                BackendCommand::Add { .. }
                | BackendCommand::Remove { .. }
                | BackendCommand::Update { .. }
                | BackendCommand::Evacuate { .. }
                | BackendCommand::Pin { .. }
                | BackendCommand::Unpin { .. }
                | BackendCommand::ForceMove(
                    ForceMoveCommand::Start { .. }
                    | ForceMoveCommand::Update { .. }
                    | ForceMoveCommand::Stop { .. },
                ),
            )
            | Self::Group(GroupCommand::Move { .. } | GroupCommand::Update { .. }) => {
                Changed::Tables
            }
            // A look-up writes what a login would write; what is cached of these users is not wrong by that.
            Self::User(UserCommand::Access { .. }) => Changed::Tables,
            Self::User(UserCommand::Delete { user } | UserCommand::Move { user, .. }) => {
                Changed::User(user.as_str().into())
            }
            Self::Site(SiteCommand::Init { .. })
            | Self::Geodb(GeodbCommand::Init | GeodbCommand::Refresh | GeodbCommand::Copy { .. }) => {
                Changed::Everything
            }
        }
    }

    /// Whether it is an order, and not only a question: orders are in the log of the Hale that carries them out.
    #[must_use]
    pub fn is_order(&self) -> bool {
        match self {
            Self::Localdb(command) => command.is_order(),
            Self::Kick { .. } => true,
            _ => self.changes() != Changed::Nothing,
        }
    }

    /// Replaces files that the command names by what is in them, so that it can be run by another process. Blocks.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read_files(&mut self) -> Result<(), CommandError> {
        match self {
            Self::User(UserCommand::Access { users, .. }) => users.read_file(),
            _ => Ok(()),
        }
    }
}

/// `hale geodb …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum GeodbCommand {
    /// Create the tables that do not exist
    ///
    /// Tables that exist are left alone, whatever is in them.
    #[command(after_help = "Example:\n  hale cluster geodb init")]
    Init,
    /// Let a running Hale read everything again
    ///
    /// Forgets the users that are cached in memory and reads sites, backends and groups anew. Needed by nothing but tests and
    /// doubt: what others write is seen by itself.
    #[command(after_help = "Example:\n  hale cluster geodb refresh")]
    Refresh,
    /// Copy all rows of one GeoDB into another
    ///
    /// Both are named as in cluster_geodb; a password is best left to cassandra_user and cassandra_password. Tables that TO lacks
    /// are created there; rows that it has are written over, others stay. What is written to FROM meanwhile may be missing: repeat
    /// the command, it does no harm.
    #[command(after_help = "Example:\n  hale cluster geodb copy sqlite:geodb.sqlite cassandra:")]
    Copy {
        /// Where the rows are
        from: String,
        /// Where they shall be as well
        to: String,
    },
    /// Print a table, or how many rows each table has
    ///
    /// Ids stay ids, and rows that make no sense are shown as they are.
    #[command(
        after_help = "Examples:\n  hale cluster geodb show\n  hale cluster geodb show cluster_settings"
    )]
    Show {
        /// One of the ten tables
        table: Option<String>,
    },
}

/// `hale cluster tag …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TagCommand {
    /// Create a tag
    #[command(after_help = "Example:\n  hale cluster tag create blue")]
    Create {
        /// Its id, if not a new one
        #[arg(long)]
        id: Option<Uuid>,
        /// Its name
        name: String,
    },
    /// Rename a tag
    #[command(after_help = "Example:\n  hale cluster tag update --name green blue")]
    Update {
        /// The new name
        #[arg(long = "name", value_name = "NEW")]
        new_name: Option<String>,
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        tag: String,
    },
    /// Delete a tag, used or not
    #[command(
        visible_alias = "remove",
        after_help = "Examples:\n  hale cluster tag delete blue\n  hale cluster tag remove blue"
    )]
    Delete {
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        tag: String,
    },
    /// List all tags
    #[command(after_help = "Example:\n  hale cluster -f json tag list")]
    List,
}

const EXIT_CODES: &str = "Commands run inside the Hale that serves, and by themselves when none does; the answers are the same.

Exit codes:
   0  done
   2  not done: another process changed the row in between; look again
  64  the words make no sense
  65  what they say is impossible, such as an address as a backend's name
  67  no such user
  68  no such site, backend, group, tag, force-move or session
  75  not now: the GeoDB does not answer, or Hale is busy
  77  not allowed
  78  a setting is missing or wrong, or the GeoDB's tables are";
