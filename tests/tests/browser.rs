//! The page in Chromium and the host module in Node. What they do is in `tests/browser`; `cargo xtask web` builds what they need, and
//! `cargo xtask test` sees to it that all of it is there.
#![cfg(feature = "component")]
#![allow(clippy::panic, reason = "a test that cannot go on says so by failing")]
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a script with Node. Its cases are its lines.
fn node(script: &str) {
    let built = root().join("host/web/dist/component/manifest.json");
    assert!(built.is_file(), "the page is not built; run `cargo xtask web`, or all of it with `cargo xtask test`");
    let output = Command::new("node").arg(root().join(script)).output();
    let output =
        output.unwrap_or_else(|error| panic!("node could not be started ({error}); it is Debian's package nodejs"));
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{script} failed\n{said}\n{errors}");
}

#[test]
fn the_host_module_in_node() {
    node("tests/browser/node.mjs");
}

#[test]
fn the_page_in_chromium() {
    node("tests/browser/run.mjs");
}
