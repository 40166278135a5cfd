//! A model is one file.
use super::super::escape;
use super::rules::{Assembly, File, no_model};
use crate::types::Error;

/// One file, which says nothing of others.
pub(crate) static SINGLE: Assembly = Assembly { agree, missing: |_| Ok(Vec::new()), complete: |_, _| Ok(()) };

fn agree(files: &[File<'_>]) -> Result<(), Error> {
    let Some(((second, header), _)) = files.get(1).zip(files.first()) else { return Ok(()) };
    let message = format!(
        "\"{}\" was given with another file, but a model in {} is one file; open each by itself.",
        escape(second),
        header.format.title
    );
    Err(no_model(message).in_source(1))
}
