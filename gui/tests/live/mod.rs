//! The app in a harness, over the real host.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use egui_kittest::Harness;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use weighbridge::types::Lifecycle;
use weighbridge_inspector::Inspector;
use weighbridge_inspector::command::Command;
use weighbridge_inspector::native::{NativeBackend, NativeShell};

pub struct App {
    pub harness: Harness<'static, Inspector>,
    pub folder: tempfile::TempDir,
}

/// A safetensors file with some tensors of 32-bit floats.
pub fn model(folder: &Path) -> PathBuf {
    let (mut header, mut data) = (String::from("{"), Vec::new());
    for i in 0..12usize {
        let (from, len) = (data.len(), (i + 1) * 4096);
        data.extend((0..len / 4).flat_map(|v| f32::to_le_bytes(v as f32 * 0.5)));
        let comma = if i > 0 { "," } else { "" };
        header += &format!(
            "{comma}\"blk.{i}.weight\":{{\"dtype\":\"F32\",\"shape\":[{}],\"data_offsets\":[{from},{}]}}",
            len / 4,
            from + len
        );
    }
    header.push('}');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(&data);
    let path = folder.join("tiny.safetensors");
    std::fs::write(&path, file).unwrap();
    path
}

impl App {
    pub fn new() -> Self {
        let harness = Harness::builder().with_size([1280.0, 860.0]).with_max_steps(60).build_eframe(|cc| {
            let backend = NativeBackend::new(&cc.egui_ctx).unwrap();
            Inspector::new(&cc.egui_ctx, Box::new(backend), Box::new(NativeShell::default()), None)
        });
        let mut app = Self { harness, folder: tempfile::tempdir().unwrap() };
        app.until(|a| !a.state.host.component_id.is_empty());
        app
    }

    pub fn opened() -> Self {
        let mut app = Self::new();
        let path = model(app.folder.path());
        app.run(Command::OpenPaths(vec![path.to_string_lossy().into_owned()]));
        app.until(|a| a.state.run.tensors.len() == 12 && a.is_idle());
        app
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    pub fn until(&mut self, done: impl Fn(&Inspector) -> bool) {
        let began = Instant::now();
        loop {
            self.harness.step();
            if done(self.harness.state()) {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{:?} {:?} {:?}",
                self.harness.state().state.held,
                self.harness.state().state.messages,
                self.harness.state().state.busy
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn run(&mut self, command: Command) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().run(command, &ctx);
        self.harness.step();
    }

    /// Runs a command that the worker does, and waits for its end.
    pub fn work(&mut self, command: Command) {
        let rows = self.harness.state().state.run.store.end();
        let said = self.harness.state().state.messages.len();
        self.run(command);
        self.until(|a| a.is_idle() && (a.state.run.store.end() > rows || a.state.messages.len() > said));
        // The worker says how things stand after its work.
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(3));
            self.harness.step();
        }
        self.until(Inspector::is_idle);
    }

    pub fn all_are(&self, wanted: Lifecycle) -> bool {
        self.harness.state().state.run.states.iter().all(|s| s.lifecycle == wanted)
    }

    pub fn said(&self, text: &str) -> bool {
        self.harness.state().state.messages.iter().any(|m| m.text.contains(text))
    }
}
