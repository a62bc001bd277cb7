//! The new file from its first line to its last: head, settings, the commands that make the cluster, and what was not carried over.
//! Tests: `tests/pure/import.rs`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::page::Page;
use super::{Backend, Left, Weight};

/// The site that the commands make.
pub(super) const SITE: &str = "local";
/// Names of backends that had only addresses.
pub(super) const HOSTS: &str = "/etc/hale/backends";

pub(super) fn written(
    page: &Page,
    paths: &[PathBuf],
    backends: &[Backend],
    left: &[Left],
) -> String {
    let mut text = String::new();
    let names: Vec<String> = paths.iter().map(|it| it.display().to_string()).collect();
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "# Made by `hale import {}`. Look at the end of this file for what was not carried over,",
        names.join(" ")
    );
    let _ = writeln!(text, "# then: `hale -c THIS-FILE check-config`.\n");
    text.push_str(&page.render().0);
    commands(&mut text, backends);
    for (weight, title) in [
        (Weight::Missing, "Not carried over, and for you to decide"),
        (Weight::Different, "Hale does it in another way"),
        (Weight::Needless, "Without meaning for Hale"),
    ] {
        let of_weight: Vec<&Left> = left.iter().filter(|it| it.weight == weight).collect();
        if of_weight.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n# === {title} ===\n#");
        for left in of_weight {
            let line: String =
                left.to_string().chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
            let _ = writeln!(text, "# {line}");
        }
    }
    text
}

/// What makes the GeoDB that the configuration names, as commands of a shell.
fn commands(text: &mut String, backends: &[Backend]) {
    if backends.is_empty() {
        return;
    }
    let _ =
        writeln!(text, "\n# === Once, before the first start: the GeoDB and its backends ===\n#");
    for Backend { host, address, .. } in backends {
        if let Some(address) = address {
            let _ = writeln!(text, "#   echo '{address} {host}' >>{HOSTS}");
        }
    }
    let _ = writeln!(text, "#   hale geodb init");
    let _ = writeln!(text, "#   hale cluster site add {SITE}");
    for Backend { host, load_factor, is_spare, is_out, .. } in backends {
        let status = match (is_out, is_spare) {
            (true, _) => "offline",
            (false, true) => "standby",
            (false, false) => "online",
        };
        let _ = writeln!(text, "#   hale cluster backend add --site {SITE} {host}");
        let _ = writeln!(
            text,
            "#   hale cluster backend update --status {status} --load-factor {load_factor} {host}"
        );
    }
}
