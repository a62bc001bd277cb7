//! What backends do besides serving: the source of a move sends users on, one after the other, and finishes it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::geodb::{Key, Value, Write};
use super::login::{Asked, Call, Login, Why};
use super::world::{Event, USERS, World, backend_host, backend_id, user_name};
use super::writes;

/// Users that are not any more where they were.
#[derive(Default)]
pub(super) struct Departed {
    /// While a group moves: from which backend, who, to which.
    under_way: BTreeMap<(Uuid, Box<str>), Uuid>,
    /// For good: the rows say where to.
    gone: BTreeSet<(Uuid, Box<str>)>,
}

/// A group on its way from one backend of a site to another.
pub(super) struct GroupMove {
    site: usize,
    name: Box<str>,
    from: Uuid,
    to: Uuid,
}

impl World {
    /// The login has come to a backend of the deciding proxy's site, which serves or sends on.
    pub(super) fn at_backend(&mut self, mut login: Login, id: Uuid, group: Option<Box<str>>) {
        if self.play.is_of_backends() {
            return self.attempt(login, id, group);
        }
        let site = self.proxies[login.proxy].site;
        let Some(host) = self.referral(site, id, &login.user) else {
            return self.serve(&login, site, id);
        };
        let began = login.session.as_ref().map_or(0, |session| session.began);
        login.referrals += 1;
        if login.referrals > REFERRALS_MAX {
            return self.failed(&login, "backends send it to and fro");
        }
        if let Some(group) = &group {
            let proxy = (login.proxy, &self.proxies[login.proxy]);
            let referral = (&**group, &*host);
            // Where a referral leads is not decided anew.
            if login.referrals == 1 {
                self.record.check_sent_once(self.now, proxy, &login.user, referral, began);
            }
            if !login.is_switching {
                self.leave_behind(&login, Call::Learn(group.clone(), host.clone()));
            }
        }
        if !login.is_sent_here()
            && let Some(session) = &mut login.session
        {
            session.why = Why::Referral;
        }
        self.advance(login.asks(Asked::Referral { host, group }));
    }

    fn serve(&mut self, login: &Login, site: usize, id: Uuid) {
        let is_anew = login.session.as_ref().is_some_and(|session| session.anew_at.is_some());
        self.record.served(self.now, &login.user, id, is_anew);
        let row = self.replicas[site].user(&login.user);
        // A move that is pending is finished by the original backend at the user's next access; or later.
        if row.is_some_and(|row| row.is_moving())
            && self.now + 400_000 < self.play.settled_after
            && self.random.percent(60)
        {
            self.departed.gone.insert((id, login.user.clone()));
            self.soon(Event::Complete(site, login.user.clone()));
        }
    }

    /// Where a backend sends a user on to, by the rows as its site has them.
    fn referral(&mut self, site: usize, id: Uuid, user: &str) -> Option<Box<str>> {
        let key = (id, Box::from(user));
        let replica = &self.replicas[site];
        let row = replica.user(user)?;
        let group = replica.group(self.sites[site], &row.group_name);
        let is_online = |backend: Uuid| {
            replica.text(&Key::Backend(self.sites[site], backend), "status").as_ref() == "online"
        };
        if let Some(to) = self.departed.under_way.get(&key) {
            let is_moving = group.as_ref().is_some_and(|row| {
                row.is_moving() && (row.backend_id, row.alt_backend_id) == (Some(id), Some(*to))
            });
            if is_moving && is_online(*to) {
                return Some(host_of(*to, site));
            }
        }
        if !self.departed.gone.contains(&key) {
            return None;
        }
        let home = row
            .preferred_site_id
            .and_then(|home| self.sites.iter().position(|known| *known == home))?;
        let stand_in = replica.group_site(&row.group_name, self.sites[home]);
        let is_guest = stand_in.is_some_and(|row| row.stand_in() == Some(self.sites[site]));
        if home != site && !is_guest {
            return Some(format!("lb{home}").into());
        }
        match group.and_then(|row| row.backend_id).filter(|to| is_online(*to)) {
            Some(to) if to != id => Some(host_of(to, site)),
            _ => {
                // The user is back, or where the user went is gone.
                self.departed.gone.remove(&key);
                None
            }
        }
    }

    // === Moves ===

