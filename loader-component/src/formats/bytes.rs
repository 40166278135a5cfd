//! Numbers as files have them.

/// The little-endian number in the first `n` bytes, at most 8.
pub(crate) fn little(bytes: &[u8], n: u64) -> u64 {
    if let (8, Some(all)) = (n, bytes.first_chunk::<8>()) {
        return u64::from_le_bytes(*all);
    }
    let n = usize::try_from(n.min(8)).unwrap_or(8);
    bytes.iter().take(n).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::little;

    #[test]
    fn little_reads_any_width() {
        assert_eq!(little(&[1, 2, 3, 4, 5, 6, 7, 8], 8), 0x0807_0605_0403_0201);
        assert_eq!(little(&[1, 2, 3], 2), 0x0201);
        assert_eq!(little(&[1], 8), 1);
    }
}
