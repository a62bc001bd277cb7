//! Every bound, in one place, each with its reason. Relations between them are asserted at compile time below.
//!
//! The rules behind them are in docs/rules. Settings may change some; these are the defaults and the hard walls.

mod host;
mod stats;
mod web;

use std::time::Duration;

pub use host::*;
pub use stats::*;
pub use web::*;

// === Before login ===

/// PROXY header complete, from accept; the specification asks for at least 3 s (W-PP-3).
pub const PROXY_HEADER_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest PROXY v1 line, CRLF included (W-PP1-1).
pub const PROXY_V1_BYTES_MAX: usize = 107;
/// Longest PROXY v2 block behind the 16-byte head: address and TLVs (W-PP2-3).
pub const PROXY_V2_BLOCK_BYTES_MAX: usize = 4096;
/// A host name that a client asked for: what DNS can hold, and HAProxy's value for AUTHORITY (W-TLV-5).
pub const HOST_NAME_BYTES_MAX: usize = 255;
/// UNIQUE_ID of a PROXY header, which is only logged; HAProxy's value (W-TLV-5).
pub const PROXY_UNIQUE_ID_BYTES_MAX: usize = 128;
/// A text inside the SSL part of a PROXY header (version, cipher, common name); longer ones count as absent.
pub const PROXY_TEXT_BYTES_MAX: usize = 255;
/// A PROXY header that we send: what Postfix reads at most (W-PPO-3).
pub const PROXY_SENT_BYTES_MAX: usize = 536;
/// A client that has not logged in is gone after this, however busy it keeps itself (W-LIM-6).
pub const PRE_LOGIN_TIMEOUT: Duration = Duration::from_secs(180);
/// One command, or one SASL response, from its first byte or our invitation to its last (W-LIM-6).
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// One IMAP command without its literals (W-IMAP-1); Dovecot's value.
pub const IMAP_LINE_BYTES_MAX: usize = 8192;
/// All literals of one pre-auth command together: a user name and a password need less (R-INPUT-1).
pub const IMAP_LITERAL_BYTES_MAX: usize = 8192;
/// One ID command with its literals: 30 pairs of 30 and 1,024 bytes in the form that takes most room, which RFC 2971
/// lets a client send in one line. Quotes inside the values have what is left (W-IMAP-4). Nothing is reserved for it:
/// an inbox grows as bytes come, to the same wall as before.
pub const IMAP_ID_BYTES_MAX: usize = PRE_LOGIN_INPUT_BYTES_MAX - "\r\n".len();
/// Bytes of a client's ID kept until the login, for the backend: clients tell a few hundred. With our own facts the
/// line is within the 8 KiB that every backend reads, and no session that waits for its user holds more than before.
pub const IMAP_ID_KEPT_BYTES_MAX: usize = 4096;
/// An over-long non-synchronising literal up to this size is read and thrown away; beyond it the connection ends
/// (W-IMAP-2).
pub const IMAP_LITERAL_DISCARD_BYTES_MAX: usize = 65_536;
/// Longest tag that is echoed; Dovecot's value.
pub const IMAP_TAG_BYTES_MAX: usize = 126;
/// Key/value pairs of ID (RFC 2971 3.3).
pub const IMAP_ID_PAIRS_MAX: usize = 30;
/// Bytes of an ID key (RFC 2971 3.3).
pub const IMAP_ID_KEY_BYTES_MAX: usize = 30;
/// Bytes of an ID value (RFC 2971 3.3).
pub const IMAP_ID_VALUE_BYTES_MAX: usize = 1024;
/// The third bad command ends the connection (W-IMAP-1).
pub const IMAP_BAD_COMMANDS_MAX: u8 = 3;
/// One POP3 line; RFC 2449 4 allows 255 (W-LIM-4).
pub const POP3_LINE_BYTES_MAX: usize = 512;
/// A POP3 line with an initial response or a password in it (W-LIM-4).
pub const POP3_LONG_LINE_BYTES_MAX: usize = 8192;
/// One line of a POP3 reply with its end (RFC 2449 4).
pub const POP3_REPLY_BYTES_MAX: usize = 512;
/// The third bad command ends the connection (W-POP-1).
pub const POP3_BAD_COMMANDS_MAX: u8 = 3;
/// One ManageSieve command without its literals (W-SV-1); Dovecot's value.
pub const SIEVE_LINE_BYTES_MAX: usize = 8192;
/// A literal that comes unasked, up to this size, is read and thrown away; beyond it the connection ends (MS-01).
pub const SIEVE_LITERAL_DISCARD_BYTES_MAX: usize = IMAP_LITERAL_DISCARD_BYTES_MAX;
/// The third bad command ends the connection (W-SV-1).
pub const SIEVE_BAD_COMMANDS_MAX: u8 = 3;
/// One SASL response line, base64 (W-SASL-2).
pub const SASL_LINE_BYTES_MAX: usize = 16_384;
/// The client's message of DIGEST-MD5 (RFC 2831 2.1.2: fewer than 4,096 bytes).
pub const DIGEST_RESPONSE_BYTES_MAX: usize = 4095;
/// Hashes that a SCRAM client makes of a password that is stored as it is: what RFC 7677 4 asks for at least, and what Dovecot
/// stores, so that users with stored keys are not told from others by it.
pub const SCRAM_ITERATIONS: u32 = 4096;
/// The answer to a challenge in the middle of an exchange; programs give it at once. Also to that which tells of a bad token,
/// behind which the refusal follows (RFC 7628 3.2.3).
pub const SASL_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A bearer token: what a line of base64 holds at most.
pub const TOKEN_BYTES_MAX: usize = SASL_LINE_BYTES_MAX / 4 * 3;
/// All SASL responses of one exchange (W-SASL-2).
pub const SASL_EXCHANGE_BYTES_MAX: usize = 32_768;
/// User name after normalisation.
pub const USER_BYTES_MAX: usize = 255;
/// Longer passwords are an ordinary failure with the ordinary delay, so that length is no oracle.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// A TLS handshake, from the first chance to speak to the last message (TL-10).
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Unread bytes kept while a handshake message is incomplete: one record. A post-quantum ClientHello has 1.5 KiB, a
/// chain of certificates seldom more than 6 (K-TLS-7).
pub const TLS_HANDSHAKE_STASH_BYTES_MAX: usize = 16_384 + 5;
/// All bytes a peer may send until its handshake is done, so that no trickle of tiny records buys our time (TL-10).
pub const TLS_HANDSHAKE_BYTES_MAX: usize = 65_536;
/// Unread bytes kept of an established session: the largest record there is (RFC 8446 5.2), its head and its expansion.
pub const TLS_RECORD_BYTES_MAX: usize = 16_384 + 256 + 5;
/// What sealing adds to a record at most: head, explicit nonce of TLS 1.2, tag, inner type.
pub const TLS_RECORD_OVERHEAD: usize = 64;
/// Sealed bytes that may wait for a peer which goes on asking for answers of TLS (KeyUpdate) and takes none: more than
/// anything else leaves there.
pub const TLS_UNSENT_BYTES_MAX: usize = 131_072;
/// What a hot direction with TLS reads at a time: fewer sends count for more than anything else (K-TLS-6).
pub const TLS_HOT_READ_BYTES: usize = 65_536;
/// Reads of handshakes per core and loop turn; each costs up to 0.35 ms, and relays wait behind them (K-TLS-7).
pub const TLS_HANDSHAKE_STEPS_PER_TURN: u32 = 8;
/// A ticket's keys are replaced this often, and the former ones still accepted for as long again.
pub const TLS_TICKET_KEYS_EVERY: Duration = Duration::from_secs(6 * 3600);
/// A certificate that ends soon is in the log once a day, until it is replaced.
pub const TLS_EXPIRY_LOOK_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Backend names whose sessions a core remembers for resumption (W-BTLS-7).
pub const TLS_BACKEND_SESSIONS_MAX: usize = 256;
/// Bytes of a certificate or key file: a thousand authorities are about two megabytes.
pub const TLS_FILE_BYTES_MAX: u64 = 16 << 20;
/// One look at a backend (`check-config --connect`), from connect to the end of the handshake: as long as a login waits
/// for TLS.
pub const INSPECTION_TIMEOUT: Duration = TLS_HANDSHAKE_TIMEOUT;
/// Looks at once: a site of a hundred dead backends and five protocols is told of within a minute and a half, and no
/// backend meets more than its five.
pub const INSPECTIONS_AT_ONCE_MAX: usize = 64;
/// Failed logins on one connection before it is closed.
pub const FAILED_LOGINS_MAX: u8 = 6;
/// One SMTP command line (RFC 5321 4.5.3.1.4 demands 512) without its end.
pub const SMTP_LINE_BYTES_MAX: usize = 1024;
/// The same with parameters, MAIL and RCPT (W-SUB-5).
pub const SMTP_PARAMETERS_LINE_BYTES_MAX: usize = 2048;
/// The tenth bad command ends the connection (W-SUB-6); Dovecot's value.
pub const SMTP_BAD_COMMANDS_MAX: u8 = 10;
/// A chunk of BDAT before login up to this size is read and thrown away; beyond it the connection ends (SU-01).
pub const SMTP_CHUNK_DISCARD_BYTES_MAX: usize = 1_048_576;
/// What a client calls itself in EHLO or LHLO (RFC 5321 4.5.3.1.2).
pub const SMTP_HELO_BYTES_MAX: usize = 255;
/// Bytes a client may have waiting for a reply it does not read, before login (W-LIM-7).
pub const PRE_LOGIN_OUTPUT_BYTES_MAX: usize = 4096;
/// Client bytes kept unread-by-the-parser while a login is under way: one full SASL line and what is pipelined behind
/// it.
pub const PRE_LOGIN_INPUT_BYTES_MAX: usize = 32_768;

