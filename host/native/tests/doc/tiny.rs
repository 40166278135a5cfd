// What the examples in the documentation have in common.

/// A safetensors file with one tensor of two 32-bit floats.
pub fn tiny() -> Vec<u8> {
    let header = br#"{"scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header);
    file.extend([0.5f32, 2.0].iter().flat_map(|value| value.to_le_bytes()));
    file
}

/// The file as a model that is open.
pub fn tiny_model() -> Result<weighbridge::Session, weighbridge::Error> {
    let files = weighbridge::ModelFiles::new().part("tiny.safetensors", tiny());
    weighbridge::Runtime::new()?.open(files)
}
