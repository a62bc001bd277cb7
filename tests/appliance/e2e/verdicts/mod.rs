//! Dovecot's authentication as a second opinion: the same password databases, the same users, the same passwords, and a
//! verdict of each. Dovecot is asked by its authentication protocol, Hale by real logins in three protocols. Where Hale
//! decides differently on purpose, [`differences`] says how and why; any other difference fails, and so does a row
//! that is true no more.

mod cases;
mod differences;
mod ours;
mod stage;
mod theirs;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cases::Case;
use differences::difference;
use stage::Stage;

/// What became of a login, as far as both can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// Let in, as this user.
    In(String),
    /// Refused like a wrong password.
    Refused,
    /// Refused, and told that it is not the password.
    Barred,
    /// Nothing was decided: to be tried again later.
    Later,
}

/// Which passdbs are asked: a block `protocol NAME` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Imap,
    Pop3,
    Sieve,
}

impl Asked {
    fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Sieve => "sieve",
        }
    }
}

#[test]
fn p_11_dovecots_verdicts_on_schemes_names_and_fields() {
    compare(&cases::accounts(), 200);
}

#[test]
fn p_11_dovecots_verdicts_on_masters_and_on_result_rules() {
    compare(&cases::masters_and_rules(), 150);
}

#[test]
fn p_11_dovecots_verdicts_on_more_result_rules() {
    compare(&cases::more_rules(), 150);
}

#[test]
fn every_difference_of_verdicts_belongs_to_a_case_and_says_why() {
    let sets = [cases::accounts(), cases::masters_and_rules(), cases::more_rules()];
    let names: Vec<&str> = sets.iter().flat_map(|set| &set.cases).map(|case| &*case.name).collect();
    assert!(names.len() >= 500, "{} verdicts", names.len());
    let mut seen = BTreeMap::new();
    for name in &names {
        assert!(seen.insert(name, ()).is_none(), "{name} is there twice");
    }
    for row in differences::ROWS {
        assert!(row.covers(&names) && row.why.len() > 10, "{} is no case", row.case);
        assert!(row.dovecot != row.hale, "{}", row.case);
    }
}

fn compare(set: &cases::Set, at_least: usize) {
    assert!(set.cases.len() >= at_least, "{} cases", set.cases.len());
    let stage = Stage::start(set);
    let theirs = theirs::verdicts(&stage, &set.cases);
    let ours = ours::verdicts(&stage, &set.cases);
    let mut complaints = String::new();
    for ((case, theirs), ours) in set.cases.iter().zip(&theirs).zip(&ours) {
        let is_right = match difference(&case.name) {
            None => is_the_same(theirs, ours),
            Some(row) => (row.dovecot, row.hale) == (word(theirs), word(ours)),
        };
        if !is_right {
            let at = describe(case);
            writeln!(complaints, "{at}\n  dovecot: {theirs:?}\n  hale:    {ours:?}").unwrap();
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}\n{}", stage.log());
}

/// Dovecot's log cuts long names.
fn is_the_same(theirs: &Verdict, ours: &Verdict) -> bool {
    match (theirs, ours) {
        (Verdict::In(theirs), Verdict::In(ours)) => match ours.strip_suffix("...") {
            Some(start) => theirs.starts_with(start),
            None => theirs == ours,
        },
        (theirs, ours) => theirs == ours,
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::In(_) => "in",
        Verdict::Refused => "refused",
        Verdict::Barred => "barred",
        Verdict::Later => "later",
    }
}

fn describe(case: &Case) -> String {
    let password = String::from_utf8_lossy(&case.password);
    let password: String = password.chars().take(40).collect();
    format!("{}: {} {:?} {password:?}", case.name, case.asked.name(), case.user)
}
