//! `cargo xtask run`: from a fresh clone to the command line tool at work.
use crate::setup::WasmOptions;
use crate::shell::{cargo, clean, quiet, root, say, target};
use crate::{component, stamp};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Build the command line tool and run it; without arguments, load a sample model
///
/// Standard output is the tool's alone; what the build says goes to standard error. The exit code is the tool's.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask run\n  cargo xtask run -- inspect model.gguf\n  cargo xtask run --release -- verify model.gguf --json"
)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Build with optimisations
    #[arg(long)]
    release: bool,
    /// Arguments of the tool
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

const SAMPLE: &str = "target/models/sample.gguf";

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    component::ready(options.wasm.wasm_std, false)?;
    let tool = ready(options.release)?;
    if !options.args.is_empty() {
        return become_it(clean(&tool).args(&options.args));
    }
    if !root().join(SAMPLE).is_file() {
        std::fs::create_dir_all(target().join("models"))?;
        say(&format!("weighbridge sample {SAMPLE}"));
        quiet(clean(&tool).args(["sample", SAMPLE]).current_dir(root()))?;
    }
    say(&format!("weighbridge load {SAMPLE}"));
    become_it(clean(&tool).args(["load", SAMPLE]).current_dir(root()))
}

/// The tool, built if what it is made of changed since.
fn ready(release: bool) -> Result<PathBuf> {
    let (tool, mark) = (tool(release), target().join(if release { "run-release.stamp" } else { "run-debug.stamp" }));
    let value = stamp::of_files(&inputs())?;
    if !(tool.is_file() && stamp::holds(&mark, &value)) {
        quiet(&mut build(release))?;
        stamp::set(&mark, &value)?;
    }
    Ok(tool)
}

fn inputs() -> Vec<PathBuf> {
    let names = ["host", "wit", "loader-component", "docs", "README.md", "Cargo.toml", "Cargo.lock", ".cargo"];
    let named = std::env::var_os("WEIGHBRIDGE_COMPONENT").map(PathBuf::from);
    names.iter().map(|name| root().join(name)).chain(named).collect()
}

fn build(release: bool) -> Command {
    let mut command = cargo(&["build", "-p", "weighbridge-cli", "--bin", "weighbridge"]);
    if release {
        command.arg("--release");
    }
    command
}

fn tool(release: bool) -> PathBuf {
    let name = format!("weighbridge{}", std::env::consts::EXE_SUFFIX);
    target().join(if release { "release" } else { "debug" }).join(name)
}

/// Gives this process to the tool, so that signals and the exit code are its own.
#[cfg(unix)]
pub(crate) fn become_it(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).with_context(|| format!("{} could not be started", command.get_program().display()))
}

#[cfg(not(unix))]
pub(crate) fn become_it(command: &mut Command) -> Result<ExitCode> {
    let status =
        command.status().with_context(|| format!("{} could not be started", command.get_program().display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::show;

    #[test]
    fn one_binary_is_built() {
        assert!(show(&build(false)).ends_with("build -p weighbridge-cli --bin weighbridge"));
        assert!(show(&build(true)).ends_with("--bin weighbridge --release"));
    }

    #[test]
    fn the_tool_is_where_its_profile_puts_it() {
        assert!(tool(false).starts_with(target().join("debug")));
        assert!(tool(true).starts_with(target().join("release")));
    }
}
