//! A tensor from what would make it: storage, offset, shape, strides.
use super::super::dtype::{Dtype, tensor_bytes};
use super::super::escape;
use super::super::fault::fault;
use super::super::pickle::{Global, Object, Pickle, Ref, Value};
use super::dtypes::{self, width};
use super::known::{Known, Rebuild, known};
use super::storages::Storages;
use crate::types::{Cause, Error};

/// Most dimensions, as PyTorch has.
const MOST_DIMENSIONS: usize = 64;
/// Calls of what a call made that are gone back to find a name.
const MOST_CALLS: usize = 16;
/// Wrappers around wrappers that are taken off a tensor.
const MOST_WRAPPERS: usize = 4;

/// A tensor, where in its storage it lies.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) storage: u32,
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<u64>,
    pub(super) strides: Vec<u64>,
    /// Bytes from the storage's beginning to the first element.
    pub(super) offset: u64,
    /// Bytes from the first element to the end of the last in memory.
    pub(super) bytes: u64,
    pub(super) contiguous: bool,
}

/// What a value is for whoever looks for tensors.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// Makes a tensor.
    Tensor,
    /// Something known that holds others.
    Known(Known),
    /// Something that only Python could make, by the number of the global; none where no global says what.
    Foreign(Option<u32>),
}

/// The pickle that is read, and the storages that are found in it.
pub(super) struct Source<'p> {
    pub(super) pickle: &'p Pickle,
    pub(super) storages: &'p mut Storages,
}

