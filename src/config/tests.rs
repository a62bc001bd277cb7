//! Whole configurations: the seed's, the examples, and what an operator gets wrong.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::names::Protocol;
use crate::network::Networks;

mod blocks;

/// Files in memory.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<PathBuf, Vec<u8>>, BTreeMap<String, Vec<u8>>);

impl Files {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let mut all = Self::default();
        for (path, text) in files {
            all.insert(path, text.as_bytes());
        }
        all
    }

    pub(crate) fn set(&mut self, variable: &str, value: &[u8]) {
        self.1.insert(variable.into(), value.to_vec());
    }

    pub(crate) fn insert(&mut self, path: &str, bytes: &[u8]) {
        self.0.insert(path.into(), bytes.to_vec());
    }
}

impl Source for Files {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(folder));
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        Ok(inside.map(name).collect())
    }

    fn environment(&mut self, name: &str) -> Option<Vec<u8>> {
        self.1.get(name).cloned()
    }
}

pub(super) fn load_text(text: &str) -> Loaded {
    load(&mut Files::new(&[("/e/t.conf", text)]), Path::new("/e/t.conf"))
}

fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(ToString::to_string).collect()
}

/// The configuration of a text that must be right.
#[track_caller]
pub(crate) fn loaded(text: &str) -> Config {
    let loaded = load_text(text);
    assert_eq!(lines(&loaded.errors), [""; 0]);
    loaded.config.unwrap()
}

/// The errors of a text that must be wrong.
#[track_caller]
pub(super) fn errors(text: &str) -> Vec<String> {
    let loaded = load_text(text);
    assert!(loaded.config.is_none(), "{text}");
    lines(&loaded.errors)
}

pub(super) fn warnings(text: &str) -> Vec<String> {
    lines(&load_text(text).warnings)
}

/// The proxy's configuration blocks of the Palomar page, in its order, without the prose between them.
const SEED_PROXY: &str = include_str!("tests/seed_proxy.conf");
/// The backends' blocks of the same page; a site may well use one file for both.
const SEED_REST: &str = include_str!("tests/seed_rest.conf");

#[test]
fn the_palomar_proxy_configuration_loads_as_it_stands() {
    let config = loaded(SEED_PROXY);
    assert_eq!(config.cluster.local_site.as_deref(), Some("DC1"));
    assert_eq!(config.cluster.localdb, Path::new("/dev/shm/cluster-localdb.sqlite"));
    let probe = config.cluster.backend_test_username.as_ref().unwrap();
    let probed = probe.expand(&|name| (name == "backend_host").then_some("be1".into()));
    assert_eq!(probed.as_deref(), Ok("probe-be1"));
    assert_eq!(config.cluster.backend_test_password, None);
    assert_eq!(config.trust.haproxy_networks, Networks::parse("192.168.1.0/24").unwrap());
    assert!(config.trust.login_networks.contains("::1".parse().unwrap()));
    assert_eq!(config.doveadm.port, 2300);
    assert_eq!(config.doveadm.password, None);
    assert_eq!(config.admin_listeners.len(), 2);
    let [passdb] = &config.auth.passdbs[..] else { panic!() };
    assert_eq!(passdb.name, "test-accounts");
    assert_eq!(format!("{:?}", passdb.fields), "[proxy=y]");
    assert_eq!(config.protocols, Protocol::ALL);
}

#[test]
fn the_palomar_page_warns_once_per_setting_that_a_proxy_has_no_use_for() {
    let found = warnings(&format!("{SEED_PROXY}{SEED_REST}"));
    let ignored: Vec<&String> = found.iter().filter(|text| text.contains("ignored")).collect();
    assert_eq!(ignored.len(), 3, "{ignored:#?}");
    assert!(ignored[0].contains("setting userdb: ignored"));
    assert!(ignored[1].contains("setting metric: ignored"));
}

