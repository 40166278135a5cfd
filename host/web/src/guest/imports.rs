//! What the guest may call: `storage` and `observer`, and nothing else. `js/guest.js` makes the glue's classes of it.
//!
//! Handles carry the host's own numbers: of a source its place in the table, of a mapping or a target its id. A handle that
//! the guest made up, or dropped, never gets here: the glue throws.
use super::{
    ended::unfitting,
    engine::Shared,
    lower::{batch_error, capabilities, payload, source_stat, storage_error},
};
use crate::media::Web;
use js_sys::{Array, Uint8Array};
use std::cell::RefCell;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use weighbridge_core::{
    Advice, CopySpan, Entry, Error, Happening, Host,
    trace::{Answer, Call},
};

/// The guest's way to the host.
#[wasm_bindgen]
pub struct Imports {
    shared: Shared,
    /// What a read answers lies here until the glue has copied it to the guest: memory that is made anew for each costs more
    /// than the copy.
    read: RefCell<Uint8Array>,
}

/// Takes the one good kind of answer out; throws the contract's error, or ends the guest.
macro_rules! expect {
    ($self:ident, $name:literal, $answer:expr, $good:pat => $value:expr) => {
        match $answer {
            $good => Ok($value),
            Answer::Failed(error) => Err(payload(storage_error(&error))),
            _ => Err($self.shared.end(unfitting($name))),
        }
    };
}

impl Imports {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, read: RefCell::new(Uint8Array::new_with_length(0)) }
    }

    /// Bytes for the glue, until it asks for others.
    fn lend(&self, bytes: &[u8]) -> Uint8Array {
        // No read is longer than `max-read`, which has 32 bits.
        let len = bytes.len() as u32;
        let Ok(mut memory) = self.read.try_borrow_mut() else { return Uint8Array::from(bytes) };
        if memory.length() < len {
            *memory = Uint8Array::new_with_length(len);
        }
        let lent = memory.subarray(0, len);
        lent.copy_from(bytes);
        lent
    }

    /// Does what needs the host; what it ends the guest with is thrown, and remembered: the glue must not make an answer of it.
    fn host<T>(&self, work: impl FnOnce(&mut Host<Web>) -> Result<T, Error>) -> Result<T, JsValue> {
        self.shared.rests();
        let done = self.shared.with(|host| host.has_computed().and_then(|()| work(host)));
        self.shared.computes();
        done.map_err(|error| self.shared.end(error))
    }

    fn perform(&self, call: Call) -> Result<Answer, JsValue> {
        self.host(|host| host.perform(call))
    }

    /// A handle's number for an id. Ids fit the 32 bits of a handle; a replayed one that does not is no answer.
    fn handle(&self, id: u64) -> Result<u32, JsValue> {
        u32::try_from(id).map_err(|_| self.shared.end(unfitting("a handle")))
    }

    fn target(&self, id: u64, len: u64) -> Result<u32, JsValue> {
        let number = self.handle(id)?;
        self.host(|host| {
            host.handed_target(id, len);
            Ok(number)
        })
    }
}

#[wasm_bindgen]
#[allow(missing_docs, reason = "each is the import of its name in wit/storage.wit and wit/observer.wit")]
impl Imports {
    #[wasm_bindgen(js_name = getCapabilities)]
    pub fn get_capabilities(&self) -> Result<JsValue, JsValue> {
        match self.perform(Call::GetCapabilities)? {
            Answer::Capabilities(offered) => Ok(capabilities(&offered)),
            _ => Err(self.shared.end(unfitting("get-capabilities"))),
        }
    }

    pub fn stat(&self, source: u32) -> Result<JsValue, JsValue> {
        expect!(self, "stat", self.perform(Call::Stat { source })?, Answer::Stat(stat) => source_stat(&stat))
    }

    pub fn read(&self, source: u32, offset: u64, len: u32) -> Result<Uint8Array, JsValue> {
        let answer = self.perform(Call::Read { source, offset, len })?;
        expect!(self, "read", answer, Answer::Bytes(bytes) => self.lend(&bytes))
    }

    #[wasm_bindgen(js_name = mapRange)]
    pub fn map_range(&self, source: u32, offset: u64, len: u64) -> Result<u32, JsValue> {
        let answer = self.perform(Call::MapRange { source, offset, len })?;
        let number = expect!(self, "map-range", answer, Answer::Mapping(id) => self.handle(id)?)?;
        self.host(|host| {
            host.handed_out();
            Ok(number)
        })
    }

    pub fn advise(&self, mapping: u32, offset: u64, len: u64, advice: &str) -> Result<String, JsValue> {
        let advice = Advice::ALL.iter().copied().find(|known| known.name() == advice);
        let advice = advice.ok_or_else(|| self.shared.end(unfitting("advise")))?;
        let answer = self.perform(Call::Advise { mapping: mapping.into(), offset, len, advice })?;
        expect!(self, "advise", answer, Answer::Effect(effect) => effect.name().to_owned())
    }

    pub fn unmap(&self, mapping: u32) -> Result<(), JsValue> {
        expect!(self, "unmap", self.perform(Call::Unmap { mapping: mapping.into() })?, Answer::Done => ())
    }

    /// A handle was asked for its id.
    #[wasm_bindgen(js_name = lookUp)]
    pub fn look_up(&self) -> Result<(), JsValue> {
        self.host(Host::look_up)
    }

    #[wasm_bindgen(js_name = targetLen)]
    pub fn target_len(&self, target: u32) -> Result<u64, JsValue> {
        self.host(|host| {
            host.look_up()?;
            Ok(host.target_len(target.into()))
        })
    }

