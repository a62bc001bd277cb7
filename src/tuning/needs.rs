//! Numbers that follow from the configuration.

use crate::limits;

/// What the configuration asks of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Sessions of all data cores together.
    pub sessions: u64,
    /// CPUs of the data cores; never empty.
    pub data_cores: Vec<u16>,
    /// Addresses from which backends are connected (`login_source_ips`); 1 where the system chooses.
    pub source_addresses: u64,
    /// `relay_receive_buffer`.
    pub receive_bytes: u64,
    /// `relay_unsent_buffer`.
    pub unsent_bytes: u64,
    /// Ports that clients connect to.
    pub client_ports: Vec<u16>,
    /// Ports of backends.
    pub backend_ports: Vec<u16>,
}

/// A number as a function of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// This one.
    Fixed(u64),
    /// Descriptors of one data core: two for each session, and a reserve.
    Descriptors,
    /// The same of all data cores, and what other programs of the host use.
    DescriptorsOfAll,
    /// Ports for connections to one backend.
    Ports,
    /// The kernel doubles what a socket asks for: half of `relay_receive_buffer`.
    ReceiveBuffer,
    /// Pages in socket buffers when one of a hundred sessions fills its own.
    BufferPages,
    /// Pages in the pipes of all data cores.
    PipePages,
    /// Connections that a firewall follows: two for each session, and a quarter for those that have just ended.
    Flows,
    /// Sessions.
    Sessions,
    /// Bytes of memory.
    Memory,
    /// Data cores.
    Cores,
}

impl Needs {
    /// Those for which the files of the repository are made.
    #[must_use]
    pub fn reference() -> Self {
        Self {
            sessions: limits::HOST_SESSIONS_REFERENCE,
            data_cores: vec![0, 1, 2],
            source_addresses: 1,
            receive_bytes: limits::RELAY_RECEIVE_BYTES.into(),
            unsent_bytes: limits::RELAY_UNSENT_BYTES.into(),
            client_ports: vec![24, 110, 143, 587, 993, 995, 4190],
            backend_ports: vec![24, 110, 143, 587, 993, 995, 4190],
        }
    }

    /// Sessions of one data core.
    #[must_use]
    pub fn per_core(&self) -> u64 {
        self.sessions.div_ceil(self.cores())
    }

    fn cores(&self) -> u64 {
        u64::try_from(self.data_cores.len()).unwrap_or(u64::MAX).max(1)
    }

    /// A figure's value.
    #[must_use]
    pub fn value(&self, figure: Figure) -> u64 {
        match figure {
            Figure::Fixed(number) => number,
            Figure::Descriptors => descriptors(self.per_core()),
            Figure::DescriptorsOfAll => descriptors(self.per_core())
                .saturating_mul(self.cores())
                .saturating_add(limits::HOST_DESCRIPTORS_OTHERS),
            Figure::Ports => {
                let each = self.sessions / self.source_addresses.max(1);
                (each / limits::HOST_BACKENDS_LEAST).min(PORTS_MAX)
            }
            Figure::ReceiveBuffer => self.receive_bytes / 2,
            Figure::BufferPages => {
                let each = self.receive_bytes.saturating_add(self.unsent_bytes);
                let busy = self.sessions.div_ceil(limits::HOST_BUSY_ONE_OF);
                busy.saturating_mul(each) / limits::PAGE_BYTES
            }
            Figure::PipePages => self.cores().saturating_mul(PIPE_PAGES_OF_CORE),
            Figure::Flows => self.sessions.saturating_mul(5) / 2,
            Figure::Sessions => self.sessions,
            Figure::Memory => self
                .sessions
                .saturating_mul(limits::HOST_SESSION_BYTES)
                .saturating_add(limits::HOST_BASE_BYTES),
            Figure::Cores => self.cores(),
        }
    }

    /// How many sessions so much memory holds.
    #[must_use]
    pub fn sessions_within(memory: u64) -> u64 {
        memory.saturating_sub(limits::HOST_BASE_BYTES) / limits::HOST_SESSION_BYTES
    }
}

impl Figure {
    /// Where the number comes from, for documents.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Fixed(_) => "",
            Self::Descriptors => "2 for each session of a data core, and 768",
            Self::DescriptorsOfAll => "the same for each data core, and 65,536 for other programs",
            Self::Ports => "a quarter of the sessions for each address of `login_source_ips`",
            Self::ReceiveBuffer => "half of `relay_receive_buffer`",
            Self::BufferPages => {
                "pages of `relay_receive_buffer` and `relay_unsent_buffer`, for one of 100 sessions"
            }
            Self::PipePages => "16,384 for each data core",
            Self::Flows => "2.5 for each session",
            Self::Sessions => "1 for each session",
            Self::Memory => "16 KiB for each session, and 512 MiB",
            Self::Cores => "1 for each data core",
        }
    }
}

/// Descriptors that a data core with so many sessions needs.
#[must_use]
pub fn descriptors(sessions: u64) -> u64 {
    sessions.saturating_mul(2).saturating_add(limits::DESCRIPTORS_RESERVE)
}

/// As many as the widest range has.
const PORTS_MAX: u64 = 65_535 - limits::HOST_PORT_FIRST + 1;
#[expect(clippy::as_conversions, reason = "constants that fit, in a constant")]
const PIPE_PAGES_OF_CORE: u64 =
    (limits::PIPES_MAX * limits::PIPE_BYTES) as u64 / limits::PAGE_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_sessions_and_the_cores() {
        let needs = Needs { sessions: 120_000, ..Needs::reference() };
        let value = |figure| needs.value(figure);
        assert_eq!(value(Figure::Descriptors), 80_768);
        assert_eq!(value(Figure::DescriptorsOfAll), 3 * 80_768 + 65_536);
        assert_eq!(value(Figure::Ports), 30_000);
        assert_eq!(value(Figure::ReceiveBuffer), 262_144);
        assert_eq!(value(Figure::BufferPages), 1_200 * 655_360 / 4096);
        assert_eq!(value(Figure::PipePages), 3 * 16_384);
        assert_eq!(value(Figure::Flows), 300_000);
        assert_eq!(value(Figure::Memory), 120_000 * 16_384 + (512 << 20));
        assert_eq!(Needs::sessions_within(value(Figure::Memory)), 120_000);
        let two = Needs { source_addresses: 2, ..needs.clone() };
        assert_eq!(two.value(Figure::Ports), 15_000);
        let many = Needs { sessions: 10_000_000, ..needs };
        assert_eq!(many.value(Figure::Ports), 55_296, "a range is no wider");
    }
}
