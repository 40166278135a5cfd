/// A safetensors file with one tensor of two 32-bit floats, for the examples in the documentation.
fn tiny() -> Vec<u8> {
    let header = br#"{"scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend([0.5f32, 2.0].iter().flat_map(|value| value.to_le_bytes()));
    file
}
