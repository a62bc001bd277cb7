//! The first page: a few numbers, and what wants to be looked at.

use crate::control::admin::process::Process;
use crate::control::expiry::NOTICE_DAYS;
use crate::control::stats::desk::Desk;
use crate::control::wall_clock::unix_seconds;
use crate::names::Protocol;
use crate::page::{Cell, Column, Section, Standing, Table, Tile, Tone};
use crate::ring::clock;
use crate::route::rows::SiteStatus;
use crate::route::table::Table as Routes;
use crate::share::counters::Counter;
use crate::share::enquiry::Tally;

use super::{lasting, sized};

pub(super) async fn sections(desk: &Desk) -> Vec<Section> {
    let tallies = desk.admin.tallies().await;
    let routes = desk.admin.exchange.table.load();
    let mut lines = attention(desk, &routes);
    let tallies = match tallies {
        Ok(tallies) => tallies,
        Err(error) => {
            lines.insert(0, (Tone::Bad, error.to_string()));
            Vec::new()
        }
    };
    let mut all = Tally::default();
    tallies.iter().for_each(|tally| all.add(tally));
    vec![
        Section::Tiles(tiles(desk, &routes, &all)),
        Section::Attention(lines),
        Section::Table(by_protocol(&all)),
        Section::Table(cores(desk, &tallies)),
    ]
}

fn tiles(desk: &Desk, routes: &Routes, all: &Tally) -> Vec<Tile> {
    let history = desk.history.borrow();
    let figures = history.last().unwrap_or_default();
    let states = desk.states();
    let backends = routes.backends();
    let online = backends.iter().filter(|entry| desk.standing(entry, &states) == Standing::Online);
    let (online, backends) = (online.count(), backends.len());
    let after: u64 = all.after_login.iter().sum();
    let before: u64 = all.before_login.iter().sum();
    let geodb = desk.admin.board.geodb();
    let age = geodb.age(clock::now());
    let started = clock::now().since(desk.admin.about.started).as_secs();
    let process = Process::now();
    let tile = |name, value: String, note: String| Tile {
        name,
        value,
        note,
        tone: Tone::Plain,
        course: None,
    };
    vec![
        Tile {
            course: Some(history.course("sessions", |it| it.sessions.into())),
            ..tile("Sessions", after.to_string(), format!("and {before} before login"))
        },
        Tile {
            course: Some(history.course("logins a minute", |it| it.logins)),
            ..tile("Logins a minute", figures.logins.to_string(), "that succeeded".to_owned())
        },
        Tile {
            course: Some(history.course("failed logins a minute", |it| it.failures)),
            ..tile(
                "Failed logins a minute",
                figures.failures.to_string(),
                "of any cause".to_owned(),
            )
        },
        Tile {
            tone: if online == backends { Tone::Good } else { Tone::Warn },
            ..tile("Backends online", format!("{online} of {backends}"), "of this site".to_owned())
        },
        Tile {
            tone: if geodb.trouble.is_none() { Tone::Good } else { Tone::Bad },
            ..tile(
                "GeoDB",
                if geodb.trouble.is_none() { "answers" } else { "does not answer" }.to_owned(),
                age.map_or_else(
                    || "never read".to_owned(),
                    |age| format!("read {} ago", lasting(age)),
                ),
            )
        },
        tile(
            "Uptime",
            lasting(started),
            format!(
                "version {}, {}",
                env!("CARGO_PKG_VERSION"),
                process.resident.map_or_else(String::new, sized)
            ),
        ),
    ]
}