// === Logging in ===

/// A failed login is answered this long after it was received (W-FAIL-5), plus up to a quarter of jitter.
pub const FAILURE_DELAY: Duration = Duration::from_secs(2);
/// Failed logins count against an address prefix until none came for this long. Long enough that a patient guesser
/// gains nothing by waiting: four guesses a minute are sixty in that time.
pub const PENALTY_FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// Wrong pairs of name and password remembered for each prefix, so that one sent again is not counted again (SA-13).
pub const WRONG_PAIRS_KEPT: usize = 10;
/// Address prefixes counted at most; an entry takes about 150 bytes.
pub const VISITORS_MAX: usize = 1 << 18;
/// A login waits that long for its turn among those of its address prefix (the throttle), then fails temporarily
/// (SA-14).
pub const THROTTLE_TIMEOUT: Duration = Duration::from_secs(15);
/// How far ahead a password database may hold a login back (`delay_until`); Dovecot's value.
pub const DELAY_UNTIL_MAX: Duration = Duration::from_secs(300);
/// Waiting for a password verdict.
pub const AUTH_TIMEOUT: Duration = Duration::from_secs(30);
/// Waiting for a route that no cache has (C-CACHE-2).
pub const ROUTE_TIMEOUT: Duration = Duration::from_secs(2);
/// Until all processes of this host that share an SQLite GeoDB hold the logins of a group that moves: each looks for changes
/// once a second.
pub const MOVE_NOTICE_ON_SQLITE: Duration = Duration::from_secs(3);
/// The longest that the backend which a group or user leaves is asked about sessions of other hosts: a `who` of ten thousand
/// sessions takes a second, a `kick` a millisecond.
pub const MOVE_KICK_TIMEOUT: Duration = Duration::from_secs(10);
/// Users who move away from one backend by themselves at the same moment: each is a row that all proxies of the site read every
/// ten seconds, and deleted rows of so many names are no burden to Cassandra.
pub const DEPARTURES_MAX: u32 = 1_000;
/// How often sessions are searched for whose users a force-move or an evacuation has taken elsewhere, and no row names them.
pub const LEFT_BEHIND_EVERY: Duration = Duration::from_secs(5);
/// Rows of users read at the same time for that, and the next ones when those have come: 10,000 sessions are no burst at the GeoDB,
/// and take some seconds.
pub const LEFT_BEHIND_READS_AT_ONCE_MAX: usize = 32;
/// A row that says that the user moves is read again at a login after this: the end of the move is not far.
pub const MOVING_ROW_FRESH_FOR: Duration = Duration::from_secs(2);
/// How often a login that is held for a move asks whether it is over: ten thousand of them are two per cent of a core.
pub const HOLD_LOOK_EVERY: Duration = Duration::from_millis(500);
/// Logins of a core that are held for moves at the same time; the others get a temporary failure. As many as idle sessions of
/// a backend that is evacuated come back at once.
pub const LOGINS_HELD_MAX: u32 = 10_000;
/// While a login takes long, a client whose protocol allows it hears so this often (W-PIPE-5).
pub const STILL_WORKING_EVERY: Duration = Duration::from_secs(30);
/// One call to the GeoDB, and all calls of one login's look-up together: the login still hears what went wrong.
pub const GEODB_CALL_TIMEOUT: Duration = Duration::from_millis(1800);
/// Waiting for another process that writes to the embedded GeoDB: its transactions take milliseconds.
pub const GEODB_LOCK_TIMEOUT: Duration = Duration::from_millis(700);
/// A whole table, or a command's call: no login waits behind it.
pub const GEODB_TABLE_TIMEOUT: Duration = Duration::from_secs(30);
/// One table of `hale geodb copy`, which an operator watches.
pub const GEODB_COPY_TIMEOUT: Duration = Duration::from_secs(3600);
/// A GeoDB that is closed when the process ends.
pub const GEODB_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Calls waiting for one of the embedded GeoDB's threads: as many as there can be look-ups.
pub const GEODB_CALLS_WAITING_MAX: usize = LOOK_UPS_AT_ONCE_MAX;
/// Rows whose state changes wait until the GeoDB takes them: each pair of sites and each backend has one.
pub const GEODB_LATE_WRITES_MAX: usize = 4096;
/// Between two attempts to write them, while the GeoDB does not take them.
pub const GEODB_LATE_AGAIN_LAST: Duration = Duration::from_secs(10);
/// The same remark of a GeoDB's nodes is told again after this.
pub const GEODB_REMARK_AGAIN: Duration = Duration::from_secs(3600);
/// A remark carries what a node said.
pub const GEODB_REMARK_BYTES_MAX: usize = 1024;
/// Different remarks told in that time.
pub const GEODB_REMARKS_MAX: usize = 64;
/// One request to Cassandra (`cassandra_request_timeout`); several make a login's look-up, which has [`GEODB_CALL_TIMEOUT`].
pub const CASSANDRA_REQUEST_TIMEOUT: Duration = Duration::from_millis(500);
/// The same of a command that runs by itself: an operator waits longer than a login does for a node that has just begun.
pub const CASSANDRA_COMMAND_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of a whole table: no login waits for it.
pub const CASSANDRA_PAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Rows of a page: some milliseconds of the control core.
pub const CASSANDRA_PAGE_ROWS: i32 = 2000;
/// Rows that are decoded before others have their turn: some hundred microseconds, which no login notices.
pub const CASSANDRA_TURN_ROWS: usize = 128;
/// Between a node's signs of life, and until one is missed: a frozen node is left after both.
pub const CASSANDRA_KEEPALIVE: Duration = Duration::from_secs(2);
/// One page of what the driver reads of the cluster itself.
pub const CASSANDRA_METADATA_TIMEOUT: Duration = Duration::from_secs(5);
/// A request that is not answered after this goes to a second node as well: one frozen node of three loses no request.
pub const CASSANDRA_SPECULATION_AFTER: Duration = Duration::from_millis(50);
/// How many nodes may be asked besides the first.
pub const CASSANDRA_SPECULATIONS_MAX: usize = 2;
/// A consistency that failed is tried again after this, doubling (palomar §1.1) …
pub const CASSANDRA_LEVEL_RETRY_FIRST: Duration = Duration::from_millis(50);
/// … up to this.
pub const CASSANDRA_LEVEL_RETRY_LAST: Duration = Duration::from_secs(60);
/// Calls that fail one after the other before no more are made.
pub const CASSANDRA_FAILURES_MAX: u32 = 5;
/// While no calls are made, whether Cassandra is back is looked for so often at least: recovery takes less than 15 s with
/// the driver's own 10 s until it connects again.
pub const CASSANDRA_PROBE_LAST: Duration = Duration::from_secs(2);
/// Without any answer for so long the session is built anew: names may have other addresses.
pub const CASSANDRA_REBUILD_AFTER: Duration = Duration::from_secs(20);
/// A session is built, checked, or given up.
pub const CASSANDRA_BUILD_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts to begin a session.
pub const CASSANDRA_BUILD_AGAIN_LAST: Duration = Duration::from_secs(5);
/// Until statements that change the schema are known to all nodes.
pub const CASSANDRA_SCHEMA_TIMEOUT: Duration = Duration::from_secs(20);
/// Rows written at the same time when a table is filled.
pub const CASSANDRA_WRITES_AT_ONCE: usize = 64;
/// Token ranges that a large table is read in.
pub const CASSANDRA_TOKEN_RANGES: u8 = 16;
/// Users whose changed rows are told by name, and announcements kept for a reader; beyond it everything counts as
/// changed.
pub const GEODB_NEWS_MAX: usize = 1024;
/// A user's look-up in the GeoDB, all calls together; then it counts as gone, and the login goes on with what is known.
pub const GEODB_LOOK_UP_TIMEOUT: Duration = Duration::from_millis(900);
/// Two proxies that make the same group's row at the same moment do not see each other's, and may have chosen differently: a row
/// that has just changed is read once more when the other's write, begun before ours could be read, must have arrived.
pub const GEODB_WRITES_LATE_BY: Duration = Duration::from_secs(2);
/// A proxy that has read nothing for so long may have missed that users left a backend: departures are kept for longer than this and
/// the time until the next read, and not for ever.
pub const OUT_OF_TOUCH_AFTER: Duration = Duration::from_secs(45);
/// Departures are kept for so long at least.
pub const DEPARTURE_KEPT_MIN: Duration = Duration::from_secs(60);
/// After a look-up that took all its time the next ones do not wait for so long: unknown users are answered at once.
pub const GEODB_SILENT_PAUSE: Duration = Duration::from_secs(1);
/// A GeoDB that does not answer is told once in this time.
pub const GEODB_TOLD_EVERY: Duration = Duration::from_secs(60);
/// The LocalDB's small tables at start: two hundred thousand groups take half a second. Then Hale starts without.
pub const LOCALDB_OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// A GeoDB that does not give its tables in this time at start is gone, if the LocalDB has some.
pub const LOCALDB_GEODB_PATIENCE: Duration = Duration::from_secs(1);
/// One row of the LocalDB for a login: behind a page or a batch it takes milliseconds.
pub const LOCALDB_CALL_TIMEOUT: Duration = Duration::from_millis(50);
/// What changed is gathered for so long before it is written: rows that are lost with the process are read again.
pub const LOCALDB_WRITE_EVERY: Duration = Duration::from_millis(200);
/// Rows of one transaction, and of one page that is read: some milliseconds.
pub const LOCALDB_BATCH_ROWS: u64 = 4096;
/// Users whose rows wait to be written, by name; beyond it everything that memory has is written.
pub const LOCALDB_NAMES_MAX: usize = 1 << 17;
/// Hosts whose last addresses are kept: more than any cluster has, and a megabyte at most.
pub const LOCALDB_HOSTS_MAX: usize = HOSTS_WATCHED_MAX;
/// Addresses kept of a host: a login tries the first ones.
pub const LOCALDB_ADDRESSES_OF_HOST_MAX: usize = 8;
/// Calls waiting for the thread: commands, and logins while the GeoDB is gone.
pub const LOCALDB_JOBS_MAX: usize = 1024;
/// Where no room is left, writing is tried again after this.
pub const LOCALDB_FULL_PAUSE: Duration = Duration::from_secs(10);
/// A file that cannot be used is tried again after this.
pub const LOCALDB_RETRY: Duration = Duration::from_secs(60);
/// Look-ups of users and names under way at the same time; beyond it logins get a temporary failure. Each takes about a
/// kilobyte.
pub const LOOK_UPS_AT_ONCE_MAX: usize = 8192;
/// A site that was away has to be well for so long before groups come home, and a group's row that changed is not changed
/// again automatically for as long: no user is sent to and fro (C-SITE-6, C-SITE-8).
pub const SITE_RECOVERY_AFTER: Duration = Duration::from_secs(300);
/// Attempts at another site have to fail for so long, all of them, before it counts as failing: a load balancer over there
/// that restarts takes less (C-SITE-9).
pub const SITE_FAILING_AFTER: Duration = Duration::from_secs(5);
/// An answer of another site counts for so long; then its row does.
pub const SITE_REACHED_FOR: Duration = Duration::from_secs(60);
/// A site that no login tries is tried by the control core this often: half a minute until one that is gone is known as such.
pub const SITE_TRIAL_EVERY: Duration = Duration::from_secs(10);
/// What such a trial may take: less than the pause between two.
pub const SITE_TRIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// A proxy repeats that it does not reach a site this often at most while another one of its site says otherwise.
pub const SITE_DISPUTE_PAUSE: Duration = Duration::from_secs(60);
/// A backend that logins say nothing of is probed this often: with what follows a failure, less than half a minute until a dead
/// one that no user wants is known (R-PROBE-1).
pub const PROBE_EVERY: Duration = Duration::from_secs(10);
/// What a probe may take, name to login: a backend that needs longer keeps its users waiting, too.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// A backend that is not there is looked at again after this: a service that restarts is back, or is not.
pub const PROBE_AGAIN_GONE: Duration = Duration::from_millis(300);
/// One that speaks and does not work is looked at again after this.
pub const PROBE_AGAIN: Duration = Duration::from_secs(1);
/// One that is down is looked at this often.
pub const PROBE_DOWN_EVERY: Duration = Duration::from_secs(3);
/// Logins that fail while probes succeed make a probe this often at most.
pub const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// The goodbye of a probe may take so long; it is no part of what is found.
pub const PROBE_GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
/// Probes in flight: 10,000 frozen backends are looked at in half a minute, with a descriptor each.
pub const PROBES_AT_ONCE_MAX: usize = 1024;
/// A login says so when its backend has been silent for so long, and asks again as often whether it is still to wait
/// (R-PROBE-3). Healthy backends take a tenth of it.
pub const BACKEND_SILENT_AFTER: Duration = Duration::from_secs(1);
/// A status that a program has set stays for so long (R-PROBE-7).
pub const PROBE_DWELL: Duration = Duration::from_secs(30);
/// However often a backend has fallen, it comes back after this.
pub const PROBE_DWELL_MAX: Duration = Duration::from_secs(300);
/// One fall is forgotten after so long.
pub const PROBE_FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// Proxies tell each other this often what they have seen of backends, and write figures down.
pub const STATS_EVERY: Duration = Duration::from_secs(15);
/// What another proxy has told counts for so long: it may miss two rounds.
pub const STATS_FRESH_FOR: Duration = Duration::from_secs(45);
/// Figures are there so long after they were due.
pub const STATS_LATE_BY: Duration = Duration::from_secs(2);
/// In a site with no more backends the rows of all are read before one is taken out: in a larger one those that other proxies
/// have taken out in the last ten seconds are a few among many, and a hundred rulings would read all rows a hundred times.
pub const PROBE_RECOUNT_MAX: usize = 64;
/// Backends that are probed at once when one fails, so that a failure of ours is seen as such (R-PROBE-5).
pub const PROBE_WITNESSES: usize = 8;
/// The share of a backend that has come back grows for so long (R-PROBE-8).
pub const SLOW_START: Duration = Duration::from_secs(30);
/// Logins that would be refused because their site is away, and have the row of their group read first, in a second
/// (C-SITE-10): clients of a site that is away come in crowds and again and again, and must not be the GeoDB's load.
pub const AWAY_READS_PER_SECOND_MAX: u32 = 100;
/// A source of a move refers its users for an hour (C-CACHE-5).
pub const REFERRAL_KEPT_FOR: Duration = Duration::from_secs(3600);
/// Users whose referrals are remembered: several groups on the move, and less than 16 megabytes.
pub const REFERRALS_KEPT_MAX: usize = 1 << 16;
/// Waiting for a name server; a name that does not answer keeps its last addresses.
pub const NAME_TIMEOUT: Duration = Duration::from_secs(5);
/// Names that the system is asked for at the same time: each takes a thread until the system gives up.
pub const NAMES_AT_ONCE_MAX: usize = 64;
/// Names without an address that a table's publication waits for; later they are published when they come.
pub const NEW_NAME_TIMEOUT: Duration = Duration::from_secs(1);
/// One TCP connect to a backend.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first connect to the backend's login reply, retries included; Dovecot's `login_proxy_timeout`.
pub const LOGIN_PROXY_TIMEOUT: Duration = Duration::from_secs(30);
/// Further attempts after the first (W-FAIL-1); Dovecot's `login_proxy_max_reconnects`.
pub const RECONNECTS_MAX: u8 = 3;
/// Pause between attempts (W-FAIL-1).
pub const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
/// No further attempt when less than this is left of the login deadline (W-FAIL-1).
pub const RECONNECT_TIME_LEFT_MIN: Duration = Duration::from_millis(1100);
/// An address that has been failing for so long gets one connect at a time (W-FAIL-2); Dovecot's
/// `host_immediate_failure_after`.
pub const FAIL_FAST_AFTER: Duration = Duration::from_secs(30);
/// Backend addresses whose failures a core remembers: those of the largest cluster, 10,000, and a megabyte at most.
pub const HOSTS_WATCHED_MAX: usize = 1 << 14;
/// Backends by protocol of which it is kept what logins have seen: 10,000 by each of five.
pub const EVIDENCE_KEPT_MAX: usize = 1 << 16;
/// Backends that logins doubt and probes have not looked at yet; what does not fit is doubted again by the next login.
pub const DOUBTS_MAX: usize = 4096;
/// Hosts whose connections are counted (R-LOAD-1): those of the largest cluster, and as many that passdbs name.
pub const LOADS_KEPT_MAX: usize = 1 << 14;
/// Users of a site that are pinned to backends by name (C-PIN-1): every table has all of them.
pub const PINS_MAX: usize = 10_000;
/// What logins have counted at backends is looked at this often, for the figures of a minute (R-LOAD-3).
pub const LOADS_LOOK_EVERY: Duration = Duration::from_secs(5);
/// Those figures are of so long.
pub const LOADS_WINDOW: Duration = Duration::from_secs(60);
/// A login looks again this often whether a backend that has as many connections as it may have one less (R-LOAD-2).
pub const BACKEND_FULL_PAUSE: Duration = Duration::from_secs(1);
/// So often; then the client is told. Sessions end by the second where so many log in, and clients come again by themselves.
pub const BACKEND_FULL_LOOKS_MAX: u8 = 5;
/// Referral hops of one login (W-REF-1).
pub const REFERRALS_MAX: u8 = 6;
/// A ManageSieve backend says its capabilities again behind TLS, unasked; one that does not is asked after this
/// (W-SV-B2).
pub const SIEVE_UNASKED_TIMEOUT: Duration = Duration::from_secs(5);
/// One line of a backend before login; Dovecot's value.
pub const BACKEND_LINE_BYTES_MAX: usize = 4096;
/// What a client may leave untaken of its login: its replies, the backend's untagged lines and what came behind its OK.
pub const LOGIN_OUTPUT_BYTES_MAX: usize = PRE_LOGIN_OUTPUT_BYTES_MAX
    + BACKEND_UNTAGGED_BYTES_MAX
    + BACKEND_INPUT_BYTES_MAX
    + BACKEND_LINE_BYTES_MAX;
