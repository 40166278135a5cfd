//! The component through the host module of the web page, in Node and in a worker of Chromium: a script that is spoken to in JSON lines.
use crate::convert;
use crate::double::Leaks;
use crate::faults::{Fault, Instead, Kind};
use crate::files::Model;
use crate::harness::{Harness, Setup};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use weighbridge_loader::api::{
    BufferState, LoadOptions, LoadReport, MachineStatus, Selection, SlotState, TensorInfo, TensorState,
};
use weighbridge_loader::types::{Advice, AdviceEffect, Error};

/// A script that runs.
pub struct Script {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Script {
    fn start(name: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser").join(name);
        let mut child = Command::new("node")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node could not be started ({error}); it is Debian's package nodejs"));
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.to, "{question}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the script said {line:?} to {question}"))
    }
}

/// Where a script's sessions run.
pub trait Place: 'static {
    /// The script for a session.
    fn script() -> Arc<Mutex<Script>>;
    /// Whether a file that changes on the disk must be told of.
    const TOLD: bool;
}

/// Node, over real files: a process for each session.
pub struct InNode;

impl Place for InNode {
    const TOLD: bool = false;

    fn script() -> Arc<Mutex<Script>> {
        Arc::new(Mutex::new(Script::start("harness.mjs")))
    }
}

/// A worker of Chromium, over `File`s: one browser for all sessions, one after the other. It ends when its input does, with this process.
pub struct InChromium;

impl Place for InChromium {
    const TOLD: bool = true;

    fn script() -> Arc<Mutex<Script>> {
        static BROWSER: OnceLock<Arc<Mutex<Script>>> = OnceLock::new();
        BROWSER.get_or_init(|| Arc::new(Mutex::new(Script::start("harness-chromium.mjs")))).clone()
    }
}

/// A session of the component in Node.
pub type Node = Scripted<InNode>;
/// A session of the component in a worker of Chromium.
pub type Chromium = Scripted<InChromium>;

/// A session of the component behind a script.
pub struct Scripted<P> {
    script: Arc<Mutex<Script>>,
    folder: tempfile::TempDir,
    names: Vec<String>,
    place: PhantomData<P>,
}

impl<P: Place> Scripted<P> {
    fn ask(&mut self, question: &Value) -> Result<Value, Error> {
        // A scenario that failed before has left nothing half done: a question has one answer.
        let mut answer = self.script.lock().unwrap_or_else(PoisonError::into_inner).ask(question);
        if let Some(trouble) = answer.get("trouble") {
            panic!("{question}: {trouble}");
        }
        match answer.get_mut("failed") {
            Some(error) => {
                Err(convert::error(serde_json::from_value::<weighbridge::types::Error>(error.take()).unwrap()))
            }
            None => Ok(answer["ok"].take()),
        }
    }

    fn get<T: DeserializeOwned>(&mut self, question: &Value) -> Result<T, Error> {
        self.ask(question).map(|value| serde_json::from_value(value).unwrap())
    }
}

fn fault_json(fault: &Fault) -> Value {
    let instead = match &fault.instead {
        Instead::Error(error, span) => json!({ "error": convert::to_storage_error(error.clone()), "span": span }),
        Instead::Short(len) => json!({ "short": len }),
    };
    json!({ "kind": fault.kind.map(Kind::name), "at": fault.at, "times": fault.times, "instead": instead })
}

impl<P: Place> Harness for Scripted<P> {
    fn open(model: &Model, setup: &Setup, faults: &[Fault]) -> Result<Self, Error> {
        let folder = tempfile::tempdir().unwrap();
        for file in &model.files {
            std::fs::write(folder.path().join(&file.name), &file.bytes).unwrap();
        }
        let names: Vec<String> = model.files.iter().map(|file| file.name.clone()).collect();
        let question = json!({
            "open": names.iter().take(model.given).collect::<Vec<_>>(),
            "folder": folder.path(),
            "guest": convert::to_guest_options(&setup.options),
            "offers": {
                "mmap": setup.mmap, "advise": setup.advise, "map-granularity": 4096,
                "max-read": setup.max_read, "max-batch": setup.max_batch,
                "auto": ["mapped-file", "staged-read", "read-copy"],
            },
            "registered": setup.registered,
            "faults": faults.iter().map(fault_json).collect::<Vec<_>>(),
        });
        let mut session = Self { script: P::script(), folder, names, place: PhantomData };
        session.ask(&question)?;
        Ok(session)
    }

