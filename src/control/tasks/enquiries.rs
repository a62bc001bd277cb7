//! Hands pieces of answers, and bytes of sessions, to those who asked for them.

use std::rc::Rc;

use super::mail::Inbox;
use crate::control::admin::Admin;
use crate::share::enquiry::Piece;
use crate::share::trace::Traced;

pub(super) async fn hand_out(pieces: Inbox<Piece>, admin: Rc<Admin>) {
    loop {
        pieces.arrived().await;
        while let Some(piece) = pieces.take() {
            admin.take(piece);
        }
    }
}

pub(super) async fn hand_out_traced(traced: Inbox<Traced>, admin: Rc<Admin>) {
    loop {
        traced.arrived().await;
        while let Some(traced) = traced.take() {
            admin.take_traced(traced);
        }
    }
}
