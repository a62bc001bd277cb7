//! The command line: `hale run`, `check-config`, `check-host`, `config`, `import`, `top`, `status`, `who`, `kick`, `explain`, `geodb`, `cluster`.
//!
//! Exit codes are sysexits(3) as doveadm uses them: 0, 64 usage, 65, 66, 67, 68, 73, 75, 77, 78.

mod import;

#[cfg(test)]
mod manual;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hale::boot::{self, Exit, Tried};
use hale::config::{self, Config, Loaded, Secrets, Show};
use hale::control::admin::client::AskError;
use hale::control::admin::{self, Happening, Page, Pressed, Request, Watch};
use hale::control::cluster::verbs::BackendCommand;
use hale::control::cluster::{
    self, ClusterCommand, ClusterSettings, CommandError, ExplainCommand, Format, GeodbCommand,
    Output, Reply,
};
use hale::control::{ConfigFiles, Inspected, Outcome, time_now, unix_millis};
use hale::tuning;

use import::ImportCommand;

/// Mail proxy appliance: IMAP logins routed to Dovecot backends by a Palomar `GeoDB`.
#[derive(Debug, Parser)]
#[command(name = "hale", version, max_term_width = 100)]
struct Cli {
    /// The configuration file
    #[arg(
        short = 'c',
        long = "config",
        value_name = "FILE",
        global = true,
        default_value = "/etc/hale/hale.conf"
    )]
    config: PathBuf,
    /// Output format of commands
    #[arg(short = 'f', long = "format", value_name = "FORMAT", global = true, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve in the foreground (systemd: Type=notify)
    Run,
    /// Read the configuration and report every mistake; exits 0 or 78
    CheckConfig {
        /// Also dial every backend of the `GeoDB` by each protocol, without logging in, and say what its TLS is like;
        /// exits 75 if one can't be reached, 78 if one would be refused
        #[arg(long)]
        connect: bool,
    },
    /// Try from inside the sandbox what it has to refuse; exits 0 if all of it is refused, 78 otherwise
    ///
    /// Goes into the sandbox as `hale run` does with this configuration, and tries thirty things that an intruder would like, by system call
    /// and by ring. Nothing is changed, and a Hale that runs is not asked.
    CheckSandbox,
    /// Compare this host with what it should be for the configured number of sessions; exits 78 if something must change
    CheckHost {
        /// For so many sessions instead
        #[arg(long, value_name = "NUMBER")]
        sessions: Option<u64>,
        /// Print this file for that number, and look at nothing
        #[arg(long, value_name = "FILE", value_parser = host_file)]
        print: Option<tuning::File>,
    },
    /// Print the effective settings in Dovecot's language
    Config {
        /// Only those that differ from the default
        #[arg(short = 'n')]
        changed: bool,
        /// Passwords, too, which are hidden otherwise; what is printed then loads again
        #[arg(short = 'P')]
        passwords: bool,
    },
    /// Write a configuration out of HAProxy's and Dovecot's
    #[command(after_long_help = import::LONG_HELP)]
    Import(ImportCommand),
    /// Backends and what they are used for, on a page that is drawn anew each second
    ///
    /// h, s, p, c, l, f, m sort by host, status, probes, connections, logins, failures and probe latency, r reverses, j and k scroll, q
    /// ends it. Where standard output is no terminal, the page is printed as lines, again and again.
    #[command(after_help = "Examples:\n  hale top\n  hale top --count 1 --site DC2")]
    Top(TopCommand),
    /// What a running Hale is asked, or told to do
    #[command(flatten)]
    Ask(Request),
}

