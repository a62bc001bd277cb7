//! What a core has besides its connections and its kernel: one value for each duty, and who is told what.

use std::sync::Arc;

use crate::ring::port::Port;
use crate::tick::Tick;

use super::accept::door::Door;
use super::accept::pre_login::PreLogin;
use super::backends::connect::Backends;
use super::chance::Chance;
use super::connection::Phase;
use super::enquiries::Enquiries;
use super::io::line::Line;
use super::linger;
use super::lmtp::driver as lmtp;
use super::login::driver as login;
use super::login::look_ups::LookUps;
use super::login::state::Buffers;
use super::login::throttle::Throttle;
use super::next::Next;
use super::relay::driver as relay;
use super::relay::relays::Relays;
use super::relay::state::Relay;
use super::report::Reports;
use super::sessions::Sessions;
use super::settings::{Links, VerifiedCache, WorkerSettings};
use super::signal::Signal;
use super::tls::channel::CoreTls;

/// The duties of a core. None of them knows another; a driver is lent those that it needs.
#[derive(Debug)]
pub(super) struct Rooms {
    pub(super) settings: Arc<WorkerSettings>,
    pub(super) reports: Reports,
    pub(super) chance: Chance,
    pub(super) door: Door,
    pub(super) pre_login: PreLogin,
    pub(super) look_ups: LookUps,
    pub(super) throttle: Throttle,
    pub(super) session_buffers: Buffers,
    pub(super) backends: Backends,
    pub(super) tls: CoreTls,
    pub(super) relays: Relays,
    pub(super) sessions: Sessions,
    pub(super) enquiries: Enquiries,
    pub(super) lmtp_buffers: lmtp::Buffers,
}

impl Rooms {
    pub(super) fn new(
        settings: &Arc<WorkerSettings>,
        links: Links,
        look_ups: LookUps,
        seed: u64,
        now: Tick,
    ) -> Self {
        let settings = Arc::new(settings.for_one_core());
        let mut chance = Chance::new(look_ups.core(), seed);
        let Links { pieces, traced, log, tls, counters, .. } = links;
        let visitors = look_ups.visitors();
        Self {
            reports: Reports::new(
                log,
                counters,
                look_ups.to_control(),
                look_ups.books(),
                settings.log_debug,
            ),
            door: Door::new(visitors.clone(), settings.per_address),
            pre_login: PreLogin::new(settings.connections_max),
            throttle: Throttle::new(
                visitors,
                look_ups.guesses(),
                settings.failure_delay().is_zero(),
                now,
            ),
            session_buffers: Buffers::new(),
            backends: Backends::new(
                settings.connections_max,
                &settings.source_ips,
                chance.draw(),
                look_ups.loads(),
            ),
            relays: Relays::new(Arc::clone(&settings), chance.draw(), traced),
            sessions: Sessions::new(settings.connections_max),
            enquiries: Enquiries::new(look_ups.core(), pieces),
            tls: CoreTls::new(&tls),
            lmtp_buffers: lmtp::Buffers::default(),
            look_ups,
            chance,
            settings,
        }
    }

    /// Other settings hold for what begins from here on.
    pub(super) fn renew(&mut self, settings: &WorkerSettings, cache: &VerifiedCache) {
        let settings = Arc::new(settings.for_one_core());
        self.reports.log_debug = settings.log_debug;
        self.door.per_address = settings.per_address;
        self.throttle.is_off = settings.failure_delay().is_zero();
        self.backends.leave_from(&settings.source_ips);
        self.relays.renew(Arc::clone(&settings));
        self.look_ups.renew(cache, settings.policy);
        self.settings = settings;
    }

    /// Tells a connection what happened to it. What is to become of it is for the core to do.
    pub(super) fn tell<P: Port>(
        &mut self,
        line: Line<'_, P>,
        phase: &mut Phase,
        signal: Signal,
    ) -> Next {
        match phase {
            Phase::Login(login) => {
                let duties = login::Duties {
                    look_ups: &mut self.look_ups,
                    throttle: &mut self.throttle,
                    backends: &mut self.backends,
                    door: &self.door,
                    pre_login: &mut self.pre_login,
                    tls: &mut self.tls,
                    chance: &mut self.chance,
                    buffers: &mut self.session_buffers,
                    settings: &self.settings,
                    reports: &self.reports,
                };
                login::Driver::drive(login, line, duties, signal)
            }
            Phase::Relay(relay) => {
                let mut driver = self.relay(line, relay);
                match signal {
                    Signal::Readable(side) => driver.readable(side),
                    Signal::Writable(side) => driver.advance(side.other()),
                    Signal::Deadline => driver.deadline(),
                    Signal::Unsent(unsent) => driver.take_back(unsent),
                    // A late answer to the login before it, or what only concerns logins.
                    _ => Next::Stay,
                }
            }
            Phase::Lingering => linger::drive(line, &signal, &mut self.relays.scratch),
            Phase::Closing => Next::Stay,
            Phase::Lmtp(_) | Phase::Link(_) => {
                debug_assert!(false, "an LMTP client's driver needs more than one line");
                Next::Stay
            }
        }
    }

    /// What an LMTP session borrows.
    pub(super) fn lmtp(&mut self) -> lmtp::Duties<'_> {
        lmtp::Duties {
            look_ups: &mut self.look_ups,
            backends: &mut self.backends,
            door: &self.door,
            tls: &mut self.tls,
            buffers: &mut self.lmtp_buffers,
            reports: &self.reports,
        }
    }

    /// What drives a relayed session.
    pub(super) fn relay<'a, P: Port>(
        &'a mut self,
        line: Line<'a, P>,
        relay: &'a mut Relay,
    ) -> relay::Driver<'a, P> {
        let (relays, buffers) = (&mut self.relays, &mut self.tls.buffers);
        relay::Driver { line, relay, relays, buffers, reports: &self.reports }
    }
}
