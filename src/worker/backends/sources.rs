//! Which address a connection to a backend comes from (`login_source_ips`).
//!
//! One address has about 28,000 ports towards each backend port; a site with more sessions than that needs several.
//! Decides: the next one, in turn, of the backend's family. Does not: bind; `ring` does.

use std::net::{IpAddr, SocketAddr};

/// A core's turn through the pool.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pool: Box<[IpAddr]>,
    next: usize,
}

impl Sources {
    /// `first`: any number, so that cores do not go round in step.
    pub(super) fn new(pool: &[IpAddr], first: u64) -> Self {
        let next = usize::try_from(first % u64::try_from(pool.len().max(1)).unwrap_or(1));
        Self { pool: pool.into(), next: next.unwrap_or(0) }
    }

    /// Another pool; the turn goes on where it was.
    pub(super) fn replace(&mut self, pool: &[IpAddr]) {
        self.pool = pool.into();
        self.next %= pool.len().max(1);
    }

    /// The address for a connection to `to`. None: the kernel chooses, because the pool has none of its family.
    pub(super) fn next(&mut self, to: SocketAddr) -> Option<IpAddr> {
        for _ in 0..self.pool.len() {
            let candidate = self.pool.get(self.next).copied();
            self.next = (self.next + 1) % self.pool.len();
            let fits = candidate.filter(|address| address.is_ipv4() == to.is_ipv4());
            if fits.is_some() {
                return fits;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_the_family_has_its_turn() {
        let pool = ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut sources = Sources::new(&pool, 7);
        let backend: SocketAddr = "198.51.100.1:143".parse().unwrap();
        let four: Vec<String> =
            (0..4).map(|_| sources.next(backend).unwrap().to_string()).collect();
        assert_eq!(four, ["192.0.2.2", "192.0.2.1", "192.0.2.2", "192.0.2.1"]);
        let six: SocketAddr = "[2001:db8::9]:143".parse().unwrap();
        assert_eq!(sources.next(six), Some(pool[1]));
        assert_eq!(sources.next(six), Some(pool[1]));
    }

    #[test]
    fn without_a_pool_the_kernel_chooses() {
        assert_eq!(Sources::default().next("192.0.2.1:143".parse().unwrap()), None);
        let other = Sources::new(&["2001:db8::1".parse().unwrap()], 0);
        let mut other = other;
        assert_eq!(other.next("192.0.2.1:143".parse().unwrap()), None);
    }
}
