//! Nothing lies on anything: in a window as narrow as it may get, and in wider ones, the texts of every panel keep apart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod common;

use common::{Desk, Dialogs, checkpoint, diff};
use egui::epaint::{ClippedShape, Shape, TextShape};
use egui::{Rect, vec2};
use weighbridge_core::types::{Cause, Error, Phase, StorageError};
use weighbridge_inspector::Inspector;
use weighbridge_inspector::backend::{
    Breakpoint, Failure, Fault, FaultCall, FaultKind, FileBytes, FileRef, Origin, RaceRow, Update,
};
use weighbridge_inspector::command::Command;
use weighbridge_inspector::panel::Panel;

/// The narrowest that the window may be made, and some more: what fits at one width may collide at another.
const WIDTHS: [f32; 5] = [400.0, 470.0, 560.0, 760.0, 1280.0];
const HEIGHT: f32 = 700.0;
/// Frames until a panel stands.
const FRAMES: u32 = 4;
/// Points by which the ink of neighbours may touch: glyphs are padded by a pixel.
const TOUCH: f32 = 1.5;

struct Stage {
    ctx: egui::Context,
    app: Inspector,
    time: f64,
}

impl Stage {
    fn new() -> Self {
        let ctx = egui::Context::default();
        let mut app = Inspector::new(&ctx, Box::new(Desk::default()), Box::new(Dialogs::default()), None);
        app.state.scripted = true;
        Self { ctx, app, time: 0.0 }
    }

    fn run(&mut self, command: Command) {
        let ctx = self.ctx.clone();
        self.app.run(command, &ctx);
    }

    fn take(&mut self, update: Update) {
        let ctx = self.ctx.clone();
        self.app.take(update, &ctx);
    }

    /// What a frame of this width paints once the panels stand.
    fn paint(&mut self, width: f32) -> Vec<ClippedShape> {
        // Messages lie on the panels on purpose, in a window with a ground of its own.
        self.app.state.messages.clear();
        let mut shapes = Vec::new();
        for _ in 0..FRAMES {
            self.time += 1.0;
            let rect = Rect::from_min_size(egui::Pos2::ZERO, vec2(width, HEIGHT));
            let input = egui::RawInput { screen_rect: Some(rect), time: Some(self.time), ..egui::RawInput::default() };
            let mut output = self.ctx.run_ui(input, |ui| self.app.frame(ui));
            // Nothing is painted, so no texture is needed.
            output.textures_delta.clear();
            shapes = output.shapes;
        }
        shapes
    }
}

/// A line of text: where its ink is, and what it says.
struct Ink {
    rect: Rect,
    text: String,
}

fn lines(text: &TextShape, clip: Rect, out: &mut Vec<Ink>) {
    for row in &text.galley.rows {
        let rect = row.row.visuals.mesh_bounds.translate(row.pos.to_vec2() + text.pos.to_vec2()).intersect(clip);
        if rect.is_positive() {
            out.push(Ink { rect, text: row.row.text() });
        }
    }
}

fn collect(shape: &Shape, clip: Rect, out: &mut Vec<Ink>) {
    match shape {
        Shape::Text(text) => lines(text, clip, out),
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, out)),
        _ => {}
    }
}

/// Every two lines of text of which one lies on the other.
fn collisions(shapes: &[ClippedShape], width: f32) -> Vec<String> {
    let screen = Rect::from_min_size(egui::Pos2::ZERO, vec2(width, HEIGHT));
    let mut inks = Vec::new();
    for shape in shapes {
        collect(&shape.shape, shape.clip_rect.intersect(screen), &mut inks);
    }
    let mut found = Vec::new();
    for (i, a) in inks.iter().enumerate() {
        for b in &inks[..i] {
            let both = a.rect.intersect(b.rect);
            if both.width() > TOUCH && both.height() > TOUCH {
                found.push(format!("{:?} lies on {:?} at {:?}", a.text, b.text, both.min));
            }
        }
    }
    found
}

fn check(stage: &mut Stage, what: &str, wrong: &mut Vec<String>) {
    for width in WIDTHS {
        let shapes = stage.paint(width);
        let found = collisions(&shapes, width);
        if !found.is_empty() {
            wrong.push(format!("{what}, {width} wide:\n  {}", found.join("\n  ")));
        }
    }
}

/// Every panel alone, and every panel among the others.
fn every_panel(stage: &mut Stage, what: &str, wrong: &mut Vec<String>) {
    for panel in Panel::ALL {
        stage.run(Command::Maximise(Some(*panel)));
        check(stage, &format!("{panel:?} alone, {what}"), wrong);
    }
    stage.run(Command::Maximise(None));
    for panel in Panel::ALL {
        stage.run(Command::Show(*panel));
        check(stage, &format!("{panel:?} among the others, {what}"), wrong);
    }
}

