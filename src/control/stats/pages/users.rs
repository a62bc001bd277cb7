//! Users: who has most sessions, and what becomes of one user's login.

use std::collections::BTreeSet;

use crate::control::cluster::{CommandError, ExplainCommand, Output};
use crate::control::stats::desk::Desk;
use crate::event::escaped;
use crate::limits;
use crate::page::{Cell, Column, Field, Order, Section, Table, Target, Tone};
use crate::ring::clock;
use crate::share::enquiry::{Act, Row, Whom};

use super::{lasting, rest};

fn search(value: &str) -> Section {
    Section::Search { label: "User", target: super::USER, value: value.to_owned() }
}

/// Who has most.
pub(super) async fn top(desk: &Desk) -> Vec<Section> {
    let users = match desk.users().await {
        Ok(users) => users,
        Err(error) => return vec![search(""), Section::Notice(Tone::Bad, error.to_string())],
    };
    let rows = users.top.iter().map(|(name, sessions)| {
        let way = Cell::Way(Target::User(name.to_string()), name.to_string());
        vec![way, Cell::number(sessions)]
    });
    let table = Table {
        caption: "Users with the most sessions".to_owned(),
        columns: vec![Column::text("User"), Column::number("Sessions")],
        rows: rows.collect(),
        empty: "No user is logged in.",
        note: Some(match users.users {
            1 => format!("One user is logged in here; sessions: {}.", users.sessions),
            count => format!("{count} users are logged in here; sessions: {}.", users.sessions),
        }),
    };
    vec![search(""), Section::Table(table)]
}

/// What is known of one, and what a login would do now.
pub(super) async fn one(desk: &Desk, name: &str) -> Vec<Section> {
    let mut sections = vec![search(name)];
    if name.is_empty() || name.len() > limits::USER_BYTES_MAX {
        sections.push(Section::Words("Whom do you look for?".to_owned()));
        return sections;
    }
    match sessions(desk, name).await {
        Ok((rows, all)) => {
            let has_some = !rows.is_empty();
            sections.push(Section::Table(of_user(rows, all)));
            if has_some && desk.page.now().gives_orders {
                sections.push(Section::Orders(vec![kick(name)]));
            }
        }
        Err(error) => sections.push(Section::Notice(Tone::Bad, error.to_string())),
    }
    let command = ExplainCommand { user: name.to_owned(), ..ExplainCommand::default() };
    match desk.admin.explain(&command).await {
        Ok(output) => sections.extend(explained(output)),
        Err(error) => sections.push(Section::Notice(Tone::Bad, error.to_string())),
    }
    sections
}

/// Some sessions of a user, and how many there are.
async fn sessions(desk: &Desk, name: &str) -> Result<(Vec<Row>, usize), CommandError> {
    let whom = Whom { names: Some(BTreeSet::from([name.into()])), ..Whom::default() };
    let (mut rows, mut all) = (Vec::new(), 0);
    let mut asking = desk.admin.ask(Act::List, whom);
    while let Some(piece) = asking.piece().await? {
        all += piece.rows.len();
        let room = limits::PAGE_ROWS_MAX.saturating_sub(rows.len());
        rows.extend(piece.rows.into_iter().take(room));
    }
    Ok((rows, all))
}

fn of_user(rows: Vec<Row>, all: usize) -> Table {
    let shown = rows.len();
    let now = clock::now();
    let rows = rows.into_iter().map(|row| {
        let Row { protocol, client, session, backend, group, since, user: _ } = row;
        vec![
            Cell::Text(session.to_string()),
            Cell::Text(protocol.to_string()),
            Cell::Text(client.ip().to_canonical().to_string()),
            Cell::of(backend.map(|host| host.to_string())),
            Cell::of(group.map(|group| group.to_string())),
            Cell::of(since.map(|since| lasting(now.since(since).as_secs()))),
        ]
    });
    Table {
        caption: "Sessions of the user here".to_owned(),
        columns: vec![
            Column::text("Session"),
            Column::text("Protocol"),
            Column::text("Client"),
            Column::text("Backend"),
            Column::text("Group"),
            Column::number("For"),
        ],
        rows: rows.collect(),
        empty: "The user has no session here.",
        note: rest(all, shown, "hale who -1 has all of them"),
    }
}

fn kick(name: &str) -> Order {
    let shown = escaped(name.as_bytes(), limits::USER_BYTES_MAX);
    Order {
        name: "End the sessions",
        explained: format!(
            "All sessions of {shown} at this proxy end now. The client may log in again."
        ),
        entries: vec![("do", "kick".to_owned()), ("user", name.to_owned())],
        field: Some(Field {
            name: "reason",
            label: "Reason",
            length_max: limits::PAGE_REASON_BYTES_MAX,
        }),
    }
}

/// As `hale explain` tells it.
fn explained(output: Output) -> Vec<Section> {
    let row = |row: Vec<Option<String>>| row.into_iter().map(Cell::of).collect();
    let notices = output.notices.into_iter().map(|line| Section::Notice(Tone::Warn, line));
    let table = Table {
        caption: "A login as it would go now".to_owned(),
        columns: output.columns.into_iter().map(|name| Column::text(heading(&name))).collect(),
        rows: output.rows.into_iter().map(row).collect(),
        empty: "",
        note: Some("Nothing is written. Password databases are not asked.".to_owned()),
    };
    std::iter::once(Section::Table(table)).chain(notices).collect()
}

/// A column's name as a heading.
fn heading(name: &str) -> String {
    let name = name.replace("age_secs", "seconds old").replace('_', " ");
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
