//! The app in a harness, over a backend that only notes what it was asked.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use egui_kittest::Harness;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;
use weighbridge_inspector::Inspector;
use weighbridge_inspector::backend::{Backend, FileRef, NoBackend, Pick, Picked, Request, Shell, Update};
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
