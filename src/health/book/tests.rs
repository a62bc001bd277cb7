use super::super::brief::{Moment, Review};
use super::super::ruling::{Others, Ruling};
use super::*;
use crate::route::rows::Backend;

const NOW: Tick = Tick(100_000);

fn book(count: u128) -> Book {
    let mut book = Book::new(NOW);
    keep(&mut book, count);
    for n in 0..count {
        book.set_status(Uuid::from_u128(n), &BackendStatus::Online, Some("admin"), NOW);
    }
    book
}

fn keep(book: &mut Book, count: u128) {
    let hosts = (0..count).map(|n| (Uuid::from_u128(n), format!("be{n}").into()));
    book.keep(hosts, &[Protocol::Imap], NOW, || 500);
}

/// A probe that began just before has ended so.
fn end(book: &mut Book, n: u128, finding: Finding, now: Tick) {
    let id = Uuid::from_u128(n);
    book.alter(id, 0, |course| {
        course.health.begin(now);
        None
    });
    book.found((id, 0), (finding, "refused"), None, now, 0);
}

fn site(book: &Book, n: u128) -> Site {
    book.site(Uuid::from_u128(n), NOW)
}

#[test]
fn r_probe_2_each_is_due_once_and_one_in_flight_is_not() {
    let mut book = book(3);
    let due = book.next_due().unwrap();
    assert_eq!(due, NOW.after(limits::PROBE_EVERY / 2));
    assert!(book.begin(NOW).is_none(), "too early");
    let begun: Vec<Uuid> = std::iter::from_fn(|| book.begin(due)).map(|(id, _)| id).collect();
    assert_eq!(begun.len(), 3);
    assert_eq!(book.next_due(), None);
    end(&mut book, 1, Finding::Well, due);
    assert_eq!(book.next_due(), Some(due.after(limits::PROBE_EVERY)));
    keep(&mut book, 1);
    assert_eq!(book.next_due(), None, "the only one left is in flight");
}

#[test]
fn r_probe_5_others_are_called_as_witnesses() {
    let mut book = book(4);
    let later = NOW.after(limits::PROBE_TIMEOUT);
    for n in 0..4 {
        end(&mut book, n, Finding::Well, NOW);
    }
    end(&mut book, 0, Finding::Gone, later);
    let seen = Site {
        probed: 4,
        failing: 1,
        online: 4,
        has_witness: false,
        is_confirmed: true,
        is_dark: false,
        hears_others: true,
        is_new: true,
    };
    assert_eq!(site(&book, 0), seen);
    let begun: Vec<Uuid> = std::iter::from_fn(|| book.begin(later)).map(|(id, _)| id).collect();
    assert_eq!(begun, [1, 2, 3].map(Uuid::from_u128));
    end(&mut book, 2, Finding::Well, later);
    assert!(site(&book, 0).has_witness);
}

#[test]
fn r_probe_5_what_failed_in_our_own_trouble_is_looked_at_once_more_before_it_counts() {
    let mut book = book(4);
    let at = |seconds| NOW.after(std::time::Duration::from_secs(seconds));
    // The network of this proxy is gone: all fail, one after the other.
    for seconds in 1..4 {
        for n in 0..4 {
            end(&mut book, n, Finding::Gone, at(seconds));
        }
    }
    assert!(book.site(Uuid::from_u128(1), at(3)).failing == 4);
    // It is back, and two of them are seen to be well before the others are.
    for seconds in 10..12 {
        for n in 0..2 {
            end(&mut book, n, Finding::Well, at(seconds));
        }
    }
    let seen = site(&book, 2);
    assert!(seen.has_witness && seen.failing * 2 <= seen.probed && !seen.is_confirmed, "{seen:?}");
    assert!(book.next_due().unwrap() <= at(11), "the others are looked at at once");
    end(&mut book, 3, Finding::Gone, at(12));
    assert!(site(&book, 3).is_confirmed, "it fails for its own sake");
    assert!(!site(&book, 2).is_confirmed);
}

