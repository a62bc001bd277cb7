//! A decision in words, step by step, for `hale explain USER`.
//!
//! Duty: telling what [`super::decide`] looks at and what it makes of it. Non-duty: deciding again; the last line is
//! the decision itself, so that the text cannot claim something else. Driven by the admin commands.

use uuid::Uuid;

use super::decide::{Decision, Hop, RouteQuestion, UserKnown, decide};
use super::rows::{User, UserGroup};
use super::table::Table;

/// The steps of one decision, one line each.
#[must_use]
pub fn explain(table: &Table, known: UserKnown<'_>, question: &RouteQuestion<'_>) -> Vec<String> {
    let mut steps = Vec::new();
    match table.local_site() {
        Some(site) => steps.push(format!("local site: {} ({})", site.name, site.status)),
        None => steps.push(format!("local site: {:?} has no row", table.settings().local_site)),
    }
    if let Some(backend) = table.backend_by_test_user(question.user) {
        steps.push(format!("test user of backend {}", backend.host.name));
    } else {
        explain_user(table, known, question, &mut steps);
    }
    steps.push(conclusion(table, &decide(table, known, question)));
    steps
}

fn explain_user(
    table: &Table,
    known: UserKnown<'_>,
    question: &RouteQuestion<'_>,
    steps: &mut Vec<String>,
) {
    let user = match known {
        UserKnown::NotAsked => return steps.push("user: not cached".to_owned()),
        UserKnown::Absent => return steps.push("user: no row in the GeoDB".to_owned()),
        UserKnown::Unreachable => return steps.push("user: the GeoDB does not answer".to_owned()),
        UserKnown::Row(user) => user,
    };
    steps.push(format!("user: {}", user_text(table, user)));
    if let Some(home) = user.preferred_site_id.and_then(|id| table.site(id)) {
        let reachable = if home.is_reachable { "reachable" } else { "not reachable" };
        steps.push(format!("home site: {} ({}, {reachable})", home.name, home.status));
        if let Some(stand_in) = table.failover(&user.group_name, home.id) {
            steps.push(format!(
                "group is failed over to site {} ({})",
                stand_in.name, stand_in.status
            ));
        }
    }
    let fresh = question.fresh_group.filter(|row| row.name == user.group_name);
    match fresh.or_else(|| table.group(&user.group_name)) {
        Some(row) => steps.push(format!("group: {}", group_text(table, row))),
        None => steps.push(format!("group: {} has no row at the local site", user.group_name)),
    }
}

fn user_text(table: &Table, user: &User) -> String {
    let mut text =
        format!("home {}, group {:?}", site_name(table, user.preferred_site_id), user.group_name);
    if let Some(group) = &user.failover_site_group_name {
        text += &format!(", failover group {group:?}");
    }
    if user.is_moving() {
        let moved = user.moved();
        let home = site_name(table, moved.preferred_site_id);
        text += &format!(", moving to home {home}, group {:?}", moved.group_name);
    }
    text
}

fn group_text(table: &Table, row: &UserGroup) -> String {
    let moving = if row.is_moving() { ", moving" } else { "" };
    let backend = backend_name(table, row.backend_id);
    let alternative = backend_name(table, row.alt_backend_id);
    format!("{} on {backend}, next {alternative}{moving}", row.name)
}

fn conclusion(table: &Table, decision: &Decision) -> String {
    match decision {
        Decision::Go { destination, change } => {
            let kind = match destination.hop {
                Hop::Backend(_) => "backend",
                Hop::Site(_) => "load balancer",
            };
            let change = match change {
                Some(change) => {
                    let next = backend_name(table, change.placement.alt_backend_id);
                    format!("; the group is written to it, next {next}")
                }
                None => String::new(),
            };
            format!("go to {kind} {} ({}){change}", destination.host, destination.address)
        }
        Decision::NeedUser => "ask the GeoDB for the user".to_owned(),
        Decision::NeedTable => "read all rows again".to_owned(),
        Decision::AssignUser(assignment) => {
            let home = site_name(table, Some(assignment.preferred_site_id));
            format!("write the user: home {home}, group {:?}", assignment.group_name)
        }
        Decision::FinishUserMove(finish) => {
            format!("finish the user's move: {}", user_text(table, &finish.moved))
        }
        Decision::CreateGroup(creation) => {
            let backend = backend_name(table, Some(creation.backend_id));
            let next = backend_name(table, creation.alt_backend_id);
            format!("create group {:?} on {backend}, next {next}", creation.name)
        }
        Decision::Fail { fault, about } if about.is_empty() => format!("fail: {}", fault.text()),
        Decision::Fail { fault, about } => format!("fail: {about}: {}", fault.text()),
    }
}

fn site_name(table: &Table, id: Option<Uuid>) -> String {
    match id {
        None => "(none)".to_owned(),
        Some(id) => table.site(id).map_or_else(|| id.to_string(), |site| site.name.to_string()),
    }
}

fn backend_name(table: &Table, id: Option<Uuid>) -> String {
    match id {
        None => "(none)".to_owned(),
        Some(id) => match table.backend(id) {
            Some(backend) => format!("{} ({})", backend.host.name, backend.status),
            None => format!("{id} (no row)"),
        },
    }
}