/// Lines of a backend before login; Dovecot's value.
pub const BACKEND_LINES_MAX: u16 = 128;
/// One reply of an SMTP or LMTP backend, all lines together: four of the longest, or 128 of the usual length.
pub const SMTP_REPLY_BYTES_MAX: usize = 16_384;
/// AUTH with its initial response towards a backend, without CRLF: RFC 4954 4 allows 512 octets (W-SUB-B6).
pub const SMTP_INITIAL_RESPONSE_LINE_BYTES_MAX: usize = 510;
/// Untagged backend lines handed to the client before the login reply, lines and bytes (W-IMAP-B4).
pub const BACKEND_UNTAGGED_LINES_MAX: u16 = 64;
/// See [`BACKEND_UNTAGGED_LINES_MAX`].
pub const BACKEND_UNTAGGED_BYTES_MAX: usize = 16_384;
/// One response of an IMAP backend before login, its literals included: an `[ALERT]` of 10 KB reaches the user.
pub const IMAP_RESPONSE_BYTES_MAX: usize = 15_360;
/// An IMAP backend's answer to ID, read past without being kept: 30 pairs of 30 and 1,024 bytes (RFC 2971 3.3) with
/// every byte escaped.
pub const IMAP_ID_ANSWER_BYTES_MAX: usize = 65_536;
/// Bytes taken from a backend before its login reply is understood; what follows waits in the socket.
pub const BACKEND_INPUT_BYTES_MAX: usize = 16_384;
/// Forward variable: key without prefix, value (W-FWD-5).
pub const FORWARD_KEY_BYTES_MAX: usize = 20;
/// See [`FORWARD_KEY_BYTES_MAX`].
pub const FORWARD_VALUE_BYTES_MAX: usize = 1024;
/// An XCLIENT line with its end, in POP3 and ManageSieve; Dovecot's value (W-POP-B1).
pub const XCLIENT_LINE_BYTES_MAX: usize = 1024;
/// The same in Submission and LMTP: the command line of RFC 5321 4.5.3.1.4, which Postfix insists on (W-SUB-B3).
pub const XCLIENT_SMTP_LINE_BYTES_MAX: usize = 512;
/// Forward variables that one connection keeps: as many as IMAP's ID has pairs (W-FWD-5).
pub const FORWARDS_MAX: usize = IMAP_ID_PAIRS_MAX;
/// Hops a fresh login session may take (W-FWD-2); Dovecot's value.
pub const PROXY_TTL: u8 = 7;
/// Bytes of a backend's line shown in a log (W-FAIL-6).
pub const LOGGED_LINE_BYTES_MAX: usize = 160;

