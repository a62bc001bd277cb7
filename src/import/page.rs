//! The new file as a tree of settings and blocks, so that a part of it can be taken out again. Tests: below.

use crate::config::Place;

/// The file, from its first setting on.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
}

/// A setting or block.
#[derive(Debug)]
pub(super) struct Item {
    /// The word in front of `=` or `{`.
    pub(super) name: String,
    pub(super) content: Content,
    /// Where it is from.
    pub(super) origin: Origin,
}

#[derive(Debug)]
pub(super) enum Content {
    /// What stands behind `=`, as it has to be written.
    Text(String),
    /// What stands between the braces; the label as it has to be written.
    Block(Option<String>, Vec<Item>),
}

/// Where something is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A line, and what may be shown of it.
    Line(Place, String),
    /// `hale import` itself, for this reason.
    Own(&'static str),
    /// What stands right above it.
    Same,
}

/// The way to an item: positions, from the outermost block inwards.
pub(super) type Path = Vec<usize>;

impl Item {
    pub(super) fn setting(name: &str, text: impl Into<String>, origin: Origin) -> Self {
        Self { name: name.to_owned(), content: Content::Text(text.into()), origin }
    }

    pub(super) fn block(name: &str, label: Option<&str>, items: Vec<Self>, origin: Origin) -> Self {
        let label = label.map(str::to_owned);
        Self { name: name.to_owned(), content: Content::Block(label, items), origin }
    }

    fn render(&self, text: &mut Text, way: &mut Path) {
        text.origin(&self.origin, way.len());
        match &self.content {
            Content::Text(value) => text.line(&format!("{} = {value}", self.name), way),
            Content::Block(label, items) => {
                let label = label.as_ref().map_or_else(String::new, |label| format!(" {label}"));
                text.line(&format!("{}{label} {{", self.name), way);
                for (at, item) in items.iter().enumerate() {
                    way.push(at);
                    item.render(text, way);
                    way.pop();
                }
                text.line("}", way);
            }
        }
    }
}

impl Page {
    pub(super) fn push(&mut self, item: Item) {
        self.items.push(item);
    }

    /// Adds to the block of this name and label; to a new one, if there is none.
    pub(super) fn add(&mut self, name: &str, label: &str, items: Vec<Item>, origin: Origin) {
        let inside = self.items.iter_mut().find_map(|item| match &mut item.content {
            Content::Block(Some(it), inside) if item.name == name && it == label => Some(inside),
            Content::Block(..) | Content::Text(_) => None,
        });
        match inside {
            Some(inside) => inside.extend(items),
            None => self.items.push(Item::block(name, Some(label), items, origin)),
        }
    }

    /// The text, and for each of its lines the way to what it is of.
    pub(super) fn render(&self) -> (String, Vec<Option<Path>>) {
        let mut text = Text::default();
        for (at, item) in self.items.iter().enumerate() {
            let is_block = matches!(item.content, Content::Block(..));
            if is_block && at > 0 {
                text.blank();
            }
            item.render(&mut text, &mut vec![at]);
        }
        (text.text, text.ways)
    }

    /// What is at the end of a way.
    pub(super) fn at(&self, way: &[usize]) -> Option<&Item> {
        let (first, rest) = way.split_first()?;
        let mut item = self.items.get(*first)?;
        for at in rest {
            let Content::Block(_, items) = &item.content else { return None };
            item = items.get(*at)?;
        }
        Some(item)
    }

    /// The block around the end of a way.
    pub(super) fn around(&mut self, way: &[usize]) -> Option<(&mut Vec<Item>, usize)> {
        let (last, outer) = way.split_last()?;
        let mut items = &mut self.items;
        for at in outer {
            let Content::Block(_, inside) = &mut items.get_mut(*at)?.content else { return None };
            items = inside;
        }
        (*last < items.len()).then_some((items, *last))
    }
}

#[derive(Default)]
struct Text {
    text: String,
    ways: Vec<Option<Path>>,
    last: Option<Origin>,
}

impl Text {
    fn line(&mut self, line: &str, way: &[usize]) {
        self.add(line, way.len());
        self.ways.push(Some(way.to_vec()));
    }

    fn blank(&mut self) {
        self.text.push('\n');
        self.ways.push(None);
    }

    /// Once for all that follows of the same line.
    fn origin(&mut self, origin: &Origin, depth: usize) {
        let told = match origin {
            Origin::Line(place, shown) => format!("# {place} {shown}"),
            Origin::Own(why) => format!("# hale import: {why}"),
            Origin::Same => return,
        };
        if self.last.as_ref() != Some(origin) {
            self.add(told.trim_end(), depth);
            self.ways.push(None);
            self.last = Some(origin.clone());
        }
    }

    fn add(&mut self, line: &str, depth: usize) {
        for _ in 1..depth {
            self.text.push_str("  ");
        }
        // A value of several lines is none that a file could have.
        self.text.extend(line.chars().map(|it| if it == '\n' { ' ' } else { it }));
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lead_back_to_what_they_are_of() {
        let own = Origin::Own("so");
        let mut page = Page::default();
        page.push(Item::setting("ssl", "no", own.clone()));
        let listener = vec![
            Item::setting("port", "143", Origin::Same),
            Item::setting("ssl", "yes", Origin::Same),
        ];
        page.add("service", "imap-login", Vec::new(), own.clone());
        let listener = Item::block("inet_listener", Some("imap"), listener, Origin::Same);
        page.add("service", "imap-login", vec![listener], own);
        let (text, ways) = page.render();
        assert_eq!(
            text,
            "# hale import: so\nssl = no\n\nservice imap-login {\n  inet_listener imap {\n    port = 143\n    ssl = yes\n  }\n}\n"
        );
        assert_eq!(ways.len(), text.lines().count());
        assert_eq!(ways[6].as_deref(), Some(&[1, 0, 1][..]));
        assert_eq!(page.at(&[1, 0, 1]).map(|it| &*it.name), Some("ssl"));
        let (items, at) = page.around(&[1, 0, 1]).unwrap();
        items.remove(at);
        assert!(page.at(&[1, 0, 1]).is_none() && page.around(&[1, 0, 7]).is_none());
    }
}
