//! Where connects in flight go to, in memory that the kernel reads (K-RING-9).

use std::net::SocketAddr;

/// Addresses of connects in flight, one place for each slot of the worker's table.
///
/// The kernel is given pointers into it, so the table reserves its whole capacity once and never moves. A slot has at
/// most one connect in flight, and its place is overwritten only by the slot's next connect.
pub(super) struct Addresses {
    places: Vec<Storage>,
}

#[derive(Clone, Copy)]
#[repr(C)]
union Storage {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl Addresses {
    pub(super) fn new(slots: u32) -> Self {
        Self { places: Vec::with_capacity(usize::try_from(slots).unwrap_or(0)) }
    }

    pub(super) fn keep(
        &mut self,
        slot: u32,
        to: SocketAddr,
    ) -> (*const libc::sockaddr, libc::socklen_t) {
        let index = usize::try_from(slot).unwrap_or(usize::MAX);
        assert!(index < self.places.capacity(), "a connect from outside the slot table");
        let (storage, length) = match to {
            SocketAddr::V4(v4) => (Storage { v4: sockaddr_v4(v4) }, size_of::<libc::sockaddr_in>()),
            SocketAddr::V6(v6) => {
                (Storage { v6: sockaddr_v6(v6) }, size_of::<libc::sockaddr_in6>())
            }
        };
        if index >= self.places.len() {
            self.places.resize(index + 1, storage);
        }
        let place = &mut self.places[index];
        *place = storage;
        (std::ptr::from_ref(place).cast(), libc::socklen_t::try_from(length).unwrap_or(0))
    }
}

fn sockaddr_v4(v4: std::net::SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap_or(0),
        sin_port: v4.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
        sin_zero: [0; 8],
    }
}

fn sockaddr_v6(v6: std::net::SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::sa_family_t::try_from(libc::AF_INET6).unwrap_or(0),
        sin6_port: v6.port().to_be(),
        sin6_flowinfo: v6.flowinfo(),
        sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
        sin6_scope_id: v6.scope_id(),
    }
}
