//! A check per line, so that a changed byte is found and its line can be named. It guards against accidents, not against
//! people: whoever edits a recording can write a new one.
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// CRC-16/XMODEM (polynomial 0x1021, initial value 0): finds every change of one byte.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

const TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// The checks of all lines before the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Checks(Vec<u8>);

impl Checks {
    pub(super) fn push(&mut self, line: &[u8]) {
        self.0.extend_from_slice(&crc16(line).to_be_bytes());
    }

    /// As the last line has them: the checks, and the check of the checks.
    pub(super) fn encode(&self) -> (String, u16) {
        (STANDARD.encode(&self.0), crc16(&self.0))
    }

    /// From the last line; none where the text is damaged itself.
    pub(super) fn decode(text: &str, check: u16) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        (bytes.len() % 2 == 0 && crc16(&bytes) == check).then_some(Self(bytes))
    }

    /// How many lines are checked.
    pub(super) fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// The first line, from 0, whose check is another.
    pub(super) fn first_difference(&self, other: &Self) -> Option<usize> {
        self.0.chunks_exact(2).zip(other.0.chunks_exact(2)).position(|(a, b)| a != b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_crc() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_is() {
        let line: Vec<u8> = (0..100).collect();
        let good = crc16(&line);
        for at in 0..line.len() {
            for flip in 1..=255u8 {
                let mut bad = line.clone();
                bad[at] ^= flip;
                assert_ne!(crc16(&bad), good);
            }
        }
    }
}
