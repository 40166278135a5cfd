//! What of the web shell needs no page: its messages, the worker and the dialogs behind a bridge. Runs in Node, by `cargo xtask web --test`.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::path::Path;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use weighbridge_inspector::backend::{Backend, Breakpoint, FileRef, OpenOptions, Pick, Picked, Request, Shell, Update};
use weighbridge_inspector::demo;
use weighbridge_inspector::messages::read;
use weighbridge_inspector::web::{Bridge, WebBackend, WebShell};

/// A bridge without a page: what was asked is kept, what is to come is put into its lists.
const BRIDGE: &str = "({
    sent: [], updates: [], dialogs: [], results: [],
    send(json) { this.sent.push(json); },
    poll() { return this.updates.shift(); },
    pick(what) { this.dialogs.push(what); },
    picked() { return this.results.shift(); },
    onWake(wake) { this.wake = wake; },
})";

struct Mock(JsValue);

impl Mock {
    fn new() -> Self {
        Self(js_sys::eval(BRIDGE).unwrap())
    }

    fn bridge(&self) -> Rc<Bridge> {
        Rc::new(self.0.clone().unchecked_into())
    }

    fn list(&self, name: &str) -> js_sys::Array {
        js_sys::Reflect::get(&self.0, &name.into()).unwrap().unchecked_into()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().map(|value| value.as_string().unwrap()).collect()
    }
}

fn backend(mock: &Mock) -> (WebBackend, egui::Context) {
    let ctx = egui::Context::default();
    (WebBackend::new(mock.bridge(), &ctx), ctx)
}

fn file(name: &str) -> FileRef {
    FileRef { name: name.to_owned(), token: "7".to_owned() }
}

#[wasm_bindgen_test]
fn requests_go_over_the_bridge_as_json() {
    let mock = Mock::new();
    let (mut backend, _) = backend(&mock);
    let requests = [
        Request::Open { files: vec![file("größe \u{202e}.gguf")], options: OpenOptions::default() },
        Request::Cancel,
        Request::SetBreakpoints(vec![Breakpoint::Error]),
    ];
    for request in &requests {
        backend.send(request.clone());
    }
    let sent: Vec<Request> = mock.texts("sent").iter().map(|json| serde_json::from_str(json).unwrap()).collect();
    assert_eq!(sent, requests);
}

#[wasm_bindgen_test]
fn updates_come_in_order_and_those_of_the_plain_view_are_passed_over() {
    let mock = Mock::new();
    let (mut backend, _) = backend(&mock);
    assert_eq!(backend.poll(), None);
    let all = demo::updates(demo::Size { tensors: 12, transitions: 60 });
    for update in &all {
        mock.list("updates").push(&serde_json::to_string(update).unwrap().into());
        mock.list("updates").push(&"{\"Hashes\":{\"rows\":[]}}".into());
    }
    let got: Vec<Update> = std::iter::from_fn(|| backend.poll()).collect();
    assert_eq!(got, all);
}

#[wasm_bindgen_test]
fn what_cannot_be_read_is_a_problem_that_is_shown() {
    for json in ["", "{", "{\"Nonsense\":1}", "\"\u{202e}\"", "{\"Tensors\":{\"start\":-1,\"tensors\":[]}}"] {
        assert!(matches!(read(json), Some(Update::Problem(_))), "{json:?}");
    }
}

#[wasm_bindgen_test]
fn numbers_of_64_bits_keep_every_digit() {
    let json = format!("{{\"Pages\":{{\"file\":0,\"page\":{},\"bits\":[]}}}}", u64::MAX);
    assert_eq!(read(&json), Some(Update::Pages { file: 0, page: u64::MAX, bits: Vec::new() }));
}

#[wasm_bindgen_test]
fn news_wakes_the_app() {
    let mock = Mock::new();
    let (_backend, ctx) = backend(&mock);
    // A first pass, after which nothing is left to do.
    for _ in 0..10 {
        ctx.run_ui(egui::RawInput::default(), |_| {}).textures_delta.clear();
    }
    assert!(!ctx.has_requested_repaint());
    let wake: js_sys::Function = js_sys::Reflect::get(&mock.0, &"wake".into()).unwrap().unchecked_into();
    wake.call0(&JsValue::NULL).unwrap();
    assert!(ctx.has_requested_repaint());
}

#[wasm_bindgen_test]
fn dialogs_are_the_pages_and_answer_with_tokens() {
    let mock = Mock::new();
    let mut shell = WebShell::new(mock.bridge());
    let ctx = egui::Context::default();
    shell.pick(Pick::Model, "", &ctx);
    shell.pick(Pick::Recording, "", &ctx);
    assert_eq!(mock.texts("dialogs"), ["model", "recording"]);
    assert!(shell.poll().is_none(), "nobody has chosen yet");
    let answer = |what: &str, files: &[FileRef]| {
        let json = serde_json::json!({ "what": what, "files": files }).to_string();
        mock.list("results").push(&json.into());
    };
    answer("model", &[file("a.gguf")]);
    answer("recording", &[file("a.wbrec")]);
    answer("model", &[]);
    assert!(matches!(shell.poll(), Some(Picked::Files(Pick::Model, files)) if files == [file("a.gguf")]));
    assert!(matches!(shell.poll(), Some(Picked::Files(Pick::Recording, files)) if files == [file("a.wbrec")]));
    assert!(matches!(shell.poll(), Some(Picked::Nothing)));
    mock.list("results").push(&"no JSON".into());
    assert!(shell.poll().is_none());
}

#[wasm_bindgen_test]
fn saving_asks_nothing_and_a_path_is_no_file_of_a_page() {
    let mock = Mock::new();
    let mut shell = WebShell::new(mock.bridge());
    shell.pick(Pick::Save, "load.wbrec", &egui::Context::default());
    assert!(matches!(shell.poll(), Some(Picked::Files(Pick::Save, files)) if files[0].name == "load.wbrec"));
    assert!(shell.poll().is_none());
    assert!(mock.texts("dialogs").is_empty());
    let refused = shell.file(Path::new("/etc/\u{202e}passwd")).unwrap_err();
    assert!(refused.contains("drop the file here") && !refused.contains('\u{202e}'), "{refused}");
}
