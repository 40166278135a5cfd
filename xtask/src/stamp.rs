//! Whether work is still good: a hash of its inputs, kept beside its outputs.
use crate::shell;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// SHA-256 as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash over the content of these files.
pub(crate) fn of_contents(files: &[PathBuf]) -> Result<String> {
    let mut all = Vec::new();
    for file in files {
        all.extend(fs::read(file).with_context(|| format!("{} could not be read", file.display()))?);
        all.push(0);
    }
    Ok(hex(&all))
}

/// A hash over name, size and modification time of every file under these paths: cheap, and as good as cargo's own test.
pub(crate) fn of_files(paths: &[PathBuf]) -> Result<String> {
    let mut lines = Vec::new();
    for path in paths {
        walk(path, &mut lines).with_context(|| format!("{} could not be read", path.display()))?;
    }
    lines.sort();
    Ok(hex(lines.concat().as_bytes()))
}

fn walk(path: &Path, lines: &mut Vec<String>) -> Result<()> {
    // An input that is not there (a deleted file, a dangling link) is a fact like any other.
    let Ok(meta) = fs::metadata(path) else {
        lines.push(format!("{} is missing\n", path.display()));
        return Ok(());
    };
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            walk(&entry?.path(), lines)?;
        }
    } else {
        let time = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        lines.push(format!("{} {} {time}\n", path.display(), meta.len()));
    }
    Ok(())
}

/// Whether the stamp says so.
pub(crate) fn holds(file: &Path, value: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|old| old == value)
}

/// Sets the stamp.
pub(crate) fn set(file: &Path, value: &str) -> Result<()> {
    shell::write_if_changed(file, value.as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_a_changed_and_a_deleted_file_change_the_hash() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().to_path_buf()];
        let empty = of_files(&paths).unwrap();
        fs::write(folder.path().join("a"), "1").unwrap();
        let one = of_files(&paths).unwrap();
        assert_eq!(one, of_files(&paths).unwrap());
        fs::write(folder.path().join("a"), "12").unwrap();
        let changed = of_files(&paths).unwrap();
        fs::remove_file(folder.path().join("a")).unwrap();
        assert_eq!(empty, of_files(&paths).unwrap());
        assert!(empty != one && one != changed && changed != empty);
    }

    #[test]
    fn hex_is_the_known_digest() {
        assert_eq!(hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
