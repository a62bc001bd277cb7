//! The commands as an operator types them, on a real file.

use std::collections::HashMap;
use std::net::IpAddr;

use clap::{CommandFactory as _, Parser};
use tempfile::TempDir;

use super::verbs::{ClusterCommand, GeodbCommand};
use super::{CommandError, Format, Output, Settings, open_for, run};
use crate::control::geodb::GeoDb;
use crate::template::{Letters, Template};

mod placing;

#[derive(Debug, Parser)]
struct CommandLine {
    #[arg(short = 'f', value_enum, global = true, default_value_t)]
    format: Format,
    #[command(subcommand)]
    command: ClusterCommand,
}

struct Desk {
    _directory: TempDir,
    location: String,
    geodb: GeoDb,
    local_site: Option<&'static str>,
    group_count: u32,
}

impl Desk {
    fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = format!("sqlite:{}", directory.path().join("geodb.sqlite").display());
        let geodb = open_for(&location, &GeodbCommand::Init).unwrap();
        Self { _directory: directory, location, geodb, local_site: Some("DC1"), group_count: 4 }
    }

    /// Two sites; two online backends in DC1.
    fn cluster() -> Self {
        let mut desk = Self::empty();
        for line in [
            "site add --load-balancer lb1 DC1",
            "site add --load-balancer lb2 DC2",
            "backend add be1",
            "backend add be2",
            "backend update --status online be1",
            "backend update --status online be2",
        ] {
            desk.ok(line);
        }
        desk
    }

    fn run(&mut self, line: &str) -> Result<(Output, Format), CommandError> {
        let words = std::iter::once("cluster").chain(line.split(' '));
        let parsed = CommandLine::try_parse_from(words)
            .map_err(|error| CommandError::Usage(error.to_string()))?;
        let known: HashMap<&str, IpAddr> =
            [("be1", "10.0.0.1"), ("be2", "10.0.0.2"), ("be3", "10.0.0.3"), ("lb2", "10.2.0.1")]
                .map(|(host, address)| (host, address.parse().unwrap()))
                .into();
        let mut resolve =
            |host: &str| known.get(host).copied().into_iter().collect::<Vec<IpAddr>>();
        let probe = Template::parse("probe-%{backend_host}", Letters::Refused).unwrap();
        let mut settings = Settings {
            local_site: self.local_site,
            backend_name: Some("be3"),
            default_group_count: self.group_count,
            test_username: Some(&probe),
            now: 1_700_000_000_000,
            resolve: &mut resolve,
        };
        run(&parsed.command, &mut self.geodb, &mut settings).map(|output| (output, parsed.format))
    }

    fn ok(&mut self, line: &str) -> String {
        match self.run(line) {
            Ok((output, format)) => output.render(format),
            Err(error) => panic!("{line}: {error}"),
        }
    }

    /// Exit code and text of a refusal.
    fn no(&mut self, line: &str) -> (u8, String) {
        match self.run(line) {
            Ok((output, _)) => panic!("{line}: {output:?}"),
            Err(error) => (error.exit_code(), error.to_string()),
        }
    }

    /// One column of the only record.
    fn field(&mut self, line: &str, column: &str) -> String {
        let (output, _) = self.run(line).unwrap();
        assert_eq!(output.rows.len(), 1, "{line}");
        let at = output.columns.iter().position(|known| known == column).unwrap();
        output.rows[0][at].clone().unwrap_or_default()
    }

    fn second_process(&self) -> GeoDb {
        open_for(&self.location, &GeodbCommand::Refresh).unwrap()
    }
}

const ID: &str = "11111111-1111-1111-1111-111111111111";

#[test]
fn the_command_line_is_sound() {
    CommandLine::command().debug_assert();
}

#[test]
fn palomar_6_1_tags() {
    let mut desk = Desk::empty();
    assert_eq!(desk.ok(&format!("-f flow tag create --id {ID} red")), format!("id={ID} tag=red\n"));
    desk.ok("tag create blue");
    assert_eq!(desk.no("tag create red").0, 65);
    assert_eq!(desk.no(&format!("tag create --id {ID} green")).0, 65);
    assert_eq!(desk.no("tag update red").0, 64);
    assert_eq!(desk.no("tag update --name blue red").0, 65);
    desk.ok("tag update --name rot red");
    desk.ok("site add --tag rot DC1");
    assert_eq!(desk.field("site list", "tag"), "rot");
    desk.ok(&format!("tag remove {ID}"));
    assert_eq!(desk.field("site list", "tag"), ID, "no referential checks");
    desk.ok("tag delete blue");
    assert_eq!(desk.no("tag delete blue").0, 68);
    assert_eq!(desk.ok("tag list -f json"), "[]\n");
}