fn filled() -> Stage {
    let mut stage = Stage::new();
    stage.run(Command::Demo);
    stage.run(Command::SelectTensor(Some(4)));
    stage.run(Command::CompareLast);
    stage.take(Update::Diff(Box::new(diff())));
    stage
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_two_texts_lie_on_each_other_at_first() {
    let mut wrong = Vec::new();
    every_panel(&mut Stage::new(), "empty", &mut wrong);
    none(&wrong);
}

#[test]
fn no_two_texts_lie_on_each_other_with_a_model() {
    let mut wrong = Vec::new();
    every_panel(&mut filled(), "filled", &mut wrong);
    none(&wrong);
}

/// Everything that adds a word to a row: a query that is wrong, a cursor, faults, breakpoints, a failure, a race, long names.
#[test]
fn no_two_texts_lie_on_each_other_when_there_is_much_to_say() {
    let mut stage = filled();
    stage.run(Command::Query("colour:red and a query that is as long as one can be before it is cut".into()));
    stage.run(Command::Arm(Fault::Call {
        call: FaultCall::ReadInto,
        nth: 1_000,
        kind: FaultKind::Fail(StorageError::AccessDenied),
    }));
    let edge = Breakpoint::Edge { machine: "io/staged_read".into(), from: "reading".into(), to: "deadline".into() };
    stage.run(Command::ToggleBreak(edge));
    let mut error = Error::new(Phase::Parse, Cause::Malformed, "The header says 99 tensors and has room for 12.");
    (error.source, error.offset, error.field) = (Some(0), Some(72), Some("tensor_count".into()));
    let bytes = FileBytes { file: 0, offset: 0, bytes: (0..160).collect() };
    stage.take(Update::Failed(Box::new(Failure { doing: "open".into(), error, file: None, bytes: Some(bytes) })));
    let row = |strategy: &str, result| RaceRow {
        strategy: strategy.into(),
        cold: true,
        result,
        bytes: 1 << 40,
        moved: 1 << 40,
        calls: 1_234_567,
        touch_ns: 1_234_567_890,
    };
    let why = "Not supported here: this system has no call that drops a file from the page cache";
    stage.take(Update::Race(vec![row("mapped-file", Err(why.into())), row("staged-read", Ok(12_345_678_901))]));
    stage.app.state.prefs.recent =
        vec![FileRef { name: format!("{}.gguf", "long-name-".repeat(12)), token: "/somewhere".into() }];
    stage.app.state.run.label = format!("{}.gguf", "long-name-".repeat(12));
    stage.app.state.held = Some("breakpoint at io/staged_read: reading → a_state_with_a_long_name".into());
    let mut wrong = Vec::new();
    every_panel(&mut stage, "held", &mut wrong);
    stage.run(Command::Scrub(Some(100)));
    stage.app.state.held = None;
    stage.app.state.busy = Some(("Reading the recording".into(), 0.0));
    every_panel(&mut stage, "at a cursor", &mut wrong);
    none(&wrong);
}

/// A checkpoint's card, and the card of a file that could not be opened, which several panels show in their own's place.
#[test]
fn no_two_texts_lie_on_each_other_of_a_checkpoint_and_of_no_model() {
    let mut stage = Stage::new();
    for update in checkpoint() {
        stage.take(update);
    }
    let mut wrong = Vec::new();
    every_panel(&mut stage, "checkpoint", &mut wrong);
    let error = Error::new(Phase::Parse, Cause::NotAModel, "file \"x\" is an HTML page: ".repeat(9));
    stage.take(Update::Began { label: "x".into(), origin: Origin::Live });
    stage.take(Update::Failed(Box::new(Failure { doing: "open".into(), error, file: None, bytes: None })));
    every_panel(&mut stage, "no model", &mut wrong);
    none(&wrong);
}

/// The test of the test: what is written on something is found.
#[test]
fn a_text_on_a_text_is_found() {
    let ctx = egui::Context::default();
    let paint = |gap: f32| {
        let mut shapes = Vec::new();
        for _ in 0..2 {
            let mut output = ctx.run_ui(egui::RawInput::default(), |ui| {
                for at in [egui::pos2(10.0, 10.0), egui::pos2(10.0, 10.0 + gap)] {
                    let font = egui::FontId::proportional(14.0);
                    ui.painter().text(at, egui::Align2::LEFT_TOP, "weigh", font, egui::Color32::WHITE);
                }
            });
            output.textures_delta.clear();
            shapes = output.shapes;
        }
        collisions(&shapes, 400.0).len()
    };
    assert_eq!((paint(4.0), paint(20.0)), (1, 0));
}