/// What an operator should know without having asked for it, the worst first.
fn attention(desk: &Desk, routes: &Routes) -> Vec<(Tone, String)> {
    let (admin, mut bad, mut warn) = (&desk.admin, Vec::new(), Vec::new());
    let board = &admin.board;
    for (name, reading) in [
        ("GeoDB", board.geodb()),
        ("Password files", board.passdbs()),
        ("Certificates", board.certificates()),
    ] {
        bad.extend(reading.trouble.map(|trouble| format!("{name}: {trouble}")));
    }
    for figures in admin.userdbs.figures().iter().filter(|it| !it.answers) {
        bad.push(format!("Password database {} does not answer.", figures.name));
    }
    bad.extend(backends(desk, routes));
    for site in routes.sites() {
        if !site.is_reachable {
            bad.push(format!("Site {} is not reached.", site.name));
        } else if site.status != SiteStatus::Online {
            warn.push(format!("Site {} is {}.", site.name, site.status));
        }
    }
    for expiry in board.expiries() {
        match expiry.days_left(unix_seconds()) {
            Some(days @ 0..) if days < NOTICE_DAYS => {
                warn.push(format!("{} expires in {days} days; renew it.", expiry.file()));
            }
            Some(..0) => bad.push(format!("{} has expired; renew it.", expiry.file())),
            Some(_) => {}
            None => warn.push(format!("{}: its dates cannot be read.", expiry.file())),
        }
    }
    for (counter, tone, words) in SINCE_START {
        let count = admin.exchange.total(counter);
        let line = format!("{words}: {count} since this Hale was started.");
        match (count, tone) {
            (0, _) => {}
            (_, Tone::Bad) => bad.push(line),
            _ => warn.push(line),
        }
    }
    let line = |tone| move |line| (tone, line);
    bad.into_iter().map(line(Tone::Bad)).chain(warn.into_iter().map(line(Tone::Warn))).collect()
}

/// Counters that stay at zero where all is well.
const SINCE_START: [(Counter, Tone, &str); 4] = [
    (Counter::Panicked, Tone::Bad, "Sessions closed because of a bug in Hale; please report them"),
    (Counter::RingLost, Tone::Bad, "Completions lost by the kernel"),
    (Counter::LogLost, Tone::Warn, "Lines of the log lost because it could not be written as fast"),
    (Counter::AcceptStarved, Tone::Warn, "Connections not accepted for want of descriptors"),
];

/// Backends that should take users and do not; a few by name.
fn backends(desk: &Desk, routes: &Routes) -> Vec<String> {
    let states = desk.states();
    let mut lines = Vec::new();
    for (standing, words) in [
        (Standing::Down, "down, and still online in the GeoDB"),
        (Standing::Offline, "offline"),
        (Standing::Suspect, "suspect: something failed there a moment ago"),
    ] {
        let those = routes.backends().iter().filter(|it| desk.standing(it, &states) == standing);
        let names: Vec<&str> = those.map(|entry| &*entry.host.name).collect();
        let Some((named, others)) = names.split_at_checked(names.len().min(NAMED_MAX)) else {
            continue;
        };
        let list = named.join(", ");
        match (named, others.len()) {
            ([], _) => {}
            ([one], _) => lines.push(format!("Backend {one} is {words}.")),
            (_, 0) => lines.push(format!("Backends {list} are {words}.")),
            (_, more) => lines.push(format!("Backends {list} and {more} others are {words}.")),
        }
    }
    lines
}

/// Backends that a line names.
const NAMED_MAX: usize = 5;

fn by_protocol(all: &Tally) -> Table {
    let counts = Protocol::ALL.iter().zip(all.before_login).zip(all.after_login);
    let rows = counts.map(|((protocol, before), after)| {
        vec![Cell::Text(protocol.to_string()), Cell::number(before), Cell::number(after)]
    });
    Table {
        caption: "Connections of clients".to_owned(),
        columns: vec![
            Column::text("Protocol"),
            Column::number("Before login"),
            Column::number("After login"),
        ],
        rows: rows.collect(),
        empty: "",
        note: None,
    }
}

fn cores(desk: &Desk, tallies: &[Tally]) -> Table {
    let (about, counters) = (&desk.admin.about, &desk.admin.exchange.counters);
    let busy = |core: &str| Cell::of(desk.busy(core).map(|percent| format!("{percent} %")));
    let data =
        tallies.iter().zip(counters.iter()).enumerate().map(|(number, (tally, counters))| {
            let name = format!("data-{number}");
            vec![
                Cell::Text(name.clone()),
                busy(&name),
                Cell::Text(format!("{} of {}", tally.connections(), about.connections_per_core)),
                Cell::Text(format!("{} ms", counters.longest_turn().as_millis())),
                Cell::number(counters.get(Counter::SlowTurns)),
            ]
        });
    let none = || Cell::Text(String::new());
    let control = vec![Cell::Text("control".to_owned()), busy("control"), none(), none(), none()];
    Table {
        caption: "Cores".to_owned(),
        columns: vec![
            Column::text("Core"),
            Column::number("Busy"),
            Column::number("Connections"),
            Column::number("Longest turn"),
            Column::number("Slow turns"),
        ],
        rows: data.chain(std::iter::once(control)).collect(),
        empty: "",
        note: None,
    }
}
