//! One file, which JavaScript reads, or of which a recording has the header.
use super::recorded::Recorded;
use js_sys::{Error, Promise, RangeError, Reflect, Uint8Array};
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use weighbridge_core::{SourceStat, Span, StorageError, desk::RecordedFile};

/// The largest number that JavaScript counts to without a gap.
pub(super) const MOST: u64 = (1 << 53) - 1;
/// Bytes between two looks at cancellation; each read of a browser costs some time besides its bytes.
const PIECE: u64 = 32 << 20;
/// A tensor of up to so many bytes is fetched whole, since one that is put together is copied.
const WHOLE: u64 = 256 << 20;

#[wasm_bindgen]
extern "C" {
    /// A source as the package's types describe it.
    #[derive(Clone)]
    pub type JsSource;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn name(this: &JsSource) -> String;
    #[wasm_bindgen(method, getter)]
    fn size(this: &JsSource) -> f64;
    #[wasm_bindgen(method, getter)]
    fn piece(this: &JsSource) -> Option<f64>;
    #[wasm_bindgen(method, getter)]
    fn window(this: &JsSource) -> Option<f64>;
    #[wasm_bindgen(method, catch)]
    fn check(this: &JsSource) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn fingerprint(this: &JsSource) -> Result<Vec<u64>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn read(this: &JsSource, offset: f64, len: f64) -> Result<Uint8Array, JsValue>;
    #[wasm_bindgen(method, catch, js_name = readInto)]
    fn read_into(this: &JsSource, bytes: &Uint8Array, offset: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &JsSource, offset: f64, len: f64) -> Result<Uint8Array, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn begin(this: &JsSource, offset: f64, len: f64) -> Result<Option<Begun>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn map(this: &JsSource, offset: f64, len: f64) -> Result<Uint8Array, JsValue>;

    /// A piece that somebody else reads.
    pub type Begun;
    /// Waits a moment for it: whether it was read, or nothing where that is not known yet.
    #[wasm_bindgen(method)]
    pub(super) fn wait(this: &Begun) -> Option<bool>;
    /// Its bytes, when the caller is back in its event loop.
    #[wasm_bindgen(method, getter)]
    pub(super) fn bytes(this: &Begun) -> Promise;
}

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

/// Two numbers of any number of parts: those of two stay what they are.
fn folded(parts: &[u64]) -> (u64, u64) {
    let (mut even, mut odd) = (0u64, 0u64);
    for pair in parts.chunks(2) {
        let fold = |sum: u64, part: Option<&u64>| sum.wrapping_mul(0x0100_0000_01b3) ^ part.copied().unwrap_or(0);
        (even, odd) = (fold(even, pair.first()), fold(odd, pair.get(1)));
    }
    (even, odd)
}

fn next() -> u32 {
    NEXT.with(|next| next.replace(next.get().wrapping_add(1)))
}

/// Who has the bytes.
enum Origin {
    Js(JsSource),
    Recorded(Recorded),
}

/// A file that was granted.
pub(crate) struct Source {
    origin: Origin,
    /// Tells it from all others.
    pub(super) id: u32,
    pub(super) size: u64,
    /// Small reads are cut out of windows of so many bytes.
    pub(super) window: Option<u64>,
    /// Whether its bytes come as memory that nobody else has, and are kept as they came.
    pub(super) can_fetch: bool,
    can_begin: bool,
    can_map: bool,
    /// Bytes that it brings in a moment.
    pub(super) piece: u64,
    /// Bytes of the longest span that is fetched in one.
    pub(super) whole: u64,
}

impl Source {
    pub(crate) fn new(js: JsSource) -> Self {
        let can = |what: &str| Reflect::get(&js, &what.into()).is_ok_and(|value| value.is_function());
        let piece = js.piece().map(|piece| (piece as u64).max(1));
        Self {
            id: next(),
            window: js.window().map(|window| window as u64).filter(|window| *window > 0),
            size: (js.size() as u64).min(MOST),
            can_fetch: can("fetch"),
            can_begin: can("begin"),
            can_map: can("map"),
            piece: piece.unwrap_or(PIECE).min(PIECE),
            whole: piece.unwrap_or(WHOLE).min(WHOLE),
            origin: Origin::Js(js),
        }
    }