    /// An operator has a group moved from its backend to another of its site.
    pub(super) fn start_group_move(&mut self, site: usize) {
        let name: Box<str> = format!("default-{}", 1 + self.random.below(8)).into();
        let Some(row) = self.replicas[site].group(self.sites[site], &name) else { return };
        let number = self.random.index(self.play.backends);
        let to = backend_id(site, number);
        let Some(from) = row.backend_id.filter(|from| *from != to && !row.is_moving()) else {
            return;
        };
        self.write_placement(site, &name, from, to, "moving");
        self.record.tally.group_moves += 1;
        let group_move = GroupMove { site, name, from, to };
        self.at(self.now + 20_000, Event::MoveNext(Box::new(group_move)));
    }

    /// One user more is moved, or the rest and the row.
    pub(super) fn move_next(&mut self, group_move: GroupMove) {
        let GroupMove { site, name, from, to } = &group_move;
        let row = self.replicas[*site].group(self.sites[*site], name);
        let is_on = row.is_some_and(|row| {
            row.is_moving() && (row.backend_id, row.alt_backend_id) == (Some(*from), Some(*to))
        });
        let users = self.users_of(*site, name);
        let is_last = self.random.percent(20) || users.is_empty() || !self.is_faulty();
        if !is_on || is_last {
            self.departed.under_way.retain(|(source, _), dest| source != from || dest != to);
        }
        if !is_on {
            // It was finished without the source.
            return;
        }
        if is_last {
            self.write_placement(*site, name, *to, *from, "");
            for user in users {
                self.departed.gone.remove(&(*to, user.clone()));
                self.departed.gone.insert((*from, user));
            }
            return;
        }
        let user = users[self.random.index(users.len())].clone();
        self.departed.gone.remove(&(*to, user.clone()));
        self.departed.under_way.insert((*from, user), *to);
        let next = self.now + 5_000 + self.random.below(60_000);
        self.at(next, Event::MoveNext(Box::new(group_move)));
    }

    fn write_placement(&mut self, site: usize, name: &str, on: Uuid, next: Uuid, moving: &str) {
        let columns = vec![
            ("backend_id", Value::Id(Some(on))),
            ("alt_backend_id", Value::Id(Some(next))),
            ("moving", Value::Text(moving.into())),
        ];
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        let key = Key::Group(self.sites[site], name.into());
        self.write(site, Write { key, columns, at });
    }

    fn users_of(&self, site: usize, group: &str) -> Vec<Box<str>> {
        let rows = (0..USERS).filter_map(|number| self.replicas[site].user(&user_name(number)));
        let here = rows.filter(|row| {
            row.preferred_site_id == Some(self.sites[site]) && *row.group_name == *group
        });
        here.map(|row| row.username).collect()
    }

    /// An operator orders a user to another group, or another site; it is for the backend to do that.
    pub(super) fn start_user_move(&mut self, site: usize) {
        let user = user_name(self.random.index(USERS));
        let Some(row) = self.replicas[site].user(&user).filter(|row| !row.is_moving()) else {
            return;
        };
        let to = self.random.index(self.sites.len());
        let group: Box<str> = format!("default-{}", 1 + self.random.below(8)).into();
        let mut moving = row;
        moving.moving_preferred_site_id = self.random.percent(50).then_some(self.sites[to]);
        moving.moving_group_name = Some(group);
        self.record.ordered_user(&user);
        self.record.tally.user_moves += 1;
        let at = super::EPOCH + i64::try_from(self.now).unwrap();
        self.write(site, writes::user(&moving, at));
    }

    /// The backend that had the user finishes the move.
    pub(super) fn complete_move(&mut self, site: usize, user: &str) {
        let row = self.replicas[site].user(user).filter(hale::route::rows::User::is_moving);
        if let Some(row) = row
            && !self.silent.contains(&site)
        {
            let at = super::EPOCH + i64::try_from(self.now).unwrap();
            self.write(site, writes::user(&row.moved(), at));
        }
    }
}

fn host_of(id: Uuid, site: usize) -> Box<str> {
    let number = (0..BACKENDS_PER_SITE_MAX).find(|number| backend_id(site, *number) == id);
    backend_host(site, number.unwrap_or_default()).into()
}

const REFERRALS_MAX: u32 = 4;
const BACKENDS_PER_SITE_MAX: usize = 4;
