//! `cargo xtask fuzz`: the targets of `fuzz/` under LibFuzzer, led by coverage, on the toolchain that builds everything else.
use crate::needs::{self, CXX};
use crate::shell::{clean, finish, output, quiet, root, say, show, target};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{env, thread};

mod report;

use report::Report;

/// Run the fuzz targets
///
/// Builds them with counters on every edge, runs each from its corpus in `fuzz/corpus` and from what earlier runs found, and
/// shows what was executed and reached. Fails where a target does; the input is kept in `target/fuzz/crashes`.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask fuzz --time 5m\n  cargo xtask fuzz gguf --runs 40000000 --max-len 512\n  cargo xtask fuzz session --time 1h --jobs 4 --keep"
)]
pub(crate) struct Options {
    /// Run only this target: a file of fuzz/targets, without its extension
    target: Option<String>,
    /// How long each target runs, such as 90s, 10m or 2h [default: 60s, or as long as --runs takes]
    #[arg(long, value_parser = duration)]
    time: Option<Duration>,
    /// How often each target is executed at most
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// How many programs run at the same time: different targets, or the one that is named
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    jobs: u32,
    /// Longest input in bytes
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    max_len: u32,
    /// Make the corpora in fuzz/corpus again, from the fewest inputs that reach what all of them reach; samples stay
    #[arg(long)]
    keep: bool,
}

/// A counter on every edge, a table of their places, and what is compared with what. All of it is stable: passes and options of
/// LLVM go through `-C`.
const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// An input that takes longer is a hang.
const HANG: Duration = Duration::from_secs(10);

/// Most bytes that runs leave in one corpus of the repository.
const KEPT: usize = 16 << 10;

