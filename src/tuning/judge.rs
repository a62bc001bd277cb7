//! What was found, beside what it should be.

use super::needs::Needs;
use super::registry::{Level, Remedy, Rule, Setting};
use crate::limits;

/// What was found at a setting's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// This text.
    Text(String),
    /// For each data core that has such a thing: its CPU, and the text.
    Cores(Vec<(u16, String)>),
    /// The network cards.
    Cards(Vec<Nic>),
    /// This host has no such thing.
    Absent,
    /// It is there, and cannot be read by this user.
    Hidden,
}

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The interface.
    pub name: String,
    /// Its receive queues.
    pub queues: u64,
    /// Its interrupts.
    pub interrupts: u64,
    /// CPUs that they go to, each once.
    pub cpus: Vec<u16>,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not as it should be; so much depends on it.
    Amiss(Level),
    /// There is no such thing here.
    Absent,
    /// It could not be looked at.
    Hidden,
}

impl Verdict {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Amiss(level) => level.word(),
            Self::Absent => "absent",
            Self::Hidden => "hidden",
        }
    }
}

/// One setting, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub setting: &'static Setting,
    /// How it stands.
    pub verdict: Verdict,
    /// What is set; empty: there is nothing.
    pub is: String,
    /// What it should be.
    pub should: String,
    /// What to type or to do.
    pub remedy: String,
}

/// Judges what was found.
#[must_use]
pub fn judge(setting: &'static Setting, needs: &Needs, seen: &Seen) -> Row {
    let verdict = match seen {
        Seen::Absent => Verdict::Absent,
        Seen::Hidden => Verdict::Hidden,
        seen if fits(setting.rule, needs, seen) => Verdict::Good,
        _ => Verdict::Amiss(setting.level),
    };
    Row {
        setting,
        verdict,
        is: told(seen),
        should: wanted(setting.rule, needs),
        remedy: remedy(setting, needs, seen),
    }
}

fn fits(rule: Rule, needs: &Needs, seen: &Seen) -> bool {
    let cores = needs.data_cores.len();
    match (rule, seen) {
        (Rule::AtLeast(figure), Seen::Text(text)) => {
            numbers(text).first().is_some_and(|it| *it >= needs.value(figure))
        }
        (Rule::SecondAtLeast(figure), Seen::Text(text)) => {
            numbers(text).get(1).is_some_and(|it| *it >= needs.value(figure))
        }
        (Rule::AtMost(most), Seen::Text(text)) => {
            numbers(text).first().is_some_and(|it| *it <= most)
        }
        (Rule::RangeAtLeast(figure), Seen::Text(text)) => match numbers(text)[..] {
            [first, last] => (last.saturating_add(1)).saturating_sub(first) >= needs.value(figure),
            _ => false,
        },
        (Rule::Is(word), Seen::Text(text)) => text == word,
        (Rule::Is(word), Seen::Cores(cores)) => cores.iter().all(|(_, text)| text == word),
        (Rule::IsNone(words), Seen::Text(text)) => !words.contains(&text.as_str()),
        (Rule::HasDataCores, Seen::Text(text)) => {
            let listed = cpus(text);
            needs.data_cores.iter().all(|cpu| listed.contains(cpu))
        }
        (Rule::Queues, Seen::Cards(cards)) => {
            cards.iter().all(|card| usize::try_from(card.queues).is_ok_and(|it| it >= cores))
        }
        (Rule::Spread, Seen::Cards(cards)) => cards.iter().all(|card| {
            let most = usize::try_from(card.interrupts).unwrap_or(usize::MAX).min(cores);
            card.cpus.len() >= most
        }),
        _ => false,
    }
}

fn wanted(rule: Rule, needs: &Needs) -> String {
    let cores = needs.data_cores.len();
    match rule {
        Rule::AtLeast(figure) => format!("at least {}", needs.value(figure)),
        Rule::SecondAtLeast(figure) => {
            format!("at least {} as the second number", needs.value(figure))
        }
        Rule::AtMost(0) => "0".to_owned(),
        Rule::AtMost(most) => format!("at most {most}"),
        Rule::RangeAtLeast(figure) => format!("at least {} ports", needs.value(figure)),
        Rule::Is(word) => word.to_owned(),
        Rule::IsNone(words) => format!("anything but {}", words.join(", ")),
        Rule::HasDataCores => format!("all data cores: {}", list(&needs.data_cores)),
        Rule::Queues => format!("{cores} receive queues"),
        Rule::Spread => format!("spread over {cores} CPUs"),
    }
}

