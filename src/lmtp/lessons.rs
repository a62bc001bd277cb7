//! What an attempt at a backend has shown, for the deliveries and logins that follow.
//!
//! Decides: of what to speak. Does not: remember anything. Driver: `delivery`, `recipients`. Tests: `tests/transcripts/lmtp`.

use super::delivery::{Delivery, Scene};
use super::input::LinkId;
use super::output::Wish;
use crate::session::input::Hop;
use crate::session::output::Lesson;

impl Delivery {
    /// Another site's load balancer has answered, or has not. Of backends nothing is learnt so.
    pub(super) fn learn_of_site(&self, id: LinkId, is_reached: bool, scene: &mut Scene<'_>) {
        if let Some(link) = self.links.get(id)
            && link.purpose.hop == Hop::Site
        {
            let (host, endpoint) = (link.purpose.host.clone(), link.purpose.endpoint);
            scene.outbox.wish(Wish::Learn(Lesson::Site { host, endpoint, is_reached }));
        }
    }

    /// These recipients were not served where routing sent them.
    pub(super) fn learn_not_served<'a>(
        &self,
        numbers: impl Iterator<Item = &'a usize>,
        scene: &mut Scene<'_>,
    ) {
        let Some(transaction) = &self.transaction else { return };
        for recipient in numbers.filter_map(|number| transaction.recipients.get(*number)) {
            if let Some(user) = recipient.user.clone() {
                let group = recipient.group();
                scene.outbox.wish(Wish::Learn(Lesson::NotServed { user, group }));
            }
        }
    }
}
