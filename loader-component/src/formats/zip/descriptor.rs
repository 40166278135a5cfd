//! What follows the data of an entry whose writer did not know its size beforehand.
use super::directory::Entry;
use super::fields::{u32_at, u64_at};

const SIGNATURE: &[u8; 4] = b"PK\x07\x08";
/// Bytes of the longest form.
pub(super) const LONGEST: u64 = 24;

/// Bytes of the descriptor at the beginning of these; none where no form of it says what the directory says. The signature
/// is optional and the sizes have 4 or 8 bytes, so the content tells the forms apart.
pub(super) fn length(bytes: &[u8], entry: &Entry) -> Option<u64> {
    let bare = |skip: usize| {
        let rest = bytes.get(skip..)?;
        let crc = u32_at(rest, 0) == entry.crc;
        if crc && rest.len() >= 20 && u64_at(rest, 4) == entry.compressed && u64_at(rest, 12) == entry.size {
            return Some(skip.saturating_add(20) as u64);
        }
        let narrow = |at| u64::from(u32_at(rest, at));
        let fits = crc && rest.len() >= 12 && narrow(4) == entry.compressed && narrow(8) == entry.size;
        fits.then_some(skip.saturating_add(12) as u64)
    };
    let signed = bytes.starts_with(SIGNATURE).then(|| bare(SIGNATURE.len())).flatten();
    signed.or_else(|| bare(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_forms_are_known() {
        let entry =
            Entry { header_at: 0, data_at: 0, compressed: 3, size: 5, crc: 7, method: 8, flags: 8, record_at: 0 };
        let wide = [&7u32.to_le_bytes()[..], &3u64.to_le_bytes(), &5u64.to_le_bytes()].concat();
        let narrow = [7u32.to_le_bytes(), 3u32.to_le_bytes(), 5u32.to_le_bytes()].concat();
        assert_eq!(length(&wide, &entry), Some(20));
        assert_eq!(length(&narrow, &entry), Some(12));
        assert_eq!(length(&[&SIGNATURE[..], &wide].concat(), &entry), Some(24));
        assert_eq!(length(&[&SIGNATURE[..], &narrow].concat(), &entry), Some(16));
        assert_eq!(length(&narrow[..11], &entry), None);
        assert_eq!(length(&[0; 24], &entry), None);
    }
}
