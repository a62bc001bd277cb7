//! Output in doveadm's formats: `-f flow|pager|tab|table|json`.
//!
//! Duty: turning columns and rows into text that scripts written for doveadm read. Values come from a database that
//! others write too, so control characters never reach a terminal. Non-duty: which columns there are. Tests: exact text
//! of each format.

use clap::ValueEnum;

use super::error::CommandError;

/// The formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// key=value key=value, one line per record
    Flow,
    /// key: value lines, records separated by a form feed
    Pager,
    /// A header line and records, fields separated by tabs
    Tab,
    /// Aligned columns
    #[default]
    Table,
    /// An array of objects
    Json,
}

/// What a command prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Column names; none when the command has nothing to print.
    pub columns: Vec<String>,
    /// Records; NULL is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// Lines for standard error.
    pub notices: Vec<String>,
    /// The exit code: 0, or the last failure of a command on many users.
    pub exit_code: u8,
    /// What is no longer as it was, for the log of the Hale that carried it out.
    pub changes: Vec<String>,
}

/// What a command comes to for the terminal where it was typed, whichever process ran it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// For standard output, with a line end at its end; empty when there is nothing to print.
    pub text: String,
    /// Lines for standard error.
    pub complaints: Vec<String>,
    /// The exit code of the program.
    pub exit_code: u8,
}

impl Reply {
    /// A result in the format that was asked for.
    #[must_use]
    pub fn new(result: Result<Output, CommandError>, format: Format) -> Self {
        match result {
            Ok(output) => Self {
                text: output.render(format),
                exit_code: output.exit_code,
                complaints: output.notices,
            },
            Err(error) => Self {
                text: String::new(),
                complaints: vec![format!("hale: {error}")],
                exit_code: error.exit_code(),
            },
        }
    }
}

impl Output {
    /// Output with these columns.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self {
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Notes what one row has become; a record is none where there is no row. `of`: what it is, and its name.
    pub(super) fn note_changes(&mut self, of: &str, before: &Self, after: &Self) {
        let columns = if after.columns.is_empty() { &before.columns } else { &after.columns };
        let [before, after] = [before, after].map(|output| output.rows.first());
        let value = |row: Option<&Vec<Option<String>>>, at: usize| {
            let value = row.and_then(|row| row.get(at)).cloned().flatten();
            value.filter(|value| !value.is_empty())
        };
        for (at, column) in columns.iter().enumerate() {
            let (old, new) = (value(before, at), value(after, at));
            if old != new {
                let [old, new] =
                    [old, new].map(|value| value.unwrap_or_else(|| "nothing".to_owned()));
                let text = format!("{of}: {column} {old} -> {new}");
                self.changes.push(printable(&Some(text)));
            }
        }
    }

    /// The same with one more column.
    #[must_use]
    pub(super) fn with_column(mut self, name: &str, fields: Vec<Option<String>>) -> Self {
        self.columns.push(name.to_owned());
        self.rows.iter_mut().zip(fields).for_each(|(row, field)| row.push(field));
        self
    }