/// A target that holds more memory is a failure, in MiB.
const MEMORY: u32 = 1024;

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let known = names(&root().join("fuzz/targets"))?;
    let chosen = chosen(&known, options.target.as_deref())?;
    needs::ensure(&[CXX])?;
    let host = host()?;
    say("building the fuzz targets with coverage");
    quiet(&mut build(&host, options.target.as_deref())).context("the fuzz targets could not be built")?;
    let programs = folder().join(host).join("release");
    // One target is shared by all jobs, several take turns.
    let copies = if options.target.is_some() { options.jobs } else { 1 };
    let queue: Vec<(&str, u32)> =
        (0..copies).flat_map(|copy| chosen.iter().map(move |name| (name.as_str(), copy))).rev().collect();
    let queue = Mutex::new(queue);
    let reports = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some((name, copy)) = next() {
                    let report = one(&programs, name, copy, options);
                    reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    let reports = report::by_target(reports.into_iter().collect::<Result<_>>()?);
    print!("{}", report::table(&reports));
    let failed: Vec<&Report> = reports.iter().filter(|report| report.failure.is_some()).collect();
    for report in &failed {
        eprintln!("\n{}", failure(&programs, report));
    }
    if options.keep && failed.is_empty() {
        for name in &chosen {
            keep(&programs, name, options.max_len)?;
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where it is all built, and where runs leave what they found.
fn folder() -> PathBuf {
    target().join("fuzz")
}

/// The names of the targets.
fn names(targets: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for file in fs::read_dir(targets).with_context(|| format!("{} could not be listed", targets.display()))? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    Ok(names)
}

fn chosen(known: &BTreeSet<String>, wanted: Option<&str>) -> Result<Vec<String>> {
    match wanted {
        None => Ok(known.iter().cloned().collect()),
        Some(name) if known.contains(name) => Ok(vec![name.to_owned()]),
        Some(name) => {
            let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            bail!("there is no fuzz target '{name}'; there are {known}")
        }
    }
}

/// The triple of this machine: with it named, flags are for the targets alone and not for build scripts, which have no fuzzer.
fn host() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let said = output(clean(rustc).arg("-vV").current_dir(root()))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say which machine it builds for")
}

fn build(host: &str, only: Option<&str>) -> Command {
    let mut command =
        crate::shell::cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", host]);
    match only {
        Some(name) => command.args(["--bin", name]),
        None => command.arg("--bins"),
    };
    command
        .env("CARGO_TARGET_DIR", folder())
        .env("RUSTFLAGS", COVERAGE.join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// Runs one program to its end.
fn one(programs: &Path, name: &str, copy: u32, options: &Options) -> Result<Report> {
    let (corpus, crashes, logs) = (folder().join("corpus").join(name), folder().join("crashes"), folder().join("logs"));
    let kept = kept(name);
    for folder in [&corpus, &crashes, &logs, &kept] {
        fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))?;
    }
    let log = logs.join(format!("{name}-{copy}.log"));
    let mut command = clean(programs.join(name));
    command.args([&corpus, &kept]).args(limits(options.max_len)).args(dictionary(name));
    command.arg(format!("-artifact_prefix={}/{name}-", crashes.display())).arg("-print_final_stats=1");
    if options.jobs > 1 && options.target.is_some() {
        command.arg("-reload=1");
    }
    if let Some(runs) = options.runs {
        command.arg(format!(
            "-runs={}",
            runs.div_ceil(u64::from(if options.target.is_some() { options.jobs } else { 1 }))
        ));
    }
    if let Some(time) = options.time.or(options.runs.is_none().then_some(Duration::from_secs(60))) {
        command.arg(format!("-max_total_time={}", time.as_secs().max(1)));
    }
    say(&format!("fuzzing {name}"));
    let file = || File::create(&log).with_context(|| format!("{} could not be written", log.display()));
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file()?)
        .status()
        .with_context(|| format!("`{}` could not be started", show(&command)))?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(Report::read(name, &said, status.success()))
}

fn limits(max_len: u32) -> [String; 3] {
    [format!("-max_len={max_len}"), format!("-timeout={}", HANG.as_secs()), format!("-rss_limit_mb={MEMORY}")]
}

/// The corpus in the repository.
fn kept(name: &str) -> PathBuf {
    root().join("fuzz/corpus").join(name)
}

/// The words of a target's format: `recording_use` has those of `recording`.
fn dictionary(name: &str) -> Option<String> {
    let format = name.split('_').next().unwrap_or(name);
    let file = root().join("fuzz/dictionaries").join(format!("{format}.dict"));
    file.is_file().then(|| format!("-dict={}", file.display()))
}

/// What to do about a target that failed.
fn failure(programs: &Path, report: &Report) -> String {
    let why = report.failure.as_deref().unwrap_or_default();
    let again = report.input.as_ref().map_or_else(
        || format!("its log is {}", folder().join("logs").display()),
        |input| format!("again with `{} {input}`", programs.join(&report.target).display()),
    );
    format!("error: {} failed: {why}; {again}", report.target)
}

/// Replaces what runs found in a corpus of the repository by the fewest inputs that reach every edge that was reached; where
/// those are more than [`KEPT`], by the shortest of them. Inputs with a name of their own are samples and stay.
fn keep(programs: &Path, name: &str, max_len: u32) -> Result<()> {
    let (found, kept, fewest) = (folder().join("corpus").join(name), kept(name), folder().join("fewest").join(name));
    if fewest.exists() {
        fs::remove_dir_all(&fewest)?;
    }
    fs::create_dir_all(&fewest)?;
    let mut merge = clean(programs.join(name));
    merge.args(["-set_cover_merge=1", "-use_counters=0"]).args(limits(max_len)).args([&fewest, &found, &kept]);
    let log = folder().join("logs").join(format!("{name}-merge.log"));
    let said = File::create(&log).with_context(|| format!("{} could not be written", log.display()))?;
    finish(merge.stdout(Stdio::null()).stderr(said)).with_context(|| {
        format!("the corpus of {name} stays as it was, since not all inputs were read again: see {}", log.display())
    })?;
    let mut samples = BTreeSet::new();
    for file in fs::read_dir(&kept)? {
        let file = file?;
        if is_found(&file.file_name().to_string_lossy()) {
            fs::remove_file(file.path())?;
        } else {
            samples.insert(fs::read(file.path())?);
        }
    }
    let mut inputs = Vec::new();
    for file in fs::read_dir(&fewest)? {
        let file = file?;
        inputs.push((fs::read(file.path())?, file.file_name()));
    }
    inputs.retain(|(input, _)| !input.is_empty() && !samples.contains(input));
    let all = inputs.len();
    let inputs = shortest(inputs, KEPT);
    for (input, name) in &inputs {
        fs::write(kept.join(name), input)?;
    }
    say(&format!("{}: {} of {all} inputs, and {} samples", kept.display(), inputs.len(), samples.len()));
    Ok(())
}

/// The shortest inputs that are not more than so many bytes together.
fn shortest<T: Ord>(mut inputs: Vec<(Vec<u8>, T)>, most: usize) -> Vec<(Vec<u8>, T)> {
    inputs.sort_by(|one, two| (one.0.len(), &one.1).cmp(&(two.0.len(), &two.1)));
    let mut bytes = 0usize;
    inputs.retain(|(input, _)| {
        bytes = bytes.saturating_add(input.len());
        bytes <= most
    });
    inputs
}

/// Whether LibFuzzer named a file: it names an input by its SHA-1.
fn is_found(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Reads `90`, `90s`, `10m` or `2h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("a time is a number with s, m or h, such as 90s".to_owned()),
    };
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| "a time begins with a number".to_owned())?;
    number
        .checked_mul(seconds)
        .filter(|seconds| (1..=i32::MAX.unsigned_abs().into()).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "a time is at least a second and less than 68 years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "0", "-1", "1d", "1.5h", "99999999999999999999", "9999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_a_file_and_another_name_is_refused() {
        let known = names(&root().join("fuzz/targets")).unwrap();
        assert!(known.contains("gguf") && known.contains("session"), "{known:?}");
        assert_eq!(chosen(&known, None).unwrap().len(), known.len());
        assert_eq!(chosen(&known, Some("gguf")).unwrap(), ["gguf"]);
        let error = chosen(&known, Some("ggfu")).unwrap_err().to_string();
        assert!(error.starts_with("there is no fuzz target 'ggfu'; there are ") && error.contains("gguf"), "{error}");
    }

    #[test]
    fn every_target_is_a_program_and_every_dictionary_is_of_a_target() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        let known = names(&root().join("fuzz/targets")).unwrap();
        for name in &known {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), known.len());
        for file in fs::read_dir(root().join("fuzz/dictionaries")).unwrap() {
            let format = file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            assert!(known.contains(&format) && dictionary(&format).is_some(), "{format}");
        }
        assert_eq!(dictionary("recording_use"), dictionary("recording"));
        assert_eq!(dictionary("session"), None);
    }

    #[test]
    fn samples_are_told_from_what_was_found() {
        assert!(is_found("ffac923f2832a04150ee6c23209169fb69ffbdf0"));
        assert!(!is_found("llama") && !is_found("ffac923f2832a04150ee6c23209169fb69ffbdfg"));
    }

    #[test]
    fn a_corpus_keeps_the_shortest() {
        let inputs = vec![(vec![0; 5], 'a'), (vec![0; 2], 'c'), (vec![0; 2], 'b'), (vec![0; 9], 'd')];
        let kept = shortest(inputs, 9);
        assert_eq!(kept.iter().map(|(_, name)| *name).collect::<String>(), "bca");
    }

    #[test]
    fn flags_are_for_the_targets_alone() {
        let command = build("x86_64-unknown-linux-gnu", Some("gguf"));
        assert!(show(&command).ends_with("--target x86_64-unknown-linux-gnu --bin gguf"), "{}", show(&command));
        let flags = command.get_envs().find(|(name, _)| *name == "RUSTFLAGS").and_then(|(_, value)| value);
        assert!(flags.is_some_and(|flags| !flags.to_string_lossy().contains("-Z")), "nothing unstable");
    }
}
