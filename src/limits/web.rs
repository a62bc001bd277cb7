//! Tokens, and services on the web that are asked about users.

use std::time::Duration;

/// Tokens that wait for a thread to verify them; each takes 20 to 200 µs.
pub const TOKENS_WAITING_MAX: usize = 1024;
/// A file of keys is looked at this often, at most, while tokens come.
pub const KEY_FILE_LOOK_EVERY: Duration = Duration::from_secs(5);
/// Keys and addresses of a provider are looked at again: those who change keys publish the next one a day before.
pub const PROVIDER_LOOK_EVERY: Duration = Duration::from_secs(600);
/// A provider is fetched from no more often, however many tokens have unknown keys (DB-09).
pub const PROVIDER_TRIES_EVERY: Duration = Duration::from_secs(30);
/// One fetch of keys and addresses: as long as a login waits for a database.
pub const PROVIDER_FETCH_TIMEOUT: Duration = Duration::from_secs(4);
/// An address of a service; the longest in use have some hundred.
pub const URL_BYTES_MAX: usize = 2048;
/// A service's answer with its head: a thousand keys are half of it (SA-08, DB-09).
pub const WEB_ANSWER_BYTES_MAX: usize = 1 << 20;
/// Head of an answer; what nginx and Dovecot read at most is a quarter of it.
pub const WEB_HEAD_BYTES_MAX: usize = 32_768;
/// Fields in the head of an answer.
pub const WEB_HEAD_FIELDS_MAX: usize = 100;
/// Connections to one service that are kept for the next question.
pub const WEB_IDLE_CONNECTIONS_MAX: usize = 16;
/// How long they are kept: less than servers usually do, so that few questions meet a connection that is being closed.
pub const WEB_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// A policy server may hold a login back for no longer (SA-15).
pub const POLICY_DELAY_MAX: Duration = Duration::from_secs(300);
/// Questions to the policy server at once; more wait within their time.
pub const POLICY_QUESTIONS_MAX: usize = 256;
/// Address prefixes, and users, whose failed logins are counted for the operator: 2 MB together.
pub const GUESSES_KEPT_MAX: usize = 8192;
/// A guesser who has stopped for so long is no news any more.
pub const GUESSES_FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// Text of a policy server that a client is shown.
pub const POLICY_MESSAGE_BYTES_MAX: usize = 200;
/// Keys of one provider; the largest publish some dozens (DB-09).
pub const TOKEN_KEYS_MAX: usize = 256;
/// Keys tried for one token: providers change keys one by one, and each try costs up to 200 µs.
pub const TOKEN_KEYS_TRIED_MAX: usize = 16;
