//! `cargo xtask soak`: many threads at once, for long.
use crate::component;
use crate::fuzz::duration;
use crate::setup::WasmOptions;
use crate::shell::{cargo, finish};
use anyhow::Result;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Open, load, cancel, drop and cut off models on 64 threads at the same time
///
/// Fails where descriptors, mappings, threads or memory do not end where they began. Shows what came out how often.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  cargo xtask soak --time 10m")]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// How long, such as 90s, 10m or 2h
    #[arg(long, default_value = "10m", value_parser = duration)]
    time: Duration,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    component::ready(options.wasm.wasm_std, false)?;
    finish(&mut command(options.time))?;
    Ok(ExitCode::SUCCESS)
}

fn command(time: Duration) -> Command {
    let mut command = cargo(&["test", "--release", "-p", "weighbridge", "--test", "soak", "--", "--nocapture"]);
    command.env("WEIGHBRIDGE_SOAK_SECONDS", time.as_secs().to_string());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_gets_its_seconds() {
        let command = command(Duration::from_secs(600));
        assert!(
            command.get_envs().any(|(name, value)| {
                name == "WEIGHBRIDGE_SOAK_SECONDS" && value.is_some_and(|value| value == "600")
            })
        );
    }
}
