//! The status page of `service stats`: who may see it, what it shows, orders and what is none; and in a real browser.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;

use hale::names::Protocol;

use super::hale::Setup;
use super::ports::free_port;
use super::site::Site;
use super::tools::{CHROMIUM, CURL, DEBIAN_PYTHON, run};
use super::wait::{PATIENCE, wait_for};

const LOGIN: [&str; 2] = ["-u", "doveadm:hush"];
/// What a browser says of a form on one of our own pages.
const OWN: [&str; 2] = ["-H", "Sec-Fetch-Site: same-origin"];

/// What curl is told of an answer.
struct Heard {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

fn curl(to: SocketAddr, path: &str, words: &[&str]) -> Heard {
    let mut command = CURL.command();
    command.args(["-s", "-i", "--max-time", "30"]).args(words).arg(format!("http://{to}/{path}"));
    let text = String::from_utf8(run(&mut command)).unwrap();
    let (mut head, mut body) = text.split_once("\r\n\r\n").unwrap();
    // It asked first whether it may send so much.
    if head.starts_with("HTTP/1.1 100 ") {
        (head, body) = body.split_once("\r\n\r\n").unwrap();
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Heard { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn settings(port: u16) -> String {
    format!(
        "auth_failure_delay = 0\ndoveadm_password = hush\nservice stats {{\n  inet_listener http {{\n    port = {port}\n  }}\n}}\n"
    )
}

/// With orders, and behind a reverse proxy, too.
fn start(users: &[&str]) -> (Site, SocketAddr) {
    let port = free_port();
    let more = "stats_admin = yes\nstats_trusted_networks = 127.0.0.1\nstats_user_header = X-Remote-User\n";
    let site = Site::start(users, &(settings(port) + more));
    (site, (Ipv4Addr::LOCALHOST, port).into())
}

/// The token in a page's forms.
fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("no form in the page");
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn page_who_may_see_it_what_it_shows_and_what_it_orders() {
    let (site, stats) = start(&["alice", "bob"]);
    let alice = site.imap("alice");
    viewers(stats, &site);
    contents(stats);

    // An order needs a viewer, a page of ours, and its token.
    let page = curl(stats, "backends", &LOGIN).body;
    let token = token(&page);
    let order = |words: &[&str], body: &str| curl(stats, "order", &[words, &["-d", body]].concat());
    let standby = format!("do=standby&host=be2.test&reason=disks&token={token}");
    let as_viewer = [LOGIN, OWN].concat();
    assert_eq!(order(&OWN, &standby).status, 401);
    assert_eq!(order(&LOGIN, &standby).status, 403, "no browser says where it comes from");
    let other = ["-H", "Sec-Fetch-Site: cross-site"];
    assert_eq!(order(&[LOGIN, other].concat(), &standby).status, 403);
    assert_eq!(order(&as_viewer, "do=standby&host=be2.test&token=00").status, 403);
    let proxied = [&["-H", "X-Remote-User: eve"][..], &OWN].concat();
    assert_eq!(order(&proxied, &standby).status, 403, "the token is another viewer's");
    assert_eq!(order(&as_viewer, &format!("do=stop&token={token}")).status, 400);
    assert_eq!(order(&as_viewer, &("x=".to_owned() + &"y".repeat(9000))).status, 413);
    let listed = || site.hale.setup().succeed("cluster backend status be2.test");
    assert!(listed().contains("online"), "nothing of that was an order");

    let done = order(&as_viewer, &standby);
    assert!(done.status == 200 && done.body.contains("Done."), "{}", done.body);
    assert!(listed().contains("standby") && listed().contains("disks (doveadm)"), "{}", listed());
    let page = curl(stats, "backends", &LOGIN).body;
    assert!(page.contains("standby") && page.contains("Set online"), "{page}");
    let online = format!("do=online&host=be2.test&token={token}");
    assert!(order(&as_viewer, &online).body.contains("Done."));
    let nowhere = order(&as_viewer, &format!("do=online&host=be9.test&token={token}"));
    assert!(nowhere.body.contains("There is no such backend"), "{}", nowhere.body);

    let kick = format!("do=kick&user=alice&reason=test&token={token}");
    let done = order(&as_viewer, &kick).body;
    assert!(done.contains("One session has been ended."), "{done}");
    wait_for("alice's connection ends", PATIENCE, || (!alice.is_open()).then_some(()));
    assert!(order(&as_viewer, &kick).body.contains("The user has no session here."));
    wait_for("the log says who ordered it", PATIENCE, || {
        let log = site.hale.said();
        let line = log.lines().find(|line| line.contains("admin: kick <alice>"))?;
        (line.contains("viewer=<doveadm>") && line.contains("by the status page")).then_some(())
    });
    let events = curl(stats, "events", &LOGIN).body;
    assert!(events.contains("admin: kick &lt;alice&gt;"), "{events}");
}

/// Who is let in, and with what the pages come.
fn viewers(stats: SocketAddr, site: &Site) {
    let stranger = curl(stats, "", &[]);
    assert_eq!(stranger.status, 401);
    assert!(stranger.head.contains("www-authenticate: basic realm=\"hale\""), "{}", stranger.head);
    assert_eq!(curl(stats, "backends", &["-u", "doveadm:hus"]).status, 401);
    wait_for("a wrong password is in the log", PATIENCE, || {
        site.hale.said().contains("refused: wrong doveadm_password").then_some(())
    });
    assert_eq!(curl(stats, "metrics", &[]).status, 200, "metrics need no password");
    assert_eq!(curl(stats, "users", &["-H", "X-Remote-User: eve"]).status, 200);
    assert_eq!(curl(stats, "nothing", &LOGIN).status, 404);
    for asset in ["page.css", "page.js", "icon.svg"] {
        let heard = curl(stats, asset, &[]);
        assert!(heard.status == 200 && heard.head.contains("nosniff"), "{}", heard.head);
    }
    let head = curl(stats, "", &LOGIN).head;
    for field in [
        "cache-control: no-store",
        "content-security-policy: default-src 'none';",
        "frame-ancestors 'none'",
        "x-frame-options: deny",
        "x-content-type-options: nosniff",
        "referrer-policy: same-origin",
    ] {
        assert!(head.contains(field), "{field}\n{head}");
    }
    assert!(!head.contains("unsafe-inline") && !head.contains("set-cookie"), "{head}");
}

/// What stands on the pages.
fn contents(stats: SocketAddr) {
    for (path, words) in [
        (
            "",
            &["Nothing needs your attention.", "Sessions", "data-0", "<td class=\"number\">1</td>"]
                [..],
        ),
        ("backends", &["be1.test", "be2.test", "aria-label=\"State: online", "Set to standby"]),
        ("sites", &["DC1 (this one)", "On backend"]),
        ("moves", &["Nothing is being moved"]),
        ("listeners", &["imap", "cert.pem", "days left"]),
        ("events", &["Time (UTC)"]),
        ("users", &["user?name=alice", "One user is logged in here; sessions: 1."]),
        (
            "user?name=alice",
            &["Sessions of the user here", "127.0.0.1", "go to backend be", "End the sessions"],
        ),
        (
            "user?name=%3Cscript%3Ealert(1)%3C/script%3E",
            &["&lt;script&gt;alert(1)", "The user has no session here."],
        ),
    ] {
        // Figures for the pictures are taken once in a while, the first right at the start.
        wait_for(&format!("what /{path} has to show"), PATIENCE, || {
            let heard = curl(stats, path, &LOGIN);
            assert!(!heard.body.contains("<script>"), "{}", heard.body);
            let has_all = words.iter().all(|word| heard.body.contains(word));
            (heard.status == 200 && has_all).then_some(())
        });
    }
}

/// Requests that are too large, or never end, cost those alone who send them.
#[test]
fn page_only_shows_unless_it_is_told_otherwise_and_bad_requests_trouble_no_one() {
    let (port, backends) = (free_port(), free_port());
    let mut setup = Setup::new(backends);
    setup.configure(&settings(port));
    let hale = setup.start();
    let stats: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
    let page = curl(stats, "backends", &LOGIN).body;
    assert!(page.contains("be1.test") && !page.contains("<form method=\"post\""), "{page}");
    let order = curl(
        stats,
        "order",
        &[&LOGIN[..], &OWN, &["-d", "do=standby&host=be1.test&token="]].concat(),
    );
    assert!(order.status == 403 && order.body.contains("stats_admin = no"), "{}", order.body);
    assert_eq!(
        curl(stats, "users", &["-H", "X-Remote-User: eve"]).status,
        401,
        "no proxy is trusted"
    );

    // A client that sends half a request, and one that reads nothing of many answers.
    let mut half = TcpStream::connect(stats).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nAuthori").unwrap();
    let mut deaf = TcpStream::connect(stats).unwrap();
    let request =
        b"GET /backends HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZG92ZWFkbTpodXNo\r\n\r\n";
    deaf.set_nonblocking(true).unwrap();
    for _ in 0..10_000 {
        if deaf.write(request).is_err() {
            break;
        }
    }
    let mut large = TcpStream::connect(stats).unwrap();
    let field = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000));
    // The other end may close before it has read all of it.
    let _ = large.write_all(field.as_bytes());
    let mut answer = String::new();
    large.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = large.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // Others are answered: with the page, or, while too many are asked for, with a word to come again.
    wait_for("a page beside them", PATIENCE, || {
        let status = curl(stats, "", &LOGIN).status;
        assert!([200, 503].contains(&status), "{status}");
        (status == 200).then_some(())
    });
    drop((hale, half, deaf));
}

#[test]
fn page_in_a_browser() {
    let (site, stats) = start(&["alice", "bob"]);
    let sessions = [site.imap("alice"), site.imap("alice"), site.imap("bob")];
    let mut pop3 = TcpStream::connect(site.clear(Protocol::Pop3)).unwrap();
    pop3.write_all(b"CAPA\r\n").unwrap();
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/appliance/e2e/browser.py");
    let mut command = DEBIAN_PYTHON.command();
    command.arg(driver).arg(CHROMIUM.path()).args([&format!("http://{stats}"), "hush", "alice"]);
    // Who wants to see them has pictures.
    if let Some(folder) = pictures() {
        command.arg(folder);
    }
    let said = String::from_utf8(run(&mut command)).unwrap();
    assert_eq!(said.trim(), "8 pages");
    drop((sessions, pop3));
}

fn pictures() -> Option<std::ffi::OsString> {
    std::env::var_os("HALE_PICTURES")
}
