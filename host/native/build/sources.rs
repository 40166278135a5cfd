//! What the loader component is made of, as one hash. The build script and `cargo xtask component` compute it by this file.
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Folders of the repository.
const FOLDERS: [&str; 2] = ["loader-component", "wit"];

/// Files with another ending are not read by a compiler.
const ENDINGS: [&str; 3] = ["rs", "toml", "wit"];

/// The hash of all sources below the repository's root. Ends of lines do not count: git may write them in the system's way.
pub(crate) fn hash(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        walk(&root.join(folder), folder, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for (name, path) in files {
        let mut bytes = fs::read(path)?;
        bytes.retain(|byte| *byte != b'\r');
        for part in [name.as_bytes(), &bytes] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hex(&hash.finalize()))
}

fn walk(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, entry) = entry.map(|entry| (entry.path(), entry))?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&path, &name, files)?;
        } else if path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending)) {
            files.push((name, path));
        }
    }
    Ok(())
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
