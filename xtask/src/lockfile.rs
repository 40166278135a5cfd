//! What `Cargo.lock` must never say: a test, because it needs no tool that is slow to get.
use crate::shell::root;
use std::collections::BTreeMap;
use std::fs;

/// Crates of which two versions would be two worlds: their types don't mix, and each costs minutes to build.
const ONCE: [&str; 3] = ["eframe", "egui", "wasmtime"];

/// The only place that dependencies come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// One package of a lock file.
#[derive(Default)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: bool,
}

fn packages(lock: &str) -> Vec<Package> {
    let mut packages = Vec::new();
    for line in lock.lines() {
        if line == "[[package]]" {
            packages.push(Package::default());
        }
        if let (Some(package), Some((key, value))) = (packages.last_mut(), line.split_once(" = ")) {
            let value = value.trim_matches('"').to_owned();
            match key {
                "name" => package.name = value,
                "version" => package.version = value,
                "source" => package.source = Some(value),
                "checksum" => package.checksum = true,
                _ => {}
            }
        }
    }
    packages
}

/// A sentence for each thing that is wrong.
fn complaints(lock: &str) -> Vec<String> {
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    let mut said = Vec::new();
    for package in packages(lock) {
        let named = format!("{} {}", package.name, package.version);
        match package.source.as_deref() {
            // A crate of this workspace.
            None => {}
            Some(REGISTRY) if package.checksum => {}
            Some(REGISTRY) => said.push(format!("{named} has no checksum")),
            Some(source) => said.push(format!("{named} comes from {source}")),
        }
        versions.entry(package.name).or_default().push(package.version);
    }
    for name in ONCE {
        if let Some(several) = versions.get(name).filter(|list| list.len() > 1) {
            said.push(format!("{name} is there more than once: {}", several.join(", ")));
        }
    }
    said
}

#[test]
fn dependencies_come_from_the_registry_and_the_big_ones_once() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert!(packages(&lock).iter().any(|package| package.name == "xtask"));
    assert_eq!(complaints(&lock), Vec::<String>::new());
}

#[test]
fn a_git_source_a_missing_checksum_and_a_second_version_are_complained_about() {
    let lock = format!(
        "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"git+https://example.org/a\"\n\n\
         [[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"{REGISTRY}\"\n\n\
         [[package]]\nname = \"egui\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"egui\"\nversion = \"0.2.0\"\n"
    );
    assert_eq!(
        complaints(&lock),
        [
            "a 1.0.0 comes from git+https://example.org/a",
            "b 1.0.0 has no checksum",
            "egui is there more than once: 0.1.0, 0.2.0"
        ]
    );
}

/// Everything that is compiled in this workspace, as `name version|features`, once for each set of features.
fn compiled(edges: &str, of: &[&str]) -> Vec<String> {
    let mut tree = crate::shell::cargo(&["tree", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"]);
    let said = crate::shell::output(tree.args(["--edges", edges]).args(of)).unwrap();
    let lines: std::collections::BTreeSet<String> =
        said.lines().filter(|line| line.contains('|')).map(|line| line.trim_end_matches(" (*)").to_owned()).collect();
    lines.into_iter().collect()
}

#[test]
fn wasmtime_is_compiled_once() {
    let wasmtime = packages(&fs::read_to_string(root().join("Cargo.lock")).unwrap());
    let wasmtime = wasmtime.iter().find(|package| package.name == "wasmtime").unwrap();
    let spec = format!("wasmtime@{}", wasmtime.version);
    let name = |line: &String| line.split_once('|').unwrap().0.to_owned();
    let parts: Vec<String> = compiled("normal,no-proc-macro", &["--package", &spec]).iter().map(name).collect();
    assert!(parts.iter().any(|part| part.starts_with("cranelift-codegen ")), "{parts:?}");
    let all = compiled("normal,build,dev", &["--workspace"]);
    let of = |part: &String| all.iter().filter(|line| name(line) == *part).cloned().collect::<Vec<_>>();
    let twice: Vec<String> = parts.iter().map(of).filter(|lines| lines.len() > 1).flatten().collect();
    assert!(
        twice.is_empty(),
        "these have other features below a build script than below a program, so that wasmtime is compiled twice: add what one of \
         them lacks to benches/Cargo.toml, as it is done there\n{}",
        twice.join("\n")
    );
}
