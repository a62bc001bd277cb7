//! Version 2: signature, command, family, length, addresses, TLVs (doc/proxy-protocol.txt 2.2; W-PP2-5).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Command, Family, Header, Progress, Refusal, Tlvs, agrees_so_far, tlv};
use crate::limits::PROXY_V2_BLOCK_BYTES_MAX;
use crate::network;

/// How every version 2 header begins.
pub(super) const SIGNATURE: [u8; 12] =
    [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

/// Everything in front of the block: signature, command, family, length.
pub(super) const HEAD_BYTES: usize = 16;

/// Bytes of the address block per family.
pub(super) const INET_BYTES: usize = 12;
/// See [`INET_BYTES`].
pub(super) const INET6_BYTES: usize = 36;
/// See [`INET_BYTES`].
pub(super) const UNIX_BYTES: usize = 216;

/// Each byte of the head is judged as soon as it is there, in order, so that a header is refused for the same reason
/// however it is cut.
pub(super) fn decode(bytes: &[u8]) -> Result<Progress, Refusal> {
    if !agrees_so_far(bytes, &SIGNATURE) {
        return Err(Refusal::NotAHeader);
    }
    let Some(head) = Head::read(bytes)? else {
        return Ok(Progress::Wants(HEAD_BYTES));
    };
    let total = HEAD_BYTES.saturating_add(head.block_bytes);
    let Some(header) = bytes.get(..total) else {
        return Ok(Progress::Wants(total));
    };
    match (head.command, head.family) {
        (Command::Proxy, Some(family @ (Family::Inet | Family::Inet6 | Family::Unix))) => {
            let decoded = decode_proxied(header, family, head.address_bytes)?;
            Ok(Progress::Complete(decoded, total))
        }
        (command, family) => {
            verify_skipped(header, head.address_bytes, family.is_some())?;
            let decoded = Header::without_addresses(command, Family::Unspecified);
            Ok(Progress::Complete(decoded, total))
        }
    }
}

/// A header that speaks for a client at these endpoints. IPv4-mapped addresses become IPv4 here, once (PX-20).
pub(super) fn for_client(source: SocketAddr, destination: SocketAddr) -> Header {
    let source = network::canonical(source);
    let family = if source.is_ipv4() { Family::Inet } else { Family::Inet6 };
    Header {
        command: Command::Proxy,
        family,
        source: Some(source),
        destination: Some(network::canonical(destination)),
        tlvs: Tlvs::default(),
    }
}

/// Bytes 12 to 15.
struct Head {
    command: Command,
    /// None: LOCAL with a family that does not exist, which is ignored like every other (W-PP2-1).
    family: Option<Family>,
    /// How many of the block's bytes are addresses, ours to use or not.
    address_bytes: usize,
    block_bytes: usize,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Option<Self>, Refusal> {
        let mut fields = bytes.get(SIGNATURE.len()..).unwrap_or(&[]).iter().copied();
        let Some(version_command) = fields.next() else {
            return Ok(None);
        };
        let command = command(version_command)?;
        let Some(family_transport) = fields.next() else {
            return Ok(None);
        };
        let (family, address_bytes) = family(command, family_transport)?;
        let (Some(high), Some(low)) = (fields.next(), fields.next()) else {
            return Ok(None);
        };
        let block_bytes = usize::from(u16::from_be_bytes([high, low]));
        if block_bytes > PROXY_V2_BLOCK_BYTES_MAX {
            return Err(Refusal::BlockTooLong);
        }
        // W-PP2-3. A LOCAL block is skipped whatever is in it.
        if command == Command::Proxy && block_bytes < address_bytes {
            return Err(Refusal::BlockTooShort);
        }
        Ok(Some(Self { command, family, address_bytes, block_bytes }))
    }
}

/// High nibble version, low nibble command.
fn command(byte: u8) -> Result<Command, Refusal> {
    match byte {
        0x20 => Ok(Command::Local),
        0x21 => Ok(Command::Proxy),
        0x22..=0x2F => Err(Refusal::Command),
        _ => Err(Refusal::Version),
    }
}

/// High nibble family, low nibble transport; and how many bytes its addresses have. Of the combinations that the specification
/// lists we proxy the streams, and treat datagrams as the unspecified family, as it wants; what it does not list is refused
/// (W-PP2-2). LOCAL has none that matters.
fn family(command: Command, byte: u8) -> Result<(Option<Family>, usize), Refusal> {
    match byte {
        0x00 => Ok((Some(Family::Unspecified), 0)),
        0x11 => Ok((Some(Family::Inet), INET_BYTES)),
        0x12 => Ok((Some(Family::Unspecified), INET_BYTES)),
        0x21 => Ok((Some(Family::Inet6), INET6_BYTES)),
        0x22 => Ok((Some(Family::Unspecified), INET6_BYTES)),
        0x31 => Ok((Some(Family::Unix), UNIX_BYTES)),
        0x32 => Ok((Some(Family::Unspecified), UNIX_BYTES)),
        _ if command == Command::Local => Ok((None, 0)),
        _ => Err(Refusal::Family),
    }
}

/// A complete header that speaks for a client. Its TLVs count, so all of them must be sound.
fn decode_proxied(header: &[u8], family: Family, address_bytes: usize) -> Result<Header, Refusal> {
    let tlvs_at = HEAD_BYTES.saturating_add(address_bytes);
    let (addresses, _) = header.split_at_checked(tlvs_at).ok_or(Refusal::BlockTooShort)?;
    let block = addresses.get(HEAD_BYTES..).ok_or(Refusal::BlockTooShort)?;
    tlv::verify(header, tlvs_at)?;
    let tlvs = Tlvs::read(header, tlvs_at)?;
    let decoded = match family {
        Family::Inet => inet(block).ok_or(Refusal::BlockTooShort)?,
        Family::Inet6 => inet6(block).ok_or(Refusal::BlockTooShort)?,
        Family::Unix | Family::Unspecified => Header::without_addresses(Command::Proxy, family),
    };
    Ok(Header { tlvs, ..decoded })
}

/// A block that says nothing to us (LOCAL, datagrams, or an unspecified family). Its length was honoured; its content is not
/// an error, except a checksum that can be found and is wrong (W-TLV-4). `is_known`: so is the place where TLVs begin.
fn verify_skipped(header: &[u8], address_bytes: usize, is_known: bool) -> Result<(), Refusal> {
    match tlv::verify(header, HEAD_BYTES.saturating_add(address_bytes)) {
        Err(refusal) if is_known && refusal != Refusal::TlvTruncated => Err(refusal),
        Err(_) | Ok(()) => Ok(()),
    }
}

fn inet(mut block: &[u8]) -> Option<Header> {
    let source = Ipv4Addr::from(take::<4>(&mut block)?);
    let destination = Ipv4Addr::from(take::<4>(&mut block)?);
    with_ports(source.into(), destination.into(), block)
}

fn inet6(mut block: &[u8]) -> Option<Header> {
    let source = Ipv6Addr::from(take::<16>(&mut block)?);
    let destination = Ipv6Addr::from(take::<16>(&mut block)?);
    with_ports(source.into(), destination.into(), block)
}

fn with_ports(
    source: std::net::IpAddr,
    destination: std::net::IpAddr,
    mut ports: &[u8],
) -> Option<Header> {
    let source_port = u16::from_be_bytes(take(&mut ports)?);
    let destination_port = u16::from_be_bytes(take(&mut ports)?);
    Some(for_client(
        SocketAddr::new(source, source_port),
        SocketAddr::new(destination, destination_port),
    ))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wp_pp2_addresses_are_big_endian_and_in_order() {
        let block = [127, 0, 0, 1, 10, 0, 0, 2, 0x00, 0x2A, 0x05, 0x39];
        let header = inet(&block).unwrap();
        assert_eq!(header.source, Some("127.0.0.1:42".parse().unwrap()));
        assert_eq!(header.destination, Some("10.0.0.2:1337".parse().unwrap()));
        assert_eq!(inet(&block[..11]), None);
    }

    #[test]
    fn every_family_byte_of_a_proxy_header_is_listed_or_refused() {
        for byte in 0..=0xFF {
            let listed = matches!(byte, 0x00 | 0x11 | 0x12 | 0x21 | 0x22 | 0x31 | 0x32);
            assert_eq!(family(Command::Proxy, byte).is_ok(), listed, "{byte:#04X}");
            assert!(family(Command::Local, byte).is_ok(), "{byte:#04X}");
        }
    }
}