// === LMTP ===

/// Local part of an address: RFC 5321 4.5.3.1.1 says 64, but return addresses that carry another address are longer.
pub const SMTP_LOCAL_PART_BYTES_MAX: usize = 255;
/// Domain of an address (RFC 5321 4.5.3.1.2).
pub const SMTP_DOMAIN_BYTES_MAX: usize = 255;
/// ENVID behind MAIL (RFC 3461 4.4).
pub const SMTP_ENVID_BYTES_MAX: usize = 100;
/// The address in ORCPT behind RCPT (RFC 3461 4.2).
pub const SMTP_ORCPT_BYTES_MAX: usize = 500;
/// Parameters behind one address: more than all extensions together have.
pub const SMTP_PARAMETERS_MAX: usize = 16;
/// One LMTP command line: RFC 5321 says 512, the parameters of its extensions add up to this (W-SUB-5).
pub const LMTP_LINE_BYTES_MAX: usize = 2048;
/// Client bytes kept while earlier commands are under way: about a hundred pipelined recipients.
pub const LMTP_INPUT_BYTES_MAX: usize = 16_384;
/// The tenth bad command ends the connection (W-LIM-5).
pub const LMTP_BAD_COMMANDS_MAX: u8 = 10;
/// Recipients of one transaction, refused ones included; RFC 5321 4.5.3.1.8 demands 100. Further ones get 452, which
/// makes the sender begin another transaction for them (LM-09).
pub const LMTP_RECIPIENTS_MAX: usize = 1000;
/// Backends of one transaction: each is a connection. Recipients on further ones get 452.
pub const LMTP_DESTINATIONS_MAX: usize = 64;
/// Bytes of one message, as announced by SIZE: so that a message without end has one.
pub const LMTP_MESSAGE_BYTES_MAX: u64 = 1 << 31;
/// Bytes of a message that wait for the slowest destination; all that a transaction holds of it (LM-06).
pub const LMTP_WINDOW_BYTES: usize = 65_536;
/// A piece of a message this long is sent from where it lies; shorter ones are worth a copy, because each is a system call.
pub const LMTP_STRETCH_BYTES_MIN: usize = 8_192;
/// Bytes of a message that are read at once; a core has one buffer of this size for all its clients, and another to send from.
pub const LMTP_READ_BYTES: usize = LMTP_WINDOW_BYTES;
/// A chunk is sent when it is this large, or the last: each costs a reply.
pub const LMTP_CHUNK_BYTES_MIN: usize = 32_768;
/// One reply kept for a client that has to wait for its turn (RFC 5321 4.5.3.1.5 allows 512 on a line).
pub const LMTP_REPLY_BYTES_MAX: usize = 1024;
/// Hops that a fresh message may take (W-FWD-2); Dovecot's value.
pub const LMTP_PROXY_TTL: u8 = 5;
/// A client that says nothing, between commands or inside a message (RFC 5321 4.5.3.2).
pub const LMTP_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// From a recipient to its backend's reply (W-LMTP-14), and the same again for each hop.
pub const LMTP_RECIPIENT_TIMEOUT: Duration = Duration::from_secs(30);
/// From DATA to the backends' 354 (W-LMTP-16).
pub const LMTP_DATA_TIMEOUT: Duration = Duration::from_secs(10);
/// A backend that takes no byte of a message, or gives no reply at its end; Dovecot's value. Senders wait longer.
pub const LMTP_STALL_TIMEOUT: Duration = Duration::from_secs(125);
/// A backend's connection is kept this long for the client's next message (W-LMTP-10).
pub const LMTP_REUSE_TIMEOUT: Duration = Duration::from_secs(5);

