//! The cluster's databases and probes.
//!
//! Driver: `check`. Tests: below.

use std::path::{Path, PathBuf};

use super::positive;
use crate::config::diagnostic::{Findings, nearest};
use crate::config::model::{
    Cassandra, Cluster, Config, Consistencies, Consistency, GeoDb, GroupMoves, SiteFailover,
};
use crate::config::registry::Scope;
use crate::config::sort::{Section, shown};
use crate::config::value;
use crate::names::Protocol;
use crate::names::mechanism::Mechanism;
use crate::secret::Secret;

pub(super) fn cluster(root: &Section, findings: &mut Findings) -> Cluster {
    let (geodb, localdb) = (geodb(root, findings), localdb(root, findings));
    if matches!(&geodb, GeoDb::Sqlite(file) if *file == localdb && !file.as_os_str().is_empty()) {
        let text = "is the file of `cluster_geodb`, which is no cache; name another one".to_owned();
        findings.error(root.place_of("cluster_localdb"), "cluster_localdb", text);
    }
    Cluster {
        local_site: root.optional_text("cluster_local_site"),
        geodb,
        cassandra: cassandra_settings(root),
        localdb,
        localdb_users_max: root.small("cluster_localdb_users_max"),
        localdb_size_max: root.small("cluster_localdb_size_max"),
        default_group_count: root.small("cluster_default_group_count"),
        backend_test_username: root.template("cluster_backend_test_username"),
        backend_test_password: root.secret("cluster_backend_test_password"),
        backend_test_mech: Mechanism::named(root.text("cluster_backend_test_mech").as_bytes()),
        proxy_check_backends: root.flag("cluster_proxy_check_backends"),
        backend_check_protocols: check_protocols(root, findings),
        user_move_timeout: positive(root, "cluster_user_move_timeout", findings),
        group_moves: match root.text("cluster_group_moves").as_str() {
            "proxy" => GroupMoves::Proxy,
            _ => GroupMoves::Backend,
        },
        backend_kick: root.flag("cluster_backend_kick"),
        site_failover: SiteFailover {
            auto: root.flag("site_failover_auto"),
            delay: root.time("site_failover_delay"),
            ramp: root.small("site_failover_ramp"),
            logins_per_second_max: root.small("site_failover_max_logins_per_sec"),
        },
        hosts_file: root.path("cluster_hosts_file"),
    }
}

/// Protocols with a login.
fn check_protocols(root: &Section, findings: &mut Findings) -> Vec<Protocol> {
    let name = "cluster_backend_check_protocols";
    let mut probed = Vec::new();
    for word in root.words(name) {
        let called = if word == "managesieve" { "sieve" } else { word.as_str() };
        match PROBED.into_iter().find(|protocol| protocol.name() == called) {
            Some(protocol) if probed.contains(&protocol) => {}
            Some(protocol) => probed.push(protocol),
            None => {
                let names = PROBED.map(Protocol::name);
                let text = format!("found {}, expected {}", shown(&word), value::one_of(&names));
                findings.error(root.place_of(name), name, text);
            }
        }
    }
    probed
}

const PROBED: [Protocol; 4] =
    [Protocol::Imap, Protocol::Pop3, Protocol::Sieve, Protocol::Submission];

fn geodb(root: &Section, findings: &mut Findings) -> GeoDb {
    let name = "cluster_geodb";
    let text = root.text(name);
    let state_dir = root.path("state_dir").unwrap_or_default();
    let parsed = location(&text, &state_dir, || cassandra_settings(root));
    parsed.unwrap_or_else(|text| {
        findings.error(root.place_of(name), name, text);
        GeoDb::Sqlite(PathBuf::new())
    })
}

impl Config {
    /// Another GeoDB, named as in `cluster_geodb`; what it leaves out of Cassandra is as in the other settings.
    ///
    /// # Errors
    /// What is wrong with the text, without showing values.
    pub fn another_geodb(&self, text: &str) -> Result<GeoDb, String> {
        location(text, &self.state_dir, || match &self.cluster.geodb {
            GeoDb::Cassandra(found) => (**found).clone(),
            GeoDb::Sqlite(_) => self.cluster.cassandra.clone(),
        })
    }
}

