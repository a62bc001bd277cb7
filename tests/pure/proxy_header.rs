//! Properties of the PROXY header decoder, and the comparison with two independent decoders.
//!
//! What the others do differently on purpose or by accident is written down in `explains_refusal` and
//! `explains_acceptance`; every other difference fails. In short, both crates
//!
//! - check no checksum and no content of TLVs, believe the addresses of datagrams, and know no cap below 64 KiB;
//! - refuse a LOCAL header whose family byte or block they cannot read, although it is to be skipped;
//!
//! `proxy-header` 0.1.3 takes any byte for the space behind `PROXY`, leading zeros and signs in ports, `UNKNOWNjunk`, a
//! lone LF inside `UNKNOWN`, and lines over 107 bytes when they arrive whole; `ppp` 2.3.0 accepts unlisted combinations such as
//! family without transport, and signs in ports, and refuses `UNKNOWN` with junk that is not UTF-8 or has many words.

use std::net::SocketAddr;

use hale::limits::PROXY_V2_BLOCK_BYTES_MAX;
use hale::network::canonical;
use hale::proxy_header::encode::{self, Endpoints, Outgoing};
use hale::proxy_header::{Command, Decoder, Header, Outcome, Refusal};
use ppp::PartialResult as _;
use proptest::prelude::*;

/// What another decoder makes of a stream.
#[derive(Debug)]
enum Other {
    Incomplete,
    Accepts { endpoints: Option<(SocketAddr, SocketAddr)>, consumed: usize },
    Refuses,
}

fn proxy_header_crate(stream: &[u8]) -> Other {
    match proxy_header::ProxyHeader::parse(stream, Default::default()) {
        Err(proxy_header::Error::BufferTooShort) => Other::Incomplete,
        Err(_) => Other::Refuses,
        Ok((header, consumed)) => {
            // Those of datagrams are none of a TCP connection.
            let endpoints = header
                .proxied_address()
                .filter(|both| both.protocol == proxy_header::Protocol::Stream)
                .map(|both| (both.source, both.destination));
            Other::Accepts { endpoints, consumed }
        }
    }
}

