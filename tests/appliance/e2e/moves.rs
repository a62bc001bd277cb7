//! Groups that move between ordinary backends, which know nothing of moves: Hale carries them out.

use std::thread;

use super::dovecot::Pair;
use super::hale::{Hale, Setup};
use super::imap::Imap;
use super::wait::{PATIENCE, wait_for};
use super::yard::Over;

const PASSWORD: &[u8] = b"secret";

/// A user's first login, and the end of the last session, in a backend's log; seconds.
fn times(pair: &Pair, backend: usize, user: &str) -> (Option<f64>, Option<f64>) {
    let log = pair.backends[backend].log();
    let stamp = |line: &str| line.split(' ').next().unwrap().parse::<f64>().unwrap();
    let about = |wanted: String| -> Vec<f64> {
        log.lines().filter(|line| line.contains(&wanted)).map(stamp).collect()
    };
    let logins = about(format!("Login: user=<{user}>,"));
    // `imap(USER)<pid><session>: Disconnected: …`, or `Info: Logged out …`.
    let of_user = format!("imap({user})<");
    let ends = log.lines().filter(|line| {
        line.contains(&of_user) && (line.contains("Logged out") || line.contains("Disconnected"))
    });
    (logins.first().copied(), ends.map(stamp).next_back())
}

fn row(hale: &Hale, group: &str) -> String {
    hale.setup().succeed(&format!("-f flow cluster group status DC1 {group}"))
}

#[test]
fn c_move_4_a_group_moves_under_logins_and_no_user_is_at_two_backends() {
    let pair = Pair::start_with("log_timestamp = \"%s.%{usecs} \"\n");
    let moved: Vec<String> = (0..8).map(|number| format!("moves-{number}")).collect();
    let kept: Vec<String> = (0..4).map(|number| format!("stays-{number}")).collect();
    let users: Vec<&str> = moved.iter().chain(&kept).map(String::as_str).collect();
    let mut setup = Setup::with_users(&pair, &users, PASSWORD);
    setup.configure("cluster_group_moves = proxy\ncluster_user_move_timeout = 10s");
    let hale = setup.start();
    let place = |users: &[String], group: &str| {
        hale.setup().succeed(&format!("cluster group move --direct DC1 {group} be1.test"));
        for user in users {
            hale.setup().succeed(&format!("cluster user move --direct {user} {group}"));
        }
    };
    place(&moved, "leaves");
    place(&kept, "stays");
    let sessions = |users: &[String]| -> Vec<Imap> {
        users.iter().map(|user| hale.session(user, PASSWORD)).collect()
    };
    let (leaving, staying) = (sessions(&moved), sessions(&kept));

    let over = Over::new();
    let log_in = |users: &[String]| {
        let mut logins = 0;
        while !over.is_over() {
            for user in users {
                let mut client = Imap::connect(hale.address());
                // The session may end at once, because the move begins.
                assert!(client.try_login(user, PASSWORD), "{user} is refused");
                logins += 1;
            }
        }
        logins
    };
    thread::scope(|scope| {
        let guard = over.guard();
        let threads = [&moved, &moved, &kept].map(|users| scope.spawn(|| log_in(users)));
        hale.setup().succeed("cluster group move --reason test DC1 leaves be2.test");
        wait_for("the destination's takeover", PATIENCE, || {
            let row = row(&hale, "leaves");
            (row.contains(" backend_id=be2.test") && row.contains("moving= ")).then_some(())
        });
        for user in &moved {
            let mut client = Imap::connect(hale.address());
            client.login(user, PASSWORD);
        }
        drop(guard);
        for logins in threads {
            assert!(logins.join().unwrap() > 0);
        }
    });
    let (mut last_left, mut first_came) = (f64::MIN, f64::MAX);
    for (user, client) in moved.iter().zip(&leaving) {
        assert!(!client.is_open(), "{user}'s session goes on");
        let (left, came) = wait_for("both backends' logs", PATIENCE, || {
            Some((times(&pair, 0, user).1?, times(&pair, 1, user).0?))
        });
        assert!(left < came, "{user}: at be1 until {left}, at be2 from {came} on");
        (last_left, first_came) = (last_left.max(left), first_came.min(came));
    }
    // Logins were held for the three seconds that other processes are given, and were at neither.
    let held = first_came - last_left;
    assert!(held > 1.0, "held for {held} s");
    for (user, client) in kept.iter().zip(&staying) {
        assert!(client.is_open(), "{user}'s session ended");
        assert_eq!(times(&pair, 1, user), (None, None), "{user} was at be2");
    }
    let said = hale.said();
    assert!(said.contains("groups of be1.test are taken over"), "{said}");
}

#[test]
fn c_move_4_an_evacuated_backend_stays_online_until_its_groups_have_left() {
    let pair = Pair::shared();
    let users = ["evacuated-1", "evacuated-2", "evacuated-3"];
    let mut setup = Setup::with_users(pair, &users, PASSWORD);
    setup.configure("cluster_group_moves = proxy");
    let hale = setup.start();
    for user in users {
        hale.setup().succeed(&format!("cluster group move --direct DC1 {user} be1.test"));
        hale.setup().succeed(&format!("cluster user move --direct {user} {user}"));
        hale.session(user, PASSWORD);
    }
    let output = hale.setup().output("cluster backend evacuate --reason disks be1.test");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("be1.test stays online"), "{told}");
    for user in users {
        wait_for("the destination's takeover", PATIENCE, || {
            row(&hale, user).contains(" backend_id=be2.test").then_some(())
        });
        hale.session(user, PASSWORD);
        // Dovecot writes it a moment after its reply.
        wait_for("the login at be2", PATIENCE, || {
            (pair.backends[1].logins(user).len() == 1).then_some(())
        });
    }
    let backend = hale.setup().succeed("-f flow cluster backend status be1.test");
    let wanted = "status=online load_factor=0 status_reason=evacuate: disks";
    assert!(backend.contains(wanted), "{backend}");
}
