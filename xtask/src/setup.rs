//! `cargo xtask setup`: what a build needs and cargo cannot get.
use crate::shell::say;
use crate::wasm_std::{self, Route};
use anyhow::Result;
use std::process::ExitCode;

/// Find or make what builds need: the std for wasm32-unknown-unknown
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) wasm: WasmOptions,
}

/// Options of every task that builds wasm.
#[derive(clap::Args)]
pub(crate) struct WasmOptions {
    /// Where the wasm std comes from; also by the variable WEIGHBRIDGE_WASM_STD
    #[arg(long, value_enum, value_name = "ROUTE")]
    pub(crate) wasm_std: Option<Route>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let std = wasm_std::find_or_make(options.wasm.wasm_std)?;
    say(&format!("the wasm std is ready: {std}"));
    Ok(ExitCode::SUCCESS)
}
