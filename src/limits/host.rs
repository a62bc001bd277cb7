//! What a host has to have for the configured number of sessions.

use super::{PIPE_BYTES, PIPES_MAX};

/// Connections of a listener that wait for accept on one data core: a few seconds' worth after an outage. The kernel cuts it to
/// `net.core.somaxconn`.
pub const LISTEN_BACKLOG: i32 = 4096;
/// Descriptors of a data core besides those of connections: pipes, logs, the GeoDB, listeners and whatever the control core opens.
pub const DESCRIPTORS_RESERVE: u64 = 256 + 2 * PIPES_MAX as u64;
/// Descriptors that are left to the other programs of the host.
pub const HOST_DESCRIPTORS_OTHERS: u64 = 65_536;
/// Memory of a session, with TLS and the kernel's part of both sockets: 6 KiB and 9.5 KiB (SPECIFICATION.md), rounded up.
pub const HOST_SESSION_BYTES: u64 = 16_384;
/// Memory of Hale without sessions, of the system and of what else runs on a host that is Hale's.
pub const HOST_BASE_BYTES: u64 = 512 << 20;
/// One of so many sessions fills the buffers of its sockets at the same moment; the others are idle or as fast as their peers.
pub const HOST_BUSY_ONE_OF: u64 = 100;
/// Over so many backends sessions are spread at least, when ports towards one of them are counted.
pub const HOST_BACKENDS_LEAST: u64 = 4;
/// First of the ports for connections to backends where the range is as wide as it may be: below it are those of services.
pub const HOST_PORT_FIRST: u64 = 10_240;
/// Memory that may be locked: rings of 32,768 entries could be made with as much.
pub const HOST_LOCKED_BYTES: u64 = 8 << 20;
/// How long a firewall has to remember a silent connection: keepalive asks after a minute ([`KEEPALIVE_IDLE`](super::KEEPALIVE_IDLE)), and
/// five times that leaves room for probes that are lost.
pub const HOST_SILENT_SECONDS: u64 = 300;
/// Sessions for which the files in `tuning/` are made.
pub const HOST_SESSIONS_REFERENCE: u64 = 128_000;
/// Memory of a page; Hale is built for machines with this size.
pub const PAGE_BYTES: u64 = 4096;

const _: () = assert!((PIPE_BYTES as u64).is_multiple_of(PAGE_BYTES));
