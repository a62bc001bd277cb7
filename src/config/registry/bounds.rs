//! The settings that bound what backends are given.

use super::Kind::Number;
use super::Origin::Hale;
use super::Setting;
use super::general::global;

/// All of them.
#[rustfmt::skip]
pub(super) static SETTINGS: &[Setting] = &[
    global(
        "backend_connections_max", Number { min: 0, max: 1 << 20 }, "0", Hale,
        "Connections that one backend may have: logins under way and sessions of all protocols, and LMTP's. 0: any number. The data \
         cores count together; what the other proxies of the site have is added as their rows in `proxy_dest_stats` say, which \
         are up to 15 s old, so that all of them together may come to somewhat more. A login beyond it looks again each second for 5 s \
         and is then refused for now; mail is put off at once. The passdb field of the same name counts for its user's logins \
         instead, and else the backend's own bound (`hale cluster backend update --connections-max`). Probes and connections to other sites are not counted.",
    ),
];
