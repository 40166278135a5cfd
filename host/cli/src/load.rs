//! `weighbridge load`: load a model and report what happened.
use super::failure::Result;
use super::jail::Paths;
use super::options::{Files, LoadArgs};
use super::output::Output;
use super::session::{Opened, open_to_load, runtime};
use super::units::{bytes, bytes_exact, grouped, plural, time};
use clap::Args;
use serde::{Serialize, Serializer};
use std::process::ExitCode;
use weighbridge::{LoadReport, Runtime, Severity, SlotStatus, Strategy, escape};

/// Load a model and report strategy, bytes, slots and times
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge load model.gguf
  weighbridge load model.gguf --strategy read-copy --select 'blk.0.*'
  weighbridge load model.gguf --strategy mapped-file --extent 64MiB --slots 16
  weighbridge load model-00001-of-00003.gguf          the other shards are found beside it
  weighbridge load model.safetensors.index.json --validate structure,architecture")]
pub(crate) struct Load {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    load: LoadArgs,
}

impl Load {
    /// The files that it needs in a jail.
    pub(crate) fn paths(&self) -> Paths<'_> {
        Paths::default().read(&self.files.files)
    }

    pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
        self.load.check()?;
        let runtime = runtime()?;
        let mut opened = open_to_load(&runtime, &self.files.files, &self.load, self.load.session())?;
        let report = opened.load(&self.load, output.is_json())?;
        let done = Done::new(&runtime, &mut opened, &self.load, report)?;
        if output.is_json() {
            output.json(&done.json("weighbridge.load/1", &opened))?;
        } else {
            done.show(&opened, output)?;
            // That a shard is not the whole model, say, is better known by whoever loads it.
            let findings = opened.session.findings()?;
            for finding in findings.iter().filter(|finding| finding.severity != Severity::Note) {
                output.note(&escape(&finding.message))?;
            }
        }
        opened.session.close()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a load did.
pub(crate) struct Done {
    report: LoadReport,
    requested: &'static str,
    slots: Slots,
    timings: Vec<(&'static str, u64)>,
    crossings: (u64, u64),
    guest_memory: u64,
    bytes_read: u64,
    private_mappings: u64,
}

struct Slots {
    capacity: usize,
    in_use: usize,
}

impl Done {
    pub(crate) fn new(runtime: &Runtime, opened: &mut Opened, args: &LoadArgs, report: LoadReport) -> Result<Self> {
        let slots = opened.session.slots()?;
        let in_use =
            slots.iter().filter(|slot| slot.status != SlotStatus::Free && slot.status != SlotStatus::Retired).count();
        let (startup, timings, stats) = (runtime.startup(), opened.session.timings(), opened.session.stats());
        Ok(Self {
            report,
            requested: args.strategy.name(),
            slots: Slots { capacity: slots.len(), in_use },
            timings: vec![
                ("component", startup.load_ns),
                ("instantiate", timings.instantiate),
                ("open", timings.open),
                ("header_read", timings.header_read),
                ("load", timings.load),
                ("map", timings.map),
                ("read", timings.read),
                ("allocate", timings.allocate),
            ],
            crossings: (stats.crossings_in, stats.crossings_out),
            guest_memory: stats.guest_memory_bytes,
            bytes_read: stats.bytes_to_guest,
            private_mappings: stats.private_mappings,
        })
    }