    /// A file of a recording.
    pub(crate) fn recorded(file: RecordedFile) -> Self {
        Self {
            id: next(),
            window: None,
            size: file.size,
            can_fetch: false,
            can_begin: false,
            can_map: false,
            piece: PIECE,
            whole: WHOLE,
            origin: Origin::Recorded(Recorded::new(file)),
        }
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// What JavaScript has; a recording cannot do what only that can.
    fn js(&self) -> Result<&JsSource, StorageError> {
        match &self.origin {
            Origin::Js(js) => Ok(js),
            Origin::Recorded(_) => Err(StorageError::Unsupported),
        }
    }

    pub(super) fn check(&self) -> Result<(), StorageError> {
        match &self.origin {
            Origin::Js(js) => js.check().map_err(|thrown| storage_error(&thrown)),
            Origin::Recorded(_) => Ok(()),
        }
    }

    pub(super) fn stat(&self) -> Result<SourceStat, StorageError> {
        self.check()?;
        let parts = match &self.origin {
            Origin::Js(js) => js.fingerprint().map_err(|thrown| storage_error(&thrown))?,
            Origin::Recorded(_) => Vec::new(),
        };
        Ok(SourceStat { size: self.size, fingerprint: folded(&parts) })
    }

    /// A source that answers more or less than it was asked for is not believed.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<Uint8Array, StorageError> {
        match &self.origin {
            Origin::Js(js) => whole(js.read(offset as f64, len as f64), len),
            Origin::Recorded(recorded) => Ok(Uint8Array::from(recorded.read(offset, len).as_slice())),
        }
    }

    pub(super) fn fetch(&self, offset: u64, len: u64) -> Result<Uint8Array, StorageError> {
        whole(self.js()?.fetch(offset as f64, len as f64), len)
    }

    pub(super) fn read_into(&self, bytes: &Uint8Array, offset: u64) -> Result<(), StorageError> {
        self.js()?.read_into(bytes, offset as f64).map_err(|thrown| storage_error(&thrown))
    }

    /// Has a piece read by somebody else, if anybody is free.
    pub(super) fn begin(&self, offset: u64, len: u64) -> Option<Begun> {
        if !self.can_begin {
            return None;
        }
        // Who cannot begin has nothing under way: the piece is read here, and then says why.
        self.js().ok()?.begin(offset as f64, len as f64).ok().flatten()
    }

    pub(super) fn map(&self, span: Span) -> Result<Uint8Array, StorageError> {
        if !self.can_map {
            return Err(StorageError::Unsupported);
        }
        whole(self.js()?.map(span.offset() as f64, span.len() as f64), span.len())
    }
}

fn whole(read: Result<Uint8Array, JsValue>, len: u64) -> Result<Uint8Array, StorageError> {
    let bytes = read.map_err(|thrown| storage_error(&thrown))?;
    if u64::from(bytes.length()) == len { Ok(bytes) } else { Err(StorageError::EndOfSource) }
}

/// What a function of the embedder threw, as the contract has it. A `StorageFault` says it itself.
pub(crate) fn storage_error(thrown: &JsValue) -> StorageError {
    if thrown.is_instance_of::<RangeError>() {
        return StorageError::Exhausted;
    }
    let said = Reflect::get(thrown, &"why".into()).ok().filter(|why| !why.is_undefined());
    let text = said.and_then(|why| js_sys::JSON::stringify(&why).ok()).and_then(|text| text.as_string());
    if let Some(error) = text.and_then(|text| serde_json::from_str(&text).ok()) {
        return error;
    }
    let message = thrown.dyn_ref::<Error>().map(|error| String::from(error.message()));
    StorageError::Other(
        message.or_else(|| thrown.as_string()).unwrap_or_else(|| "a function of the page failed".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn a_fingerprint_of_two_is_itself_and_each_part_of_a_longer_one_counts() {
        assert_eq!((folded(&[]), folded(&[7]), folded(&[7, 9])), ((0, 0), (7, 0), (7, 9)));
        let parts = [1, 2, 3, 4, 5];
        for at in 0..parts.len() {
            let mut other = parts;
            other[at] += 1;
            assert_ne!(folded(&parts), folded(&other), "{at}");
        }
        assert_ne!(folded(&[1, 2, 3]), folded(&[3, 2, 1]));
    }
}
