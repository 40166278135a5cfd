//! Names that no entry may have.
use super::super::escape::name_fault;

/// Why an entry may not have this name; none where it may. Entries are never written to disk here, but whoever unpacks the
/// same archive elsewhere is attacked by such names, and no tool that writes checkpoints makes them.
pub(super) fn entry_name_fault(name: &str) -> Option<&'static str> {
    let drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    if let Some(why) = name_fault(name) {
        Some(why)
    } else if name.contains('\\') {
        Some("contains a backslash")
    } else if name.starts_with('/') {
        Some("is an absolute path")
    } else if drive {
        Some("begins with a drive letter")
    } else if name.split('/').any(|part| part == ".") || name.contains("//") {
        Some("has a path segment that is no name")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_have_a_reason() {
        for bad in
            ["", "/etc/passwd", "../x", "a/../b", "a\\b", "C:x", "a\0", "a\u{1b}[2J", "a\u{202e}b", "a//b", "./a"]
        {
            assert!(entry_name_fault(bad).is_some(), "{bad:?}");
        }
        for good in ["archive/data.pkl", "archive/.data/serialization_id", "a/data/0", "arr_0.npy", "a/"] {
            assert!(entry_name_fault(good).is_none(), "{good:?}");
        }
    }
}
