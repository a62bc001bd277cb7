//! A writer of HTML that cannot write what it was not told to: names of elements and attributes are the program's own
//! (`&'static str`), every other text is escaped.

/// HTML in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

/// An attribute's name and value.
pub(super) type Attribute<'a> = (&'static str, &'a str);

impl Html {
    /// The beginning of a document.
    pub(super) fn document() -> Self {
        Self("<!DOCTYPE html>\n".to_owned())
    }

    /// An element and what is in it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Self),
    ) {
        self.begin(name, attributes);
        inside(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    /// An element with nothing but text in it.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.element(name, attributes, |html| html.text(text));
    }

    /// An element that has no inside, and no end.
    pub(super) fn void(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
    }

    /// Text as it is read.
    pub(super) fn text(&mut self, text: &str) {
        escape(text, &mut self.0);
    }

    /// The whole text.
    pub(super) fn end(self) -> String {
        self.0
    }

    fn begin(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            self.0.push(' ');
            self.0.push_str(attribute);
            self.0.push_str("=\"");
            escape(value, &mut self.0);
            self.0.push('"');
        }
        self.0.push('>');
    }
}

/// For text and for values between double quotes. What has no shape of its own, or turns the direction of what stands around it, is
/// shown as a replacement character: a user's name must not look like another one.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            letter if letter.is_control() || is_invisible(letter) => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            letter => out.push(letter),
        }
    }
}

/// Marks of direction, joiners without width, and what separates lines besides LF (Unicode 15, general categories Cf, Zl and Zp, as
/// far as they occur between letters).
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut html = Html::default();
        html.leaf("p", &[("title", text)], text);
        html.end()
    }

    #[test]
    fn hostile_texts_stay_texts() {
        assert_eq!(
            written("<script>alert('1&2')</script>\""),
            "<p title=\"&lt;script&gt;alert(&#39;1&amp;2&#39;)&lt;/script&gt;&quot;\">\
             &lt;script&gt;alert(&#39;1&amp;2&#39;)&lt;/script&gt;&quot;</p>"
        );
        assert_eq!(written("a\0\u{1b}[2J\u{202e}b").matches('\u{fffd}').count(), 6);
        assert_eq!(
            written("tim\u{e4}@例え.jp"),
            "<p title=\"tim\u{e4}@例え.jp\">tim\u{e4}@例え.jp</p>"
        );
    }

    #[test]
    fn elements_close_in_order() {
        let mut html = Html::document();
        html.element("ul", &[], |html| {
            html.leaf("li", &[], "1");
            html.void("hr", &[]);
        });
        assert_eq!(html.end(), "<!DOCTYPE html>\n<ul><li>1</li><hr></ul>");
    }

    proptest! {
        #[test]
        fn no_text_opens_or_closes_anything(text in any::<String>()) {
            let written = written(&text);
            prop_assert_eq!(written.matches('<').count(), 2);
            prop_assert_eq!(written.matches('>').count(), 2);
            prop_assert_eq!(written.matches('"').count(), 2);
        }
    }
}
