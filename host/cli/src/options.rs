//! Options that several subcommands share.
use super::failure::{Failure, Result};
use super::units::{parse_duration, parse_size};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use weighbridge::{
    Cause, Error, ExtentPolicy, LoadOptions, Selection, SessionOptions, Strategy, StrategyPolicy, Validation,
};

/// The model's files.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The model: one file, or all files of a split model; of one file the others are looked for beside it
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// How to load.
#[derive(Debug, Args)]
#[command(next_help_heading = "Loading")]
pub(crate) struct LoadArgs {
    /// How the bytes get to where they are used
    #[arg(long, value_enum, default_value = "auto", value_name = "STRATEGY")]
    pub(crate) strategy: StrategyArg,
    /// What is mapped or allocated together: `auto` (what is loaded and little else), `file`, `tensor`, or neighbours up to a
    /// SIZE such as 64MiB
    #[arg(long, default_value = "auto", value_name = "auto|file|tensor|SIZE", value_parser = parse_extent)]
    extent: ExtentPolicy,
    /// Load only the tensors whose names match, such as 'blk.0.*'
    #[arg(long, value_name = "GLOB")]
    select: Option<String>,
    /// Bytes moved at once by staged-read and external-buffer [default: 4MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    chunk: Option<u64>,
    /// Mappings that may be live at once [default: 256, or one for each file where that is more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// Check the loaded model: `structure` (layers are whole), `architecture` (what it names is there)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CHECK,…")]
    validate: Vec<Check>,
    /// Act as a host that cannot map files
    #[arg(long)]
    no_mmap: bool,
    /// Give up after this time, such as 500ms or 5s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    deadline: Option<Duration>,
}

/// `--strategy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StrategyArg {
    /// The first that works of mapped-file, staged-read, read-copy
    Auto,
    /// Map the file; no copy
    MappedFile,
    /// Read into memory, in as few batches as possible
    ReadCopy,
    /// Read into memory in chunks
    StagedRead,
    /// Read in chunks into memory that this tool registers
    ExternalBuffer,
}

/// `--validate`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Check {
    Structure,
    Architecture,
}

impl StrategyArg {
    pub(crate) fn name(self) -> &'static str {
        self.only().map_or("auto", Strategy::name)
    }

    fn only(self) -> Option<Strategy> {
        match self {
            Self::Auto => None,
            Self::MappedFile => Some(Strategy::MappedFile),
            Self::ReadCopy => Some(Strategy::ReadCopy),
            Self::StagedRead => Some(Strategy::StagedRead),
            Self::ExternalBuffer => Some(Strategy::ExternalBuffer),
        }
    }
}

impl LoadArgs {
    /// Refuses what contradicts itself, before any work.
    pub(crate) fn check(&self) -> Result<()> {
        let strategy = self.strategy;
        if self.chunk.is_some() && matches!(strategy, StrategyArg::MappedFile | StrategyArg::ReadCopy) {
            let name = strategy.name();
            return Err(Failure::usage(format!(
                "--chunk and --strategy {name} contradict each other: nothing is read in chunks"
            )));
        }
        if self.slots.is_some() && !matches!(strategy, StrategyArg::Auto | StrategyArg::MappedFile) {
            let name = strategy.name();
            return Err(Failure::usage(format!(
                "--slots and --strategy {name} contradict each other: slots hold mappings"
            )));
        }
        if self.extent != ExtentPolicy::Auto && strategy == StrategyArg::ExternalBuffer {
            return Err(Failure::usage(
                "--extent and --strategy external-buffer contradict each other: every tensor has a buffer of its own",
            ));
        }
        Ok(())
    }

    /// A load that failed, with what to do about it that was not done already.
    pub(crate) fn explain(&self, error: Error) -> Failure {
        let hint = match error.cause {
            Cause::SlotsExhausted if self.slots.is_some() => {
                Some("leave --slots out: there are then as many as the model has files, and at least 256")
            }
            Cause::SlotsExhausted if matches!(self.extent, ExtentPolicy::PerTensor | ExtentPolicy::Window(_)) => {
                Some("--extent file needs one slot for each file")
            }
            Cause::StrategyUnavailable if self.strategy != StrategyArg::Auto => {
                Some("--strategy auto takes the first strategy that works")
            }
            _ => None,
        };
        let failure = Failure::from(error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    pub(crate) fn selection(&self) -> Selection {
        self.select.clone().map_or(Selection::All, Selection::Matching)
    }

    /// Whether only some tensors are loaded.
    pub(crate) fn selects(&self) -> bool {
        self.select.is_some()
    }

    pub(crate) fn load(&self) -> LoadOptions {
        LoadOptions::new()
            .policy(self.strategy.only().map_or(StrategyPolicy::Auto, StrategyPolicy::Only))
            .extent(self.extent)
            .staging_bytes(self.chunk.unwrap_or(0))
            .validate(
                Validation::new()
                    .structure(self.validate.contains(&Check::Structure))
                    .architecture(self.validate.contains(&Check::Architecture)),
            )
    }

    pub(crate) fn session(&self) -> SessionOptions {
        let mut options = SessionOptions::default();
        options.guest.slots = self.slots.unwrap_or(0);
        options.host.mmap = !self.no_mmap;
        options.limits.deadline = self.deadline;
        options
    }
}

fn parse_extent(text: &str) -> std::result::Result<ExtentPolicy, String> {
    match text {
        "auto" => Ok(ExtentPolicy::Auto),
        "file" => Ok(ExtentPolicy::WholeFile),
        "tensor" => Ok(ExtentPolicy::PerTensor),
        size => parse_size(size)
            .map(ExtentPolicy::Window)
            .map_err(|error| format!("{error}; or `auto`, `file` or `tensor`")),
    }
}
