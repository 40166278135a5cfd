//! The component that means harm (`tests/hostile`) on the hosts of JavaScript: Node, and a worker of Chromium. What they do with it is in
//! `tests/browser/hostile*`; here it is assembled, and taken apart as the page does with the loader.
#![cfg(feature = "component")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by failing")]
#[path = "../hostile/component.rs"]
mod component;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The component as an ES module, where the hosts find it.
fn made() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let (folder, tool) = (root().join("target/hostile"), root().join("target/debug/xtask-web"));
        assert!(
            tool.is_file(),
            "no web module can be made; run `cargo xtask web --component-only`, or `cargo xtask test`"
        );
        let modules = folder.join("component");
        std::fs::create_dir_all(&modules).unwrap();
        let bytes = component::hostile_component(&root().join("wit"));
        std::fs::write(folder.join("guest.wasm"), &bytes).unwrap();
        let made = Command::new(tool).arg("component").arg(folder.join("guest.wasm")).arg(&modules).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let names = std::fs::read_dir(&modules).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files: String = names
            .filter(|name| name.ends_with(".wasm"))
            .map(|name| format!("'{name}': new URL('./{name}', import.meta.url),"))
            .collect();
        let index = format!(
            "export {{ instantiate }} from './weighbridge_loader.js';\nexport const manifest = {{ id: 'hostile', bytes: {} }};\n\
             export const files = {{ {files} }};\n",
            bytes.len()
        );
        std::fs::write(modules.join("index.js"), index).unwrap();
        folder
    })
}

fn run(host: &str) {
    let output = Command::new("node").arg(root().join("tests/browser/hostile.mjs")).arg(host).arg(made()).output();
    let output =
        output.unwrap_or_else(|error| panic!("node could not be started ({error}); it is Debian's package nodejs"));
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{errors}");
}

#[test]
fn every_attack_is_answered_in_node() {
    run("node");
}

#[test]
fn every_attack_is_answered_in_a_worker_of_chromium() {
    run("chromium");
}
