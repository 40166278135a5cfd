//! What a session's model adds up to.
use super::Session;
use crate::{
    engine::Engine,
    model::{Attention, Totals, Unknown},
    types::Error,
};

/// Elements of an array that are asked for: one for each layer of any model.
const EACH_LAYER: u32 = 1_024;

impl<E: Engine> Session<E> {
    /// Parameters and bytes, by type and by layer.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn totals(&self) -> Result<Totals, Error> {
        Ok(Totals::of(self.tensors()?))
    }

    /// What the metadata say of the model's attention, or else the text of the `config.json` that lies beside it.
    ///
    /// # Errors
    /// As [`Self::metadata`].
    pub fn attention(&mut self, config: Option<&str>) -> Result<Result<Attention, Unknown>, Error> {
        let told = Attention::of_metadata(&self.metadata(EACH_LAYER)?);
        Ok(match (told, config) {
            (Err(Unknown::Missing(_)), Some(config)) => Attention::of_config(config),
            (told, _) => told,
        })
    }
}
