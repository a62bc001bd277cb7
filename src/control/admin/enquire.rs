//! Questions to all data cores, one piece at a time.
//!
//! A core is asked for the next piece when the last one has been used, so that as much of an answer is in memory as one
//! piece holds, and a core works for no asker who has gone away.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::control::cluster::CommandError;
use crate::limits;
use crate::share::enquiry::{Act, Enquiry, Piece, Place, Whom};
use crate::share::exchange::Exchange;
use crate::share::messages::ToCore;

/// The way to ask.
#[derive(Debug)]
pub(super) struct Askers {
    exchange: Exchange,
    /// Who waits for a piece, by number.
    waiting: RefCell<HashMap<u64, oneshot::Sender<Piece>>>,
    last: Cell<u64>,
    patience: Duration,
    /// The longest that a core was ever busy with a piece.
    longest_us: Cell<u64>,
}

/// An enquiry under way: all cores, one behind the other.
#[derive(Debug)]
pub(in crate::control) struct Asking<'a> {
    askers: &'a Askers,
    enquiry: Arc<Enquiry>,
    /// Where to go on: the core's number, and the place there.
    next: Option<(usize, Place)>,
}

impl Askers {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            waiting: RefCell::default(),
            last: Cell::new(0),
            patience: limits::ENQUIRY_TIMEOUT,
            longest_us: Cell::new(0),
        }
    }

    /// Begins to ask. Nothing is asked before the first piece is wanted.
    pub(super) fn ask(&self, act: Act, whom: Whom) -> Asking<'_> {
        let number = self.last.get() + 1;
        self.last.set(number);
        let enquiry = Arc::new(Enquiry { number, whom, act });
        let next = (!self.exchange.to_cores.is_empty()).then(|| (0, Place::default()));
        Asking { askers: self, enquiry, next }
    }

    /// A core has answered.
    pub(super) fn take(&self, piece: Piece) {
        self.longest_us.set(self.longest_us.get().max(piece.took_us));
        let asker = self.waiting.borrow_mut().remove(&piece.number);
        if let Some(asker) = asker {
            // Who went away meanwhile wants no answer.
            let _ = asker.send(piece);
        }
    }

    /// The longest that a core was ever busy with a piece, in microseconds.
    pub(super) fn longest_us(&self) -> u64 {
        self.longest_us.get()
    }
}

impl Asking<'_> {
    /// The next piece; none: all cores have said all.
    ///
    /// # Errors
    /// A core is too busy to take the question, or to answer it.
    pub(in crate::control) async fn piece(&mut self) -> Result<Option<Piece>, CommandError> {
        let Some((core, from)) = self.next else { return Ok(None) };
        let piece = self.ask(core, from).await?;
        self.next = match piece.next {
            Some(place) => Some((core, place)),
            None => {
                let next = core + 1;
                (next < self.askers.exchange.to_cores.len()).then(|| (next, Place::default()))
            }
        };
        Ok(Some(piece))
    }

    /// Whether all sessions of a backend are meant.
    pub(super) fn is_of_whole_backend(&self) -> bool {
        self.enquiry.whom.is_whole_backend()
    }

    async fn ask(&self, core: usize, from: Place) -> Result<Piece, CommandError> {
        let Some(mailbox) = self.askers.exchange.to_cores.get(core) else {
            return Err(CommandError::TempFail(format!("there is no data core {core}")));
        };
        let (sender, receiver) = oneshot::channel();
        self.askers.waiting.borrow_mut().insert(self.enquiry.number, sender);
        if mailbox.send(ToCore::Enquire(Arc::clone(&self.enquiry), from)).is_err() {
            self.askers.waiting.borrow_mut().remove(&self.enquiry.number);
            return Err(CommandError::TempFail(format!(
                "data core {core} is behind with its mail; try again"
            )));
        }
        match timeout(self.askers.patience, receiver).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(_)) | Err(_) => Err(CommandError::TempFail(format!(
                "data core {core} does not answer: it is overloaded, or has ended"
            ))),
        }
    }
}

/// An asker that goes away leaves no trace.
impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.askers.waiting.borrow_mut().remove(&self.enquiry.number);
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    /// What stands for the data cores: answers the question that waits, with so many pieces left.
    fn answer(exchange: &Exchange, askers: &Askers, core: usize, left: u32) {
        let Some(ToCore::Enquire(enquiry, from)) = exchange.to_cores[core].take() else {
            panic!("core {core} was not asked")
        };
        let slot = from.slot + 1;
        let next = (slot < left).then_some(Place { slot, ..from });
        askers.take(Piece { number: enquiry.number, next, looked_at: slot, ..Piece::default() });
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn all_cores_are_asked_and_none_before_the_last_piece_is_used() {
        let exchange = Exchange::new(2).unwrap();
        let askers = Askers::new(exchange.clone());
        let mut asking = askers.ask(Act::List, Whom::default());
        let mut used = Vec::new();
        run(async {
            for (core, left) in [(0, 3), (0, 3), (0, 3), (1, 1)] {
                assert!(exchange.to_cores.iter().all(|core| core.is_empty()), "asked too early");
                let (piece, ()) =
                    tokio::join!(asking.piece(), async { answer(&exchange, &askers, core, left) });
                used.push(piece.unwrap().unwrap().looked_at);
            }
            assert_eq!(asking.piece().await.unwrap(), None);
        });
        assert_eq!(used, [1, 2, 3, 1]);
        assert!(askers.waiting.borrow().is_empty());
    }

    #[test]
    fn a_core_that_does_not_answer_is_named_and_its_late_answer_is_nobodys() {
        let exchange = Exchange::new(1).unwrap();
        let mut askers = Askers::new(exchange.clone());
        askers.patience = Duration::from_millis(1);
        let mut asking = askers.ask(Act::Kick, Whom::default());
        let error = run(asking.piece()).unwrap_err();
        assert_eq!(error.exit_code(), 75);
        assert!(error.to_string().contains("data core 0"), "{error}");
        drop(asking);
        answer(&exchange, &askers, 0, 1);
        assert!(askers.waiting.borrow().is_empty());
    }

    #[test]
    fn an_asker_that_goes_away_leaves_nothing_behind() {
        let exchange = Exchange::new(1).unwrap();
        let askers = Askers::new(exchange.clone());
        let mut asking = askers.ask(Act::List, Whom::default());
        run(async {
            tokio::select! {
                _ = asking.piece() => panic!("nobody answered"),
                () = tokio::task::yield_now() => {}
            }
        });
        drop(asking);
        assert!(askers.waiting.borrow().is_empty());
        answer(&exchange, &askers, 0, 9);
        assert!(exchange.to_cores[0].is_empty(), "nobody asks on");
    }
}
