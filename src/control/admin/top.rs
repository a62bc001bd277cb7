//! The page of `hale top`: backends, what they are used for, sorted as the operator likes.
//!
//! Decides: which line says what, in how many columns; what a key does; the order. Does not: ask, draw, wait; `cli` does.
//! Tests: below; `tests/appliance/e2e/top.rs`, on a terminal.

use std::cmp::Ordering;

use crate::control::cluster::Output;

/// How the operator looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    sort: Sort,
    is_reversed: bool,
    /// The first backend that is shown.
    first: usize,
    escape: Escape,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sort {
    Host,
    Status,
    Probes,
    #[default]
    Connections,
    Logins,
    Failures,
    Latency,
}

/// How much of an arrow key has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Bracket,
}

/// What a key wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// The end.
    Quit,
    /// The page looks otherwise now.
    Changed,
    /// Nothing.
    Nothing,
}

impl Page {
    /// A key was pressed: one byte of what the terminal sends for it.
    pub fn press(&mut self, key: u8) -> Pressed {
        let escape = std::mem::take(&mut self.escape);
        match (escape, key) {
            (Escape::None, 0x1b) => self.escape = Escape::Begun,
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Bracket,
            (Escape::Bracket, b'A') => return self.scroll(-1),
            (Escape::Bracket, b'B') => return self.scroll(1),
            (Escape::Begun | Escape::Bracket, _) => {}
            (Escape::None, b'q' | b'Q' | CONTROL_C | CONTROL_D) => return Pressed::Quit,
            (Escape::None, b'k') => return self.scroll(-1),
            (Escape::None, b'j') => return self.scroll(1),
            (Escape::None, b' ') => return self.scroll(PAGE),
            (Escape::None, b'b') => return self.scroll(-PAGE),
            (Escape::None, b'r') => {
                self.is_reversed = !self.is_reversed;
                return Pressed::Changed;
            }
            (Escape::None, key) => {
                let Some(column) = COLUMNS.iter().find(|column| column.key == Some(key)) else {
                    return Pressed::Nothing;
                };
                (self.sort, self.first, self.is_reversed) = (column.sort, 0, false);
                return Pressed::Changed;
            }
        }
        Pressed::Nothing
    }

    fn scroll(&mut self, by: isize) -> Pressed {
        self.first = self.first.saturating_add_signed(by);
        Pressed::Changed
    }

    /// The lines of the page for a terminal of so many columns and rows. `now`: for the operator. `trouble`: why the answer is
    /// an old one.
    #[must_use]
    pub fn lines(
        &mut self,
        answer: &Output,
        now: &str,
        trouble: Option<&str>,
        (columns, rows): (usize, usize),
    ) -> Vec<String> {
        let backends = self.sorted(answer);
        let mut lines = vec![cut(&headline(&backends, now), columns)];
        lines.push(cut(trouble.unwrap_or(KEYS), columns));
        lines.push(self.titles(columns));
        let room = rows.saturating_sub(lines.len());
        self.first = self.first.min(backends.len().saturating_sub(room));
        let shown = backends.iter().skip(self.first).take(room);
        lines.extend(shown.map(|backend| cut(&backend.line(), columns)));
        lines.truncate(rows);
        lines
    }

    /// The same where there is no terminal: a line for each backend, and one for all.
    #[must_use]
    pub fn plain(&self, answer: &Output, now: &str) -> String {
        let backends = self.sorted(answer);
        let mut text = headline(&backends, now) + "\n" + titles().trim_end() + "\n";
        for backend in &backends {
            text += backend.line().trim_end();
            text.push('\n');
        }
        text
    }

    fn sorted(&self, answer: &Output) -> Vec<Backend> {
        let mut backends: Vec<Backend> =
            answer.rows.iter().map(|row| Backend::of(&answer.columns, row)).collect();
        backends.sort_by(|a, b| {
            let order = match self.sort {
                Sort::Host => Ordering::Equal,
                // What wants to be looked at comes first.
                Sort::Status => (a.status == "online").cmp(&(b.status == "online")),
                Sort::Probes => (a.probes == "up").cmp(&(b.probes == "up")),
                Sort::Connections => number(&b.connections).cmp(&number(&a.connections)),
                Sort::Logins => number(&b.logins).cmp(&number(&a.logins)),
                Sort::Failures => number(&b.failures).cmp(&number(&a.failures)),
                Sort::Latency => number(&b.latency).cmp(&number(&a.latency)),
            };
            let order = order.then_with(|| a.host.cmp(&b.host));
            if self.is_reversed { order.reverse() } else { order }
        });
        backends
    }

