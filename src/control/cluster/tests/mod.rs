//! The commands as an operator types them, on a real file.

use std::os::unix::fs::MetadataExt as _;

use clap::{CommandFactory as _, Parser};
use tempfile::TempDir;
use uuid::Uuid;

use super::here::open_for;
use super::verbs::*;
use super::{ClusterSettings, CommandError, Format, Local, Output, Reply, run, run_localdb};
use crate::config::GeoDb as Location;
use crate::control::geodb::{Changed, ChangedUsers, Changes, GeoDb, UnixMillis};
use crate::control::localdb::{LocalDbSettings, LocalFile};
use crate::control::resolver::Resolver;
use crate::template::{Letters, Template};

mod explain;
mod figures;
mod force_moves;
mod help;
mod localdb;
mod pins;
mod placing;
mod reasons;
mod words;

#[derive(Debug, Parser)]
struct CommandLine {
    #[arg(short = 'f', value_enum, global = true, default_value_t)]
    format: Format,
    #[command(subcommand)]
    command: ClusterCommand,
}

struct Desk {
    _directory: TempDir,
    location: Location,
    geodb: GeoDb,
    settings: ClusterSettings,
    local: LocalDbSettings,
}

impl Desk {
    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("geodb.sqlite"));
        let geodb = open_for(&location, &ClusterCommand::Geodb(GeodbCommand::Init)).unwrap();
        let hosts = directory.path().join("hosts");
        let known = "10.0.0.1 be1\n10.0.0.2 be2\n10.0.0.3 be3\n10.2.0.1 lb2\n";
        std::fs::write(&hosts, known).unwrap();
        let probe = Template::parse("probe-%{backend_host}", Letters::Refused).unwrap();
        let settings = ClusterSettings {
            local_site: Some("DC1".into()),
            default_group_count: 4,
            test_username: Some(probe),
            are_moves_ours: false,
            resolver: Resolver::of_file(hosts),
            ..ClusterSettings::default()
        };
        let local = LocalDbSettings {
            path: directory.path().join("localdb.sqlite"),
            site: "DC1".into(),
            owner: std::fs::metadata(directory.path()).unwrap().uid(),
            users_max: 1 << 20,
            size_max: 1 << 30,
        };
        Self { _directory: directory, location, geodb, settings, local }
    }

    /// Two sites; two online backends in DC1.
    async fn cluster() -> Self {
        let desk = Self::empty();
        for line in [
            "site add --load-balancer lb1 DC1",
            "site add --load-balancer lb2 DC2",
            "backend add be1",
            "backend add be2",
            "backend update --status online be1",
            "backend update --status online be2",
        ] {
            desk.ok(line).await;
        }
        desk
    }

    async fn run(&self, line: &str) -> Result<(Output, Format), CommandError> {
        let words = std::iter::once("cluster").chain(line.split(' '));
        let mut parsed = CommandLine::try_parse_from(words)
            .map_err(|error| CommandError::Usage(error.to_string()))?;
        parsed.command.read_files()?;
        let command = ClusterCommand::of_line(&parsed.command.to_line()).unwrap();
        assert_eq!(command, parsed.command, "as a line and back");
        let output = match &command {
            ClusterCommand::Localdb(command) => {
                let file = Local::File(Box::new(LocalFile::open(&self.local)?));
                run_localdb(&self.geodb, command, &self.settings, file, NOW).await?
            }
            command => run(&self.geodb, command, &self.settings, NOW).await?,
        };
        Ok((output, parsed.format))
    }

    async fn ok(&self, line: &str) -> String {
        match self.run(line).await {
            Ok((output, format)) => output.render(format),
            Err(error) => panic!("{line}: {error}"),
        }
    }

    /// Exit code and text of a refusal.
    async fn no(&self, line: &str) -> (u8, String) {
        match self.run(line).await {
            Ok((output, _)) => panic!("{line}: {output:?}"),
            Err(error) => (error.exit_code(), error.to_string()),
        }
    }

    /// What the log says of it.
    async fn changes(&self, line: &str) -> Vec<String> {
        self.run(line).await.unwrap().0.changes
    }

    /// One column of the only record.
    async fn field(&self, line: &str, column: &str) -> String {
        let (output, _) = self.run(line).await.unwrap();
        assert_eq!(output.rows.len(), 1, "{line}");
        let at = output.columns.iter().position(|known| known == column).unwrap();
        output.rows[0][at].clone().unwrap_or_default()
    }

    fn second_process(&self) -> GeoDb {
        open_for(&self.location, &ClusterCommand::Geodb(GeodbCommand::Refresh)).unwrap()
    }
}

const NOW: UnixMillis = 1_700_000_000_000;
const ID: &str = "11111111-1111-1111-1111-111111111111";

