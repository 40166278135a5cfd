//! What is published, and whether a stranger can use it: every package has all that it needs and nothing else, and a program of six
//! lines that has the library from a folder, from a git repository or from its package loads a model.
use crate::shell::{cargo, clean, output, quiet, root, say, target};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A crate that is published.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
    /// Files without which it would not do what it is for.
    has: &'static [&'static str],
    /// Whether it is built from its package alone. The others are built by what follows, or take minutes.
    verified: bool,
}

/// In the order in which they are published: each after what it depends on.
pub(crate) const PACKAGES: [Package; 5] = [
    Package {
        name: "weighbridge-wit",
        folder: "wit",
        has: &["loader.wit", "observer.wit", "storage.wit", "types.wit", "src/lib.rs"],
        verified: true,
    },
    Package { name: "weighbridge-core", folder: "host/core", has: &["src/lib.rs"], verified: true },
    Package {
        name: "weighbridge",
        folder: "host/native",
        has: &[
            "README.md",
            "build/main.rs",
            "component/built-from.txt",
            "component/weighbridge_loader.wasm.lzma",
            "src/lib.rs",
        ],
        verified: false,
    },
    Package { name: "weighbridge-cli", folder: "host/cli", has: &["README.md", "src/main.rs"], verified: false },
    Package {
        name: "weighbridge-inspector",
        folder: "gui",
        has: &["README.md", "src/main.rs", "web/icon.svg"],
        verified: false,
    },
];

/// What no package has: what is for this repository's tests, or was made here.
const NEVER: [&str; 6] = ["tests/snapshots/", "component/local.", "benches/", "web/page/", ".png", "target/"];

/// Most bytes of a packed crate.
const MOST: u64 = 1 << 20;

/// Crates that must not be among what a program with the library is made of: command lines, and a compiler.
const NOT_IN_A_LIBRARY: [&str; 8] = [
    "clap",
    "comfy-table",
    "cranelift-codegen",
    "cranelift-frontend",
    "indicatif",
    "lzma-rust2",
    "regalloc2",
    "wasmtime-internal-cranelift",
];

/// Most crates that a program with the library is made of.
const MOST_CRATES: usize = 70;

/// The stage of the suite.
pub(crate) fn check() -> Result<()> {
    packed()?;
    let light = PACKAGES.iter().filter(|package| package.verified).flat_map(|package| ["-p", package.name]);
    quiet(cargo(&["package", "--allow-dirty"]).args(light)).context("a package does not build by itself")?;
    let place = tempfile::tempdir().context("there is no folder for programs")?;
    write_model(&place.path().join("model.safetensors"))?;
    for (kind, dependency) in [
        ("path", by_path()),
        ("git", by_git(&place.path().join("repository"))?),
        ("package", by_package(&place.path().join("packages"))?),
    ] {
        say(&format!("a program with the library from a {kind}"));
        loads_a_model(&place.path().join(kind), &dependency)?;
    }
    let tree = output(&mut in_folder(
        &place.path().join("path"),
        &["tree", "--edges", "normal,no-proc-macro", "--prefix", "none"],
    ))?;
    lean(&tree)?;
    installs(place.path())
}

/// Packs every crate and looks into what was packed; answers the bytes of each.
pub(crate) fn packed() -> Result<Vec<u64>> {
    let names = PACKAGES.iter().flat_map(|package| ["-p", package.name]);
    quiet(cargo(&["package", "--allow-dirty", "--no-verify"]).args(names)).context("a crate cannot be packed")?;
    PACKAGES
        .iter()
        .map(|package| {
            let file = crate_file(package.name);
            let listed = output(clean("tar").arg("-tzf").arg(&file))?;
            let bytes = fs::metadata(&file)?.len();
            let wrong = complaints(package, &listed, bytes);
            ensure!(wrong.is_empty(), "the package {}: {}", package.name, wrong.join("; "));
            Ok(bytes)
        })
        .collect()
}

fn crate_file(name: &str) -> PathBuf {
    target().join("package").join(format!("{name}-{}.crate", env!("CARGO_PKG_VERSION")))
}