    /// With the sorted column in reverse video.
    fn titles(&self, columns: usize) -> String {
        let text = cut(&titles(), columns);
        let mut at = 0;
        for column in &COLUMNS {
            let end = at + column.width;
            if column.sort == self.sort
                && let (Some(before), Some(title), Some(after)) =
                    (text.get(..at), text.get(at..end), text.get(end..))
            {
                return format!("{before}\x1b[7m{title}\x1b[0m{after}");
            }
            at = end + 1;
        }
        text
    }
}

/// One backend, as text.
#[derive(Debug, Default)]
struct Backend {
    host: String,
    status: String,
    probes: String,
    connections: String,
    logins: String,
    failures: String,
    latency: String,
    load: String,
    why: String,
}

impl Backend {
    fn of(columns: &[String], row: &[Option<String>]) -> Self {
        let field = |name: &str| {
            let at = columns.iter().position(|column| column == name);
            let value = at.and_then(|at| row.get(at)).cloned().flatten();
            printable(&value.unwrap_or_else(|| "-".to_owned()))
        };
        let (wanted, now) = (field("load_factor"), field("load_factor_now"));
        let set = ["since", "set_by", "why"].map(field);
        let said = set.iter().filter(|text| *text != "-").map(String::as_str);
        Self {
            host: field("host"),
            status: field("status"),
            probes: field("probes"),
            connections: field("connections"),
            logins: field("logins_minute"),
            failures: field("failures_minute"),
            latency: field("probe_ms"),
            load: format!("{now}/{wanted}"),
            why: said.collect::<Vec<&str>>().join(" "),
        }
    }

    fn fields(&self) -> [&str; 8] {
        let Self { host, status, probes, connections, logins, failures, latency, load, .. } = self;
        [host, status, probes, connections, logins, failures, latency, load]
    }

    fn line(&self) -> String {
        let fields = self.fields().into_iter().zip(&COLUMNS);
        let fields = fields.map(|(text, column)| column.padded(text));
        fields.collect::<Vec<String>>().join(" ") + " " + &self.why
    }
}

/// A column of the page.
struct Column {
    title: &'static str,
    /// What sorts by it.
    key: Option<u8>,
    sort: Sort,
    width: usize,
    is_number: bool,
}

impl Column {
    /// No wider than the column.
    fn padded(&self, text: &str) -> String {
        let text = cut(text, self.width);
        let width = self.width;
        if self.is_number { format!("{text:>width$}") } else { format!("{text:<width$}") }
    }
}

/// How all backends are, in a line.
fn headline(backends: &[Backend], now: &str) -> String {
    let sum = |of: fn(&Backend) -> &String| -> u64 {
        backends.iter().filter_map(|backend| number(of(backend))).fold(0, u64::saturating_add)
    };
    let online = backends.iter().filter(|backend| backend.status == "online").count();
    format!(
        "{now}  {online}/{} online  {} connections  {} logins/min  {} failures/min",
        backends.len(),
        sum(|backend| &backend.connections),
        sum(|backend| &backend.logins),
        sum(|backend| &backend.failures),
    )
}

