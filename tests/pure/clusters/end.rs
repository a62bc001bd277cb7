//! What must hold when all has been well for long enough.

use hale::route::hash::force_move_place;
use hale::route::rows::{GroupSite, User};
use uuid::Uuid;

use super::trouble::Lasting;
use super::world::{USERS, World, user_name};

pub(super) fn check_end(world: &mut World) {
    let mut faults = Vec::new();
    for (number, replica) in world.replicas.iter().enumerate().skip(1) {
        if !replica.says_what(&world.replicas[0]) {
            faults.push(format!("the replicas 0 and {number} differ"));
        }
    }
    for number in 0..USERS {
        let user = user_name(number);
        let backends = world.record.backends.get(&user).cloned().unwrap_or_default();
        if backends.len() != 1 {
            faults.push(format!("{user} is served by {backends:?} at the same time"));
        }
        let Some(row) = world.replicas[0].user(&user) else {
            faults.push(format!("{user} has no row"));
            continue;
        };
        let home = row.preferred_site_id.unwrap_or_default();
        let stand_in = world.replicas[0].group_site(&row.group_name, home);
        if let Some(site) = stand_in.as_ref().and_then(GroupSite::stand_in) {
            faults.push(format!("{} of {user} has not come home from {site}", row.group_name));
        }
        let group = world.replicas[0].group(home, &row.group_name);
        let backend = group.and_then(|group| group.backend_id);
        if backends.iter().any(|id| Some(*id) != backend) {
            faults.push(format!("{user} is served by {backends:?}, and the row says {backend:?}"));
        }
        faults.extend(is_left_behind(world, &row, backend));
    }
    world.record.faults.extend(faults);
    if world.play.is_of_backends() {
        world.check_backends();
        world.check_moves();
    }
}

/// A user whom an order that was not taken back should have brought away.
fn is_left_behind(world: &World, row: &User, backend: Option<Uuid>) -> Option<String> {
    // A move that is pending is finished first.
    let home = row.preferred_site_id.filter(|_| !row.is_moving())?;
    let user = &row.username;
    match &world.lasting {
        Lasting::Evacuation(site) if world.sites[*site] == home => {
            Some(format!("{user} is at home at the evacuated site {home}"))
        }
        Lasting::ForceMove(site, from, order) if world.sites[*site] == home => {
            let is_there = from.is_nil() || backend == Some(*from);
            let is_meant = force_move_place(&order.id, user) < u32::from(order.percentage);
            let takes = |to: &Uuid| from.is_nil() || has_group(world, home, *to);
            let is_taken = order.destinations.iter().any(takes);
            (is_there && is_meant && is_taken)
                .then(|| format!("{user} has not left {home}, backend {from}: {order:?}"))
        }
        _ => None,
    }
}

/// A group has to live there already.
fn has_group(world: &World, site: Uuid, backend: Uuid) -> bool {
    let groups = (1..=super::GROUPS).map(|number| format!("default-{number}"));
    let mut rows = groups.filter_map(|name| world.replicas[0].group(site, &name));
    rows.any(|row| row.backend_id == Some(backend) && !row.is_moving())
}
