//! CRC-32C, Castagnoli: the checksum of a version 2 header (doc/proxy-protocol.txt 2.2.3).
//!
//! By table, because the instruction would need `unsafe` and a header is short.

/// The polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82F6_3B78;

const TABLE: [u32; 256] = table();

/// The checksum of pieces that stand one behind the other.
pub(super) fn checksum(pieces: &[&[u8]]) -> u32 {
    let bytes = pieces.iter().copied().flatten();
    !bytes.fold(u32::MAX, |sum, &byte| {
        let [low, ..] = sum.to_le_bytes();
        entry(low ^ byte) ^ (sum >> 8)
    })
}

#[expect(clippy::indexing_slicing, reason = "256 entries, indexed by one byte")]
fn entry(byte: u8) -> u32 {
    TABLE[usize::from(byte)]
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which would refuse"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index: u32 = 0;
    while index < 256 {
        let mut sum = index;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[index as usize] = sum;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720 B.4 and the check value of the CRC catalogue.
    #[test]
    fn w_tlv_4_known_answers() {
        assert_eq!(checksum(&[b"123456789"]), 0xE306_9283);
        assert_eq!(checksum(&[&[0; 32]]), 0x8A91_36AA);
        assert_eq!(checksum(&[&[0xFF; 32]]), 0x62A8_AB43);
        assert_eq!(checksum(&[]), 0);
        assert_eq!(checksum(&[b"1234", b"", b"56789"]), 0xE306_9283);
    }
}
