//! A page as text.

use super::html::Html;
use super::model::{Cell, Column, Order, Page, Refresh, Section, Tab, Table, Target, Tile, Tone};
use crate::limits;
use crate::wire::url::percent_encode;

impl Page {
    /// The whole document.
    #[must_use]
    pub fn render(&self) -> String {
        let mut html = Html::document();
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| self.head(html));
            let seconds = match self.refresh {
                Refresh::Always | Refresh::ByScript => limits::PAGE_REFRESH.as_secs(),
                Refresh::Never => 0,
            };
            html.element("body", &[("data-refresh", &seconds.to_string())], |html| self.body(html));
        });
        html.end()
    }

    fn head(&self, html: &mut Html) {
        html.void("meta", &[("charset", "utf-8")]);
        html.void(
            "meta",
            &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")],
        );
        html.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
        html.leaf("title", &[], &format!("{} – Hale on {}", self.title, self.host));
        html.void("link", &[("rel", "icon"), ("href", "icon.svg"), ("type", "image/svg+xml")]);
        html.void("link", &[("rel", "stylesheet"), ("href", "page.css")]);
        html.element("script", &[("src", "page.js"), ("defer", "")], |_| {});
        if self.refresh == Refresh::Always {
            let seconds = limits::PAGE_REFRESH_WITHOUT_SCRIPT.as_secs().to_string();
            html.element("noscript", &[], |html| {
                html.void("meta", &[("http-equiv", "refresh"), ("content", &seconds)]);
            });
        }
    }

    fn body(&self, html: &mut Html) {
        html.leaf("a", &[("class", "skip"), ("href", "#content")], "Skip to the content");
        html.element("header", &[], |html| {
            html.element("p", &[("class", "brand")], |html| {
                html.leaf("strong", &[], "Hale");
                html.text(" ");
                html.leaf("span", &[], &self.host);
            });
            html.element("nav", &[("aria-label", "Pages")], |html| {
                html.element("ul", &[], |html| self.ways(html));
            });
        });
        html.element("main", &[("id", "content"), ("tabindex", "-1")], |html| {
            html.leaf("h1", &[], &self.title);
            for (number, section) in self.sections.iter().enumerate() {
                self.section(number, section, html);
            }
        });
        html.element("footer", &[], |html| {
            html.element("p", &[("id", "made")], |html| {
                html.text("As of ");
                html.leaf("time", &[("datetime", &self.made_at)], &self.made_at);
                html.text(" ");
                html.leaf("span", &[("id", "state"), ("role", "status")], "");
            });
        });
    }

    fn ways(&self, html: &mut Html) {
        for tab in Tab::ALL {
            let href = href(&Target::Tab(tab));
            let current = [("href", &*href), ("aria-current", "page")];
            let attributes = if tab == self.tab { &current[..] } else { &current[..1] };
            html.element("li", &[], |html| html.leaf("a", attributes, tab.title()));
        }
    }

    fn section(&self, number: usize, section: &Section, html: &mut Html) {
        match section {
            Section::Tiles(tiles) => html.element("ul", &[("class", "tiles")], |html| {
                tiles.iter().for_each(|it| tile(it, html));
            }),
            Section::Attention(lines) => attention(number, lines, html),
            Section::Table(table) => self.table(number, table, html),
            Section::Search { label, target, value } => search(label, target, value, html),
            Section::Words(text) => html.leaf("p", &[], text),
            Section::Notice(tone, text) => {
                let class = format!("notice {}", tone.class());
                html.leaf("p", &[("class", &class), ("role", "status")], text);
            }
            Section::Way(target, text) => {
                html.element("p", &[], |html| html.leaf("a", &[("href", &href(target))], text));
            }
            Section::Orders(orders) => html.element("div", &[("class", "orders")], |html| {
                self.orders(orders, html);
            }),
        }
    }

    fn table(&self, number: usize, table: &Table, html: &mut Html) {
        let id = format!("part{number}");
        html.element("section", &[("aria-labelledby", &id)], |html| {
            html.leaf("h2", &[("id", &id)], &table.caption);
            if table.rows.is_empty() {
                return html.leaf("p", &[("class", "empty")], table.empty);
            }
            // Wide tables are moved by the keyboard, too.
            let frame = [
                ("class", "wide"),
                ("role", "region"),
                ("tabindex", "0"),
                ("aria-labelledby", &*id),
            ];
            html.element("div", &frame, |html| {
                html.element("table", &[], |html| {
                    html.leaf("caption", &[("class", "unseen")], &table.caption);
                    html.element("thead", &[], |html| {
                        html.element("tr", &[], |html| heads(&table.columns, html));
                    });
                    html.element("tbody", &[], |html| {
                        for row in &table.rows {
                            html.element("tr", &[], |html| self.row(table, row, html));
                        }
                    });
                });
            });
            if let Some(note) = &table.note {
                html.leaf("p", &[("class", "note")], note);
            }
        });
    }

    fn row(&self, table: &Table, row: &[Cell], html: &mut Html) {
        for (at, (column, cell)) in table.columns.iter().zip(row).enumerate() {
            let class = if column.is_number { "number" } else { "" };
            let attributes = [("class", class), ("scope", "row")];
            let (name, attributes) =
                if at == 0 { ("th", &attributes[..]) } else { ("td", &attributes[..1]) };
            html.element(name, attributes, |html| self.cell(cell, html));
        }
    }

    fn cell(&self, cell: &Cell, html: &mut Html) {
        match cell {
            Cell::Unknown => html.element("span", &[("class", "unknown")], |html| {
                html.leaf("span", &[("aria-hidden", "true")], "–");
                html.leaf("span", &[("class", "unseen")], "not known");
            }),
            Cell::Text(text) => html.text(text),
            Cell::State(tone, word) => {
                let class = format!("state {}", tone.class());
                html.leaf("span", &[("class", &class)], word);
            }
            Cell::Way(target, text) => html.leaf("a", &[("href", &href(target))], text),
            Cell::Course(course) => course.write(html),
            Cell::Strip(strip) => strip.write(html),
            Cell::Orders(orders) => html.element("div", &[("class", "orders")], |html| {
                self.orders(orders, html);
            }),
        }
    }

    /// Without a token no order would be carried out, so none is offered.
    fn orders(&self, orders: &[Order], html: &mut Html) {
        let Some(token) = &self.token else { return };
        for order in orders {
            html.element("details", &[], |html| {
                html.leaf("summary", &[], order.name);
                let form = [("method", "post"), ("action", "order")];
                html.element("form", &form, |html| fill(order, token, html));
            });
        }
    }
}

