//! Answers as `doveadm who` and `doveadm kick` print them.
//!
//! doveadm's four columns come first and mean the same; what a proxy knows besides stands behind them. Tests: below; what
//! doveadm prints was read off Debian's.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::cluster::{Format, Output, Reply};

/// A session's fields, as `who` and `kick` answer them.
#[derive(Debug)]
pub(in crate::control) struct Session {
    pub(in crate::control) user: Option<String>,
    pub(in crate::control) protocol: String,
    pub(in crate::control) process: String,
    pub(in crate::control) client: String,
}

impl Session {
    fn of(row: &[Option<String>]) -> Self {
        let field = |at: usize| row.get(at).cloned().flatten();
        let text = |at: usize| field(at).unwrap_or_default();
        Self { user: field(0), protocol: text(1), process: text(2), client: text(3) }
    }

    /// An LMTP session has no user: it is shown by its client.
    fn name(&self) -> String {
        self.user.clone().unwrap_or_else(|| NOBODY.to_owned())
    }
}

/// `hale who`: sessions counted by user and protocol; those of LMTP by client. `each`: one by one.
#[must_use]
pub fn who(mut answer: Output, each: bool, format: Format) -> Output {
    if each {
        let protocol = if format == Format::Json { "service" } else { "proto" };
        if let Some(name) = answer.columns.iter_mut().find(|name| *name == "proto") {
            *name = protocol.to_owned();
        }
        for row in &mut answer.rows {
            if let Some(user) = row.first_mut() {
                user.get_or_insert_with(|| NOBODY.to_owned());
            }
        }
        answer.rows.sort();
        return answer;
    }
    let columns = match format {
        Format::Json => ["username", "connections", "service", "pids", "ips"],
        _ => ["username", "#", "proto", "(pids)", "(ips)"],
    };
    let mut counted = Counted::default();
    for row in &answer.rows {
        counted.add(Session::of(row));
    }
    let rows = counted.rows().map(|fields| fields.map(Some).to_vec());
    Output { rows: rows.collect(), columns: columns.map(str::to_owned).to_vec(), ..answer }
}

/// Sessions counted by user and protocol; those of LMTP by client.
#[derive(Debug, Default)]
pub(in crate::control) struct Counted {
    groups: BTreeMap<[String; 3], Group>,
}

impl Counted {
    pub(in crate::control) fn add(&mut self, session: Session) {
        let client = if session.user.is_none() { &*session.client } else { "" };
        let key = [session.name(), session.protocol.clone(), client.to_owned()];
        let group = self.groups.entry(key).or_default();
        group.count += 1;
        group.processes.insert(session.process);
        group.clients.insert(session.client);
    }

    /// User, how many, protocol, processes, addresses.
    pub(in crate::control) fn rows(self) -> impl Iterator<Item = [String; 5]> {
        self.groups.into_iter().map(|([user, protocol, _], group)| {
            let Group { count, processes, clients } = group;
            [user, count.to_string(), protocol, listed(&processes), listed(&clients)]
        })
    }
}

/// Sessions of one user by one protocol.
#[derive(Debug, Default)]
struct Group {
    count: u64,
    processes: BTreeSet<String>,
    clients: BTreeSet<String>,
}

fn listed(words: &BTreeSet<String>) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    format!("({})", words.join(" "))
}

/// `hale kick`: in doveadm's words, or, if another format is asked for, a record for each session.
#[must_use]
pub fn kicked(answer: Output, format: Format) -> Reply {
    let exit_code = answer.exit_code;
    if format != Format::Table {
        return Reply::new(Ok(who(answer, true, format)), format);
    }
    let names: BTreeSet<String> = answer
        .rows
        .iter()
        .map(|row| Session::of(row))
        .map(|session| match session.user {
            Some(user) => user.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
            None => format!("{}:{}", session.protocol, session.client),
        })
        .collect();
    let text = if names.is_empty() {
        "no users kicked\n".to_owned()
    } else {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("kicked connections from the following users:\n{}\n", names.join(" "))
    };
    Reply { text, complaints: answer.notices, exit_code }
}

/// What stands where a name would, so that columns stay columns.
const NOBODY: &str = "-";

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Output {
        let mut output = Output::new(&["username", "proto", "pid", "ip", "session"]);
        let rows = [
            [Some("bob"), Some("imap"), Some("7"), Some("192.0.2.9"), Some("c")],
            [Some("alice"), Some("imap"), Some("7"), Some("192.0.2.2"), Some("b")],
            [Some("alice"), Some("imap"), Some("7"), Some("192.0.2.1"), Some("a")],
            [Some("alice"), Some("pop3"), Some("7"), Some("192.0.2.1"), Some("d")],
            [None, Some("lmtp"), Some("7"), Some("192.0.2.5"), Some("e")],
            [None, Some("lmtp"), Some("7"), Some("192.0.2.6"), Some("f")],
            [None, Some("lmtp"), Some("7"), Some("192.0.2.5"), Some("g")],
        ];
        output.rows = rows.map(|row| row.map(|field| field.map(str::to_owned)).to_vec()).to_vec();
        output
    }

    #[test]
    fn who_counts_by_user_and_protocol_and_lmtp_by_client() {
        assert_eq!(
            who(answer(), false, Format::Table).render(Format::Table),
            "username # proto (pids) (ips)\n\
             -        2 lmtp  (7)    (192.0.2.5)\n\
             -        1 lmtp  (7)    (192.0.2.6)\n\
             alice    2 imap  (7)    (192.0.2.1 192.0.2.2)\n\
             alice    1 pop3  (7)    (192.0.2.1)\n\
             bob      1 imap  (7)    (192.0.2.9)\n"
        );
        let json = who(answer(), false, Format::Json).render(Format::Json);
        let alice = r#"{"username":"alice","connections":"1","service":"pop3","pids":"(7)","ips":"(192.0.2.1)"}"#;
        assert!(json.contains(alice), "{json}");
    }

    #[test]
    fn who_1_has_a_line_for_each() {
        let text = who(answer(), true, Format::Tab).render(Format::Tab);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "username\tproto\tpid\tip\tsession");
        assert_eq!(lines[1], "-\tlmtp\t7\t192.0.2.5\te");
        assert_eq!((lines.len(), lines[4]), (8, "alice\timap\t7\t192.0.2.1\ta"));
        let json = who(answer(), true, Format::Json).render(Format::Json);
        assert!(json.contains(r#""service":"imap","pid":"7","ip":"192.0.2.9""#), "{json}");
    }

    #[test]
    fn kick_speaks_as_doveadm_does() {
        let reply = kicked(answer(), Format::Table);
        let text = "kicked connections from the following users:\nalice bob lmtp:192.0.2.5 lmtp:192.0.2.6\n";
        assert_eq!((&*reply.text, reply.exit_code), (text, 0));
        let none = Output { rows: Vec::new(), exit_code: 68, ..answer() };
        let reply = kicked(none.clone(), Format::Table);
        assert_eq!((&*reply.text, reply.exit_code), ("no users kicked\n", 68));
        assert_eq!(kicked(none, Format::Json).text, "[]\n");
    }
}
