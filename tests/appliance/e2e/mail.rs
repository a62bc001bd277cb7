//! Messages that show every damage: no two parts are alike, line lengths vary, all byte values that mail may hold occur.

/// Ten megabytes: far beyond every buffer and pipe on the way.
pub(crate) const LARGE: usize = 10 << 20;

/// A message of exactly `size` bytes that differs for every `seed`.
pub(crate) fn message(size: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed.wrapping_mul(2) + 1);
    let mut mail = format!(
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: number {seed}\r\n\
         Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <{seed}@example.org>\r\n\
         Content-Type: text/plain; charset=x-unknown\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    .into_bytes();
    while mail.len() < size {
        let length = usize::from(numbers.next_byte()) * 3 + 1;
        for _ in 0..length {
            mail.push(match numbers.next_byte() {
                // Neither is allowed in mail, and a line end in the wrong place would be repaired by the backend.
                0 | b'\r' | b'\n' => b'x',
                byte => byte,
            });
        }
        mail.extend(b"\r\n");
    }
    mail.truncate(size - 2);
    if let Some(last) = mail.last_mut()
        && *last == b'\r'
    {
        *last = b'x';
    }
    mail.extend(b"\r\n");
    mail
}

/// Bytes for connections that carry no mail.
pub(crate) fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers(seed.wrapping_mul(2) + 1);
    (0..size).map(|_| numbers.next_byte()).collect()
}

/// Fails with the first place where two long texts differ, instead of printing both.
pub(crate) fn assert_same_bytes(got: &[u8], wanted: &[u8], what: &str) {
    let place = got.iter().zip(wanted).position(|(left, right)| left != right);
    assert!(place.is_none(), "{what}: differs at byte {}", place.unwrap());
    assert_eq!(got.len(), wanted.len(), "{what}: length");
}

/// A generator that needs no crate (xorshift64*); its quality matters little, its repeatability does.
struct Numbers(u64);

impl Numbers {
    fn next_byte(&mut self) -> u8 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()[0]
    }
}
