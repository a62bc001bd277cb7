//! Both generations of syntax, and what is wrong or without effect in a passdb.

use super::*;
use crate::config::tests::{errors, loaded, warnings};
use crate::secret::Secret;

fn path(passdb: &Passdb) -> String {
    match &passdb.driver {
        PassdbDriver::PasswdFile { path } => path.to_string(),
        PassdbDriver::Static { .. } | PassdbDriver::Remote(_) => String::new(),
    }
}

#[test]
fn both_generations_of_syntax_mean_the_same() {
    let config = loaded(
        "passdb {\n driver = passwd-file\n args = scheme=sha512-crypt username_format=%Ln /etc/hale/my users\n \
         override_fields = proxy=y host=%d\n default_fields = port=1143\n}\npassdb passwd-file {\n passwd_file_path = \
         /etc/hale/%{user | domain}/users\n default_password_scheme = sha512-crypt\n fields {\n  proxy = y\n }\n \
         skip = authenticated\n result_failure = return-fail\n}\n",
    );
    let [old, new] = &config.auth.passdbs[..] else { panic!() };
    assert_eq!((old.name.as_str(), new.name.as_str()), ("passdb-1", "passwd-file"));
    assert_eq!(path(old), "/etc/hale/my users");
    assert_eq!(path(new), "/etc/hale/%{user | domain}/users");
    assert_eq!(old.username_format.as_ref().unwrap().to_string(), "%{user | username | lower}");
    assert_eq!(
        (&old.default_password_scheme, &new.default_password_scheme),
        (&"SHA512-CRYPT".into(), &"SHA512-CRYPT".into())
    );
    assert_eq!(
        format!("{:?} {:?}", old.default_fields, old.fields),
        "[port=1143] [proxy=y, host=%{user | domain}]"
    );
    assert_eq!(
        (new.skip, new.result_failure, new.result_success),
        (Skip::Authenticated, Outcome::ReturnFail, Outcome::ReturnOk)
    );
}

#[test]
fn static_passdbs_and_master_users() {
    let config = loaded(
        "passdb static {\n password = {PLAIN}hush\n fields {\n  nopassword = y\n  pass = 100%!unlucky\n }\n}\npassdb m \
         {\n driver = passwd-file\n passwd_file_path = masters\n master = yes\n}\nprotocol lmtp {\n passdb l {\n  driver \
         = static\n  args = proxy=y nopassword=y\n }\n}\n",
    );
    let [lmtp, fixed, master] = &config.auth.passdbs[..] else { panic!() };
    assert_eq!(fixed.driver, PassdbDriver::Static { password: Some(Secret::from("{PLAIN}hush")) });
    assert_eq!(fixed.fields[1].value.expand(&|_| None).unwrap(), "100%!unlucky");
    assert!(!format!("{config:?}").contains("unlucky"), "debug output shows no password");
    assert!(master.master);
    assert_eq!(path(master), "/e/masters");
    assert_eq!(lmtp.protocols, [Protocol::Lmtp]);
    assert_eq!(format!("{:?}", lmtp.fields), "[proxy=y, nopassword=y]");
}

#[test]
fn a_protocols_own_passdbs_are_asked_first_wherever_they_stand() {
    let config = loaded(
        "passdb a {\n driver = static\n}\nprotocol imap {\n passdb b {\n  driver = passwd-file\n  args = /b\n  deny = yes\n }\n \
         passdb c {\n  driver = static\n }\n}\npassdb d {\n driver = static\n}\nprotocol lmtp {\n passdb e {\n  driver = static\n \
         }\n}\n",
    );
    let order: Vec<&str> = config.auth.passdbs.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(order, ["b", "c", "e", "a", "d"]);
}

#[test]
fn op_01_passdb_mistakes_name_the_remedy() {
    for (text, expected) in [
        (
            "passdb x {\n driver = shadow\n}\n",
            "t.conf:2: setting driver: found `shadow`, expected `passwd-file`, `static`,",
        ),
        ("passdb pam {\n}\n", "Hale links no libpam; use `imap`"),
        ("passdb x {\n driver = passwd_file\n}\n", "did you mean `passwd-file`"),
        ("passdb {\n}\n", "a driver is missing"),
        ("passdb x {\n driver = passwd-file\n}\n", "needs `passwd_file_path = FILE`"),
        ("passdb x {\n driver = passwd-file\n args = schem=PLAIN /f\n}\n", "found `schem`"),
        (
            "passdb passwd-file {\n args = /f\n password = x\n}\n",
            "t.conf:3: setting password: belongs",
        ),
        ("passdb static {\n fields {\n  host = %{usr}\n }\n}\n", "t.conf:3: setting host"),
    ] {
        let found = errors(text);
        assert!(found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn a_field_that_is_not_served_is_told_and_one_that_asks_for_nothing_is_not() {
    let told = |name: &str| {
        let text = format!("passdb static {{\n fields {{\n  {name} = x\n }}\n}}\n");
        let found = warnings(&text);
        found
            .into_iter()
            .filter(|line| line.contains(&format!("setting {name}: ")))
            .collect::<Vec<_>>()
    };
    for (name, why) in registry::UNSERVED_FIELDS {
        let [line] = &told(name)[..] else { panic!("{name}") };
        assert!(line.contains("t.conf:3") && line.contains(why), "{line}");
    }
    for name in HARMLESS_FIELDS.iter().chain(PASSDB_FIELDS).filter(|it| **it != "allow_real_nets") {
        assert_eq!(told(name), [""; 0], "{name}");
    }
    assert_eq!(told("userdb_quota"), [""; 0]);
    assert!(told("colour")[0].contains("does not use this passdb field"));
}

#[test]
fn an_empty_password_field_is_left_out_with_a_warning() {
    let text = "passdb static {\n fields {\n  password = # shared password\n }\n}\n";
    assert!(loaded(text).auth.passdbs[0].fields.is_empty());
    assert!(warnings(text).iter().any(|line| line.contains("t.conf:3: setting password")));
}

#[test]
fn drivers_that_hale_does_not_have_are_told_with_what_to_use_instead() {
    for (driver, remedy) in [
        ("pam", "use `imap` with a Dovecot that asks PAM"),
        ("lua", "runs no scripts; use `sql` or `ldap`"),
        ("checkpassword", "runs no programs"),
        ("shadow", "use `passwd-file`"),
    ] {
        let [found] = &errors(&format!("passdb {driver} {{\n}}\n"))[..] else { panic!("{driver}") };
        assert!(found.contains(remedy) && found.contains(driver), "{found}");
    }
}
