//! The list as files of the system's own tools.

use std::fmt::Write as _;

use super::judge::value;
use super::needs::{Figure, Needs};
use super::registry::{Remedy, SETTINGS, Setting};

/// A file that is made of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// For sysctl.d.
    Sysctl,
    /// For limits.d.
    Limits,
    /// For nft.
    Nftables,
    /// The list itself, as JSON.
    Settings,
}

impl File {
    /// All of them, with their places in the repository.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Sysctl, "tuning/sysctl.d/60-hale.conf"),
        (Self::Limits, "tuning/limits.d/60-hale.conf"),
        (Self::Nftables, "tuning/nftables/hale-notrack.nft"),
        (Self::Settings, "tuning/settings.json"),
    ];
}

/// A file's text, for these needs.
#[must_use]
pub fn file(file: File, needs: &Needs) -> String {
    match file {
        File::Sysctl => sysctl(needs),
        File::Limits => limits(needs),
        File::Nftables => nftables(needs),
        File::Settings => settings(needs),
    }
}

fn head(needs: &Needs, how: &str) -> String {
    format!(
        "# Made by `hale check-host --print` for {} sessions on {} data cores. {how}\n",
        needs.sessions,
        needs.data_cores.len()
    )
}

fn sysctl(needs: &Needs) -> String {
    let mut text = head(
        needs,
        "Copy it to /etc/sysctl.d, then: sysctl --system. `hale check-host` looks at it.",
    );
    for setting in SETTINGS {
        let Setting { name, rule, cost, undo, since, .. } = setting;
        let Some(value) = value(*rule, needs) else { continue };
        let line = match setting.remedy {
            Remedy::Sysctl => format!("{name} = {value}"),
            Remedy::SysctlByMemory => {
                format!(
                    "# At least; the kernel chooses by memory, and often more.\n# {name} = {value}"
                )
            }
            Remedy::Unit(_) | Remedy::Text(_) => continue,
        };
        // Writing to a String cannot fail, here and below. A kernel without it is no error (the hyphen).
        let line = if line.starts_with('#') { line } else { format!("-{line}") };
        let _ = write!(text, "\n# Without: {cost}.\n# Undo: {undo}. Kernels: {since}.\n{line}\n");
    }
    text
}

fn limits(needs: &Needs) -> String {
    let mut text = head(
        needs,
        "For Hales that no unit starts: copy it to /etc/security/limits.d and log in again. A unit has LimitNOFILE= and LimitMEMLOCK=.",
    );
    let descriptors = needs.value(Figure::Descriptors);
    let locked = needs.value(Figure::Fixed(crate::limits::HOST_LOCKED_BYTES)) / 1024;
    for (item, number) in [("nofile", descriptors), ("memlock", locked)] {
        let _ = writeln!(
            text,
            "hale    soft    {item}    {number}\nhale    hard    {item}    {number}"
        );
    }
    text
}

/// Both directions of both sides of Hale, before connections are looked up.
fn nftables(needs: &Needs) -> String {
    let ports = |ports: &[u16]| {
        let mut sorted = ports.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut text = head(
        needs,
        "nft -f this file, and once more at boot (/etc/nftables.conf: include). Undo: nft delete table inet hale_notrack.",
    );
    text.push_str(
        "# Connections that are not followed match no rule of `ct state established`: accept these ports by number, both ways. Address\n\
         # translation does not reach them either.\n\
         table inet hale_notrack\ndelete table inet hale_notrack\ntable inet hale_notrack {\n",
    );
    let (clients, backends) = (ports(&needs.client_ports), ports(&needs.backend_ports));
    for (chain, to, from) in [("prerouting", "dport", "sport"), ("output", "sport", "dport")] {
        let _ = writeln!(
            text,
            "    chain {chain} {{\n        type filter hook {chain} priority raw; policy accept;"
        );
        for (ports, side) in [(&clients, to), (&backends, from)] {
            if !ports.is_empty() {
                let _ = writeln!(text, "        tcp {side} {{ {ports} }} notrack");
            }
        }
        text.push_str("    }\n");
    }
    text.push_str("}\n");
    text
}

fn settings(needs: &Needs) -> String {
    let setting = |it: &Setting| {
        let fields = [
            ("name", it.name.to_owned()),
            ("value", value(it.rule, needs).unwrap_or_default()),
            ("rule", super::document::rule(it.rule)),
            ("level", it.level.word().to_owned()),
            ("kernel", it.since.to_owned()),
            ("cost", it.cost.to_owned()),
            ("where", super::document::place(it)),
            ("change", super::document::change(it)),
            ("undo", it.undo.to_owned()),
        ];
        let fields = fields.map(|(name, text)| format!("    {}: {}", quoted(name), quoted(&text)));
        format!("  {{\n{}\n  }}", fields.join(",\n"))
    };
    let all: Vec<String> = SETTINGS.iter().map(setting).collect();
    format!("[\n{}\n]\n", all.join(",\n"))
}

/// A string of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test may be asked to rewrite its files")]
    fn tuning_files_in_the_repository_are_up_to_date() {
        for (kind, place) in File::ALL {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
            let text = file(kind, &Needs::reference());
            if std::env::var("UPDATE_DOCS").is_ok() {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &text).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(found == text, "{place} is out of date: run with UPDATE_DOCS=1");
        }
    }

    #[test]
    fn a_sysctl_file_has_what_is_to_be_set_and_leaves_the_kernels_choice_alone() {
        let text = file(File::Sysctl, &Needs { sessions: 10_000, ..Needs::reference() });
        let set: Vec<&str> =
            text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert!(set.iter().all(|line| line.starts_with('-')), "{text}");
        for line in [
            "-net.core.somaxconn = 4096",
            "-net.ipv4.ip_local_port_range = 10240 65535",
            "-vm.swappiness = 10",
        ] {
            assert!(set.contains(&line), "{text}");
        }
        assert!(!set.iter().any(|line| line.contains("file-max")), "{text}");
        assert!(text.contains("# fs.file-max = "), "{text}");
    }

    #[test]
    fn ports_are_told_once_and_on_the_right_side() {
        let needs = Needs {
            client_ports: vec![993, 143, 143],
            backend_ports: vec![],
            ..Needs::reference()
        };
        let text = file(File::Nftables, &needs);
        assert_eq!(text.matches("tcp dport { 143, 993 } notrack").count(), 1, "{text}");
        assert_eq!(text.matches("tcp sport { 143, 993 } notrack").count(), 1, "{text}");
        let limits = file(File::Limits, &needs);
        assert!(limits.contains("hale    hard    nofile    86102\n"), "{limits}");
    }

    #[test]
    fn strings_of_json_have_their_escapes() {
        assert_eq!(quoted("a\"b\\\n"), r#""a\"b\\\u000a""#);
    }
}
