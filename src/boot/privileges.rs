//! From root to a user of its own, where systemd or another supervisor has not done so already (`drop_privileges_to`).
//!
//! Before anything is opened and before there is a second thread: what root alone may read is out of reach for a reload as for the
//! start. The right to ports below 1024 stays, all others go, also for programs that could be started.

use std::fs;
use std::os::unix::fs::chown;

use rustix::fs::{Gid, Uid};
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, remove_capability_from_bounding_set, set_capabilities,
    set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::exit::{Exit, Refusal};
use super::lock::make_folder;
use crate::config::Config;

/// Becomes the user that the configuration names, if it names one. base_dir and state_dir become that user's.
pub(super) fn give_up(config: &Config) -> Result<(), Refusal> {
    let Some(name) = config.drop_privileges_to.as_deref() else { return Ok(()) };
    let user = find(name)?;
    if geteuid() == user.uid {
        return Ok(());
    }
    if !geteuid().is_root() {
        return Err(Refusal {
            exit: Exit::NoPerm,
            text: format!(
                "drop_privileges_to: only root becomes {name}: start hale as root, or as {name}"
            ),
        });
    }
    for (setting, folder) in [("base_dir", &config.base_dir), ("state_dir", &config.state_dir)] {
        make_folder(setting, folder)?;
        chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(|error| {
            Refusal::config(format!(
                "{setting}: {} can't be given to {name}: {error}",
                folder.display()
            ))
        })?;
    }
    user.become_for_good().map_err(|error| Refusal {
        exit: Exit::NoPerm,
        text: format!("drop_privileges_to: root can't become {name}: {error}"),
    })
}

/// A user of this host, as its files have it. A directory service is asked for none: it may not be there yet.
#[derive(Debug, PartialEq, Eq)]
struct User {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

fn find(name: &str) -> Result<User, Refusal> {
    let read = |path: &str| {
        fs::read_to_string(path).map_err(|error| Refusal::config(format!("{path}: {error}")))
    };
    parse(name, &read("/etc/passwd")?, &read("/etc/group")?).ok_or_else(|| {
        Refusal::config(format!(
            "drop_privileges_to: /etc/passwd has no user {name}: useradd --system --user-group {name}"
        ))
    })
}

/// passwd(5) and group(5).
fn parse(name: &str, users: &str, groups: &str) -> Option<User> {
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    let number = |at: usize| user.get(at)?.parse::<u32>().ok();
    let (uid, gid) = (Uid::from_raw(number(2)?), Gid::from_raw(number(3)?));
    let member_of = |line: &str| {
        let fields: Vec<_> = line.split(':').collect();
        let is_member = fields.get(3)?.split(',').any(|member| member == name);
        is_member.then_some(Gid::from_raw(fields.get(2)?.parse().ok()?))
    };
    Some(User { uid, gid, groups: groups.lines().filter_map(member_of).collect() })
}

impl User {
    fn become_for_good(&self) -> rustix::io::Result<()> {
        let kept = CapabilitySet::NET_BIND_SERVICE;
        for capability in CapabilitySet::all().iter().filter(|one| *one != kept) {
            // Numbers that this kernel does not know.
            let _ = remove_capability_from_bounding_set(capability);
        }
        set_thread_groups(&self.groups)?;
        set_thread_res_gid(self.gid, self.gid, self.gid)?;
        set_keep_capabilities(true)?;
        set_thread_res_uid(self.uid, self.uid, self.uid)?;
        set_keep_capabilities(false)?;
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: none };
        // Root of a namespace or container may not have it: then ports below 1024 are refused by their own line.
        set_capabilities(None, sets).or_else(|_| {
            set_capabilities(
                None,
                CapabilitySets { effective: none, permitted: none, inheritable: none },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_number_and_groups_by_passwd_and_group() {
        let users = "root:x:0:0:root:/root:/bin/bash\nhale:x:998:997::/var/lib/hale:/usr/sbin/nologin\nodd:x:1\n";
        let groups = "root:x:0:\ntls:x:120:mail,hale\nhale:x:997:\nhalers:x:5:halefoo\n";
        let found = parse("hale", users, groups).unwrap();
        let expected = User {
            uid: Uid::from_raw(998),
            gid: Gid::from_raw(997),
            groups: vec![Gid::from_raw(120)],
        };
        assert_eq!(found, expected);
        assert_eq!(parse("odd", users, groups), None);
        assert_eq!(parse("hal", users, groups), None);
    }
}
