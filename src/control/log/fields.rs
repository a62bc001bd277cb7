//! What an event says, as names and values: for `log_format = json` and for the fields of the journal. The names are an interface
//! (docs/LOGS.md). Values are those of the line, so nothing is told here that is not told there.

use crate::event::{Details, Event, LoginStep, Subject};

/// A name and its value.
pub(in crate::control) type Field = (&'static str, String);

/// All that an event says besides its line.
pub(in crate::control) fn of(event: &Event) -> Vec<Field> {
    let mut fields = Fields(vec![("event", kind(event).to_owned())]);
    match event {
        Event::Refused { protocol, peer, reason, closed } => {
            fields.say("protocol", protocol);
            fields.say("client", peer.ip());
            fields.say("client_port", peer.port());
            fields.say("class", closed.name());
            fields.say("reason", reason);
        }
        Event::Aborted { subject, details, reason, .. }
        | Event::CertificateRefused { subject, details, reason } => {
            fields.connection(subject, details.as_deref());
            fields.say("reason", reason);
        }
        Event::Noticed { subject, details, .. } => fields.connection(subject, details.as_deref()),
        Event::LoginFailed { subject, details, failure, detail } => {
            fields.connection(subject, details.as_deref());
            fields.say("code", failure.code());
            fields.say("reason", detail);
        }
        Event::BackendFailed { subject, details, backend, failure, detail, .. } => {
            fields.connection(subject, details.as_deref());
            fields.say("backend", backend);
            fields.say("code", failure.code());
            fields.say("reason", detail);
        }
        Event::Referred { subject, details, from, to } => {
            fields.connection(subject, details.as_deref());
            fields.say("referred_by", from);
            fields.say("backend", to);
        }
        Event::LoggedIn { subject, details, backend, took } => {
            fields.connection(subject, Some(details));
            fields.say("backend", backend);
            fields.say("took_ms", took.as_millis());
        }
        Event::RelayEnded { subject, backend, by, bytes_up, bytes_down, lasted, error } => {
            fields.connection(subject, None);
            fields.say("backend", backend);
            fields.say("by", by.name());
            fields.say("bytes_in", bytes_up);
            fields.say("bytes_out", bytes_down);
            fields.say("seconds", lasted.as_secs());
            fields.say_if("reason", *error);
        }
        Event::Delivered { subject, recipient, backend, bytes, reply, took, .. } => {
            fields.connection(subject, None);
            fields.say("recipient", recipient);
            fields.say_if("backend", backend.as_deref());
            fields.say("size", bytes);
            fields.say("reply", reply);
            fields.say("took_ms", took.as_millis());
        }
        Event::Note { .. } => {}
    }
    fields.0
}

/// What happened, in one word.
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Refused { .. } => "refused",
        Event::Aborted { .. } => "disconnected",
        Event::CertificateRefused { .. } => "certificate_refused",
        Event::Noticed { .. } => "noticed",
        Event::LoginFailed { .. } => "login_failed",
        Event::BackendFailed { .. } => "backend_failed",
        Event::Referred { .. } => "referred",
        Event::LoggedIn { .. } => "login",
        Event::RelayEnded { .. } => "session_ended",
        Event::Delivered { accepted: true, .. } => "delivered",
        Event::Delivered { .. } => "not_delivered",
        Event::Note { .. } => "note",
    }
}

struct Fields(Vec<Field>);

impl Fields {
    fn say(&mut self, name: &'static str, value: impl ToString) {
        self.0.push((name, value.to_string()));
    }

    fn say_if(&mut self, name: &'static str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.say(name, value);
        }
    }

    /// Whom it is about, and how the client came.
    fn connection(&mut self, subject: &Subject, details: Option<&Details>) {
        let Subject { protocol, session, client, user, master } = subject;
        self.say("protocol", protocol);
        self.say("session", session);
        self.say_if("user", user.as_deref());
        self.say_if("master_user", master.as_deref());
        self.say("client", client.ip());
        self.say("client_port", client.port());
        let Some(details) = details else { return };
        self.say_if("mechanism", details.mechanism);
        self.say_if("group", details.group.as_deref());
        let privacy = Some(details.privacy.word()).filter(|word| !word.is_empty());
        self.say_if("secured", privacy);
        for step in LoginStep::ALL {
            let took = details.spent.of(step);
            self.say_if(step_name(step), took);
        }
    }
}

/// As the elements of a line about a login are called.
fn step_name(step: LoginStep) -> &'static str {
    match step {
        LoginStep::Header => "header_ms",
        LoginStep::Tls => "tls_ms",
        LoginStep::Auth => "auth_ms",
        LoginStep::Delay => "delay_ms",
        LoginStep::Route => "route_ms",
        LoginStep::Connect => "connect_ms",
        LoginStep::BackendTls => "backend_tls_ms",
        LoginStep::BackendLogin => "login_ms",
    }
}
