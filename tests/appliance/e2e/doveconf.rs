//! What Debian's `doveconf` prints: each name is decided, and the whole loads for a proxy.

use std::io;
use std::path::Path;
use std::process::Command;

use hale::config::{self, Loaded, Source, registry};
use tempfile::TempDir;

use super::tools::{CP, DOVECONF, run};

/// A configuration that stands in no file; every file that it takes a value from is there.
struct Printed(String);

impl Source for Printed {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let is_it = path == Path::new(PRINTED);
        Ok(if is_it { self.0.as_bytes().to_vec() } else { b"PEM\n".to_vec() })
    }

    fn list(&mut self, _folder: &Path) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn environment(&mut self, _name: &str) -> Option<Vec<u8>> {
        None
    }
}

const PRINTED: &str = "/printed.conf";

/// Debian's stock files, and what `doveconf` makes of them.
struct Stock(TempDir);

impl Stock {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(CP.command().args(["-r", "/usr/share/dovecot/."]).arg(folder.path()));
        Self(folder)
    }

    fn doveconf(&self, option: &str) -> String {
        let mut doveconf: Command = DOVECONF.command();
        let printed = run(doveconf.arg(option).arg("-c").arg(self.0.path().join("dovecot.conf")));
        String::from_utf8(printed).unwrap()
    }
}

/// The same with a passdb that says where users live, in place of PAM's.
fn as_proxy(printed: &str) -> String {
    let (before, rest) = printed.split_once("\npassdb {\n").unwrap();
    let (_, after) = rest.split_once("\n}\n").unwrap();
    format!(
        "{before}\npassdb {{\n  driver = static\n  args = proxy=y host=127.0.0.2 nopassword=y\n}}\n{after}"
    )
}

fn load(text: &str) -> Loaded {
    config::load(&mut Printed(text.to_owned()), Path::new(PRINTED))
}

fn errors(text: &str) -> Vec<String> {
    load(text).errors.iter().map(ToString::to_string).collect()
}

/// Names in full: `driver` in `passdb { … }` is `passdb_driver`. What stands in `plugin { … }` is anybody's.
fn names(printed: &str) -> Vec<String> {
    let mut blocks: Vec<&str> = Vec::new();
    let mut names = Vec::new();
    for line in
        printed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if line == "}" {
            blocks.pop();
        } else if let Some(block) = line.strip_suffix('{') {
            let word = block.split(' ').next().unwrap();
            names.push(word.to_owned());
            blocks.push(word);
        } else {
            let name = line.split(" =").next().unwrap();
            match blocks.last() {
                None => names.push(name.to_owned()),
                Some(&"plugin") => {}
                Some(block) => names.push(format!("{block}_{name}")),
            }
        }
    }
    names
}

#[test]
fn every_name_that_debians_doveconf_prints_is_decided() {
    let names = names(&Stock::new().doveconf("-a"));
    assert!(names.len() > 1000, "{}", names.len());
    let undecided: Vec<&String> =
        names.iter().filter(|name| registry::decision(name).is_none()).collect();
    assert!(undecided.is_empty(), "{undecided:?}");
    let listed: Vec<&str> = registry::dovecots().map(|(name, _)| name).collect();
    let unlisted: Vec<&String> =
        names.iter().filter(|name| !listed.contains(&name.as_str())).collect();
    assert!(unlisted.is_empty(), "not in names_2_3.txt: {unlisted:?}");
}

#[test]
fn debians_stock_configuration_loads_for_a_proxy() {
    let stock = Stock::new();
    for option in ["-nP", "-aP"] {
        let text = as_proxy(&stock.doveconf(option));
        assert_eq!(errors(&text), [""; 0], "{option}");
        let config = load(&text).config.unwrap();
        let ssl = config.ssl.of(hale::names::Protocol::Imap);
        assert!(ssl.has_certificate(), "{option}");
    }
    for option in ["-n", "-a"] {
        let errors = errors(&as_proxy(&stock.doveconf(option)));
        let [error] = &errors[..] else { panic!("{option}: {errors:?}") };
        assert!(error.contains("ssl_key") && error.contains("doveconf -nP"), "{error}");
    }
    let [error] = &errors(&stock.doveconf("-nP"))[..] else { panic!() };
    assert!(error.contains("`pam` comes with a later version"), "{error}");
}
