//! P11: two databases in every state that a user can have there, of every kind, with every rule; the chain against a model
//! that shares nothing with it. A wrong accept or a wrong refusal of any combination fails.

use super::*;
use crate::auth::inquiry::{Gives, Inquiry, Remote, RemoteTrouble, Reply, Row, Wants};

/// What a database has about the user, who gives the password `pw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Right,
    /// The same by a hash whose verification is made elsewhere, or remembered.
    RightCostly,
    Wrong,
    WrongCostly,
    /// A stored password that cannot be read.
    Broken,
    Nopassword,
    /// `nopassword` beside another password, which counts for nothing.
    NopasswordAndWrong,
    /// The right password, and `nologin`.
    Nologin,
}

const STATES: [State; 9] = [
    State::Absent,
    State::Right,
    State::RightCostly,
    State::Wrong,
    State::WrongCostly,
    State::Broken,
    State::Nopassword,
    State::NopasswordAndWrong,
    State::Nologin,
];

/// Where a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    /// Elsewhere: it gives rows.
    Rows,
    /// Elsewhere: it compares, and has rows for whoever gives no password.
    Compares,
    /// Elsewhere, and it does not answer.
    Dead,
}

const KINDS: [Kind; 4] = [Kind::File, Kind::Rows, Kind::Compares, Kind::Dead];

const RULES: [Rule; 6] = [
    Rule::Return,
    Rule::ReturnOk,
    Rule::ReturnFail,
    Rule::Continue,
    Rule::ContinueOk,
    Rule::ContinueFail,
];

#[derive(Clone, Copy, Debug)]
struct Db {
    kind: Kind,
    state: State,
    success: Rule,
    failure: Rule,
    internalfail: Rule,
    skip: Skip,
}

/// What becomes of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// With the password verified here, or left to the backend.
    In {
        verified: bool,
    },
    Refused,
    /// `nologin`.
    Barred,
    Later,
}

#[test]
fn p_11_every_combination_of_two_databases_is_judged_as_the_model_has_it() {
    let (mut count, mut accepts) = (0_u32, 0_u32);
    for dbs in combinations() {
        for proof in [Proof::Password, Proof::Certificate] {
            let (expected, found) = (model(&dbs, proof), judged(&dbs, proof));
            assert_eq!(found, expected, "{proof:?} {dbs:#?}");
            count += 1;
            accepts += u32::from(matches!(expected, Outcome::In { .. }));
        }
    }
    assert!(
        count >= 5_000 && accepts > count / 10 && accepts < count * 9 / 10,
        "{accepts} of {count}"
    );
}

/// All states of both in all kinds of the first; with each, one rule of the first is any of the six.
fn combinations() -> impl Iterator<Item = [Db; 2]> {
    let pairs = STATES.into_iter().flat_map(|first| STATES.map(|second| (first, second)));
    let placed = pairs.flat_map(|states| KINDS.map(|kind| (states, kind)));
    let ruled = placed.flat_map(|(states, kind)| RULES.map(|rule| (states, kind, rule)));
    ruled.enumerate().flat_map(|(number, ((first, second), kind, rule))| {
        // What is not gone through in full goes around, at steps that share no factor.
        let other = |step: usize| RULES[number / step % RULES.len()];
        let skip = [Skip::Never, Skip::Authenticated, Skip::Unauthenticated][number / 7 % 3];
        let usual = |kind, state| Db {
            kind,
            state,
            success: Rule::ReturnOk,
            failure: Rule::Continue,
            internalfail: Rule::Continue,
            skip: Skip::Never,
        };
        let last = Db { skip, ..usual(KINDS[number / 11 % 3], second) };
        let first = usual(kind, first);
        [
            [Db { success: rule, ..first }, Db { failure: other(5), ..last }],
            [Db { failure: rule, ..first }, Db { success: other(13), ..last }],
            [Db { internalfail: rule, ..first }, last],
            [Db { success: rule, failure: other(17), internalfail: other(19), ..first }, last],
        ]
    })
}

