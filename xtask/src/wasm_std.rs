//! The std for wasm32-unknown-unknown: the active toolchain's, or one that is built here from Debian's sources.
use crate::needs::{self, DEBIAN_RUST, LLD};
use crate::shell::{self, active_sysroot, clean, quiet, say, target, which};
use crate::stamp;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fmt, fs};

/// The target that the component and the web page are built for.
pub(crate) const TRIPLE: &str = "wasm32-unknown-unknown";

/// The variable that fixes the route.
pub(crate) const VARIABLE: &str = "WEIGHBRIDGE_WASM_STD";

/// Where the wasm std comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Route {
    /// What is there already, else rustup, else debian
    Auto,
    /// The active toolchain's own, added with `rustup target add`
    Rustup,
    /// Built once from Debian's rust-web-src into target/wasm-std
    Debian,
}

/// A std that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WasmStd {
    /// The rustc that knows it; none = the active toolchain's.
    pub(crate) rustc: Option<PathBuf>,
}

impl WasmStd {
    /// Makes a cargo command build wasm, in a target folder of its own: cargo does not notice a changed sysroot.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("CARGO_TARGET_DIR", target().join("wasm"));
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        // No name of this machine's folders ends up in the component, so it is the same wherever it is built.
        let flags = [(shell::root(), "weighbridge"), (cargo_home(), "cargo")].map(|(from, to)| remap(&from, to));
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    }
}

impl WasmStd {
    /// What the compiler says of itself.
    pub(crate) fn compiler(&self) -> Result<String> {
        let rustc = self.rustc.as_deref().unwrap_or(Path::new("rustc"));
        Ok(shell::output(clean(rustc).arg("--version"))?.trim().to_owned())
    }

    /// Where the std comes from, and the linker where it is not the compiler's own: what has the same name builds the same.
    pub(crate) fn origin(&self) -> Result<String> {
        let Some(rustc) = &self.rustc else { return Ok("of the compiler".to_owned()) };
        let name = rustc.parent().and_then(Path::parent).and_then(Path::file_name).unwrap_or_default();
        let (_, host) = debian_place()?;
        let linker = rustc.with_file_name("..").join("lib/rustlib").join(host).join("bin/rust-lld");
        let linker = shell::output(clean(linker).args(["-flavor", "wasm", "--version"]))?;
        Ok(format!("of Debian's sources, {}, {}", name.display(), linker.trim()))
    }
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}=/{to}", from.display())
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> PathBuf {
    let set = env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default()
}

impl fmt::Display for WasmStd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rustc {
            None => f.write_str("the active toolchain has it"),
            Some(rustc) => write!(f, "{}", rustc.strip_prefix(shell::root()).unwrap_or(rustc).display()),
        }
    }
}

/// The std by the route that the option names, else the variable, else `auto`.
pub(crate) fn find_or_make(option: Option<Route>) -> Result<WasmStd> {
    let std = by_route(option)?;
    // What was compiled against another std is of no use, and cargo would not notice.
    let mark = target().join("wasm/std");
    if !stamp::holds(&mark, &std.to_string()) {
        if target().join("wasm").exists() {
            fs::remove_dir_all(target().join("wasm"))
                .context("target/wasm could not be cleared for another wasm std")?;
        }
        stamp::set(&mark, &std.to_string())?;
    }
    Ok(std)
}

fn by_route(option: Option<Route>) -> Result<WasmStd> {
    match chosen(option, env::var(VARIABLE).ok().as_deref())? {
        Route::Rustup => active_or_added(),
        Route::Debian => debian(),
        Route::Auto => {
            if active_has_it()? {
                return Ok(WasmStd { rustc: None });
            }
            if let Some(ready) = debian_ready()? {
                return Ok(ready);
            }
            let Err(no_rustup) = active_or_added() else { return Ok(WasmStd { rustc: None }) };
            say(&format!("{no_rustup:#}; taking Debian's sources instead"));
            debian().with_context(|| {
                format!(
                    "there is no std for {TRIPLE}. With rustup: `rustup target add {TRIPLE}`. On Debian: `sudo apt-get update && \
                     sudo apt-get install --no-install-recommends {}`, then again `cargo xtask setup`",
                    DEBIAN_RUST.packages.join(" ")
                )
            })
        }
    }
}

