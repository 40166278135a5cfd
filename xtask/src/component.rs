//! `cargo xtask component`: the guest as a WebAssembly component.
use crate::interface::{Interface, difference, encode};
use crate::setup::WasmOptions;
use crate::shell::{cargo, quiet, root, say, target, write_if_changed};
use crate::stamp;
use crate::wasm_std::{self, TRIPLE, WasmStd};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Build the guest for wasm and make a component of it, in target/component
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Take the component's imports and exports for the expected ones
    #[arg(long)]
    bless: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let std = wasm_std::find_or_make(options.wasm.wasm_std)?;
    let size = fs::metadata(build(&std, options.bless)?)?.len();
    say(&format!("target/component/weighbridge_loader.wasm is ready ({:.1} KiB)", size as f64 / 1024.0));
    Ok(ExitCode::SUCCESS)
}

/// Where the host takes it from.
pub(crate) fn file() -> PathBuf {
    target().join("component/weighbridge_loader.wasm")
}

/// Builds it where its sources changed; its file is written only when its bytes did, so that nothing is rebuilt in vain.
pub(crate) fn build(std: &WasmStd, bless: bool) -> Result<PathBuf> {
    let (file, listing, mark) = (file(), target().join("component/interface.txt"), target().join("component/stamp"));
    let value = format!("{} {std}", stamp::of_files(&inputs())?);
    if !(file.is_file() && listing.is_file() && stamp::holds(&mark, &value)) {
        quiet(&mut compile(std))?;
        let core = target().join("wasm").join(TRIPLE).join("component/weighbridge_loader.wasm");
        let core = fs::read(&core).with_context(|| format!("cargo built no {}", core.display()))?;
        let component = encode(&core)?;
        let interface = Interface::of(&component)?;
        interface.check()?;
        write_if_changed(&listing, interface.text().as_bytes())?;
        write_if_changed(&file, &component)?;
        stamp::set(&mark, &value)?;
    }
    compare(&fs::read_to_string(&listing)?, bless)?;
    Ok(file)
}

/// What the component is made of.
fn inputs() -> Vec<PathBuf> {
    // Of `wit` the contract alone: its types in Rust are the host's.
    let names = [
        "loader-component",
        "wit/types.wit",
        "wit/storage.wit",
        "wit/observer.wit",
        "wit/loader.wit",
        "Cargo.toml",
        "Cargo.lock",
        ".cargo",
    ];
    let code = ["component.rs", "interface.rs", "wasm_std.rs"].map(|name| format!("xtask/src/{name}"));
    names.iter().map(|name| root().join(name)).chain(code.iter().map(|name| root().join(name))).collect()
}

/// `--crate-type cdylib`, because a crate that is a library too would not be optimised as a whole.
fn compile(std: &WasmStd) -> Command {
    let mut command = cargo(&["rustc", "-p", "weighbridge-loader", "--lib", "--crate-type", "cdylib"]);
    command.args(["--profile", "component", "--target", TRIPLE]);
    std.apply(&mut command);
    command
}

/// Compares with the golden list of what the component reaches and offers.
fn compare(actual: &str, bless: bool) -> Result<()> {
    let golden = root().join("tests/golden/component.txt");
    if bless {
        if write_if_changed(&golden, actual.as_bytes())? {
            say("tests/golden/component.txt is written anew");
        }
        return Ok(());
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    let difference = difference(&expected, actual);
    if !difference.is_empty() {
        bail!(
            "the component's imports and exports are not those of tests/golden/component.txt:\n{difference}\
             If that is meant, run `cargo xtask component --bless`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_is_compiled_as_a_cdylib_with_its_profile_for_wasm() {
        let command = crate::shell::show(&compile(&WasmStd { rustc: None }));
        assert!(
            command.ends_with(
                "rustc -p weighbridge-loader --lib --crate-type cdylib --profile component --target wasm32-unknown-unknown"
            ),
            "{command}"
        );
    }

    #[test]
    fn every_input_is_there() {
        for input in inputs() {
            assert!(input.exists(), "{}", input.display());
        }
    }
}
