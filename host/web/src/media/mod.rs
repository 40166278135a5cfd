//! Files and memory as JavaScript has them.
mod fill;
mod recorded;
mod runs;
mod source;
mod window;

pub(crate) use source::{JsSource, Source, storage_error};

use crate::options::Settings;
use js_sys::{Array, Function, Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{
    Advice, AdviceEffect, BatchError, Control, Fill, Media, SourceStat, Span, StorageError, Strategy, Usage,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn milliseconds() -> f64;

    /// `js/memory.js`: the bytes of one target as the pieces that came.
    #[derive(Clone)]
    pub type Memory;
    /// Takes bytes as what lies at a place, without a copy.
    #[wasm_bindgen(method, catch)]
    fn put(this: &Memory, at: f64, bytes: &Uint8Array) -> Result<(), JsValue>;
    /// The bytes of a range, in one piece.
    #[wasm_bindgen(method, catch)]
    fn range(this: &Memory, at: f64, length: f64) -> Result<Uint8Array, JsValue>;
    /// Says that bytes will come, and answers what takes them.
    #[wasm_bindgen(method)]
    fn expect(this: &Memory, at: f64, length: f64) -> Function;
    /// Whether bytes will come that share one with a range.
    #[wasm_bindgen(method)]
    fn expects(this: &Memory, at: f64, length: f64) -> bool;

    /// What a session's embedder brings of JavaScript (`js/session.js`).
    #[derive(Clone)]
    pub type Hooks;
    /// Makes memory of so many bytes, all zeros.
    #[wasm_bindgen(method)]
    fn allocate(this: &Hooks, length: f64) -> Memory;
    /// Bytes that were read come later; parts of them go to those that take them.
    #[wasm_bindgen(method)]
    fn arrive(this: &Hooks, bytes: &Promise, takers: &Array, at: &[f64], len: &[f64], is_shared: bool);
    /// Whether the embedder wants the work to end.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn cancelled(this: &Hooks) -> Result<bool, JsValue>;
    /// Whether somebody watches how long the guest computes.
    #[wasm_bindgen(method, getter, js_name = isWatched)]
    pub(crate) fn is_watched(this: &Hooks) -> bool;
    /// The guest computes from now on, for at most so many ms, or ends with this error; without a time it rests.
    #[wasm_bindgen(method)]
    pub(crate) fn computes(this: &Hooks, ms: Option<f64>, error: &JsValue);
    /// So many bytes were moved so far.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn progress(this: &Hooks, moved: f64) -> Result<(), JsValue>;
}

/// What a page and Node have of files and memory.
pub(crate) struct Web {
    hooks: Hooks,
    cancelled: Box<dyn Fn() -> bool>,
    granularity: u64,
    auto: Vec<Strategy>,
    windows: window::Windows,
}

impl Web {
    /// `cancelled` says whether the work is to end.
    pub(crate) fn new(hooks: Hooks, settings: &Settings, cancelled: impl Fn() -> bool + 'static) -> Self {
        let windows = window::Windows::default();
        let (granularity, auto) = (settings.granularity(), settings.auto());
        Self { hooks, cancelled: Box::new(cancelled), granularity, auto, windows }
    }

    /// Of a session without files.
    pub(crate) fn bare(hooks: Hooks) -> Self {
        Self { auto: Vec::new(), ..Self::new(hooks, &Settings::default(), || false) }
    }

    /// Whether work may go on.
    fn check(&self, control: &Control) -> Result<(), StorageError> {
        if self.is_cancelled() { Err(StorageError::Cancelled) } else { control.check() }
    }

    fn count(&self, usage: &Usage, bytes: u64) {
        usage.moved(bytes);
        // A listener's own failure is not the load's.
        let _ = self.hooks.progress(usage.moving() as f64);
    }
}

/// Bytes of a target.
pub(crate) struct Buffer {
    memory: Memory,
    len: u64,
    /// Memory of the embedder, which is filled where it is.
    is_registered: bool,
}

impl Buffer {
    /// Memory of the embedder.
    pub(crate) const fn registered(memory: Memory, len: u64) -> Self {
        Self { memory, len, is_registered: true }
    }

    /// Its bytes from `offset` on, in one piece.
    pub(crate) fn bytes(&self, offset: u64, len: u64) -> Result<Uint8Array, JsValue> {
        self.memory.range(offset as f64, len as f64)
    }
}

impl Media for Web {
    type Source = Source;
    type Mapping = Uint8Array;
    type Buffer = Buffer;

    fn now() -> u64 {
        (milliseconds() * 1e6) as u64
    }

    fn is_cancelled(&self) -> bool {
        (self.cancelled)()
    }

    fn auto(&self) -> &[Strategy] {
        &self.auto
    }

    fn map_granularity(&self) -> u64 {
        self.granularity
    }

    fn size(&self, source: &Source) -> u64 {
        source.size
    }

    fn stat(&mut self, source: &Source) -> Result<SourceStat, StorageError> {
        source.stat()
    }

    fn read(&mut self, source: &Source, span: Span) -> Result<Vec<u8>, StorageError> {
        let bytes = self.windows.read(source, span)?;
        source.check()?;
        Ok(bytes)
    }

    fn read_into(&mut self, source: &Source, span: Span, to: &mut [u8]) -> Result<(), StorageError> {
        source.read(span.offset(), span.len())?.copy_to(to);
        Ok(())
    }

    fn map(&mut self, source: &Source, span: Span) -> Result<Uint8Array, StorageError> {
        source.check()?;
        let mapped = source.map(span)?;
        source.check()?;
        Ok(mapped)
    }

    /// The bytes are in memory: there is nobody to be advised.
    fn advise(&mut self, _: &Source, _: &Uint8Array, _: u64, _: Span, _: Advice) -> Result<AdviceEffect, StorageError> {
        Ok(AdviceEffect::Ignored)
    }

    /// The memory comes with the bytes; what was never written takes no room.
    fn allocate(&mut self, len: u64) -> Result<Buffer, StorageError> {
        if len > source::MOST {
            return Err(StorageError::Exhausted);
        }
        Ok(Buffer { memory: self.hooks.allocate(len as f64), len, is_registered: false })
    }

    fn buffer_len(buffer: &Buffer) -> u64 {
        buffer.len
    }

    fn fill(&mut self, fills: Vec<Fill<'_, Self>>, control: &Control, usage: &Usage) -> Result<(), BatchError> {
        fill::fill(self, &fills, control, usage)
    }
}
