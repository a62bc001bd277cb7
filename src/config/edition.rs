//! The configuration as it is in force: what was read at start, or by the reload that came last.
//!
//! An edition is published as a whole and never changed. A session keeps what it has taken of the edition that it was accepted
//! under. Duty: the value, and what of a new configuration waits for a restart. Non-duty: opening sockets, publishing (the control core).
//! Tests: below.

use std::sync::Arc;

use super::model::{Config, Listener};

/// What is in force.
#[derive(Clone, Debug)]
pub struct Edition {
    /// Of what was published, the how-manieth this is: the listeners may change without the settings.
    pub serial: u64,
    /// How many reloads there were: 0 is what was read at start.
    pub number: u64,
    /// The settings.
    pub config: Arc<Config>,
    /// The sockets that accept: those of the settings, without listeners that the operator has drained.
    pub open: Arc<[OpenListener]>,
    /// Sockets of this number and above are for a later edition.
    pub next_socket: u32,
}

/// A listener whose sockets are open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenListener {
    /// By what the control core and the data cores know its sockets. No two listeners of a process ever have the same.
    pub socket: u32,
    /// The rules that hold there.
    pub listener: Listener,
}

impl Config {
    /// The same with everything that only a restart changes as it is in the `running` configuration.
    #[must_use]
    pub fn within(self, running: &Self) -> Self {
        let Self { base_dir, state_dir, data_cores, control_core, cluster, hostname, .. } = running;
        let mut config = Self {
            base_dir: base_dir.clone(),
            state_dir: state_dir.clone(),
            data_cores: data_cores.clone(),
            control_core: *control_core,
            cluster: cluster.clone(),
            hostname: hostname.clone(),
            drop_privileges_to: running.drop_privileges_to.clone(),
            sandbox: running.sandbox,
            ..self
        };
        let (limits, former) = (&mut config.limits, &running.limits);
        limits.connections_per_core = former.connections_per_core;
        limits.relay_receive_buffer = former.relay_receive_buffer;
        limits.relay_unsent_buffer = former.relay_unsent_buffer;
        let (auth, former) = (&mut config.auth, &running.auth);
        auth.hash_threads = former.hash_threads;
        auth.hash_memory = former.hash_memory;
        auth.cache_size = former.cache_size;
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::registry::{self, Effect, Kind, Scope, Setting};
    use crate::config::tests::load_text;

    /// Settings that need others around them to mean anything.
    const BASE: &str = "cluster_local_site = DC1\nhostname = a.test\nssl_server_cert_file = /c\nssl_server_key_file = /k\n\
                        auth_policy_server_url = http://127.0.0.1/\nauth_policy_hash_nonce = x\nssl_client_ca_file = /a\n\
                        ssl_server_ca_file = /a\nservice imap-login {\n inet_listener imap {\n port = 143\n }\n}\n";

    /// A value that is not the default.
    fn other(setting: &Setting) -> String {
        let number = |min: u64, max: u64| {
            let default: Option<u64> = setting.default.parse().ok();
            [max, min].into_iter().find(|it| Some(*it) != default).unwrap_or(min).to_string()
        };
        match setting.kind {
            Kind::Bool => if setting.default == "yes" { "no" } else { "yes" }.to_owned(),
            Kind::Number { min, max } | Kind::AutoNumber { min, max } | Kind::Size { min, max } => {
                number(min, max)
            }
            Kind::Choice(all) => all.iter().find(|it| **it != setting.default).unwrap().to_string(),
            Kind::AutoTime | Kind::Time => "7 secs".to_owned(),
            Kind::Port => "1234".to_owned(),
            Kind::Path => "/other".to_owned(),
            Kind::Networks => "192.0.2.0/24".to_owned(),
            Kind::Addresses => "192.0.2.9".to_owned(),
            Kind::Cores => "0".to_owned(),
            Kind::Core => "1".to_owned(),
            Kind::Character => "+".to_owned(),
            Kind::GeoDb | Kind::LocalDb => "sqlite:/other".to_owned(),
            Kind::ProbeTemplate => "other-%{backend_host}".to_owned(),
            _ => match setting.name {
                "protocols" => "pop3",
                "listen" => "192.0.2.1",
                "auth_mechanisms" => "login",
                "cluster_backend_check_protocols" => "pop3",
                "log_path" => "/other",
                _ => "other",
            }
            .to_owned(),
        }
    }

    #[test]
    fn op_02_each_setting_takes_effect_when_it_says_that_it_does() {
        let running = load_text(BASE).config.unwrap();
        // Which files are named says nothing of what is done with them.
        let shown =
            |config: &Config| format!("{:?}", Config { files: Vec::new(), ..config.clone() });
        let (mut learnt, mut unlearnt, mut wrong) = (0, Vec::new(), Vec::new());
        for setting in registry::settings().filter(|it| it.scope == Scope::Global) {
            let text = format!("{BASE}{} = {}\n", setting.name, other(setting));
            let Some(wanted) = load_text(&text).config else {
                unlearnt.push(setting.name);
                continue;
            };
            if shown(&wanted) == shown(&running) {
                // A secret, which is not shown, or it means nothing without others.
                unlearnt.push(setting.name);
                continue;
            }
            let taken = wanted.clone().within(&running);
            let mut expected = match setting.effect() {
                Effect::Reload => wanted,
                Effect::Restart => running.clone(),
            };
            if setting.name == "ssl_client_ca_file" {
                // Its text says so: the way to Cassandra has it from the start.
                expected.cluster = running.cluster.clone();
            }
            if shown(&taken) != shown(&expected) {
                wrong.push((setting.name, setting.effect().told()));
            }
            learnt += 1;
        }
        println!("{learnt} learnt; not: {unlearnt:?}");
        assert_eq!(wrong, []);
        assert!(learnt > 100, "{learnt}");
        let restart = unlearnt.iter().filter_map(|name| registry::exact(Scope::Global, name));
        let blind: Vec<&str> = restart
            .filter(|it| it.effect() == Effect::Restart && it.kind != Kind::Secret)
            .map(|it| it.name)
            .collect();
        assert_eq!(blind, [""; 0], "nothing is known of these");
    }
}
