//! safetensors, as <https://github.com/huggingface/safetensors> describes it.
use super::model::{Dtype, Model};
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) fn write(model: &Model, out: &mut impl Write) -> io::Result<()> {
    let header = header(model);
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for (tensor, seed) in model.tensors.iter().zip(1..) {
        tensor.write(tensor.kind.safetensors(), seed, out)?;
    }
    Ok(())
}

fn header(model: &Model) -> String {
    let mut header = String::from(r#"{"__metadata__":{"format":"pt","made_by":"weighbridge sample"}"#);
    let mut offset = 0;
    for tensor in &model.tensors {
        let dtype = tensor.kind.safetensors();
        let name = match dtype {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
            Dtype::Q8_0 => "U8",
        };
        let shape: Vec<_> = tensor.rows.into_iter().chain([tensor.row]).map(|elements| elements.to_string()).collect();
        let end = offset + tensor.bytes(dtype);
        // Writing to a string has no way to fail.
        let _ = write!(
            header,
            r#","{}":{{"dtype":"{name}","shape":[{}],"data_offsets":[{offset},{end}]}}"#,
            tensor.safetensors_name,
            shape.join(",")
        );
        offset = end;
    }
    header.push('}');
    // The data begins at a multiple of 8.
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    header
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_header_is_json_and_covers_the_data() {
        let model = Model::new(21, 0);
        let mut file = Vec::new();
        write(&model, &mut file).unwrap();
        let header = header(&model);
        let table: serde_json::Value = serde_json::from_str(&header).unwrap();
        assert_eq!(table.as_object().unwrap().len(), 22);
        let end = table.as_object().unwrap().values().filter_map(|entry| entry["data_offsets"][1].as_u64()).max();
        assert_eq!(end, Some((file.len() - 8 - header.len()) as u64));
        assert!(header.len().is_multiple_of(8));
    }
}
