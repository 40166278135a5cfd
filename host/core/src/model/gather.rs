//! The elements of a tensor in the order of its shape, whatever its strides: from the bytes between its first element and its
//! last, without holding those all.
//!
//! What is put together is a block of the result, as many indices of one dimension as there is room for. For a block the
//! tensor's bytes are gone through in their own order, in windows, so that no byte of the file is read twice for it.
use crate::types::{Cause, Error, Phase};

/// Most bytes of the result that are in memory.
const ROOM: usize = 32 << 20;
/// Most bytes of the tensor that are in memory.
const WINDOW: usize = 1 << 20;

/// A dimension: how many elements, and how far apart they are where they come from and where they go.
#[derive(Clone, Copy, Debug)]
struct Axis {
    count: u64,
    from: u64,
    to: u64,
}

/// Reads bytes of the tensor, by their place in its span.
type Read<'r> = dyn FnMut(u64, &mut [u8]) -> Result<(), Error> + 'r;

/// Hands out the elements of a tensor in the order of its shape, the last dimension first, in pieces. `strides` are in
/// elements, which have `width` bytes; `read` reads bytes from an offset of the tensor on.
///
/// # Errors
/// Those of `read` and `take`; `invalid-request` where shape and strides are none of a tensor that can be addressed.
pub fn gather(
    shape: &[u64],
    strides: &[u64],
    width: u64,
    read: &mut Read<'_>,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    within(shape, strides, width, (ROOM, WINDOW), read, take)
}

fn within(
    shape: &[u64],
    strides: &[u64],
    width: u64,
    (room, window): (usize, usize),
    read: &mut Read<'_>,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    if shape.contains(&0) {
        return Ok(());
    }
    let plan = Plan::new(shape, strides, width, room).ok_or_else(unaddressable)?;
    let mut gathering = Gathering { width, most: (window as u64).max(width), window: Vec::new(), block: Vec::new() };
    let mut outer = vec![0u64; plan.split];
    loop {
        let base = outer.iter().zip(strides).map(|(index, stride)| index * stride).sum::<u64>();
        let mut first = 0;
        while first < plan.count {
            let count = plan.at_once.min(plan.count - first);
            gathering.block(&plan, count, base + first * plan.stride, read)?;
            take(&gathering.block)?;
            first += count;
        }
        if !step(&mut outer, shape) {
            return Ok(());
        }
    }
}

fn unaddressable() -> Error {
    let message = "a tensor's shape and strides are more than this machine can address";
    Error::new(Phase::Request, Cause::InvalidRequest, message)
}

/// The next of all indices; false behind the last.
fn step(indices: &mut [u64], counts: &[u64]) -> bool {
    for (index, count) in indices.iter_mut().zip(counts).rev() {
        *index += 1;
        if *index < *count {
            return true;
        }
        *index = 0;
    }
    false
}

/// Which parts of the result are put together at once.
struct Plan {
    /// Dimensions before the one that is cut.
    split: usize,
    /// The one that is cut: its elements, its stride, and how many are taken at once.
    count: u64,
    stride: u64,
    at_once: u64,
    /// Elements of one index of it, and the dimensions behind it.
    each: u64,
    inner: Vec<Axis>,
}

impl Plan {
    /// None where a number is too large: then nothing below can be.
    fn new(shape: &[u64], strides: &[u64], width: u64, room: usize) -> Option<Self> {
        let reach = shape
            .iter()
            .zip(strides)
            .try_fold(1u64, |reach, (count, stride)| reach.checked_add(count.checked_sub(1)?.checked_mul(*stride)?));
        reach?.checked_mul(width.max(1))?;
        shape.iter().try_fold(width.max(1), |bytes, count| bytes.checked_mul(*count))?;
        let room = (room as u64).checked_div(width).filter(|room| *room > 0 && shape.len() == strides.len())?;
        // The first dimension of which at least one index fits.
        let mut each = 1u64;
        let mut split = shape.len();
        let mut inner = Vec::new();
        let (mut count, mut stride) = (1, 0);
        for (at, (elements, from)) in shape.iter().zip(strides).enumerate().rev() {
            (split, count, stride) = (at, *elements, *from);
            if at == 0 || each.checked_mul(*elements)? > room {
                break;
            }
            inner.push(Axis { count: *elements, from: *from, to: each });
            each *= elements;
        }
        let at_once = room.checked_div(each)?.clamp(1, count);
        Some(Self { split, count, stride, at_once, each, inner })
    }
}

