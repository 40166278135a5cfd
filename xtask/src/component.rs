//! `cargo xtask component`: the guest as a WebAssembly component.
use crate::interface::{Interface, difference, encode};
use crate::packed::{self, BuiltFrom, LOCAL, PACKED, sha256};
use crate::setup::WasmOptions;
use crate::shell::{cargo, quiet, root, say, target, write_if_changed};
use crate::stamp;
use crate::wasm_std::{self, Route, TRIPLE, WasmStd};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Get the guest ready as a component, in target/component and for the library
///
/// The component that is part of the library's package is taken where it was built of these sources; else it is built.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Take the component's imports and exports for the expected ones
    #[arg(long)]
    bless: bool,
    /// Build it and put it into the library's package, with what it was built of
    #[arg(long, conflicts_with = "check")]
    pack: bool,
    /// Check that the packed one was built of these sources
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let route = options.wasm.wasm_std;
    if options.pack {
        let (component, built) = built(&wasm_std::find_or_make(route)?)?;
        let size = packed::write(&PACKED, &component, &built)?;
        say(&format!("host/native/component has the component of these sources ({:.1} KiB)", size as f64 / 1024.0));
    }
    let file = if options.check { check(route)? } else { ready(route, options.bless)? };
    let size = fs::metadata(file)?.len();
    say(&format!("target/component/weighbridge_loader.wasm is ready ({:.1} KiB)", size as f64 / 1024.0));
    Ok(ExitCode::SUCCESS)
}

/// Where tools take it from; the library has it from its package or from what is built beside that.
fn file() -> PathBuf {
    target().join("component/weighbridge_loader.wasm")
}

/// Gets the component of these sources: the packed one, or one that is built now. Files are written only when their bytes change, so
/// that nothing is rebuilt in vain.
pub(crate) fn ready(route: Option<Route>, bless: bool) -> Result<PathBuf> {
    ready_with(|| wasm_std::find_or_make(route), bless)
}

/// As [`ready`], with a std that is asked for where something has to be built.
pub(crate) fn ready_with(std: impl FnOnce() -> Result<WasmStd>, bless: bool) -> Result<PathBuf> {
    let component = if let Some(component) = packed::fitting()? {
        packed::forget_local()?;
        component
    } else {
        say("the packed component is of other sources; building these (`cargo xtask component --pack` renews it)");
        let (component, built) = built(&std()?)?;
        packed::write(&LOCAL, &component, &built)?;
        component
    };
    let interface = Interface::of(&component)?;
    interface.check()?;
    let (file, listing) = (file(), interface.text());
    write_if_changed(&file.with_file_name("interface.txt"), listing.as_bytes())?;
    write_if_changed(&file, &component)?;
    compare(&listing, bless)?;
    Ok(file)
}

/// Holds the packed component against the sources: it was built of these. Its bytes cannot be held against those of a build
/// here: the macro that makes the machines, `sml!` of stateforward-sml 2.0.0, writes their guards and actions in an order that is
/// another one each time. The tests, which run it, are what it is held against.
pub(crate) fn check(route: Option<Route>) -> Result<PathBuf> {
    let (_, of) = packed::packed().context("there is no packed component; run `cargo xtask component --pack`")?;
    if of.sources != packed::sources_now()? {
        bail!("the packed component was built of other sources than these; run `cargo xtask component --pack`");
    }
    ready(route, false)
}

/// Builds it where its sources changed.
fn built(std: &WasmStd) -> Result<(Vec<u8>, BuiltFrom)> {
    let (file, mark) = (target().join("component/built.wasm"), target().join("component/stamp"));
    let value = format!("{} {std}", stamp::of_files(&inputs())?);
    if !(file.is_file() && stamp::holds(&mark, &value)) {
        quiet(&mut compile(std))?;
        let core = target().join("wasm").join(TRIPLE).join("component/weighbridge_loader.wasm");
        let core = fs::read(&core).with_context(|| format!("cargo built no {}", core.display()))?;
        write_if_changed(&file, &encode(&core)?)?;
        stamp::set(&mark, &value)?;
    }
    let component = fs::read(&file).with_context(|| format!("{} could not be read", file.display()))?;
    let built = BuiltFrom {
        component: sha256(&component),
        sources: packed::sources_now()?,
        lockfile: sha256(&fs::read(root().join("Cargo.lock")).context("Cargo.lock could not be read")?),
        compiler: std.compiler()?,
        std: std.origin()?,
    };
    Ok((component, built))
}

/// What the component is made of.
fn inputs() -> Vec<PathBuf> {
    let names = ["loader-component", "wit", "Cargo.toml", "Cargo.lock", ".cargo"];
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