// === doveadm ===

/// A line before the login: a version, a password of any length that an operator types, and room for a status with a referral.
pub const DOVEADM_LOGIN_LINE_BYTES_MAX: usize = 2048;
/// One command: a search for some thousand messages by number.
pub const DOVEADM_LINE_BYTES_MAX: usize = 262_144;
/// The body of an HTTP request, for the same reason.
pub const DOVEADM_HTTP_BYTES_MAX: usize = DOVEADM_LINE_BYTES_MAX;
/// The head of an HTTP request: a key, and what a browser adds.
pub const DOVEADM_HTTP_HEAD_BYTES_MAX: usize = 16_384;
/// A user's rows that are gathered for an answer by HTTP, in which they stand as a whole.
pub const DOVEADM_HTTP_ANSWER_BYTES_MAX: usize = 32 << 20;
/// Behind an answer by HTTP: as long is read what the client has not stopped sending, so that it reads the answer.
pub const DOVEADM_HTTP_LINGER: Duration = Duration::from_secs(2);
/// Proxies that a fresh command may pass (W-FWD-2); Dovecot's value.
pub const DOVEADM_PROXY_TTL: u8 = 5;
/// From accept to the login, TLS included; for HTTP, to the end of the request.
pub const DOVEADM_LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that is logged in and sends no command, or only a part of one.
pub const DOVEADM_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The answer to an operator's order waits so long until logins of this proxy go by it: a table of 400,000 groups takes as long.
pub const ORDER_TAKEN_UP_PATIENCE: Duration = Duration::from_secs(1);
/// A client that takes nothing of its answer.
pub const DOVEADM_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Clients before login, and HTTP requests, at the same moment; the one that came first goes when another one comes.
pub const DOVEADM_GUESTS_MAX: usize = 64;
/// Clients that are logged in, at the same moment: operators, scripts, proxies of other sites.
pub const DOVEADM_CLIENTS_MAX: usize = 128;
/// From connect to the login at another host's doveadm, TLS included.
pub const DOVEADM_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Another host that says nothing about a command: a mailbox that is rebuilt takes minutes.
pub const DOVEADM_REPLY_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of rows that wait for a client that reads slowly; nothing more is read from the other host meanwhile.
pub const DOVEADM_ANSWER_BYTES: usize = 16_384;

