//! Embeds the loader component, so that a program that uses this crate is one file.
//!
//! The component comes from `WEIGHBRIDGE_COMPONENT`, else from where `cargo xtask component` puts it.
use sha2::{Digest as _, Sha256};
use std::{env, fmt::Write as _, fs, path::PathBuf, process::exit};

fn main() {
    println!("cargo::rerun-if-env-changed=WEIGHBRIDGE_COMPONENT");
    println!("cargo::rerun-if-changed=build.rs");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let path = env::var_os("WEIGHBRIDGE_COMPONENT")
        .map_or_else(|| here.join("../../target/component/weighbridge_loader.wasm"), PathBuf::from);
    println!("cargo::rerun-if-changed={}", path.display());
    let embedded = fs::canonicalize(&path).and_then(|path| fs::read(&path).map(|bytes| (path, bytes)));
    let (path, bytes) = match embedded {
        Ok(found) => found,
        Err(error) => {
            println!("cargo::error=the loader component cannot be read ({error}): run `cargo xtask component` first");
            exit(1)
        }
    };
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(&bytes) {
        let _ = write!(hex, "{byte:02x}");
    }
    println!("cargo::rustc-env=WEIGHBRIDGE_COMPONENT_PATH={}", path.display());
    println!("cargo::rustc-env=WEIGHBRIDGE_COMPONENT_SHA256={hex}");
}
