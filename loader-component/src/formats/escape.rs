//! Names from files, made fit to be shown, and names that no file may use.
use weighbridge_wit::escape as shown;

/// Characters of a name that are shown before it is cut.
const SHOWN: usize = 64;

/// A name from a file for an error message: as the contract shows names, and cut with an ellipsis where it exceeds 64 characters.
#[must_use]
pub fn escape(name: &str) -> String {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => shown(name.get(..end).unwrap_or(name)) + "…",
        None => shown(name),
    }
}

/// The first bytes of a file for an error message.
pub(crate) fn escape_bytes(bytes: &[u8]) -> String {
    bytes.iter().take(16).flat_map(|b| b.escape_ascii()).map(char::from).collect()
}

/// Characters that turn the direction of the text around them or join it invisibly.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Cause a tensor may not have this name; none where it may. Such names are of no use to a model and of much use to
/// someone who attacks the terminal or the file system of whoever prints or exports them.
pub(crate) fn name_fault(name: &str) -> Option<&'static str> {
    // Nearly every name is made of these alone, and there may be millions.
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':');
    if !name.is_empty() && name.bytes().all(usual) && name != ".." {
        return None;
    }
    if name.is_empty() {
        Some("is empty")
    } else if name.contains('\0') {
        Some("contains a NUL")
    } else if name.chars().any(char::is_control) {
        Some("contains a control character")
    } else if name.chars().any(is_direction) {
        Some("contains an invisible or bidirectional control character")
    } else if name.split(['/', '\\']).any(|part| part == "..") {
        Some("contains a \"..\" path segment")
    } else {
        None
    }
}

/// Longest file name that a system has, in bytes.
const LONGEST_FILE_NAME: usize = 255;

/// Cause this is no plain file name; none where it is one: it means a file in the folder where it is looked for, and
/// nothing else. What else a system allows in a name (colons, quotes, line ends, joiners) it may have; the host, which knows
/// its system, decides about those.
pub(crate) fn file_name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.contains(['/', '\\']) {
        Some("contains a path separator")
    } else if name.contains('\0') {
        Some("contains a NUL")
    } else if matches!(name, "." | "..") {
        Some("means a folder")
    } else if name.len() > LONGEST_FILE_NAME {
        Some("is longer than 255 bytes")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing_that_a_terminal_obeys() {
        assert_eq!(escape("a\u{1b}[2Jb\u{202e}c\n"), "a\\u{1b}[2Jb\\u{202e}c\\u{a}");
        assert_eq!(escape(&"x".repeat(65)), format!("{}…", "x".repeat(64)));
        assert_eq!(escape_bytes(b"PK\x03\x04"), "PK\\x03\\x04");
    }

    #[test]
    fn file_names_are_plain() {
        for bad in ["", "a/b", "a\\b", "../x", ".", "..", "a\0", "/etc/passwd", &"n".repeat(256)] {
            assert!(file_name_fault(bad).is_some(), "{bad:?}");
        }
        let good = [
            "model-00001-of-00002.safetensors",
            ".x",
            "a..b",
            "m:q4",
            "it's \"so\"",
            "a\nb",
            "می\u{200c}خواهم",
            "👩\u{200d}🔬",
        ];
        for good in good.into_iter().chain([&*"n".repeat(255)]) {
            assert!(file_name_fault(good).is_none(), "{good:?}");
        }
    }

    #[test]
    fn tensor_names_are_harmless() {
        for bad in ["", "a\0", "../a", "a/..", "\u{1b}[2J", "a\u{202e}"] {
            assert!(name_fault(bad).is_some(), "{bad:?}");
        }
        for good in ["blk.0.attn_q.weight", "dense/kernel:0", "a..b", "größe"] {
            assert!(name_fault(good).is_none(), "{good:?}");
        }
    }
}
