//! Writes archives for tests and fuzzers: as PyTorch writes them by default, and broken ones for whoever asks. Nothing here
//! checks anything.

/// Writes a ZIP archive of stored entries.
///
/// ```
/// use weighbridge_loader::formats::zip::build::ZipBuilder;
/// let file = ZipBuilder::new().entry("archive/version", b"3\n").build();
/// assert!(file.starts_with(b"PK\x03\x04"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ZipBuilder {
    entries: Vec<Draft>,
    align: usize,
    behind: bool,
    wide: bool,
    comment: Vec<u8>,
    before_directory: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Draft {
    name: Vec<u8>,
    data: Vec<u8>,
    method: u16,
    flags: u16,
    size: Option<u32>,
    extra: Vec<u8>,
}

impl ZipBuilder {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stored entry.
    #[must_use]
    pub fn entry(self, name: &str, data: &[u8]) -> Self {
        self.packed(name.as_bytes(), 0, None, data)
    }

    /// Adds an entry that says it is packed so, and as long as `size` when it is not.
    #[must_use]
    pub fn packed(mut self, name: &[u8], method: u16, size: Option<u32>, data: &[u8]) -> Self {
        let (name, data) = (name.to_vec(), data.to_vec());
        self.entries.push(Draft { name, data, method, flags: 0, size, extra: Vec::new() });
        self
    }

    /// Gives the last entry other flags.
    #[must_use]
    pub fn flags(mut self, flags: u16) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.flags = flags;
        }
        self
    }

    /// Gives the last entry extra fields, in the directory.
    #[must_use]
    pub fn extra(mut self, extra: &[u8]) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.extra = extra.to_vec();
        }
        self
    }

    /// Lets the data of each entry begin at a multiple of so many bytes.
    #[must_use]
    pub fn align(mut self, bytes: usize) -> Self {
        self.align = bytes;
        self
    }

    /// Writes sizes and checksums behind the data.
    #[must_use]
    pub fn behind(mut self) -> Self {
        self.behind = true;
        self
    }

    /// Writes the records of archives beyond 4 GiB.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Ends the archive with a comment.
    #[must_use]
    pub fn comment(mut self, comment: &[u8]) -> Self {
        self.comment = comment.to_vec();
        self
    }

    /// Puts bytes between the last entry and the directory.
    #[must_use]
    pub fn before_directory(mut self, bytes: &[u8]) -> Self {
        self.before_directory = bytes.to_vec();
        self
    }

    /// The whole file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for draft in &self.entries {
            self.write(draft, &mut file, &mut directory);
        }
        file.extend(&self.before_directory);
        let (at, len, count) = (file.len(), directory.len(), self.entries.len());
        file.extend(directory);
        if self.wide {
            let end_at = file.len() as u64;
            file.extend(b"PK\x06\x06");
            file.extend(44u64.to_le_bytes());
            file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            [count, count, len, at].iter().for_each(|number| file.extend((*number as u64).to_le_bytes()));
            file.extend(b"PK\x06\x07\0\0\0\0");
            file.extend(end_at.to_le_bytes());
            file.extend(1u32.to_le_bytes());
        }
        file.extend(b"PK\x05\x06\0\0\0\0");
        [count, count].iter().for_each(|number| file.extend((*number as u16).to_le_bytes()));
        [len, at].iter().for_each(|number| file.extend((*number as u32).to_le_bytes()));
        file.extend((self.comment.len() as u16).to_le_bytes());
        file.extend(&self.comment);
        file
    }

    fn write(&self, draft: &Draft, file: &mut Vec<u8>, directory: &mut Vec<u8>) {
        let header_at = file.len() as u32;
        let flags = draft.flags | if self.behind { 8 } else { 0 };
        let len = draft.data.len() as u32;
        let (crc, size) = (crc32(&draft.data), draft.size.unwrap_or(len));
        let common = |to: &mut Vec<u8>, crc: u32, len: u32, size: u32| {
            [20, flags, draft.method, 0, 0].iter().for_each(|number: &u16| to.extend(number.to_le_bytes()));
            [crc, len, size].iter().for_each(|number| to.extend(number.to_le_bytes()));
            to.extend((draft.name.len() as u16).to_le_bytes());
        };
        file.extend(b"PK\x03\x04");
        if self.behind {
            common(file, 0, 0, 0);
        } else {
            common(file, crc, len, size);
        }
        let unaligned = file.len() + 2 + draft.name.len();
        let short = unaligned.next_multiple_of(self.align.max(1)) - unaligned;
        // A field takes four bytes at least.
        let padding = if short == 0 || short >= 4 { short } else { short + self.align };
        file.extend((padding as u16).to_le_bytes());
        file.extend(&draft.name);
        if padding > 0 {
            file.extend(b"FB");
            file.extend((padding as u16 - 4).to_le_bytes());
            file.resize(file.len() + padding - 4, b'Z');
        }
        file.extend(&draft.data);
        if self.behind {
            file.extend(b"PK\x07\x08");
            [crc, len, size].iter().for_each(|number| file.extend(number.to_le_bytes()));
        }
        directory.extend(b"PK\x01\x02\x14\0");
        common(directory, crc, len, size);
        directory.extend((draft.extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(header_at.to_le_bytes());
        directory.extend(&draft.name);
        directory.extend(&draft.extra);
    }
}

/// The checksum of ZIP.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
