//! What `deny.toml` says of dependencies, but for advisories: a test, because it needs no tool that is slow to get.
use crate::shell::{cargo, output, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The parts of `deny.toml` that are looked at here.
struct Policy {
    licences: Vec<spdx::Licensee>,
    registries: Vec<String>,
    once: Vec<String>,
}

impl Policy {
    fn read(text: &str) -> Self {
        let table: toml::Table = text.parse().unwrap();
        let texts = |section: &str, key: &str| -> Vec<String> {
            let list = table[section][key].as_array().unwrap();
            list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let banned = table["bans"]["deny"].as_array().unwrap().iter();
        assert!(texts("sources", "allow-git").is_empty(), "sources in git are not looked at here");
        Self {
            licences: texts("licenses", "allow").iter().map(|text| spdx::Licensee::parse(text).unwrap()).collect(),
            registries: texts("sources", "allow-registry"),
            once: banned.map(|ban| ban["name"].as_str().unwrap().to_owned()).collect(),
        }
    }

    /// A sentence for each thing that is wrong.
    fn complaints(&self, packages: &[Value]) -> Vec<String> {
        let mut versions = BTreeMap::<&str, Vec<&str>>::new();
        let mut said = Vec::new();
        for package in packages {
            let text = |key: &str| package[key].as_str();
            let (name, version) = (text("name").unwrap(), text("version").unwrap());
            versions.entry(name).or_default().push(version);
            // A crate of this workspace has no source.
            if let Some(source) = text("source")
                && !self.registries.iter().any(|known| source.strip_prefix("registry+") == Some(known))
            {
                said.push(format!("{name} {version} comes from {source}"));
            }
            let licence = text("license").unwrap_or_default();
            let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX);
            let allowed = expression.is_ok_and(|expression| {
                expression.evaluate(|asked| self.licences.iter().any(|licensee| licensee.satisfies(asked)))
            });
            if !allowed {
                said.push(format!("{name} {version} has the licence '{licence}'"));
            }
        }
        for name in &self.once {
            if let Some(several) = versions.get(name.as_str()).filter(|list| list.len() > 1) {
                said.push(format!("{name} is there more than once: {}", several.join(", ")));
            }
        }
        said
    }
}

fn policy() -> Policy {
    Policy::read(&fs::read_to_string(root().join("deny.toml")).unwrap())
}

#[test]
fn dependencies_are_as_deny_toml_has_them() {
    let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut metadata = cargo(&["metadata", "--format-version", "1", "--locked", "--filter-platform", &here]);
    let metadata: Value = serde_json::from_slice(&metadata.output().unwrap().stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.iter().any(|package| package["name"] == "wasmtime"));
    assert_eq!(policy().complaints(packages), Vec::<String>::new());
}

#[test]
fn a_git_source_a_licence_and_a_second_version_are_complained_about() {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let package = |name: &str, version: &str, source: &str, license: &str| serde_json::json!({ "name": name, "version": version, "source": source, "license": license });
    let packages = [
        package("a", "1.0.0", "git+https://example.org/a", "MIT/Apache-2.0"),
        package("b", "1.0.0", registry, "GPL-3.0-only"),
        package("c", "1.0.0", registry, "GPL-3.0-only OR MIT"),
        package("d", "1.0.0", registry, ""),
        package("egui", "0.1.0", registry, "MIT"),
        package("egui", "0.2.0", registry, "MIT"),
    ];
    assert_eq!(
        policy().complaints(&packages),
        [
            "a 1.0.0 comes from git+https://example.org/a",
            "b 1.0.0 has the licence 'GPL-3.0-only'",
            "d 1.0.0 has the licence ''",
            "egui is there more than once: 0.1.0, 0.2.0"
        ]
    );
}

#[test]
fn every_package_of_the_lock_has_a_checksum() {
    for file in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let lock: toml::Table = fs::read_to_string(root().join(file)).unwrap().parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        let without =
            packages.iter().filter(|package| package.get("source").is_some() && package.get("checksum").is_none());
        assert_eq!(without.count(), 0, "{file}");
    }
}

/// Everything that is compiled in this workspace, as `name version|features`, once for each set of features.
fn compiled(edges: &str, of: &[&str]) -> Vec<String> {
    let mut tree = cargo(&["tree", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"]);
    let said = output(tree.args(["--edges", edges]).args(of)).unwrap();
    let lines: BTreeSet<String> =
        said.lines().filter(|line| line.contains('|')).map(|line| line.trim_end_matches(" (*)").to_owned()).collect();
    lines.into_iter().collect()
}

#[test]
fn wasmtime_is_compiled_once() {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    let wasmtime = packages.iter().find(|package| package["name"].as_str() == Some("wasmtime")).unwrap();
    let spec = format!("wasmtime@{}", wasmtime["version"].as_str().unwrap());
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
