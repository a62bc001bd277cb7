//! The cases PX-01 to PX-22 that pure code can decide, and vectors of other implementations.
//! PX-01, 02, 04, 06, 19 stand in `policy.rs`; PX-21 needs sockets.

use super::*;
use crate::limits::PROXY_V2_BLOCK_BYTES_MAX;

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind][..], &length, value].concat()
}

fn v2_header(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [&v2::SIGNATURE[..], &[command, family], &length, block].concat()
}

/// 127.0.0.1:42 to 127.0.0.1:1337, and these TLVs.
fn proxied(tlvs: &[Vec<u8>]) -> Vec<u8> {
    let inet = [127, 0, 0, 1, 127, 0, 0, 1, 0x00, 0x2A, 0x05, 0x39];
    v2_header(0x21, 0x11, &[&inet[..], &tlvs.concat()].concat())
}

fn with_checksum(tlvs: &[Vec<u8>]) -> Vec<u8> {
    let mut header = proxied(&[tlvs, &[tlv(0x03, &[0; 4])]].concat());
    let sum = crc32c::checksum(&[&header]).to_be_bytes();
    let at = header.len() - 4;
    header[at..].copy_from_slice(&sum);
    header
}

fn decode(bytes: &[u8]) -> Outcome {
    Decoder::new().decode(bytes)
}

