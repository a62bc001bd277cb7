//! Hands pieces of answers to those who asked for them.

use std::rc::Rc;

use super::mail::Inbox;
use crate::control::admin::Admin;
use crate::share::enquiry::Piece;

pub(super) async fn hand_out(pieces: Inbox<Piece>, admin: Rc<Admin>) {
    loop {
        pieces.arrived().await;
        while let Some(piece) = pieces.take() {
            admin.take(piece);
        }
    }
}