    /// The object for programs; `recording` is that of `weighbridge.record/1`.
    pub(crate) fn json<'a>(&'a self, schema: &'static str, opened: &'a Opened) -> LoadJson<'a> {
        let report = &self.report;
        let refused = report.refused.iter().map(|refusal| RefusedJson {
            strategy: refusal.strategy.name(),
            cause: refusal.reason.cause.name(),
            reason: &refusal.reason.message,
        });
        LoadJson {
            schema,
            files: files_json(opened),
            format: &opened.session.summary().format,
            tensors: report.tensors,
            bytes: report.bytes,
            moved: report.moved,
            mapped: report.mapped,
            private_mappings: self.private_mappings,
            extents: report.extents,
            strategy: StrategyJson {
                requested: self.requested,
                used: report.used.map(Strategy::name),
                refused: refused.collect(),
            },
            slots: SlotsJson { capacity: self.slots.capacity, in_use: self.slots.in_use, peak: report.slots_peak },
            timings_ns: TimingsJson(&self.timings),
            guest: GuestJson {
                memory_bytes: self.guest_memory,
                bytes_read: self.bytes_read,
                crossings: self.crossings.0 + self.crossings.1,
                crossings_in: self.crossings.0,
                crossings_out: self.crossings.1,
            },
            recording: None,
        }
    }

    pub(crate) fn show(&self, opened: &Opened, output: &mut Output) -> Result<()> {
        let report = &self.report;
        let (name, rest) = opened.headline();
        output.headline(&name, &rest)?;
        let used = report.used.map_or("none: there was nothing to do", Strategy::name);
        let mut strategy =
            if self.requested == used { used.to_owned() } else { format!("{used} (asked for {})", self.requested) };
        for refusal in &report.refused {
            let name = refusal.strategy.name();
            // The one that was used had to cut its extents anew, or brought in a part.
            let not = if report.mapped > 0 && refusal.strategy == Strategy::MappedFile { "" } else { "not " };
            strategy.push_str(&format!("\n{not}{name}: {}", escape(&refusal.reason.message)));
        }
        if self.private_mappings > 0 {
            strategy.push_str(
                "\nprivate: this file system has no shared mappings, so what others write to the file may not be seen",
            );
        }
        let all = opened.session.summary().tensors;
        let tensors = if all == 0 {
            "none".to_owned()
        } else if report.tensors == all {
            format!("all {}", grouped(u64::from(all)))
        } else {
            format!("{} of {}", grouped(u64::from(report.tensors)), grouped(u64::from(all)))
        };
        let copied = match (report.moved, report.mapped) {
            (0, _) => "nothing copied".to_owned(),
            (moved, 0) => format!("{} copied", bytes(moved)),
            (moved, mapped) => format!("{} mapped, {} copied", bytes(mapped), bytes(moved)),
        };
        let slots = &self.slots;
        let slots = match (slots.in_use, report.slots_peak) {
            (0, 0) => format!("none of {} used: nothing is mapped", slots.capacity),
            (in_use, peak) => format!("{in_use} of {} in use, at most {peak} at once", slots.capacity),
        };
        let (into, out) = self.crossings;
        output.facts(&[
            ("strategy", strategy),
            ("tensors", tensors),
            ("bytes", format!("{}, {copied}", bytes_exact(report.bytes))),
            ("extents", grouped(u64::from(report.extents))),
            ("slots", slots),
            (
                "guest",
                format!(
                    "{} of memory; it read {} of the file to find the headers",
                    bytes(self.guest_memory),
                    bytes(self.bytes_read)
                ),
            ),
            ("crossings", format!("{} into the guest, {} out of it", plural(into, "call"), grouped(out))),
        ])?;
        output.title("Time")?;
        output.facts(&self.times())
    }

    /// The times that say something; parts are indented below the whole.
    fn times(&self) -> Vec<(&'static str, String)> {
        let of = |part: &str| self.timings.iter().find(|(name, _)| *name == part).map_or(0, |(_, ns)| *ns);
        let mut rows = Vec::new();
        rows.push(("component", time(of("component"))));
        rows.push(("open", format!("{}, of which {} read the header", time(of("open")), time(of("header_read")))));
        let parts: Vec<_> = [("mapping", of("map")), ("allocating", of("allocate")), ("reading", of("read"))]
            .into_iter()
            .filter(|(_, ns)| *ns > 0)
            .map(|(part, ns)| format!("{} {part}", time(ns)))
            .collect();
        let of_which = if parts.is_empty() { String::new() } else { format!(", of which {}", parts.join(", ")) };
        rows.push(("load", format!("{}{of_which}", time(of("load")))));
        rows
    }
}

/// The model's files.
pub(crate) fn files_json(opened: &Opened) -> Vec<FileJson> {
    let files = opened.session.files().iter();
    files.map(|file| FileJson { path: file.shown().to_string_lossy().into_owned(), bytes: file.size }).collect()
}

#[derive(Serialize)]
pub(crate) struct FileJson {
    path: String,
    bytes: u64,
}

/// `weighbridge.load/1`
#[derive(Serialize)]
pub(crate) struct LoadJson<'a> {
    schema: &'static str,
    files: Vec<FileJson>,
    format: &'a str,
    tensors: u32,
    bytes: u64,
    moved: u64,
    mapped: u64,
    private_mappings: u64,
    extents: u32,
    strategy: StrategyJson<'a>,
    slots: SlotsJson,
    timings_ns: TimingsJson<'a>,
    guest: GuestJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recording: Option<RecordingJson>,
}

#[derive(Serialize)]
struct StrategyJson<'a> {
    requested: &'static str,
    used: Option<&'static str>,
    refused: Vec<RefusedJson<'a>>,
}

#[derive(Serialize)]
struct RefusedJson<'a> {
    strategy: &'static str,
    cause: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct SlotsJson {
    capacity: usize,
    in_use: usize,
    peak: u32,
}

#[derive(Serialize)]
struct GuestJson {
    memory_bytes: u64,
    bytes_read: u64,
    crossings: u64,
    crossings_in: u64,
    crossings_out: u64,
}

/// The `recording` of `weighbridge.record/1`.
#[derive(Serialize)]
pub(crate) struct RecordingJson {
    pub(crate) file: String,
    pub(crate) records: usize,
    pub(crate) bytes: u64,
}

struct TimingsJson<'a>(&'a [(&'static str, u64)]);

impl Serialize for TimingsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}