    /// The text for standard output, with a line end at its end; empty when there is nothing to print.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        if self.columns.is_empty() {
            return String::new();
        }
        match format {
            Format::Flow => self.flow(),
            Format::Pager => self.pager(),
            Format::Tab => self.tab(),
            Format::Table => self.table(),
            Format::Json => self.json(),
        }
    }

    fn flow(&self) -> String {
        let record = |row: &Vec<Option<String>>| {
            let fields = self.columns.iter().zip(row);
            let fields = fields.map(|(column, value)| format!("{column}={}", printable(value)));
            fields.collect::<Vec<String>>().join(" ") + "\n"
        };
        self.rows.iter().map(record).collect()
    }

    fn pager(&self) -> String {
        let record = |row: &Vec<Option<String>>| {
            let fields = self.columns.iter().zip(row);
            fields
                .map(|(column, value)| format!("{column}: {}\n", printable(value)))
                .collect::<String>()
        };
        self.rows.iter().map(record).collect::<Vec<String>>().join("\u{c}\n")
    }

    fn tab(&self) -> String {
        let mut text = self.columns.join("\t") + "\n";
        for row in &self.rows {
            let fields = row.iter().map(|value| tab_escaped(value.as_deref().unwrap_or("")));
            text += &fields.collect::<Vec<String>>().join("\t");
            text.push('\n');
        }
        text
    }

    fn table(&self) -> String {
        let mut lines: Vec<Vec<String>> = vec![self.columns.clone()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(printable).collect()));
        let length =
            |line: &Vec<String>, at: usize| line.get(at).map_or(0, |field| field.chars().count());
        let columns = 0..self.columns.len();
        let widths: Vec<usize> = columns
            .map(|at| lines.iter().map(|line| length(line, at)).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in &lines {
            let fields = line.iter().zip(&widths).map(|(field, width)| format!("{field:<width$}"));
            text += fields.collect::<Vec<String>>().join(" ").trim_end();
            text.push('\n');
        }
        text
    }

    fn json(&self) -> String {
        let record = |row: &Vec<Option<String>>| {
            let fields = self.columns.iter().zip(row).map(|(column, value)| {
                let value = value.as_deref().map_or_else(|| "null".to_owned(), json_string);
                format!("{}:{value}", json_string(column))
            });
            format!("{{{}}}", fields.collect::<Vec<String>>().join(","))
        };
        let records: Vec<String> = self.rows.iter().map(record).collect();
        format!("[{}]\n", records.join(","))
    }
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value that can fake neither a second record nor a terminal command.
fn printable(value: &Option<String>) -> String {
    let value = value.as_deref().unwrap_or("");
    value.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

/// Dovecot's tab-escape.
fn tab_escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        let code = match character {
            '\0' => '0',
            '\u{1}' => '1',
            '\t' => 't',
            '\r' => 'r',
            '\n' => 'n',
            other => {
                escaped.push(other);
                continue;
            }
        };
        escaped.push('\u{1}');
        escaped.push(code);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Output {
        let mut output = Output::new(&["name", "tag", "status"]);
        output.rows.push(vec![Some("DC1".into()), None, Some("online".into())]);
        output.rows.push(vec![
            Some("Zürich \"2\"".into()),
            Some("a\tb\n\u{1}".into()),
            Some("".into()),
        ]);
        output
    }

    #[test]
    fn c_cmd_2_flow() {
        assert_eq!(
            sample().render(Format::Flow),
            "name=DC1 tag= status=online\nname=Zürich \"2\" tag=a?b?? status=\n"
        );
    }

    #[test]
    fn c_cmd_2_pager() {
        assert_eq!(
            sample().render(Format::Pager),
            "name: DC1\ntag: \nstatus: online\n\u{c}\nname: Zürich \"2\"\ntag: a?b??\nstatus: \n"
        );
    }

    #[test]
    fn c_cmd_2_tab() {
        assert_eq!(
            sample().render(Format::Tab),
            "name\ttag\tstatus\nDC1\t\tonline\nZürich \"2\"\ta\u{1}tb\u{1}n\u{1}1\t\n"
        );
    }

    #[test]
    fn c_cmd_2_table() {
        assert_eq!(
            sample().render(Format::Table),
            "name       tag   status\nDC1              online\nZürich \"2\" a?b??\n"
        );
    }

    #[test]
    fn c_cmd_2_json() {
        assert_eq!(
            sample().render(Format::Json),
            concat!(
                r#"[{"name":"DC1","tag":null,"status":"online"},"#,
                r#"{"name":"Zürich \"2\"","tag":"a\tb\n\u0001","status":""}]"#,
                "\n"
            )
        );
    }

    #[test]
    fn c_cmd_2_without_records() {
        let empty = Output::new(&["name", "tag"]);
        let shown = [Format::Flow, Format::Pager, Format::Tab, Format::Table, Format::Json];
        let shown = shown.map(|format| empty.render(format));
        assert_eq!(shown, ["", "", "name\ttag\n", "name tag\n", "[]\n"]);
        assert_eq!(Output::default().render(Format::Json), "");
    }
}
