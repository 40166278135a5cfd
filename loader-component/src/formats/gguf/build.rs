//! Writes GGUF files for tests and benches, broken ones too.

/// A metadata value of a GGUF file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Type 0.
    U8(u8),
    /// Type 1.
    I8(i8),
    /// Type 2.
    U16(u16),
    /// Type 3.
    I16(i16),
    /// Type 4.
    U32(u32),
    /// Type 5.
    I32(i32),
    /// Type 6.
    F32(f32),
    /// Type 7, by its byte, which may be wrong.
    Bool(u8),
    /// Type 8, by its bytes, which may be no UTF-8.
    Text(Vec<u8>),
    /// Type 9: the type of the elements, their number as written, and the elements.
    Array(u32, u64, Vec<Self>),
    /// Type 10.
    U64(u64),
    /// Type 11.
    I64(i64),
    /// Type 12.
    F64(f64),
    /// Any type, any bytes.
    Raw(u32, Vec<u8>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }

    /// An array of strings.
    #[must_use]
    pub fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let texts: Vec<Self> = texts.into_iter().map(Self::text).collect();
        Self::Array(8, texts.len() as u64, texts)
    }

    /// An array of `u32`.
    #[must_use]
    pub fn numbers(numbers: &[u32]) -> Self {
        Self::Array(4, numbers.len() as u64, numbers.iter().map(|number| Self::U32(*number)).collect())
    }

    /// The number of the type.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::U8(_) => 0,
            Self::I8(_) => 1,
            Self::U16(_) => 2,
            Self::I16(_) => 3,
            Self::U32(_) => 4,
            Self::I32(_) => 5,
            Self::F32(_) => 6,
            Self::Bool(_) => 7,
            Self::Text(_) => 8,
            Self::Array(..) => 9,
            Self::U64(_) => 10,
            Self::I64(_) => 11,
            Self::F64(_) => 12,
            Self::Raw(code, _) => *code,
        }
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::U8(v) => to.push(*v),
            Self::I8(v) => to.extend(v.to_le_bytes()),
            Self::U16(v) => to.extend(v.to_le_bytes()),
            Self::I16(v) => to.extend(v.to_le_bytes()),
            Self::U32(v) => to.extend(v.to_le_bytes()),
            Self::I32(v) => to.extend(v.to_le_bytes()),
            Self::F32(v) => to.extend(v.to_le_bytes()),
            Self::Bool(v) => to.push(*v),
            Self::Text(v) => write_text(v, to),
            Self::Array(code, count, elements) => {
                to.extend(code.to_le_bytes());
                to.extend(count.to_le_bytes());
                elements.iter().for_each(|element| element.write(to));
            }
            Self::U64(v) => to.extend(v.to_le_bytes()),
            Self::I64(v) => to.extend(v.to_le_bytes()),
            Self::F64(v) => to.extend(v.to_le_bytes()),
            Self::Raw(_, v) => to.extend(v),
        }
    }
}

fn write_text(text: &[u8], to: &mut Vec<u8>) {
    to.extend((text.len() as u64).to_le_bytes());
    to.extend(text);
}

#[derive(Clone, Debug)]
struct Info {
    name: Vec<u8>,
    shape: Vec<u64>,
    code: u32,
    offset: u64,
}

/// Writes a GGUF file.
///
/// ```
/// use weighbridge_loader::formats::build::{GgufBuilder, Value};
/// let file = GgufBuilder::new()
///     .kv("general.architecture", Value::text("llama"))
///     .tensor("token_embd.weight", 0, &[4, 2], &[0; 32])
///     .build();
/// assert!(file.starts_with(b"GGUF"));
/// ```
#[derive(Clone, Debug)]
pub struct GgufBuilder {
    magic: [u8; 4],
    version: u32,
    alignment: u64,
    tensor_count: Option<u64>,
    kv_count: Option<u64>,
    entries: Vec<u8>,
    entry_count: u64,
    infos: Vec<Info>,
    data: Vec<u8>,
}

