//! Names for people.
use std::{fmt::Write as _, path::Path};

/// A name from a file or a path as it may be shown: what a terminal would act on or what turns the direction of the text
/// is written as an escape.
#[must_use]
pub fn escape(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for c in name.chars() {
        let turns = matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || turns {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// As [`escape`], of a path.
#[must_use]
pub fn escape_path(path: &Path) -> String {
    escape(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn escapes_what_a_terminal_acts_on() {
        assert_eq!(escape("a\x1b[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(escape("blk.0.attn_q.weight"), "blk.0.attn_q.weight");
        assert_eq!(escape("größe 模型"), "größe 模型");
    }
}