/// Reads the text of `cluster_geodb`.
fn location(
    text: &str,
    state_dir: &Path,
    others: impl FnOnce() -> Cassandra,
) -> Result<GeoDb, String> {
    match text.split_once(':') {
        Some(("sqlite", "")) => Err("expected a file: `sqlite:FILE`".to_owned()),
        Some(("sqlite", file)) => Ok(GeoDb::Sqlite(state_dir.join(file))),
        Some(("cassandra", keys)) => {
            cassandra(keys, others()).map(|found| GeoDb::Cassandra(Box::new(found)))
        }
        Some((scheme, _)) => {
            let hint = nearest(scheme, ["sqlite", "cassandra"])
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let found = shown(scheme);
            Err(format!("found the scheme {found}, expected `sqlite:` or `cassandra:`{hint}"))
        }
        None => {
            let found = shown(text);
            Err(format!("found {found}, expected `sqlite:FILE` or `cassandra:hosts=…;keyspace=…`"))
        }
    }
}

/// What the settings of Dovecot's driver say.
fn cassandra_settings(root: &Section) -> Cassandra {
    let consistencies = |doing: &str| {
        let of = |name: String| {
            Consistency::parse(&root.text(&name)).unwrap_or(Consistency::LocalQuorum)
        };
        Consistencies {
            first: of(format!("cassandra_{doing}_consistency")),
            fallback: of(format!("cassandra_{doing}_fallback_consistency")),
        }
    };
    Cassandra {
        hosts: root.words("cassandra_hosts"),
        port: root.small("cassandra_port"),
        keyspace: root.text("cassandra_keyspace"),
        dc: None,
        user: root.optional_text("cassandra_user"),
        password: root.secret("cassandra_password"),
        tls: root.text("cassandra_ssl") != "no",
        ca_file: root.path("ssl_client_ca_file"),
        read: consistencies("read"),
        write: consistencies("write"),
        delete: consistencies("delete"),
        connect_timeout: root.time("cassandra_connect_timeout"),
        request_timeout: root.time("cassandra_request_timeout"),
    }
}

const CASSANDRA_KEYS: [&str; 7] = ["hosts", "port", "keyspace", "dc", "user", "password", "tls"];

/// `hosts=…;keyspace=…`, before what the other settings say. Messages never show values: one of them is a password.
fn cassandra(parameters: &str, mut found: Cassandra) -> Result<Cassandra, String> {
    for parameter in parameters.split(';').map(str::trim).filter(|parameter| !parameter.is_empty())
    {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(
                "expected `KEY=VALUE` between the semicolons; a password with `;` belongs into `cassandra_password`"
                    .to_owned(),
            );
        };
        let value = value.trim();
        match key.trim() {
            "hosts" => found.hosts = value::words(value).map(str::to_owned).collect(),
            "port" => {
                let port = value.parse().ok().filter(|port| *port != 0);
                found.port =
                    port.ok_or("the value of `port` is not a port, expected 1 to 65535")?;
            }
            "keyspace" => value.clone_into(&mut found.keyspace),
            "dc" => found.dc = Some(value.to_owned()).filter(|dc| !dc.is_empty()),
            "user" => found.user = Some(value.to_owned()),
            "password" => found.password = Some(Secret::from(value)),
            "tls" => {
                found.tls =
                    value::boolean(value).ok_or("the value of `tls` must be `yes` or `no`")?;
            }
            other => {
                let hint = nearest(other, CASSANDRA_KEYS)
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let known = value::one_of(&CASSANDRA_KEYS);
                return Err(format!("found the key {}, expected {known}{hint}", shown(other)));
            }
        }
    }
    complete(found)
}

/// Whether it can be tried at all.
fn complete(found: Cassandra) -> Result<Cassandra, String> {
    if found.hosts.is_empty() {
        return Err("`hosts=…` is needed after `cassandra:`, or `cassandra_hosts`".to_owned());
    }
    if found.keyspace.is_empty() {
        return Err("`keyspace=…` is needed after `cassandra:`, or `cassandra_keyspace`".to_owned());
    }
    // It stands in statements, where nothing can be quoted away.
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = found.keyspace.bytes().all(is_letter)
        && found.keyspace.starts_with(|first: char| first.is_ascii_lowercase());
    if !is_name || found.keyspace.len() > KEYSPACE_BYTES_MAX {
        return Err(format!(
            "the keyspace must begin with a letter and have nothing but small letters, digits and `_`, {KEYSPACE_BYTES_MAX} at most"
        ));
    }
    if found.password.is_some() && found.user.is_none() {
        return Err("there is a `password=…` without a `user=…`".to_owned());
    }
    Ok(found)
}

