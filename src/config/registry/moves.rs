//! The settings of moves of groups and users.

use super::Kind::{Bool, Choice, Time};
use super::Origin::{Hale, Palomar};
use super::Setting;
use super::general::global;

/// All of them.
#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = &[
    global(
        "cluster_user_move_timeout", Time, "31secs", Palomar,
        "How much longer a login may take while its user or group is being moved, because the backend that the user comes from, or Hale \
         (`cluster_group_moves = proxy`), holds it back until the move is over.",
    ),
    global(
        "cluster_group_moves", Choice(&["backend", "proxy"]), "backend", Hale,
        "Who carries out moves of groups and users: the `backend` that they come from, as Palomar's do, by referrals; or, for ordinary \
         backends, the `proxy`: Hale holds their logins, ends their sessions, and lets the destination take over.",
    ),
    global(
        "cluster_backend_kick", Bool, "yes", Hale,
        "Whether backends are asked, by their doveadm, to end sessions that this proxy does not have: of groups and users who leave one \
         by a move (`cluster_group_moves = proxy`), and of a user whom `hale cluster kick` names. Only where `doveadm_port` and \
         `doveadm_password` are set; `no` for backends without doveadm.",
    ),
];
