//! Logins from site to site: decided, sent on, referred, sent in a circle, served; as the session and the data core have it.

use std::net::SocketAddr;
use std::time::Duration;

use hale::backend::connect::Attempts;
use hale::limits::RECONNECT_TIME_LEFT_MIN;
use hale::route::change::UserMoveReason;
use hale::route::decide::{Decision, Destination, Hop, Moving, RouteQuestion, UserKnown, Writes};
use hale::route::redirect::follow_referral;
use hale::tick::Tick;
use uuid::Uuid;

use super::calls::TABLES_READ_WITHIN;
use super::login::{Asked, Call, Login, Session, Stage, Why};
use super::machines::MOVE_TIMEOUT;
use super::proxy::Reads;
use super::world::{Event, World};

impl World {
    /// Decides until something has to be read or written.
    pub(super) fn advance(&mut self, login: Login) {
        match login.asked.clone() {
            Asked::User => self.find_user(login),
            Asked::Referral { host, group } => self.follow(login, &host, group),
        }
    }

    /// W-REF-1, W-REF-7: to hosts that the rows know; else, and when it leads here, the user is looked for anew.
    fn follow(&mut self, mut login: Login, host: &str, group: Option<Box<str>>) {
        let table = &self.proxies[login.proxy].memory.table;
        match follow_referral(table, host, group.as_deref()) {
            Ok(destination) => self.go(login, destination),
            Err(_) if !login.has_read_again => {
                login.has_read_again = true;
                self.wait(login, Call::ReadAgain(group));
            }
            Err(_) => {
                login.asked = Asked::User;
                self.find_user(login);
            }
        }
    }

    fn find_user(&mut self, mut login: Login) {
        loop {
            login.rounds += 1;
            if login.rounds > ROUNDS_MAX {
                return self.failed(&login, "its rows do not come to rest");
            }
            let (decision, is_old) = self.decide(&login);
            if is_old && login.rounds == 1 {
                self.leave_behind(&login, Call::Renew);
            }
            match decision {
                Decision::NeedTable => {
                    self.refresh(login.proxy, Reads::All);
                    (login.group, login.site) = (None, None);
                }
                Decision::NeedUser => return self.wait(login, Call::ReadUser),
                Decision::AssignUser(assignment) => {
                    return self.wait(login, Call::Assign(assignment, Stage::Read));
                }
                Decision::MoveUser(change) => {
                    let proxy = &self.proxies[login.proxy];
                    let group = login.group.as_ref();
                    self.record.check_leaving(self.now, proxy, group, &change);
                    if change.reason == UserMoveReason::Finish {
                        self.record.tally.finished += 1;
                    }
                    return self.wait(login, Call::Move(change, Stage::Read));
                }
                Decision::CreateGroup(creation) => {
                    return self.wait(login, Call::Create(creation, Stage::Read));
                }
                Decision::FailOver(change) => {
                    return self.wait(login, Call::FailOver(change, Stage::Read));
                }
                Decision::Fail { fault, .. } => return self.failed(&login, fault.text()),
                Decision::Go { destination, change, homecoming } => {
                    if let Some(change) = change {
                        self.leave_behind(&login, Call::Change(change, Stage::Read));
                    }
                    if let Some(change) = homecoming {
                        self.leave_behind(&login, Call::Homecoming(change, Stage::Read));
                    }
                    if destination.moving == Moving::Held {
                        return self.hold(login);
                    }
                    return self.go(login, destination);
                }
            }
        }
    }

    /// By the rows read for this login, or by those that the proxy remembers; whether those are old.
    fn decide(&mut self, login: &Login) -> (Decision, bool) {
        let proxy = &self.proxies[login.proxy];
        let remembered = proxy.known(&login.user, login.is_silent, self.now);
        let (known, is_old) = match (&login.row, remembered) {
            (Some(row), _) => (UserKnown::Row(row), false),
            (None, Some((row, is_old))) if !login.is_absent => (UserKnown::Row(row), is_old),
            _ if login.is_silent => (UserKnown::Unreachable, false),
            _ if login.is_absent => (UserKnown::Absent, false),
            _ => (UserKnown::NotAsked, false),
        };
        let sent_on = proxy.sent_on(&login.user, self.now);
        let question = RouteQuestion {
            fresh_group: login.group.as_ref(),
            fresh_site: login.site.as_ref(),
            sent_on,
            writes: if login.is_silent { Writes::Withheld } else { Writes::Allowed },
            ..RouteQuestion::of(&login.user)
        };
        let decision = proxy.decide(known, &question);
        if let Decision::Go { destination, .. } = &decision {
            let row = destination.group.as_deref().and_then(|name| {
                let fresh = login.group.as_ref().filter(|row| &*row.name == name);
                fresh.or_else(|| proxy.group(name))
            });
            self.record.check_sent_on(self.now, login, proxy, destination, row);
        }
        (decision, is_old)
    }

    pub(super) fn wait(&mut self, mut login: Login, call: Call) {
        login.call = Some(call);
        self.soon(Event::Call(Box::new(login)));
    }

    /// A call that no login waits for.
    pub(super) fn leave_behind(&mut self, login: &Login, call: Call) {
        let left = Login::new(login.user.clone(), login.proxy, login.start);
        self.wait(left, call);
    }

