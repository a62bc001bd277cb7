//! The manual page hale.conf(5), made from docs/CONFIG.md, which is made from the registry.
//!
//! Duty: the little Markdown that our own pages use, as the language of man(7). Not its duty: Markdown as others write it.
//! Driven by the test of `document`, which keeps the page in the repository current.

use std::fmt::Write as _;

/// The text of hale.conf(5) from that of docs/CONFIG.md.
#[must_use]
pub fn hale_conf_5(page: &str) -> String {
    let mut manual = String::from(HEAD);
    let body = page.split_once("-->").map_or(page, |(_, body)| body);
    let mut table = Table::None;
    let mut is_open = false;
    for line in body.lines() {
        let is_row = line.starts_with('|');
        if !is_row {
            table = Table::None;
        }
        // Writing to a String cannot fail.
        let _ = if let Some(title) = line.strip_prefix("### ") {
            writeln!(manual, ".SS \"{}\"", text(title))
        } else if let Some(title) = line.strip_prefix("## ") {
            writeln!(manual, ".SH \"{}\"", text(&title.to_uppercase().replace('`', "")))
        } else if is_row {
            let before = table;
            table = before.next();
            row(&mut manual, line, before)
        } else if let Some(item) = line.strip_prefix("* ") {
            writeln!(manual, ".IP \\(bu 2\n{}", text(item))
        } else if line.is_empty() {
            Ok(())
        } else {
            let paragraph = if is_open { "" } else { ".PP\n" };
            writeln!(manual, "{paragraph}{}", text(line.trim_start()))
        };
        is_open = !line.is_empty() && !line.starts_with('#') && !is_row;
    }
    manual.push_str(FOOT);
    manual
}

/// Where in a table a line stands.
#[derive(Clone, Copy)]
enum Table {
    None,
    Titles,
    Rows,
}

impl Table {
    fn next(self) -> Self {
        match self {
            Self::None => Self::Titles,
            Self::Titles | Self::Rows => Self::Rows,
        }
    }
}

/// A row is a tagged paragraph; titles and the rule below them say nothing that the page needs.
fn row(manual: &mut String, line: &str, before: Table) -> std::fmt::Result {
    if !matches!(before, Table::Rows) {
        return Ok(());
    }
    let cells = line.trim_matches('|').replace("\\|", "\u{1}");
    let mut cells = cells.split('|').map(|cell| text(&cell.trim().replace('\u{1}', "|")));
    let tag = cells.next().unwrap_or_default();
    let rest: Vec<String> = cells.collect();
    writeln!(manual, ".TP\n{tag}\n{}", rest.join("; "))
}

/// A line of text: code and names in bold, emphasis in italics, links as what they show.
#[must_use]
pub fn text(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let mut rest = line;
    if rest.starts_with(['.', '\'']) {
        out.push_str("\\&");
    }
    while let Some(first) = rest.chars().next() {
        let span = SPANS.iter().find_map(|(mark, font)| {
            let (inside, behind) = rest.strip_prefix(mark)?.split_once(mark)?;
            (!inside.is_empty()).then_some((*mark, *font, inside, behind))
        });
        if let Some((mark, font, inside, behind)) = span {
            out.push_str(font);
            if mark == "`" {
                plain(&mut out, inside);
            } else {
                out.push_str(&text(inside));
            }
            out.push_str("\\fR");
            rest = behind;
            continue;
        }
        let link = rest.strip_prefix('[').and_then(|rest| {
            let (shown, behind) = rest.split_once("](")?;
            Some((shown, behind.split_once(')')?.1))
        });
        if let Some((shown, behind)) = link {
            plain(&mut out, shown);
            rest = behind;
            continue;
        }
        let (one, behind) = rest.split_at(first.len_utf8());
        plain(&mut out, one);
        rest = behind;
    }
    out
}

/// Characters that man(7) would take for something else.
fn plain(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '"' => out.push_str("\\(dq"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            other => out.push(other),
        }
    }
}

/// What stands around text, and the font that it asks for. The longer one first.
const SPANS: [(&str, &str); 3] = [("**", "\\fB"), ("`", "\\fB"), ("*", "\\fI")];

const HEAD: &str = "\
.\\\" Made from src/config/registry by `UPDATE_DOCS=1 cargo test --no-default-features --lib config_md`. Do not edit.
.TH HALE.CONF 5 \"\" \"Hale\" \"Settings of the Hale mail proxy\"
.nh
.ad l
.SH NAME
hale.conf \\- settings of the Hale mail proxy
.SH DESCRIPTION
";

const FOOT: &str = "\
.SH FILES
.TP
\\fB/etc/hale/hale.conf\\fR
the configuration
.TP
\\fB/usr/share/doc/hale/examples\\fR
configurations to begin with
.SH SEE ALSO
.BR hale (1)
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_markdown_of_our_pages_becomes_man_7() {
        let page = "# T\n<!-- x -->\n\nOne `a-b` **and *two***.\nOn.\n\n## `p { … }`\n\n### n_1\n\n.dot 'q'\n\n| A | B |\n|---|---|\n| `x \\| y` | \
                    see [D](README.md) |\n\n* item\n  goes on\n";
        let manual = hale_conf_5(page);
        let body = manual.strip_prefix(HEAD).unwrap().strip_suffix(FOOT).unwrap();
        assert_eq!(
            body,
            ".PP\nOne \\fBa\\-b\\fR \\fBand *two\\fR*.\nOn.\n.SH \"P { … }\"\n.SS \"n_1\"\n.PP\n\\&.dot \\(aqq\\(aq\n.TP\n\\fBx | y\\fR\nsee D\n\
             .IP \\(bu 2\nitem\ngoes on\n"
        );
    }
}
