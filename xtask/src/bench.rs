//! `cargo xtask bench`: the benchmarks.
use crate::component;
use crate::setup::WasmOptions;
use crate::shell::{cargo, finish};
use anyhow::Result;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Run the benchmarks
#[derive(clap::Args)]
#[command(after_help = "Example:\n  cargo xtask bench -- --quick open")]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Arguments of criterion: a filter, --quick, …
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    component::ready(options.wasm.wasm_std, false)?;
    finish(&mut command(&options.args))?;
    Ok(ExitCode::SUCCESS)
}

/// `--benches`, because the library's own test harness does not know criterion's arguments.
fn command(args: &[OsString]) -> Command {
    let mut command = cargo(&["bench", "-p", "weighbridge-benches", "--benches", "--"]);
    command.args(args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_criterions() {
        let shown = crate::shell::show(&command(&["--quick".into(), "open".into()]));
        assert!(shown.ends_with("bench -p weighbridge-benches --benches -- --quick open"), "{shown}");
    }
}
