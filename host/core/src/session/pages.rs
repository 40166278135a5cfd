//! Lists of the guest's, page after page.
use crate::types::{Cause, Error, MetadataEntry, MetadataValue, Phase};

/// Asks for a list until it is whole. Clamp: a page is no longer than asked for, the list of a model that only claims to be
/// large ends, and no more than `most` bytes are kept. `beyond` is what an entry holds beside itself.
pub(super) fn pages<T>(
    total: u32,
    page: u32,
    most: u64,
    beyond: impl Fn(&T) -> usize,
    mut ask: impl FnMut(u32, u32) -> Result<Vec<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut all: Vec<T> = Vec::new();
    let mut bytes = 0u64;
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
        all.extend(some);
    }
    Ok(all)
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
