//! The tools that tasks need and cargo cannot build: one table. What is missing is installed where that is possible
//! without asking, else the error is the command that installs it.
use crate::shell::{clean, output, say, show, which};
use anyhow::{Result, bail};
use std::io::{IsTerminal as _, stderr, stdin};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// One tool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Its name, and what it is for.
    pub(crate) tool: &'static str,
    /// How to find it: all of these are there.
    pub(crate) find: &'static [Find],
    /// Debian's packages that bring it.
    pub(crate) packages: &'static [&'static str],
}

/// A sign that a tool is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Find {
    /// A program on the PATH.
    Program(&'static str),
    /// A file or a folder.
    Path(&'static str),
    /// A rustc that is not older than the project's packages allow.
    Rustc(&'static str),
    /// A Python module that imports.
    Python(&'static str),
    /// A shared library that the loader finds. Where there is no loader's list it is taken to be there.
    Library(&'static str),
}

/// A rustc that comes with the sources of its std: the way to a wasm std where rustup's server is out of reach.
pub(crate) const DEBIAN_RUST: Need = Need {
    tool: concat!("Debian's rustc ", env!("CARGO_PKG_RUST_VERSION"), " or newer with the std's sources"),
    find: &[
        Find::Rustc("/usr/bin/rustc"),
        Find::Path("/usr/bin/cargo"),
        Find::Path("/usr/lib/rustlib/src/rust/library/std"),
    ],
    packages: &["rustc-web", "cargo-web", "rust-web-src"],
};

/// The linker of wasm, where no toolchain of rustup brings one.
pub(crate) const LLD: Need = Need { tool: "lld, to link wasm", find: &[Find::Program("lld")], packages: &["lld"] };

/// What compiles LibFuzzer; its sources come with its crate.
pub(crate) const CXX: Need =
    Need { tool: "a C++ compiler, for LibFuzzer", find: &[Find::Program("c++")], packages: &["g++"] };

/// What makes and reads the reference models.
pub(crate) const PYTHON: Need = Need {
    tool: "Python with venv and pip",
    find: &[Find::Program("python3"), Find::Python("venv"), Find::Python("ensurepip")],
    packages: &["python3", "python3-venv"],
};

/// What the inspector's window loads when it starts; a desktop has it.
pub(crate) const WINDOW: Need = Need {
    tool: "OpenGL and X11 libraries, for the inspector's window",
    find: &[
        Find::Library("libGL.so.1"),
        Find::Library("libxkbcommon-x11.so.0"),
        Find::Library("libXcursor.so.1"),
        Find::Library("libXi.so.6"),
    ],
    packages: &[
        "libgl1",
        "libgl1-mesa-dri",
        "libx11-6",
        "libx11-xcb1",
        "libxcursor1",
        "libxi6",
        "libxkbcommon0",
        "libxkbcommon-x11-0",
    ],
};

/// A display that nobody sees, for the inspector's smoke test.
pub(crate) const DISPLAY: Need =
    Need { tool: "Xvfb, a display for tests", find: &[Find::Program("Xvfb")], packages: &["xvfb"] };

/// The browser that the page is tested in, and what drives it.
pub(crate) const CHROMIUM: Need = Need {
    tool: "Chromium and chromedriver",
    find: &[Find::Program("chromium"), Find::Program("chromedriver")],
    packages: &["chromium", "chromium-driver"],
};

/// What runs the host module of the page without a page.
pub(crate) const NODE: Need = Need { tool: "Node", find: &[Find::Program("node")], packages: &["nodejs"] };

/// What installs the package's own tools: its types' compiler and its linter.
pub(crate) const NPM: Need = Need { tool: "npm", find: &[Find::Program("npm")], packages: &["npm"] };

/// What `cargo xtask test` needs beyond what its stages ask for themselves.
pub(crate) const FOR_TESTS: &[Need] = &[PYTHON, WINDOW, DISPLAY, CHROMIUM, NODE, NPM];

impl Find {
    fn there(self) -> bool {
        match self {
            Find::Program(name) => which(name).is_some(),
            Find::Path(path) => Path::new(path).exists(),
            Find::Rustc(path) => output(clean(path).arg("-V")).is_ok_and(|version| new_enough(&version)),
            Find::Library(name) => library(name),
            Find::Python(module) => succeeds(Command::new("python3").args(["-c", &format!("import {module}")])),
        }
    }
}

/// Whether what a rustc says of itself is a version that compiles this project.
fn new_enough(version: &str) -> bool {
    let numbers = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    };
    let said = version.strip_prefix("rustc ").and_then(numbers);
    said.is_some() && said >= numbers(env!("CARGO_PKG_RUST_VERSION"))
}

/// Whether the loader knows a library.
fn library(name: &str) -> bool {
    let list = ["ldconfig", "/sbin/ldconfig"].iter().find_map(|program| Command::new(program).arg("-p").output().ok());
    list.is_none_or(|list| String::from_utf8_lossy(&list.stdout).contains(name))
}

impl Need {
    /// Whether it is there.
    pub(crate) fn met(&self) -> bool {
        self.find.iter().all(|sign| sign.there())
    }
}

/// Whether `--yes` was given.
static YES: AtomicBool = AtomicBool::new(false);

/// Whatever is missing may be installed without a question.
pub(crate) fn agree() {
    YES.store(true, Ordering::Relaxed);
}

/// Whether packages may be installed with this command. A person at a terminal is asked. Without one, root goes on: whoever
/// runs this as root, in a container or a job, has given the rights already; but none are taken by `sudo` unasked.
fn consent(install: &Command) -> bool {
    if YES.load(Ordering::Relaxed) {
        return true;
    }
    if !(stdin().is_terminal() && stderr().is_terminal()) {
        return is_root();
    }
    eprint!("xtask: run `{}`? [Y/n] ", show(install));
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok_and(|read| read > 0) && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes")
}

/// Sees to it that all of them are there.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<_> = needs.iter().filter(|need| !need.met()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let tools = missing.iter().map(|need| need.tool).collect::<Vec<_>>().join("; ");
    let packages: Vec<_> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let by_hand = format!("sudo apt-get update && sudo apt-get install --no-install-recommends {}", packages.join(" "));
    let Some(mut install) = installer(&packages) else {
        bail!(
            "missing: {tools}. On Debian or Ubuntu, install it with `{by_hand}`; elsewhere with your own package manager"
        );
    };
    say(&format!("missing: {tools}"));
    if !consent(&install) {
        bail!("nothing was installed. Give `--yes` to let this task do it, or do it by hand with `{by_hand}`");
    }
    say(&format!("running `{}`", show(&install)));
    if !succeeds(&mut install) || missing.iter().any(|need| !need.met()) {
        // Most often an old list of packages, which are gone or too old.
        let mut update = apt(&["update", "-q"]);
        say(&format!("that was not enough; running `{}` and trying again", show(&update)));
        if !succeeds_aloud(&mut update) || !succeeds_aloud(&mut install) {
            bail!("{tools}: could not be installed. Try it by hand with `{by_hand}`");
        }
    }
    match missing.iter().find(|need| !need.met()) {
        Some(need) => {
            bail!("{}: still not found, or too old, after installing {}", need.tool, need.packages.join(" "))
        }
        None => Ok(()),
    }
}

/// The command that installs packages, if it can be run without a password. Never removes what is installed.
fn installer(packages: &[&str]) -> Option<Command> {
    which("apt-get")?;
    let args = ["install", "-y", "-q", "--no-install-recommends", "--no-remove"];
    let mut command = if may_be_root() { apt(&args) } else { return None };
    command.args(packages);
    Some(command)
}

fn may_be_root() -> bool {
    is_root() || (which("sudo").is_some() && succeeds(Command::new("sudo").args(["-n", "true"])))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new(if is_root() { "env" } else { "sudo" });
    if !is_root() {
        command.args(["-n", "env"]);
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(args);
    command
}

fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

fn succeeds_aloud(command: &mut Command) -> bool {
    let aloud = command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr())).stderr(Stdio::inherit());
    aloud.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_or_an_empty_line_is_a_yes() {
        for (answer, yes) in
            [("\n", true), ("Y\n", true), ("yes\n", true), ("n\n", false), ("no", false), ("what?\n", false)]
        {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }

    #[test]
    fn every_need_can_be_found_and_got() {
        for need in [DEBIAN_RUST, LLD, CXX, PYTHON, CHROMIUM, NODE] {
            assert!(!need.find.is_empty() && !need.packages.is_empty(), "{}", need.tool);
        }
    }

    #[test]
    fn a_need_is_met_when_all_its_signs_are_there() {
        const SH: Find = Find::Path("/bin/sh");
        assert!(Need { tool: "sh", find: &[SH], packages: &[] }.met());
        assert!(!Need { tool: "none", find: &[SH, Find::Program("no-such-program")], packages: &[] }.met());
    }

    #[test]
    fn a_rustc_that_is_too_old_is_a_missing_one() {
        assert!(new_enough("rustc 1.95.0 (59807616e 2026-04-14)"));
        assert!(new_enough("rustc 1.96.0"));
        assert!(new_enough("rustc 2.0.0-nightly (59807616e 2026-04-14)"));
        for old in ["rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)", "rustc 1.9.0", "rustc", ""] {
            assert!(!new_enough(old), "{old}");
        }
        assert!(!Find::Rustc("/no/such/rustc").there());
    }

    #[test]
    fn packages_are_installed_without_removing_any() {
        let command = apt(&["install", "--no-remove", "lld"]);
        assert!(
            show(&command).ends_with("DEBIAN_FRONTEND=noninteractive apt-get install --no-remove lld"),
            "{}",
            show(&command)
        );
    }
}
