//! Metrics over HTTP.

use std::time::Duration;

/// Clients at the same moment: scrapers keep their connection, some operators look. The one that came first goes when another comes.
pub const STATS_CLIENTS_MAX: usize = 32;
/// The head of a request: Prometheus sends a few hundred bytes, a browser more. hyper takes no less than this.
pub const STATS_HEAD_BYTES_MAX: usize = 16_384;
/// Until the head of the next request is there: longer than the usual time between two scrapes.
pub const STATS_IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// A client's TLS handshake.
pub const STATS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Backends of which metrics tell: each has up to forty series, and a scrape of them all stays below ten megabytes.
pub const STATS_BACKENDS_MAX: usize = 2000;
/// An answer of the admin socket's commands by HTTP, which is gathered before it is sent: a list of a hundred thousand sessions.
pub const ADMIN_HTTP_ANSWER_BYTES_MAX: usize = 16 << 20;
/// Until all data cores have opened and closed what a reload or an operator asks of them: a few turns of each.
pub const LISTENERS_PATIENCE: Duration = Duration::from_secs(5);
