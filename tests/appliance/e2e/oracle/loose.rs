//! Hundreds of single inputs that the protocols' grammars forbid or seldom see, one in each line of `loose/PROTOCOL.txt`:
//!
//! ```text
//! name | what is sent | what is sent next => 2
//! ```
//!
//! with escapes as in [`spelled`](super::speaker::spelled), and behind `=>` how many replies are waited for if it is not
//! one. Behind all of it comes a command that shows whether both are still in step.

use std::borrow::Cow;

use super::cases::Case;
use super::speaker::Speaks;

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    TEXTS.iter().flat_map(|(speaks, text, last)| of(*speaks, text, last)).collect()
}

const TEXTS: [(Speaks, &str, &str); 4] = [
    (Speaks::Imap, include_str!("loose/imap.txt"), "z NOOP\r\n"),
    (Speaks::Pop3, include_str!("loose/pop3.txt"), "QUIT\r\n"),
    (Speaks::Sieve, include_str!("loose/sieve.txt"), "LOGOUT\r\n"),
    (Speaks::Submission, include_str!("loose/submission.txt"), "QUIT\r\n"),
];

fn of(speaks: Speaks, text: &'static str, last: &'static str) -> impl Iterator<Item = Case> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(move |line| {
        let mut fields = line.split(" | ");
        let name = fields.next().unwrap();
        let steps = fields.map(step).chain([(last, 1)]).collect();
        Case { speaks, name, steps: Cow::Owned(steps) }
    })
}

fn step(field: &'static str) -> (&'static str, usize) {
    match field.split_once(" => ") {
        Some((said, replies)) => (said, replies.parse().unwrap()),
        None => (field, 1),
    }
}
