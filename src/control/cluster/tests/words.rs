//! Commands as values: from words and back.

use super::*;

#[test]
fn commands_are_values_that_come_back_from_their_lines() {
    let names = ["alice", "-x", "--self", "a b", "\u{1}\t\n", "=", "\u{fc}", "--"];
    for name in names {
        for command in commands(name) {
            let line = command.to_line();
            assert!(!line.contains('\n'), "{line:?}");
            assert_eq!(ClusterCommand::of_line(&line).unwrap(), command, "{line:?}");
        }
    }
    for line in ["", "nothing", "user", "user\taccess", "backend\tupdate\t--load-factor=300\tx"] {
        let error = ClusterCommand::of_line(line).unwrap_err();
        assert_eq!(error.exit_code(), 64, "{line:?}: {error}");
    }
}

/// One of each kind, with this name wherever one may stand.
fn commands(name: &str) -> Vec<ClusterCommand> {
    places(name).into_iter().chain(backends(name)).chain(people(name)).collect()
}

fn places(name: &str) -> Vec<ClusterCommand> {
    let other = Some(name.to_owned());
    let site = || SiteChoice { own: false, name: Some(name.to_owned()) };
    vec![
        ClusterCommand::Tag(TagCommand::Create {
            id: Some(Uuid::from_u128(7)),
            name: name.to_owned(),
        }),
        ClusterCommand::Tag(TagCommand::Update { new_name: other.clone(), tag: name.to_owned() }),
        ClusterCommand::Site(SiteCommand::Add {
            id: None,
            tag: other.clone(),
            load_balancer: other.clone(),
            name: name.to_owned(),
        }),
        ClusterCommand::Site(SiteCommand::Update {
            reason: other.clone(),
            status: Some(SiteStatusWord::Evacuate),
            load_balancer: other.clone(),
            site: SiteChoice { own: true, name: None },
        }),
        ClusterCommand::Site(SiteCommand::Init { update: true, site: site() }),
        ClusterCommand::Site(SiteCommand::ForceMove(ForceMoveCommand::Start {
            reason: other.clone(),
            id: other.clone(),
            name: name.to_owned(),
            percentage: 7,
            dest: vec![name.to_owned(), name.to_owned()],
        })),
        ClusterCommand::Site(SiteCommand::ForceMove(ForceMoveCommand::Stop {
            reason: other.clone(),
            name: name.to_owned(),
        })),
        ClusterCommand::Site(SiteCommand::Recover {
            reason: other.clone(),
            id: other.clone(),
            name: name.to_owned(),
            percentage: 100,
        }),
        ClusterCommand::Site(SiteCommand::Reachability(ReachabilityCommand::List {
            src_site: other.clone(),
            dest_site: other,
        })),
    ]
}

fn backends(name: &str) -> Vec<ClusterCommand> {
    let other = Some(name.to_owned());
    let backend = || BackendChoice { own: false, host: Some(name.to_owned()) };
    vec![
        ClusterCommand::Backend(BackendCommand::ForceMove(ForceMoveCommand::Update {
            reason: other.clone(),
            name: name.to_owned(),
            percentage: 0,
        })),
        ClusterCommand::Backend(BackendCommand::Update {
            reason: other.clone(),
            status: Some(BackendStatusWord::Standby),
            load_factor: Some(0),
            connections_max: Some("default".parse().unwrap()),
            backend: backend(),
        }),
        ClusterCommand::Backend(BackendCommand::Update {
            reason: None,
            status: None,
            load_factor: None,
            connections_max: Some("4000".parse().unwrap()),
            backend: backend(),
        }),
        ClusterCommand::Backend(BackendCommand::Evacuate {
            reason: other.clone(),
            backend: backend(),
        }),
        ClusterCommand::Backend(BackendCommand::Pin {
            list: false,
            site: None,
            lasting: Some(7200),
            reason: other.clone(),
            host: other.clone(),
            users: vec![name.to_owned(), name.to_owned()],
        }),
        ClusterCommand::Backend(BackendCommand::Pin {
            list: true,
            site: other.clone(),
            lasting: None,
            reason: None,
            host: None,
            users: Vec::new(),
        }),
        ClusterCommand::Backend(BackendCommand::Unpin {
            site: other.clone(),
            reason: other,
            users: vec![name.to_owned()],
        }),
    ]
}

fn people(name: &str) -> Vec<ClusterCommand> {
    let other = Some(name.to_owned());
    vec![
        ClusterCommand::Group(GroupCommand::Move {
            reason: other.clone(),
            direct: true,
            abort: false,
            site: name.to_owned(),
            group: name.to_owned(),
            host: other.clone(),
        }),
        ClusterCommand::Group(GroupCommand::Move {
            reason: None,
            direct: false,
            abort: true,
            site: name.to_owned(),
            group: name.to_owned(),
            host: None,
        }),
        ClusterCommand::Group(GroupCommand::Update {
            sticky_users: Some(YesNo::No),
            sticky_backend: Some(YesNo::Yes),
            site: name.to_owned(),
            group: name.to_owned(),
        }),
        ClusterCommand::Group(GroupCommand::List { site: None, mask: other.clone() }),
        ClusterCommand::User(UserCommand::Access {
            users: UserChoice { user: other.clone(), ..UserChoice::default() },
            address: true,
        }),
        ClusterCommand::User(UserCommand::Access {
            users: UserChoice {
                listed: vec![String::new(), name.to_owned(), name.to_owned()],
                ..UserChoice::default()
            },
            address: false,
        }),
        ClusterCommand::User(UserCommand::Move {
            reason: other.clone(),
            direct: false,
            abort: false,
            site: other.clone(),
            user: name.to_owned(),
            group: other.clone(),
            failover_group: other.clone(),
        }),
        ClusterCommand::User(UserCommand::Move {
            reason: other.clone(),
            direct: false,
            abort: true,
            site: None,
            user: name.to_owned(),
            group: None,
            failover_group: None,
        }),
        ClusterCommand::Geodb(GeodbCommand::Show { table: other }),
        ClusterCommand::Kick { user: name.to_owned() },
        ClusterCommand::Localdb(LocaldbCommand::User(LocaldbUserCommand::Remove {
            group: name.to_owned(),
            user: name.to_owned(),
        })),
        ClusterCommand::Localdb(LocaldbCommand::Group(LocaldbGroupCommand::List {
            mask: Some(name.to_owned()),
        })),
    ]
}