/// `hale top`.
#[derive(Args, Clone, Debug)]
struct TopCommand {
    /// Backends of this site; those of cluster_local_site unless given
    #[arg(long)]
    site: Option<String>,
    /// So many pages, then end
    #[arg(long, value_name = "PAGES")]
    count: Option<u64>,
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    // Before the configuration is read: what a start needs is memory, too.
    boot::refuse_huge_pages();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Printing help or a usage error to a closed terminal: nothing is left to do about it.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    // The one command that needs no configuration.
    if let Command::Import(command) = &cli.command {
        return import::run(command);
    }
    let loaded = config::load(&mut ConfigFiles, &cli.config);
    if let Command::Config { changed, passwords } = &cli.command {
        let show = if *changed { Show::Changed } else { Show::All };
        let secrets = if *passwords { Secrets::Shown } else { Secrets::Hidden };
        return print_config(&loaded, show, secrets);
    }
    let quiet = !matches!(cli.command, Command::Run | Command::CheckConfig { .. });
    let Some(settings) = judge(&loaded, quiet) else {
        return Exit::Config.into();
    };
    match &cli.command {
        Command::Run => match boot::serve(settings, &cli.config, &loaded.settings) {
            Ok(()) => Exit::Ok.into(),
            Err(refusal) => {
                complain(&format!("hale: {refusal}"));
                refusal.exit.into()
            }
        },
        Command::CheckConfig { connect } => check_config(&cli.config, settings, *connect),
        Command::CheckSandbox => check_sandbox(settings),
        Command::CheckHost { sessions, print } => check_host(&cli, settings, *sessions, *print),
        Command::Config { .. } | Command::Import(_) => Exit::Ok.into(),
        Command::Top(command) => top(settings, command),
        Command::Ask(request) => finish(&ask(&cli, settings, request)),
    }
}

/// Prints what is wrong with a configuration; the settings if nothing is.
fn judge(loaded: &Loaded, quiet: bool) -> Option<&Config> {
    if !quiet {
        for warning in &loaded.warnings {
            complain(&format!("warning: {warning}"));
        }
    }
    for error in &loaded.errors {
        complain(&format!("error: {error}"));
    }
    loaded.config.as_ref()
}

fn check_config(path: &Path, settings: &Config, connect: bool) -> ExitCode {
    match boot::check(settings) {
        Ok(remarks) => {
            for remark in remarks {
                complain(&format!("warning: {remark}"));
            }
            print(&format!("{}: the configuration is good\n", path.display()));
            if connect { check_backends(settings) } else { Exit::Ok.into() }
        }
        Err(refusal) => {
            complain(&format!("error: {refusal}"));
            refusal.exit.into()
        }
    }
}

fn check_host(
    cli: &Cli,
    settings: &Config,
    sessions: Option<u64>,
    file: Option<tuning::File>,
) -> ExitCode {
    let text = match file {
        Some(file) => boot::needs(settings, sessions).map(|needs| tuning::file(file, &needs)),
        None => match (boot::check_host(settings, sessions), cli.format) {
            (Ok(report), Format::Table) => {
                print(&report.told());
                return report.exit().into();
            }
            (Ok(report), format) => return finish(&Reply::new(Ok(report.output()), format)),
            (Err(refusal), _) => Err(refusal),
        },
    };
    match text {
        Ok(text) => {
            print(&text);
            Exit::Ok.into()
        }
        Err(refusal) => {
            complain(&format!("hale: {refusal}"));
            refusal.exit.into()
        }
    }
}

fn host_file(name: &str) -> Result<tuning::File, String> {
    match name {
        "sysctl" => Ok(tuning::File::Sysctl),
        "limits" => Ok(tuning::File::Limits),
        "nftables" => Ok(tuning::File::Nftables),
        "settings" => Ok(tuning::File::Settings),
        _ => Err("expected sysctl, limits, nftables or settings".to_owned()),
    }
}

/// What every backend is like. The worst of them is the exit code.
fn check_backends(settings: &Config) -> ExitCode {
    let all = match boot::connect(settings) {
        Ok(all) => all,
        Err(refusal) => {
            complain(&format!("error: {refusal}"));
            return refusal.exit.into();
        }
    };
    if all.is_empty() {
        complain(
            "warning: the GeoDB has no backends, so there was no backend to dial; `hale cluster backend add` makes one",
        );
    }
    for Inspected { line, outcome } in &all {
        match outcome {
            Outcome::Good => print(&format!("{line}\n")),
            Outcome::Odd => complain(&format!("warning: {line}")),
            Outcome::Unreachable | Outcome::Refused => complain(&format!("error: {line}")),
        }
    }
    let has = |wanted| all.iter().any(|one| one.outcome == wanted);
    match (has(Outcome::Refused), has(Outcome::Unreachable)) {
        (true, _) => Exit::Config.into(),
        (false, true) => Exit::TempFail.into(),
        (false, false) => Exit::Ok.into(),
    }
}

