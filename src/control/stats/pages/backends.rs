//! Backends of this site: how they stand, what they are used for, and what can be ordered.

use crate::control::stats::desk::Desk;
use crate::limits;
use crate::page::{Cell, Column, Field, Order, Section, Standing, Tab, Table, Target};
use crate::route::rows::BackendStatus;
use crate::route::set_by::SetBy;
use crate::route::table::BackendEntry;
use crate::wire::der::utc;

/// Those from `first` on; what wants to be looked at comes first.
pub(super) fn sections(desk: &Desk, first: usize) -> Vec<Section> {
    let routes = desk.admin.exchange.table.load();
    let states = desk.states();
    let mut all: Vec<(Standing, &BackendEntry)> =
        routes.backends().iter().map(|entry| (desk.standing(entry, &states), entry)).collect();
    all.sort_by(|(one, a), (other, b)| {
        (rank(*one), &a.host.name).cmp(&(rank(*other), &b.host.name))
    });
    let first = if first < all.len() { first } else { 0 };
    let uses = desk.admin.uses();
    let elsewhere = desk.admin.exchange.loads.now();
    let probes = desk.admin.board.probes();
    let shown = all.iter().skip(first).take(limits::PAGE_ROWS_MAX);
    let rows: Vec<Vec<Cell>> = shown
        .map(|(standing, entry)| {
            let host = &entry.host.name;
            let of = uses.get(host).copied().unwrap_or_default();
            let load = elsewhere.iter().find(|load| load.host == *host);
            let took = probes.iter().filter(|probe| probe.host == *host).filter_map(|it| it.took);
            row(desk, *standing, entry, of, load.map_or(0, |load| load.elsewhere), took.max())
        })
        .collect();
    let end = first.saturating_add(rows.len());
    let mut sections = vec![Section::Table(table(desk, rows, all.len(), first))];
    if first > 0 {
        let before = first.saturating_sub(limits::PAGE_ROWS_MAX);
        let way = Target::From(Tab::Backends, before);
        sections.push(Section::Way(way, "Those before".to_owned()));
    }
    if end < all.len() {
        sections.push(Section::Way(Target::From(Tab::Backends, end), "Those behind".to_owned()));
    }
    sections
}

/// What has to be mended stands in front.
fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::Down => 0,
        Standing::Offline => 1,
        Standing::Suspect => 2,
        Standing::Standby => 3,
        Standing::Online => 4,
    }
}

fn table(desk: &Desk, rows: Vec<Vec<Cell>>, all: usize, first: usize) -> Table {
    let site = desk.admin.exchange.table.load();
    let site = site.local_site().map_or("this site", |site| &*site.name).to_owned();
    let shown = rows.len();
    let mut columns = vec![
        Column::text("Backend"),
        Column::text("Stands"),
        Column::text("Last half hour"),
        Column::number("Connections"),
        Column::text("Last half hour"),
        Column::number("Logins a minute"),
        Column::number("Failures"),
        Column::number("Probe"),
        Column::number("Load factor"),
        Column::text("Set by"),
    ];
    if desk.page.now().gives_orders {
        columns.push(Column::text("Orders"));
    }
    let note = match shown < all {
        true => format!(
            "{} to {} of {all}. Connections are those of this proxy, and what the others have told.",
            first.saturating_add(1),
            first.saturating_add(shown)
        ),
        false => "Connections are those of this proxy, and what the others have told.".to_owned(),
    };
    Table {
        caption: format!("Backends of {site}"),
        columns,
        rows,
        empty: "This site has no backend yet: hale cluster backend add",
        note: Some(note),
    }
}

fn row(
    desk: &Desk,
    standing: Standing,
    entry: &BackendEntry,
    of: crate::control::loads::Use,
    elsewhere: u32,
    took: Option<std::time::Duration>,
) -> Vec<Cell> {
    let (host, history) = (&*entry.host.name, desk.history.borrow());
    let connections = match (elsewhere, entry.host.connections_max) {
        (0, None) => of.connections.to_string(),
        (more, None) => format!("{} + {more}", of.connections),
        (0, Some(most)) => format!("{} of {most}", of.connections),
        (more, Some(most)) => format!("{} + {more} of {most}", of.connections),
    };
    let factor = match entry.share() {
        now if now == entry.load_factor => now.to_string(),
        now => format!("{now} of {}", entry.load_factor),
    };
    let mut cells = vec![
        Cell::Text(host.to_owned()),
        Cell::State(standing.tone(), standing.name().to_owned()),
        Cell::Strip(history.host_strip(host)),
        Cell::Text(connections),
        Cell::Course(history.host_course(host, "connections", |it| it.connections)),
        Cell::number(of.logins),
        Cell::number(of.failures),
        Cell::of(took.map(|took| format!("{} ms", took.as_millis()))),
        Cell::Text(factor),
        Cell::Text(set_by(entry)),
    ];
    if desk.page.now().gives_orders {
        cells.push(Cell::Orders(orders(entry)));
    }
    cells
}

/// Who set the status, when, and why.
fn set_by(entry: &BackendEntry) -> String {
    let SetBy { who, seconds, why } =
        SetBy::read(entry.status_reason.as_deref().unwrap_or_default());
    let parts = [who.map(str::to_owned), seconds.map(utc), Some(why.to_owned())];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

fn orders(entry: &BackendEntry) -> Vec<Order> {
    let host = &*entry.host.name;
    let order = |name, word: &str, explained: String| Order {
        name,
        explained,
        entries: vec![("do", word.to_owned()), ("host", host.to_owned())],
        field: Some(Field {
            name: "reason",
            label: "Reason",
            length_max: limits::PAGE_REASON_BYTES_MAX,
        }),
    };
    let online =
        || order("Set online", "online", format!("{host} takes users again, at all proxies."));
    match entry.status {
        BackendStatus::Online => vec![order(
            "Set to standby",
            "standby",
            format!(
                "{host} gets no new logins at any proxy; what groups it has go elsewhere at their next login. Sessions that are there go on."
            ),
        )],
        BackendStatus::Standby | BackendStatus::Offline | BackendStatus::Unknown(_) => {
            vec![online()]
        }
    }
}
