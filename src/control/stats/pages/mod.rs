//! What each page shows. Values come from the control core's memory, so that pages are there also while the GeoDB is not; `user`
//! alone may ask it, as `hale explain` does.

mod backends;
mod overview;
mod places;
mod users;

use super::desk::Desk;
use super::guard::Viewer;
use super::orders::{Done, Order as Ordered};
use crate::control::Level;
use crate::control::wall_clock::unix_seconds;
use crate::limits;
use crate::page::{Cell, Column, Page, Refresh, Section, Tab, Table, Target, Tone};
use crate::route::rows::BackendStatus;
use crate::wire::der::utc;
use crate::wire::url::form_decoded;

/// What is known of a user; it stands in no row of ways.
const USER: &str = "user";

/// Whether there is a page of this path.
pub(super) fn exists(path: &str) -> bool {
    path == USER || tab(path).is_some()
}

fn tab(path: &str) -> Option<Tab> {
    Tab::ALL.into_iter().find(|tab| tab.path() == path)
}

/// The page of a path.
pub(super) async fn make(path: &str, query: &str, viewer: &Viewer, desk: &Desk) -> Page {
    let token = desk.page.now().gives_orders.then(|| desk.tokens.of(viewer));
    let token = token.filter(|token| !token.is_empty());
    if path == USER {
        let name = field(query, "name").unwrap_or_default();
        let sections = users::one(desk, name.trim()).await;
        let page = frame(desk, Tab::Users, sections);
        return Page { title: "User".to_owned(), refresh: Refresh::Never, token, ..page };
    }
    let tab = tab(path).unwrap_or(Tab::Overview);
    let sections = match tab {
        Tab::Overview => overview::sections(desk).await,
        Tab::Backends => {
            let first = field(query, "from").and_then(|text| text.parse().ok()).unwrap_or(0);
            backends::sections(desk, first)
        }
        Tab::Sites => places::sites(desk),
        Tab::Moves => places::moves(desk),
        Tab::Listeners => places::listeners(desk),
        Tab::Events => events(desk),
        Tab::Users => users::top(desk).await,
    };
    let refresh = if tab == Tab::Users { Refresh::ByScript } else { Refresh::Always };
    Page { token, refresh, ..frame(desk, tab, sections) }
}

/// What became of an order.
pub(super) fn after_order(desk: &Desk, done: &Done) -> Page {
    let (tab, title, back) = match &done.about {
        Ordered::Status { host, status, .. } => {
            let title = format!("Backend {host}: {}", BackendStatus::from(*status));
            (Tab::Backends, title, (Target::Tab(Tab::Backends), "All backends"))
        }
        Ordered::Kick { user, .. } => {
            let back = (Target::User(user.clone()), "What is known of the user");
            (Tab::Users, format!("User {user}: sessions ended"), back)
        }
    };
    let (target, words) = back;
    let sections = vec![
        Section::Notice(done.tone, done.words.clone()),
        Section::Way(target, words.to_owned()),
    ];
    Page { title, refresh: Refresh::Never, ..frame(desk, tab, sections) }
}

fn frame(desk: &Desk, tab: Tab, sections: Vec<Section>) -> Page {
    Page {
        tab,
        title: tab.title().to_owned(),
        host: desk.admin.proxy().to_owned(),
        made_at: utc(unix_seconds()),
        refresh: Refresh::Always,
        sections,
        token: None,
    }
}

/// A field of a query; none: it is not there once, or is nothing that a form sends.
fn field(query: &str, name: &str) -> Option<String> {
    let fields = form_decoded(query.as_bytes())?;
    let mut found = fields.into_iter().filter(|(it, _)| it == name).map(|(_, value)| value);
    let value = found.next();
    value.filter(|_| found.next().is_none())
}

fn events(desk: &Desk) -> Vec<Section> {
    let events = desk.admin.board.events();
    let rows = events.iter().map(|event| {
        let (tone, word) = match event.level {
            Level::Error => (Tone::Bad, "error"),
            Level::Warning => (Tone::Warn, "warning"),
            Level::Info | Level::Debug => (Tone::Plain, "info"),
        };
        let words = Cell::Text(event.text.to_string());
        vec![Cell::Text(utc(event.at)), Cell::State(tone, word.to_owned()), words]
    });
    let table = Table {
        caption: format!("The last {} events", limits::PAGE_EVENTS_MAX),
        columns: vec![Column::text("Time (UTC)"), Column::text("Level"), Column::text("What")],
        rows: rows.collect(),
        empty: "Nothing has happened since this Hale was started.",
        note: Some(
            "Logins and their ends are in the log alone, except where something has to be mended."
                .to_owned(),
        ),
    };
    vec![Section::Table(table)]
}

/// What is said below a table of which only a part is shown.
fn rest(all: usize, shown: usize, where_all_are: &str) -> Option<String> {
    (all > shown).then(|| format!("{shown} of {all} are shown; {where_all_are}"))
}

/// Seconds as people say them.
fn lasting(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Bytes as people say them.
fn sized(bytes: u64) -> String {
    let mebibytes = bytes >> 20;
    match mebibytes {
        0..=4095 => format!("{mebibytes} MiB"),
        _ => format!("{} GiB", mebibytes >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_as_forms_send_them() {
        assert_eq!(field("name=a%40b+c&x=1", "name").as_deref(), Some("a@b c"));
        for query in ["", "name", "name=a&name=b", "name=%ff", "x=1"] {
            let found = field(query, "name");
            assert!(found.is_none() || found.as_deref() == Some(""), "{query}");
        }
        assert!(exists("") && exists("backends") && exists("user") && !exists("metrics"));
    }

    #[test]
    fn times_and_sizes_are_said_as_people_say_them() {
        assert_eq!(
            [59, 3_600, 7_260, 864_000].map(lasting),
            ["59 s", "60 min", "2 h 1 min", "10 days"]
        );
        assert_eq!([5 << 20, 8 << 30].map(sized), ["5 MiB", "8 GiB"]);
        assert_eq!(rest(3, 3, "x"), None);
    }
}
