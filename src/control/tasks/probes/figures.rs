//! What proxies tell each other of backends, by rows of `proxy_dest_stats` (R-PROBE-4), and figures for operators.
//!
//! Decides: which keys there are. What they mean, and what others say by them: [`words`]. Times are seconds since 1970. Does not:
//! read, write. Driven by `super`.
//! Tests: below.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::control::geodb::{BackendFigure, DestFigure, FigureKind};
use crate::health::words::{self, PROBE_MS, STATE, UPDATED, Word, seconds};
use crate::health::{Book, Moment, Others, Watched};
use crate::names::Protocol;
use crate::share::evidence::{COUNT_NAMES, Seen};

/// What this proxy writes down.
pub(super) fn rows(
    book: &Book,
    seen: &[Seen],
    (site_id, proxy): (Uuid, &str),
    now: Moment,
) -> (Vec<DestFigure>, Vec<BackendFigure>) {
    let by_host = seen.iter().fold(BTreeMap::new(), |mut by_host, seen| {
        by_host.entry(&*seen.host).or_insert_with(Vec::new).push(seen);
        by_host
    });
    let (mut dest, mut own) = (Vec::new(), Vec::new());
    for (id, watched) in book.all() {
        let host = &*watched.host;
        let mut put = |key: String, value: f64, kind| {
            dest.push(DestFigure {
                proxy_site_id: site_id,
                dest_host: host.into(),
                proxy_host: proxy.into(),
                key: key.into(),
                value,
                kind,
            });
        };
        put(UPDATED.to_owned(), seconds(now.unix_millis), FigureKind::Gauge);
        let seen = by_host.get(host).map_or(&[][..], Vec::as_slice);
        for (protocol, figures) in of_backend(watched, seen, now) {
            for (name, value, kind) in figures {
                if OF_BACKENDS.contains(&name) {
                    // That table's key names no proxy, and each has figures of its own.
                    let key = format!("{protocol}.{name}@{proxy}").into();
                    own.push(BackendFigure { site_id, id, key, value, kind });
                }
                put(format!("{protocol}.{name}"), value, kind);
            }
        }
    }
    (dest, own)
}

type Figure = (&'static str, f64, FigureKind);

fn of_backend(watched: &Watched, seen: &[&Seen], now: Moment) -> Vec<(Protocol, Vec<Figure>)> {
    let of = |protocol: Protocol| {
        let seen = seen.iter().find(|seen| seen.protocol == protocol);
        let course = watched.courses.iter().find(|course| course.protocol == protocol);
        let mut figures = Vec::new();
        if let Some(seen) = seen {
            let counts = COUNT_NAMES.into_iter().zip(seen.counts).filter(|(_, count)| *count > 0);
            figures.extend(counts.map(|(name, count)| (name, large(count), FigureKind::Counter)));
            let sums = [("connect_ok", seen.connected()), ("bytes", seen.bytes)];
            let sums = sums.into_iter().filter(|(_, sum)| *sum > 0);
            figures.extend(sums.map(|(name, sum)| (name, large(sum), FigureKind::Counter)));
        }
        let seen = [seen.and_then(|it| it.last_well), seen.and_then(|it| it.last_failed)];
        let gauges = words::told(course, seen, now);
        figures.extend(gauges.map(|(name, value)| (name, value, FigureKind::Gauge)));
        (protocol, figures)
    };
    Protocol::ALL.into_iter().map(of).filter(|(_, figures)| !figures.is_empty()).collect()
}

/// What other proxies say of a backend that fails here by these protocols.
pub(super) fn others(
    rows: &[DestFigure],
    own: &str,
    failing: &[Protocol],
    unix_millis: i64,
) -> Others {
    words::others(rows.iter().map(word), own, failing, unix_millis)
}

fn word(row: &DestFigure) -> Word<'_> {
    Word { proxy: &row.proxy_host, key: &row.key, value: row.value }
}

#[expect(clippy::cast_precision_loss, reason = "the column is a double, and counts are smaller")]
fn large(count: u64) -> f64 {
    count as f64
}

