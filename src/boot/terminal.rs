//! The terminal of a command that draws pages: keys are read as they are pressed, and everything is as before at the end.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// A terminal that pages are drawn on; as it was, once this is dropped.
#[derive(Debug)]
pub struct Terminal {
    before: Termios,
}

impl Terminal {
    /// Takes the terminal over. None: standard input or output is none, or it does not let us.
    #[must_use]
    pub fn take_over() -> Option<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw).ok()?;
        let terminal = Self { before };
        terminal.write(ALTERNATE_SCREEN);
        Some(terminal)
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(io::stdout()).ok();
        let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
        size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()))
    }

    /// Draws a page over the last one.
    pub fn draw(&self, lines: &[String]) {
        let mut page = String::from(HOME);
        let mut lines = lines.iter().peekable();
        while let Some(line) = lines.next() {
            page += line;
            page += END_OF_LINE_CLEARED;
            if lines.peek().is_some() {
                page += "\r\n";
            }
        }
        page += BELOW_CLEARED;
        self.write(&page);
    }

    /// A terminal that is gone has no use for it.
    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.write(MAIN_SCREEN);
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}

/// Without a cursor.
const ALTERNATE_SCREEN: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const MAIN_SCREEN: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const END_OF_LINE_CLEARED: &str = "\x1b[0m\x1b[K";
const BELOW_CLEARED: &str = "\x1b[J";
