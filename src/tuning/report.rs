//! Rows as an operator reads them, and as programs do.

use std::fmt::Write as _;

use super::judge::{Row, Verdict};
use super::needs::Needs;
use super::registry::Level;

/// Names of the columns of [`fields`].
pub const COLUMNS: [&str; 7] = ["name", "verdict", "is", "should_be", "cost", "remedy", "undo"];

/// A row for programs.
#[must_use]
pub fn fields(row: &Row) -> [String; 7] {
    let Row { setting, verdict, is, should, remedy } = row;
    [
        setting.name.to_owned(),
        verdict.word().to_owned(),
        is.clone(),
        should.clone(),
        setting.cost.to_owned(),
        remedy.clone(),
        setting.undo.to_owned(),
    ]
}

/// All rows for a terminal: what is amiss first, the worst of it on top.
#[must_use]
pub fn told(rows: &[Row], needs: &Needs) -> String {
    let mut text = String::new();
    for level in [Level::Must, Level::Should, Level::Could] {
        let amiss = rows.iter().filter(|row| row.verdict == Verdict::Amiss(level));
        for Row { setting, is, should, remedy, .. } in amiss {
            // Writing to a String cannot fail, here and below.
            let _ = write!(
                text,
                "{:<6} {} is {is}, and {} be {should}\n       now:  {}\n       type: {remedy}\n",
                level.word(),
                setting.name,
                level.word(),
                setting.cost
            );
        }
    }
    for row in rows.iter().filter(|row| row.verdict == Verdict::Hidden) {
        let _ = writeln!(text, "hidden {}: could not look, needs root", row.setting.name);
    }
    let count = |wanted: Verdict| rows.iter().filter(|row| row.verdict == wanted).count();
    let [must, should, could] =
        [Level::Must, Level::Should, Level::Could].map(|level| count(Verdict::Amiss(level)));
    let (good, absent) = (count(Verdict::Good), count(Verdict::Absent));
    let _ = writeln!(
        text,
        "{} sessions on {} data cores: {must} must change, {should} should, {could} could; {good} are good, {absent} are not of \
         this host",
        needs.sessions,
        needs.data_cores.len()
    );
    if must + should > 0 {
        text.push_str(
            "for good: hale check-host --print sysctl >/etc/sysctl.d/60-hale.conf && sysctl --system; what is typed above lasts \
             until the next boot\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::judge::{Seen, judge};
    use super::super::registry::SETTINGS;
    use super::*;

    #[test]
    fn the_worst_comes_first_and_all_are_counted() {
        let needs = Needs::reference();
        let rows: Vec<Row> = SETTINGS
            .iter()
            .map(|setting| {
                let seen = match setting.name {
                    "vm.swappiness" => Seen::Text("60".to_owned()),
                    "net.core.somaxconn" => Seen::Text("128".to_owned()),
                    "fs.nr_open" => Seen::Text("1048576".to_owned()),
                    "fs.file-max" => Seen::Hidden,
                    _ => Seen::Absent,
                };
                judge(setting, &needs, &seen)
            })
            .collect();
        let absent = SETTINGS.len() - 4;
        let expected = format!(
            "must   net.core.somaxconn is 128, and must be at least 4096\n       now:  clients that all come back after an outage \
             lose their first packet and try again after 1, 3 and 7 seconds\n       type: sysctl -w net.core.somaxconn=4096\n\
             should vm.swappiness is 60, and should be at most 10\n       now:  memory of idle sessions is written to disk, and \
             the next byte of each waits for it; passwords may be among it\n       type: sysctl -w vm.swappiness=10\n\
             hidden fs.file-max: could not look, needs root\n\
             128000 sessions on 3 data cores: 1 must change, 1 should, 0 could; 1 are good, {absent} are not of this host\n\
             for good: hale check-host --print sysctl >/etc/sysctl.d/60-hale.conf && sysctl --system; what is typed above lasts \
             until the next boot\n"
        );
        assert_eq!(told(&rows, &needs), expected);
        let row = fields(&rows[rows.len() - 1]);
        assert_eq!((row.len(), &*row[1]), (COLUMNS.len(), "absent"));
    }
}
