//! The app without a window: the same frames, painted into memory when a picture is wanted.
use super::{NativeBackend, NativeShell};
use crate::app::{Inspector, parse};
use crate::command::Look;
use crate::raster::Raster;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Frames after a command before the next: panels settle, animations end.
const SETTLE: u32 = 6;
/// Longest that a script waits for one command.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a script. Answers the messages that were left standing, or the line that failed.
///
/// # Errors
/// A sentence for the terminal.
pub fn run(script: &str, size: [f32; 2], look: Look) -> Result<(), String> {
    let ctx = egui::Context::default();
    ctx.enable_accesskit();
    let backend = NativeBackend::new(&ctx).map_err(|e| format!("no thread for the worker: {e}"))?;
    let mut app = Inspector::new(&ctx, Box::new(backend), Box::new(NativeShell::default()), None);
    app.state.scripted = true;
    let mut driver = Driver { ctx, raster: Raster::default(), size, began: Instant::now() };
    app.run(crate::command::Command::Theme(look), &driver.ctx);
    driver.settle(&mut app)?;
    for (n, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        driver.line(&mut app, line).map_err(|why| format!("line {}: {line}: {why}", n + 1))?;
    }
    Ok(())
}

struct Driver {
    ctx: egui::Context,
    raster: Raster,
    size: [f32; 2],
    began: Instant,
}

impl Driver {
    fn line(&mut self, app: &mut Inspector, line: &str) -> Result<(), String> {
        if let Some(wanted) = line.strip_prefix("expect ") {
            return expect(app, wanted.trim());
        }
        if let Some(ms) = line.strip_prefix("wait ") {
            let ms: u64 = ms.trim().parse().map_err(|_| "wait takes milliseconds".to_owned())?;
            let until = Instant::now() + Duration::from_millis(ms.min(60_000));
            while Instant::now() < until {
                self.frame(app);
                std::thread::sleep(Duration::from_millis(5));
            }
            return Ok(());
        }
        if let Some(size) = line.strip_prefix("size ") {
            let (w, h) = size.trim().split_once(['x', ' ']).ok_or("size WIDTHxHEIGHT")?;
            let number = |t: &str| t.trim().parse::<f32>().map_err(|_| "size WIDTHxHEIGHT".to_owned());
            self.size = [number(w)?.clamp(200.0, 8192.0), number(h)?.clamp(200.0, 8192.0)];
            return Ok(());
        }
        let command = parse(line)?;
        let messages = app.state.messages.len();
        app.run(command, &self.ctx);
        self.settle(app)?;
        for message in app.state.messages.iter().skip(messages.min(app.state.messages.len())) {
            // The terminal is the only place to see them; a line that must not fail says so with `expect`.
            println!("{}: {}", if message.bad { "problem" } else { "note" }, message.text);
        }
        Ok(())
    }

    /// Frames until nothing is under way, or the guest is held.
    fn settle(&mut self, app: &mut Inspector) -> Result<(), String> {
        let began = Instant::now();
        let mut quiet = 0;
        while quiet < SETTLE {
            self.frame(app);
            if app.is_idle() || app.state.held.is_some() {
                quiet += 1;
            } else {
                quiet = 0;
                std::thread::sleep(Duration::from_millis(2));
            }
            // Requests go to another thread: give it the chance to say that it is busy.
            std::thread::sleep(Duration::from_millis(3));
            if began.elapsed() > PATIENCE {
                return Err("it did not end in two minutes".into());
            }
        }
        Ok(())
    }

    fn frame(&mut self, app: &mut Inspector) {
        let rect = egui::Rect::from_min_size(egui::Pos2::ZERO, self.size.into());
        let input = egui::RawInput {
            screen_rect: Some(rect),
            time: Some(self.began.elapsed().as_secs_f64()),
            focused: true,
            ..egui::RawInput::default()
        };
        let output = self.ctx.run_ui(input, |ui| app.frame(ui));
        self.raster.update(output.textures_delta);
        if app.wants_picture() {
            let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let size = [self.size[0] as usize, self.size[1] as usize];
            let clear = self.ctx.global_style().visuals.panel_fill;
            app.give_picture(Arc::new(self.raster.paint(&primitives, size, output.pixels_per_point, clear)));
        }
    }
}

/// `ok`, `failed CAUSE`, `held`, `tensors N`, `loads N`, `rows` (at least one answers the query).
fn expect(app: &Inspector, wanted: &str) -> Result<(), String> {
    let state = &app.state;
    // The failure of the last request: the card keeps an earlier one.
    let failure = state.run.failure.as_ref().filter(|_| state.failed).map(|(_, f)| f.error.cause.name());
    let (what, value) = wanted.split_once(' ').unwrap_or((wanted, ""));
    let found = match what {
        "ok" => {
            (failure.is_none() && !state.messages.iter().any(|m| m.bad), format!("{failure:?} {:?}", state.messages))
        }
        "failed" => (failure == Some(value), format!("{failure:?}")),
        "held" => (state.held.is_some(), format!("{:?}", state.held)),
        "tensors" => (state.run.tensors.len().to_string() == value, state.run.tensors.len().to_string()),
        "loads" => (state.loads().len().to_string() == value, state.loads().len().to_string()),
        "rows" => (state.search.len(&state.run.store) > 0, "none".into()),
        "said" => (state.messages.iter().any(|m| m.text.contains(value)), format!("{:?}", state.messages)),
        _ => return Err("expect ok, failed CAUSE, held, tensors N, loads N, rows or said TEXT".into()),
    };
    if found.0 { Ok(()) } else { Err(format!("it was {}", found.1)) }
}
