//! Dovecot's passwd-file: `user:password:uid:gid:gecos:home:shell:extra fields`, one user a line.
//!
//! An immutable index over the file's own text: eight bytes for each user beside it, so that a million users fit
//! (DB-08). The index is sorted, not hashed: it needs no randomness, and no client can choose names that collide.
//! Reading, watching and swapping the file is `control`'s; it keeps the old value when a new one can't be parsed. What
//! the extra fields mean is `auth::fields`'. Variables in a row's extra fields are expanded as in Dovecot, by
//! `auth::passdb`: with what the login is about and nothing else, so that rows that come from users tell nothing of
//! this host.

use std::fmt;

use memchr::memchr_iter;
use zeroize::Zeroizing;

use crate::auth::fields::Fields;
use crate::auth::variables;
use crate::limits::{
    PASSWD_FILE_BYTES_MAX, PASSWD_FILE_COMPLAINTS_MAX, PASSWD_FILE_LINE_BYTES_MAX, USER_BYTES_MAX,
};
use crate::template::{Letters, Template};

/// The users of one file. Prints their number only.
pub struct PasswdFile {
    text: Zeroizing<Vec<u8>>,
    /// Sorted by user name, each name once.
    rows: Box<[Row]>,
}

/// What the file has about one user. Prints nothing.
#[derive(Clone, Copy)]
pub struct Entry<'f> {
    /// The stored password; empty when the row has none.
    pub password: &'f str,
    extra: &'f str,
}

/// What was wrong in a file that is usable nevertheless.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The first complaints, in the order of the file.
    pub complaints: Vec<Complaint>,
    /// Lines that were left out.
    pub bad_lines: u32,
    /// Lines whose user had one already; the first one counts.
    pub duplicates: u32,
}

/// One line and what is wrong with it. The line itself is not told: it has a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Counted from one.
    pub line: u32,
    /// What is wrong.
    pub problem: Problem,
}

/// What may be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The user had a line before.
    #[error("user exists more than once, the first line counts")]
    Duplicate,
    /// Not UTF-8.
    #[error("line is not UTF-8")]
    NotUtf8,
    /// A control character, such as NUL.
    #[error("line has a control character")]
    Control,
    /// No client could log in with so long a name.
    #[error("user name is too long")]
    UserTooLong,
    /// More than `PASSWD_FILE_LINE_BYTES_MAX`.
    #[error("line is too long")]
    LineTooLong,
    /// The row counts, and fails every login of its user.
    #[error("{RowFault}; its user cannot log in")]
    Variable,
}

/// A variable in a row that is not there in a login, or where no variable can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a field or the password has a variable in it that is not known here; write the value itself"
)]
pub struct RowFault;

/// Why nothing of a file can be used; the older value stays in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswdFileError {
    /// More than `PASSWD_FILE_BYTES_MAX`.
    #[error("passwd-file is larger than 4 GiB")]
    TooLarge,
    /// There are lines, and each is bad: this is some other file.
    #[error("no line of the passwd-file is usable")]
    NothingUsable,
}

impl PasswdFile {
    /// Indexes the bytes of a file. Bad lines are left out and reported.
    ///
    /// # Errors
    /// The file is too large, or has lines and not a good one among them.
    pub fn parse(text: Vec<u8>) -> Result<(Self, Report), PasswdFileError> {
        let text = Zeroizing::new(text);
        if text.len() > PASSWD_FILE_BYTES_MAX {
            return Err(PasswdFileError::TooLarge);
        }
        let mut report = Report::default();
        let mut found = find_rows(&text, &mut report);
        if found.is_empty() && report.bad_lines > 0 {
            return Err(PasswdFileError::NothingUsable);
        }
        // Stable: of several lines of one user the first stays first.
        found.sort_by(|(a, _), (b, _)| a.user(&text).cmp(b.user(&text)));
        found.dedup_by(|(later, line), (earlier, _)| {
            let twice = later.user(&text) == earlier.user(&text);
            if twice {
                report.duplicate(*line);
            }
            twice
        });
        report.complaints.sort_by_key(|complaint| complaint.line);
        report.complaints.truncate(PASSWD_FILE_COMPLAINTS_MAX);
        let rows = found.into_iter().map(|(row, _)| row).collect();
        Ok((Self { text, rows }, report))
    }

