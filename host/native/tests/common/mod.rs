//! What the tests share: files to load and components to load them with.
#![allow(dead_code, reason = "each test uses a part")]
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use weighbridge::Runtime;

#[path = "../../../../tests/hostile/component.rs"]
mod component;

/// A runtime with the component that means harm.
pub(crate) fn hostile() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::builder().component(hostile_component()).build().unwrap())
}

/// The component of `tests/hostile/guest.wat`.
pub(crate) fn hostile_component() -> Vec<u8> {
    component::hostile_component(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))
}

/// A runtime with the component of this library; one for all tests of a program.
pub(crate) fn loader() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

/// The bytes of a safetensors file with these tensors of u8, with values counting up through the file.
pub(crate) fn safetensors(tensors: &[(&str, usize)]) -> Vec<u8> {
    let mut at = 0;
    let entries: Vec<String> = tensors
        .iter()
        .map(|(name, len)| {
            let entry = format!(r#""{name}":{{"dtype":"U8","shape":[{len}],"data_offsets":[{at},{}]}}"#, at + len);
            at += len;
            entry
        })
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend((0..at).map(value));
    file
}

/// The byte at an offset of the data of [`safetensors`].
pub(crate) fn value(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 7) as u8
}

/// Writes a file into a folder that goes when the test ends.
pub(crate) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}
