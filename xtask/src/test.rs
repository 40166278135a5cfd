//! `cargo xtask test`: everything that must hold, stage after stage, up to the first that fails.
use crate::needs::{self, FOR_TESTS};
use crate::setup::WasmOptions;
use crate::shell::{cargo, quiet, say, show};
use crate::totals::Totals;
use crate::{book, component, models, packages, script, wasm_std, web, wheel, workflows};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Run every check and test
///
/// The last line on standard output is the total. The times of the stages are shown on standard error.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    wasm: WasmOptions,
    /// Run only tests whose names contain this, without the checks of the source
    filter: Option<String>,
    /// Run only this stage; what it builds on must be there
    #[arg(long, value_enum, conflicts_with = "filter")]
    only: Option<Stage>,
}

/// One step, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The wasm std and the tools
    Setup,
    /// The source is formatted
    Format,
    /// The component, what it imports and exports, and whether the packed one is of these sources
    Component,
    /// The reference models
    Models,
    /// The page, with the component and the inspector in it
    Page,
    /// The types of the package `weighbridge` carry a program, it works where it is installed, and linters have nothing to say of
    /// it and of the workflows
    Script,
    /// Clippy has nothing to say about any target
    Clippy,
    /// Every test of every crate, examples in the documentation included
    Tests,
    /// What is published is whole, and a program in a folder of its own loads a model with it
    Packages,
    /// The Python package in a wheel of its own, its tests and those of the package safetensors
    Python,
    /// The same with torch, whose wheel and libraries are gigabytes: only where `--only` asks for it
    PythonTorch,
    /// The inspector's web shell, in Node and in Chromium
    Wasm,
    /// The documentation builds without a warning
    Docs,
    /// The book builds, and no link in it leads nowhere
    Book,
}