/// A phrase for each thing that is wrong with a package.
fn complaints(package: &Package, listed: &str, bytes: u64) -> Vec<String> {
    let files: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_once('/')).map(|(_, file)| file).collect();
    let missing = package.has.iter().filter(|file| !files.contains(*file)).map(|file| format!("{file} is missing"));
    let strange = files.iter().filter(|file| NEVER.iter().any(|never| file.contains(never)));
    let strange = strange.map(|file| format!("{file} should not be in it"));
    let large = (bytes > MOST).then(|| format!("it has {bytes} bytes, and {MOST} are the most"));
    missing.chain(strange).chain(large).collect()
}

/// What stands under `[dependencies]` and below it.
fn by_path() -> String {
    format!("weighbridge = {{ path = {:?} }}\n", root().join("host/native"))
}

/// A repository with what is in the work tree now.
fn by_git(repository: &Path) -> Result<String> {
    let git = |args: &[&str], folder: &Path| {
        let mut git = clean("git");
        git.args(["-c", "user.name=xtask", "-c", "user.email=xtask@localhost", "-c", "commit.gpgsign=false"]);
        git.args(args).current_dir(folder);
        git
    };
    let files = output(&mut git(&["ls-files", "-z", "--cached", "--others", "--exclude-standard"], &root()))?;
    for name in files.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root().join(name), repository.join(name));
        // A file that was removed and not yet committed is still listed.
        if from.is_file() {
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(&from, &to).with_context(|| format!("{name} could not be copied"))?;
        }
    }
    quiet(&mut git(&["init", "--quiet", "--initial-branch", "main"], repository))?;
    quiet(&mut git(&["add", "--all"], repository))?;
    quiet(&mut git(&["commit", "--quiet", "--no-verify", "--message", "All"], repository))?;
    Ok(format!("weighbridge = {{ git = \"file://{}\" }}\n", repository.display()))
}

/// The packages as a registry would give them.
fn by_package(folder: &Path) -> Result<String> {
    fs::create_dir_all(folder)?;
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("weighbridge = {version:?}\n\n[patch.crates-io]\n");
    for package in PACKAGES.iter().take(3) {
        quiet(clean("tar").arg("-xzf").arg(crate_file(package.name)).arg("-C").arg(folder))?;
        let unpacked = folder.join(format!("{}-{version}", package.name));
        text.push_str(&format!("{} = {{ path = {unpacked:?} }}\n", package.name));
    }
    Ok(text)
}

const PROGRAM: &str = r#"fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = weighbridge::Runtime::new()?;
    let mut model = runtime.open("../model.safetensors")?;
    model.load(&weighbridge::Selection::All, &weighbridge::LoadOptions::new())?;
    let tensor = model.tensor("greeting")?;
    println!("{} {:?} {:?}", tensor.dtype(), tensor.shape(), tensor.bytes());
    Ok(())
}
"#;

/// A model of one tensor.
fn write_model(file: &Path) -> Result<()> {
    let header = br#"{"greeting":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header, b"hello"].concat();
    fs::write(file, bytes).with_context(|| format!("{} could not be written", file.display()))
}

/// Makes a program in a folder of its own, builds it and runs it.
fn loads_a_model(folder: &Path, dependency: &str) -> Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/main.rs"), PROGRAM)?;
    let profile = dev_profile(&fs::read_to_string(root().join("Cargo.toml"))?);
    let manifest = format!(
        "[package]\nname = \"stand-alone\"\nedition = \"2024\"\n\n[workspace]\n\n{profile}\n[dependencies]\n{dependency}"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    // The same versions, so that what was compiled for the workspace is taken again, and nothing is asked of a registry.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let printed = output(in_folder(folder, &["run", "--quiet"]).current_dir(folder))?;
    ensure!(printed == "U8 [5] [104, 101, 108, 108, 111]\n", "the program printed {printed:?}");
    Ok(())
}

/// The profile that the workspace is compiled with: with another one everything would be compiled anew.
fn dev_profile(manifest: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[profile.dev]") || line.starts_with("[profile.dev.build-override]");
        }
        if line.starts_with("[profile.dev.package.") {
            inside = ["sha2]", "lzma-rust2]"].iter().any(|end| line.ends_with(end));
        }
        if inside && !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn in_folder(folder: &Path, args: &[&str]) -> Command {
    let mut command = cargo(args);
    // A repository on this disk is fetched, which cargo does not do where it is told to stay off the net.
    command.current_dir(folder).env_remove("WEIGHBRIDGE_COMPONENT").env("CARGO_NET_OFFLINE", "false");
    command
}