    fn missing(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn provide(&mut self, _: &[usize]) -> Result<(), Error> {
        panic!("the host gives missing files by itself")
    }

    fn tensors(&mut self) -> Vec<TensorInfo> {
        let tensors: Vec<weighbridge::TensorInfo> = self.get(&json!("tensors")).unwrap();
        tensors.iter().map(convert::tensor).collect()
    }

    fn load(&mut self, selection: &Selection, options: &LoadOptions) -> Result<LoadReport, Error> {
        let load = json!({ "load": convert::to_selection(selection), "options": convert::to_options(options) });
        self.get(&load).map(convert::report)
    }

    fn release(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.get(&json!({ "release": convert::to_selection(selection) }))
    }

    fn evict(&mut self, selection: &Selection) -> Result<u32, Error> {
        self.get(&json!({ "evict": convert::to_selection(selection) }))
    }

    fn advise(&mut self, tensor: u32, advice: Advice) -> Result<AdviceEffect, Error> {
        self.get(&json!({ "advise": tensor, "advice": convert::to_advice(advice) })).map(convert::effect)
    }

    fn states(&mut self) -> Vec<TensorState> {
        let states: Vec<weighbridge::TensorState> = self.get(&json!("states")).unwrap();
        states.into_iter().map(convert::state).collect()
    }

    fn buffers(&mut self) -> Vec<BufferState> {
        let buffers: Vec<weighbridge::types::BufferState> = self.get(&json!("buffers")).unwrap();
        buffers.into_iter().map(convert::buffer).collect()
    }

    fn slots(&mut self) -> Vec<SlotState> {
        let slots: Vec<weighbridge::SlotState> = self.get(&json!("slots")).unwrap();
        slots.iter().map(convert::slot).collect()
    }

    fn machines(&mut self) -> Vec<MachineStatus> {
        let machines: Vec<weighbridge::MachineStatus> = self.get(&json!("machines")).unwrap();
        machines.into_iter().map(convert::machine).collect()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.ask(&json!("close")).map(drop)
    }

    fn bytes(&mut self, tensor: u32) -> Option<Vec<u8>> {
        let file = self.folder.path().join("bytes-of-a-tensor");
        self.ask(&json!({ "bytes": tensor, "into": file })).ok()?;
        Some(std::fs::read(file).unwrap())
    }

    fn view(&mut self, tensor: u32) {
        self.ask(&json!({ "view": tensor })).unwrap();
    }

    fn unview(&mut self) {
        self.ask(&json!("unview")).unwrap();
    }

    fn arm(&mut self, fault: Fault) {
        self.ask(&json!({ "arm": fault_json(&fault) })).unwrap();
    }

    fn disarm(&mut self) {
        self.ask(&json!("disarm")).unwrap();
    }

    fn calls(&mut self, kind: Option<Kind>) -> usize {
        self.get(&json!({ "calls": kind.map(Kind::name) })).unwrap()
    }

    fn struck(&mut self) -> usize {
        self.get(&json!("struck")).unwrap()
    }

    fn slots_when_closed(&mut self) -> Vec<SlotState> {
        Vec::new()
    }

    fn change(&mut self, file: usize, len: usize) {
        let path = self.folder.path().join(&self.names[file]);
        std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(len as u64).unwrap();
        if P::TOLD {
            let name = self.names[file].clone();
            self.ask(&json!({ "change": name })).unwrap();
        }
    }

    fn leaks(&mut self) -> Leaks {
        let (mappings, buffers) = self.get(&json!("held")).unwrap();
        Leaks { mappings, buffers, registered: 0, violations: Vec::new() }
    }
}
