//! `weighbridge load`: load a model and report what happened.
use super::failure::Result;
use super::options::{Files, LoadArgs};
use super::output::Output;
use super::session::{Opened, open_to_load, runtime};
use super::units::{bytes, bytes_exact, grouped, plural, time};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;
use weighbridge::{LoadReport, Runtime, SlotStatus, Strategy, escape};

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
        }
        opened.session.close().map_err(|error| opened.failed(error))?;
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
    header_bytes: u64,
}

struct Slots {
    capacity: u32,
    in_use: usize,
}

impl Done {
    pub(crate) fn new(runtime: &Runtime, opened: &mut Opened, args: &LoadArgs, report: LoadReport) -> Result<Self> {
        let slots = match opened.session.slots() {
            Ok(slots) => slots,
            Err(error) => return Err(opened.failed(error)),
        };
        let in_use =
            slots.iter().filter(|slot| slot.status != SlotStatus::Free && slot.status != SlotStatus::Retired).count();
        let (startup, timings, stats) = (runtime.startup(), opened.session.timings(), opened.session.stats());
        Ok(Self {
            report,
            requested: args.strategy.name(),
            slots: Slots { capacity: args.slot_capacity(), in_use },
            timings: vec![
                ("compile", startup.compile_ns),
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
            header_bytes: stats.bytes_to_guest,
        })
    }

    pub(crate) fn json(&self, schema: &str, opened: &Opened) -> Value {
        let report = &self.report;
        let refused = report.refused.iter();
        let timings = self.timings.iter().map(|(part, ns)| ((*part).to_owned(), json!(ns)));
        json!({
            "schema": schema,
            "files": files_json(opened),
            "format": opened.session.summary().format,
            "tensors": report.tensors,
            "bytes": report.bytes,
            "moved": report.moved,
            "extents": report.extents,
            "strategy": {
                "requested": self.requested,
                "used": report.used.map(Strategy::name),
                "refused": refused.map(|refusal| json!({
                    "strategy": refusal.strategy.name(),
                    "reason": refusal.reason.message,
                    "cause": refusal.reason.cause.name(),
                })).collect::<Vec<_>>(),
            },
            "slots": {"capacity": self.slots.capacity, "in_use": self.slots.in_use, "peak": report.slots_peak},
            "timings_ns": timings.collect::<serde_json::Map<_, _>>(),
            "guest": {
                "memory_bytes": self.guest_memory,
                "header_bytes": self.header_bytes,
                "crossings": self.crossings.0 + self.crossings.1,
                "crossings_in": self.crossings.0,
                "crossings_out": self.crossings.1,
            },
        })
    }

    pub(crate) fn show(&self, opened: &Opened, output: &mut Output) -> Result<()> {
        let report = &self.report;
        let (name, rest) = opened.headline();
        output.headline(&name, &rest)?;
        let used = report.used.map_or("none: there was nothing to do", Strategy::name);
        let mut strategy =
            if self.requested == used { used.to_owned() } else { format!("{used} (asked for {})", self.requested) };
        for refusal in &report.refused {
            strategy.push_str(&format!("\nnot {}: {}", refusal.strategy.name(), escape(&refusal.reason.message)));
        }
        let all = opened.session.summary().tensors;
        let tensors = if report.tensors == all {
            format!("all {}", grouped(u64::from(all)))
        } else {
            format!("{} of {}", grouped(u64::from(report.tensors)), grouped(u64::from(all)))
        };
        let copied =
            if report.moved == 0 { "nothing copied".to_owned() } else { format!("{} copied", bytes(report.moved)) };
        let slots = &self.slots;
        let slots = format!("{} of {} in use, at most {} at once", slots.in_use, slots.capacity, report.slots_peak);
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
                    "{} of memory; {} of header went in, no byte of a tensor",
                    bytes(self.guest_memory),
                    bytes(self.header_bytes)
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
        let compiled = of("compile");
        if compiled > 0 {
            rows.push(("compile", format!("{} (the first time; kept for later)", time(compiled))));
        }
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
pub(crate) fn files_json(opened: &Opened) -> Value {
    let files = opened.session.files().iter();
    files.map(|file| json!({"path": file.path.to_string_lossy(), "bytes": file.size})).collect()
}
