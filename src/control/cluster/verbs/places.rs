//! The command line about sites and backends.

use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::config::time;
use crate::route::rows::{BackendStatus, SiteStatus};

/// `hale cluster site …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SiteCommand {
    /// Add a site; it starts online
    #[command(
        after_help = "Example:\n  hale cluster site add --load-balancer lb.dc2.example.org DC2"
    )]
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
    #[command(after_help = "Example:\n  hale cluster site remove DC2")]
    Remove {
        /// Name or id
        name: String,
    },
    /// Change a site
    ///
    /// A new status also ends a force-move and a recovery of the site. offline and standby let its groups fail over to other
    /// sites; running sessions stay.
    #[command(
        after_help = "Examples:\n  hale cluster site update --status offline DC2\n  hale cluster site update --load-balancer lb2.example.org --self"
    )]
    Update {
        /// New status
        #[arg(long)]
        status: Option<SiteStatusWord>,
        /// New load balancer
        #[arg(long, value_name = "HOST")]
        load_balancer: Option<String>,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Which site
        #[command(flatten)]
        site: SiteChoice,
    },
    /// Show a site
    #[command(after_help = "Example:\n  hale cluster -f pager site status --self")]
    Status {
        /// Which site
        #[command(flatten)]
        site: SiteChoice,
    },
    /// List all sites
    #[command(after_help = "Example:\n  hale cluster site list")]
    List,
    /// Create cluster_default_group_count groups; normally they appear on demand
    #[command(after_help = "Example:\n  hale cluster site init DC1")]
    Init {
        /// Delete all groups of the site first and un-assign its users: not for production
        #[arg(long)]
        update: bool,
        /// Which site
        #[command(flatten)]
        site: SiteChoice,
    },
    /// Move users of a site to other sites while they log in
    #[command(subcommand)]
    ForceMove(ForceMoveCommand),
    /// Let users come home to a site that is well again, so many of a hundred
    ///
    /// Once more with a higher percentage lets the same users and more come home. A new status of the site ends it.
    #[command(after_help = "Example:\n  hale cluster site recover DC1 25")]
    Recover {
        /// Which users are the first: another id, another sample. Kept from before, or random
        #[arg(long)]
        id: Option<String>,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Name or id
        name: String,
        /// How many of a hundred
        #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
        percentage: u8,
    },
    /// What sites measured of each other
    #[command(subcommand)]
    Reachability(ReachabilityCommand),
}

/// `hale cluster site force-move …`, and `hale cluster backend force-move …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ForceMoveCommand {
    /// Begin: so many users of a hundred are moved when they log in
    ///
    /// Which users is decided by a hash of the id and the user's name, so that a higher percentage means the same users and
    /// more. Sessions that run stay where they are.
    #[command(
        after_help = "Examples:\n  hale cluster site force-move start DC1 10 DC2 DC3\n  hale cluster backend force-move start be1.example.org 50 be2.example.org"
    )]
    Start {
        /// Which users are the first: another id, another sample. Random unless given
        #[arg(long)]
        id: Option<String>,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The site, or the backend's host, that users leave
        name: String,
        /// How many of a hundred
        #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
        percentage: u8,
        /// Sites, or backends of the same site, that they go to
        #[arg(required = true)]
        dest: Vec<String>,
    },
    /// Change the percentage
    #[command(
        after_help = "Examples:\n  hale cluster site force-move update DC1 50\n  hale cluster backend force-move update be1.example.org 100"
    )]
    Update {
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The site or the backend's host
        name: String,
        /// How many of a hundred
        #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
        percentage: u8,
    },
    /// End it; users who have been moved stay where they are
    #[command(
        after_help = "Examples:\n  hale cluster site force-move stop DC1\n  hale cluster backend force-move stop be1.example.org"
    )]
    Stop {
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// The site or the backend's host
        name: String,
    },
}