impl Source<'_> {
    pub(super) fn global(&self, value: Ref) -> Option<(u32, &Global)> {
        let Value::Global(number) = self.pickle.values.get(value) else { return None };
        self.pickle.globals.get(number as usize).map(|global| (number, global))
    }

    /// What would make this object.
    pub(super) fn meaning(&self, object: &Object) -> Meaning {
        match self.global(object.callee) {
            Some((number, global)) => match known(global) {
                Some(
                    Known::Rebuild(_) | Known::Parameter | Known::FromType | Known::TensorType | Known::Refused(_),
                ) => Meaning::Tensor,
                Some(other) => Meaning::Known(other),
                None => Meaning::Foreign(Some(number)),
            },
            None => Meaning::Foreign(self.origin(object.callee)),
        }
    }

    /// The global that a callee comes from which is none itself: the result of a call, or a class that is kept with its
    /// source under a persistent id, as before 1.6.
    fn origin(&self, callee: Ref) -> Option<u32> {
        let values = &self.pickle.values;
        let mut callee = callee;
        for _ in 0..MOST_CALLS {
            if let Some((number, _)) = self.global(callee) {
                return Some(number);
            }
            callee = match values.get(callee) {
                Value::Object(number) => values.object(number)?.callee,
                Value::Persistent(id) => values.tuple(id)?.get(1).copied()?,
                _ => return None,
            };
        }
        None
    }

    /// The tensor that this object would become. `name` is the tensor's, for the errors.
    pub(super) fn tensor(&mut self, object: &Object, name: &str) -> Result<View, Error> {
        self.unwrap(object.callee, object.arguments, object, name, MOST_WRAPPERS)
    }

    fn unwrap(
        &mut self,
        callee: Ref,
        arguments: Ref,
        object: &Object,
        name: &str,
        wrappers: usize,
    ) -> Result<View, Error> {
        let values = &self.pickle.values;
        let place = Place { at: object.at, name };
        if !(object.items.is_empty() && object.pairs.is_empty() && object.states.is_empty()) {
            return Err(place.malformed("", "is changed after it is made, which no writer of checkpoints does"));
        }
        let Some((_, global)) = self.global(callee) else {
            return Err(place.malformed("", "is made by no known function"));
        };
        let arguments = values.tuple(arguments).unwrap_or_default();
        let wrong =
            || place.malformed("", &format!("is made by {} with arguments that it does not take", global.shown()));
        match (known(global), arguments.as_slice()) {
            (Some(Known::Rebuild(kind)), given) => self.rebuild(kind, given, place, wrong()),
            (Some(Known::Parameter), [data, grad, hooks, state @ ..]) if state.len() <= 1 => {
                let plain = matches!(values.get(*grad), Value::Bool(_)) && self.harmless(*hooks);
                let state_plain = state
                    .iter()
                    .all(|state| matches!(values.get(*state), Value::Null | Value::Dict(_) | Value::Tuple(_)));
                let inner =
                    values.as_object(*data).filter(|_| plain && state_plain && wrappers > 0).ok_or_else(wrong)?;
                self.depends_on_nothing(&[*hooks], place)?;
                self.unwrap(inner.callee, inner.arguments, &inner, name, wrappers.saturating_sub(1))
            }
            (Some(Known::FromType), [function, class, inner, _state]) => {
                let class_known = self.global(*class).and_then(|(_, class)| known(class)) == Some(Known::TensorType);
                if !class_known {
                    self.depends_on_nothing(&[*class], place)?;
                    return Err(wrong());
                }
                if wrappers == 0 {
                    return Err(wrong());
                }
                self.unwrap(*function, *inner, object, name, wrappers.saturating_sub(1))
            }
            (Some(Known::Refused(kind)), _) => {
                let message = format!(
                    "Tensor \"{}\" is {kind} (made by {}); such tensors are not read.",
                    escape(name),
                    global.shown()
                );
                Err(fault(Cause::UnsupportedFormat, object.at, place.field(""), message))
            }
            (Some(Known::TensorType), _) => {
                let message = format!(
                    "Tensor \"{}\" is kept as PyTorch before 0.4 did; such tensors are not read.",
                    escape(name)
                );
                Err(fault(Cause::UnsupportedFormat, object.at, place.field(""), message))
            }
            (Some(_), _) => Err(wrong()),
            (None, _) => Err(self.foreign(global, place)),
        }
    }

    fn rebuild(&mut self, kind: Rebuild, given: &[Ref], place: Place<'_>, wrong: Error) -> Result<View, Error> {
        let (least, most) = match kind {
            Rebuild::First => (4, 4),
            Rebuild::Second => (6, 7),
            Rebuild::Third => (7, 8),
        };
        self.depends_on_nothing(given, place)?;
        let (Some((head, tail)), true) = (given.split_first_chunk::<4>(), (least..=most).contains(&given.len())) else {
            return Err(wrong);
        };
        let values = &self.pickle.values;
        let Value::Persistent(id) = values.get(head[0]) else {
            return Err(place.malformed(".storage", &format!("has {} for its storage", values.get(head[0]).kind())));
        };
        let (hooks, named_dtype, metadata) = match (kind, tail) {
            (Rebuild::Third, [_, hooks, dtype, metadata @ ..]) => (Some(*hooks), Some(*dtype), metadata),
            (_, [_, hooks, metadata @ ..]) => (Some(*hooks), None, metadata),
            _ => (None, None, &[][..]),
        };
        if hooks.is_some_and(|hooks| !self.harmless(hooks)) {
            return Err(place.malformed(".hooks", "has hooks, which are code; no writer of checkpoints keeps them"));
        }
        let bits = metadata.iter().any(|metadata| match values.get(*metadata) {
            Value::Null => false,
            Value::Dict(pairs) => !pairs.is_empty(),
            _ => true,
        });
        if bits {
            let message = format!(
                "Tensor \"{}\" is kept as a conjugate or a negative; such tensors are not read.",
                escape(place.name)
            );
            return Err(fault(Cause::UnsupportedFormat, place.at, place.field(".metadata"), message));
        }
        let storage = self.storages.of(self.pickle, id, place.at, &place.field(".storage"))?;
        let (own, length, bytes) = self
            .storages
            .all
            .get(storage as usize)
            .map_or((None, 0, 0), |storage| (storage.dtype, storage.elements, storage.bytes));
        let dtype = match named_dtype {
            None => own,
            Some(dtype) => match self.global(dtype).and_then(|(_, dtype)| known(dtype)) {
                Some(Known::Dtype(name)) => name.and_then(dtypes::dtype),
                _ => None,
            },
        };
        let Some(dtype) = dtype else {
            let message = format!("Tensor \"{}\" has an element type that is not known.", escape(place.name));
            return Err(fault(Cause::UnsupportedDtype, place.at, place.field(".dtype"), message));
        };
        let width = width(dtype);
        let length = if named_dtype.is_some() { bytes.checked_div(width).unwrap_or(0) } else { length };
        let offset = self.number(head[1], place, ".storage_offset")?;
        let shape = self.numbers(head[2], place, ".shape")?;
        let strides = self.numbers(head[3], place, ".strides")?;
        if shape.len() != strides.len() {
            let what = format!("has {} dimensions and {} strides", shape.len(), strides.len());
            return Err(place.malformed(".strides", &what));
        }
        let dense = tensor_bytes(dtype, &shape)
            .map_err(|why| place.malformed(".shape", &format!("has a size that is none: {why}")))?;
        // One past the last element that is reached.
        let reach = if shape.contains(&0) {
            Some(0)
        } else {
            let steps = shape.iter().zip(&strides).try_fold(0u64, |sum, (dimension, stride)| {
                sum.checked_add(dimension.saturating_sub(1).checked_mul(*stride)?)
            });
            steps.and_then(|steps| steps.checked_add(1))
        };
        let end = reach.and_then(|reach| reach.checked_add(offset)).filter(|end| *end <= length);
        let (Some(reach), Some(_)) = (reach, end) else {
            let what = format!("reaches beyond the {length} elements of its storage");
            return Err(place.malformed(".strides", &what));
        };
        let contiguous = is_contiguous(&shape, &strides);
        let bytes = if contiguous { dense } else { reach.saturating_mul(width) };
        let offset = offset.saturating_mul(width);
        Ok(View { storage, dtype, shape, strides, offset, bytes, contiguous })
    }

    /// Notes the storage of a tensor that cannot be read: in the stream form those of the others lie behind it.
    pub(super) fn note_storage(&mut self, object: &Object) {
        let values = &self.pickle.values;
        let first = values.tuple(object.arguments).and_then(|given| given.first().copied());
        if let Some(Value::Persistent(id)) = first.map(|first| values.get(first)) {
            // What is wrong with it was said of the tensor.
            let _ = self.storages.of(self.pickle, id, object.at, "storage");
        }
    }

    fn number(&self, value: Ref, place: Place<'_>, part: &str) -> Result<u64, Error> {
        match self.pickle.values.get(value) {
            Value::Int(number) => {
                u64::try_from(number).map_err(|_| place.malformed(part, &format!("has a negative number, {number}")))
            }
            other => Err(place.malformed(part, &format!("has {} for a number", other.kind()))),
        }
    }

    fn numbers(&self, value: Ref, place: Place<'_>, part: &str) -> Result<Vec<u64>, Error> {
        let values = &self.pickle.values;
        let size = values.as_object(value).filter(|object| matches!(self.meaning(object), Meaning::Known(Known::Size)));
        let value = match size.and_then(|object| values.tuple(object.arguments)).as_deref() {
            Some([inner]) => *inner,
            _ => value,
        };
        let Some(parts) = values.tuple(value) else {
            return Err(place.malformed(part, &format!("has {} for numbers", values.get(value).kind())));
        };
        if parts.len() > MOST_DIMENSIONS {
            return Err(place.malformed(part, &format!("has more than {MOST_DIMENSIONS} dimensions")));
        }
        parts.into_iter().map(|number| self.number(number, place, part)).collect()
    }

    /// Whether these hooks are none: None, or an ordered dictionary without anything in it.
    fn harmless(&self, hooks: Ref) -> bool {
        let values = &self.pickle.values;
        match values.get(hooks) {
            Value::Null => true,
            Value::Dict(pairs) => pairs.is_empty(),
            _ => values.as_object(hooks).is_some_and(|object| {
                let empty = object.items.is_empty() && object.pairs.is_empty() && object.states.is_empty();
                let bare = values.tuple(object.arguments).is_some_and(|given| given.is_empty());
                matches!(self.meaning(&object), Meaning::Known(Known::OrderedDict)) && empty && bare
            }),
        }
    }

    /// That none of a tensor's arguments is, or comes from, a name that means nothing here.
    fn depends_on_nothing(&self, given: &[Ref], place: Place<'_>) -> Result<(), Error> {
        for value in given {
            let foreign = match self.pickle.values.get(*value) {
                Value::Global(_) => self.global(*value).filter(|(_, global)| known(global).is_none()),
                Value::Object(_) => {
                    self.pickle.values.as_object(*value).and_then(|object| match self.meaning(&object) {
                        Meaning::Foreign(number) => number
                            .and_then(|number| self.pickle.globals.get(number as usize).map(|global| (number, global))),
                        _ => None,
                    })
                }
                _ => None,
            };
            if let Some((_, global)) = foreign {
                return Err(self.foreign(global, place));
            }
        }
        Ok(())
    }

    /// The error for a tensor that only Python could make.
    pub(super) fn foreign(&self, global: &Global, place: Place<'_>) -> Error {
        let message = format!(
            "Tensor \"{}\" depends on {}, which PyTorch would import (it is named at byte {}); nothing is called here, so it \
             cannot be read.",
            escape(place.name),
            global.shown(),
            global.at
        );
        fault(Cause::UnsupportedFormat, global.at, place.field(""), message)
    }
}