/// What a backend's own rows tell.
const OF_BACKENDS: [&str; 2] = [STATE, PROBE_MS];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Finding;
    use crate::tick::Tick;

    const SITE: Uuid = Uuid::from_u128(1);
    const NOW: Moment = Moment { tick: Tick(100_000), unix_millis: 1_700_000_000_500 };

    const BE1: Uuid = Uuid::from_u128(7);
    const DUE: Tick = Tick(94_990);

    fn book(protocol: Protocol) -> Book {
        let mut book = Book::new(NOW.tick);
        book.keep([(BE1, "be1".into())].into_iter(), &[protocol], DUE, || 0);
        book
    }

    fn probe(book: &mut Book, finding: Finding) {
        assert_eq!(book.begin(DUE), Some((BE1, 0)));
        book.found((BE1, 0), (finding, ""), None, Tick(95_000), 0);
    }

    /// What this proxy writes of one backend that has logged in five seconds ago by this protocol.
    fn written(proxy: &str, protocol: Protocol) -> Vec<DestFigure> {
        let mut book = book(protocol);
        probe(&mut book, Finding::Well);
        let seen = Seen {
            host: "be1".into(),
            protocol,
            counts: [9, 0, 0, 2, 0, 0, 0],
            bytes: 4_711,
            last_well: Some(Tick(94_000)),
            last_failed: None,
        };
        let (dest, own) = rows(&book, &[seen], (SITE, proxy), NOW);
        let keys: Vec<&str> = own.iter().map(|row| &*row.key).collect();
        assert_eq!(keys, [format!("{protocol}.state@{proxy}")], "no two proxies have the same");
        dest
    }

    #[test]
    fn c_cmd_4_a_state_is_told_when_something_has_shown_it() {
        let told = |book: &Book| {
            let (dest, _) = rows(book, &[], (SITE, "lb1"), NOW);
            dest.into_iter().find(|row| &*row.key == "imap.state").map(|row| row.value)
        };
        let mut fresh = book(Protocol::Imap);
        assert_eq!(told(&fresh), Some(words::NOT_YET));
        fresh.login_succeeded(BE1, 0, Tick(95_000), Tick(95_000));
        assert_eq!(told(&fresh), Some(0.0), "a login shows as much as a probe");
        for (finding, state) in [(Finding::TestUserRefused, 0.0), (Finding::Gone, 1.0)] {
            let mut book = book(Protocol::Imap);
            probe(&mut book, finding);
            assert_eq!(told(&book), Some(state), "{finding:?}");
        }
    }

    #[test]
    fn palomar_g8_figures_have_the_keys_of_the_specification() {
        let rows = written("lb1", Protocol::Imap);
        let told: Vec<(&str, f64)> = rows.iter().map(|row| (&*row.key, row.value)).collect();
        let expected = [
            ("updated", 1_700_000_000.5),
            ("imap.login_ok", 9.0),
            ("imap.connect_fail", 2.0),
            ("imap.connect_ok", 9.0),
            ("imap.bytes", 4_711.0),
            ("imap.last_success", 1_699_999_995.5),
            ("imap.state", 0.0),
        ];
        assert_eq!(told, expected);
        assert!(rows.iter().all(|row| &*row.proxy_host == "lb1" && &*row.dest_host == "be1"));
    }

    #[test]
    fn r_probe_4_fresh_rows_of_other_proxies_count_for_the_protocols_that_fail() {
        let rows = [written("lb1", Protocol::Imap), written("lb2", Protocol::Imap)].concat();
        let of =
            |own, failing: &[Protocol], later| others(&rows, own, failing, NOW.unix_millis + later);
        let reached = Some((1_699_999_995_500, "lb2".into()));
        let one = Others { last_well: reached, fresh: 1, ..Others::default() };
        assert_eq!(of("lb1", &[Protocol::Imap], 0), one);
        assert_eq!(of("lb1", &[Protocol::Imap], 44_000), one);
        let too_old = Others { run_out: 1, ..Others::default() };
        assert_eq!(of("lb1", &[Protocol::Imap], 46_000), too_old);
        assert_eq!(of("lb3", &[Protocol::Imap], 0).fresh, 2);
        assert_eq!(of("lb1", &[Protocol::Pop3], 0).last_well, None, "by another protocol");
        assert_eq!(of("lb1", &[Protocol::Imap, Protocol::Pop3], 0).last_well, None);
    }
}