fn chosen(option: Option<Route>, variable: Option<&str>) -> Result<Route> {
    match (option, variable) {
        (Some(route), _) => Ok(route),
        (None, None | Some("" | "auto")) => Ok(Route::Auto),
        (None, Some("rustup")) => Ok(Route::Rustup),
        (None, Some("debian")) => Ok(Route::Debian),
        (None, Some(other)) => bail!("{VARIABLE} is '{other}'; set it to auto, rustup or debian"),
    }
}

fn active_has_it() -> Result<bool> {
    Ok(has_std(&active_sysroot()?))
}

fn has_std(sysroot: &Path) -> bool {
    let libraries = fs::read_dir(sysroot.join("lib/rustlib").join(TRIPLE).join("lib"));
    libraries.is_ok_and(|mut files| {
        files.any(|file| file.is_ok_and(|file| file.file_name().as_encoded_bytes().starts_with(b"libstd-")))
    })
}

fn active_or_added() -> Result<WasmStd> {
    if !active_has_it()? {
        let Some(rustup) = which("rustup") else {
            bail!(
                "the active toolchain has no std for {TRIPLE} and there is no rustup to add it; on Debian, run `cargo xtask setup --wasm-std debian`"
            )
        };
        say(&format!("running `rustup target add {TRIPLE}`"));
        let mut add = Command::new(rustup);
        add.args(["target", "add", TRIPLE]).env("RUSTUP_MAX_RETRIES", "0");
        shell::within(&mut add, Duration::from_secs(90))?;
        if !active_has_it()? {
            bail!("`rustup target add {TRIPLE}` went well, but not for the toolchain that runs cargo here");
        }
    }
    Ok(WasmStd { rustc: None })
}

/// The std that was made here before, if it is that of the installed rustc.
fn debian_ready() -> Result<Option<WasmStd>> {
    if !DEBIAN_RUST.met() {
        return Ok(None);
    }
    let (sysroot, _) = debian_place()?;
    let rustc = sysroot.join("bin/rustc");
    Ok((rustc.is_file() && has_std(&sysroot)).then_some(WasmStd { rustc: Some(rustc) }))
}

/// Counts up when what is built below changes, so that an older std is not taken for it.
const RECIPE: u32 = 2;

