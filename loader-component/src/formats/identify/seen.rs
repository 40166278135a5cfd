//! What there is of a file to tell it by.
/// The ends of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'f> {
    /// Its name in lower case.
    pub(crate) name: &'f str,
    /// Its bytes.
    pub(crate) size: u64,
    /// The first of them.
    pub(crate) head: &'f [u8],
    /// The last of them.
    pub(crate) tail: &'f [u8],
}

impl<'f> Seen<'f> {
    /// Whether it begins with these bytes.
    pub(super) fn begins(&self, magic: &[u8]) -> bool {
        self.head.starts_with(magic)
    }

    /// Whether these bytes are at this place.
    pub(super) fn has(&self, at: usize, bytes: &[u8]) -> bool {
        self.head.get(at..).is_some_and(|rest| rest.starts_with(bytes))
    }

    /// The beginning as text, without a byte order mark and blanks; none where it is no text. A character that the head cuts
    /// is left out.
    pub(super) fn text(&self) -> Option<&'f str> {
        let head = self.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.head);
        let whole = self.size <= self.head.len() as u64;
        let text = match str::from_utf8(head) {
            Ok(text) => text,
            Err(error) if !whole && error.error_len().is_none() => {
                str::from_utf8(head.get(..error.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
        text.chars().all(plain).then(|| text.trim_start())
    }
}

/// `4976698672` as `4,976,698,672`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