fn ppp_crate(stream: &[u8]) -> Other {
    let result = ppp::HeaderResult::parse(stream);
    if result.is_incomplete() {
        return Other::Incomplete;
    }
    match result {
        ppp::HeaderResult::V1(Ok(header)) => {
            let consumed = header.header.len();
            let endpoints = match header.addresses {
                ppp::v1::Addresses::Unknown => None,
                ppp::v1::Addresses::Tcp4(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
                ppp::v1::Addresses::Tcp6(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
            };
            Other::Accepts { endpoints, consumed }
        }
        ppp::HeaderResult::V2(Ok(header)) => {
            let endpoints = match header.addresses {
                // It reports the addresses of a LOCAL header, which do not count.
                _ if header.command == ppp::v2::Command::Local => None,
                // Nor do those of datagrams.
                _ if header.protocol == ppp::v2::Protocol::Datagram => None,
                ppp::v2::Addresses::Unspecified | ppp::v2::Addresses::Unix(_) => None,
                ppp::v2::Addresses::IPv4(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
                ppp::v2::Addresses::IPv6(ip) => Some((
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                )),
            };
            Other::Accepts { endpoints, consumed: header.header.len() }
        }
        ppp::HeaderResult::V1(Err(_)) | ppp::HeaderResult::V2(Err(_)) => Other::Refuses,
    }
}

/// Whether we refuse for this reason what a decoder with the habits listed above lets pass.
fn explains_refusal(refusal: Refusal, stream: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stream);
    match refusal {
        Refusal::TlvTruncated
        | Refusal::TlvTwice
        | Refusal::Checksum
        | Refusal::UniqueId
        | Refusal::BlockTooLong => true,
        // Combinations that the specification does not list.
        Refusal::Family => {
            matches!(
                stream.get(13),
                Some(0x01 | 0x02 | 0x10 | 0x13..=0x20 | 0x23..=0x30 | 0x33..=0x3F)
            )
        }
        Refusal::NotAHeader => stream.starts_with(b"PROXY") && stream.get(5) != Some(&b' '),
        Refusal::Port => text.contains(" +") || text.contains(" 0"),
        Refusal::Keyword | Refusal::BareLineEnd => text.contains("UNKNOWN"),
        Refusal::LineTooLong => stream.len() > 107,
        Refusal::Address
        | Refusal::MixedFamilies
        | Refusal::Words
        | Refusal::Version
        | Refusal::Command
        | Refusal::BlockTooShort => false,
    }
}

/// Whether we accept on purpose what the others refuse.
fn explains_acceptance(header: &Header, stream: &[u8]) -> bool {
    header.command == Command::Local || stream.starts_with(b"PROXY UNKNOWN ")
}

fn compare(stream: &[u8], other: &Other) {
    let ours = Decoder::new().decode(stream);
    let agrees = match (&ours, other) {
        (Outcome::Incomplete, Other::Incomplete) | (Outcome::Refused(_), Other::Refuses) => true,
        // We refuse as soon as we can, they may want more bytes first.
        (Outcome::Refused(_), Other::Incomplete) => true,
        (Outcome::Refused(refusal), Other::Accepts { .. }) => explains_refusal(*refusal, stream),
        (Outcome::Done { header, consumed: ours }, Other::Accepts { endpoints, consumed }) => {
            let endpoints = endpoints.map(|(from, to)| (canonical(from), canonical(to)));
            ours == consumed && header.source.zip(header.destination) == endpoints
        }
        (Outcome::Done { header, .. }, Other::Refuses | Other::Incomplete) => {
            explains_acceptance(header, stream)
        }
        // They may see earlier that the block is too short for the family of a LOCAL header, or that a v1 word is bad.
        (Outcome::Incomplete, Other::Refuses) => {
            stream.get(12) == Some(&0x20) || stream.starts_with(b"PROXY")
        }
        (Outcome::Incomplete, Other::Accepts { .. }) => false,
    };
    assert!(agrees, "{}\nours {ours:?}\nother {other:?}", stream.escape_ascii());
}

// === Streams that are nearly right ===

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_ipv6_mapped().to_string()),
        any::<u16>().prop_map(|port| port.to_string()),
        Just("0143".to_owned()),
        Just("+5".to_owned()),
        Just(String::new()),
        "[ -~]{0,12}",
    ]
}

fn v1_line() -> impl Strategy<Value = Vec<u8>> {
    let good = (any::<[u8; 4]>(), any::<[u8; 4]>(), any::<u16>(), any::<u16>()).prop_map(
        |(source, destination, sport, dport)| {
            let [a, b, c, d] = source;
            let [e, f, g, h] = destination;
            format!("PROXY TCP4 {a}.{b}.{c}.{d} {e}.{f}.{g}.{h} {sport} {dport}\r\n")
        },
    );
    let inet = prop_oneof![Just("TCP4"), Just("TCP6"), Just("UNKNOWN"), Just("tcp4")];
    let end = prop_oneof![4 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("")];
    let any_words = (inet, prop::collection::vec(word(), 0..6), end)
        .prop_map(|(inet, words, end)| format!("PROXY {inet} {}{end}", words.join(" ")));
    prop_oneof![1 => good, 2 => any_words].prop_map(String::into_bytes)
}

fn tlv() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![0x01_u8..=0x05, Just(0x20), Just(0x30), 0xE0_u8..=0xEF, any::<u8>()];
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[a-z]{1,8}\\.[a-z]{2,5}".prop_map(String::into_bytes),
        Just(vec![0x01, 0, 0, 0, 0, 0x21, 0, 3, b'T', b'L', b'S']),
    ];
    (kind, value).prop_map(|(kind, value)| {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind][..], &length, &value].concat()
    })
}

