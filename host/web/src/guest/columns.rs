//! Lists with an entry for each tensor, read where the component leaves them in its memory: past the glue, which makes an object of each
//! entry and a crossing of each of its fields. Layouts are those of the canonical ABI.
use super::engine::Guest;
use js_sys::{Function, Reflect, Uint8Array, WebAssembly::Memory};
use wasm_bindgen::{JsCast, JsValue};
use weighbridge_core::{BufferState, BufferStatus, Lifecycle, Location, Place, Strategy, TensorInfo, TensorState};

/// Parts of a list that are closer than this are copied at once: a copy costs about as much as so many bytes more.
const GAP: u64 = 512;

/// Why there is no list.
pub(super) enum Failure {
    /// The component threw, or its memory is not what it says.
    Thrown(JsValue),
    /// It is longer than what the host copies.
    TooLong,
    /// It is not what the contract says.
    Unlike(&'static str),
}

/// A type of which there is one for each tensor.
pub(super) trait Entry: Sized {
    /// The method of the session that answers a list of it.
    const METHOD: &'static str;
    /// Bytes of its record.
    const BYTES: usize;

    /// Where its texts and lists lie, in the order in which [`Self::read`] takes them.
    fn parts(row: Row<'_>, parts: &mut Vec<Part>) -> Option<()>;

    /// The value of a record.
    fn read<'p>(row: Row<'_>, part: impl FnMut() -> Option<&'p [u8]>) -> Option<Self>;
}

/// A record in the component's memory.
#[derive(Clone, Copy)]
pub(super) struct Row<'r>(&'r [u8]);

impl Row<'_> {
    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    fn u64(self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    /// The value of an option whose case stands at `at`.
    fn option<T>(self, at: usize, value: impl FnOnce(Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8(at)? {
            0 => Some(None),
            1 => value(self).map(Some),
            _ => None,
        }
    }

    /// A list's place, by its length in entries of so many bytes.
    fn part(self, at: usize, each: u64) -> Option<Part> {
        Some(Part { at: self.u32(at)?, len: u64::from(self.u32(at + 4)?) * each })
    }
}

/// A part of the component's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    at: u32,
    len: u64,
}

/// Asks for a list of at most `most` bytes with all that belongs to it.
pub(super) fn list<T: Entry>(guest: &Guest, start: u32, count: u32, most: u64) -> Result<Vec<T>, Failure> {
    let exports = guest.exports();
    let method = format!("weighbridge:loader/loader@0.1.0#[method]session.{}", T::METHOD);
    let memory: Memory = get(&exports, "memory")?.unchecked_into();
    let answered = function(&exports, &method)?.ok_or(Failure::Unlike("it has no such method"))?.call3(
        &JsValue::UNDEFINED,
        &guest.rep(),
        &start.into(),
        &count.into(),
    );
    // Addresses come as signed numbers.
    let at =
        answered.map_err(Failure::Thrown)?.as_f64().ok_or(Failure::Unlike("its place is no number"))? as i64 as u32;
    let list = read(&memory, at, most)?;
    if let Some(give_back) = function(&exports, &format!("cabi_post_{method}"))? {
        give_back.call1(&JsValue::UNDEFINED, &at.into()).map_err(Failure::Thrown)?;
    }
    Ok(list)
}

fn get(object: &JsValue, name: &str) -> Result<JsValue, Failure> {
    Reflect::get(object, &name.into()).map_err(Failure::Thrown)
}

fn function(exports: &JsValue, name: &str) -> Result<Option<Function>, Failure> {
    Ok(get(exports, name)?.dyn_into().ok())
}

fn read<T: Entry>(memory: &Memory, at: u32, most: u64) -> Result<Vec<T>, Failure> {
    let head = copy(memory, Part { at, len: 8 })?;
    let list = Row(&head).part(0, T::BYTES as u64).ok_or(Failure::TooLong)?;
    if list.len > most {
        return Err(Failure::TooLong);
    }
    let records = copy(memory, list)?;
    let rows = || records.chunks_exact(T::BYTES).map(Row);
    let mut parts = Vec::new();
    for row in rows() {
        T::parts(row, &mut parts).ok_or(UNLIKE)?;
    }
    let texts = Texts::fetch(memory, &parts, most - list.len)?;
    let mut parts = parts.into_iter();
    rows().map(|row| T::read(row, || texts.of(parts.next()?)).ok_or(UNLIKE)).collect()
}

const UNLIKE: Failure = Failure::Unlike("an entry has a case or a text that there is none of");

fn copy(memory: &Memory, part: Part) -> Result<Vec<u8>, Failure> {
    let buffer = memory.buffer();
    let len = u32::try_from(part.len).map_err(|_| Failure::TooLong)?;
    let inside = Reflect::get(&buffer, &"byteLength".into()).ok().and_then(|bytes| bytes.as_f64());
    if inside.is_none_or(|bytes| f64::from(part.at) + f64::from(len) > bytes) {
        return Err(Failure::Unlike("it lies outside the component's memory"));
    }
    Ok(Uint8Array::new_with_byte_offset_and_length(&buffer, part.at, len).to_vec())
}

/// The parts of a list, those that lie close together copied at once.
struct Texts(Vec<(u32, Vec<u8>)>);

impl Texts {
    fn fetch(memory: &Memory, parts: &[Part], most: u64) -> Result<Self, Failure> {
        let mut full: Vec<Part> = parts.iter().copied().filter(|part| part.len > 0).collect();
        if full.iter().map(|part| part.len).fold(0, u64::saturating_add) > most {
            return Err(Failure::TooLong);
        }
        full.sort_unstable_by_key(|part| part.at);
        let runs = together(&full);
        runs.into_iter().map(|run| Ok((run.at, copy(memory, run)?))).collect::<Result<_, _>>().map(Self)
    }