/// The names an operator starts with, as they are combined.
#[test]
fn every_name_of_the_design_is_understood_and_only_what_is_not_served_leaves_a_warning() {
    let found = load_text(
        "base_dir = /run/hale # admin socket\nstate_dir = /var/lib/hale\ndata_cores = 0-6\ncontrol_core = 7\n\
         protocols = imap pop3 lmtp sieve submission\nlisten = *, ::\n@cluster_defaults = proxy\n\
         cluster_local_site = DC1\n\
         cluster_geodb = cassandra:hosts=10.0.0.1,10.0.0.2;keyspace=palomar;dc=dc1;user=u;password=p\n\
         cluster_localdb = sqlite:/dev/shm/hale-localdb.sqlite\ncluster_default_group_count = 100\n\
         cluster_backend_test_username = probe-%{backend_host}\ncluster_backend_test_password = p\n\
         cluster_proxy_check_backends = yes\ncluster_user_move_timeout = 31secs\n\
         haproxy_trusted_networks = 192.168.1.0/24\nhaproxy_timeout = 3s\n\
         login_trusted_networks = 127.0.0.1 ::1\ndoveadm_port = 2300\ndoveadm_password = p\nssl = required\n\
         ssl_server_cert_file = /c\nssl_server_key_file = /k\nssl_min_protocol = TLSv1.2\n\
         ssl_client_ca_file = /ca\nssl_client_require_valid_cert = yes\n\
         local_name example.org {\n ssl_server_cert_file = /c\n ssl_server_key_file = /k\n}\n\
         service imap-login {\n  inet_listener imap         { port = 143 }\n  \
         inet_listener imap_haproxy { port = 10143  haproxy = yes }\n  \
         inet_listener imaps        { port = 993  ssl = yes }\n}\n\
         service doveadm { inet_listener tcp { port = 2300  address = ::1 } }\n\
         protocol imap {\n proxy_port = 143 # the backends' port\n proxy_ssl = starttls\n \
         proxy_send_header = v2\n}\n\
         passdb users { driver = passwd-file  passwd_file_path = /u  fields { proxy = y  proxy_timeout = 5s } }\n",
    );
    assert_eq!(lines(&found.errors), [""; 0]);
    let warned: Vec<&str> = found.warnings.iter().map(|it| it.setting.as_str()).collect();
    let expected: [&str; 0] = [];
    assert_eq!(warned, expected, "{:#?}", found.warnings);
    assert!(found.warnings.iter().all(|it| it.text.starts_with("not served by this version")));
    let imap =
        found.config.unwrap().listeners.into_iter().find(|l| l.name == "imap_haproxy").unwrap();
    assert_eq!(
        (imap.port, imap.haproxy, imap.ssl, imap.place.unwrap().line()),
        (10143, true, false, 33)
    );
}

#[test]
fn the_examples_load_without_errors() {
    let loopback = loaded(include_str!("../../examples/loopback.conf"));
    assert!(loopback.listeners.iter().all(|listener| listener.address.is_loopback()));
    let palomar = loaded(include_str!("../../examples/palomar-proxy.conf"));
    assert_eq!(palomar.cluster.local_site.as_deref(), Some("DC1"));
}

/// Whoever tries an example meets no warning that the example does not speak of.
#[test]
fn the_examples_load_without_a_warning_or_explain_it() {
    let clear = "setting auth_allow_cleartext: passwords from other hosts";
    for text in [
        include_str!("../../examples/hale.conf"),
        include_str!("../../examples/loopback.conf"),
        include_str!("../../examples/palomar-proxy.conf"),
    ] {
        let lines: Vec<&str> = text.lines().collect();
        for warning in load_text(text).warnings {
            let upward = lines.iter().take(warning.place.line() as usize).rev();
            let explained = upward
                .take_while(|line| !line.is_empty())
                .any(|line| line.contains("hale check-config"));
            let is_of_all =
                warning.to_string().contains(clear) && text.contains("passwords come in clear");
            assert!(explained || is_of_all, "{warning}");
        }
    }
    let minimal = include_str!("../../README.md")
        .split("```\n")
        .find(|it| it.starts_with("protocols = imap\n"));
    let found = warnings(minimal.unwrap());
    assert!(found.len() == 1 && found[0].contains(clear), "{found:#?}");
}