fn v2_header() -> impl Strategy<Value = Vec<u8>> {
    let command = prop_oneof![1 => Just(0x20_u8), 4 => Just(0x21), 1 => any::<u8>()];
    let family = prop_oneof![
        4 => Just(0x11_u8), 4 => Just(0x21), 1 => Just(0x31), 1 => Just(0x00), 1 => 0x00_u8..0x40,
        1 => any::<u8>()
    ];
    let tlvs = prop::collection::vec(tlv(), 0..5);
    let off = prop_oneof![8 => Just(0_i32), 1 => -40..40_i32, 1 => Just(5000)];
    (command, family, prop::collection::vec(any::<u8>(), 216), tlvs, off).prop_map(
        |(command, family, addresses, tlvs, off)| {
            let needed = [0, 12, 36, 216].get(usize::from(family >> 4)).copied().unwrap_or(12);
            let block = [&addresses[..needed], &tlvs.concat()].concat();
            let told = i32::try_from(block.len()).unwrap().saturating_add(off);
            let told = u16::try_from(told.max(0)).unwrap().to_be_bytes();
            [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &told, &block].concat()
        },
    )
}

/// A header that may have one byte wrong, and bytes behind it.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![v1_line(), v2_header()];
    let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
    let payload = prop::collection::vec(any::<u8>(), 0..40);
    (header, damage, payload).prop_map(|(mut header, damage, payload)| {
        if let Some((at, byte)) = damage {
            let at = at.index(header.len());
            header[at] = byte;
        }
        [header, payload].concat()
    })
}

fn fed(pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new();
    let mut before = 0;
    for piece in pieces {
        match decoder.decode(piece) {
            Outcome::Incomplete => before += piece.len(),
            Outcome::Done { header, consumed } => {
                return Outcome::Done { header, consumed: before + consumed };
            }
            refused @ Outcome::Refused(_) => return refused,
        }
        assert!(decoder.kept_bytes() <= 16 + PROXY_V2_BLOCK_BYTES_MAX);
    }
    Outcome::Incomplete
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn differs_from_proxy_header_only_as_listed(stream in stream()) {
        compare(&stream, &proxy_header_crate(&stream));
    }

    #[test]
    fn differs_from_ppp_only_as_listed(stream in stream()) {
        compare(&stream, &ppp_crate(&stream));
    }

    #[test]
    fn px_03_chunking_never_changes_the_outcome(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            pieces.push(&stream[from..cut]);
            from = cut;
        }
        let whole = Decoder::new().decode(&stream);
        prop_assert_eq!(fed(&pieces), whole);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        compare(&stream, &proxy_header_crate(&stream));
        let mut decoder = Decoder::new();
        for byte in &stream {
            decoder.decode(std::slice::from_ref(byte));
        }
    }

    #[test]
    fn decode_after_encode_is_identity(
        source in any::<SocketAddr>(),
        destination in any::<SocketAddr>(),
        name in "[a-z0-9]{1,20}(\\.[a-z0-9]{1,20}){0,3}",
        unique_id in prop::collection::vec(any::<u8>(), 1..100),
        checksum in any::<bool>(),
    ) {
        // Flow label and scope id have no place in a header.
        let plain = |endpoint: SocketAddr| SocketAddr::new(endpoint.ip(), endpoint.port());
        let endpoints = Endpoints { source: plain(source), destination: plain(destination) };
        let encoded = encode::v2(&Outgoing {
            endpoints: Some(endpoints),
            authority: Some(&name),
            unique_id: Some(&unique_id),
            checksum,
            ..Outgoing::default()
        });
        prop_assert_eq!(encoded.left_out, 0);
        let outcome = Decoder::new().decode(&encoded.bytes);
        let Outcome::Done { header, consumed } = outcome else { panic!("{outcome:?}") };
        prop_assert_eq!(consumed, encoded.bytes.len());
        prop_assert_eq!(header.source, Some(canonical(endpoints.source)));
        prop_assert_eq!(header.destination, Some(canonical(endpoints.destination)));
        prop_assert_eq!(header.tlvs.authority.as_deref(), Some(&name[..]));
        prop_assert_eq!(header.tlvs.unique_id.as_deref(), Some(&unique_id[..]));
        let other = proxy_header_crate(&encoded.bytes);
        prop_assert!(matches!(other, Other::Accepts { .. }), "{:?}", other);

        let line = encode::v1(Some(endpoints));
        let outcome = Decoder::new().decode(&line);
        let Outcome::Done { header, .. } = outcome else { panic!("{outcome:?}") };
        let same_family = source.is_ipv4() == destination.is_ipv4();
        prop_assert_eq!(header.source, same_family.then_some(canonical(endpoints.source)));
        compare(&line, &ppp_crate(&line));
    }
}