    fn of(&self, part: Part) -> Option<&[u8]> {
        if part.len == 0 {
            return Some(&[]);
        }
        let run = self.0.partition_point(|(at, _)| *at <= part.at).checked_sub(1)?;
        let (at, bytes) = self.0.get(run)?;
        let from = usize::try_from(part.at - at).ok()?;
        bytes.get(from..from.checked_add(usize::try_from(part.len).ok()?)?)
    }
}

/// Parts in the order of their places, as runs without gaps of more than [`GAP`] bytes.
fn together(parts: &[Part]) -> Vec<Part> {
    let mut runs: Vec<Part> = Vec::new();
    for part in parts {
        let end = u64::from(part.at) + part.len;
        match runs.last_mut() {
            Some(run) if u64::from(part.at) <= u64::from(run.at) + run.len + GAP => {
                run.len = run.len.max(end - u64::from(run.at));
            }
            _ => runs.push(*part),
        }
    }
    runs
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn case<T: Copy>(all: &[T], number: u8) -> Option<T> {
    all.get(usize::from(number)).copied()
}

impl Entry for TensorInfo {
    const METHOD: &'static str = "tensors";
    const BYTES: usize = 48;

    fn parts(row: Row<'_>, parts: &mut Vec<Part>) -> Option<()> {
        parts.extend([row.part(0, 1)?, row.part(8, 1)?, row.part(16, 8)?]);
        Some(())
    }

    fn read<'p>(row: Row<'_>, mut part: impl FnMut() -> Option<&'p [u8]>) -> Option<Self> {
        let (name, dtype) = (text(part()?)?, text(part()?)?);
        let shape = part()?.as_chunks().0.iter().map(|number| u64::from_le_bytes(*number)).collect();
        Some(Self { name, dtype, shape, source: row.u32(24)?, offset: row.u64(32)?, bytes: row.u64(40)? })
    }
}

impl Entry for TensorState {
    const METHOD: &'static str = "states";
    const BYTES: usize = 56;

    fn parts(_: Row<'_>, _: &mut Vec<Part>) -> Option<()> {
        Some(())
    }

    fn read<'p>(row: Row<'_>, _: impl FnMut() -> Option<&'p [u8]>) -> Option<Self> {
        let location = |row: Row<'_>| {
            let place = match row.u8(24)? {
                0 => Place::Mapping(row.u64(32)?),
                1 => Place::Target(row.u64(32)?),
                _ => return None,
            };
            Some(Location { place, offset: row.u64(40)?, bytes: row.u64(48)? })
        };
        Some(Self {
            lifecycle: case(Lifecycle::ALL, row.u8(0)?)?,
            strategy: row.option(1, |row| case(Strategy::ALL, row.u8(2)?))?,
            slot: row.option(4, |row| row.u32(8))?,
            location: row.option(16, location)?,
        })
    }
}

impl Entry for BufferState {
    const METHOD: &'static str = "buffers";
    const BYTES: usize = 32;

