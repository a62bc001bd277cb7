//! What one backend connection sends next: commands, and the message from where the backend needs it.
//!
//! Decides: what may be sent from where it lies, and what a partial send means. Does not: send. Driver:
//! `worker::lmtp::sending`, through [`super::shell`].

use crate::tick::Tick;

use super::content::Content;
use super::feed::{Feed, Stretch};
use super::link::{Due, Link, Stage};

impl Link {
    pub(super) fn has_output(&self, content: Content<'_>) -> bool {
        if !self.commands.is_empty() {
            return true;
        }
        let Some(mut feed) = self.feed() else { return false };
        feed.emit(content.window, content.is_complete, &mut [0]) > 0
    }

    /// Writes what comes next into `out`. Nothing is gone before [`Self::sent`] says so.
    pub(super) fn fill(&mut self, content: Content<'_>, out: &mut [u8]) -> usize {
        if !self.commands.is_empty() {
            let count = self.commands.len().min(out.len());
            let (here, _) = out.split_at_mut(count);
            here.copy_from_slice(self.commands.get(..count).unwrap_or_default());
            self.filled = (count, None);
            return count;
        }
        let Some(mut feed) = self.feed() else { return 0 };
        let count = feed.emit(content.window, content.is_complete, out);
        self.filled = (count, Some(feed));
        count
    }

    /// What comes next, if it is a long piece of the message that may be sent from where it lies; [`Self::passed`] follows.
    pub(super) fn stretch<'a>(&self, content: Content<'a>) -> Option<Stretch<'a>> {
        let feed = self.feed().filter(|_| self.commands.is_empty())?;
        feed.stretch(content.window, content.is_complete)
    }

    /// Whether a stretch follows what was filled last.
    pub(super) fn is_followed(&self, content: Content<'_>) -> bool {
        let (_, after) = &self.filled;
        after.is_some_and(|feed| feed.stretch(content.window, content.is_complete).is_some())
    }

    /// So much of a stretch is with the kernel.
    pub(super) fn passed(&mut self, now: Tick, content: Content<'_>, count: usize) {
        let Some(before) = self.feed().filter(|_| count > 0) else { return };
        self.moved_at = now;
        let mut feed = before;
        feed.pass(content.window.from(before.place).get(..count).unwrap_or_default());
        self.come_to(before, feed);
    }

    /// So much of what was filled last is with the kernel.
    pub(super) fn sent(&mut self, now: Tick, content: Content<'_>, count: usize) {
        if count == 0 {
            return;
        }
        self.moved_at = now;
        let (filled, after) = std::mem::take(&mut self.filled);
        let (Some(before), Some(after)) = (self.feed(), after) else {
            drop(self.commands.drain(..count.min(self.commands.len())));
            return;
        };
        let feed = if count == filled { after } else { replayed(before, content, count) };
        self.come_to(before, feed);
    }

    /// The message has come further: replies to it are due.
    fn come_to(&mut self, before: Feed, feed: Feed) {
        self.stage = Stage::Content(feed);
        for _ in before.chunks()..feed.chunks() {
            self.due.push_back(Due::Chunk);
        }
        if feed.is_over() {
            if feed.chunks() > before.chunks() {
                // The last chunk is answered once for each recipient instead.
                self.due.pop_back();
            }
            let accepted = self.envelope.iter().flat_map(|envelope| envelope.accepted.iter());
            self.due.extend(accepted.map(|&number| Due::Final(number)));
        }
    }
}

/// Where a feed is when only the first `count` bytes of what it emits are sent.
fn replayed(mut feed: Feed, content: Content<'_>, count: usize) -> Feed {
    let mut left = count;
    let mut thrown_away = [0; 512];
    while left > 0 {
        let (part, _) = thrown_away.split_at_mut(left.min(512));
        let emitted = feed.emit(content.window, content.is_complete, part);
        if emitted == 0 {
            break;
        }
        left = left.saturating_sub(emitted);
    }
    feed
}
