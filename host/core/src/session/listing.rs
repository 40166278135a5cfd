//! What the guest says of the tensors, asked once and kept.
use super::{
    Session,
    pages::{pages, together},
};
use crate::{
    engine::Engine,
    guest::Guest,
    types::{Error, TensorInfo, TensorState},
};
use std::sync::OnceLock;

/// Entries of a list that are asked of the guest at a time.
pub(super) const PAGE: u32 = 4096;

/// Every tensor of the model, and where its name is.
pub(super) struct Listing {
    tensors: Vec<TensorInfo>,
    /// Indices in the order of the names. Four bytes a tensor, and no key that a file could choose to collide.
    by_name: Vec<u32>,
}

impl Listing {
    fn new(tensors: Vec<TensorInfo>) -> Self {
        let mut by_name: Vec<u32> = (0..).take(tensors.len()).collect();
        // Stable: of tensors with one name the first is found.
        by_name.sort_by_key(|&index| name(&tensors, index));
        Self { tensors, by_name }
    }

    fn find(&self, wanted: &str) -> Option<u32> {
        let at = self.by_name.partition_point(|&index| name(&self.tensors, index) < wanted);
        self.by_name.get(at).copied().filter(|&index| name(&self.tensors, index) == wanted)
    }
}

fn name(tensors: &[TensorInfo], index: u32) -> &str {
    tensors.get(index as usize).map_or("", |tensor| &tensor.name)
}

impl<E: Engine> Session<E> {
    /// What the headers say of every tensor, in the order of the files. Asked of the guest once, then kept.
    ///
    /// # Errors
    /// The guest failed, or its list is longer than the host keeps.
    pub fn tensors(&self) -> Result<&[TensorInfo], Error> {
        self.listing().map(|listing| listing.tensors.as_slice())
    }

    /// The index of a tensor, by its exact name.
    ///
    /// # Errors
    /// As [`Self::tensors`].
    pub fn find(&self, name: &str) -> Result<Option<u32>, Error> {
        Ok(self.listing()?.find(name))
    }

    /// Residency of every tensor. Asked of the guest once after each change, then kept.
    ///
    /// # Errors
    /// The guest failed.
    pub fn states(&self) -> Result<&[TensorState], Error> {
        let states = self.kept(&self.states, |guest| {
            let (total, most) = (self.summary.tensors, self.listing_bytes);
            together(guest, total, most, |guest| {
                pages(total, PAGE, most, |_| 0, |start, count| guest.states(start, count))
            })
        })?;
        Ok(states)
    }

    fn listing(&self) -> Result<&Listing, Error> {
        self.kept(&self.listing, |guest| {
            let weigh = |tensor: &TensorInfo| tensor.name.len() + tensor.dtype.len() + tensor.shape.len() * 8;
            let (total, most) = (self.summary.tensors, self.listing_bytes);
            let tensors = together(guest, total, most, |guest| {
                pages(total, PAGE, most, weigh, |start, count| guest.tensors(start, count))
            });
            tensors.map(Listing::new)
        })
    }

    /// The answer that is kept, else the one that the guest is asked for. Of two threads the second waits, and asks nobody.
    fn kept<'a, T>(
        &self,
        cell: &'a OnceLock<T>,
        ask: impl FnOnce(&mut Guest<E>) -> Result<T, Error>,
    ) -> Result<&'a T, Error> {
        if let Some(answer) = cell.get() {
            return Ok(answer);
        }
        let mut guest = self.shared();
        match cell.get() {
            Some(answer) => Ok(answer),
            None => {
                let answer = ask(&mut guest)?;
                Ok(cell.get_or_init(|| answer))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Listing;
    use crate::types::TensorInfo;

    fn tensor(name: &str) -> TensorInfo {
        TensorInfo { name: name.to_owned(), dtype: "U8".to_owned(), shape: vec![1], source: 0, offset: 0, bytes: 1 }
    }

    #[test]
    fn finds_each_name_and_of_two_the_first() {
        let listing = Listing::new(["b", "a", "", "c", "a", "größe"].map(tensor).into());
        for (name, index) in [("b", 0), ("a", 1), ("", 2), ("c", 3), ("größe", 5)] {
            assert_eq!(listing.find(name), Some(index), "{name}");
        }
        for name in ["d", "A", "aa", "b "] {
            assert_eq!(listing.find(name), None, "{name}");
        }
        assert_eq!(Listing::new(Vec::new()).find(""), None);
    }
}