#[track_caller]
fn accepted(bytes: &[u8]) -> (Header, usize) {
    match decode(bytes) {
        Outcome::Done { header, consumed } => (header, consumed),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(bytes: &[u8]) -> Refusal {
    match decode(bytes) {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// The result of feeding `stream` in these pieces, with `consumed` counted from the stream's start.
fn fed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
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
        assert!(decoder.kept.capacity() <= 16 + PROXY_V2_BLOCK_BYTES_MAX);
    }
    Outcome::Incomplete
}

fn aiosmtpd_vector() -> (Vec<u8>, Vec<u8>) {
    use base64::Engine as _;
    let text = "DQoNCgANClFVSVQKIREAcn8AAAF/AAABsFJipQMABFT9xv8CAAlBVVRIT1JJVFkFAAlVTklRVUVfSUQgAEQB\
        AAAAACEAB1RMU3YxLjIlAAdSU0E0MDk2JAAKUlNBLVNIQTI1NiMAG0VDREhFLVJTQS1BRVMyNTYtR0NNLVNIQTM4NFRlc\
        3QgZGF0YSB0aGF0IGlzIG5vdCBwYXJ0IG9mIFBST1hZdjIuCg==";
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let (header, payload) = bytes.split_at(130);
    (header.to_vec(), payload.to_vec())
}

// === Vectors of HAProxy and aiosmtpd ===

#[test]
fn wire_16_v2_with_authority() {
    let header = proxied(&[tlv(0x02, b"12345")]);
    assert_eq!(header[14..16], [0x00, 0x14]);
    let (decoded, consumed) = accepted(&header);
    assert_eq!(consumed, header.len());
    assert_eq!(decoded.source, Some("127.0.0.1:42".parse().unwrap()));
    assert_eq!(decoded.destination, Some("127.0.0.1:1337".parse().unwrap()));
    assert_eq!(decoded.tlvs.authority.as_deref(), Some("12345"));

    let mut longer = header.clone();
    longer[30] = 6;
    assert_eq!(refused(&longer), Refusal::TlvTruncated);

    let mut one_more = [&header[..], &[0]].concat();
    one_more[15] += 1;
    assert_eq!(refused(&one_more), Refusal::TlvTruncated);

    let behind = [header.clone(), tlv(0x05, b"id")].concat();
    let (decoded, consumed) = accepted(&behind);
    assert_eq!((consumed, decoded.tlvs.unique_id), (header.len(), None));
}

#[test]
fn wire_16_checksum_of_another_implementation() {
    let (header, payload) = aiosmtpd_vector();
    let (decoded, consumed) = accepted(&[&header[..], &payload].concat());
    assert_eq!(consumed, 130);
    assert_eq!(decoded.source, Some("127.0.0.1:45138".parse().unwrap()));
    assert_eq!(decoded.destination, Some("127.0.0.1:25253".parse().unwrap()));
    assert_eq!(decoded.tlvs.authority.as_deref(), Some("AUTHORITY"));
    assert_eq!(decoded.tlvs.unique_id.as_deref(), Some(&b"UNIQUE_ID"[..]));
    assert_eq!(decoded.transport(), Transport::Tls);
    let ssl = decoded.tlvs.ssl.unwrap();
    assert_eq!(ssl.version.as_deref(), Some("TLSv1.2"));
    assert_eq!(ssl.cipher.as_deref(), Some("ECDHE-RSA-AES256-GCM-SHA384"));
    assert_eq!(ssl.verified_common_name, None);
}

// === Cases ===

#[test]
fn px_03_split_anywhere_gives_the_same_result_and_touches_no_payload() {
    let (with_tlvs, _) = aiosmtpd_vector();
    let mapped = b"PROXY TCP6 ::ffff:192.0.2.9 2001:db8::2 5 143\r\n".to_vec();
    for header in [with_tlvs, mapped, b"PROXY UNKNOWN\r\n".to_vec(), proxied(&[])] {
        let stream = [&header[..], b"a1 CAPABILITY\r\nPROXY UNKNOWN\r\n"].concat();
        let whole = decode(&stream);
        let Outcome::Done { consumed, .. } = &whole else { panic!("{whole:?}") };
        assert_eq!(*consumed, header.len());
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(fed([left, right].into_iter()), whole, "cut at {at}");
        }
        assert_eq!(fed(stream.chunks(1)), whole);
        assert_eq!(fed(stream.chunks(7)), whole);
        for end in 0..header.len() {
            assert_eq!(decode(&header[..end]), Outcome::Incomplete, "{end} bytes");
        }
    }
}

#[test]
fn px_05_w_pp_6_protocol_bytes_are_refused_at_the_first_wrong_byte() {
    for greeting in [&b"a"[..], b"EHLO", b"\x16\x03\x01", b"\n", b"p", b"\0"] {
        assert_eq!(refused(greeting), Refusal::NotAHeader);
    }
    for length in 1..12 {
        let mut signature = v2::SIGNATURE[..length].to_vec();
        assert_eq!(decode(&signature), Outcome::Incomplete);
        signature[length - 1] ^= 0x80;
        assert_eq!(refused(&signature), Refusal::NotAHeader, "byte {length}");
    }
    assert_eq!(refused(b"PRO\r"), Refusal::NotAHeader);
}

#[test]
fn a_refusal_is_final() {
    let mut decoder = Decoder::new();
    assert!(!decoder.has_begun());
    assert_eq!(decoder.decode(b"PROX"), Outcome::Incomplete);
    assert!(decoder.has_begun());
    assert_eq!(decoder.decode(b"X"), Outcome::Refused(Refusal::NotAHeader));
    assert_eq!(decoder.decode(b"PROXY UNKNOWN\r\n"), Outcome::Refused(Refusal::NotAHeader));
    assert_eq!(decoder.kept_bytes(), 0);
}

#[test]
fn px_07_length_over_the_cap_is_refused_with_the_head_alone() {
    let mut head = v2_header(0x21, 0x11, &[]);
    head[14..16].copy_from_slice(&[0xFF, 0xFF]);
    assert_eq!(refused(&head), Refusal::BlockTooLong);
    head[14..16].copy_from_slice(&[0x10, 0x01]);
    assert_eq!(refused(&head), Refusal::BlockTooLong);
    head[12] = 0x20;
    assert_eq!(refused(&head), Refusal::BlockTooLong);
    // A legal length alone allocates nothing.
    head[14..16].copy_from_slice(&[0x10, 0x00]);
    let mut decoder = Decoder::new();
    assert_eq!(decoder.decode(&head), Outcome::Incomplete);
    assert_eq!(decoder.decode(&[0]), Outcome::Incomplete);
    assert!(decoder.kept.capacity() <= 64);
}

#[test]
fn px_08_length_below_the_addresses_is_refused_with_the_head_alone() {
    for (family, needed) in
        [(0x11, 12_u8), (0x12, 12), (0x21, 36), (0x22, 36), (0x31, 216), (0x32, 216)]
    {
        for length in [0, needed - 1] {
            let mut head = v2_header(0x21, family, &[]);
            head[15] = length;
            assert_eq!(refused(&head), Refusal::BlockTooShort, "{family:#04X} {length}");
        }
        accepted(&v2_header(0x21, family, &vec![0; usize::from(needed)]));
    }
}

#[test]
fn px_09_tlvs_must_fill_the_block() {
    for bad in [
        vec![0x04, 0x00, 0x01],
        vec![0x04, 0xFF, 0xFF, 0],
        vec![0x04, 0x00, 0x02, 0],
        vec![0x04],
        vec![0x04, 0x00],
    ] {
        assert_eq!(refused(&proxied(&[bad])), Refusal::TlvTruncated);
    }
    let empty = proxied(&[tlv(0x04, b""), tlv(0xFE, b""), tlv(0x77, b"unknown")]);
    assert_eq!(accepted(&empty).0.tlvs, Tlvs::default());
}

#[test]
fn px_10_bytes_behind_the_header_are_not_touched() {
    let header = proxied(&[tlv(0x02, b"mail.example")]);
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
    for payload in [&hello[..], b"a1 LOGIN u p\r\n", &[0x05, 0x00, 0x01, 0x41]] {
        let (decoded, consumed) = accepted(&[&header[..], payload].concat());
        assert_eq!(consumed, header.len());
        assert_eq!(decoded.tlvs.unique_id, None);
    }
}

#[test]
fn px_11_checksum_right_wrong_twice() {
    let name = tlv(0x02, b"mail.example");
    let header = with_checksum(std::slice::from_ref(&name));
    accepted(&header);
    let kind_at = header.len() - 7;
    for at in (16..header.len()).filter(|&at| at != kind_at) {
        let mut flipped = header.clone();
        flipped[at] ^= 0x01;
        assert!(matches!(decode(&flipped), Outcome::Refused(_)), "byte {at}");
    }
    // Under another type it is no checksum, and what is left (here an AUTHORITY that is no name) harms nothing.
    let mut renamed = header;
    renamed[kind_at] ^= 0x01;
    assert_eq!(accepted(&renamed).0.tlvs.authority.as_deref(), Some("mail.example"));
    let twice = proxied(&[tlv(0x03, &[0; 4]), name, tlv(0x03, &[0; 4])]);
    assert_eq!(refused(&twice), Refusal::TlvTwice);
    for length in [0, 3, 5] {
        assert_eq!(refused(&proxied(&[tlv(0x03, &vec![0; length])])), Refusal::Checksum);
    }
}

#[test]
fn px_12_local_is_accepted_with_whatever_it_carries() {
    let with_block = [&[0; 12][..], &tlv(0x02, b"mail.example")].concat();
    let unreadable = [0xFF; 7];
    for (family, block) in [
        (0x00, &[][..]),
        (0x11, &with_block[..]),
        (0x11, &unreadable[..]),
        (0x00, &unreadable[..]),
        (0x31, &unreadable[..]),
        (0xF7, &with_block[..]),
        (0x12, &with_block[..]),
    ] {
        let header = v2_header(0x20, family, block);
        let (decoded, consumed) = accepted(&[&header[..], b"x"].concat());
        assert_eq!(consumed, header.len());
        assert_eq!(decoded, Header::without_addresses(Command::Local, Family::Unspecified));
    }
}

#[test]
fn w_tlv_4_checksum_of_local_is_verified_when_it_can_be_found() {
    let mut header = with_checksum(&[]);
    header[12] = 0x20;
    assert_eq!(refused(&header), Refusal::Checksum);
    let bytes = encode::v2(&encode::Outgoing { checksum: true, ..Default::default() }).bytes;
    assert_eq!(accepted(&bytes).0.command, Command::Local);
    let mut flipped = bytes;
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&flipped), Refusal::Checksum);
}