fn check_sandbox(settings: &Config) -> ExitCode {
    let (tried, lines) = match boot::try_sandbox(settings) {
        Ok(tried) => tried,
        Err(refusal) => {
            complain(&format!("error: {refusal}"));
            return refusal.exit.into();
        }
    };
    for Tried { what, by, outcome, .. } in &tried {
        print(&format!("{what:<52} {by:<27} {outcome}\n"));
    }
    for line in lines {
        complain(&line);
    }
    let refused = tried.iter().filter(|tried| tried.is_refused).count();
    print(&format!("{refused} of {} refused\n", tried.len()));
    if refused == tried.len() { Exit::Ok.into() } else { Exit::Config.into() }
}

fn print_config(loaded: &Loaded, show: Show, secrets: Secrets) -> ExitCode {
    for error in &loaded.errors {
        complain(&format!("error: {error}"));
    }
    print(&config::render(&loaded.settings, show, secrets));
    if loaded.errors.is_empty() { Exit::Ok.into() } else { Exit::Config.into() }
}

/// Asks the running Hale. The cluster's commands work without one, too.
fn ask(cli: &Cli, settings: &Config, request: &Request) -> Reply {
    let own = boot::admin_socket(&settings.base_dir);
    let asked = |socket: &Option<PathBuf>| {
        let socket = socket.as_deref().unwrap_or(&own);
        admin::client::ask(socket, request)
    };
    let format = cli.format;
    let reply = match request {
        Request::Status | Request::Reload | Request::Listener(_) => {
            asked(&None).map(|output| Reply::new(Ok(output), format))
        }
        Request::Who(command) => {
            if let Err(error) = command.whom() {
                return Reply::new(Err(error), format);
            }
            asked(&command.socket)
                .map(|output| Reply::new(Ok(admin::who(output, command.each, format)), format))
        }
        Request::Kick(command) => {
            if let Err(error) = command.whom() {
                return Reply::new(Err(error), format);
            }
            asked(&command.socket).map(|output| admin::kicked(output, format))
        }
        Request::Trace(_) => return trace(&own, request, format),
        Request::Geodb(command) => {
            return cluster(&own, settings, ClusterCommand::Geodb(command.clone()), format);
        }
        Request::Cluster(command) => return cluster(&own, settings, command.clone(), format),
        Request::Explain(command) => return explain(&own, settings, command, format),
    };
    reply.unwrap_or_else(Reply::from)
}

/// Each line when it comes.
fn trace(socket: &Path, request: &Request, format: Format) -> Reply {
    let row = |row: Vec<Option<String>>| {
        let fields: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
        let line = match format {
            Format::Tab => fields.join("\t"),
            _ => fields.join(" "),
        };
        write(&(line + "\n"))
    };
    match admin::client::follow(socket, request, row) {
        // The lines are printed; what is left are notices.
        Ok(output) => {
            Reply { text: String::new(), complaints: output.notices, exit_code: output.exit_code }
        }
        Err(error) => error.into(),
    }
}

/// Inside the Hale that runs, which has the GeoDB open and sees at once what is written; here when there is none.
fn cluster(socket: &Path, settings: &Config, mut command: ClusterCommand, format: Format) -> Reply {
    if let ClusterCommand::Geodb(GeodbCommand::Copy { from, to }) = &command {
        return Reply::new(copy(settings, from, to), format);
    }
    // What the command names is a file of this process's folder.
    if let Err(error) = command.read_files() {
        return Reply::new(Err(error), format);
    }
    let output = match asked(socket, settings, &command) {
        Ok(output) => output,
        Err(reply) => return reply,
    };
    match command {
        ClusterCommand::Kick { .. } => admin::kicked(output, format),
        command => Reply::new(Ok(cluster::for_terminal(&command, output, format)), format),
    }
}

fn asked(socket: &Path, settings: &Config, command: &ClusterCommand) -> Result<Output, Reply> {
    let is_kick = matches!(command, ClusterCommand::Kick { .. });
    match admin::client::ask(socket, &Request::Cluster(command.clone())) {
        Ok(output) => return Ok(output),
        // An operator who may not ask may still be allowed to read and write the GeoDB.
        Err(AskError::NotRunning(_) | AskError::NotPermitted(..)) if !is_kick => {}
        Err(error) => return Err(error.into()),
    }
    let here = ClusterSettings::new(settings).ordered_by(&boot::operator(settings));
    let localdb = boot::localdb(settings);
    let geodb = &settings.cluster.geodb;
    let done = cluster::run_here(geodb, command.clone(), &here, &localdb, unix_millis());
    done.map_err(|error| Reply::new(Err(error), Format::Table))
}

