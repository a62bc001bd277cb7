//! What a page is made of, as values.

use super::sparkline::{Course, Strip};

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Which one.
    pub tab: Tab,
    /// Its heading.
    pub title: String,
    /// The host that serves it.
    pub host: String,
    /// When it was made: UTC.
    pub made_at: String,
    /// Whether it is shown anew by itself.
    pub refresh: Refresh,
    /// Its parts.
    pub sections: Vec<Section>,
    /// What proves that an order comes from a page that this Hale made; none: pages give no orders.
    pub token: Option<String>,
}

/// The pages that others lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their titles say it")]
pub enum Tab {
    Overview,
    Backends,
    Sites,
    Moves,
    Listeners,
    Events,
    Users,
}

impl Tab {
    /// All of them, as they stand in a row.
    pub const ALL: [Self; 7] = [
        Self::Overview,
        Self::Backends,
        Self::Sites,
        Self::Moves,
        Self::Listeners,
        Self::Events,
        Self::Users,
    ];

    /// The last part of its path; the first page is that of the folder.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Backends => "backends",
            Self::Sites => "sites",
            Self::Moves => "moves",
            Self::Listeners => "listeners",
            Self::Events => "events",
            Self::Users => "users",
        }
    }

    /// What the way there is called.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Backends => "Backends",
            Self::Sites => "Sites and groups",
            Self::Moves => "Moves",
            Self::Listeners => "Listeners",
            Self::Events => "Events",
            Self::Users => "Users",
        }
    }
}

/// Whether a page is shown anew by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// By script, or without one.
    Always,
    /// By script alone, which sees that something is being typed.
    ByScript,
    /// No.
    Never,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub enum Section {
    /// A few numbers that tell most.
    Tiles(Vec<Tile>),
    /// Things that want to be looked at, or a line that says that there are none.
    Attention(Vec<(Tone, String)>),
    /// A table.
    Table(Table),
    /// A field to look something up.
    Search {
        /// What is asked for.
        label: &'static str,
        /// Where the answer is.
        target: &'static str,
        /// What was typed.
        value: String,
    },
    /// A paragraph.
    Words(String),
    /// A paragraph about something that failed or was done.
    Notice(Tone, String),
    /// A way to another page.
    Way(Target, String),
    /// Orders that belong to no row.
    Orders(Vec<Order>),
}

/// A number with its name.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub value: String,
    /// A few words behind it.
    pub note: String,
    /// How it is to be taken.
    pub tone: Tone,
    /// How it was lately.
    pub course: Option<Course>,
}

/// How something is to be taken. Colour never says it alone: the words do, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// To be mended.
    Bad,
    /// Neither.
    Plain,
}

impl Tone {
    /// The name in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What is in it.
    pub caption: String,
    /// The heads.
    pub columns: Vec<Column>,
    /// A cell for each column; the first one is the row's head.
    pub rows: Vec<Vec<Cell>>,
    /// What is said instead of a table without rows.
    pub empty: &'static str,
    /// What is said below, such as how many rows are not shown.
    pub note: Option<String>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub title: String,
    /// Numbers stand to the right.
    pub is_number: bool,
}

impl Column {
    /// Of texts.
    #[must_use]
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), is_number: false }
    }

    /// Of numbers.
    #[must_use]
    pub fn number(title: impl Into<String>) -> Self {
        Self { title: title.into(), is_number: true }
    }
}

/// What stands in a cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Nothing is known.
    Unknown,
    /// A text, or a number.
    Text(String),
    /// A word with a tone.
    State(Tone, String),
    /// A way to another page.
    Way(Target, String),
    /// How a number was lately.
    Course(Course),
    /// How a state was lately.
    Strip(Strip),
    /// What can be ordered.
    Orders(Vec<Order>),
}

impl Cell {
    /// A number.
    #[must_use]
    pub fn number(value: impl ToString) -> Self {
        Self::Text(value.to_string())
    }

    /// A text that may be missing.
    #[must_use]
    pub fn of(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Text(text.into()))
    }
}

/// Where a way leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A page.
    Tab(Tab),
    /// What is known of a user.
    User(String),
    /// A part of a long table.
    From(Tab, usize),
}

/// What can be ordered: a button behind a click that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What the click that opens it says.
    pub name: &'static str,
    /// What will happen.
    pub explained: String,
    /// What is sent.
    pub entries: Vec<Entry>,
    /// What the operator types.
    pub field: Option<Field>,
}

/// A name and a value that an order sends.
pub type Entry = (&'static str, String);

/// A field of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in what is sent.
    pub name: &'static str,
    /// What it asks for.
    pub label: &'static str,
    /// As long as it may be.
    pub length_max: usize,
}