fn fill(order: &Order, token: &str, html: &mut Html) {
    html.leaf("p", &[], &order.explained);
    let entries = order.entries.iter().map(|(name, value)| (*name, &**value));
    for (name, value) in entries.chain([(TOKEN, token)]) {
        html.void("input", &[("type", "hidden"), ("name", name), ("value", value)]);
    }
    if let Some(field) = order.field {
        let length = field.length_max.to_string();
        html.element("label", &[], |html| {
            html.text(field.label);
            html.text(" ");
            let input = [("name", field.name), ("maxlength", &*length), ("autocomplete", "off")];
            html.void("input", &input);
        });
    }
    html.leaf("button", &[("type", "submit")], order.name);
}

fn heads(columns: &[Column], html: &mut Html) {
    for Column { title, is_number } in columns {
        let class = if *is_number { "number" } else { "" };
        html.leaf("th", &[("scope", "col"), ("class", class)], title);
    }
}

fn tile(tile: &Tile, html: &mut Html) {
    let class = format!("tile {}", tile.tone.class());
    html.element("li", &[("class", &class)], |html| {
        html.leaf("h2", &[], tile.name);
        html.leaf("p", &[("class", "value")], &tile.value);
        html.leaf("p", &[("class", "note")], &tile.note);
        if let Some(course) = &tile.course {
            course.write(html);
        }
    });
}

fn attention(number: usize, lines: &[(Tone, String)], html: &mut Html) {
    let id = format!("part{number}");
    html.element("section", &[("aria-labelledby", &id), ("class", "attention")], |html| {
        html.leaf("h2", &[("id", &id)], "To be looked at");
        if lines.is_empty() {
            return html.leaf("p", &[("class", "notice good")], "Nothing needs your attention.");
        }
        html.element("ul", &[], |html| {
            for (tone, line) in lines {
                let class = format!("notice {}", tone.class());
                html.leaf("li", &[("class", &class)], line);
            }
        });
    });
}

fn search(label: &str, target: &str, value: &str, html: &mut Html) {
    let form = [("class", "search"), ("role", "search"), ("method", "get"), ("action", target)];
    html.element("form", &form, |html| {
        html.leaf("label", &[("for", "asked")], label);
        let length = limits::USER_BYTES_MAX.to_string();
        html.void(
            "input",
            &[
                ("id", "asked"),
                ("name", "name"),
                ("value", value),
                ("maxlength", &length),
                ("autocomplete", "off"),
                ("autocapitalize", "off"),
                ("spellcheck", "false"),
            ],
        );
        html.leaf("button", &[("type", "submit")], "Look up");
    });
}

/// Relative, so that a reverse proxy may serve the pages in a folder.
fn href(target: &Target) -> String {
    match target {
        Target::Tab(Tab::Overview) => "./".to_owned(),
        Target::Tab(tab) => tab.path().to_owned(),
        Target::User(name) => {
            let mut encoded = b"user?name=".to_vec();
            percent_encode(name.as_bytes(), &mut encoded);
            String::from_utf8_lossy(&encoded).into_owned()
        }
        Target::From(tab, first) => format!("{}?from={first}", tab.path()),
    }
}

