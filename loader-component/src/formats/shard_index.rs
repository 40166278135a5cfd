//! Which shard has which tensor, as the index of a model says.
use super::names::{Names, Refused};

/// The content of an index: which shard has which tensor. File names are plain: no separator, no `..`.
#[derive(Clone, Debug, Default)]
pub struct ShardIndex {
    files: Names,
    tensors: Names,
    owners: Vec<u32>,
    /// Tensors of each file.
    owned: Vec<u32>,
}

impl ShardIndex {
    /// Names of the shards, in the order in which the index first names them.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        (0u32..).take(self.files.len()).map(|file| self.files.get(file))
    }

    /// Tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Tensors and the files that have them, in the index's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        (0u32..).zip(&self.owners).map(|(tensor, file)| (self.tensors.get(tensor), self.files.get(*file)))
    }

    /// The file that has a tensor.
    #[must_use]
    pub fn file_of(&self, tensor: &str) -> Option<&str> {
        let file = self.owners.get(self.tensors.find(tensor)? as usize)?;
        Some(self.files.get(*file))
    }

    /// How many tensors the index places in a file.
    pub(crate) fn count_in(&self, file: &str) -> u32 {
        self.files.find(file).and_then(|file| self.owned.get(file as usize)).copied().unwrap_or(0)
    }

    /// Whether the index names this file.
    #[must_use]
    pub fn has_file(&self, name: &str) -> bool {
        self.files.find(name).is_some()
    }

    /// Places a tensor in a file. Two files may not have the same tensor.
    pub(crate) fn push(&mut self, tensor: &str, file: &str) -> Result<(), Refused> {
        let owner = match self.files.push(file) {
            Ok(number) | Err(Refused::Duplicate(number)) => number,
            Err(Refused::Full) => return Err(Refused::Full),
        };
        self.tensors.push(tensor)?;
        self.owners.push(owner);
        match self.owned.get_mut(owner as usize) {
            Some(owned) => *owned = owned.saturating_add(1),
            None => self.owned.push(1),
        }
        Ok(())
    }
}