impl Stage {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it is left out, and why.
    fn left_out(self, options: &Options) -> Option<&'static str> {
        match (options.only, &options.filter) {
            (Some(only), _) if only != self => Some("not run: --only"),
            (None, _) if self == Stage::PythonTorch => Some("not run: torch is gigabytes; `--only python-torch`"),
            (None, Some(_))
                if matches!(
                    self,
                    Stage::Format
                        | Stage::Script
                        | Stage::Clippy
                        | Stage::Packages
                        | Stage::Python
                        | Stage::Docs
                        | Stage::Book
                ) =>
            {
                Some("not run: a filter was given")
            }
            _ => None,
        }
    }

    fn run(self, options: &Options, totals: &mut Totals) -> Result<()> {
        match self {
            Stage::Setup => {
                wasm_std::find_or_make(options.wasm.wasm_std)?;
                needs::ensure(FOR_TESTS)
            }
            Stage::Component => component::check(options.wasm.wasm_std).map(drop),
            Stage::Models => models::make_all(false).map(drop),
            Stage::Page => web::build(&wasm_std::find_or_make(options.wasm.wasm_std)?, true),
            Stage::Script => script::check().and_then(|()| workflows::check()),
            Stage::Format => quiet(&mut cargo(&["fmt", "--all", "--check"]))
                .context("the source is not formatted; run `cargo fmt --all`"),
            Stage::Clippy => quiet(&mut clippy()),
            Stage::Tests => counted(&mut tests(options.filter.as_deref()), totals),
            Stage::Packages => packages::check(),
            Stage::Python => wheel::tests()?.iter_mut().try_for_each(|tests| counted(tests, totals)),
            Stage::PythonTorch => wheel::torch_tests()?.iter_mut().try_for_each(|tests| counted(tests, totals)),
            Stage::Wasm => {
                let std = wasm_std::find_or_make(options.wasm.wasm_std)?;
                counted(&mut web::tests(&std, options.filter.as_deref())?, totals)
            }
            Stage::Docs => quiet(&mut docs()),
            Stage::Book => book::build().map(drop),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let mut totals = Totals::default();
    let mut rows = Vec::new();
    let mut failure = None;
    for &stage in Stage::value_variants() {
        let note = if failure.is_some() { Some("not run: an earlier stage failed") } else { stage.left_out(options) };
        if let Some(note) = note {
            rows.push((stage, Duration::ZERO, note));
            continue;
        }
        say(&format!("stage {}", stage.name()));
        let start = Instant::now();
        let done = stage.run(options, &mut totals);
        rows.push((stage, start.elapsed(), if done.is_ok() { "ok" } else { "FAILED" }));
        failure = done.err();
    }
    if failure.is_none() && rows.iter().any(|row| row.0 == Stage::Tests && row.2 == "ok") && totals == Totals::default()
    {
        let filter = options.filter.as_deref().unwrap_or_default();
        failure = Some(anyhow::anyhow!("no test ran: no test's name contains '{filter}'"));
    }
    eprint!("\n{}", table(&rows));
    if let Some(error) = failure {
        // A stage that failed without a failed test (a lint, a build) counts as one, so that the total can't look good.
        totals.failed = totals.failed.max(1);
        eprintln!("\nerror: {error}");
        error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
    }
    println!("{totals}");
    Ok(if totals.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn clippy() -> Command {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn docs() -> Command {
    let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn tests(filter: Option<&str>) -> Command {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(filter);
    command
}

/// Runs tests, showing what they say and adding up what they count.
fn counted(command: &mut Command, totals: &mut Totals) -> Result<()> {
    let before = totals.failed;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` could not be started", show(command)))?;
    let pipe = child.stdout.take().context("the tests have no output")?;
    tally(BufReader::new(pipe), &mut io::stdout(), totals)?;
    let status = child.wait()?;
    if !status.success() || totals.failed > before {
        bail!("`{}` failed ({status})", show(command));
    }
    Ok(())
}

/// Passes on what tests print, line by line, and reads it.
fn tally(tests: impl BufRead, out: &mut impl Write, totals: &mut Totals) -> Result<()> {
    for line in tests.split(b'\n') {
        let mut line = line?;
        totals.read(&String::from_utf8_lossy(&line));
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

/// The stages with their times.
fn table(rows: &[(Stage, Duration, &str)]) -> String {
    let row = |(stage, time, note): &(Stage, Duration, &str)| {
        let time = if time.is_zero() { String::new() } else { format!("{:.1} s", time.as_secs_f64()) };
        format!("  {:<12} {time:>8}  {note}\n", stage.name())
    };
    rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(filter: Option<&str>, only: Option<Stage>) -> Options {
        Options { wasm: WasmOptions { wasm_std: None }, filter: filter.map(str::to_owned), only }
    }

    #[test]
    fn all_stages_run_unless_told_otherwise() {
        let run = |options: Options| -> Vec<Stage> {
            Stage::value_variants().iter().copied().filter(|stage| stage.left_out(&options).is_none()).collect()
        };
        let all = Stage::value_variants().iter().copied().filter(|&stage| stage != Stage::PythonTorch);
        assert_eq!(run(options(None, None)), all.collect::<Vec<_>>());
        assert_eq!(run(options(None, Some(Stage::PythonTorch))), [Stage::PythonTorch]);
        assert_eq!(run(options(None, Some(Stage::Clippy))), [Stage::Clippy]);
        assert_eq!(
            run(options(Some("gguf"), None)),
            [Stage::Setup, Stage::Component, Stage::Models, Stage::Page, Stage::Tests, Stage::Wasm]
        );
    }

    #[test]
    fn the_whole_workspace_is_checked_and_tested() {
        assert!(show(&clippy()).ends_with("clippy --workspace --all-targets -- -D warnings"));
        assert!(show(&super::tests(None)).ends_with("test --workspace --no-fail-fast"));
        assert!(show(&super::tests(Some("gguf"))).ends_with("test --workspace --no-fail-fast gguf"));
        assert!(show(&docs()).ends_with("doc --workspace --no-deps"));
    }

    #[test]
    fn results_are_counted_and_a_failed_command_is_an_error() {
        let said = "running 3 tests\n\ntest result: ok. 2 passed; 0 failed; 1 ignored\nno line end";
        let (mut totals, mut out) = (Totals::default(), Vec::new());
        tally(said.as_bytes(), &mut out, &mut totals).unwrap();
        assert_eq!(totals, Totals { passed: 2, failed: 0, skipped: 1 });
        assert_eq!(String::from_utf8(out).unwrap(), format!("{said}\n"));
        assert!(counted(&mut Command::new("false"), &mut totals).is_err());
    }

    #[test]
    fn the_table_says_what_was_not_run() {
        let text = table(&[
            (Stage::Clippy, Duration::from_millis(1250), "ok"),
            (Stage::Docs, Duration::ZERO, "not run: --only"),
        ]);
        assert_eq!(text, "  clippy          1.2 s  ok\n  docs                   not run: --only\n");
    }
}
