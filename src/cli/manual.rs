//! The manual page hale(1) and the completions of shells, made from the commands themselves; kept in `packaging/` and current by
//! the test below.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory as _};
use clap_complete::Shell;
use hale::config::manual::text;

use super::Cli;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be asked to rewrite its document")]
fn the_manual_and_the_completions_in_the_repository_are_up_to_date() {
    let completions =
        [("hale.bash", Shell::Bash), ("_hale", Shell::Zsh), ("hale.fish", Shell::Fish)];
    let completions = completions.map(|(name, shell)| {
        let mut bytes = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "hale", &mut bytes);
        (format!("packaging/completions/{name}"), String::from_utf8(bytes).unwrap())
    });
    let manual = ("packaging/man/hale.1".to_owned(), hale_1());
    for (name, page) in std::iter::once(manual).chain(completions) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        if std::env::var("UPDATE_DOCS").is_ok() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &page).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == page, "{name} is out of date: UPDATE_DOCS=1 cargo test --bin hale");
    }
}

/// The text of hale(1).
fn hale_1() -> String {
    let mut hale = Cli::command();
    hale.build();
    let mut page = String::from(HEAD);
    options(&mut page, &hale);
    page.push_str(".SH COMMANDS\n");
    commands(&mut page, &hale, "hale");
    page.push_str(FOOT);
    page
}

/// Every command that has none below it, by its whole name.
fn commands(page: &mut String, parent: &Command, name: &str) {
    for command in
        parent.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help")
    {
        let name = format!("{name} {}", command.get_name());
        if command.has_subcommands() {
            commands(page, command, &name);
            continue;
        }
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").replace(" [OPTIONS]", "");
        // Writing to a String cannot fail.
        writeln!(page, ".SS \"{}\"", text(&usage)).unwrap();
        let about = command.get_long_about().or_else(|| command.get_about());
        paragraphs(page, &about.map(ToString::to_string).unwrap_or_default());
        options(page, command);
        if let Some(more) = command.get_after_help() {
            paragraphs(page, &more.to_string());
        }
    }
}

/// Lines that begin with white space are kept as they are.
fn paragraphs(page: &mut String, words: &str) {
    page.push_str(".PP\n");
    for line in words.lines() {
        match line {
            "" => page.push_str(".PP\n"),
            example if example.starts_with(' ') => {
                writeln!(page, ".br\n\\&{}", text(example)).unwrap();
            }
            line => writeln!(page, "{}", text(line)).unwrap(),
        }
    }
}

fn options(page: &mut String, command: &Command) {
    let own = |arg: &&Arg| {
        let is_everywhere = arg.is_global_set() && command.get_name() != "hale";
        !is_everywhere
            && !arg.is_hide_set()
            && !["help", "version"].contains(&arg.get_id().as_str())
    };
    for arg in command.get_arguments().filter(own) {
        let told = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string);
        let mut told = told.unwrap_or_default();
        let choices: Vec<String> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !choices.is_empty() && takes_a_value(arg) {
            write!(told, " (one of {})", choices.join(", ")).unwrap();
        }
        if let [default] = arg.get_default_values()
            && takes_a_value(arg)
        {
            write!(told, " [{}]", default.to_string_lossy()).unwrap();
        }
        writeln!(page, ".TP\n\\fB{}\\fR", text(&written(arg))).unwrap();
        for line in told.lines() {
            writeln!(page, "{}", text(line)).unwrap();
        }
    }
}

fn takes_a_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// How an argument is typed.
fn written(arg: &Arg) -> String {
    let names = [
        arg.get_short().map(|letter| format!("-{letter}")),
        arg.get_long().map(|name| format!("--{name}")),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    let value = arg.get_value_names().map(|names| names.join(" ")).filter(|_| takes_a_value(arg));
    let name = names.join(", ");
    [Some(name).filter(|name| !name.is_empty()), value]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

const HEAD: &str = "\
.\\\" Made from the commands by `UPDATE_DOCS=1 cargo test --bin hale`. Do not edit.
.TH HALE 1 \"\" \"Hale\" \"Hale mail proxy\"
.nh
.ad l
.SH NAME
hale \\- mail proxy: IMAP, POP3, LMTP, ManageSieve and Submission, routed by a GeoDB
.SH SYNOPSIS
.B hale
[\\fB\\-c\\fR FILE] [\\fB\\-f\\fR FORMAT] COMMAND
.SH DESCRIPTION
Hale takes mail connections through PROXY header, TLS and login, finds the user\\(aqs backend in a GeoDB, logs in there, and from then
on moves bytes between the two. What it shall do stands in \\fB/etc/hale/hale.conf\\fR, in the language of Dovecot: see
.BR hale.conf (5).
.PP
From an empty host to a running service:
.PP
.nf
.RS
cp /usr/share/doc/hale/examples/hale.conf /etc/hale/hale.conf
hale check\\-config
runuser \\-u hale \\-\\- hale geodb init
systemctl start hale
hale cluster site add DC1
hale cluster backend add \\-\\-site DC1 be1.example.org
hale cluster backend update \\-\\-status online \\-\\-load\\-factor 100 be1.example.org
hale status
.RE
.fi
.SH OPTIONS
";

const FOOT: &str = "\
.SH SIGNALS
.TP
.B SIGTERM, SIGINT
Stop: sessions have \\fBshutdown_timeout\\fR to end by themselves. A second one ends them now.
.TP
.B SIGHUP
The same as \\fBhale reload\\fR.
.TP
.B SIGUSR1
Open the log file again; for logrotate.
.SH EXIT STATUS
As those of doveadm (sysexits.h): 0 done; 64 usage; 65 data; 67 no such user; 68 no such thing; 75 it may work later; 77 not permitted; 78 the
configuration, the kernel or a file has to be changed first.
.SH FILES
.TP
.B /etc/hale/hale.conf
the configuration
.TP
.B /run/hale
the admin socket and the lock
.TP
.B /var/lib/hale
what must survive a restart
.SH SEE ALSO
.BR hale.conf (5),
.BR doveadm (1)
";
