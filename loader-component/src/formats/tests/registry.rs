//! What is said of the formats holds together.
use super::super::{MultiFile, formats};

#[test]
fn names_and_extensions_are_apart_and_plain() {
    let all: Vec<_> = formats().collect();
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.');
    for (at, format) in all.iter().enumerate() {
        assert!(plain(format.name) && !format.name.is_empty(), "{format:?}");
        assert!(!format.extensions.is_empty() && format.extensions.iter().all(|end| plain(end)), "{format:?}");
        assert!(format.extensions.iter().all(|end| !end.starts_with('.') && !end.ends_with('.')), "{format:?}");
        if let MultiFile::Index(ending) = format.multi_file {
            assert!(format.extensions.iter().any(|end| end.ends_with(ending)), "{format:?}");
        }
        for other in all.iter().skip(at + 1) {
            assert_ne!(format.name, other.name);
            assert!(format.extensions.iter().all(|end| !other.extensions.contains(end)), "{format:?}, {other:?}");
        }
    }
    let names: Vec<&str> = all.iter().map(|format| format.name).collect();
    assert_eq!(names, ["gguf", "safetensors", "npy", "pytorch", "npz"]);
}
