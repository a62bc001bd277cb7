//! Dovecot's verdicts, by its own authentication protocol: one connection, every question asked before the first answer
//! is read.

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use hale::wire::base64;

use super::Verdict;
use super::cases::Case;
use super::stage::Stage;
use crate::e2e::wait::PATIENCE;

pub(super) fn verdicts(stage: &Stage, cases: &[Case]) -> Vec<Verdict> {
    let stream = UnixStream::connect(stage.authentication()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut input = BufReader::new(stream);
    let mut questions = format!("VERSION\t1\t2\nCPID\t{}\n", std::process::id());
    for (number, case) in (1..).zip(cases) {
        let mut response = Vec::new();
        base64::encode(&case.plain(), &mut response);
        let response = String::from_utf8(response).unwrap();
        questions.push_str(&format!(
            "AUTH\t{number}\tPLAIN\tservice={}\tsecured\tnologin\tlip=127.0.0.1\trip={}\tresp={response}\n",
            case.asked.name(),
            case.from(number),
        ));
    }
    let mut output = input.get_ref().try_clone().unwrap();
    let writer = std::thread::spawn(move || output.write_all(questions.as_bytes()).unwrap());
    let mut verdicts = vec![None; cases.len()];
    while verdicts.iter().any(Option::is_none) {
        let mut line = String::new();
        assert!(input.read_line(&mut line).unwrap() > 0, "Dovecot hangs up\n{}", stage.log());
        if let Some((number, verdict)) = answer(line.trim_end_matches('\n')) {
            verdicts[number - 1] = Some(verdict);
        }
    }
    writer.join().unwrap();
    verdicts.into_iter().flatten().collect()
}

fn answer(line: &str) -> Option<(usize, Verdict)> {
    let mut words = line.split('\t');
    let kind = words.next()?;
    if !matches!(kind, "OK" | "FAIL") {
        return None;
    }
    let number = words.next()?.parse().ok()?;
    let words: Vec<&str> = words.collect();
    let has = |word: &str| words.contains(&word);
    let user = words.iter().find_map(|word| word.strip_prefix("user="));
    let verdict = if kind == "OK" && has("nologin") {
        Verdict::Barred
    } else if kind == "OK" {
        Verdict::In(user?.to_owned())
    } else if has("temp") || has("code=temp_fail") {
        Verdict::Later
    } else if ["authz", "user_disabled", "pass_expired"]
        .iter()
        .any(|word| has(word) || has(&format!("code={word}")))
    {
        Verdict::Barred
    } else {
        Verdict::Refused
    };
    Some((number, verdict))
}