#[test]
fn px_14_unknown_nibbles_are_refused_as_soon_as_they_arrive() {
    for byte in 0..=0xFF_u8 {
        let begin = [&v2::SIGNATURE[..], &[byte]].concat();
        let expected = match byte {
            0x20 | 0x21 => Outcome::Incomplete,
            0x22..=0x2F => Outcome::Refused(Refusal::Command),
            _ => Outcome::Refused(Refusal::Version),
        };
        assert_eq!(decode(&begin), expected, "{byte:#04X}");
        let begin = [&v2::SIGNATURE[..], &[0x21, byte]].concat();
        let expected = match byte {
            0x00 | 0x11 | 0x12 | 0x21 | 0x22 | 0x31 | 0x32 => Outcome::Incomplete,
            _ => Outcome::Refused(Refusal::Family),
        };
        assert_eq!(decode(&begin), expected, "{byte:#04X}");
    }
    let (decoded, consumed) = accepted(&v2_header(0x21, 0x00, &[0xFF; 5]));
    assert_eq!((decoded.source, consumed), (None, 21));
    assert_eq!(decoded.command, Command::Proxy);
}

#[test]
fn px_15_unix_is_accepted_and_its_paths_are_ignored() {
    let block = [&[b'/'; 216][..], &tlv(0x05, b"id")].concat();
    let (decoded, _) = accepted(&v2_header(0x21, 0x31, &block));
    assert_eq!((decoded.family, decoded.source), (Family::Unix, None));
    assert_eq!(decoded.tlvs.unique_id.as_deref(), Some(&b"id"[..]));
}

