//! `cargo xtask release --dry-run`: every step of packaging, and what would be published where.
use crate::packages::{self, PACKAGES};
use crate::shell::{clean, output, root, target};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Rehearse a release: pack everything and say what would be published where
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Publish nothing
    #[arg(long)]
    dry_run: bool,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !options.dry_run {
        bail!("nothing is published from here yet; `cargo xtask release --dry-run` says what would be");
    }
    let wrong = versions()?;
    if !wrong.is_empty() {
        bail!("the version is {VERSION} in Cargo.toml, but {}", wrong.join("; "));
    }
    println!("version {VERSION}");
    for (package, bytes) in PACKAGES.iter().zip(packages::packed()?) {
        row("crates.io", &format!("{} {VERSION}", package.name), bytes, &format!("cargo publish -p {}", package.name));
    }
    let (file, bytes) = npm()?;
    row("npm", &file, bytes, "npm publish, in host/web");
    for wheel in wheels()? {
        let bytes = fs::metadata(&wheel)?.len();
        let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
        row("PyPI", &name, bytes, "maturin upload");
    }
    println!("nothing was published");
    Ok(ExitCode::SUCCESS)
}

fn row(place: &str, what: &str, bytes: u64, command: &str) {
    println!("{place:<10} {what:<36} {:>7.1} KiB  {command}", bytes as f64 / 1024.0);
}

/// Packs the npm package; answers its file and bytes.
fn npm() -> Result<(String, u64)> {
    let folder = root().join("host/web");
    if !folder.join("dist/component/manifest.json").is_file() {
        bail!("host/web has no compiled parts yet; run `cargo xtask web --component-only` first");
    }
    let to = target().join("package");
    fs::create_dir_all(&to).with_context(|| format!("{} could not be made", to.display()))?;
    let said = output(clean("npm").args(["pack", "--silent", "--pack-destination"]).arg(&to).current_dir(folder))?;
    let file = said.lines().last().unwrap_or_default().trim().to_owned();
    let bytes = fs::metadata(to.join(&file)).with_context(|| format!("npm packed no {file}"))?.len();
    Ok((file, bytes))
}

/// The wheels, where there is a Python package.
fn wheels() -> Result<Vec<PathBuf>> {
    if !root().join("host/python/pyproject.toml").is_file() {
        return Ok(Vec::new());
    }
    let folder = target().join("wheels");
    let of_this = format!("-{VERSION}-");
    let files = fs::read_dir(&folder)
        .with_context(|| format!("{} has no wheels; run `cargo xtask wheel` first", folder.display()))?;
    let mut wheels: Vec<PathBuf> = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|end| end == "whl") && file.to_string_lossy().contains(&of_this))
        .collect();
    wheels.sort();
    if wheels.is_empty() {
        bail!("{} has no wheel of version {VERSION}; run `cargo xtask wheel` first", folder.display());
    }
    Ok(wheels)
}

/// A phrase for each place that has another version than the workspace.
fn versions() -> Result<Vec<String>> {
    let read = |name: &str| fs::read_to_string(root().join(name)).with_context(|| format!("{name} could not be read"));
    let mut wrong = Vec::new();
    let mut hold = |name: &str, text: &str, line: &str| {
        if !text.contains(line) {
            wrong.push(format!("{name} has not {line:?}"));
        }
    };
    let manifest = read("Cargo.toml")?;
    for line in manifest.lines().filter(|line| line.starts_with("weighbridge") && line.contains("path = ")) {
        hold("Cargo.toml", line, &format!("version = \"{VERSION}\""));
    }
    for package in &PACKAGES {
        let name = format!("{}/Cargo.toml", package.folder);
        hold(&name, &read(&name)?, "\nversion.workspace = true\n");
    }
    for name in ["host/web/package.json", "host/web/package-lock.json"] {
        let text = read(name)?;
        // The package's own version is the first.
        let own = text.lines().find(|line| line.trim_start().starts_with("\"version\":")).unwrap_or_default();
        hold(name, own, &format!("\"{VERSION}\""));
    }
    for name in ["loader.wit", "observer.wit", "storage.wit", "types.wit"] {
        let name = format!("wit/{name}");
        hold(&name, &read(&name)?, &format!("package weighbridge:loader@{VERSION};"));
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_version() {
        assert_eq!(versions().unwrap(), Vec::<String>::new());
        let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("[workspace.package]\nversion = \"{VERSION}\"\n")));
    }
}
