//! Measurements that need a process of their own: its start, and the most memory that it ever held.
use crate::{Result, contest::time};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};
use weighbridge::{LoadOptions, Runtime, Selection, Strategy};

/// The argument that makes this program a child.
pub const FLAG: &str = "--child";

/// Bytes of this process: (most ever resident, resident now), of proc_pid_status(5).
///
/// # Errors
/// The system does not say.
pub fn resident() -> Result<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status")?;
    let of = |field: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    of("VmHWM:").zip(of("VmRSS:")).ok_or_else(|| "/proc/self/status has no VmHWM".into())
}

/// Runs this program again, to do `task` with a file, and answers the numbers that it prints.
///
/// # Errors
/// It failed.
pub fn run(task: &str, file: &Path) -> Result<Vec<u64>> {
    let output = Command::new(std::env::current_exe()?).arg(FLAG).arg(task).arg(file).output()?;
    if !output.status.success() {
        return Err(format!("{task}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?)
}

/// What the child does. `began` is the entry of `main`.
///
/// # Errors
/// The task is unknown, or it failed.
pub fn main(task: &str, file: PathBuf, began: Instant) -> Result<()> {
    match task {
        "nothing" => {}
        "start" => start(&file, began)?,
        "read-copy" => memory(&file, Strategy::ReadCopy)?,
        "staged-read" => memory(&file, Strategy::StagedRead)?,
        "mapped-file" => memory(&file, Strategy::MappedFile)?,
        "consumer" => consumer(&file)?,
        _ => return Err(format!("no such task: {task}").into()),
    }
    Ok(())
}

/// Nanoseconds until the component is there, until a guest is ready, and until the model is open.
fn start(file: &Path, began: Instant) -> Result<()> {
    let runtime = Runtime::new()?;
    let ready = began.elapsed();
    let session = runtime.open(file)?;
    let opened = began.elapsed();
    let guest = ready.as_nanos() + u128::from(session.timings().instantiate);
    println!("{} {guest} {}", ready.as_nanos(), opened.as_nanos());
    Ok(())
}

/// Peak before the load, peak after it, and the bytes of its buffers.
fn memory(file: &Path, strategy: Strategy) -> Result<()> {
    let runtime = Runtime::new()?;
    let mut session = runtime.open(file)?;
    let (before, _) = resident()?;
    let options = LoadOptions::new().policy(strategy);
    session.load(&Selection::All, &options)?;
    let (after, _) = resident()?;
    println!("{before} {after} {}", session.stats().buffer_bytes);
    Ok(())
}

/// The same of a load whose bytes go to a consumer.
fn consumer(file: &Path) -> Result<()> {
    let runtime = Runtime::new()?;
    let mut session = runtime.open(file)?;
    session.tensors()?;
    let (before, _) = resident()?;
    let mut seen = 0u64;
    session.load_into(&Selection::All, 0, |_, _, bytes| {
        seen += bytes.len() as u64;
        Ok(())
    })?;
    let (after, _) = resident()?;
    println!("{before} {after} 0");
    Ok(())
}

/// Nanoseconds for people.
#[must_use]
pub fn nanos(ns: u64) -> String {
    time(ns as f64 / 1e9)
}
