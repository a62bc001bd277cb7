//! A login taken apart (C-ROUTE-10): the steps are those of the decision itself.

use super::*;
use crate::route::decide::{Decision, Hop, RouteQuestion, UserKnown, decide};
use crate::route::explain::{Explanation, explain};
use crate::route::steps::{About, Rejected, Rejection, RowKey, Step};

fn tell(table: &Table, known: UserKnown<'_>, name: &str) -> Explanation {
    explain(table, known, &RouteQuestion::of(name))
}

fn lines(explanation: &Explanation) -> String {
    let line = |step: &Step| {
        let mut line = format!("{}: {}", step.about.text(), step.found);
        for Rejected { candidate, reason } in &step.rejected {
            line += &format!("; not {candidate}, which {reason}");
        }
        line
    };
    explanation.steps.iter().map(line).collect::<Vec<String>>().join("\n")
}

#[test]
fn c_route_10_a_login_at_home_step_by_step() {
    let mut rows = rows();
    rows.backends[0].status = BackendStatus::Offline;
    let alice = user("alice", DC1, "g");
    let table = table(&rows);
    let told = tell(&table, UserKnown::Row(&alice), "alice");
    assert_eq!(
        lines(&told),
        "local site: DC1 (online)\n\
         user: home DC1, group \"g\"\n\
         serving site: DC1, the home site (online)\n\
         group: g on be1 (offline), next be2 (online)\n\
         backend: be2 (online); not be1, which is offline; \
         not BE3.example, which another comes first in the rendezvous hash\n\
         address: be2 is 10.0.0.2"
    );
    let question = RouteQuestion::of("alice");
    assert_eq!(told.decision, decide(&table, UserKnown::Row(&alice), &question));
    let Some(backend) = told.steps.iter().find(|step| step.about == About::Backend) else {
        panic!()
    };
    assert_eq!(backend.rests_on, [RowKey::Backend { site: DC1, id: BE2 }]);
    let probe = tell(&table, UserKnown::NotAsked, "probe-be1");
    assert!(lines(&probe).contains("test user: of backend be1 (offline)"));
}

#[test]
fn c_route_10_what_would_be_written_is_told_and_taken_as_written() {
    let mut rows = rows();
    rows.user_groups.clear();
    let told = tell(&table(&rows), UserKnown::Absent, "alice@example.com");
    let text = lines(&told);
    assert!(text.contains("write: users: home DC1, group \"default-37\"\n"), "{text}");
    assert!(text.contains("write: user_groups: default-37 on "), "{text}");
    assert!(matches!(told.decision, Decision::Go { .. }), "{text}");
    assert_eq!(text.matches("local site:").count(), 1, "{text}");
}

#[test]
fn c_route_10_each_site_that_does_not_stand_in_is_told_why() {
    let mut rows = rows();
    rows.sites
        .push(Site { tag: Some(Uuid::from_u128(9)), ..site(Uuid::from_u128(0xD4), "DC4", "be1") });
    rows.sites.push(Site { load_balancer: None, ..site(Uuid::from_u128(0xD5), "DC5", "") });
    rows.sites[1].status = SiteStatus::Offline;
    rows.sites[2].status = SiteStatus::Standby;
    let away = SiteNow { away: 100, ..SiteNow::default() };
    let bob = user("bob", DC2, "g");
    let told = tell(&table_when(&rows, &[(DC2, away)]), UserKnown::Row(&bob), "bob");
    let Some(step) = told.steps.iter().find(|step| !step.rejected.is_empty()) else { panic!() };
    assert_eq!(&*step.found, "DC1 is to stand in for DC2");
    let rejected = |name: &str, reason| Rejected { candidate: name.into(), reason };
    assert_eq!(
        step.rejected,
        [
            rejected("DC2", Rejection::Left),
            rejected("DC3", Rejection::Status("standby".into())),
            rejected("DC4", Rejection::OtherTag),
            rejected("DC5", Rejection::NoLoadBalancer),
        ]
    );
    assert!(lines(&told).contains("write: group_sites: g goes to site DC1"));
    let Decision::Go { destination, .. } = told.decision else { panic!() };
    assert_eq!(destination.hop, Hop::Backend(BE1));
}

#[test]
fn c_route_10_an_unknown_user_and_a_silent_geodb() {
    let table = table(&rows());
    let told = tell(&table, UserKnown::NotAsked, "alice");
    assert_eq!(told.decision, Decision::NeedUser);
    let told = tell(&table, UserKnown::Unreachable, "alice");
    assert!(lines(&told).contains("user: the GeoDB does not answer\nnew home: DC1"));
    assert!(matches!(told.decision, Decision::Fail { .. }));
}