    /// The row of `user`, compared byte for byte.
    #[must_use]
    pub fn lookup(&self, user: &str) -> Option<Entry<'_>> {
        let at =
            self.rows.binary_search_by(|row| row.user(&self.text).cmp(user.as_bytes())).ok()?;
        let row = self.rows.get(at)?;
        Some(Entry::of(str::from_utf8(row.line(&self.text)).ok()?))
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Debug for PasswdFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswdFile({} users)", self.rows.len())
    }
}

impl<'f> Entry<'f> {
    /// Takes a line apart. Fields may be missing from the right; a line with a name only is what deny lists have.
    fn of(line: &'f str) -> Self {
        let mut columns = line.splitn(8, ':').skip(1);
        let password = columns.next().unwrap_or_default();
        // uid, gid, gecos, home and shell are a user database's.
        let extra = columns.nth(5).unwrap_or_default();
        // Before extra fields there was an empty column here and the mail location behind it.
        let extra = if extra.starts_with(':') { "" } else { extra };
        Self { password, extra }
    }

    /// The extra fields as (name, value), `None` for a name without `=`; fields for user databases are left out.
    pub fn fields(self) -> impl Iterator<Item = (&'f str, Option<&'f str>)> {
        let words =
            self.extra.split(' ').filter(|word| !word.is_empty() && !word.starts_with("userdb_"));
        words.map(|word| {
            word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)))
        })
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry(…)")
    }
}

impl Report {
    fn bad_line(&mut self, line: u32, problem: Problem) {
        self.bad_lines = self.bad_lines.saturating_add(1);
        self.complain(line, problem);
    }

    fn complain(&mut self, line: u32, problem: Problem) {
        if self.complaints.len() < PASSWD_FILE_COMPLAINTS_MAX {
            self.complaints.push(Complaint { line, problem });
        }
    }

    fn duplicate(&mut self, line: u32) {
        self.duplicates = self.duplicates.saturating_add(1);
        // Bad lines came first; there is room for as many duplicates until both are sorted by line.
        if self.complaints.len() < PASSWD_FILE_COMPLAINTS_MAX * 2 {
            self.complaints.push(Complaint { line, problem: Problem::Duplicate });
        }
    }
}

/// Whether a stored password is the name of a variable, with its scheme or without. Dovecot would take it for the
/// password.
pub(super) fn is_variable(password: &str) -> bool {
    let scheme = password.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let text = scheme.map_or(password, |(_, text)| text);
    let is_braced = |start| text.starts_with(start) && text.ends_with('}');
    // A colon ends the column.
    let is_cut = matches!(text, "%{env" | "$ENV" | "$SET");
    is_braced("%{") || is_braced("${") || is_cut
}

/// Whether a row has a variable that every login would fail of.
fn has_fault(line: &str) -> bool {
    // A million rows without one are looked at once.
    if !line.contains(['%', '$']) {
        return false;
    }
    let entry = Entry::of(line);
    let is_bad = |(name, value): (&str, Option<&str>)| {
        let text = value.filter(|text| text.contains('%') && Fields::knows(name));
        text.is_some_and(|text| row_template(name, text).is_err())
    };
    is_variable(entry.password) || entry.fields().any(is_bad)
}

/// The template of an extra field. In what is a password `%u` may be a part of it: there is no telling.
pub(super) fn row_template(name: &str, text: &str) -> Result<Template, RowFault> {
    let is_secret = matches!(name.rsplit('_').next(), Some("pass" | "password"));
    let letters = if is_secret { Letters::Refused } else { Letters::Variables };
    let template = Template::parse(text, letters).map_err(|_| RowFault)?;
    variables::check(&template).map_err(|_| RowFault)?;
    Ok(template)
}

/// Where a user's line is in the text.
#[derive(Clone, Copy)]
struct Row {
    start: u32,
    user_bytes: u16,
    line_bytes: u16,
}

const _: () = assert!(size_of::<Row>() == 8);
const _: () = assert!(PASSWD_FILE_LINE_BYTES_MAX <= 0xFFFF);
const _: () = assert!(USER_BYTES_MAX <= 0xFFFF);

