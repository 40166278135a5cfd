//! The Python package `weighbridge` (`host/python`): its wheels, its tests, and the tests of its peer.
use crate::python::{self, pip};
use crate::setup::WasmOptions;
use crate::shell::{cargo, output, quiet, root, say, target};
use crate::{component, stamp};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Make the wheel of the Python package, as it is published, in target/wheels
///
/// maturin builds it for the stable ABI of Python 3.9, so that one wheel serves every newer CPython, and says which manylinux
/// it is good for: that of the C library that it was linked with. An older system makes a wheel for older ones.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
}

fn package() -> PathBuf {
    root().join("host/python")
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    component::ready(options.wasm.wasm_std, false)?;
    let python = python::environment("python-build", &[package().join("requirements-wheel.txt")])?;
    quiet(&mut maturin(&python))?;
    say("the wheel is in target/wheels");
    Ok(ExitCode::SUCCESS)
}

fn maturin(python: &Path) -> Command {
    // In the environment that cargo would have, so that it compiles into the one target.
    let like = cargo(&[]);
    let mut build = Command::new(python);
    build.args(["-m", "maturin", "build", "--release", "--locked", "--auditwheel", "repair", "--out"]);
    build.arg(target().join("wheels")).arg("--manifest-path").arg(package().join("Cargo.toml"));
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => build.env(name, value),
            None => build.env_remove(name),
        };
    }
    build.current_dir(root());
    build
}

/// Installs the package into an environment with what its tests need, and answers that environment's interpreter.
fn install(name: &str, requirements: &[PathBuf]) -> Result<PathBuf> {
    // With the features that the tests of the workspace have: nothing but this crate is compiled after them.
    quiet(&mut cargo(&["build", "--workspace", "--lib"]))?;
    let extension =
        target().join("debug").join(format!("{}_native{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX));
    let python = python::environment(name, requirements)?;
    let wheel =
        output(Command::new(&python).arg(package().join("pack.py")).arg(extension).arg(target().join("python-dev")))?;
    quiet(pip(&python).args(["install", "--force-reinstall", "--no-deps", "--no-index"]).arg(wheel.trim()))?;
    Ok(python)
}

/// The commands that test it: its own tests, then those of the package safetensors.
pub(crate) fn tests() -> Result<Vec<Command>> {
    let python = install("python-test", &[package().join("tests/requirements.txt")])?;
    Ok(vec![pytest(&python, "tests"), peer(&python)?])
}

/// The same in an environment with torch.
pub(crate) fn torch_tests() -> Result<Vec<Command>> {
    let files = ["tests/requirements.txt", "tests_torch/requirements.txt"].map(|file| package().join(file));
    let python = install("python-torch", &files)?;
    Ok(vec![pytest(&python, "tests"), pytest(&python, "tests_torch"), peer(&python)?])
}

fn pytest(python: &Path, tests: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", tests]).current_dir(package());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The tests of safetensors, from its source distribution, which is fetched and never part of this repository.
fn peer(python: &Path) -> Result<Command> {
    let folder = target().join("python-peer");
    let wanted = package().join("peer/source.txt");
    let (mark, value) = (folder.join("stamp"), stamp::of_contents(std::slice::from_ref(&wanted))?);
    if !stamp::holds(&mark, &value) {
        say("fetching the source of the package safetensors from PyPI");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let download = ["download", "--no-deps", "--no-binary", "safetensors", "--require-hashes", "--dest"];
        quiet(pip(python).args(download).arg(&folder).arg("--requirement").arg(&wanted))
            .context("the peer's tests could not be fetched; when the network is there, run this again")?;
        for entry in fs::read_dir(&folder)? {
            let archive = entry?.path();
            quiet(Command::new(python).args(["-m", "tarfile", "-e"]).arg(&archive).arg(&folder))?;
            fs::remove_file(&archive)?;
        }
        stamp::set(&mark, &value)?;
    }
    let mut sources = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    let source = sources.next().context("the peer's source distribution holds no folder")?;
    let mut command = Command::new(python);
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "weighbridge_peer", "tests"]);
    // Its tests write beside themselves.
    command.current_dir(source.join("bindings/python")).env("PYTHONPATH", package().join("peer"));
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::show;

    #[test]
    fn every_package_is_pinned() {
        for file in
            ["tests/requirements.txt", "tests_torch/requirements.txt", "requirements-wheel.txt", "peer/source.txt"]
        {
            let text = fs::read_to_string(package().join(file)).unwrap();
            let packages: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
            assert!(!packages.is_empty() && packages.iter().all(|line| line.contains("==")), "{file}");
        }
    }

    #[test]
    fn the_version_is_one() {
        let number = concat!("__version__ = \"", env!("CARGO_PKG_VERSION"), "\"");
        let text = fs::read_to_string(package().join("python/weighbridge/__init__.py")).unwrap();
        assert!(text.lines().any(|line| line == number), "{number}");
    }

    #[test]
    fn every_difference_to_the_peer_has_a_reason() {
        let text = fs::read_to_string(package().join("peer/differences.txt")).unwrap();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let reason = line.split_once(" | ").map(|(_, reason)| reason.trim().len());
            assert!(reason > Some(20), "{line}");
        }
    }

    #[test]
    fn the_wheel_is_a_release_into_the_one_target() {
        let shown = show(&maturin(Path::new("python")));
        assert!(shown.starts_with("python -m maturin build --release --locked"), "{shown}");
    }
}
