//! Writes NPY files for tests, broken ones too.

/// Writes an NPY file.
///
/// ```
/// use weighbridge_loader::formats::build::NpyBuilder;
/// let file = NpyBuilder::new("<f4", &[2]).data(&[0; 8]).build();
/// assert_eq!(file.get(1..6), Some(&b"NUMPY"[..]));
/// ```
#[derive(Clone, Debug)]
pub struct NpyBuilder {
    version: (u8, u8),
    dict: String,
    length: Option<u32>,
    data: Vec<u8>,
}

impl NpyBuilder {
    /// A file of version 1 whose elements are still to come.
    #[must_use]
    pub fn new(descr: &str, shape: &[u64]) -> Self {
        let comma = if shape.len() == 1 { "," } else { "" };
        let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
        let shape = shape.join(", ");
        Self::of(&format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}{comma}), }}"))
    }

    /// A file of version 1 with this text as its header.
    #[must_use]
    pub fn of(dict: &str) -> Self {
        Self { version: (1, 0), dict: dict.into(), length: None, data: Vec::new() }
    }

    /// Writes another version.
    #[must_use]
    pub fn version(mut self, major: u8, minor: u8) -> Self {
        self.version = (major, minor);
        self
    }

    /// Writes another length of the header than it has.
    #[must_use]
    pub fn claim_length(mut self, length: u32) -> Self {
        self.length = Some(length);
        self
    }

    /// Adds elements.
    #[must_use]
    pub fn data(mut self, data: &[u8]) -> Self {
        self.data.extend(data);
        self
    }

    /// The whole file. As in numpy's own, the elements begin at a multiple of 64.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let width = if self.version.0 == 1 { 2 } else { 4 };
        let fixed = 8 + width;
        let mut text = self.dict.clone().into_bytes();
        let end = (fixed + text.len() + 1).next_multiple_of(64);
        text.resize(end - fixed - 1, b' ');
        text.push(b'\n');
        let mut file = b"\x93NUMPY".to_vec();
        file.extend([self.version.0, self.version.1]);
        let length = self.length.unwrap_or(u32::try_from(text.len()).unwrap_or(u32::MAX)).to_le_bytes();
        file.extend(length.iter().take(width));
        file.extend(text);
        file.extend(&self.data);
        file
    }
}
