//! The inspector on a canvas of a real page, with a bridge that has no worker behind it. Runs in headless Chromium, by
//! `cargo xtask web --test`.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use eframe::web_sys::HtmlCanvasElement;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use weighbridge_inspector::backend::{Failure, Request, Update};
use weighbridge_inspector::demo;
use weighbridge_inspector::web::{Handle, start};

wasm_bindgen_test_configure!(run_in_browser);

/// A canvas in the page and a bridge whose lists the test fills and reads.
const PAGE: &str = "(() => {
    const canvas = document.createElement('canvas');
    canvas.style = 'position: fixed; inset: 0; width: 900px; height: 640px';
    document.body.append(canvas);
    const bridge = {
        sent: [], updates: [],
        send(json) { this.sent.push(json); },
        poll() { return this.updates.shift(); },
        pick() {}, picked() {},
        onWake(wake) { this.wake = wake; },
    };
    return { canvas, bridge };
})()";

struct Page {
    canvas: HtmlCanvasElement,
    bridge: JsValue,
    handle: Handle,
}

fn get(of: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(of, &name.into()).unwrap()
}

/// Two frames, or a while where nothing is drawn.
async fn frame() {
    let wait =
        "new Promise((done) => { setTimeout(done, 200); requestAnimationFrame(() => requestAnimationFrame(done)); })";
    let promise: js_sys::Promise = js_sys::eval(wait).unwrap().unchecked_into();
    wasm_bindgen_futures::JsFuture::from(promise).await.unwrap();
}

impl Page {
    async fn open() -> Self {
        let made = js_sys::eval(PAGE).unwrap();
        let (canvas, bridge) = (get(&made, "canvas").unchecked_into::<HtmlCanvasElement>(), get(&made, "bridge"));
        let handle = start(canvas.clone(), bridge.clone().unchecked_into()).await.expect("the browser has WebGL");
        Self { canvas, bridge, handle }
    }

    fn tell(&self, updates: &[Update]) {
        let list: js_sys::Array = get(&self.bridge, "updates").unchecked_into();
        for update in updates {
            list.push(&serde_json::to_string(update).unwrap().into());
        }
        let wake: js_sys::Function = get(&self.bridge, "wake").unchecked_into();
        wake.call0(&JsValue::NULL).unwrap();
    }

    fn facts(&self) -> Value {
        serde_json::from_str(&self.handle.facts()).unwrap()
    }

    /// Waits until the facts are so, for as long as a slow machine may take.
    async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..300 {
            let facts = self.facts();
            if holds(&facts) {
                return facts;
            }
            frame().await;
        }
        panic!("{what} did not come about: {}", self.facts());
    }

    fn sent(&self) -> Vec<Request> {
        let list: js_sys::Array = get(&self.bridge, "sent").unchecked_into();
        list.iter().map(|json| serde_json::from_str(&json.as_string().unwrap()).unwrap()).collect()
    }

    fn close(self) {
        self.handle.destroy();
        self.canvas.remove();
    }
}

#[wasm_bindgen_test]
async fn the_app_starts_on_a_canvas_and_draws() {
    let page = Page::open().await;
    page.until("a first frame", |facts| facts["idle"] == true).await;
    assert_eq!(page.facts()["rows"], 0);
    // Sized by its place in the page.
    frame().await;
    assert!(
        page.canvas.width() >= 900 && page.canvas.height() >= 640,
        "{} × {}",
        page.canvas.width(),
        page.canvas.height()
    );
    page.close();
}

#[wasm_bindgen_test]
async fn updates_of_the_worker_are_shown() {
    let page = Page::open().await;
    page.tell(&demo::updates(demo::Size { tensors: 40, transitions: 400 }));
    let facts = page.until("the run", |facts| facts["tensors"] == 40 && facts["rows"].as_u64() > Some(100)).await;
    assert_eq!((&facts["failure"], &facts["held"]), (&Value::Null, &Value::Null));
    page.close();
}

#[wasm_bindgen_test]
async fn a_failure_and_a_hold_are_shown() {
    let page = Page::open().await;
    page.tell(&demo::updates(demo::Size { tensors: 4, transitions: 40 }));
    let error =
        json!({ "phase": "parse", "cause": "malformed", "offset": 8, "message": "a sentence of the component" });
    let failure =
        Failure { doing: "open".into(), error: serde_json::from_value(error).unwrap(), file: None, bytes: None };
    page.tell(&[Update::Busy("Loading".into()), Update::Held("before read".into()), Update::Failed(Box::new(failure))]);
    let facts = page.until("the failure", |facts| facts["failure"].is_string()).await;
    assert_eq!(facts["failure"], "a sentence of the component");
    assert_eq!((&facts["held"], &facts["idle"]), (&json!("before read"), &json!(false)));
    page.tell(&[Update::Resumed, Update::Idle]);
    page.until("the end of it", |facts| facts["idle"] == true && facts["held"].is_null()).await;
    page.close();
}

#[wasm_bindgen_test]
async fn commands_send_requests() {
    let page = Page::open().await;
    page.tell(&demo::updates(demo::Size { tensors: 4, transitions: 40 }));
    page.until("the run", |facts| facts["tensors"] == 4 && facts["idle"] == true).await;
    let before = page.sent().len();
    for line in ["load", "evict", "cancel"] {
        page.handle.command(line).unwrap();
    }
    let sent = page.sent().split_off(before);
    assert!(matches!(sent[..], [Request::Load { .. }, Request::Evict(_), Request::Cancel]), "{sent:?}");
    assert!(page.handle.command("no such command").is_err());
    page.close();
}

#[wasm_bindgen_test]
async fn an_app_that_has_ended_answers_nothing_and_breaks_nothing() {
    let page = Page::open().await;
    page.handle.destroy();
    frame().await;
    assert_eq!(page.handle.facts(), "");
    assert!(page.handle.command("load").is_err());
    page.canvas.remove();
}
