//! What a page weighs: each file compressed beside itself, for a server that sends it so.
use anyhow::{Context, Result};
use libdeflater::{CompressionLvl, Compressor};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn pack(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    let (mut total, mut compressed) = (0, 0);
    for file in files {
        let content = fs::read(&file).with_context(|| format!("{} could not be read", file.display()))?;
        let packed = gzip(&content)?;
        let mut beside = file.clone().into_os_string();
        beside.push(".gz");
        fs::write(&beside, &packed)?;
        println!("{:>9} {:>9}  {}", content.len(), packed.len(), file.strip_prefix(folder).unwrap_or(&file).display());
        total += content.len();
        compressed += packed.len();
    }
    println!("{total:>9} {compressed:>9}  bytes of everything, plain and compressed");
    Ok(())
}

/// As small as gzip gets in a few seconds.
fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut packed = vec![0; compressor.gzip_compress_bound(content.len())];
    let length = compressor.gzip_compress(content, &mut packed).context("what is compressed has no room")?;
    packed.truncate(length);
    Ok(packed)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_none_or(|end| end != "gz") {
            files.push(path);
        }
    }
    Ok(())
}