fn titles() -> String {
    let titles = COLUMNS.iter().map(|column| column.padded(column.title));
    titles.collect::<Vec<String>>().join(" ") + " SINCE, BY, WHY"
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// At most so many characters.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

/// What cannot be a command to the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

const COLUMNS: [Column; 8] = [
    Column { title: "HOST", key: Some(b'h'), sort: Sort::Host, width: 22, is_number: false },
    Column { title: "STATUS", key: Some(b's'), sort: Sort::Status, width: 7, is_number: false },
    Column { title: "PROBES", key: Some(b'p'), sort: Sort::Probes, width: 7, is_number: false },
    Column { title: "CONNS", key: Some(b'c'), sort: Sort::Connections, width: 7, is_number: true },
    Column { title: "LOGIN/M", key: Some(b'l'), sort: Sort::Logins, width: 7, is_number: true },
    Column { title: "FAIL/M", key: Some(b'f'), sort: Sort::Failures, width: 6, is_number: true },
    Column { title: "MS", key: Some(b'm'), sort: Sort::Latency, width: 5, is_number: true },
    // Its own key would say nothing that its status does not.
    Column { title: "LOAD", key: None, sort: Sort::Host, width: 7, is_number: true },
];
const KEYS: &str =
    "sort: h host s status p probes c conns l logins f fails m ms; r reverse; j k scroll; q quit";
const PAGE: isize = 20;
const CONTROL_C: u8 = 0x03;
const CONTROL_D: u8 = 0x04;

#[cfg(test)]
mod tests {
    use super::*;

    /// As `backend list` has it: a column that it does not have fails.
    fn answer() -> Output {
        let columns = crate::control::cluster::listed();
        let names = [
            "host",
            "status",
            "load_factor",
            "since",
            "set_by",
            "why",
            "probes",
            "connections",
            "logins_minute",
            "failures_minute",
            "probe_ms",
            "load_factor_now",
        ];
        let places = names.map(|name| columns.iter().position(|column| column == name).unwrap());
        let row = |text: &str| {
            let mut row = vec![None; columns.len()];
            for (place, field) in places.into_iter().zip(text.split('|')) {
                row[place] = Some(field.to_owned()).filter(|field| !field.is_empty());
            }
            row
        };
        let rows = vec![
            row("be1.example.org|online|100||||up|7|20|0|12|100"),
            row(
                "be2.example.org|offline|100|2026-11-27T18:05:00Z|lb1|imap: re\u{1b}[2Jfused|down|0|0|9||0",
            ),
            row("be3.example.org|online|50||||up|900|3|1|8|25"),
        ];
        Output { columns, rows, ..Output::default() }
    }

    /// The hosts' numbers, in the order of the page.
    fn order(page: &mut Page) -> String {
        let lines = page.lines(&answer(), "now", None, (80, 24));
        lines.iter().skip(3).filter_map(|line| line.chars().nth(2)).collect()
    }

    #[test]
    fn c_top_1_the_page_fits_the_terminal_and_says_all_at_eighty_columns() {
        let mut page = Page::default();
        let lines = page.lines(&answer(), "18:05:12", None, (80, 24));
        assert_eq!(lines.len(), 6);
        let head = "18:05:12  2/3 online  907 connections  23 logins/min  10 failures/min";
        assert_eq!(lines[0], head);
        assert_eq!(
            lines[3],
            "be3.example.org        online  up          900       3      1     8   25/50"
                .to_owned()
                + " "
        );
        assert!(lines[2].contains("\u{1b}[7m  CONNS\u{1b}[0m"), "{}", lines[2]);
        let offline = lines.iter().find(|line| line.starts_with("be2")).unwrap();
        assert!(!offline.contains('\u{1b}') && offline.chars().count() == 80, "{offline:?}");
        let wide = page.lines(&answer(), "now", None, (200, 24));
        let offline = wide.iter().find(|line| line.starts_with("be2")).unwrap();
        assert!(offline.ends_with("0/100 2026-11-27T18:05:00Z lb1 imap: re?[2Jfused"), "{offline}");
        for (columns, rows) in [(80, 4), (20, 3), (1, 1), (80, 0)] {
            let lines = page.lines(&answer(), "now", Some("Hale is gone"), (columns, rows));
            assert!(lines.len() <= rows, "{lines:?}");
            let bare = |line: &String| line.replace("\u{1b}[7m", "").replace("\u{1b}[0m", "");
            assert!(lines.iter().all(|line| bare(line).chars().count() <= columns), "{lines:?}");
        }
    }

    #[test]
    fn c_top_1_keys_sort_reverse_scroll_and_quit() {
        let mut page = Page::default();
        assert_eq!(order(&mut page), "312");
        for (key, sorted) in [
            (b'h', "123"),
            (b's', "213"),
            (b'p', "213"),
            (b'l', "132"),
            (b'f', "231"),
            (b'm', "132"),
        ] {
            assert_eq!(page.press(key), Pressed::Changed);
            assert_eq!(order(&mut page), sorted, "{}", char::from(key));
        }
        assert_eq!((page.press(b'h'), page.press(b'r')), (Pressed::Changed, Pressed::Changed));
        assert_eq!(order(&mut page), "321");
        for key in [b'x', 0, 0xFF, b'['] {
            assert_eq!(page.press(key), Pressed::Nothing);
        }
        for key in [b"\x1b[B".as_slice(), b"\x1bOB", b"j"] {
            let mut page = Page::default();
            let last = key.iter().map(|byte| page.press(*byte)).last();
            assert_eq!((last, page.first), (Some(Pressed::Changed), 1));
            let lines = page.lines(&answer(), "now", None, (80, 5));
            assert!(lines[3].starts_with("be1"), "{lines:?}");
            page.press(b' ');
            assert_eq!(page.lines(&answer(), "now", None, (80, 5)).len(), 5, "not beyond the end");
        }
        for key in [b'q', CONTROL_C, CONTROL_D] {
            assert_eq!(page.press(key), Pressed::Quit);
        }
    }

    #[test]
    fn c_top_1_without_a_terminal_there_are_plain_lines() {
        let text = Page::default().plain(&answer(), "18:05:12");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[1].starts_with("HOST ") && lines[2].starts_with("be3"), "{text}");
    }
}
