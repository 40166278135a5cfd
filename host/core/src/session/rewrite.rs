//! What a tool needs that writes files: how the elements of a tensor lie, its bytes straight from the file, and a file of the
//! model with other metadata. What the guest says is held against the file, as everywhere.
use super::Session;
use crate::{
    engine::Engine,
    media::Span,
    types::{Cause, Error, FilePart, KeptSpan, MetadataEdit, Phase, StorageError, TensorInfo, TensorLayout, escape},
};

/// A part of a file that is written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewPart {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These of the file as it is.
    Kept(Span),
}

/// A component says what its files cannot be.
fn untrue(message: impl Into<String>) -> Error {
    Error::new(Phase::Request, Cause::Internal, message)
}

impl<E: Engine> Session<E> {
    /// How a tensor's elements lie in its bytes; none for one whose type is not known.
    ///
    /// # Errors
    /// There is no such tensor, the guest failed, or what it says does not fit the tensor's shape and bytes.
    pub fn layout(&mut self, tensor: u32) -> Result<Option<TensorLayout>, Error> {
        let info = self.info(tensor)?.clone();
        let layout = self.guest().layout(tensor)?;
        match layout {
            Some(layout) if !fits(&layout, &info) => {
                let mut error =
                    untrue("the component says of a tensor's layout what its shape and its bytes cannot be");
                error.tensor = Some(tensor);
                Err(error)
            }
            layout => Ok(layout),
        }
    }

    fn info(&self, tensor: u32) -> Result<&TensorInfo, Error> {
        let tensors = self.tensors()?;
        tensors.get(tensor as usize).ok_or_else(|| {
            let message = format!("there is no tensor {tensor}; the model has {}", tensors.len());
            Error::new(Phase::Request, Cause::NotFound, message)
        })
    }

    /// Bytes of a tensor from `offset` on, straight from its file, whether it is loaded or not; of one that is not contiguous,
    /// of the span from its first element to its last.
    ///
    /// # Errors
    /// `out-of-bounds` where the tensor has no such bytes, and what the system answers.
    pub fn read_tensor(&mut self, tensor: u32, offset: u64, to: &mut [u8]) -> Result<(), Error> {
        let info = self.info(tensor)?.clone();
        let read = self.guest().engine.host(|host| {
            host.control.check()?;
            Span::within(offset, to.len() as u64, info.bytes)?;
            let at = info.offset.checked_add(offset).ok_or(StorageError::OutOfBounds)?;
            host.table().ok_or(StorageError::Unsupported)?.read_at(info.source, at, to)
        });
        read.map_err(|error| {
            let cause = match error {
                StorageError::Cancelled => Cause::Cancelled,
                StorageError::Deadline => Cause::Deadline,
                StorageError::Changed => Cause::SourceChanged,
                StorageError::EndOfSource => Cause::EndOfSource,
                StorageError::AccessDenied => Cause::AccessDenied,
                StorageError::OutOfBounds => Cause::OutOfBounds,
                _ => Cause::Io,
            };
            let message = format!("tensor {} cannot be read from its file: {error}", escape(&info.name));
            let mut found = Error::new(Phase::Transfer, cause, message);
            (found.tensor, found.source) = (Some(tensor), Some(info.source));
            if let StorageError::Io(code) = error {
                found.os_code = Some(code);
            }
            found
        })
    }

    /// A file of the model with other metadata, as the parts that it consists of, one after the other: what stays as it is is
    /// a span of the file. Where the format has room for padding, tensor data lies in a block of `block` bytes where it did,
    /// so that a file system can share it.
    ///
    /// # Errors
    /// The format has no metadata that can be changed, or no such value; the guest failed, or names other bytes than the
    /// file's, or the same ones twice.
    pub fn rewrite(&mut self, source: u32, edits: &[MetadataEdit], block: u64) -> Result<Vec<NewPart>, Error> {
        let Some(size) = self.files.get(source as usize).map(|file| file.size) else {
            let message = format!("there is no file {source}; the model has {}", self.files.len());
            return Err(Error::new(Phase::Request, Cause::NotFound, message));
        };
        let parts = self.guest().rewrite(source, edits, block).map_err(|error| self.names.shown(error))?;
        checked(parts, size)
    }
}

