//! What a page weighs: each file compressed beside itself, by Brotli and by gzip, for a server that sends it so.
use anyhow::{Context, Result};
use libdeflater::{CompressionLvl, Compressor};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn pack(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    files.sort();
    let (mut total, mut small, mut gzipped) = (0, 0, 0);
    for file in files {
        let content = fs::read(&file).with_context(|| format!("{} could not be read", file.display()))?;
        let (smallest, packed) = (brotli(&content)?, gzip(&content)?);
        for (end, bytes) in [(".br", &smallest), (".gz", &packed)] {
            let mut beside = file.clone().into_os_string();
            beside.push(end);
            fs::write(&beside, bytes)?;
        }
        let (plain, name) = (content.len(), file.strip_prefix(folder).unwrap_or(&file).display());
        println!("{plain:>9} {:>9} {:>9}  {name}", smallest.len(), packed.len());
        total += plain;
        small += smallest.len();
        gzipped += packed.len();
    }
    println!("{total:>9} {small:>9} {gzipped:>9}  bytes of everything: plain, by Brotli, by gzip");
    Ok(())
}

/// As small as Brotli gets it.
fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let size_hint = content.len();
    let settings = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 24, size_hint, ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut packed, &settings).context("Brotli gave up")?;
    Ok(packed)
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
        } else if path.extension().is_none_or(|end| end != "gz" && end != "br") {
            files.push(path);
        }
    }
    Ok(())
}