fn told(seen: &Seen) -> String {
    match seen {
        Seen::Text(text) if text.is_empty() => "nothing".to_owned(),
        Seen::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Seen::Cores(cores) => {
            let each: Vec<String> =
                cores.iter().map(|(cpu, text)| format!("CPU {cpu}: {text}")).collect();
            each.join(", ")
        }
        Seen::Cards(cards) => {
            let each = cards.iter().map(|Nic { name, queues, interrupts, cpus }| {
                format!("{name}: {queues} queues, {interrupts} interrupts at CPU {}", list(cpus))
            });
            each.collect::<Vec<_>>().join("; ")
        }
        Seen::Absent | Seen::Hidden => String::new(),
    }
}

/// What a setting becomes, where a number or a word says it all.
pub(super) fn value(rule: Rule, needs: &Needs) -> Option<String> {
    match rule {
        Rule::AtLeast(figure) => Some(needs.value(figure).to_string()),
        Rule::AtMost(most) => Some(most.to_string()),
        Rule::RangeAtLeast(_) => Some(format!("{} 65535", limits::HOST_PORT_FIRST)),
        Rule::Is(word) => Some(word.to_owned()),
        Rule::SecondAtLeast(_)
        | Rule::IsNone(_)
        | Rule::HasDataCores
        | Rule::Queues
        | Rule::Spread => None,
    }
}

fn remedy(setting: &Setting, needs: &Needs, seen: &Seen) -> String {
    let number = value(setting.rule, needs).unwrap_or_default();
    match setting.remedy {
        Remedy::Sysctl | Remedy::SysctlByMemory => {
            let quoted = if number.contains(' ') { format!("\"{number}\"") } else { number };
            format!("sysctl -w {}={quoted}", setting.name)
        }
        Remedy::Unit(name) => {
            format!("systemctl edit hale, and there: [Service] {name}={number}; then restart it")
        }
        Remedy::Text(text) => {
            let cards = match seen {
                Seen::Cards(cards) => {
                    cards.iter().map(|card| card.name.as_str()).collect::<Vec<_>>()
                }
                _ => Vec::new(),
            };
            let card = cards.first().copied().unwrap_or("CARD");
            let fitting = match seen {
                Seen::Text(text) => numbers(text).first().map(|it| Needs::sessions_within(*it)),
                _ => None,
            };
            let text = text
                .replace("DATA-CORES", &list(&needs.data_cores))
                .replace("CARD", card)
                .replace("NUMBER", &number);
            match (setting.name, fitting) {
                ("memory", Some(sessions)) => {
                    format!("{text}: what there is holds {sessions} sessions")
                }
                _ => text,
            }
        }
    }
}

/// The numbers of a text; `unlimited` is the largest.
fn numbers(text: &str) -> Vec<u64> {
    let number = |word: &str| match word {
        "unlimited" => Some(u64::MAX),
        word => word.parse().ok(),
    };
    text.split_whitespace().map_while(number).collect()
}

/// CPUs of the kernel's form: `0-3,7`.
#[must_use]
pub fn cpus(text: &str) -> Vec<u16> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) => first..last.saturating_add(1),
            _ => 0..0,
        }
    };
    text.trim().split(',').flat_map(range).collect()
}

/// CPUs in the kernel's form.
pub(super) fn list(cpus: &[u16]) -> String {
    let mut sorted = cpus.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|one, next| one.checked_add(1) == Some(*next));
    let told = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "none".to_owned() } else { told.join(",") }
}

#[cfg(test)]
mod tests {
    use super::super::registry::SETTINGS;
    use super::*;