// === Passwords at rest (R-HASH-1); above: internal failure, because one login must not stop the others ===

/// Memory of one Argon2 verification, in KiB: 1 GiB, libsodium's "sensitive".
pub const ARGON2_MEMORY_KIB_MAX: u32 = 1 << 20;
/// Memory of all hashes that run at the same time, unless `auth_hash_memory` says otherwise: the largest that is
/// verified at all, or sixteen of the 64 MiB that are common.
pub const HASH_MEMORY_BYTES: u64 = 1 << 30;
/// Memory in KiB times passes of one Argon2 verification: a gigabyte passed over sixteen times takes about ten seconds.
pub const ARGON2_WORK_KIB_MAX: u64 = 16 << 20;
/// Logarithmic cost of bcrypt: 16 takes about four seconds.
pub const BCRYPT_COST_MAX: u32 = 16;
/// Rounds of SHA-256-crypt and SHA-512-crypt.
pub const SHA_CRYPT_ROUNDS_MAX: u32 = 5_000_000;
/// Rounds of PBKDF2.
pub const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;
/// Bytes of a passwd-file: its rows are found by 32-bit offsets, so that a million users cost eight megabytes.
pub const PASSWD_FILE_BYTES_MAX: usize = 0xFFFF_FFFF;
/// Bytes of one line of a passwd-file: a name, a hash and a page of extra fields.
pub const PASSWD_FILE_LINE_BYTES_MAX: usize = 16_384;
/// Complaints about a passwd-file that are told one by one; beyond it they are only counted.
pub const PASSWD_FILE_COMPLAINTS_MAX: usize = 20;
/// Memory for remembered verifications, unless `auth_cache_size` says otherwise: each of two data cores remembers a hundred thousand right
/// passwords or more, each of sixteen fourteen thousand.
pub const AUTH_CACHE_BYTES: u64 = 32 << 20;
/// The least of it that is worth the name: with less, a host of a hundred data cores would remember nothing.
pub const AUTH_CACHE_BYTES_MIN: u64 = 64 << 10;
/// How long a verification is remembered; Dovecot's `auth_cache_ttl` and `auth_cache_negative_ttl`.
pub const VERIFICATION_TTL: Duration = Duration::from_secs(3600);