/// Holds what a program with the library is made of against what it must not be.
fn lean(tree: &str) -> Result<()> {
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let wrong: Vec<&str> = NOT_IN_A_LIBRARY.into_iter().filter(|name| crates.contains(name)).collect();
    ensure!(wrong.is_empty(), "a program with the library has {} in it", wrong.join(", "));
    ensure!(
        (10..=MOST_CRATES).contains(&crates.len()),
        "a program with the library is made of {} crates; {MOST_CRATES} are the most: {crates:?}",
        crates.len()
    );
    Ok(())
}

/// Installs the command as its reader would, and asks it for a model.
fn installs(place: &Path) -> Result<()> {
    say("cargo install --path host/cli");
    let mut install = cargo(&["install", "--quiet", "--debug", "--locked", "--path", "host/cli", "--root"]);
    quiet(install.arg(place.join("installed")).env_remove("WEIGHBRIDGE_COMPONENT"))?;
    let program = place.join("installed/bin").join(format!("weighbridge{}", std::env::consts::EXE_SUFFIX));
    let said = output(clean(program).args(["inspect", "model.safetensors", "--json"]).current_dir(place))?;
    if !said.contains("\"greeting\"") {
        bail!("the installed command says of a model: {said}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(folder: &str) -> String {
        fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap()
    }

    /// The folders of the workspace's crates.
    fn members() -> Vec<String> {
        let root = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let list = root.split_once("members = [").unwrap().1.split_once(']').unwrap().0.to_owned();
        list.split(',').map(|name| name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn every_crate_is_published_or_says_that_it_is_not() {
        for member in members() {
            let published = PACKAGES.iter().any(|package| package.folder == member);
            assert_eq!(manifest(&member).contains("\npublish = false\n"), !published, "{member}");
        }
    }

    #[test]
    fn each_is_published_after_what_it_depends_on() {
        for (at, package) in PACKAGES.iter().enumerate() {
            let text = manifest(package.folder);
            assert!(text.contains(&format!("name = \"{}\"", package.name)));
            let depends = text.split_once("[dependencies]").unwrap().1.split_once("[dev-dependencies]").map_or_else(
                || text.split_once("[dependencies]").unwrap().1.to_owned(),
                |(normal, _)| normal.to_owned(),
            );
            for later in &PACKAGES[at..] {
                let named = depends.lines().any(|line| {
                    line.strip_prefix(later.name).is_some_and(|rest| rest.starts_with('.') || rest.starts_with(' '))
                });
                assert!(!named, "{} depends on {}", package.name, later.name);
            }
        }
    }

    #[test]
    fn a_package_without_its_component_or_with_pictures_is_complained_about() {
        let library = &PACKAGES[2];
        let whole: String = library.has.iter().map(|file| format!("weighbridge-0.1.0/{file}\n")).collect();
        assert_eq!(complaints(library, &whole, 1000), Vec::<String>::new());
        let wrong = whole.replace("built-from.txt", "local.wasm.lzma");
        assert_eq!(
            complaints(library, &wrong, MOST + 1),
            [
                "component/built-from.txt is missing",
                "component/local.wasm.lzma should not be in it",
                "it has 1048577 bytes, and 1048576 are the most"
            ]
        );
    }

    #[test]
    fn a_library_with_a_compiler_or_too_much_is_complained_about() {
        let crates = |extra: &str| (0..20).map(|n| format!("crate-{n} v1.0.0\n")).collect::<String>() + extra;
        assert!(lean(&crates("")).is_ok());
        let error = lean(&crates("clap v4.6.0\ncranelift-codegen v0.135.0 (*)\n")).unwrap_err().to_string();
        assert_eq!(error, "a program with the library has clap, cranelift-codegen in it");
        let many: String = (0..=MOST_CRATES).map(|n| format!("crate-{n} v1.0.0\n")).collect();
        assert!(lean(&many).is_err() && lean("").is_err());
    }

    #[test]
    fn the_profile_is_the_workspaces() {
        let text = "[profile.dev]\ndebug = 1\n\n# Why.\n[profile.dev.package.sha2]\nopt-level = 3\n\n[profile.dev.package.egui]\nopt-level = 1\n\n[profile.web]\n";
        assert_eq!(dev_profile(text), "[profile.dev]\ndebug = 1\n\n[profile.dev.package.sha2]\nopt-level = 3\n\n");
    }
}
