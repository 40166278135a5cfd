//! A picture of each panel in both themes, painted without a driver, so that it is the same on every machine.
//! `UPDATE_SNAPSHOTS=1` writes them anew; what differs is written beside them as `.new.png`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{Desk, Dialogs, checkpoint, diff};
use std::path::PathBuf;
use weighbridge_core::types::{Cause, Error, Phase};
use weighbridge_inspector::Inspector;
use weighbridge_inspector::backend::{Failure, FileBytes, Origin, Update};
use weighbridge_inspector::command::{Command, Look};
use weighbridge_inspector::panel::Panel;
use weighbridge_inspector::picture::png;
use weighbridge_inspector::raster::Raster;

const SIZE: [usize; 2] = [960, 640];
/// Frames until a panel stands: what it asks for in one it has in the next.
const FRAMES: u32 = 4;
/// Part of the pixels that may differ: floating point is not the same everywhere.
const TOLERANCE: f64 = 0.002;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

struct Stage {
    ctx: egui::Context,
    app: Inspector,
    raster: Raster,
    time: f64,
}

impl Stage {
    fn new(look: Look) -> Self {
        let ctx = egui::Context::default();
        let mut app = Inspector::new(&ctx, Box::new(Desk::default()), Box::new(Dialogs::default()), None);
        app.state.scripted = true;
        app.run(Command::Theme(look), &ctx);
        Self { ctx, app, raster: Raster::default(), time: 0.0 }
    }

    fn picture(&mut self) -> egui::ColorImage {
        let mut image = egui::ColorImage::default();
        for frame in 0..FRAMES {
            // Long enough for anything that is lit for a moment to be out.
            self.time += 1.0;
            let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(SIZE[0] as f32, SIZE[1] as f32));
            let input = egui::RawInput { screen_rect: Some(rect), time: Some(self.time), ..egui::RawInput::default() };
            let output = self.ctx.run_ui(input, |ui| self.app.frame(ui));
            self.raster.update(output.textures_delta);
            if frame == FRAMES - 1 {
                let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
                image = self.raster.paint(&primitives, SIZE, output.pixels_per_point, egui::Color32::BLACK);
            }
        }
        image
    }
}

fn failure() -> Update {
    let mut error = Error::new(
        Phase::Parse,
        Cause::Malformed,
        "The header says 99 tensors and has room for 12; fetch the file again.",
    );
    (error.source, error.offset, error.field) = (Some(0), Some(72), Some("tensor_count".into()));
    let bytes = FileBytes { file: 0, offset: 0, bytes: (0..160).collect() };
    Update::Failed(Box::new(Failure { doing: "open".into(), error, file: None, bytes: Some(bytes) }))
}

/// What comes of opening a pointer of Git LFS.
fn pointer() -> Update {
    let sentence = "model.safetensors is a Git LFS pointer: the model's 4,976,698,672 bytes were not fetched; run `git lfs pull` \
                    in its folder.";
    let error = Error::new(Phase::Parse, Cause::NotAModel, sentence);
    Update::Failed(Box::new(Failure { doing: "open".into(), error, file: None, bytes: None }))
}

fn read(path: &PathBuf) -> Option<Vec<u8>> {
    let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).ok()?));
    let mut reader = decoder.read_info().ok()?;
    let mut bytes = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut bytes).ok()?;
    Some(bytes)
}

fn check(name: &str, image: &egui::ColorImage, wrong: &mut Vec<String>) {
    let path = folder().join(format!("{name}.png"));
    let new = png(image).unwrap();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, new).unwrap();
        return;
    }
    let pixels: Vec<u8> = image.pixels.iter().flat_map(|p| p.to_array()).collect();
    let Some(old) = read(&path).filter(|o| o.len() == pixels.len()) else {
        wrong.push(format!("{name}: there is no such picture yet, or of another size"));
        return;
    };
    let differ = old
        .chunks_exact(4)
        .zip(pixels.chunks_exact(4))
        .filter(|(a, b)| a.iter().zip(*b).any(|(x, y)| x.abs_diff(*y) > 24))
        .count();
    let share = differ as f64 / image.pixels.len() as f64;
    if share > TOLERANCE {
        std::fs::write(folder().join(format!("{name}.new.png")), new).unwrap();
        wrong.push(format!("{name}: {:.2} % of the pixels differ", share * 100.0));
    }
}

fn every_panel_looks_as_it_did(theme: &str, look: Look) {
    let mut wrong = Vec::new();
    let mut stage = Stage::new(look);
    check(&format!("{theme}-first-start"), &stage.picture(), &mut wrong);
    let ctx = stage.ctx.clone();
    stage.app.run(Command::Demo, &ctx);
    stage.app.run(Command::SelectTensor(Some(4)), &ctx);
    stage.app.run(Command::CompareLast, &ctx);
    for panel in Panel::ALL {
        stage.app.run(Command::Maximise(Some(*panel)), &ctx);
        if *panel == Panel::Diff {
            stage.app.take(Update::Diff(Box::new(diff())), &ctx);
        }
        if *panel == Panel::Why {
            stage.app.take(failure(), &ctx);
            stage.app.state.messages.clear();
        }
        let name = panel.info().name.replace("panel ", "");
        check(&format!("{theme}-{name}"), &stage.picture(), &mut wrong);
    }
    // A checkpoint that would run a command; a file that is no model.
    stage.app.run(Command::Maximise(Some(Panel::Sandbox)), &ctx);
    for update in checkpoint() {
        stage.app.take(update, &ctx);
    }
    check(&format!("{theme}-pickle"), &stage.picture(), &mut wrong);
    stage.app.take(Update::Began { label: "model.safetensors".into(), origin: Origin::Live }, &ctx);
    stage.app.take(pointer(), &ctx);
    stage.app.state.messages.clear();
    stage.app.run(Command::Maximise(Some(Panel::Start)), &ctx);
    check(&format!("{theme}-not-a-model"), &stage.picture(), &mut wrong);
    assert!(
        wrong.is_empty(),
        "look at the .new.png files beside the pictures, or set UPDATE_SNAPSHOTS=1:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_panel_looks_as_it_did_in_the_dark() {
    every_panel_looks_as_it_did("dark", Look::Dark);
}

#[test]
fn every_panel_looks_as_it_did_in_the_light() {
    every_panel_looks_as_it_did("light", Look::Light);
}