/// The parts of a file of `size` bytes. Clamp: each byte of it once, and in its order, so that the new file is no longer than
/// both together.
fn checked(parts: Vec<FilePart>, size: u64) -> Result<Vec<NewPart>, Error> {
    let mut from = 0;
    let checked = parts.into_iter().map(|part| match part {
        FilePart::Bytes(bytes) => Ok(NewPart::Bytes(bytes)),
        FilePart::Kept(KeptSpan { offset, len }) => {
            let span = Span::within(offset, len, size).ok().filter(|span| span.offset() >= from);
            let span = span.ok_or_else(|| untrue("the component keeps bytes that the file does not have"))?;
            from = span.end();
            Ok(NewPart::Kept(span))
        }
    });
    checked.collect()
}

/// Whether a layout is one of this tensor.
fn fits(layout: &TensorLayout, info: &TensorInfo) -> bool {
    let TensorLayout { block_elements, block_bytes, strides, .. } = layout;
    let elements = info.shape.iter().try_fold(1u64, |product, dimension| product.checked_mul(*dimension));
    if strides.is_empty() {
        let blocks = elements.and_then(|elements| elements.checked_div(*block_elements));
        return blocks.and_then(|blocks| blocks.checked_mul(*block_bytes)) == Some(info.bytes);
    }
    // One past the last element that is reached.
    let reach = info.shape.iter().zip(strides).try_fold(1u64, |reach, (dimension, stride)| {
        reach.checked_add(dimension.checked_sub(1)?.checked_mul(*stride)?)
    });
    let bytes = reach.and_then(|reach| reach.checked_mul(*block_bytes));
    *block_elements == 1 && strides.len() == info.shape.len() && elements.is_some() && bytes == Some(info.bytes)
}

#[cfg(test)]
mod tests {
    use super::{checked, fits};
    use crate::types::{FilePart, KeptSpan, TensorInfo, TensorLayout};

    #[test]
    fn a_component_that_keeps_other_bytes_is_refused() {
        let kept = |spans: &[(u64, u64)]| {
            let span = |(offset, len): &(u64, u64)| FilePart::Kept(KeptSpan { offset: *offset, len: *len });
            checked(spans.iter().map(span).chain([FilePart::Bytes(vec![1])]).collect(), 10).is_ok()
        };
        assert!(kept(&[]) && kept(&[(0, 10)]) && kept(&[(0, 4), (4, 2), (9, 1), (10, 0)]));
        for spans in
            [&[(0, 11)][..], &[(11, 0)], &[(1, u64::MAX)], &[(0, 4), (3, 4)], &[(4, 4), (0, 4)], &[(0, 10), (0, 10)]]
        {
            assert!(!kept(spans), "{spans:?}");
        }
    }

    #[test]
    fn a_layout_has_to_be_the_tensors() {
        let info = |shape: &[u64], bytes| TensorInfo {
            name: "t".into(),
            dtype: "F32".into(),
            shape: shape.to_vec(),
            source: 0,
            offset: 0,
            bytes,
        };
        let layout = |elements, bytes, strides: &[u64]| TensorLayout {
            fastest_first: false,
            block_elements: elements,
            block_bytes: bytes,
            strides: strides.to_vec(),
        };
        for (fit, layout, info) in [
            (true, layout(1, 4, &[]), info(&[2, 3], 24)),
            (true, layout(32, 34, &[]), info(&[64], 68)),
            (true, layout(1, 4, &[1, 4]), info(&[3, 2], 28)),
            (true, layout(1, 4, &[]), info(&[0, 3], 0)),
            (false, layout(1, 4, &[]), info(&[2, 3], 23)),
            (false, layout(0, 4, &[]), info(&[2], 8)),
            (false, layout(1, 4, &[1]), info(&[3, 2], 28)),
            (false, layout(1, 4, &[1, 5]), info(&[3, 2], 28)),
            (false, layout(2, 4, &[1, 4]), info(&[3, 2], 28)),
            (false, layout(1, u64::MAX, &[2]), info(&[u64::MAX], 28)),
            (false, layout(1, 4, &[u64::MAX, 1]), info(&[3, 2], 28)),
        ] {
            assert_eq!(fits(&layout, &info), fit, "{layout:?} {info:?}");
        }
    }
}