#[tokio::test]
async fn the_command_line_is_sound() {
    CommandLine::command().debug_assert();
}

#[tokio::test]
async fn c_cmd_1_tags() {
    let desk = Desk::empty();
    assert_eq!(
        desk.ok(&format!("-f flow tag create --id {ID} red")).await,
        format!("id={ID} tag=red\n")
    );
    desk.ok("tag create blue").await;
    assert_eq!(desk.no("tag create red").await.0, 65);
    assert_eq!(desk.no(&format!("tag create --id {ID} green")).await.0, 65);
    assert_eq!(desk.no("tag update red").await.0, 64);
    assert_eq!(desk.no("tag update --name blue red").await.0, 65);
    desk.ok("tag update --name rot red").await;
    desk.ok("site add --tag rot DC1").await;
    assert_eq!(desk.field("site list", "tag").await, "rot");
    desk.ok(&format!("tag remove {ID}")).await;
    assert_eq!(desk.field("site list", "tag").await, ID, "no referential checks");
    desk.ok("tag delete blue").await;
    assert_eq!(desk.no("tag delete blue").await.0, 68);
    assert_eq!(desk.ok("tag list -f json").await, "[]\n");
}

#[tokio::test]
async fn c_cmd_1_sites() {
    let mut desk = Desk::empty();
    let added = desk.ok(&format!("-f pager site add --id {ID} --load-balancer lb1 DC1")).await;
    assert_eq!(
        added,
        format!(
            "name: DC1\ntag: \nload_balancer: lb1\nstatus: online\nid: {ID}\nforce_move: \nrecover: \n"
        )
    );
    assert_eq!(desk.no("site add DC1").await.0, 65);
    assert_eq!(desk.no("site add --load-balancer - DC2").await.0, 65);
    assert_eq!(desk.no("site add --tag nowhere DC2").await.0, 68);
    assert_eq!(desk.no("site add --id 00000000-0000-0000-0000-000000000000 DC2").await.0, 65);
    assert_eq!(desk.no("site add --id x DC2").await.0, 64);
    desk.ok("site update --status standby --load-balancer 192.0.2.1 --self").await;
    assert_eq!(desk.field("site status DC1", "status").await, "standby");
    assert_eq!(desk.field(&format!("site status {ID}"), "load_balancer").await, "192.0.2.1");
    assert_eq!(desk.no("site update DC1").await.0, 64);
    assert_eq!(desk.no("site update --status asleep DC1").await.0, 64);
    assert_eq!(desk.no("site status --self DC1").await.0, 64);
    assert_eq!(desk.no("site status").await.0, 64);
    desk.settings.local_site = None;
    assert_eq!(desk.no("site status --self").await.0, 78);
    desk.ok("site remove DC1").await;
    assert_eq!(desk.no("site status DC1").await, (68, "site DC1: does not exist".to_owned()));
    assert_eq!(
        desk.ok("-f tab site list").await,
        "name\ttag\tload_balancer\tstatus\tid\tforce_move\trecover\tsince\tset_by\twhy\tbackends_online\t\
         connections\tlogins_minute\tfailures_minute\tprobe_ms\tload_factor\tload_factor_now\n"
    );
}

#[tokio::test]
async fn c_cmd_1_backends() {
    let desk = Desk::empty();
    desk.ok("site add DC1").await;
    desk.ok(&format!("backend add --id {ID} be1")).await;
    let expected = format!(
        "host=be1 site_id=DC1 status=standby load_factor=100 status_reason=admin \
         last_moved_from= last_moved_to= id={ID} force_move= since= set_by=admin why= probes= connections= \
         logins_minute= failures_minute= probe_ms= load_factor_now=0 connections_max= pins=0\n"
    );
    assert_eq!(desk.ok("-f flow backend status be1").await, expected);
    for line in ["backend add --self", "backend status --self"] {
        let (code, text) = desk.no(line).await;
        assert!(code == 78 && text.contains("name the backend"), "{text}");
    }
    let (code, text) = desk.no("backend add 192.0.2.1").await;
    assert!(code == 65 && text.contains("give the backend a host name"), "{text}");
    assert_eq!(desk.no("backend add [2001:db8::1]").await.0, 65);
    let (code, text) = desk.no("backend add be9").await;
    assert!(code == 68 && text.contains("/etc/hosts"), "{text}");
    assert_eq!(desk.no("backend add BE1").await.0, 65, "exists");
    assert_eq!(desk.no("backend add --site DC9 be2").await.0, 68);
    assert_eq!(desk.no("backend update --load-factor 101 be1").await.0, 64);
    assert_eq!(desk.no("backend update be1").await.0, 64);
    desk.ok("backend update --load-factor 25 --status offline BE1").await;
    assert_eq!(desk.field(&format!("backend status {ID}"), "load_factor").await, "25");
    assert_eq!(desk.field("backend status be1", "status").await, "offline");
    desk.ok("site add DC2").await;
    desk.ok("backend add --site DC2 be1").await;
    assert_eq!(
        desk.no("backend status be1").await,
        (65, "backend be1: there are several; use the id".to_owned())
    );
    assert_eq!(desk.field("backend list --site DC2", "host").await, "be1");
    desk.ok(&format!("backend remove {ID}")).await;
    assert_eq!(desk.ok("-f flow backend list").await.lines().count(), 1);
}

