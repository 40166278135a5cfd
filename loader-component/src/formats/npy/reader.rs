//! One array: magic number, version, the length of the header's text, the text, and the elements to the end.
use super::super::Limits;
use super::super::bytes::little;
use super::super::dtype::{SizeError, tensor_bytes};
use super::super::fault::{Length, cut_off, ends_inside, fault, misuse, over_limit};
use super::super::handler::{Progress, Reader};
use super::super::header::{Header, Role};
use super::super::metadata::MetadataIndex;
use super::super::noticed::cut_off_is;
use super::super::table::TensorTable;
use super::super::window::Buffer;
use super::dict::{self, Description};
use super::dtypes::dtype;
use super::format::{FORMAT, MAGIC, TENSOR};
use crate::api::Finding;
use crate::types::{Cause, Error};

/// Most bytes of the header's text unless the caller says otherwise; numpy itself reads 10,000.
const MOST: u64 = 64 << 10;
/// Bytes of magic number and version.
const FIXED: u64 = MAGIC.len() as u64 + 2;

/// Reads one array's header, wherever in a file the array lies.
#[derive(Debug)]
pub(crate) struct Npy {
    at: u64,
    end: u64,
    limits: Limits,
}

impl Npy {
    /// A reader of the array from byte `at` of the source to byte `end`.
    pub(crate) fn new(at: u64, end: u64, limits: Limits) -> Self {
        Self { at, end, limits }
    }

    /// Bytes from the array's beginning that are in the file, or the error that it ends before so many.
    fn within(&self, bytes: u64, field_at: u64, field: &str) -> Result<(), Error> {
        if bytes <= self.end.saturating_sub(self.at) {
            Ok(())
        } else {
            let needed = Length::AtLeast(self.at.saturating_add(bytes));
            Err(self.cut_off(field_at, field, needed, &format!("inside {field}, which begins at byte {field_at}")))
        }
    }

    /// The array ends before its header says: with the file, or with the entry of an archive, which has a header before it.
    fn cut_off(&self, at: u64, field: &str, of: Length, what: &str) -> Error {
        if self.at > 0 {
            return ends_inside("array", self.end, at, field);
        }
        cut_off(at, field, self.end, of, what)
    }

    /// The version, from the first bytes.
    fn version(&self, fixed: &[u8]) -> Result<u8, Error> {
        if !fixed.starts_with(MAGIC) {
            return Err(fault(
                Cause::Malformed,
                self.at,
                "magic",
                "An NPY array begins with \"\\x93NUMPY\"; this does not.",
            ));
        }
        match fixed.get(MAGIC.len()..) {
            Some([major @ 1..=3, 0, ..]) => Ok(*major),
            Some([major, minor, ..]) => {
                let at = self.at.saturating_add(MAGIC.len() as u64);
                let message = format!("This is NPY version {major}.{minor}; versions 1.0, 2.0 and 3.0 are read.");
                Err(fault(Cause::UnsupportedFormat, at, "version", message))
            }
            _ => Err(misuse("The version was asked for before it was read.")),
        }
    }

    fn header(&self, version: u8, text: &[u8], text_at: u64) -> Result<Progress, Error> {
        let Description { descr, fortran_order, shape } = dict::read(text, text_at)?;
        let wrong = |cause, at, field: &str, message| fault(cause, at, format!("header.{field}"), message).at_tensor(0);
        let dtype = dtype(descr.value).map_err(|(cause, message)| wrong(cause, descr.at, "descr", message))?;
        if fortran_order.value {
            let message = "The array is in Fortran order, in which the first dimension varies fastest; only C order is read. \
                           Save numpy.ascontiguousarray(array) instead.";
            return Err(wrong(Cause::UnsupportedFormat, fortran_order.at, "fortran_order", message.into()));
        }
        let dimensions: Vec<u64> = shape.value.iter().map(|dimension| dimension.value).collect();
        let bytes = tensor_bytes(dtype, &dimensions).map_err(|why| {
            let message = format!("The shape {dimensions:?} of type {dtype:?} has no size: {why}.");
            match why {
                SizeError::Dimension(number) => {
                    let at = shape.value.get(number).map_or(shape.at, |dimension| dimension.at);
                    wrong(Cause::Malformed, at, &format!("shape[{number}]"), message)
                }
                _ => wrong(Cause::Malformed, shape.at, "shape", message),
            }
        })?;
        let data_offset = text_at.saturating_add(text.len() as u64);
        let (end, found) = self.ends(data_offset, bytes)?;
        let mut tensors = TensorTable::default();
        let pushed = tensors.push(TENSOR, dtype, &dimensions, data_offset, bytes);
        pushed.map_err(|_| misuse("The first tensor of a table was refused."))?;
        let header = Box::new(Header {
            format: &FORMAT,
            version: u32::from(version),
            alignment: 1,
            data_offset,
            size: self.end,
            tensors,
            metadata: MetadataIndex::default(),
            role: Role::Whole,
            findings: found.into_iter().collect(),
        });
        // NumPy reads several arrays from one file, one after the other; here an array is a file.
        Ok(if end < self.end { Progress::Behind { header, at: end, forbidden: true } } else { Progress::Done(header) })
    }

    /// Where the elements end, which the file must reach; one of an archive is never partial.
    fn ends(&self, data_offset: u64, bytes: u64) -> Result<(u64, Option<Finding>), Error> {
        let end = data_offset.saturating_add(bytes);
        if self.end < end {
            let what = "inside the array";
            let error = self.cut_off(data_offset, "tensor_data", Length::Exactly(end), what).at_tensor(0);
            return Ok((end, Some(cut_off_is(self.limits.partial && self.at == 0, error)?)));
        }
        Ok((end, None))
    }
}

impl Reader for Npy {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        let at = |bytes: u64| self.at.saturating_add(bytes);
        self.within(MAGIC.len() as u64, self.at, "magic")?;
        self.within(FIXED, at(MAGIC.len() as u64), "version")?;
        if !buffer.has(self.at, FIXED) {
            return Ok(Progress::read(buffer, self.at, FIXED, FIXED));
        }
        let version = self.version(buffer.from(self.at))?;
        let width = if version == 1 { 2 } else { 4 };
        let text = FIXED.saturating_add(width);
        self.within(text, at(FIXED), "header.length")?;
        if !buffer.has(self.at, text) {
            return Ok(Progress::read(buffer, self.at, text, text));
        }
        let length = little(buffer.from(at(FIXED)), width);
        let (left, most) = (self.end.saturating_sub(at(text)), self.limits.header_or(MOST));
        if length > left {
            let needed = Length::AtLeast(at(text).saturating_add(length));
            return Err(self.cut_off(at(FIXED), "header.length", needed, "inside its header"));
        }
        if length > most {
            let message = format!("The header's text has {length} bytes; at most {most} are read.");
            return Err(over_limit(at(FIXED), "header.length", message));
        }
        if !buffer.has(at(text), length) {
            let whole = text.saturating_add(length);
            return Ok(Progress::read(buffer, self.at, whole, whole));
        }
        let bytes = usize::try_from(length).ok().and_then(|length| buffer.from(at(text)).get(..length));
        self.header(version, bytes.unwrap_or_default(), at(text))
    }
}
