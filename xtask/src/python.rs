//! Python environments of our own in `target`, with pinned packages.
use crate::needs::{self, PYTHON};
use crate::shell::{quiet, root, say, target};
use crate::stamp;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of the environment that makes and reads the reference models.
pub(crate) fn ready() -> Result<PathBuf> {
    environment("python", &[root().join("tests/python/requirements.txt")])
}

/// The interpreter of the environment of this name, which is made or brought up to date first: with the packages of these files.
pub(crate) fn environment(name: &str, wanted: &[PathBuf]) -> Result<PathBuf> {
    let home = target().join(name);
    let (python, mark) = (home.join("bin/python"), home.join("stamp"));
    let value = stamp::of_contents(wanted)?;
    // An environment whose interpreter was upgraded away is a dangling link: not a file, so it is made anew.
    if python.is_file() && stamp::holds(&mark, &value) {
        return Ok(python);
    }
    needs::ensure(&[PYTHON])?;
    say(&format!("making a Python environment in target/{name}"));
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    quiet(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let mut install = pip(&python);
    install.arg("install");
    for file in wanted {
        install.arg("--requirement").arg(file);
    }
    quiet(&mut install)?;
    stamp::set(&mark, &value)?;
    Ok(python)
}

/// `pip` that says only what went wrong.
pub(crate) fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        for file in ["requirements.txt", "model.txt", "pytorch.txt"] {
            let text = fs::read_to_string(root().join("tests/python").join(file)).unwrap();
            let packages: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
            assert!(!packages.is_empty() && packages.iter().all(|line| line.contains("==")), "{file}");
        }
    }
}