// === Relay ===

/// The shared scratch of a core. A read that fills it makes its direction hot (W-REL-4).
pub const SCRATCH_BYTES: usize = 16_384;
/// Bytes that a core has read from sockets and not yet sent to others: eight scratches, or a thousand short messages.
pub const FORWARDED_BYTES_MAX: usize = 8 * SCRATCH_BYTES;
/// Capacity asked for a pooled pipe: 64 slots, the measured optimum; more overruns the L2 (K-RELAY-1).
pub const PIPE_BYTES: usize = 262_144;
/// Pipes of one core; beyond it hot directions stay on copying (BE-17).
pub const PIPES_MAX: usize = 256;
/// At most this much is asked of one splice.
pub const SPLICE_BYTES_MAX: usize = 1_048_576;
/// Unsent bytes in the kernel on a socket we write to (`TCP_NOTSENT_LOWAT`; R-STALL-1).
pub const RELAY_UNSENT_BYTES: u32 = 131_072;
/// Receive buffer of a socket we read from (R-STALL-1). A quarter of a megabyte of window: 4 Gbit/s
/// to a backend 0.5 ms away. Twice as much costs 5 % less CPU per byte here and twice the memory of a stalled session.
pub const RELAY_RECEIVE_BYTES: u32 = 524_288;
/// What a backend's socket gets of it until its reader has shown that it reads: a stalled session then holds a quarter,
/// and the backend's send buffer, which grows with the window it sees, does not grow.
pub const RELAY_FIRST_RECEIVE_BYTES: u32 = 131_072;
/// Bytes delivered in a direction after which what its backend's socket may hold is bounded: a session that only logs in and
/// leaves never gets there, and what a kernel gives a socket to begin with is more.
pub const RELAY_BOUNDED_BYTES: u64 = SCRATCH_BYTES as u64;
/// Bytes delivered to a client after which its backend's socket gets the whole receive buffer: more than a client that
/// does not read can have taken (its receive buffer and our unsent bytes).
pub const RELAY_PROVEN_BYTES: u64 = 1_048_576;
/// `TCP_MAXSEG` towards backends: that of Ethernet's jumbo frames (9,000 bytes), so no network notices. A backend on
/// this host would count in loopback's segments of 64 KiB, and its kernel lets every send buffer begin at 20 of them.
pub const BACKEND_SEGMENT_BYTES: u32 = 8_960;
/// IMAP relay without a byte either way: RFC 9051 5.4 demands at least 30 min; IDLE clients renew at 29.
pub const IMAP_IDLE_TIMEOUT: Duration = Duration::from_secs(31 * 60);
/// POP3 and Submission relay without a byte either way: RFC 1939 3 and RFC 5321 4.5.3.2 let ten minutes pass (W-REL-6).
pub const SHORT_IDLE_TIMEOUT: Duration = Duration::from_secs(11 * 60);
/// A half-closed session without progress (W-REL-5).
pub const HALF_CLOSE_LINGER: Duration = Duration::from_secs(10);
/// No progress with data queued for the client (BE-14).
pub const STALL_TIMEOUT: Duration = Duration::from_secs(300);
/// Sessions of one backend that end at once are no crowd up to this, on one core: their clients may all come back at
/// once.
pub const SPREAD_CROWD_MIN: u32 = 50;
/// A client that sent something in this time before its backend went has said goodbye or waits for an answer.
pub const SPREAD_SILENCE: Duration = Duration::from_secs(2);
/// Keep-alive: idle before the first probe, between probes, probes (W-LIM-9).
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// See [`KEEPALIVE_IDLE`].
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// See [`KEEPALIVE_IDLE`].
pub const KEEPALIVE_PROBES: u32 = 6;
/// A session's backend is probed from this age on: clients that log in, look and leave are spared four calls, and no probe
/// is due before (W-LIM-9).
pub const PROBED_FROM: Duration = Duration::from_secs(10);

// === Cores ===

