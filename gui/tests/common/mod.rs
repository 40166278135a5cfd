//! The app in a harness, over a backend that only notes what it was asked.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use egui_kittest::Harness;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use weighbridge_core::model::TensorDifference;
use weighbridge_core::types::{MetadataEntry, MetadataValue, ModelSummary, TensorInfo};
use weighbridge_inspector::Inspector;
use weighbridge_inspector::backend::{
    Backend, DiffSide, FileFacts, FileRef, MetadataDiff, ModelDiff, NoBackend, Opened, Origin, Pick, Picked, Request,
    Shell, TensorDiff, Uncompared, Update,
};
use weighbridge_inspector::command::Command;

/// What the app asked for, and what reaches it.
#[derive(Clone, Default)]
pub struct Desk(pub Rc<RefCell<NoBackend>>);

impl Backend for Desk {
    fn send(&mut self, request: Request) {
        self.0.borrow_mut().send(request);
    }

    fn poll(&mut self) -> Option<Update> {
        self.0.borrow_mut().poll()
    }
}

impl Desk {
    pub fn asked(&self) -> Vec<Request> {
        std::mem::take(&mut self.0.borrow_mut().asked)
    }

    pub fn tell(&self, update: Update) {
        self.0.borrow_mut().updates.push_back(update);
    }
}

/// Dialogs that answer what a test set.
#[derive(Clone, Default)]
pub struct Dialogs(pub Rc<RefCell<(Vec<Pick>, VecDeque<Picked>)>>);

impl Shell for Dialogs {
    fn pick(&mut self, pick: Pick, _: &str, _: &egui::Context) {
        self.0.borrow_mut().0.push(pick);
    }

    fn poll(&mut self) -> Option<Picked> {
        self.0.borrow_mut().1.pop_front()
    }

    fn file(&self, path: &Path) -> Result<FileRef, String> {
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        Ok(FileRef { name, token: path.to_string_lossy().into_owned() })
    }
}

pub struct App {
    pub harness: Harness<'static, Inspector>,
    pub desk: Desk,
    pub dialogs: Dialogs,
}

impl App {
    pub fn new() -> Self {
        Self::sized(1280.0, 860.0)
    }

    pub fn sized(width: f32, height: f32) -> Self {
        let (desk, dialogs) = (Desk::default(), Dialogs::default());
        let (backend, shell) = (desk.clone(), dialogs.clone());
        let harness = Harness::builder()
            .with_size([width, height])
            .with_max_steps(60)
            .with_theme(egui::Theme::Dark)
            .build_eframe(move |cc| Inspector::new(&cc.egui_ctx, Box::new(backend), Box::new(shell), None));
        let mut app = Self { harness, desk, dialogs };
        app.harness.run_ok();
        app
    }

    /// With the made-up trace.
    pub fn demo() -> Self {
        let mut app = Self::new();
        app.run(Command::Demo);
        app
    }

    pub fn run(&mut self, command: Command) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().run(command, &ctx);
        self.settle();
    }

    pub fn settle(&mut self) {
        for _ in 0..3 {
            self.harness.run_ok();
        }
    }

    pub fn tell(&mut self, update: Update) {
        self.desk.tell(update);
        self.settle();
    }
}

/// What differs between two made-up models.
pub fn diff() -> ModelDiff {
    let side = |label: &str, tensors| DiffSide {
        label: label.into(),
        format: "gguf".into(),
        tensors,
        tensor_bytes: u64::from(tensors) << 20,
    };
    let tensor = |name: &str, dtype: &str, rows: u64| TensorInfo {
        name: name.into(),
        dtype: dtype.into(),
        shape: vec![rows, 4096],
        source: 0,
        offset: 8192,
        bytes: rows * 4096,
    };
    let entry = |key: &str, value: &str| MetadataEntry {
        key: key.into(),
        kind: "string".into(),
        source: 0,
        value: MetadataValue::Text(value.into()),
    };
    let change = |difference, differing, a, b| TensorDiff { difference, differing, a, b };
    ModelDiff {
        a: side("synthetic.gguf", 201),
        b: side("synthetic-finetuned-with-a-longer-name-00001-of-00003.gguf", 202),
        metadata: vec![
            MetadataDiff { a: Some(entry("general.name", "Synthetic")), b: Some(entry("general.name", "Tuned")) },
            MetadataDiff { a: None, b: Some(entry("general.license", "apache-2.0")) },
        ],
        tensors: vec![
            change(TensorDifference::Added, 128 << 20, None, Some((7, tensor("output.weight", "Q8_0", 32_768)))),
            change(
                TensorDifference::Dtype,
                45_088_768,
                Some((3, tensor("blk.0.ffn_up.weight", "Q8_0", 11_008))),
                Some((3, tensor("blk.0.ffn_up.weight", "F16", 11_008))),
            ),
            change(
                TensorDifference::Comparable,
                4_194_304,
                Some((0, tensor("blk.0.attn_q.weight", "Q8_0", 4096))),
                Some((0, tensor("blk.0.attn_q.weight", "Q8_0", 4096))),
            ),
            change(TensorDifference::Removed, 512, Some((2, tensor("blk.0.attn_norm.weight", "F32", 1))), None),
        ],
        comparable: 198,
        compared: true,
        uncompared: vec![Uncompared {
            name: "blk.3.attn_norm.weight".into(),
            why: "The type 137 is not known here; the tensor is listed and cannot be loaded.".into(),
        }],
    }
}

/// A checkpoint that would run a command, as far as a panel shows it.
pub fn checkpoint() -> Vec<Update> {
    let entry =
        |key: &str, value| MetadataEntry { key: format!("pytorch.{key}"), kind: "string".into(), source: 0, value };
    let text = |key: &str, text: &str| entry(key, MetadataValue::Text(text.into()));
    let number = |key: &str, number| entry(key, MetadataValue::Unsigned(number));
    let summary = ModelSummary {
        format: "pytorch".into(),
        version: 3,
        architecture: None,
        sources: 1,
        tensors: 0,
        metadata_entries: 12,
        tensor_bytes: 0,
        alignment: 1,
    };
    let files = vec![FileFacts { name: "runs-a-command.pt".into(), size: 133_861 }];
    let opened = Opened { summary, files, capabilities: None, findings: Vec::new() };
    vec![
        Update::Began { label: "runs-a-command.pt".into(), origin: Origin::Live },
        Update::Opened(Box::new(opened)),
        Update::Metadata(vec![
            text("form", "archive"),
            text("verdict", "Could run code in PyTorch: yes, by os.system (data.pkl, byte 1042)"),
            text("weights_only", "refuses it: os.system at byte 1042 of data.pkl is not on its list"),
            number("globals", 4),
            text(
                "globals[0]",
                "torch._utils._rebuild_tensor_v2: allowed by weights_only, called 8 times (data.pkl, byte 71)",
            ),
            text("globals[1]", "os.system: blocked by weights_only, could run code, called once (data.pkl, byte 1042)"),
            text(
                "globals[2]",
                "my_project.models.Net: refused by weights_only, could run code, called once (data.pkl, byte 1100)",
            ),
            number("opcodes", 2),
            text("opcodes[0]", "GLOBAL in data.pkl: 11 times, first at byte 71"),
            text("opcodes[1]", "REDUCE in data.pkl: 10 times, first at byte 130"),
            number("storages", 8),
            number("strided", 2),
            number("bytes_outside", 12_345),
        ]),
    ]
}