    /// `free` is what the bindings call giving back this object itself.
    #[wasm_bindgen(js_name = freeTarget)]
    pub fn free_target(&self, target: u32) -> Result<(), JsValue> {
        expect!(self, "free", self.perform(Call::Free { target: target.into() })?, Answer::Done => ())
    }

    pub fn allocate(&self, len: u64) -> Result<u32, JsValue> {
        let answer = self.perform(Call::Allocate { len })?;
        expect!(self, "allocate", answer, Answer::Target { id, len } => self.target(id, len)?)
    }

    pub fn registered(&self, tensors: Vec<String>) -> Result<Array, JsValue> {
        let asked = tensors.len();
        match self.perform(Call::Registered { tensors })? {
            Answer::Targets(targets) if targets.len() == asked => {
                let numbers = Array::new();
                for found in targets {
                    numbers.push(&match found {
                        Some((id, len)) => self.target(id, len)?.into(),
                        None => JsValue::UNDEFINED,
                    });
                }
                Ok(numbers)
            }
            Answer::Failed(error) => Err(payload(storage_error(&error))),
            _ => Err(self.shared.end(unfitting("registered"))),
        }
    }

    /// `spans` are five words each: source, offset, bytes, target, offset in the target.
    #[wasm_bindgen(js_name = readInto)]
    pub fn read_into(&self, sources: Vec<u32>, targets: Vec<u32>, spans: Vec<u64>) -> Result<(), JsValue> {
        let batch = spans.as_chunks::<5>().0.iter().map(|&[source, offset, len, target, target_offset]| CopySpan {
            source: source as u32,
            offset,
            len,
            target: target as u32,
            target_offset,
        });
        let targets = targets.into_iter().map(u64::from).collect();
        match self.perform(Call::ReadInto { sources, targets, batch: batch.collect() })? {
            Answer::Done => Ok(()),
            Answer::BatchFailed(error) => Err(payload(batch_error(&error))),
            _ => Err(self.shared.end(unfitting("read-into"))),
        }
    }

    /// The guest makes a handle of its own.
    #[wasm_bindgen(js_name = madeHandle)]
    pub fn made_handle(&self) -> Result<(), JsValue> {
        self.host(Host::made_handle)
    }

    /// Bytes that the guest may pass in one export as lists and texts.
    #[wasm_bindgen(getter, js_name = mostCarried)]
    pub fn most_carried(&self) -> f64 {
        self.shared.with(|host| host.limits().hostcall_bytes as f64)
    }

    /// Ends the guest, which passed more; what is thrown through it.
    #[wasm_bindgen(js_name = carriedTooMuch)]
    pub fn carried_too_much(&self) -> JsValue {
        self.shared.end(self.shared.with(|host| host.carried_too_much()))
    }

    #[wasm_bindgen(js_name = dropSource)]
    pub fn drop_source(&self) {
        self.shared.with(Host::drop_source);
    }

    #[wasm_bindgen(js_name = dropMapping)]
    pub fn drop_mapping(&self, mapping: u32) {
        self.shared.with(|host| host.drop_mapping(mapping.into()));
    }

    #[wasm_bindgen(js_name = dropTarget)]
    pub fn drop_target(&self, target: u32) {
        self.shared.with(|host| host.drop_target(target.into()));
    }

    #[wasm_bindgen(js_name = addNames)]
    pub fn add_names(&self, names: Vec<String>) -> Result<(), JsValue> {
        self.host(|host| host.add_names(names))
    }

    /// `words` are six an entry, as the guest has them in its memory.
    pub fn emit(&self, words: &[u32]) -> Result<(), JsValue> {
        let entries: Option<Vec<Entry>> = words.as_chunks::<6>().0.iter().map(entry).collect();
        let entries = entries.ok_or_else(|| self.shared.end(unfitting("emit")))?;
        self.host(|host| host.emit(&entries))
    }
}

/// An entry by the canonical ABI: machine, the case of its instance, the instance, the case of what happened, and two numbers of it.
/// Cases and truths have a byte each; what else is in their words is anything.
fn entry(&[machine, has_instance, instance, kind, one, other]: &[u32; 6]) -> Option<Entry> {
    let is = |word: u32| word & 0xff != 0;
    let instance = match has_instance & 0xff {
        0 => None,
        1 => Some(instance),
        _ => return None,
    };
    let what = match kind & 0xff {
        0 => Happening::Event(one),
        1 => Happening::Guard((one, is(other))),
        2 => Happening::Action(one),
        3 => Happening::Transition((one, other)),
        4 => Happening::Command(one),
        5 => Happening::Answer((one, is(other))),
        6 => Happening::Outcome((one, is(other))),
        _ => return None,
    };
    Some(Entry { machine, instance, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_from_their_words() {
        let transition = Entry { machine: 1, instance: None, what: Happening::Transition((2, 3)) };
        assert_eq!(entry(&[1, 0, 9, 3, 2, 3]), Some(transition));
        let guard = Entry { machine: 1, instance: Some(0), what: Happening::Guard((2, true)) };
        assert_eq!(entry(&[1, 1, 0, 1, 2, 1]), Some(guard));
        let beside = Entry { machine: 1, instance: None, what: Happening::Answer((2, false)) };
        assert_eq!(entry(&[1, 0xab00, 9, 0xcd05, 2, 0xef00]), Some(beside), "what lies beside a case is anything");
        assert_eq!(entry(&[0, 0, 0, 7, 0, 0]), None);
        assert_eq!(entry(&[0, 2, 0, 0, 0, 0]), None);
    }
}