/// The rules in words of their own.
fn model(dbs: &[Db], proof: Proof) -> Outcome {
    let (mut success, mut verified, mut barred, mut trouble) = (false, false, false, false);
    for db in dbs {
        let skipped = match db.skip {
            Skip::Never => false,
            Skip::Authenticated => verified,
            Skip::Unauthenticated => !verified,
        };
        if skipped {
            continue;
        }
        // Some(is_verified): the user is let in by this one.
        let needs_no_password = verified || proof == Proof::Certificate;
        let answer = match (db.kind, db.state) {
            (Kind::Dead, _) => Err(()),
            (_, State::Absent) => Ok(None),
            _ if needs_no_password => Ok(Some(true)),
            (_, State::Right | State::RightCostly | State::Nologin) => Ok(Some(true)),
            (_, State::Wrong | State::WrongCostly | State::NopasswordAndWrong) => Ok(None),
            // Who compares elsewhere reads no hash here.
            (Kind::Compares, State::Broken | State::Nopassword) => Ok(None),
            (_, State::Broken) => Err(()),
            (_, State::Nopassword) => Ok(Some(false)),
        };
        let rule = match answer {
            Err(()) => {
                trouble = true;
                db.internalfail
            }
            Ok(None) => db.failure,
            Ok(Some(is_verified)) => {
                verified = is_verified;
                barred |= db.state == State::Nologin;
                db.success
            }
        };
        match rule {
            Rule::Return => break,
            Rule::ReturnOk | Rule::ReturnFail => {
                success = rule == Rule::ReturnOk;
                break;
            }
            Rule::Continue => {}
            Rule::ContinueOk | Rule::ContinueFail => success = rule == Rule::ContinueOk,
        }
    }
    match (success, barred, trouble) {
        (true, true, _) => Outcome::Barred,
        (true, false, _) => Outcome::In { verified },
        (false, _, true) => Outcome::Later,
        (false, _, false) => Outcome::Refused,
    }
}

/// What the chain makes of it.
fn judged(dbs: &[Db; 2], proof: Proof) -> Outcome {
    let list = (0..).zip(dbs).map(|(id, db)| passdb(id, db)).collect();
    let passdbs = Arc::new(Passdbs { list, ..Passdbs::default() });
    let mut step = Chain::start(&passdbs, Question { proof, ..question("bob", "pw") });
    let answer = loop {
        step = match step {
            Step::Done(answer) => break answer,
            Step::Verify(chain, _) => {
                // The comparison of the one that is waited for.
                let at = chain.position - 1;
                chain.verified(Ok(dbs[at].state == State::RightCostly))
            }
            Step::Draw(_) | Step::Challenge(..) | Step::Derive(..) => {
                panic!("no exchange is asked for")
            }
            Step::Ask(chain, inquiry) => {
                chain.answered(reply(&dbs[usize::try_from(inquiry.id).unwrap()], &inquiry))
            }
        };
    };
    match &answer.verdict {
        Verdict::Accept(grant) => Outcome::In { verified: grant.verified },
        Verdict::Refuse { failure: Failure::Credentials, .. } => Outcome::Refused,
        Verdict::Refuse { failure: Failure::Unavailable, .. } => Outcome::Later,
        Verdict::Refuse { failure: Failure::Disabled, .. } => Outcome::Barred,
        other => panic!("{other:?}"),
    }
}

fn passdb(id: u32, db: &Db) -> Passdb {
    let gives = match db.kind {
        Kind::Rows | Kind::Dead => Gives::Rows,
        Kind::File | Kind::Compares => Gives::Both,
    };
    let passdb = match db.kind {
        Kind::File => {
            let (stored, fields) = stored(db.state);
            let text = format!("bob:{stored}::::::{fields}\n");
            file("db", if db.state == State::Absent { "eve:\n" } else { &text })
        }
        Kind::Rows | Kind::Compares | Kind::Dead => {
            let variables = Arc::new([]);
            let remote = Remote { id, driver: "fake", gives, variables, is_cached: false };
            Passdb::new("db", Driver::Remote(remote))
        }
    };
    Passdb {
        skip: db.skip,
        result_success: db.success,
        result_failure: db.failure,
        result_internalfail: db.internalfail,
        ..passdb
    }
}

fn stored(state: State) -> (&'static str, &'static str) {
    match state {
        State::Absent => ("", ""),
        State::Right => ("{PLAIN}pw", ""),
        State::RightCostly | State::WrongCostly => (COSTLY, ""),
        State::Wrong => ("{PLAIN}other", ""),
        State::Broken => ("{NOSUCH}pw", ""),
        State::Nopassword => ("", "nopassword"),
        State::NopasswordAndWrong => ("{PLAIN}other", "nopassword"),
        State::Nologin => ("{PLAIN}pw", "nologin"),
    }
}

fn reply(db: &Db, inquiry: &Inquiry) -> Reply {
    let (stored, field) = stored(db.state);
    let mut row = Row::default();
    if !field.is_empty() {
        row.put(field, "y");
    }
    match (db.kind, db.state, &inquiry.wants) {
        (Kind::Dead, ..) => Reply::Trouble(RemoteTrouble::TimedOut.into()),
        (_, State::Absent, _) => Reply::Unknown,
        (Kind::Compares, state, Wants::Verdict(_)) => {
            match matches!(state, State::Right | State::RightCostly | State::Nologin) {
                true => Reply::Verified(Arc::new(row)),
                false => Reply::Mismatch,
            }
        }
        _ => {
            if !stored.is_empty() {
                row.put("password", stored);
            }
            Reply::Row(Arc::new(row))
        }
    }
}