#[test]
fn palomar_6_1_sites() {
    let mut desk = Desk::empty();
    let added = desk.ok(&format!("-f pager site add --id {ID} --load-balancer lb1 DC1"));
    assert_eq!(added, format!("name: DC1\ntag: \nload_balancer: lb1\nstatus: online\nid: {ID}\n"));
    assert_eq!(desk.no("site add DC1").0, 65);
    assert_eq!(desk.no("site add --load-balancer - DC2").0, 65);
    assert_eq!(desk.no("site add --tag nowhere DC2").0, 68);
    assert_eq!(desk.no("site add --id 00000000-0000-0000-0000-000000000000 DC2").0, 65);
    assert_eq!(desk.no("site add --id x DC2").0, 64);
    desk.ok("site update --status standby --load-balancer 192.0.2.1 --self");
    assert_eq!(desk.field("site status DC1", "status"), "standby");
    assert_eq!(desk.field(&format!("site status {ID}"), "load_balancer"), "192.0.2.1");
    assert_eq!(desk.no("site update DC1").0, 64);
    assert_eq!(desk.no("site update --status asleep DC1").0, 64);
    assert_eq!(desk.no("site status --self DC1").0, 64);
    assert_eq!(desk.no("site status").0, 64);
    desk.local_site = None;
    assert_eq!(desk.no("site status --self").0, 78);
    desk.ok("site remove DC1");
    assert_eq!(desk.no("site status DC1"), (68, "site DC1: does not exist".to_owned()));
    assert_eq!(desk.ok("-f tab site list"), "name\ttag\tload_balancer\tstatus\tid\n");
}

#[test]
fn palomar_6_1_backends() {
    let mut desk = Desk::empty();
    desk.ok("site add DC1");
    desk.ok(&format!("backend add --id {ID} be1"));
    let expected = format!(
        "host=be1 site_id=DC1 status=standby load_factor=100 status_reason=admin \
         last_moved_from= last_moved_to= id={ID}\n"
    );
    assert_eq!(desk.ok("-f flow backend status be1"), expected);
    desk.ok("backend add --self");
    assert_eq!(desk.field("backend status --self", "host"), "be3");
    let (code, text) = desk.no("backend add 192.0.2.1");
    assert!(code == 65 && text.contains("give the backend a host name"), "{text}");
    assert_eq!(desk.no("backend add [2001:db8::1]").0, 65);
    let (code, text) = desk.no("backend add be9");
    assert!(code == 68 && text.contains("/etc/hosts"), "{text}");
    assert_eq!(desk.no("backend add BE1").0, 65, "exists");
    assert_eq!(desk.no("backend add --site DC9 be2").0, 68);
    assert_eq!(desk.no("backend update --load-factor 101 be1").0, 64);
    assert_eq!(desk.no("backend update be1").0, 64);
    desk.ok("backend update --load-factor 25 --status offline BE1");
    assert_eq!(desk.field(&format!("backend status {ID}"), "load_factor"), "25");
    assert_eq!(desk.field("backend status be1", "status"), "offline");
    desk.ok("site add DC2");
    desk.ok("backend add --site DC2 be1");
    assert_eq!(
        desk.no("backend status be1"),
        (65, "backend be1: there are several; use the id".to_owned())
    );
    assert_eq!(desk.field("backend list --site DC2", "host"), "be1");
    desk.ok(&format!("backend remove {ID}"));
    assert_eq!(desk.ok("-f flow backend list").lines().count(), 2);
}

#[test]
fn palomar_6_geodb_show_and_init() {
    let mut desk = Desk::cluster();
    desk.ok("geodb init");
    desk.ok("geodb refresh");
    let counts = desk.ok("geodb show -f flow");
    assert!(counts.starts_with("table=tags rows=0\ntable=sites rows=2\n"), "{counts}");
    assert_eq!(counts.lines().count(), 10);
    assert!(desk.ok("geodb show backends").contains(" be1 "));
    assert_eq!(desk.no("geodb show nothing").0, 64);
}
