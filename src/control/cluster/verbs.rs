//! The command line of `hale cluster` and `hale geodb`: doveadm's words (C-CMD-1).

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use super::error::CommandError;
use crate::control::geodb::Changed;
use crate::route::rows::{BackendStatus, SiteStatus};

/// `hale cluster …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
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
}

impl ClusterCommand {
    /// What the command may change.
    #[must_use]
    pub(super) fn changes(&self) -> Changed {
        match self {
            Self::Tag(_)
            | Self::Site(SiteCommand::Status { .. } | SiteCommand::List)
            | Self::Backend(BackendCommand::Status { .. } | BackendCommand::List { .. })
            | Self::Group(GroupCommand::Status { .. } | GroupCommand::List { .. })
            | Self::User(UserCommand::Status { .. } | UserCommand::List { .. })
            | Self::Geodb(GeodbCommand::Show { .. }) => Changed::Nothing,
            Self::Site(
                SiteCommand::Add { .. } | SiteCommand::Remove { .. } | SiteCommand::Update { .. },
            )
            | Self::Backend(
                BackendCommand::Add { .. }
                | BackendCommand::Remove { .. }
                | BackendCommand::Update { .. }
                | BackendCommand::Evacuate { .. },
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
            | Self::Geodb(GeodbCommand::Init | GeodbCommand::Refresh) => Changed::Everything,
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
    Init,
    /// Let a running Hale read everything again
    Refresh,
    /// Print a table, or how many rows each table has
    Show {
        /// One of the ten tables
        table: Option<String>,
    },
}

/// `hale cluster tag …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TagCommand {
    /// Create a tag
    Create {
        /// Its id, if not a new one
        #[arg(long)]
        id: Option<Uuid>,
        /// Its name
        name: String,
    },
    /// Rename a tag
    Update {
        /// The new name
        #[arg(long = "name", value_name = "NEW")]
        new_name: Option<String>,
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        tag: String,
    },
    /// Delete a tag, used or not
    #[command(visible_alias = "remove")]
    Delete {
        /// Name or id
        #[arg(value_name = "NAME|ID")]
        tag: String,
    },
    /// List all tags
    List,
}

/// `hale cluster site …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SiteCommand {
    /// Add a site; it starts online
    Add {
        /// Its id: only when the same site is added again
        #[arg(long)]
        id: Option<Uuid>,
        /// The tag's name or id
        #[arg(long)]
        tag: Option<String>,
        /// Host name or address that proxies of other sites connect to
        #[arg(long, value_name = "HOST")]
        load_balancer: Option<String>,
        /// Its name, as in cluster_local_site
        name: String,
    },
    /// Remove a site; remove its backends and move its users first
    Remove {
        /// Name or id
        name: String,
    },
    /// Change a site
    Update {
        /// New status
        #[arg(long)]
        status: Option<SiteStatusWord>,
        /// New load balancer
        #[arg(long, value_name = "HOST")]
        load_balancer: Option<String>,
        /// Which site
        #[command(flatten)]
        site: SiteChoice,
    },
    /// Show a site
    Status {
        /// Which site
        #[command(flatten)]
        site: SiteChoice,
    },
    /// List all sites
    List,
    /// Create cluster_default_group_count groups; normally they appear on demand
    Init {
        /// Delete all groups of the site first and un-assign its users: not for production
        #[arg(long)]
        update: bool,
        /// Which site
        #[command(flatten)]
        site: SiteChoice,
    },
}

/// `--self` or a site's name.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct SiteChoice {
    /// The site of cluster_local_site
    #[arg(long = "self")]
    pub own: bool,
    /// Name or id
    #[arg(value_name = "SITE")]
    pub name: Option<String>,
}

/// `hale cluster backend …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BackendCommand {
    /// Add a backend; it starts in standby
    Add {
        /// Its id: only when the same backend is added again
        #[arg(long)]
        id: Option<Uuid>,
        /// Its site, if not cluster_local_site
        #[arg(long)]
        site: Option<String>,
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Remove a backend
    Remove {
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Change a backend
    Update {
        /// New status
        #[arg(long)]
        status: Option<BackendStatusWord>,
        /// Approximate share of the site's load; 0 assigns no more groups
        #[arg(long, value_name = "0..100", value_parser = clap::value_parser!(u8).range(0..=100))]
        load_factor: Option<u8>,
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Start moving all its groups away; sets load factor 0 and standby
    Evacuate {
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Show a backend
    Status {
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// List backends
    List {
        /// Of this site only
        #[arg(long)]
        site: Option<String>,
    },
}

/// `--self` or a backend's host.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct BackendChoice {
    /// The backend of cluster_backend_name
    #[arg(long = "self")]
    pub own: bool,
    /// Host name or id
    #[arg(value_name = "HOST")]
    pub host: Option<String>,
}

/// `hale cluster group …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum GroupCommand {
    /// Start moving a group to another backend of its site
    Move {
        /// Write the final state at once, without moving anything
        #[arg(long)]
        direct: bool,
        /// Site
        site: String,
        /// Group
        group: String,
        /// Host of the new backend
        host: String,
    },
    /// Show a group
    Status {
        /// Site
        site: String,
        /// Group
        group: String,
    },
    /// Set flags of a group
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
    Access {
        /// Which users
        #[command(flatten)]
        users: UserChoice,
        /// Print the backend's address instead of its name
        #[arg(short = 'i')]
        address: bool,
    },
    /// Delete a user's row
    Delete {
        /// User
        user: String,
    },
    /// Start moving a user to another group
    Move {
        /// Write the final state at once, without moving anything; creates the row if there is none
        #[arg(long)]
        direct: bool,
        /// New home site
        #[arg(long)]
        site: Option<String>,
        /// User
        user: String,
        /// New group
        group: String,
        /// Group to use at another site during a site failover
        failover_group: Option<String>,
    },
    /// Show a user
    Status {
        /// User
        user: String,
    },
    /// List users
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
    fn read_file(&mut self) -> Result<(), CommandError> {
        let Some(path) = &self.file else { return Ok(()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| CommandError::Data(format!("{}: {error}", path.display())))?;
        let users = text.lines().map(str::trim).filter(|line| !line.is_empty());
        self.listed = std::iter::once("").chain(users).map(str::to_owned).collect();
        self.file = None;
        Ok(())
    }
}

/// `sites.status` as an operator may set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SiteStatusWord {
    /// Reachable, accepts connections
    Online,
    /// Unreachable
    Offline,
    /// Reachable, but does not accept connections
    Standby,
    /// All users are being moved away
    Evacuate,
}

impl From<SiteStatusWord> for SiteStatus {
    fn from(word: SiteStatusWord) -> Self {
        match word {
            SiteStatusWord::Online => Self::Online,
            SiteStatusWord::Offline => Self::Offline,
            SiteStatusWord::Standby => Self::Standby,
            SiteStatusWord::Evacuate => Self::Evacuate,
        }
    }
}

/// `backends.status` as an operator may set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendStatusWord {
    /// Reachable, accepts connections
    Online,
    /// Unreachable
    Offline,
    /// Reachable, accepts none
    Standby,
}

impl From<BackendStatusWord> for BackendStatus {
    fn from(word: BackendStatusWord) -> Self {
        match word {
            BackendStatusWord::Online => Self::Online,
            BackendStatusWord::Offline => Self::Offline,
            BackendStatusWord::Standby => Self::Standby,
        }
    }
}

/// A flag on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// Set it
    Yes,
    /// Clear it
    No,
}
