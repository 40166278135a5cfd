//! What the interface has room for: a format whose directory is at the end of the file, which is told by that, and whose
//! entries are of another format, read where they lie.
use super::super::assembly::SINGLE;
use super::super::bytes::little;
use super::super::dtype::{Dtype, Layout};
use super::super::format::{Format, MultiFile};
use super::super::handler::{Glimpse, Handler, Match, Progress, Reader};
use super::super::header::{Header, Role};
use super::super::metadata::MetadataIndex;
use super::super::npy::reader::Npy;
use super::super::registry::HANDLERS;
use super::super::table::{TensorRef, TensorTable};
use super::super::window::{Buffer, Window};
use super::super::{Limits, Parser, Step, build::NpyBuilder, build::SafetensorsBuilder};
use crate::types::Error;

/// Offset and length of the directory, and four bytes that say what it is.
const END: u64 = 20;

static FORMAT: Format = Format {
    name: "shelf",
    title: "shelf",
    versions: "",
    extensions: &["shelf"],
    multi_file: MultiFile::No,
    fastest_first: false,
};

static SHELF: Handler = Handler {
    format: &FORMAT,
    head: 1,
    tail: END as u32,
    sniff: |file: &Glimpse<'_>| if file.tail.ends_with(b"SHLF") { Match::Certain } else { Match::No },
    reader: |file, _| Box::new(Shelf::new(file.size)),
    assembly: &SINGLE,
    rewrite: None,
};

static ALL: &[&Handler] = &[HANDLERS[0], HANDLERS[1], HANDLERS[2], &SHELF];

static U8: Layout = Layout::plain("U8", 1);

/// Reads a directory of arrays from the end, then each of these.
#[derive(Debug)]
struct Shelf {
    size: u64,
    directory: Option<(u64, u64)>,
    entries: Vec<(u64, u64)>,
    inner: Option<Npy>,
    arrays: Vec<Header>,
}

impl Shelf {
    fn new(size: u64) -> Self {
        Self { size, directory: None, entries: Vec::new(), inner: None, arrays: Vec::new() }
    }

    fn finish(&self) -> Header {
        Header {
            format: &FORMAT,
            version: 0,
            alignment: 1,
            data_offset: self.arrays.iter().map(|array| array.data_offset).min().unwrap_or(0),
            size: self.size,
            tensors: TensorTable::default(),
            metadata: MetadataIndex::default(),
            role: Role::Whole,
            findings: Vec::new(),
        }
    }
}

impl Reader for Shelf {
    fn advance(&mut self, buffer: &mut Buffer) -> Result<Progress, Error> {
        let (at, len) = match self.directory {
            Some(directory) => directory,
            None => {
                let end = self.size - END;
                if !buffer.has(end, END) {
                    return Ok(Progress::read(buffer, end, END, END));
                }
                let bytes = buffer.from(end);
                *self.directory.insert((little(bytes, 8), little(&bytes[8..], 8)))
            }
        };
        if self.entries.is_empty() {
            if !buffer.has(at, len) {
                return Ok(Progress::read(buffer, at, len, len));
            }
            let bytes = &buffer.from(at)[..len as usize];
            self.entries = bytes.chunks(16).map(|entry| (little(entry, 8), little(&entry[8..], 8))).collect();
        }
        while let Some((at, end)) = self.entries.get(self.arrays.len()).copied() {
            let inner = self.inner.get_or_insert_with(|| Npy::new(at, end, Limits::default()));
            match inner.advance(buffer)? {
                Progress::Done(header) => {
                    self.arrays.push(*header);
                    self.inner = None;
                }
                read => return Ok(read),
            }
        }
        let tensors = self.arrays.iter().map(|array| array.tensors.get(0).unwrap());
        let spans: Vec<(u64, u64)> = tensors.map(|tensor| (tensor.offset, tensor.bytes)).collect();
        let mut header = self.finish();
        for (number, (offset, bytes)) in spans.into_iter().enumerate() {
            let dtype = Dtype::of(&U8);
            header.tensors.push(&format!("array.{number}"), dtype, &[bytes], offset, bytes).unwrap();
        }
        Ok(Progress::Done(Box::new(header)))
    }
}

/// Two arrays, with other bytes before, between and behind them, and the directory of them.
fn shelf() -> Vec<u8> {
    let mut file = b"{ something else".to_vec();
    let mut directory = Vec::new();
    for (descr, fill) in [("|u1", 1u8), ("|i1", 2)] {
        let array = NpyBuilder::new(descr, &[5]).data(&[fill; 5]).build();
        directory.extend((file.len() as u64).to_le_bytes());
        directory.extend(((file.len() + array.len()) as u64).to_le_bytes());
        file.extend(array);
        file.extend(b"between");
    }
    let at = file.len() as u64;
    file.extend(&directory);
    file.extend(at.to_le_bytes());
    file.extend((directory.len() as u64).to_le_bytes());
    file.extend(b"SHLF");
    file
}

/// Drives a parser that knows the format too; the reads and what came of them.
fn read(name: &str, file: &[u8], max_read: u32) -> (Vec<(u64, u32)>, Result<Header, Error>) {
    let mut parser = Parser::among(ALL, name, file.len() as u64, max_read, Limits::default());
    let (mut window, mut reads) = (None, Vec::new());
    loop {
        match parser.step(window.take()) {
            Ok(Step::Done(header)) => return (reads, Ok(header)),
            Err(error) => return (reads, Err(error)),
            Ok(Step::Read { offset, len }) => {
                reads.push((offset, len));
                window = Some(Window { offset, bytes: super::slice(file, offset, len) });
            }
        }
    }
}

#[test]
fn a_directory_at_the_end_and_arrays_inside() {
    let file = shelf();
    for max_read in super::WINDOWS {
        let (reads, header) = read("x.json", &file, max_read);
        let header = header.unwrap();
        let tensors: Vec<&[u8]> =
            header.tensors.iter().map(|tensor| &file[tensor.offset as usize..][..tensor.bytes as usize]).collect();
        assert_eq!((header.format.name, tensors), ("shelf", vec![&[1; 5][..], &[2; 5]]));
        let reaches = |tensor: TensorRef<'_>, (offset, len): (u64, u32)| {
            offset < tensor.offset + tensor.bytes && tensor.offset < offset + u64::from(len)
        };
        assert!(!header.tensors.iter().any(|tensor| reads.iter().any(|read| reaches(tensor, *read))), "{reads:?}");
    }
}

#[test]
fn the_end_is_read_only_where_the_beginning_makes_nothing_certain() {
    let gguf = super::valid().build();
    let (reads, header) = read("x", &gguf, 1 << 20);
    assert_eq!(header.unwrap().format.name, "gguf");
    let end = gguf.len() as u64 - END;
    assert!(reads.iter().all(|(offset, _)| *offset < end), "{reads:?}");
    let safetensors = SafetensorsBuilder::new().tensor("a", "U8", &[40], &[0; 40]).build();
    let (reads, header) = read("x.safetensors", &safetensors, 1 << 20);
    assert_eq!(header.unwrap().format.name, "safetensors");
    assert_eq!(reads[..2], [(0, 9), (safetensors.len() as u64 - END, END as u32)]);
    let (_, unknown) = read("x", b"\xff\xff\xff\xff\xff\xff\xff\xff no model at all", 7);
    let message = unknown.unwrap_err().message;
    assert_eq!(
        message,
        "This is not a GGUF, safetensors, NPY or shelf file; it begins with \"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\". \
         Check that it is the model's file, and that it was fetched as it is."
    );
}
