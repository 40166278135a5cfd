//! Embeds the loader component, as WebAssembly and as machine code, so that a program that uses this crate is one file, needs no
//! compiler, and runs no code that another program wrote.
//!
//! The component comes from the file that `WEIGHBRIDGE_COMPONENT` names, else from the folder `component`: it is the packed one, or in
//! the repository, where the sources have changed since it was packed, the one that `cargo xtask component` built last.
mod packed;
mod sources;

#[path = "../src/config.rs"]
mod config;

use config::Room;
use packed::{BuiltFrom, LOCAL, Names, PACKED};
use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={}", error.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let here = folder("CARGO_MANIFEST_DIR")?;
    println!("cargo::rerun-if-env-changed=WEIGHBRIDGE_COMPONENT");
    for watched in ["build", "component", "src/config.rs"] {
        println!("cargo::rerun-if-changed={}", here.join(watched).display());
    }
    let component = component(&here)?;
    let id = packed::sha256(&component);
    let out = folder("OUT_DIR")?;
    write(&out.join("component.wasm"), &component)?;
    // Two at a time: each takes seconds where the compiler itself was compiled without optimisation.
    let narrow = {
        let (component, id, out) = (component.clone(), id.clone(), out.clone());
        thread::spawn(move || machine_code(&component, &id, Room::Narrow, &out.join("narrow")))
    };
    machine_code(&component, &id, Room::Wide, &out.join("wide"))?;
    narrow.join().map_err(|_| "the compiler gave up on the component".to_owned())??;
    println!("cargo::rustc-env=WEIGHBRIDGE_COMPONENT_SHA256={id}");
    Ok(())
}

fn folder(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("cargo did not set {variable}"))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(file, bytes).map_err(|error| format!("{} cannot be written ({error})", file.display()))
}

fn component(here: &Path) -> Result<Vec<u8>, String> {
    if let Some(file) = env::var_os("WEIGHBRIDGE_COMPONENT").filter(|file| !file.is_empty()).map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", file.display());
        return fs::read(&file)
            .map_err(|error| format!("WEIGHBRIDGE_COMPONENT: {} cannot be read ({error})", file.display()));
    }
    let folder = here.join("component");
    Ok(packed::unpack(&folder, chosen(here, &folder)?)?.0)
}

/// The packed component, unless this is the repository and its sources are others by now.
fn chosen(here: &Path, folder: &Path) -> Result<&'static Names, String> {
    let root = here.join("../..");
    // In a package there is nothing but the packed one.
    if !root.join("loader-component/Cargo.toml").is_file() {
        return Ok(&PACKED);
    }
    let sources = sources::hash(&root).map_err(|error| format!("the component's sources cannot be read ({error})"))?;
    if BuiltFrom::of(folder, &PACKED)?.sources == sources {
        return Ok(&PACKED);
    }
    let local = BuiltFrom::of(folder, &LOCAL);
    if !local.as_ref().is_ok_and(|local| local.sources == sources) {
        println!(
            "cargo::warning=the embedded component was built of other sources than these: run `cargo xtask component`"
        );
    }
    Ok(if local.is_ok() { &LOCAL } else { &PACKED })
}

/// Compiles the component for the processor family that this crate is built for, without what only some of its processors have.
/// What was compiled in this folder before is kept, if it was the same.
fn machine_code(component: &[u8], id: &str, room: Room, out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|error| format!("{} cannot be made ({error})", out.display()))?;
    let target = env::var("TARGET").map_err(|error| format!("cargo did not set TARGET ({error})"))?;
    let no_compiler = |error: wasmtime::Error| format!("the component cannot be compiled for {target}: {error:#}");
    let mut config = config::config(room, env::var_os("CARGO_CFG_WINDOWS").is_some());
    config.target(&target).map_err(no_compiler)?;
    let engine = wasmtime::Engine::new(&config).map_err(no_compiler)?;
    let mut hash = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hash);
    let key = format!("{id} {:016x}", hash.finish());
    let (code, mark) = (out.join("component.cwasm"), out.join("component.key"));
    if code.is_file() && fs::read_to_string(&mark).is_ok_and(|old| old == key) {
        return Ok(());
    }
    // First without the mark, so that what is cut short is not taken for whole.
    write(&mark, b"")?;
    write(&code, &engine.precompile_component(component).map_err(no_compiler)?)?;
    write(&mark, key.as_bytes())
}