/// Connections of one data core; each needs two descriptors and one record of 112 bytes.
pub const CONNECTIONS_PER_CORE_MAX: u32 = 1 << 17;
/// The oldest connections without a login go when fewer places than that are left in a core's table, or than an eighth
/// of a small one (W-PIPE-7): a place is free only when the kernel has returned its operations, one loop turn later.
pub const CONNECTIONS_SPARE: u32 = 64;
/// Outstanding questions to the control core or the hashing pool, per data core.
pub const MAILBOX_MESSAGES_MAX: usize = 4096;
/// How long a reply of a password database elsewhere is good beyond `auth_cache_ttl` while the database gives no answer: a day, in
/// which an operator notices.
pub const REPLY_STALE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Logins that wait for one password database elsewhere; beyond it they get a temporary failure at once (DB-07).
pub const USERDB_WAITING_MAX: usize = 1024;
/// Connections that fail one after the other before a password database elsewhere counts as failing; one that cannot be
/// connected at all counts at once.
pub const USERDB_FAILURES_MAX: u32 = 3;
/// Between two trials of a password database that is failing: short enough for a recovery within five seconds, with the trial's
/// own time.
pub const USERDB_TRIAL_EVERY: Duration = Duration::from_millis(1000);
/// A trial that takes longer has failed.
pub const USERDB_TRIAL_TIMEOUT: Duration = Duration::from_millis(2000);
/// Bytes of one row of a password database elsewhere: a name, a hash and some fields take less than one of them (DB-06).
pub const USERDB_ROW_BYTES_MAX: usize = 1 << 16;
/// One operation at an LDAP server, whatever `answer_timeout` allows: the library has no limit of its own.
pub const LDAP_OPERATION_TIMEOUT: Duration = Duration::from_secs(60);
/// What one of several LDAP servers has to be connected, to begin TLS and to take Hale's name in; then the next is tried.
pub const LDAP_SERVER_TIMEOUT: Duration = Duration::from_secs(1);
/// The same line about a password database is not said again within this.
pub const USERDB_LINE_AGAIN: Duration = Duration::from_secs(60);
/// Password verifications waiting for a hashing thread; beyond it logins get a temporary failure (SA-18).
pub const HASHING_QUEUE_MAX: usize = 1024;
/// Connections that a core looks at for one enquiry in one turn: a few hundred microseconds' worth.
pub const ENQUIRY_SLOTS_PER_TURN: u32 = 1024;
/// Sessions that it tells of: each is a few names to copy.
pub const ENQUIRY_ROWS_PER_TURN: usize = 256;
/// Sessions that it ends: each is two sockets, several system calls and a log line.
pub const ENQUIRY_KICKS_PER_TURN: usize = 16;
/// A data core answers a piece of an enquiry within this, or counts as overloaded.
pub const ENQUIRY_TIMEOUT: Duration = Duration::from_secs(10);
/// Clients of the admin socket at the same moment: some operators, some scripts.
pub const ADMIN_CLIENTS_MAX: usize = 16;
/// One request: as many users as fit into a command line or a file that one types for it.
pub const ADMIN_LINE_BYTES_MAX: usize = 262_144;
/// What is gathered of an answer before it is sent.
pub const ADMIN_ANSWER_BYTES: usize = 16_384;
/// A client that sends no request, or only a part of one.
pub const ADMIN_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// A client that takes nothing of its answer.
pub const ADMIN_WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The command line waits so long for the next line of an answer: longer than a command on the whole GeoDB may take.
pub const ADMIN_ANSWER_TIMEOUT: Duration = Duration::from_secs(300);
/// A refused client may go on sending for so long, into nothing.
pub const ADMIN_LINGER: Duration = Duration::from_secs(1);
/// Pause before accepting again when descriptors were missing.
pub const ADMIN_STARVED_PAUSE: Duration = Duration::from_millis(100);
/// Log lines waiting for the control core; beyond it lines are lost and counted, and no data core waits (RS-08). Room for
/// those of 5,000 logins a second, two lines each, while the control core is held up for a second and a half.
pub const LOG_LINES_MAX: usize = 16_384;
/// So much of the log is written at once, and then the control core looks at what else there is to do: about eighty lines. More
/// in one call saves no time worth measuring, and stays in memory behind the first burst.
pub const LOG_WRITE_BYTES: usize = 16 * 1024;
/// Live sessions get this long to finish after SIGTERM before they are closed.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(60);
/// A session whose token has expired is told goodbye when no byte has moved for this long: a command that is under way comes to
/// its end first.
pub const TOKEN_EXPIRED_QUIET: Duration = Duration::from_secs(1);
/// A session that never is quiet ends this long after its token: a client that keeps talking must not outlive it for good.
pub const TOKEN_EXPIRED_GRACE: Duration = Duration::from_secs(60);
/// A relay without bytes for this long counts as idle and is closed first when draining (W-REL-7).
pub const DRAIN_IDLE: Duration = Duration::from_secs(2);

const _: () = assert!(IMAP_LINE_BYTES_MAX + IMAP_LITERAL_BYTES_MAX <= PRE_LOGIN_INPUT_BYTES_MAX);
const _: () = assert!(IMAP_LINE_BYTES_MAX <= IMAP_ID_BYTES_MAX);
const _: () = assert!(
    IMAP_TAG_BYTES_MAX
        + " ID ()".len()
        + IMAP_ID_PAIRS_MAX
            * (" {30+}\r\n".len()
                + IMAP_ID_KEY_BYTES_MAX
                + " {1024+}\r\n".len()
                + IMAP_ID_VALUE_BYTES_MAX)
        <= IMAP_ID_BYTES_MAX
);
const _: () = assert!(SIEVE_LINE_BYTES_MAX + SASL_LINE_BYTES_MAX <= PRE_LOGIN_INPUT_BYTES_MAX);
const _: () = assert!(SASL_LINE_BYTES_MAX < PRE_LOGIN_INPUT_BYTES_MAX);
const _: () = assert!(SASL_LINE_BYTES_MAX <= SASL_EXCHANGE_BYTES_MAX);
const _: () = assert!(BACKEND_LINE_BYTES_MAX <= BACKEND_INPUT_BYTES_MAX);
const _: () = assert!(GEODB_WRITES_LATE_BY.as_millis() > 2 * GEODB_LOOK_UP_TIMEOUT.as_millis());
// The end of its last line still has to fit.
const _: () = assert!(IMAP_RESPONSE_BYTES_MAX + 2 < BACKEND_INPUT_BYTES_MAX);
const _: () = assert!(IMAP_RESPONSE_BYTES_MAX <= BACKEND_UNTAGGED_BYTES_MAX);
const _: () = assert!(GEODB_LOCK_TIMEOUT.as_millis() < GEODB_LOOK_UP_TIMEOUT.as_millis());
const _: () = assert!(GEODB_LOOK_UP_TIMEOUT.as_millis() < GEODB_CALL_TIMEOUT.as_millis());
const _: () = assert!(GEODB_CALL_TIMEOUT.as_millis() < ROUTE_TIMEOUT.as_millis());
const _: () = assert!(
    GEODB_LOOK_UP_TIMEOUT.as_millis() + LOCALDB_CALL_TIMEOUT.as_millis()
        < ROUTE_TIMEOUT.as_millis()
);
const _: () = assert!(RECONNECT_PAUSE.as_millis() < RECONNECT_TIME_LEFT_MIN.as_millis());
const _: () = assert!(CONNECT_TIMEOUT.as_millis() < LOGIN_PROXY_TIMEOUT.as_millis());
const _: () = assert!(ARGON2_MEMORY_KIB_MAX as u64 * 1024 <= HASH_MEMORY_BYTES);
const _: () = assert!(SCRATCH_BYTES >= BACKEND_INPUT_BYTES_MAX);
const _: () = assert!(LMTP_LINE_BYTES_MAX + 2 <= LMTP_INPUT_BYTES_MAX);
const _: () = assert!(2 * LMTP_CHUNK_BYTES_MIN <= LMTP_WINDOW_BYTES);
const _: () = assert!(LMTP_RECIPIENT_TIMEOUT.as_millis() < LMTP_STALL_TIMEOUT.as_millis());
const _: () = assert!(PROBE_TIMEOUT.as_millis() < PROBE_EVERY.as_millis());
const _: () = assert!(2 * STATS_EVERY.as_millis() < STATS_FRESH_FOR.as_millis());
