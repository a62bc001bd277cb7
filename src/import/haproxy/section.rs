//! `frontend`, `backend` and `listen`, each with what its `defaults` give. Tests: below.

use super::sections::{Kind, Raw};
use super::server::Options;
use super::{Bind, Global, Line, Server, keywords};
use crate::import::{LeftOut, Weight};

/// A section that takes or hands on connections.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) head: Line,
    pub(crate) mode: Mode,
    /// `listen` and `frontend`.
    pub(crate) binds: Vec<Bind>,
    /// `listen` and `backend`.
    pub(crate) servers: Vec<Server>,
    /// Where connections go besides the default, by their port.
    pub(crate) routes: Vec<Route>,
    /// `default_backend`.
    pub(crate) default: Option<String>,
    /// `timeout client`, `server` and `tunnel`, in milliseconds.
    pub(crate) idle: Vec<(Line, u64)>,
    pub(crate) connections_max: Option<(Line, u64)>,
    /// `rate-limit sessions`.
    pub(crate) rate: Option<(Line, u64)>,
    /// Networks that send PROXY headers (`expect-proxy`).
    pub(crate) expected: Vec<(Line, Vec<String>)>,
    /// `source` of the section.
    pub(crate) from: Option<(Line, String)>,
    is_disabled: bool,
    default_options: Options,
    ports: Vec<(String, u16)>,
}

/// What it speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Tcp,
    Http,
}

/// `use_backend NAME if { dst_port PORT }`
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) backend: String,
    pub(crate) port: u16,
}

/// All sections that are in use, those of HTTP told and left out.
pub(super) fn all(raw: &[Raw], _global: &Global, left: &mut LeftOut) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut told = LeftOut::default();
    for section in raw {
        match section.kind {
            Kind::Global | Kind::Defaults => {}
            Kind::Other => {
                let why = "such a section has no meaning with Hale";
                left.add(Weight::Needless, &section.head.place, section.head.shown(), why);
            }
            Kind::Frontend | Kind::Backend | Kind::Listen => {
                let mut lines = LeftOut::default();
                let read = Section::read(raw, section, &mut lines, &mut told);
                if let Some(section) = read.in_use(left) {
                    left.0.append(&mut lines.0);
                    sections.push(section);
                }
            }
        }
    }
    for line in told.0 {
        left.add(line.weight, &line.place, line.what, line.why);
    }
    sections
}

impl Section {
    fn read(all: &[Raw], raw: &Raw, left: &mut LeftOut, of_defaults: &mut LeftOut) -> Self {
        let mut section = Self {
            name: raw.name.clone(),
            head: raw.head.clone(),
            mode: Mode::Tcp,
            binds: Vec::new(),
            servers: Vec::new(),
            routes: Vec::new(),
            default: None,
            idle: Vec::new(),
            connections_max: None,
            rate: None,
            expected: Vec::new(),
            from: None,
            is_disabled: false,
            default_options: Options::default(),
            ports: Vec::new(),
        };
        for line in defaults_of(all, raw).into_iter().flat_map(|defaults| &defaults.lines) {
            section.line(line, of_defaults);
        }
        for line in &raw.lines {
            section.line(line, left);
        }
        section
    }

    fn line(&mut self, line: &Line, left: &mut LeftOut) {
        let number = |at: usize| line.word(at).parse::<u64>().ok();
        match (line.word(0), line.word(1)) {
            ("mode", "http") => self.mode = Mode::Http,
            ("mode", "tcp") => self.mode = Mode::Tcp,
            ("mode", _) => self.mode = Mode::Http,
            ("bind", _) => self.binds.push(Bind::read(line, left)),
            ("server", _) => match Server::read(line, &self.default_options, left) {
                Some(server) => self.servers.push(server),
                None => {
                    let why = "Hale connects to backends by TCP only";
                    left.add(Weight::Missing, &line.place, line.shown(), why);
                }
            },
            ("default-server", _) => {
                self.default_options =
                    std::mem::take(&mut self.default_options).with(line, 1, left);
            }
            ("default_backend", name) => self.default = Some(name.to_owned()),
            ("acl", name) if line.word(2) == "dst_port" => {
                let ports = line.words.iter().skip(3).filter_map(|word| word.parse().ok());
                self.ports.extend(ports.map(|port| (name.to_owned(), port)));
            }
            ("use_backend", name) if !self.ports_of(line).is_empty() => {
                let routes = self
                    .ports_of(line)
                    .into_iter()
                    .map(|port| Route { backend: name.to_owned(), port });
                self.routes.extend(routes);
            }
            ("timeout", "client" | "server" | "tunnel") => {
                if let Some(milliseconds) = milliseconds(line.word(2)) {
                    self.idle.retain(|(known, _)| known.word(1) != line.word(1));
                    self.idle.push((line.clone(), milliseconds));
                }
            }
            ("maxconn", _) => self.connections_max = number(1).map(|most| (line.clone(), most)),
            ("rate-limit", "sessions") => self.rate = number(2).map(|most| (line.clone(), most)),
            ("source", from) => self.from = Some((line.clone(), from.to_owned())),
            ("disabled", _) => self.is_disabled = true,
            ("tcp-request", "connection") if line.word(2) == "expect-proxy" => {
                keywords::tell(line, left);
                let networks = line.words.iter().skip_while(|word| *word != "src").skip(1);
                let networks = networks.take_while(|word| *word != "}").cloned().collect();
                self.expected.push((line.clone(), networks));
            }
            _ => keywords::tell(line, left),
        }
    }