    fn setting(name: &str) -> &'static Setting {
        SETTINGS.iter().find(|setting| setting.name == name).unwrap()
    }

    #[track_caller]
    fn verdict(name: &str, seen: &Seen) -> (Verdict, Row) {
        let needs = Needs { sessions: 60_000, data_cores: vec![0, 1, 3], ..Needs::reference() };
        let row = judge(setting(name), &needs, seen);
        (row.verdict, row)
    }

    fn text(text: &str) -> Seen {
        Seen::Text(text.to_owned())
    }

    #[test]
    fn numbers_are_compared_and_the_command_has_the_right_one() {
        let (good, _) = verdict("LimitNOFILE", &text("40768"));
        assert_eq!(good, Verdict::Good);
        assert_eq!(verdict("LimitNOFILE", &text("unlimited")).0, Verdict::Good);
        let (amiss, row) = verdict("LimitNOFILE", &text("40767"));
        assert_eq!(amiss, Verdict::Amiss(Level::Must));
        assert!(row.remedy.contains("LimitNOFILE=40768"), "{row:?}");
        let (amiss, row) = verdict("net.core.somaxconn", &text("128"));
        assert_eq!(amiss, Verdict::Amiss(Level::Must));
        assert_eq!(row.remedy, "sysctl -w net.core.somaxconn=4096");
        assert_eq!(verdict("net.ipv4.ip_local_port_range", &text("32768\t60999")).0, Verdict::Good);
        let (_, row) = verdict("net.ipv4.ip_local_port_range", &text("50000 60999"));
        assert_eq!((row.verdict, &*row.is), (Verdict::Amiss(Level::Must), "50000 60999"));
        assert_eq!(row.remedy, "sysctl -w net.ipv4.ip_local_port_range=\"10240 65535\"");
        assert_eq!(
            verdict("net.ipv4.tcp_mem", &text("1 95999 9999999")).0,
            Verdict::Amiss(Level::Should)
        );
        assert_eq!(verdict("net.ipv4.tcp_mem", &text("1 96000 1")).0, Verdict::Good);
        assert_eq!(verdict("vm.swappiness", &text("10")).0, Verdict::Good);
        assert_eq!(verdict("vm.swappiness", &text("11")).0, Verdict::Amiss(Level::Should));
        assert_eq!(verdict("vm.swappiness", &text("")).0, Verdict::Amiss(Level::Should));
    }

    #[test]
    fn memory_that_is_too_small_is_told_with_what_it_holds() {
        let (amiss, row) = verdict("memory", &text("1000000000"));
        assert_eq!(amiss, Verdict::Amiss(Level::Must));
        assert!(row.remedy.contains("holds 28267 sessions"), "{row:?}");
    }

    #[test]
    fn words_cpus_and_cards_are_compared() {
        let bbr = verdict("net.ipv4.tcp_congestion_control", &text("bbr"));
        assert_eq!(bbr.0, Verdict::Amiss(Level::Could));
        assert_eq!(verdict("net.ipv4.tcp_congestion_control", &text("cubic")).0, Verdict::Good);
        assert_eq!(verdict("isolated CPUs", &text("0-1,3-5")).0, Verdict::Good);
        let (amiss, row) = verdict("isolated CPUs", &text(""));
        assert_eq!((amiss, &*row.is), (Verdict::Amiss(Level::Could), "nothing"));
        assert!(row.remedy.contains("isolate 0-1,3"), "{row:?}");
        let core =
            |word: &str| Seen::Cores(vec![(0, "performance".to_owned()), (3, word.to_owned())]);
        assert_eq!(verdict("governor", &core("performance")).0, Verdict::Good);
        let (_, row) = verdict("governor", &core("powersave"));
        assert_eq!(row.is, "CPU 0: performance, CPU 3: powersave");
        let card = |queues, interrupts, cpus: &[u16]| {
            Seen::Cards(vec![Nic {
                name: "eth0".to_owned(),
                queues,
                interrupts,
                cpus: cpus.to_vec(),
            }])
        };
        let (queues, spread) = ("queues of network cards", "interrupts of network cards");
        assert_eq!(verdict(queues, &card(3, 4, &[0, 1, 3])).0, Verdict::Good);
        let (amiss, row) = verdict(queues, &card(1, 2, &[0]));
        assert_eq!(amiss, Verdict::Amiss(Level::Should));
        assert!(row.remedy.ends_with("nic.sh eth0 0-1,3"), "{row:?}");
        assert_eq!(verdict(spread, &card(1, 2, &[0, 1])).0, Verdict::Good, "it has no more");
        assert_eq!(verdict(spread, &card(4, 8, &[0, 1])).0, Verdict::Amiss(Level::Should));
    }

    #[test]
    fn what_is_not_there_or_not_to_be_read_is_no_fault() {
        assert_eq!(verdict("governor", &Seen::Absent).0, Verdict::Absent);
        assert_eq!(verdict("net.core.somaxconn", &Seen::Hidden).0, Verdict::Hidden);
    }

    #[test]
    fn lists_of_cpus_are_the_kernels() {
        assert_eq!(cpus("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(cpus(""), [] as [u16; 0]);
        assert_eq!(cpus("x-2"), [] as [u16; 0]);
        assert_eq!(list(&[5, 0, 2, 1]), "0-2,5");
        assert_eq!(list(&[]), "none");
    }
}
