//! Case 05: no kind of setting takes the name of a variable for its value.

use super::*;
use crate::config::registry::{self, Kind, Scope, Setting};

/// Every way to write a variable that has no value, or that is not expanded there.
const WITHOUT_VALUE: &[&str] = &[
    "%{env:UNSET}",
    "a%{env:UNSET}b",
    "\"%{env:UNSET}\"",
    "%{env:UNSET | lower}",
    "%{env:UNSET",
    "%{env:SET | rot13}",
    "%{env:LINES}",
    "%{nosuch}",
    "%{nosuch | default('x')}",
    "%{file:/etc/passwd}",
    "%1M{nosuch}",
    "%99999999999u",
    "%w",
    "$ENV:UNSET",
    "\"$ENV:SET\"",
    "a$ENV:SET",
    "$ENV:SET/a",
    "$SET:nosuch",
    "$nosuch",
    "${SET}",
    "a${SET}",
    "</e/placeholder",
];

/// Where a setting may stand, with `{}` for its line.
fn around(setting: &Setting, value: &str) -> String {
    let line = format!("{} = {value}", setting.name);
    match setting.scope {
        Scope::Global => format!("{line}\n"),
        Scope::Service => format!("service imap-login {{\n{line}\n}}\n"),
        Scope::Listener => format!("service imap-login {{\ninet_listener x {{\n{line}\n}}\n}}\n"),
        Scope::Protocol => format!("protocol imap {{\n{line}\n}}\n"),
        Scope::Passdb => {
            let driver = if setting.name == "driver" { "" } else { "driver = static\n" };
            format!("passdb x {{\n{driver}{line}\n}}\n")
        }
        Scope::Pgsql => format!("pgsql a {{\n{line}\n}}\n"),
        Scope::Mysql => format!("mysql a {{\n{line}\n}}\n"),
        Scope::LocalName => format!("local_name a.example {{\n{line}\n}}\n"),
        Scope::Dict => format!("dict_server {{\ndict cluster-localdb {{\n{line}\n}}\n}}\n"),
    }
}

fn found(text: &str) -> Loaded {
    let mut files = Files::new(&[("/e/t.conf", text), ("/e/placeholder", "%{env:SET}\n")]);
    files.set("SET", b"right-%u-%{user}-$x");
    files.set("LINES", b"a\nb");
    load(&mut files, Path::new("/e/t.conf"))
}

fn complains(text: &str, name: &str) -> bool {
    found(text).errors.iter().any(|fault| fault.setting == name)
}

#[test]
fn case_05_no_setting_takes_a_variable_without_a_value() {
    for setting in registry::settings() {
        for value in WITHOUT_VALUE {
            // The file is what is meant there.
            if setting.kind == Kind::Path && value.starts_with('<') {
                continue;
            }
            // It stands for the client's password there.
            if setting.kind == Kind::Inquiry && *value == "%w" {
                continue;
            }
            // Its words are names of fields, of which values are walked below.
            let value = match setting.kind {
                Kind::FieldTexts if value.contains([' ', '<', '"']) => continue,
                Kind::FieldTexts => &format!("pass={value}"),
                _ => *value,
            };
            let text = around(setting, value);
            let names = [setting.name, "pass"];
            assert!(names.iter().any(|name| complains(&text, name)), "{text}");
        }
    }
}

#[test]
fn case_05_no_field_takes_a_variable_without_a_value() {
    for field in
        ["pass", "password", "host", "user", "forward_x", "forward_password", "master", "port"]
    {
        for value in WITHOUT_VALUE {
            // Not a secret, and a file's content: a template as everything there.
            let text = format!("passdb static {{\nfields {{\n{field} = {value}\n}}\n}}\n");
            let is_open = matches!(*value, "%{nosuch | default('x')}");
            assert!(complains(&text, field) || is_open, "{text}: {:?}", found(&text).errors);
        }
    }
}

/// Everything that is a text in the end has the variable's value, whatever characters that has.
#[test]
fn case_05_every_text_takes_the_variables_value_and_nothing_of_its_name() {
    for setting in registry::settings() {
        let is_text = matches!(setting.kind, Kind::Text | Kind::Secret | Kind::Path | Kind::Words);
        for value in ["%{env:SET}", "$ENV:SET", "%{env:UNSET | default(env:SET)}"] {
            if !is_text {
                continue;
            }
            let loaded = found(&around(setting, value));
            let section = section_of(&loaded.settings, setting.scope);
            let text = match section.value(setting.name) {
                Some(value::Value::Text(text)) => text,
                Some(value::Value::Path(path)) => path.display().to_string(),
                Some(value::Value::Words(words)) => words.join(" "),
                _ => String::new(),
            };
            // A relative path starts at the folder of the file.
            let is_folder_of_file = setting.kind == Kind::Path && setting.name != "log_path";
            let start = if is_folder_of_file { "/e/" } else { "" };
            assert_eq!(text, format!("{start}right-%u-%{{user}}-$x"), "{}", setting.name);
        }
    }
}

fn section_of(settings: &Settings, scope: Scope) -> &sort::Section {
    fn find(section: &sort::Section, scope: Scope) -> Option<&sort::Section> {
        if section.scope == scope {
            return Some(section);
        }
        section.children.iter().find_map(|child| find(child, scope))
    }
    find(&settings.root, scope).unwrap()
}

