//! Address prefixes (`192.168.1.0/24`) and sets of them, for trust and allow-lists.
//!
//! IPv4-mapped IPv6 addresses (`::ffff:a.b.c.d`) are turned into IPv4 once, here, so that an allow-list written in
//! IPv4 matches whatever socket family carried the connection (W-PP1-2, PX-20).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// A set of prefixes. Small and read-mostly: searched linearly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Box<[IpNet]>);

impl Networks {
    /// Reads prefixes and plain addresses separated by white space or commas, as Dovecot writes them.
    ///
    /// # Errors
    /// The first word that is neither an address nor a prefix.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        let prefixes: Result<Vec<IpNet>, String> = words.map(parse_prefix).collect();
        Ok(Self(prefixes?.into_boxed_slice()))
    }

    /// Whether `address` lies in one of the prefixes.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|prefix| prefix.contains(&address))
    }

    /// The address, where the set is a single one.
    #[must_use]
    pub fn only(&self) -> Option<IpAddr> {
        let [prefix] = &*self.0 else { return None };
        (prefix.prefix_len() == prefix.max_prefix_len()).then(|| prefix.addr())
    }

    /// Whether the set is empty, so that no address is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, prefix) in self.0.iter().enumerate() {
            let gap = if position == 0 { "" } else { " " };
            if prefix.prefix_len() == prefix.max_prefix_len() {
                write!(f, "{gap}{}", prefix.addr())?;
            } else {
                write!(f, "{gap}{prefix}")?;
            }
        }
        Ok(())
    }
}

/// The same endpoint with an IPv4-mapped address written as IPv4.
#[must_use]
pub fn canonical(endpoint: SocketAddr) -> SocketAddr {
    SocketAddr::new(endpoint.ip().to_canonical(), endpoint.port())
}

fn parse_prefix(word: &str) -> Result<IpNet, String> {
    if let Ok(prefix) = word.parse::<IpNet>() {
        return Ok(prefix.trunc());
    }
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address.to_canonical())),
        Err(_) => Err(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn px_20_mapped_addresses_match_ipv4_prefixes() {
        let trusted = Networks::parse("192.168.1.0/24 ::1, 10.0.0.7").unwrap();
        assert!(trusted.contains("::ffff:192.168.1.9".parse().unwrap()));
        assert!(trusted.contains("::1".parse().unwrap()));
        assert!(trusted.contains("10.0.0.7".parse().unwrap()));
        assert!(!trusted.contains("10.0.0.8".parse().unwrap()));
        assert_eq!(trusted.to_string(), "192.168.1.0/24 ::1 10.0.0.7");
        assert_eq!(trusted.only(), None);
        assert_eq!(Networks::parse("::ffff:10.0.0.7").unwrap().only(), "10.0.0.7".parse().ok());
        assert_eq!(Networks::parse("10.0.0.0/31").unwrap().only(), None);
        assert_eq!(Networks::parse("10.0.0.0/8 nonsense"), Err("nonsense".to_owned()));
    }
}
