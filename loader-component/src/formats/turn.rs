//! What a reader of one part of a file wants next. Readers do no I/O: they name a span and are given it as a window.

/// The next step of a reader.
#[derive(Debug)]
pub enum Turn<T> {
    /// These bytes of the source, all of them.
    Read {
        /// Byte offset in the source.
        offset: u64,
        /// Bytes.
        len: u32,
    },
    /// Nothing more: this is what was read.
    Done(T),
}

impl<T> Turn<T> {
    /// The read that a buffer said it wants.
    pub(crate) fn read((offset, len): (u64, u32)) -> Self {
        Self::Read { offset, len }
    }
}