impl Row {
    fn new(start: usize, line: &[u8]) -> Result<Self, Problem> {
        let line_bytes = u16::try_from(line.len()).map_err(|_| Problem::LineTooLong)?;
        if line.len() > PASSWD_FILE_LINE_BYTES_MAX {
            return Err(Problem::LineTooLong);
        }
        if line.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(Problem::Control);
        }
        if str::from_utf8(line).is_err() {
            return Err(Problem::NotUtf8);
        }
        let user = line.split(|&byte| byte == b':').next().unwrap_or_default();
        if user.len() > USER_BYTES_MAX {
            return Err(Problem::UserTooLong);
        }
        if user.contains(&b'\t') {
            return Err(Problem::Control);
        }
        let start = u32::try_from(start).map_err(|_| Problem::LineTooLong)?;
        let user_bytes = u16::try_from(user.len()).map_err(|_| Problem::UserTooLong)?;
        Ok(Self { start, user_bytes, line_bytes })
    }

    fn user(self, text: &[u8]) -> &[u8] {
        self.slice(text, self.user_bytes)
    }

    fn line(self, text: &[u8]) -> &[u8] {
        self.slice(text, self.line_bytes)
    }

    fn slice(self, text: &[u8], bytes: u16) -> &[u8] {
        let rest = usize::try_from(self.start).ok().and_then(|start| text.get(start..));
        rest.and_then(|rest| rest.get(..usize::from(bytes))).unwrap_or_default()
    }
}

