//! Lists of the guest's, page after page.
use crate::{
    engine::Engine,
    guest::Guest,
    types::{Cause, Error, MetadataEntry, MetadataValue, Phase, TensorState},
};

/// Pages that may be shorter than asked for, though they hold little. A page is short where it has no room for the next entry,
/// which then is a large one: so as many more as there are of [`LARGE`] bytes.
const SHORT: u64 = 64;
const LARGE: u64 = 1 << 20;

/// Asks for a list until it is whole. Clamp: a page is no longer than asked for, and shorter only where its entries are
/// large; the list of a model that only claims to be large ends, and no more than `most` bytes are kept. `beyond` is what an
/// entry holds beside itself.
pub(super) fn pages<T>(
    total: u32,
    page: u32,
    most: u64,
    beyond: impl Fn(&T) -> usize,
    mut ask: impl FnMut(u32, u32) -> Result<Vec<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut all: Vec<T> = Vec::new();
    let (mut bytes, mut short) = (0u64, 0u64);
    while let Ok(start) = u32::try_from(all.len())
        && start < total
    {
        let count = page.min(total - start);
        let some = ask(start, count)?;
        if some.is_empty() || some.len() > count as usize {
            return Err(Error::new(
                Phase::Request,
                Cause::Internal,
                format!("the component says that there are {total} entries and lists others; please report it"),
            ));
        }
        bytes += some.iter().map(|one| (size_of::<T>() + beyond(one)) as u64).sum::<u64>();
        if bytes > most {
            let message =
                format!("the list is longer than the {most} bytes that the host keeps; raise `listing_bytes`");
            return Err(Error::new(Phase::Request, Cause::LimitExceeded, message));
        }
        short += u64::from(some.len() < count as usize);
        if short > SHORT + bytes / LARGE {
            let message =
                "the component lists its entries in pages that are too short; the list was not read to its end";
            return Err(Error::new(Phase::Request, Cause::LimitExceeded, message));
        }
        all.extend(some);
    }
    Ok(all)
}

/// The pages of a list count as one request to the guest: so many entries, as far as any list has them.
pub(super) fn together<E: Engine, R>(
    guest: &mut Guest<E>,
    entries: u32,
    most_bytes: u64,
    ask: impl FnOnce(&mut Guest<E>) -> R,
) -> R {
    let most = most_bytes / size_of::<TensorState>() as u64;
    guest.engine.host(|host| host.together(Some(u64::from(entries).min(most))));
    let answer = ask(guest);
    guest.engine.host(|host| host.together(None));
    answer
}

/// What a metadata entry holds beside itself.
pub(super) fn weigh_entry(entry: &MetadataEntry) -> usize {
    let value = match &entry.value {
        MetadataValue::Text(text) => text.len(),
        MetadataValue::Sequence(array) => array.head.iter().map(|element| size_of::<String>() + element.len()).sum(),
        _ => 0,
    };
    entry.key.len() + entry.kind.len() + value
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As many entries of `bytes` as a page of at most `at_once` has, and how often was asked.
    fn listed(total: u32, at_once: u32, bytes: usize) -> (Result<Vec<usize>, Error>, u32) {
        let mut asked = 0;
        let list = pages(
            total,
            4096,
            1 << 30,
            |bytes| *bytes,
            |_, count| {
                asked += 1;
                Ok(vec![bytes; count.min(at_once) as usize])
            },
        );
        (list, asked)
    }

    #[test]
    fn pages_of_one_entry_each_end() {
        let (list, asked) = listed(u32::MAX, 1, 10);
        assert_eq!((list.unwrap_err().cause, asked), (Cause::LimitExceeded, 65));
        let (list, asked) = listed(10_000, u32::MAX, 10);
        assert_eq!((list.unwrap().len(), asked), (10_000, 3));
    }

    #[test]
    fn entries_that_are_large_may_come_one_by_one() {
        assert_eq!(listed(300, 1, 2 << 20).0.unwrap().len(), 300);
        assert_eq!(listed(600, 1, 2 << 20).0.unwrap_err().cause, Cause::LimitExceeded, "all of them are too much");
    }

    #[test]
    fn a_list_that_says_something_else_than_its_length_is_refused() {
        for wrong in [0, 5] {
            let error = pages(4, 4096, 1 << 30, |_: &u8| 0, |_, _| Ok(vec![0; wrong])).unwrap_err();
            assert_eq!(error.cause, Cause::Internal);
        }
    }
}
