//! PyTorch's own files, which are programs that rebuild a model: by ZIP archive, by bare pickle, and the index of such files.
use super::seen::Seen;

const ADVICE: &str = "which runs code where it is loaded; get the model's safetensors files instead, or convert it";

pub(super) fn zip(seen: &Seen<'_>) -> Option<String> {
    let entry = seen.first_entry()?;
    let parts: Vec<&[u8]> = entry.split(|byte| *byte == b'/').collect();
    let torch =
        matches!(parts[..], [_, b"data.pkl" | b".format_version" | b".storage_alignment" | b"byteorder" | b"version"])
            || matches!(parts[..], [_, b"data" | b"code" | b"constants", ..] | [_, b"constants.pkl"]);
    torch.then(|| format!("This is a PyTorch file (a ZIP archive with a pickle in it), {ADVICE}."))
}

pub(super) fn pickle(seen: &Seen<'_>) -> Option<String> {
    let [0x80, 2..=5, opcode, ..] = seen.head else { return None };
    // What a pickle of a model begins with: a frame, a number, a dictionary, a name, a list, a tuple, a class.
    let opens = matches!(opcode, 0x95 | 0x8a | b'}' | b'c' | b']' | b'(' | b'K' | b'M' | b'J' | 0x8c | b'X');
    opens.then(|| format!("This is a pickle, as PyTorch and others write it, {ADVICE}."))
}

/// What there is to say of `pytorch_model.bin.index.json`: an index that names nothing but such files.
pub(crate) fn pytorch_index<'f>(mut files: impl Iterator<Item = &'f str>) -> Option<String> {
    let pickled = |file: &str| [".bin", ".pt", ".pth", ".ckpt"].iter().any(|ending| file.ends_with(ending));
    files.next().is_some_and(pickled).then_some(())?;
    files.all(pickled).then(|| {
        format!("This is the index of PyTorch files, {ADVICE}. The index of those ends in .safetensors.index.json.")
    })
}