#[tokio::test]
async fn c_cmd_1_geodb_show_and_init() {
    let desk = Desk::cluster().await;
    desk.ok("geodb init").await;
    desk.ok("geodb refresh").await;
    let counts = desk.ok("geodb show -f flow").await;
    assert!(counts.starts_with("table=tags rows=0\ntable=sites rows=2\n"), "{counts}");
    assert_eq!(counts.lines().count(), 10);
    assert!(desk.ok("geodb show backends").await.contains(" be1 "));
    assert_eq!(desk.no("geodb show nothing").await.0, 64);
}

#[tokio::test]
async fn what_a_command_may_have_changed_is_announced_to_the_process_it_runs_in() {
    let desk = Desk::cluster().await;
    let mut changes = Changes::of(&desk.geodb);
    let cases = [
        ("site list", Changed::Nothing),
        ("backend list", Changed::Nothing),
        ("tag create red", Changed::Tables),
        ("tag list", Changed::Nothing),
        ("site reachability list", Changed::Nothing),
        ("site force-move start DC1 10 DC2", Changed::Tables),
        ("site force-move stop DC1", Changed::Tables),
        ("site recover DC1 10", Changed::Tables),
        ("user list", Changed::Nothing),
        ("geodb show", Changed::Nothing),
        ("backend update --status standby be1", Changed::Tables),
        ("group move --direct DC1 vip be2", Changed::Tables),
        ("user move --direct alice vip", Changed::User("alice".into())),
        ("user access -u bob", Changed::Tables),
        ("geodb refresh", Changed::Everything),
    ];
    for (line, expected) in cases {
        desk.ok(line).await;
        let news = changes.look().await.unwrap();
        let users = match &expected {
            Changed::User(user) => ChangedUsers::These([user.clone()].into()),
            Changed::Everything => ChangedUsers::All,
            Changed::Nothing | Changed::Tables => ChangedUsers::default(),
        };
        assert_eq!(news.users, users, "{line}");
        let tables = matches!(expected, Changed::Tables | Changed::Everything);
        assert_eq!(news.tables, tables, "{line}");
    }
    // It may have come half-way.
    desk.no("backend evacuate be2").await;
    assert!(changes.look().await.unwrap().tables);
}

#[tokio::test]
async fn a_file_of_users_is_read_where_the_command_is_typed() {
    let desk = Desk::cluster().await;
    let list = desk._directory.path().join("users");
    std::fs::write(&list, "").unwrap();
    let users = UserChoice { file: Some(list.clone()), ..UserChoice::default() };
    let mut command = ClusterCommand::User(UserCommand::Access { users, address: false });
    // What comes by the admin socket may not name files of this host.
    let refused = run(&desk.geodb, &command, &desk.settings, NOW).await.unwrap_err();
    assert_eq!(refused.exit_code(), 64, "{refused}");
    command.read_files().unwrap();
    let command = ClusterCommand::of_line(&command.to_line()).unwrap();
    let output = run(&desk.geodb, &command, &desk.settings, NOW).await.unwrap();
    assert_eq!((output.rows.len(), output.exit_code), (0, 0), "an empty file names no user");
    std::fs::remove_file(&list).unwrap();
    let users = UserChoice { file: Some(list), ..UserChoice::default() };
    let mut command = ClusterCommand::User(UserCommand::Access { users, address: false });
    assert_eq!(command.read_files().unwrap_err().exit_code(), 65);
}

#[test]
fn c_cmd_2_a_reply_carries_the_exit_code_of_the_last_failure() {
    let failed = Reply::new(Err(CommandError::NoUser("user x: has no row".into())), Format::Table);
    assert_eq!((failed.exit_code, failed.text.as_str()), (67, ""));
    assert_eq!(failed.complaints, ["hale: user x: has no row"]);
    let mut output = Output::new(&["name"]);
    output.notices.push("user y: no".to_owned());
    output.exit_code = 75;
    let half = Reply::new(Ok(output), Format::Table);
    assert_eq!((half.exit_code, half.text.as_str()), (75, "name\n"));
    assert_eq!(half.complaints, ["user y: no"]);
}
