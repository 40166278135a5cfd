//! Names for people.
use std::{fmt::Write as _, path::Path};

/// Whether a character is not to be shown as it is: a terminal acts on it, it turns the direction of the text, or it has
/// no shape, so that two names that differ look the same (Unicode's `Default_Ignorable_Code_Point`, but for the variation
/// selectors, which change the look of what is before them).
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A name from a file or a path as it may be shown: what a terminal would act on, what turns the direction of the text and
/// what has no shape is written as an escape.
#[must_use]
pub fn escape(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for c in name.chars() {
        if is_hidden(c) {
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
        assert_eq!(escape("a\u{ad}b\u{e0041}\u{3164}\u{115f}"), "a\\u{ad}b\\u{e0041}\\u{3164}\\u{115f}");
        assert_eq!(escape("blk.0.attn_q.weight"), "blk.0.attn_q.weight");
        assert_eq!(escape("größe 模型"), "größe 模型");
    }
}
