//! Ports that are free when the test runs. Nothing here is hard-coded, and no port is handed out twice by one process.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where Hale and HAProxy listen, and where clients come from by default.
pub(crate) const FRONT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// The two backends. They share one port, because a proxy knows one port per protocol.
pub(crate) const BACKENDS: [Ipv4Addr; 2] =
    [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];
/// A third one, where two are not enough; the front of another proxy has the address between.
pub(crate) const THIRD_BACKEND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);

/// A port on which nothing listens, on any of the addresses of the tests.
///
/// The range lies below the kernel's ephemeral ports, so that no outgoing connection can take the port between this
/// check and the start of the program that wants it.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = HANDED_OUT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + start.wrapping_add(step) % COUNT).unwrap();
        if is_free(port) {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// Nothing listens on this port.
pub(crate) fn is_free(port: u16) -> bool {
    let [first, second] = BACKENDS;
    [FRONT, first, second, THIRD_BACKEND]
        .iter()
        .all(|address| TcpListener::bind((*address, port)).is_ok())
}
