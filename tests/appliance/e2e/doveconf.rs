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

/// Names in full: `driver` in `passdb { … }` is `passdb_driver`. What stands in `plugin { … }` belongs to plugins.
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
    assert!(error.contains("found `pam`") && error.contains("libpam"), "{error}");
}

/// The file system as it is.
struct Disk;

impl Source for Disk {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&mut self, folder: &Path) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(folder)?;
        names.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect()
    }

    fn environment(&mut self, _name: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Case 08: the files themselves, with their includes, `$protocols` and `protocol !indexer-worker`.
#[test]
fn case_08_debians_stock_files_load_as_they_lie() {
    let stock = Stock::new();
    let load = || config::load(&mut Disk, &stock.0.path().join("dovecot.conf"));
    let told = |found: &Loaded| found.errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let [error] = &told(&load())[..] else { panic!("{:?}", told(&load())) };
    assert!(error.contains("auth-system.conf.ext") && error.contains("found `pam`"), "{error}");
    let auth = stock.0.path().join("conf.d/auth-system.conf.ext");
    std::fs::write(
        auth,
        "passdb {\n  driver = static\n  args = proxy=y host=%1Mu.example.org nopassword=y\n}\n",
    )
    .unwrap();
    let found = load();
    assert_eq!(told(&found), [""; 0]);
    let mut served: Vec<String> =
        found.config.unwrap().protocols.iter().map(|it| it.name().to_owned()).collect();
    let printed = run(DOVECONF
        .command()
        .arg("-c")
        .arg(stock.0.path().join("dovecot.conf"))
        .args(["-xh", "protocols"]));
    let printed = String::from_utf8(printed).unwrap();
    let mut expected: Vec<String> = printed.split_whitespace().map(str::to_owned).collect();
    served.sort();
    expected.sort();
    assert_eq!(served, expected, "what the packages here have put into protocols.d");
}
