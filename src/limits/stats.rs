//! What operators see: metrics and the status page over HTTP, bytes of sessions that they trace.

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
/// A turn of a data core that takes longer keeps every client of the core waiting: a thousand times what one usually takes.
pub const SLOW_TURN: Duration = Duration::from_millis(10);
/// How often figures are taken for the pictures on the status page: as often as other proxies are told of them.
pub const HISTORY_EVERY: Duration = Duration::from_secs(15);
/// So many are kept: half an hour. A backend's take 1.5 KiB, those of two thousand three megabytes.
pub const HISTORY_LOOKS: usize = 120;
/// How often a status page is shown anew by its script: an operator who watches sees what happens, and a page costs a millisecond.
pub const PAGE_REFRESH: Duration = Duration::from_secs(5);
/// The same in browsers without scripts, where the whole page is drawn again.
pub const PAGE_REFRESH_WITHOUT_SCRIPT: Duration = Duration::from_secs(15);
/// Pages that are made in one second, for all operators together; beyond that they are told to come again. So many take the
/// control core a few hundredths of its time.
pub const PAGES_PER_SECOND_MAX: u32 = 40;
/// Rows of one table on a page; the others are on the pages behind it, or counted below.
pub const PAGE_ROWS_MAX: usize = 200;
/// Events that the status page shows.
pub const PAGE_EVENTS_MAX: usize = 200;
/// How long the list of users with the most sessions is good for: to make it, every session is looked at.
pub const PAGE_USERS_FRESH_FOR: Duration = Duration::from_secs(10);
/// Users on that list.
pub const PAGE_USERS_MAX: usize = 100;
/// The body of an order: a host or user, a reason, a token.
pub const PAGE_ORDER_BYTES_MAX: usize = 8192;
/// Until it is there.
pub const PAGE_ORDER_TIMEOUT: Duration = Duration::from_secs(10);
/// A reason that an operator types on a page.
pub const PAGE_REASON_BYTES_MAX: usize = 200;

/// How long a trace may take: it ends by itself while its operator sleeps, and before the command line gives up waiting for a line.
pub const TRACE_TIME_MAX: Duration = Duration::from_secs(240);
/// What a trace shows at most.
pub const TRACE_BYTES_MAX: u64 = 64 << 20;
/// Traces at the same moment.
pub const TRACES_MAX: usize = 4;
/// Sessions of the user that one core tells of.
pub const TRACE_SESSIONS_MAX: usize = 64;
/// Pieces of all cores that wait to be shown, each as large as one read: eight megabytes at most. Beyond that bytes are left out, and that is said.
pub const TRACE_PIECES_MAX: usize = 256;
