//! `cargo xtask run-gui`: from a fresh clone to the inspector's window.
use crate::component;
use crate::needs::{self, WINDOW};
use crate::run::become_it;
use crate::setup::WasmOptions;
use crate::shell::{cargo, clean, quiet, target};
use anyhow::Result;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Build the inspector and show its window, with a file or without
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask run-gui model.gguf\n  cargo xtask run-gui -- model.gguf --theme light\n  cargo xtask run-gui -- --headless --script tour.txt"
)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Build without optimisations
    #[arg(long)]
    debug: bool,
    /// A model or a recording, and arguments of the inspector
    #[arg(value_name = "FILE", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    needs::ensure(&[WINDOW])?;
    component::ready(options.wasm.wasm_std, false)?;
    let mut build = cargo(&["build", "-p", "weighbridge-inspector", "--bin", "weighbridge-inspector"]);
    if !options.debug {
        build.arg("--release");
    }
    quiet(&mut build)?;
    become_it(clean(program(options.debug)).args(&options.args))
}

fn program(debug: bool) -> PathBuf {
    let name = format!("weighbridge-inspector{}", std::env::consts::EXE_SUFFIX);
    target().join(if debug { "debug" } else { "release" }).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inspector_is_where_its_profile_puts_it() {
        assert!(program(true).starts_with(target().join("debug")));
        assert!(program(false).starts_with(target().join("release")));
    }
}