#[test]
fn op_01_all_mistakes_are_reported_at_once_with_file_line_and_name() {
    let found = errors(
        "haproxy_timeuot = 3s\nlisten = localhost\nhaproxy_timeout = 3\nfoo_bar = 1\nservice imap-logn {\n}\npassdb x {\n \
         drivr = static\n driver = static\n}\nport = 143\nssl_server_cert_fil {\n}\n@cluster_defaults = backend\n@x = \
         y\ninet_listener imap {\n}\nprotocol imap {\n listen = *\n}\nmail_max_userip_conections = 3\nlocal 10.0.0.1 {\n}\n\
         service = x\n",
    );
    let expected = [
        "/e/t.conf:1: setting haproxy_timeuot: there is no such setting; did you mean `haproxy_timeout`?",
        "/e/t.conf:2: setting listen: found `localhost`, expected addresses",
        "/e/t.conf:3: setting haproxy_timeout: found `3`, expected a time with its unit, such as `31secs`",
        "/e/t.conf:4: setting foo_bar: there is no such setting; `docs/CONFIG.md` lists all",
        "/e/t.conf:5: setting service: found `imap-logn`, expected `imap-login`, `pop3-login`",
        "/e/t.conf:8: setting drivr: there is no such setting; did you mean `driver`?",
        "/e/t.conf:11: setting port: it belongs into `service NAME { inet_listener NAME { … } }`",
        "/e/t.conf:12: setting ssl_server_cert_fil: there is no such block; did you mean `ssl_server_cert_file`?",
        "/e/t.conf:14: setting @cluster_defaults: found `backend`, expected `proxy`: Hale is a proxy",
        "/e/t.conf:15: setting @x: no such group",
        "/e/t.conf:16: setting inet_listener: the block cannot stand here",
        "/e/t.conf:19: setting listen: `listen` cannot differ between protocols",
        "/e/t.conf:21: setting mail_max_userip_conections: there is no such setting; did you mean",
        "/e/t.conf:22: setting local: not supported: settings cannot depend on the local address",
        "/e/t.conf:24: setting service: this is a block, expected `service NAME { … }`",
    ];
    for (text, start) in found.iter().zip(expected) {
        assert!(text.starts_with(start), "\n{text}\n{start}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn settings_of_dovecot_that_mean_nothing_to_a_proxy_warn_once_each() {
    let found = warnings(
        "dovecot_config_version = 2.4.1\ndovecot_storage_version = 2.4.1\nmail_location = maildir:~/Maildir\n\
         mail_driver = maildir\nnamespace inbox {\n inbox = yes\n}\nplugin {\n fts = flatcurve\n}\nprotocol lda {\n \
         mail_plugins = sieve\n}\nservice auth {\n unix_listener x { mode = 0600 }\n}\nservice imap-login {\n \
         client_limit = 1000\n}\ndict_server { dict other { driver = redis } }\nfts_autoindex = yes\nssl_client_ca_dir \
         = /etc/ssl/certs\nlog_debug = category=auth\nauth_verbose = yes\nssl_dh = </x\npassdb static {\n}\n\
         auth_allow_cleartext = no\n",
    );
    let lines: Vec<&str> = found.iter().map(|text| text.split(": ").next().unwrap()).collect();
    let expected =
        [1, 2, 3, 4, 5, 8, 11, 14, 18, 20, 21, 23, 24, 25].map(|line| format!("/e/t.conf:{line}"));
    assert_eq!(lines, expected, "{found:#?}");
}

#[test]
fn older_names_are_understood_with_a_warning() {
    let text = "ssl_cert = </e/cert.pem\nssl_key = </e/key.pem\ndisable_plaintext_auth = no\nauth_default_realm = \
                example.org\npassdb static {\n}\n";
    let mut files =
        Files::new(&[("/e/t.conf", text), ("/e/cert.pem", "C\nC\n"), ("/e/key.pem", "K\n")]);
    let found = load(&mut files, Path::new("/e/t.conf"));
    let config = found.config.unwrap();
    assert_eq!(
        config.ssl.of(Protocol::Imap).server.as_ref().unwrap().cert_file,
        Path::new("/e/cert.pem")
    );
    assert_eq!(config.protocol(Protocol::Imap).allow_cleartext, AllowCleartext::Yes);
    assert_eq!(config.auth.default_domain.as_deref(), Some("example.org"));
    assert_eq!(found.warnings.len(), 4);
    assert!(found.warnings[2].text.contains("auth_allow_cleartext = yes"));
}

#[test]
fn passwords_may_come_from_files_and_lose_one_line_end() {
    let text = "doveadm_password = <secret\nlogin_greeting = \" hi # there \"\n";
    let mut files = Files::new(&[("/e/t.conf", text), ("/e/secret", "hush\r\n")]);
    let config = load(&mut files, Path::new("/e/t.conf")).config.unwrap();
    assert_eq!(config.doveadm.password.unwrap().expose(), b"hush");
    assert_eq!(config.login_greeting, " hi # there ");
    for (content, expected) in [
        ("a\nb\n", "more than one line"),
        ("a\x1Bb\n", "control character"),
        ("${X}\n", "is not expanded"),
    ] {
        let mut files = Files::new(&[("/e/t.conf", text), ("/e/secret", content)]);
        let found = load(&mut files, Path::new("/e/t.conf")).errors;
        assert!(found[0].text.contains(expected), "{found:?}");
    }
}

#[test]
fn groups_are_included_where_they_are_named() {
    let config = loaded(
        "@site = big\nhostname = own\ngroup @site big {\n hostname = group\n login_greeting = big\n @inner = \
         x\n}\ngroup @site small { login_greeting = small }\ngroup @inner x { relay_idle_timeout = 1h }\n",
    );
    assert_eq!((config.hostname.as_deref(), config.login_greeting.as_str()), (Some("own"), "big"));
    assert_eq!(config.protocol(Protocol::Imap).relay_idle_timeout.as_secs(), 3600);
    let found = errors("@a = b\n@site = x\ngroup @a b { @a = b }\ngroup @site y { ssl = no }\n");
    assert!(found[0].contains("no variant `x`"));
    assert!(found[1].contains("groups include each other"));
}

#[test]
fn op_01_groups_cannot_multiply_without_end() {
    let (outer, inner) = ("@a = b\n".repeat(40), "@c = d\n".repeat(40));
    let text = format!("{outer}group @a b {{\n{inner}}}\ngroup @c d {{\nssl = no\n}}\n");
    let [found] = &errors(&text)[..] else { panic!() };
    assert!(found.contains("more than 1000 groups are included"), "{found}");
}

#[test]
fn op_07_nul_in_a_path_is_refused() {
    assert!(errors("base_dir = /run/\0hale\n")[0].contains("/e/t.conf:1: found a NUL byte"));
}

#[test]
fn op_01_debug_output_shows_no_secret() {
    let text = "doveadm_password = hush\ncluster_backend_test_password = hush\nssl_server_key_password = hush\n\
                cluster_geodb = cassandra:hosts=a;keyspace=k;user=u;password=hush\n";
    assert!(!format!("{:?}", load_text(text)).contains("hush"));
}

mod field;
mod placeholders;

/// `hale -c hale.conf` in the folder of the file: no path is put behind its folder twice.
#[test]
fn paths_start_at_the_folder_of_their_file_when_its_own_name_is_relative() {
    let names = "ssl_server_cert_file = c.pem\nssl_server_key_file = c.key\n";
    let mut files = Files::new(&[("t.conf", "!include sub/*.conf\n"), ("sub/x.conf", names)]);
    let config = load(&mut files, Path::new("t.conf")).config.unwrap();
    let certificate = config.ssl.of(Protocol::Imap).server.as_ref().unwrap();
    assert_eq!(certificate.cert_file, Path::new("sub/c.pem"));
    assert_eq!(certificate.key_file, Path::new("sub/c.key"));
}
