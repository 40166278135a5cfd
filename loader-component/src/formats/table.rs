//! The tensors of one file.
use super::dtype::{Dtype, Layout};
use super::names::{Names, Refused};
use crate::types::Cause;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the header says of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorRef<'t> {
    /// As in the file.
    pub name: &'t str,
    /// The format's own name of the element type; of one that is not known, what the file says.
    pub dtype: &'t str,
    /// Elements per dimension, in the file's own order.
    pub shape: &'t [u64],
    /// Byte offset in the source.
    pub offset: u64,
    /// Bytes.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    offset: u64,
    bytes: u64,
    /// Where the dimensions end in the arena; they begin where those of the row before end.
    shape_end: u32,
    dtype: Dtype,
}

/// Tensors in file order, in about 40 bytes each and their names. Names are distinct.
#[derive(Clone, Debug, Default)]
pub struct TensorTable {
    names: Names,
    rows: Vec<Row>,
    shapes: Vec<u64>,
    /// Tensors that are listed and not loaded, of which there are few.
    unread: BTreeMap<u32, Unread>,
    /// Tensors whose elements do not lie one after the other, with their strides, by ascending index.
    strided: Vec<(u32, Vec<u64>)>,
}

/// Why a tensor is listed and not loaded.
#[derive(Clone, Debug)]
enum Unread {
    /// Its type is not known: what the file says of it.
    Type(String),
    /// It cannot be read.
    Unreadable(Arc<Unreadable>),
}

/// Why tensors cannot be read; several may have one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Why, for programs.
    pub cause: Cause,
    /// The byte that it is about.
    pub offset: u64,
    /// What is to be said behind a tensor's name: `depends on …`, without the full stop.
    pub why: String,
}

/// Stands for a type that is not known.
static UNKNOWN: Layout = Layout::plain("unknown", 1);

