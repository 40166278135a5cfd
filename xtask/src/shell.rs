//! Other programs: how they are called, where the repository lies, what is said on the way.
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let here =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

/// Where everything is built; host code directly, the rest in folders of its own.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The cargo that runs this task.
fn cargo_path() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// The active toolchain's sysroot, without asking rustc where cargo's own place tells it.
pub(crate) fn active_sysroot() -> Result<PathBuf> {
    let cargo = cargo_path();
    if let Some(sysroot) = cargo.parent().and_then(Path::parent)
        && sysroot.join("lib/rustlib").is_dir()
    {
        return Ok(sysroot.to_path_buf());
    }
    let printed = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(printed.trim()))
}

/// `cargo ARGS` in the repository, without what `cargo run` told this task about itself: a build that saw it would
/// not be the build that a person starts by hand, and the two would rebuild each other's work.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = clean(cargo_path());
    command.args(args).current_dir(root()).env("CARGO_TARGET_DIR", target());
    command
}

/// A program with this task's own cargo variables removed.
pub(crate) fn clean(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    for (name, _) in env::vars_os() {
        let told = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "OUT_DIR"]
                    .contains(&name)
        });
        if told {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it with its output on stderr, where build noise belongs.
pub(crate) fn quiet(command: &mut Command) -> Result<()> {
    finish(command.stdout(Stdio::from(io::stderr())))
}

/// Runs it; an exit other than 0 is an error that names the command.
pub(crate) fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("`{}` could not be started", show(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", show(command));
    }
    Ok(())
}

/// What it prints on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{}` could not be started", show(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", show(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed what is not UTF-8", show(command)))
}

/// Runs it silently for at most `limit`; on failure, what it said last.
pub(crate) fn within(command: &mut Command, limit: Duration) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` could not be started", show(command)))?;
    let errors = child.stderr.take();
    let said = thread::spawn(move || {
        let mut text = String::new();
        errors.map(|mut pipe| pipe.read_to_string(&mut text));
        text
    });
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("`{}` did not end within {} s", show(command), limit.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        let text = said.join().unwrap_or_default();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        bail!("`{}` failed: {}", show(command), last.trim());
    }
    Ok(())
}

/// The command line as one would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A program of this name on the PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Tells the person at the terminal what is being done now.
pub(crate) fn say(what: &str) {
    let (on, off) = if io::stderr().is_terminal() { ("\x1b[1;36m", "\x1b[0m") } else { ("", "") };
    eprintln!("{on}xtask:{off} {what}");
}

/// Writes a file, and its folder, only when its content differs; says whether it did.
pub(crate) fn write_if_changed(file: &Path, content: &[u8]) -> Result<bool> {
    if fs::read(file).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    }
    // By way of a neighbour, so that a reader sees the old file or the new one.
    let neighbour = file.with_extension(format!("tmp{}", std::process::id()));
    fs::write(&neighbour, content).with_context(|| format!("{} could not be written", neighbour.display()))?;
    fs::rename(&neighbour, file).with_context(|| format!("{} could not be written", file.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_runs_in_the_root_and_builds_into_the_one_target() {
        let command = cargo(&["build", "-p", "weighbridge-cli"]);
        assert_eq!(command.get_current_dir(), Some(root().as_path()));
        assert!(root().join("wit").is_dir());
        let target = command.get_envs().find(|(name, _)| *name == "CARGO_TARGET_DIR").and_then(|(_, value)| value);
        assert_eq!(target, Some(root().join("target").as_os_str()));
        assert!(show(&command).ends_with(" build -p weighbridge-cli"));
    }

    #[test]
    fn cargo_does_not_inherit_what_cargo_told_us() {
        let command = cargo(&[]);
        assert!(env::var_os("CARGO_PKG_NAME").is_some(), "cargo tells its tests");
        assert!(command.get_envs().any(|(name, value)| name == "CARGO_PKG_NAME" && value.is_none()));
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let error = within(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().starts_with("`sleep 60` did not end"), "{error}");
    }

    #[test]
    fn a_file_is_written_only_when_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/file");
        assert!(write_if_changed(&file, b"a").unwrap());
        assert!(!write_if_changed(&file, b"a").unwrap());
        assert!(write_if_changed(&file, b"b").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"b");
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }
}
