//! Master users (W-CRED-6, SA-20).

use super::*;

fn master_list() -> Vec<Passdb> {
    let masters = Passdb {
        role: Role::Master,
        ..file("masters", "admin:{PLAIN}root::::::proxy_nopipelining\n")
    };
    vec![file("users", "bob:{PLAIN}x::::::host=h\nadmin:{PLAIN}mine\nroot:{PLAIN}y\n"), masters]
}

#[test]
fn sa_20_a_master_logs_in_as_a_user_by_separator_or_authorization_identity() {
    let by_authzid = Question { authorize_as: Some("bob".into()), ..question("admin", "root") };
    for question in [question("bob*admin", "root"), by_authzid] {
        let (answer, _) = ask(&master_list(), question);
        let expected = Grant {
            host: Some("h".into()),
            nopipelining: true,
            // No backend password is configured: the client's own names and password are replayed.
            master: Some("admin".into()),
            ..Grant::new("bob", true)
        };
        assert_eq!(*accepted(&answer), expected);
        assert_eq!(answer.master_user.as_deref(), Some("admin"));
    }
}

#[test]
fn sa_20_the_clients_master_name_does_not_travel_when_a_backend_master_is_configured() {
    let mut list = master_list();
    list[0] =
        with(list[0].clone(), &[("master", "backend-master"), ("pass", "%{user}-%{master_user}")]);
    let answer = login(&list, "bob*admin", "root");
    assert_eq!(accepted(&answer).master.as_deref(), Some("backend-master"));
    assert_eq!(accepted(&answer).pass, Some(Secret::from("bob-admin")));
}

#[test]
fn sa_20_failed_master_logins_look_like_wrong_passwords() {
    let list = master_list();
    // Unknown master, master's ordinary password, user's password, ordinary user as master.
    let attempts =
        [("bob*nobody", "root"), ("bob*admin", "mine"), ("bob*admin", "x"), ("bob*root", "y")];
    for (user, password) in attempts {
        assert_eq!(refused(&login(&list, user, password)), Failure::Credentials, "{user}");
    }
    assert_eq!(
        accepted(&login(&list, "root*admin", "root")).user.as_ref(),
        "root",
        "an ordinary user of that name"
    );
    let answer = login(&list[..1], "bob*admin", "root");
    assert_eq!((refused(&answer), answer.why), (Failure::Credentials, Some(Why::NoMasters)));
    // Masters log in for others only.
    assert!(accepted(&login(&list, "admin", "mine")).verified);
    assert_eq!(refused(&login(&list, "admin", "root")), Failure::Credentials);
    assert_eq!(refused(&login(&list, "admin*admin", "root")), Failure::Credentials);
}

#[test]
fn sa_20_a_verified_master_learns_that_the_user_is_not_to_be_had() {
    let list = master_list();
    let answer = login(&list, "mia*admin", "root");
    assert_eq!((refused(&answer), answer.why), (Failure::NotAuthorized, Some(Why::UnknownUser)));
    assert_eq!(refused(&login(&list, "mia*admin", "wrong")), Failure::Credentials);
}

#[test]
fn w_cred_3_nopassword_makes_no_master() {
    let mut list = master_list();
    list[1] = Passdb { role: Role::Master, ..everybody("masters", &[("nopassword", "y")]) };
    assert_eq!(refused(&login(&list, "bob*anybody", "x")), Failure::Credentials);
}

#[test]
fn denied_users_are_denied_to_masters_too() {
    let mut list = master_list();
    list.insert(0, Passdb { role: Role::Deny, ..file("deny", "bob\n") });
    assert_eq!(refused(&login(&list, "bob*admin", "root")), Failure::NotAuthorized);
}