struct Gathering {
    width: u64,
    /// Bytes of a window.
    most: u64,
    window: Vec<u8>,
    block: Vec<u8>,
}

impl Gathering {
    /// Puts `count` indices of the dimension that is cut together, from element `from` of the tensor on.
    fn block(&mut self, plan: &Plan, count: u64, from: u64, read: &mut Read<'_>) -> Result<(), Error> {
        let bytes = usize::try_from(count * plan.each * self.width).map_err(|_| unaddressable())?;
        self.block.clear();
        self.block.try_reserve_exact(bytes).map_err(|_| no_memory(bytes))?;
        self.block.resize(bytes, 0);
        let cut = Axis { count, from: plan.stride, to: plan.each };
        let mut axes: Vec<Axis> = plan.inner.iter().copied().chain([cut]).filter(|axis| axis.count > 1).collect();
        axes.sort_by_key(|axis| std::cmp::Reverse(axis.from));
        self.windows(&axes, from, 0, read)
    }

    /// Goes through these dimensions, the one of the largest stride first, in windows. It goes no deeper than there are
    /// dimensions.
    fn windows(&mut self, axes: &[Axis], from: u64, to: u64, read: &mut Read<'_>) -> Result<(), Error> {
        let reach = |axes: &[Axis]| axes.iter().map(|axis| (axis.count - 1) * axis.from).sum::<u64>() + 1;
        let whole = reach(axes);
        let room = self.most / self.width;
        if whole <= room {
            return self.window(axes, whole, from, to, read);
        }
        let Some((first, rest)) = axes.split_first() else { return Err(unaddressable()) };
        let inner = reach(rest);
        // As many of the first as one window holds, or one after the other.
        let together = room.checked_sub(inner).map_or(1, |left| 1 + left / first.from.max(1)).min(first.count);
        let mut index = 0;
        while index < first.count {
            let count = together.min(first.count - index);
            let (from, to) = (from + index * first.from, to + index * first.to);
            if inner > room {
                self.windows(rest, from, to, read)?;
            } else {
                let mut axes = vec![Axis { count, ..*first }];
                axes.extend_from_slice(rest);
                let whole = reach(&axes);
                self.window(&axes, whole, from, to, read)?;
            }
            index += count;
        }
        Ok(())
    }

    /// Reads one window and puts its elements where they belong.
    fn window(&mut self, axes: &[Axis], reach: u64, from: u64, to: u64, read: &mut Read<'_>) -> Result<(), Error> {
        let bytes = usize::try_from(reach * self.width).map_err(|_| unaddressable())?;
        self.window.resize(bytes, 0);
        read(from * self.width, &mut self.window)?;
        let width = usize::try_from(self.width).map_err(|_| unaddressable())?;
        // The elements of the innermost dimension, in the order in which they were read.
        let (inner, outer) = axes.split_last().map_or((Axis { count: 1, from: 0, to: 0 }, axes), |(i, o)| (*i, o));
        let counts: Vec<u64> = outer.iter().map(|axis| axis.count).collect();
        let mut indices = vec![0u64; counts.len()];
        loop {
            let along =
                |by: fn(&Axis) -> u64| indices.iter().zip(outer).map(|(index, axis)| index * by(axis)).sum::<u64>();
            let (mut at, mut place) = (along(|axis| axis.from), to + along(|axis| axis.to));
            for _ in 0..inner.count {
                let source = part(at, width).and_then(|range| self.window.get(range));
                let target = part(place, width).and_then(|range| self.block.get_mut(range));
                match (source, target) {
                    (Some(source), Some(target)) => target.copy_from_slice(source),
                    _ => return Err(unaddressable()),
                }
                (at, place) = (at + inner.from, place + inner.to);
            }
            if !step(&mut indices, &counts) {
                return Ok(());
            }
        }
    }
}