/// `hale cluster site reachability …`
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ReachabilityCommand {
    /// List what proxies of sites measured of other sites: 0 is unreachable
    #[command(
        after_help = "Examples:\n  hale cluster site reachability list\n  hale cluster site reachability list DC1 DC2"
    )]
    List {
        /// Measured by this site only
        src_site: Option<String>,
        /// Of this site only
        dest_site: Option<String>,
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
    #[command(after_help = "Example:\n  hale cluster backend add --site DC1 be1.example.org")]
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
    #[command(after_help = "Example:\n  hale cluster backend remove be1.example.org")]
    Remove {
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Change a backend
    ///
    /// A new status also ends a force-move of the backend.
    #[command(
        after_help = "Example:\n  hale cluster backend update --status online --load-factor 100 be1.example.org"
    )]
    Update {
        /// New status
        #[arg(long)]
        status: Option<BackendStatusWord>,
        /// Approximate share of the site's load; 0 assigns no more groups
        #[arg(long, value_name = "0..100", value_parser = clap::value_parser!(u8).range(0..=100))]
        load_factor: Option<u8>,
        /// Connections that it may have, 0 for any number; default: as backend_connections_max of the proxies
        #[arg(long, value_name = "NUMBER|default")]
        connections_max: Option<ConnectionsMax>,
        /// Why: for the log, and for status_reason where the row has one
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Start moving all its groups away; sets load factor 0 and standby
    #[command(
        after_help = "Example:\n  hale cluster backend evacuate --reason disks be1.example.org"
    )]
    Evacuate {
        /// Why: for the log, and for status_reason where the row has one
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// Show a backend
    #[command(after_help = "Example:\n  hale cluster -f pager backend status be1.example.org")]
    Status {
        /// Which backend
        #[command(flatten)]
        backend: BackendChoice,
    },
    /// List backends
    #[command(after_help = "Example:\n  hale cluster backend list --site DC1")]
    List {
        /// Of this site only
        #[arg(long)]
        site: Option<String>,
    },
    /// Move users of a backend to other backends of its site while they log in
    #[command(subcommand)]
    ForceMove(ForceMoveCommand),
    /// Send users to a backend by name, to try it out: it may be in standby
    ///
    /// Their logins at all proxies of the backend's site go there, whatever their groups say, until they are unpinned or the time
    /// has passed; not while the backend is offline. Sessions that they have elsewhere end: here at once, at other proxies as
    /// soon as they read it, within ten seconds. Their rows stay as they are.
    #[command(
        after_help = "Examples:\n  hale cluster backend pin --for 2h --reason trial be2.example.org alice bob\n  hale cluster backend pin --list"
    )]
    Pin {
        /// Show who is pinned where, until when, by whom and why
        #[arg(long, conflicts_with_all = ["lasting", "reason", "host"])]
        list: bool,
        /// With --list: at this site only
        #[arg(long, requires = "list")]
        site: Option<String>,
        /// How long, such as 30min, 2h or 7d; until unpinned unless given
        #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
        lasting: Option<u64>,
        /// Why: for the log and the list
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Host name or id
        #[arg(required_unless_present = "list")]
        host: Option<String>,
        /// Names of users, as the log has them
        #[arg(required_unless_present = "list")]
        users: Vec<String>,
    },
    /// Let pinned users go back to where their groups are
    #[command(after_help = "Example:\n  hale cluster backend unpin alice")]
    Unpin {
        /// The site where they are pinned, if not cluster_local_site
        #[arg(long)]
        site: Option<String>,
        /// Why: for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Names of users
        #[arg(required = true)]
        users: Vec<String>,
    },
}

/// A time as settings have it, in whole seconds.
fn seconds(text: &str) -> Result<u64, String> {
    match time(text)?.as_secs() {
        0 => Err("expected a second at least".to_owned()),
        seconds => Ok(seconds),
    }
}

/// `--self` or a backend's host.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct BackendChoice {
    /// This host itself: for backends, refused by a proxy
    #[arg(long = "self")]
    pub own: bool,
    /// Host name or id
    #[arg(value_name = "HOST")]
    pub host: Option<String>,
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

/// How many connections a backend may have; none: as the proxies are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionsMax(pub(in crate::control::cluster) Option<u32>);

impl FromStr for ConnectionsMax {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == DEFAULT {
            return Ok(Self(None));
        }
        let most = text.parse().ok().filter(|most| *most <= CONNECTIONS_MAX);
        let complaint = || format!("a number up to {CONNECTIONS_MAX}, or {DEFAULT}");
        most.map(|most| Self(Some(most))).ok_or_else(complaint)
    }
}

impl fmt::Display for ConnectionsMax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(most) => write!(f, "{most}"),
            None => f.write_str(DEFAULT),
        }
    }
}

const DEFAULT: &str = "default";
/// As of the setting `backend_connections_max`.
const CONNECTIONS_MAX: u32 = 1 << 20;

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