#[test]
fn case_05_secrets_of_every_kind_are_the_variables_value() {
    let text = "doveadm_port = 1\ndoveadm_password = $ENV:SET\ncluster_backend_test_password = %{env:SET}\n\
                cluster_geodb = cassandra:hosts=a;keyspace=k;user=u;password=%{env:SET}\n\
                passdb static {\n password = %{env:SET}\n fields {\n pass = %{env:SET}\n forward_x = a%{env:SET}>\n }\n}\n\
                passdb old {\n driver = static\n args = pass=%{env:SET} host=%1Mu\n}\n";
    let found = found(text);
    assert_eq!(lines(&found.errors), [""; 0]);
    let config = found.config.unwrap();
    let expected = "right-%u-%{user}-$x";
    let expose = |secret: Option<crate::secret::Secret>| secret.unwrap().expose().to_vec();
    assert_eq!(expose(config.doveadm.password), expected.as_bytes());
    assert_eq!(expose(config.cluster.backend_test_password), expected.as_bytes());
    let GeoDb::Cassandra(cassandra) = config.cluster.geodb else { panic!() };
    assert_eq!(expose(cassandra.password), expected.as_bytes());
    let [new, old] = &config.auth.passdbs[..] else { panic!() };
    let PassdbDriver::Static { password: Some(password) } = &new.driver else { panic!() };
    assert_eq!(password.expose(), expected.as_bytes());
    let alice = |name: &str| (name == "user").then(|| "alice".into());
    let text_of = |field: &Field| field.value.expand(&alice).unwrap();
    assert_eq!(text_of(&new.fields[0]), expected);
    assert_eq!(text_of(&new.fields[1]), format!("a{expected}>"));
    assert_eq!(text_of(&old.fields[0]), expected);
    assert_eq!(text_of(&old.fields[1]), "6");
}

#[test]
fn case_05_passwords_are_never_shown_by_what_is_said_about_them() {
    for value in ["hush%unter", "hush%%unter", "hush%{", "$hush", "hush$ENV:X"] {
        let text = format!(
            "doveadm_password = {value}\npassdb static {{\n password = {value}\n fields {{\n  pass = {value}\n }}\n}}\n"
        );
        for fault in found(&text).errors {
            assert!(!fault.text.contains("hush") || value == "$hush", "{fault}");
        }
    }
}

#[test]
fn case_05_dovecots_container_defines_variables_itself() {
    let text = "import_environment {\n  PW = %{env:UNSET | default('{PLAIN}from-default')}\n  BROKEN = %{env:UNSET | default)}\n}\n\
                passdb static {\n  password = $ENV:PW\n}\n";
    let PassdbDriver::Static { password } =
        &found(text).config.unwrap().auth.passdbs[0].driver.clone()
    else {
        panic!()
    };
    assert_eq!(password.as_ref().unwrap().expose(), b"{PLAIN}from-default");
    let old = "import_environment = TZ PW=x\ndoveadm_password = %{env:PW}\n";
    assert_eq!(found(old).config.unwrap().doveadm.password.unwrap().expose(), b"x");
    let unused = text.replace("$ENV:PW", "$ENV:BROKEN");
    assert!(found(&unused).errors[0].text.contains("`BROKEN` is not set"));
}

#[test]
fn case_05_names_of_files_and_blocks_are_not_expanded_and_say_so() {
    for text in [
        "!include_try %{env:SET}/tls.conf\n",
        "!include $ENV:SET\n",
        "!include_try ${SET}/x\n",
        "local_name \"%{env:SET}\" {\n ssl_cert = </c\n ssl_key = </k\n}\n",
        "service imap-login {\n inet_listener $ENV:SET {\n port = 1\n }\n}\n",
    ] {
        let found = found(text);
        assert!(
            found.errors.iter().any(|fault| fault.text.contains("is not expanded in the name")),
            "{text}{:?}",
            found.errors
        );
    }
}

#[test]
fn case_06_every_setting_of_a_service_is_known() {
    let service = [
        "chroot",
        "client_limit",
        "drop_priv_before_exec",
        "executable",
        "extra_groups",
        "group",
        "idle_kill",
        "idle_kill_interval",
        "name",
        "privileged_group",
        "process_limit",
        "process_min_avail",
        "protocol",
        "restart_request_count",
        "service_count",
        "type",
        "user",
        "vsz_limit",
    ];
    for name in service {
        for name in [name.to_owned(), format!("service_{}", name.trim_start_matches("service_"))] {
            let text = format!("service imap-login {{\n  {name} = 1\n}}\n");
            let found = found(&text);
            assert_eq!(lines(&found.errors), [""; 0], "{name}");
            assert!(found.warnings.iter().any(|line| line.setting == name), "{name}");
        }
    }
    for name in ["reuse_port", "type", "user", "group", "mode", "name"] {
        let text = format!(
            "service imap-login {{\n inet_listener x {{\n  port = 1\n  {name} = x\n }}\n}}\n"
        );
        assert_eq!(lines(&found(&text).errors), [""; 0], "{name}");
    }
    for block in ["unix_listener", "fifo_listener"] {
        let text = format!(
            "service lmtp {{\n {block} /a/b {{\n  mode = 0600\n  user = $x\n  group = %{{y}}\n }}\n}}\n"
        );
        assert_eq!(lines(&found(&text).errors), [""; 0], "{block}");
    }
}