    fn parts(_: Row<'_>, _: &mut Vec<Part>) -> Option<()> {
        Some(())
    }

    fn read<'p>(row: Row<'_>, _: impl FnMut() -> Option<&'p [u8]>) -> Option<Self> {
        Some(Self {
            status: case(BufferStatus::ALL, row.u8(0)?)?,
            generation: row.u32(4)?,
            target: row.u64(8)?,
            bytes: row.u64(16)?,
            tensors: row.u32(24)?,
            external: row.u8(28)? != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A record of so many bytes with these at these places.
    fn record<const N: usize>(bytes: &[(usize, &[u8])]) -> [u8; N] {
        let mut record = [0; N];
        for (at, part) in bytes {
            record[*at..at + part.len()].copy_from_slice(part);
        }
        record
    }

    #[test]
    fn parts_that_are_close_are_one_copy_and_each_is_found_in_it() {
        let part = |at, len| Part { at, len };
        let parts = [part(8, 4), part(10, 8), part(500, 1), part(2000, 3)];
        assert_eq!(together(&parts), [part(8, 493), part(2000, 3)]);
        let texts = Texts(vec![(8, (8..=200).collect()), (2000, vec![1, 2, 3])]);
        assert_eq!(texts.of(part(10, 2)), Some(&[10, 11][..]));
        assert_eq!(texts.of(part(2001, 2)), Some(&[2, 3][..]));
        assert_eq!(texts.of(part(7, 0)), Some(&[][..]));
        for none in [part(7, 1), part(2001, 3), part(200, 2)] {
            assert_eq!(texts.of(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_tensor_is_read_from_its_record_and_its_parts() {
        let record =
            record::<48>(&[(4, &[1]), (12, &[2]), (20, &[2]), (24, &[7]), (32, &[9, 1]), (40, &[0, 0, 0, 0, 1])]);
        let mut places = Vec::new();
        TensorInfo::parts(Row(&record), &mut places).unwrap();
        assert_eq!(places.iter().map(|part| part.len).collect::<Vec<_>>(), [1, 2, 16]);
        let shape = [3_u64.to_le_bytes(), u64::MAX.to_le_bytes()].concat();
        let parts: [&[u8]; 3] = [b"t", b"F8", &shape];
        let mut next = parts.iter();
        let tensor = TensorInfo::read(Row(&record), || next.next().copied()).unwrap();
        let expected = TensorInfo {
            name: "t".to_owned(),
            dtype: "F8".to_owned(),
            shape: vec![3, u64::MAX],
            source: 7,
            offset: 265,
            bytes: 1 << 32,
        };
        assert_eq!(tensor, expected);
        let mut next = [&[0xff_u8][..], b"", b""].into_iter();
        assert!(TensorInfo::read(Row(&record), || next.next()).is_none(), "a name that is no text");
    }

    #[test]
    fn states_are_read_with_and_without_what_is_optional() {
        let none = record::<56>(&[]);
        let unbound = TensorState { lifecycle: Lifecycle::Unbound, strategy: None, slot: None, location: None };
        assert_eq!(TensorState::read(Row(&none), || None), Some(unbound));
        let all = record::<56>(&[
            (0, &[2, 1, 1]),
            (4, &[1]),
            (8, &[5]),
            (16, &[1]),
            (24, &[1]),
            (32, &[6]),
            (40, &[7]),
            (48, &[8]),
        ]);
        let location = Location { place: Place::Target(6), offset: 7, bytes: 8 };
        let resident = TensorState {
            lifecycle: Lifecycle::Resident,
            strategy: Some(Strategy::ReadCopy),
            slot: Some(5),
            location: Some(location),
        };
        assert_eq!(TensorState::read(Row(&all), || None), Some(resident));
        for wrong in [(0, 9), (1, 2), (16, 3)] {
            let mut bytes = all;
            bytes[wrong.0] = wrong.1;
            assert!(TensorState::read(Row(&bytes), || None).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn buffers_are_read_from_their_records() {
        let record = record::<32>(&[(0, &[2]), (4, &[3]), (8, &[4]), (16, &[5]), (24, &[6]), (28, &[1])]);
        let expected =
            BufferState { status: BufferStatus::Owned, generation: 3, target: 4, bytes: 5, tensors: 6, external: true };
        assert_eq!(BufferState::read(Row(&record), || None), Some(expected));
    }
}