/// Where it lies: by the version of the rustc that it belongs to. And that rustc's own triple.
fn debian_place() -> Result<(PathBuf, String)> {
    let version = shell::output(clean("/usr/bin/rustc").arg("-Vv"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("`/usr/bin/rustc -Vv` names no host")?;
    let key = stamp::hex(format!("{RECIPE} {version}").as_bytes());
    Ok((target().join("wasm-std").join(&key[..16]), host.to_owned()))
}

fn debian() -> Result<WasmStd> {
    needs::ensure(&[DEBIAN_RUST])?;
    if let Some(ready) = debian_ready()? {
        return Ok(ready);
    }
    let (sysroot, host) = debian_place()?;
    let linker = linker(&host)?;
    say(&format!("building the std for {TRIPLE} from Debian's sources, once (a minute or two)"));
    // Made beside its place and moved there whole, so that what is there is complete.
    let draft = sysroot.with_extension(format!("draft{}", std::process::id()));
    let made = build_std(&draft.join("build")).and_then(|libraries| lay_out(&draft, &host, &libraries, &linker));
    if made.is_err() || fs::rename(&draft, &sysroot).is_err() {
        // Another task may have been faster; then its std is as good.
        fs::remove_dir_all(&draft).ok();
    }
    made?;
    debian_ready()?.with_context(|| format!("the std was built but cannot be found in {}", sysroot.display()))
}

/// Builds an empty crate and std with it; answers the folder of the libraries.
fn build_std(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2021\"\n[lib]\n[workspace]\n")?;
    fs::write(folder.join("src/lib.rs"), "#![no_std]\n")?;
    let mut cargo = clean("/usr/bin/cargo");
    cargo
        .args(["build", "--quiet", "--release", "--target", TRIPLE])
        .arg("-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test")
        .current_dir(folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", "/usr/bin/rustc")
        .env("CARGO_ENCODED_RUSTFLAGS", ["-Cembed-bitcode=yes", &remap(&cargo_home(), "cargo")].join("\x1f"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        // What rustup's cargo set for its own toolchain.
        .env_remove("CARGO")
        .env_remove("RUSTFLAGS")
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTUP_TOOLCHAIN");
    quiet(&mut cargo)?;
    Ok(folder.join("target").join(TRIPLE).join("release/deps"))
}

/// A sysroot of its own: our wasm std, Debian's host std and sources, and a `bin/rustc` that knows it.
fn lay_out(sysroot: &Path, host: &str, libraries: &Path, linker: &Path) -> Result<()> {
    let rustlib = sysroot.join("lib/rustlib");
    let (wasm, tools, bin) = (rustlib.join(TRIPLE).join("lib"), rustlib.join(host).join("bin"), sysroot.join("bin"));
    for folder in [&wasm, &tools, &bin] {
        fs::create_dir_all(folder)?;
    }
    for file in fs::read_dir(libraries)? {
        let file = file?.path();
        if let (Some(name), Some("rlib")) = (file.file_name(), file.extension().and_then(|end| end.to_str())) {
            fs::copy(&file, wasm.join(name))?;
        }
    }
    link(Path::new("/usr/lib/rustlib").join(host).join("lib"), rustlib.join(host).join("lib"))?;
    link("/usr/lib/rustlib/src", rustlib.join("src"))?;
    link(linker, tools.join("rust-lld"))?;
    let rustc = bin.join("rustc");
    fs::write(&rustc, "#!/bin/sh\nexec /usr/bin/rustc --sysroot \"${0%/bin/rustc}\" \"$@\"\n")?;
    make_executable(&rustc)?;
    fs::remove_dir_all(sysroot.join("build"))?;
    Ok(())
}

#[cfg(unix)]
fn link(to: impl AsRef<Path>, at: PathBuf) -> Result<()> {
    Ok(std::os::unix::fs::symlink(to, at)?)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    Ok(fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn link(_: impl AsRef<Path>, _: PathBuf) -> Result<()> {
    bail!("Debian's route is for Debian; run `rustup target add {TRIPLE}`")
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

/// A linker for wasm: the active toolchain's rust-lld, else LLVM's own lld, which is the same program.
fn linker(host: &str) -> Result<PathBuf> {
    let ours = active_sysroot()?.join("lib/rustlib").join(host).join("bin/rust-lld");
    if ours.is_file() {
        return Ok(ours);
    }
    needs::ensure(&[LLD])?;
    which("lld").context("lld is not on the PATH; install it with `sudo apt-get install lld`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_over_the_variable_and_a_wrong_variable_is_named() {
        assert_eq!(chosen(None, None).unwrap(), Route::Auto);
        assert_eq!(chosen(None, Some("debian")).unwrap(), Route::Debian);
        assert_eq!(chosen(Some(Route::Rustup), Some("debian")).unwrap(), Route::Rustup);
        let error = chosen(None, Some("ubuntu")).unwrap_err().to_string();
        assert!(error.contains("'ubuntu'") && error.contains("auto, rustup or debian"), "{error}");
    }

    #[test]
    fn wasm_is_built_in_a_folder_of_its_own_by_the_rustc_that_has_the_std() {
        let mut command = shell::cargo(&["build"]);
        WasmStd { rustc: Some("/sysroot/bin/rustc".into()) }.apply(&mut command);
        let get =
            |wanted: &str| command.get_envs().find(|(name, _)| *name == wanted).and_then(|(_, value)| value).unwrap();
        assert_eq!(get("CARGO_TARGET_DIR"), target().join("wasm").as_os_str());
        assert_eq!(get("RUSTC"), "/sysroot/bin/rustc");
        assert!(get("CARGO_ENCODED_RUSTFLAGS").to_string_lossy().contains("=/weighbridge\x1f"));
    }

    #[test]
    fn a_sysroot_is_laid_out_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (sysroot, libraries) = (folder.path().join("sysroot"), folder.path().join("deps"));
        for made in [sysroot.join("build"), libraries.clone()] {
            fs::create_dir_all(made).unwrap();
        }
        fs::write(libraries.join("libstd-1.rlib"), "").unwrap();
        fs::write(libraries.join("libstd-1.rmeta"), "").unwrap();
        assert!(!has_std(&sysroot));
        lay_out(&sysroot, "host-triple", &libraries, Path::new("/lld")).unwrap();
        assert!(has_std(&sysroot));
        assert!(!sysroot.join("build").exists());
        assert!(!sysroot.join("lib/rustlib").join(TRIPLE).join("lib/libstd-1.rmeta").exists());
        assert_eq!(fs::read_link(sysroot.join("lib/rustlib/host-triple/bin/rust-lld")).unwrap(), Path::new("/lld"));
    }
}
