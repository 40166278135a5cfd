//! The component inside of the library's package, and the one beside it that was built here last: the same code that the build script
//! of `host/native` has to read them, and what writes them.
#[path = "../../host/native/build/packed.rs"]
mod reader;
#[path = "../../host/native/build/sources.rs"]
mod sources;

pub(crate) use reader::{BuiltFrom, LOCAL, Names, PACKED, sha256};

use crate::shell::{root, write_if_changed};
use anyhow::{Context, Result, anyhow, bail};
use lzma_rust2::{LzmaOptions, LzmaWriter};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// Most bytes of the packed component: it is the one large file in git.
pub(crate) const MOST: usize = 400_000;

/// Where they lie.
pub(crate) fn folder() -> PathBuf {
    root().join("host/native/component")
}

/// The hash of what the component is made of, as it is now.
pub(crate) fn sources_now() -> Result<String> {
    sources::hash(&root()).context("the component's sources could not be read")
}

/// The packed component, and what it was built of.
pub(crate) fn packed() -> Result<(Vec<u8>, BuiltFrom)> {
    reader::unpack(&folder(), &PACKED).map_err(|error| anyhow!(error))
}

/// The packed component, if it was built of the sources as they are now.
pub(crate) fn fitting() -> Result<Option<Vec<u8>>> {
    let now = sources_now()?;
    Ok(packed().ok().filter(|(_, built)| built.sources == now).map(|(bytes, _)| bytes))
}

/// Writes a component and what it was built of; answers how many bytes it has packed.
pub(crate) fn write(names: &Names, component: &[u8], built: &BuiltFrom) -> Result<usize> {
    let options = LzmaOptions::with_preset(9);
    let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, Some(component.len() as u64))?;
    writer.write_all(component)?;
    let packed = writer.finish()?;
    // What was built here stays here.
    if names.bytes == PACKED.bytes && packed.len() > MOST {
        bail!("the component has {} bytes when it is packed; {MOST} are the most that go into git", packed.len());
    }
    write_if_changed(&folder().join(names.bytes), &packed)?;
    write_if_changed(&folder().join(names.text), built.to_string().as_bytes())?;
    Ok(packed.len())
}

/// Removes the one that was built here: the packed one is as good.
pub(crate) fn forget_local() -> Result<()> {
    for name in [LOCAL.bytes, LOCAL.text] {
        let file = folder().join(name);
        if file.exists() {
            fs::remove_file(&file).with_context(|| format!("{} could not be removed", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_component_is_whole_and_small() {
        let (bytes, built) = packed().unwrap();
        assert!(bytes.starts_with(b"\0asm"));
        assert_eq!(sha256(&bytes), built.component);
        assert!(fs::metadata(folder().join(PACKED.bytes)).unwrap().len() <= MOST as u64);
    }

    #[test]
    fn a_changed_or_cut_off_component_is_refused() {
        let at = tempfile::tempdir().unwrap();
        let whole = fs::read(folder().join(PACKED.bytes)).unwrap();
        fs::copy(folder().join(PACKED.text), at.path().join(PACKED.text)).unwrap();
        let read = |bytes: &[u8]| {
            fs::write(at.path().join(PACKED.bytes), bytes).unwrap();
            reader::unpack(at.path(), &PACKED)
        };
        assert!(read(&whole).is_ok());
        for cut in [0, 5, 13, 100, whole.len() / 2, whole.len() - 100] {
            assert!(read(&whole[..cut]).is_err(), "{cut}");
        }
        for flipped in [0, 5, 20, whole.len() / 2] {
            let changed: Vec<u8> =
                whole.iter().enumerate().map(|(i, b)| if i == flipped { b ^ 1 } else { *b }).collect();
            assert!(read(&changed).is_err(), "{flipped}");
        }
        fs::write(at.path().join(PACKED.text), "component: 0\n").unwrap();
        assert!(read(&whole).unwrap_err().contains("built-from.txt has not the lines"));
    }

    #[test]
    fn the_hash_of_the_sources_sees_names_and_contents_and_no_ends_of_lines() {
        let root = tempfile::tempdir().unwrap();
        let (guest, contract) = (root.path().join("loader-component/src"), root.path().join("wit"));
        fs::create_dir_all(&guest).unwrap();
        fs::create_dir_all(&contract).unwrap();
        let hash = |name: &str, text: &str| {
            fs::write(guest.join(name), text).unwrap();
            sources::hash(root.path()).unwrap()
        };
        let first = hash("a.rs", "fn a() {}\n");
        assert_eq!(first, hash("a.rs", "fn a() {}\r\n"));
        assert_eq!(first, hash("notes.txt", "no source"));
        let more = hash("b.rs", "");
        assert_ne!(first, more);
        assert_ne!(more, hash("b.rs", "x"));
        fs::remove_file(guest.join("b.rs")).unwrap();
        assert_eq!(first, sources::hash(root.path()).unwrap());
    }
}