impl Default for GgufBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl GgufBuilder {
    /// An empty file of version 3 whose data is aligned to 32 bytes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            alignment: 32,
            tensor_count: None,
            kv_count: None,
            entries: Vec::new(),
            entry_count: 0,
            infos: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Writes other first bytes.
    #[must_use]
    pub fn magic(mut self, magic: [u8; 4]) -> Self {
        self.magic = magic;
        self
    }

    /// Writes another version.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Aligns tensor data to this many bytes. Says so nowhere: that is for `kv("general.alignment", …)`.
    #[must_use]
    pub fn align(mut self, bytes: u64) -> Self {
        self.alignment = bytes.max(1);
        self
    }

    /// Writes another number of tensors than there are.
    #[must_use]
    pub fn claim_tensors(mut self, count: u64) -> Self {
        self.tensor_count = Some(count);
        self
    }

    /// Writes another number of metadata entries than there are.
    #[must_use]
    pub fn claim_entries(mut self, count: u64) -> Self {
        self.kv_count = Some(count);
        self
    }

    /// Adds a metadata entry.
    #[must_use]
    pub fn kv(self, key: &str, value: Value) -> Self {
        self.kv_bytes(key.as_bytes(), value)
    }

    /// Adds a metadata entry whose key may be any bytes.
    #[must_use]
    pub fn kv_bytes(mut self, key: &[u8], value: Value) -> Self {
        write_text(key, &mut self.entries);
        self.entries.extend(value.code().to_le_bytes());
        value.write(&mut self.entries);
        self.entry_count += 1;
        self
    }

    /// Adds bytes where a metadata entry is expected.
    #[must_use]
    pub fn raw_entry(mut self, bytes: &[u8]) -> Self {
        self.entries.extend(bytes);
        self.entry_count += 1;
        self
    }

    /// Adds a tensor behind the others, with its data.
    #[must_use]
    pub fn tensor(mut self, name: &str, dtype: u32, shape: &[u64], data: &[u8]) -> Self {
        let aligned = (self.data.len() as u64).next_multiple_of(self.alignment);
        self.data.resize(usize::try_from(aligned).unwrap_or(usize::MAX), 0);
        self.data.extend(data);
        self.tensor_at(name.as_bytes(), dtype, shape, aligned)
    }

    /// Adds a tensor's info alone: any name, any offset, no data.
    #[must_use]
    pub fn tensor_at(mut self, name: &[u8], dtype: u32, shape: &[u64], offset: u64) -> Self {
        self.infos.push(Info { name: name.to_vec(), shape: shape.to_vec(), code: dtype, offset });
        self
    }

    /// Makes the data section this many bytes long, at least.
    #[must_use]
    pub fn data_len(mut self, bytes: usize) -> Self {
        self.data.resize(self.data.len().max(bytes), 0);
        self
    }

    /// The header: everything before the padding of the data section.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut to = self.magic.to_vec();
        to.extend(self.version.to_le_bytes());
        to.extend(self.tensor_count.unwrap_or(self.infos.len() as u64).to_le_bytes());
        to.extend(self.kv_count.unwrap_or(self.entry_count).to_le_bytes());
        to.extend(&self.entries);
        for info in &self.infos {
            write_text(&info.name, &mut to);
            to.extend((info.shape.len() as u32).to_le_bytes());
            info.shape.iter().for_each(|dimension| to.extend(dimension.to_le_bytes()));
            to.extend(info.code.to_le_bytes());
            to.extend(info.offset.to_le_bytes());
        }
        to
    }

    /// The whole file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut file = self.header();
        if !self.infos.is_empty() {
            let data = (file.len() as u64).next_multiple_of(self.alignment);
            file.resize(usize::try_from(data).unwrap_or(usize::MAX), 0);
            file.extend(&self.data);
        }
        file
    }
}