#[test]
fn r_probe_5_one_that_is_being_taken_out_counts_as_out() {
    let mut book = book(4);
    let later = NOW.after(limits::PROBE_TIMEOUT);
    for n in 0..2 {
        for _ in 0..3 {
            end(&mut book, n, Finding::Gone, NOW);
        }
    }
    for n in 2..4 {
        end(&mut book, n, Finding::Well, later);
    }
    let now = Moment { tick: later, unix_millis: 1_700_000_000_000 };
    let [one, two] = [0, 1].map(Uuid::from_u128);
    let rule = |book: &mut Book, id| match book.review(id, "lb1", now) {
        Some(Review::Rule(brief)) => brief,
        other => panic!("{other:?}"),
    };
    let first = rule(&mut book, one);
    assert!(book.review(one, "lb1", now).is_none(), "once at a time");
    assert_eq!((site(&book, 1).online, site(&book, 0).online), (3, 4));
    let second = rule(&mut book, two);
    // Another proxy has taken one more out since the table was read.
    let row = |n: u128, status| Backend {
        site_id: Uuid::from_u128(9),
        id: Uuid::from_u128(n),
        load_factor: None,
        host: format!("be{n}").into(),
        status,
        status_reason: Some("auto:lb2:1699999999:refused".into()),
        last_moved_from: None,
        last_moved_to: None,
    };
    let (online, offline) = (BackendStatus::Online, BackendStatus::Offline);
    let mut rows = [0, 1, 2, 3].map(|n| row(n, online.clone()));
    rows.iter_mut().for_each(|row| row.status_reason = Some("admin".into()));
    let ruled = |brief: &crate::health::Brief, rows: &[Backend]| {
        let row = rows.iter().find(|row| row.id == brief.id).unwrap();
        brief.rule(row, rows, &Others::default(), now.unix_millis)
    };
    assert!(first.wants_site() && matches!(ruled(&first, &rows), Ruling::Write(..)));
    assert!(matches!(ruled(&second, &rows), Ruling::Write(..)), "half of them");
    rows[3] = row(3, offline);
    let enough = Ruling::Withheld(Withheld::Enough { out: 2, probed: 4 });
    assert_eq!(ruled(&second, &rows), enough, "one is out, and one is going");
    assert!(matches!(ruled(&first, &rows), Ruling::Write(..)));
    // It is well again before that is written: it is written all the same.
    for _ in 0..2 {
        end(&mut book, 0, Finding::Well, later);
    }
    assert_eq!(site(&book, 1).online, 3);
    assert!(book.going(two).contains(&one));
    book.end_ruling(one);
    assert_eq!(site(&book, 1).online, 4);
    assert!(!book.going(two).contains(&one));
}

#[test]
fn r_probe_7_a_site_is_dark_when_all_that_are_online_are_down() {
    let mut book = book(2);
    assert!(!site(&book, 0).is_dark);
    for n in 0..2 {
        for _ in 0..3 {
            end(&mut book, n, Finding::Gone, NOW);
        }
    }
    assert!(site(&book, 0).is_dark);
}

#[test]
fn c_backend_2_an_operator_who_sets_it_online_is_not_fought_until_it_was_well() {
    let mut book = book(2);
    for _ in 0..3 {
        end(&mut book, 0, Finding::Gone, NOW);
    }
    let set = |book: &mut Book, n, status, reason| {
        book.set_status(Uuid::from_u128(n), &status, Some(reason), NOW)
    };
    let id = Uuid::from_u128(0);
    let (offline, online) = (BackendStatus::Offline, BackendStatus::Online);
    let taken = set(&mut book, 0, offline.clone(), "auto:lb1:7:refused");
    assert_eq!(taken, NewStatus::TakenOut);
    let Site { probed, failing, online: in_use, has_witness, .. } = site(&book, 0);
    assert_eq!((probed, failing, in_use, has_witness), (2, 1, 1, false));
    assert_eq!(set(&mut book, 0, online.clone(), "admin"), NewStatus::Overruled);
    end(&mut book, 0, Finding::Well, NOW);
    assert!(book.get(id).unwrap().is_overruled);
    end(&mut book, 0, Finding::Well, NOW);
    assert!(!book.get(id).unwrap().is_overruled);
    assert_eq!(set(&mut book, 0, offline, "admin"), NewStatus::Other);
    assert_eq!(site(&book, 0).probed, 1, "not in use");
    // From standby, too: the operator knows what probes say.
    for _ in 0..3 {
        end(&mut book, 1, Finding::Gone, NOW);
    }
    let standby = set(&mut book, 1, BackendStatus::Standby, "admin");
    let online = set(&mut book, 1, online, "admin");
    assert_eq!((standby, online), (NewStatus::Other, NewStatus::Overruled));
}
