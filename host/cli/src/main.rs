//! The command line tool; `weighbridge --help` says what it does. One file for each subcommand, with its options and its
//! `run`.
#![forbid(unsafe_code)]
mod check;
mod compare;
mod completions;
mod convert;
mod diff;
mod export;
mod inspect;
mod load;
mod machines;
mod record;
mod replay;
mod sample;
mod set_metadata;
mod verify;

mod failure;
mod jail;
mod options;
mod output;
mod progress;
mod session;
mod units;
mod write_file;

use clap::{ColorChoice, CommandFactory, Parser, Subcommand};
use failure::Failure;
use output::Output;
use std::process::ExitCode;

/// Loads untrusted model files through a sandboxed WebAssembly component, at mmap speed
#[derive(Debug, Parser)]
#[command(name = "weighbridge", version, max_term_width = 100, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    /// Print one JSON object on stdout instead of text (docs/json-schemas.md)
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    /// Before the component runs, give up the right to open files elsewhere, to connect and to start programs (Linux)
    #[arg(long, global = true, display_order = 901)]
    jail: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit status: 0 done, 1 refused or failed, 2 wrong usage. Errors are text on stderr; with --json the error is an object on \
stdout, too. Colour is used only on a terminal, and not at all where NO_COLOR is set.";

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Inspect),
    Load(load::Load),
    Verify(verify::Verify),
    Check(check::Check),
    Diff(diff::Diff),
    Convert(convert::Convert),
    SetMetadata(set_metadata::SetMetadata),
    Record(record::Record),
    Replay(replay::Replay),
    Compare(compare::Compare),
    Export(export::Export),
    Machines(machines::Machines),
    Sample(sample::Sample),
    Completions(completions::Completions),
}

impl Command {
    /// Gives up what it does not need.
    fn enter_jail(&self) -> failure::Result<()> {
        let paths = match self {
            Self::Inspect(command) => command.paths(),
            Self::Load(command) => command.paths(),
            Self::Verify(command) => command.paths(),
            Self::Check(command) => command.paths(),
            Self::Diff(command) => command.paths(),
            Self::Convert(command) => command.paths(),
            Self::SetMetadata(command) => command.paths(),
            Self::Record(command) => command.paths(),
            Self::Replay(command) => command.paths(),
            Self::Compare(_) | Self::Export(_) | Self::Machines(_) | Self::Sample(_) | Self::Completions(_) => {
                return Err(Failure::usage("--jail is for commands that run the component over files of strangers"));
            }
        };
        paths.enter()
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let mut output = Output::new(cli.json);
    if cli.jail
        && let Err(failure) = cli.command.enter_jail()
    {
        return failure.show(&mut output);
    }
    let result = match cli.command {
        Command::Inspect(command) => command.run(&mut output),
        Command::Load(command) => command.run(&mut output),
        Command::Verify(command) => command.run(&mut output),
        Command::Check(command) => command.run(&mut output),
        Command::Diff(command) => command.run(&mut output),
        Command::Convert(command) => command.run(&mut output),
        Command::SetMetadata(command) => command.run(&mut output),
        Command::Record(command) => command.run(&mut output),
        Command::Replay(command) => command.run(&mut output),
        Command::Compare(command) => command.run(&mut output),
        Command::Export(command) => command.run(&mut output),
        Command::Machines(command) => command.run(&mut output),
        Command::Sample(command) => command.run(&mut output),
        Command::Completions(command) => command.run(&mut output),
    };
    let result = result.and_then(|code| match output.flush() {
        // Whoever closed the pipe has read enough; what was found out holds.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(code),
        flushed => flushed.map(|()| code).map_err(Failure::from),
    });
    match result {
        Ok(code) => code,
        Err(failure) => failure.show(&mut output),
    }
}

/// What clap has to say: help and version are answers, the rest is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Whoever closed the pipe has read enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let _ = error.print();
    // clap found no valid command line, so `--json` is looked for by hand.
    if std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json") {
        let text = error.render().to_string();
        let sentence: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        let message = sentence.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        Failure::usage(message).show_json(&mut Output::new(true));
    }
    ExitCode::from(2)
}

/// The command line's definition, for completions.
fn definition() -> clap::Command {
    Cli::command().color(ColorChoice::Never)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_subcommand_has_examples() {
        for command in definition().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n"), "{} has no examples", command.get_name());
            assert!(help.contains(&format!("weighbridge {}", command.get_name())), "{}", command.get_name());
            let longest = help.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(100), "the examples of {} would be wrapped", command.get_name());
        }
    }
}