fn part(element: u64, width: usize) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(element).ok()?.checked_mul(width)?;
    Some(start..start.checked_add(width)?)
}

fn no_memory(bytes: usize) -> Error {
    let message = format!("there is no memory for a part of {bytes} bytes of a tensor; end other work and try again");
    Error::new(Phase::Transfer, Cause::OutOfMemory, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Element by element, as the strides say.
    fn plainly(span: &[u8], shape: &[u64], strides: &[u64], width: usize) -> Vec<u8> {
        let mut indices = vec![0; shape.len()];
        let mut all = Vec::new();
        loop {
            let at: u64 = indices.iter().zip(strides).map(|(index, stride)| index * stride).sum();
            all.extend_from_slice(&span[at as usize * width..][..width]);
            if !step(&mut indices, shape) {
                return all;
            }
        }
    }

    #[test]
    fn elements_come_in_the_order_of_the_shape_in_whatever_room() {
        let cases: &[(&[u64], &[u64])] = &[
            (&[], &[]),
            (&[5], &[3]),
            (&[4, 6], &[1, 4]),
            (&[4, 6], &[6, 1]),
            (&[4, 6], &[20, 3]),
            (&[3, 4, 5], &[1, 15, 3]),
            (&[3, 4, 5], &[0, 5, 1]),
            (&[2, 3, 4, 5], &[60, 1, 15, 3]),
            (&[7, 1, 2], &[2, 99, 1]),
            (&[64, 64], &[1, 64]),
        ];
        for (shape, strides) in cases {
            let reach: u64 = shape.iter().zip(*strides).map(|(count, stride)| (count - 1) * stride).sum::<u64>() + 1;
            for width in [1usize, 2, 8] {
                let span: Vec<u8> = (0..reach as usize * width).map(|byte| (byte * 31 % 251) as u8).collect();
                for room in [8, 24, 100, 1000, ROOM] {
                    for window in [1, 16, 40, 333, WINDOW] {
                        let (mut all, mut largest) = (Vec::new(), 0);
                        within(
                            shape,
                            strides,
                            width as u64,
                            (room, window),
                            &mut |at, to| {
                                assert!(to.len() <= window.max(width), "a window of {} bytes", to.len());
                                to.copy_from_slice(&span[at as usize..][..to.len()]);
                                Ok(())
                            },
                            &mut |piece| {
                                largest = largest.max(piece.len());
                                all.extend_from_slice(piece);
                                Ok(())
                            },
                        )
                        .unwrap();
                        assert_eq!(all, plainly(&span, shape, strides, width), "{shape:?} {strides:?} {room} {window}");
                        assert!(largest <= room.max(width), "{largest} bytes in a room of {room}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_addressed_is_an_error() {
        let mut read = |_: u64, _: &mut [u8]| Ok(());
        let mut take = |_: &[u8]| Ok(());
        for (shape, strides) in
            [(&[u64::MAX, 2][..], &[1, 1][..]), (&[2], &[u64::MAX]), (&[3, 3], &[u64::MAX / 2, 1]), (&[2, 2], &[1])]
        {
            assert!(gather(shape, strides, 4, &mut read, &mut take).is_err(), "{shape:?} {strides:?}");
        }
        assert!(gather(&[0, u64::MAX], &[1, 1], 4, &mut read, &mut take).is_ok(), "nothing is there to be gathered");
    }

    #[test]
    fn an_error_of_the_file_is_the_answer() {
        let failed = Error::new(Phase::Transfer, Cause::Io, "no");
        let answer = gather(&[2], &[2], 1, &mut |_, _| Err(failed.clone()), &mut |_| Ok(()));
        assert_eq!(answer, Err(failed));
    }
}
