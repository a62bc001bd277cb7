//! The settings of what the process gives up before it serves.

use super::Kind::{Choice, Text};
use super::Origin::Hale;
use super::Setting;
use super::general::global;

/// All of them.
#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = &[
    global(
        "drop_privileges_to", Text, "", Hale,
        "User of this host that Hale becomes when root starts it, before it opens anything; the right to ports below 1024 stays, all others go. Keys and password files have to be readable for that user. Empty: Hale stays who starts it, as it should under systemd, where the unit names the user.",
    ),
    global(
        "sandbox", Choice(&["no", "try", "yes"]), "no", Hale,
        "Whether Hale gives up, before it serves, what it never needs: files that no setting names (Landlock), system calls such as those that start programs (seccomp), and new privileges. `hale check-sandbox` tries what has to be refused. `try`: as far as the kernel knows how, and a line in the log says what it does not; `yes`: without all of it Hale does not start. A file in a folder that was not named at the start is within reach after a restart.",
    ),
];
