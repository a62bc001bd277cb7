//! `hale import`: reads the old files, writes the new one, and tells what was left.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use hale::boot::Exit;
use hale::control::ConfigFiles;
use hale::import::{self, Imported, Weight};

use super::{complain, print};

/// `hale import`.
#[derive(Args, Clone, Debug)]
pub(super) struct ImportCommand {
    /// haproxy.cfg, dovecot.conf, or what `doveconf -nP` prints (`/dev/stdin`)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The file to write, which must not exist; standard output unless given
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) const LONG_HELP: &str = "\
Reads what a site ran before and writes what Hale needs to take its place: listeners, PROXY headers, certificates and TLS of HAProxy, \
passdbs and settings of Dovecot, the backends of either. Each line has its origin as a comment in front. Nothing is started, \
and no file is changed.

HAProxy's files and Dovecot's are told apart by what stands in them. Of HAProxy, sections in mode tcp for ports of mail count. Where HAProxy \
stood in front of Dovecot, Hale listens in HAProxy's place, and Dovecot's listeners behind it go. Where no Dovecot proxy stood between, \
HAProxy's servers become backends of an embedded GeoDB, by the commands at the end of the new file.

What was not carried over stands at the end of the new file and on standard error, with the reason and the remedy: what you have to decide, \
what Hale does in another way, and what has no meaning for it.

The new file may hold passwords. `-o FILE` makes it readable for its owner only. Give the output of `doveconf -nP` rather than `doveconf -n`, \
which hides keys and passwords.

Exit codes:
  0   everything was carried over, or is done by Hale in its own way
  65  the file was written, and something is left for you to decide
  66  a file cannot be read
  73  the new file cannot be written

Examples:
  hale import /etc/haproxy/haproxy.cfg
  hale import -o /etc/hale/hale.conf /etc/haproxy/haproxy.cfg /etc/dovecot/dovecot.conf
  doveconf -nP | hale import /dev/stdin";

pub(super) fn run(command: &ImportCommand) -> ExitCode {
    // Values that name files by their place have to mean the same in the new file.
    let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let paths: Vec<PathBuf> = command.files.iter().map(whole).collect();
    let imported = match import::import(&mut ConfigFiles, &paths) {
        Ok(imported) => imported,
        Err(complaints) => {
            for complaint in complaints {
                complain(&format!("error: {complaint}"));
            }
            return ExitCode::from(NO_INPUT);
        }
    };
    if let Some(path) = &command.output {
        if let Err(fault) = write(path, &imported.text) {
            complain(&format!("error: cannot write {}: {fault}", path.display()));
            return ExitCode::from(CANNOT_CREATE);
        }
    } else {
        print(&imported.text);
    }
    tell(&imported);
    if imported.is_incomplete() { ExitCode::from(DATA) } else { Exit::Ok.into() }
}

fn tell(imported: &Imported) {
    for left in &imported.left {
        let word = match left.weight {
            Weight::Missing => "decide",
            Weight::Different => "differs",
            Weight::Needless => "dropped",
        };
        complain(&format!("{word}: {left}"));
    }
    let open = imported.left.iter().filter(|it| it.weight == Weight::Missing).count();
    if open > 0 {
        complain(&format!(
            "{open} things are left for you to decide: they stand at the end of the new file, too"
        ));
    }
}

/// It may hold passwords, and takes the place of no other.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// EX_DATAERR, EX_NOINPUT and EX_CANTCREAT of sysexits(3).
const DATA: u8 = 65;
const NO_INPUT: u8 = 66;
const CANNOT_CREATE: u8 = 73;