    fn go(&mut self, mut login: Login, destination: Destination) {
        if matches!(login.asked, Asked::User) {
            login.is_switching = destination.is_switching;
        }
        if !login.is_sent_here() {
            return self.connect(login, destination);
        }
        match destination.hop {
            Hop::Backend(id) => self.at_backend(login, id, destination.group),
            // The sites of a group that just left one of them, or came home, hear of it one after the other.
            Hop::Site(_) if matches!(login.asked, Asked::User) && !login.has_read_again => {
                login.has_read_again = true;
                self.wait(login, Call::ReadAgain(None));
            }
            // W-REF-6: its proxy is told to go there itself.
            Hop::Site(_) => {
                let Some(mut session) = login.session.take() else { return };
                if self.proxies[session.proxy].start != session.start {
                    return;
                }
                session.why = Why::Referral;
                let at_client = Login::new(login.user, session.proxy, session.start);
                let asked = Asked::Referral { host: (*destination.host).into(), group: None };
                self.advance(Login { session: Some(session), asked, ..at_client });
            }
        }
    }

    /// The session's own proxy connects.
    fn connect(&mut self, mut login: Login, destination: Destination) {
        let now = Tick(self.now);
        let Some(session) = login.session.as_mut() else { return };
        let endpoint = SocketAddr::new(destination.address, 143);
        match (&mut session.attempts, session.why) {
            (Some(attempts), Why::Again) => attempts.alternate(endpoint),
            (Some(attempts), Why::Referral) => {
                if attempts.hop(endpoint).is_err() {
                    if matches!(destination.hop, Hop::Backend(_)) {
                        return self.failed(&login, "backends send it in a circle");
                    }
                    return match attempts.again_after_circle(now) {
                        Some(at) => self.pause(login, at),
                        None => self.circled(&login),
                    };
                }
            }
            (attempts, _) => {
                *attempts = Some(Attempts::new(now, LOGIN_TIMEOUT, 3, endpoint));
            }
        }
        let was_held = session.held_until.is_some() || destination.moving != Moving::No;
        if let Some(attempts) = session.attempts.as_mut().filter(|_| was_held) {
            attempts.prolong(now.after(MOVE_TIMEOUT + MOVE_GRACE));
        }
        match destination.hop {
            Hop::Backend(id) => self.at_backend(login, id, destination.group),
            Hop::Site(to) => self.send_to(login, to),
        }
    }

    fn send_to(&mut self, mut login: Login, to: Uuid) {
        let from = self.proxies[login.proxy].site;
        let Some(site) = self.sites.iter().position(|site| *site == to) else { unreachable!() };
        if self.cut.contains(&(from, site)) {
            return self.failed(&login, "the other site does not answer");
        }
        let all = (0..self.proxies.len()).filter(|proxy| self.proxies[*proxy].site == site);
        let up: Vec<usize> = all.filter(|proxy| !self.fleet.hosts[*proxy].is_down()).collect();
        if up.is_empty() {
            return self.failed(&login, "the other site does not answer");
        }
        let proxy = self.random.pick(&up);
        let start = self.proxies[proxy].start;
        let session = login.session.take();
        self.advance(Login { session, ..Login::new(login.user, proxy, start) });
    }

    // === Circles ===

    fn pause(&mut self, login: Login, at: Tick) {
        self.record.tally.paused += 1;
        let mut login = login.asks(Asked::User);
        if let Some(session) = &mut login.session {
            (session.why, session.anew_at, session.is_blind) = (Why::Again, Some(at.0), false);
        }
        self.at(at.0, Event::Again(Box::new(login)));
    }

    pub(super) fn try_again(&mut self, login: Login) {
        if self.proxies[login.proxy].start == login.start {
            self.advance(login);
        }
    }

    /// A second circle. Rows that were under way may excuse it; nothing else does.
    fn circled(&mut self, login: &Login) {
        let Some(session) = &login.session else { return };
        if !self.is_excused(login, session) {
            let (now, user) = (self.now, &login.user);
            let fault = format!("{now}: {user} ends in a circle, and all rows had arrived");
            self.record.faults.push(fault);
        }
        self.failed(login, "referrals lead in a circle");
    }

    fn is_excused(&self, login: &Login, session: &Session) -> bool {
        // A move may have taken most of its time, a backend that is silent, or a proxy that was stopped. Where none of those
        // is played, no login has to give up for want of time.
        let deadline = session.attempts.as_ref().map(Attempts::deadline);
        let is_late = deadline.is_some_and(|at| Tick(self.now).until(at) < RECONNECT_TIME_LEFT_MIN);
        if is_late && self.play.is_of_backends() {
            return true;
        }
        // The first circle is no end.
        let Some(since) = session.anew_at else { return false };
        session.is_blind
            || self.places_touched + TABLES_READ_WITHIN > since
            || self.is_under_way(&login.user, since)
            || !self.are_places_known()
    }

    pub(super) fn failed(&mut self, login: &Login, reason: &str) {
        self.record.failed(self.now, &login.user, reason);
    }
}

const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
const ROUNDS_MAX: u32 = 12;
/// Beyond the move timeout itself, for the login after it.
pub(super) const MOVE_GRACE: Duration = Duration::from_secs(10);
