//! The tensors of one file.
use super::dtype::Dtype;
use super::names::{Names, Refused};

/// What the header says of one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorRef<'t> {
    /// As in the file.
    pub name: &'t str,
    /// The format's own name of the element type.
    pub dtype: &'static str,
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
}

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
        Some(TensorRef {
            name: self.name(u32::try_from(index).ok()?),
            dtype: row.dtype.name(),
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
