//! What lies behind the last tensor.
use super::super::escape::escape_bytes;

/// What is known of bytes that begin like this, for the end of a sentence.
pub(crate) fn behind(bytes: &[u8]) -> String {
    let begins = escape_bytes(bytes.get(..16).unwrap_or(bytes));
    if bytes.starts_with(b"GGUF") {
        "a second GGUF file: parts joined by `cat`, which have to be fetched anew and left apart".into()
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        "a ZIP archive: the file is read as two things by two readers, so do not trust it".into()
    } else if bytes.starts_with(b"<") {
        format!("they begin with \"{begins}\": a web page that a download has added; fetch the file again")
    } else if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) {
        "they begin with zeros".into()
    } else if bytes.get(8) == Some(&b'{') {
        "a second safetensors file: parts joined by `cat`, which have to be fetched anew and left apart".into()
    } else {
        format!("they begin with \"{begins}\"")
    }
}
