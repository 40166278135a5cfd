//! What a model adds up to, with what lies beside its files.
use crate::{error::Error, media::Native, session::Session};
use std::{fs::File, io::Read as _, path::Path};
use weighbridge_core::{
    Engine,
    model::{Attention, MemoryEstimate, Totals, Unknown},
};

/// Bytes of a `config.json` that are read; real ones have some thousand.
const CONFIG: u64 = 1 << 20;

impl<E: Engine<Media = Native>> Session<E> {
    /// Parameters and bytes, by type and by layer.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let totals = model.totals()?;
    /// assert_eq!((totals.all.parameters, totals.all.bytes), (2, 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn totals(&self) -> Result<Totals, Error> {
        self.inner.totals().map_err(|error| self.named(error))
    }

    /// What the metadata say of the model's attention, or the `config.json` that lies beside the first file.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// assert!(model.attention()?.is_err(), "nothing says what this model is");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::metadata`].
    pub fn attention(&mut self) -> Result<Result<Attention, Unknown>, Error> {
        let first = self.files().iter().find_map(|file| file.path.as_deref());
        let config = first.and_then(config_beside);
        let told = self.inner.attention(config.as_deref());
        told.map_err(|error| self.named(error))
    }

    /// What the model takes in memory: its weights, and the cache of keys and values for a context of so many tokens.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/tiny.rs")); } use doc::*;
    /// # let mut model = tiny_model()?;
    /// let memory = model.memory(Some(4096))?;
    /// assert_eq!((memory.weights, memory.cache), (8, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::metadata`].
    pub fn memory(&mut self, context: Option<u64>) -> Result<MemoryEstimate, Error> {
        let attention = self.attention()?;
        Ok(MemoryEstimate::new(self.summary().tensor_bytes, &attention, context))
    }
}

/// The text of the `config.json` in a file's folder, if it is there and is as short as such a file is.
fn config_beside(file: &Path) -> Option<String> {
    let path = file.with_file_name("config.json");
    // A FIFO of that name would hold the open for ever.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(CONFIG).read_to_string(&mut text).ok()?;
    Some(text)
}