/// Every good line with its number, in the order of the file.
fn find_rows(text: &[u8], report: &mut Report) -> Vec<(Row, u32)> {
    let mut rows = Vec::new();
    // Editors on other systems put a mark before the first name.
    let mut start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    for (number, end) in (1_u32..).zip(memchr_iter(b'\n', text).chain([text.len()])) {
        let line = text.get(start..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // As in Dovecot: comments, empty lines, lines without a user.
        if !matches!(line.first(), None | Some(b'#' | b':')) {
            match Row::new(start, line) {
                Ok(row) => {
                    if str::from_utf8(line).is_ok_and(has_fault) {
                        report.complain(number, Problem::Variable);
                    }
                    rows.push((row, number));
                }
                Err(problem) => report.bad_line(number, problem),
            }
        }
        start = end.saturating_add(1);
    }
    rows
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (PasswdFile, Report) {
        PasswdFile::parse(text.into()).unwrap()
    }

    fn fields<'f>(file: &'f PasswdFile, user: &str) -> Vec<(&'f str, Option<&'f str>)> {
        file.lookup(user).unwrap().fields().collect()
    }

    #[test]
    fn columns_are_dovecots() {
        let (file, report) = parse(
            "bob:{PLAIN}a b:1000:1000:Bob, B.:/home/bob:/bin/sh:proxy=y host=::1  nopassword userdb_mail=x userdb_q=a=b pass=x=y:z\n\
             # comment:x\n\n:no user\neve\ncarol:\ndave:{SHA}x::::::\nold:pw:1:1::/h:::maildir:/x",
        );
        assert_eq!(report, Report::default());
        assert_eq!(file.len(), 5);
        assert_eq!(file.lookup("bob").unwrap().password, "{PLAIN}a b");
        let expected = [
            ("proxy", Some("y")),
            ("host", Some("::1")),
            ("nopassword", None),
            ("pass", Some("x=y:z")),
        ];
        assert_eq!(fields(&file, "bob"), expected);
        for user in ["eve", "carol", "dave", "old"] {
            assert_eq!(fields(&file, user), [], "{user}");
        }
        assert_eq!(file.lookup("eve").unwrap().password, "");
        assert_eq!(file.lookup("dave").unwrap().password, "{SHA}x");
        for nobody in ["", "Bob", "bo", "bobb", "# comment", "no user"] {
            assert!(file.lookup(nobody).is_none(), "{nobody:?}");
        }
    }

    #[test]
    fn case_05_rows_with_variables_that_nobody_knows_are_told_and_kept() {
        let (file, report) = parse(
            "a:{PLAIN}%{env:PW}:\nb:$ENV:PW\nc:{PLAIN}${PW}\nd:x::::::pass=%w\ne:x::::::host=%{nosuch}\n\
             f:{PLAIN}100%{x}y::::::host=%1Mu pass=%{user} userdb_x=%{y} mail=%h forward_x=%d\ng:x::::::host=%{user\n",
        );
        let told = [1, 2, 3, 4, 5, 7].map(|line| Complaint { line, problem: Problem::Variable });
        assert_eq!((&report.complaints[..], report.bad_lines, file.len()), (&told[..], 0, 7));
    }

    #[test]
    fn db_08_crlf_endings_byte_order_mark_and_no_last_line_end() {
        let (file, report) = parse("\u{FEFF}bob:pw\r\neve:pw2::::::host=a\r\n\r\nmia:pw3\r");
        assert_eq!((file.len(), report.bad_lines), (3, 0));
        assert_eq!(file.lookup("bob").unwrap().password, "pw");
        assert_eq!(fields(&file, "eve"), [("host", Some("a"))]);
        assert_eq!(file.lookup("mia").unwrap().password, "pw3");
    }

    #[test]
    fn db_08_the_first_of_duplicate_users_counts_and_the_others_are_told() {
        let (file, report) = parse("zoe:1\nbob:first\nbob:second\namy:1\nbob:third\n");
        assert_eq!(file.lookup("bob").unwrap().password, "first");
        assert_eq!((file.len(), report.duplicates, report.bad_lines), (3, 2, 0));
        let told = [3, 5].map(|line| Complaint { line, problem: Problem::Duplicate });
        assert_eq!(report.complaints, told);
    }

    #[test]
    fn db_08_bad_lines_are_told_by_number_and_the_rest_stays() {
        let long = format!("{}:x\nlong:{}\n", "u".repeat(256), "x".repeat(16_384));
        let text = [b"bob:pw\na\0b:pw\n\xFF:pw\na\tb:pw\n", long.as_bytes(), b"eve:pw"].concat();
        let (file, report) = PasswdFile::parse(text).unwrap();
        assert_eq!((file.len(), report.bad_lines), (2, 5));
        let told: Vec<_> =
            report.complaints.iter().map(|complaint| (complaint.line, complaint.problem)).collect();
        let expected = [
            (2, Problem::Control),
            (3, Problem::NotUtf8),
            (4, Problem::Control),
            (5, Problem::UserTooLong),
            (6, Problem::LineTooLong),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn db_08_a_file_of_bad_lines_only_is_no_passwd_file() {
        assert_eq!(
            PasswdFile::parse(b"\x7FELF\0\n\0\n".to_vec()).unwrap_err(),
            PasswdFileError::NothingUsable
        );
        assert!(parse("").0.is_empty());
        assert!(parse("# nobody yet\n").0.is_empty());
        let many =
            PasswdFile::parse([b"bob:x\n".as_slice(), &b"\0\n".repeat(1000)].concat()).unwrap();
        assert_eq!((many.1.bad_lines, many.1.complaints.len()), (1000, 20));
    }

    #[test]
    fn db_08_a_million_users_cost_eight_bytes_each_beside_the_text() {
        // A tenth of them: the shape is what is checked here, time is a benchmark's.
        let text: String = (0..100_000_u32)
            .map(|n| format!("user{}@example.org:{{PLAIN}}p{n}\n", n * 7919 % 100_000))
            .collect();
        let (file, report) = parse(&text);
        assert_eq!((file.len(), report), (100_000, Report::default()));
        assert_eq!(file.lookup("user7919@example.org").unwrap().password, "{PLAIN}p1");
        assert_eq!(size_of_val(&*file.rows), 800_000);
    }

    #[test]
    fn debug_shows_no_row() {
        let (file, _) = parse("bob:{PLAIN}hunter2::::::pass=hunter3");
        let shown = format!("{file:?} {:?}", file.lookup("bob").unwrap());
        assert_eq!(shown, "PasswdFile(1 users) Entry(…)");
    }

    proptest! {
        #[test]
        fn any_bytes_are_indexed_or_refused(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok((file, _)) = PasswdFile::parse(text) {
                for row in &file.rows {
                    let user = str::from_utf8(row.user(&file.text)).unwrap();
                    prop_assert!(!user.is_empty());
                    let entry = file.lookup(user).unwrap();
                    prop_assert!(!entry.password.contains(':'));
                    let _all = entry.fields().count();
                }
            }
        }

        #[test]
        fn lines_out_of_the_grammars_alphabet(text in "[ab:#= \r\n\t]{0,120}") {
            if let Ok((file, report)) = PasswdFile::parse(text.into_bytes()) {
                let users: Vec<&[u8]> = file.rows.iter().map(|row| row.user(&file.text)).collect();
                prop_assert!(users.is_sorted() && report.complaints.len() <= PASSWD_FILE_COMPLAINTS_MAX);
            }
        }
    }
}
