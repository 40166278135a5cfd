//! Time of the UI's own code in a frame, with 20,000 tensors and 1,000,000 transitions, through egui_kittest.
//! Ends with an error where a panel takes more than 8 ms.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
use egui_kittest::Harness;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use weighbridge_inspector::Inspector;
use weighbridge_inspector::backend::{Backend, FileRef, NoBackend, Pick, Picked, Shell};
use weighbridge_inspector::command::Command;
use weighbridge_inspector::demo::{Size, updates};
use weighbridge_inspector::panel::Panel;

struct NoShell;

impl Shell for NoShell {
    fn pick(&mut self, _: Pick, _: &str, _: &egui::Context) {}

    fn poll(&mut self) -> Option<Picked> {
        None
    }

    fn file(&self, _: &Path) -> Result<FileRef, String> {
        Err("no files here".into())
    }
}

/// The app, with the time that its frames take.
struct Timed {
    app: Inspector,
    times: Rc<RefCell<Vec<Duration>>>,
}

impl eframe::App for Timed {
    fn ui(&mut self, ui: &mut egui::Ui, _: &mut eframe::Frame) {
        let began = Instant::now();
        self.app.frame(ui);
        self.times.borrow_mut().push(began.elapsed());
    }
}

const LIMIT: Duration = Duration::from_millis(8);

fn main() {
    // `cargo test --benches` only wants to know that it runs.
    let small = std::env::args().any(|a| a == "--test") || cfg!(debug_assertions);
    let size =
        if small { Size { tensors: 200, transitions: 5000 } } else { Size { tensors: 20_000, transitions: 1_000_000 } };
    let times = Rc::new(RefCell::new(Vec::new()));
    let mut backend = NoBackend::default();
    backend.updates.extend(updates(size));
    let (backend, for_app): (Box<dyn Backend>, _) = (Box::new(backend), times.clone());
    let began = Instant::now();
    let mut harness = Harness::builder().with_size([1600.0, 1000.0]).with_max_steps(4).build_eframe(move |cc| Timed {
        app: Inspector::new(&cc.egui_ctx, backend, Box::new(NoShell), None),
        times: for_app,
    });
    harness.step();
    println!("first frame after {:?}", began.elapsed());
    let began = Instant::now();
    while !harness.state().app.is_idle() {
        harness.step();
    }
    let rows = harness.state().app.state.run.store.end();
    println!("{rows} rows taken in {:?}; {}", began.elapsed(), summary("frames meanwhile", &times).1);
    let mut slow = Vec::new();
    let ctx = harness.ctx.clone();
    let mut measure = |name: &str, harness: &mut Harness<'_, Timed>, before: &dyn Fn(&mut Inspector, u64)| {
        times.borrow_mut().clear();
        for i in 0..40 {
            before(&mut harness.state_mut().app, i);
            harness.step();
        }
        let (median, line) = summary(name, &times);
        println!("{line}");
        if median > LIMIT && !small {
            slow.push(name.to_owned());
        }
    };
    measure("all panels, following live", &mut harness, &|_, _| {});
    measure("all panels, scrubbing", &mut harness, &|app, i| app.run(Command::Scrub(Some(rows / 50 * (i + 1))), &ctx));
    for panel in Panel::ALL {
        harness.state_mut().app.run(Command::Maximise(Some(*panel)), &ctx);
        measure(panel.info().label, &mut harness, &|_, _| {});
        measure(&format!("{}, scrubbing", panel.info().label), &mut harness, &|app, i| {
            app.run(Command::Scrub(Some(rows / 50 * (i + 1))), &ctx)
        });
        harness.state_mut().app.run(Command::Follow, &ctx);
    }
    harness.state_mut().app.run(Command::Maximise(Some(Panel::Timeline)), &ctx);
    harness.state_mut().app.run(Command::ZoomFit, &ctx);
    measure("timeline, all of it", &mut harness, &|_, _| {});
    measure("timeline, new query each frame", &mut harness, &|app, i| {
        app.run(Command::Query(format!("actor:tensor dur>{i}us")), &ctx)
    });
    println!("resident memory: {} MiB", resident_mib());
    if !slow.is_empty() {
        println!("above {LIMIT:?}: {}", slow.join(", "));
        std::process::exit(1);
    }
}

fn summary(name: &str, times: &Rc<RefCell<Vec<Duration>>>) -> (Duration, String) {
    let mut times = times.borrow().clone();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let most = times.last().copied().unwrap_or_default();
    (median, format!("{name}: median {:.2} ms, most {:.2} ms", median.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3))
}

fn resident_mib() -> u64 {
    let pages =
        std::fs::read_to_string("/proc/self/statm").ok().and_then(|s| s.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096 / (1 << 20)
}
