//! Values of JavaScript where the core asks for what may go to another thread. There is one thread here: they stay in its
//! table, and what the core is given is their number.
use crate::media::storage_error;
use js_sys::{Function, Uint8Array};
use std::{cell::RefCell, collections::HashMap, marker::PhantomData};
use wasm_bindgen::{JsCast, JsValue};
use weighbridge_core::{
    Consumer, Interpose, Observer, StorageError,
    trace::{Answer, Call, Record},
};

thread_local! {
    static TABLE: RefCell<(u32, HashMap<u32, JsValue>)> = RefCell::default();
}

/// A value in the table, until this is dropped.
pub(crate) struct Entry<T>(u32, PhantomData<fn() -> T>);

impl<T: JsCast> Entry<T> {
    pub(crate) fn new(value: T) -> Self {
        TABLE.with_borrow_mut(|(next, table)| {
            *next = next.wrapping_add(1);
            table.insert(*next, value.into());
            Self(*next, PhantomData)
        })
    }

    pub(crate) fn get(&self) -> Option<T> {
        TABLE.with_borrow(|(_, table)| table.get(&self.0).cloned()).map(JsCast::unchecked_into)
    }
}

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        TABLE.with_borrow_mut(|(_, table)| table.remove(&self.0));
    }
}

/// Is told records as JSON text.
pub(crate) struct Listener(Entry<Function>);

impl Listener {
    pub(crate) fn new(function: Function) -> Self {
        Self(Entry::new(function))
    }
}

impl Observer for Listener {
    fn observe(&self, records: &[Record]) {
        if let (Some(function), Ok(text)) = (self.0.get(), serde_json::to_string(records)) {
            // What a listener throws is its own affair: the session has no answer to it.
            let _ = function.call1(&JsValue::NULL, &text.into());
        }
    }
}

/// Is asked with the call as JSON text and answers as JSON text, or nothing.
pub(crate) struct Interposer(Entry<Function>);

impl Interposer {
    pub(crate) fn new(function: Function) -> Self {
        Self(Entry::new(function))
    }
}

impl Interpose for Interposer {
    fn before(&self, call: &Call) -> Option<Answer> {
        let text = serde_json::to_string(call).ok()?;
        match self.0.get()?.call1(&JsValue::NULL, &text.into()) {
            Ok(answer) => {
                let text = answer.as_string()?;
                let unreadable =
                    |error| Answer::Failed(StorageError::Other(format!("the injected answer is none: {error}")));
                Some(serde_json::from_str(&text).unwrap_or_else(unreadable))
            }
            Err(thrown) => Some(Answer::Failed(storage_error(&thrown))),
        }
    }
}

/// Takes chunks of tensors: `(tensor, offset, bytes)`. What it throws is the answer to the guest.
pub(crate) fn consumer(function: Function) -> Consumer {
    let entry = Entry::new(function);
    Box::new(move |tensor, offset, bytes| {
        let Some(function) = entry.get() else { return (bytes, Err(StorageError::Unsupported)) };
        let chunk = Uint8Array::from(bytes.as_slice());
        let taken = function.call3(&JsValue::NULL, &tensor.into(), &(offset as f64).into(), &chunk);
        (bytes, taken.map(drop).map_err(|thrown| storage_error(&thrown)))
    })
}
