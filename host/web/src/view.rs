//! The bytes of resident tensors.
use crate::{
    answers::thrown,
    media::{Hooks, Web},
};
use js_sys::Uint8Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{self as core, Cause, Error, Held, Phase};

/// Bytes of a view from `offset` on, in one piece; as many as it has, and at most so many.
///
/// # Errors
/// There is no memory for one piece.
pub(crate) fn bytes(view: &core::View<Web>, offset: u64, most: u64) -> Result<Uint8Array, Error> {
    let offset = offset.min(view.span.len());
    let (at, len) = (view.span.offset() + offset, most.min(view.span.len() - offset));
    match &view.held {
        Held::Mapped(mapping) => Ok(mapping.inner().subarray(at as u32, (at + len) as u32)),
        Held::Copied(buffer) => buffer.memory().bytes(at, len).map_err(|_| {
            let message =
                "there is no memory to show the tensor in one piece; release others first, or load it by read-copy";
            Error::new(Phase::Request, Cause::OutOfMemory, message)
        }),
        Held::Empty => Ok(Uint8Array::new_with_length(0)),
    }
}

/// The bytes of a resident tensor. As long as it is there, releasing or evicting the tensor is answered `busy`.
#[wasm_bindgen]
pub struct View {
    view: core::View<Web>,
    tensor: u32,
    hooks: Hooks,
}

impl View {
    pub(crate) const fn new(view: core::View<Web>, tensor: u32, hooks: Hooks) -> Self {
        Self { view, tensor, hooks }
    }
}

#[wasm_bindgen]
impl View {
    /// The bytes, at most so many from the beginning, in one piece.
    ///
    /// # Errors
    /// There is no memory for one piece.
    pub fn bytes(&self, most: f64) -> Result<Uint8Array, JsValue> {
        bytes(&self.view, 0, if most < 0.0 { 0 } else { most as u64 }).map_err(|mut error| {
            error.tensor = Some(self.tensor);
            thrown(&self.hooks, &error)
        })
    }
}