/// Draws pages until the operator has seen enough.
fn top(settings: &Config, command: &TopCommand) -> ExitCode {
    let socket = boot::admin_socket(&settings.base_dir);
    let site = command.site.clone().or_else(|| settings.cluster.local_site.clone());
    let question = ClusterCommand::Backend(BackendCommand::List { site });
    let first = asked(&socket, settings, &question);
    let mut answer = match first {
        Ok(output) => output,
        Err(reply) => return finish(&reply),
    };
    let terminal = boot::Terminal::take_over();
    let watch = Watch::begin(terminal.is_some());
    let Ok(mut watch) = watch else {
        drop(terminal);
        complain("hale: the system refuses a thread or descriptor");
        return Exit::TempFail.into();
    };
    let (mut page, mut trouble, mut count) = (Page::default(), None, 0_u64);
    loop {
        let now = time_now();
        let is_drawn = match &terminal {
            Some(terminal) => {
                let lines = page.lines(&answer, &now, trouble.as_deref(), terminal.size());
                terminal.draw(&lines);
                true
            }
            None => write(&page.plain(&answer, &now)),
        };
        count = count.saturating_add(1);
        if !is_drawn || command.count.is_some_and(|most| count >= most) {
            return Exit::Ok.into();
        }
        // A large cluster is not asked more than it can answer beside its work.
        let every =
            PAGE_EVERY.max(EACH_BACKEND * u32::try_from(answer.rows.len()).unwrap_or(u32::MAX));
        match watch_on(&mut watch, &mut page, every) {
            Seen::Enough => return Exit::Ok.into(),
            Seen::Otherwise => {}
            Seen::Old => match asked(&socket, settings, &question) {
                Ok(output) => (answer, trouble) = (output, None),
                Err(reply) => trouble = reply.complaints.into_iter().next(),
            },
        }
    }
}

/// What is to become of a page.
enum Seen {
    Enough,
    Otherwise,
    Old,
}

fn watch_on(watch: &mut Watch, page: &mut Page, every: Duration) -> Seen {
    loop {
        match watch.next(every) {
            Happening::End => return Seen::Enough,
            Happening::Time => return Seen::Old,
            Happening::Resized => return Seen::Otherwise,
            Happening::Key(key) => match page.press(key) {
                Pressed::Quit => return Seen::Enough,
                Pressed::Changed => return Seen::Otherwise,
                Pressed::Nothing => {}
            },
        }
    }
}

const PAGE_EVERY: Duration = Duration::from_secs(1);
const EACH_BACKEND: Duration = Duration::from_millis(1);

/// From one GeoDB to another; no running Hale has both.
fn copy(settings: &Config, from: &str, to: &str) -> Result<Output, CommandError> {
    let named = |text: &str| settings.another_geodb(text).map_err(CommandError::Usage);
    cluster::copy_here(&named(from)?, &named(to)?)
}

/// By the memory of the Hale that runs, or by the GeoDB when there is none.
fn explain(socket: &Path, settings: &Config, command: &ExplainCommand, format: Format) -> Reply {
    match admin::client::ask(socket, &Request::Explain(command.clone())) {
        Ok(output) => return Reply::new(Ok(output), format),
        Err(AskError::NotRunning(_) | AskError::NotPermitted(..)) => {}
        Err(error) => return error.into(),
    }
    let here = ClusterSettings::new(settings);
    let explained = cluster::explain_here(&settings.cluster.geodb, command, &here, unix_millis());
    Reply::new(explained, format)
}

/// Prints what a command came to.
fn finish(reply: &Reply) -> ExitCode {
    print(&reply.text);
    for line in &reply.complaints {
        complain(line);
    }
    reply.exit_code.into()
}

/// Standard output may be a closed pipe (`hale config | head`): then the rest is not read.
fn print(text: &str) {
    let _ = write(text);
}

/// Whether it was written.
fn write(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
