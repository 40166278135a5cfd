//! Writes pickles for tests and fuzzers, opcode by opcode, and whole checkpoints of them. Nothing here checks anything.
use super::super::zip::build::ZipBuilder;

/// Writes a pickle. What is not written by a function of its own is written by [`PickleBuilder::raw`].
///
/// ```
/// use weighbridge_loader::formats::pickle::build::PickleBuilder;
/// let pickle = PickleBuilder::new(2).global("os", "system").text("ls").raw(b"\x85R").stop();
/// assert!(pickle.ends_with(b"R."));
/// ```
#[derive(Clone, Debug, Default)]
pub struct PickleBuilder {
    bytes: Vec<u8>,
}

impl PickleBuilder {
    /// A pickle that says it has this protocol, from 2 on.
    #[must_use]
    pub fn new(protocol: u8) -> Self {
        if protocol < 2 { Self::default() } else { Self::default().raw(&[0x80, protocol]) }
    }

    /// Writes bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// `GLOBAL`.
    #[must_use]
    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// `BINUNICODE`.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    /// `LONG1` of eight bytes.
    #[must_use]
    pub fn int(self, number: i64) -> Self {
        self.raw(b"\x8a\x08").raw(&number.to_le_bytes())
    }

    /// A tuple of integers.
    #[must_use]
    pub fn ints(self, numbers: &[i64]) -> Self {
        numbers.iter().fold(self.raw(b"("), |pickle, number| pickle.int(*number)).raw(b"t")
    }

    /// A storage by its persistent id: the name of its type in `torch`, its key, its elements.
    #[must_use]
    pub fn storage(self, class: &str, key: &str, elements: i64) -> Self {
        let module = if class == "UntypedStorage" { "torch.storage" } else { "torch" };
        self.raw(b"(").text("storage").global(module, class).text(key).text("cpu").int(elements).raw(b"tQ")
    }

    /// An empty `OrderedDict`.
    #[must_use]
    pub fn ordered(self) -> Self {
        self.global("collections", "OrderedDict").raw(b")R")
    }

    /// A tensor as PyTorch writes it.
    #[must_use]
    pub fn tensor(self, class: &str, key: &str, elements: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Self {
        let storage = self.global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage(class, key, elements);
        storage.int(offset).ints(shape).ints(strides).raw(b"\x89").ordered().raw(b"tR")
    }

    /// What was written, without an end.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// `STOP`, and the whole pickle.
    #[must_use]
    pub fn stop(self) -> Vec<u8> {
        self.raw(b".").bytes()
    }
}

/// An archive as PyTorch writes it: a pickle, and its storages by key.
#[must_use]
pub fn archive(pickle: &[u8], storages: &[(&str, &[u8])]) -> ZipBuilder {
    let zip =
        ZipBuilder::new().align(64).wide().entry("archive/data.pkl", pickle).entry("archive/byteorder", b"little");
    let zip = storages.iter().fold(zip, |zip, (key, bytes)| zip.entry(&format!("archive/data/{key}"), bytes));
    zip.entry("archive/version", b"3\n")
}

/// A checkpoint in the form of before 1.6: an object, and its storages by key, elements and bytes.
#[must_use]
pub fn stream(object: &[u8], storages: &[(&str, u64, &[u8])]) -> Vec<u8> {
    let magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let mut file = PickleBuilder::new(2).raw(&magic).stop();
    file.extend(PickleBuilder::new(2).raw(b"M\xe9\x03").stop());
    file.extend(PickleBuilder::new(2).raw(b"}(").text("little_endian").raw(b"\x88u").stop());
    file.extend(object);
    let keys = storages.iter().fold(PickleBuilder::new(2).raw(b"]("), |keys, (key, ..)| keys.text(key));
    file.extend(keys.raw(b"e").stop());
    for (_, elements, bytes) in storages {
        file.extend(elements.to_le_bytes());
        file.extend(*bytes);
    }
    file
}