/// Valid, and nothing that a TCP connection can come from: as if the family were unspecified, TLVs included.
#[test]
fn w_pp2_2_datagrams_leave_the_sockets_endpoints() {
    for (family, bytes) in [(0x12, 12), (0x22, 36), (0x32, 216)] {
        let expected = Header::without_addresses(Command::Proxy, Family::Unspecified);
        for tlvs in [vec![], tlv(0x02, b"mail.example"), ssl_with_name(), vec![0x20, 0xFF], vec![0]]
        {
            let header = v2_header(0x21, family, &[vec![0xC0; bytes], tlvs].concat());
            let (decoded, consumed) = accepted(&[&header[..], b"a1 NOOP\r\n"].concat());
            assert_eq!((decoded, consumed), (expected.clone(), header.len()), "{family:#04X}");
            assert_eq!(fed(header.chunks(1)), decode(&header), "{family:#04X}");
        }
        let wrong = tlv(0x03, &[0; 4]);
        let header = v2_header(0x21, family, &[vec![0; bytes], wrong.clone()].concat());
        assert_eq!(refused(&header), Refusal::Checksum, "{family:#04X}");
        let header = v2_header(0x21, family, &[vec![0; bytes], wrong.clone(), wrong].concat());
        assert_eq!(refused(&header), Refusal::TlvTwice, "{family:#04X}");
    }
}

/// Client certificate and name, verified, as the sender says.
fn ssl_with_name() -> Vec<u8> {
    tlv(0x20, &[&[0x07, 0, 0, 0, 0][..], &tlv(0x22, b"alice")].concat())
}

#[test]
fn px_16_mixed_families_are_told_from_bad_addresses() {
    let at = |inet: &str, source: &str, destination: &str| {
        refused(format!("PROXY {inet} {source} {destination} 5 143\r\n").as_bytes())
    };
    let (four, six, mapped) = ("192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1");
    for inet in ["TCP4", "TCP6"] {
        for other in [six, mapped] {
            assert_eq!(at(inet, four, other), Refusal::MixedFamilies);
            assert_eq!(at(inet, other, four), Refusal::MixedFamilies);
        }
        for bad in
            ["localhost", "192.0.2.1.", "192.0.2.01", "fe80::1%eth0", "[2001:db8::1]", "unknown"]
        {
            for good in [four, six] {
                assert_eq!(at(inet, bad, good), Refusal::Address, "{bad}");
                assert_eq!(at(inet, good, bad), Refusal::Address, "{bad}");
            }
        }
    }
    assert_eq!(at("TCP4", six, six), Refusal::Address);
    assert_eq!(at("TCP6", four, four), Refusal::Address);
}

