//! `cluster kick` beyond this proxy (C-KICK-1): the way to where backends are asked by doveadm.

use std::cell::OnceCell;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use crate::control::cluster::CommandError;

/// Asks for kicks elsewhere. Clones ask at the same place; before there is one, nothing is asked.
#[derive(Clone, Debug, Default)]
pub(in crate::control) struct Beyond(Rc<OnceCell<mpsc::Sender<KickOrder>>>);

/// A user whose sessions are to end wherever they are.
#[derive(Debug)]
pub(in crate::control) struct KickOrder {
    pub(in crate::control) user: Box<str>,
    /// Whether there were some.
    pub(in crate::control) answer: oneshot::Sender<Result<bool, CommandError>>,
}

impl Beyond {
    /// Orders are carried out by whom this returns to. To be called once.
    pub(in crate::control) fn open(&self) -> mpsc::Receiver<KickOrder> {
        let (sender, receiver) = mpsc::channel(1);
        // A second receiver would never hear of anything.
        let _ = self.0.set(sender);
        receiver
    }

    /// Whether sessions of the user ended elsewhere.
    ///
    /// # Errors
    /// The backend was to be asked, and cannot be.
    pub(super) async fn kick(&self, user: &str) -> Result<bool, CommandError> {
        let Some(orders) = self.0.get() else { return Ok(false) };
        let (answer, answered) = oneshot::channel();
        let order = KickOrder { user: user.into(), answer };
        if orders.send(order).await.is_err() {
            return Ok(false);
        }
        let broken_off = || CommandError::TempFail(format!("user {user}: the kick was broken off"));
        answered.await.map_err(|_| broken_off())?
    }
}