/// Cassandra's own limit.
const KEYSPACE_BYTES_MAX: usize = 48;

/// The text of `cluster_geodb` without its password.
pub(crate) fn masked(text: &str) -> String {
    let mask = |parameter: &str| match parameter.split_once('=') {
        Some((key, _)) if key.trim().ends_with("password") => format!("{key}=hidden"),
        _ => parameter.to_owned(),
    };
    text.split(';').map(mask).collect::<Vec<String>>().join(";")
}

fn localdb(root: &Section, findings: &mut Findings) -> PathBuf {
    let name = "cluster_localdb";
    let text = root.text(name);
    let own = match text.strip_prefix("sqlite:") {
        Some(file) if file.starts_with('/') => PathBuf::from(file),
        _ => {
            let text =
                format!("found {}, expected `sqlite:FILE` with the file's full path", shown(&text));
            findings.error(root.place_of(name), name, text);
            PathBuf::new()
        }
    };
    let dict = root.labelled(Scope::Dict, "cluster-localdb");
    let Some((dict, path)) = dict.and_then(|dict| Some((dict, dict.path("sqlite_path")?))) else {
        return own;
    };
    if let Some(found) = root.found(name).filter(|_| *own != *path) {
        let text =
            format!("`{}` is not the file that `{name}` names at {}", path.display(), found.place);
        findings.error(dict.place_of("sqlite_path"), "sqlite_path", text);
    }
    if Path::new(&path).is_relative() {
        let text = "expected a file with its full path";
        findings.error(dict.place_of("sqlite_path"), "sqlite_path", text);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::{errors, loaded};

    #[test]
    fn geodb_is_sqlite_or_cassandra() {
        assert_eq!(loaded("").cluster.geodb, GeoDb::Sqlite("/var/lib/hale/geodb.sqlite".into()));
        assert_eq!(
            loaded("cluster_geodb = sqlite:/x/g\n").cluster.geodb,
            GeoDb::Sqlite("/x/g".into())
        );
        let text = "cluster_geodb = cassandra:hosts=10.0.0.1,10.0.0.2;keyspace=palomar;dc=dc1;user=u;password=p=q\n";
        let GeoDb::Cassandra(found) = loaded(text).cluster.geodb else { panic!() };
        assert_eq!(found.hosts, ["10.0.0.1", "10.0.0.2"]);
        assert_eq!((found.keyspace.as_str(), found.port, found.tls), ("palomar", 9042, false));
        assert_eq!(found.password, Some(Secret::from("p=q")));
    }

    #[test]
    fn op_01_geodb_mistakes_are_explained_without_showing_secrets() {
        for (value, expected) in [
            ("casandra:hosts=a", "did you mean `cassandra`"),
            ("mysql:hush", "expected `sqlite:`"),
            ("geodb", "expected `sqlite:FILE`"),
            ("sqlite:", "expected a file"),
            ("cassandra:hosts=a", "keyspace"),
            ("cassandra:keyspace=k", "cassandra_hosts"),
            ("cassandra:hosts=a;keyspace=k'", "small letters"),
            ("cassandra:hosts=a;keyspace=Geo", "small letters"),
            ("cassandra:hosts=a;keyspace=k;pasword=hush", "did you mean `password`"),
            ("cassandra:hosts=a;keyspace=k;password=a;hush", "cassandra_password"),
            ("cassandra:hosts=a;keyspace=k;password=hush", "without a `user"),
            ("cassandra:hosts=a;keyspace=k;port=x", "1 to 65535"),
        ] {
            let found = errors(&format!("cluster_geodb = {value}\n"));
            assert!(found[0].contains(expected), "{}", found[0]);
            assert!(!found[0].contains("hush"), "{}", found[0]);
        }
    }

    #[test]
    fn dovecots_names_say_what_cluster_geodb_leaves_out() {
        let text = "cassandra_hosts = 10.0.0.1 10.0.0.2\ncassandra_keyspace = geo\ncassandra_user = u\n\
                    cassandra_password = a;b\ncassandra_ssl = cert-ip\ncassandra_port = 9043\nssl_client_ca_file = /ca\n\
                    cassandra_write_consistency = each-quorum\ncassandra_request_timeout = 200ms\n";
        let of = |location: &str| {
            let config = loaded(&format!("{text}cluster_geodb = {location}\n"));
            let GeoDb::Cassandra(found) = config.cluster.geodb else { panic!() };
            *found
        };
        let found = of("cassandra:");
        assert_eq!(
            (&*found.hosts, &*found.keyspace, found.port),
            (&["10.0.0.1".to_owned(), "10.0.0.2".into()][..], "geo", 9043)
        );
        assert_eq!(
            (found.user.as_deref(), &found.password),
            (Some("u"), &Some(Secret::from("a;b")))
        );
        assert_eq!((found.tls, found.ca_file.as_deref()), (true, Some(Path::new("/ca"))));
        assert_eq!(found.write.first, Consistency::EachQuorum);
        assert_eq!(found.write.fallback, Consistency::LocalQuorum);
        assert_eq!(
            found.read,
            Consistencies { first: Consistency::LocalQuorum, fallback: Consistency::LocalOne }
        );
        assert_eq!(found.request_timeout, std::time::Duration::from_millis(200));
        let found = of("cassandra:hosts=b;keyspace=k;tls=no;dc=dc1;port=9");
        assert_eq!((&*found.hosts, &*found.keyspace, found.port), (&["b".to_owned()][..], "k", 9));
        assert_eq!((found.tls, found.dc.as_deref()), (false, Some("dc1")));
    }

    #[test]
    fn another_geodb_is_named_as_in_the_setting() {
        let config = loaded("cassandra_keyspace = geo\ncassandra_user = u\n");
        let GeoDb::Cassandra(found) = config.another_geodb("cassandra:hosts=a").unwrap() else {
            panic!()
        };
        assert_eq!((&*found.keyspace, found.user.as_deref()), ("geo", Some("u")));
        assert_eq!(config.another_geodb("sqlite:x"), Ok(GeoDb::Sqlite("/var/lib/hale/x".into())));
        assert!(config.another_geodb("x").is_err());
    }

    #[test]
    fn the_cache_is_not_the_geodb() {
        let same = "cluster_geodb = sqlite:/x/y\ncluster_localdb = sqlite:/x/y\n";
        let found = errors(same);
        assert!(
            found.iter().any(|line| line.contains("is the file of `cluster_geodb`")),
            "{found:?}"
        );
    }

    #[test]
    fn localdb_may_be_named_in_either_way_but_not_twice() {
        let dict = "dict_server { dict cluster-localdb { sqlite_path = /dev/shm/x } }\n";
        assert_eq!(loaded(dict).cluster.localdb, Path::new("/dev/shm/x"));
        let both = format!("cluster_localdb = sqlite:/dev/shm/y\n{dict}");
        assert!(errors(&both)[0].contains("t.conf:2") && errors(&both)[0].contains("t.conf:1"));
    }

    #[test]
    fn c_site_5_how_sites_fail_over_is_set() {
        let found = loaded("").cluster.site_failover;
        assert_eq!((found.auto, found.delay.as_secs(), found.ramp), (true, 120, 10));
        assert_eq!(found.logins_per_second_max, 50);
        let text = "site_failover_auto = no\nsite_failover_delay = 0\nsite_failover_ramp = 100\n\
                    site_failover_max_logins_per_sec = 7\n";
        let found = loaded(text).cluster.site_failover;
        assert_eq!((found.auto, found.delay.as_secs(), found.ramp), (false, 0, 100));
        assert_eq!(found.logins_per_second_max, 7);
        assert!(errors("site_failover_ramp = 101\n")[0].contains("site_failover_ramp"));
    }

    #[test]
    fn passwords_are_masked() {
        assert_eq!(
            masked("cassandra:hosts=a;password=x;tls=no"),
            "cassandra:hosts=a;password=hidden;tls=no"
        );
        assert_eq!(masked("cassandra:password=x"), "cassandra:password=hidden");
    }
}