#[test]
fn px_16_bad_lines() {
    use Refusal::*;
    let long = format!("PROXY TCP4 {}", "1".repeat(200));
    let cases: &[(&str, Refusal)] = &[
        (&long, LineTooLong),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\n", BareLineEnd),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\rA", BareLineEnd),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\r\n", BareLineEnd),
        ("PROXY TCP4 192.0.2.01 198.51.100.2 56324 143\r\n", Address),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 0143\r\n", Port),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 65536 143\r\n", Port),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 +1 143\r\n", Port),
        ("PROXY TCP4 2001:db8::1 2001:db8::2 5 143\r\n", Address),
        ("PROXY TCP4 ::ffff:192.0.2.1 198.51.100.2 5 143\r\n", MixedFamilies),
        ("PROXY TCP6 192.0.2.1 198.51.100.2 5 143\r\n", Address),
        ("PROXY TCP6 2001:db8::1 198.51.100.2 5 143\r\n", MixedFamilies),
        ("PROXY TCP4 192.0.2.1 ::1 5 143\r\n", MixedFamilies),
        ("PROXY TCP6 fe80::1%eth0 2001:db8::2 5 143\r\n", Address),
        ("PROXY TCP4 localhost 198.51.100.2 5 143\r\n", Address),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 5\r\n", Words),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 5 143 \r\n", Words),
        ("PROXY TCP4  192.0.2.1 198.51.100.2 5 143\r\n", Words),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 5 143 6\r\n", Words),
        ("PROXY tcp4 192.0.2.1 198.51.100.2 5 143\r\n", Keyword),
        ("PROXY  TCP4 192.0.2.1 198.51.100.2 5 143\r\n", Keyword),
        ("PROXY UNKNOWNX\r\n", Keyword),
        ("PROXY UNKNOWN\n", Keyword),
        ("PROXY UNKNOWN junk\n", BareLineEnd),
        ("Proxy TCP4 192.0.2.1 198.51.100.2 5 143\r\n", NotAHeader),
    ];
    for (line, expected) in cases {
        assert_eq!(refused(line.as_bytes()), *expected, "{line}");
        let bytewise = fed(line.as_bytes().chunks(1));
        assert_eq!(bytewise, Outcome::Refused(*expected), "{line}");
    }
    let junk = b"PROXY UNKNOWN \xFF\0 any thing\r\n";
    assert_eq!(accepted(junk).1, junk.len());
}

#[test]
fn px_17_sub_tlvs_must_fill_the_ssl_tlv() {
    let head = [0x01, 0, 0, 0, 0];
    for bad in [&[0x21, 0x00, 0x05, b'T'][..], &[0x21], &[0x21, 0x00], &[0x21, 0xFF, 0xFF]] {
        let ssl = tlv(0x20, &[&head[..], bad].concat());
        let header = proxied(&[ssl, tlv(0x04, &[0; 64])]);
        assert_eq!(refused(&header), Refusal::TlvTruncated);
    }
}

#[test]
fn px_18_a_second_header_is_payload() {
    let one = b"PROXY TCP4 192.0.2.1 198.51.100.2 5 143\r\n";
    let two = [&one[..], one].concat();
    assert_eq!(accepted(&two).1, one.len());
    let three = [proxied(&[]), proxied(&[])].concat();
    assert_eq!(accepted(&three).1, three.len() / 2);
}

#[test]
fn px_20_mapped_addresses_become_ipv4_in_both_versions() {
    let mapped: [u8; 16] = std::net::Ipv4Addr::new(192, 0, 2, 9).to_ipv6_mapped().octets();
    let block = [&mapped[..], &mapped, &[0, 5, 0, 143]].concat();
    let (decoded, _) = accepted(&v2_header(0x21, 0x21, &block));
    assert_eq!(decoded.source, Some("192.0.2.9:5".parse().unwrap()));
    assert_eq!(decoded.family, Family::Inet);
    let line = b"PROXY TCP6 ::ffff:192.0.2.9 ::ffff:192.0.2.9 5 143\r\n";
    let (decoded_v1, _) = accepted(line);
    assert_eq!(decoded_v1, decoded);
}

#[test]
fn px_22_padding_to_the_cap_and_one_beyond() {
    let filler = PROXY_V2_BLOCK_BYTES_MAX - 12 - 3;
    let padded = proxied(&[tlv(0x04, &vec![0; filler])]);
    assert_eq!(padded.len(), 16 + PROXY_V2_BLOCK_BYTES_MAX);
    assert_eq!(accepted(&padded).1, padded.len());
    assert_eq!(fed(padded.chunks(1)), decode(&padded));
    let beyond = proxied(&[tlv(0x04, &vec![0; filler + 1])]);
    assert_eq!(refused(&beyond), Refusal::BlockTooLong);
    let many = proxied(&vec![tlv(0x04, &[0; 13]); 255]);
    assert_eq!(accepted(&many).1, many.len());
}

#[test]
fn refusals_have_distinct_texts() {
    let mut texts: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.text()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), Refusal::ALL.len());
}
