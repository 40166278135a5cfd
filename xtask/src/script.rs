//! The JavaScript of the package `weighbridge`: its types are compiled and its source is linted, with tools from npm that its lock
//! file pins; and it is packed, installed in an empty folder and used there, in Node and through a bundler.
use crate::shell::{quiet, root, target};
use crate::stamp;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

fn package() -> PathBuf {
    root().join("host/web")
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(package());
    command
}

/// Installs what is pinned, where that changed, and runs both.
pub(crate) fn check() -> Result<()> {
    let mark = target().join("npm.stamp");
    let value = stamp::of_files(&[package().join("package.json"), package().join("package-lock.json")])?;
    if !(package().join("node_modules").is_dir() && stamp::holds(&mark, &value)) {
        quiet(&mut npm(&["ci", "--no-audit", "--no-fund"]))?;
        stamp::set(&mark, &value)?;
    }
    quiet(&mut npm(&["run", "types"]))?;
    quiet(&mut npm(&["run", "lint"]))?;
    let mut used = Command::new("node");
    quiet(used.arg(root().join("tests/browser/package.mjs")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = std::fs::read_to_string(package().join("package-lock.json")).unwrap();
        assert!(!lock.contains("\"resolved\""), "npm is told in .npmrc to leave out where packages came from");
    }
}
