//! Sites, groups, moves, listeners, certificates.

use std::collections::HashMap;

use crate::control::admin::{MoveLine, MoveOf};
use crate::control::expiry::NOTICE_DAYS;
use crate::control::ports::{Listening, State};
use crate::control::stats::desk::Desk;
use crate::control::wall_clock::unix_seconds;
use crate::limits;
use crate::page::{Cell, Column, Section, Table, Target, Tone};
use crate::route::rows::SiteStatus;
use crate::wire::der::utc;

use super::{lasting, rest};

pub(super) fn sites(desk: &Desk) -> Vec<Section> {
    let routes = desk.admin.exchange.table.load();
    let local = routes.local_site().map(|site| site.id);
    let rows = routes.sites().iter().map(|site| {
        let name = match local == Some(site.id) {
            true => format!("{} (this one)", site.name),
            false => site.name.to_string(),
        };
        let tone = match site.status {
            SiteStatus::Online => Tone::Good,
            SiteStatus::Standby | SiteStatus::Evacuate => Tone::Warn,
            SiteStatus::Offline | SiteStatus::Unknown(_) => Tone::Bad,
        };
        let reached = match site.is_reachable {
            true => Cell::State(Tone::Good, "yes".to_owned()),
            false => Cell::State(Tone::Bad, "no".to_owned()),
        };
        let balancer = site.load_balancer.as_ref().map(|host| host.name.to_string());
        let moved = site.force_move.is_some().then_some("a force-move");
        let back = site.recovery.is_some().then_some("a recovery");
        let under_way: Vec<&str> = moved.into_iter().chain(back).collect();
        vec![
            Cell::Text(name),
            Cell::State(tone, site.status.to_string()),
            reached,
            Cell::of(balancer),
            Cell::Text(under_way.join(", ")),
        ]
    });
    let sites = Table {
        caption: "Sites".to_owned(),
        columns: ["Site", "Status", "Reached", "Load balancer", "Under way"]
            .map(Column::text)
            .into(),
        rows: rows.collect(),
        empty: "There is no site yet: hale cluster site add",
        note: None,
    };
    vec![Section::Table(sites), Section::Table(groups(desk))]
}

/// How many groups each backend has.
fn groups(desk: &Desk) -> Table {
    let routes = desk.admin.exchange.table.load();
    let mut counts: HashMap<Option<uuid::Uuid>, [usize; 2]> = HashMap::new();
    for group in routes.groups().iter() {
        let [groups, moving] = counts.entry(group.backend_id).or_default();
        *groups += 1;
        *moving += usize::from(group.is_moving());
    }
    let mut rows: Vec<(String, [usize; 2])> = counts
        .into_iter()
        .map(|(id, counts)| {
            let backend = id.and_then(|id| routes.backend(id));
            let name = match (id, backend) {
                (_, Some(entry)) => entry.host.name.to_string(),
                (Some(_), None) => "a backend that is no more".to_owned(),
                (None, _) => "none yet".to_owned(),
            };
            (name, counts)
        })
        .collect();
    rows.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let all = rows.len();
    let rows = rows.into_iter().take(limits::PAGE_ROWS_MAX).map(|(name, [groups, moving])| {
        vec![Cell::Text(name), Cell::number(groups), Cell::number(moving)]
    });
    Table {
        caption: "Groups of this site".to_owned(),
        columns: vec![
            Column::text("On backend"),
            Column::number("Groups"),
            Column::number("Moving"),
        ],
        rows: rows.collect(),
        empty: "This site has no group yet; the first login makes one.",
        note: rest(all, limits::PAGE_ROWS_MAX, "hale cluster group list has all of them"),
    }
}

pub(super) fn moves(desk: &Desk) -> Vec<Section> {
    let lines = desk.admin.board.moves_under_way();
    let rows = lines.iter().take(limits::PAGE_ROWS_MAX).map(|line| {
        let MoveLine { of, from, to, held, left, timeout } = line;
        let name = match of {
            MoveOf::Group(name) => Cell::Text(format!("group {name}")),
            MoveOf::User(name) => Cell::Way(Target::User(name.to_string()), format!("user {name}")),
        };
        vec![
            name,
            Cell::Text(from.to_string()),
            Cell::Text(to.to_string()),
            Cell::number(left),
            Cell::Text(lasting(held.as_secs())),
            Cell::Text(lasting(timeout.saturating_sub(*held).as_secs())),
        ]
    });
    let table = Table {
        caption: "Moves in progress".to_owned(),
        columns: vec![
            Column::text("What moves"),
            Column::text("From"),
            Column::text("To"),
            Column::number("Sessions left"),
            Column::number("Logins held for"),
            Column::number("Over in"),
        ],
        rows: rows.collect(),
        empty: "Nothing is being moved that holds logins at this proxy.",
        note: rest(lines.len(), limits::PAGE_ROWS_MAX, "hale cluster group list has the others"),
    };
    vec![Section::Table(table)]
}

pub(super) fn listeners(desk: &Desk) -> Vec<Section> {
    let yes = |is: bool| Cell::Text(if is { "yes" } else { "no" }.to_owned());
    let all = desk.admin.ports.list();
    let rows = all.iter().map(|Listening { listener, state }| {
        let tone = match state {
            State::Open => Tone::Good,
            State::Drained => Tone::Warn,
            State::Unserved(_) => Tone::Bad,
        };
        vec![
            Cell::Text(listener.name.clone()),
            Cell::Text(listener.protocol.to_string()),
            Cell::Text(listener.endpoint().to_string()),
            yes(listener.ssl),
            yes(listener.haproxy),
            Cell::State(tone, state.name().to_owned()),
        ]
    });
    let listeners = Table {
        caption: "Listeners".to_owned(),
        columns: [
            "Listener",
            "Protocol",
            "Address",
            "TLS from the first byte",
            "PROXY header",
            "State",
        ]
        .map(Column::text)
        .into(),
        rows: rows.collect(),
        empty: "",
        note: None,
    };
    let rows = desk.admin.board.expiries().into_iter().map(|expiry| {
        let (tone, left) = match expiry.days_left(unix_seconds()) {
            Some(days @ NOTICE_DAYS..) => (Tone::Good, format!("{days} days left")),
            Some(days @ 0..) => (Tone::Warn, format!("{days} days left")),
            Some(days) => (Tone::Bad, format!("expired {} days ago", -days)),
            None => (Tone::Bad, "its dates cannot be read".to_owned()),
        };
        vec![
            Cell::Text(expiry.file()),
            Cell::Text(expiry.hosts.join(" ")),
            Cell::of(expiry.ends.map(utc)),
            Cell::State(tone, left),
        ]
    });
    let certificates = Table {
        caption: "Certificates".to_owned(),
        columns: ["File", "For", "Ends (UTC)", "State"].map(Column::text).into(),
        rows: rows.collect(),
        empty: "No certificate is configured: clients come in clear, or their TLS ends at a balancer.",
        note: None,
    };
    vec![Section::Table(listeners), Section::Table(certificates)]
}
