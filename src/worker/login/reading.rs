//! Reading for a session: in clear straight from the socket, otherwise what TLS has opened.

use zeroize::Zeroize as _;

use crate::ring::port::Port;
use crate::session::input::Input;
use crate::tls::Fault;

use super::super::io::heard::Heard;
use super::super::io::socket::Side;
use super::super::tls;
use super::super::tls::read::Reader;
use super::driver::Driver;
use super::state::SESSION_READ_BYTES;

impl<P: Port> Driver<'_, P> {
    /// Reads what a side has for the session.
    pub(super) fn read(&mut self, side: Side) {
        let mut space = std::mem::take(&mut self.duties.buffers.read);
        // Bounded per turn, so that one client cannot keep the core. What is left then has been told already and will
        // not be told again, so the reread list brings it back.
        let mut reads = 0;
        while reads < READS_PER_TURN && self.read_once(side, &mut space) {
            reads += 1;
        }
        self.duties.buffers.read = space;
        if reads == READS_PER_TURN && !self.is_decided() {
            self.line.reread(side);
        }
    }

    /// One read; `true` when another may find more.
    fn read_once(&mut self, side: Side, space: &mut [u8]) -> bool {
        if self.is_decided() {
            return false;
        }
        let room = self.login.room(side).min(SESSION_READ_BYTES);
        let space = space.get_mut(..room).unwrap_or_default();
        let heard = if self.line.is_secured(side) {
            self.read_sealed(side, space)
        } else {
            self.line.read(side, space)
        };
        match heard {
            Heard::Nothing => false,
            Heard::More => true,
            Heard::Bytes { count, more } => {
                let bytes = space.get_mut(..count).unwrap_or_default();
                match side {
                    Side::Client => self.input(Input::Client(bytes)),
                    Side::Backend => self.input(Input::Backend(bytes)),
                }
                // A password may have been among them (W-CRED-2).
                bytes.zeroize();
                more
            }
            Heard::Secured { server_name, client_certificate: certificate, security, more } => {
                self.input(match side {
                    Side::Client => Input::ClientSecured { server_name, certificate, security },
                    Side::Backend => Input::BackendSecured,
                });
                more
            }
            Heard::Insecure(fault) => {
                self.insecure(side, &fault);
                false
            }
            Heard::End => {
                self.input(match side {
                    Side::Client => Input::ClientEnd,
                    Side::Backend => Input::BackendEnd,
                });
                false
            }
            Heard::Broken(fault) => {
                self.broken(side, fault);
                false
            }
        }
    }

    fn read_sealed(&mut self, side: Side, space: &mut [u8]) -> Heard {
        let is_wanted = self.login.is_under_way();
        let reader = Reader { most: SESSION_READ_BYTES, is_secret: true, is_wanted };
        let (line, unsent) = (&mut self.line, self.login.unsent(side));
        let reports = self.duties.reports;
        let heard = tls::read::read(line, self.duties.tls, side, reader, unsent, space, reports);
        self.check_unread();
        heard
    }

    fn insecure(&mut self, side: Side, fault: &Fault) {
        match side {
            Side::Client if fault.certificate => {
                self.input(Input::ClientCertificateRefused(fault.word));
            }
            Side::Client => self.input(Input::ClientInsecure(fault.word)),
            Side::Backend => {
                let (word, is_lasting) = (fault.detail(), fault.is_lasting());
                self.input(Input::BackendInsecure { word, is_lasting });
            }
        }
    }
}

/// Reads of one session per turn of the loop.
const READS_PER_TURN: usize = 8;