impl TensorTable {
    /// Tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The tensor with this index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<TensorRef<'_>> {
        let row = self.rows.get(index)?;
        let start =
            index.checked_sub(1).and_then(|before| self.rows.get(before)).map_or(0, |row| row.shape_end as usize);
        let number = u32::try_from(index).ok()?;
        Some(TensorRef {
            name: self.name(number),
            dtype: self.unknown(number).unwrap_or_else(|| row.dtype.name()),
            shape: self.shapes.get(start..row.shape_end as usize)?,
            offset: row.offset,
            bytes: row.bytes,
        })
    }

    /// Tensors in file order.
    pub fn iter(&self) -> impl Iterator<Item = TensorRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Makes room for so many tensors in all.
    pub(crate) fn reserve(&mut self, tensors: usize) {
        self.names.reserve(tensors);
        self.rows.reserve_exact(tensors);
        self.shapes.reserve(tensors.saturating_mul(2));
    }

    /// The index of a tensor, by its exact name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    /// What the file says of the type of a tensor, where it is not known.
    pub(crate) fn unknown(&self, index: u32) -> Option<&str> {
        match self.unread.get(&index)? {
            Unread::Type(said) => Some(said),
            Unread::Unreadable(_) => None,
        }
    }

    /// Why a tensor cannot be read, where it cannot.
    pub(crate) fn unreadable(&self, index: u32) -> Option<&Unreadable> {
        match self.unread.get(&index)? {
            Unread::Type(_) => None,
            Unread::Unreadable(why) => Some(why),
        }
    }

    /// Whether any type is not known.
    pub(crate) fn has_unknown(&self) -> bool {
        self.unknowns().next().is_some()
    }

    /// The tensors whose types are not known, with what the file says of these.
    pub(crate) fn unknowns(&self) -> impl Iterator<Item = (u32, &str)> {
        self.unread.keys().filter_map(|index| Some((*index, self.unknown(*index)?)))
    }

    /// The tensors that cannot be read, and why.
    pub(crate) fn unreadables(&self) -> impl Iterator<Item = (u32, &Unreadable)> {
        self.unread.keys().filter_map(|index| Some((*index, self.unreadable(*index)?)))
    }

    /// The tensors whose elements do not lie one after the other.
    pub(crate) fn all_strided(&self) -> impl ExactSizeIterator<Item = u32> {
        self.strided.iter().map(|(index, _)| *index)
    }

    /// Keeps a tensor that cannot be read; of its type, its shape and its place as much as is known.
    pub(crate) fn push_unreadable(
        &mut self,
        name: &str,
        dtype: Option<Dtype>,
        shape: &[u64],
        (offset, bytes): (u64, u64),
        why: Arc<Unreadable>,
    ) -> Result<u32, Refused> {
        let index = self.push(name, dtype.unwrap_or(Dtype::of(&UNKNOWN)), shape, offset, bytes)?;
        self.unread.insert(index, Unread::Unreadable(why));
        Ok(index)
    }

    /// Keeps a tensor whose type is not known, and of whose bytes the header may say nothing (0).
    pub(crate) fn push_unknown(
        &mut self,
        name: &str,
        said: String,
        shape: &[u64],
        offset: u64,
        bytes: u64,
    ) -> Result<u32, Refused> {
        let index = self.push(name, Dtype::of(&UNKNOWN), shape, offset, bytes)?;
        self.unread.insert(index, Unread::Type(said));
        Ok(index)
    }

    /// Gives the tensors whose types are not known the bytes up to the next tensor, or to the file's end.
    pub(crate) fn measure_unknown(&mut self, order: &[u32], size: u64) {
        let mut end = size;
        let mut reached = size;
        for index in order.iter().rev() {
            let Some(row) = self.rows.get_mut(*index as usize) else { continue };
            if row.offset < reached {
                (end, reached) = (reached, row.offset);
            }
            if matches!(self.unread.get(index), Some(Unread::Type(_))) {
                row.bytes = end.saturating_sub(row.offset);
            }
        }
    }

    /// Leaves out the tensors whose names are not wanted; answers those names.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let left_out: Vec<String> =
            self.iter().map(|tensor| tensor.name).filter(|name| !wanted(name)).map(Into::into).collect();
        if left_out.is_empty() {
            return left_out;
        }
        let all = std::mem::take(self);
        for (tensor, index) in all.iter().zip(0u32..).filter(|(tensor, _)| wanted(tensor.name)) {
            let Some(row) = all.rows.get(index as usize) else { continue };
            // They were distinct before, and are fewer now.
            let taken = self.push(tensor.name, row.dtype, tensor.shape, row.offset, row.bytes);
            if let (Ok(new), Some(unread)) = (taken, all.unread.get(&index)) {
                self.unread.insert(new, unread.clone());
            }
            if let (Ok(_), Some(strides)) = (taken, all.strides(index)) {
                self.note_strides(strides);
            }
        }
        left_out
    }

    /// The name alone, without looking at the rest.
    pub(crate) fn name(&self, index: u32) -> &str {
        self.names.get(index)
    }

    /// Bytes of all tensors.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.bytes))
    }

    pub(crate) fn push(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[u64],
        offset: u64,
        bytes: u64,
    ) -> Result<u32, Refused> {
        let shape_end = self.shapes.len().checked_add(shape.len()).and_then(|end| u32::try_from(end).ok());
        let shape_end = shape_end.ok_or(Refused::Full)?;
        let index = self.names.push(name)?;
        self.shapes.extend_from_slice(shape);
        self.rows.push(Row { offset, bytes, shape_end, dtype });
        Ok(index)
    }

    /// Takes over the one tensor of another table under this name.
    pub(crate) fn take(&mut self, name: &str, one: &Self) -> Result<(), Refused> {
        let (Some(row), Some(tensor)) = (one.rows.first(), one.get(0)) else { return Ok(()) };
        self.push(name, row.dtype, tensor.shape, row.offset, row.bytes).map(|_| ())
    }

    /// Notes the elements from one to the next, per dimension, of the tensor that was pushed last: they do not lie one after
    /// the other, and its bytes are those from the first element to the last.
    pub(crate) fn note_strides(&mut self, strides: &[u64]) {
        if let Some(last) = self.rows.len().checked_sub(1).and_then(|last| u32::try_from(last).ok()) {
            self.strided.push((last, strides.to_vec()));
        }
    }

    /// The strides, in elements, of a tensor whose elements do not lie one after the other; none for any other.
    #[must_use]
    pub fn strides(&self, index: u32) -> Option<&[u64]> {
        let at = self.strided.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.strided.get(at).map(|(_, strides)| strides.as_slice())
    }

    /// Elements and bytes of the smallest part of a tensor that can stand alone; none where its type is not known.
    pub(crate) fn block(&self, index: u32) -> Option<(u64, u64)> {
        let row = self.rows.get(index as usize).filter(|_| self.unknown(index).is_none())?;
        Some(row.dtype.block())
    }

    /// Whether every tensor's elements lie one after the other.
    pub(crate) fn is_contiguous(&self) -> bool {
        self.strided.is_empty()
    }

    /// Where the first tensor that has bytes begins.
    pub(crate) fn first_byte(&self) -> Option<u64> {
        self.rows.iter().filter(|row| row.bytes > 0).map(|row| row.offset).min()
    }

    /// Offset and bytes of each tensor, in file order.
    pub(crate) fn spans(&self) -> impl ExactSizeIterator<Item = (u64, u64)> {
        self.rows.iter().map(|row| (row.offset, row.bytes))
    }

    /// Moves every tensor by `base` bytes; the first index that would leave the numbers is the error.
    pub(crate) fn shift(&mut self, base: u64) -> Result<(), u32> {
        for (row, index) in self.rows.iter_mut().zip(0u32..) {
            row.offset = row.offset.checked_add(base).filter(|at| at.checked_add(row.bytes).is_some()).ok_or(index)?;
        }
        Ok(())
    }

    /// Indices of the tensors in the order of their offsets, of two at one offset the shorter first.
    pub(crate) fn by_offset(&self) -> Vec<u32> {
        let at = |index: &u32| self.rows.get(*index as usize).map_or((0, 0), |row| (row.offset, row.bytes));
        let mut order: Vec<u32> = (0u32..).zip(&self.rows).map(|(index, _)| index).collect();
        if !order.is_sorted_by_key(at) {
            order.sort_unstable_by_key(at);
        }
        order
    }
}