/// Where a tensor is made, and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'n> {
    pub(super) at: u64,
    pub(super) name: &'n str,
}

impl Place<'_> {
    pub(super) fn field(&self, part: &str) -> String {
        format!("tensor[\"{}\"]{part}", escape(self.name))
    }

    pub(super) fn malformed(&self, part: &str, what: &str) -> Error {
        let message = format!("Tensor \"{}\" {what}.", escape(self.name));
        fault(Cause::Malformed, self.at, self.field(part), message)
    }
}

/// Whether the elements lie in the order of the last dimension first, without holes. Strides of dimensions of one element
/// say nothing.
fn is_contiguous(shape: &[u64], strides: &[u64]) -> bool {
    if shape.contains(&0) {
        return true;
    }
    let mut expected = 1u64;
    shape.iter().zip(strides).rev().all(|(dimension, stride)| {
        let fits = *dimension == 1 || *stride == expected;
        expected = expected.saturating_mul(*dimension);
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::is_contiguous;

    #[test]
    fn strides_of_single_elements_say_nothing() {
        assert!(is_contiguous(&[2, 3], &[3, 1]));
        assert!(is_contiguous(&[1, 3], &[77, 1]));
        assert!(is_contiguous(&[], &[]));
        assert!(is_contiguous(&[0, 3], &[1, 1]));
        assert!(!is_contiguous(&[2, 3], &[1, 2]));
        assert!(!is_contiguous(&[2], &[0]));
    }
}
