//! The same for challenges and answers, and for ANONYMOUS, where no password is: what a client hears that answers wrong, gives up, or says nonsense. Here it is the backend itself
//! that is asked beside Hale, because a Dovecot that is a proxy has no passwords to judge digests by.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::SocketAddr;

use super::cases::Case;
use super::speaker::{Speaks, conversation};

/// Lines of a client behind its command, and what is different then: what Dovecot and Hale say in the end.
struct Said {
    name: &'static str,
    line: &'static str,
    difference: Option<(Speaks, &'static str, &'static str)>,
}

/// `tim` with a digest of naughts; `tim` alone; nothing.
const SAID: &[Said] = &[
    Said {
        name: "wrong",
        line: "dGltIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw",
        difference: None,
    },
    Said { name: "no answer", line: "dGlt", difference: None },
    Said { name: "nothing", line: "", difference: None },
    // W-SASL-10: giving up is no syntax error.
    Said {
        name: "given up",
        line: "*",
        difference: Some((Speaks::Submission, "501 5.5.2", "501 5.7.0")),
    },
];

/// What may be said to ANONYMOUS besides a trace, which lets a client in. Dovecot's Submission takes the line for a command.
const TRACES: &[Said] = &[Said {
    name: "given up",
    line: "*",
    difference: Some((Speaks::Submission, "500 5.5.2", "501 5.7.0")),
}];

/// Compares what both say in the end. Both have CRAM-MD5, DIGEST-MD5 and ANONYMOUS.
pub(in super::super) fn compare(protocols: &[(Speaks, SocketAddr, SocketAddr)]) -> String {
    let mut complaints = String::new();
    for (speaks, theirs, ours) in protocols {
        for (mechanism, list) in [("CRAM-MD5", SAID), ("DIGEST-MD5", SAID), ("ANONYMOUS", TRACES)] {
            for said in list {
                let heard = [theirs, ours].map(|server| {
                    let (begin, answer) = spelled(*speaks, mechanism, said.line);
                    let steps = [(&*begin.leak(), 1), (&*answer.leak(), 1)];
                    let steps = [&first(*speaks)[..], &steps[..]].concat();
                    let case = Case { speaks: *speaks, name: said.name, steps: Cow::Owned(steps) };
                    let last = conversation(&case, *server).pop().unwrap_or_default();
                    // What a backend can do is not what is compared.
                    last.split(" [CAPABILITY").next().unwrap_or_default().to_owned()
                });
                let is_right = match said.difference {
                    Some((at, theirs, ours)) if at == *speaks => heard == [theirs, ours],
                    _ => heard[0] == heard[1] && !heard[0].is_empty(),
                };
                if !is_right {
                    let name = said.name;
                    writeln!(complaints, "{speaks:?} {mechanism} {name}: {heard:?}").unwrap();
                }
            }
        }
    }
    complaints
}

fn first(speaks: Speaks) -> Vec<(&'static str, usize)> {
    match speaks {
        Speaks::Submission => vec![("EHLO client.test\\r\\n", 1)],
        _ => Vec::new(),
    }
}

fn spelled(speaks: Speaks, mechanism: &str, answer: &str) -> (String, String) {
    match speaks {
        Speaks::Imap => (format!("a AUTHENTICATE {mechanism}\\r\\n"), format!("{answer}\\r\\n")),
        Speaks::Sieve => {
            (format!("AUTHENTICATE \"{mechanism}\"\\r\\n"), format!("\"{answer}\"\\r\\n"))
        }
        _ => (format!("AUTH {mechanism}\\r\\n"), format!("{answer}\\r\\n")),
    }
}