/// The name of what proves where an order comes from.
const TOKEN: &str = "token";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::{Course, Field, Strip};

    fn page(sections: Vec<Section>, token: Option<&str>) -> Page {
        Page {
            tab: Tab::Backends,
            title: "Backends".to_owned(),
            host: "lb1".to_owned(),
            made_at: "2026-11-27T18:05:00Z".to_owned(),
            refresh: Refresh::Always,
            sections,
            token: token.map(str::to_owned),
        }
    }

    /// Every kind of thing that a page can have, with a text that would like to be markup.
    fn full(text: &str, token: Option<&str>) -> String {
        let order = Order {
            name: "Standby",
            explained: text.to_owned(),
            entries: vec![("host", text.to_owned())],
            field: Some(Field { name: "reason", label: "Reason", length_max: 200 }),
        };
        let course = Course { name: "sessions", values: vec![Some(1), Some(2)] };
        let cells = vec![
            Cell::Way(Target::User(text.to_owned()), text.to_owned()),
            Cell::Text(text.to_owned()),
            Cell::State(Tone::Bad, text.to_owned()),
            Cell::Unknown,
            Cell::Course(course.clone()),
            Cell::Strip(Strip { values: vec![Some((Tone::Good, "up"))] }),
            Cell::Orders(vec![order.clone()]),
        ];
        let columns = cells.iter().map(|_| Column::text(text)).collect();
        let table = Table {
            caption: text.to_owned(),
            columns,
            rows: vec![cells],
            empty: "none",
            note: Some(text.to_owned()),
        };
        let tile = Tile {
            name: "Sessions",
            value: text.to_owned(),
            note: text.to_owned(),
            tone: Tone::Plain,
            course: Some(course),
        };
        let sections = vec![
            Section::Tiles(vec![tile]),
            Section::Attention(vec![(Tone::Warn, text.to_owned())]),
            Section::Table(table),
            Section::Search { label: "User", target: "user", value: text.to_owned() },
            Section::Words(text.to_owned()),
            Section::Notice(Tone::Bad, text.to_owned()),
            Section::Way(Target::User(text.to_owned()), text.to_owned()),
            Section::Orders(vec![order]),
        ];
        let page = page(sections, token);
        Page { title: text.to_owned(), host: text.to_owned(), ..page }.render()
    }

    #[test]
    fn no_text_becomes_markup_wherever_it_stands() {
        let hostile = "\"><img src=x onerror='alert(1)'>&amp;</script>";
        let (plain, told) = (full("be1", Some("t")), full(hostile, Some("t")));
        let marks = |text: &str| ['<', '>', '"'].map(|mark| text.matches(mark).count());
        assert_eq!(marks(&plain), marks(&told), "{told}");
        assert!(!told.contains("<img") && told.contains("&amp;amp;"), "{told}");
        assert!(told.contains("user?name=%22%3E%3Cimg"), "{told}");
    }

    #[test]
    fn orders_are_offered_to_those_only_who_may_give_them() {
        assert!(!full("be1", None).contains("<form method=\"post\""));
        let told = full("be1", Some("s3cret"));
        assert_eq!(told.matches("<form method=\"post\" action=\"order\">").count(), 2);
        assert_eq!(told.matches("name=\"token\" value=\"s3cret\"").count(), 2);
    }

    #[test]
    fn the_page_is_one_that_readers_and_keyboards_find_their_way_in() {
        let told = full("be1", None);
        assert!(
            told.starts_with("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
        );
        assert_eq!(told.matches("<h1>").count(), 1);
        assert_eq!(told.matches("aria-current=\"page\"").count(), 1);
        assert!(told.contains("<th scope=\"col\"") && told.contains("scope=\"row\""));
        assert!(told.contains("<caption"));
        assert!(told.contains("<label for=\"asked\">"));
        for inline in [" style=", "<style", " onload=", " onerror=", " onclick=", "javascript:"] {
            assert!(!told.contains(inline), "{inline}: the browser is told to refuse it");
        }
        let none = page(vec![Section::Attention(Vec::new())], None).render();
        assert!(none.contains("Nothing needs your attention."));
    }

    #[test]
    fn a_page_is_shown_anew_only_where_that_disturbs_nothing() {
        let of = |refresh| Page { refresh, ..page(Vec::new(), None) }.render();
        assert!(of(Refresh::Always).contains("<noscript><meta http-equiv=\"refresh\""));
        let by_script = of(Refresh::ByScript);
        assert!(!by_script.contains("http-equiv") && !by_script.contains("data-refresh=\"0\""));
        assert!(of(Refresh::Never).contains("data-refresh=\"0\""));
    }
}
