//! What tells the files of safetensors: their names, or a length and the first byte of JSON.
use super::super::assembly::INDEXED;
use super::super::handler::{Glimpse, Handler, Match, Reader};
use super::format::{EXTENSION, FORMAT, INDEX, header_limit};
use super::index::Index;
use super::reader::Safetensors;
use super::rewrite::rewrite;

pub(in super::super) static HANDLER: Handler =
    Handler { format: &FORMAT, head: 9, tail: 0, sniff, reader, assembly: &INDEXED, rewrite: Some(rewrite) };

/// The two kinds of file that there are.
enum Kind {
    Tensors,
    Index,
}

fn sniff(file: &Glimpse<'_>) -> Match {
    told(file).map_or(Match::No, |(sure, _)| sure)
}

fn reader(file: &Glimpse<'_>, max_read: u32) -> Box<dyn Reader> {
    match told(file) {
        Some((_, Kind::Index)) => Box::new(Index::new(file.size, file.limits)),
        Some((_, Kind::Tensors)) | None => Box::new(Safetensors::new(file.size, file.head, max_read, file.limits)),
    }
}

fn told(file: &Glimpse<'_>) -> Option<(Match, Kind)> {
    let ends = |ending: &str| file.name.strip_suffix(ending).is_some_and(|stem| stem.ends_with('.'));
    if ends(INDEX) {
        return Some((Match::Named, Kind::Index));
    }
    if ends(EXTENSION) {
        return Some((Match::Named, Kind::Tensors));
    }
    let most = header_limit(&file.limits);
    let brace_first = file.head.first() == Some(&b'{');
    let length = file.head.first_chunk::<8>().map(|length| u64::from_le_bytes(*length));
    match length {
        // `{` as the low byte of a length is no sign of JSON: 123 is a length too.
        Some(length) if file.head.get(8) == Some(&b'{') && (length <= most || !brace_first) => {
            Some((Match::Likely, Kind::Tensors))
        }
        _ if brace_first => Some((Match::Likely, Kind::Index)),
        // No brace, but a length that a header could have: let the reader say what is wrong with it.
        Some(length) if length > 0 && length <= most => Some((Match::Possible, Kind::Tensors)),
        _ => None,
    }
}