    /// The ports that a condition names: `if { dst_port 143 }`, or the name of such a rule.
    fn ports_of(&self, line: &Line) -> Vec<u16> {
        let Some(condition) =
            line.words.get(2..).filter(|it| it.first().is_some_and(|it| it == "if"))
        else {
            return Vec::new();
        };
        match condition {
            [_, open, fetch, ports @ .., close]
                if open == "{" && fetch == "dst_port" && close == "}" =>
            {
                ports.iter().filter_map(|port| port.parse().ok()).collect()
            }
            [_, name] => self
                .ports
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, port)| *port)
                .collect(),
            _ => Vec::new(),
        }
    }

    fn in_use(self, left: &mut LeftOut) -> Option<Self> {
        let is_for_stats = self.servers.is_empty() && self.default.is_none();
        let (weight, why) = match (self.is_disabled, self.mode) {
            (true, _) => (Weight::Needless, "it is disabled"),
            (false, Mode::Http) if is_for_stats && !self.binds.is_empty() => {
                let why = "HAProxy's own page: Hale has `service stats`, `hale status` and `hale top` (docs/METRICS.md)";
                (Weight::Different, why)
            }
            (false, Mode::Http) => (
                Weight::Missing,
                "HTTP is no mail: another program has to serve it when HAProxy is gone",
            ),
            (false, Mode::Tcp) => return Some(self),
        };
        left.add(weight, &self.head.place, self.head.shown(), why);
        None
    }
}

/// The defaults that hold for a section: those it names, or the last in front of it.
fn defaults_of<'a>(all: &'a [Raw], section: &Raw) -> Vec<&'a Raw> {
    let named = |name: &str| all.iter().find(|it| it.kind == Kind::Defaults && it.name == name);
    let in_front = || {
        let at = |it: &Raw| it.head.place.line() < section.head.place.line();
        all.iter().rfind(|it| it.kind == Kind::Defaults && at(it))
    };
    let mut chain = Vec::new();
    let mut next = section.from.as_deref().map_or_else(in_front, named);
    while let Some(defaults) = next {
        chain.push(defaults);
        if chain.len() == DEFAULTS_MAX {
            break;
        }
        next = defaults.from.as_deref().and_then(named);
    }
    chain.reverse();
    chain
}

/// Defaults that take from defaults; a circle ends here.
const DEFAULTS_MAX: usize = 8;

/// ```text
/// time = 1*DIGIT [ "us" / "ms" / "s" / "m" / "h" / "d" ]     ; milliseconds without a unit
/// ```
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    match unit {
        "us" => Some(number / 1000),
        "" | "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::config::tests::Files;
    use crate::import::haproxy::HaProxy;

    fn read(text: &str) -> (Vec<Section>, Vec<String>) {
        let mut left = LeftOut::default();
        let file: Arc<Path> = Arc::from(Path::new("h.cfg"));
        let read = HaProxy::read(text, &file, &mut Files::new(&[]), &mut left).unwrap();
        (read.sections, left.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults_are_inherited_until_the_next_ones_and_by_name() {
        let (sections, left) = read(
            "defaults\n mode http\n maxconn 10\ndefaults tcp\n mode tcp\n timeout client 1h\n timeout server 2m\n default-server ssl\n\
             listen a\n bind :143\n server x 10.0.0.1:993\n timeout server 3m\n\
             defaults more from tcp\n timeout tunnel 5m\n\
             frontend b from tcp\n bind :993\n default_backend c\nbackend c\n server y 10.0.0.2:993\nlisten d from nothing\n bind :1\n",
        );
        assert!(left.is_empty(), "{left:?}");
        let [a, b, c, d] = &*sections else { panic!("{sections:?}") };
        let idle = |it: &Section| it.idle.iter().map(|(_, time)| *time).collect::<Vec<_>>();
        assert_eq!(
            (idle(a), idle(b), idle(c)),
            (vec![3_600_000, 180_000], vec![3_600_000, 120_000], vec![3_600_000, 120_000, 300_000])
        );
        assert!(
            a.servers[0].options.is_tls && b.default.as_deref() == Some("c") && d.idle.is_empty()
        );
        assert!(
            sections.iter().all(|it| it.connections_max.is_none()),
            "those of the first defaults"
        );
    }

    #[test]
    fn http_is_told_and_left_out_with_its_lines() {
        let (sections, left) = read(
            "defaults\n mode http\n option httplog\nlisten stats\n bind :8404\n stats enable\n stats auth a:hush\nfrontend web\n bind :80\n \
             http-request redirect scheme https\n default_backend w\nbackend w\n server a 10.0.0.1:80 strange\nlisten m\n mode tcp\n disabled\n",
        );
        assert!(sections.is_empty());
        let told = left.join("\n");
        assert!(left.len() == 5 && !told.contains("hush") && !told.contains("strange"), "{told}");
        assert!(told.contains("h.cfg:4: listen stats: HAProxy's own page"), "{told}");
    }

    #[test]
    fn ports_lead_to_backends() {
        let (sections, left) = read(
            "frontend m\n bind :143\n bind :993\n acl imaps dst_port 993\n use_backend s if imaps\n use_backend p if { dst_port 143 1143 }\n \
             use_backend x if { req_ssl_sni -i a }\n",
        );
        let routes: Vec<(&str, u16)> =
            sections[0].routes.iter().map(|it| (&*it.backend, it.port)).collect();
        assert_eq!(routes, [("s", 993), ("p", 143), ("p", 1143)]);
        assert!(left.len() == 1 && left[0].contains("routes by user"), "{left:?}");
    }

    #[test]
    fn times_have_units() {
        for (text, expected) in [
            ("50", Some(50)),
            ("1m", Some(60_000)),
            ("30s", Some(30_000)),
            ("1d", Some(86_400_000)),
            ("1x", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
