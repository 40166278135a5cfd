//! Models in formats that are not read.
use super::seen::Seen;

/// Magic numbers of ggml's files before GGUF: as text, and as the number that was written.
static OLD: &[&[u8; 4]] = &[b"ggml", b"lmgg", b"ggmf", b"fmgg", b"ggjt", b"tjgg", b"ggla", b"algg", b"ggsn", b"nsgg"];
/// Where an HDF5 file may begin.
const HDF5_AT: [usize; 4] = [0, 512, 1024, 2048];

pub(super) fn llamafile(seen: &Seen<'_>) -> Option<String> {
    let program = seen.begins(b"MZqFpD") || seen.begins(b"jartsr") || seen.begins(b"\x7fELF");
    let archive = seen.tail.windows(4).any(|bytes| bytes == b"PK\x05\x06");
    (program && (archive || seen.name.ends_with(".llamafile"))).then(|| {
        "This is a llamafile, a program with a model inside; take the model out with `unzip FILE '*.gguf'` and give that."
            .into()
    })
}

pub(super) fn hdf5(seen: &Seen<'_>) -> Option<String> {
    let found = HDF5_AT.iter().any(|at| seen.has(*at, b"\x89HDF\r\n\x1a\n"));
    found.then(|| "This is an HDF5 file, as Keras writes it; convert it to safetensors.".into())
}

pub(super) fn tflite(seen: &Seen<'_>) -> Option<String> {
    seen.has(4, b"TFL3").then(|| {
        "This is a TensorFlow Lite model; its format is not read. Get the model as GGUF or safetensors.".into()
    })
}

pub(super) fn old_ggml(seen: &Seen<'_>) -> Option<String> {
    if seen.begins(b"FUGG") {
        return Some(
            "This is a GGUF file whose bytes were swapped; convert it with gguf-py's gguf_convert_endian.py.".into(),
        );
    }
    OLD.iter().any(|magic| seen.begins(*magic)).then(|| {
        "This is a ggml file of before GGUF (August 2023); convert it with llama.cpp's convert_llama_ggml_to_gguf.py, or get \
         the model as GGUF."
            .into()
    })
}

/// A protocol buffer that begins with the version of ONNX and goes on with the producer's name, the operators or the graph.
pub(super) fn onnx(seen: &Seen<'_>) -> Option<String> {
    let [0x08, 1..=32, field, length, rest @ ..] = seen.head else { return None };
    let known = match field {
        0x12 => {
            let name = rest.get(..usize::from(*length));
            name.is_some_and(|name| {
                !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
            })
        }
        0x3a | 0x42 => *length > 0,
        _ => false,
    };
    known.then(|| "This is an ONNX model; its format is not read. Get the model as GGUF or safetensors.".into())
}
