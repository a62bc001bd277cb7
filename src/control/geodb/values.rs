//! What calls of the GeoDB are given and give, besides rows.

use uuid::Uuid;

use crate::route::rows::{BackendStatus, SiteStatus};

/// Whether opening may create what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The tables must exist.
    Existing,
    /// `hale geodb init`: the file and the tables are created.
    Create,
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The row said what was expected and has been written.
    Written,
    /// The row said something else by now and was left alone. Read it again.
    Skipped,
}

/// A change to a backend's row; none leaves a column alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendUpdate {
    /// New status, together with its reason.
    pub status: Option<(BackendStatus, Box<str>)>,
    /// New share.
    pub load_factor: Option<u8>,
    /// Write only while the status is still this one: probes must not undo what an operator just did.
    pub expected_status: Option<BackendStatus>,
    /// The same of the reason; none: whatever it is.
    pub expected_reason: Option<Box<str>>,
}

/// A change to a site's row; none leaves a column alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteUpdate {
    /// New status.
    pub status: Option<SiteStatus>,
    /// New load balancer.
    pub load_balancer: Option<Box<str>>,
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// It counts since its writer began, and only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl FigureKind {
    /// The column's text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// A row of `proxy_dest_stats`: a figure that one proxy has of one backend.
#[derive(Clone, Debug, PartialEq)]
pub struct DestFigure {
    /// The proxy's site, first part of the key.
    pub proxy_site_id: Uuid,
    /// The backend's host, second part.
    pub dest_host: Box<str>,
    /// The proxy, third part.
    pub proxy_host: Box<str>,
    /// Which figure, last part.
    pub key: Box<str>,
    /// The figure.
    pub value: f64,
    /// What it is.
    pub kind: FigureKind,
}

/// A row of `backend_stats`: a figure of one backend, whichever proxy wrote it last.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendFigure {
    /// The backend's site, first part of the key.
    pub site_id: Uuid,
    /// The backend, second part.
    pub id: Uuid,
    /// Which figure, last part.
    pub key: Box<str>,
    /// The figure.
    pub value: f64,
    /// What it is.
    pub kind: FigureKind,
}

/// A table as text, for `geodb show`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows by key; NULL is none.
    pub rows: Vec<Vec<Option<String>>>,
}

/// What `geodb init` found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// A keyspace, or a table, as an operator calls it.
    pub what: Box<str>,
    /// It was not there before.
    pub is_new: bool,
}
