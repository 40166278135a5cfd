//! Storages: memory that tensors are views of. A pickle names them by persistent ids, `('storage', type, key, device,
//! elements)`; the stream form has one more, for views of storages, which is None since 0.4.
use super::super::dtype::Dtype;
use super::super::escape;
use super::super::fault::{fault, over_limit};
use super::super::names::{Names, Refused};
use super::super::pickle::{Pickle, Ref, Value};
use super::dtypes::{self, width};
use super::known::{Known, known};
use crate::types::{Cause, Error};

/// A storage: bytes of the file that one or more tensors share.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Its key in the file.
    pub key: String,
    /// The element type that it is saved with; none where it is just bytes.
    pub(crate) dtype: Option<Dtype>,
    /// Elements, or bytes.
    pub elements: u64,
    /// Byte offset in the file.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
    /// Where the device stood on which it was.
    pub device: String,
    /// Where in the file it is first named.
    pub(super) named_at: u64,
}

/// The storages of one pickle, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Storages {
    keys: Names,
    pub(super) all: Vec<Storage>,
}

impl Storages {
    /// The storage with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.keys.find(key).map(|number| number as usize)
    }

    /// The storage that a persistent id names; `at` is where the error would be.
    pub(super) fn of(&mut self, pickle: &Pickle, id: Ref, at: u64, field: &str) -> Result<u32, Error> {
        let values = &pickle.values;
        let bad = |message: String| fault(Cause::Malformed, at, field, message);
        let parts = values.tuple(id).ok_or_else(|| {
            bad(format!("The persistent id is {}; that of a storage is a tuple.", values.get(id).kind()))
        })?;
        let (kind, class, key, device, count) = match parts.as_slice() {
            [kind, class, key, device, count] => (*kind, *class, *key, *device, *count),
            [kind, class, key, device, count, view] if values.get(*view) == Value::Null => {
                (*kind, *class, *key, *device, *count)
            }
            [_, _, _, _, _, _] => {
                let message =
                    "The storage is a view of another one, as PyTorch before 0.4 wrote; such files are not read.";
                return Err(fault(Cause::UnsupportedFormat, at, field, message));
            }
            _ => {
                return Err(bad(format!("The persistent id has {} parts; that of a storage has 5 or 6.", parts.len())));
            }
        };
        if values.text(kind) != Some("storage") {
            let what = values
                .text(kind)
                .map_or_else(|| values.get(kind).kind().to_owned(), |kind| format!("\"{}\"", escape(kind)));
            return Err(bad(format!("The persistent id names {what}; only storages are known.")));
        }
        let class = match values.get(class) {
            Value::Global(number) => pickle.globals.get(number as usize),
            _ => None,
        };
        let Some(class) = class else { return Err(bad("The type of the storage is no type.".into())) };
        let Some(Known::Storage(dtype)) = known(class) else {
            let message = format!("Storages of the type {} are not read.", class.shown());
            return Err(fault(Cause::UnsupportedDtype, at, field, message));
        };
        let (Some(key), Some(device), Value::Int(count)) = (values.text(key), values.text(device), values.get(count))
        else {
            return Err(bad(
                "The key, the device or the length of the storage is of another kind than it should be.".into()
            ));
        };
        let elements = u64::try_from(count).map_err(|_| bad(format!("The storage has {count} elements.")))?;
        let dtype = dtype.and_then(dtypes::dtype);
        let width = dtype.map_or(1, width);
        let bytes = elements
            .checked_mul(width)
            .ok_or_else(|| bad(format!("The storage has {elements} elements of {width} bytes.")))?;
        let found =
            Storage { key: key.to_owned(), dtype, elements, offset: 0, bytes, device: device.to_owned(), named_at: at };
        match self.keys.push(key) {
            Ok(number) => {
                self.all.push(found);
                Ok(number)
            }
            Err(Refused::Duplicate(number)) => {
                let first = self.all.get(number as usize);
                if first.is_none_or(|first| {
                    (first.dtype.map(Dtype::name), first.elements) != (dtype.map(Dtype::name), elements)
                }) {
                    let key = escape(key);
                    return Err(bad(format!(
                        "Storage \"{key}\" has another type or length here than where it is first named."
                    )));
                }
                Ok(number)
            }
            Err(Refused::Full) => {
                Err(over_limit(at, field, "The keys of the storages are too many or made to collide."))
            }
        }
    }
}
