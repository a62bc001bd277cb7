//! Orders that come from the status page (`stats_admin = yes`): the same values as by the admin socket, and the same lines in the log.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::desk::Desk;
use super::guard::Viewer;
use crate::control::admin::{Asker, Kicking};
use crate::control::cluster::ClusterCommand;
use crate::control::cluster::verbs::{BackendChoice, BackendCommand, BackendStatusWord};
use crate::event::{cleaned, escaped};
use crate::limits;
use crate::page::Tone;
use crate::share::enquiry::Whom;
use crate::wire::url::form_decoded;

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// What is ordered.
    pub(super) what: Order,
    /// What the page had.
    pub(super) token: String,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// A backend's new status.
    Status { host: String, status: BackendStatusWord, reason: Option<String> },
    /// All sessions of a user end.
    Kick { user: String, reason: Option<String> },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) tone: Tone,
    pub(super) words: String,
    /// The backend or user that it was about.
    pub(super) about: Order,
}

/// Reads a form's body; none: it is no order.
pub(super) fn read(body: &[u8]) -> Option<Sent> {
    let fields = form_decoded(body)?;
    let field = |name: &str| {
        let mut found = fields.iter().filter(|(it, _)| it == name).map(|(_, value)| value.clone());
        let (value, more) = (found.next(), found.next());
        value.filter(|_| more.is_none())
    };
    let reason = field("reason").map(|text| {
        let text = cleaned(text.trim().as_bytes(), limits::PAGE_REASON_BYTES_MAX);
        text.into_string()
    });
    let reason = reason.filter(|text| !text.is_empty());
    let what = match (&*field("do")?, field("host"), field("user")) {
        ("standby", Some(host), None) => {
            Order::Status { host, status: BackendStatusWord::Standby, reason }
        }
        ("online", Some(host), None) => {
            Order::Status { host, status: BackendStatusWord::Online, reason }
        }
        ("kick", None, Some(user)) => Order::Kick { user, reason },
        _ => return None,
    };
    Some(Sent { what, token: field("token")? })
}

/// Carries it out.
pub(super) async fn carry_out(
    desk: &Desk,
    order: Order,
    viewer: &Viewer,
    peer: SocketAddr,
) -> Done {
    let by = Asker::Page(peer);
    let about = order.clone();
    match order {
        Order::Status { host, status, reason } => {
            // A name that no row has must not become a word of the command line.
            if desk.admin.exchange.table.load().place_by_host(&host).is_none() {
                let words = "There is no such backend any more.".to_owned();
                return Done { tone: Tone::Bad, words, about };
            }
            let reason = Some(match reason {
                Some(reason) => format!("{reason} ({viewer})"),
                None => format!("({viewer})"),
            });
            let backend = BackendChoice { own: false, host: Some(host.clone()) };
            let command = ClusterCommand::Backend(BackendCommand::Update {
                status: Some(status),
                load_factor: None,
                connections_max: None,
                reason,
                backend,
            });
            match desk.admin.cluster(&command, by).await {
                Ok(output) => {
                    let notices: Vec<String> = output.notices;
                    let words = format!("Done. {}", notices.join(" "));
                    Done { tone: Tone::Good, words: words.trim_end().to_owned(), about }
                }
                Err(error) => Done { tone: Tone::Bad, words: format!("Not done: {error}"), about },
            }
        }
        Order::Kick { user, reason } => {
            let words = kick(desk, &user, reason, viewer, by).await;
            let (tone, words) = match words {
                Ok(words) => (Tone::Good, words),
                Err(words) => (Tone::Bad, words),
            };
            Done { tone, words, about }
        }
    }
}

/// The very user, whatever wildcards the name may have.
async fn kick(
    desk: &Desk,
    user: &str,
    reason: Option<String>,
    viewer: &Viewer,
    by: Asker,
) -> Result<String, String> {
    let whom = Whom { names: Some(BTreeSet::from([user.into()])), ..Whom::default() };
    let shown = escaped(user.as_bytes(), limits::USER_BYTES_MAX);
    let reason = reason.map(|reason| format!(" reason=<{reason}>")).unwrap_or_default();
    let order = format!("kick <{shown}>{reason} viewer=<{viewer}>");
    let mut kicking = Kicking::begin(&desk.admin, whom, order, by);
    while kicking.rows().await.is_some() {}
    match kicking.finish() {
        Ok(0) => Err("The user has no session here.".to_owned()),
        Ok(1) => Ok("One session has been ended.".to_owned()),
        Ok(count) => Ok(format!("{count} sessions have been ended.")),
        Err(error) => Err(format!("Not all sessions have been ended: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_what_a_form_of_ours_sends_and_nothing_else() {
        let sent = read(b"do=standby&host=be1.example.org&token=t&reason=+disks%3f%0a").unwrap();
        let (host, reason) = ("be1.example.org".to_owned(), Some("disks?".to_owned()));
        let what = Order::Status { host, status: BackendStatusWord::Standby, reason };
        assert_eq!(sent, Sent { what, token: "t".to_owned() });
        let kick = read(b"do=kick&user=b%40x&token=t&reason=").unwrap();
        assert_eq!(kick.what, Order::Kick { user: "b@x".to_owned(), reason: None });
        for bad in [
            &b""[..],
            b"do=standby&host=be1",
            b"do=stop&token=t",
            b"do=kick&host=be1&token=t",
            b"do=kick&user=a&user=b&token=t",
            b"do=kick&user=a&token=t&token=u",
            b"do=kick&user=%ff&token=t",
            b"do=kick&user=%4&token=t",
            b"do=offline&host=be1&token=t",
        ] {
            assert_eq!(read(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
